/* SPDX-License-Identifier: MIT */
/*
 * The bundled example suite on every interpreter: the profiler changes nothing the suite says,
 * finds what busted says, and its accounts are whole.
 *
 * Needs root, BPF and the interpreters; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_doc.h"
#include "profiled.h"
#include "run.h"

#define EXAMPLE	      SOURCE_DIR "/examples/textkit"
#define STATUS_OUTPUT SOURCE_DIR "/tests/support/status_output.lua"

/* ---- the same result ----------------------------------------------------------------------- */

/* Addresses of tables in busted's messages differ from run to run: "0x7f12" becomes "0x". */
static void drop_addresses(struct text *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->len;) {
		bool address = i + 2 <= t->len && memcmp(t->data + i, "0x", 2) == 0;

		t->data[kept++] = t->data[i++];
		if (!address)
			continue;
		t->data[kept++] = t->data[i++];
		i += strspn(t->data + i, "0123456789abcdef");
	}
	t->len = kept;
	t->data[kept] = '\0';
}

static size_t first_difference(const struct text *a, const struct text *b)
{
	size_t i = 0;

	while (i < a->len && i < b->len && a->data[i] == b->data[i])
		i++;
	return i;
}

static void run_plainly(const char *interpreter, const char *output, struct run *ret)
{
	run_command(EXAMPLE, NULL,
		    (const char *const[]){interpreter, "/usr/bin/busted", "-o", output, NULL}, ret);
}

static void check_unchanged(const char *interpreter, struct run *profiled)
{
	struct run plain;

	run_plainly(interpreter, "TAP", &plain);
	drop_addresses(&plain.out);
	drop_addresses(&profiled->out);
	cr_expect(profiled->status == plain.status, "%s: status %d, without the profiler %d: %s",
		  interpreter, profiled->status, plain.status, profiled->err.data);
	if (!text_equal(&profiled->out, &plain.out)) {
		size_t at = first_difference(&profiled->out, &plain.out);

		cr_expect(false, "%s: stdout differs at byte %zu: \"%.80s\", without \"%.80s\"",
			  interpreter, at, profiled->out.data + at, plain.out.data + at);
	}
	run_done(&plain);
}

/* ---- the same tests ------------------------------------------------------------------------ */

static void check_statuses(const char *interpreter, yajl_val profile)
{
	struct run busted;
	size_t nr;

	run_plainly(interpreter, STATUS_OUTPUT, &busted);
	nr = expect_tests_as_said(interpreter, profile, &busted.out);
	cr_expect(nr > 1000, "%s: busted ran only %zu tests", interpreter, nr);
	run_done(&busted);
}

static void check_suite_counts(yajl_val profile)
{
	static const char *const keys[][2] = {
		{"success", "suite.successes"},
		{"failure", "suite.failures"},
		{"pending", "suite.pendings"},
	};
	yajl_val tests = json_at(profile, "tests");

	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
		long long nr = 0;

		for (size_t i = 0; i < json_length(tests); i++)
			nr += strcmp(json_string_at(json_item(tests, i), "status"), keys[k][0]) ==
			      0;
		cr_expect(json_int_at(profile, keys[k][1]) == nr, "%s: %lld, tests: %lld",
			  keys[k][1], json_int_at(profile, keys[k][1]), nr);
	}
	/* A failing before_each is an error of busted's, and the test it was for is shown as one.
	 */
	cr_expect(json_int_at(profile, "suite.errors") +
			  json_int_at(profile, "suite.errors_outside_tests") ==
		  3);
	cr_expect(json_bool_at(profile, "suite.seen") && json_bool_at(profile, "suite.ended"));
}

/* ---- whole accounts ------------------------------------------------------------------------ */

static void check_accounts(const char *interpreter, yajl_val profile)
{
	long long taken = json_int_at(profile, "samples.taken");
	long long unresolved = json_int_at(profile, "samples.unresolved");

	expect_whole_accounts(interpreter, profile);
	cr_expect(taken > 300, "%s: only %lld samples", interpreter, taken);
	cr_expect(unresolved * 100 < taken, "%s: %lld of %lld unresolved", interpreter, unresolved,
		  taken);
}

static void check_boundaries(const char *interpreter, yajl_val profile)
{
	long long agree = json_int_at(profile, "boundaries.agree");
	long long disagree = json_int_at(profile, "boundaries.disagree");

	cr_log_info("%s: hook and stack agree on %lld samples, disagree on %lld, %lld in transit",
		    interpreter, agree, disagree, json_int_at(profile, "boundaries.transit"));
	cr_expect(json_bool_at(profile, "boundaries.hook_seen"), "%s: no hook", interpreter);
	cr_expect(json_bool_at(profile, "boundaries.stack_seen"), "%s: no stack", interpreter);
	cr_expect(json_int_at(profile, "boundaries.gaps") == 0);
	/* A fast machine takes fewer samples of the same work. */
	cr_expect(agree > 50 && agree * 10 > json_int_at(profile, "samples.taken"),
		  "%s: agree on %lld only", interpreter, agree);
	cr_expect(disagree == 0, "%s: disagree on %lld", interpreter, disagree);
}

/* ---- the recording ------------------------------------------------------------------------- */

