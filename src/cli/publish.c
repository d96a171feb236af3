/* SPDX-License-Identifier: MIT */
/*
 * publish: the tree of releases lives on a branch of its own.
 *
 * Each attempt starts from what the branch is now: its benchmarks/ is unpacked into a directory of
 * ours, the release is added there as --release does it anywhere, and the commit is pushed only if
 * the branch still is what it was. So whoever comes second has the release of the first in his.
 */
#include "publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "dot_render.h"
#include "git.h"
#include "publish_commit.h"
#include "publish_input.h"
#include "say.h"
#include "scratch.h"

#include "release/tree.h"

#define SENTENCE_MAX	 8192
#define MOST_ATTEMPTS	 60
#define MOST_REFUSALS	 3 /* by a remote whose branch did not move: more will not help */
#define FIRST_PAUSE_MS	 100
#define LONGEST_PAUSE_MS 3000

struct publication {
	const struct session *session;
	const struct profile *profile;	/* NULL: no release, main alone */
	const struct tree_files *files; /* NULL: of a recording */
	struct git git;
	struct branch branch;
	char directory[PATH_MAX]; /* of this attempt */
	bool quiet;		  /* notes were given at an earlier attempt */
	struct buf why;
};

static void take_note(void *arg, const char *sentence)
{
	const struct publication *p = arg;

	say_note(p->quiet || p->session->options->quiet, "%s", sentence);
}

/* ---- one attempt --------------------------------------------------------------------------- */

static int add_release(struct publication *p)
{
	const struct options *o = p->session->options;
	const struct output_opts output = output_options(o);
	CLEANUP(cleanup_close) int root = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_close) int cwd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct session session = *p->session;
	struct tree_opts opts = o->tree;
	const struct tree_request request = {
		.root_fd = root,
		.cwd_fd = cwd,
		.is_scratch = true, /* git has what was published */
		.profile = p->profile,
		.release = &o->release,
		.opts = &opts,
		.files = p->files,
		.render = dot_render,
		.render_arg = &session,
		.note = take_note,
		.arg = p,
	};

	opts.output = &output;
	return root < 0 ? -errno : tree_write(&request, &p->why);
}

static int commit(struct publication *p)
{
	char message[256];

	snprintf(message, sizeof(message), "chore(profiler): release %s",
		 p->session->options->release.text);
	return branch_commit(&p->git, &p->branch, p->directory, message, &p->why);
}

/* 1: the branch has all of main; else as attempt(). */
static int attempt_sync(struct publication *p)
{
	int r;

	buf_reset(&p->why);
	r = branch_merge(&p->git, &p->branch, &p->why);
	if (r == 0 && !p->session->options->dry_run)
		r = branch_push(&p->git, &p->branch, &p->why);
	return r;
}

/* 0: it is on the branch; -EAGAIN; -errno with a sentence. */
static int attempt(struct publication *p, unsigned number)
{
	int length = snprintf(p->directory, sizeof(p->directory), "%s/attempt-%u", p->git.scratch,
			      number);
	const struct branch_notes notes = {.take = take_note, .arg = p};
	int r = length < 0 || (size_t)length >= sizeof(p->directory) ? -ENAMETOOLONG : 0;

	buf_reset(&p->why);
	if (r == 0)
		r = branch_unpack(&p->git, &p->branch, p->directory, &notes, &p->why);
	if (r == 0)
		r = add_release(p);
	if (r == 0)
		r = commit(p);
	if (r == 0 && !p->session->options->dry_run)
		r = branch_push(&p->git, &p->branch, &p->why);
	remove_tree(p->directory);
	return r;
}

/* ---- all of them --------------------------------------------------------------------------- */

/* Full jitter: publishers that met once shall not meet again. */
static void pause_before(unsigned number)
{
	unsigned most = FIRST_PAUSE_MS, dice = 0;
	struct timespec pause;

	while (number-- > 0 && most < LONGEST_PAUSE_MS)
		most *= 2;
	if (getrandom(&dice, sizeof(dice), 0) != (ssize_t)sizeof(dice))
		dice = (unsigned)getpid() * 2654435761U;
	dice %= most < LONGEST_PAUSE_MS ? most : LONGEST_PAUSE_MS;
	pause = (struct timespec){.tv_sec = dice / 1000, .tv_nsec = (long)(dice % 1000) * 1000000};
	nanosleep(&pause, NULL);
}

