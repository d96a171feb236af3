/* SPDX-License-Identifier: MIT */
/*
 * The end of the terminal report: how the samples add up, what was lost, what to be careful about,
 * and what to do next. Losses are printed when there are none as well.
 */
#include <stdio.h>

#include "base.h"
#include "costs.h"
#include "meters.h"
#include "number.h"
#include "report.h"

#define MAX_NAMED 5  /* of tests in a sentence */
#define NAME_ROOM 60 /* bytes of each */

/* A sentence put together of parts; a failure ends up in the writer. */
struct sentence {
	struct buf text;
	struct writer *writer;
};

static void sentence_init(struct sentence *s, struct report *r)
{
	s->writer = r->writer;
	buf_init(&s->text, TEXT_MAX_BUFFER);
}

static void sentence_end(struct sentence *s, struct report *r, const char *key, enum style style)
{
	if (s->text.len > 0)
		report_note(r, key, style, s->text.data);
	buf_done(&s->text);
}

#define sentence_add(s, ...) writer_fail((s)->writer, buf_addf(&(s)->text, __VA_ARGS__))

/* Between the parts of a list. */
static const char *separator(const struct sentence *s, const char *between)
{
	return s->text.len > 0 ? between : "";
}

typedef unsigned long long count_t; /* for %llu */

/* ---- accounts ------------------------------------------------------------------------------ */

static void note_event(struct report *r)
{
	const struct profile *p = r->profile;
	struct sentence s;

	if (p->unsampled) {
		report_note(r, "samples", STYLE_NONE,
			    "none were wanted (--event=none): there are no stacks");
		return;
	}
	sentence_init(&s, r);
	sentence_add(&s, "%llu of %s", (count_t)p->accounts.taken,
		     p->event_name ? p->event_name : "?");
	if (p->period != PROFILE_UNKNOWN)
		sentence_add(&s, ", one for each %llu", (count_t)p->period);
	else
		sentence_add(&s, " at %llu Hz", (count_t)p->frequency_hz);
	if (!p->event_hardware)
		sentence_add(&s, p->weighted ? " (counted by the kernel, not by the hardware)"
					     : " (a clock, not a hardware counter)");
	sentence_add(&s, " = %llu in tests + %llu outside + %llu lost + %llu unresolved",
		     (count_t)p->accounts.in_tests, (count_t)p->accounts.outside_tests,
		     (count_t)p->accounts.lost, (count_t)p->accounts.unresolved);
	if (p->accounts.truncated > 0)
		sentence_add(&s, "; %llu truncated", (count_t)p->accounts.truncated);
	sentence_end(&s, r, "samples", STYLE_NONE);
}

static void note_reasons(struct report *r)
{
	static const struct {
		const char *name, *sentence;
	} reasons[BPROF_NR_WALK_STATUS] = {
#define BPROF_X(name, text, sentence) [BPROF_WALK_##name] = {(text), (sentence)},
		BPROF_WALK_STATUS_LIST(BPROF_X)
#undef BPROF_X
	};
	const struct sample_accounts *a = &r->profile->accounts;
	struct sentence s;

	sentence_init(&s, r);
	for (int i = BPROF_WALK_TRUNCATED; i < BPROF_NR_WALK_STATUS; i++)
		if (a->by_status[i] > 0)
			sentence_add(&s, "%s%llu %s (%s)", separator(&s, ", "),
				     (count_t)a->by_status[i], reasons[i].name,
				     reasons[i].sentence);
	sentence_end(&s, r, "incomplete", STYLE_NONE);
}

/* Of a clock nearly every sample that is due is taken, on a busy machine as well. */
#define DUE_SHARE 0.9
#define DUE_LEAST 100 /* fewer are too few to tell */

static void add_never_taken(struct sentence *s, const struct profile *p)
{
	uint64_t due = samples_due(p), taken = p->accounts.taken;

	if (due == PROFILE_UNKNOWN || due < DUE_LEAST || (double)taken >= DUE_SHARE * (double)due)
		return;
	sentence_add(s,
		     "%sof %llu samples that were due the kernel took only %llu (it limits them by "
		     "kernel.perf_event_max_sample_rate and perf_cpu_time_max_percent)",
		     separator(s, "; "), (count_t)due, (count_t)taken);
}

