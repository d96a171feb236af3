/* SPDX-License-Identifier: MIT */
#include "runs.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "rank_tests.h"

#define MOST_REPEATED 500 /* repetitions of a test in one run that are looked at */

static int compare_subjects(const void *left, const void *right)
{
	return strcmp(((const struct subject *)left)->id, ((const struct subject *)right)->id);
}

/* ---- subjects ------------------------------------------------------------------------------ */

static void free_subject(struct subject *s)
{
	for (size_t side = 0; side < NR_SIDES; side++) {
		free(s->figures[side]);
		free(s->repeated[side]);
	}
	free(s->id);
	free(s->name);
	free(s->file);
	free(s->source);
	free(s);
}

static void take_names(struct subject *to, struct run_test *from)
{
	to->id = from->id;
	to->name = from->name;
	to->file = from->file;
	to->source = from->source;
	to->line = from->line;
	from->id = from->name = from->file = from->source = NULL;
}

static int keep_subject(struct runs *runs, struct subject *s)
{
	if (runs->nr_subjects == runs->room_subjects) {
		size_t room = runs->room_subjects ? runs->room_subjects * 2 : 64;
		struct subject **subjects =
			reallocarray(runs->subjects, room, sizeof(struct subject *));

		if (!subjects)
			return -ENOMEM;
		runs->subjects = subjects;
		runs->room_subjects = room;
	}
	if (!tsearch(s, &runs->by_id, compare_subjects))
		return -ENOMEM;
	runs->subjects[runs->nr_subjects++] = s;
	return 0;
}

static struct subject *subject_of(struct runs *runs, struct run_test *test)
{
	struct subject key = {.id = test->id}, *s, **found;

	found = tfind(&key, &runs->by_id, compare_subjects);
	if (found)
		return *found;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	take_names(s, test);
	if (keep_subject(runs, s) == 0)
		return s;
	free_subject(s);
	return NULL;
}

const struct subject *runs_find(const struct runs *runs, const char *id)
{
	struct subject key = {.id = (char *)(uintptr_t)id}, **found;

	found = tfind(&key, &runs->by_id, compare_subjects);
	return found ? *found : NULL;
}

/* ---- figures ------------------------------------------------------------------------------- */

static int add_repeated(struct subject *s, enum side side, const struct figures *figures)
{
	size_t nr = s->nr_repeated[side];
	struct figures *all;

	if (nr >= MOST_REPEATED)
		return 0;
	if (nr == 0 || (nr & (nr - 1)) == 0) { /* room for the next power of two */
		all = reallocarray(s->repeated[side], nr ? nr * 2 : 1, sizeof(*all));
		if (!all)
			return -ENOMEM;
		s->repeated[side] = all;
	}
	s->repeated[side][nr] = *figures;
	s->nr_repeated[side]++;
	return 0;
}

static struct figures *room_for(struct subject *s, enum side side, size_t run)
{
	if (run >= s->room[side]) {
		size_t room = run < 4 ? 4 : (run + 1) * 3 / 2;
		struct figures *all = reallocarray(s->figures[side], room, sizeof(*all));

		if (!all)
			return NULL;
		memset(all + s->room[side], 0, (room - s->room[side]) * sizeof(*all));
		s->figures[side] = all;
		s->room[side] = room;
	}
	return &s->figures[side][run];
}

/* The worst end counts: a test that failed once in a run failed in it. */
static enum run_status worse(enum run_status a, enum run_status b)
{
	static const unsigned badness[] = {
		[RUN_ABSENT] = 0,  [RUN_SOUND] = 1,  [RUN_DISTURBED] = 2,
		[RUN_PENDING] = 3, [RUN_FAILED] = 4, [RUN_CUT] = 5,
	};

	return badness[a] >= badness[b] ? a : b;
}

static uint64_t median_figure(const struct figures *all, size_t nr, size_t metric, bool whole,
			      double *scratch)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t value = whole ? all[i].whole[metric] : all[i].body[metric];

		if (value == FIGURE_UNKNOWN)
			return FIGURE_UNKNOWN;
		scratch[i] = (double)value;
	}
	return (uint64_t)median_of(scratch, nr);
}

