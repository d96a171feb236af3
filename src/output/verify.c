/* SPDX-License-Identifier: MIT */
/*
 * report --verify: how sure the stacks of a recording are. For every build of a VM: the samples by
 * confidence, what the walker says of them, and by which rule it found the innermost frame; then
 * what the recording as a whole lacks.
 */
#include <stdio.h>

#include "base.h"
#include "json_writer.h"
#include "number.h"
#include "report.h"
#include "rows.h"

#define SCHEMA "bprof-perf/verify/1"

struct reason {
	const char *key, *sentence;
};

static const struct reason confidences[NR_CONFIDENCES] = {
#define BPROF_X(name, key, sentence) [CONFIDENCE_##name] = {(key), (sentence)},
	CONFIDENCE_LIST(BPROF_X)
#undef BPROF_X
};

static const struct reason statuses[BPROF_NR_WALK_STATUS] = {
#define BPROF_X(name, key, sentence) [BPROF_WALK_##name] = {(key), (sentence)},
	BPROF_WALK_STATUS_LIST(BPROF_X)
#undef BPROF_X
};

static const struct reason gc_states[BPROF_NR_GC_STATES] = {
	[BPROF_GC_UNPROVED] = {"unproved", "the functions of this build's collector are not known"},
	[BPROF_GC_OUTSIDE] = {"outside", "the collector did not run"},
	[BPROF_GC_INSIDE] = {"inside", "the collector ran"},
	[BPROF_GC_ASKED] = {"unanswered", "the native stack was copied, its record is missing"},
	[BPROF_GC_UNREAD] = {"unread", "the native stack could not be read far enough"},
	[BPROF_GC_CUT] = {"cut", "the native stack is deeper than the copy of it"},
	[BPROF_GC_NO_UNWIND] = {"no_unwind", "a native frame has no unwind data"},
};

static const struct reason marks[NR_FRAME_MARKS] = {
#define BPROF_X(name, key, sentence) [FRAME_MARK_##name] = {(key), (sentence)},
	FRAME_MARK_LIST(BPROF_X)
#undef BPROF_X
};

static const struct reason leaf_rules[VERIFICATION_LEAF_RULES] = {
#define BPROF_X(name, number, key, sentence) [(number)] = {(key), (sentence)},
	WALK_LEAF_LIST(BPROF_X)
#undef BPROF_X
};

static const struct reason counters[BPROF_NR_COUNTERS] = {
#define BPROF_X(name, key, sentence) [BPROF_COUNTER_##name] = {(key), (sentence)},
	BPROF_COUNTER_LIST(BPROF_X)
#undef BPROF_X
};

static const enum bprof_counter losses[] = {
	BPROF_COUNTER_LOST_SAMPLES,   BPROF_COUNTER_LOST_MARKS,	   BPROF_COUNTER_LOST_RECORDS,
	BPROF_COUNTER_LOST_PROCESSES, BPROF_COUNTER_UNSEEN_SLICES, BPROF_COUNTER_UNPROVED_VM,
	BPROF_COUNTER_MALFORMED,
};

static const struct reason spans_cut = {"spans_cut",
					"more frames of busted.safe than a sample holds"};
static const struct reason leaf_skipped = {
	"puc_skipped", "PUC: beside its rule, a call on its way in or out was left out"};
static const struct reason other_rule = {"other", "a rule that this version does not know"};

static const char *name_of(const struct verification *v)
{
	if (!v->kind)
		return "no Lua VM in the process";
	return v->version && *v->version ? v->version : v->kind;
}

/* ---- for people ---------------------------------------------------------------------------- */

static const struct column columns[] = {
	{.title = "count", .right = true},
	{.title = "share", .right = true},
	{.title = "", .cut = TEXT_CUT_END},
	{.title = "meaning", .cut = TEXT_CUT_END},
};

static void add_row(struct table *t, uint64_t count, uint64_t whole, const struct reason *reason,
		    enum style style)
{
	if (count == 0)
		return;
	table_add(t, number_count(count).text);
	table_add(t, number_share(count, whole).text);
	table_add_styled(t, reason->key, style);
	table_add(t, reason->sentence);
}

static void print_rows(struct report *r, struct table *t, const char *title)
{
	if (t->nr_cells > 0) {
		report_title(r, "%s", title);
		report_table(r, t);
	} else {
		table_done(t);
	}
}

static void print_confidence(struct report *r, const struct verification *v)
{
	char title[128];
	struct table t;

	snprintf(title, sizeof(title), "%.80s: %llu samples by confidence", name_of(v),
		 (unsigned long long)v->samples);
	table_init(&t, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < NR_CONFIDENCES; i++)
		add_row(&t, v->by_confidence[i], v->samples, &confidences[i],
			i >= CONFIDENCE_TRUNCATED && i <= CONFIDENCE_INCOMPLETE ? STYLE_WARN
										: STYLE_NONE);
	print_rows(r, &t, title);
}

