/* SPDX-License-Identifier: MIT */
/*
 * An independent witness: tests/truth/witness.lua samples its own stack while bprof-perf does. Both
 * must find the same stacks, to the line, with the same shares.
 *
 * The witness is the interpreter's count hook: it counts instructions where we measure time. The
 * lines that are compared all do the same, a call of a slow C function, so both agree; the lines of
 * the loops themselves (FORLOOP is cheap) are left out, and so is what we sample inside of the
 * hook. (With arithmetic in place of the C function, 5.3 spends a third more on one of four equal
 * lines than on the others, but only while a count hook is set: instructions are not time.)
 *
 * With the JIT on it is LuaJIT's jit.profile. Its ticks come with the kernel's clock (4 ms, some
 * 250 in a second), and it looks where it was only at the next check in compiled code, at the end
 * of a loop: it knows the function, not the line. We name the line of the last guard.
 *
 * Bound for a share p of Na samples here and Nb there: 5.5 sigma of their difference,
 * sqrt(p (1 - p) (1 / Na + 1 / Nb)), exceeded by chance in 4e-8 of the comparisons, and 5 % of p
 * for instructions that are not quite equally fast.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folded_stack.h"
#include "profiled.h"

#define DIRECTORY     SOURCE_DIR "/tests/truth"
#define PROGRAM	      "witness.lua"
#define HZ	      "3989"
#define SIGMAS	      5.5
#define SYSTEMATIC    0.05
#define MAX_KEYS      64
#define FIRST_WITNESS 53 /* lines of the witness's own functions */
#define LAST_WITNESS  70

enum side { OURS, WITNESS, NR_SIDES };

struct share {
	char key[64]; /* "79 47 42 21 ": lines from the root; or the function of the leaf */
	double samples[NR_SIDES];
};

struct shares {
	struct share items[MAX_KEYS];
	size_t nr;
	double all[NR_SIDES];
	bool functions_only;
};

static void add_samples(struct shares *s, const char *key, enum side side, double samples)
{
	size_t i;

	for (i = 0; i < s->nr && strcmp(s->items[i].key, key) != 0; i++)
		;
	cr_assert(i < MAX_KEYS, "more than %d stacks", MAX_KEYS);
	if (i == s->nr)
		snprintf(s->items[s->nr++].key, sizeof(s->items[0].key), "%s", key);
	s->items[i].samples[side] += samples;
	s->all[side] += samples;
}

static const char *function_of(long line)
{
	if (line >= 25 && line <= 31)
		return "light";
	return line >= 32 && line <= 38 ? "heavy" : "";
}

/* @chain: lines from the root. Only what both can see alike is compared. */
static void add_chain(struct shares *s, const char *chain, enum side side, double samples)
{
	size_t len = strlen(chain);
	long leaf;

	while (len > 1 && chain[len - 2] != ' ')
		len--;
	leaf = len > 0 ? strtol(chain + len - 1, NULL, 10) : 0;
	if (s->functions_only && *function_of(leaf))
		add_samples(s, function_of(leaf), side, samples);
	else if (leaf == 15 || leaf == 16 || leaf == 21 || leaf == 22)
		add_samples(s, chain, side, samples);
}

static void add_folded_line(struct shares *s, const char *line)
{
	struct folded_stack stack;
	char chain[256] = "";
	size_t len = 0;

	if (!folded_read(line, PROGRAM, &stack))
		cr_assert(false, "not a folded line: %s", line);
	for (size_t i = 0; i < stack.nr_frames && len < sizeof(chain) - 16; i++) {
		const struct frame *f = &stack.frames[i];

		if (f->kind == FRAME_MARK || f->kind == FRAME_OTHER ||
		    (f->line >= FIRST_WITNESS && f->line <= LAST_WITNESS))
			return;
		if (f->kind == FRAME_LUA)
			len += (size_t)sprintf(chain + len, "%ld ", f->line);
	}
	add_chain(s, chain, OURS, (double)stack.samples);
}

