/* SPDX-License-Identifier: MIT */
/*
 * One pass over the stream with tables of paths. A test or a function begins where its map does;
 * what comes before any is of the run.
 */
#include "profile_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include "json_stream.h"

#define SCHEMA		    "bprof-perf/profile/1"
#define MAX_ITEMS	    1000000
#define NO_STATUS	    (TEST_UNKNOWN + 1)
#define OFFSET(member)	    offsetof(struct profile, member)
#define OF_TEST(member)	    offsetof(struct test, member)
#define OF_FUNCTION(member) offsetof(struct function, member)

struct profile_read {
	struct profile profile;
	struct profile_node suite;
	struct runtime runtime;
	uint64_t total_ns;	     /* statistics.total */
	bool has_schema, has_status; /* has_status: exit_status */
	size_t room_tests, room_functions;
	char **strings;
	size_t nr_strings, room_strings;
	struct buf *why;
};

struct field {
	const char *path;
	size_t offset;
};

/* ---- fields -------------------------------------------------------------------------------- */

static const struct field run_numbers[] = {
	{"wall_ns", OFFSET(wall_ns)},
	{"cpu_ns", OFFSET(cpu_ns)},
	{"ns_per_sample", OFFSET(ns_per_sample)},
	{"samples.taken", OFFSET(accounts.taken)},
	{"suite.failures", OFFSET(suite.failures)},
	{"suite.errors", OFFSET(suite.errors)},
	{"suite.errors_outside_tests", OFFSET(suite.errors_outside_tests)},
	{"meters.cycles_user", OFFSET(meters.value[BPROF_METER_CYCLES_USER])},
	{"meters.cycles_kernel", OFFSET(meters.value[BPROF_METER_CYCLES_KERNEL])},
};
static const struct field test_numbers[] = {
	{"tests[].wall_ns", OF_TEST(body.wall_ns)},
	{"tests[].cpu_ns", OF_TEST(body.cpu_ns)},
};
static const struct field function_numbers[] = {
	{"functions[].self_samples", OF_FUNCTION(self_samples)},
	{"functions[].total_samples", OF_FUNCTION(total_samples)},
};
static const struct field run_texts[] = {
	{"bprof", OFFSET(bprof_version)},	 {"event.name", OFFSET(event_name)},
	{"event.unit", OFFSET(event_unit)},	 {"hardware.cpu", OFFSET(cpu_model)},
	{"hardware.platform", OFFSET(platform)},
};
static const struct field test_texts[] = {
	{"tests[].file", OF_TEST(file)},
	{"tests[].name", OF_TEST(name)},
	{"tests[].full_name", OF_TEST(full_name)},
	{"tests[].source", OF_TEST(source)},
};
static const struct field function_texts[] = {
	{"functions[].name", OF_FUNCTION(name)},
	{"functions[].file", OF_FUNCTION(file)},
};

static int refuse(struct profile_read *r, const char *path, const char *what)
{
	return buf_addf(r->why, "'%s' %s", path, what) < 0 ? -ENOMEM : -EBADMSG;
}

/* Where the value of @path goes below @base; NULL: it is none of these. */
static void *place(const struct field *fields, size_t nr, void *base, const char *path)
{
	for (size_t i = 0; base && i < nr; i++)
		if (strcmp(fields[i].path, path) == 0)
			return (char *)base + fields[i].offset;
	return NULL;
}

#define PLACE(fields, base, path) place(fields, ARRAY_SIZE(fields), base, path)

static struct test *this_test(struct profile_read *r)
{
	return r->profile.nr_tests ? &r->profile.tests[r->profile.nr_tests - 1] : NULL;
}

static struct function *this_function(struct profile_read *r)
{
	return r->profile.nr_functions ? &r->profile.functions[r->profile.nr_functions - 1] : NULL;
}

/* ---- numbers ------------------------------------------------------------------------------- */

static int on_small_number(struct profile_read *r, const char *path, uint64_t n)
{
	struct test *t = this_test(r);
	struct function *f = this_function(r);
	bool of_test = t && strcmp(path, "tests[].line") == 0;
	bool of_function = f && strcmp(path, "functions[].line") == 0;

	if (strcmp(path, "exit_status") == 0) {
		if (n > 255)
			return refuse(r, path, "is no exit status");
		r->profile.exit_status = (int)n;
		r->has_status = true;
	}
	if (strcmp(path, "hardware.num_cpu") == 0 && n <= UINT32_MAX)
		r->profile.nr_cpus = (uint32_t)n;
	if ((of_test || of_function) && n > INT32_MAX)
		return refuse(r, path, "is no line");
	if (of_test)
		t->line = (int32_t)n;
	if (of_function)
		f->line = (int32_t)n;
	return 0;
}

