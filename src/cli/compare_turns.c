/* SPDX-License-Identifier: MIT */
/*
 * compare -- COMMAND: base and head take turns on this machine until the verdicts are clear.
 *
 * A B B A, each second pair the other way round than the one before it, the first by chance: what
 * drifts while they run falls on both sides alike. After 10 pairs a look; while something is
 * undecided, after 20 and 30 another, without the files in which everything is decided. The chance
 * of a false alarm is shared out among the looks.
 *
 * Two processes: one stays root and starts recorders, the other has the user's rights alone, reads
 * and judges. Whatever ends us, the runs under way are ended and the scratch directory is removed.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "say.h"
#include "stop.h"
#include "turns.h"

#define TAIL_LINES 12

/* ---- one run ------------------------------------------------------------------------------- */

static int explain(const struct turns *t, enum side side, const char *what)
{
	say_error("%s (%s): %s; it said:", turns_side_names[side], t->names[side], what);
	say_tail(t->log, TAIL_LINES);
	return -EPROTO;
}

static int run_into(struct turns *t, enum side side, const char *directory)
{
	const struct pair_run run = {.directory = directory,
				     .counted = t->session->options->rule.metric ==
						METRIC_VM_INSTRUCTIONS,
				     .skipped = t->skipped};
	CLEANUP(cleanup_free) char *profile = NULL;
	int r = pair_runner_run(&t->runner, side, &run, &stopped_by);

	if (r == -ECANCELED)
		return r;
	if (r < 0) {
		say_error("cannot run %s: %s", turns_side_names[side], strerror(-r));
		return r;
	}
	if (asprintf(&profile, "%s/profile.json", directory) < 0) {
		profile = NULL;
		return -ENOMEM;
	}
	if (access(profile, F_OK) < 0)
		return explain(t, side, "the run could not be recorded");
	return 0;
}

/* The first run of each side is not counted: it fills caches, and shows whether there are tests. */
static int warm_up(struct turns *t, enum side side)
{
	CLEANUP(cleanup_free) char *directory = NULL;
	struct compare *first;
	size_t nr_tests = 0;
	int r;

	if (asprintf(&directory, "%s/first/%s", t->scratch.path, turns_side_names[side]) < 0) {
		directory = NULL;
		return -ENOMEM;
	}
	r = run_into(t, side, directory);
	if (r < 0)
		return r;
	r = compare_new((const char *const *)t->names, &first);
	if (r < 0)
		return r;
	r = compare_read(first, side, directory);
	nr_tests = compare_nr_tests(first, side);
	compare_free(first);
	if (r >= 0 && nr_tests == 0)
		return explain(t, side, "no tests were seen");
	return r < 0 ? r : 0;
}

/* ---- the deterministic rung ---------------------------------------------------------------- */

static int count_side(struct turns *t, enum side side)
{
	CLEANUP(cleanup_free) char *directory = NULL, *profile = NULL;
	struct pair_run run = {.counted = true};
	int r;

	if (asprintf(&directory, "%s/%s/counted", t->runs, turns_side_names[side]) < 0 ||
	    asprintf(&profile, "%s/profile.json", directory) < 0)
		return -ENOMEM;
	run.directory = directory;
	r = pair_runner_run(&t->runner, side, &run, &stopped_by);
	if (r >= 0 && access(profile, F_OK) < 0)
		r = -ENOENT;
	if (r < 0 && access(directory, F_OK) == 0)
		(void)!remove_tree(directory);
	return r < 0 ? r : compare_read(t->compare, side, directory);
}

static const char *count_sides(struct turns *t)
{
	const struct options *o = t->session->options;
	int r = 0;

	if (o->no_count)
		return "--no-count was given";
	say_note(o->quiet, "counting instructions of the Lua VM, twice a side");
	for (size_t side = 0; side < NR_SIDES && r >= 0; side++)
		r = count_side(t, (enum side)side);
	if (r == -ECANCELED)
		return "the comparison was stopped before";
	return r < 0 ? "a run with --mode=count could not be recorded" : NULL;
}

/* Before the pairs: whoever stops them has at least what no neighbour disturbs. */
static void count(struct turns *t)
{
	if (t->session->options->rule.metric != METRIC_VM_INSTRUCTIONS)
		t->why_not_counted = count_sides(t);
}

/* ---- pairs --------------------------------------------------------------------------------- */

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The first of two pairs begins with a side by chance, the second with the other. */
static bool base_begins(struct turns *t)
{
	unsigned char byte = 0;

	if (t->nr_pairs % 2) {
		t->base_first = !t->base_first;
	} else if (getrandom(&byte, 1, 0) == 1) {
		t->base_first = byte & 1;
	}
	return t->base_first;
}

static char *directory_of(const struct turns *t, enum side side)
{
	char *directory;

	return asprintf(&directory, "%s/%s/%03u", t->runs, turns_side_names[side],
			t->nr_pairs + 1) < 0
		       ? NULL
		       : directory;
}

