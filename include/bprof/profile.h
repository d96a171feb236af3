/* SPDX-License-Identifier: MIT */
/*
 * The aggregate of one run: all that outputs may see. Made by aggregate/, const afterwards.
 *
 * Units: times and CPU in nanoseconds, samples as counts. A value that was not measured is
 * PROFILE_UNKNOWN, never 0, and outputs print it as null or a dash.
 * Strings are bytes of unknown encoding as the target had them: each output escapes for its own
 * format.
 */
#ifndef BPROF_PROFILE_H
#define BPROF_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bprof/verification.h>
#include <bprof/wire.h>

#define PROFILE_UNKNOWN UINT64_MAX

/* ---- modes --------------------------------------------------------------------------------- */

/* What a thread was doing when it was sampled. Every sample has exactly one. */
enum mode {
	MODE_INTERPRETER, /* bytecode, fast functions in assembler, the VM's helpers for them */
	MODE_JIT,	  /* machine code of a trace */
	MODE_C,		  /* a C function that Lua called */
	MODE_C_ON_TRACE,  /* C code that machine code called: the VM's helpers, FFI functions */
	MODE_GC,
	MODE_RECORD, /* the JIT compiler, in its four states */
	MODE_OPTIMISE,
	MODE_ASSEMBLE,
	MODE_EXIT,	      /* leaving a trace */
	MODE_NATIVE,	      /* no Lua code runs on this thread */
	MODE_KERNEL,	      /* in the kernel */
	MODE_KERNEL_GC,	      /* in the kernel for the collector: page faults */
	MODE_KERNEL_COMPILER, /* in the kernel for the compiler: it protects machine code */
	NR_MODES
};

/* ---- functions and stacks ------------------------------------------------------------------ */

enum function_kind {
	FUNCTION_LUA,
	FUNCTION_MAIN_CHUNK,
	FUNCTION_C,	 /* a C function known to Lua: "string.gsub" */
	FUNCTION_NATIVE, /* machine code outside Lua: symbol and module */
	FUNCTION_KERNEL,
	FUNCTION_MARKER, /* no function: "[busted]", "[gc]", "[jit compiler]", "[lua: no_leaf]" */
};

/* A function is known by (kind, name-independent identity): Lua: chunk and first line. */
struct function {
	const char *name; /* without location; "<anonymous>" where the VM knows none */
	const char *file; /* Lua: chunk name as the VM displays it; native: module; else "" */
	int32_t line;	  /* Lua: first line; 0 = main chunk or none */
	enum function_kind kind;
	bool framework; /* busted's own */
	uint64_t self_samples, total_samples;
	struct function_line *lines; /* where its samples were, by current line, ascending */
	size_t nr_lines;
	/*
	 * Samples in which it was the innermost Lua function, with what ran under it: C functions,
	 * the collector, the compiler. Other kinds: samples of their own.
	 */
	uint64_t by_mode[NR_MODES];
	uint64_t self_weight, total_weight; /* of its samples, in units of the event */
};

struct function_line {
	int32_t line;
	uint64_t samples; /* with this function anywhere on the stack at this line, once per sample
			   */
};

enum stack_frame_flags {
	STACK_FRAME_TRACE = 1 << 0, /* on a JIT trace: suffix _[j] */
	STACK_FRAME_TAILCALL = 1 << 1,
	STACK_FRAME_NEW_STATE = 1 << 2, /* outermost frame of a coroutine */
};

struct stack_frame {
	uint32_t function; /* index into profile.functions */
	int32_t line;	   /* current line, 0 = not known */
	uint32_t flags;
};

/* ---- where the time went ------------------------------------------------------------------- */

enum node_kind {
	NODE_PROCESS, /* time outside every other node */
	NODE_SUITE,
	NODE_FILE,
	NODE_DESCRIBE,
	NODE_TEST,    /* the test's whole scope: body, fixtures, busted's work around them */
	NODE_BODY,    /* the function the user wrote: of a test, describe or file */
	NODE_FIXTURE, /* before_each, after_each, setup, teardown, lazy_*, strict_*, finally */
};

