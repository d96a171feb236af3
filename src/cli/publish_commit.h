/* SPDX-License-Identifier: MIT */
/* The branch of releases as git sees it: what is there, the commit after it, and the push. */
#ifndef BPROF_PUBLISH_COMMIT_H
#define BPROF_PUBLISH_COMMIT_H

#include "git.h"

/* Names of commits; "" = there is none. */
struct branch {
	const char *remote, *name; /* "origin", "profiling" */
	const char *main;	   /* NULL = the one that the remote has as its default */
	char *url;
	char tip[GIT_ID_MAX];
	char main_tip[GIT_ID_MAX];
	char new_tip[GIT_ID_MAX]; /* by branch_commit() */
};

/* All return 0; or -errno with a sentence in @why. */

/* The address of the remote. */
int branch_open(struct git *git, const char *remote, const char *name, const char *main,
		struct branch *ret, struct buf *why) MUST_CHECK;
void branch_close(struct branch *branch);

/* What the branch and main are now, with their objects. */
int branch_fetch(struct git *git, struct branch *branch, struct buf *why) MUST_CHECK;

#define BRANCH_FOLDER "benchmarks"

/* Called with a sentence for each thing that is on the branch and not taken over. */
struct branch_notes {
	void (*take)(void *arg, const char *sentence);
	void *arg;
};

/*
 * benchmarks/ of the branch into @directory: the bytes of its regular files, without filters, line
 * ends or encodings of any .gitattributes. Links and names that are none are noted.
 */
int branch_unpack(struct git *git, const struct branch *branch, const char *directory,
		  const struct branch_notes *notes, struct buf *why) MUST_CHECK;

/*
 * A commit on the tip whose benchmarks/ is that of @directory, with main merged into the rest. Only
 * regular files are taken.
 */
int branch_commit(struct git *git, struct branch *branch, const char *directory,
		  const char *message, struct buf *why) MUST_CHECK;

/*
 * A commit on the tip that has main merged into it, and nothing else. 1: there is nothing to do;
 * the branch has all of main, or one of both is missing.
 */
int branch_merge(struct git *git, struct branch *branch, struct buf *why) MUST_CHECK;

/* 0; -EAGAIN: somebody was faster, or the remote refused: branch_fetch() tells. */
int branch_push(struct git *git, const struct branch *branch, struct buf *why) MUST_CHECK;

#endif
