/* SPDX-License-Identifier: MIT */
#include "turns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commits.h"
#include "say.h"
#include "stop.h"

#define SENTENCE_MAX 16384

const char *const turns_side_names[NR_SIDES] = {[SIDE_BASE] = "base", [SIDE_HEAD] = "head"};

static int say_why(struct buf *why, int r)
{
	if (r < 0 && !stopped_by)
		say_error("%s", why->len ? why->data : strerror(-r));
	buf_done(why);
	return r;
}

static char *joined(char *const *words)
{
	struct buf all;
	int r = 0;

	buf_init(&all, SENTENCE_MAX);
	for (; *words && r == 0; words++)
		r = buf_addf(&all, "%s%s", all.len ? " " : "", *words);
	return all.data;
}

static int name_sides(struct turns *t)
{
	const struct options *o = t->session->options;

	t->names[SIDE_BASE] = strdup(o->base_revision ? o->base_revision : o->base_command);
	t->names[SIDE_HEAD] = o->base_revision ? strdup("the tree as it is") : joined(o->command);
	return t->names[SIDE_BASE] && t->names[SIDE_HEAD] ? 0 : -ENOMEM;
}

/* Where runs go: into the output directory, if one was chosen, and stay there. */
static int choose_runs(struct turns *t)
{
	const struct options *o = t->session->options;
	CLEANUP(cleanup_free) char *here = NULL;

	if (!o->output_chosen)
		return asprintf(&t->runs, "%s/runs", t->scratch.path) < 0 ? -ENOMEM : 0;
	here = getcwd(NULL, 0);
	if (!here)
		return -errno;
	if (asprintf(&t->runs, "%s%s%s", *o->output_dir == '/' ? "" : here,
		     *o->output_dir == '/' ? "" : "/", o->output_dir) < 0)
		return -ENOMEM;
	for (size_t side = 0; side < NR_SIDES; side++) {
		CLEANUP(cleanup_free) char *there = NULL;

		if (asprintf(&there, "%s/%s", t->runs, turns_side_names[side]) < 0)
			return -ENOMEM;
		if (access(there, F_OK) == 0) {
			say_error("'%s' holds runs already: choose another --output, or compare "
				  "them by their directories",
				  o->output_dir);
			return -EEXIST;
		}
	}
	return 0;
}

static int make_base(struct turns *t)
{
	struct buf why;

	if (!t->session->options->base_revision)
		return 0;
	say_note(t->session->options->quiet, "checking out %s (%.12s)",
		 t->session->options->base_revision, t->tree.commit);
	buf_init(&why, SENTENCE_MAX);
	return say_why(&why, base_tree_make(t->session, &t->tree, t->scratch.path,
					    &t->base_directory, &why));
}

static int open_scratch(struct turns *t)
{
	struct buf why;
	int r = 0;

	buf_init(&why, SENTENCE_MAX);
	if (t->session->options->base_revision)
		r = base_tree_find(t->session, "--base", t->session->options->base_revision,
				   &t->tree, &why);
	if (r == 0)
		r = commits_excuse(t->session, &t->tree, &t->excuse, &why);
	if (r == 0)
		r = scratch_open(t->session, t->tree.git, t->tree.repository, &t->scratch, &why);
	return say_why(&why, r);
}

static int start_runner(struct turns *t)
{
	const struct options *o = t->session->options;
	struct paired_command commands[NR_SIDES] = {
		[SIDE_BASE] = {.directory = t->base_directory, .argv = o->command},
		[SIDE_HEAD] = {.argv = o->command},
	};
	int r;

	if (o->base_command) {
		t->shell[0] = strdup("/bin/sh");
		t->shell[1] = strdup("-c");
		t->shell[2] = strdup(o->base_command);
		if (!t->shell[0] || !t->shell[1] || !t->shell[2])
			return -ENOMEM;
		commands[SIDE_BASE].argv = t->shell;
	}
	if (asprintf(&t->log, "%s/log", t->scratch.path) < 0)
		return -ENOMEM;
	r = pair_runner_start(t->session, commands, t->log, &t->runner);
	if (r == 0)
		r = identity_become(t->session->identity);
	if (r < 0)
		say_error("cannot start the runs: %s", strerror(-r));
	return r;
}

int turns_set_up(struct turns *t)
{
	int r = open_scratch(t);

	if (r == 0)
		r = name_sides(t);
	if (r == 0)
		r = choose_runs(t);
	if (r == 0)
		r = make_base(t);
	return r < 0 ? r : start_runner(t);
}

void turns_done(struct turns *t)
{
	pair_runner_close(&t->runner);
	scratch_close(&t->scratch);
	compare_free(t->compare);
	base_tree_done(&t->tree);
	for (size_t i = 0; i < ARRAY_SIZE(t->shell); i++)
		free(t->shell[i]);
	free(t->names[SIDE_BASE]);
	free(t->names[SIDE_HEAD]);
	free(t->base_directory);
	free(t->skipped);
	free(t->runs);
	free(t->log);
	free(t->excuse);
}
