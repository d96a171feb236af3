/* SPDX-License-Identifier: MIT */
/*
 * Accuracy on real interpreters: stacks of known programs, and costs of a suite whose costs are
 * known.
 *
 * Needs root, BPF and the interpreters; skips with the reason otherwise. Tests run one after the
 * other: a neighbour on the same processor would disturb what is measured. BPROF_TRUTH_SECONDS: how
 * long each program runs (0.4). BPROF_EMULATED: see truth.h.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_doc.h"
#include "profiled.h"
#include "run.h"
#include "truth.h"

#define TRUTH_DIRECTORY SOURCE_DIR "/tests/truth"
#define STACK_HZ	"2999" /* of the programs of known stacks */
#define COST_HZ		997    /* of the suite of known costs: the default */
#define MAX_MEASURED	16
#define MAX_SHOWN	6 /* wrong stacks printed per program */

static void skip_unless_possible(const char *interpreter)
{
	const char *reason = why_no_profiling(BPROF_PERF);

	if (reason)
		cr_skip_test("%s", reason);
	if (!program_exists(interpreter))
		cr_skip_test("%s is not installed", interpreter);
}

/* ---- known stacks -------------------------------------------------------------------------- */

static const char *seconds(void)
{
	const char *value = getenv("BPROF_TRUTH_SECONDS");

	return value ? value : "0.4";
}

static void count_line(const struct truth_program *p, const char *line, struct truth_tally *tally,
		       int *nr_shown)
{
	enum verdict verdict = truth_count(p, line, tally);

	if (verdict == VERDICT_EXACT || verdict == VERDICT_OUTSIDE || (*nr_shown)++ >= MAX_SHOWN)
		return;
	cr_log_info("%s: %s", verdict_name(verdict), line);
}

static void count_folded(const struct truth_program *p, const char *directory,
			 struct truth_tally *tally)
{
	char *path = path_join(directory, "tracing.folded");
	struct text text = file_read(path);
	char *rest = text.data, *line;
	int nr_shown = 0;

	cr_assert(text.data != NULL, "there is no %s", path);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			count_line(p, line, tally, &nr_shown);
	text_done(&text);
	free(path);
}

static void profile_program(const char *const *interpreter, const struct truth_program *p,
			    struct profiled *ret)
{
	const char *command[8];
	size_t nr = 0;
	char file[64];

	snprintf(file, sizeof(file), "%s.lua", p->name);
	for (; interpreter[nr]; nr++)
		command[nr] = interpreter[nr];
	command[nr++] = file;
	command[nr++] = seconds();
	command[nr] = NULL;
	profiled_run(BPROF_PERF, TRUTH_DIRECTORY, NULL,
		     (const char *const[]){"-F", STACK_HZ, "--lines", "--boundaries=none", NULL},
		     command, ret);
	cr_assert(ret->run.status == 0, "%s %s: status %d: %s", interpreter[0], file,
		  ret->run.status, ret->run.err.data);
}

static void check_program(const char *name, const char *const *interpreter,
			  const struct truth_program *p)
{
	struct truth_tally t = {0};
	struct profiled profiled;
	const char *complaint;
	uint64_t inside;

	profile_program(interpreter, p, &profiled);
	count_folded(p, profiled.directory, &t);
	profiled_done(&profiled);
	inside = t.all - t.samples[VERDICT_OUTSIDE];
	cr_log_info("%-12s %-8s %6lu samples  exact %7.3f %%  marked %lu  wrong %lu  outside %lu",
		    name, p->name, t.all, 100.0 * (double)t.samples[VERDICT_EXACT] / (double)inside,
		    t.samples[VERDICT_MARKED], t.samples[VERDICT_WRONG],
		    t.samples[VERDICT_OUTSIDE]);
	complaint = truth_complaint(p, &t);
	cr_expect(complaint == NULL, "%s %s: %s", name, p->name, complaint);
	cr_expect(truth_is_emulated() || (double)inside >= 0.5 * atof(STACK_HZ) * atof(seconds()),
		  "%s %s: only %lu samples", name, p->name, inside);
}

