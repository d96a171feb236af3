/* SPDX-License-Identifier: MIT */
/* A comparison in turns, between its setting up (turns_setup.c) and its course (compare_turns.c).
 */
#ifndef BPROF_TURNS_H
#define BPROF_TURNS_H

#include "base_tree.h"
#include "compare_verb.h"
#include "pair_runner.h"
#include "scratch.h"

struct turns {
	const struct session *session;
	struct base_tree tree;
	struct scratch scratch;
	struct pair_runner runner;
	struct compare *compare;
	const struct comparison *comparison;
	char *base_directory; /* NULL: here */
	char *shell[4];	      /* sh -c BASE_COMMAND */
	char *runs;	      /* directory of base/ and head/ */
	char *log;
	char *names[NR_SIDES];
	char *excuse; /* of --excuse-commits, or NULL */
	unsigned nr_pairs;
	bool base_first;
	const char **skipped; /* NULL-terminated: files in which all is decided; NULL = none */
	const char *why_not_counted; /* NULL = it was, or not yet */
};

extern const char *const turns_side_names[NR_SIDES]; /* "base", "head" */

/**
 * turns_set_up() - the scratch directory, the tree of the base, where runs go, the runner
 * @t: its session is set, all else is empty
 *
 * Gives up root on the way. Says itself what goes wrong. Owns: turns_done(), also after a failure.
 * Return: 0; -errno.
 */
int turns_set_up(struct turns *t) MUST_CHECK;
void turns_done(struct turns *t);

#endif
