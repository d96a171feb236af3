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
	[BEST_BY_CYCLES] = "cycles",
	[BEST_BY_INSTRUCTIONS] = "instructions",
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

const char *best_by_text(enum best_by by)
{
	static const char *const texts[NR_BEST_BY] = {
		[BEST_BY_WALL] = "wall time",
		[BEST_BY_CPU] = "CPU time",
		[BEST_BY_CYCLES] = "cycles",
		[BEST_BY_INSTRUCTIONS] = "instructions",
	};

	return texts[by];
}

bool best_by_is_time(enum best_by by)
{
	return by == BEST_BY_WALL || by == BEST_BY_CPU;
}

uint64_t best_by_cost(enum best_by by, const struct run_tried *run)
{
	switch (by) {
	case BEST_BY_CPU:
		return run->cpu_ns;
	case BEST_BY_CYCLES:
		return run->cycles;
	case BEST_BY_INSTRUCTIONS:
		return run->instructions;
	case BEST_BY_WALL:
	case NR_BEST_BY:
		break;
	}
	return run->wall_ns;
}

const char *series_end_name(enum series_end end)
{
	return end_names[end];
}

/* " -": not counted */
static int add_counted(struct buf *ret, uint64_t count)
{
	return count == PROFILE_UNKNOWN ? buf_addstr(ret, " -") : buf_addf(ret, " %" PRIu64, count);
}

int runs_write(const struct run_series *series, struct buf *ret)
{
	int r = buf_addf(ret, "%" PRIu32 " %s %s %zu\n", series->patience,
			 best_by_names[series->best_by], end_names[series->end], series->best);

	for (size_t i = 0; r == 0 && i < series->nr_tried; i++) {
		const struct run_tried *run = &series->tried[i];

		r = buf_addf(ret, "%" PRIu64 " %" PRIu64 " %d", run->wall_ns, run->cpu_ns,
			     run->exit_status);
		if (r == 0)
			r = add_counted(ret, run->cycles);
		if (r == 0)
			r = add_counted(ret, run->instructions);
		if (r == 0)
			r = buf_addstr(ret, "\n");
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

static bool read_counted(const char *word, uint64_t *ret)
{
	*ret = PROFILE_UNKNOWN;
	return strcmp(word, "-") == 0 || sscanf(word, "%" SCNu64, ret) == 1;
}

/* Recordings from before counters were among the figures have three words in a line. */
static bool read_run(const char *line, struct run_tried *run)
{
	char cycles[MAX_WORD * 2] = "-", instructions[MAX_WORD * 2] = "-";
	int nr = sscanf(line, "%" SCNu64 " %" SCNu64 " %d%*[ ]%31[0-9-]%*[ ]%31[0-9-]",
			&run->wall_ns, &run->cpu_ns, &run->exit_status, cycles, instructions);

	return (nr == 3 || nr == 5) && read_counted(cycles, &run->cycles) &&
	       read_counted(instructions, &run->instructions);
}

static int read_tried(const char *line, struct run_series *series, size_t nr)
{
	series->tried = calloc(nr, sizeof(*series->tried));
	if (!series->tried)
		return -ENOMEM;
	for (; series->nr_tried < nr; line = next_line(line)) {
		struct run_tried *run = &series->tried[series->nr_tried];

		if (!read_run(line, run))
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
