/* SPDX-License-Identifier: MIT */
/*
 * Tests that start two hundred short interpreters: every one is found, and what it cost belongs to
 * the test that started it, whatever runs by then. The children say themselves what they cost.
 *
 * Needs root, BPF, the interpreters and busted; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiled.h"

#define CHILDREN  SOURCE_DIR "/tests/fixtures/live/children"
#define MAX_TAGS  8
#define FREQUENCY 997

/* What the children of one test wrote. */
struct cost {
	char tag[32];
	double seconds;
	int nr;
};

struct costs {
	struct cost items[MAX_TAGS];
	size_t nr;
};

static struct cost *cost_of(struct costs *costs, const char *tag)
{
	for (size_t i = 0; i < costs->nr; i++)
		if (strcmp(costs->items[i].tag, tag) == 0)
			return &costs->items[i];
	cr_assert(costs->nr < MAX_TAGS, "more than %d tags", MAX_TAGS);
	snprintf(costs->items[costs->nr].tag, sizeof(costs->items[0].tag), "%s", tag);
	return &costs->items[costs->nr++];
}

static void read_costs(const char *path, struct costs *costs)
{
	FILE *f = fopen(path, "r");
	double seconds;
	char tag[32];

	cr_assert(f != NULL, "the children wrote no %s", path);
	while (fscanf(f, "%31s %lf", tag, &seconds) == 2) {
		struct cost *cost = cost_of(costs, tag);

		cost->seconds += seconds;
		cost->nr++;
	}
	fclose(f);
}

static const struct {
	const char *tag, *test;
	int nr_interpreters;
	int nr_processes; /* with the shells that stay */
} expected[] = {
	{"popen", "by popen", 90, 90},
	{"execute", "by execute", 70, 70},
	{"side", "side by side", 20, 20},
	{"grand", "and grandchildren", 20, 20},
	{"background", "in the background", 1, 2},
};

/*
 * A child cannot say what its own end cost, nor what its test paid to start it: up to a tenth more
 * is right, less is not.
 */
static void check_test(yajl_val profile, struct costs *costs, size_t i)
{
	const struct cost *cost = cost_of(costs, expected[i].tag);
	yajl_val test = profiled_test(profile, expected[i].test);
	double got;

	cr_assert(test != NULL, "there is no test \"%s\"", expected[i].test);
	got = (double)json_int_at(test, "cpu_ns") / 1e9;
	cr_log_info("  %-20s %3d interpreters, %8.2f ms by themselves, %8.2f ms found (%+.1f %%)",
		    expected[i].test, cost->nr, cost->seconds * 1e3, got * 1e3,
		    100 * (got / cost->seconds - 1));
	cr_expect(cost->nr == expected[i].nr_interpreters, "%s: %d children said what they cost",
		  expected[i].test, cost->nr);
	cr_expect(json_int_at(test, "children") == expected[i].nr_processes,
		  "%s: %lld processes found, started %d", expected[i].test,
		  json_int_at(test, "children"), expected[i].nr_processes);
	cr_expect(got >= 0.99 * cost->seconds && got <= 1.10 * cost->seconds,
		  "%s: %.2f ms CPU found, by themselves %.2f ms", expected[i].test, got * 1e3,
		  cost->seconds * 1e3);
}

/* Where the CPU is, the samples are: chance moves them by 5 sigma at most. */
static void check_samples(yajl_val profile, size_t i)
{
	yajl_val test = profiled_test(profile, expected[i].test);
	double want = FREQUENCY * (double)json_int_at(test, "cpu_ns") / 1e9;
	double off = (double)json_int_at(test, "samples") - want;

	cr_expect(off * off <= 25 * want, "%s: %.0f samples more than the expected %.0f",
		  expected[i].test, off, want);
}

/* It sleeps while the child of the test before it still runs. */
static void check_the_last(yajl_val profile)
{
	yajl_val test = profiled_test(profile, "none of its own");

	cr_assert(test != NULL);
	cr_expect(json_int_at(test, "cpu_ns") < 20000000, "sleeping cost %.2f ms CPU",
		  (double)json_int_at(test, "cpu_ns") / 1e6);
	cr_expect(json_int_at(test, "wall_ns") > 600000000);
}

/*
 * Between vfork() and exec() a child is in its parent's memory, but runs none of its Lua: without
 * that knowledge about 1 % of the samples miss their chain. Few do by right: an interpreter that
 * opens its script has a large buffer on its stack, whose pages cannot be read before they were
 * written to, and a hole might hide a coroutine.
 */
static void check_stacks(const char *interpreter, yajl_val profile)
{
	long long unresolved = json_int_at(profile, "samples.unresolved");
	long long taken = json_int_at(profile, "samples.taken");
	long long chain = json_int_at(profile, "samples.reasons.chain");

	cr_log_info("%s: %lld of %lld samples unresolved, %lld by their chain", interpreter,
		    unresolved, taken, chain);
	cr_expect(chain * 500 <= taken, "%lld of %lld samples miss their chain", chain, taken);
	cr_expect(unresolved * 200 <= taken);
}

