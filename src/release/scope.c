/* SPDX-License-Identifier: MIT */
/*
 * all/, tags/{tag}/ and standalone/: the newest stable release at the top, every release below
 * artifacts/, and a page over all of them.
 *
 * A run is written to artifacts/ whatever it is. It becomes the top only if it passed, its tag is
 * stable, and no stable tag is newer; without a tag, if no release is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "history/history.h"
#include "output/output.h"
#include "output/release_pages.h"
#include "beneath.h"
#include "tree_private.h"
#include "remove.h"

#define MAX_TIMING_BYTES  ((size_t)32 << 20)
#define MAX_SUMMARY_BYTES ((size_t)1 << 20)
#define MAX_PICTURE_BYTES ((size_t)16 << 20)
#define TIMING_ROWS	  30
#define MOST_LINKS	  3

struct scope {
	struct tree *tree;
	const char *folder, *what;
	const struct profile *profile;
	const char *const (*links)[2];
	const char *chosen_links[MOST_LINKS + 1][2]; /* those of them that lead somewhere */
	struct history_folder release;
	char artifact[MAX_PATH_TEXT]; /* "benchmarks/busted/all/artifacts/v1.2.3-2026_01_31" */
	struct history history, chosen;
	struct timing timing;	  /* of this run */
	struct timing top_timing; /* of the release at the top, if that is another one */
	struct scope_page page;
	bool latest;
};

/* ---- names --------------------------------------------------------------------------------- */

static bool is_taken(const struct scope *s, const char *name)
{
	char path[MAX_PATH_TEXT];
	int fd;

	snprintf(path, sizeof(path), "%s/artifacts/%s", s->folder, name);
	fd = beneath_open(s->tree->request->root_fd, path, false);
	if (fd >= 0)
		close(fd);
	return fd != -ENOENT;
}

/* A second run of a tag on one day has the time in its name. */
static int choose_folder(struct scope *s)
{
	const struct tree_request *request = s->tree->request;
	bool with_time = !request->release->nr_parts;
	int r = history_folder_make(request->release, &s->tree->date, with_time, &s->release);

	if (r == 0 && !with_time && is_taken(s, s->release.name))
		r = history_folder_make(request->release, &s->tree->date, true, &s->release);
	if (r == 0 && is_taken(s, s->release.name))
		r = -EEXIST;
	if (r == -EEXIST && buf_addf(s->tree->why,
				     "'%s/artifacts/%s' is there already: this very run is in the "
				     "history",
				     s->folder, s->release.name) < 0)
		r = -ENOMEM;
	snprintf(s->artifact, sizeof(s->artifact), "%s/artifacts/%s", s->folder, s->release.name);
	return r;
}

/* ---- one release --------------------------------------------------------------------------- */

static int write_summary(void *arg, FILE *out)
{
	const struct scope *s = arg;

	return release_summary(s->profile, s->tree->request->opts->output, out);
}

static int write_files(void *arg, FILE *out)
{
	return release_files(((struct scope *)arg)->profile, out);
}

static int write_timing_json(void *arg, FILE *out)
{
	return release_timing(&((struct scope *)arg)->timing, TABLE_JSON, out);
}

static int write_timing_md(void *arg, FILE *out)
{
	return release_timing(&((struct scope *)arg)->timing, TABLE_GITHUB, out);
}

static int write_timing_txt(void *arg, FILE *out)
{
	return release_timing(&((struct scope *)arg)->timing, TABLE_LINES, out);
}

static int write_release_page(void *arg, FILE *out)
{
	static const char *const siblings[] = {"summary.json", "profile.json", "timing.json",
					       "flamegraph.json", NULL};
	static const char *const without[] = {"summary.json", "profile.json", "timing.json", NULL};
	const struct scope *s = arg;

	return release_page_write(s->profile, &s->timing,
				  tree_has_flamegraph(s->tree->request) ? siblings : without, out);
}

