/* SPDX-License-Identifier: MIT */
/*
 * Many files that appear together: all are written beside their places first, and moved there when
 * every one is complete. So a full disk leaves a tree as it was.
 */
#ifndef BPROF_RELEASE_STAGE_H
#define BPROF_RELEASE_STAGE_H

#include <stdio.h>

#include "base.h"
#include "buf.h"

/* Runs with the user's rights, as beneath.h. All-zero is none. */
struct stage {
	int root_fd; /* borrowed */
	int fd;
	char name[64]; /* of the folder in @root_fd that everything is written in */
	char **paths;
	size_t nr, room;
};

/* 0; -errno with a sentence in @why. */
int stage_open(int root_fd, struct stage *ret, struct buf *why) MUST_CHECK;

/**
 * stage_file() - one file
 * @path:  below the root: "busted/all/README.md"; a path given twice is an error
 * @write: called once with a stream; 0 or -errno
 *
 * Return: 0; -errno with a sentence in @why.
 */
int stage_file(struct stage *stage, const char *path, int (*write)(void *arg, FILE *out), void *arg,
	       struct buf *why) MUST_CHECK;

/*
 * Moves every file to its place; a file or a link that is there is replaced. Nothing is moved where
 * a place cannot be made or a folder is in it. Ends the stage either way.
 */
int stage_commit(struct stage *stage, struct buf *why) MUST_CHECK;

/* Removes what was written. Harmless after a commit and on all-zero. */
void stage_abort(struct stage *stage);

#endif
