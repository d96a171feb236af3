/* SPDX-License-Identifier: MIT */
#include "json_costs.h"

#include "costs.h"
#include "json_meters.h"

static void write_percent(struct json *j, const char *key, uint64_t thousandths)
{
	if (thousandths == PROFILE_UNKNOWN)
		json_null(j, key);
	else
		json_number(j, key, number_thousandths(thousandths));
}

static void write_row(struct json *j, const struct profile *p, const struct cost_report *report,
		      const struct cost_row *row)
{
	const struct costs *c = &row->costs;
	const char *kind = cost_kind_name(row->kind);

	json_uint(j, "tests", row->nr_tests);
	json_uint(j, "runs", row->runs);
	json_uint(j, "disturbed_runs", p->metered ? row->disturbed : PROFILE_UNKNOWN);
	json_uint(j, "wall_ns", c->wall_ns);
	json_uint(j, "cpu_ns", c->cpu_ns);
	json_uint(j, "off_cpu_ns", row->off_cpu_ns);
	write_percent(j, "off_cpu_percent", cost_share(row->off_cpu_ns, c->wall_ns));
	write_percent(j, "share_percent", cost_share(row->basis, report->suite.basis));
	write_percent(j, "spread_percent", cost_spread(row));
	json_text(j, "kind", *kind ? kind : NULL);
	json_meters(j, p, &c->meters);
}

static void write_rows(struct json *j, const struct profile *p, const char *key,
		       const struct cost_report *report, const struct cost_rows *rows)
{
	json_open_array(j, key);
	for (size_t i = 0; i < rows->nr; i++) {
		const struct cost_row *row = &rows->rows[i];

		json_open_map(j, NULL);
		json_text(j, "name", row->name);
		if (row->test)
			json_text(j, "id", row->test->id);
		write_row(j, p, report, row);
		json_close_map(j);
	}
	json_close_array(j);
}

void json_costs(struct json *j, const struct profile *p)
{
	struct cost_report report;
	int r = costs_report(p, &report);

	if (r < 0) {
		writer_fail(j->writer, r);
		return;
	}
	json_open_map(j, "costs");
	json_text(j, "by", report.by_cycles ? "cycles_user" : "cpu_ns");
	if (report.suite.runs) {
		json_open_map(j, "suite");
		write_row(j, p, &report, &report.suite);
		json_close_map(j);
	} else {
		json_null(j, "suite");
	}
	write_rows(j, p, "tests", &report, &report.tests);
	write_rows(j, p, "files", &report, &report.files);
	write_rows(j, p, "tags", &report, &report.tags);
	json_close_map(j);
	cost_report_done(&report);
}
