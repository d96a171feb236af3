/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_WRITER_H
#define BPROF_OUTPUT_WRITER_H

#include <stdio.h>

#include "base.h"
#include "buf.h"

/**
 * struct writer - buffered bytes on their way into a stream
 *
 * The first failure is kept and everything after it is dropped, so that a format is written without
 * a check behind every word. writer_finish() tells.
 */
struct writer {
	FILE *out; /* borrowed */
	struct buf pending;
	int error; /* 0, or -errno of the first failure */
};

void writer_init(struct writer *w, FILE *out);
void writer_add(struct writer *w, const void *data, size_t len);
void writer_addstr(struct writer *w, const char *s);
void writer_addf(struct writer *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Notes a failure that happened on the way to the writer; 0 and later failures change nothing. */
void writer_fail(struct writer *w, int error);

/* Writes what is pending, frees, and returns 0 or the first failure. Call it once. */
int writer_finish(struct writer *w) MUST_CHECK;

#endif
