/* SPDX-License-Identifier: MIT */
/*
 * A recorder as a child of ours, for work of many runs: it leads a process group, has no input,
 * says what it says to a file, and ends with us.
 */
#ifndef BPROF_RECORDER_CHILD_H
#define BPROF_RECORDER_CHILD_H

#include <sys/types.h>

#include "base/base.h"
#include "launch/identity.h"

/*
 * In the child, first of all. @parent: its parent before the fork; @log: made anew with the user's
 * rights, in a directory of the user's. 0 or -1.
 */
int recorder_child_begin(pid_t parent, const struct identity *identity, const char *log) MUST_CHECK;

/* In the parent: ends the whole group, by SIGTERM first. Its status is still to be waited for. */
void recorder_child_end(pid_t pid, int pidfd);

/* Waits for the end. Return: the exit status as a shell says it; -errno. */
int recorder_child_status(pid_t pid);

#endif
