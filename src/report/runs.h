/* SPDX-License-Identifier: MIT */
/*
 * The runs of a command that was run several times, of which the recording holds the best: an INFO
 * record of the key RUNS_KEY, in text, because it is written after the fact and read by people.
 */
#ifndef BPROF_RUNS_H
#define BPROF_RUNS_H

#include <bprof/profile.h>

#include "base.h"
#include "buf.h"

#define RUNS_KEY "runs"
#define RUNS_MAX 10000 /* of one series */

/* "10 wall no_better 2", then a line "WALL_NS CPU_NS EXIT_STATUS" for each run. 0, -ENOMEM, -E2BIG.
 */
int runs_write(const struct run_series *series, struct buf *ret) MUST_CHECK;

/*
 * Reads what runs_write() wrote; foreign bytes are possible. @ret->tried is to be freed.
 * 0; -EBADMSG: nothing is in *ret; -ENOMEM.
 */
int runs_read(const char *text, struct run_series *ret) MUST_CHECK;

#endif
