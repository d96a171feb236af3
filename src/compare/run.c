/* SPDX-License-Identifier: MIT */
/*
 * profile.json, read as a stream: a path of keys says where we are, and a table says what is wanted
 * from there.
 *
 * Invariant: memory grows with the tests of the file, never with its depth or with what is skipped.
 */
#include "run.h"

#include <errno.h>
#include <string.h>

#include "json_stream.h"

#define MAX_TEXT    ((size_t)64 << 10) /* of a name; longer ones are cut */
#define MAX_ID	    64
#define MAX_SKIPPED 100000
#define SCHEMA	    "bprof-perf/profile/"

#define OF_TEST	   "tests[]."
#define OF_FIXTURE "tests[].fixtures."

struct reader {
	struct run *run;
	struct run_test *test; /* the open one, inside run->tests */
	struct buf *why;
	struct buf interpreter, interpreters; /* "luajit 2.1": the open one; all of them */
	bool cut, disturbed;		      /* the open test */
};

static int refuse_because(struct reader *r, const char *sentence)
{
	return buf_addstr(r->why, sentence) < 0 ? -ENOMEM : -EBADMSG;
}

/* ---- texts --------------------------------------------------------------------------------- */

/* The first text of a key counts: what says it twice gains nothing. */
static int keep_text(char **ret, const char *text, size_t len)
{
	if (*ret)
		return 0;
	*ret = strndup(text, len < MAX_TEXT ? len : MAX_TEXT);
	return *ret ? 0 : -ENOMEM;
}

static int take_id(struct reader *r, const char *text, size_t len)
{
	if (len == 0 || len > MAX_ID)
		return refuse_because(r, "a test has an id of no valid length");
	return keep_text(&r->test->id, text, len);
}

static int take_name(struct reader *r, const char *text, size_t len)
{
	return keep_text(&r->test->name, text, len);
}

static int take_file(struct reader *r, const char *text, size_t len)
{
	return keep_text(&r->test->file, text, len);
}

static int take_source(struct reader *r, const char *text, size_t len)
{
	return keep_text(&r->test->source, text, len);
}

static int take_status(struct reader *r, const char *text, size_t len)
{
	static const struct {
		const char *name;
		enum run_status status;
	} names[] = {{"success", RUN_SOUND},
		     {"failure", RUN_FAILED},
		     {"error", RUN_FAILED},
		     {"pending", RUN_PENDING}};

	r->test->figures.status = RUN_CUT;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (len == strlen(names[i].name) && memcmp(names[i].name, text, len) == 0)
			r->test->figures.status = names[i].status;
	return 0;
}

static int take_started_at(struct reader *r, const char *text, size_t len)
{
	return keep_text(&r->run->started_at, text, len);
}

static int take_circumstance(struct reader *r, enum circumstance which, const char *text,
			     size_t len)
{
	return keep_text(&r->run->circumstances[which], text, len);
}

#define CIRCUMSTANCE(name, which)                                                                  \
	static int name(struct reader *r, const char *text, size_t len)                            \
	{                                                                                          \
		return take_circumstance(r, which, text, len);                                     \
	}
CIRCUMSTANCE(take_schema, CIRCUMSTANCE_SCHEMA)
CIRCUMSTANCE(take_cpu, CIRCUMSTANCE_CPU)
CIRCUMSTANCE(take_arch, CIRCUMSTANCE_ARCH)
CIRCUMSTANCE(take_kernel, CIRCUMSTANCE_KERNEL)
CIRCUMSTANCE(take_event, CIRCUMSTANCE_EVENT)
CIRCUMSTANCE(take_unit, CIRCUMSTANCE_UNIT)
CIRCUMSTANCE(take_bprof, CIRCUMSTANCE_BPROF)

static int take_skipped(struct reader *r, const char *text, size_t len)
{
	struct run *run = r->run;
	char **skipped;

	if (run->nr_skipped == MAX_SKIPPED)
		return refuse_because(r, "it leaves out more files than any suite has");
	if ((run->nr_skipped & (run->nr_skipped - 1)) == 0) { /* room for the next power of two */
		size_t room = run->nr_skipped ? run->nr_skipped * 2 : 1;

		skipped = reallocarray(run->skipped, room, sizeof(*skipped));
		if (!skipped)
			return -ENOMEM;
		run->skipped = skipped;
	}
	run->skipped[run->nr_skipped] = NULL;
	return keep_text(&run->skipped[run->nr_skipped++], text, len);
}

