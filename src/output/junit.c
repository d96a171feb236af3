/* SPDX-License-Identifier: MIT */
/*
 * junit.xml: the tests as CI systems show them, each with what it cost as properties.
 *
 * Unknown figures are left out, as the format has no null.
 * Source: the schema that Jenkins and GitLab read, github.com/testmoapp/junitxml.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "costs.h"
#include "meters.h"
#include "rows.h"
#include "writer.h"
#include "xml.h"

#define MOST_NAME     300
#define NS_PER_SECOND UINT64_C(1000000000)

static void write_attribute(struct writer *w, const char *key, const char *value)
{
	writer_addf(w, " %s=\"", key);
	xml_add(w, value, MOST_NAME);
	writer_addstr(w, "\"");
}

static void write_time(struct writer *w, uint64_t ns)
{
	if (ns != PROFILE_UNKNOWN)
		writer_addf(w, " time=\"%" PRIu64 ".%09" PRIu64 "\"", ns / NS_PER_SECOND,
			    ns % NS_PER_SECOND);
}

static void write_property(struct writer *w, const char *name, uint64_t value)
{
	if (value != PROFILE_UNKNOWN)
		writer_addf(w, "        <property name=\"bprof.%s\" value=\"%" PRIu64 "\"/>\n",
			    name, value);
}

/* ---- one test ------------------------------------------------------------------------------ */

static void write_properties(struct writer *w, const struct profile *p, const struct test *t)
{
	writer_addstr(w, "      <properties>\n");
	write_property(w, "wall_ns", t->body.wall_ns);
	write_property(w, "cpu_ns", t->body.cpu_ns);
	write_property(w, "cycles", meters_cycles(p, &t->body.meters));
	write_property(w, "instructions", meters_instructions(p, &t->body.meters));
	write_property(w, "fixtures_wall_ns", t->fixtures.wall_ns);
	write_property(w, "fixtures_cpu_ns", t->fixtures.cpu_ns);
	write_property(w, "samples", samples_counted(p, t->body.samples));
	writer_addstr(w, "      </properties>\n");
}

static void write_result(struct writer *w, const struct test *t)
{
	static const char *const elements[] = {
		[TEST_SUCCESS] = NULL,	    [TEST_FAILURE] = "failure", [TEST_ERROR] = "error",
		[TEST_PENDING] = "skipped", [TEST_UNKNOWN] = "error",
	};

	if (elements[t->status])
		writer_addf(w, "      <%s message=\"%s\"/>\n", elements[t->status],
			    t->status == TEST_UNKNOWN ? "it did not end, or nothing told how"
						      : test_status_name(t->status));
}

static void write_test(struct writer *w, const struct profile *p, const struct test *t)
{
	writer_addstr(w, "    <testcase");
	write_attribute(w, "classname", t->file);
	write_attribute(w, "name", t->full_name);
	write_attribute(w, "file", *t->source ? t->source : t->file);
	if (t->line > 0)
		writer_addf(w, " line=\"%d\"", t->line);
	write_time(w, t->body.wall_ns);
	writer_addstr(w, ">\n");
	write_properties(w, p, t);
	write_result(w, t);
	writer_addstr(w, "    </testcase>\n");
}

/* ---- suites -------------------------------------------------------------------------------- */

static void write_counts(struct writer *w, const uint64_t *nr_by_status)
{
	uint64_t nr = 0;

	for (size_t i = 0; i <= TEST_UNKNOWN; i++)
		nr += nr_by_status[i];
	writer_addf(w,
		    " tests=\"%" PRIu64 "\" failures=\"%" PRIu64 "\" errors=\"%" PRIu64
		    "\" skipped=\"%" PRIu64 "\"",
		    nr, nr_by_status[TEST_FAILURE],
		    nr_by_status[TEST_ERROR] + nr_by_status[TEST_UNKNOWN],
		    nr_by_status[TEST_PENDING]);
}

static bool is_of(const struct test *t, const char *file)
{
	return t->file == file || strcmp(t->file, file) == 0;
}

/* All tests of the file of tests[@first], the first of them. */
static void write_suite(struct writer *w, const struct profile *p, size_t first, bool *written)
{
	const char *file = p->tests[first].file;
	uint64_t nr_by_status[TEST_UNKNOWN + 1] = {0};

	for (size_t i = first; i < p->nr_tests; i++)
		nr_by_status[p->tests[i].status] += is_of(&p->tests[i], file);
	writer_addstr(w, "  <testsuite");
	write_attribute(w, "name", file);
	write_counts(w, nr_by_status);
	writer_addf(w, " timestamp=\"%.19s\">\n", number_time(p->started_at_ns).text);
	for (size_t i = first; i < p->nr_tests; i++)
		if (is_of(&p->tests[i], file)) {
			written[i] = true;
			write_test(w, p, &p->tests[i]);
		}
	writer_addstr(w, "  </testsuite>\n");
}

static void write_suites(struct writer *w, const struct profile *p)
{
	bool *written = calloc(p->nr_tests + 1, sizeof(*written));

	if (!written)
		writer_fail(w, -ENOMEM);
	for (size_t i = 0; written && i < p->nr_tests; i++)
		if (!written[i])
			write_suite(w, p, i, written);
	free(written);
}

static int write_junit(const struct profile *p, const struct output_opts *o, FILE *out)
{
	uint64_t nr_by_status[TEST_UNKNOWN + 1] = {0};
	struct writer w;

	(void)o;
	writer_init(&w, out);
	for (size_t i = 0; i < p->nr_tests; i++)
		nr_by_status[p->tests[i].status]++;
	writer_addstr(&w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	write_counts(&w, nr_by_status);
	write_time(&w, p->wall_ns);
	writer_addstr(&w, ">\n");
	write_suites(&w, p);
	writer_addstr(&w, "</testsuites>\n");
	return writer_finish(&w);
}

const struct output_ops output_junit = {
	.name = "junit",
	.summary = "the tests with their costs as properties, for CI systems",
	.kind = OUTPUT_FILE,
	.file_name = "junit.xml",
	.write = write_junit,
};
