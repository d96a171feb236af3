/* SPDX-License-Identifier: MIT */
/* The verbs run and report. */
#ifndef BPROF_RUN_H
#define BPROF_RUN_H

#include "launch/environ.h"
#include "launch/identity.h"
#include "launch/inheritance.h"
#include "options.h"

/* Who we are and for whom we work; everything is borrowed. */
struct session {
	const struct options *options;
	const struct identity *identity;
	struct environment *environment; /* of the command */
	const struct inheritance *inheritance;
};

/* Both return the exit status of bprof-perf. */
int run_command(const struct session *session);
int report_recording(const struct session *session);

#endif
