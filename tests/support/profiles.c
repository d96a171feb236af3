/* SPDX-License-Identifier: MIT */
/*
 * Profiles made by hand.
 *
 * Tables are read like the profile they stand for: functions, then stacks over their indexes, then
 * the order in which the stacks were sampled.
 */
#include "profiles.h"

#include <string.h>

#include "base.h"

#define MS 1000000ULL
#define US 1000ULL

#define FRAMES(...)                                                                                \
	.frames = (const struct stack_frame[]){__VA_ARGS__},                                       \
	.nr_frames = ARRAY_SIZE(((const struct stack_frame[]){__VA_ARGS__}))
#define PREFIX(...)                                                                                \
	.prefix = (const char *[]){__VA_ARGS__},                                                   \
	.nr_prefix = ARRAY_SIZE(((const char *[]){__VA_ARGS__}))
#define NAMES(member, ...)                                                                         \
	.member = (const char *[]){__VA_ARGS__},                                                   \
	.nr_##member = ARRAY_SIZE(((const char *[]){__VA_ARGS__}))
#define OUTSIDE UINT32_MAX

/* Then: samples by mode. */
#define COSTS(wall, cpu, nr, ...)                                                                  \
	{                                                                                          \
		.wall_ns = (wall), .cpu_ns = (cpu), .samples = (nr), .by_mode = {__VA_ARGS__},     \
		.meters = NO_METERS                                                                \
	}

/* A machine or a recording that has none. */
#define BPROF_X(name, key, sentence) PROFILE_UNKNOWN,
#define NO_METERS                                                                                  \
	{                                                                                          \
		{                                                                                  \
			BPROF_METER_LIST(BPROF_X)                                                  \
		}                                                                                  \
	}

/* What the VMs of a run tell apart. */
#define ALL_MODES ((1U << NR_MODES) - 1)
#define PUC_MODES (1U << MODE_INTERPRETER | 1U << MODE_C | 1U << MODE_NATIVE | 1U << MODE_KERNEL)

/* Which stack each sample had: thread and index, one sample per entry and period. */
struct schedule {
	uint32_t pid, tid;
	uint64_t start_ns, step_ns;
	const uint8_t *stacks;
	size_t nr;
};

struct schedules {
	const struct schedule *of;
	size_t nr;
};

static int play_schedules(const struct profile *p,
			  int (*fn)(void *arg, const struct profile_sample *s), void *arg)
{
	const struct schedules *all = p->each_sample_ctx;

	for (size_t i = 0; i < all->nr; i++) {
		const struct schedule *s = &all->of[i];

		for (size_t k = 0; k < s->nr; k++) {
			struct profile_sample sample = {
				.time_ns = s->start_ns + k * s->step_ns,
				.pid = s->pid,
				.tid = s->tid,
				.stack = &p->stacks[s->stacks[k]],
			};
			int r = fn(arg, &sample);

			if (r)
				return r;
		}
	}
	return 0;
}

/* ---- a suite on LuaJIT --------------------------------------------------------------------- */

enum {
	BURN,
	BODY,
	SETUP,
	GSUB,
	RUNNER,
	EXECUTE,
	SPEC_CHUNK,
	TRIM,
	GC,
	COMPILER,
	PRINTER,
	WORKER,
};

static struct function_line burn_lines[] = {{3, 20}, {4, 4}};

static struct function ordinary_functions[] = {
	[BURN] = {"burn",
		  "spec/a_spec.lua",
		  2,
		  FUNCTION_LUA,
		  false,
		  24,
		  24,
		  burn_lines,
		  2,
		  {[MODE_INTERPRETER] = 10, [MODE_JIT] = 14},
		  0,
		  0},
	[BODY] = {"<anonymous>",
		  "spec/a_spec.lua",
		  9,
		  FUNCTION_LUA,
		  false,
		  1,
		  30,
		  NULL,
		  0,
		  {[MODE_INTERPRETER] = 1, [MODE_GC] = 3, [MODE_RECORD] = 2},
		  0,
		  0},
	[SETUP] = {"<anonymous>",
		   "spec/a_spec.lua",
		   5,
		   FUNCTION_LUA,
		   false,
		   0,
		   4,
		   NULL,
		   0,
		   {0},
		   0,
		   0},
	[GSUB] = {"string.gsub", "", 0, FUNCTION_C, false, 6, 6, NULL, 0, {[MODE_C] = 7}, 0, 0},
	[RUNNER] = {"execute",
		    "/usr/share/lua/5.1/busted/core.lua",
		    120,
		    FUNCTION_LUA,
		    true,
		    2,
		    12,
		    NULL,
		    0,
		    {[MODE_KERNEL] = 2},
		    0,
		    0},
	[EXECUTE] = {"run",
		     "/usr/share/lua/5.1/busted/execute.lua",
		     14,
		     FUNCTION_LUA,
		     true,
		     1,
		     12,
		     NULL,
		     0,
		     {[MODE_INTERPRETER] = 1},
		     0,
		     0},
	[SPEC_CHUNK] = {"main chunk",
			"spec/a_spec.lua",
			0,
			FUNCTION_MAIN_CHUNK,
			false,
			2,
			2,
			NULL,
			0,
			{[MODE_INTERPRETER] = 2},
			0,
			0},
	[TRIM] = {"trim",
		  "src/text.lua",
		  12,
		  FUNCTION_LUA,
		  false,
		  2,
		  8,
		  NULL,
		  0,
		  {[MODE_INTERPRETER] = 1, [MODE_C] = 7},
		  0,
		  0},
	[GC] = {"[gc]", "", 0, FUNCTION_MARKER, false, 3, 3, NULL, 0, {[MODE_GC] = 3}, 0, 0},
	[COMPILER] = {"[jit compiler]",
		      "",
		      0,
		      FUNCTION_MARKER,
		      false,
		      2,
		      2,
		      NULL,
		      0,
		      {[MODE_RECORD] = 2},
		      0,
		      0},
	[PRINTER] = {"handler.testEnd",
		     "/usr/share/lua/5.1/busted/outputHandlers/utfTerminal.lua",
		     88,
		     FUNCTION_LUA,
		     true,
		     2,
		     2,
		     NULL,
		     0,
		     {[MODE_INTERPRETER] = 2},
		     0,
		     0},
	[WORKER] = {"step",
		    "src/worker.lua",
		    30,
		    FUNCTION_LUA,
		    false,
		    5,
		    5,
		    NULL,
		    0,
		    {[MODE_INTERPRETER] = 5},
		    0,
		    0},
};

