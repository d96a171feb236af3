/* SPDX-License-Identifier: MIT */
#ifndef BPROF_BACKFILL_H
#define BPROF_BACKFILL_H

#include "run.h"

/*
 * backfill: old tags become releases of the history, each profiled now in a copy of its own. The
 * exit status of bprof-perf: 0 if every tag that is one is in the history afterwards; 1 if some
 * were left out; EXIT_SETUP if nothing could be done; 128 + n after signal n.
 */
int backfill_command(const struct session *session);

#endif
