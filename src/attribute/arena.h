/* SPDX-License-Identifier: MIT */
/*
 * Memory that lives as long as the attribution: small pieces, and strings kept once each.
 */
#ifndef BPROF_ARENA_H
#define BPROF_ARENA_H

#include "base.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	const char **strings; /* open addressing; a power of two */
	size_t nr_strings, strings_size;
};

void arena_done(struct arena *arena);

/* Zeroed, aligned for any type; NULL = no memory. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* The one copy of these bytes up to the first NUL, terminated; NULL = no memory. */
const char *arena_intern(struct arena *arena, const char *text, size_t len);

/* @array grown so that index @nr is valid; elements of @size bytes. 0 or -ENOMEM. */
int arena_grow(void **array, size_t nr, size_t *room, size_t size) MUST_CHECK;

#endif