/* Counters of which every one is a loss. */
static void note_losses(struct report *r)
{
	static const enum bprof_counter losses[] = {
		BPROF_COUNTER_LOST_SAMPLES,  BPROF_COUNTER_LOST_MARKS,
		BPROF_COUNTER_LOST_RECORDS,  BPROF_COUNTER_LOST_PROCESSES,
		BPROF_COUNTER_UNSEEN_SLICES, BPROF_COUNTER_UNPROVED_VM,
		BPROF_COUNTER_MALFORMED,
	};
	static const char *const sentences[BPROF_NR_COUNTERS] = {
#define BPROF_X(name, key, sentence) [BPROF_COUNTER_##name] = (sentence),
		BPROF_COUNTER_LIST(BPROF_X)
#undef BPROF_X
	};
	const struct profile *p = r->profile;
	struct sentence s;
	bool any;

	sentence_init(&s, r);
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		if (p->counters[losses[i]] > 0)
			sentence_add(&s, "%s%s: %llu", separator(&s, "; "), sentences[losses[i]],
				     (count_t)p->counters[losses[i]]);
	if (p->check.gaps > 0)
		sentence_add(&s, "%sgaps between test boundaries: %llu", separator(&s, "; "),
			     (count_t)p->check.gaps);
	add_never_taken(&s, p);
	any = s.text.len > 0;
	if (!any)
		sentence_add(&s, "nothing");
	sentence_end(&s, r, "lost", any ? STYLE_WARN : STYLE_NONE);
}

static void note_check(struct report *r)
{
	const struct boundary_check *c = &r->profile->check;
	struct sentence s;

	if (!c->hook_seen && !c->stack_seen)
		return;
	sentence_init(&s, r);
	if (c->hook_seen && c->stack_seen) {
		sentence_add(&s, "hook and stack agree on %llu samples, differ on %llu",
			     (count_t)c->agree, (count_t)c->disagree);
		if (c->transit > 0)
			sentence_add(&s, "; %llu fell on a boundary", (count_t)c->transit);
	} else {
		sentence_add(&s, c->hook_seen ? "told by the hook alone"
					      : "read from the stacks alone: no exact times");
	}
	sentence_end(&s, r, "boundaries", c->disagree > 0 ? STYLE_WARN : STYLE_NONE);
}

static void note_skipped(struct report *r)
{
	struct sentence s;

	if (r->profile->nr_skipped_files == 0)
		return;
	sentence_init(&s, r);
	sentence_add(&s, "%zu spec file%s left out by --skip-file", r->profile->nr_skipped_files,
		     r->profile->nr_skipped_files == 1 ? " was" : "s were");
	sentence_end(&s, r, "skipped", STYLE_NONE);
}

/* Tests that took as many VM instructions in both runs, and those that did not. */
static void note_repeated(struct report *r)
{
	const struct profile *p = r->profile;
	size_t nr[VM_REPEAT_DIFFERS + 1] = {0}, nr_named = 0;
	struct sentence s;

	if (!p->vm_counted_twice)
		return;
	for (size_t i = 0; i < p->nr_tests; i++)
		nr[p->tests[i].vm_repeat]++;
	sentence_init(&s, r);
	sentence_add(&s, "the VM instructions of %zu tests are the same in two runs",
		     nr[VM_REPEAT_SAME]);
	if (nr[VM_REPEAT_UNKNOWN] > 0)
		sentence_add(&s, "; %zu were not counted in both", nr[VM_REPEAT_UNKNOWN]);
	if (nr[VM_REPEAT_DIFFERS] > 0)
		sentence_add(&s, "; not deterministic: ");
	for (size_t i = 0; i < p->nr_tests && nr_named < MAX_NAMED; i++) {
		if (p->tests[i].vm_repeat != VM_REPEAT_DIFFERS)
			continue;
		sentence_add(&s, "%s", nr_named++ ? ", " : "");
		writer_fail(s.writer, text_add_short(&s.text, p->tests[i].full_name, NAME_ROOM));
	}
	if (nr[VM_REPEAT_DIFFERS] > nr_named)
		sentence_add(&s, " and %zu more", nr[VM_REPEAT_DIFFERS] - nr_named);
	sentence_end(&s, r, "repeated", STYLE_NONE);
}

