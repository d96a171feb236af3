/* SPDX-License-Identifier: MIT */
/*
 * The command line. cli/ is no library: it is compiled into this test.
 *
 * With BLESS=1, docs/OPTIONS.md and docs/man/bprof-perf.1 are written anew from the table.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "cli/help.c"
#include "cli/option_compare.c"
#include "cli/option_history.c"
#include "cli/option_table.c"
#include "cli/option_values.c"
#include "cli/option_settle.c"
#include "cli/options.c"
#include "cli/suggest.c"

#define MAX_WORDS 64

static struct environment environment;
static struct options options;
static struct buf why;

static void begin(void)
{
	buf_init(&why, 4096);
}

static void end(void)
{
	options_done(&options);
	environment_done(&environment);
	buf_done(&why);
}

TestSuite(options, .init = begin, .fini = end, .timeout = 10);

/* Splits @line at blanks: no argument of these tests contains one. */
static int parse(const char *line)
{
	static char words[1024];
	char *argv[MAX_WORDS + 1] = {(char[]){"bprof-perf"}}, *rest = words, *word;
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	while (argc < MAX_WORDS && (word = strsep(&rest, " ")))
		if (*word)
			argv[argc++] = word;
	buf_reset(&why);
	options_done(&options);
	return options_parse(argc, argv, &environment, &options, &why);
}

static void set(const char *name, const char *value)
{
	cr_assert(eq(int, environment_set(&environment, name, value), 0));
}

static void expect_refusal(const char *line, const char *sentence)
{
	cr_expect(eq(int, parse(line), -EINVAL), "'%s' should be refused", line);
	cr_expect_str_eq(why.data ? why.data : "", sentence);
}

static const char *format_names(void)
{
	static char names[128];

	names[0] = 0;
	for (size_t i = 0; options.formats[i]; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? "," : "",
			 options.formats[i]->name);
	return names;
}

Test(options, command_alone_is_run_with_all_defaults)
{
	cr_assert(eq(int, parse("-- busted spec"), 0));
	cr_assert(eq(int, options.verb, VERB_RUN));
	cr_assert(eq(sz, options.nr_command, 2));
	cr_assert_str_eq(options.command[0], "busted");
	cr_assert_str_eq(options.command[1], "spec");
	cr_assert(eq(ptr, options.command[2], NULL));
	cr_assert_str_eq(options.output_dir, "bprof-out");
	cr_assert(eq(ptr, (void *)options.folded_file, NULL));
	cr_assert(eq(uint, options.frequency_hz, 997));
	cr_assert_str_eq(options.event, "auto");
	cr_assert(eq(int, options.boundaries, BOUNDARIES_AUTO));
	cr_assert(eq(uint, options.top, 20));
	cr_assert_float_eq(options.min_percent, 1.0, 1e-9);
	cr_assert_str_eq(options.log_filter, "warn");
	cr_assert(eq(int, options.colour, COLOUR_AUTO));
	cr_assert_str_eq(format_names(), "folded,trace,json");
	cr_assert(not(options.lines || options.include_framework || options.callers));
	cr_assert(not(options.quiet || options.json || options.keep_root));
	cr_assert(eq(ptr, (void *)options.only[0], NULL));
	cr_assert(eq(ptr, (void *)options.ignore[0], NULL));
}

Test(options, dashes_before_the_command_are_optional)
{
	cr_assert(eq(int, parse("busted --output=TAP -v"), 0));
	cr_assert(eq(sz, options.nr_command, 3));
	cr_assert_str_eq(options.command[1], "--output=TAP");
	cr_assert(eq(uint, options.verbose, 0));
	cr_assert(eq(int, parse("run -v busted -v"), 0));
	cr_assert(eq(uint, options.verbose, 1));
	cr_assert(eq(sz, options.nr_command, 2));
	cr_assert(eq(int, parse("run -- busted -- -x"), 0));
	cr_assert(eq(sz, options.nr_command, 3));
}

Test(options, command_named_like_a_verb_needs_the_dashes)
{
	cr_assert(eq(int, parse("-- report x"), 0));
	cr_assert(eq(int, options.verb, VERB_RUN));
	cr_assert_str_eq(options.command[0], "report");
	cr_assert(eq(int, parse("run report"), 0));
	cr_assert_str_eq(options.command[0], "report");
	cr_assert(eq(int, parse("report x"), 0));
	cr_assert(eq(int, options.verb, VERB_REPORT));
}

