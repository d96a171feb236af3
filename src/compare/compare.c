/* SPDX-License-Identifier: MIT */
/* Read this first: runs come in, one by one; a look at them makes a comparison. */
#include "compare_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "judge.h"

/* ---- words --------------------------------------------------------------------------------- */

static const struct {
	const char *name, *text, *unit;
	bool time;
} metrics[NR_METRICS] = {
	[METRIC_CYCLES] = {"cycles", "CPU cycles", "cycles", false},
	[METRIC_INSTRUCTIONS] = {"instructions", "instructions", "instructions", false},
	[METRIC_VM_INSTRUCTIONS] = {"vm-instructions", "instructions of the Lua VM", "instructions",
				    false},
	[METRIC_CPU] = {"cpu", "CPU time", "nanoseconds", true},
	[METRIC_WALL] = {"wall", "wall time", "nanoseconds", true},
};

const char *metric_name(enum metric metric)
{
	return metrics[metric].name;
}

const char *metric_text(enum metric metric)
{
	return metrics[metric].text;
}

const char *metric_unit(enum metric metric)
{
	return metrics[metric].unit;
}

bool metric_is_time(enum metric metric)
{
	return metrics[metric].time;
}

const char *rung_name(enum rung rung)
{
	static const char *const names[NR_RUNGS] = {
		[RUNG_COUNTED] = "counted",
		[RUNG_DETERMINISTIC] = "deterministic",
		[RUNG_PAIRED_TIMING] = "paired timing",
		[RUNG_TREND] = "trend only",
	};

	return names[rung];
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[NR_VERDICTS] = {
		[VERDICT_SLOWER] = "slower", [VERDICT_NOISY] = "noisy", [VERDICT_FASTER] = "faster",
		[VERDICT_SAME] = "same",     [VERDICT_TREND] = "trend",
	};

	return names[verdict];
}

const char *verdict_text(enum verdict verdict)
{
	static const char *const names[NR_VERDICTS] = {
		[VERDICT_SLOWER] = "slower",	[VERDICT_NOISY] = "too noisy to call",
		[VERDICT_FASTER] = "faster",	[VERDICT_SAME] = "same",
		[VERDICT_TREND] = "trend only",
	};

	return names[verdict];
}

const char *element_kind_name(enum element_kind kind)
{
	static const char *const names[NR_ELEMENT_KINDS] = {
		[ELEMENT_SUITE] = "suite", [ELEMENT_FILE] = "file", [ELEMENT_TEST] = "test"};

	return names[kind];
}

const struct compare_look compare_looks[NR_COMPARE_LOOKS] = {{10, 0.2}, {20, 0.3}, {30, 0.5}};

/* ---- runs ---------------------------------------------------------------------------------- */

int compare_new(const char *const names[NR_SIDES], struct compare **ret)
{
	struct compare *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->result.names[SIDE_BASE] = names[SIDE_BASE];
	c->result.names[SIDE_HEAD] = names[SIDE_HEAD];
	*ret = c;
	return 0;
}

/* The names of the sides outlive every look. */
static void forget_result(struct compare *c)
{
	struct comparison *r = &c->result;

	for (size_t i = 0; i < c->nr_texts; i++)
		free(c->texts[i]);
	c->nr_texts = 0;
	free(r->elements);
	free(r->added);
	free(r->removed);
	free(r->renamed);
	free(r->left_out);
	free(r->notes);
	*r = (struct comparison){.names = {r->names[SIDE_BASE], r->names[SIDE_HEAD]}};
}

void compare_free(struct compare *c)
{
	if (!c)
		return;
	forget_result(c);
	runs_done(&c->timed);
	runs_done(&c->counted);
	free(c->texts);
	free(c);
}

int compare_add(struct compare *c, enum side side, const char *text, size_t len, struct buf *why)
{
	struct run *run;
	int r = run_parse(text, len, &run, why);

	if (r < 0)
		return r;
	r = runs_add(run->counted ? &c->counted : &c->timed, side, run);
	run_free(run);
	return r;
}

size_t compare_nr_tests(const struct compare *c, enum side side)
{
	size_t nr = 0;

	for (size_t i = 0; i < c->timed.nr[side]; i++)
		nr += c->timed.runs[side][i].nr_tests;
	for (size_t i = 0; i < c->counted.nr[side]; i++)
		nr += c->counted.runs[side][i].nr_tests;
	return nr;
}

const char *compare_text(struct compare *c, const char *fmt, ...)
{
	va_list args;
	char *text;
	int r;

	if (c->nr_texts == c->room_texts) {
		size_t room = c->room_texts ? c->room_texts * 2 : 16;
		char **texts = reallocarray(c->texts, room, sizeof(*texts));

		if (!texts)
			return NULL;
		c->texts = texts;
		c->room_texts = room;
	}
	va_start(args, fmt);
	r = vasprintf(&text, fmt, args);
	va_end(args);
	if (r < 0)
		return NULL;
	return c->texts[c->nr_texts++] = text;
}

