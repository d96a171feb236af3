/* SPDX-License-Identifier: MIT */
/* What publish is given: a recording, or a profile.json with the flamegraph.json beside it. */
#ifndef BPROF_PUBLISH_INPUT_H
#define BPROF_PUBLISH_INPUT_H

#include <bprof/profile.h>

#include "buf.h"

#include "release/tree.h"

struct pipeline;
struct profile_read;

struct publish_input {
	const struct profile *profile; /* borrowed from one of the next two */
	struct pipeline *pipeline;
	struct profile_read *read;
	struct buf json, flamegraph;
	struct tree_files files; /* profile NULL: a recording */
	const char *note;	 /* what the user should know; may be NULL */
};

/**
 * publish_input_open() - read it
 * @why: on failure, one sentence
 *
 * Return: 0; -errno. Owns: publish_input_close(), also after a failure.
 */
int publish_input_open(const char *path, struct publish_input *ret, struct buf *why) MUST_CHECK;
void publish_input_close(struct publish_input *input);

#endif