Test(options, value_that_is_two_dashes_does_not_end_the_options)
{
	cr_assert(eq(int, parse("-o -- report x.bprof"), 0));
	cr_assert_str_eq(options.output_dir, "--");
	cr_assert(eq(int, options.verb, VERB_REPORT));
}

Test(options, every_option_of_run_is_read)
{
	cr_assert(eq(
		int,
		parse("-o out -F 4999 -e cpu-clock --format json --boundaries stack --jit=start --lines "
		      "--top 5 --include-framework --only spec/* --ignore pl.* --ignore x "
		      "--callers --min-percent 2.5 --user me --color always -vv --log "
		      "warn,exec=trace --log-file l -- x"),
		0));
	cr_assert_str_eq(options.output_dir, "out");
	cr_assert(eq(uint, options.frequency_hz, 4999));
	cr_assert_str_eq(options.event, "cpu-clock");
	cr_assert_str_eq(format_names(), "json");
	cr_assert(eq(int, options.boundaries, BOUNDARIES_STACK));
	cr_assert(eq(int, options.jit, BPROF_JIT_START));
	cr_assert(options.lines && options.include_framework && options.callers);
	cr_assert(eq(uint, options.top, 5));
	cr_assert_str_eq(options.only[0], "spec/*");
	cr_assert_str_eq(options.ignore[0], "pl.*");
	cr_assert_str_eq(options.ignore[1], "x");
	cr_assert(eq(ptr, (void *)options.ignore[2], NULL));
	cr_assert_float_eq(options.min_percent, 2.5, 1e-9);
	cr_assert_str_eq(options.user, "me");
	cr_assert(eq(int, options.colour, COLOUR_ALWAYS));
	cr_assert_str_eq(options.log_filter, "warn,exec=trace,debug");
	cr_assert_str_eq(options.log_file, "l");
}

Test(options, report_takes_options_on_both_sides_of_the_recording)
{
	cr_assert(eq(int, parse("--top 7 report --lines r.bprof --json"), 0));
	cr_assert_str_eq(options.recording, "r.bprof");
	cr_assert(options.lines && options.json);
	cr_assert(eq(uint, options.top, 7));
	expect_refusal("report", "report: no recording given (for example: bprof-perf report "
				 "bprof-out/recording.bprof)");
	expect_refusal("report a b", "report: one recording at a time, but 'b' follows");
}

Test(options, last_of_a_repeated_option_counts)
{
	cr_assert(eq(int, parse("-F 10 -F 20 x"), 0));
	cr_assert(eq(uint, options.frequency_hz, 20));
}

Test(options, option_wins_over_variables_and_these_by_generation)
{
	set("BUSTED_PROFILER_FLAMEGRAPH_OUTPUT_PATH", "oldest");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert_str_eq(options.output_dir, "oldest");
	set("MEGA_BUSTED_PROFILER_FLAMEGRAPH_OUTPUT_PATH", "older");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert_str_eq(options.output_dir, "older");
	set("BPROF_OUTPUT", "newest");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert_str_eq(options.output_dir, "newest");
	cr_assert(eq(int, parse("-o option x"), 0));
	cr_assert_str_eq(options.output_dir, "option");
}

Test(options, empty_variable_is_not_set)
{
	set("BPROF_TOP", "");
	set("BUSTED_PROFILER_TIMING_THRESHOLD", "30");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert(eq(uint, options.top, 30));
}

Test(options, invalid_variable_is_named_with_value_and_choices)
{
	set("BPROF_FREQUENCY", "fast");
	expect_refusal("x", "BPROF_FREQUENCY 'fast' is not a number from 1 to 9999");
	cr_assert(eq(int, parse("-F 50 x"), 0), "an overridden variable is not judged");
	cr_assert(eq(int, parse("report x"), 0), "nor one that is not for this verb");
}

Test(options, switches_by_variable_take_the_usual_words)
{
	set("BPROF_LINES", "YES");
	set("BPROF_CALLERS", "0");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert(options.lines);
	cr_assert(not(options.callers));
	set("BPROF_LINES", "maybe");
	expect_refusal("x", "BPROF_LINES 'maybe' is not 1, true, yes, on, 0, false, no or off");
}

