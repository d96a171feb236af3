/* SPDX-License-Identifier: MIT */
/*
 * Manages which files of programs have been looked at.
 *
 * Invariant: a file, by device and inode, is visited at most once in a run: a probe that sits twice
 * in a library would announce each VM twice. A library that cannot be found or read is left out.
 */
#include "libraries.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

#define MAX_DEPTH  8
#define MAX_NEEDED 256 /* of one file */
#define MAX_FILES  4096

struct visited {
	struct file_key {
		uint64_t dev, ino;
	} key;
	UT_hash_handle hh;
};

struct libraries {
	struct visited *files;
};

int libraries_new(struct libraries **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void libraries_free(struct libraries *all)
{
	struct visited *v, *next;

	if (!all)
		return;
	HASH_ITER (hh, all->files, v, next) {
		HASH_DEL(all->files, v);
		free(v);
	}
	free(all);
}

/* 1 the first time, 0 later, -errno. */
static int meet_file(struct libraries *all, int fd)
{
	struct file_key key;
	struct visited *v;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	memset(&key, 0, sizeof(key));
	key.dev = st.st_dev;
	key.ino = st.st_ino;
	HASH_FIND(hh, all->files, &key, sizeof(key), v);
	if (v || HASH_COUNT(all->files) >= MAX_FILES)
		return 0;
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->key = key;
	hash_failed = false;
	HASH_ADD(hh, all->files, key, sizeof(v->key), v);
	if (hash_failed) {
		free(v);
		return -ENOMEM;
	}
	return 1;
}

/* Parts of the C library: in nearly every program, and no VM in any of them. */
static bool is_of_libc(const char *name)
{
	static const char *const prefixes[] = {"libc.so.",    "libm.so.", "libdl.so.",
					       "librt.so.",   "ld-linux", "libpthread.so.",
					       "libgcc_s.so."};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

/* Where the dynamic linker looks for a library that Debian or Ubuntu installed. */
static const char *const system_directories[] = {
#if defined(__x86_64__)
	"/usr/lib/x86_64-linux-gnu",
	"/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
	"/usr/lib/aarch64-linux-gnu",
	"/lib/aarch64-linux-gnu",
#endif
	"/usr/local/lib",
	"/usr/lib64",
	"/usr/lib",
};

struct visit {
	struct libraries *all;
	int root_fd;
	libraries_fn fn;
	void *ctx;
};

/* A file whose libraries are looked for, and what brought it. */
struct loader {
	const struct visit *visit;
	struct elf_image *elf;
	int fd;
	unsigned depth;
	const struct loader *outer;
};

/* What the program would open at @path, which is one of its own. */
static int open_file(const char *path, const struct loader *by)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, by->visit->root_fd, path, &how, sizeof(how));
}

/* Where the file lies for us; false if it has no path. */
static bool path_of(int fd, char *ret, size_t room)
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, ret, room - 1);
	if (len <= 0 || (size_t)len == room - 1 || ret[0] != '/')
		return false;
	ret[len] = '\0';
	return true;
}

/* The directory of the file, for $ORIGIN, as the program names it; false if there is none. */
static bool origin_of(const struct loader *by, char *ret, size_t room)
{
	char root[PATH_MAX];
	size_t len;

	if (!path_of(by->fd, ret, room) || !path_of(by->visit->root_fd, root, sizeof(root)))
		return false;
	len = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(ret, root, len) != 0 || ret[len] != '/')
		return false;
	memmove(ret, ret + len, strlen(ret + len) + 1);
	*strrchr(ret, '/') = '\0';
	return true;
}

/* What comes behind "$ORIGIN" or "${ORIGIN}"; NULL if @directory does not begin with it. */
static const char *behind_origin(const char *directory)
{
	static const char *const names[] = {"$ORIGIN", "${ORIGIN}"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(directory, names[i], len) == 0 &&
		    (directory[len] == '/' || !directory[len]))
			return directory + len;
	}
	return NULL;
}

static int open_in(const char *directory, const char *name, const struct loader *by)
{
	const char *rest = behind_origin(directory);
	char origin[PATH_MAX], path[2 * PATH_MAX];

	if (rest) {
		if (!origin_of(by, origin, sizeof(origin)))
			return -1;
		snprintf(path, sizeof(path), "%s%s/%s", origin, rest, name);
	} else {
		/* other tokens, and the directory the program was started in */
		if (directory[0] != '/' || strchr(directory, '$'))
			return -1;
		snprintf(path, sizeof(path), "%s/%s", directory, name);
	}
	return open_file(path, by);
}

/* In each directory of @list, which @by brings. */
static int open_in_list(const char *list, const char *name, const struct loader *by)
{
	int fd = -1;

	while (list && fd < 0) {
		const char *end = strchrnul(list, ':');
		char directory[PATH_MAX];

		if ((size_t)(end - list) < sizeof(directory)) {
			memcpy(directory, list, (size_t)(end - list));
			directory[end - list] = '\0';
			fd = open_in(directory, name, by);
		}
		list = *end ? end + 1 : NULL;
	}
	return fd;
}

static int open_library(const char *name, const struct loader *by)
{
	const char *runpath = elf_runpath(by->elf);
	int fd = -1;

	if (strchr(name, '/'))
		return name[0] == '/' ? open_file(name, by) : -1;
	if (runpath)
		fd = open_in_list(runpath, name, by);
	for (const struct loader *l = by; l && !runpath && fd < 0; l = l->outer) {
		if (!elf_runpath(l->elf))
			fd = open_in_list(elf_rpath(l->elf), name, l);
	}
	for (size_t i = 0; fd < 0 && i < ARRAY_SIZE(system_directories); i++)
		fd = open_in(system_directories[i], name, by);
	return fd;
}

static int visit_file(const struct visit *v, int fd, const struct loader *outer);

static int visit_needed(const struct visit *v, const struct loader *by)
{
	const char *name;
	int r = 0;

	for (size_t i = 0; r == 0 && i < MAX_NEEDED && (name = elf_needed(by->elf, i)); i++) {
		int fd = is_of_libc(name) ? -1 : open_library(name, by);

		if (fd < 0)
			continue;
		r = visit_file(v, fd, by);
		close(fd);
	}
	return r;
}

static int visit_file(const struct visit *v, int fd, const struct loader *outer)
{
	struct loader loader = {
		.visit = v, .fd = fd, .outer = outer, .depth = outer ? outer->depth + 1 : 0};
	int r = meet_file(v->all, fd);

	if (r <= 0)
		return r == -ENOMEM ? r : 0;
	r = elf_open_fd(fd, &loader.elf);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = v->fn(v->ctx, fd, loader.elf);
	if (r == 0 && loader.depth < MAX_DEPTH)
		r = visit_needed(v, &loader);
	elf_free(loader.elf);
	return r;
}

int libraries_visit(struct libraries *all, int fd, int root_fd, libraries_fn fn, void *ctx)
{
	const struct visit v = {.all = all, .root_fd = root_fd, .fn = fn, .ctx = ctx};

	return visit_file(&v, fd, NULL);
}
