/* SPDX-License-Identifier: MIT */
/*
 * Pages of targets, kept for the time of one drain.
 *
 * What one drain asks about lies close together: the constants of many prototypes share their
 * pages. Whole pages are served from here; any other read goes to the target itself, so that
 * whoever looks twice at the same few bytes to see whether they changed does see it.
 *
 * A drain may last, and the target goes on: a page read before a function was compiled says
 * nothing of it.
 */
#ifndef BPROF_SNAPSHOT_H
#define BPROF_SNAPSHOT_H

#include <sys/types.h>

#include <bprof/mem.h>

#include "base.h"

struct snapshot;

int snapshot_new(struct snapshot **ret); /* 0 or -ENOMEM */
void snapshot_free(struct snapshot *s);

/* All pages are old now. */
void snapshot_reset(struct snapshot *s);

/*
 * Memory of @pid as it was at @since_ns (CLOCK_MONOTONIC) or later, through the snapshot; borrows
 * @live; valid until the next call.
 */
const struct mem_reader *snapshot_mem(struct snapshot *s, uint32_t pid, uint64_t since_ns,
				      const struct mem_reader *live);

#endif