/* What was counted of the whole run. A recording without meters has nothing to say. */
static void note_counted(struct report *r)
{
	const struct profile *p = r->profile;
	uint64_t ipc = meters_ipc_thousandths(p, &p->meters);
	uint64_t missed = meter_of(p, &p->meters, BPROF_METER_UNCOUNTED);
	struct sentence s;

	if (!p->metered)
		return;
	sentence_init(&s, r);
	if (p->metered >> BPROF_METER_CYCLES_USER & 1)
		sentence_add(&s, "%llu cycles and %llu instructions in user mode (IPC %s); ",
			     (count_t)p->meters.value[BPROF_METER_CYCLES_USER],
			     (count_t)p->meters.value[BPROF_METER_INSTRUCTIONS_USER],
			     ipc == PROFILE_UNKNOWN ? "-" : number_thousandths(ipc).text);
	if (missed != PROFILE_UNKNOWN && missed > 0)
		sentence_add(&s, "%llu time slices without a count; ", (count_t)missed);
	sentence_add(&s, "%llu context switches, %llu page faults, %llu migrations",
		     (count_t)meters_switches(p, &p->meters),
		     (count_t)meters_page_faults(p, &p->meters),
		     (count_t)meter_of(p, &p->meters, BPROF_METER_MIGRATIONS));
	if (p->hardware_missing && *p->hardware_missing)
		sentence_add(&s, "; %s", p->hardware_missing);
	sentence_end(&s, r, "counted", STYLE_NONE);
}

static bool is_some(uint64_t n)
{
	return n > 0 && n != PROFILE_UNKNOWN;
}

/* A machine that gave less than it seemed to. */
static void note_disturbance(struct report *r)
{
	const struct profile *p = r->profile;
	const struct disturbance *d = &p->disturbance;
	count_t tests = 0;
	struct sentence s;

	for (size_t i = 0; i < p->nr_tests; i++)
		tests += costs_disturbed(p, &p->tests[i].body);
	sentence_init(&s, r);
	if (tests)
		sentence_add(&s, "%llu of %zu tests: others took 5 %% or more of what they needed",
			     tests, p->nr_tests);
	if (is_some(d->throttled_ns))
		sentence_add(&s, "%sheld back by the quota of its control group: %s",
			     separator(&s, "; "), number_duration(d->throttled_ns).text);
	if (is_some(d->heat_events))
		sentence_add(&s, "%sprocessors slowed down for heat: %llu times",
			     separator(&s, "; "), (count_t)d->heat_events);
	sentence_end(&s, r, "disturbed", STYLE_WARN);
}

/* What the boundaries themselves cost is in no span. */
static void note_overhead(struct report *r)
{
	const struct profile *p = r->profile;
	struct sentence s;

	if (!p->overhead.boundaries)
		return;
	sentence_init(&s, r);
	sentence_add(&s,
		     "%s of CPU time for each of %llu boundaries, as measured before the run: "
		     "%s in all",
		     number_duration(p->boundary.cpu_ns).text, (count_t)p->overhead.boundaries,
		     number_duration(p->overhead.cpu_ns).text);
	sentence_end(&s, r, "taken off", STYLE_NONE);
}

/* ---- warnings and the hint ----------------------------------------------------------------- */

static bool adds_up(const struct sample_accounts *a)
{
	return a->taken == a->in_tests + a->outside_tests + a->lost + a->unresolved;
}

static void note_warnings(struct report *r)
{
	const struct profile *p = r->profile;
	const struct {
		bool applies;
		const char *text;
	} warnings[] = {
		{!p->complete, "the recording ends in the middle: figures up to there"},
		{p->check.hook_seen && p->suite.seen && !p->suite.ended,
		 "the suite never said that it ended: its last test may be cut off"},
		{p->nr_runtimes == 0 && !p->unsampled, "no Lua VM was seen in this run"},
		{p->accounts.taken == 0 && !p->unsampled,
		 "no samples: the run used less CPU time than one sampling period"},
		{p->check.disagree > 0, "hook and stack disagree on where samples belong"},
		{!adds_up(&p->accounts), "the accounts of samples do not add up"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(warnings); i++)
		if (warnings[i].applies)
			report_note(r, "warning", STYLE_WARN, warnings[i].text);
}

static void note_hint(struct report *r)
{
	const char *dir = r->opts->output_dir;
	struct sentence s;

	if (!dir)
		return;
	sentence_init(&s, r);
	sentence_add(&s, "%s/flamegraph.json in ui.perfetto.dev, tracing.folded in speedscope.app",
		     dir);
	sentence_end(&s, r, "open", STYLE_NONE);
}

void report_notes(struct report *r)
{
	writer_add(r->writer, "\n", 1);
	report_jit_advice(r);
	note_event(r);
	note_reasons(r);
	note_losses(r);
	note_check(r);
	note_counted(r);
	note_skipped(r);
	note_repeated(r);
	note_overhead(r);
	note_disturbance(r);
	note_warnings(r);
	note_hint(r);
}
