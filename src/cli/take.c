/* SPDX-License-Identifier: MIT */
#include "take.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <bprof/maps.h>

#include "buf.h"
#include "say.h"
#include "series.h"

#include "attribute/hook.h"
#include "collect/collect.h"
#include "launch/terminal.h"
#include "report/pipeline.h"
#include "report/runs.h"
#include "report/vm_repeat.h"

#define SENTENCE_MAX   8192
#define RUNS_TEXT_MAX  (1U << 20)
#define SPANS_TO_CHECK 4

/* ---- what a run carries -------------------------------------------------------------------- */

static const char *hook_get(void *ctx, const char *name)
{
	return environment_get(ctx, name);
}

static int hook_set(void *ctx, const char *name, const char *value)
{
	return environment_set(ctx, name, value);
}

bool wants_hook(const struct options *o)
{
	return o->boundaries == BOUNDARIES_AUTO || o->boundaries == BOUNDARIES_HOOK;
}

/* Whose word the tests' frames on the stack are: nobody's, a check of the hook, the only one. */
static unsigned spans_every(const struct options *o)
{
	switch (o->boundaries) {
	case BOUNDARIES_AUTO:
		return SPANS_TO_CHECK;
	case BOUNDARIES_STACK:
		return 1;
	default:
		return 0;
	}
}

static uint32_t needed_meters(const struct options *o)
{
	if (o->consecutive && o->best_by == BEST_BY_CYCLES)
		return 1U << BPROF_METER_CYCLES_USER;
	if (o->consecutive && o->best_by == BEST_BY_INSTRUCTIONS)
		return 1U << BPROF_METER_INSTRUCTIONS_USER;
	return 0;
}

static bool inject_hook(const struct session *session)
{
	const struct hook_environ environ = {
		.get = hook_get,
		.set = hook_set,
		.ctx = session->environment,
		.options = {.collect_garbage = session->options->gc_before_tests ||
					       session->options->counts_vm,
			    .count_from = session->options->counts_vm ? BPROF_VM_COUNT_MAGIC : 0,
			    .skipped = session->options->skip_files},
	};
	int r = hook_inject(&environ);

	if (r < 0)
		say_note(session->options->quiet,
			 "the boundary hook does not fit into LUA_INIT (%s); tests are found by "
			 "their stacks only",
			 strerror(-r));
	return r == 0;
}

/* ---- one run ------------------------------------------------------------------------------- */

static int record_to(const struct session *session, const char *path, bool hook,
		     struct output_file *file, struct record_result *result, int *ret_status)
{
	const struct options *o = session->options;
	char rounds[64];
	struct record_request request = {
		.identity = session->identity,
		.environment = session->environment,
		.inheritance = session->inheritance,
		.path = path,
		.argv = o->command,
		.frequency_hz = o->frequency_hz,
		.period = o->period,
		.event = o->event,
		.boundaries = boundaries_name(o->boundaries),
		.hook = hook,
		.spans_every = spans_every(o),
		.needed_meters = needed_meters(o),
		.jit = o->jit,
		.counts_vm = o->counts_vm,
		.skipped_files = hook ? o->skip_files : NULL,
		.fd = fileno(file->stream),
	};
	struct buf why;
	int r;

	snprintf(rounds, sizeof(rounds), "%u %s", o->consecutive, best_by_name(o->best_by));
	request.rounds = o->warm_repeat ? rounds : NULL;
	buf_init(&why, SENTENCE_MAX);
	r = record_run(&request, result, ret_status, &why);
	if (r < 0)
		say_error("%s", why.len ? why.data : strerror(-r));
	buf_done(&why);
	return r;
}

/* A descriptor to read what was written to @file, whatever becomes of its name. */
static int open_written(const struct output_file *file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(file->stream));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/*
 * Keeps the recording, unless it could not be written to its end: then an older one in its place
 * stays, and this one serves the report only.
 */
static int keep_recording(struct output_file *file, const struct record_result *result,
			  struct buf *why)
{
	if (!result->error)
		return output_file_commit(file, why);
	output_file_abort(file);
	return 0;
}

/* A run and its file in the making. */
struct take {
	struct output_file file;
	struct record_result result;
};

/* 0; else the exit status of bprof-perf, after saying why. */
static int take_one(const struct session *session, const char *path, bool hook,
		    struct output_dir *dir, struct take *ret)
{
	struct terminal_loan loan;
	int status = EXIT_SETUP, r;
	struct buf why;