static void add_folded(struct shares *s, const char *directory)
{
	char *path = path_join(directory, "tracing.folded");
	struct text text = file_read(path);
	char *rest = text.data, *line;

	cr_assert(text.data != NULL, "there is no %s", path);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			add_folded_line(s, line);
	text_done(&text);
	free(path);
}

/* "79 46 16 1057" */
static void add_witness(struct shares *s, const char *path)
{
	struct text text = file_read(path);
	char *rest = text.data, *line, *last;

	cr_assert(text.data != NULL, "the program wrote no %s", path);
	while ((line = strsep(&rest, "\n"))) {
		double count;

		last = strrchr(line, ' ');
		if (!last)
			continue;
		count = atof(last + 1);
		last[1] = '\0';
		add_chain(s, line, WITNESS, count);
	}
	text_done(&text);
}

static void compare(const char *what, const struct shares *s)
{
	double inverse = 1 / s->all[OURS] + 1 / s->all[WITNESS], worst = 0;

	for (size_t i = 0; i < s->nr; i++) {
		const struct share *item = &s->items[i];
		double ours = item->samples[OURS] / s->all[OURS];
		double witness = item->samples[WITNESS] / s->all[WITNESS];
		double p = (item->samples[OURS] + item->samples[WITNESS]) /
			   (s->all[OURS] + s->all[WITNESS]);
		double bound = SIGMAS * sqrt(p * (1 - p) * inverse) + SYSTEMATIC * p;

		cr_log_info("  %-14s ours %6.2f %%  witness %6.2f %%  bound %.2f", item->key,
			    100 * ours, 100 * witness, 100 * bound);
		worst = fmax(worst, fabs(ours - witness) / bound);
	}
	cr_log_info(
		"%-12s %.0f samples, witness %.0f; %zu stacks, the largest difference is %.2f of "
		"the bound",
		what, s->all[OURS], s->all[WITNESS], s->nr, worst);
	cr_expect(worst <= 1, "%s: the witness saw other shares", what);
}

static void check_witness(const char *what, const char *interpreter, const char *option,
			  bool functions_only, const char *seconds, double least)
{
	struct shares shares = {.functions_only = functions_only};
	char *directory, *path;
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, interpreter);
	directory = directory_make();
	path = path_join(directory, "witness");
	profiled_run(
		BPROF_PERF, DIRECTORY, NULL,
		(const char *const[]){"-F", HZ, "--lines", "--boundaries=none", NULL},
		option ? (const char *const[]){interpreter, option, PROGRAM, seconds, path, NULL}
		       : (const char *const[]){interpreter, PROGRAM, seconds, path, NULL},
		&p);
	cr_assert(p.run.status == 0, "%s", p.run.err.data);
	add_folded(&shares, p.directory);
	add_witness(&shares, path);
	profiled_done(&p);
	directory_remove(directory);
	free(path);
	cr_assert(shares.all[OURS] >= 0.5 * atof(HZ) * atof(seconds) &&
			  shares.all[WITNESS] >= least,
		  "%s: only %.0f and %.0f samples", what, shares.all[OURS], shares.all[WITNESS]);
	cr_expect(shares.nr == (functions_only ? 2 : 8), "%s: %zu stacks", what, shares.nr);
	compare(what, &shares);
}

Test(witness, agrees_on_luajit)
{
	check_witness("luajit", "luajit", NULL, true, "2", 100);
}

Test(witness, agrees_on_luajit_without_its_compiler)
{
	check_witness("luajit -joff", "luajit", "-joff", false, "1", 2000);
}

Test(witness, agrees_on_lua_5_1)
{
	check_witness("lua5.1", "lua5.1", NULL, false, "1", 2000);
}

Test(witness, agrees_on_lua_5_2)
{
	check_witness("lua5.2", "lua5.2", NULL, false, "1", 2000);
}

Test(witness, agrees_on_lua_5_3)
{
	check_witness("lua5.3", "lua5.3", NULL, false, "1", 2000);
}

Test(witness, agrees_on_lua_5_4)
{
	check_witness("lua5.4", "lua5.4", NULL, false, "1", 2000);
}