Test(options, globs_of_a_variable_are_separated_by_commas)
{
	set("BPROF_ONLY", "a*,,b.lua");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert_str_eq(options.only[0], "a*");
	cr_assert_str_eq(options.only[1], "b.lua");
	cr_assert(eq(ptr, (void *)options.only[2], NULL));
}

Test(options, flame_output_counts_unless_an_output_directory_was_chosen)
{
	set("ENV_FLAME_GRAPH", "promised.folded");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert_str_eq(options.folded_file, "promised.folded");
	set("FLAME_OUTPUT", "real.folded");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert_str_eq(options.folded_file, "real.folded");
	cr_assert(eq(int, parse("-o out x"), 0));
	cr_assert(eq(ptr, (void *)options.folded_file, NULL));
	set("BPROF_OUTPUT", "out");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert(eq(ptr, (void *)options.folded_file, NULL));
}

Test(options, presets_of_formats_have_the_names_users_know)
{
	cr_assert(eq(int, parse("--format flame x"), 0));
	cr_assert_str_eq(format_names(), "folded");
	cr_assert(eq(int, parse("--format profile_tracy x"), 0));
	cr_assert_str_eq(format_names(), "trace");
	cr_assert(eq(int, parse("--format profile-full x"), 0));
	cr_assert_str_eq(format_names(), "folded,trace,json,markdown,dot,junit,benchmark");
	cr_assert(eq(int, parse("--format json,flame,json x"), 0));
	cr_assert_str_eq(format_names(), "json,folded");
}

Test(options, every_file_format_of_the_table_is_accepted)
{
	size_t nr;
	const struct output_ops *const *all = outputs_all(&nr);

	for (size_t i = 0; i < nr; i++) {
		char line[64];

		snprintf(line, sizeof(line), "--format=%s x", all[i]->name);
		cr_expect(eq(int, parse(line), all[i]->kind == OUTPUT_FILE ? 0 : -EINVAL),
			  "--format=%s", all[i]->name);
	}
}

Test(options, unknown_format_lists_the_choices)
{
	expect_refusal("--format svgx x",
		       "--format 'svgx' is not a list of folded, trace, json, markdown, dot, "
		       "junit, benchmark, or a preset: flame, tracy, full");
	cr_assert(eq(int, parse("--format folded, x"), -EINVAL));
	cr_assert(eq(int, parse("--format=,json x"), -EINVAL));
	cr_assert(eq(int, parse("--format= x"), -EINVAL));
}

Test(options, numbers_out_of_range_or_odd_are_refused)
{
	const char *const odd[] = {"0",	  "10000", "-1",   "+5",
				   "1e3", "99x",   "0x10", "18446744073709551617"};

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		char line[64];

		snprintf(line, sizeof(line), "--frequency=%s x", odd[i]);
		cr_expect(eq(int, parse(line), -EINVAL), "%s", line);
	}
	cr_assert(eq(int, parse("--frequency=9999 x"), 0));
	expect_refusal("-F 0 x", "--frequency '0' is not a number from 1 to 9999");
	expect_refusal("--min-percent 101 x", "--min-percent '101' is not a number from 0 to 100");
	cr_assert(eq(int, parse("--min-percent nan x"), -EINVAL));
	cr_assert(eq(int, parse("--min-percent inf x"), -EINVAL));
	cr_assert(eq(int, parse("--min-percent 0x1 x"), -EINVAL));
	cr_assert(eq(int, parse("--top 0 x"), -EINVAL));
}

Test(options, wrong_choices_are_listed)
{
	expect_refusal("-e gpu/busy/ x", "--event: event 'gpu/busy/': there is no such device in "
					 "/sys/bus/event_source/devices");
	expect_refusal("-c 1e6 x", "--period '1e6' is not a number up to 10^15; 0: by frequency");
	expect_refusal("-c -1 x", "--period '-1' is not a number up to 10^15; 0: by frequency");
	cr_assert(eq(int, parse("-e instructions:u -c 100000 x"), 0));
	cr_assert_str_eq(options.event, "instructions:u");
	cr_assert(eq(u64, options.period, 100000));
	cr_assert(eq(int, parse("--event=none x"), 0));
	cr_assert_str_eq(options.event, "none");
	expect_refusal("--boundaries=hooks x",
		       "--boundaries 'hooks' is not auto, hook, stack or none");
	expect_refusal("--color=yes x", "--color 'yes' is not auto, always or never");
}

