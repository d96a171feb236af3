/* SPDX-License-Identifier: MIT */
/*
 * Every output of every hand-made profile, byte for byte.
 *
 * The expected files are in tests/golden/outputs/. A new output or case fails until it has one:
 *	BLESS=1 build/tests/test_outputs
 * writes them. A blessing is a claim: read the diff before you commit it.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base.h"
#include "golden.h"
#include "output.h"
#include "profiles.h"

#define EXPECTED SOURCE_DIR "/tests/golden/outputs/"
#define CHECKER	 "/usr/bin/python3 " SOURCE_DIR "/tests/golden/check_outputs.py"
#define SKIPPED	 77

static const struct output_opts plain = {.top = 20, .min_percent = 1, .output_dir = "bprof-out"};

/* The output as bytes; free() it. */
static char *render(const struct output_ops *ops, const struct profile *p,
		    const struct output_opts *o, size_t *ret_len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);
	int r = ops->write(p, o, out);

	fclose(out);
	cr_assert(eq(int, r, 0), "%s", ops->name);
	return text;
}

static void compare(const char *name, const struct output_ops *ops, const struct profile *p,
		    const struct output_opts *o)
{
	char path[512];
	size_t len;
	char *text = render(ops, p, o, &len);

	if (ops->kind == OUTPUT_FILE)
		snprintf(path, sizeof(path), EXPECTED "%s.%s", name, ops->file_name);
	else
		snprintf(path, sizeof(path), EXPECTED "%s.%s.txt", name, ops->name);
	golden_expect(path, text, len);
	free(text);
}

Test(outputs, every_row_writes_what_its_expected_file_says)
{
	size_t nr;
	const struct output_ops *const *all = outputs_all(&nr);

	for (const struct profile_case *c = profile_cases; c->name; c++)
		for (size_t i = 0; i < nr; i++)
			compare(c->name, all[i], c->make(), &plain);
}

/* ---- options ------------------------------------------------------------------------------- */

static void compare_options(const char *name, const char *output, const struct output_opts *o)
{
	compare(name, output_find(output), profile_ordinary(), o);
}

Test(outputs, lines_are_the_current_ones_on_request)
{
	struct output_opts o = plain;

	o.lines = true;
	compare_options("lines", "folded", &o);
	compare_options("lines", "trace", &o);
}

Test(outputs, frames_of_busted_are_shown_on_request)
{
	struct output_opts o = plain;

	o.include_framework = true;
	compare_options("framework", "folded", &o);
	compare_options("framework", "terminal", &o);
}

Test(outputs, ignored_frames_are_left_out_and_their_samples_go_to_the_caller)
{
	const char *globs[] = {"string.*", "src.text", NULL};
	struct output_opts o = plain;

	o.ignore = globs;
	compare_options("ignore", "folded", &o);
	compare_options("ignore", "terminal", &o);
	compare_options("ignore", "callers", &o);
}

Test(outputs, only_the_wanted_frames_are_shown)
{
	const char *globs[] = {"spec.a_spec", NULL};
	struct output_opts o = plain;

	o.only = globs;
	compare_options("only", "folded", &o);
}

Test(outputs, the_report_has_colours_on_request_and_few_rows_in_a_narrow_terminal)
{
	struct output_opts o = plain;

	o.colour = true;
	o.width = 72;
	o.top = 3;
	compare_options("colour", "terminal", &o);
}

/* The ordinary suite with a thousand samples more, most of them in the compiler. */
Test(outputs, the_report_says_where_compiling_does_not_pay)
{
	struct profile p = *profile_ordinary();

	p.accounts.taken += 1000;
	p.accounts.in_tests += 1000;
	p.by_mode[MODE_INTERPRETER] += 400;
	p.by_mode[MODE_RECORD] += 250;
	p.by_mode[MODE_ASSEMBLE] += 150;
	p.by_mode[MODE_EXIT] += 30;
	p.by_mode[MODE_KERNEL_COMPILER] += 100;
	p.by_mode[MODE_JIT] += 50;
	p.by_mode[MODE_C_ON_TRACE] += 20;
	compare("compiling", output_find("terminal"), &p, &plain);
	compare("compiling", output_find("json"), &p, &plain);
}

Test(outputs, samples_that_the_kernel_did_not_take_are_said)
{
	static const uint64_t due[] = {200, 112, 111, 99, PROFILE_UNKNOWN};
	struct profile p = *profile_ordinary();

	p.ns_per_sample = 1000000;
	p.accounts.taken = 100;
	for (size_t i = 0; i < ARRAY_SIZE(due); i++) {
		char *text;
		size_t len;

		p.cpu_ns = due[i] == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : due[i] * p.ns_per_sample;
		text = render(output_find("terminal"), &p, &plain, &len);
		cr_expect(eq(int, strstr(text, "perf_event_max_sample_rate") != NULL,
			     i == 1 || i == 0),
			  "%zu: %s", i, text);
		free(text);
	}
}

