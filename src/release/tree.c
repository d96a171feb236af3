/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "history/history.h"
#include "output/output.h"
#include "output/release_pages.h"
#include "tree_private.h"
#include "report/part.h"

#define MAX_SENTENCE 4096

void tree_note(const struct tree_request *request, const char *fmt, ...)
{
	char sentence[MAX_SENTENCE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	request->note(request->arg, sentence);
}

int tree_file(struct tree *t, const char *folder, const char *name,
	      int (*write)(void *arg, FILE *out), void *arg)
{
	char path[MAX_PATH_TEXT];
	int length = snprintf(path, sizeof(path), "%s/%s", folder, name);

	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	return stage_file(&t->stage, path, write, arg, t->why);
}

bool tree_has_flamegraph(const struct tree_request *request)
{
	return !request->files || request->files->flamegraph;
}

struct row {
	const struct tree *tree;
	const struct output_ops *ops;
	const struct profile *profile;
};

static int write_row(void *arg, FILE *out)
{
	const struct row *row = arg;

	return row->ops->write(row->profile, row->tree->request->opts->output, out);
}

int tree_output(struct tree *t, const char *folder, const char *name, const char *output,
		const struct profile *p)
{
	struct row row = {.tree = t, .ops = output_find(output), .profile = p};

	return row.ops ? tree_file(t, folder, name, write_row, &row) : -ENOENT;
}

const char *tree_scope(enum layout layout, bool standalone)
{
	if (standalone)
		return "benchmarks/standalone";
	return layout == LAYOUT_MEGA ? "benchmarks/all" : "benchmarks/busted/all";
}

static const char *tree_base(enum layout layout)
{
	return layout == LAYOUT_MEGA ? "benchmarks" : "benchmarks/busted";
}

static bool is_standalone(const struct profile *p)
{
	return !p->suite.seen && p->nr_tests == 0;
}

static int write_suite(struct tree *t)
{
	static const char *const links[][2] = {
		{"../by_release/", "one folder for each test"},
		{"../by_file/", "one folder for each spec file"},
		{"../tags/", "the same as here for the tests of each tag"},
		{NULL, NULL},
	};
	const struct tree_request *request = t->request;
	const char *base = tree_base(request->opts->layout);
	struct parts *parts;
	int r = scope_write(t, tree_scope(request->opts->layout, false), "all tests",
			    request->profile, links, &t->latest);

	if (r < 0)
		return r;
	if (request->files) /* of a single test it tells too little */
		return 0;
	r = parts_new(request->profile, &parts);
	if (r < 0)
		return r;
	if (t->latest)
		r = tests_write(t, base, parts);
	if (r == 0)
		r = tags_write(t, base, parts);
	parts_free(parts);
	return r;
}

/* The new tree is complete by now: what fails here leaves too much, never too little. */
static void prune(const struct tree *t, bool standalone)
{
	const struct tree_request *request = t->request;
	const char *base = tree_base(request->opts->layout);

	scope_prune(request, tree_scope(request->opts->layout, standalone));
	if (t->latest && !t->rendered)
		scope_drop_picture(request, tree_scope(request->opts->layout, standalone));
	if (t->latest && request->files)
		scope_drop_samples(request, tree_scope(request->opts->layout, standalone));
	if (standalone || !t->latest || request->files)
		return;
	if (!run_is_whole(request->profile)) {
		tree_note(request, "the command has filters, or its suite did not end: no folder "
				   "of a test or tag that is gone is looked for");
		return;
	}
	if (!request->opts->keep_deprecated)
		tests_prune(request, base);
	if (!request->opts->keep_old_tags)
		tags_prune(request, base);
}

int tree_write(const struct tree_request *request, struct buf *why)
{
	struct profile profile = *request->profile;
	struct tree_request own = *request;
	struct tree t = {.request = &own, .why = why};
	bool standalone = is_standalone(&profile);
	int r;

	profile.release = request->release->nr_parts ? request->release->text : NULL;
	own.profile = &profile;
	t.date = history_date_of(profile.started_at_ns);
	if (own.opts->require_pass && !release_passed(&profile))
		return buf_addstr(why, "the run failed, and --require-pass is given") < 0
			       ? -ENOMEM
			       : -ECANCELED;
	stage_recover(request->root_fd, request->note, request->arg);
	r = stage_open(request->root_fd, &t.stage, why);
	if (r < 0)
		return r;
	t.stage.is_scratch = request->is_scratch;
	if (standalone)
		r = scope_write(&t, tree_scope(own.opts->layout, true), "a program", &profile, NULL,
				&t.latest);
	else
		r = write_suite(&t);
	if (r == 0)
		r = stage_commit(&t.stage, why);
	else
		stage_abort(&t.stage);
	if (r == 0)
		prune(&t, standalone);
	else if (!why->len && buf_addstr(why, strerror(-r)) < 0)
		r = -ENOMEM;
	return r;
}
