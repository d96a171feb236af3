/* SPDX-License-Identifier: MIT */
/*
 * A part of a run as a profile of its own: what some of its tests cost, and nothing else. So one
 * test, file or tag goes through the same outputs as the whole run.
 */
#ifndef BPROF_PART_H
#define BPROF_PART_H

#include <bprof/profile.h>

#include "base.h"

struct parts; /* of one profile: which samples, stacks and spans belong to which test */
struct part;

/* Borrows @p. 0 or -errno. */
int parts_new(const struct profile *p, struct parts **ret) MUST_CHECK;
void parts_free(struct parts *parts);

/**
 * part_make() - the profile of some tests
 * @tests: their indexes, ascending, each once
 * @what:  what they are: "tag fast"; becomes profile.part, borrowed
 *
 * Times, meters and samples are the sums of the tests with their fixtures; what only a whole run
 * has (other phases, loading of files, losses by reason) is PROFILE_UNKNOWN. What describes the run
 * (machine, event, runtimes, counters) stays.
 * Cost: proportional to the part, not to the run.
 *
 * Owns: *ret belongs to the caller, part_free(); borrows @parts and its profile.
 * Return: 0 or -ENOMEM.
 */
int part_make(struct parts *parts, const uint32_t *tests, size_t nr, const char *what,
	      struct part **ret) MUST_CHECK;
const struct profile *part_profile(const struct part *part);
void part_free(struct part *part);

#endif
