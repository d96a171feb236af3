/* SPDX-License-Identifier: MIT */
/*
 * Safe files in a directory of a user who may be hostile to root.
 *
 * Invariant: every system call that takes a path runs with the user's file system identity; so
 * whatever trick a link plays, it gains nothing the user could not do alone. On top of that, names
 * are resolved below a held descriptor, without links.
 *
 * Source: openat2(2); path_resolution(7).
 */
#include "output_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAX_TEMPORARY_NAMES 100

static int say(struct buf *why, int error, const char *what, const char *path, const char *remedy)
{
	int r = buf_addf(why, "%s '%s': %s%s%s", what, path, strerror(-error), remedy ? "; " : "",
			 remedy ? remedy : "");

	return r < 0 ? r : error;
}

/* ---- the directory ------------------------------------------------------------------------- */

static const char *remedy_for_directory(int error)
{
	switch (error) {
	case -ELOOP:
		return "a symbolic link is not accepted as output directory (remedy: -o with the "
		       "directory itself)";
	case -ENOTDIR:
		return "a file of that name is in the way (remedy: -o with another directory)";
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return "the user who runs the command must be able to write there (remedy: -o with "
		       "another directory)";
	case -ENOSPC:
	case -EDQUOT:
		return "free some space, or choose another directory with -o";
	default:
		return NULL;
	}
}

/* Without the slashes at the end: after them, O_NOFOLLOW would follow. "/" stays. */
static char *without_trailing_slashes(const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	return strndup(path, length);
}

/* mkdir -p for all but the last component. An error shows when the next step fails. */
static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)!mkdir(path, 0777);
		*slash = '/';
	}
}

static int open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error = errno;
	struct stat status;

	if (fd >= 0)
		return fd;
	/* The kernel says "not a directory" of a link here. */
	if (error == ENOTDIR && lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
		error = ELOOP;
	return -error;
}

static int make_and_open(char *path)
{
	int fd = open_directory(path);
	int r = 0;

	if (fd == -ENOENT) {
		make_parents(path);
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			r = -errno;
		fd = open_directory(path);
		if (fd < 0 && r < 0)
			return r;
	}
	if (fd < 0)
		return fd;
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int output_dir_open(const char *path, const struct identity *identity, struct output_dir *ret,
		    struct buf *why)
{
	CLEANUP(cleanup_free) char *trimmed = without_trailing_slashes(path);
	struct identity_borrowed borrowed;
	int fd, r;

	if (!trimmed)
		return say(why, -ENOMEM, "output directory", path, NULL);
	if (*trimmed == 0)
		return say(why, -EINVAL, "output directory", path, "the name is empty");
	r = identity_borrow(identity, &borrowed);
	if (r < 0)
		return say(why, r, "cannot act as user", identity->name, NULL);
	fd = make_and_open(trimmed);
	identity_return(&borrowed);
	if (fd < 0)
		return say(why, fd, "output directory", path, remedy_for_directory(fd));
	*ret = (struct output_dir){.fd = fd, .path = trimmed, .identity = identity};
	trimmed = NULL;
	return 0;
}

void output_dir_close(struct output_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	free(dir->path);
	*dir = (struct output_dir){.fd = -1};
}

/* ---- files in it --------------------------------------------------------------------------- */

static bool name_is_one_component(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* openat2() refuses what could leave the directory; before Linux 5.6 the checked name must do. */
static int create_below(int dir_fd, const char *name)
{
	const struct open_how how = {
		.flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		.mode = 0666,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));

	/* EPERM: seccomp filters older than the call. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(dir_fd, name, (int)how.flags, (mode_t)how.mode);
	return fd < 0 ? -errno : fd;
}

/* The pid keeps two runs into one directory apart; the number, what a killed run left behind. */
static int create_temporary(struct output_file *file)
{
	int fd = -EEXIST;

	for (unsigned i = 0; fd == -EEXIST && i < MAX_TEMPORARY_NAMES; i++) {
		snprintf(file->temporary, sizeof(file->temporary), ".%s.%d.%u.tmp", file->name,
			 (int)getpid(), i);
		fd = create_below(file->dir->fd, file->temporary);
	}
	return fd;
}

static int say_of_file(const struct output_file *file, int error, struct buf *why)
{
	bool full = error == -ENOSPC || error == -EDQUOT || error == -EFBIG;
	int r = buf_addf(why, "cannot write '%s/%s': %s%s", file->dir->path, file->name,
			 strerror(-error),
			 full ? "; free some space, or choose another directory with -o" : "");

	return r < 0 ? r : error;
}

static void remove_temporary(const struct output_file *file)
{
	struct identity_borrowed borrowed;

	if (identity_borrow(file->dir->identity, &borrowed) < 0)
		return;
	unlinkat(file->dir->fd, file->temporary, 0);
	identity_return(&borrowed);
}

int output_file_begin(struct output_dir *dir, const char *name, struct output_file *ret,
		      struct buf *why)
{
	struct output_file file = {.dir = dir};
	struct identity_borrowed borrowed;
	int fd, r;

	/* Room for the dot, the pid and the number, within what a file name may have. */
	if (!name_is_one_component(name) || strlen(name) > 220)
		return say(why, -EINVAL, "output file", name, "this cannot be the name of a file");
	memcpy(file.name, name, strlen(name) + 1);
	r = identity_borrow(dir->identity, &borrowed);
	if (r < 0)
		return say(why, r, "cannot act as user", dir->identity->name, NULL);
	fd = create_temporary(&file);
	identity_return(&borrowed);
	if (fd < 0)
		return say_of_file(&file, fd, why);
	file.stream = fdopen(fd, "w");
	if (!file.stream) {
		r = -errno;
		close(fd);
		remove_temporary(&file);
		return say_of_file(&file, r, why);
	}
	*ret = file;
	return 0;
}

/* stdio only says that a write failed at some time. A full disk is still full: ask again. */
static int reason_of_failed_write(int fd)
{
	if (write(fd, "", 1) < 0)
		return -errno;
	return -EIO;
}

static int finish_writing(struct output_file *file)
{
	int r = 0;

	errno = 0;
	if (fflush(file->stream) != 0)
		r = errno ? -errno : -EIO;
	else if (ferror(file->stream))
		r = reason_of_failed_write(fileno(file->stream));
	if (fclose(file->stream) != 0 && r == 0)
		r = -errno;
	file->stream = NULL;
	return r;
}

static int give_name(const struct output_file *file)
{
	struct identity_borrowed borrowed;
	int r = identity_borrow(file->dir->identity, &borrowed);

	if (r < 0)
		return r;
	if (renameat(file->dir->fd, file->temporary, file->dir->fd, file->name) < 0)
		r = -errno;
	identity_return(&borrowed);
	return r;
}

int output_file_commit(struct output_file *file, struct buf *why)
{
	int r = finish_writing(file);

	if (r == 0)
		r = give_name(file);
	if (r < 0) {
		remove_temporary(file);
		r = say_of_file(file, r, why);
	}
	*file = (struct output_file){0};
	return r;
}

void output_file_abort(struct output_file *file)
{
	if (!file->dir)
		return;
	if (file->stream)
		fclose(file->stream);
	remove_temporary(file);
	*file = (struct output_file){0};
}

int output_path_split(const char *path, char **ret_dir, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char *dir;

	if (!slash)
		dir = strdup(".");
	else if (slash == path)
		dir = strdup("/");
	else
		dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return -ENOMEM;
	*ret_dir = dir;
	*ret_name = slash ? slash + 1 : path;
	return 0;
}
