/* SPDX-License-Identifier: MIT */
#include "costs.h"

#include <errno.h>
#include <string.h>

#include "meters.h"
#include "statistics.h"

#define SHORT_NS	  100000 /* a shorter wall time says nothing about waiting */
#define DISTURBED_PERCENT 5	 /* lost to others, of what it used */
#define DISTURBED_NS	  200000 /* and at least this */

/* One test of one run, under the key it is counted by. */
struct item {
	const char *key;
	uint32_t iteration;
	size_t order;
	const struct test *test;
};

struct items {
	struct item *item;
	size_t nr;
};

/* ---- sums ---------------------------------------------------------------------------------- */

static uint64_t sum_of(uint64_t a, uint64_t b)
{
	return a == PROFILE_UNKNOWN || b == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : a + b;
}

static void add_costs(struct costs *sum, const struct costs *part)
{
	sum->wall_ns = sum_of(sum->wall_ns, part->wall_ns);
	sum->cpu_ns = sum_of(sum->cpu_ns, part->cpu_ns);
	sum->overhead_ns = sum_of(sum->overhead_ns, part->overhead_ns);
	for (size_t i = 0; i < BPROF_NR_METERS; i++)
		sum->meters.value[i] = sum_of(sum->meters.value[i], part->meters.value[i]);
}

