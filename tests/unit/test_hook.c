/* SPDX-License-Identifier: MIT */
/*
 * The hook in real interpreters under the real busted. Announcements are caught in Lua
 * (fixtures/spec/recorder.lua), so nothing here needs a kernel or privileges.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attribute.h"
#include "buf.h"
#include "hook.h"
#include "json_doc.h"
#include "run.h"
#include "story.h"

#define SPECS	   SOURCE_DIR "/tests/fixtures/spec"
#define BUSTED	   "/usr/bin/busted"
#define LUA_MODULE ";;/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua"

static const char *const lua_names[] = {"luajit", "lua5.1", "lua5.2", "lua5.3", "lua5.4"};

static const char *const outputs[] = {"TAP",	       "json",	      "junit",
				      "plainTerminal", "utfTerminal", "gtest"};

static const struct hook_options plain, collecting = {.collect_garbage = true};

/* ---- running Lua ---------------------------------------------------------------------------- */

struct setting {
	const char *lua;
	const char *directory;
	const char *init;  /* the user's LUA_INIT, NULL = none */
	const char *extra; /* one more NAME=value */
	const char *log;   /* record announcements here; NULL = run without the hook */
	const struct hook_options *hook; /* NULL = plain */
};

static char *hooked_init(const struct setting *set)
{
	char *hook = hook_code(set->hook ? set->hook : &plain);
	char *value = NULL;

	cr_assert(hook != NULL);
	cr_assert(asprintf(&value, "dofile('" SPECS "/recorder.lua') %s%s", hook,
			   set->init ? set->init : "") > 0);
	free(hook);
	return value;
}

static void run_lua(const struct setting *set, const char *const *args, struct run *ret)
{
	char *log = NULL, *init = NULL, *child = NULL, *value;
	const char *argv[RUN_MAX_ARGS] = {"setarch", "-R", set->lua};
	const char *env[16] = {"LUA_PATH=" LUA_MODULE, "LUA_PATH_5_2=" LUA_MODULE,
			       "LUA_PATH_5_3=" LUA_MODULE, "LUA_PATH_5_4=" LUA_MODULE,
			       "NESTED_CHILD=" SPECS "/standalone.lua"};
	size_t nr = 5;

	for (size_t i = 0; args[i]; i++)
		argv[3 + i] = args[i];
	cr_assert(asprintf(&child, "LUA_UNDER_TEST=%s", set->lua) > 0);
	env[nr++] = child;
	if (set->extra)
		env[nr++] = set->extra;
	if (set->log) {
		cr_assert(asprintf(&log, "HOOK_LOG=%s", set->log) > 0);
		env[nr++] = log;
		value = hooked_init(set);
		cr_assert(asprintf(&init, "LUA_INIT=%s", value) > 0);
		free(value);
		env[nr++] = init;
	} else if (set->init) {
		cr_assert(asprintf(&init, "LUA_INIT=%s", set->init) > 0);
		env[nr++] = init;
	}
	run_command(set->directory, env, argv, ret);
	free(log);
	free(init);
	free(child);
}

static bool usable(const char *lua)
{
	return program_exists(lua) && access(BUSTED, R_OK) == 0;
}

/* ---- replaying what was recorded ------------------------------------------------------------ */

struct replay {
	struct attribute *attribute;
	struct profile profile;
	size_t nr_announcements;
	uint32_t pids[16], epochs[16];
	size_t nr_pids;
};

static uint32_t next_epoch(struct replay *r, uint32_t pid, uint64_t now)
{
	size_t i = 0;

	while (i < r->nr_pids && r->pids[i] != pid)
		i++;
	if (i == r->nr_pids) {
		struct bprof_fork fork = {
			.h.time_ns = now,
			.pid = pid,
			.parent_pid = r->pids[0],
			.parent_epoch = r->epochs[0],
		};

		cr_assert(r->nr_pids < 16);
		if (r->nr_pids)
			cr_assert(eq(int, attribute_fork(r->attribute, &fork), 0));
		r->pids[r->nr_pids++] = pid;
	}
	return ++r->epochs[i];
}