Test(options, misspelled_options_get_a_suggestion)
{
	expect_refusal("--freqency 5 x",
		       "unknown option '--freqency' (did you mean '--frequency'?)");
	expect_refusal("--xyzzy x", "unknown or ambiguous option '--xyzzy'");
	expect_refusal("-Z x", "unknown option '-Z'");
	expect_refusal("--lines=1 x", "option '--lines' takes no value");
	expect_refusal("--frequency", "option '--frequency' needs a value: --frequency=HZ");
	expect_refusal("-o", "option '--output' needs a value: --output=DIR");
}

Test(options, option_of_another_verb_is_refused)
{
	expect_refusal("report -F 5 x", "option '--frequency' is not for 'report'");
	expect_refusal("run --json x", "option '--json' is not for 'run'");
	expect_refusal("doctor --top 3", "option '--top' is not for 'doctor'");
}

Test(options, run_without_command_is_a_usage_error)
{
	expect_refusal("", "no command given (for example: sudo bprof-perf -- busted)");
	expect_refusal("run -F 5 --", "no command given (for example: sudo bprof-perf -- busted)");
}

Test(options, verbs_of_other_versions_are_not_taken_for_commands)
{
	cr_assert(eq(int, parse("attach -p 1"), -EINVAL));
	cr_assert(ne(ptr, strstr(why.data, "no verb 'attach'"), NULL));
	cr_assert(eq(int, parse("-- attach -p 1"), 0));
}

Test(options, misspelled_verbs_are_recognised_for_the_message)
{
	cr_assert_str_eq(verb_like("reprot"), "report");
	cr_assert_str_eq(verb_like("docter"), "doctor");
	cr_assert(eq(ptr, (void *)verb_like("busted"), NULL));
	cr_assert(eq(ptr, (void *)verb_like("rm"), NULL));
}

Test(options, help_and_version_win_over_everything_that_is_wrong)
{
	cr_assert(eq(int, parse("--help"), 0));
	cr_assert(eq(int, options.verb, VERB_HELP));
	cr_assert(eq(int, options.help_about, VERB_HELP));
	cr_assert(eq(int, parse("report -F 0 --help"), 0));
	cr_assert(eq(int, options.verb, VERB_HELP));
	cr_assert(eq(int, options.help_about, VERB_REPORT));
	cr_assert(eq(int, parse("help doctor"), 0));
	cr_assert(eq(int, options.help_about, VERB_DOCTOR));
	cr_assert(eq(int, parse("help nothing"), -EINVAL));
	cr_assert(eq(int, parse("-V"), 0));
	cr_assert(eq(int, options.verb, VERB_VERSION));
	cr_assert(eq(int, parse("busted --help"), 0));
	cr_assert(eq(int, options.verb, VERB_RUN), "the command's own --help");
}

Test(options, compare_takes_two_paths_or_a_command_and_its_base)
{
	cr_assert(eq(int, parse("compare a b"), 0));
	cr_assert_str_eq(options.compared[SIDE_BASE], "a");
	cr_assert_str_eq(options.compared[SIDE_HEAD], "b");
	cr_assert(options.command == NULL);
	cr_assert(eq(int, options.rule.metric, NR_METRICS));
	cr_assert_str_eq(options.comparison_format->name, "terminal");
	cr_assert(eq(int, parse("compare --base main --pairs 7 -- busted -o TAP"), 0));
	cr_assert_str_eq(options.base_revision, "main");
	cr_assert(eq(uint, options.pairs, 7));
	cr_assert_str_eq(options.command[0], "busted");
	cr_assert_str_eq(options.command[2], "TAP");
	cr_assert(eq(int, parse("compare --base-command x --json -- busted"), 0));
	cr_assert_str_eq(options.comparison_format->name, "json");
}

Test(options, publish_takes_a_release_or_nothing)
{
	cr_assert(eq(int, parse("publish --sync"), 0));
	cr_assert(options.sync && !options.recording);
	expect_refusal("publish --sync x.bprof",
		       "publish --sync adds no release: what is 'x.bprof' for?");
	expect_refusal("publish --release v1.0.0",
		       "publish: no recording given (for example: bprof-perf publish --release TAG "
		       "bprof-out/recording.bprof)");
}

Test(options, compare_takes_a_finished_comparison)
{
	cr_assert(eq(int, parse("compare a"), 0));
	cr_assert_str_eq(options.comparison, "a");
	cr_assert(eq(int, parse("compare a b c"), -EINVAL));
	cr_assert(eq(int, parse("compare"), -EINVAL));
}