static int write_bytes(void *arg, FILE *out)
{
	const struct buf *bytes = arg;

	return fwrite(bytes->data, 1, bytes->len, out) == bytes->len ? 0 : -EIO;
}

/* A program has no spec files, and a profile.json that was read does not tell of them. */
static bool has_files(const struct scope *s)
{
	return !s->tree->request->files && s->profile->nr_files > 0;
}

/* profile.json and flamegraph.json: made, or taken as they are. */
static int write_samples(struct scope *s, const char *folder)
{
	const struct tree_files *files = s->tree->request->files;
	struct tree *t = s->tree;
	int r;

	if (!files) {
		r = tree_output(t, folder, "profile.json", "json", s->profile);
		return r < 0 ? r : tree_output(t, folder, "flamegraph.json", "trace", s->profile);
	}
	r = tree_file(t, folder, "profile.json", write_bytes, (void *)(uintptr_t)files->profile);
	if (r == 0 && files->flamegraph)
		r = tree_file(t, folder, "flamegraph.json", write_bytes,
			      (void *)(uintptr_t)files->flamegraph);
	return r;
}

static int write_artifact(struct scope *s)
{
	struct tree *t = s->tree;
	int r = tree_file(t, s->artifact, "README.md", write_release_page, s);

	if (r == 0)
		r = tree_file(t, s->artifact, "summary.json", write_summary, s);
	if (r == 0)
		r = tree_file(t, s->artifact, "timing.json", write_timing_json, s);
	return r < 0 ? r : write_samples(s, s->artifact);
}

/* ---- the top ------------------------------------------------------------------------------- */

/* A picture is worth having, never worth failing. */
static int write_graph_picture(struct scope *s)
{
	const struct tree_request *request = s->tree->request;
	char *graph = NULL;
	size_t len = 0;
	struct buf svg;
	FILE *out;
	int r;

	if (!request->render || s->profile->part)
		return 0;
	out = open_memstream(&graph, &len);
	r = out ? output_find("dot")->write(s->profile, request->opts->output, out) : -ENOMEM;
	if (out && fclose(out) == EOF && r == 0)
		r = -ENOMEM;
	buf_init(&svg, MAX_PICTURE_BYTES);
	if (r == 0 && request->render(request->render_arg, graph, len, &svg) == 0) {
		s->tree->rendered = true;
		r = tree_file(s->tree, s->folder, "slowest.svg", write_bytes, &svg);
	}
	buf_done(&svg);
	free(graph);
	return r;
}

static int write_top(struct scope *s)
{
	struct tree *t = s->tree;
	int r = write_samples(s, s->folder);

	if (r == 0 && !t->request->files)
		r = tree_output(t, s->folder, "slowest.dot", "dot", s->profile);
	if (r == 0 && !t->request->files)
		r = write_graph_picture(s);
	if (r == 0 && has_files(s))
		r = tree_file(t, s->folder, "files.json", write_files, s);
	if (r == 0)
		r = tree_file(t, s->folder, "timing.json", write_timing_json, s);
	if (r == 0)
		r = tree_file(t, s->folder, "timing.md", write_timing_md, s);
	if (r == 0)
		r = tree_file(t, s->folder, "timing.txt", write_timing_txt, s);
	return r;
}

static bool has_releases(const struct history *h)
{
	for (size_t i = 0; i < h->nr; i++)
		if (h->releases[i].folder.release.nr_parts)
			return true;
	return false;
}

static bool becomes_top(const struct scope *s)
{
	const struct release *release = s->tree->request->release;

	if (!release_passed(s->profile))
		return false;
	return release->nr_parts ? history_is_latest(&s->history, release)
				 : !has_releases(&s->history);
}

