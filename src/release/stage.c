/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "beneath.h"
#include "remove.h"

#define MAX_NAMES 100
#define MAX_DEPTH 7 /* benchmarks/busted/tags/TAG/artifacts/RELEASE, and one to spare */
#define TOP	  "benchmarks"
#define PREFIX	  ".bprof-"
#define UNDER_WAY ".tmp"
#define COMMITTED ".commit"

static int say(struct buf *why, int error, const char *what, const char *path)
{
	bool full = error == -ENOSPC || error == -EDQUOT || error == -EFBIG;
	const char *reason = error == -ELOOP ? "a symbolic link is in the way" : strerror(-error);
	int r = buf_addf(why, "cannot %s '%s': %s%s", what, path, reason,
			 full ? "; free some space" : "");

	return r < 0 ? r : error;
}

/* ---- what a stage holds -------------------------------------------------------------------- */

static const char *const files[] = {"README.md",    "flamegraph.json",
				    "profile.json", "summary.json",
				    "timing.json",  "timing.md",
				    "timing.txt",   "timing.png",
				    "timing.svg",   "slowest.dot",
				    "slowest.png",  "slowest.svg",
				    "files.json",   NULL};

bool stage_knows(const char *name)
{
	for (const char *const *file = files; *file; file++)
		if (strcmp(*file, name) == 0)
			return true;
	return false;
}

static const struct shape *any_child(const char *name);

static const char *const no_files[] = {NULL};
static const struct shape folder_shape = {.files = files, .child = any_child};

static const struct shape *any_child(const char *name)
{
	(void)name;
	return &folder_shape;
}

static const struct shape *top_child(const char *name)
{
	return strcmp(name, TOP) == 0 ? &folder_shape : NULL;
}

static const struct shape stage_shape = {.files = no_files, .child = top_child};

/* ---- the folder ---------------------------------------------------------------------------- */

/*
 * Where a file system has no locks, a folder that was just made is ours, and one that was there may
 * be anybody's.
 */
static int lock(int fd, bool fresh)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || (fresh && errno != EWOULDBLOCK))
		return 0;
	return -EEXIST;
}

/*
 * Ours, and ours alone. A run that looks for what dead ones have left may be faster than our lock:
 * then the folder is locked, or gone.
 */