#define IN_TEST PREFIX("spec/a_spec.lua", "outer", "inner", "it burns cpu (spec/a_spec.lua:9)")
#define IN_SETUP                                                                                   \
	PREFIX("spec/a_spec.lua", "outer", "inner", "it burns cpu (spec/a_spec.lua:9)",            \
	       "[before_each]")

static struct profile_stack ordinary_stacks[] = {
	/* 0 */ {IN_TEST, FRAMES({BODY, 10, 0}, {BURN, 3, STACK_FRAME_TRACE}), 0, PHASE_TEST, 14,
		 MODE_JIT},
	/* 1 */ {IN_TEST, FRAMES({BODY, 10, 0}, {BURN, 3, 0}), 0, PHASE_TEST, 6, MODE_INTERPRETER},
	/* 2 */ {IN_TEST, FRAMES({BODY, 10, 0}, {BURN, 4, 0}), 0, PHASE_TEST, 4, MODE_INTERPRETER},
	/* 3 */
	{IN_TEST, FRAMES({BODY, 11, 0}, {TRIM, 13, 0}, {GSUB, 0, 0}), 0, PHASE_TEST, 3, MODE_C},
	/* 4 */ {IN_TEST, FRAMES({BODY, 11, 0}, {GC, 0, 0}), 0, PHASE_TEST, 3, MODE_GC},
	/* 5 */
	{IN_SETUP, FRAMES({SETUP, 6, 0}, {TRIM, 13, 0}, {GSUB, 0, 0}), 0, PHASE_TEST_FIXTURE, 3,
	 MODE_C},
	/* 6 */ {IN_SETUP, FRAMES({SETUP, 6, 0}, {TRIM, 14, 0}), 0, PHASE_TEST_FIXTURE, 1},
	/* 7 */
	{PREFIX("[outside tests]"), FRAMES({RUNNER, 121, 0}, {EXECUTE, 20, 0}), OUTSIDE,
	 PHASE_BUSTED, 1, MODE_INTERPRETER},
	/* 8 */
	{PREFIX("[outside tests]"), FRAMES({RUNNER, 125, 0}), OUTSIDE, PHASE_BUSTED, 2,
	 MODE_KERNEL},
	/* 9 */
	{PREFIX("[outside tests]"), FRAMES({RUNNER, 125, 0}, {EXECUTE, 20, 0}, {PRINTER, 90, 0}),
	 OUTSIDE, PHASE_OUTPUT, 2, MODE_INTERPRETER},
	/* 10 */
	{PREFIX("spec/a_spec.lua", "[loading]"), FRAMES({SPEC_CHUNK, 1, 0}), OUTSIDE, PHASE_LOADING,
	 2, MODE_INTERPRETER},
	/* 11 */
	{PREFIX("spec/a_spec.lua", "outer", "inner", "it fails #slow (spec/a_spec.lua:20)"),
	 FRAMES({BODY, 10, 0}, {COMPILER, 0, 0}), 1, PHASE_TEST, 2, MODE_RECORD},
	/* 12 */
	{PREFIX("spec/b_spec.lua", "it runs a worker (spec/b_spec.lua:3)"),
	 FRAMES({WORKER, 31, STACK_FRAME_NEW_STATE}), 3, PHASE_TEST, 5, MODE_INTERPRETER},
	/* 13 */
	{PREFIX("spec/b_spec.lua", "it runs a worker (spec/b_spec.lua:3)"), FRAMES({BODY, 10, 0}),
	 3, PHASE_TEST, 1, MODE_INTERPRETER},
	/* 14 */
	{PREFIX("[outside tests]"), FRAMES({RUNNER, 125, 0}, {TRIM, 13, 0}, {GSUB, 0, 0}), OUTSIDE,
	 PHASE_BUSTED, 1, MODE_C},
};

static const uint8_t ordinary_main[] = {10, 10, 8, 5, 5, 5, 6, 1, 1, 1, 1, 1,  1,  0,  0,
					0,  0,	0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  2,  2,  2,
					2,  3,	3, 3, 4, 4, 4, 7, 9, 9, 8, 11, 11, 14, 13};
static const uint8_t ordinary_worker[] = {12, 12, 12, 12, 12};

