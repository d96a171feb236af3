/* SPDX-License-Identifier: MIT */
/*
 * Random programs under bprof-perf: no stack that the program cannot have, and the share of each
 * function is that of its work.
 *
 * The seed is fixed; BPROF_TRUTH_SEED=NUMBER or =random chooses another, and it is printed.
 * BPROF_TRUTH_SECONDS: how long each program runs (1).
 *
 * The limit: the chi-square statistic of 12 functions exceeds it by chance once in 1e7 runs, six
 * interpreters: less than once in 1e6. Its variances are widened by what is not chance: calls, and
 * loops that run at slightly different speed at different addresses.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "profiled.h"
#include "truth_random.h"

#define GENERATOR      SOURCE_DIR "/tests/truth/generate.lua"
#define DEFAULT_SEED   "20261120"
#define HZ	       "3989"
#define MAX_SHOWN      6
#define SYSTEMATIC     0.03 /* interpreted: one speed everywhere, calls cost little */
#define SYSTEMATIC_JIT 0.10 /* each loop is compiled for itself */

static const char *seconds(void)
{
	const char *value = getenv("BPROF_TRUTH_SECONDS");

	return value ? value : "1";
}

static void choose_seed(char *ret, size_t size)
{
	const char *value = getenv("BPROF_TRUTH_SEED");

	if (value && strcmp(value, "random") == 0)
		snprintf(ret, size, "%ld", (long)time(NULL) % 100000000);
	else
		snprintf(ret, size, "%s", value ? value : DEFAULT_SEED);
}

/* Writes the program to random.lua in a new directory and reads its truth. */
static char *generate(const char *seed, struct truth_random *truth)
{
	char *directory = directory_make(), *path = path_join(directory, "random.lua");
	FILE *f = fopen(path, "w");
	struct run run;

	run_command(NULL, NULL, (const char *const[]){"lua5.4", GENERATOR, seed, NULL}, &run);
	cr_assert(run.status == 0, "the generator failed: %s", run.err.data);
	cr_assert(f && fputs(run.out.data, f) >= 0 && fclose(f) == 0);
	cr_assert(truth_random_read(truth, run.out.data, "random.lua"), "no truth in the program");
	run_done(&run);
	free(path);
	return directory;
}

static void count_folded(const char *directory, struct truth_random *truth)
{
	char *path = path_join(directory, "tracing.folded");
	struct text text = file_read(path);
	char *rest = text.data, *line;
	int nr_shown = 0;

	cr_assert(text.data != NULL, "there is no %s", path);
	while ((line = strsep(&rest, "\n")))
		if (*line && truth_random_count(truth, line) >= VERDICT_WRONG &&
		    nr_shown++ < MAX_SHOWN)
			cr_log_warn("impossible: %s", line);
	text_done(&text);
	free(path);
}

static void print_shares(const struct truth_random *t)
{
	double work = 0, samples = 0;

	for (size_t i = 0; i < t->nr_functions; i++) {
		work += t->functions[i].work;
		samples += t->functions[i].work > 0 ? (double)t->functions[i].samples : 0;
	}
	for (size_t i = 0; i < t->nr_functions; i++)
		if (t->functions[i].work > 0)
			cr_log_info("  %-4s work %6.2f %%  samples %6.2f %%", t->functions[i].id,
				    100 * t->functions[i].work / work,
				    100 * (double)t->functions[i].samples / samples);
}

static void check_truth(const char *what, const struct truth_random *t, double systematic)
{
	uint64_t inside = t->all - t->samples[VERDICT_OUTSIDE], without_work = t->in_c;
	double limit, distance = truth_random_distance(t, systematic, &limit);

	for (size_t i = 0; i < t->nr_functions; i++)
		if (t->functions[i].work == 0)
			without_work += t->functions[i].samples;
	cr_log_info("%-12s %lu samples  exact %lu  marked %lu  wrong %lu  calling %lu  "
		    "distance %.1f of %.1f",
		    what, inside, t->samples[VERDICT_EXACT], t->samples[VERDICT_MARKED],
		    t->samples[VERDICT_WRONG], without_work, distance, limit);
	cr_expect(t->samples[VERDICT_WRONG] + t->samples[VERDICT_BAD] == 0,
		  "%s: %lu impossible stacks", what, t->samples[VERDICT_WRONG]);
	cr_expect(t->samples[VERDICT_EXACT] * 100 >= inside * 99, "%s: less than 99 %% exact",
		  what);
	cr_expect((double)inside >= 0.5 * atof(HZ) * atof(seconds()), "%s: only %lu samples", what,
		  inside);
	cr_expect(distance <= limit, "%s: the shares are not those of the work", what);
	cr_expect(without_work * 20 <= inside, "%s: %lu samples where no work is", what,
		  without_work);
	if (distance > limit)
		print_shares(t);
}

static void check_random(const char *what, const char *interpreter, const char *option,
			 double systematic)
{
	const char *command[] = {interpreter, "random.lua", seconds(), NULL, NULL};
	static struct truth_random truth;
	struct profiled profiled;
	char seed[32], *directory;

	skip_unless_profiling(BPROF_PERF, interpreter);
	if (!program_exists("lua5.4"))
		cr_skip_test("lua5.4 is not installed");
	choose_seed(seed, sizeof(seed));
	cr_log_info("seed %s", seed);
	directory = generate(seed, &truth);
	if (option) {
		memmove(command + 2, command + 1, 2 * sizeof(*command));
		command[1] = option;
	}
	profiled_run(BPROF_PERF, directory, NULL,
		     (const char *const[]){"-F", HZ, "--lines", "--boundaries=none", NULL}, command,
		     &profiled);
	cr_assert(profiled.run.status == 0, "%s", profiled.run.err.data);
	count_folded(profiled.directory, &truth);
	profiled_done(&profiled);
	directory_remove(directory);
	check_truth(what, &truth, systematic);
}

Test(random_program, on_luajit)
{
	check_random("luajit", "luajit", NULL, SYSTEMATIC_JIT);
}

Test(random_program, on_luajit_without_its_compiler)
{
	check_random("luajit -joff", "luajit", "-joff", SYSTEMATIC);
}

Test(random_program, on_lua_5_1)
{
	check_random("lua5.1", "lua5.1", NULL, SYSTEMATIC);
}

Test(random_program, on_lua_5_2)
{
	check_random("lua5.2", "lua5.2", NULL, SYSTEMATIC);
}

Test(random_program, on_lua_5_3)
{
	check_random("lua5.3", "lua5.3", NULL, SYSTEMATIC);
}

Test(random_program, on_lua_5_4)
{
	check_random("lua5.4", "lua5.4", NULL, SYSTEMATIC);
}
