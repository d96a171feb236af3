/* SPDX-License-Identifier: MIT */
/*
 * A temporary directory of the user's, with a git worktree in it perhaps, that goes away whatever
 * happens to us: a keeper of its own session removes it when we are gone.
 */
#ifndef BPROF_SCRATCH_H
#define BPROF_SCRATCH_H

#include "buf.h"
#include "run.h"

#define SCRATCH_TREE "tree" /* in the directory: where a worktree is to be */

struct scratch {
	char *path;
	int alive_fd; /* open as long as the directory is needed */
	pid_t keeper;
};

/**
 * scratch_open() - make the directory, and have it kept
 * @git, @repository: to remove the worktree with; both NULL: there will be none
 * @why: on failure, one sentence
 *
 * Processes forked later hold alive_fd too: the keeper waits for them as well.
 * Return: 0; -errno.
 */
int scratch_open(const struct session *session, const char *git, const char *repository,
		 struct scratch *ret, struct buf *why) MUST_CHECK;

/* Waits until all of it is removed. Harmless on { .alive_fd = -1 }. */
void scratch_close(struct scratch *scratch);

/* Removes a directory with everything in it, following no link. 0 or -errno. */
int remove_tree(const char *path);

#endif