Test(outputs, the_trace_is_cut_at_its_limit_and_says_so)
{
	struct output_opts o = plain;
	bool cut = false;

	o.max_events = 10;
	o.ret_cut = &cut;
	compare_options("cut", "trace", &o);
	cr_assert(cut);
}

/* ---- names without end --------------------------------------------------------------------- */

#define HUGE (100 * 1000)

/* One test, one stack, and every name is the same one. */
static void make_huge(struct profile *p, const char *name)
{
	static struct function function;
	static struct stack_frame frame;
	static const char *prefix[1], *command[1];
	static struct profile_stack stack;
	static struct test test;
	static struct file_total file;
	static struct runtime runtime;

	prefix[0] = command[0] = name;
	function = (struct function){name, name, 1, FUNCTION_LUA, false, 1, 1, NULL, 0, {0}, 0, 0};
	stack = (struct profile_stack){prefix, 1, &frame, 1, 0, PHASE_TEST, 1, MODE_INTERPRETER, 0};
	test = (struct test){.file = name, .name = name, .full_name = name, .source = name};
	file = (struct file_total){.file = name, .nr_tests = 1};
	runtime = (struct runtime){.kind = name, .version = name, .path = name};
	*p = (struct profile){
		.command = command,
		.nr_command = 1,
		.wall_ns = 1000,
		.accounts = {.taken = 1, .in_tests = 1},
		.functions = &function,
		.nr_functions = 1,
		.stacks = &stack,
		.nr_stacks = 1,
		.tests = &test,
		.nr_tests = 1,
		.files = &file,
		.nr_files = 1,
		.runtimes = &runtime,
		.nr_runtimes = 1,
	};
}

Test(outputs, names_of_100_kb_are_whole_in_profile_json_and_short_elsewhere)
{
	char *name = malloc(HUGE + 1);
	struct profile p;
	size_t nr;
	const struct output_ops *const *all = outputs_all(&nr);

	memset(name, 'n', HUGE);
	name[HUGE] = 0;
	make_huge(&p, name);
	for (size_t i = 0; i < nr; i++) {
		size_t len;
		char *text = render(all[i], &p, &plain, &len);

		if (strcmp(all[i]->name, "json") == 0)
			cr_expect(strstr(text, name) != NULL);
		else
			cr_expect(lt(sz, len, 8000), "%s", all[i]->name);
		free(text);
	}
	free(name);
}

/* ---- other readers ------------------------------------------------------------------------- */

static void check_with_python(const char *what)
{
	char command[512];
	int status;

	snprintf(command, sizeof(command), CHECKER " %s " SOURCE_DIR, what);
	status = system(command);
	cr_assert(ne(int, WIFEXITED(status), 0));
	if (WEXITSTATUS(status) == SKIPPED)
		cr_skip_test("%s needs python3 with jsonschema (package python3-jsonschema)", what);
	cr_assert(eq(int, WEXITSTATUS(status), 0), "%s", what);
}

Test(outputs, profile_json_satisfies_its_schema, .timeout = 60)
{
	check_with_python("schema");
}

Test(outputs, trace_events_keep_the_rules_of_their_readers, .timeout = 60)
{
	check_with_python("trace");
}

Test(outputs, folded_lines_keep_the_rules_of_their_readers, .timeout = 60)
{
	check_with_python("folded");
}

Test(outputs, files_for_ci_keep_the_rules_of_their_readers, .timeout = 60)
{
	check_with_python("ci");
}

Test(outputs, reports_hold_no_control_characters_and_no_line_is_too_wide, .timeout = 60)
{
	check_with_python("report");
}

/* ---- failures ------------------------------------------------------------------------------ */

Test(outputs, a_full_disk_is_reported_by_every_row)
{
	size_t nr;
	const struct output_ops *const *all = outputs_all(&nr);

	for (size_t i = 0; i < nr; i++) {
		FILE *full = fopen("/dev/full", "w");

		cr_assert(full != NULL);
		cr_expect(eq(int, all[i]->write(profile_ordinary(), &plain, full), -ENOSPC), "%s",
			  all[i]->name);
		fclose(full);
	}
}

Test(outputs, rows_are_found_by_name_and_have_a_sentence)
{
	size_t nr;
	const struct output_ops *const *all = outputs_all(&nr);

	cr_assert(output_find("no such output") == NULL);
	for (size_t i = 0; i < nr; i++) {
		cr_expect(output_find(all[i]->name) == all[i]);
		cr_expect(all[i]->summary && *all[i]->summary);
		cr_expect(eq(int, all[i]->file_name != NULL, all[i]->kind == OUTPUT_FILE));
	}
}