/* Children are taken to be children of the first process that announced anything. */
static void replay_log(const char *path, struct replay *r)
{
	FILE *log = fopen(path, "rb");
	unsigned int pid;
	unsigned long long cpu_ns;
	size_t len;
	uint64_t now = 1;

	memset(r, 0, sizeof(*r));
	cr_assert(eq(int, attribute_new(1, &r->attribute), 0));
	while (log && fscanf(log, "%u %llu %zu", &pid, &cpu_ns, &len) == 3) {
		struct bprof_mark mark = {.pid = pid, .tid = pid, .cpu_ns = cpu_ns};
		char *text = malloc(len + 1);

		cr_assert(eq(int, fgetc(log), '\n'));
		cr_assert(eq(sz, fread(text, 1, len, log), len));
		mark.h.time_ns = ++now;
		mark.epoch = next_epoch(r, pid, now);
		cr_assert(eq(int, attribute_mark(r->attribute, &mark, text, len, NULL), 0));
		r->nr_announcements++;
		free(text);
	}
	if (log)
		fclose(log);
	cr_assert(eq(int, attribute_end(r->attribute, now + 1), 0));
	cr_assert(eq(int, attribute_fill(r->attribute, &r->profile), 0));
}

static void replay_done(struct replay *r)
{
	attribute_free(r->attribute);
}

static const char *const status_names[] = {"success", "failure", "error", "pending", "unknown"};

/* As listing.lua writes names. */
static char *visible(const char *name)
{
	struct buf text;
	int r = 0;

	buf_init(&text, 1 << 20);
	for (; *name && r == 0; name++) {
		unsigned char c = (unsigned char)*name;

		if (c < ' ' || c > '~')
			r = buf_addf(&text, "\\%03u", c);
		else
			r = buf_add(&text, name, 1);
	}
	cr_assert(eq(int, r, 0));
	if (!text.data)
		cr_assert(eq(int, buf_addstr(&text, ""), 0));
	return text.data;
}

static bool line_is_test(const char *line, const struct test *test)
{
	char *name = visible(test->full_name);
	char *expected = NULL;
	bool same;

	cr_assert(asprintf(&expected, "%s\t%s", status_names[test->status], name) > 0);
	same = strcmp(line, expected) == 0;
	free(expected);
	free(name);
	return same;
}

/* Tests for which busted sends no event (a fixture failed before) may stand between. */
static size_t check_listing(const char *listing, const struct profile *p)
{
	unsigned long long successes, failures, errors, pendings;
	char *copy = strdup(listing), *rest = copy, *line;
	size_t at = 0, silent = 0;
	bool counted = false;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (sscanf(line, "counts\t%llu %llu %llu %llu", &successes, &failures, &errors,
			   &pendings) == 4) {
			counted = true;
			cr_expect(eq(u64, p->suite.successes, successes));
			cr_expect(eq(u64, p->suite.failures, failures));
			cr_expect(eq(u64, p->suite.pendings, pendings));
			cr_expect(eq(u64, p->suite.errors + p->suite.errors_outside_tests, errors));
			continue;
		}
		if (!strchr(line, '\t'))
			continue;
		while (at < p->nr_tests && !line_is_test(line, &p->tests[at])) {
			cr_expect(p->tests[at].status == TEST_ERROR, "not announced: %s", line);
			silent++;
			at++;
		}
		cr_assert(at < p->nr_tests, "no test for: %s", line);
		at++;
	}
	cr_expect(counted, "busted printed no counts: %s", listing);
	free(copy);
	return silent + p->nr_tests - at;
}

/* ---- one interpreter after the other -------------------------------------------------------- */

struct parameter {
	char lua[16];
};

static void free_parameters(struct criterion_test_params *parameters)
{
	cr_free(parameters->params);
}