static void check_report(const char *interpreter, const char *directory)
{
	static const char *const names[] = {"tracing.folded", "flamegraph.json", "profile.json"};
	char *again = directory_make(), *recording = path_join(directory, "recording.bprof");
	struct run run;

	run_command(NULL, NULL,
		    (const char *const[]){BPROF_PERF, "report", "-o", again, recording, NULL},
		    &run);
	cr_expect(run.status == 0, "report: status %d: %s", run.status, run.err.data);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *first_path = path_join(directory, names[i]);
		char *second_path = path_join(again, names[i]);
		struct text first = file_read(first_path), second = file_read(second_path);

		cr_expect(first.len > 0, "%s: no %s", interpreter, first_path);
		cr_expect(text_equal(&first, &second), "%s: %s differs at byte %zu", interpreter,
			  names[i], first_difference(&first, &second));
		text_done(&first);
		text_done(&second);
		free(first_path);
		free(second_path);
	}
	run_done(&run);
	directory_remove(again);
	free(recording);
}

/* ---- on each interpreter ------------------------------------------------------------------- */

static void check_example(const char *interpreter)
{
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, EXAMPLE, NULL, NULL,
		     (const char *const[]){interpreter, "/usr/bin/busted", "-o", "TAP", NULL}, &p);
	cr_assert(p.profile != NULL, "%s: no profile.json: %s", interpreter, p.run.err.data);
	check_unchanged(interpreter, &p.run);
	check_statuses(interpreter, p.profile);
	check_suite_counts(p.profile);
	check_accounts(interpreter, p.profile);
	check_boundaries(interpreter, p.profile);
	check_report(interpreter, p.directory);
	cr_expect(json_int_at(p.profile, "exit_status") == p.run.status);
	profiled_done(&p);
}

Test(example, on_luajit)
{
	check_example("luajit");
}

Test(example, on_lua_5_1)
{
	check_example("lua5.1");
}

Test(example, on_lua_5_2)
{
	check_example("lua5.2");
}

Test(example, on_lua_5_3)
{
	check_example("lua5.3");
}

Test(example, on_lua_5_4)
{
	check_example("lua5.4");
}

/* ---- compiled code ------------------------------------------------------------------------- */

#define MAX_PLACES 1024

/* Functions that were sampled in compiled code, with the first of their lines that was seen. */
struct places {
	struct {
		char *name; /* "skip_token (parser.lua" */
		long line;
		bool several; /* and at another line as well */
	} items[MAX_PLACES];
	size_t nr, nr_several;
};

/* @frame is cut at its line. */
static void add_place(struct places *p, char *frame)
{
	char *colon = strrchr(frame, ':');
	long line = colon ? atol(colon + 1) : 0;
	size_t i = 0;

	if (line <= 0)
		return;
	*colon = '\0';
	while (i < p->nr && strcmp(p->items[i].name, frame) != 0)
		i++;
	if (i == p->nr && p->nr < MAX_PLACES) {
		p->items[p->nr].name = frame;
		p->items[p->nr++].line = line;
	} else if (i < p->nr && p->items[i].line != line && !p->items[i].several) {
		p->items[i].several = true;
		p->nr_several++;
	}
}

static void check_lines_in_compiled_code(const char *directory)
{
	static struct places places;
	char *path = path_join(directory, "tracing.folded"), *frame, *rest;
	struct text text = file_read(path);

	cr_assert(text.data != NULL, "there is no %s", path);
	rest = text.data;
	while ((frame = strsep(&rest, ";\n")))
		if (strstr(frame, ")_[j]"))
			add_place(&places, frame);
	cr_log_info("%zu functions ran in compiled code, %zu of them were seen at several lines",
		    places.nr, places.nr_several);
	cr_expect(places.nr >= 30);
	cr_expect(places.nr_several >= 10);
	text_done(&text);
	free(path);
}

static void check_modes(yajl_val profile)
{
	static const char *const modes[] = {"interpreter", "jit",    "c",     "gc",
					    "compiler",	   "native", "kernel"};
	yajl_val all = json_at(profile, "modes");
	long long sum = 0, taken = json_int_at(profile, "samples.taken");

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		sum += json_int_at(all, modes[i]);
	cr_expect(sum == taken, "the modes are %lld samples of %lld", sum, taken);
	cr_expect(json_int_at(all, "jit") > 0 && json_int_at(all, "compiler") > 0 &&
		  json_int_at(all, "gc") > 0);
}

Test(example, in_compiled_code)
{
	long long taken, unresolved;
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, "luajit");
	profiled_run(BPROF_PERF, EXAMPLE, NULL,
		     (const char *const[]){"-F", "3989", "--lines", NULL},
		     (const char *const[]){"luajit", "/usr/bin/busted", "-o", "TAP", NULL}, &p);
	cr_assert(p.profile != NULL, "no profile.json: %s", p.run.err.data);
	taken = json_int_at(p.profile, "samples.taken");
	unresolved = json_int_at(p.profile, "samples.unresolved");
	cr_log_info("%lld samples, %lld unresolved", taken, unresolved);
	cr_expect(taken > 1000);
	cr_expect(unresolved * 200 < taken, "%lld of %lld unresolved", unresolved, taken);
	check_lines_in_compiled_code(p.directory);
	check_modes(p.profile);
	profiled_done(&p);
}
