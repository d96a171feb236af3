/* SPDX-License-Identifier: MIT */
/*
 * Many files that appear together. All are written in a folder beside their places; when every one
 * is complete, the folder gets the name of a commit, and from there its files are moved. So a full
 * disk leaves a tree as it was, and what a run that was killed had begun to move is completed by
 * the next one. So is what a power failure ended: a commit has its name only when its files are on
 * the disk.
 *
 * Whoever has such a folder holds a lock on it as long as he lives: one without is of a dead run.
 */
#ifndef BPROF_RELEASE_STAGE_H
#define BPROF_RELEASE_STAGE_H

#include <stdio.h>

#include "base.h"
#include "buf.h"

#define STAGE_MAX_PATH 1024

/* Runs with the user's rights, as beneath.h. All-zero is none. */
struct stage {
	bool is_scratch; /* the tree is thrown away: no power failure matters to it */
	int root_fd;	 /* borrowed */
	int fd;
	char name[64]; /* of the folder in @root_fd that everything is written in */
	int parent_fd; /* of the file that was written last; -1 = none */
	char parent[STAGE_MAX_PATH];
};

/**
 * stage_recover() - puts an end to what dead runs have left in @root_fd
 * @note: called with a sentence for each folder
 *
 * Their commits are completed, what they had not finished is deleted. Only folders are touched that
 * are the user's, have the name of one of ours, and hold nothing but files that we write, below
 * benchmarks/.
 */
void stage_recover(int root_fd, void (*note)(void *arg, const char *sentence), void *arg);

/* 0; -errno with a sentence in @why. */
int stage_open(int root_fd, struct stage *ret, struct buf *why) MUST_CHECK;

/**
 * stage_file() - one file
 * @path:  below the root: "benchmarks/busted/all/README.md"; a path given twice is an error
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

/* Is @name that of a file which the tree of releases has? */
bool stage_knows(const char *name);

#endif
