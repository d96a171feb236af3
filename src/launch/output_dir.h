/* SPDX-License-Identifier: MIT */
/*
 * Files for the user, made with the user's rights while we are root: complete or absent, never
 * outside the chosen directory, never through a symbolic link, owned by the user.
 */
#ifndef BPROF_OUTPUT_DIR_H
#define BPROF_OUTPUT_DIR_H

#include <stdio.h>

#include "base.h"
#include "buf.h"
#include "identity.h"

/*
 * Holds the directory by descriptor: renaming or replacing its path afterwards changes nothing.
 * Borrows the identity. Owns the rest.
 */
struct output_dir {
	int fd;
	char *path; /* as the user gave it: for messages */
	const struct identity *identity;
};

/**
 * output_dir_open() - make sure of the directory, and hold it
 * @path: made with its parents where missing. Links in its parents are followed with the user's
 *        rights; the last component must not be one
 * @why:  on failure, one sentence with the remedy
 *
 * Return: 0; -ELOOP: a symbolic link; -ENOTDIR; -EACCES, -EROFS: not the user's to write; -errno.
 */
int output_dir_open(const char *path, const struct identity *identity, struct output_dir *ret,
		    struct buf *why) MUST_CHECK;
void output_dir_close(struct output_dir *dir);

/* A file in the making, under a temporary name in the same directory. */
struct output_file {
	struct output_dir *dir; /* borrowed */
	FILE *stream;		/* to write to; its descriptor is fileno(stream) */
	char name[256];
	char temporary[300];
};

/* @name: one component, no slash. 0; -EINVAL; -errno with a sentence in @why. */
int output_file_begin(struct output_dir *dir, const char *name, struct output_file *ret,
		      struct buf *why) MUST_CHECK;

/*
 * Gives the complete file its name, replacing an older one (a link is replaced, not followed).
 * Fails, and leaves nothing, if any write failed, such as on a full disk. Ends @file either way.
 */
int output_file_commit(struct output_file *file, struct buf *why) MUST_CHECK;

/* Removes what was written. Harmless after a commit, and on an all-zero @file. */
void output_file_abort(struct output_file *file);

/**
 * output_path_split() - directory and name of a file the user gave by path
 * @ret_dir: "." where @path has no slash; to be freed
 * @ret_name: borrowed from @path; may be empty or "..", which output_file_begin() refuses
 */
int output_path_split(const char *path, char **ret_dir, const char **ret_name) MUST_CHECK;

#endif
