/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_PEEK_H
#define BPROF_SYMBOL_PEEK_H

#include <bprof/mem.h>

#include "base.h"

#define PEEK_PAGE_BYTES	  4096U
#define PEEK_AHEAD_BYTES  (4 * PEEK_PAGE_BYTES)
#define PEEK_NR_STRETCHES 6U

/**
 * struct peek - a short-lived window into a target, a few stretches of pages wide
 *
 * Names and table nodes lie close together; reading each one alone would cost a system call each. A
 * call for four pages costs little more than one for a page (2.1 us against 1.8), so a stretch
 * reads ahead.
 * Lives for one capture: what it holds is a snapshot that grows old.
 * Owned by whoever called peek_new(); borrows the mem_reader.
 */
struct peek {
	const struct mem_reader *mem;
	struct peek_stretch {
		uaddr_t start;
		size_t len; /* 0 = empty */
	} stretch[PEEK_NR_STRETCHES];
	size_t next; /* stretch to give up next */
	unsigned char bytes[PEEK_NR_STRETCHES][PEEK_AHEAD_BYTES];
};

struct peek *peek_new(const struct mem_reader *mem);
void peek_free(struct peek *peek);

static inline void cleanup_peek(struct peek **peek)
{
	peek_free(*peek);
}

/* Copy exactly @len bytes, through the window where that helps. Return: 0 or -errno. */
int peek_read(struct peek *peek, void *dst, size_t len, uaddr_t src) MUST_CHECK;

/* The same past the window: what is there now. */
int peek_read_fresh(struct peek *peek, void *dst, size_t len, uaddr_t src) MUST_CHECK;

#endif