/* Not taken: is the branch another one now? Then nothing is wrong. */
static int publish(struct publication *p, unsigned *ret_attempts)
{
	unsigned refusals = 0;
	int r = branch_fetch(&p->git, &p->branch, &p->why);

	while (r == 0) {
		char seen[GIT_ID_MAX];
		struct buf look;

		++*ret_attempts;
		r = p->profile ? attempt(p, *ret_attempts) : attempt_sync(p);
		if (r != -EAGAIN || *ret_attempts >= MOST_ATTEMPTS)
			break;
		p->quiet = true;
		pause_before(*ret_attempts < 8 ? *ret_attempts : 8);
		memcpy(seen, p->branch.tip, sizeof(seen));
		buf_init(&look, SENTENCE_MAX);
		r = branch_fetch(&p->git, &p->branch, &look);
		buf_done(&look);
		if (r == 0 && strcmp(seen, p->branch.tip) == 0 && ++refusals >= MOST_REFUSALS)
			r = -EACCES; /* with the sentence of the push */
	}
	return r;
}

static void say_done(const struct publication *p, unsigned attempts)
{
	const struct options *o = p->session->options;
	const char *what = p->profile ? o->release.text : "main";

	if (o->dry_run)
		say_note(o->quiet,
			 "dry run: %s would be commit %.12s on the branch '%s' of '%s'; nothing "
			 "was changed",
			 what, p->branch.new_tip, o->branch, o->remote);
	else
		say_note(o->quiet, "%s %s as commit %.12s on the branch '%s' of '%s'%s",
			 p->profile ? "published" : "merged", what, p->branch.new_tip, o->branch,
			 o->remote, attempts > 1 ? ", after others" : "");
}

static void say_nothing_to_do(const struct publication *p)
{
	const struct options *o = p->session->options;

	if (!*p->branch.tip)
		say_note(o->quiet,
			 "there is no branch '%s' at '%s' yet: the first release makes it",
			 o->branch, o->remote);
	else
		say_note(o->quiet, "the branch '%s' of '%s' has all of main already", o->branch,
			 o->remote);
}

static int publish_profile(struct publication *p)
{
	const struct options *o = p->session->options;
	unsigned attempts = 0;
	int r = branch_open(&p->git, o->remote, o->branch, o->main_branch, &p->branch, &p->why);

	if (r == 0)
		r = publish(p, &attempts);
	if (r < 0) {
		say_error("publish: %s", p->why.len ? p->why.data : strerror(-r));
		return EXIT_SETUP;
	}
	if (r > 0)
		say_nothing_to_do(p);
	else
		say_done(p, attempts);
	return 0;
}

/* @input NULL: only main is merged. */
static int publish_with(const struct session *session, const struct publish_input *input)
{
	struct publication p = {.session = session,
				.profile = input ? input->profile : NULL,
				.files = input && input->files.profile ? &input->files : NULL};
	struct scratch scratch = {.alive_fd = -1};
	int status = EXIT_SETUP, r;

	buf_init(&p.why, SENTENCE_MAX);
	r = scratch_open(session, NULL, NULL, &scratch, &p.why);
	if (r == 0)
		r = git_open(session, scratch.path, &p.git, &p.why);
	if (r == 0)
		status = publish_profile(&p);
	else
		say_error("publish: %s", p.why.len ? p.why.data : strerror(-r));
	branch_close(&p.branch);
	git_close(&p.git);
	scratch_close(&scratch);
	buf_done(&p.why);
	return status;
}

int publish_command(const struct session *session)
{
	struct publish_input input;
	struct buf why;
	int status = EXIT_SETUP, r;

	/* git and all it may start, and foreign files: with the user's rights alone */
	r = identity_become(session->identity);
	if (r < 0) {
		say_error("cannot become %s: %s", session->identity->name, strerror(-r));
		return EXIT_SETUP;
	}
	if (session->options->sync)
		return publish_with(session, NULL);
	buf_init(&why, SENTENCE_MAX);
	r = publish_input_open(session->options->recording, &input, &why);
	if (r < 0) {
		say_error("%s", why.len ? why.data : strerror(-r));
	} else {
		if (input.note)
			say_note(session->options->quiet, "%s", input.note);
		status = publish_with(session, &input);
	}
	publish_input_close(&input);
	buf_done(&why);
	return status;
}
