/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "beneath.h"

#define MAX_NAMES 100

static int say(struct buf *why, int error, const char *what, const char *path)
{
	bool full = error == -ENOSPC || error == -EDQUOT || error == -EFBIG;
	const char *reason = error == -ELOOP ? "a symbolic link is in the way" : strerror(-error);
	int r = buf_addf(why, "cannot %s '%s': %s%s", what, path, reason,
			 full ? "; free some space" : "");

	return r < 0 ? r : error;
}

int stage_open(int root_fd, struct stage *ret, struct buf *why)
{
	struct stage stage = {.root_fd = root_fd, .fd = -1};
	int r = -EEXIST;

	/* the pid keeps two runs apart; the number, what a killed run left behind */
	for (unsigned i = 0; r == -EEXIST && i < MAX_NAMES; i++) {
		snprintf(stage.name, sizeof(stage.name), ".bprof-%d.%u.tmp", (int)getpid(), i);
		r = mkdirat(root_fd, stage.name, 0700) < 0 ? -errno : 0;
	}
	if (r == 0)
		stage.fd = beneath_open(root_fd, stage.name, false);
	if (r == 0 && stage.fd < 0)
		r = stage.fd;
	if (r < 0)
		return say(why, r, "make the folder", stage.name);
	*ret = stage;
	return 0;
}

/* ---- one file ------------------------------------------------------------------------------ */

static int keep_path(struct stage *stage, const char *path)
{
	if (stage->nr == stage->room) {
		size_t room = stage->room ? stage->room * 2 : 64;
		char **paths = reallocarray(stage->paths, room, sizeof(*paths));

		if (!paths)
			return -ENOMEM;
		stage->paths = paths;
		stage->room = room;
	}
	stage->paths[stage->nr] = strdup(path);
	if (!stage->paths[stage->nr])
		return -ENOMEM;
	stage->nr++;
	return 0;
}

/* stdio only says that a write failed at some time. A full disk is still full: ask again. */
static int finish(FILE *out, int r)
{
	errno = 0;
	if (fflush(out) != 0 && r == 0)
		r = errno ? -errno : -EIO;
	if (ferror(out) && r == 0)
		r = write(fileno(out), "", 1) < 0 ? -errno : -EIO;
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	return r;
}

static int create(struct stage *stage, const char *path, FILE **ret)
{
	const char *name;
	int dir = beneath_open_parent(stage->fd, path, true, &name), fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		fd = -errno;
	close(dir);
	if (fd < 0)
		return fd;
	*ret = fdopen(fd, "w");
	if (!*ret) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

int stage_file(struct stage *stage, const char *path, int (*write)(void *arg, FILE *out), void *arg,
	       struct buf *why)
{
	FILE *out = NULL;
	int r = keep_path(stage, path);

	if (r == 0)
		r = create(stage, path, &out);
	if (r == 0)
		r = finish(out, write(arg, out));
	return r < 0 ? say(why, r, "write", path) : 0;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Makes sure of the place of a file, before anything is moved. */
static int check_place(const struct stage *stage, const char *path)
{
	struct stat status;
	const char *name;
	int dir = beneath_open_parent(stage->root_fd, path, true, &name), r = 0;

	if (dir < 0)
		return dir;
	if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode))
		r = -EISDIR;
	close(dir);
	return r;
}

static int move(const struct stage *stage, const char *path)
{
	const char *name;
	CLEANUP(cleanup_close) int from = beneath_open_parent(stage->fd, path, false, &name);
	CLEANUP(cleanup_close) int to = -1;

	if (from < 0)
		return from;
	to = beneath_open_parent(stage->root_fd, path, false, &name);
	if (to < 0)
		return to;
	return renameat(from, name, to, name) < 0 ? -errno : 0;
}

/* The folders of @path, the innermost first; those that are not empty stay. */
static void remove_folders(const struct stage *stage, char *path)
{
	char *slash;

	while ((slash = strrchr(path, '/'))) {
		const char *name;
		int dir;

		*slash = 0;
		dir = beneath_open_parent(stage->fd, path, false, &name);
		if (dir < 0)
			continue;
		(void)unlinkat(dir, name, AT_REMOVEDIR);
		close(dir);
	}
}

void stage_abort(struct stage *stage)
{
	for (size_t i = 0; i < stage->nr; i++) {
		const char *name;
		int dir = beneath_open_parent(stage->fd, stage->paths[i], false, &name);

		if (dir >= 0) {
			(void)unlinkat(dir, name, 0);
			close(dir);
		}
	}
	for (size_t i = stage->nr; i > 0; i--) {
		remove_folders(stage, stage->paths[i - 1]);
		free(stage->paths[i - 1]);
	}
	free(stage->paths);
	if (*stage->name) {
		(void)unlinkat(stage->root_fd, stage->name, AT_REMOVEDIR);
		close(stage->fd);
	}
	*stage = (struct stage){.fd = -1};
}

int stage_commit(struct stage *stage, struct buf *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < stage->nr; i++) {
		r = check_place(stage, stage->paths[i]);
		if (r < 0)
			r = say(why, r, "write", stage->paths[i]);
	}
	for (size_t i = 0; r == 0 && i < stage->nr; i++) {
		r = move(stage, stage->paths[i]);
		if (r < 0)
			r = say(why, r, "write", stage->paths[i]);
	}
	stage_abort(stage);
	return r;
}