Test(options, compare_without_a_base_or_a_command_is_refused)
{
	expect_refusal("compare -- busted", "compare: the base of the command is missing: --base "
					    "REV, or --base-command CMD");
	expect_refusal("compare --base x --base-command y -- busted",
		       "--base and --base-command exclude each other");
	expect_refusal("compare --prepare x --base-command y -- busted",
		       "--prepare is for --base REV");
	expect_refusal("compare --base=-x -- busted", "--base '-x' is not a revision");
	expect_refusal("compare --pairs 0 a b", "--pairs '0' is not a number from 1 to 1000");
	cr_assert(eq(int, parse("compare --base x a b"), -EINVAL));
	cr_assert(ne(ptr, strstr(why.data, "the command of the head is missing"), NULL));
}

Test(options, a_comparison_goes_to_files_as_well)
{
	cr_assert(eq(int, parse("compare --save markdown=a.md --save json=b=c.json a b"), 0));
	cr_assert_str_eq(options.saved[0].format->name, "markdown");
	cr_assert_str_eq(options.saved[0].path, "a.md");
	cr_assert_str_eq(options.saved[1].format->name, "json");
	cr_assert_str_eq(options.saved[1].path, "b=c.json");
	cr_assert(options.saved[2].format == NULL);
	cr_assert(eq(int, parse("compare --save markdown= a b"), -EINVAL));
	cr_assert(eq(int, parse("compare --save pdf=a.pdf a b"), -EINVAL));
	cr_assert(eq(int, parse("compare --save a.md a b"), -EINVAL));
}

Test(options, commits_excuse_what_is_slower_than_a_revision)
{
	cr_assert(eq(int,
		     parse("compare --base main --excuse-commits feat* --excuse-commits x -- y"),
		     0));
	cr_assert_str_eq(options.excusing_commits[0], "feat*");
	cr_assert_str_eq(options.excusing_commits[1], "x");
	expect_refusal("compare --excuse-commits feat* --base-command x -- y",
		       "--excuse-commits is for --base REV");
}

/* One name, a row for each verb: the values of one are not those of the other. */
Test(options, formats_of_comparisons_and_of_runs_are_apart)
{
	cr_assert(eq(int, parse("compare --format markdown a b"), 0));
	cr_assert_str_eq(options.comparison_format->name, "markdown");
	expect_refusal("compare --format folded a b",
		       "--format 'folded' is not terminal, markdown, comment, json or github");
	cr_assert(eq(int, parse("--format github x"), -EINVAL));
	set("BPROF_FORMAT", "folded");
	cr_assert(eq(int, parse("compare a b"), 0));
	cr_assert_str_eq(options.comparison_format->name, "terminal");
}

/* Not a list with commas: files may have some. */
Test(options, skipped_files_are_taken_as_they_are)
{
	cr_assert(eq(int, parse("--skip-file a,b --skip-file c x"), 0));
	cr_assert_str_eq(options.skip_files[0], "a,b");
	cr_assert_str_eq(options.skip_files[1], "c");
	cr_assert(zero(ptr, (void *)(uintptr_t)options.skip_files[2]));
	expect_refusal("--skip-file= x", "--skip-file '' is not a file");
}

Test(options, a_warm_process_repeats_the_suite)
{
	cr_assert(eq(int,
		     parse("--testing-method=consecutive-5 --warm=repeat luajit /x/busted spec"),
		     0));
	cr_assert(eq(sz, options.nr_command, 4));
	cr_assert_str_eq(options.command[1], "/x/busted");
	cr_assert_str_eq(options.command[2], "--repeat=10");
	cr_assert_str_eq(options.command[3], "spec");
	cr_assert(zero(ptr, (void *)(uintptr_t)options.command[4]));
	cr_assert(eq(int, parse("--testing-method=9 --max-runs 4 --warm=repeat busted"), 0));
	cr_assert_str_eq(options.command[1], "--repeat=4");
	expect_refusal("--warm=repeat busted",
		       "--warm=repeat is for --testing-method=consecutive-N");
	expect_refusal(
		"--testing-method=5 --warm=repeat make test",
		"--warm=repeat needs a command that is busted itself: its --repeat makes the "
		"rounds");
	expect_refusal("--testing-method=5 --warm=repeat busted --repeat 3",
		       "--warm=repeat sets busted's --repeat, and the command has it already");
	expect_refusal("--warm=hot busted", "--warm 'hot' is not process or repeat");
}

