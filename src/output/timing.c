/* SPDX-License-Identifier: MIT */
#include "timing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "statistics.h"
#include "tally.h"
#include "text.h"

static void row_done(struct timing_row *row)
{
	free(row->name);
	free(row->where);
}

/* What is not known counts as the least. */
static uint64_t known(uint64_t n)
{
	return n == PROFILE_UNKNOWN ? 0 : n;
}

static int compare_rows(const void *left, const void *right)
{
	const struct timing_row *a = left, *b = right;
	int order;

	if (known(a->total_ns) != known(b->total_ns))
		return known(a->total_ns) < known(b->total_ns) ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	order = strcmp(a->name, b->name);
	return order ? order : strcmp(a->where, b->where);
}

static void keep_slowest(struct timing_table *t, unsigned top)
{
	if (t->nr)
		qsort(t->rows, t->nr, sizeof(*t->rows), compare_rows);
	t->nr_all = t->nr;
	while (t->nr > top)
		row_done(&t->rows[--t->nr]);
}

/* ---- tests --------------------------------------------------------------------------------- */

static int compare_ids(const void *left, const void *right)
{
	const struct test *a = *(const struct test *const *)left;
	const struct test *b = *(const struct test *const *)right;
	int order = strcmp(a->id, b->id);

	return order ? order : (a > b) - (a < b);
}

static int name_test(struct timing_row *row, const struct test *t)
{
	const char *file = t->source && *t->source ? t->source : t->file;

	row->name = strdup(*t->full_name ? t->full_name : "(unnamed)");
	if (asprintf(&row->where, t->line > 0 ? "%s:%d" : "%s", file ? file : "", t->line) < 0)
		row->where = NULL;
	return row->name && row->where ? 0 : -ENOMEM;
}

/* Runs of one test. @values: room for each. */
static int fill_test(struct timing_row *row, const struct test **runs, size_t nr, uint64_t *values)
{
	struct statistics s;
	size_t nr_known = 0;

	*row = (struct timing_row){.total_ns = PROFILE_UNKNOWN,
				   .self_ns = PROFILE_UNKNOWN,
				   .mean_ns = PROFILE_UNKNOWN,
				   .median_ns = PROFILE_UNKNOWN,
				   .count = nr};
	for (size_t i = 0; i < nr; i++)
		if (runs[i]->body.wall_ns != PROFILE_UNKNOWN)
			values[nr_known++] = runs[i]->body.wall_ns;
	if (nr_known == nr) {
		row->total_ns = 0;
		for (size_t i = 0; i < nr; i++)
			row->total_ns += values[i];
		statistics_compute(&s, values, nr);
		row->mean_ns = s.mean;
		row->median_ns = s.median;
	}
	return name_test(row, runs[0]);
}

static int add_tests(struct timing_table *t, const struct test **sorted, size_t nr)
{
	CLEANUP(cleanup_free) uint64_t *values = calloc(nr + 1, sizeof(*values));
	size_t same;
	int r = values ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < nr; i += same) {
		struct timing_row *row = &t->rows[t->nr++];

		for (same = 1; i + same < nr && !strcmp(sorted[i]->id, sorted[i + same]->id);)
			same++;
		r = fill_test(row, &sorted[i], same, values);
		t->all_count += row->count;
		t->all_ns = t->all_ns == PROFILE_UNKNOWN || row->total_ns == PROFILE_UNKNOWN
				    ? PROFILE_UNKNOWN
				    : t->all_ns + row->total_ns;
	}
	return r;
}

/* A pending test did not run. */
static int fill_tests(const struct profile *p, struct timing_table *t)
{
	CLEANUP(cleanup_free) const struct test **sorted = NULL;
	size_t nr = 0;

	sorted = reallocarray(NULL, p->nr_tests + 1, sizeof(struct test *));
	t->rows = calloc(p->nr_tests + 1, sizeof(*t->rows));
	if (!sorted || !t->rows)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_tests; i++)
		if (p->tests[i].status != TEST_PENDING)
			sorted[nr++] = &p->tests[i];
	if (nr)
		qsort(sorted, nr, sizeof(struct test *), compare_ids);
	return add_tests(t, sorted, nr);
}

