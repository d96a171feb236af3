/* SPDX-License-Identifier: MIT */
/*
 * The table of options, and the function that checks and stores each value.
 *
 * A row is the whole registration of an option. Three generations of variable names exist:
 * BPROF_*, MEGA_BUSTED_PROFILER_* and BUSTED_PROFILER_*; a row lists those its option ever had.
 */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collect/collect.h"
#include "option_values.h"
#include "output/output.h"

#define BIT(verb)      (1u << (verb))
#define FOR_BACKFILL   BIT(VERB_BACKFILL)
#define FOR_RUN	       (BIT(VERB_RUN) | FOR_BACKFILL) /* whatever records */
#define FOR_REPORT     BIT(VERB_REPORT)
#define FOR_COMPARE    BIT(VERB_COMPARE)
#define FOR_DOCTOR     BIT(VERB_DOCTOR)
#define FOR_OUTPUTS    (BIT(VERB_RUN) | FOR_REPORT)
#define FOR_PUBLISH    BIT(VERB_PUBLISH)
#define FOR_ONE_TREE   (FOR_OUTPUTS | FOR_PUBLISH)
#define FOR_TREES      (FOR_ONE_TREE | FOR_BACKFILL)
#define FOR_BRANCH     (FOR_PUBLISH | BIT(VERB_LINK_PAGE))
#define FOR_HISTORY    (FOR_TREES | FOR_BRANCH | BIT(VERB_HISTORY))
#define FOR_ALL	       (BIT(NR_VERBS) - 1)
#define TOP_MAXIMUM    1000000
#define PERIOD_MAXIMUM 1000000000000000U

#define CONSECUTIVE_DEFAULT 10
#define CONSECUTIVE_MAXIMUM 1000
#define MAX_RUNS_MAXIMUM    10000
#define MAX_SECONDS_MAXIMUM 1000000

static const struct verb_row verbs[NR_VERBS] = {
	[VERB_RUN] = {"run", "[OPTIONS] [--] COMMAND [ARG...]",
		      "profile a command: busted, luarocks test, make test, luajit x.lua"},
	[VERB_REPORT] = {"report", "[OPTIONS] RECORDING",
			 "the same outputs again from a recording; needs no root"},
	[VERB_COMPARE] = {"compare", "[OPTIONS] BASE HEAD | COMPARISON | --base REV -- COMMAND",
			  "what became slower or faster; two profiles, recordings, directories of "
			  "many, or turns"},
	[VERB_HISTORY] = {"history", "[OPTIONS] [DIRECTORY]",
			  "the past releases in DIRECTORY/benchmarks, which --release wrote"},
	[VERB_PUBLISH] = {"publish", "--release TAG [OPTIONS] RECORDING|PROFILE | --sync",
			  "add a release to the history on a branch of its own, and push it"},
	[VERB_BACKFILL] = {"backfill", "[OPTIONS] TAG... [-- COMMAND [ARG...]]",
			   "profile old tags, each in a copy of its own, for the history"},
	[VERB_LINK_PAGE] =
		{"link-page", "[OPTIONS]",
		 "a page for the main branch that shows what is on the branch of releases"},
	[VERB_DOCTOR] = {"doctor", "[--json]",
			 "can this machine do it, what is missing, and the remedy"},
	[VERB_HELP] = {"help", "[VERB]", "this text, or that of a verb"},
	[VERB_VERSION] = {"version", "", "the version"},
};

const struct verb_row *verb_rows(size_t *ret_nr)
{
	*ret_nr = NR_VERBS;
	return verbs;
}

const char *verb_name(enum verb verb)
{
	return verbs[verb].name;
}

/* ---- choices ------------------------------------------------------------------------------- */

static const char *const boundaries_names[NR_BOUNDARIES_CHOICES] = {
	[BOUNDARIES_AUTO] = "auto",
	[BOUNDARIES_HOOK] = "hook",
	[BOUNDARIES_STACK] = "stack",
	[BOUNDARIES_NONE] = "none",
};

static const char *const jit_names[BPROF_NR_JIT] = {
	[BPROF_JIT_SNAPSHOT] = "snapshot",
	[BPROF_JIT_START] = "start",
	[BPROF_JIT_BASE] = "base",
};

static const char *const colour_names[NR_COLOUR_CHOICES] = {
	[COLOUR_AUTO] = "auto",
	[COLOUR_ALWAYS] = "always",
	[COLOUR_NEVER] = "never",
};

const char *boundaries_name(enum boundaries_choice boundaries)
{
	return boundaries_names[boundaries];
}