bool costs_disturbed(const struct profile *p, const struct costs *c)
{
	uint64_t waited = meter_of(p, &c->meters, BPROF_METER_WAITED_NS);
	uint64_t stolen = meter_of(p, &c->meters, BPROF_METER_STOLEN_NS);
	uint64_t lost = 0;

	if (waited != PROFILE_UNKNOWN)
		lost += waited;
	if (stolen != PROFILE_UNKNOWN)
		lost += stolen;
	return c->cpu_ns != PROFILE_UNKNOWN && lost >= DISTURBED_NS &&
	       lost >= (c->cpu_ns + lost) / 100 * DISTURBED_PERCENT;
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* The costs of one row in each of its runs. */
struct series {
	struct costs *runs;
	uint64_t *values; /* room for one figure of each run */
	size_t nr;
};

typedef uint64_t (*figure)(const struct profile *p, const struct costs *c, unsigned which);

static uint64_t time_figure(const struct profile *p, const struct costs *c, unsigned which)
{
	(void)p;
	return which == 0 ? c->wall_ns : which == 1 ? c->cpu_ns : c->overhead_ns;
}

static uint64_t meter_figure(const struct profile *p, const struct costs *c, unsigned which)
{
	return meter_of(p, &c->meters, (enum bprof_meter)which);
}

uint64_t cost_off_cpu_ns(const struct costs *c)
{
	uint64_t on_cpu = sum_of(c->cpu_ns, c->overhead_ns);

	if (c->wall_ns == PROFILE_UNKNOWN || on_cpu == PROFILE_UNKNOWN)
		return PROFILE_UNKNOWN;
	return c->wall_ns > on_cpu ? c->wall_ns - on_cpu : 0;
}

static uint64_t off_cpu_figure(const struct profile *p, const struct costs *c, unsigned which)
{
	(void)p;
	(void)which;
	return cost_off_cpu_ns(c);
}

/* Of the runs in which it is known. */
static struct statistics figure_of(const struct profile *p, const struct series *s, figure fn,
				   unsigned which)
{
	struct statistics ret;
	size_t nr = 0;

	for (size_t i = 0; i < s->nr; i++) {
		uint64_t value = fn(p, &s->runs[i], which);

		if (value != PROFILE_UNKNOWN)
			s->values[nr++] = value;
	}
	statistics_compute(&ret, s->values, nr);
	if (nr == 0)
		ret.median = ret.min = ret.max = PROFILE_UNKNOWN;
	return ret;
}

static enum cost_kind kind_of(const struct profile *p, const struct cost_row *row)
{
	uint64_t wall = row->costs.wall_ns;
	uint64_t waited = meter_of(p, &row->costs.meters, BPROF_METER_WAITED_NS);

	if (wall == PROFILE_UNKNOWN || row->off_cpu_ns == PROFILE_UNKNOWN || wall < SHORT_NS)
		return COST_UNTOLD;
	if (row->off_cpu_ns < wall / 2)
		return COST_BURNS;
	if (waited != PROFILE_UNKNOWN && waited >= row->off_cpu_ns / 2)
		return COST_STARVED;
	return COST_WAITS;
}

static void fill_row(const struct profile *p, const struct series *s, bool by_cycles,
		     struct cost_row *row)
{
	struct statistics basis = by_cycles ? figure_of(p, s, meter_figure, BPROF_METER_CYCLES_USER)
					    : figure_of(p, s, time_figure, 1);

	row->runs = s->nr;
	row->basis = basis.median;
	row->min = basis.min;
	row->max = basis.max;
	row->costs.wall_ns = figure_of(p, s, time_figure, 0).median;
	row->costs.cpu_ns = figure_of(p, s, time_figure, 1).median;
	row->costs.overhead_ns = figure_of(p, s, time_figure, 2).median;
	row->off_cpu_ns = figure_of(p, s, off_cpu_figure, 0).median;
	for (unsigned i = 0; i < BPROF_NR_METERS; i++)
		row->costs.meters.value[i] = figure_of(p, s, meter_figure, i).median;
	for (size_t i = 0; i < s->nr; i++)
		row->disturbed += costs_disturbed(p, &s->runs[i]);
	row->kind = kind_of(p, row);
}

/* ---- from tests to rows -------------------------------------------------------------------- */

static int compare_items(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	int r = strcmp(a->key, b->key);

	if (r)
		return r;
	if (a->iteration != b->iteration)
		return (a->iteration > b->iteration) - (a->iteration < b->iteration);
	return (a->order > b->order) - (a->order < b->order);
}

static uint64_t weight(const struct cost_row *row)
{
	return row->basis == PROFILE_UNKNOWN ? 0 : row->basis;
}

static int compare_rows(const void *left, const void *right)
{
	const struct cost_row *a = left, *b = right;

	if (weight(a) != weight(b))
		return weight(a) < weight(b) ? 1 : -1;
	return strcmp(a->name, b->name);
}

/*
 * Sums the items of one key run by run; the number of tests is that of the fullest run. One test
 * that two suites of a run have in common has run twice.
 */
static size_t sum_runs(const struct item *items, size_t nr, bool of_tests, struct series *s)
{
	size_t tests = 0, most = 0;

	s->nr = 0;
	for (size_t i = 0; i < nr; i++) {
		if (!i || of_tests || items[i].iteration != items[i - 1].iteration) {
			s->runs[s->nr++] = items[i].test->body;
			tests = 0;
		} else {
			add_costs(&s->runs[s->nr - 1], &items[i].test->body);
		}
		tests++;
		most = tests > most ? tests : most;
	}
	return most;
}

/* @items is sorted on the way. */
static int make_rows(const struct profile *p, struct items *items, bool by_cycles, bool of_tests,
		     struct cost_rows *ret)
{
	CLEANUP(cleanup_free) struct costs *runs = calloc(items->nr + 1, sizeof(*runs));
	CLEANUP(cleanup_free) uint64_t *values = calloc(items->nr + 1, sizeof(*values));
	struct series s = {.runs = runs, .values = values};

	ret->rows = calloc(items->nr + 1, sizeof(*ret->rows));
	if (!runs || !values || !ret->rows)
		return -ENOMEM;
	if (items->nr > 0)
		qsort(items->item, items->nr, sizeof(*items->item), compare_items);
	for (size_t i = 0, end; i < items->nr; i = end) {
		const struct item *first = &items->item[i];
		struct cost_row *row = &ret->rows[ret->nr++];

		for (end = i + 1; end < items->nr; end++)
			if (strcmp(items->item[end].key, first->key))
				break;
		row->nr_tests = sum_runs(first, end - i, of_tests, &s);
		row->name = of_tests ? first->test->full_name : first->key;
		row->test = of_tests ? first->test : NULL;
		fill_row(p, &s, by_cycles, row);
	}
	qsort(ret->rows, ret->nr, sizeof(*ret->rows), compare_rows);
	return 0;
}

static bool is_counted(const struct test *t)
{
	return t->status != TEST_PENDING;
}

static int grow(struct items *items, size_t *room)
{
	struct item *more;

	if (items->nr < *room)
		return 0;
	more = reallocarray(items->item, *room ? *room * 2 : 64, sizeof(*more));
	if (!more)
		return -ENOMEM;
	items->item = more;
	*room = *room ? *room * 2 : 64;
	return 0;
}

enum grouping { BY_TEST, BY_FILE, BY_TAG, BY_SUITE };

/* What a test is counted under: one key, but as many tags as it has. */
static const char *key_of(const struct test *t, enum grouping by, size_t n)
{
	switch (by) {
	case BY_TEST:
		return n == 0 ? t->id : NULL;
	case BY_FILE:
		return n == 0 ? t->file : NULL;
	case BY_TAG:
		return n < t->nr_tags ? t->tags[n] : NULL;
	case BY_SUITE:
		return n == 0 ? "" : NULL;
	}
	return NULL;
}

static int group(const struct profile *p, enum grouping by, bool by_cycles, struct cost_rows *ret)
{
	struct items items = {0};
	size_t room = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->nr_tests; i++) {
		const struct test *t = &p->tests[i];
		const char *key;

		if (!is_counted(t))
			continue;
		for (size_t n = 0; r == 0 && (key = key_of(t, by, n)); n++) {
			r = grow(&items, &room);
			if (r == 0)
				items.item[items.nr++] = (struct item){key, t->iteration, i, t};
		}
	}
	if (r == 0)
		r = make_rows(p, &items, by_cycles, by == BY_TEST, ret);
	free(items.item);
	return r;
}