static int on_number(void *arg, const char *path, const char *text, size_t len)
{
	struct profile_read *r = arg;
	uint64_t n, *to;

	if (strcmp(path, "statistics.total") == 0)
		return json_decimal(text, len, 1e3, &r->total_ns) < 0
			       ? refuse(r, path, "is no valid number")
			       : 0;
	if (strcmp(path, "exit_status") == 0 && len == 2 && memcmp(text, "-1", 2) == 0)
		return 0; /* it was not recorded */
	to = PLACE(run_numbers, &r->profile, path);
	if (!to)
		to = PLACE(test_numbers, this_test(r), path);
	if (!to)
		to = PLACE(function_numbers, this_function(r), path);
	if (json_decimal(text, len, 1, &n) < 0)
		return to ? refuse(r, path, "is no valid number") : 0;
	if (to)
		*to = n;
	return to ? 0 : on_small_number(r, path, n);
}

/* ---- texts --------------------------------------------------------------------------------- */

static int keep(struct profile_read *r, const char *text, size_t len, const char **ret)
{
	char *copy;

	if (r->nr_strings == r->room_strings) {
		size_t room = r->room_strings ? 2 * r->room_strings : 64;
		char **strings = reallocarray(r->strings, room, sizeof(*strings));

		if (!strings)
			return -ENOMEM;
		r->strings = strings;
		r->room_strings = room;
	}
	copy = strndup(text, len); /* to its first NUL: no name has one */
	if (!copy)
		return -ENOMEM;
	r->strings[r->nr_strings++] = copy;
	*ret = copy;
	return 0;
}

static bool is_word(const char *word, const char *text, size_t len)
{
	return strlen(word) == len && memcmp(word, text, len) == 0;
}

/* "2026-11-20T22:41:51.159Z" */
static int parse_start(struct profile_read *r, const char *text, size_t len)
{
	struct tm utc = {0};
	unsigned millis = 0;
	char copy[32], end;
	time_t seconds;

	snprintf(copy, sizeof(copy), "%.*s", (int)(len < sizeof(copy) ? len : sizeof(copy) - 1),
		 text);
	if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d.%3uZ%c", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
		   &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &millis, &end) != 7 ||
	    utc.tm_year < 1970 || utc.tm_mon < 1 || utc.tm_mon > 12 || utc.tm_mday < 1 ||
	    utc.tm_mday > 31 || utc.tm_hour > 23 || utc.tm_min > 59 || utc.tm_sec > 60)
		return refuse(r, "started_at", "is no time");
	utc.tm_year -= 1900;
	utc.tm_mon--;
	seconds = timegm(&utc);
	r->profile.started_at_ns = (uint64_t)seconds * 1000000000U + (uint64_t)millis * 1000000U;
	return 0;
}

static int parse_id(struct profile_read *r, struct test *t, const char *text, size_t len)
{
	uuid_t id;

	if (len != sizeof(t->id) - 1)
		return refuse(r, "tests[].id", "is no id");
	memcpy(t->id, text, len);
	return uuid_parse(t->id, id) < 0 ? refuse(r, "tests[].id", "is no id") : 0;
}

static int parse_status(struct profile_read *r, struct test *t, const char *text, size_t len)
{
	for (enum test_status s = 0; s <= TEST_UNKNOWN; s++)
		if (is_word(test_status_name(s), text, len)) {
			t->status = s;
			return 0;
		}
	return refuse(r, "tests[].status", "is no status");
}

