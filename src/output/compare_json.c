/* SPDX-License-Identifier: MIT */
/*
 * A comparison for programs, schema "bprof-perf/comparison/1"; docs/COMPARE.md explains the keys.
 * What is not known is null.
 */
#include <stdio.h>

#include "compare_words.h"
#include "json_writer.h"
#include "rows.h"

#define SCHEMA "bprof-perf/comparison/1"

/* Seven digits are more than any run can tell. */
static void write_real(struct json *j, const char *key, double value)
{
	struct number number;

	if (!isfinite(value)) {
		json_null(j, key);
		return;
	}
	snprintf(number.text, sizeof(number.text), "%.7g", value);
	json_number(j, key, number);
}

static void write_test_keys(struct json *j, const struct compared_test *t)
{
	json_text(j, "id", t->id);
	json_text(j, "name", t->name);
	json_text(j, "file", t->file);
	json_text(j, "source", t->source);
	if (t->line > 0)
		json_int(j, "line", t->line);
	else
		json_null(j, "line");
}

static void write_test(struct json *j, const char *key, const struct compared_test *t)
{
	json_open_map(j, key);
	write_test_keys(j, t);
	json_close_map(j);
}

static void write_names(struct json *j, const struct element *e)
{
	switch (e->kind) {
	case ELEMENT_TEST:
		write_test_keys(j, &e->test);
		break;
	case ELEMENT_FILE:
		json_text(j, "file", e->test.file);
		break;
	case ELEMENT_SUITE:
	case NR_ELEMENT_KINDS:
		break;
	}
}

static void write_counted(struct json *j, const struct counted_change *counted)
{
	if (!counted->known) {
		json_null(j, "counted");
		json_text(j, "why_not_counted", counted->why_not);
		return;
	}
	json_open_map(j, "counted");
	json_text(j, "metric", metric_name(METRIC_VM_INSTRUCTIONS));
	json_text(j, "rung", rung_name(RUNG_DETERMINISTIC));
	json_text(j, "verdict", verdict_name(counted->verdict));
	json_bool(j, "fails", counted->fails);
	json_uint(j, "base", (uint64_t)counted->base);
	json_uint(j, "head", (uint64_t)counted->head);
	write_real(j, "ratio", counted->ratio);
	json_close_map(j);
}

static void write_element(struct json *j, const struct element *e)
{
	json_open_map(j, NULL);
	json_text(j, "kind", element_kind_name(e->kind));
	write_names(j, e);
	json_text(j, "verdict", verdict_name(e->verdict));
	json_bool(j, "fails", e->fails);
	json_bool(j, "disturbed", e->disturbed);
	json_uint(j, "base_values", e->nr_base);
	json_uint(j, "head_values", e->nr_head);
	write_real(j, "base", e->base);
	write_real(j, "head", e->head);
	write_real(j, "ratio", e->ratio);
	write_real(j, "low", e->low);
	write_real(j, "high", e->high);
	write_real(j, "confidence", e->confidence);
	write_real(j, "p_slower", e->p_slower);
	write_real(j, "p_faster", e->p_faster);
	if (e->kind == ELEMENT_TEST)
		write_counted(j, &e->counted);
	json_close_map(j);
}

static void write_tests(struct json *j, const char *key, const struct compared_test *tests,
			size_t nr)
{
	json_open_array(j, key);
	for (size_t i = 0; i < nr; i++)
		write_test(j, NULL, &tests[i]);
	json_close_array(j);
}

static void write_rule(struct json *j, const struct comparison *c)
{
	json_open_map(j, "rule");
	write_real(j, "warn_at", c->warn_at);
	write_real(j, "fail_at", c->fail_at);
	write_real(j, "floor", c->floor);
	write_real(j, "floor_vm", c->floor_vm);
	json_close_map(j);
}

static void write_side(struct json *j, const char *key, const struct comparison *c, enum side side)
{
	json_open_map(j, key);
	json_text(j, "name", c->names[side]);
	json_uint(j, "runs", c->nr_runs[side]);
	json_close_map(j);
}

static void write_counts(struct json *j, const struct comparison *c)
{
	json_open_map(j, "counts");
	for (size_t kind = 0; kind < NR_ELEMENT_KINDS; kind++) {
		json_open_map(j, element_kind_name((enum element_kind)kind));
		for (size_t verdict = 0; verdict < NR_VERDICTS; verdict++)
			json_uint(j, verdict_name((enum verdict)verdict),
				  c->nr_by_verdict[kind][verdict]);
		json_close_map(j);
	}
	json_close_map(j);
}

static void write_lists(struct json *j, const struct comparison *c)
{
	write_tests(j, "added", c->added, c->nr_added);
	write_tests(j, "removed", c->removed, c->nr_removed);
	json_open_array(j, "renamed");
	for (size_t i = 0; i < c->nr_renamed; i++) {
		json_open_map(j, NULL);
		write_test(j, "from", &c->renamed[i].from);
		write_test(j, "to", &c->renamed[i].to);
		json_close_map(j);
	}
	json_close_array(j);
	json_open_array(j, "left_out");
	for (size_t i = 0; i < c->nr_left_out; i++) {
		json_open_map(j, NULL);
		write_test_keys(j, &c->left_out[i].test);
		json_text(j, "reason", c->left_out[i].reason);
		json_close_map(j);
	}
	json_close_array(j);
}

static int write_json(const struct comparison *c, const struct output_opts *o, FILE *out)
{
	struct writer w;
	struct json j;

	(void)o;
	writer_init(&w, out);
	json_init(&j, &w, JSON_INDENTED);
	json_open_map(&j, NULL);
	json_text(&j, "schema", SCHEMA);
	write_side(&j, "base", c, SIDE_BASE);
	write_side(&j, "head", c, SIDE_HEAD);
	json_uint(&j, "pairs", c->nr_pairs);
	json_uint(&j, "whole_pairs", c->nr_whole_pairs);
	json_text(&j, "metric", metric_name(c->metric));
	json_text(&j, "unit", metric_unit(c->metric));
	json_text(&j, "rung", rung_name(c->rung));
	json_text(&j, "why_trend", c->why_trend);
	json_text(&j, "why_not_counted", c->why_not_counted);
	write_rule(&j, c);
	json_bool(&j, "gate_fails", c->gate_fails);
	write_counts(&j, c);
	json_open_array(&j, "elements");
	for (size_t i = 0; i < c->nr_elements; i++)
		write_element(&j, &c->elements[i]);
	json_close_array(&j);
	write_lists(&j, c);
	json_open_array(&j, "notes");
	for (size_t i = 0; i < c->nr_notes; i++)
		json_text(&j, NULL, c->notes[i]);
	json_close_array(&j);
	json_close_map(&j);
	json_done(&j);
	return writer_finish(&w);
}

const struct comparison_ops comparison_json = {
	.name = "json",
	.summary = "everything, for programs",
	.write = write_json,
};