static struct criterion_test_params every_lua(void)
{
	size_t nr = ARRAY_SIZE(lua_names);
	struct parameter *list = cr_malloc(nr * sizeof(*list));

	for (size_t i = 0; i < nr; i++)
		snprintf(list[i].lua, sizeof(list[i].lua), "%s", lua_names[i]);
	return cr_make_param_array(struct parameter, list, nr, free_parameters);
}

/* A parameterised test with a directory for its log; skipped where this Lua or busted is missing.
 */
#define LuaTest(name)                                                                              \
	static void name(const char *lua, const char *log);                                        \
	ParameterizedTestParameters(hook, name)                                                    \
	{                                                                                          \
		return every_lua();                                                                \
	}                                                                                          \
	ParameterizedTest(struct parameter *parameter, hook, name, .timeout = 120)                 \
	{                                                                                          \
		char *directory, *log;                                                             \
		if (!usable(parameter->lua))                                                       \
			cr_skip_test("%s or busted is not installed", parameter->lua);             \
		directory = directory_make();                                                      \
		log = path_join(directory, "log");                                                 \
		name(parameter->lua, log);                                                         \
		free(log);                                                                         \
		directory_remove(directory);                                                       \
	}                                                                                          \
	static void name(const char *lua, const char *log)

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Pieces between separators, sorted: what is left when a handler shuffles keys and attributes. */
static char *sorted_pieces(const struct text *text)
{
	char *copy = calloc(text->len + 1, 1), *rest = copy, *piece;
	char **pieces = calloc(text->len + 2, sizeof(*pieces));
	struct buf joined;
	size_t nr = 0;

	for (size_t i = 0; i < text->len; i++)
		copy[i] = text->data[i] ? text->data[i] : ' ';

	while ((piece = strsep(&rest, ",{}[] \n<>/")) != NULL)
		pieces[nr++] = piece;
	qsort(pieces, nr, sizeof(*pieces), compare_texts);
	buf_init(&joined, 1 << 24);
	for (size_t i = 0; i < nr; i++) {
		if (*pieces[i])
			cr_assert(eq(int, buf_addf(&joined, "%s\n", pieces[i]), 0));
	}
	free(pieces);
	free(copy);
	return joined.data ? joined.data : strdup("");
}

/* Lua 5.1 has no random hash seed: there the order of keys is the same in every run. */
static void expect_same_output(const char *lua, const char *output, const struct run *plain,
			       const struct run *hooked)
{
	bool shuffles = (strcmp(output, "json") == 0 || strcmp(output, "junit") == 0) &&
			strcmp(lua, "lua5.1") != 0;

	cr_expect(eq(int, plain->status, hooked->status), "%s", output);
	cr_expect(eq(sz, plain->out.len, hooked->out.len), "%s", output);
	cr_expect(text_equal(&plain->err, &hooked->err), "%s: %s", output, hooked->err.data);
	if (shuffles) {
		char *x = sorted_pieces(&plain->out);
		char *y = sorted_pieces(&hooked->out);

		cr_expect(strcmp(x, y) == 0, "%s differs", output);
		free(x);
		free(y);
	} else {
		cr_expect(text_equal(&plain->out, &hooked->out), "%s differs", output);
	}
}

static void compare_runs(const char *lua, const char *log, const char *directory,
			 const char *output, const char *const *args)
{
	const char *clock = "dofile('" SPECS "/steady_clock.lua') ";
	struct setting set = {.lua = lua, .directory = directory, .init = clock};
	struct run plain, hooked;

	run_lua(&set, args, &plain);
	set.log = log;
	run_lua(&set, args, &hooked);
	expect_same_output(lua, output, &plain, &hooked);
	cr_expect(access(log, R_OK) == 0, "nothing was announced");
	unlink(log);
	run_done(&plain);
	run_done(&hooked);
}