Test(options, contradictions_are_refused)
{
	expect_refusal("--user a --keep-root x", "--user and --keep-root exclude each other");
	expect_refusal("-q -v x", "--quiet and --verbose exclude each other");
	expect_refusal("--skip-file a --boundaries stack x",
		       "--skip-file needs the boundary hook, and --boundaries=stack goes without "
		       "it");
	expect_refusal("--event none --boundaries stack x",
		       "--event=none needs the boundary hook, and --boundaries=stack goes without "
		       "it");
	expect_refusal("--mode count --boundaries none x",
		       "--mode=count needs the boundary hook, and --boundaries=none goes without "
		       "it");
}

Test(options, quiet_and_verbose_change_the_bare_level_of_the_filter)
{
	set("BPROF_LOG", "debug,unwind=trace");
	cr_assert(eq(int, parse("-q x"), 0));
	cr_assert_str_eq(options.log_filter, "debug,unwind=trace,error");
	cr_assert(eq(int, parse("-vvvvv x"), 0));
	cr_assert_str_eq(options.log_filter, "debug,unwind=trace,trace");
	set("BPROF_LOG", "");
	set("PROF_LOG_LEVEL", "DEBUG");
	cr_assert(eq(int, parse("x"), 0));
	cr_assert_str_eq(options.log_filter, "DEBUG");
}

Test(options, colour_follows_option_then_variables_then_terminal)
{
	cr_assert(colour_wanted(COLOUR_ALWAYS, &environment, -1));
	cr_assert(not(colour_wanted(COLOUR_NEVER, &environment, -1)));
	cr_assert(not(colour_wanted(COLOUR_AUTO, &environment, -1)));
	set("CLICOLOR_FORCE", "1");
	cr_assert(colour_wanted(COLOUR_AUTO, &environment, -1));
	set("NO_COLOR", "1");
	cr_assert(not(colour_wanted(COLOUR_AUTO, &environment, -1)));
	cr_assert(colour_wanted(COLOUR_ALWAYS, &environment, -1));
	set("NO_COLOR", "");
	set("CLICOLOR_FORCE", "0");
	cr_assert(not(colour_wanted(COLOUR_AUTO, &environment, -1)));
}

Test(options, distance_counts_keystrokes)
{
	cr_assert(eq(uint, suggest_distance("report", "report"), 0));
	cr_assert(eq(uint, suggest_distance("reprot", "report"), 1));
	cr_assert(eq(uint, suggest_distance("", "abc"), 3));
	cr_assert(eq(uint, suggest_distance("kitten", "sitting"), 3));
	cr_assert(
		not(suggest_is_near("an option name that is far longer than any we have", "top")));
}

/* ---- what is made from the table ----------------------------------------------------------- */

#define MAX_PAGE (1 << 20)

static char *rest_of(FILE *in)
{
	char *text = calloc(1, MAX_PAGE);

	text[fread(text, 1, MAX_PAGE - 1, in)] = 0;
	fclose(in);
	return text;
}

static char *written(void (*write)(FILE *out))
{
	FILE *out = tmpfile();

	write(out);
	rewind(out);
	return rest_of(out);
}

static void help_overview(FILE *out)
{
	options_write_help(out, VERB_HELP);
}

Test(options, help_starts_with_examples_and_names_every_option)
{
	char *help = written(help_overview);
	size_t nr;
	const struct option_row *rows_of_table = option_rows(&nr);

	cr_assert(lt(ptr, strstr(help, "Examples:"), strstr(help, "Usage:")));
	for (size_t i = 0; i < nr; i++)
		if (rows_of_table[i].name)
			cr_expect(ne(ptr, strstr(help, rows_of_table[i].name), NULL), "%s",
				  rows_of_table[i].name);
	for (char *line = help; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		cr_expect(le(sz, strcspn(line, "\n"), 100), "%.120s", line);
	}
	free(help);
}

static char *contents(const char *path)
{
	FILE *in = fopen(path, "r");

	return in ? rest_of(in) : calloc(1, 1);
}

Test(options, counting_needs_the_hook)
{
	cr_expect(parse("--mode=count busted") == 0);
	cr_expect(options.counts_vm);
	options_done(&options);
	cr_expect(parse("--mode=count --boundaries=stack busted") == -EINVAL);
	cr_expect(strstr(why.data, "--boundaries=stack") != NULL, "%s", why.data);
	cr_expect(parse("--mode=measure busted") == -EINVAL);
}