static int choice_parse(const char *const *names, size_t nr, const char *value)
{
	for (size_t i = 0; i < nr; i++)
		if (strcmp(names[i], value) == 0)
			return (int)i;
	return -EINVAL;
}

static int apply_event(struct options *options, const char *value)
{
	char why[COLLECT_WHY_BYTES];

	if (!*value || collect_check_event(value, why, sizeof(why)) < 0)
		return -EINVAL;
	options->event = value;
	return 0;
}

static int explain_event(const char *value, struct buf *why)
{
	char text[COLLECT_WHY_BYTES] = "";

	collect_check_event(value, text, sizeof(text));
	return buf_addstr(why, text);
}

static int apply_boundaries(struct options *options, const char *value)
{
	int choice = choice_parse(boundaries_names, NR_BOUNDARIES_CHOICES, value);

	if (choice < 0)
		return choice;
	options->boundaries = (enum boundaries_choice)choice;
	return 0;
}

static int apply_jit(struct options *options, const char *value)
{
	int choice = choice_parse(jit_names, BPROF_NR_JIT, value);

	if (choice < 0)
		return choice;
	options->jit = (enum bprof_jit)choice;
	return 0;
}

static int apply_colour(struct options *options, const char *value)
{
	int choice = choice_parse(colour_names, NR_COLOUR_CHOICES, value);

	if (choice < 0)
		return choice;
	options->colour = (enum colour_choice)choice;
	return 0;
}

/* ---- numbers ------------------------------------------------------------------------------- */

int option_number_parse(const char *value, unsigned least, unsigned most, unsigned *ret)
{
	unsigned long long number;
	char *end;

	/* strtoull() takes signs and blanks, we do not. */
	if (*value < '0' || *value > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || *end || number < least || number > most)
		return -EINVAL;
	*ret = (unsigned)number;
	return 0;
}

static int apply_frequency(struct options *options, const char *value)
{
	return option_number_parse(value, 1, FREQUENCY_MAXIMUM, &options->frequency_hz);
}

static int apply_period(struct options *options, const char *value)
{
	char *end;

	errno = 0;
	options->period = strtoull(value, &end, 10);
	if (errno || *end || *value < '0' || *value > '9' || options->period > PERIOD_MAXIMUM)
		return -EINVAL;
	return 0;
}

/* A number alone is what MAXIMUM_TRIES of the older profilers holds. */
static int apply_testing_method(struct options *options, const char *value)
{
	static const char prefix[] = "consecutive";
	bool named = strncmp(value, prefix, sizeof(prefix) - 1) == 0;

	if (named)
		value += sizeof(prefix) - 1;
	options->consecutive = CONSECUTIVE_DEFAULT;
	if (named && !*value)
		return 0;
	if (named && *value++ != '-')
		return -EINVAL;
	options->consecutive = 0;
	if (!named && strcmp(value, "normal") == 0)
		return 0;
	return option_number_parse(value, 1, CONSECUTIVE_MAXIMUM, &options->consecutive);
}

static int apply_best_by(struct options *options, const char *value)
{
	for (unsigned by = 0; by < NR_BEST_BY; by++) {
		if (strcmp(best_by_name(by), value) != 0)
			continue;
		options->best_by = by;
		return 0;
	}
	return -EINVAL;
}

static int apply_warm(struct options *options, const char *value)
{
	options->warm_repeat = strcmp(value, "repeat") == 0;
	return options->warm_repeat || strcmp(value, "process") == 0 ? 0 : -EINVAL;
}

static int apply_max_runs(struct options *options, const char *value)
{
	return option_number_parse(value, 1, MAX_RUNS_MAXIMUM, &options->max_runs);
}

static int apply_max_time(struct options *options, const char *value)
{
	return option_number_parse(value, 1, MAX_SECONDS_MAXIMUM, &options->max_seconds);
}

static int apply_top(struct options *options, const char *value)
{
	return option_number_parse(value, 1, TOP_MAXIMUM, &options->top);
}

static int apply_min_percent(struct options *options, const char *value)
{
	double percent;
	char *end;

	/* strtod() takes much more than people write. */
	if (strspn(value, "0123456789.") != strlen(value))
		return -EINVAL;
	errno = 0;
	percent = strtod(value, &end);
	if (errno || end == value || *end || percent > 100)
		return -EINVAL;
	options->min_percent = percent;
	return 0;
}

/* ---- switches ------------------------------------------------------------------------------ */