static void check_programs(const char *name, const char *const *interpreter, enum truth_kind kind)
{
	skip_unless_possible(interpreter[0]);
	for (const struct truth_program *p = truth_programs; p->name; p++)
		if (p->needs <= kind)
			check_program(name, interpreter, p);
}

#define INTERPRETER(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(known_stacks, on_luajit)
{
	check_programs("luajit", INTERPRETER("luajit"), TRUTH_JIT);
}

Test(known_stacks, on_luajit_without_its_compiler)
{
	check_programs("luajit -joff", INTERPRETER("luajit", "-joff"), TRUTH_LUAJIT);
}

Test(known_stacks, on_lua_5_1)
{
	check_programs("lua5.1", INTERPRETER("lua5.1"), TRUTH_PUC);
}

Test(known_stacks, on_lua_5_2)
{
	check_programs("lua5.2", INTERPRETER("lua5.2"), TRUTH_PUC);
}

Test(known_stacks, on_lua_5_3)
{
	check_programs("lua5.3", INTERPRETER("lua5.3"), TRUTH_PUC);
}

Test(known_stacks, on_lua_5_4)
{
	check_programs("lua5.4", INTERPRETER("lua5.4"), TRUTH_PUC);
}

/* ---- known costs --------------------------------------------------------------------------- */

/* What the suite measured itself, with os.clock(). */
struct measured {
	char name[32];
	double seconds;
};

struct truth {
	struct measured items[MAX_MEASURED];
	size_t nr;
};

static void read_measured(const char *path, struct truth *truth)
{
	FILE *f = fopen(path, "r");

	cr_assert(f != NULL, "the suite wrote no %s", path);
	while (truth->nr < MAX_MEASURED && fscanf(f, "%31s %lf", truth->items[truth->nr].name,
						  &truth->items[truth->nr].seconds) == 2)
		truth->nr++;
	fclose(f);
}

static double measured_seconds(const struct truth *truth, const char *name)
{
	for (size_t i = 0; i < truth->nr; i++)
		if (strcmp(truth->items[i].name, name) == 0)
			return truth->items[i].seconds;
	cr_assert(false, "the suite did not measure \"%s\"", name);
	return 0;
}

static yajl_val test_named(yajl_val profile, const char *name)
{
	yajl_val tests = json_at(profile, "tests");

	for (size_t i = 0; i < json_length(tests); i++)
		if (strcmp(json_string_at(json_item(tests, i), "name"), name) == 0)
			return json_item(tests, i);
	cr_assert(false, "there is no test \"%s\" in the profile", name);
	return NULL;
}

static void expect_cpu(const char *what, double got_s, double want_s, double slack_s)
{
	double tolerance = 0.03 * want_s + slack_s;

	cr_log_info("  %-28s %8.2f ms CPU, true %8.2f ms (%+.2f %%)", what, got_s * 1e3,
		    want_s * 1e3, 100 * (got_s - want_s) / want_s);
	cr_expect(fabs(got_s - want_s) <= tolerance, "%s: %.2f ms CPU, true %.2f ms", what,
		  got_s * 1e3, want_s * 1e3);
}

/* A sampled share may be off by what chance allows: 4 sigma. */
static void expect_samples(const char *what, double got, double all, double share)
{
	double want = all * share, variance = all * share * (1 - share);
	double off = fabs(got - want) - 1;

	cr_log_info("  %-28s %6.0f samples, expected %8.1f", what, got, want);
	cr_expect(off <= 0 || off * off <= 16 * variance, "%s: %.0f samples, expected %.1f", what,
		  got, want);
}

static const struct {
	const char *measured, *test;
	double parts;
} work[] = {
	{"one", "of one part", 1},
	{"two", "of two parts", 2},
	{"four", "of four parts", 4},
	{"eight", "of eight parts", 8},
};

#define NR_WORK (sizeof(work) / sizeof(*work))