static void expect_file(const char *path, void (*write)(FILE *out))
{
	char *expected = written(write), *found;

	if (getenv("BLESS")) {
		FILE *out = fopen(path, "w");

		cr_assert(ne(ptr, out, NULL), "%s", path);
		fputs(expected, out);
		fclose(out);
	}
	found = contents(path);
	cr_expect(strcmp(found, expected) == 0,
		  "%s differs from the table of options; to write it anew: BLESS=1 "
		  "build/tests/test_options",
		  path);
	free(found);
	free(expected);
}

Test(options, page_of_options_agrees_with_the_table)
{
	expect_file(SOURCE_DIR "/docs/OPTIONS.md", options_write_markdown);
}

Test(options, man_page_agrees_with_the_table)
{
	expect_file(SOURCE_DIR "/docs/man/bprof-perf.1", options_write_man);
}

/* ---- the release history ------------------------------------------------------------------- */

Test(options, a_release_is_a_tag_and_an_empty_one_is_none)
{
	cr_assert(eq(int, parse("run --release v1.2.3.4 -- busted"), 0));
	cr_expect_str_eq(options.release.text, "v1.2.3.4");
	set("BUSTED_PROFILER_FLAMEGRAPH_VERSION", "");
	cr_assert(eq(int, parse("run -- busted"), 0));
	cr_expect(eq(u32, options.release.nr_parts, 0),
		  "GitHub gives an empty tag on pull requests");
	set("BUSTED_PROFILER_FLAMEGRAPH_VERSION", "v1.2.3-beta.1");
	cr_assert(eq(int, parse("run -- busted"), 0));
	cr_expect_str_eq(options.release.text, "v1.2.3-beta.1");
	set("MEGA_BUSTED_PROFILER_FLAMEGRAPH_VERSION", "v2.0.0");
	cr_assert(eq(int, parse("run -- busted"), 0));
	cr_expect_str_eq(options.release.text, "v2.0.0");
	set("BPROF_RELEASE", "main");
	expect_refusal("run -- busted",
		       "BPROF_RELEASE 'main' is not a tag vX.Y.Z, vX.Y.Z.A or vX.Y.Z-PRERELEASE");
	cr_assert(eq(int, parse("run --release v3.0.0 -- busted"), 0), "an option is above it");
}

Test(options, all_generations_of_the_history_s_variables)
{
	static const char *const generations[] = {"BUSTED_PROFILER_", "MEGA_BUSTED_PROFILER_",
						  "BPROF_"};
	char name[128], value[16];

	cr_assert(eq(int, parse("run -- busted"), 0));
	cr_expect(eq(u32, options.tree.minimum_samples, 2));
	cr_expect(eq(u32, options.tree.graph_maximum, 35));
	cr_expect(not(options.tree.keep_old_tags));
	cr_expect(eq(ptr, (void *)options.tree.allowed_tags, NULL));
	for (unsigned i = 0; i < ARRAY_SIZE(generations); i++) {
		snprintf(value, sizeof(value), "%u", 10 + i);
		snprintf(name, sizeof(name), "%sMINIMUM_SAMPLES", generations[i]);
		set(name, value);
		snprintf(name, sizeof(name), "%sTAGGED_DIRECTORIES", generations[i]);
		set(name, i ? "^fast$,slow" : ".*");
		snprintf(name, sizeof(name), "%sKEEP_OLD_TAG_DIRECTORIES", generations[i]);
		set(name, i % 2 ? "0" : "true");
		snprintf(name, sizeof(name), "%sTABLE_STYLE", generations[i]);
		set(name, i % 2 ? "csv" : "github");
		snprintf(name, sizeof(name), "%sALLOW_NIGHTLY", generations[i]);
		set(name, "yes");
		cr_assert(eq(int, parse("run -- busted"), 0), "%s", why.data);
		cr_expect(eq(u32, options.tree.minimum_samples, 10 + i));
		cr_expect(eq(int, options.tree.keep_old_tags, i % 2 == 0));
		cr_expect(eq(int, options.table_style, i % 2 ? TABLE_CSV : TABLE_GITHUB));
		cr_expect(options.tree.allow_nightly);
		cr_expect_str_eq(options.tree.allowed_tags[0], i ? "^fast$" : ".*");
	}
}

