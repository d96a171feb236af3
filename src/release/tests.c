/* SPDX-License-Identifier: MIT */
/*
 * A folder for each test, and for each spec file.
 *
 * The id in a folder's name is what says which test it is of; the rest of the name is for people.
 * A folder is deleted only if its name has an id, the profile.json in it says that it is ours and
 * of that very id, and the run would have had the test if it still existed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <uuid/uuid.h>

#include "history/history.h"
#include "json_stream.h"
#include "output/release_pages.h"
#include "beneath.h"
#include "tree_private.h"
#include "remove.h"
#include "report/part.h"

#define MAX_MARKER_BYTES ((size_t)64 << 20)
#define MAX_MARKER_TEXT	 4096
#define TIMING_ROWS	 30
#define ID_TEXT		 37
#define SCHEMA		 "bprof-perf/profile/"

/* Names of files have ids of their own kind. */
static const uuid_t file_namespace = {0x3b, 0x51, 0x0c, 0x7e, 0x94, 0x2d, 0x5a, 0x18,
				      0xa1, 0x66, 0x0e, 0xd2, 0x7f, 0x83, 0x49, 0xc5};

/* Tests of a profile that go into one folder. */
struct group {
	char id[ID_TEXT];
	char folder[FOLDER_MAX_TEXT];
	const char *name;
	uint32_t *tests; /* ascending */
	size_t nr;
};

struct groups {
	struct group *groups;
	uint32_t *tests; /* of all groups */
	size_t nr;
};

/* ---- groups -------------------------------------------------------------------------------- */

struct keyed {
	const char *key;
	uint32_t test;
};

static int compare_keyed(const void *left, const void *right)
{
	const struct keyed *a = left, *b = right;
	int order = strcmp(a->key, b->key);

	return order ? order : (a->test > b->test) - (a->test < b->test);
}

static int compare_groups(const void *left, const void *right)
{
	const struct group *a = left, *b = right;

	return (a->tests[0] > b->tests[0]) - (a->tests[0] < b->tests[0]);
}

static const char *id_key(const struct test *t)
{
	return t->id;
}

static const char *file_key(const struct test *t)
{
	return t->file;
}

static void groups_done(struct groups *g)
{
	free(g->groups);
	free(g->tests);
}

/* In the order their first tests ran. */
static int groups_make(const struct profile *p, const char *(*key_of)(const struct test *),
		       struct groups *ret)
{
	CLEANUP(cleanup_free) struct keyed *keyed = calloc(p->nr_tests + 1, sizeof(*keyed));

	*ret = (struct groups){.groups = calloc(p->nr_tests + 1, sizeof(*ret->groups)),
			       .tests = calloc(p->nr_tests + 1, sizeof(*ret->tests))};
	if (!keyed || !ret->groups || !ret->tests)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_tests; i++)
		keyed[i] = (struct keyed){key_of(&p->tests[i]), (uint32_t)i};
	qsort(keyed, p->nr_tests, sizeof(*keyed), compare_keyed);
	for (size_t i = 0; i < p->nr_tests; i++) {
		ret->tests[i] = keyed[i].test;
		if (i == 0 || strcmp(keyed[i].key, keyed[i - 1].key) != 0)
			ret->groups[ret->nr++] = (struct group){.tests = &ret->tests[i]};
		ret->groups[ret->nr - 1].nr++;
	}
	qsort(ret->groups, ret->nr, sizeof(*ret->groups), compare_groups);
	return 0;
}

static void name_test(struct group *g, const struct test *t)
{
	memcpy(g->id, t->id, sizeof(g->id));
	g->name = t->full_name;
	history_safe_name(g->id, t->full_name, g->folder);
}

static void file_id(const char *file, char ret[ID_TEXT])
{
	uuid_t id;

	uuid_generate_md5(id, file_namespace, file, strlen(file));
	uuid_unparse_lower(id, ret);
}

static void name_file(struct group *g, const struct test *t)
{
	file_id(t->file, g->id);
	g->name = t->file;
	history_safe_name(g->id, t->file, g->folder);
}

/* ---- one folder ---------------------------------------------------------------------------- */

struct page {
	const struct profile *profile;
	struct timing timing;
	int (*write)(const struct profile *p, const struct timing *timing, FILE *out);
};

static int write_page(void *arg, FILE *out)
{
	const struct page *page = arg;

	return page->write(page->profile, &page->timing, out);
}

static int write_folder(struct tree *t, const char *folder, const struct profile *p, bool is_test)
{
	struct page page = {.profile = p, .write = is_test ? test_page_write : file_page_write};
	struct output_opts output = *t->request->opts->output;
	int r;

	output.top = TIMING_ROWS;
	r = timing_of(p, &output, &page.timing);
	if (r < 0)
		return r;
	r = tree_file(t, folder, "README.md", write_page, &page);
	timing_done(&page.timing);
	if (r == 0)
		r = tree_output(t, folder, "profile.json", "json", p);
	if (r == 0 && is_test)
		r = tree_output(t, folder, "flamegraph.json", "trace", p);
	return r;
}