static int take_interpreter(struct reader *r, const char *text, size_t len)
{
	if (r->interpreter.len > 0 && buf_addstr(&r->interpreter, " ") < 0)
		return -ENOMEM;
	if (buf_add(&r->interpreter, text, len < MAX_ID ? len : MAX_ID) < 0)
		return -ENOMEM;
	return 0;
}

static const struct {
	const char *path;
	int (*take)(struct reader *r, const char *text, size_t len);
} texts[] = {
	{"schema", take_schema},
	{"bprof", take_bprof},
	{"started_at", take_started_at},
	{"skipped_files[]", take_skipped},
	{"event.name", take_event},
	{"event.unit", take_unit},
	{"hardware.cpu", take_cpu},
	{"hardware.arch", take_arch},
	{"hardware.kernel", take_kernel},
	{"runtimes[].kind", take_interpreter},
	{"runtimes[].version", take_interpreter},
	{"tests[].id", take_id},
	{"tests[].full_name", take_name},
	{"tests[].file", take_file},
	{"tests[].source", take_source},
	{"tests[].status", take_status},
};

static int on_text(void *arg, const char *path, const char *text, size_t len)
{
	struct reader *r = arg;

	/* a key of the file may look like a path */
	if (!r->test && strncmp(path, OF_TEST, strlen(OF_TEST)) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(texts[i].path, path) == 0)
			return texts[i].take(r, text, len);
	return 0;
}

/* ---- numbers and switches ------------------------------------------------------------------ */

static const struct {
	const char *key;
	enum metric metric;
} metric_keys[] = {
	{"cycles", METRIC_CYCLES},
	{"instructions", METRIC_INSTRUCTIONS},
	{"meters.vm_instructions", METRIC_VM_INSTRUCTIONS},
	{"cpu_ns", METRIC_CPU},
	{"wall_ns", METRIC_WALL},
};

/* Where the number at @path belongs, or NULL. */
static uint64_t *figure_at(struct reader *r, const char *path)
{
	bool fixture = strncmp(path, OF_FIXTURE, strlen(OF_FIXTURE)) == 0;
	const char *key = path + (fixture ? strlen(OF_FIXTURE) : strlen(OF_TEST));

	if (!r->test || strncmp(path, OF_TEST, strlen(OF_TEST)) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(metric_keys); i++)
		if (strcmp(metric_keys[i].key, key) == 0)
			return fixture ? &r->test->figures.whole[metric_keys[i].metric]
				       : &r->test->figures.body[metric_keys[i].metric];
	return NULL;
}

#define MAX_COUNT (UINT64_C(1) << 62) /* sums of a suite stay far from the end */

static bool count_parse(const char *text, size_t len, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || value > MAX_COUNT / 10)
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = value;
	return len > 0;
}

static int on_number(void *arg, const char *path, const char *text, size_t len)
{
	struct reader *r = arg;
	uint64_t *figure = figure_at(r, path), value;

	if (figure && !count_parse(text, len, figure))
		return refuse_because(r, "a cost of a test is no count");
	if (r->test && strcmp(path, "tests[].line") == 0)
		r->test->line =
			count_parse(text, len, &value) && value <= INT32_MAX ? (int32_t)value : 0;
	return 0;
}

/* Only profiles of --mode=count have it. */
static bool is_vm_repeat(const struct reader *r, const char *path)
{
	return r->test && strcmp(path, "tests[].vm_instructions_repeat") == 0;
}

static int on_boolean(void *arg, const char *path, bool value)
{
	struct reader *r = arg;

	if (strcmp(path, "complete") == 0)
		r->run->complete = value;
	if (r->test && value && strcmp(path, "tests[].incomplete") == 0)
		r->cut = true;
	if (r->test && value && strcmp(path, "tests[].disturbed") == 0)
		r->disturbed = true;
	if (is_vm_repeat(r, path)) {
		r->run->counted = true;
		r->test->figures.vm_repeats = value;
	}
	return 0;
}

static int on_null(void *arg, const char *path)
{
	struct reader *r = arg;

	if (is_vm_repeat(r, path))
		r->run->counted = true;
	return 0;
}

/* ---- tests --------------------------------------------------------------------------------- */

static int begin_test(struct reader *r)
{
	struct run *run = r->run;

	if (run->nr_tests == run->room) {
		size_t room = run->room ? run->room * 2 : 64;
		struct run_test *tests = reallocarray(run->tests, room, sizeof(*tests));

		if (!tests)
			return -ENOMEM;
		run->tests = tests;
		run->room = room;
	}
	r->test = &run->tests[run->nr_tests++];
	*r->test = (struct run_test){.figures = {.status = RUN_CUT}};
	for (size_t m = 0; m < NR_METRICS; m++)
		r->test->figures.body[m] = r->test->figures.whole[m] = FIGURE_UNKNOWN;
	return 0;
}