static const struct schedule ordinary_samples[] = {
	{4711, 4711, 10 * MS, MS + 3 * US, ordinary_main, ARRAY_SIZE(ordinary_main)},
	/* Steps of two and a half periods: no two of these are a row. */
	{4711, 4720, 56 * MS, 2 * MS + 500 * US, ordinary_worker, ARRAY_SIZE(ordinary_worker)},
};

static const struct schedules ordinary_schedules = {ordinary_samples, 2};

static struct test ordinary_tests[] = {
	{.id = "2f0c1e62-5d1b-3a51-9d0f-0c3a6d1b7e01",
	 .file = "spec/a_spec.lua",
	 NAMES(path, "outer", "inner"),
	 .name = "burns cpu",
	 .full_name = "outer inner burns cpu",
	 .source = "spec/a_spec.lua",
	 .line = 9,
	 .status = TEST_SUCCESS,
	 .ordinal = 1,
	 .iteration = 1,
	 .body = COSTS(30 * MS + 412345, 30 * MS + 12345,
		       30, [MODE_INTERPRETER] = 10, [MODE_JIT] = 14, [MODE_C] = 3, [MODE_GC] = 3),
	 .fixtures = COSTS(4 * MS + 100 * US, 4 * MS, 4, [MODE_INTERPRETER] = 1, [MODE_C] = 3)},
	{.id = "2f0c1e62-5d1b-3a51-9d0f-0c3a6d1b7e02",
	 .file = "spec/a_spec.lua",
	 NAMES(path, "outer", "inner"),
	 .name = "fails #slow",
	 .full_name = "outer inner fails #slow",
	 .source = "spec/a_spec.lua",
	 .line = 20,
	 NAMES(tags, "slow"),
	 .status = TEST_FAILURE,
	 .ordinal = 1,
	 .iteration = 1,
	 .body = COSTS(2 * MS + 1, 2 * MS, 2, [MODE_RECORD] = 2),
	 .fixtures = COSTS(0, 0, 0, 0)},
	{.id = "2f0c1e62-5d1b-3a51-9d0f-0c3a6d1b7e03",
	 .file = "spec/a_spec.lua",
	 NAMES(path, "outer"),
	 .name = "is too short to be sampled",
	 .full_name = "outer is too short to be sampled",
	 .source = "spec/a_spec.lua",
	 .line = 31,
	 .status = TEST_SUCCESS,
	 .ordinal = 1,
	 .iteration = 1,
	 .body = COSTS(83 * US + 500, 80 * US, 0, 0),
	 .fixtures = COSTS(900, 850, 0, 0)},
	{.id = "2f0c1e62-5d1b-3a51-9d0f-0c3a6d1b7e04",
	 .file = "spec/b_spec.lua",
	 .name = "runs a worker",
	 .full_name = "runs a worker",
	 .source = "spec/support/shared.lua",
	 .line = 3,
	 .status = TEST_SUCCESS,
	 .ordinal = 1,
	 .iteration = 1,
	 .body = COSTS(14 * MS, 6 * MS, 6, [MODE_INTERPRETER] = 6),
	 .fixtures = COSTS(0, 0, 0, 0),
	 .children = 2},
	{.id = "2f0c1e62-5d1b-3a51-9d0f-0c3a6d1b7e05",
	 .file = "spec/b_spec.lua",
	 .name = "will be written",
	 .full_name = "will be written",
	 .source = "spec/b_spec.lua",
	 .line = 18,
	 .status = TEST_PENDING,
	 .ordinal = 1,
	 .iteration = 1,
	 .body = COSTS(0, 0, 0, 0),
	 .fixtures = COSTS(0, 0, 0, 0)},
};

static struct file_total ordinary_files[] = {
	{"spec/a_spec.lua",
	 3,
	 {2, 1, 0, 0, 0},
	 COSTS(32495846, 32092345, 32, [MODE_INTERPRETER] = 10, [MODE_JIT] = 14, [MODE_C] = 3,
	       [MODE_GC] = 3, [MODE_RECORD] = 2),
	 COSTS(4100900, 4000850, 4, [MODE_INTERPRETER] = 1, [MODE_C] = 3),
	 COSTS(2 * MS, 2 * MS, 2, [MODE_INTERPRETER] = 2),
	 COSTS(300 * US, 290 * US, 0, 0)},
	{"spec/b_spec.lua",
	 2,
	 {1, 0, 0, 1, 0},
	 COSTS(14 * MS, 6 * MS, 6, [MODE_INTERPRETER] = 6),
	 COSTS(0, 0, 0, 0),
	 COSTS(400 * US, 390 * US, 0, 0),
	 COSTS(0, 0, 0, 0)},
};

