/* SPDX-License-Identifier: MIT */
/*
 * A folder like all/ for each tag. A tag whose name is no name of a folder, or is that of another
 * tag but for the case of letters, has some digits of its id behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uuid/uuid.h>

#include "history/history.h"
#include "beneath.h"
#include "tree_private.h"
#include "remove.h"
#include "tag_pattern.h"
#include "report/part.h"

#define ID_DIGITS 8

static const uuid_t tag_namespace = {0x60, 0x2e, 0x98, 0x4d, 0x0b, 0x7a, 0x5f, 0x31,
				     0x9c, 0x05, 0xe8, 0x13, 0xb6, 0x42, 0xd7, 0x2a};

struct tags {
	const char **names; /* sorted, each once; borrowed from the profile */
	size_t nr, room;
};

static bool has_tag(const struct test *t, const char *tag)
{
	for (size_t i = 0; i < t->nr_tags; i++)
		if (strcmp(t->tags[i], tag) == 0)
			return true;
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int tags_find(const struct profile *p, struct tags *ret)
{
	size_t nr = 0, kept = 0;

	for (size_t i = 0; i < p->nr_tests; i++)
		nr += p->tests[i].nr_tags;
	ret->names = calloc(nr + 1, sizeof(char *));
	ret->nr = 0;
	if (!ret->names)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_tests; i++)
		for (size_t k = 0; k < p->tests[i].nr_tags; k++)
			ret->names[ret->nr++] = p->tests[i].tags[k];
	qsort(ret->names, ret->nr, sizeof(char *), compare_names);
	for (size_t i = 0; i < ret->nr; i++)
		if (i == 0 || strcmp(ret->names[i], ret->names[kept - 1]) != 0)
			ret->names[kept++] = ret->names[i];
	ret->nr = kept;
	return 0;
}

static bool is_ambiguous(const struct tags *tags, const char *tag)
{
	for (size_t i = 0; i < tags->nr; i++)
		if (strcasecmp(tags->names[i], tag) == 0 && strcmp(tags->names[i], tag) != 0)
			return true;
	return false;
}

static void tag_folder(const struct tags *tags, const char *tag, char ret[FOLDER_MAX_TEXT])
{
	char safe[FOLDER_MAX_TEXT], text[37];
	uuid_t id;

	history_safe_name("", tag, safe);
	if (strcmp(safe, tag) == 0 && !is_ambiguous(tags, tag)) {
		memcpy(ret, safe, sizeof(safe));
		return;
	}
	uuid_generate_md5(id, tag_namespace, tag, strlen(tag));
	uuid_unparse_lower(id, text);
	snprintf(ret, FOLDER_MAX_TEXT, "%.*s-%.*s", FOLDER_MAX_TEXT - ID_DIGITS - 2, safe,
		 ID_DIGITS, text);
}

static bool is_allowed(const struct tree_opts *opts, const char *tag)
{
	const char **pattern = opts->allowed_tags;

	if (!pattern)
		return true;
	for (; *pattern; pattern++)
		if (tag_pattern_matches(*pattern, tag))
			return true;
	return false;
}

static int write_tag(struct tree *t, const char *folder, struct parts *parts, const char *tag)
{
	const struct profile *p = t->request->profile;
	CLEANUP(cleanup_free) uint32_t *tests = calloc(p->nr_tests + 1, sizeof(*tests));
	char what[MAX_PATH_TEXT], title[MAX_PATH_TEXT];
	struct part *part;
	size_t nr = 0;
	int r;

	if (!tests)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_tests; i++)
		if (has_tag(&p->tests[i], tag))
			tests[nr++] = (uint32_t)i;
	snprintf(what, sizeof(what), "tag %s", tag);
	snprintf(title, sizeof(title), "tests with the tag %s", tag);
	r = part_make(parts, tests, nr, what, &part);
	if (r < 0)
		return r;
	r = scope_write(t, folder, title, part_profile(part), NULL, NULL);
	part_free(part);
	return r;
}

int tags_write(struct tree *t, const char *base, struct parts *parts)
{
	struct tags tags;
	int r = tags_find(t->request->profile, &tags);

	for (size_t i = 0; r == 0 && i < tags.nr; i++) {
		char name[FOLDER_MAX_TEXT], folder[MAX_PATH_TEXT];

		if (!is_allowed(t->request->opts, tags.names[i]))
			continue;
		tag_folder(&tags, tags.names[i], name);
		snprintf(folder, sizeof(folder), "%s/tags/%s", base, name);
		r = write_tag(t, folder, parts, tags.names[i]);
	}
	free(tags.names);
	return r;
}

/* ---- what is gone -------------------------------------------------------------------------- */

extern const struct shape artifact_shape;

static const struct shape *artifact_child(const char *name)
{
	struct history_folder folder;

	return history_folder_parse(name, &folder) == 0 ? &artifact_shape : NULL;
}

static const char *const no_files[] = {NULL};
static const struct shape artifacts_shape = {.files = no_files, .child = artifact_child};

static const struct shape *tag_child(const char *name)
{
	return strcmp(name, "artifacts") == 0 ? &artifacts_shape : NULL;
}

static const char *const tag_files[] = {
	"README.md",  "profile.json", "flamegraph.json", "files.json",	"timing.json", "timing.md",
	"timing.txt", "timing.png",   "timing.svg",	 "slowest.dot", "slowest.svg", NULL};
static const struct shape tag_shape = {.files = tag_files, .child = tag_child};

static bool is_present(const struct tree_request *request, const struct tags *tags,
		       const char *folder)
{
	char name[FOLDER_MAX_TEXT];

	for (size_t i = 0; i < tags->nr; i++) {
		tag_folder(tags, tags->names[i], name);
		if (strcmp(name, folder) == 0 && is_allowed(request->opts, tags->names[i]))
			return true;
	}
	return false;
}

/* Only what has the releases of a tag in it can be one. */
static bool looks_like_a_tag(int parent, const char *name)
{
	CLEANUP(cleanup_close) int fd = -1;
	char path[MAX_PATH_TEXT];

	snprintf(path, sizeof(path), "%s/artifacts", name);
	fd = beneath_name_is_valid(name) ? beneath_open(parent, path, false) : -1;
	return fd >= 0;
}

static void prune_tag(const struct tree_request *request, int parent, const char *path,
		      const char *name)
{
	struct buf why;

	if (!looks_like_a_tag(parent, name))
		return;
	buf_init(&why, 4096);
	if (remove_folder(parent, name, &tag_shape, &why) == 0)
		tree_note(request, "deleted '%s/%s': no test has this tag any more", path, name);
	else
		tree_note(request, "'%s/%s' stays, though no test has this tag any more: %s", path,
			  name, why.len ? why.data : "unknown");
	buf_done(&why);
}

void tags_prune(const struct tree_request *request, const char *base)
{
	char path[MAX_PATH_TEXT];
	struct dirent *entry;
	struct tags tags;
	int parent;
	DIR *dir;

	if (tags_find(request->profile, &tags) < 0)
		return;
	snprintf(path, sizeof(path), "%s/tags", base);
	parent = beneath_open(request->root_fd, path, false);
	dir = parent < 0 ? NULL : beneath_list(parent);
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.' && !is_present(request, &tags, entry->d_name))
			prune_tag(request, parent, path, entry->d_name);
	if (dir)
		closedir(dir);
	if (parent >= 0)
		close(parent);
	free(tags.names);
}
