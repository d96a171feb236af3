/* SPDX-License-Identifier: MIT */
/*
 * The command: started as its user, held until we are ready to see its first instruction, waited
 * for.
 *
 * The child stays in our session and process group, so the terminal treats it as if we were not
 * there: Ctrl-C and Ctrl-Z reach it, and it may read from the terminal. Its stdin, stdout and
 * stderr are ours, untouched. It is not tied to our life: if we die after the release, it goes on.
 */
#ifndef BPROF_LAUNCH_H
#define BPROF_LAUNCH_H

#include <sys/resource.h>
#include <sys/types.h>

#include "base.h"
#include "environ.h"
#include "identity.h"
#include "inheritance.h"

/* Everything is borrowed for the call. */
struct launch_options {
	const struct identity *identity;
	const struct environment *environment;
	const struct inheritance *inheritance;
	const char *path;  /* from command_find() */
	char *const *argv; /* NULL-terminated; argv[0] as the user typed it */
};

/* Made by launch_start(). */
struct launch {
	pid_t pid;
	int pidfd;     /* readable when the command has ended: for poll() */
	int gate_fd;   /* ours; -1 once released */
	int status_fd; /* readable when exec succeeded (end of file) or failed */
	bool ended;
	int wait_status;      /* as of wait(2), once ended */
	struct rusage rusage; /* of the command and the children it waited for */
};

/* What went wrong in the child before the command could run. */
enum launch_stage {
	LAUNCH_STAGE_IDENTITY,
	LAUNCH_STAGE_INHERITANCE,
	LAUNCH_STAGE_EXEC,
	NR_LAUNCH_STAGES
};

/**
 * launch_start() - fork; the child waits at the gate, still with our privileges
 *
 * If we die before launch_release(), the child ends without having run anything.
 *
 * Return: 0 or -errno. Owned by the caller: launch_done().
 */
int launch_start(const struct launch_options *options, struct launch *ret) MUST_CHECK;

/* Opens the gate: the child becomes the user and executes the command. */
int launch_release(struct launch *launch) MUST_CHECK;

/**
 * launch_exec_result() - wait until the command runs, or could not be executed
 * @ret_stage: on failure, what the child was doing
 *
 * Blocks; a poll() on status_fd tells when it will not.
 * Return: 0; else -errno of the child's failure, see command_exit_status(). A child killed at this
 *         very moment looks like a success here: launch_wait() tells.
 */
int launch_exec_result(struct launch *launch, enum launch_stage *ret_stage) MUST_CHECK;

/* 1: ended, wait_status and rusage are set; 0: still runs; -errno. Never blocks. */
int launch_wait(struct launch *launch) MUST_CHECK;

/* 0..255 as a shell would say it: n, or 128 + signal. Only after launch_wait() returned 1. */
int launch_exit_status(const struct launch *launch);

/* To the command alone, never to a recycled pid. 0; -ESRCH: it has ended; -errno. */
int launch_signal(struct launch *launch, int number) MUST_CHECK;

/* Before the release: the child goes away without running anything. Later: only our handles. */
void launch_done(struct launch *launch);

/**
 * launch_capture() - run a program as @identity and keep what it prints
 * @argv:       argv[0] is a path; nothing is searched for
 * @output:     stdout and stderr together, cut at the buffer's maximum
 * @timeout_ms: it is killed afterwards
 *
 * For questions such as `lua -v`. stdin is /dev/null.
 * Return: the exit status as launch_exit_status(); -ETIMEDOUT; -errno.
 */
int launch_capture(const struct identity *identity, const struct environment *environment,
		   char *const *argv, struct buf *output, int timeout_ms) MUST_CHECK;

#endif