/* What a stretch of time was spent on. Every sample and every nanosecond has exactly one. */
enum phase {
	PHASE_TEST,	    /* bodies of tests */
	PHASE_TEST_FIXTURE, /* before_each, after_each, finally, lazy_setup inside a test's scope */
	PHASE_STARTUP,	    /* from the start of a process to its first suite event */
	PHASE_LOADING,	    /* top level of spec files */
	PHASE_DESCRIBE,	    /* bodies of describe blocks */
	PHASE_FIXTURE,	    /* setup and teardown of describes and files */
	PHASE_BUSTED,	    /* busted's own work between the others */
	PHASE_OUTPUT,	    /* busted's output handlers: known by samples only */
	PHASE_SHUTDOWN,	    /* after the suite ended */
	PHASE_PROGRAM,	    /* a run without a suite: all of it */
	NR_PHASES
};

enum test_status {
	TEST_SUCCESS,
	TEST_FAILURE,
	TEST_ERROR,
	TEST_PENDING,
	TEST_UNKNOWN, /* never ended, or boundaries by stack only */
};

struct costs {
	uint64_t wall_ns; /* at boundaries, never derived from samples; PROFILE_UNKNOWN by stack
			     only */
	uint64_t cpu_ns;  /* own threads and children started here */
	uint64_t samples;
	uint64_t by_mode[NR_MODES]; /* the samples, by mode */
	uint64_t weight;	    /* of the samples, in units of the event */
	uint64_t overhead_ns;	    /* CPU time of boundaries, already taken off cpu_ns */
	struct bprof_meters meters; /* as cpu_ns; PROFILE_UNKNOWN: not counted here */
};

/* Did a test take as many VM instructions in an earlier run of the same command? */
enum vm_repeat { VM_REPEAT_UNKNOWN, VM_REPEAT_SAME, VM_REPEAT_DIFFERS };

struct test {
	char id[37];	   /* name-based MD5 UUID */
	const char *file;  /* spec file as busted names it */
	const char **path; /* names of the describes, outermost first */
	size_t nr_path;
	const char *name;      /* of the test alone */
	const char *full_name; /* busted's: describes and name joined by one space */
	const char *source;    /* file the definition is in */
	int32_t line;	       /* of the definition, 0 = not known */
	const char **tags;     /* without '#' */
	size_t nr_tags;
	enum test_status status;
	bool incomplete;    /* the process ended inside it */
	uint32_t ordinal;   /* among tests of the same file, path and name: 1, 2, ... */
	uint32_t iteration; /* --repeat: 1, 2, ... */
	struct costs body, fixtures;
	uint64_t children; /* processes started in it */
	enum vm_repeat vm_repeat;
};

struct file_total {
	const char *file;
	size_t nr_tests;
	uint64_t nr_by_status[TEST_UNKNOWN + 1];
	struct costs tests, fixtures; /* of its tests */
	struct costs loading;	      /* its own top level */
	struct costs describes;	      /* its describe bodies */
};

struct phase_total {
	struct costs costs; /* PHASE_OUTPUT: wall_ns and cpu_ns are PROFILE_UNKNOWN */
};

/* A node of the span tree, for outputs with a time axis. */
struct profile_node {
	uint32_t parent; /* index, UINT32_MAX = none */
	enum node_kind kind;
	const char *name; /* test, describe, file name; fixture: its descriptor */
	uint32_t test;	  /* NODE_TEST: index into tests, else UINT32_MAX */
	int32_t line;
	uint32_t pid, tid;
	uint64_t start_ns, end_ns; /* since the start of the run */
	uint64_t cpu_ns;
	bool incomplete;
};

/* ---- samples ------------------------------------------------------------------------------- */

