/* SPDX-License-Identifier: MIT */
/*
 * Deletion in two passes over a held folder: the first only looks. What changes between them is met
 * by the second with the same rules: it unlinks names of the shape in folders it opened itself, so
 * it cannot reach another folder, whatever takes the place of what was seen.
 */
#include "remove.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "beneath.h"

#define MAX_DEPTH 8

struct removal {
	dev_t device;
	bool really; /* the second pass */
	struct buf *why;
};

static bool is_file_of(const struct shape *shape, const char *name)
{
	for (const char *const *file = shape->files; *file; file++)
		if (strcmp(*file, name) == 0)
			return true;
	return false;
}

static int refuse(struct removal *removal, const char *name, const char *what)
{
	int r = buf_addf(removal->why, "it holds '%s', %s", name, what);

	return r < 0 ? r : -EEXIST;
}

static int pass(struct removal *removal, int fd, const struct shape *shape, unsigned depth);

static int pass_folder(struct removal *removal, int fd, const char *name, const struct shape *shape,
		       unsigned depth)
{
	struct stat status;
	int child = beneath_open(fd, name, false);
	int r = 0;

	if (child < 0)
		return child;
	if (fstat(child, &status) < 0)
		r = -errno;
	else if (status.st_dev != removal->device)
		r = refuse(removal, name, "another file system");
	else
		r = pass(removal, child, shape, depth);
	close(child);
	if (r == 0 && removal->really && unlinkat(fd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

static int pass_entry(struct removal *removal, int fd, const char *name, const struct shape *shape,
		      unsigned depth)
{
	const struct shape *child = shape->child ? shape->child(name) : NULL;
	struct stat status;

	if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(status.st_mode) && child && depth < MAX_DEPTH)
		return pass_folder(removal, fd, name, child, depth + 1);
	if (!S_ISREG(status.st_mode) || !is_file_of(shape, name))
		return refuse(removal, name, "which is not ours");
	if (removal->really && unlinkat(fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int pass(struct removal *removal, int fd, const struct shape *shape, unsigned depth)
{
	DIR *dir = beneath_list(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	errno = 0;
	while (r == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = pass_entry(removal, fd, entry->d_name, shape, depth);
	}
	closedir(dir);
	return r;
}

int remove_folder(int parent_fd, const char *name, const struct shape *shape, struct buf *why)
{
	struct removal removal = {.why = why};
	struct stat status;
	int r;

	if (!beneath_name_is_valid(name))
		return -EINVAL;
	if (fstat(parent_fd, &status) < 0)
		return -errno;
	removal.device = status.st_dev;
	r = pass_folder(&removal, parent_fd, name, shape, 0);
	removal.really = true;
	if (r == 0)
		r = pass_folder(&removal, parent_fd, name, shape, 0);
	if (r < 0 && r != -EEXIST && r != -ENOENT && buf_addstr(why, strerror(-r)) < 0)
		r = -ENOMEM;
	return r;
}
