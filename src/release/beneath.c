/* SPDX-License-Identifier: MIT */
#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

bool beneath_name_is_valid(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int open_step(int fd, const char *name, bool make)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int next = openat(fd, name, flags);
	struct stat status;

	if (next < 0 && errno == ENOENT && make) {
		if (mkdirat(fd, name, 0777) < 0 && errno != EEXIST)
			return -errno;
		next = openat(fd, name, flags);
	}
	/* The kernel says "not a directory" of a link here. */
	if (next < 0 && errno == ENOTDIR && fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(status.st_mode))
		return -ELOOP;
	return next < 0 ? -errno : next;
}

int beneath_open(int base_fd, const char *path, bool make)
{
	int fd = fcntl(base_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	while (*path) {
		size_t length = strcspn(path, "/");
		char name[NAME_MAX + 1];
		int next = -EINVAL;

		if (length < sizeof(name)) {
			memcpy(name, path, length);
			name[length] = 0;
			if (beneath_name_is_valid(name))
				next = open_step(fd, name, make);
		}
		close(fd);
		if (next < 0)
			return next;
		fd = next;
		path += length + (path[length] == '/');
	}
	return fd;
}

int beneath_open_parent(int base_fd, const char *path, bool make, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t length = slash ? (size_t)(slash - path) : 0;

	*ret_name = slash ? slash + 1 : path;
	if (length >= sizeof(parent) || !beneath_name_is_valid(*ret_name))
		return -EINVAL;
	memcpy(parent, path, length);
	parent[length] = 0;
	return beneath_open(base_fd, parent, make);
}

int beneath_read(int dir_fd, const char *name, size_t most, struct buf *ret)
{
	CLEANUP(cleanup_close) int fd = -1;
	size_t max = ret->max;
	struct stat status;
	int r;

	if (!beneath_name_is_valid(name))
		return -EINVAL;
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_size > 0 && (size_t)status.st_size > most)
		return -EFBIG;
	ret->max = most < max ? most : max;
	r = buf_addfile(ret, fd);
	ret->max = max;
	return r == -E2BIG ? -EFBIG : r;
}

DIR *beneath_list(int dir_fd)
{
	/* another open file: readdir() of a duplicate would move ours, and closedir() close it */
	int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	int error = errno;

	if (!dir && own >= 0)
		close(own);
	errno = error;
	return dir;
}
