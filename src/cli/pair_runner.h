/* SPDX-License-Identifier: MIT */
/*
 * The half of a comparison that stays root: a process that starts recorders on order, one at a
 * time. The other half reads profiles and judges them, with the user's rights alone.
 */
#ifndef BPROF_PAIR_RUNNER_H
#define BPROF_PAIR_RUNNER_H

#include <bprof/comparison.h>

#include <signal.h>

#include "run.h"

/* What is run for a side, and where. Borrowed until pair_runner_start() returns. */
struct paired_command {
	const char *directory; /* NULL: here */
	char *const *argv;     /* NULL-terminated */
};

struct pair_runner {
	int fd;
	pid_t pid;
};

/**
 * pair_runner_start() - fork the half that starts recorders
 * @log_path: what recorders and commands say goes there, of the latest run only
 *
 * Return: 0; -errno.
 */
int pair_runner_start(const struct session *session, const struct paired_command commands[NR_SIDES],
		      const char *log_path, struct pair_runner *ret) MUST_CHECK;

#define PAIR_RUNNER_SKIPPED_BYTES 32768

/* What is wanted of a run beside its side. */
struct pair_run {
	const char *directory;	    /* for the files of the run; absolute */
	bool counted;		    /* --mode=count: the command runs twice */
	const char *const *skipped; /* spec files that are left out, NULL-terminated; NULL = none */
};

/**
 * pair_runner_run() - one run of a side, into a directory
 * @run: of @run->skipped only as many as PAIR_RUNNER_SKIPPED_BYTES hold are left out
 * @stop: set by a signal handler: ends the run
 *
 * Return: exit status of the recorder; -ECANCELED: stopped; -errno.
 */
int pair_runner_run(struct pair_runner *runner, enum side side, const struct pair_run *run,
		    const volatile sig_atomic_t *stop) MUST_CHECK;

/* Ends what runs. Harmless on { .fd = -1 }. */
void pair_runner_close(struct pair_runner *runner);

#endif