static int on_text(void *arg, const char *path, const char *text, size_t len)
{
	struct profile_read *r = arg;
	struct test *t = this_test(r);
	const char **to = PLACE(run_texts, &r->profile, path);

	if (strcmp(path, "schema") == 0) {
		r->has_schema = is_word(SCHEMA, text, len);
		return r->has_schema ? 0 : refuse(r, path, "is not " SCHEMA);
	}
	if (strcmp(path, "part") == 0)
		return refuse(r, path, "says that it is of some tests only");
	if (strcmp(path, "event.requested") == 0)
		r->profile.unsampled = is_word(BPROF_NO_EVENT, text, len);
	if (strcmp(path, "started_at") == 0)
		return parse_start(r, text, len);
	if (t && strcmp(path, "tests[].id") == 0)
		return parse_id(r, t, text, len);
	if (t && strcmp(path, "tests[].status") == 0)
		return parse_status(r, t, text, len);
	if (strcmp(path, "versions.lua") == 0) {
		r->profile.runtimes = &r->runtime;
		r->profile.nr_runtimes = 1;
		return keep(r, text, len, &r->runtime.version);
	}
	if (!to)
		to = PLACE(test_texts, t, path);
	if (!to)
		to = PLACE(function_texts, this_function(r), path);
	return to ? keep(r, text, len, to) : 0;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static int on_boolean(void *arg, const char *path, bool value)
{
	struct profile_read *r = arg;

	if (strcmp(path, "complete") == 0)
		r->profile.complete = value;
	if (strcmp(path, "suite.seen") == 0)
		r->profile.suite.seen = value;
	if (strcmp(path, "suite.ended") == 0)
		r->profile.suite.ended = value;
	return 0;
}

static int grow(void **items, size_t nr, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *grown;

	if (nr < *room)
		return 0;
	if (nr >= MAX_ITEMS)
		return -ENOMEM;
	grown = reallocarray(*items, more, size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*room = more;
	return 0;
}

static int on_map_start(void *arg, const char *path)
{
	struct profile_read *r = arg;
	struct profile *p = &r->profile;
	int error = 0;

	if (strcmp(path, "tests[]") == 0) {
		error = grow((void **)&p->tests, p->nr_tests, &r->room_tests, sizeof(*p->tests));
		if (error == 0)
			p->tests[p->nr_tests++] = (struct test){
				.status = NO_STATUS,
				.body = {.wall_ns = PROFILE_UNKNOWN, .cpu_ns = PROFILE_UNKNOWN}};
	}
	if (strcmp(path, "functions[]") == 0) {
		error = grow((void **)&p->functions, p->nr_functions, &r->room_functions,
			     sizeof(*p->functions));
		if (error == 0)
			p->functions[p->nr_functions++] = (struct function){.name = NULL};
	}
	return error;
}

static int check_items(struct profile_read *r)
{
	struct profile *p = &r->profile;

	for (size_t i = 0; i < p->nr_tests; i++) {
		struct test *t = &p->tests[i];

		if (!*t->id || !t->full_name || t->status == NO_STATUS)
			return refuse(r, "tests[]", "lacks an id, a name or a status");
		t->name = t->name ? t->name : t->full_name;
		t->file = t->file ? t->file : "";
	}
	for (size_t i = 0; i < p->nr_functions; i++) {
		if (!p->functions[i].name)
			return refuse(r, "functions[]", "lacks a name");
		p->functions[i].file = p->functions[i].file ? p->functions[i].file : "";
	}
	return 0;
}

static int finish(struct profile_read *r)
{
	static const uint32_t cycles =
		1u << BPROF_METER_CYCLES_USER | 1u << BPROF_METER_CYCLES_KERNEL;
	struct profile *p = &r->profile;

	if (!r->has_schema)
		return refuse(r, "schema", "is missing: it is no profile.json of bprof-perf");
	if (p->started_at_ns == PROFILE_UNKNOWN)
		return refuse(r, "started_at", "is missing");
	if (!r->has_status)
		p->exit_status = -1;
	if (p->meters.value[BPROF_METER_CYCLES_USER] != PROFILE_UNKNOWN &&
	    p->meters.value[BPROF_METER_CYCLES_KERNEL] != PROFILE_UNKNOWN)
		p->metered = cycles;
	if (p->suite.seen && r->total_ns != PROFILE_UNKNOWN) {
		r->suite = (struct profile_node){.parent = UINT32_MAX,
						 .kind = NODE_SUITE,
						 .name = "",
						 .test = UINT32_MAX,
						 .end_ns = r->total_ns};
		p->nodes = &r->suite;
		p->nr_nodes = 1;
	}
	return check_items(r);
}

int profile_read(const char *text, size_t len, struct profile_read **ret, struct buf *why)
{
	static const struct json_sink sink = {.what = "profile",
					      .text = on_text,
					      .number = on_number,
					      .boolean = on_boolean,
					      .map_start = on_map_start};
	struct profile_read *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->why = why;
	r->total_ns = PROFILE_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(run_numbers); i++)
		*(uint64_t *)PLACE(run_numbers, &r->profile, run_numbers[i].path) = PROFILE_UNKNOWN;
	r->profile.started_at_ns = PROFILE_UNKNOWN;
	r->profile.suite.failures = r->profile.suite.errors = 0;
	r->profile.suite.errors_outside_tests = 0;
	error = json_stream(text, len, &sink, r, why);
	if (error == 0)
		error = finish(r);
	if (error < 0)
		profile_read_free(r);
	else
		*ret = r;
	return error;
}

void profile_read_free(struct profile_read *r)
{
	for (size_t i = 0; i < r->nr_strings; i++)
		free(r->strings[i]);
	free(r->strings);
	free(r->profile.tests);
	free(r->profile.functions);
	free(r);
}

const struct profile *profile_read_profile(const struct profile_read *r)
{
	return &r->profile;
}