static void check_losses(yajl_val profile)
{
	static const char *const counters[] = {"lost_samples", "lost_marks", "lost_records",
					       "lost_processes"};

	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		char path[64];

		snprintf(path, sizeof(path), "counters.%s", counters[i]);
		cr_expect(json_int_at(profile, path) == 0, "%s: %lld", path,
			  json_int_at(profile, path));
	}
}

static void check_children(const char *interpreter)
{
	char *directory, *log, *log_variable, *lua_variable;
	struct costs costs = {0};
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, interpreter);
	directory = directory_make();
	log = path_join(directory, "costs");
	cr_assert(asprintf(&log_variable, "CHILD_LOG=%s", log) > 0);
	cr_assert(asprintf(&lua_variable, "LUA_UNDER_TEST=%s", interpreter) > 0);
	profiled_run(BPROF_PERF, CHILDREN, (const char *const[]){log_variable, lua_variable, NULL},
		     NULL, (const char *const[]){interpreter, "/usr/bin/busted", "-o", "TAP", NULL},
		     &p);
	cr_assert(p.run.status == 0 && p.profile, "status %d: %s", p.run.status, p.run.err.data);
	read_costs(log, &costs);
	cr_log_info("%s:", interpreter);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		check_test(p.profile, &costs, i);
		check_samples(p.profile, i);
	}
	check_the_last(p.profile);
	check_losses(p.profile);
	check_stacks(interpreter, p.profile);
	expect_whole_accounts(interpreter, p.profile);
	profiled_done(&p);
	directory_remove(directory);
	free(log);
	free(log_variable);
	free(lua_variable);
}

Test(children, of_luajit)
{
	check_children("luajit");
}

Test(children, of_lua_5_4)
{
	check_children("lua5.4");
}

#define BURNT_S 0.3 /* CPU time of the child by the end of the suite */

/* It writes what it has burnt, until its directory is gone. */
#define CHILD                                                                                      \
	"local n = 0 while os.clock() < 20 do n = n + 1 if n % 100000 == 0 then "                  \
	"local f = io.open('burnt', 'w') if not f then break end f:write(os.clock()) f:close() "   \
	"end end"
#define STARTER                                                                                    \
	"it('starts a child', function() os.execute('luajit child.lua >/dev/null 2>&1 &') end) "   \
	"it('waits for it', function() repeat os.execute('sleep 0.1') local f = io.open('burnt') " \
	"local t = f and f:read('*n') if f then f:close() end until t and t >= 0.3 end)"

static void write_text(const char *directory, const char *name, const char *text)
{
	char *path = path_join(directory, name);
	FILE *file = fopen(path, "w");

	cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
	free(path);
}

/* As far as it ran: its test pays, not the one that was running when the recording ended. */
Test(children, one_that_outlives_the_run_belongs_to_its_test, .timeout = 120)
{
	char *directory = directory_make();
	struct profiled p;
	yajl_val test;
	double cpu;

	skip_unless_profiling(BPROF_PERF, "luajit");
	write_text(directory, "child.lua", CHILD);
	write_text(directory, "start_spec.lua", STARTER);
	profiled_run(BPROF_PERF, directory, NULL, (const char *const[]){"-q", NULL},
		     (const char *const[]){"luajit", "/usr/bin/busted", "start_spec.lua", NULL},
		     &p);
	cr_assert(p.profile != NULL, "%s", p.run.err.data);
	test = profiled_test(p.profile, "starts a child");
	cpu = (double)json_int_at(test, "cpu_ns") / 1e9;
	cr_log_info("the test that started it: %.3f s of %.3f s of the run", cpu,
		    (double)json_int_at(p.profile, "cpu_ns") / 1e9);
	cr_expect(cpu >= BURNT_S && cpu < 3 * BURNT_S, "%.3f s", cpu);
	cr_expect(json_int_at(profiled_test(p.profile, "waits for it"), "cpu_ns") < 200000000);
	cr_expect(json_int_at(p.profile, "cpu_ns") >= json_int_at(test, "cpu_ns"));
	profiled_done(&p);
	directory_remove(directory);
}

/*
 * One after the other, each gone at once. A search of the new process's memory may meet its file
 * before its exec is told: then too the probes must be there before it goes on.
 */
Test(children, the_shortest_ones_of_two_kinds)
{
	skip_unless_profiling(BPROF_PERF, "luajit");
	skip_unless_profiling(BPROF_PERF, "lua5.4");
	for (int i = 0; i < 20; i++) {
		struct profiled p;

		profiled_run(BPROF_PERF, "/", NULL, NULL,
			     (const char *const[]){"sh", "-c", "luajit -e ''; lua5.4 -e ''", NULL},
			     &p);
		cr_assert(p.profile != NULL, "%s", p.run.err.data);
		cr_expect(json_length(json_at(p.profile, "runtimes")) == 2, "run %d: %zu of 2", i,
			  (size_t)json_length(json_at(p.profile, "runtimes")));
		profiled_done(&p);
	}
}