static struct profile_node ordinary_nodes[] = {
	{UINT32_MAX, NODE_SUITE, "suite", OUTSIDE, 0, 4711, 4711, 9 * MS, 72 * MS, 50 * MS, false},
	{0, NODE_FILE, "spec/a_spec.lua", OUTSIDE, 0, 4711, 4711, 10 * MS, 55 * MS, 40 * MS, false},
	{1, NODE_BODY, "spec/a_spec.lua", OUTSIDE, 0, 4711, 4711, 10 * MS, 12 * MS, 2 * MS, false},
	{1, NODE_DESCRIBE, "outer", OUTSIDE, 4, 4711, 4711, 12 * MS, 54 * MS, 38 * MS, false},
	{3, NODE_DESCRIBE, "inner", OUTSIDE, 5, 4711, 4711, 13 * MS, 53 * MS, 37 * MS, false},
	{4, NODE_TEST, "burns cpu", 0, 9, 4711, 4711, 13 * MS, 48 * MS, 34 * MS, false},
	{5, NODE_FIXTURE, "before_each", OUTSIDE, 5, 4711, 4711, 13 * MS, 17 * MS + 100 * US,
	 4 * MS, false},
	{5, NODE_BODY, "burns cpu", OUTSIDE, 9, 4711, 4711, 17 * MS + 200 * US, 47 * MS + 612345,
	 30 * MS, false},
	{4, NODE_TEST, "fails #slow", 1, 20, 4711, 4711, 50 * MS, 52 * MS + 1, 2 * MS, false},
	{3, NODE_TEST, "is too short to be sampled", 2, 31, 4711, 4711, 53 * MS + 100 * US,
	 53 * MS + 184400, 80 * US, false},
	{0, NODE_FILE, "spec/b_spec.lua", OUTSIDE, 0, 4711, 4711, 55 * MS, 71 * MS, 7 * MS, false},
	{10, NODE_TEST, "runs a worker", 3, 3, 4711, 4711, 56 * MS, 70 * MS, 6 * MS, false},
	{10, NODE_TEST, "will be written", 4, 18, 4711, 4711, 70 * MS, 70 * MS, 0, false},
};

static struct runtime ordinary_runtimes[] = {
	{4711, "luajit", "LuaJIT 2.1.0-beta3", "/usr/bin/luajit", true, 1, true, 1},
	{4730, "lua", "Lua 5.4", "/usr/bin/lua5.4", false, -1, true, 2},
};

static struct verification ordinary_verifications[] = {
	{.kind = "luajit",
	 .version = "LuaJIT 2.1.0-beta3",
	 .samples = 46,
	 .by_confidence = {[CONFIDENCE_EXACT] = 28,
			   [CONFIDENCE_GUARD] = 12,
			   [CONFIDENCE_TRACE_START] = 2,
			   [CONFIDENCE_FUNCTION_ONLY] = 2,
			   [CONFIDENCE_TRUNCATED] = 1,
			   [CONFIDENCE_UNKNOWN_LEAF] = 1},
	 .by_status = {[BPROF_WALK_OK] = 44, [BPROF_WALK_TRUNCATED] = 1, [BPROF_WALK_NO_LEAF] = 1},
	 .frames = 700,
	 .by_mark = {[FRAME_MARK_UNKNOWN] = 1,
		     [FRAME_MARK_NO_POS] = 2,
		     [FRAME_MARK_GUARD] = 20,
		     [FRAME_MARK_TRACE_START] = 2,
		     [FRAME_MARK_INLINED] = 8,
		     [FRAME_MARK_TAILCALL] = 5},
	 .by_leaf = {[WALK_LEAF_NONE] = 1, [WALK_LEAF_TRACE] = 14, [WALK_LEAF_VM_BASE] = 31},
	 .spans_cut = 1},
	{.kind = "lua",
	 .version = "Lua 5.4",
	 .samples = 5,
	 .by_confidence = {[CONFIDENCE_EXACT] = 5},
	 .by_status = {[BPROF_WALK_OK] = 5},
	 .by_gc = {[BPROF_GC_OUTSIDE] = 3, [BPROF_GC_INSIDE] = 1, [BPROF_GC_CUT] = 1},
	 .frames = 20,
	 .by_leaf = {[WALK_LEAF_PUC_SAVED_PC] = 4, [63] = 1},
	 .leaf_skipped = 2},
};

static const char *ordinary_command[] = {"busted", "--shuffle", "spec"};