static int write_group(struct tree *t, const char *base, struct parts *parts, const struct group *g,
		       bool is_test, uint64_t *ret_wall_ns)
{
	char folder[MAX_PATH_TEXT], what[MAX_PATH_TEXT];
	struct part *part;
	int r;

	snprintf(folder, sizeof(folder), "%s/%s/%s", base, is_test ? "by_release" : "by_file",
		 g->folder);
	snprintf(what, sizeof(what), "%s %s", is_test ? "test" : "file", is_test ? g->id : g->name);
	r = part_make(parts, g->tests, g->nr, what, &part);
	if (r < 0)
		return r;
	*ret_wall_ns = part_profile(part)->phases[PHASE_TEST].costs.wall_ns;
	r = write_folder(t, folder, part_profile(part), is_test);
	part_free(part);
	return r;
}

/* ---- all folders --------------------------------------------------------------------------- */

/* The slowest first. */
static int compare_rows(const void *left, const void *right)
{
	const struct index_row *a = left, *b = right;

	if (a->wall_ns != b->wall_ns)
		return a->wall_ns < b->wall_ns ? 1 : -1;
	return strcmp(a->folder, b->folder);
}

struct index {
	const char *title, *purpose;
	struct index_row *rows;
	size_t nr;
};

static int write_index(void *arg, FILE *out)
{
	const struct index *index = arg;

	return index_page_write(index->title, index->purpose, index->rows, index->nr, out);
}

static int write_groups(struct tree *t, const char *base, struct parts *parts,
			const struct groups *groups, bool is_test)
{
	CLEANUP(cleanup_free)
	struct index_row *rows = calloc(groups->nr + 1, sizeof(*rows));
	struct index index = {.rows = rows, .nr = groups->nr};
	char folder[MAX_PATH_TEXT];
	int r = rows ? 0 : -ENOMEM;

	index.title = is_test ? "Tests" : "Spec files";
	index.purpose =
		is_test ? "One folder for each test of the newest stable release: what it "
			  "cost, and where its time went; the slowest first. A folder begins with the test's "
			  "id, which stays the same as long as its file, its describes and "
			  "its name do; it is deleted when the test is gone."
			: "One folder for each spec file of the newest stable release, the "
			  "slowest first.";
	for (size_t i = 0; r == 0 && i < groups->nr; i++) {
		const struct group *g = &groups->groups[i];

		rows[i] = (struct index_row){.folder = g->folder, .name = g->name};
		r = write_group(t, base, parts, g, is_test, &rows[i].wall_ns);
	}
	if (r == 0)
		qsort(rows, groups->nr, sizeof(*rows), compare_rows);
	snprintf(folder, sizeof(folder), "%s/%s", base, is_test ? "by_release" : "by_file");
	return r < 0 ? r : tree_file(t, folder, "README.md", write_index, &index);
}

static int groups_of(const struct profile *p, bool is_test, struct groups *ret)
{
	int r = groups_make(p, is_test ? id_key : file_key, ret);

	for (size_t i = 0; r == 0 && i < ret->nr; i++) {
		const struct test *t = &p->tests[ret->groups[i].tests[0]];

		if (is_test)
			name_test(&ret->groups[i], t);
		else
			name_file(&ret->groups[i], t);
	}
	return r;
}

int tests_write(struct tree *t, const char *base, struct parts *parts)
{
	int r = 0;

	for (int is_test = 1; r == 0 && is_test >= 0; is_test--) {
		struct groups groups;

		r = groups_of(t->request->profile, is_test, &groups);
		if (r == 0)
			r = write_groups(t, base, parts, &groups, is_test);
		groups_done(&groups);
	}
	return r;
}

/* ---- what is gone -------------------------------------------------------------------------- */

static const char *const test_files[] = {"README.md", "profile.json", "flamegraph.json", NULL};
static const struct shape folder_shape = {.files = test_files};

/* What the profile.json of a folder says it is of. */
struct marker {
	bool ours;
	char part[MAX_MARKER_TEXT], file[MAX_MARKER_TEXT];
};

static void keep_text(char ret[MAX_MARKER_TEXT], const char *text, size_t len)
{
	if (*ret || len >= MAX_MARKER_TEXT || memchr(text, 0, len))
		return;
	memcpy(ret, text, len);
	ret[len] = 0;
}

