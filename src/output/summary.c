/* SPDX-License-Identifier: MIT */
/*
 * summary.json, schema "bprof-perf/summary/1": one release in a few numbers, in seconds. The first
 * keys are those of rez's summary.json, which mega.busted is modelled on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "json_writer.h"
#include "meters.h"
#include "release_pages.h"
#include "statistics.h"

#define SCHEMA	      "bprof-perf/summary/1"
#define NS_PER_SECOND UINT64_C(1000000000)

static void write_seconds(struct json *j, const char *key, uint64_t ns)
{
	struct number number;

	if (ns == PROFILE_UNKNOWN) {
		json_null(j, key);
		return;
	}
	snprintf(number.text, sizeof(number.text), "%" PRIu64 ".%09" PRIu64, ns / NS_PER_SECOND,
		 ns % NS_PER_SECOND);
	json_number(j, key, number);
}

static uint64_t count_status(const struct profile *p, enum test_status status)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < p->nr_tests; i++)
		nr += p->tests[i].status == status;
	return nr;
}

/* Of a program without a suite, the time of the command. */
static uint64_t total_of(const struct profile *p)
{
	return p->part || p->suite.seen || p->nr_tests ? statistics_total(p) : p->wall_ns;
}

bool release_passed(const struct profile *p)
{
	return p->exit_status == 0 && p->complete && (!p->suite.seen || p->suite.ended) &&
	       p->suite.failures + p->suite.errors + p->suite.errors_outside_tests == 0;
}

static void write_machine(struct json *j, const struct profile *p)
{
	json_text(j, "release", p->release);
	json_text(j, "lua_version", profile_interpreter(p));
	json_text(j, "platform", p->platform);
	json_uint(j, "num_cpu", p->nr_cpus ? p->nr_cpus : PROFILE_UNKNOWN);
	json_text(j, "cpu", p->cpu_model);
}

static void write_statistics(struct json *j, const struct profile *p)
{
	struct statistics s;

	writer_fail(j->writer, statistics_of_tests(p, &s));
	if (j->writer->error < 0)
		return;
	write_seconds(j, "median", s.nr ? s.median : PROFILE_UNKNOWN);
	write_seconds(j, "mean", s.nr ? s.mean : PROFILE_UNKNOWN);
	write_seconds(j, "min", s.nr ? s.min : PROFILE_UNKNOWN);
	write_seconds(j, "max", s.nr ? s.max : PROFILE_UNKNOWN);
	write_seconds(j, "stddev", s.nr ? s.deviation : PROFILE_UNKNOWN);
	json_uint(j, "num_tests", p->nr_tests ? s.nr : PROFILE_UNKNOWN);
}

int release_summary(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct writer w;
	struct json j;

	(void)o;
	writer_init(&w, out);
	json_init(&j, &w, JSON_INDENTED);
	json_open_map(&j, NULL);
	json_text(&j, "schema", SCHEMA);
	if (p->part)
		json_text(&j, "part", p->part);
	json_text(&j, "unit", "seconds");
	json_text(&j, "status", release_passed(p) ? "passed" : "failed");
	write_seconds(&j, "total_run_time", total_of(p));
	json_uint(&j, "num_success", count_status(p, TEST_SUCCESS));
	json_uint(&j, "num_failed", count_status(p, TEST_FAILURE));
	json_uint(&j, "num_error", count_status(p, TEST_ERROR));
	json_uint(&j, "num_pending", count_status(p, TEST_PENDING));
	write_machine(&j, p);
	write_statistics(&j, p);
	json_text(&j, "event", p->event_name);
	json_uint(&j, "cycles", meters_cycles(p, &p->meters));
	json_text(&j, "started_at", number_time(p->started_at_ns).text);
	json_text(&j, "bprof", p->bprof_version);
	json_close_map(&j);
	json_done(&j);
	return writer_finish(&w);
}