const struct profile *profile_ordinary(void)
{
	static struct profile p = {
		.bprof_version = "0.1.0",
		.command = ordinary_command,
		.nr_command = ARRAY_SIZE(ordinary_command),
		.exit_status = 1,
		.complete = true,
		.started_at_ns = 1795166880123456789ULL,
		.wall_ns = 80 * MS,
		.cpu_ns = 62 * MS,
		.disturbance = {PROFILE_UNKNOWN, PROFILE_UNKNOWN, PROFILE_UNKNOWN, PROFILE_UNKNOWN,
				PROFILE_UNKNOWN},
		.event_requested = "auto",
		.event_name = "cpu-clock",
		.event_unit = "ns",
		.event_hardware = false,
		.frequency_hz = 997,
		.period = PROFILE_UNKNOWN,
		.ns_per_sample = 1003009,
		.cpu_model = "Example CPU 3.0GHz",
		.platform = "Linux",
		.kernel = "6.1.0-18-amd64",
		.arch = "x86_64",
		.nr_cpus = 2,
		.boundaries = "auto",
		.accounts = {.taken = 52,
			     .in_tests = 42,
			     .outside_tests = 8,
			     .lost = 1,
			     .unresolved = 1,
			     .truncated = 1,
			     .by_status = {[BPROF_WALK_OK] = 49,
					   [BPROF_WALK_TRUNCATED] = 1,
					   [BPROF_WALK_NO_LEAF] = 1}},
		.by_mode = {[MODE_INTERPRETER] = 23,
			    [MODE_JIT] = 14,
			    [MODE_C] = 7,
			    [MODE_GC] = 3,
			    [MODE_RECORD] = 2,
			    [MODE_KERNEL] = 2},
		.modes_told = ALL_MODES,
		.check = {true, true, 47, 0, 3, 58, 0},
		.suite = {true, true, 1, 3, 1, 0, 1, 0, 0},
		.counters = {[BPROF_COUNTER_TAKEN] = 52,
			     [BPROF_COUNTER_LOST_SAMPLES] = 1,
			     [BPROF_COUNTER_FOREIGN_GETENV] = 12,
			     [BPROF_COUNTER_HELD_EXECS] = 2},
		.verifications = ordinary_verifications,
		.nr_verifications = ARRAY_SIZE(ordinary_verifications),
		.runtimes = ordinary_runtimes,
		.nr_runtimes = ARRAY_SIZE(ordinary_runtimes),
		.tests = ordinary_tests,
		.nr_tests = ARRAY_SIZE(ordinary_tests),
		.files = ordinary_files,
		.nr_files = ARRAY_SIZE(ordinary_files),
		.functions = ordinary_functions,
		.nr_functions = ARRAY_SIZE(ordinary_functions),
		.phases = {[PHASE_TEST] = {COSTS(46495846, 38092345,
						 38, [MODE_INTERPRETER] = 16, [MODE_JIT] = 14,
						 [MODE_C] = 3, [MODE_GC] = 3, [MODE_RECORD] = 2)},
			   [PHASE_TEST_FIXTURE] = {COSTS(4100900, 4000850,
							 4, [MODE_INTERPRETER] = 1, [MODE_C] = 3)},
			   [PHASE_STARTUP] = {COSTS(9 * MS, 8 * MS, 0, 0)},
			   [PHASE_LOADING] = {COSTS(2400 * US, 2390 * US,
						    2, [MODE_INTERPRETER] = 2)},
			   [PHASE_DESCRIBE] = {COSTS(300 * US, 290 * US, 0, 0)},
			   [PHASE_FIXTURE] = {COSTS(0, 0, 0, 0)},
			   [PHASE_BUSTED] = {COSTS(
				   9703254, 9 * MS,
				   4, [MODE_INTERPRETER] = 1, [MODE_C] = 1, [MODE_KERNEL] = 2)},
			   [PHASE_OUTPUT] = {COSTS(PROFILE_UNKNOWN, PROFILE_UNKNOWN,
						   2, [MODE_INTERPRETER] = 2)},
			   [PHASE_SHUTDOWN] = {COSTS(8 * MS, 226805, 0, 0)}},
		.nodes = ordinary_nodes,
		.nr_nodes = ARRAY_SIZE(ordinary_nodes),
		.stacks = ordinary_stacks,
		.nr_stacks = ARRAY_SIZE(ordinary_stacks),
		.each_sample = play_schedules,
	};

	p.each_sample_ctx = (void *)&ordinary_schedules;
	return &p;
}

/* ---- the same suite, read from the stacks alone -------------------------------------------- */

static struct test sampled_tests[4];
static struct file_total sampled_files[ARRAY_SIZE(ordinary_files)];

static void forget_times(struct costs *c)
{
	c->wall_ns = c->cpu_ns = PROFILE_UNKNOWN;
}

/* Tests without samples are not known to exist, and nobody said how the others ended. */
static size_t make_sampled_tests(void)
{
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ordinary_tests); i++) {
		if (ordinary_tests[i].body.samples == 0)
			continue;
		sampled_tests[nr] = ordinary_tests[i];
		sampled_tests[nr].status = TEST_UNKNOWN;
		forget_times(&sampled_tests[nr].body);
		forget_times(&sampled_tests[nr++].fixtures);
	}
	return nr;
}

static void make_sampled_files(void)
{
	memcpy(sampled_files, ordinary_files, sizeof(sampled_files));
	for (size_t i = 0; i < ARRAY_SIZE(sampled_files); i++) {
		forget_times(&sampled_files[i].tests);
		forget_times(&sampled_files[i].fixtures);
		forget_times(&sampled_files[i].loading);
		forget_times(&sampled_files[i].describes);
	}
}

const struct profile *profile_sampled(void)
{
	static struct profile p;

	p = *profile_ordinary();
	p.boundaries = "stack";
	p.tests = sampled_tests;
	p.nr_tests = make_sampled_tests();
	p.files = sampled_files;
	make_sampled_files();
	p.nr_nodes = 0;
	p.check = (struct boundary_check){.stack_seen = true};
	p.suite = (struct suite_result){.seen = true};
	for (size_t i = 0; i < NR_PHASES; i++)
		forget_times(&p.phases[i].costs);
	return &p;
}

/* ---- the same suite without samples -------------------------------------------------------- */

static struct test unsampled_tests[ARRAY_SIZE(ordinary_tests)];
static struct file_total unsampled_files[ARRAY_SIZE(ordinary_files)];
static struct runtime unsampled_runtimes[ARRAY_SIZE(ordinary_runtimes)];

static void forget_samples(struct costs *c)
{
	c->samples = c->weight = 0;
	memset(c->by_mode, 0, sizeof(c->by_mode));
}