static bool has_file(const struct scope *s, const char *name)
{
	CLEANUP(cleanup_close)
	int fd = beneath_open(s->tree->request->root_fd, s->folder, false);

	return fd >= 0 && faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void describe_failure(const struct profile *p, char *ret, size_t room)
{
	const struct suite_result *suite = &p->suite;

	if (suite->failures + suite->errors + suite->errors_outside_tests > 0)
		snprintf(ret, room, "its run failed (failures: %" PRIu64 ", errors: %" PRIu64 ")",
			 suite->failures, suite->errors + suite->errors_outside_tests);
	else if (p->exit_status != 0)
		snprintf(ret, room, "its run failed (exit status %d)", p->exit_status);
	else
		snprintf(ret, room, "its run did not come to its end");
}

static void say_why_not(const struct scope *s)
{
	const struct tree_request *request = s->tree->request;
	char reason[128] = "a newer release is there";

	if (s->latest || s->profile->part)
		return;
	if (!release_passed(s->profile))
		describe_failure(s->profile, reason, sizeof(reason));
	else if (request->release->nr_parts && !release_is_stable(request->release))
		snprintf(reason, sizeof(reason), "it is a prerelease");
	tree_note(request, "%s is in the history; '%s' shows %s: %s", s->release.name, s->folder,
		  has_file(s, "profile.json") ? "another release" : "no release yet", reason);
}

/* The present run among the past ones: as the file says that was just made of it. */
static int add_to_history(struct scope *s)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r = out ? write_summary(s, out) : -ENOMEM;

	if (out && fclose(out) == EOF && r == 0)
		r = -ENOMEM;
	if (r == 0)
		r = history_add(&s->history, &s->release, text, len, s->tree->why);
	free(text);
	if (r == 0)
		history_settle(&s->history);
	return r;
}

/* A page that stays with an older release shows the tables of that one. */
static int read_top_timing(struct scope *s)
{
	int dir = beneath_open(s->tree->request->root_fd, s->folder, false);
	struct buf text;
	int r;

	if (dir < 0)
		return 0;
	buf_init(&text, MAX_TIMING_BYTES);
	r = beneath_read(dir, "timing.json", MAX_TIMING_BYTES, &text);
	close(dir);
	if (r == 0)
		r = timing_parse(text.data ? text.data : "", text.len, &s->top_timing);
	if (r == 0 && s->tree->request->opts->output->columns)
		s->top_timing.columns = *s->tree->request->opts->output->columns;
	if (r == 0)
		s->page.timing = &s->top_timing;
	else if (r != -ENOENT && r != -ENOMEM)
		tree_note(s->tree->request,
			  "'%s/timing.json' cannot be read: the page goes without its tables",
			  s->folder);
	buf_done(&text);
	return r == -ENOMEM ? r : 0;
}

static int write_scope_page(void *arg, FILE *out)
{
	return scope_page_write(&((struct scope *)arg)->page, out);
}

static int write_png(void *arg, FILE *out)
{
	return history_chart_write(&((struct scope *)arg)->chosen, false, out);
}

static int write_svg(void *arg, FILE *out)
{
	return history_chart_write(&((struct scope *)arg)->chosen, true, out);
}

static int write_pictures(struct scope *s)
{
	unsigned least = s->tree->request->opts->minimum_samples;
	int r;

	if (s->chosen.nr == 0 || s->chosen.nr < least)
		return 0;
	s->page.no_pictures = history_chart_unavailable();
	if (s->page.no_pictures) {
		if (!s->profile->part)
			tree_note(s->tree->request, "no pictures: %s", s->page.no_pictures);
		return 0;
	}
	s->page.has_pictures = true;
	r = tree_file(s->tree, s->folder, "timing.png", write_png, s);
	return r < 0 ? r : tree_file(s->tree, s->folder, "timing.svg", write_svg, s);
}

/* Without tags the order is that of time. */
static void find_latest(struct scope *s)
{
	const struct history *h = &s->history;

	if (!has_releases(h) && h->nr > 0) {
		s->page.latest = &h->releases[h->nr - 1];
		s->page.previous = h->nr > 1 ? &h->releases[h->nr - 2] : NULL;
		return;
	}
	s->page.latest = history_latest(h, NULL);
	if (s->page.latest)
		s->page.previous = history_latest(h, s->page.latest);
}

