/* SPDX-License-Identifier: MIT */
#include "rounds.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_ROUNDS 100000 /* of --repeat */

static uint32_t last_round(const struct profile *p)
{
	uint32_t last = 0;

	for (size_t i = 0; i < p->nr_tests; i++)
		if (p->tests[i].iteration > last)
			last = p->tests[i].iteration;
	return last;
}

/* One part that is not known leaves the sum unknown. */
static void add(uint64_t *sum, uint64_t part)
{
	*sum = *sum == PROFILE_UNKNOWN || part == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : *sum + part;
}

static void add_costs(struct run_tried *round, const struct costs *c)
{
	add(&round->wall_ns, c->wall_ns);
	add(&round->cpu_ns, c->cpu_ns);
	add(&round->cycles, c->meters.value[BPROF_METER_CYCLES_USER]);
	add(&round->instructions, c->meters.value[BPROF_METER_INSTRUCTIONS_USER]);
}

static bool is_good(const struct test *t)
{
	return !t->incomplete && (t->status == TEST_SUCCESS || t->status == TEST_PENDING);
}

static bool is_better(enum best_by by, const struct run_tried *round, const struct run_tried *best)
{
	if (round->exit_status != 0 || best->exit_status != 0)
		return round->exit_status < best->exit_status;
	return best_by_cost(by, round) < best_by_cost(by, best);
}

/* As for runs: until as many in a row as asked for were not better. */
static void find_best(struct run_series *s)
{
	uint32_t left = s->patience;

	for (size_t i = 1; i < s->nr_tried && left > 0; i++) {
		if (is_better(s->best_by, &s->tried[i], &s->tried[s->best])) {
			s->best = i;
			left = s->patience;
		} else {
			left--;
		}
	}
	s->end = left == 0 ? SERIES_NO_BETTER : SERIES_MAX_RUNS;
}

static int read_request(const char *text, struct run_series *ret)
{
	char by[16];

	if (sscanf(text, "%" SCNu32 " %15s", &ret->patience, by) != 2 || ret->patience == 0)
		return -EBADMSG;
	for (unsigned i = 0; i < NR_BEST_BY; i++)
		if (strcmp(best_by_name(i), by) == 0) {
			ret->best_by = i;
			return 0;
		}
	return -EBADMSG;
}

int rounds_fill(const char *text, const struct profile *p, struct run_series *ret)
{
	struct run_series s = {.warm = true};
	uint32_t nr = last_round(p);

	*ret = (struct run_series){0};
	if (read_request(text, &s) < 0 || nr == 0 || nr > MOST_ROUNDS)
		return -EBADMSG;
	s.tried = calloc(nr, sizeof(*s.tried));
	if (!s.tried)
		return -ENOMEM;
	s.nr_tried = nr;
	for (size_t i = 0; i < p->nr_tests; i++) {
		const struct test *t = &p->tests[i];
		struct run_tried *round = &s.tried[t->iteration ? t->iteration - 1 : 0];

		add_costs(round, &t->body);
		add_costs(round, &t->fixtures);
		round->exit_status |= !is_good(t);
	}
	find_best(&s);
	*ret = s;
	return 0;
}