static void make_unsampled_parts(void)
{
	memcpy(unsampled_tests, ordinary_tests, sizeof(unsampled_tests));
	for (size_t i = 0; i < ARRAY_SIZE(unsampled_tests); i++) {
		forget_samples(&unsampled_tests[i].body);
		forget_samples(&unsampled_tests[i].fixtures);
	}
	memcpy(unsampled_files, ordinary_files, sizeof(unsampled_files));
	for (size_t i = 0; i < ARRAY_SIZE(unsampled_files); i++) {
		forget_samples(&unsampled_files[i].tests);
		forget_samples(&unsampled_files[i].fixtures);
		forget_samples(&unsampled_files[i].loading);
		forget_samples(&unsampled_files[i].describes);
	}
	memcpy(unsampled_runtimes, ordinary_runtimes, sizeof(unsampled_runtimes));
	for (size_t i = 0; i < ARRAY_SIZE(unsampled_runtimes); i++) {
		unsampled_runtimes[i].proved = unsampled_runtimes[i].gc64 = false;
		unsampled_runtimes[i].jit = -1;
	}
}

const struct profile *profile_unsampled(void)
{
	static struct profile p;

	make_unsampled_parts();
	p = *profile_ordinary();
	p.boundaries = "hook";
	p.event_requested = BPROF_NO_EVENT;
	p.event_name = p.event_unit = NULL;
	p.unsampled = true;
	p.frequency_hz = p.ns_per_sample = PROFILE_UNKNOWN;
	p.accounts = (struct sample_accounts){0};
	memset(p.by_mode, 0, sizeof(p.by_mode));
	p.counters[BPROF_COUNTER_TAKEN] = p.counters[BPROF_COUNTER_LOST_SAMPLES] = 0;
	p.check = (struct boundary_check){.hook_seen = true, .announcements = 58};
	p.tests = unsampled_tests;
	p.files = unsampled_files;
	p.runtimes = unsampled_runtimes;
	p.nr_verifications = p.nr_functions = p.nr_stacks = 0;
	p.each_sample = NULL;
	for (size_t i = 0; i < NR_PHASES; i++)
		forget_samples(&p.phases[i].costs);
	return &p;
}

/* ---- names that want to break every format ------------------------------------------------- */

static char long_name[2000 + 1]; /* more than any output shows */

const char *const hostile_names[] = {
	"",
	"handles case 3 7",
	"version 1.2.3",
	"a;b;c",
	"two\nlines\r\nand a\ttab",
	"say \"hi\" \\ back",
	"\033]0;owned\a\033[2J\033[31mred",
	"\xc2\x9b"
	"31m 8-bit CSI",
	"not utf-8: \xff\xfe\xc3(",
	"overlong \xc0\xaf surrogate \xed\xa0\x80",
	"\xe2\x80\xae"
	"evil\xe2\x80\xac and \xe2\x81\xa6"
	"isolated",
	"</script><img src=x onerror=alert(1)>",
	"::error::owned %0A",
	"日本語のテスト e\xcc\x81 🎉",
	"line\xe2\x80\xa8separator",
	"  spaces  ",
	"Profile",
	long_name,
};
const size_t nr_hostile_names = ARRAY_SIZE(hostile_names);

#define NR_HOSTILE ARRAY_SIZE(hostile_names)

static struct function hostile_functions[3 * NR_HOSTILE];
static struct stack_frame hostile_frames[NR_HOSTILE][3];
static const char *hostile_prefixes[NR_HOSTILE][3];
static const char *hostile_paths[NR_HOSTILE][1];
static struct profile_stack hostile_stacks[2 * NR_HOSTILE];
static struct test hostile_tests[NR_HOSTILE];
static struct file_total hostile_files[NR_HOSTILE];
static struct profile_node hostile_nodes[NR_HOSTILE];

static void make_hostile_row(size_t i)
{
	const char *name = hostile_names[i];
	struct function *functions = &hostile_functions[3 * i];

	functions[0] =
		(struct function){name, name, 7, FUNCTION_LUA, false, 0, 1, NULL, 0, {0}, 0, 0};
	functions[1] = (struct function){name, "", 0, FUNCTION_C, false, 1, 1, NULL, 0, {0}, 0, 0};
	functions[2] =
		(struct function){name, "", 0, FUNCTION_MARKER, false, 1, 1, NULL, 0, {0}, 0, 0};
	for (uint32_t k = 0; k < 3; k++)
		hostile_frames[i][k] = (struct stack_frame){(uint32_t)(3 * i) + k, 8, 0};
	for (size_t k = 0; k < 3; k++)
		hostile_prefixes[i][k] = name;
	hostile_paths[i][0] = name;
	hostile_stacks[2 * i] = (struct profile_stack){hostile_prefixes[i],
						       3,
						       hostile_frames[i],
						       i % 2 ? 3 : 2,
						       (uint32_t)i,
						       PHASE_TEST,
						       i + 1,
						       MODE_INTERPRETER,
						       0};
	/* The leaf is the foreign name itself. */
	hostile_stacks[2 * i + 1] = (struct profile_stack){
		hostile_prefixes[i], 1, NULL, 0, UINT32_MAX, PHASE_DESCRIBE, 1,
		MODE_INTERPRETER,    0};
	hostile_tests[i] = (struct test){
		.id = "00000000-0000-3000-8000-000000000000",
		.file = name,
		.path = hostile_paths[i],
		.nr_path = 1,
		.name = name,
		.full_name = name,
		.source = name,
		.line = (int32_t)i,
		.tags = hostile_paths[i],
		.nr_tags = 1,
		.status = (enum test_status)(i % (TEST_UNKNOWN + 1)),
		.incomplete = i == 4,
		.ordinal = 1,
		.iteration = (uint32_t)(1 + i % 2),
		.body = COSTS((i + 1) * MS, i % 3 ? (i + 1) * 900 * US : PROFILE_UNKNOWN,
			      i + 1, [MODE_INTERPRETER] = i + 1),
		.fixtures = COSTS(PROFILE_UNKNOWN, PROFILE_UNKNOWN, 0, 0),
	};
	hostile_files[i] =
		(struct file_total){.file = name,
				    .nr_tests = 1,
				    .tests = hostile_tests[i].body,
				    .fixtures = COSTS(PROFILE_UNKNOWN, PROFILE_UNKNOWN, 0, 0)};
	/* Each one reaches into the next: boundaries got lost. */
	hostile_nodes[i] = (struct profile_node){UINT32_MAX,
						 i % 2 ? NODE_TEST : NODE_DESCRIBE,
						 name,
						 i % 2 ? (uint32_t)i : UINT32_MAX,
						 (int32_t)i,
						 77,
						 77,
						 i * 3 * MS,
						 i * 3 * MS + 5 * MS,
						 PROFILE_UNKNOWN,
						 i == 4};
}

