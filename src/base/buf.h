/* SPDX-License-Identifier: MIT */
#ifndef BPROF_BUF_H
#define BPROF_BUF_H

#include "base.h"

/**
 * struct buf - growable bytes with a mandatory maximum
 *
 * Invariants: len <= size <= max; data[len] is 0 whenever data is not NULL. After a failed addition
 * the buffer is unchanged. Owned by whoever initialised it; buf_done() is idempotent.
 */
struct buf {
	char *data;
	size_t len, size, max;
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
void buf_reset(struct buf *b); /* empties, keeps the memory */

/* 0, -ENOMEM, or -E2BIG beyond the maximum. */
int buf_add(struct buf *b, const void *data, size_t len) MUST_CHECK;
int buf_addstr(struct buf *b, const char *s) MUST_CHECK;
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
int buf_addfile(struct buf *b, int fd) MUST_CHECK;     /* to its end; or -errno of a read */
int buf_addzero(struct buf *b, size_t len) MUST_CHECK; /* @len zero bytes */

#endif
