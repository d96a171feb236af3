/* SPDX-License-Identifier: MIT */
/*
 * Pairs that ran only the files of undecided tests, beside pairs of the whole suite.
 *
 * Both sides of such a pair left the same files out, so its ratio is a fair one. What a test costs
 * may still depend on the files before it, and it may even fail without them: the first is said,
 * and of a test with the second only runs of the whole suite count.
 */
#include <errno.h>
#include <string.h>

#include "compare_private.h"
#include "judge.h"
#include "rank_tests.h"

#define CHANCE_TO_DIFFER 0.01 /* over all tests */

static size_t nr_whole_runs(const struct compare *c, enum side side)
{
	size_t nr = 0;

	for (size_t run = 0; run < c->runs->nr[side]; run++)
		nr += !runs_skipped(c->runs, side, run, NULL);
	return nr;
}

void partial_look(struct compare *c)
{
	size_t base = nr_whole_runs(c, SIDE_BASE), head = nr_whole_runs(c, SIDE_HEAD);

	c->partial = base > 0 && head > 0 &&
		     base + head < c->runs->nr[SIDE_BASE] + c->runs->nr[SIDE_HEAD];
}

/* Where no side ran the whole suite, what was run is all there is. */
bool partial_is_whole(const struct compare *c, enum side side, size_t run)
{
	return !c->partial || !runs_skipped(c->runs, side, run, NULL);
}

/* Ran, among fewer files, and not as it should. */
static bool is_spoilt(const struct compare *c, const struct subject *s, enum side side, size_t run)
{
	const struct figures *f = runs_figures(s, side, run);

	return !partial_is_whole(c, side, run) && !runs_skipped(c->runs, side, run, s->file) &&
	       (!f || (f->status != RUN_SOUND && f->status != RUN_DISTURBED));
}

bool partial_spoils(const struct compare *c, const struct subject *s)
{
	if (!c->partial)
		return false;
	for (size_t side = 0; side < NR_SIDES; side++)
		for (size_t run = 0; run < c->runs->nr[side]; run++)
			if (is_spoilt(c, s, (enum side)side, run))
				return true;
	return false;
}

/* ---- what a test costs among fewer files --------------------------------------------------- */

/* Logarithms of what a pair cost: the geometric mean of both sides, which no change between them
 * moves as long as it is the same in all pairs. */
struct sizes {
	double *of[2]; /* whole, partial */
	size_t nr[2];
};

static bool size_of_pair(const struct compare *c, const struct subject *s,
			 const struct run_pair *pair, double *ret)
{
	const struct figures *base = runs_figures(s, SIDE_BASE, pair->runs[SIDE_BASE]);
	const struct figures *head = runs_figures(s, SIDE_HEAD, pair->runs[SIDE_HEAD]);
	enum metric m = c->result.metric;

	if (!base || !head || base->status != RUN_SOUND || head->status != RUN_SOUND ||
	    base->body[m] == FIGURE_UNKNOWN || head->body[m] == FIGURE_UNKNOWN)
		return false;
	*ret = (log((double)base->body[m] + 1) + log((double)head->body[m] + 1)) / 2;
	return true;
}

static void gather_sizes(const struct compare *c, const struct subject *s,
			 const struct run_pair *pairs, struct sizes *ret)
{
	ret->nr[0] = ret->nr[1] = 0;
	for (size_t i = 0; i < c->result.nr_pairs; i++) {
		bool partial = !partial_is_whole(c, SIDE_BASE, pairs[i].runs[SIDE_BASE]) ||
			       !partial_is_whole(c, SIDE_HEAD, pairs[i].runs[SIDE_HEAD]);
		double size;

		if (size_of_pair(c, s, &pairs[i], &size))
			ret->of[partial][ret->nr[partial]++] = size;
	}
}

/* *ret: cost in partial pairs over that in whole ones; 1 where no difference can be shown. */
static int change_of_size(const struct compare *c, struct sizes *sizes, double *ret)
{
	struct tolerated none;
	struct rank_test test;
	double whole, change;
	int r;

	*ret = 1;
	if (sizes->nr[0] < COMPARE_LEAST_RUNS || sizes->nr[1] < COMPARE_LEAST_RUNS)
		return 0;
	r = rank_sum_test(sizes->of[0], sizes->nr[0], sizes->of[1], sizes->nr[1], &test);
	if (r < 0)
		return r;
	whole = median_of(sizes->of[0], sizes->nr[0]);
	change = median_of(sizes->of[1], sizes->nr[1]) - whole;
	none = judge_tolerated(exp(whole), c->result.warn_at, c->result.floor);
	if (2 * fmin(test.p_greater, test.p_less) <
		    CHANCE_TO_DIFFER / (double)c->runs->nr_subjects &&
	    (exp(change) > none.high || exp(change) < none.low))
		*ret = exp(change);
	return 0;
}

