/* SPDX-License-Identifier: MIT */
/*
 * A revision of the user's repository as a tree of its own. git runs as the user; the user's tree,
 * index, stash and branches are not touched: a detached worktree only adds an entry below
 * .git/worktrees, which the keeper of the scratch directory takes away again.
 */
#ifndef BPROF_BASE_TREE_H
#define BPROF_BASE_TREE_H

#include "buf.h"
#include "run.h"

struct base_tree {
	char *git;	  /* path of the program */
	char *repository; /* its top directory */
	char *prefix;	  /* where in it we are: "", "sub/" */
	char *commit;
	const char *asked;    /* what sentences begin with: "--base"; borrowed */
	const char *revision; /* borrowed */
	bool plain;	      /* no filter of git's configuration is applied to its files */
};

/**
 * base_tree_find() - the commit that a revision means
 * @asked: who asks, for sentences: "--base"; borrowed like @revision
 * @why: on failure, one sentence
 *
 * Return: 0; -ENOENT: no git, no repository, no such revision; -ENOMEM; -errno.
 */
int base_tree_find(const struct session *session, const char *asked, const char *revision,
		   struct base_tree *ret, struct buf *why) MUST_CHECK;
void base_tree_done(struct base_tree *tree);

/**
 * base_tree_make() - check it out below @scratch, and run --prepare in it
 * @ret_directory: where the command is to run: the same place in the repository as here; free() it
 *
 * Return: 0; -ENOENT: this place is not in the revision; -EPROTO: git or --prepare failed, with
 *         what they said at the end; -ENOMEM; -errno.
 */
int base_tree_make(const struct session *session, const struct base_tree *tree, const char *scratch,
		   char **ret_directory, struct buf *why) MUST_CHECK;

#endif
