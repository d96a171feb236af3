/* SPDX-License-Identifier: MIT */
#ifndef BPROF_HISTORY_VERB_H
#define BPROF_HISTORY_VERB_H

#include "run.h"

/* history: prints the past releases of a tree. The exit status of bprof-perf. */
int history_command(const struct session *session);

#endif
