/* SPDX-License-Identifier: MIT */
/* Where two sides spent their samples, stack by stack: the difference of two flame graphs. */
#ifndef BPROF_COMPARE_STACKS_H
#define BPROF_COMPARE_STACKS_H

#include <stdio.h>

#include <bprof/comparison.h>

#include "buf.h"

struct stacks;

/* 0 or -ENOMEM. Owned: stacks_free(). */
int stacks_new(struct stacks **ret) MUST_CHECK;
void stacks_free(struct stacks *stacks);

/**
 * stacks_add() - one run more of a side
 * @text: of its tracing.folded, a line for each stack: "frame;frame count"; foreign
 * @why:  what is wrong with it, without its name and without a word of it
 *
 * Equal stacks are summed. Return: 0; -EBADMSG; -ENOMEM.
 */
int stacks_add(struct stacks *stacks, enum side side, const char *text, size_t len,
	       struct buf *why) MUST_CHECK;

/**
 * stacks_write() - each stack with its samples in base and in head: "frame;frame 12 34"
 *
 * The format of difffolded.pl, which flamegraph.pl and inferno draw in red and blue; in the order
 * of LC_ALL=C sort. Return: 0; -ENOMEM; -errno of the first failed write. Source:
 * github.com/brendangregg/FlameGraph, difffolded.pl.
 */
int stacks_write(struct stacks *stacks, FILE *out) MUST_CHECK;

/* All of them, summed; borrowed until the next stacks_add(). */
struct compared_stacks stacks_sum(struct stacks *stacks);

#endif