/* ---- what is compared ---------------------------------------------------------------------- */

bool subject_is_in(const struct subject *s, enum side side, size_t nr_runs)
{
	for (size_t run = 0; run < nr_runs; run++)
		if (runs_figures(s, side, run))
			return true;
	return false;
}

struct compared_test compared_test(const struct subject *s)
{
	return (struct compared_test){.id = s->id,
				      .name = s->name,
				      .file = s->file,
				      .source = s->source,
				      .line = s->line};
}

static bool run_has(const struct runs *runs, enum side side, size_t run, enum metric metric)
{
	for (size_t i = 0; i < runs->nr_subjects; i++) {
		const struct figures *f = runs_figures(runs->subjects[i], side, run);

		if (f && (f->status == RUN_SOUND || f->status == RUN_DISTURBED) &&
		    f->body[metric] != FIGURE_UNKNOWN)
			return true;
	}
	return false;
}

static bool everyone_has(const struct runs *runs, enum metric metric)
{
	for (size_t side = 0; side < NR_SIDES; side++)
		for (size_t run = 0; run < runs->nr[side]; run++)
			if (!run_has(runs, (enum side)side, run, metric))
				return false;
	return true;
}

static enum metric choose_metric(const struct runs *runs, enum metric wanted)
{
	static const enum metric by_trust[] = {METRIC_CYCLES, METRIC_INSTRUCTIONS,
					       METRIC_VM_INSTRUCTIONS, METRIC_CPU};

	if (wanted != NR_METRICS)
		return wanted;
	for (size_t i = 0; i < ARRAY_SIZE(by_trust); i++)
		if (everyone_has(runs, by_trust[i]))
			return by_trust[i];
	return METRIC_CPU;
}

/* ---- a look -------------------------------------------------------------------------------- */

static void count_verdicts(struct comparison *r)
{
	size_t nr_counted_failing = 0;

	for (size_t i = 0; i < r->nr_elements; i++) {
		const struct element *e = &r->elements[i];

		r->nr_by_verdict[e->kind][e->verdict]++;
		r->nr_failing += e->fails;
		r->nr_counted += e->counted.known;
		nr_counted_failing += e->counted.fails;
		r->nr_undecided += e->undecided;
	}
	r->gate_fails = (r->nr_failing > 0 && r->rung != RUNG_TREND) || nr_counted_failing > 0;
}

/* What is excused is said, and only where something would have failed. */
static int apply_excuse(struct compare *c, const char *excuse)
{
	if (!excuse || !c->result.gate_fails)
		return 0;
	c->result.gate_fails = false;
	return compare_note(c, compare_text(c, "%s", excuse));
}

static void describe(struct compare *c, const struct compare_opts *opts)
{
	struct comparison *r = &c->result;

	r->metric = choose_metric(c->runs, opts->metric);
	r->warn_at = opts->warn_at;
	r->fail_at = opts->fail_at;
	r->floor = metric_is_time(r->metric)		 ? opts->floor_ns
		   : r->metric == METRIC_VM_INSTRUCTIONS ? opts->floor_vm
							 : opts->floor_count;
	r->floor_vm = opts->floor_vm;
	r->nr_runs[SIDE_BASE] = c->runs->nr[SIDE_BASE];
	r->nr_runs[SIDE_HEAD] = c->runs->nr[SIDE_HEAD];
}

static bool has_both(const struct runs *runs)
{
	return runs->nr[SIDE_BASE] > 0 && runs->nr[SIDE_HEAD] > 0;
}

static int choose_runs(struct compare *c)
{
	bool any_counted = c->counted.nr[SIDE_BASE] > 0 || c->counted.nr[SIDE_HEAD] > 0;

	if (any_counted && !has_both(&c->timed) && !has_both(&c->counted))
		return -EDOM;
	c->runs = has_both(&c->timed) || !any_counted ? &c->timed : &c->counted;
	partial_look(c);
	return 0;
}

int compare_judge(struct compare *c, const struct compare_opts *opts, const struct comparison **ret)
{
	CLEANUP(cleanup_free) struct run_pair *pairs = NULL;
	int r = choose_runs(c);

	if (r < 0)
		return r;
	forget_result(c);
	describe(c, opts);
	r = runs_pair(c->runs, &pairs, &c->result.nr_pairs);
	if (r == 0)
		r = compare_circumstances(c);
	if (r == 0)
		r = compare_names(c);
	if (r == 0)
		r = compare_elements(c, pairs);
	if (r == 0)
		r = partial_notes(c, pairs);
	if (r == 0)
		r = judge_call(c->result.elements, c->result.nr_elements, opts, c->result.floor);
	if (r == 0)
		r = compare_counted(c, opts);
	if (r < 0)
		return r;
	count_verdicts(&c->result);
	*ret = &c->result;
	return apply_excuse(c, opts->excuse);
}