int option_switch_parse(const char *value, bool *ret)
{
	static const char *const yes[] = {"1", "true", "yes", "on"};
	static const char *const no[] = {"0", "false", "no", "off"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		bool is_yes = strcasecmp(value, yes[i]) == 0;

		if (is_yes || strcasecmp(value, no[i]) == 0) {
			*ret = is_yes;
			return 0;
		}
	}
	return -EINVAL;
}

static int apply_lines(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->lines);
}

static int apply_include_framework(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->include_framework);
}

static int apply_callers(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->callers);
}

static int apply_keep_root(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->keep_root);
}

static int apply_quiet(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->quiet);
}

static int apply_mode(struct options *options, const char *value)
{
	options->counts_vm = strcmp(value, "count") == 0;
	return options->counts_vm || strcmp(value, "sample") == 0 ? 0 : -EINVAL;
}

static int apply_gc_before_tests(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->gc_before_tests);
}

static int apply_no_count(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->no_count);
}

static int apply_gate(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->gate);
}

static int apply_json(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->json);
}

static int apply_costs(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->costs);
}

static int apply_verify(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->verify);
}

static int apply_verbose(struct options *options, const char *value)
{
	(void)value;
	options->verbose++;
	return 0;
}

/* ---- texts --------------------------------------------------------------------------------- */

static int apply_output(struct options *options, const char *value)
{
	if (!*value)
		return -EINVAL;
	options->output_dir = value;
	return 0;
}

static int apply_folded_file(struct options *options, const char *value)
{
	options->folded_file = value;
	return 0;
}

static int apply_user(struct options *options, const char *value)
{
	if (!*value)
		return -EINVAL;
	options->user = value;
	return 0;
}

static int apply_log(struct options *options, const char *value)
{
	options->log_filter = value;
	return 0;
}

static int apply_log_file(struct options *options, const char *value)
{
	if (!*value)
		return -EINVAL;
	options->log_file = value;
	return 0;
}

static int apply_only(struct options *options, const char *value)
{
	return *value ? option_values_add_globs(options, &options->only, value) : -EINVAL;
}

static int apply_skip_file(struct options *options, const char *value)
{
	return *value ? option_values_add_word(options, &options->skip_files, value) : -EINVAL;
}

static int apply_ignore(struct options *options, const char *value)
{
	return *value ? option_values_add_globs(options, &options->ignore, value) : -EINVAL;
}

/* ---- rows ---------------------------------------------------------------------------------- */

#define THREE_GENERATIONS(suffix)                                                                  \
	"BPROF_" suffix, "MEGA_BUSTED_PROFILER_" suffix, "BUSTED_PROFILER_" suffix
#define GLOB_RULE                                                                                  \
	"'*' stands for any text, '.' for '.' or '/'; several separated by commas, or the option " \
	"repeated"
#define A_SWITCH "1, true, yes, on, 0, false, no or off"