static void print_reasons(struct report *r, const struct verification *v)
{
	char title[128];
	struct table t;

	table_init(&t, columns, ARRAY_SIZE(columns));
	for (size_t i = BPROF_WALK_OK + 1; i < BPROF_NR_WALK_STATUS; i++)
		add_row(&t, v->by_status[i], v->samples, &statuses[i], STYLE_NONE);
	add_row(&t, v->spans_cut, v->samples, &spans_cut, STYLE_NONE);
	print_rows(r, &t, "reasons, by samples");
	table_init(&t, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < BPROF_NR_GC_STATES; i++)
		add_row(&t, v->by_gc[i], v->samples, &gc_states[i], STYLE_NONE);
	print_rows(r, &t, "did the collector run? by samples");
	table_init(&t, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < NR_FRAME_MARKS; i++)
		add_row(&t, v->by_mark[i], v->frames, &marks[i], STYLE_NONE);
	snprintf(title, sizeof(title), "marks, by frames (of %llu)", (unsigned long long)v->frames);
	print_rows(r, &t, title);
}

static void print_leaf_rules(struct report *r, const struct verification *v)
{
	struct table t;

	table_init(&t, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < VERIFICATION_LEAF_RULES; i++)
		add_row(&t, v->by_leaf[i], v->samples,
			leaf_rules[i].key ? &leaf_rules[i] : &other_rule, STYLE_NONE);
	add_row(&t, v->leaf_skipped, v->samples, &leaf_skipped, STYLE_NONE);
	print_rows(r, &t, "how the innermost frame was found, by samples");
}

static void print_recording(struct report *r)
{
	const struct profile *p = r->profile;
	struct table t;
	char text[160];

	report_title(r, "the recording");
	snprintf(text, sizeof(text), "%llu taken, %llu lost on the way",
		 (unsigned long long)p->accounts.taken, (unsigned long long)p->accounts.lost);
	report_note(r, "samples", p->accounts.lost > 0 ? STYLE_WARN : STYLE_NONE, text);
	report_note(r, "complete", p->complete ? STYLE_NONE : STYLE_BAD,
		    p->complete ? "yes" : "no: it breaks off, counts go up to there");
	table_init(&t, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		add_row(&t, p->counters[losses[i]], 0, &counters[losses[i]], STYLE_WARN);
	if (t.nr_cells == 0)
		report_note(r, "losses", STYLE_NONE, "none");
	print_rows(r, &t, "losses");
}

static int write_verify(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct report report;
	struct writer w;

	writer_init(&w, out);
	report_init(&report, p, o, &w);
	report_note(&report, "verify", STYLE_NONE,
		    "how sure the Lua stacks are, and every reason of doubt");
	for (size_t i = 0; i < p->nr_verifications; i++) {
		const struct verification *v = &p->verifications[i];

		print_confidence(&report, v);
		if (!v->kind)
			continue;
		print_reasons(&report, v);
		print_leaf_rules(&report, v);
	}
	print_recording(&report);
	return writer_finish(&w);
}

const struct output_ops output_verify = {
	.name = "verify",
	.summary = "how sure the stacks are, and every reason of doubt",
	.kind = OUTPUT_REPORT,
	.write = write_verify,
};

/* ---- for programs -------------------------------------------------------------------------- */

/* All of them, also those that are 0. */
static void write_all(struct json *j, const char *key, const struct reason *reasons,
		      const uint64_t *counts, size_t nr)
{
	json_open_map(j, key);
	for (size_t i = 0; i < nr; i++)
		json_uint(j, reasons[i].key, counts[i]);
	json_close_map(j);
}

static void write_leaf_rules(struct json *j, const struct verification *v)
{
	uint64_t others = 0;

	json_open_map(j, "leaf_rules");
	for (size_t i = 0; i < VERIFICATION_LEAF_RULES; i++)
		if (leaf_rules[i].key)
			json_uint(j, leaf_rules[i].key, v->by_leaf[i]);
		else
			others += v->by_leaf[i];
	json_uint(j, leaf_skipped.key, v->leaf_skipped);
	json_uint(j, other_rule.key, others);
	json_close_map(j);
}

static void write_runtime(struct json *j, const struct verification *v)
{
	json_open_map(j, NULL);
	json_text(j, "kind", v->kind);
	json_text(j, "version", v->version);
	json_uint(j, "samples", v->samples);
	write_all(j, "confidence", confidences, v->by_confidence, NR_CONFIDENCES);
	write_all(j, "statuses", statuses, v->by_status, BPROF_NR_WALK_STATUS);
	json_uint(j, spans_cut.key, v->spans_cut);
	write_all(j, "collector", gc_states, v->by_gc, BPROF_NR_GC_STATES);
	json_uint(j, "frames", v->frames);
	write_all(j, "marks", marks, v->by_mark, NR_FRAME_MARKS);
	write_leaf_rules(j, v);
	json_close_map(j);
}

static int write_verify_json(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct writer w;
	struct json j;

	(void)o;
	writer_init(&w, out);
	json_init(&j, &w, JSON_INDENTED);
	json_open_map(&j, NULL);
	json_text(&j, "schema", SCHEMA);
	json_bool(&j, "complete", p->complete);
	json_uint(&j, "taken", p->accounts.taken);
	json_uint(&j, "lost", p->accounts.lost);
	json_open_map(&j, "losses");
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		json_uint(&j, counters[losses[i]].key, p->counters[losses[i]]);
	json_close_map(&j);
	json_open_array(&j, "runtimes");
	for (size_t i = 0; i < p->nr_verifications; i++)
		write_runtime(&j, &p->verifications[i]);
	json_close_array(&j);
	json_close_map(&j);
	json_done(&j);
	return writer_finish(&w);
}

const struct output_ops output_verify_json = {
	.name = "verify-json",
	.summary = "the same for programs",
	.kind = OUTPUT_REPORT,
	.write = write_verify_json,
};
