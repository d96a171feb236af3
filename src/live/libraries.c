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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
static int open_library(const char *name)
{
	static const char *const directories[] = {
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
	char path[512];

	if (strchr(name, '/'))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s", directories[i], name);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

struct visit {
	struct libraries *all;
	libraries_fn fn;
	void *ctx;
};

static int visit_file(const struct visit *v, int fd, unsigned depth);

static int visit_needed(const struct visit *v, struct elf_image *elf, unsigned depth)
{
	const char *name;
	int r = 0;

	for (size_t i = 0; r == 0 && i < MAX_NEEDED && (name = elf_needed(elf, i)); i++) {
		int fd = is_of_libc(name) ? -1 : open_library(name);

		if (fd < 0)
			continue;
		r = visit_file(v, fd, depth + 1);
		close(fd);
	}
	return r;
}

static int visit_file(const struct visit *v, int fd, unsigned depth)
{
	struct elf_image *elf;
	int r = meet_file(v->all, fd);

	if (r <= 0)
		return r == -ENOMEM ? r : 0;
	r = elf_open_fd(fd, &elf);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = v->fn(v->ctx, fd, elf);
	if (r == 0 && depth < MAX_DEPTH)
		r = visit_needed(v, elf, depth);
	elf_free(elf);
	return r;
}

int libraries_visit(struct libraries *all, int fd, libraries_fn fn, void *ctx)
{
	const struct visit v = {.all = all, .fn = fn, .ctx = ctx};

	return visit_file(&v, fd, 0);
}