	*ret = (struct take){0};
	buf_init(&why, SENTENCE_MAX);
	r = output_file_begin(dir, RECORDING_NAME, &ret->file, &why);
	if (r == 0) {
		if (terminal_lend(session->identity, &loan) < 0)
			loan.fd = -1;
		r = record_to(session, path, hook, &ret->file, &ret->result, &status);
		terminal_return(&loan);
		if (r < 0)
			output_file_abort(&ret->file);
	}
	if (why.len)
		say_error("%s", why.data);
	buf_done(&why);
	return r < 0 ? status : 0;
}

/* Gives the recording its name. 0; else the exit status of bprof-perf. */
static int keep_take(struct take *t, int *ret_fd)
{
	struct buf why;
	int r;

	buf_init(&why, SENTENCE_MAX);
	r = *ret_fd = open_written(&t->file);
	if (r >= 0)
		r = keep_recording(&t->file, &t->result, &why);
	else
		output_file_abort(&t->file);
	if (why.len)
		say_error("%s", why.data);
	buf_done(&why);
	return r < 0 ? EXIT_SETUP : 0;
}

/* ---- the best of many ---------------------------------------------------------------------- */

static const char *const ends[NR_SERIES_ENDS] = {
	[SERIES_MAX_RUNS] = "--max-runs is reached",
	[SERIES_MAX_TIME] = "--max-time is reached",
	[SERIES_INTERRUPTED] = "it was interrupted",
	[SERIES_BROKEN] = "a run could not be recorded",
};

/* "1.234 s CPU time", "12345678 cycles" */
static struct buf cost_of(const struct run_series *runs, const struct run_tried *run)
{
	uint64_t cost = best_by_cost(runs->best_by, run);
	struct buf text;
	int r;

	buf_init(&text, 128);
	if (cost == PROFILE_UNKNOWN)
		r = buf_addf(&text, "unknown %s", best_by_text(runs->best_by));
	else if (best_by_is_time(runs->best_by))
		r = buf_addf(&text, "%.3f s %s", (double)cost / 1e9, best_by_text(runs->best_by));
	else
		r = buf_addf(&text, "%llu %s", (unsigned long long)cost,
			     best_by_text(runs->best_by));
	if (r < 0)
		buf_reset(&text);
	return text;
}

static void tell_costs(bool quiet, const struct run_series *runs)
{
	struct buf last = cost_of(runs, &runs->tried[runs->nr_tried - 1]),
		   best = cost_of(runs, &runs->tried[runs->best]);

	say_note(quiet, "run %zu: %s; the best is run %zu: %s", runs->nr_tried,
		 last.len ? last.data : "?", runs->best + 1, best.len ? best.data : "?");
	buf_done(&last);
	buf_done(&best);
}

static void tell_run(const struct session *session, const struct series *s)
{
	const struct run_series *runs = &s->runs;
	const struct run_tried *last = &runs->tried[runs->nr_tried - 1];
	bool quiet = session->options->quiet;

	if (last->exit_status)
		say_note(quiet, "run %zu failed with status %d: it does not count", runs->nr_tried,
			 last->exit_status);
	else
		tell_costs(quiet, runs);
	if (s->over && runs->end == SERIES_NO_BETTER)
		say_note(quiet, "the series ends: %u runs in a row were not better",
			 runs->patience);
	else if (s->over)
		say_note(quiet, "the series ends: %s", ends[runs->end]);
	else
		say_note(quiet, "%u more run%s without a better one end%s it", s->left,
			 s->left == 1 ? "" : "s", s->left == 1 ? "s" : "");
}

static bool was_interrupted(const struct record_result *result)
{
	return result->interrupted || result->left_running || result->died_of ||
	       result->exit_status == 128 + SIGINT || result->exit_status == 128 + SIGTERM;
}

/* Counts @t, and keeps it in *best if it is the best. 0 or -ENOMEM. */
static int consider(const struct session *session, struct series *s, struct take *t,
		    struct take *best)
{
	const struct run_tried run = {.wall_ns = t->result.wall_ns,
				      .cpu_ns = t->result.cpu_ns,
				      .cycles = t->result.cycles,
				      .instructions = t->result.instructions,
				      .exit_status = t->result.exit_status};
	int r = series_add(s, &run);

	if (r < 0) {
		output_file_abort(&t->file);
		return r;
	}
	if (was_interrupted(&t->result))
		series_stop(s, SERIES_INTERRUPTED);
	if (t->result.error)
		series_stop(s, SERIES_BROKEN);
	best->result.died_of = t->result.died_of;
	if (r == 0) {
		output_file_abort(&t->file);
	} else {
		output_file_abort(&best->file);
		*best = *t;
	}
	tell_run(session, s);
	return 0;
}