/*
 * All samples with the same place, the same mode and the same stack.
 * prefix: names from the root: spec file, describes, test, phase; or "[outside tests]",
 * "[loading]", ...
 */
struct profile_stack {
	const char **prefix; /* already carries "(file:line)" where the format wants it */
	size_t nr_prefix;
	const struct stack_frame *frames; /* root first */
	size_t nr_frames;
	uint32_t test; /* index, UINT32_MAX = outside */
	enum phase phase;
	uint64_t samples;
	enum mode mode;	 /* of all of them */
	uint64_t weight; /* what they stand for, in units of the event */
};

/* One sample in time order, for outputs with a time axis. */
struct profile_sample {
	uint64_t time_ns; /* since the start of the run */
	uint32_t pid, tid;
	const struct profile_stack *stack;
};

struct sample_accounts {
	uint64_t taken; /* = in_tests + outside_tests + lost + unresolved */
	uint64_t in_tests;
	uint64_t outside_tests;
	uint64_t lost;
	uint64_t unresolved; /* a Lua VM ran and its stack could not be read to the end */
	uint64_t truncated;  /* counted above as well: the root side is missing */
	uint64_t by_status[BPROF_NR_WALK_STATUS];
};

/* One run of the command where it was run several times. */
struct run_tried {
	uint64_t wall_ns, cpu_ns;
	uint64_t cycles, instructions; /* in user mode; PROFILE_UNKNOWN = not counted */
	int exit_status;
};

/* Cycles and instructions are those in user mode, of all processes that have ended. */
enum best_by { BEST_BY_WALL, BEST_BY_CPU, BEST_BY_CYCLES, BEST_BY_INSTRUCTIONS, NR_BEST_BY };

enum series_end {
	SERIES_NO_BETTER, /* as many runs in a row as asked for were not faster */
	SERIES_MAX_RUNS,
	SERIES_MAX_TIME,
	SERIES_INTERRUPTED, /* by the user */
	SERIES_BROKEN,	    /* the command could not be started, or the recording not written */
	NR_SERIES_ENDS
};

/*
 * The best of consecutive runs: the profile is that of tried[best] alone. Warm: of the rounds of
 * one process, whose profile is of all of them.
 */
struct run_series {
	bool warm;	   /* tried[i] are the tests of iteration i + 1 */
	uint32_t patience; /* runs in a row without a better one that end it; 0 = one normal run */
	enum best_by best_by;
	enum series_end end;
	size_t best; /* an index; a run that failed is the best only if all failed */
	struct run_tried *tried;
	size_t nr_tried; /* 0 = one normal run */
};

const char *best_by_name(enum best_by by); /* "wall", "cpu", ... */
const char *best_by_text(enum best_by by); /* "wall time", "CPU time", ... */
bool best_by_is_time(enum best_by by);
uint64_t best_by_cost(enum best_by by, const struct run_tried *run);
const char *series_end_name(enum series_end end); /* "no_better", ... */

struct runtime {
	uint32_t pid;
	const char *kind; /* "luajit", "lua" */
	const char *version;
	const char *path;
	bool gc64;
	int jit; /* 0 off, 1 on, -1 not known */
	bool proved;
	uint64_t nr_processes; /* processes with the same kind, version and path */
};

/* hook against stack, in auto mode */
struct boundary_check {
	bool hook_seen, stack_seen;
	uint64_t agree, disagree, transit; /* samples; transit: within one boundary of each other */
	uint64_t announcements, gaps;
};

/* What the machine did to everybody on it during the run; PROFILE_UNKNOWN: it does not tell. */
struct disturbance {
	uint64_t stolen_ns;	      /* of all processors, by the hypervisor */
	uint64_t throttled_ns;	      /* of our control group, by its quota */
	uint64_t heat_events;	      /* times a core slowed down for heat */
	uint64_t least_khz, most_khz; /* of the processors, at the start and at the end */
};