static int give_empty(char **text)
{
	if (!*text)
		*text = strdup("");
	return *text ? 0 : -ENOMEM;
}

/* What a test costs with its fixtures: those that were not measured did not run. */
static void add_body(struct figures *f)
{
	for (size_t m = 0; m < NR_METRICS; m++) {
		uint64_t fixtures = f->whole[m] == FIGURE_UNKNOWN ? 0 : f->whole[m];

		f->whole[m] = f->body[m] == FIGURE_UNKNOWN ? FIGURE_UNKNOWN : f->body[m] + fixtures;
	}
}

static int end_test(struct reader *r)
{
	struct run_test *test = r->test;

	r->test = NULL;
	if (!test->id)
		return refuse_because(r, "a test has no id");
	add_body(&test->figures);
	if (r->cut)
		test->figures.status = RUN_CUT;
	else if (r->disturbed && test->figures.status == RUN_SOUND)
		test->figures.status = RUN_DISTURBED;
	r->cut = r->disturbed = false;
	if (give_empty(&test->name) < 0 || give_empty(&test->file) < 0 ||
	    give_empty(&test->source) < 0)
		return -ENOMEM;
	return 0;
}

/*
 * "luajit LuaJIT 2.1.0", once, however many processes had it. Not whether the JIT was on: that is
 * told of the moment the VM was first seen.
 */
static int end_interpreter(struct reader *r)
{
	int error = 0;

	if (r->interpreter.len > 0 &&
	    (r->interpreters.len == 0 || !strstr(r->interpreters.data, r->interpreter.data))) {
		if (r->interpreters.len > 0)
			error = buf_addstr(&r->interpreters, ", ");
		if (error == 0)
			error = buf_addstr(&r->interpreters, r->interpreter.data);
	}
	buf_reset(&r->interpreter);
	if (error == -E2BIG) /* hostile numbers of interpreters: enough of them are named */
		error = 0;
	return error;
}

/* ---- maps ----------------------------------------------------------------------------------- */

static int on_map_start(void *arg, const char *path)
{
	return strcmp(path, "tests[]") == 0 ? begin_test(arg) : 0;
}

static int on_map_end(void *arg, const char *path)
{
	struct reader *r = arg;

	if (r->test && strcmp(path, "tests[]") == 0)
		return end_test(r);
	return strcmp(path, "runtimes[]") == 0 ? end_interpreter(r) : 0;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int check_profile(struct reader *r)
{
	const char *schema = r->run->circumstances[CIRCUMSTANCE_SCHEMA];

	if (!schema || strncmp(schema, SCHEMA, strlen(SCHEMA)) != 0)
		return refuse_because(r, "it is JSON, but no profile of bprof-perf (its schema is "
					 "not " SCHEMA "1)");
	if (r->interpreters.len == 0)
		return 0;
	return keep_text(&r->run->circumstances[CIRCUMSTANCE_INTERPRETERS], r->interpreters.data,
			 r->interpreters.len);
}

int run_parse(const char *text, size_t len, struct run **ret, struct buf *why)
{
	static const struct json_sink sink = {
		.what = "profile",
		.text = on_text,
		.number = on_number,
		.boolean = on_boolean,
		.null = on_null,
		.map_start = on_map_start,
		.map_end = on_map_end,
	};
	struct reader reader = {.run = calloc(1, sizeof(*reader.run)), .why = why};
	int r;

	if (!reader.run)
		return -ENOMEM;
	buf_init(&reader.interpreter, 1024);
	buf_init(&reader.interpreters, 8192);
	r = json_stream(text, len, &sink, &reader, why);
	if (r == 0)
		r = check_profile(&reader);
	buf_done(&reader.interpreter);
	buf_done(&reader.interpreters);
	if (r < 0) {
		run_free(reader.run);
		return r;
	}
	*ret = reader.run;
	return 0;
}

void run_free(struct run *run)
{
	if (!run)
		return;
	for (size_t i = 0; i < run->nr_tests; i++) {
		free(run->tests[i].id);
		free(run->tests[i].name);
		free(run->tests[i].file);
		free(run->tests[i].source);
	}
	for (size_t i = 0; i < NR_CIRCUMSTANCES; i++)
		free(run->circumstances[i]);
	for (size_t i = 0; i < run->nr_skipped; i++)
		free(run->skipped[i]);
	free(run->skipped);
	free(run->started_at);
	free(run->tests);
	free(run);
}