static const struct option_row rows[] = {
	{
		.name = "output",
		.letter = 'o',
		.argument = "DIR",
		.variables = {"BPROF_OUTPUT", "BPROF_FLAMEGRAPH_OUTPUT_PATH",
			      "MEGA_BUSTED_PROFILER_FLAMEGRAPH_OUTPUT_PATH",
			      "MEGA_BUSTED_PROFILER_OUTPUT_PATH",
			      "BUSTED_PROFILER_FLAMEGRAPH_OUTPUT_PATH"},
		.fallback = "bprof-out",
		.help = "where files go; made if missing, owned by you",
		.expected = "the name of a directory",
		.verbs = FOR_ALL,
		.apply = apply_output,
	},
	{
		.argument = "FILE",
		.variables = {"FLAME_OUTPUT", "ENV_FLAME_GRAPH"},
		.help = "where the folded stacks go, instead of tracing.folded in the output directory; "
			"counts only where no output directory was chosen",
		.verbs = FOR_OUTPUTS,
		.apply = apply_folded_file,
	},
	{
		.name = "frequency",
		.letter = 'F',
		.argument = "HZ",
		.variables = {"BPROF_FREQUENCY"},
		.fallback = "997",
		.help = "samples per second of CPU time",
		.expected = "a number from 1 to 9999",
		.verbs = FOR_RUN,
		.apply = apply_frequency,
	},
	{
		.name = "period",
		.letter = 'c',
		.argument = "N",
		.variables = {"BPROF_PERIOD"},
		.help = "a sample each time that N of the event were counted, instead of by frequency; "
			"clocks count nanoseconds",
		.expected = "a number up to 10^15; 0: by frequency",
		.verbs = FOR_RUN,
		.apply = apply_period,
	},
	{
		.name = "event",
		.letter = 'e',
		.argument = "NAME",
		.variables = {"BPROF_EVENT"},
		.fallback = "auto",
		.help = "what is sampled: auto (cycles where the machine has them, else cpu-clock), a name "
			"of perf list (instructions, branch-misses, page-faults), a raw code (r1a8), an "
			"event of a device (cpu/branches/); :u or :k behind it: in user mode, in the kernel. "
			"none: no samples, only what is measured at the boundaries of tests",
		.verbs = FOR_RUN,
		.apply = apply_event,
		.explain = explain_event,
	},
	{
		.name = "format",
		.argument = "LIST",
		.variables = {"BPROF_FORMAT"},
		.fallback = "folded,trace,json",
		.help = "files to write, separated by commas; or a preset: flame (folded), tracy (trace), "
			"full (all)",
		.verbs = FOR_OUTPUTS,
		.apply = option_values_apply_formats,
	},
	{
		.name = "format",
		.argument = "FORMAT",
		.variables = {"BPROF_COMPARE_FORMAT"},
		.fallback = "terminal",
		.help = "how a comparison is printed: terminal, markdown, comment (the same, short "
			"enough for one of GitHub), json or github (annotations)",
		.expected = "terminal, markdown, comment, json or github",
		.verbs = FOR_COMPARE,
		.apply = option_apply_comparison_format,
	},
	{
		.name = "boundaries",
		.argument = "MODE",
		.variables = {"BPROF_BOUNDARIES"},
		.fallback = "auto",
		.help = "how tests are told apart: hook (busted announces them), stack (read from the Lua "
			"stack, nothing is added to the run), auto (both, compared) or none",
		.expected = "auto, hook, stack or none",
		.verbs = FOR_RUN,
		.apply = apply_boundaries,
	},
	{
		.name = "gc-before-tests",
		.variables = {"BPROF_GC_BEFORE_TESTS"},
		.help = "collect all garbage before each test, so that none pays for another's: for "
			"runs that shall be compared",
		.expected = A_SWITCH,
		.verbs = FOR_RUN,
		.apply = apply_gc_before_tests,
	},
	{
		.name = "skip-file",
		.argument = "FILE",
		.help = "a spec file that is not run, by the name that busted has for it; the option "
			"may be repeated",
		.expected = "a file",
		.verbs = FOR_RUN,
		.apply = apply_skip_file,
	},
	{
		.name = "jit",
		.argument = "PLACE",
		.variables = {"BPROF_JIT"},
		.fallback = "snapshot",
		.help = "where a sample in code compiled by LuaJIT stands: snapshot (the last guard "
			"passed, with inlined functions), start (of its trace) or base (the function "
			"alone)",
		.expected = "snapshot, start or base",
		.verbs = FOR_RUN,
		.apply = apply_jit,
	},
	{
		.name = "mode",
		.argument = "MODE",
		.variables = {"BPROF_MODE"},
		.fallback = "sample",
		.help = "sample, or count: also count the instructions of the Lua VM for each test, with "
			"the JIT off and all garbage collected before each: work that can be compared "
			"to the last digit, but not time",
		.expected = "sample or count",
		.verbs = FOR_RUN,
		.apply = apply_mode,
	},
	{
		.name = "testing-method",
		.argument = "METHOD",
		.variables = {"BPROF_TESTING_METHOD", THREE_GENERATIONS("MAXIMUM_TRIES")},
		.fallback = "normal",
		.help = "normal (one run) or consecutive-N: run again until N runs in a row were not "
			"faster than the best, and report the best",
		.expected = "normal, consecutive-N or N alone, with N from 1 to 1000",
		.verbs = FOR_RUN,
		.apply = apply_testing_method,
	},
	{
		.name = "best-by",
		.argument = "WHAT",
		.variables = {"BPROF_BEST_BY"},
		.fallback = "wall",
		.help = "what makes a run of consecutive-N the best: wall (time), cpu (time), or, on a "
			"machine that counts them, cycles or instructions, in user mode",
		.expected = "wall, cpu, cycles or instructions",
		.verbs = FOR_RUN,
		.apply = apply_best_by,
	},
	{
		.name = "warm",
		.argument = "HOW",
		.variables = {"BPROF_WARM"},
		.fallback = "process",
		.help = "how consecutive-N gets warm: process (each run is a new process: files are in "
			"the page cache, the code is not compiled) or repeat (one process, in which "
			"busted repeats the suite 2 x N times: what the JIT has compiled stays)",
		.expected = "process or repeat",
		.verbs = FOR_RUN,
		.apply = apply_warm,
	},
	{
		.name = "max-runs",
		.argument = "N",
		.variables = {"BPROF_MAX_RUNS"},
		.fallback = "100",
		.help = "most runs of consecutive-N",
		.expected = "a number from 1 to 10000",
		.verbs = FOR_RUN,
		.apply = apply_max_runs,
	},
	{
		.name = "max-time",
		.argument = "SECONDS",
		.variables = {"BPROF_MAX_TIME"},
		.fallback = "600",
		.help = "no further run of consecutive-N after this time",
		.expected = "a number from 1 to 1000000",
		.verbs = FOR_RUN,
		.apply = apply_max_time,
	},
	{
		.name = "lines",
		.variables = {"BPROF_LINES"},
		.help = "name the current line in frames, not the function's first",
		.expected = A_SWITCH,
		.verbs = FOR_TREES,
		.apply = apply_lines,
	},
	{
		.name = "top",
		.argument = "N",
		.variables = {"BPROF_TOP", THREE_GENERATIONS("TIMING_THRESHOLD")},
		.fallback = "20",
		.help = "rows in the tables of the terminal report",
		.expected = "a number from 1 to 1000000",
		.verbs = FOR_TREES | FOR_COMPARE,
		.apply = apply_top,
	},
	{
		.name = "include-framework",
		.variables = {"BPROF_INCLUDE_FRAMEWORK"},
		.help = "show busted's own frames, which otherwise fold into [busted]",
		.expected = A_SWITCH,
		.verbs = FOR_TREES,
		.apply = apply_include_framework,
	},
	{
		.name = "only",
		.argument = "GLOB",
		.variables = {"BPROF_ONLY"},
		.help = "keep only frames of files that match; " GLOB_RULE,
		.expected = "a pattern",
		.verbs = FOR_TREES,
		.apply = apply_only,
	},
	{
		.name = "ignore",
		.argument = "GLOB",
		.variables = {"BPROF_IGNORE"},
		.help = "leave out frames of files that match; " GLOB_RULE,
		.expected = "a pattern",
		.verbs = FOR_TREES,
		.apply = apply_ignore,
	},
	{
		.name = "callers",
		.variables = {"BPROF_CALLERS"},
		.help = "print the hottest functions with their callers as well",
		.expected = A_SWITCH,
		.verbs = FOR_OUTPUTS,
		.apply = apply_callers,
	},
	{
		.name = "costs",
		.variables = {"BPROF_COSTS"},
		.help = "print what tests, files and tags cost as well: cycles, IPC, CPU and wall time, "
			"which burn and which wait, and their spread over repeats",
		.expected = A_SWITCH,
		.verbs = FOR_OUTPUTS,
		.apply = apply_costs,
	},
	{
		.name = "min-percent",
		.argument = "P",
		.variables = {"BPROF_MIN_PERCENT"},
		.fallback = "1",
		.help = "smallest share that the view of callers shows",
		.expected = "a number from 0 to 100",
		.verbs = FOR_OUTPUTS,
		.apply = apply_min_percent,
	},
	{
		.name = "base",
		.argument = "REV",
		.help = "the base is COMMAND in a copy of this revision of the git repository here; "
			"the head is COMMAND in the tree as it is",
		.expected = "a revision",
		.verbs = FOR_COMPARE,
		.apply = option_apply_base,
	},
	{
		.name = "base-command",
		.argument = "CMD",
		.help = "the base is this command, run by sh; the head is COMMAND",
		.expected = "a command",
		.verbs = FOR_COMPARE,
		.apply = option_apply_base_command,
	},
	{
		.name = "prepare",
		.argument = "CMD",
		.help = "run by sh in the copy of --base, or of each tag, before anything else, such "
			"as 'luarocks make --tree lua_modules'",
		.expected = "a command",
		.verbs = FOR_COMPARE | FOR_BACKFILL,
		.apply = option_apply_prepare,
	},
	{
		.name = "pairs",
		.argument = "N",
		.variables = {"BPROF_PAIRS"},
		.help = "how often base and head take turns (default: 10, then up to 20 and 30 while "
			"a test is undecided)",
		.expected = "a number from 1 to 1000",
		.verbs = FOR_COMPARE,
		.apply = option_apply_pairs,
	},
	{
		.name = "metric",
		.argument = "NAME",
		.variables = {"BPROF_METRIC"},
		.fallback = "auto",
		.help = "what is compared: cycles, instructions, vm-instructions, cpu, wall, or "
			"auto (the first of them that both sides have, never wall)",
		.expected = "auto, cycles, instructions, vm-instructions, cpu or wall",
		.verbs = FOR_COMPARE,
		.apply = option_apply_metric,
	},
	{
		.name = "warn-at",
		.argument = "P",
		.variables = {"BPROF_WARN_AT"},
		.fallback = "5%",
		.help = "change from which a test is called slower or faster",
		.expected = "a percentage from 0.1 to 1000, such as 5%",
		.verbs = FOR_COMPARE,
		.apply = option_apply_warn_at,
	},
	{
		.name = "fail-at",
		.argument = "P",
		.variables = {"BPROF_FAIL_AT"},
		.fallback = "10%",
		.help = "change from which a slower test makes --gate fail",
		.expected = "a percentage from 0.1 to 1000, such as 10%",
		.verbs = FOR_COMPARE,
		.apply = option_apply_fail_at,
	},
	{
		.name = "floor",
		.argument = "VALUE",
		.variables = {"BPROF_FLOOR"},
		.help = "smaller differences are none: a time (default 50us), or a bare count for "
			"counters (default 50000; 1000 for vm-instructions)",
		.expected = "a time such as 50us or 1ms, or a count such as 50000",
		.verbs = FOR_COMPARE,
		.apply = option_apply_floor,
	},
	{
		.name = "no-count",
		.variables = {"BPROF_NO_COUNT"},
		.help = "in turns: without the runs at the end that count instructions of the Lua VM",
		.expected = A_SWITCH,
		.verbs = FOR_COMPARE,
		.apply = apply_no_count,
	},
	{
		.name = "gate",
		.variables = {"BPROF_GATE"},
		.help = "exit with 3 if something is slower beyond --fail-at",
		.expected = A_SWITCH,
		.verbs = FOR_COMPARE,
		.apply = apply_gate,
	},
	{
		.name = "excuse-commits",
		.argument = "GLOB",
		.variables = {"BPROF_EXCUSE_COMMITS"},
		.help = "with --base: if the subject of a commit since then matches, such as 'feat*', what "
			"is slower is shown as ever, but --gate does not fail; the option may be repeated",
		.expected = "a glob",
		.verbs = FOR_COMPARE,
		.apply = option_apply_excuse_commits,
	},
	{
		.name = "save",
		.argument = "FORMAT=FILE",
		.help = "write the comparison to a file as well, in the same or another format; the option "
			"may be repeated",
		.expected = "FORMAT=FILE with terminal, markdown, comment, json or github",
		.verbs = FOR_COMPARE,
		.apply = option_apply_save,
	},
	{
		.name = "stacks",
		.argument = "FILE",
		.help = "write the stacks of two profiles or directories to a file, each with its samples in "
			"base and in head, for flamegraph.pl; FILE.svg: their difference as a picture",
		.expected = "the name of a file",
		.verbs = FOR_COMPARE,
		.apply = option_apply_stacks,
	},
	{
		.name = "release",
		.argument = "TAG",
		.variables = {"BPROF_RELEASE", THREE_GENERATIONS("FLAMEGRAPH_VERSION")},
		.help = "also write the release history, benchmarks/ in the output directory if one "
			"is chosen, else here, for this tag",
		.expected = "a tag vX.Y.Z, vX.Y.Z.A or vX.Y.Z-PRERELEASE",
		.verbs = FOR_ONE_TREE,
		.apply = option_apply_release,
	},
	{
		.name = "again",
		.help = "profile tags once more that are in the history already",
		.verbs = FOR_BACKFILL,
		.apply = option_apply_again,
	},
	{
		.name = "recordings",
		.argument = "DIR",
		.help = "keep the recording of each tag there, as TAG.bprof, for publish, report and "
			"compare",
		.expected = "the name of a directory",
		.verbs = FOR_BACKFILL,
		.apply = option_apply_recordings,
	},
	{
		.name = "require-pass",
		.variables = {"BPROF_REQUIRE_PASS"},
		.help = "a run that failed is not added to the history",
		.expected = A_SWITCH,
		.verbs = FOR_TREES,
		.apply = option_apply_require_pass,
	},
	{
		.name = "layout",
		.argument = "NAME",
		.variables = {"BPROF_LAYOUT"},
		.fallback = "busted",
		.help = "where the history is: busted (benchmarks/busted/all/) or mega "
			"(benchmarks/all/, as mega.busted has it)",
		.expected = "busted or mega",
		.verbs = FOR_HISTORY,
		.apply = option_apply_layout,
	},
	{
		.name = "allowed-tags",
		.argument = "LIST",
		.variables = {THREE_GENERATIONS("ALLOWED_TAGS"),
			      THREE_GENERATIONS("TAGGED_DIRECTORIES")},
		.help = "tags of tests that get a folder in the history: regular expressions "
			"(POSIX, extended), or Lua patterns if they have a %, separated by commas, "
			"found anywhere in the tag unless they have ^ and $",
		.verbs = FOR_TREES,
		.apply = option_apply_allowed_tags,
		.explain = option_explain_allowed_tags,
	},
	{
		.name = "keep-old-tag-directories",
		.variables = {THREE_GENERATIONS("KEEP_OLD_TAG_DIRECTORIES")},
		.help = "keep folders of tags that no test has any more",
		.expected = A_SWITCH,
		.verbs = FOR_TREES,
		.apply = option_apply_keep_old_tags,
	},
	{
		.name = "keep-deprecated",
		.variables = {"BPROF_KEEP_DEPRECATED"},
		.help = "keep folders of tests and spec files that are gone",
		.expected = A_SWITCH,
		.verbs = FOR_TREES,
		.apply = option_apply_keep_deprecated,
	},
	{
		.name = "minimum-samples",
		.argument = "N",
		.variables = {THREE_GENERATIONS("MINIMUM_SAMPLES"),
			      THREE_GENERATIONS("GRAPH_MINIMUM_SAMPLES")},
		.fallback = "2",
		.help = "releases that a picture needs; 0 and 1: always drawn",
		.expected = "a number from 0 to 1000000",
		.verbs = FOR_TREES,
		.apply = option_apply_minimum_samples,
	},
	{
		.name = "graph-maximum",
		.argument = "N",
		.variables = {"BPROF_GRAPH_MAXIMUM"},
		.fallback = "35",
		.help = "newest releases that a picture shows; 0: all",
		.expected = "a number from 0 to 1000000",
		.verbs = FOR_TREES,
		.apply = option_apply_graph_maximum,
	},
	{
		.name = "max-artifacts",
		.argument = "N",
		.variables = {"BPROF_MAX_ARTIFACTS"},
		.fallback = "0",
		.help = "newest releases that stay on disk; 0: all",
		.expected = "a number from 0 to 1000000",
		.verbs = FOR_TREES,
		.apply = option_apply_max_artifacts,
	},
	{
		.name = "allow-nightly",
		.variables = {THREE_GENERATIONS("ALLOW_NIGHTLY")},
		.help = "show runs on prereleases of an interpreter in the pictures",
		.expected = A_SWITCH,
		.verbs = FOR_TREES,
		.apply = option_apply_allow_nightly,
	},
	{
		.name = "include-prerelease",
		.variables = {"BPROF_INCLUDE_PRERELEASE"},
		.help = "show prereleases of the project in the pictures",
		.expected = A_SWITCH,
		.verbs = FOR_TREES,
		.apply = option_apply_include_prerelease,
	},
	{
		.name = "table-style",
		.argument = "STYLE",
		.variables = {THREE_GENERATIONS("TABLE_STYLE")},
		.fallback = "lines",
		.help = "of --timing-file and history: github, lines, csv or json",
		.expected = "github, lines, csv or json",
		.verbs = FOR_OUTPUTS | BIT(VERB_HISTORY),
		.apply = option_apply_table_style,
	},
	{
		.name = "columns",
		.argument = "LIST",
		.variables = {"BPROF_COLUMNS"},
		.help = "columns of the tables of slowest tests and functions, in this order (default: "
			"those of which something is known)",
		.expected =
			"a list of count, total_time, self_time, mean_time, median_time, name and "
			"where, separated by commas, each once",
		.verbs = FOR_TREES,
		.apply = option_apply_columns,
	},
	{
		.variables = {THREE_GENERATIONS("KEEP_TEMPORARY_FILES")},
		.help = "accepted: pictures are drawn without temporary files, and the raw data is kept "
			"as recording.bprof either way",
		.expected = A_SWITCH,
		.verbs = FOR_TREES,
		.apply = option_apply_keep_temporary,
	},
	{
		.name = "timing-file",
		.argument = "FILE",
		.variables = {THREE_GENERATIONS("TIMING_OUTPUT_PATH")},
		.help = "write the slowest tests and functions as a table there",
		.expected = "the name of a file",
		.verbs = FOR_OUTPUTS,
		.apply = option_apply_timing_file,
	},
	{
		.name = "remote",
		.argument = "NAME",
		.variables = {"BPROF_REMOTE"},
		.fallback = "origin",
		.help = "the remote of the git repository here that has the branch of releases",
		.expected = "the name of a remote",
		.verbs = FOR_BRANCH,
		.apply = option_apply_remote,
	},
	{
		.name = "branch",
		.argument = "NAME",
		.variables = {"BPROF_BRANCH"},
		.fallback = "profiling",
		.help = "the branch of releases; made if it is missing, from the main one",
		.expected = "the name of a branch",
		.verbs = FOR_BRANCH,
		.apply = option_apply_branch,
	},
	{
		.name = "main-branch",
		.argument = "NAME",
		.variables = {"BPROF_MAIN_BRANCH"},
		.help = "the branch that is merged into it each time (default: that of the remote)",
		.expected = "the name of a branch",
		.verbs = FOR_PUBLISH,
		.apply = option_apply_main_branch,
	},
	{
		.name = "sync",
		.help = "add no release: merge main into the branch of releases, so that it is main and the "
			"history at any time",
		.verbs = FOR_PUBLISH,
		.apply = option_apply_sync,
	},
	{
		.name = "dry-run",
		.help = "do all of it but the push; nothing is changed anywhere",
		.verbs = FOR_PUBLISH,
		.apply = option_apply_dry_run,
	},
	{
		.name = "user",
		.argument = "NAME",
		.help = "run the command and write files as this user (default: the user behind sudo)",
		.expected = "the name of a user",
		.verbs = FOR_ALL,
		.apply = apply_user,
	},
	{
		.name = "keep-root",
		.help = "run the command as root, even behind sudo",
		.verbs = FOR_ALL,
		.apply = apply_keep_root,
	},
	{
		.name = "verify",
		.help = "print how sure the stacks of the recording are and every reason of doubt, "
			"with --json as JSON, and write no files",
		.verbs = FOR_REPORT,
		.apply = apply_verify,
	},
	{
		.name = "json",
		.help = "print JSON to stdout: report: the profile; compare: the comparison; doctor: "
			"the checks",
		.verbs = FOR_REPORT | FOR_COMPARE | FOR_DOCTOR,
		.apply = apply_json,
	},
	{
		.name = "color",
		.argument = "WHEN",
		.variables = {"BPROF_COLOR"},
		.fallback = "auto",
		.help = "auto (on a terminal), always or never",
		.expected = "auto, always or never",
		.verbs = FOR_ALL,
		.apply = apply_colour,
	},
	{
		.name = "quiet",
		.letter = 'q',
		.variables = {"BPROF_QUIET"},
		.help = "no report on the terminal, errors only; files are written as ever",
		.expected = A_SWITCH,
		.verbs = FOR_ALL,
		.apply = apply_quiet,
	},
	{
		.name = "verbose",
		.letter = 'v',
		.help = "log what is done; -vv and -vvv log more",
		.verbs = FOR_ALL,
		.apply = apply_verbose,
	},
	{
		.name = "log",
		.argument = "FILTER",
		.variables = {"BPROF_LOG", "PROF_LOG_LEVEL"},
		.fallback = "warn",
		.help = "level[,target=level...]; levels: off, error, warn, info, debug, trace",
		.verbs = FOR_ALL,
		.apply = apply_log,
	},
	{
		.name = "log-file",
		.argument = "FILE",
		.variables = {"BPROF_LOG_FILE"},
		.help = "write the log there instead of stderr",
		.expected = "the name of a file",
		.verbs = FOR_ALL,
		.apply = apply_log_file,
	},
	{
		.name = "help",
		.letter = 'h',
		.help = "this text",
		.verbs = FOR_ALL,
	},
	{
		.name = "version",
		.letter = 'V',
		.help = "the version",
		.verbs = FOR_ALL,
	},
};

const struct option_row *option_rows(size_t *ret_nr)
{
	*ret_nr = ARRAY_SIZE(rows);
	return rows;
}

static const struct variable_row lone_variables[] = {
	{"NO_COLOR", "if not empty: no colour, unless --color=always"},
	{"CLICOLOR_FORCE", "if neither empty nor 0: colour also where stderr is not a terminal"},
	{"TERM", "dumb: no colour"},
	{"SUDO_UID", "with SUDO_GID and SUDO_USER, set by sudo: whom the command runs as"},
	{"SUDO_GID", "see SUDO_UID"},
	{"SUDO_USER", "see SUDO_UID"},
	{"PATH", "the one you had before sudo: where COMMAND is looked for"},
};

const struct variable_row *variable_rows(size_t *ret_nr)
{
	*ret_nr = ARRAY_SIZE(lone_variables);
	return lone_variables;
}
