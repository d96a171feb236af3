/* SPDX-License-Identifier: MIT */
/*
 * Folders and files below one that is held open. Runs with the user's rights: whoever calls has
 * become the user (identity_become()).
 *
 * Invariant: no path is resolved by the kernel in more than one step, none through a symbolic link,
 * and no step leads up.
 */
#ifndef BPROF_RELEASE_BENEATH_H
#define BPROF_RELEASE_BENEATH_H

#include <dirent.h>

#include "base.h"
#include "buf.h"

/**
 * beneath_open() - the folder @path below @base_fd
 * @path: "a/b"; "" is @base_fd itself
 * @make: make what is missing
 *
 * Return: a descriptor, the caller's; -ENOENT; -ELOOP, -ENOTDIR: a link or a file is in the way;
 *         -EINVAL: a name that is none; -errno.
 */
int beneath_open(int base_fd, const char *path, bool make) MUST_CHECK;

/* The folder that @path is in, as beneath_open(); *ret_name is the rest of it, borrowed. */
int beneath_open_parent(int base_fd, const char *path, bool make, const char **ret_name) MUST_CHECK;

/**
 * beneath_read() - a file of others
 * @most: bytes that are read at most
 *
 * Only a regular file is read, never waited for.
 * Return: 0; -ENOENT; -ELOOP: a link; -EINVAL: no regular file; -EFBIG: larger than @most; -errno.
 */
int beneath_read(int dir_fd, const char *name, size_t most, struct buf *ret) MUST_CHECK;

/* What is in the folder, from the start; @dir_fd stays the caller's. NULL: errno says why. */
DIR *beneath_list(int dir_fd) MUST_CHECK;

/* One name without "/", not "." or "..". */
bool beneath_name_is_valid(const char *name);

#endif
