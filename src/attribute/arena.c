/* SPDX-License-Identifier: MIT */
/*
 * Blocks that are freed together, and a set of strings. The names of a suite come again with every
 * --repeat and from every file, so each is kept once.
 */
#include "arena.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>

#define BLOCK_BYTES 65536

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

void arena_done(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
	free(arena->strings);
	*arena = (struct arena){0};
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	struct arena_block *block = arena->blocks;
	size_t size;
	void *piece;

	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!block || block->size - block->used < bytes) {
		size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
		block = calloc(1, sizeof(*block) + size);
		if (!block)
			return NULL;
		block->size = size;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	piece = block->bytes + block->used;
	block->used += bytes;
	return piece;
}

/* FNV-1a: short keys, no adversary who gains more than a slow report. */
static uint64_t hash_bytes(const char *text, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ULL;
	return hash ^ hash >> 32;
}

static const char **find_string(const char **strings, size_t size, const char *text, size_t len)
{
	size_t at = hash_bytes(text, len) & (size - 1);

	while (strings[at] && (strncmp(strings[at], text, len) != 0 || strings[at][len]))
		at = (at + 1) & (size - 1);
	return &strings[at];
}

static int grow_strings(struct arena *arena)
{
	size_t size = arena->strings_size ? arena->strings_size * 2 : 256;
	const char **strings = calloc(size, sizeof(*strings));

	if (!strings)
		return -ENOMEM;
	for (size_t i = 0; i < arena->strings_size; i++) {
		const char *text = arena->strings[i];

		if (text)
			*find_string(strings, size, text, strlen(text)) = text;
	}
	free(arena->strings);
	arena->strings = strings;
	arena->strings_size = size;
	return 0;
}

const char *arena_intern(struct arena *arena, const char *text, size_t len)
{
	const char **place;
	char *copy;

	len = len ? strnlen(text, len) : 0;
	if (arena->nr_strings * 2 >= arena->strings_size && grow_strings(arena) < 0)
		return NULL;
	place = find_string(arena->strings, arena->strings_size, text ? text : "", len);
	if (*place)
		return *place;
	copy = arena_alloc(arena, len + 1);
	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, text, len);
	*place = copy;
	arena->nr_strings++;
	return copy;
}

int arena_grow(void **array, size_t nr, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *grown;

	if (nr < *room)
		return 0;
	grown = reallocarray(*array, more, size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = more;
	return 0;
}
