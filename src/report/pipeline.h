/* SPDX-License-Identifier: MIT */
/*
 * The second half of a run: a recording becomes a profile. Needs no privileges and no target.
 */
#ifndef BPROF_PIPELINE_H
#define BPROF_PIPELINE_H

#include <bprof/profile.h>

struct pipeline;

/* Samples that keep their time; the trace-event output is cut beyond. */
#define PIPELINE_MAX_TIMED 1000000

/**
 * pipeline_run() - read a recording to its end and aggregate it
 * @fd: of the recording, at any position; taken
 *
 * A recording that is cut or broken in the middle gives a profile of what comes before, with
 * profile.complete false.
 *
 * Owns: *ret belongs to the caller, pipeline_free(); it owns the profile.
 * Return: 0; -EBADMSG not a recording; -EPROTO of another version; -ENOMEM; -errno of a read.
 */
int pipeline_run(int fd, struct pipeline **ret);

/** pipeline_problem() - what an error of pipeline_run() is for the user: half a sentence */
const char *pipeline_problem(int err);

void pipeline_free(struct pipeline *p);

const struct profile *pipeline_profile(const struct pipeline *p);

#endif