LuaTest(every_output_of_busted_is_the_same_with_and_without_the_hook)
{
	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
		const char *args[] = {BUSTED, "-o", outputs[i], ".", NULL};

		compare_runs(lua, log, SPECS "/suite", outputs[i], args);
		compare_runs(lua, log, SPECS "/odd", outputs[i], args);
	}
}

LuaTest(handlers_keep_their_order_and_priorities)
{
	const char *args[] = {BUSTED, "-o", "TAP", ".", NULL};

	compare_runs(lua, log, SPECS "/order", "TAP", args);
}

LuaTest(a_busted_file_with_entries_of_its_own_works_as_before)
{
	const char *args[] = {BUSTED, "-Xhelper", "one,two", NULL};

	compare_runs(lua, log, SPECS "/config", "TAP", args);
}

LuaTest(every_test_is_known_in_order_with_its_status)
{
	const char *args[] = {BUSTED, "-o", SPECS "/listing.lua", ".", NULL};
	struct setting set = {.lua = lua, .directory = SPECS "/suite", .log = log};
	struct replay replay;
	struct run run;

	run_lua(&set, args, &run);
	replay_log(log, &replay);
	/* Two after a failing before_each, two after a failing lazy_setup. */
	cr_expect(eq(sz, check_listing(run.out.data, &replay.profile), 4));
	cr_expect(eq(u64, replay.profile.check.gaps, 0));
	cr_expect(replay.profile.suite.ended);
	cr_expect(eq(sz, replay.profile.nr_files, 3));
	for (size_t i = 0; i < replay.profile.nr_tests; i++)
		cr_expect(not(replay.profile.tests[i].incomplete));
	replay_done(&replay);
	run_done(&run);
}

/* The other files run as ever; a name that is none of the suite's, however it is written, is
 * nothing. */
LuaTest(a_skipped_file_is_not_run)
{
	static const char *const skipped[] = {"./b_fixture_spec.lua", "./\"]=1}\\\n--.lua", NULL};
	static const struct hook_options skipping = {.skipped = skipped};
	const char *args[] = {BUSTED, "-o", SPECS "/listing.lua", ".", NULL};
	struct setting set = {
		.lua = lua, .directory = SPECS "/suite", .log = log, .hook = &skipping};
	struct replay replay;
	struct run run;

	run_lua(&set, args, &run);
	replay_log(log, &replay);
	cr_expect(eq(sz, replay.profile.nr_files, 2));
	cr_expect(eq(sz, check_listing(run.out.data, &replay.profile), 0));
	cr_expect(gt(sz, replay.profile.nr_tests, 0));
	for (size_t i = 0; i < replay.profile.nr_tests; i++)
		cr_expect(strcmp(replay.profile.tests[i].file, skipped[0]) != 0);
	replay_done(&replay);
	run_done(&run);
}

LuaTest(pending_blocks_and_failing_describes_are_known)
{
	const char *args[] = {BUSTED, "-o", SPECS "/listing.lua", ".", NULL};
	struct setting set = {.lua = lua, .directory = SPECS "/odd", .log = log};
	struct replay replay;
	struct run run;

	run_lua(&set, args, &run);
	replay_log(log, &replay);
	cr_expect(eq(sz, check_listing(run.out.data, &replay.profile), 0));
	cr_expect(eq(u64, replay.profile.suite.pendings, 2));
	cr_expect(eq(u64, replay.profile.suite.errors_outside_tests, 1));
	replay_done(&replay);
	run_done(&run);
}

