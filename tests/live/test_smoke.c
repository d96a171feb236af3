/* SPDX-License-Identifier: MIT */
/*
 * A small suite of known stacks on every interpreter: the least that must hold on any kernel and
 * any machine, an emulated one too. tools/kernels runs this in guests with older kernels.
 *
 * Needs root and the interpreters. A kernel that refuses the programs fails the test: where they
 * are thought to load, a refusal is what this must find.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_doc.h"
#include "profiled.h"
#include "run.h"

#define SUITE	    SOURCE_DIR "/tests/fixtures/live/smoke"
#define MIN_SAMPLES 10 /* of a test: 200 ms at 997 Hz, but an emulated clock misses ticks */

/*
 * A test of the suite and the stack under "burn", where it works: frames in this order, others
 * between them. Only functions that have one name; "unit" is what work() calls its argument.
 */
struct known_stack {
	const char *test;
	const char *frames[8]; /* NULL-terminated */
};

static const struct known_stack known_stacks[] = {
	{"interprets a deep stack", {"work", "middle", "middle", "middle", "bottom", "burn"}},
	{"compiles a deep stack", {"work", "middle", "middle", "middle", "bottom", "burn"}},
	{"resumes a coroutine", {"work", "middle", "middle", "middle", "bottom", "burn"}},
	{"calls back from C", {"work", "unit", "string.gsub [C]", "<anonymous>", "burn"}},
};

static void skip_unless_possible(const char *interpreter)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	if (!program_exists(interpreter))
		cr_skip_test("%s is not installed", interpreter);
	if (!program_exists("busted"))
		cr_skip_test("busted is not installed (apt-get install lua-busted)");
}

/* ---- stacks -------------------------------------------------------------------------------- */

/* Where the next frame named @name begins in @stack, or NULL. */
static const char *frame_find(const char *stack, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = stack; at; at = strchr(at + 1, ';')) {
		const char *frame = *at == ';' ? at + 1 : at;

		if (strncmp(frame, name, len) == 0 && strchr(" ;", frame[len]))
			return frame;
	}
	return NULL;
}

static bool has_frames(const char *stack, const char *const *names)
{
	for (; *names; names++) {
		stack = frame_find(stack, *names);
		if (!stack)
			return false;
		stack += strlen(*names);
	}
	return true;
}

struct share {
	long all, as_known;
};

/* One line of tracing.folded, "frame;frame;frame samples". */
static void count_line(char *line, const struct known_stack *known, struct share *share)
{
	char *space = strrchr(line, ' ');
	long samples;

	cr_assert(space != NULL, "not a folded line: %s", line);
	samples = strtol(space + 1, NULL, 10);
	*space = '\0';
	/* Elsewhere it is in os.clock(), a system call, and dear on an emulated machine. */
	if (!strstr(line, known->test) || !frame_find(line, "burn"))
		return;
	share->all += samples;
	if (has_frames(line, known->frames))
		share->as_known += samples;
}

static void check_stack(const char *interpreter, const char *directory,
			const struct known_stack *known)
{
	char *path = path_join(directory, "tracing.folded");
	struct text text = file_read(path);
	char *rest = text.data, *line;
	struct share share = {0};

	cr_assert(text.data != NULL, "there is no %s", path);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			count_line(line, known, &share);
	cr_log_info("%-7s %-24s %ld of %ld samples with the known stack", interpreter, known->test,
		    share.as_known, share.all);
	cr_expect(share.all >= MIN_SAMPLES, "%s, %s: only %ld samples", interpreter, known->test,
		  share.all);
	cr_expect(share.as_known * 100 >= share.all * 95, "%s, %s: %ld of %ld as known",
		  interpreter, known->test, share.as_known, share.all);
	text_done(&text);
	free(path);
}

/* ---- accounts ------------------------------------------------------------------------------ */

static void check_accounts(const char *interpreter, yajl_val profile)
{
	long long taken = json_int_at(profile, "samples.taken");
	long long unresolved = json_int_at(profile, "samples.unresolved");
	long long parts = json_int_at(profile, "samples.in_tests") +
			  json_int_at(profile, "samples.outside_tests") +
			  json_int_at(profile, "samples.lost") + unresolved;

	cr_log_info("%s: %lld samples, %lld unresolved, hook and stack agree on %lld, differ on "
		    "%lld",
		    interpreter, taken, unresolved, json_int_at(profile, "boundaries.agree"),
		    json_int_at(profile, "boundaries.disagree"));
	cr_expect(taken == parts, "%s: %lld samples, %lld accounted for", interpreter, taken,
		  parts);
	cr_expect(json_int_at(profile, "samples.lost") == 0);
	cr_expect(unresolved * 100 <= taken * 3, "%s: %lld of %lld unresolved", interpreter,
		  unresolved, taken);
	cr_expect(json_int_at(profile, "boundaries.agree") > 0, "%s: no stack agreed", interpreter);
	cr_expect(json_int_at(profile, "boundaries.disagree") == 0);
	cr_expect(json_int_at(profile, "boundaries.gaps") == 0);
	cr_expect(json_int_at(profile, "suite.successes") == 4);
	cr_expect(json_int_at(profile, "suite.failures") == 1);
}

static void check_smoke(const char *interpreter)
{
	struct profiled p;

	skip_unless_possible(interpreter);
	/* an emulated counter is slow to interrupt, and the kernel then lowers the rate of all
	 * events */
	profiled_run(BPROF_PERF, SUITE, NULL, (const char *const[]){"-e", "cpu-clock", NULL},
		     (const char *const[]){interpreter, "/usr/bin/busted", "-o", "TAP", NULL}, &p);
	cr_assert(p.profile != NULL, "%s: no profile.json: %s", interpreter, p.run.err.data);
	cr_expect(p.run.status == 1, "%s: status %d, one test fails: %s", interpreter, p.run.status,
		  p.run.err.data);
	check_accounts(interpreter, p.profile);
	for (size_t i = 0; i < sizeof(known_stacks) / sizeof(*known_stacks); i++)
		check_stack(interpreter, p.directory, &known_stacks[i]);
	profiled_done(&p);
}

Test(smoke, on_luajit)
{
	check_smoke("luajit");
}

Test(smoke, on_lua_5_1)
{
	check_smoke("lua5.1");
}

Test(smoke, on_lua_5_2)
{
	check_smoke("lua5.2");
}

Test(smoke, on_lua_5_3)
{
	check_smoke("lua5.3");
}

Test(smoke, on_lua_5_4)
{
	check_smoke("lua5.4");
}