static bool has_tags(const struct profile *p)
{
	for (size_t i = 0; i < p->nr_tests; i++)
		if (p->tests[i].nr_tags > 0)
			return true;
	return false;
}

/* "../by_release/": is it there, or will this run make it? */
static bool leads_somewhere(const struct scope *s, const char *link)
{
	const char *name = link + strlen("../"), *last = strrchr(s->folder, '/');
	char path[MAX_PATH_TEXT];
	int fd;

	snprintf(path, sizeof(path), "%.*s/%.*s", (int)(last - s->folder), s->folder,
		 (int)strlen(name) - 1, name);
	fd = beneath_open(s->tree->request->root_fd, path, false);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || s->tree->request->files)
		return fd >= 0;
	return strcmp(name, "tags/") == 0 ? has_tags(s->profile) : s->latest;
}

static void choose_links(struct scope *s)
{
	size_t nr = 0;

	for (size_t i = 0; s->links && s->links[i][0] && nr < MOST_LINKS; i++)
		if (leads_somewhere(s, s->links[i][0])) {
			s->chosen_links[nr][0] = s->links[i][0];
			s->chosen_links[nr++][1] = s->links[i][1];
		}
	s->page.links = (const char *const(*)[2])s->chosen_links;
}

static int write_page(struct scope *s)
{
	const struct tree_opts *opts = s->tree->request->opts;
	const struct history_choice choice = {
		.prereleases = opts->include_prereleases,
		.interpreter_prereleases = opts->allow_nightly,
		.all_machines = true, /* changes are marked */
		.most = opts->graph_maximum,
	};
	int r = history_choose(&s->history, &choice, &s->chosen, &s->page.only_prereleases);

	s->page.what = s->what;
	s->page.history = &s->history;
	s->page.chosen = &s->chosen;
	find_latest(s);
	s->page.minimum_samples = opts->minimum_samples;
	choose_links(s);
	s->page.no_flamegraph = s->latest && !tree_has_flamegraph(s->tree->request);
	s->page.has_graph_picture =
		s->latest ? s->tree->rendered && !s->profile->part : has_file(s, "slowest.svg");
	s->page.no_graph = s->latest && s->tree->request->files;
	s->page.no_files = s->latest ? !has_files(s) : !has_file(s, "files.json");
	if (s->latest)
		s->page.timing = &s->timing;
	else if (r == 0)
		r = read_top_timing(s);
	if (r == 0)
		r = write_pictures(s);
	return r < 0 ? r : tree_file(s->tree, s->folder, "README.md", write_scope_page, s);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int write_all(struct scope *s)
{
	const struct tree_request *request = s->tree->request;
	struct output_opts output = *request->opts->output;
	int r = tree_read_history(request->root_fd, s->folder, request->note, request->arg,
				  &s->history);

	if (r < 0 && buf_addf(s->tree->why, "cannot read '%s/artifacts': %s", s->folder,
			      r == -ELOOP ? "a symbolic link is not followed" : strerror(-r)) < 0)
		return -ENOMEM;
	if (output.top < TIMING_ROWS)
		output.top = TIMING_ROWS;
	if (r == 0)
		r = choose_folder(s);
	if (r == 0)
		r = timing_of(s->profile, &output, &s->timing);
	if (r == 0)
		r = write_artifact(s);
	if (r < 0)
		return r;
	s->latest = becomes_top(s);
	say_why_not(s);
	if (s->latest)
		r = write_top(s);
	if (r == 0)
		r = add_to_history(s);
	return r < 0 ? r : write_page(s);
}

int scope_write(struct tree *t, const char *folder, const char *what, const struct profile *p,
		const char *const (*links)[2], bool *ret_latest)
{
	struct scope s = {.tree = t, .folder = folder, .what = what, .profile = p, .links = links};
	int r = write_all(&s);

	if (ret_latest)
		*ret_latest = s.latest;
	history_done(&s.history);
	free(s.chosen.releases);
	timing_done(&s.timing);
	timing_done(&s.top_timing);
	return r;
}