LuaTest(counts_are_those_of_busteds_json)
{
	/* One name is not UTF-8: no JSON reader would take it. */
	const char *args[] = {BUSTED, "-o", "json", "--filter-out", "invalid", ".", NULL};
	struct setting set = {.lua = lua, .directory = SPECS "/suite", .log = log};
	struct replay replay;
	struct run run;
	char *path = NULL;
	FILE *file;
	yajl_val json;

	run_lua(&set, args, &run);
	replay_log(log, &replay);
	cr_assert(asprintf(&path, "%s.json", log) > 0);
	file = fopen(path, "wb");
	fwrite(run.out.data, 1, run.out.len, file);
	fclose(file);
	json = json_read(path);
	cr_expect(eq(u64, replay.profile.suite.successes, json_length(json_at(json, "successes"))));
	cr_expect(eq(u64, replay.profile.suite.failures, json_length(json_at(json, "failures"))));
	cr_expect(eq(u64, replay.profile.suite.pendings, json_length(json_at(json, "pendings"))));
	cr_expect(eq(u64, replay.profile.suite.errors + replay.profile.suite.errors_outside_tests,
		     json_length(json_at(json, "errors"))));
	yajl_tree_free(json);
	free(path);
	replay_done(&replay);
	run_done(&run);
}

LuaTest(a_plain_test_takes_four_announcements)
{
	const char *args[] = {BUSTED, "-o", "TAP", "good_spec.lua", NULL};
	struct setting set = {.lua = lua, .directory = SPECS "/broken", .log = log};
	struct replay replay;
	struct run run;

	run_lua(&set, args, &run);
	replay_log(log, &replay);
	/* s, n file, + -, the test, -, e */
	cr_expect(eq(sz, replay.nr_announcements, 6 + 4));
	replay_done(&replay);
	run_done(&run);
}

LuaTest(repeated_and_shuffled_runs_keep_the_ids_of_tests)
{
	const char *repeat[] = {BUSTED, "-o", "TAP", "--repeat=3", "a_plain_spec.lua", NULL};
	const char *shuffle[] = {BUSTED, "-o", "TAP", "--shuffle", "--seed=7", "a_plain_spec.lua",
				 NULL};
	struct setting set = {.lua = lua, .directory = SPECS "/suite", .log = log};
	struct replay repeated, shuffled;
	struct run run;
	size_t nr, found = 0;

	run_lua(&set, repeat, &run);
	run_done(&run);
	replay_log(log, &repeated);
	cr_assert(eq(u64, repeated.profile.suite.iterations, 3));
	nr = repeated.profile.nr_tests / 3;
	cr_assert(nr > 10);
	for (size_t i = 0; i < 3 * nr; i++)
		cr_expect(eq(str, repeated.profile.tests[i].id, repeated.profile.tests[i % nr].id));

	unlink(log);
	run_lua(&set, shuffle, &run);
	run_done(&run);
	replay_log(log, &shuffled);
	cr_assert(eq(sz, shuffled.profile.nr_tests, nr));
	for (size_t i = 0; i < nr; i++) {
		for (size_t j = 0; j < nr; j++)
			found += strcmp(shuffled.profile.tests[i].id,
					repeated.profile.tests[j].id) == 0;
	}
	cr_expect(eq(sz, found, nr), "each id is there once");
	replay_done(&repeated);
	replay_done(&shuffled);
}

LuaTest(a_suite_that_ends_in_the_middle_leaves_an_incomplete_test)
{
	const char *leave[] = {BUSTED, "-o", "TAP", "exit_spec.lua", NULL};
	const char *die[] = {BUSTED, "-o", "TAP", "kill_spec.lua", NULL};
	const char *const *both[] = {leave, die};
	struct setting set = {.lua = lua, .directory = SPECS "/exit", .log = log};

	for (int i = 0; i < 2; i++) {
		struct replay replay;
		struct run run;
		const struct test *last;

		unlink(log);
		run_lua(&set, both[i], &run);
		cr_expect(eq(int, run.status, i ? 137 : 0));
		replay_log(log, &replay);
		cr_assert(replay.profile.nr_tests > 0);
		last = &replay.profile.tests[replay.profile.nr_tests - 1];
		cr_expect(last->incomplete);
		cr_expect(eq(int, last->status, TEST_UNKNOWN));
		cr_expect(not(replay.profile.suite.ended));
		replay_done(&replay);
		run_done(&run);
	}
}

