/* SPDX-License-Identifier: MIT */
/*
 * backfill: for each tag a detached worktree in a scratch directory, --prepare, a run, a release.
 *
 * The oldest release first, so the tree comes out as if each had been added when it was made:
 * folders of tests and tags that a later one no longer has go when that one is added. A release is
 * in the tree whole before the next one begins; whatever ends us, what is finished stays.
 */
#include "backfill.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backfill_run.h"
#include "base_tree.h"
#include "say.h"
#include "scratch.h"
#include "stop.h"

#include "history/history.h"
#include "launch/command.h"

#define SENTENCE_MAX 16384
#define TAIL_LINES   8

struct backfill {
	const struct session *session;
	struct release *releases; /* in order */
	size_t nr;
	struct output_dir root, recordings; /* fd < 0: none */
	size_t nr_added, nr_there, nr_left_out;
};

/* ---- which --------------------------------------------------------------------------------- */

static int compare_releases(const void *a, const void *b)
{
	return release_compare(a, b);
}

static int choose(struct backfill *b)
{
	char *const *tags = b->session->options->tags;
	size_t nr = 0;

	while (tags[nr])
		nr++;
	b->releases = calloc(nr + 1, sizeof(*b->releases));
	if (!b->releases)
		return -ENOMEM;
	for (; *tags; tags++) {
		if (release_parse(*tags, &b->releases[b->nr]) == 0) {
			b->nr++;
			continue;
		}
		say_error("'%s' is left out: it is no tag vX.Y.Z, vX.Y.Z.A or vX.Y.Z-PRERELEASE",
			  *tags);
		b->nr_left_out++;
	}
	qsort(b->releases, b->nr, sizeof(*b->releases), compare_releases);
	nr = 0;
	for (size_t i = 0; i < b->nr; i++)
		if (i == 0 || release_compare(&b->releases[i], &b->releases[i - 1]) != 0)
			b->releases[nr++] = b->releases[i];
	b->nr = nr;
	return 0;
}

/* ---- one tag ------------------------------------------------------------------------------- */

static void leave_out(struct backfill *b, const struct release *release, const char *reason)
{
	if (stopped_by)
		return;
	say_error("%s is left out: %s", release->text, reason);
	b->nr_left_out++;
}

static void show_log(const char *scratch)
{
	CLEANUP(cleanup_free) char *path = NULL;

	if (asprintf(&path, "%s/log", scratch) < 0)
		path = NULL;
	else
		say_tail(path, TAIL_LINES);
}

static void conclude_run(struct backfill *b, const struct backfill_run *run, int status)
{
	int verdict = status < 0 ? status : backfill_add(run, status);

	switch (verdict) {
	case BACKFILL_ADDED:
		b->nr_added++;
		return;
	case BACKFILL_NO_TESTS:
		leave_out(b, run->release, "no tests were seen; its command said:");
		show_log(run->scratch);
		return;
	case BACKFILL_NOT_ADDED:
		b->nr_left_out++;
		return;
	default:
		leave_out(b, run->release, strerror(verdict < 0 ? -verdict : EPROTO));
	}
}

/* In a worktree that is there. */
static void profile(struct backfill *b, struct backfill_run *run, const struct base_tree *tree)
{
	CLEANUP(cleanup_free) char *directory = NULL;
	struct buf why;
	int r;

	buf_init(&why, SENTENCE_MAX);
	r = base_tree_make(b->session, tree, run->scratch, &directory, &why);
	if (r < 0)
		leave_out(b, run->release, why.len ? why.data : strerror(-r));
	buf_done(&why);
	if (r < 0 || stopped_by)
		return;
	run->directory = directory;
	conclude_run(b, run, backfill_record(run));
}

static int find(const struct backfill *b, const char *revision, struct base_tree *ret,
		struct buf *why)
{
	int r = base_tree_find(b->session, "backfill", revision, ret, why);

	ret->plain = true;
	return r;
}

static void profile_tag(struct backfill *b, const struct release *release, size_t number)
{
	struct backfill_run run = {.session = b->session, .release = release, .root = &b->root};
	char revision[sizeof("refs/tags/") + RELEASE_MAX_TEXT];
	struct scratch scratch = {.alive_fd = -1};
	struct base_tree tree;
	struct buf why;
	int r;

	if (!b->session->options->again && backfill_look(&run) == BACKFILL_THERE) {
		say_note(b->session->options->quiet,
			 "%s is in the history already (--again profiles it once more)",
			 release->text);
		b->nr_there++;
		return;
	}
	buf_init(&why, SENTENCE_MAX);
	snprintf(revision, sizeof(revision), "refs/tags/%s", release->text);
	r = find(b, revision, &tree, &why);
	if (b->recordings.fd >= 0)
		run.recordings = &b->recordings;
	if (r == 0)
		r = scratch_open(b->session, tree.git, tree.repository, &scratch, &why);
	if (r == 0) {
		say_note(b->session->options->quiet, "%zu of %zu: %s (%.12s)", number, b->nr,
			 release->text, tree.commit);
		run.scratch = scratch.path;
		profile(b, &run, &tree);
	} else {
		leave_out(b, release, why.len ? why.data : strerror(-r));
	}
	scratch_close(&scratch);
	base_tree_done(&tree);
	buf_done(&why);
}

/* ---- all of them --------------------------------------------------------------------------- */

static int conclude(const struct backfill *b)
{
	say_note(b->session->options->quiet,
		 "backfill: %zu added, %zu in the history already, %zu left out%s", b->nr_added,
		 b->nr_there, b->nr_left_out, stopped_by ? "; stopped before the end" : "");
	if (stopped_by)
		return 128 + stopped_by;
	if (b->nr_left_out == 0)
		return 0;
	return b->nr_added + b->nr_there ? 1 : EXIT_SETUP;
}

/* What would fail for every tag, before the first. */
static int check(const struct backfill *b, struct buf *why)
{
	CLEANUP(cleanup_free) char *path = NULL;
	struct base_tree tree;
	int r = find(b, "HEAD", &tree, why);

	base_tree_done(&tree);
	/* a program of the repository itself may be in the old ones only */
	if (r < 0 || strchr(b->session->options->command[0], '/'))
		return r;
	return command_find(b->session->identity, b->session->environment,
			    b->session->options->command[0], &path, why);
}

static int open_directories(struct backfill *b, struct buf *why)
{
	const struct options *o = b->session->options;

	int r = output_dir_open(o->output_chosen ? o->output_dir : ".", b->session->identity,
				&b->root, why);

	if (r == 0 && o->recordings_dir)
		r = output_dir_open(o->recordings_dir, b->session->identity, &b->recordings, why);
	return r;
}

int backfill_command(const struct session *session)
{
	struct backfill b = {.session = session, .root = {.fd = -1}, .recordings = {.fd = -1}};
	int status = EXIT_SETUP, r;
	struct buf why;

	if (session->identity->note)
		say_note(session->options->quiet, "%s", session->identity->note);
	buf_init(&why, SENTENCE_MAX);
	r = choose(&b);
	if (r == 0)
		r = check(&b, &why);
	if (r == 0)
		r = open_directories(&b, &why);
	if (r < 0)
		say_error("%s", why.len ? why.data : strerror(-r));
	buf_done(&why);
	if (r == 0) {
		stop_on_signals();
		for (size_t i = 0; i < b.nr && !stopped_by; i++)
			profile_tag(&b, &b.releases[i], i + 1);
		status = conclude(&b);
		output_dir_close(&b.root);
		output_dir_close(&b.recordings);
	}
	free(b.releases);
	return status;
}
