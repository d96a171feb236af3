/* SPDX-License-Identifier: MIT */
/*
 * compare --stacks: the folded stacks of both sides as one file, or as a picture. They are beside
 * the profile.json of a run, or come from its recording.
 */
#include "compare_verb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "say.h"
#include "take.h"

#include "compare/stacks.h"
#include "output/output.h"
#include "output/stack_difference.h"
#include "report/pipeline.h"

#define MOST_BYTES ((size_t)256 << 20) /* of a tracing.folded */
#define FOLDED	   "tracing.folded"
#define PICTURE	   ".svg"

struct adding {
	struct stacks *stacks;
	enum side side;
};

struct writing {
	struct stacks *stacks;
	const char *const *names;
};

static int add_text(const struct adding *a, const char *path, const char *text, size_t len)
{
	struct buf why;
	int r;

	buf_init(&why, 4096);
	r = stacks_add(a->stacks, a->side, text, len, &why);
	if (r < 0)
		say_error("'%s': %s", path, why.len ? why.data : strerror(-r));
	buf_done(&why);
	return r;
}

/* @fd is taken. */
static int add_folded(const struct adding *a, const char *path, int fd)
{
	struct buf text;
	int r;

	buf_init(&text, MOST_BYTES);
	r = buf_addfile(&text, fd);
	close(fd);
	if (r < 0)
		say_error("cannot read '%s': %s", path, strerror(-r));
	else
		r = add_text(a, path, text.data ? text.data : "", text.len);
	buf_done(&text);
	return r;
}

/* @fd is taken. */
static int add_recording(const struct adding *a, const char *path, int fd)
{
	const struct output_opts opts = {0};
	struct pipeline *pipeline;
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int r = pipeline_run(fd, &pipeline);

	if (r < 0) {
		say_error("'%s': %s", path, pipeline_problem(r));
		return r;
	}
	out = open_memstream(&text, &len);
	r = out ? output_find("folded")->write(pipeline_profile(pipeline), &opts, out) : -ENOMEM;
	if (out && fclose(out) == EOF && r == 0)
		r = -ENOMEM;
	pipeline_free(pipeline);
	if (r < 0)
		say_error("'%s': %s", path, strerror(-r));
	else
		r = add_text(a, path, text, len);
	free(text);
	return r;
}

/* 1: it was added; 0: there is no such file; -errno, said. */
static int add_if_there(const struct adding *a, const char *path,
			int (*add)(const struct adding *a, const char *path, int fd))
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		r = fd < 0 ? -errno : -EINVAL;
		say_error("cannot read '%s': %s", path, strerror(-r));
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = add(a, path, fd);
	return r < 0 ? r : 1;
}

/* The run in a directory; as add_if_there(). */
static int add_run(const struct adding *a, const char *directory)
{
	CLEANUP(cleanup_free) char *folded = NULL;
	CLEANUP(cleanup_free) char *recording = NULL;
	int r;

	if (asprintf(&folded, "%s/" FOLDED, directory) < 0 ||
	    asprintf(&recording, "%s/" RECORDING_NAME, directory) < 0)
		return -ENOMEM;
	r = add_if_there(a, folded, add_folded);
	return r == 0 ? add_if_there(a, recording, add_recording) : r;
}

static int add_runs(const struct adding *a, const char *directory)
{
	struct dirent **entries;
	int nr = scandir(directory, &entries, NULL, versionsort), added = 0, r = 0;

	for (int i = 0; i < nr; i++) {
		CLEANUP(cleanup_free) char *path = NULL;

		if (r >= 0 && entries[i]->d_name[0] != '.') {
			r = asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0
				    ? -ENOMEM
				    : add_run(a, path);
			added += r > 0;
		}
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
	return r < 0 ? r : added;
}

static int add_path(const struct adding *a, const char *path)
{
	CLEANUP(cleanup_free) char *copy = strdup(path);
	struct stat st;
	int r;

	if (!copy || stat(path, &st) < 0)
		return copy ? -errno : -ENOMEM;
	if (S_ISDIR(st.st_mode)) {
		r = add_run(a, path);
		return r == 0 ? add_runs(a, path) : r;
	}
	if (strcmp(basename(copy), "profile.json") != 0)
		return add_if_there(a, path, add_recording);
	strcpy(copy, path); /* both functions change it */
	return add_run(a, dirname(copy));
}

static int write_text(void *arg, FILE *out)
{
	const struct writing *writing = arg;

	return stacks_write(writing->stacks, out);
}

static int write_picture(void *arg, FILE *out)
{
	const struct writing *writing = arg;
	const struct compared_stacks sum = stacks_sum(writing->stacks);

	return stack_difference_svg(&sum, writing->names, out);
}

static bool is_picture(const char *path)
{
	size_t length = strlen(path);

	return length > strlen(PICTURE) && strcmp(path + length - strlen(PICTURE), PICTURE) == 0;
}

static int write_file(const struct options *o, struct stacks *stacks)
{
	struct writing writing = {.stacks = stacks, .names = o->compared};
	int r = compare_save_file(o->stacks, is_picture(o->stacks) ? write_picture : write_text,
				  &writing);

	if (r < 0)
		say_error("cannot write '%s': %s", o->stacks, strerror(-r));
	return r;
}

int compare_stacks(const struct session *session)
{
	const struct options *o = session->options;
	struct adding adding = {0};
	int r = stacks_new(&adding.stacks);

	for (int side = 0; r >= 0 && side < NR_SIDES; side++) {
		adding.side = (enum side)side;
		r = add_path(&adding, o->compared[side]);
		if (r == 0) {
			say_error("'%s' has no stacks: neither " FOLDED " nor " RECORDING_NAME
				  " is there",
				  o->compared[side]);
			r = -ENOENT;
		}
	}
	if (r >= 0)
		r = write_file(o, adding.stacks);
	stacks_free(adding.stacks);
	return r < 0 ? r : 0;
}