LuaTest(a_standalone_spec_is_a_suite)
{
	const char *args[] = {"standalone.lua", "-o", SPECS "/listing.lua", NULL};
	struct setting set = {.lua = lua, .directory = SPECS, .log = log};
	struct replay replay;
	struct run run;

	run_lua(&set, args, &run);
	replay_log(log, &replay);
	cr_expect(eq(sz, check_listing(run.out.data, &replay.profile), 0));
	cr_expect(eq(sz, replay.profile.nr_tests, 2));
	replay_done(&replay);
	run_done(&run);
}

LuaTest(suites_inside_tests_are_counted_and_not_listed)
{
	const char *args[] = {BUSTED, "-o", SPECS "/listing.lua", ".", NULL};
	struct setting set = {.lua = lua, .directory = SPECS "/nested", .log = log};
	struct replay replay;
	struct run run;

	run_lua(&set, args, &run);
	replay_log(log, &replay);
	cr_expect(eq(sz, check_listing(run.out.data, &replay.profile), 0));
	cr_expect(eq(sz, replay.profile.nr_tests, 3));
	cr_expect(eq(u64, replay.profile.suite.nested, 2));
	replay_done(&replay);
	run_done(&run);
}

LuaTest(a_spec_file_that_cannot_be_loaded_is_an_error_outside_tests)
{
	const char *args[] = {BUSTED, "-o", SPECS "/listing.lua", ".", NULL};
	struct setting set = {.lua = lua, .directory = SPECS "/broken", .log = log};
	struct replay replay;
	struct run run;

	run_lua(&set, args, &run);
	replay_log(log, &replay);
	cr_expect(eq(sz, check_listing(run.out.data, &replay.profile), 0));
	cr_expect(eq(u64, replay.profile.suite.errors_outside_tests, 2));
	replay_done(&replay);
	run_done(&run);
}

LuaTest(busted_is_found_behind_the_loader_of_luarocks)
{
	const char *args[] = {"-e",
			      "package.path = '" SPECS "/rocks/?.lua;' .. package.path "
			      "assert(require('luarocks.loader').is_the_loader)",
			      BUSTED,
			      "-o",
			      SPECS "/listing.lua",
			      SPECS "/broken/good_spec.lua",
			      NULL};
	struct setting set = {.lua = lua, .log = log};
	struct replay replay;
	struct run run;

	run_lua(&set, args, &run);
	replay_log(log, &replay);
	cr_expect(eq(sz, check_listing(run.out.data, &replay.profile), 0));
	cr_expect(eq(sz, replay.profile.nr_tests, 1));
	replay_done(&replay);
	run_done(&run);
}

LuaTest(a_busted_that_starts_itself_again_is_the_suite)
{
	char *option = NULL;
	struct setting set = {.lua = lua, .directory = SPECS "/broken", .log = log};
	struct replay replay;
	struct run run;

	cr_assert(asprintf(&option, "--lua=%s", lua) > 0);
	run_lua(&set,
		(const char *[]){BUSTED, option, "-o", SPECS "/listing.lua", "good_spec.lua", NULL},
		&run);
	replay_log(log, &replay);
	cr_expect(eq(sz, check_listing(run.out.data, &replay.profile), 0));
	cr_expect(eq(sz, replay.profile.nr_tests, 1));
	free(option);
	replay_done(&replay);
	run_done(&run);
}

/* ---- garbage -------------------------------------------------------------------------------- */

/* What a test leaves is collected before the next one, whatever its finalizers do. */
LuaTest(garbage_of_a_test_is_gone_before_the_next_if_asked_for)
{
	CLEANUP(cleanup_free) char *hook = hook_code(&collecting);
	const char *argv[] = {lua, BUSTED, "-o", "TAP", SPECS "/garbage/garbage_spec.lua", NULL};
	char *init = NULL;
	struct run run;

	(void)log;
	cr_assert(asprintf(&init, "LUA_INIT=%s", hook) > 0);
	run_command(NULL, (const char *const[]){init, NULL}, argv, &run);
	cr_expect(eq(int, run.status, 0), "%s: %s%s", lua, run.out.data, run.err.data);
	run_done(&run);
	free(init);
}

