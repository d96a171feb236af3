/* SPDX-License-Identifier: MIT */
/*
 * What is compared, from files: a recording is first made the profile.json that it would have
 * become, so that there is one reader. Everything here runs with the user's rights alone.
 */
#include "compare_verb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "say.h"

#include "output/output.h"
#include "report/pipeline.h"

#define MOST_BYTES ((size_t)256 << 20) /* of a profile.json: 10,000 tests take some 20 MB */
#define MOST_RUNS  1000

static const char *const run_files[] = {"profile.json", "recording.bprof"};

/* ---- one run ------------------------------------------------------------------------------- */

static int refuse(const char *path, const char *sentence)
{
	say_error("'%s': %s", path, sentence);
	return -EBADMSG;
}

static int add_text(struct compare *c, enum side side, const char *path, const char *text,
		    size_t len)
{
	struct buf why;
	int r;

	buf_init(&why, 8192);
	r = compare_add(c, side, text, len, &why);
	if (r < 0)
		say_error("'%s': %s", path, why.len ? why.data : strerror(-r));
	buf_done(&why);
	return r;
}

static int add_profile(struct compare *c, enum side side, const char *path, const struct profile *p)
{
	const struct output_opts opts = {0};
	size_t len = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);
	int r = out ? output_find("json")->write(p, &opts, out) : -ENOMEM;

	if (out && fclose(out) == EOF && r == 0)
		r = -ENOMEM;
	if (r == 0)
		r = add_text(c, side, path, text, len);
	else
		say_error("'%s': %s", path, strerror(-r));
	free(text);
	return r;
}

/* @fd is taken. */
static int add_recording(struct compare *c, enum side side, const char *path, int fd)
{
	struct pipeline *pipeline;
	int r = pipeline_run(fd, &pipeline);

	if (r == -EBADMSG)
		return refuse(path, "it is neither a profile.json nor a recording of bprof-perf");
	if (r == -EPROTO)
		return refuse(path, "this recording is of another version of bprof-perf; its "
				    "profile.json can be compared");
	if (r < 0) {
		say_error("'%s': %s", path, strerror(-r));
		return r;
	}
	r = add_profile(c, side, path, pipeline_profile(pipeline));
	pipeline_free(pipeline);
	return r;
}

/* @fd is taken. */
static int add_json(struct compare *c, enum side side, const char *path, int fd)
{
	struct buf text;
	int r;

	buf_init(&text, MOST_BYTES);
	r = buf_addfile(&text, fd);
	close(fd);
	if (r == -E2BIG)
		r = refuse(path, "it is larger than any profile (256 MiB)");
	else if (r < 0)
		say_error("cannot read '%s': %s", path, strerror(-r));
	else
		r = add_text(c, side, path, text.data ? text.data : "", text.len);
	buf_done(&text);
	return r;
}

/* A recording starts with its magic number; a profile with a brace, perhaps after blanks. */
static bool is_json(int fd)
{
	char head[64];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	ssize_t i = 0;

	while (i < n && strchr(" \t\r\n", head[i]) && head[i])
		i++;
	return n == 0 || (i < n && head[i] == '{');
}

static int add_file(struct compare *c, enum side side, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int error = -errno;

		say_error("cannot open '%s': %s", path, strerror(-error));
		if (fd >= 0)
			close(fd);
		return error;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return refuse(path, "it is no file");
	}
	return is_json(fd) ? add_json(c, side, path, fd) : add_recording(c, side, path, fd);
}

/* ---- many ---------------------------------------------------------------------------------- */

/* The file of the run in the directory "dir/name", or NULL. @name NULL: in @dir. */
static char *run_file(const char *dir, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(run_files); i++) {
		char *path;

		if (asprintf(&path, "%s%s%s/%s", dir, name ? "/" : "", name ? name : "",
			     run_files[i]) < 0)
			return NULL;
		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static int add_entry(struct compare *c, enum side side, const char *dir, const char *name)
{
	CLEANUP(cleanup_free) char *path = run_file(dir, name);

	if (!path || name[0] == '.')
		return 0;
	return add_file(c, side, path) < 0 ? -EBADMSG : 1;
}

static int add_entries(struct compare *c, enum side side, const char *path)
{
	struct dirent **entries;
	int nr = scandir(path, &entries, NULL, versionsort), added = 0, r = 0;

	if (nr < 0) {
		r = -errno;
		say_error("cannot read the directory '%s': %s", path, strerror(-r));
		return r;
	}
	for (int i = 0; i < nr; i++) {
		if (r >= 0 && added < MOST_RUNS)
			r = add_entry(c, side, path, entries[i]->d_name);
		added += r > 0;
		free(entries[i]);
	}
	free(entries);
	if (r < 0)
		return r;
	if (added == 0)
		return refuse(path, "neither it nor a directory in it holds a profile.json or a "
				    "recording.bprof");
	return added;
}

int compare_read(struct compare *c, enum side side, const char *path)
{
	CLEANUP(cleanup_free) char *only = NULL;
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		r = -errno;
		say_error("cannot open '%s': %s", path, strerror(-r));
		return r;
	}
	if (S_ISDIR(st.st_mode)) {
		only = run_file(path, NULL);
		if (!only)
			return add_entries(c, side, path);
	}
	r = add_file(c, side, only ? only : path);
	return r < 0 ? r : 1;
}
