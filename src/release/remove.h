/* SPDX-License-Identifier: MIT */
/* Deletes folders that we made, and nothing else. */
#ifndef BPROF_RELEASE_REMOVE_H
#define BPROF_RELEASE_REMOVE_H

#include "base.h"
#include "buf.h"

/**
 * struct shape - what a folder of ours may hold
 * @files: names of files, NULL at the end
 * @child: the shape of the folder @name in it, NULL: there is no such folder; may be NULL
 */
struct shape {
	const char *const *files;
	const struct shape *(*child)(const char *name);
};

/**
 * remove_folder() - with everything in it, if all of that is ours
 * @name: in @parent_fd
 *
 * All of it is looked at first: one file, link or folder beyond its shape, or a file system mounted
 * in it, and nothing is removed. Links are never followed. Runs with the user's rights.
 *
 * Return: 0; -ENOENT; -EEXIST: it holds what is not ours, named in @why; -errno with a sentence.
 */
int remove_folder(int parent_fd, const char *name, const struct shape *shape,
		  struct buf *why) MUST_CHECK;

#endif