/* ---- programs that are not busted, and the user's own LUA_INIT ------------------------------ */

/* The environment of hook_inject() as one list. */
struct list {
	char *name[8], *value[8];
	size_t nr;
};

static const char *list_get(void *ctx, const char *name)
{
	struct list *list = ctx;

	for (size_t i = 0; i < list->nr; i++) {
		if (strcmp(list->name[i], name) == 0)
			return list->value[i];
	}
	return NULL;
}

static int list_set(void *ctx, const char *name, const char *value)
{
	struct list *list = ctx;
	size_t at = 0;

	while (at < list->nr && strcmp(list->name[at], name) != 0)
		at++;
	if (at == list->nr)
		list->name[list->nr++] = strdup(name);
	else
		free(list->value[at]);
	list->value[at] = strdup(value);
	return 0;
}

static void list_done(struct list *list)
{
	for (size_t i = 0; i < list->nr; i++) {
		free(list->name[i]);
		free(list->value[i]);
	}
}

static int inject(struct list *list)
{
	struct hook_environ environ = {.get = list_get, .set = list_set, .ctx = list};

	return hook_inject(&environ);
}

/* Runs @args with one variable as the user has it, or as hook_inject() makes it. */
static void run_with_init(const char *lua, const char *variable, const char *value, bool hooked,
			  const char *const *args, struct run *ret)
{
	struct list list = {0};
	char *entries[8] = {0};
	const char *argv[RUN_MAX_ARGS] = {"setarch", "-R", lua};

	if (value)
		list_set(&list, variable, value);
	if (hooked)
		cr_assert(eq(int, inject(&list), 0));
	for (size_t i = 0; i < list.nr; i++)
		cr_assert(asprintf(&entries[i], "%s=%s", list.name[i], list.value[i]) > 0);
	for (size_t i = 0; args[i]; i++)
		argv[3 + i] = args[i];
	run_command(NULL, (const char *const *)entries, argv, ret);
	for (size_t i = 0; i < list.nr; i++)
		free(entries[i]);
	list_done(&list);
}

static void expect_same_run(const char *lua, const char *variable, const char *value,
			    const char *const *args)
{
	struct run plain, hooked;

	run_with_init(lua, variable, value, false, args, &plain);
	run_with_init(lua, variable, value, true, args, &hooked);
	cr_expect(eq(int, plain.status, hooked.status), "%s=%s", variable, value);
	cr_expect(text_equal(&plain.out, &hooked.out), "%s=%s: %s", variable, value,
		  hooked.out.data);
	cr_expect(text_equal(&plain.err, &hooked.err), "%s=%s: %s\n%s", variable, value,
		  plain.err.data, hooked.err.data);
	run_done(&plain);
	run_done(&hooked);
}

LuaTest(a_program_without_busted_sees_nothing_of_the_hook)
{
	const char *probe[] = {SPECS "/init_probe.lua", "an argument", NULL};
	const char *fails[] = {"-e", "error('boom')", NULL};

	(void)log;
	expect_same_run(lua, "LUA_INIT", NULL, probe);
	expect_same_run(lua, "LUA_INIT", NULL, fails);
}