/* What an announcement costs the command; measured before the run, taken off every span. */
struct boundary_cost {
	bool measured;
	uint64_t cpu_ns;
	struct bprof_meters meters;
};

/* What was taken off in all. */
struct boundary_overhead {
	uint64_t boundaries;
	uint64_t cpu_ns;
	struct bprof_meters meters;
};

struct suite_result {
	bool seen, ended; /* a suite started; it said it ended */
	uint64_t iterations;
	uint64_t successes, failures, errors, pendings; /* by busted's own events */
	uint64_t errors_outside_tests;
	uint64_t
		nested; /* suites that ran inside a test of another suite: counted with that test */
};

struct profile {
	/* the run */
	const char *bprof_version;
	const char **command;
	size_t nr_command;
	const char **skipped_files; /* spec files that were not run, as asked for */
	size_t nr_skipped_files;
	int exit_status;	/* 0..255, or 128 + signal; -1 = not recorded */
	bool complete;		/* the recording has its END */
	const char *release;	/* the tag it is profiled for; NULL = none */
	const char *part;	/* "tag fast": some tests of the run only; NULL = all of it */
	uint64_t started_at_ns; /* CLOCK_REALTIME */
	uint64_t wall_ns, cpu_ns;

	/* the event */
	const char *event_requested, *event_name, *event_unit;
	bool event_hardware;
	bool unsampled; /* no event was wanted, none has a name; counts of samples mean nothing */
	uint64_t frequency_hz;	/* PROFILE_UNKNOWN: by period */
	uint64_t period;	/* of the event; PROFILE_UNKNOWN: by frequency */
	bool weighted;		/* the event is no clock: samples are weighed in its unit */
	uint64_t ns_per_sample; /* clock events: 1e9 / frequency; else PROFILE_UNKNOWN */

	/* the machine */
	const char *cpu_model, *platform, *kernel, *arch;
	uint32_t nr_cpus;
	const char *boundaries; /* "auto", "hook", "stack", "none": as asked */

	struct sample_accounts accounts;
	uint64_t by_mode[NR_MODES]; /* add up to the samples taken and not lost */
	uint32_t modes_told;	    /* bits 1 << enum mode: those that a VM of the run can tell */
	uint64_t gc_undecided; /* samples that may or may not be MODE_GC and were counted as not */
	struct boundary_check check;
	struct disturbance disturbance;
	struct boundary_cost boundary;
	struct boundary_overhead overhead;
	uint32_t metered;	      /* bits 1 << enum bprof_meter: meters that the run has */
	struct bprof_meters meters;   /* of all its processes, boundaries included */
	const char *hardware_missing; /* why cycles were not counted; "" = they were, or not told */
	struct suite_result suite;
	uint64_t counters[BPROF_NR_COUNTERS];

	struct verification *verifications; /* in the order of their first samples */
	size_t nr_verifications;
	struct runtime *runtimes;
	size_t nr_runtimes;
	struct run_series runs;
	bool vm_counted_twice; /* tests[].vm_repeat is known for those that were counted */
	struct test *tests;    /* in the order they ran */
	size_t nr_tests;
	struct file_total *files; /* in the order they ran */
	size_t nr_files;
	struct function *functions;
	size_t nr_functions;
	struct phase_total phases[NR_PHASES];
	struct profile_node *nodes;
	size_t nr_nodes;
	struct profile_stack *stacks;
	size_t nr_stacks;

	/*
	 * Calls @fn for every sample in time order, until it returns non-zero, and returns that.
	 * May be NULL. Reads the recording again, so a run of any length needs no memory for it.
	 */
	int (*each_sample)(const struct profile *p,
			   int (*fn)(void *arg, const struct profile_sample *s), void *arg);
	void *each_sample_ctx;
};

const char *phase_name(enum phase phase);	  /* "test", "start-up", "loading", ... */
const char *test_status_name(enum test_status s); /* "success", ... as busted says */

#endif
