/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_PEEK_H
#define BPROF_SYMBOL_PEEK_H

#include <bprof/mem.h>

#include "base.h"

#define PEEK_PAGE_BYTES 4096U
#define PEEK_NR_PAGES	8U

/**
 * struct peek - a short-lived window into a target, a few pages wide
 *
 * Names and table nodes lie close together; reading each one alone would cost a system call each.
 * It does not read ahead: where that pays, the reader below does (src/live/snapshot.c).
 * Lives for one capture: what it holds is a snapshot that grows old.
 * Owned by whoever called peek_new(); borrows the mem_reader.
 */
struct peek {
	const struct mem_reader *mem;
	uaddr_t page[PEEK_NR_PAGES]; /* where it is in the target; 0 = empty */
	size_t next;		     /* page to give up next */
	unsigned char bytes[PEEK_NR_PAGES][PEEK_PAGE_BYTES];
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