static int on_text(void *arg, const char *path, const char *text, size_t len)
{
	struct marker *m = arg;

	if (strcmp(path, "schema") == 0)
		m->ours = len > strlen(SCHEMA) && memcmp(text, SCHEMA, strlen(SCHEMA)) == 0;
	if (strcmp(path, "part") == 0)
		keep_text(m->part, text, len);
	if (strcmp(path, "tests[].file") == 0)
		keep_text(m->file, text, len);
	return 0;
}

static bool read_marker(int parent, const char *name, struct marker *ret)
{
	static const struct json_sink sink = {.text = on_text};
	CLEANUP(cleanup_close) int dir = beneath_open(parent, name, false);
	struct buf text, why;
	int r = dir;

	*ret = (struct marker){.ours = false};
	buf_init(&text, MAX_MARKER_BYTES);
	buf_init(&why, 4096);
	if (dir >= 0)
		r = beneath_read(dir, "profile.json", MAX_MARKER_BYTES, &text);
	if (r == 0)
		r = json_stream(text.data ? text.data : "", text.len, &sink, ret, &why);
	buf_done(&text);
	buf_done(&why);
	return r == 0 && ret->ours;
}

/* Says the marker the same as the name? */
static bool marker_agrees(const struct marker *m, const char *id, bool is_test)
{
	char own[ID_TEXT];

	if (is_test)
		return strncmp(m->part, "test ", 5) == 0 && strcmp(m->part + 5, id) == 0;
	file_id(m->file, own);
	return strncmp(m->part, "file ", 5) == 0 && strcmp(own, id) == 0;
}

static bool file_ran(const struct profile *p, const char *file)
{
	for (size_t i = 0; i < p->nr_files; i++)
		if (strcmp(p->files[i].file, file) == 0)
			return true;
	return false;
}

/* Its spec file ran without it, or is no more. */
static bool would_have_run(const struct tree_request *request, const struct marker *m, bool is_test)
{
	struct stat status;

	if (is_test && file_ran(request->profile, m->file))
		return true;
	return request->cwd_fd >= 0 && *m->file &&
	       fstatat(request->cwd_fd, m->file, &status, 0) < 0 && errno == ENOENT;
}

static bool is_present(const struct groups *groups, const char *folder)
{
	for (size_t i = 0; i < groups->nr; i++)
		if (strcmp(groups->groups[i].folder, folder) == 0)
			return true;
	return false;
}

static void prune_folder(const struct tree_request *request, int parent, const char *path,
			 const char *name, bool is_test)
{
	struct marker marker;
	char id[ID_TEXT];
	struct buf why;

	if (!history_name_has_id(name, id) || !read_marker(parent, name, &marker) ||
	    !marker_agrees(&marker, id, is_test) || !would_have_run(request, &marker, is_test))
		return;
	buf_init(&why, 4096);
	if (remove_folder(parent, name, &folder_shape, &why) == 0)
		tree_note(request, "deleted '%s/%s': the %s is gone", path, name,
			  is_test ? "test" : "spec file");
	else
		tree_note(request, "'%s/%s' stays, though the %s is gone: %s", path, name,
			  is_test ? "test" : "spec file", why.len ? why.data : "unknown");
	buf_done(&why);
}

static void prune_folders(const struct tree_request *request, const char *path,
			  const struct groups *groups, bool is_test)
{
	int parent = beneath_open(request->root_fd, path, false);
	DIR *dir = parent < 0 ? NULL : beneath_list(parent);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (!is_present(groups, entry->d_name))
			prune_folder(request, parent, path, entry->d_name, is_test);
	if (dir)
		closedir(dir);
	if (parent >= 0)
		close(parent);
}

bool run_is_whole(const struct profile *p)
{
	static const char *const filters[] = {"-t",
					      "--tags",
					      "--exclude-tags",
					      "--filter",
					      "--filter-out",
					      "--name",
					      "--exclude-names-file",
					      "-l",
					      "--list",
					      "-r",
					      "--run",
					      "-p",
					      "--pattern",
					      "--exclude-pattern"};

	for (size_t i = 0; i < p->nr_command; i++)
		for (size_t k = 0; k < ARRAY_SIZE(filters); k++) {
			size_t length = strlen(filters[k]);

			if (strncmp(p->command[i], filters[k], length) == 0 &&
			    (!p->command[i][length] || p->command[i][length] == '=' || length == 2))
				return false;
		}
	return p->complete && p->suite.seen && p->suite.ended && p->nr_tests > 0;
}

void tests_prune(const struct tree_request *request, const char *base)
{
	for (int is_test = 1; is_test >= 0; is_test--) {
		char path[MAX_PATH_TEXT];
		struct groups groups;

		snprintf(path, sizeof(path), "%s/%s", base, is_test ? "by_release" : "by_file");
		if (groups_of(request->profile, is_test, &groups) == 0)
			prune_folders(request, path, &groups, is_test);
		groups_done(&groups);
	}
}
