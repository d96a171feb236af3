/* SPDX-License-Identifier: MIT */
#ifndef BPROF_PUBLISH_H
#define BPROF_PUBLISH_H

#include "run.h"

/* publish: a recording becomes a release on a branch of its own. The exit status of bprof-perf. */
int publish_command(const struct session *session);

#endif