static void check_work(yajl_val profile, const struct truth *truth)
{
	double cpu[NR_WORK], samples[NR_WORK], all_cpu = 0, all_samples = 0, all_true = 0;

	for (size_t i = 0; i < NR_WORK; i++) {
		yajl_val test = test_named(profile, work[i].test);

		cpu[i] = (double)json_int_at(test, "cpu_ns") / 1e9;
		samples[i] = (double)json_int_at(test, "samples");
		all_cpu += cpu[i];
		all_samples += samples[i];
		all_true += measured_seconds(truth, work[i].measured);
	}
	for (size_t i = 0; i < NR_WORK; i++) {
		double true_s = measured_seconds(truth, work[i].measured);

		cr_log_info("  %-28s share of CPU %.4f, true %.4f, by design %.4f", work[i].test,
			    cpu[i] / all_cpu, true_s / all_true, work[i].parts / 15);
		expect_cpu(work[i].test, cpu[i], true_s, 0.001);
		expect_samples(work[i].test, samples[i], all_samples, true_s / all_true);
	}
}

static void check_fixtures(yajl_val profile, const struct truth *truth)
{
	yajl_val test = test_named(profile, "an empty test");

	expect_cpu("before_each and after_each", (double)json_int_at(test, "fixtures.cpu_ns") / 1e9,
		   measured_seconds(truth, "before_each") + measured_seconds(truth, "after_each"),
		   0.002);
	cr_expect(json_int_at(test, "cpu_ns") < 2000000, "an empty test has the CPU of others");
	expect_cpu("setup and teardown",
		   (double)json_int_at(profile, "phases.fixture.cpu_ns") / 1e9,
		   measured_seconds(truth, "setup") + measured_seconds(truth, "teardown"), 0.002);
}

static void check_child(yajl_val profile, const char *name, double child_s)
{
	yajl_val test = test_named(profile, name);
	double cpu_s = (double)json_int_at(test, "cpu_ns") / 1e9;

	/* Besides its loop a child starts a shell, the dynamic linker, the interpreter: about 3 ms.
	 */
	cr_expect(cpu_s >= child_s, "%s: only %.2f ms CPU", name, cpu_s * 1e3);
	expect_cpu(name, cpu_s, child_s + 0.003, 0.010);
	expect_samples(name, (double)json_int_at(test, "samples"), COST_HZ * cpu_s * 2, 0.5);
	cr_expect(json_int_at(test, "children") >= 1, "%s: no child", name);
}

static void check_sleep(yajl_val profile)
{
	yajl_val test = test_named(profile, "of 200 ms");

	cr_expect(json_int_at(test, "wall_ns") >= 200000000);
	cr_expect(json_int_at(test, "wall_ns") < 500000000);
	cr_expect(json_int_at(test, "cpu_ns") < 20000000, "sleeping cost %.2f ms CPU",
		  (double)json_int_at(test, "cpu_ns") / 1e6);
}

static void check_costs(const char *interpreter)
{
	char *directory, *json_path, *truth_path, *variable;
	struct truth truth = {0};
	struct run run;
	yajl_val profile;

	skip_unless_possible(interpreter);
	directory = directory_make();
	truth_path = path_join(directory, "truth");
	json_path = path_join(directory, "profile.json");
	cr_assert(asprintf(&variable, "TRUTH_FILE=%s", truth_path) > 0);
	run_command(TRUTH_DIRECTORY, (const char *const[]){variable, NULL},
		    (const char *const[]){BPROF_PERF, "-o", directory, "--", interpreter,
					  "/usr/bin/busted", "-o", "TAP", "spec/ratio_spec.lua",
					  NULL},
		    &run);
	cr_assert(run.status == 0, "status %d: %s%s", run.status, run.out.data, run.err.data);
	read_measured(truth_path, &truth);
	profile = json_read(json_path);
	cr_log_info("%s:", interpreter);
	check_work(profile, &truth);
	check_fixtures(profile, &truth);
	check_child(profile, "one of 300 ms", 0.3);
	check_child(profile, "one of 200 ms in the background", 0.2);
	check_sleep(profile);
	yajl_tree_free(profile);
	run_done(&run);
	directory_remove(directory);
	free(variable);
	free(json_path);
	free(truth_path);
}

Test(known_costs, on_luajit)
{
	check_costs("luajit");
}

Test(known_costs, on_lua_5_1)
{
	check_costs("lua5.1");
}

Test(known_costs, on_lua_5_2)
{
	check_costs("lua5.2");
}

Test(known_costs, on_lua_5_3)
{
	check_costs("lua5.3");
}

Test(known_costs, on_lua_5_4)
{
	check_costs("lua5.4");
}