/* ---- functions ----------------------------------------------------------------------------- */

static uint64_t estimate(const struct profile *p, uint64_t samples)
{
	return p->ns_per_sample == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : samples * p->ns_per_sample;
}

/* The buffer's text becomes the caller's. */
static char *take_text(struct buf *b)
{
	char *text = b->data ? b->data : strdup("");

	b->data = NULL;
	buf_done(b);
	return text;
}

static int fill_function(struct timing_row *row, const struct view *v,
			 const struct function_tally *f)
{
	struct buf name, where;
	int r;

	buf_init(&name, TEXT_MAX_BUFFER);
	buf_init(&where, TEXT_MAX_BUFFER);
	r = view_add_name(v, f->function, &name);
	if (r == 0)
		r = view_add_location(v, f->function, &where);
	*row = (struct timing_row){.name = take_text(&name),
				   .where = take_text(&where),
				   .count = f->total,
				   .total_ns = estimate(v->profile, f->total),
				   .self_ns = estimate(v->profile, f->self),
				   .mean_ns = PROFILE_UNKNOWN,
				   .median_ns = PROFILE_UNKNOWN};
	return r < 0 || !row->name || !row->where ? -ENOMEM : 0;
}

/* A profile that was read from its JSON has sums, no stacks to filter. */
static int fill_told_functions(const struct profile *p, const struct output_opts *o,
			       struct timing_table *t)
{
	struct view v;
	int r = view_init(&v, p, o);

	if (r == 0)
		t->rows = calloc(p->nr_functions + 1, sizeof(*t->rows));
	if (r == 0 && !t->rows)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < p->nr_functions; i++) {
		const struct function_tally told = {.function = (uint32_t)i,
						    .self = p->functions[i].self_samples,
						    .total = p->functions[i].total_samples};

		r = fill_function(&t->rows[t->nr++], &v, &told);
	}
	t->all_count = p->accounts.taken;
	t->all_ns = p->accounts.taken == PROFILE_UNKNOWN ? PROFILE_UNKNOWN
							 : estimate(p, p->accounts.taken);
	view_done(&v);
	return r;
}

static int fill_functions(const struct profile *p, const struct output_opts *o,
			  struct timing_table *t)
{
	struct tally tally = {0};
	struct view v;
	int r = view_init(&v, p, o);

	if (r == 0)
		r = tally_compute(&tally, &v);
	if (r == 0)
		t->rows = calloc(tally.nr_functions + 1, sizeof(*t->rows));
	if (r == 0 && !t->rows)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < tally.nr_functions; i++)
		r = fill_function(&t->rows[t->nr++], &v, &tally.functions[i]);
	t->all_count = tally.samples;
	t->all_ns = estimate(p, tally.samples);
	tally_done(&tally);
	view_done(&v);
	return r;
}

int timing_of(const struct profile *p, const struct output_opts *o, struct timing *ret)
{
	struct timing timing = {0};
	int r;

	if (o->columns)
		timing.columns = *o->columns;
	r = fill_tests(p, &timing.tables[TIMING_TESTS]);

	if (r == 0)
		r = p->nr_stacks == 0 && p->nr_functions > 0
			    ? fill_told_functions(p, o, &timing.tables[TIMING_FUNCTIONS])
			    : fill_functions(p, o, &timing.tables[TIMING_FUNCTIONS]);
	for (size_t k = 0; r == 0 && k < NR_TIMING_KINDS; k++)
		keep_slowest(&timing.tables[k], o->top);
	if (r < 0)
		timing_done(&timing);
	else
		*ret = timing;
	return r;
}
