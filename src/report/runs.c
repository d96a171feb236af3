/* SPDX-License-Identifier: MIT */
#include "runs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_WORD 16

static const char *const best_by_names[NR_BEST_BY] = {
	[BEST_BY_WALL] = "wall",
	[BEST_BY_CPU] = "cpu",
};

static const char *const end_names[NR_SERIES_ENDS] = {
	[SERIES_NO_BETTER] = "no_better", [SERIES_MAX_RUNS] = "max_runs",
	[SERIES_MAX_TIME] = "max_time",	  [SERIES_INTERRUPTED] = "interrupted",
	[SERIES_BROKEN] = "broken",
};

const char *best_by_name(enum best_by by)
{
	return best_by_names[by];
}

const char *series_end_name(enum series_end end)
{
	return end_names[end];
}

int runs_write(const struct run_series *series, struct buf *ret)
{
	int r = buf_addf(ret, "%" PRIu32 " %s %s %zu\n", series->patience,
			 best_by_names[series->best_by], end_names[series->end], series->best);

	for (size_t i = 0; r == 0 && i < series->nr_tried; i++) {
		const struct run_tried *run = &series->tried[i];

		r = buf_addf(ret, "%" PRIu64 " %" PRIu64 " %d\n", run->wall_ns, run->cpu_ns,
			     run->exit_status);
	}
	return r;
}

static int index_of(const char *const *names, size_t nr, const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

static size_t count_lines(const char *text)
{
	size_t nr = 0;

	for (; *text; text = next_line(text))
		nr++;
	return nr;
}

static int read_tried(const char *line, struct run_series *series, size_t nr)
{
	series->tried = calloc(nr, sizeof(*series->tried));
	if (!series->tried)
		return -ENOMEM;
	for (; series->nr_tried < nr; line = next_line(line)) {
		struct run_tried *run = &series->tried[series->nr_tried];

		if (sscanf(line, "%" SCNu64 " %" SCNu64 " %d", &run->wall_ns, &run->cpu_ns,
			   &run->exit_status) != 3)
			return -EBADMSG;
		series->nr_tried++;
	}
	return 0;
}

int runs_read(const char *text, struct run_series *ret)
{
	char by[MAX_WORD], end[MAX_WORD];
	struct run_series series = {0};
	size_t nr = count_lines(text);
	int best_by, why, r;

	*ret = series;
	if (nr < 2 || nr - 1 > RUNS_MAX ||
	    sscanf(text, "%" SCNu32 " %15s %15s %zu", &series.patience, by, end, &series.best) != 4)
		return -EBADMSG;
	best_by = index_of(best_by_names, NR_BEST_BY, by);
	why = index_of(end_names, NR_SERIES_ENDS, end);
	if (best_by < 0 || why < 0 || series.best >= nr - 1)
		return -EBADMSG;
	series.best_by = (enum best_by)best_by;
	series.end = (enum series_end)why;
	r = read_tried(next_line(text), &series, nr - 1);
	if (r < 0)
		free(series.tried);
	else
		*ret = series;
	return r;
}