/* ---- notes --------------------------------------------------------------------------------- */

static int note_changed(struct compare *c, size_t nr, const struct subject *first, double change)
{
	if (nr == 0)
		return 0;
	return compare_note(
		c,
		compare_text(c,
			     "%zu test%s something else in the later pairs, which left other "
			     "files out: the first is '%s', %+.0f %%",
			     nr, nr == 1 ? " costs" : "s cost", first->name, (change - 1) * 100));
}

static int note_spoilt(struct compare *c)
{
	const struct subject *first = NULL;
	size_t nr = 0;

	for (size_t i = 0; i < c->runs->nr_subjects; i++) {
		if (!partial_spoils(c, c->runs->subjects[i]))
			continue;
		first = first ? first : c->runs->subjects[i];
		nr++;
	}
	if (nr == 0)
		return 0;
	return compare_note(
		c, compare_text(c,
				"%zu test%s where other files do not run: only runs of the whole "
				"suite count; the first is '%s'",
				nr, nr == 1 ? " fails" : "s fail", first->name));
}

static int note_sizes(struct compare *c, const struct run_pair *pairs, struct sizes *sizes)
{
	const struct subject *first = NULL;
	double first_change = 1;
	size_t nr = 0;

	for (size_t i = 0; i < c->runs->nr_subjects; i++) {
		const struct subject *s = c->runs->subjects[i];
		double change;
		int r;

		gather_sizes(c, s, pairs, sizes);
		r = change_of_size(c, sizes, &change);
		if (r < 0)
			return r;
		if (change >= 1 && change <= 1)
			continue;
		first_change = first ? first_change : change;
		first = first ? first : s;
		nr++;
	}
	return note_changed(c, nr, first, first_change);
}

static void count_whole_pairs(struct compare *c, const struct run_pair *pairs)
{
	for (size_t i = 0; i < c->result.nr_pairs; i++)
		c->result.nr_whole_pairs +=
			partial_is_whole(c, SIDE_BASE, pairs[i].runs[SIDE_BASE]) &&
			partial_is_whole(c, SIDE_HEAD, pairs[i].runs[SIDE_HEAD]);
}

int partial_notes(struct compare *c, const struct run_pair *pairs)
{
	size_t room = c->result.nr_pairs + 1;
	CLEANUP(cleanup_free) double *whole = NULL, *partial = NULL;
	struct sizes sizes;
	int r;

	count_whole_pairs(c, pairs);
	if (!c->partial)
		return 0;
	whole = calloc(room, sizeof(*whole));
	partial = calloc(room, sizeof(*partial));
	if (!whole || !partial)
		return -ENOMEM;
	sizes = (struct sizes){.of = {whole, partial}};
	r = note_spoilt(c);
	return r < 0 ? r : note_sizes(c, pairs, &sizes);
}

/* ---- which files need no more pairs -------------------------------------------------------- */

static bool is_open(const struct comparison *r, const char *file)
{
	for (size_t i = 0; i < r->nr_elements; i++)
		if (r->elements[i].undecided && strcmp(r->elements[i].test.file, file) == 0)
			return true;
	return false;
}

static bool has_name(const char *const *list, size_t nr, const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

int compare_decided_files(const struct compare *c, const char ***ret, size_t *ret_nr)
{
	const struct comparison *r = &c->result;
	const char **files = calloc(c->runs->nr_subjects + 1, sizeof(*files));
	bool any_open = false;
	size_t nr = 0;

	if (!files)
		return -ENOMEM;
	for (size_t i = 0; i < c->runs->nr_subjects; i++) {
		const char *file = c->runs->subjects[i]->file;

		if (has_name(files, nr, file))
			continue;
		if (!*file || is_open(r, file))
			any_open = true;
		else
			files[nr++] = file;
	}
	if (!any_open)
		nr = 0;
	files[nr] = NULL;
	*ret = files;
	*ret_nr = nr;
	return 0;
}