static int run_both(struct turns *t, char *const directories[NR_SIDES])
{
	enum side first = base_begins(t) ? SIDE_BASE : SIDE_HEAD;
	int r = run_into(t, first, directories[first]);

	if (r == 0)
		r = run_into(t, SIDE_HEAD - first, directories[SIDE_HEAD - first]);
	for (size_t side = 0; side < NR_SIDES && r >= 0; side++)
		r = compare_read(t->compare, (enum side)side, directories[side]);
	return r < 0 ? r : 0;
}

/* Half a pair is none. */
static int run_pair(struct turns *t)
{
	char *directories[NR_SIDES] = {directory_of(t, SIDE_BASE), directory_of(t, SIDE_HEAD)};
	int r = directories[SIDE_BASE] && directories[SIDE_HEAD] ? 0 : -ENOMEM;

	if (r == 0)
		r = run_both(t, directories);
	for (size_t side = 0; side < NR_SIDES; side++) {
		if (r < 0 && directories[side] && access(directories[side], F_OK) == 0)
			(void)!remove_tree(directories[side]);
		free(directories[side]);
	}
	if (r == 0)
		t->nr_pairs++;
	return r;
}

/* One line that counts on a terminal, one for every pair elsewhere. */
static void show_progress(const struct turns *t, unsigned goal, double pair_seconds)
{
	bool terminal = isatty(STDERR_FILENO);

	if (t->session->options->quiet)
		return;
	fprintf(stderr, "%sbprof-perf: pair %u of %u, %.1f s each%s", terminal ? "\r" : "",
		t->nr_pairs, goal, pair_seconds, terminal ? "   " : "\n");
	if (terminal && t->nr_pairs == goal)
		fputc('\n', stderr);
	fflush(stderr);
}

static int run_until(struct turns *t, unsigned goal)
{
	int r = 0;

	while (r == 0 && t->nr_pairs < goal) {
		double start = seconds_now();

		r = run_pair(t);
		if (r == 0)
			show_progress(t, goal, seconds_now() - start);
	}
	return r;
}

/* ---- looks --------------------------------------------------------------------------------- */

static int look(struct turns *t, double share)
{
	struct compare_opts rule = t->session->options->rule;

	rule.share = share;
	rule.why_not_counted = t->why_not_counted;
	rule.excuse = t->excuse;
	return compare_judge(t->compare, &rule, &t->comparison);
}

static int leave_out_decided(struct turns *t)
{
	const char **files;
	size_t nr;
	int r = compare_decided_files(t->compare, &files, &nr);

	if (r < 0)
		return r;
	free(t->skipped);
	t->skipped = files;
	if (nr > 0)
		say_note(t->session->options->quiet,
			 "leaving out %zu file%s in which everything is decided", nr,
			 nr == 1 ? "" : "s");
	return 0;
}

static int run_looks(struct turns *t)
{
	unsigned wanted = t->session->options->pairs;
	int r = 0;

	if (wanted) {
		r = run_until(t, wanted);
		return t->nr_pairs && look(t, 1) < 0 ? -ENOMEM : r;
	}
	for (size_t i = 0; i < NR_COMPARE_LOOKS && r == 0; i++) {
		r = run_until(t, compare_looks[i].pairs);
		if (t->nr_pairs && look(t, compare_looks[i].share) < 0)
			return -ENOMEM;
		if (r < 0 || t->comparison->nr_undecided == 0)
			break;
		if (i + 1 == NR_COMPARE_LOOKS)
			break;
		say_note(t->session->options->quiet,
			 "%zu of %zu are undecided after %u pairs: going on",
			 t->comparison->nr_undecided, t->comparison->nr_elements, t->nr_pairs);
		r = leave_out_decided(t);
	}
	return r;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int conclude(struct turns *t, int r)
{
	int status;

	if (t->nr_pairs == 0) {
		if (stopped_by)
			say_error("stopped before the first pair was finished");
		return stopped_by ? 128 + stopped_by : EXIT_SETUP;
	}
	if (stopped_by)
		say_note(t->session->options->quiet, "stopped: the %u finished pairs count",
			 t->nr_pairs);
	status = compare_conclude(t->session, t->compare, t->comparison);
	return r < 0 && r != -ECANCELED ? EXIT_SETUP : status;
}

static int take_turns(struct turns *t)
{
	int r = turns_set_up(t);

	if (r == 0)
		r = compare_new((const char *const *)t->names, &t->compare);
	for (size_t side = 0; side < NR_SIDES && r == 0; side++)
		r = warm_up(t, (enum side)side);
	if (r == 0) {
		count(t);
		r = run_looks(t);
	}
	if (r == -ENOMEM)
		say_error("out of memory");
	return conclude(t, r);
}

int compare_in_turns(const struct session *session)
{
	struct turns t = {.session = session, .scratch = {.alive_fd = -1}, .runner = {.fd = -1}};
	int status;

	if (session->identity->note)
		say_note(session->options->quiet, "%s", session->identity->note);
	stop_on_signals();
	status = take_turns(&t);
	turns_done(&t);
	return status;
}