Test(options, history_takes_a_directory)
{
	cr_assert(eq(int, parse("history"), 0));
	cr_expect_str_eq(options.tree_dir, ".");
	cr_expect(eq(int, options.table_style, TABLE_LINES));
	cr_assert(eq(int, parse("history --layout mega --table-style csv project"), 0));
	cr_expect_str_eq(options.tree_dir, "project");
	cr_expect(eq(int, options.tree.layout, LAYOUT_MEGA));
	expect_refusal("history a b", "history: one directory at a time, but 'b' follows");
	expect_refusal("history --release v1.0.0", "option '--release' is not for 'history'");
}

Test(options, backfill_takes_tags_and_perhaps_a_command)
{
	cr_assert(eq(int, parse("backfill v1.0.0 --again v1.1.0 -F 99"), 0));
	cr_expect_str_eq(options.tags[0], "v1.0.0");
	cr_expect_str_eq(options.tags[1], "v1.1.0");
	cr_expect(eq(ptr, options.tags[2], NULL));
	cr_expect_str_eq(options.command[0], "busted");
	cr_expect(options.again);
	cr_expect(eq(int, (int)options.frequency_hz, 99));
	cr_assert(eq(int, parse("backfill v1 --prepare make -- luajit -v v2 --again"), 0));
	cr_expect(eq(ptr, options.tags[1], NULL));
	cr_expect(eq(sz, options.nr_command, 4));
	cr_expect_str_eq(options.command[1], "-v");
	cr_expect_str_eq(options.prepare, "make");
	cr_expect(not(options.again));
	expect_refusal("backfill --again",
		       "backfill: no tag given (for example: sudo bprof-perf backfill v1.0.0 "
		       "v1.1.0)");
	expect_refusal("backfill v1.0.0 --",
		       "no command given (for example: sudo bprof-perf -- busted)");
	expect_refusal("backfill v1.0.0 --release v1.0.0",
		       "option '--release' is not for 'backfill'");
	set("BPROF_RELEASE", "no version");
	cr_expect(eq(int, parse("backfill v1.0.0"), 0));
}

Test(options, values_of_the_history_are_refused_by_name)
{
	expect_refusal("run --allowed-tags a,( -- x",
		       "--allowed-tags: '(' is no pattern of tags: Unmatched ( or \\(");
	expect_refusal("run --allowed-tags %a,%b() -- x",
		       "--allowed-tags: '%b()' is no pattern of tags: %b of Lua patterns is not "
		       "known here");
	expect_refusal("run --columns name,speed -- x",
		       "--columns 'name,speed' is not a list of count, total_time, self_time, "
		       "mean_time, median_time, name and where, separated by commas, each once");
	expect_refusal("run --columns name,name -- x",
		       "--columns 'name,name' is not a list of count, total_time, self_time, "
		       "mean_time, median_time, name and where, separated by commas, each once");
	cr_assert(eq(int, parse("run --columns Name,total_time -- x"), 0));
	cr_expect(eq(uint, options.columns.nr, 2));
	cr_expect(eq(int, (int)options.columns.list[0], TIMING_NAME));
	set("MEGA_BUSTED_PROFILER_KEEP_TEMPORARY_FILES", "2");
	expect_refusal("run -- x", "MEGA_BUSTED_PROFILER_KEEP_TEMPORARY_FILES '2' is not 1, true, "
				   "yes, on, 0, false, no or off");
	set("MEGA_BUSTED_PROFILER_KEEP_TEMPORARY_FILES", "1");
	cr_assert(eq(int, parse("run -- x"), 0));
	cr_expect(options.keep_temporary);
	expect_refusal("run --allowed-tags , -- x",
		       "--allowed-tags: the list of patterns is empty");
	expect_refusal("run --layout flat -- x", "--layout 'flat' is not busted or mega");
	expect_refusal("run --table-style html -- x",
		       "--table-style 'html' is not github, lines, csv or json");
	expect_refusal("run --minimum-samples -1 -- x",
		       "--minimum-samples '-1' is not a number from 0 to 1000000");
	set("BUSTED_PROFILER_ALLOW_NIGHTLY", "maybe");
	expect_refusal("run -- x", "BUSTED_PROFILER_ALLOW_NIGHTLY 'maybe' is not 1, true, yes, on, "
				   "0, false, no or off");
}
