/* SPDX-License-Identifier: MIT */
/*
 * Files of the branch, as bytes from its objects: cat-file knows no attributes, so no filter runs
 * and nothing is converted, and what goes back to the branch is what was there.
 *
 * Names come from others: they are opened step by step below the directory, never through a link.
 */
#include "publish_commit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "release/beneath.h"

#define QUESTION_MS  60000
#define UNPACK_MS    (10 * 60 * 1000)
#define MOST_FILES   1000000
#define MOST_BYTES   (UINT64_C(4) << 30)
#define MOST_NOTES   20
#define MAX_SENTENCE 4096
#define MAX_HEADER   256
#define BLOCK	     65536

struct unpacking {
	struct git *git;
	const struct branch_notes *notes;
	unsigned nr_notes;
	int root;
	FILE *objects; /* what cat-file printed */
	struct buf *why;
};

static void note(struct unpacking *u, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void note(struct unpacking *u, const char *fmt, ...)
{
	char sentence[MAX_SENTENCE];
	va_list args;

	if (u->nr_notes++ >= MOST_NOTES)
		return;
	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	u->notes->take(u->notes->arg, sentence);
}

/* ---- what there is ------------------------------------------------------------------------- */

/* A line of ls-tree -rlz: "MODE TYPE ID SIZE<tab>PATH<0>". */
struct entry {
	bool is_file;
	char id[GIT_ID_MAX];
	uint64_t size;
	const char *path; /* borrowed */
};

/* The entry at *at, which moves behind it. 0: no more; -EPROTO. */
static int entry_next(const char **at, const char *end, struct entry *ret)
{
	char mode[8], type[16], size[24];

	if (*at >= end)
		return 0;
	ret->path = strchr(*at, '\t');
	if (!ret->path || sscanf(*at, "%7s %15s %64s %23s", mode, type, ret->id, size) != 4)
		return -EPROTO;
	ret->path++;
	ret->is_file = strcmp(type, "blob") == 0 &&
		       (strcmp(mode, "100644") == 0 || strcmp(mode, "100755") == 0);
	ret->size = strtoull(size, NULL, 10);
	*at = ret->path + strlen(ret->path) + 1;
	return 1;
}

/* Sizes of what is foreign, before it is unpacked; and the ids, as cat-file wants them. */
static int ask_for_files(struct unpacking *u, const struct buf *list, const char *path)
{
	const char *at = list->data, *end = at + list->len;
	FILE *ids = fopen(path, "we");
	uint64_t bytes = 0, files = 0;
	struct entry e;
	int r;

	if (!ids)
		return -errno;
	while ((r = entry_next(&at, end, &e)) > 0) {
		if (!e.is_file) {
			note(u, "'%s' on the branch is a link or a submodule: it is not taken over",
			     e.path);
			continue;
		}
		bytes += e.size;
		files++;
		fprintf(ids, "%s\n", e.id);
	}
	if (fclose(ids) == EOF && r == 0)
		r = -errno;
	if (r == 0 && (files > MOST_FILES || bytes > MOST_BYTES))
		r = buf_addf(u->why,
			     "'" BRANCH_FOLDER "' of the branch has %llu files with %llu bytes: no "
			     "history is that large (remedy: --max-artifacts)",
			     (unsigned long long)files, (unsigned long long)bytes) < 0
			    ? -ENOMEM
			    : -EFBIG;
	return r;
}

/* ---- its files ----------------------------------------------------------------------------- */

/* Of the next object, to @out; NULL: nowhere. */
static int copy(struct unpacking *u, uint64_t size, FILE *out)
{
	char block[BLOCK];

	while (size > 0) {
		size_t want = size < sizeof(block) ? (size_t)size : sizeof(block);

		if (fread(block, 1, want, u->objects) != want)
			return -EPROTO;
		if (out && fwrite(block, 1, want, out) != want)
			return errno ? -errno : -EIO;
		size -= want;
	}
	return fgetc(u->objects) == '\n' ? 0 : -EPROTO;
}

/* -EINVAL and the like: a name that cannot be a file here. */
static int create(const struct unpacking *u, const char *path, FILE **ret)
{
	const char *name;
	int dir, fd;

	if (strchr(path, '\n')) /* hash-object reads names by line */
		return -EINVAL;
	dir = beneath_open_parent(u->root, path, true, &name);
	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		fd = -errno;
	close(dir);
	if (fd < 0)
		return fd;
	*ret = fdopen(fd, "w");
	if (*ret)
		return 0;
	close(fd);
	return -ENOMEM;
}

static bool is_of_name(int error)
{
	return error == -EINVAL || error == -EEXIST || error == -ENOTDIR || error == -EISDIR ||
	       error == -ENAMETOOLONG || error == -ELOOP;
}

static int unpack_file(struct unpacking *u, const struct entry *e)
{
	FILE *out = NULL;
	int r = create(u, e->path, &out);

	if (is_of_name(r)) {
		note(u, "'%s' on the branch cannot be a file here: it is not taken over (%s)",
		     e->path, strerror(-r));
		return copy(u, e->size, NULL);
	}
	if (r < 0)
		return r;
	errno = 0;
	r = copy(u, e->size, out);
	if (fclose(out) == EOF && r == 0)
		r = -errno;
	return r;
}

/* "ID blob SIZE\n", as ls-tree said it. */
static int check_header(struct unpacking *u, const struct entry *e)
{
	char header[MAX_HEADER], expected[MAX_HEADER];

	snprintf(expected, sizeof(expected), "%s blob %llu\n", e->id, (unsigned long long)e->size);
	return fgets(header, sizeof(header), u->objects) && strcmp(header, expected) == 0 ? 0
											  : -EPROTO;
}

static int unpack_files(struct unpacking *u, const struct buf *list)
{
	const char *at = list->data, *end = at + list->len;
	struct entry e;
	int r;

	while ((r = entry_next(&at, end, &e)) > 0) {
		if (!e.is_file)
			continue;
		r = check_header(u, &e);
		if (r == 0)
			r = unpack_file(u, &e);
		if (r < 0)
			return r;
	}
	return r;
}

static int read_objects(struct unpacking *u, const struct buf *list)
{
	char ids[PATH_MAX], objects[PATH_MAX];
	struct words words;
	int r = git_scratch_path(u->git, "ids", ids);

	if (r == 0)
		r = git_scratch_path(u->git, "blobs", objects);
	if (r == 0)
		r = ask_for_files(u, list, ids);
	if (r < 0)
		return r;
	words = git_words(u->git, "cat-file");
	words_add(&words, "--batch");
	words_add(&words, "--buffer");
	r = git_run_into(u->git, &words, ids, objects, UNPACK_MS);
	u->objects = r == 0 ? fopen(objects, "re") : NULL;
	if (u->objects) {
		r = unpack_files(u, list);
		fclose(u->objects);
	} else if (r == 0) {
		r = -errno;
	}
	unlink(objects);
	return r;
}

static int list_files(struct git *git, const struct branch *branch, struct buf *why)
{
	struct words words = git_words(git, "ls-tree");
	int r;

	words_add(&words, "-rlz");
	words_add(&words, "--full-tree");
	words_add(&words, branch->tip);
	words_add(&words, BRANCH_FOLDER "/");
	r = git_run(git, &words, NULL, QUESTION_MS);
	return r > 0 ? git_refuse(git, why, -EPROTO, "cannot read the branch '%s'", branch->name)
		     : r;
}

int branch_unpack(struct git *git, const struct branch *branch, const char *directory,
		  const struct branch_notes *notes, struct buf *why)
{
	struct unpacking u = {.git = git, .notes = notes, .why = why};
	struct buf list;
	int r;

	if (mkdir(directory, 0700) < 0)
		return -errno;
	r = *branch->tip ? list_files(git, branch, why) : 1;
	if (r != 0 || git->output.len == 0)
		return r < 0 ? r : 0; /* the branch has no history yet */
	list = git->output;	      /* the next command has one of its own */
	buf_init(&git->output, list.max);
	u.root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = u.root < 0 ? -errno : read_objects(&u, &list);
	if (u.nr_notes > MOST_NOTES) {
		unsigned more = u.nr_notes - MOST_NOTES;

		u.nr_notes = 0;
		note(&u, "and %u more", more);
	}
	if (u.root >= 0)
		close(u.root);
	buf_done(&list);
	if ((r > 0 || r == -EPROTO) && !why->len)
		return git_refuse(git, why, -EPROTO, "cannot unpack the branch '%s'", branch->name);
	return r;
}
