/* SPDX-License-Identifier: MIT */
/* The verb compare. */
#ifndef BPROF_CLI_COMPARE_H
#define BPROF_CLI_COMPARE_H

#include <stdio.h>

#include "compare/compare.h"
#include "run.h"

/* Returns the exit status of bprof-perf. */
int compare_command(const struct session *session);

/**
 * compare_read() - the run, or the runs, that the user means by a path
 * @path: a profile.json; a recording; the output directory of a run; a directory of such
 *
 * Says what is wrong. Return: the number of runs added, at least 1; -errno.
 */
int compare_read(struct compare *c, enum side side, const char *path);

/* Base and head take turns, as often as it takes. Returns the exit status of bprof-perf. */
int compare_in_turns(const struct session *session);

/* A comparison that was saved as JSON. Returns the exit status of bprof-perf. */
int compare_saved(const struct session *session);

/* To stdout, as --format says. Says what is wrong. 0 or -errno. */
int compare_print(const struct session *session, const struct comparison *comparison) MUST_CHECK;

/* Prints the comparison and says by an exit status what it amounts to. */
int compare_conclude(const struct session *session, struct compare *c,
		     const struct comparison *comparison);

/* The file of --stacks, of two sides that are files. Says what is wrong. 0 or -errno. */
int compare_stacks(const struct session *session) MUST_CHECK;

/* A file, whole or not at all, as @write makes it. 0 or -errno. */
int compare_save_file(const char *path, int (*write)(void *arg, FILE *out), void *arg) MUST_CHECK;

/* The files of --save; @comparison is for the user's eyes, so nothing but the user's rights is had.
 * Says what is wrong. 0 or -errno. */
int compare_save(const struct options *o, const struct comparison *comparison) MUST_CHECK;

#endif