static const uint8_t hostile_order[] = {0, 2, 4, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 34};
static const struct schedule hostile_samples[] = {
	{77, 77, MS, MS, hostile_order, ARRAY_SIZE(hostile_order)},
	{78, 79, 0, 0, hostile_order, 3}, /* a clock that stands still */
};
static const struct schedules hostile_schedules = {hostile_samples, 2};

static struct runtime hostile_runtimes[] = {
	{77, "\033[31m", "Lua \033[2J\n5.1", "/tmp/\xff", false, -1, false, 1},
};

const struct profile *profile_hostile(void)
{
	static struct profile p = {
		.bprof_version = "0.1.0",
		.exit_status = 139,
		.complete = false,
		.wall_ns = 60 * MS,
		.cpu_ns = PROFILE_UNKNOWN,
		.disturbance = {PROFILE_UNKNOWN, PROFILE_UNKNOWN, PROFILE_UNKNOWN, PROFILE_UNKNOWN,
				PROFILE_UNKNOWN},
		.event_requested = "auto",
		.event_name = "cpu-clock",
		.event_unit = "ns",
		.frequency_hz = 1000,
		.ns_per_sample = 1000000,
		.boundaries = "auto",
		.accounts = {.taken = 200, .in_tests = 171, .outside_tests = 18, .lost = 10},
		.check = {true, true, 100, 9, 4, 50, 2},
		.suite = {true, false, 2, 4, 4, 4, 3, 1, 0},
		.counters = {[BPROF_COUNTER_LOST_MARKS] = 2, [BPROF_COUNTER_MALFORMED] = 1},
		.runtimes = hostile_runtimes,
		.nr_runtimes = 1,
		.tests = hostile_tests,
		.nr_tests = NR_HOSTILE,
		.files = hostile_files,
		.nr_files = NR_HOSTILE,
		.functions = hostile_functions,
		.nr_functions = ARRAY_SIZE(hostile_functions),
		.nodes = hostile_nodes,
		.nr_nodes = NR_HOSTILE,
		.stacks = hostile_stacks,
		.nr_stacks = ARRAY_SIZE(hostile_stacks),
		.each_sample = play_schedules,
	};

	memset(long_name, 'x', sizeof(long_name) - 1);
	memcpy(long_name, "start;", 6);
	memcpy(long_name + sizeof(long_name) - 8, " end 42", 7);
	for (size_t i = 0; i < NR_HOSTILE; i++)
		make_hostile_row(i);
	p.command = (const char **)hostile_names;
	p.nr_command = 8;
	p.each_sample_ctx = (void *)&hostile_schedules;
	return &p;
}

/* ---- nothing was measured ------------------------------------------------------------------ */

const struct profile *profile_empty(void)
{
	static struct profile p = {
		.disturbance = {PROFILE_UNKNOWN, PROFILE_UNKNOWN, PROFILE_UNKNOWN, PROFILE_UNKNOWN,
				PROFILE_UNKNOWN},
		.wall_ns = PROFILE_UNKNOWN,
		.cpu_ns = PROFILE_UNKNOWN,
		.ns_per_sample = PROFILE_UNKNOWN,
		.exit_status = 127,
	};

	return &p;
}

/* ---- no suite ------------------------------------------------------------------------------ */

enum { CHUNK, FIB, PRINT, WRITE, VFS, NO_LEAF };

static struct function program_functions[] = {
	[CHUNK] = {"main chunk",
		   "fib.lua",
		   0,
		   FUNCTION_MAIN_CHUNK,
		   false,
		   0,
		   1000,
		   NULL,
		   0,
		   {0},
		   0,
		   0},
	[FIB] = {"fib",
		 "fib.lua",
		 1,
		 FUNCTION_LUA,
		 false,
		 900,
		 900,
		 NULL,
		 0,
		 {[MODE_INTERPRETER] = 900, [MODE_C] = 10, [MODE_NATIVE] = 20, [MODE_KERNEL] = 40},
		 0,
		 0},
	[PRINT] = {"print", "", 0, FUNCTION_C, false, 10, 70, NULL, 0, {[MODE_C] = 10}, 0, 0},
	[WRITE] = {"_IO_new_file_xsputn",
		   "libc.so.6",
		   0,
		   FUNCTION_NATIVE,
		   false,
		   20,
		   60,
		   NULL,
		   0,
		   {[MODE_NATIVE] = 20},
		   0,
		   0},
	[VFS] = {"vfs_write",
		 "",
		 0,
		 FUNCTION_KERNEL,
		 false,
		 40,
		 40,
		 NULL,
		 0,
		 {[MODE_KERNEL] = 40},
		 0,
		 0},
	[NO_LEAF] = {"[lua: no_leaf]",
		     "",
		     0,
		     FUNCTION_MARKER,
		     false,
		     30,
		     30,
		     NULL,
		     0,
		     {[MODE_INTERPRETER] = 30},
		     0,
		     0},
};

