/* SPDX-License-Identifier: MIT */
/* The cost report: medians over repeats, shares that add up, who burns and who waits. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "costs.h"
#include "profiles.h"

static const struct cost_row *row_named(const struct cost_rows *rows, const char *name)
{
	for (size_t i = 0; i < rows->nr; i++)
		if (strcmp(rows->rows[i].name, name) == 0)
			return &rows->rows[i];
	cr_assert(false, "no row \"%s\"", name);
	return NULL;
}

Test(costs, a_row_is_the_median_of_its_runs)
{
	struct cost_report r;
	const struct cost_row *row;

	cr_assert(eq(int, costs_report(profile_repeated(), &r), 0));
	cr_assert(r.by_cycles && r.repeated);
	cr_assert(eq(sz, r.tests.nr, 4));
	row = &r.tests.rows[0];
	cr_assert(eq(str, (char *)row->name, "burns"));
	cr_assert(eq(sz, row->runs, 3));
	cr_assert(eq(u64, row->basis, 66000000));
	cr_assert(eq(u64, row->costs.cpu_ns, 22000000));
	cr_assert(eq(u64, cost_spread(row), cost_share(12000000, 66000000)));
	cost_report_done(&r);
}

Test(costs, kinds_are_told_by_where_the_wall_time_went)
{
	struct cost_report r;

	cr_assert(eq(int, costs_report(profile_repeated(), &r), 0));
	cr_assert(row_named(&r.tests, "burns")->kind == COST_BURNS);
	cr_assert(row_named(&r.tests, "waits | for *it*")->kind == COST_WAITS);
	cr_assert(row_named(&r.tests, "is kept from running")->kind == COST_STARVED);
	cr_assert(eq(u64, row_named(&r.tests, "is kept from running")->disturbed, 3));
	cr_assert(eq(u64, row_named(&r.tests, "burns")->disturbed, 0));
	/* 40 us: the boundaries themselves are a part of that */
	cr_assert(row_named(&r.tests, "is counted in part")->kind == COST_UNTOLD);
	cost_report_done(&r);
}

Test(costs, shares_of_tests_add_up_to_the_suite)
{
	struct cost_report r;
	uint64_t sum = 0;

	cr_assert(eq(int, costs_report(profile_repeated(), &r), 0));
	for (size_t i = 0; i < r.tests.nr; i++)
		sum += r.tests.rows[i].basis;
	cr_assert(eq(u64, sum, r.suite.basis));
	cr_assert(eq(u64, r.files.rows[0].basis, r.suite.basis));
	cr_assert(eq(sz, r.files.rows[0].nr_tests, 4));
	cr_assert(eq(u64, row_named(&r.tags, "slow")->basis, 69300000));
	cost_report_done(&r);
}

Test(costs, without_counters_rows_are_compared_by_cpu_time)
{
	struct cost_report r;

	cr_assert(eq(int, costs_report(profile_ordinary(), &r), 0));
	cr_assert(not(r.by_cycles));
	cr_assert(r.tests.nr > 0);
	cr_assert(eq(u64, r.tests.rows[0].basis, r.tests.rows[0].costs.cpu_ns));
	cr_assert(eq(u64, cost_spread(&r.tests.rows[0]), PROFILE_UNKNOWN));
	cost_report_done(&r);
}

Test(costs, of_tests_known_by_samples_are_unknown)
{
	struct cost_report r;

	cr_assert(eq(int, costs_report(profile_sampled(), &r), 0));
	cr_assert(r.tests.nr > 0);
	cr_assert(eq(u64, r.tests.rows[0].basis, PROFILE_UNKNOWN));
	cr_assert(r.tests.rows[0].kind == COST_UNTOLD);
	cost_report_done(&r);
}

Test(costs, of_nothing_are_no_rows)
{
	struct cost_report r;

	cr_assert(eq(int, costs_report(profile_empty(), &r), 0));
	cr_assert(eq(sz, r.tests.nr + r.files.nr + r.tags.nr + r.suite.runs, 0));
	cost_report_done(&r);
}