/* Adds an INFO record to a recording that was written to its end. */
static int append_info(int fd, const char *key, const struct buf *text)
{
	struct recorder *recorder;
	int r = recorder_continue(fd, &recorder);

	if (r < 0)
		return r;
	r = recorder_info(recorder, key, text->data, text->len);
	if (r == 0)
		r = recorder_finish(recorder);
	recorder_free(recorder);
	return r;
}

/* The recording tells of the other runs as well. */
static int add_runs(const struct series *s, struct take *best)
{
	struct buf text;
	int r;

	buf_init(&text, RUNS_TEXT_MAX);
	r = runs_write(&s->runs, &text);
	if (r == 0)
		r = append_info(fileno(best->file.stream), RUNS_KEY, &text);
	buf_done(&text);
	return r;
}

static int take_series(const struct session *session, const char *path, bool hook,
		       struct output_dir *dir, struct take *best)
{
	const struct options *o = session->options;
	struct series s;
	struct take t;
	int status = 0, r = 0;

	series_begin(&s, o->consecutive, o->best_by, o->max_runs,
		     (uint64_t)o->max_seconds * 1000000000U);
	while (!s.over && r == 0 && status == 0) {
		status = take_one(session, path, hook, dir, &t);
		if (status == 0)
			r = consider(session, &s, &t, best);
	}
	if (s.runs.nr_tried == 0) {
		series_done(&s);
		return status ? status : EXIT_SETUP;
	}
	series_stop(&s, SERIES_BROKEN);
	if (!best->result.error) {
		r = add_runs(&s, best);
		if (r < 0)
			say_error("cannot record the other runs: %s", strerror(-r));
	}
	best->result.exit_status = series_exit_status(&s);
	if (series_nr_failed(&s) && s.runs.nr_tried > 1)
		say_error("%zu of %zu runs failed; the exit status is that of the first of them",
			  series_nr_failed(&s), s.runs.nr_tried);
	series_done(&s);
	return 0;
}

/* ---- two runs that are compared ------------------------------------------------------------ */

/* The run before the one that is kept, for its counts alone. 0; else the exit status. */
static int take_earlier(const struct session *session, const char *path, bool hook,
			struct output_dir *dir, struct taken *ret)
{
	struct take t;
	int status = take_one(session, path, hook, dir, &t), r;

	if (status)
		return status;
	r = open_written(&t.file);
	output_file_abort(&t.file);
	ret->earlier_fd = t.result.error ? -1 : r;
	ret->result = t.result;
	say_note(session->options->quiet, "counted once; the second run shows what is the same");
	return 0;
}

static int add_earlier(const struct profile *p, int fd)
{
	struct buf text;
	int r;

	buf_init(&text, RUNS_TEXT_MAX);
	r = vm_repeat_write(p, &text);
	if (r == 0)
		r = append_info(fd, VM_REPEAT_KEY, &text);
	buf_done(&text);
	return r;
}

void taken_compare(struct taken *taken)
{
	struct pipeline *earlier;
	int r;

	if (taken->earlier_fd >= 0 && taken->append_fd >= 0) {
		r = pipeline_run(taken->earlier_fd, &earlier);
		if (r == 0) {
			r = add_earlier(pipeline_profile(earlier), taken->append_fd);
			pipeline_free(earlier);
		}
		if (r < 0)
			say_error("cannot compare with the run before: %s", strerror(-r));
	}
	if (taken->append_fd >= 0)
		close(taken->append_fd);
	taken->append_fd = taken->earlier_fd = -1;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int take_all(const struct session *session, const char *path, bool hook,
		    struct output_dir *dir, struct taken *ret, struct take *best)
{
	int status = 0;

	if (session->options->consecutive && !session->options->warm_repeat)
		return take_series(session, path, hook, dir, best);
	if (session->options->counts_vm)
		status = take_earlier(session, path, hook, dir, ret);
	if (status || (session->options->counts_vm && was_interrupted(&ret->result)))
		return status ? status : EXIT_SETUP;
	return take_one(session, path, hook, dir, best);
}

int take_recording(const struct session *session, const char *path, struct output_dir *dir,
		   struct taken *ret)
{
	bool hook = wants_hook(session->options) && inject_hook(session);
	struct take best = {0};
	int status;

	*ret = (struct taken){.fd = -1, .append_fd = -1, .earlier_fd = -1};
	status = take_all(session, path, hook, dir, ret, &best);
	if (status)
		return status;
	if (ret->earlier_fd >= 0 && !best.result.error)
		ret->append_fd = fcntl(fileno(best.file.stream), F_DUPFD_CLOEXEC, 0);
	if (best.result.exit_status == 0)
		best.result.exit_status = ret->result.exit_status;
	ret->result = best.result;
	return keep_take(&best, &ret->fd);
}