static struct profile_stack program_stacks[] = {
	{.test = OUTSIDE,
	 .phase = PHASE_PROGRAM,
	 .samples = 900,
	 FRAMES({CHUNK, 5, 0}, {FIB, 3, 0}, {FIB, 3, 0}, {FIB, 2, 0})},
	{.test = OUTSIDE,
	 .phase = PHASE_PROGRAM,
	 .samples = 10,
	 FRAMES({CHUNK, 6, 0}, {PRINT, 0, 0})},
	{.test = OUTSIDE,
	 .phase = PHASE_PROGRAM,
	 .samples = 20,
	 FRAMES({CHUNK, 6, 0}, {PRINT, 0, 0}, {WRITE, 0, 0})},
	{.test = OUTSIDE,
	 .phase = PHASE_PROGRAM,
	 .samples = 40,
	 FRAMES({CHUNK, 6, 0}, {PRINT, 0, 0}, {WRITE, 0, 0}, {VFS, 0, 0})},
	{.test = OUTSIDE,
	 .phase = PHASE_PROGRAM,
	 .samples = 30,
	 FRAMES({CHUNK, 0, 0}, {NO_LEAF, 0, 0})},
};

static const uint8_t program_order[] = {0, 0, 0, 1, 2, 3, 3, 0, 4, 0};
static const struct schedule program_samples[] = {
	{900, 900, MS, 1003009, program_order, ARRAY_SIZE(program_order)},
};
static const struct schedules program_schedules = {program_samples, 1};

static struct runtime program_runtimes[] = {
	{900, "lua", "Lua 5.4", "/usr/bin/lua5.4", false, -1, true, 1},
};

static const char *program_command[] = {"lua5.4", "fib.lua"};

#define CYCLES_PER_SAMPLE 3001003

static void weigh_program(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(program_functions); i++) {
		struct function *f = &program_functions[i];

		f->self_weight = f->self_samples * CYCLES_PER_SAMPLE;
		f->total_weight = f->total_samples * CYCLES_PER_SAMPLE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(program_stacks); i++)
		program_stacks[i].weight = program_stacks[i].samples * CYCLES_PER_SAMPLE;
}

const struct profile *profile_program(void)
{
	static struct profile p = {
		.bprof_version = "0.1.0",
		.command = program_command,
		.nr_command = ARRAY_SIZE(program_command),
		.complete = true,
		.started_at_ns = 1795166880000000000ULL,
		.wall_ns = 1234567890,
		.cpu_ns = 1204567890,
		.disturbance = {PROFILE_UNKNOWN, PROFILE_UNKNOWN, PROFILE_UNKNOWN, PROFILE_UNKNOWN,
				PROFILE_UNKNOWN},
		.event_requested = "cycles",
		.event_name = "cycles",
		.event_unit = "cycles",
		.event_hardware = true,
		.frequency_hz = PROFILE_UNKNOWN,
		.period = CYCLES_PER_SAMPLE,
		.weighted = true,
		.ns_per_sample = PROFILE_UNKNOWN,
		.cpu_model = "Example CPU 3.0GHz",
		.platform = "Linux",
		.kernel = "6.1.0-18-amd64",
		.arch = "x86_64",
		.nr_cpus = 8,
		.boundaries = "none",
		.accounts = {.taken = 1000,
			     .outside_tests = 970,
			     .unresolved = 30,
			     .by_status = {[BPROF_WALK_OK] = 970, [BPROF_WALK_NO_LEAF] = 30}},
		.by_mode = {[MODE_INTERPRETER] = 930,
			    [MODE_C] = 10,
			    [MODE_NATIVE] = 20,
			    [MODE_KERNEL] = 40},
		.modes_told = PUC_MODES,
		.runtimes = program_runtimes,
		.nr_runtimes = 1,
		.functions = program_functions,
		.nr_functions = ARRAY_SIZE(program_functions),
		.phases = {[PHASE_PROGRAM] = {COSTS(1234567890, 1204567890,
						    970, [MODE_INTERPRETER] = 900, [MODE_C] = 10,
						    [MODE_NATIVE] = 20, [MODE_KERNEL] = 40)}},
		.stacks = program_stacks,
		.nr_stacks = ARRAY_SIZE(program_stacks),
		.each_sample = play_schedules,
	};

	p.each_sample_ctx = (void *)&program_schedules;
	weigh_program();
	return &p;
}

const struct profile_case profile_cases[] = {
	{"ordinary", "a suite with all kinds of time", profile_ordinary},
	{"sampled", "tests known by samples alone", profile_sampled},
	{"unsampled", "what is measured at boundaries, and nothing else", profile_unsampled},
	{"hostile", "names that want to break every format", profile_hostile},
	{"empty", "nothing was measured", profile_empty},
	{"program", "no suite, native and kernel frames, a hardware event", profile_program},
	{"repeated", "repeats, and all that can be counted", profile_repeated},
	{NULL, NULL, NULL},
};