LuaTest(the_users_own_init_runs_as_the_interpreter_would_run_it)
{
	static const char *const inits[] = {
		"INIT_RAN = 'by code'",
		"",
		"INIT_RAN = 'two'\nerror('on line 2')",
		"INIT_RAN = = 1",
		"error({})",
		"return 7",
		"for i = 1, 2 do",
		"os.exit(9)",
		"@" SPECS "/no such \"file\".lua",
		"@" SPECS "/steady_clock.lua",
		"@" SPECS "/broken/syntax_spec.lua",
	};
	static const char *const variables[] = {"LUA_INIT", "LUA_INIT_5_2", "LUA_INIT_5_3",
						"LUA_INIT_5_4"};
	const char *args[] = {SPECS "/init_probe.lua", NULL};

	(void)log;
	for (size_t i = 0; i < ARRAY_SIZE(inits); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(variables); j++)
			expect_same_run(lua, variables[j], inits[i], args);
	}
}

/* One line of its traceback says that a tail call came before: the hook, which started the file. */
LuaTest(an_error_in_the_users_init_file_has_the_same_message)
{
	const char *args[] = {"-e", "print('never')", NULL};
	const char *init = "@" SPECS "/failing_init.lua";
	struct run plain, hooked;

	(void)log;
	run_with_init(lua, "LUA_INIT", init, false, args, &plain);
	run_with_init(lua, "LUA_INIT", init, true, args, &hooked);
	cr_expect(eq(int, plain.status, hooked.status));
	cr_expect(eq(sz, hooked.out.len, 0));
	plain.err.data[strcspn(plain.err.data, "\n")] = '\0';
	hooked.err.data[strcspn(hooked.err.data, "\n")] = '\0';
	cr_expect(eq(str, plain.err.data, hooked.err.data));
	run_done(&plain);
	run_done(&hooked);
}

LuaTest(a_missing_busted_is_missed_with_the_same_words)
{
	const char *args[] = {"-e", "print(pcall(require, 'busted.core'))", NULL};
	struct run plain, hooked;

	(void)log;
	/* of the developer who runs this: they would win over LUA_PATH */
	unsetenv("LUA_PATH_5_2");
	unsetenv("LUA_PATH_5_3");
	unsetenv("LUA_PATH_5_4");
	run_with_init(lua, "LUA_PATH", "/nowhere/?.lua", false, args, &plain);
	run_with_init(lua, "LUA_PATH", "/nowhere/?.lua", true, args, &hooked);
	cr_expect(text_equal(&plain.out, &hooked.out), "%s\n%s", plain.out.data, hooked.out.data);
	run_done(&plain);
	run_done(&hooked);
}

Test(inject, only_variables_that_win_over_lua_init_are_added_to)
{
	struct list list = {0};

	list_set(&list, "LUA_INIT_5_3", "x = 1");
	cr_assert(eq(int, inject(&list), 0));
	cr_assert(eq(sz, list.nr, 2));
	cr_assert(list_get(&list, "LUA_INIT") != NULL);
	cr_assert(strstr(list_get(&list, "LUA_INIT_5_3"), "x = 1") != NULL);
	list_done(&list);
}

Test(inject, a_second_injection_changes_nothing)
{
	struct list list = {0};
	char *once;

	list_set(&list, "LUA_INIT", "x = 1");
	cr_assert(eq(int, inject(&list), 0));
	once = strdup(list_get(&list, "LUA_INIT"));
	cr_assert(eq(int, inject(&list), 0));
	cr_assert(eq(str, once, (char *)list_get(&list, "LUA_INIT")));
	free(once);
	list_done(&list);
}

Test(inject, a_value_too_long_for_an_environment_is_left_alone)
{
	struct list list = {0};
	size_t len = 128 * 1024 - 200;
	char *own = malloc(len + 1);

	memset(own, ' ', len);
	own[len] = '\0';
	list_set(&list, "LUA_INIT", own);
	cr_assert(eq(int, inject(&list), -E2BIG));
	cr_assert(strcmp(list_get(&list, "LUA_INIT"), own) == 0);
	free(own);
	list_done(&list);
}

Test(inject, the_hook_is_one_line_and_small)
{
	char *code = hook_code(&plain);

	cr_assert(code != NULL);
	cr_assert(strchr(code, '\n') == NULL);
	cr_assert(strlen(code) < 4096 + 1280);
	free(code);
}