static int own(int root_fd, const char *name, bool fresh)
{
	struct stat there, held;
	int fd = beneath_open(root_fd, name, false);

	if (fd < 0)
		return fd == -ENOENT ? -EEXIST : fd;
	if (lock(fd, fresh) == 0 && fstat(fd, &held) == 0 &&
	    fstatat(root_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    there.st_ino == held.st_ino && there.st_dev == held.st_dev)
		return fd;
	close(fd);
	return -EEXIST;
}

int stage_open(int root_fd, struct stage *ret, struct buf *why)
{
	struct stage stage = {.root_fd = root_fd, .fd = -EEXIST, .parent_fd = -1};

	/* the pid keeps two runs apart; the number, what a killed run left behind */
	for (unsigned i = 0; stage.fd == -EEXIST && i < MAX_NAMES; i++) {
		snprintf(stage.name, sizeof(stage.name), PREFIX "%d.%u" UNDER_WAY, (int)getpid(),
			 i);
		stage.fd = mkdirat(root_fd, stage.name, 0700) < 0 ? -errno
								  : own(root_fd, stage.name, true);
	}
	if (stage.fd < 0)
		return say(why, stage.fd, "make the folder", stage.name);
	*ret = stage;
	return 0;
}

static void let_go(struct stage *stage)
{
	if (stage->parent_fd >= 0)
		close(stage->parent_fd);
	close(stage->fd);
	*stage = (struct stage){.fd = -1, .parent_fd = -1};
}

/* Folders that look() made for files that do not come. What has anything in it stays. */
static void take_back(int from, int to, unsigned depth)
{
	DIR *dir = depth < MAX_DEPTH ? beneath_list(from) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		CLEANUP(cleanup_close) int child_from = -1, child_to = -1;

		if (*name == '.' || (depth == 0 && strcmp(name, TOP) != 0))
			continue;
		child_from = beneath_open(from, name, false);
		child_to = child_from < 0 ? -1 : beneath_open(to, name, false);
		if (child_to < 0)
			continue;
		take_back(child_from, child_to, depth + 1);
		unlinkat(to, name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
}

void stage_abort(struct stage *stage)
{
	struct buf why;

	if (!*stage->name)
		return;
	buf_init(&why, STAGE_MAX_PATH);
	take_back(stage->fd, stage->root_fd, 0);
	/* what stays is removed by the next run */
	(void)!remove_folder(stage->root_fd, stage->name, &stage_shape, &why);
	buf_done(&why);
	let_go(stage);
}

/* ---- one file ------------------------------------------------------------------------------ */

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

/* Files of a folder come one after the other. */
static int hold_parent(struct stage *stage, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;
	int fd;

	if (length >= sizeof(stage->parent))
		return -ENAMETOOLONG;
	if (stage->parent_fd >= 0 && strlen(stage->parent) == length &&
	    memcmp(stage->parent, path, length) == 0) {
		*ret_name = path + length + (slash != NULL);
		return beneath_name_is_valid(*ret_name) ? 0 : -EINVAL;
	}
	fd = beneath_open_parent(stage->fd, path, true, ret_name);
	if (fd < 0)
		return fd;
	if (stage->parent_fd >= 0)
		close(stage->parent_fd);
	stage->parent_fd = fd;
	memcpy(stage->parent, path, length);
	stage->parent[length] = 0;
	return 0;
}

static int create(struct stage *stage, const char *path, FILE **ret)
{
	const char *name;
	int r = hold_parent(stage, path, &name), fd;

	if (r < 0)
		return r;
	if (!stage_knows(name))
		return -EINVAL; /* a stage that could not be recovered */
	fd = openat(stage->parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0666);
	if (fd < 0)
		return -errno;
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
	int r = create(stage, path, &out);

	if (r == 0)
		r = finish(out, write(arg, out));
	return r < 0 ? say(why, r, "write", path) : 0;
}

/* ---- to their places ----------------------------------------------------------------------- */

struct walk {
	bool move; /* else only look, and make the folders */
	struct buf *why;
	char path[STAGE_MAX_PATH];
};

static int walk(struct walk *w, int from, int to, unsigned depth);

static int walk_folder(struct walk *w, int from, int to, const char *name, unsigned depth)
{
	CLEANUP(cleanup_close) int child_from = -1, child_to = -1;
	int r;

	if (depth >= MAX_DEPTH || (depth == 0 && strcmp(name, TOP) != 0))
		return say(w->why, -EINVAL, "write", w->path);
	child_from = beneath_open(from, name, false);
	child_to = child_from < 0 ? child_from : beneath_open(to, name, true);
	if (child_to < 0)
		return say(w->why, child_to, "write", w->path);
	r = walk(w, child_from, child_to, depth + 1);
	if (r == 0 && w->move && unlinkat(from, name, AT_REMOVEDIR) < 0)
		r = say(w->why, -errno, "remove", w->path);
	return r;
}

static int walk_file(struct walk *w, int from, int to, const char *name)
{
	struct stat status;

	if (!stage_knows(name))
		return say(w->why, -EINVAL, "write", w->path);
	if (w->move)
		return renameat(from, name, to, name) < 0 ? say(w->why, -errno, "write", w->path)
							  : 0;
	if (fstatat(to, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode))
		return say(w->why, -EISDIR, "write", w->path);
	return 0;
}

static int walk_entry(struct walk *w, int from, int to, const char *name, unsigned depth)
{
	size_t length = strlen(w->path);
	struct stat status;
	int r;

	if (snprintf(w->path + length, sizeof(w->path) - length, "%s%s", length ? "/" : "", name) >=
	    (int)(sizeof(w->path) - length))
		return -ENAMETOOLONG;
	if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	else if (S_ISDIR(status.st_mode))
		r = walk_folder(w, from, to, name, depth);
	else if (S_ISREG(status.st_mode) && depth > 0)
		r = walk_file(w, from, to, name);
	else
		r = say(w->why, -EINVAL, "write", w->path);
	w->path[length] = 0;
	return r;
}

static int walk(struct walk *w, int from, int to, unsigned depth)
{
	DIR *dir = beneath_list(from);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = walk_entry(w, from, to, entry->d_name, depth);
	closedir(dir);
	return r;
}

static int look(int from, int root_fd, struct buf *why)
{
	struct walk w = {.why = why};

	return walk(&w, from, root_fd, 0);
}

static int move(int from, int root_fd, const char *name, struct buf *why)
{
	struct walk w = {.move = true, .why = why};
	int r = walk(&w, from, root_fd, 0);

	if (r == 0 && unlinkat(root_fd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

/* One call for thousands of files; fsync() of each takes milliseconds. Source: syncfs(2). */
static int reach_disk(const struct stage *stage, struct buf *why)
{
	if (stage->is_scratch || syncfs(stage->fd) == 0)
		return 0;
	return say(why, -errno, "write", stage->name);
}

int stage_commit(struct stage *stage, struct buf *why)
{
	char committed[sizeof(stage->name) + sizeof(COMMITTED)];
	int r = look(stage->fd, stage->root_fd, why);

	if (r == 0)
		r = reach_disk(stage, why);
	snprintf(committed, sizeof(committed), "%.*s" COMMITTED,
		 (int)(strlen(stage->name) - strlen(UNDER_WAY)), stage->name);
	if (r == 0 && renameat(stage->root_fd, stage->name, stage->root_fd, committed) < 0)
		r = say(why, -errno, "rename", stage->name);
	if (r < 0) {
		stage_abort(stage);
		return r;
	}
	r = move(stage->fd, stage->root_fd, committed, why);
	let_go(stage);
	if (r < 0 && buf_addf(why, "; what is missing is in '%s', and the next run completes it",
			      committed) < 0)
		r = -ENOMEM;
	return r;
}

/* ---- what dead runs have left -------------------------------------------------------------- */

struct recovery {
	int root_fd;
	void (*note)(void *arg, const char *sentence);
	void *arg;
};

/* ".bprof-PID.NUMBER" and the suffix. */
static bool is_stage_name(const char *name, bool *ret_committed)
{
	size_t digits;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return false;
	name += strlen(PREFIX);
	digits = strspn(name, "0123456789");
	if (digits == 0 || name[digits] != '.')
		return false;
	name += digits + 1;
	digits = strspn(name, "0123456789");
	*ret_committed = strcmp(name + digits, COMMITTED) == 0;
	return digits > 0 && (*ret_committed || strcmp(name + digits, UNDER_WAY) == 0);
}

static void tell(const struct recovery *recovery, const char *name, int r, bool committed,
		 const struct buf *why)
{
	char sentence[2 * STAGE_MAX_PATH];

	if (r < 0)
		snprintf(sentence, sizeof(sentence),
			 "'%s', which a run that was killed has left, stays: %s", name,
			 why->len ? why->data : strerror(-r));
	else
		snprintf(sentence, sizeof(sentence), "%s a run that was killed ('%s')",
			 committed ? "completed what was begun by" : "deleted what was left by",
			 name);
	recovery->note(recovery->arg, sentence);
}

static void recover(const struct recovery *recovery, const char *name, bool committed)
{
	CLEANUP(cleanup_close) int fd = own(recovery->root_fd, name, false);
	struct stat status;
	struct buf why;
	int r = 0;

	/* a living run has it, or it is somebody else's */
	if (fd < 0 || fstat(fd, &status) < 0 || status.st_uid != geteuid())
		return;
	buf_init(&why, STAGE_MAX_PATH);
	if (committed) {
		r = look(fd, recovery->root_fd, &why);
		if (r == 0)
			r = move(fd, recovery->root_fd, name, &why);
	} else {
		take_back(fd, recovery->root_fd, 0);
		r = remove_folder(recovery->root_fd, name, &stage_shape, &why);
	}
	tell(recovery, name, r, committed, &why);
	buf_done(&why);
}

void stage_recover(int root_fd, void (*note)(void *arg, const char *sentence), void *arg)
{
	struct recovery recovery = {.root_fd = root_fd, .note = note, .arg = arg};
	DIR *dir = beneath_list(root_fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		bool committed;

		if (is_stage_name(entry->d_name, &committed))
			recover(&recovery, entry->d_name, committed);
	}
	if (dir)
		closedir(dir);
}
