/* SPDX-License-Identifier: MIT */
/* A comparison read again from its JSON, for whoever prints what another machine has judged. */
#ifndef BPROF_COMPARE_COMPARISON_FILE_H
#define BPROF_COMPARE_COMPARISON_FILE_H

#include <bprof/comparison.h>

#include "buf.h"

/* 10,000 tests take some 7 MB. */
#define COMPARISON_MAX_BYTES ((size_t)16 << 20)

/**
 * comparison_parse() - the text of a comparison.json, schema "bprof-perf/comparison/1"
 * @why: what is wrong with it, without its name and without a word of it
 *
 * The text is foreign, and strict is the only way to read it: each map has the keys of the schema,
 * each once, and no other; numbers are finite and within their ranges; sums are those of the
 * elements. What the schema does not hold is lost: reach and undecided of elements.
 *
 * Owns: *ret belongs to the caller, comparison_free(); its strings live as long.
 * Return: 0; -EBADMSG; -ENOMEM.
 */
int comparison_parse(const char *text, size_t len, struct comparison **ret,
		     struct buf *why) MUST_CHECK;
void comparison_free(struct comparison *comparison);

#endif
