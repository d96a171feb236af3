/* SPDX-License-Identifier: MIT */
/*
 * The collector of PUC Lua: its share of a program that times it itself, none in programs in which
 * it does not run, and finalizers, which are not the collector.
 *
 * Needs root, BPF and the interpreters; skips with the reason otherwise. BPROF_GC_SECONDS: how long
 * each program runs (1.5).
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiled.h"

#define PROGRAM	  SOURCE_DIR "/tests/fixtures/live/gc/share.lua"
#define GC_LEAF	  ";[gc]"
#define FINALIZER " (share.lua:8)" /* finalize(); callers name it in several ways */

/* ---- a run of the program -------------------------------------------------------------------- */

struct shares {
	double known;	/* collector / program, as the program has timed it */
	double samples; /* of the program's main chunk */
	double gc;	/* with the collector at the leaf */
	double gc_in_finalizer;
	double finalizer;
	long long undecided, mode_gc;
	bool is_told; /* modes.gc is not null */
};

static void count_line(const char *line, struct shares *s)
{
	const char *count = strrchr(line, ' ');
	double samples = count ? strtod(count, NULL) : 0;
	bool is_gc = count && (size_t)(count - line) >= strlen(GC_LEAF) &&
		     !strncmp(count - strlen(GC_LEAF), GC_LEAF, strlen(GC_LEAF));

	if (!strstr(line, "main chunk (share.lua)"))
		return;
	s->samples += samples;
	s->gc += is_gc ? samples : 0;
	if (!strstr(line, FINALIZER))
		return;
	s->finalizer += samples;
	s->gc_in_finalizer += is_gc ? samples : 0;
}

static void count_folded(const char *directory, struct shares *s)
{
	char *path = path_join(directory, "tracing.folded");
	struct text text = file_read(path);
	char *rest = text.data, *line;

	cr_assert(text.data != NULL, "there is no %s", path);
	while ((line = strsep(&rest, "\n")))
		count_line(line, s);
	text_done(&text);
	free(path);
}

static struct shares run_program(const char *interpreter, const char *what)
{
	const char *seconds = getenv("BPROF_GC_SECONDS");
	const char *command[] = {interpreter, "share.lua", seconds ? seconds : "1.5", what, NULL};
	const char *options[] = {"--boundaries=none", NULL};
	struct shares s = {0};
	struct profiled p;
	const char *known;

	skip_unless_profiling(BPROF_PERF, interpreter);
	profiled_run(BPROF_PERF, SOURCE_DIR "/tests/fixtures/live/gc", NULL, options, command, &p);
	known = p.run.err.data ? strstr(p.run.err.data, "\nknown ") : NULL;
	cr_assert(p.run.status == 0 && p.profile && known, "%s: status %d: %s", interpreter,
		  p.run.status, p.run.err.data);
	s.known = strtod(known + strlen("\nknown "), NULL);
	s.undecided = json_int_at(p.profile, "gc_undecided");
	s.is_told = !json_null_at(p.profile, "modes.gc");
	s.mode_gc = s.is_told ? json_int_at(p.profile, "modes.gc") : 0;
	expect_whole_accounts(interpreter, p.profile);
	count_folded(p.directory, &s);
	profiled_done(&p);
	cr_log_info("%s %-8s known %6.3f %%, measured %6.3f %% of %.0f samples, undecided %lld",
		    interpreter, what, 100 * s.known, 100 * s.gc / s.samples, s.samples,
		    s.undecided);
	cr_assert(s.is_told, "%s: the collector is not known", interpreter);
	cr_assert(gt(dbl, s.samples, 200));
	/* the leaf has also what the collector does in the kernel; lua_close() collects outside of
	 * the main chunk */
	cr_expect(le(dbl, (double)s.mode_gc, s.gc + 0.005 * s.samples));
	cr_expect(le(dbl, (double)s.undecided, 0.01 * s.samples));
	return s;
}

/* Within four standard deviations, and half a percent for what is around the timed call. */
static bool is_known_share(const struct shares *s)
{
	double variance = s->known * (1 - s->known) / s->samples;
	double off = fabs(s->gc / s->samples - s->known) - 0.005;

	return off < 0 || off * off <= 4 * 4 * variance;
}

/* The program times itself by the clock of the machine, which others may disturb: not twice. */
static void expect_known_share(const char *interpreter, const char *what)
{
	struct shares s = run_program(interpreter, what);

	if (!is_known_share(&s)) {
		cr_log_info("%s %s: once more", interpreter, what);
		s = run_program(interpreter, what);
	}
	cr_expect(gt(dbl, s.known, 0.05), "%s %s: not much of a test", interpreter, what);
	cr_expect(is_known_share(&s), "%s %s: the collector had %.2f %%, measured %.2f %%",
		  interpreter, what, 100 * s.known, 100 * s.gc / s.samples);
	cr_expect(eq(dbl, s.gc_in_finalizer, 0));
	if (!strcmp(what, "finalize"))
		cr_expect(gt(dbl, s.finalizer, 50));
}

/* ---- the interpreters ------------------------------------------------------------------------ */

struct interpreter {
	char name[16];
};

static struct interpreter interpreters[] = {{"lua5.1"}, {"lua5.2"}, {"lua5.3"}, {"lua5.4"}};

#define EACH_INTERPRETER(test)                                                                     \
	ParameterizedTestParameters(gc, test)                                                      \
	{                                                                                          \
		return cr_make_param_array(struct interpreter, interpreters,                       \
					   sizeof(interpreters) / sizeof(interpreters[0]));        \
	}                                                                                          \
	ParameterizedTest(struct interpreter *i, gc, test)

EACH_INTERPRETER(full_collections_have_the_share_the_program_measures)
{
	expect_known_share(i->name, "collect");
}

EACH_INTERPRETER(steps_have_the_share_the_program_measures)
{
	expect_known_share(i->name, "step");
}

EACH_INTERPRETER(finalizers_are_not_the_collector)
{
	expect_known_share(i->name, "finalize");
}

EACH_INTERPRETER(without_garbage_there_is_no_collector)
{
	struct shares s = run_program(i->name, "quiet");

	cr_expect(eq(dbl, s.gc, 0));
}

/* From 5.2 on a collector that is stopped is asked now and then whether it still is. */
EACH_INTERPRETER(a_stopped_collector_has_next_to_nothing)
{
	struct shares s = run_program(i->name, "stopped");

	cr_expect(le(dbl, s.gc, 0.02 * s.samples));
}