/* Of the repetitions of one run. */
static int summarize(const struct figures *all, size_t nr, struct figures *ret)
{
	CLEANUP(cleanup_free) double *scratch = NULL;

	*ret = all[0];
	if (nr == 1)
		return 0;
	scratch = calloc(nr, sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	for (size_t i = 1; i < nr; i++) {
		ret->status = worse(ret->status, all[i].status);
		ret->vm_repeats &= all[i].vm_repeats;
	}
	for (size_t m = 0; m < NR_METRICS; m++) {
		ret->body[m] = median_figure(all, nr, m, false, scratch);
		ret->whole[m] = median_figure(all, nr, m, true, scratch);
	}
	return 0;
}

static int close_run(struct runs *runs, enum side side, size_t run)
{
	for (size_t i = 0; i < runs->nr_subjects; i++) {
		struct subject *s = runs->subjects[i];
		struct figures *figures;
		int r;

		if (s->nr_repeated[side] == 0)
			continue;
		figures = room_for(s, side, run);
		r = figures ? summarize(s->repeated[side], s->nr_repeated[side], figures) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Repetitions are kept of a side's only run; a second run makes runs the values. */
static void forget_repeated(struct runs *runs, enum side side)
{
	for (size_t i = 0; i < runs->nr_subjects; i++)
		runs->subjects[i]->nr_repeated[side] = 0;
}

const struct figures *runs_figures(const struct subject *s, enum side side, size_t run)
{
	if (run >= s->room[side] || s->figures[side][run].status == RUN_ABSENT)
		return NULL;
	return &s->figures[side][run];
}

/* ---- runs ---------------------------------------------------------------------------------- */

static int compare_names_of_files(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

bool runs_skipped(const struct runs *runs, enum side side, size_t run, const char *file)
{
	const struct one_run *one = &runs->runs[side][run];

	if (!file)
		return one->nr_skipped > 0;
	return one->nr_skipped > 0 && bsearch(&file, one->skipped, one->nr_skipped, sizeof(char *),
					      compare_names_of_files);
}

static int keep_run(struct runs *runs, enum side side, struct run *run)
{
	struct one_run *one;

	if (runs->nr[side] == runs->room[side]) {
		size_t room = runs->room[side] ? runs->room[side] * 2 : 16;
		struct one_run *all = reallocarray(runs->runs[side], room, sizeof(*all));

		if (!all)
			return -ENOMEM;
		runs->runs[side] = all;
		runs->room[side] = room;
	}
	one = &runs->runs[side][runs->nr[side]++];
	*one = (struct one_run){
		.started_at = run->started_at,
		.complete = run->complete,
		.nr_tests = run->nr_tests,
		.skipped = run->skipped,
		.nr_skipped = run->nr_skipped,
	};
	if (one->nr_skipped > 0)
		qsort(one->skipped, one->nr_skipped, sizeof(char *), compare_names_of_files);
	run->skipped = NULL;
	run->nr_skipped = 0;
	memcpy(one->circumstances, run->circumstances, sizeof(one->circumstances));
	run->started_at = NULL;
	memset(run->circumstances, 0, sizeof(run->circumstances));
	return 0;
}

int runs_add(struct runs *runs, enum side side, struct run *run)
{
	int r = keep_run(runs, side, run);

	forget_repeated(runs, side);
	for (size_t i = 0; i < run->nr_tests && r == 0; i++) {
		struct subject *s = subject_of(runs, &run->tests[i]);

		r = s ? add_repeated(s, side, &run->tests[i].figures) : -ENOMEM;
	}
	return r ? r : close_run(runs, side, runs->nr[side] - 1);
}

void runs_done(struct runs *runs)
{
	for (size_t i = 0; i < runs->nr_subjects; i++) {
		tdelete(runs->subjects[i], &runs->by_id, compare_subjects);
		free_subject(runs->subjects[i]);
	}
	free(runs->subjects);
	for (size_t side = 0; side < NR_SIDES; side++) {
		for (size_t i = 0; i < runs->nr[side]; i++) {
			for (size_t c = 0; c < NR_CIRCUMSTANCES; c++)
				free(runs->runs[side][i].circumstances[c]);
			for (size_t k = 0; k < runs->runs[side][i].nr_skipped; k++)
				free(runs->runs[side][i].skipped[k]);
			free(runs->runs[side][i].skipped);
			free(runs->runs[side][i].started_at);
		}
		free(runs->runs[side]);
	}
	*runs = (struct runs){0};
}

/* ---- pairs --------------------------------------------------------------------------------- */

struct start {
	const char *time;
	enum side side;
	size_t run;
};

static int compare_starts(const void *left, const void *right)
{
	const struct start *a = left, *b = right;
	int order = strcmp(a->time, b->time);

	return order ? order : (a->run > b->run) - (a->run < b->run);
}

static bool take_turns(const struct start *starts, size_t nr)
{
	for (size_t i = 0; i + 1 < nr; i += 2)
		if (starts[i].side == starts[i + 1].side)
			return false;
	return true;
}

int runs_pair(const struct runs *runs, struct run_pair **ret, size_t *ret_nr)
{
	size_t nr = runs->nr[SIDE_BASE] + runs->nr[SIDE_HEAD], at = 0;
	CLEANUP(cleanup_free) struct start *starts = calloc(nr + 1, sizeof(*starts));
	struct run_pair *pairs = calloc(nr / 2 + 1, sizeof(*pairs));

	*ret_nr = 0;
	*ret = pairs;
	if (!starts || !pairs)
		return -ENOMEM;
	for (size_t side = 0; side < NR_SIDES; side++)
		for (size_t i = 0; i < runs->nr[side]; i++) {
			const char *time = runs->runs[side][i].started_at;

			if (!time)
				return 0;
			starts[at++] = (struct start){time, (enum side)side, i};
		}
	qsort(starts, nr, sizeof(*starts), compare_starts);
	if (runs->nr[SIDE_BASE] != runs->nr[SIDE_HEAD] || !take_turns(starts, nr))
		return 0;
	for (size_t i = 0; i < nr; i++)
		pairs[i / 2].runs[starts[i].side] = starts[i].run;
	*ret_nr = nr / 2;
	return 0;
}
