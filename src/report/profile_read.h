/* SPDX-License-Identifier: MIT */
/*
 * A profile.json as a profile again, as far as it goes: the run, its tests and its functions. It
 * has no stacks and no samples in time, so no flame graph and nothing of a single test can be made
 * of it.
 */
#ifndef BPROF_PROFILE_READ_H
#define BPROF_PROFILE_READ_H

#include <bprof/profile.h>

#include "base.h"
#include "buf.h"

struct profile_read;

/**
 * profile_read() - read a whole document
 * @text: foreign
 * @why:  one sentence where it is at fault
 *
 * Strict: the schema, the start, and of each test its id, name and status have to be there and
 * valid. What else is missing or null is PROFILE_UNKNOWN or NULL.
 * Return: 0; -EBADMSG; -ENOMEM. Owns: profile_read_free().
 */
int profile_read(const char *text, size_t len, struct profile_read **ret,
		 struct buf *why) MUST_CHECK;
void profile_read_free(struct profile_read *read);

/* Borrowed. */
const struct profile *profile_read_profile(const struct profile_read *read);

#endif