int costs_report(const struct profile *p, struct cost_report *ret)
{
	struct cost_rows suite = {0};
	int r;

	*ret = (struct cost_report){.by_cycles = p->metered >> BPROF_METER_CYCLES_USER & 1};
	r = group(p, BY_SUITE, ret->by_cycles, &suite);
	if (r == 0 && suite.nr)
		ret->suite = suite.rows[0];
	free(suite.rows);
	if (r == 0)
		r = group(p, BY_TEST, ret->by_cycles, &ret->tests);
	if (r == 0)
		r = group(p, BY_FILE, ret->by_cycles, &ret->files);
	if (r == 0)
		r = group(p, BY_TAG, ret->by_cycles, &ret->tags);
	ret->repeated = ret->suite.runs > 1;
	if (r < 0)
		cost_report_done(ret);
	return r;
}

void cost_report_done(struct cost_report *r)
{
	free(r->tests.rows);
	free(r->files.rows);
	free(r->tags.rows);
	*r = (struct cost_report){0};
}

/* ---- figures ------------------------------------------------------------------------------- */

const char *cost_kind_name(enum cost_kind kind)
{
	static const char *const names[NR_COST_KINDS] = {
		[COST_UNTOLD] = "",
		[COST_BURNS] = "burns",
		[COST_WAITS] = "waits",
		[COST_STARVED] = "starved",
	};

	return names[kind];
}

uint64_t cost_share(uint64_t part, uint64_t whole)
{
	if (part == PROFILE_UNKNOWN || whole == PROFILE_UNKNOWN || !whole)
		return PROFILE_UNKNOWN;
	return (uint64_t)(((unsigned __int128)part * 100000 + whole / 2) / whole);
}

uint64_t cost_spread(const struct cost_row *row)
{
	if (row->runs < 2 || row->basis == PROFILE_UNKNOWN)
		return PROFILE_UNKNOWN;
	return cost_share(row->max - row->min, row->basis);
}

struct number cost_percent(uint64_t thousandths)
{
	return number_share(thousandths, 100000);
}
