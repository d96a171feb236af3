/* SPDX-License-Identifier: MIT */
#include "series.h"

#include <errno.h>

void series_begin(struct series *s, uint32_t patience, enum best_by by, size_t max_runs,
		  uint64_t max_ns)
{
	*s = (struct series){.runs = {.patience = patience, .best_by = by},
			     .max_runs = max_runs,
			     .max_ns = max_ns,
			     .left = patience};
}

void series_done(struct series *s)
{
	free(s->runs.tried);
	s->runs.tried = NULL;
}

static uint64_t cost_of(const struct series *s, const struct run_tried *run)
{
	return best_by_cost(s->runs.best_by, run);
}

static bool is_better(const struct series *s, const struct run_tried *run)
{
	const struct run_tried *best = &s->runs.tried[s->runs.best];

	if (run->exit_status != 0)
		return false;
	return best->exit_status != 0 || cost_of(s, run) < cost_of(s, best);
}

static void look_for_the_end(struct series *s)
{
	if (s->left == 0)
		series_stop(s, SERIES_NO_BETTER);
	else if (s->runs.nr_tried >= s->max_runs)
		series_stop(s, SERIES_MAX_RUNS);
	else if (s->spent_ns >= s->max_ns)
		series_stop(s, SERIES_MAX_TIME);
}

int series_add(struct series *s, const struct run_tried *run)
{
	struct run_series *runs = &s->runs;
	struct run_tried *more =
		reallocarray(runs->tried, runs->nr_tried + 1, sizeof(*runs->tried));
	bool first = runs->nr_tried == 0, better;

	if (!more)
		return -ENOMEM;
	runs->tried = more;
	runs->tried[runs->nr_tried] = *run;
	better = first ? run->exit_status == 0 : is_better(s, run);
	if (better)
		runs->best = runs->nr_tried;
	s->left = better ? runs->patience : s->left - 1;
	runs->nr_tried++;
	s->spent_ns += run->wall_ns;
	look_for_the_end(s);
	return better || first;
}

void series_stop(struct series *s, enum series_end why)
{
	if (s->over)
		return;
	s->runs.end = why;
	s->over = true;
}

int series_exit_status(const struct series *s)
{
	for (size_t i = 0; i < s->runs.nr_tried; i++)
		if (s->runs.tried[i].exit_status != 0)
			return s->runs.tried[i].exit_status;
	return 0;
}

size_t series_nr_failed(const struct series *s)
{
	size_t nr = 0;

	for (size_t i = 0; i < s->runs.nr_tried; i++)
		nr += s->runs.tried[i].exit_status != 0;
	return nr;
}
