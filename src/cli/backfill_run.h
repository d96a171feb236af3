/* SPDX-License-Identifier: MIT */
/* One tag of a backfill, in processes of their own: its recorder, and what reads and writes. */
#ifndef BPROF_BACKFILL_RUN_H
#define BPROF_BACKFILL_RUN_H

#include "launch/output_dir.h"
#include "run.h"

struct backfill_run {
	const struct session *session;
	const struct release *release;
	const struct output_dir *root; /* of the history */
	struct output_dir *recordings; /* where they are kept; NULL = nowhere */
	const char *directory;	       /* where the command runs */
	const char *scratch;	       /* for the recording, and "log": what the command says */
};

/**
 * backfill_record() - the command under our recorder, as `run` does it
 *
 * In a process group of its own, without a terminal; ended when a signal asks us to.
 * Return: exit status of the recorder; -ECANCELED: stopped; -errno.
 */
int backfill_record(const struct backfill_run *run) MUST_CHECK;

/* Exit statuses of children: none is one by which a program dies. */
enum backfill_verdict {
	BACKFILL_ADDED = 0,
	BACKFILL_NO_TESTS = 64, /* or no command that works */
	BACKFILL_NOT_ADDED,	/* it was said why */
	BACKFILL_THERE,		/* backfill_look(): the tag is in the history */
	BACKFILL_MISSING,	/* it is not */
};

/* Both run with the user's rights alone. Return: the verdict, or -errno. */

/* @status: of the recorder */
int backfill_add(const struct backfill_run *run, int status) MUST_CHECK;
int backfill_look(const struct backfill_run *run) MUST_CHECK;

#endif
