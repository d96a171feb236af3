/* SPDX-License-Identifier: MIT */
/* The tables of comparison.json, and the sums that must agree. */
#include "comparison_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json_strict.h"

#define SCHEMA "bprof-perf/comparison/1"

struct comparison_file {
	struct comparison comparison; /* first: the address of both */
	yajl_val tree;
};

static int read_schema(struct strict_reader *r, yajl_val value, void *into)
{
	const char *text = YAJL_GET_STRING(value);

	(void)into;
	return text && strcmp(text, SCHEMA) == 0
		       ? 0
		       : strict_refuse(r,
				       "its schema is not " SCHEMA
				       " (remedy: the same version of bprof-perf on both sides)");
}

#define READ_NAME(function, type, nr, name)                                                        \
	static int function(struct strict_reader *r, yajl_val value, void *into)                   \
	{                                                                                          \
		const char *text = YAJL_GET_STRING(value);                                         \
                                                                                                   \
		(void)r;                                                                           \
		for (int i = 0; text && i < (nr); i++)                                             \
			if (strcmp(name((type)i), text) == 0) {                                    \
				*(type *)into = (type)i;                                           \
				return 0;                                                          \
			}                                                                          \
		return -EBADMSG;                                                                   \
	}
READ_NAME(read_metric, enum metric, NR_METRICS, metric_name)
READ_NAME(read_rung, enum rung, NR_RUNGS, rung_name)
READ_NAME(read_verdict, enum verdict, NR_VERDICTS, verdict_name)
READ_NAME(read_kind, enum element_kind, NR_ELEMENT_KINDS, element_kind_name)

/* ---- tests --------------------------------------------------------------------------------- */

#define TEST_FIELDS(at)                                                                            \
	{"id", strict_text, (at) + offsetof(struct compared_test, id)},                            \
		{"name", strict_text, (at) + offsetof(struct compared_test, name)},                \
		{"file", strict_text, (at) + offsetof(struct compared_test, file)},                \
		{"source", strict_text, (at) + offsetof(struct compared_test, source)},            \
	{                                                                                          \
		"line", strict_line, (at) + offsetof(struct compared_test, line)                   \
	}

static const struct strict_field test_fields[] = {TEST_FIELDS(0)};

static int read_test(struct strict_reader *r, yajl_val value, void *into)
{
	return strict_map(r, value, test_fields, ARRAY_SIZE(test_fields), into);
}

static int read_from(struct strict_reader *r, yajl_val value, void *into)
{
	return strict_inner(r, "from", value, test_fields, ARRAY_SIZE(test_fields), into);
}

static int read_to(struct strict_reader *r, yajl_val value, void *into)
{
	return strict_inner(r, "to", value, test_fields, ARRAY_SIZE(test_fields), into);
}

static int read_renamed(struct strict_reader *r, yajl_val value, void *into)
{
	static const struct strict_field fields[] = {
		{"from", read_from, offsetof(struct renamed_test, from)},
		{"to", read_to, offsetof(struct renamed_test, to)},
	};

	return strict_map(r, value, fields, ARRAY_SIZE(fields), into);
}

static int read_left_out(struct strict_reader *r, yajl_val value, void *into)
{
	static const struct strict_field fields[] = {
		TEST_FIELDS(offsetof(struct left_out_test, test)),
		{"reason", strict_text, offsetof(struct left_out_test, reason)},
	};

	return strict_map(r, value, fields, ARRAY_SIZE(fields), into);
}

/* ---- elements ------------------------------------------------------------------------------ */

static int read_counted(struct strict_reader *r, yajl_val value, void *into)
{
	static const struct strict_field fields[] = {
		{"metric", strict_known, 0},
		{"rung", strict_known, 0},
		{"verdict", read_verdict, offsetof(struct counted_change, verdict)},
		{"fails", strict_bool, offsetof(struct counted_change, fails)},
		{"base", strict_real, offsetof(struct counted_change, base)},
		{"head", strict_real, offsetof(struct counted_change, head)},
		{"ratio", strict_real_or_null, offsetof(struct counted_change, ratio)},
	};
	struct counted_change *counted = into;

	if (YAJL_IS_NULL(value))
		return 0;
	counted->known = true;
	return strict_inner(r, "counted", value, fields, ARRAY_SIZE(fields), into);
}

#define OF_ELEMENT(name) offsetof(struct element, name)
#define VALUE_FIELDS                                                                               \
	{"kind", read_kind, OF_ELEMENT(kind)}, {"verdict", read_verdict, OF_ELEMENT(verdict)},     \
		{"fails", strict_bool, OF_ELEMENT(fails)},                                         \
		{"disturbed", strict_bool, OF_ELEMENT(disturbed)},                                 \
		{"base_values", strict_count, OF_ELEMENT(nr_base)},                                \
		{"head_values", strict_count, OF_ELEMENT(nr_head)},                                \
		{"base", strict_real_or_null, OF_ELEMENT(base)},                                   \
		{"head", strict_real_or_null, OF_ELEMENT(head)},                                   \
		{"ratio", strict_real_or_null, OF_ELEMENT(ratio)},                                 \
		{"low", strict_real_or_null, OF_ELEMENT(low)},                                     \
		{"high", strict_real_or_null, OF_ELEMENT(high)},                                   \
		{"confidence", strict_real_or_null, OF_ELEMENT(confidence)},                       \
		{"p_slower", strict_real_or_null, OF_ELEMENT(p_slower)},                           \
	{                                                                                          \
		"p_faster", strict_real_or_null, OF_ELEMENT(p_faster)                              \
	}

static const struct strict_field suite_fields[] = {VALUE_FIELDS};
static const struct strict_field file_fields[] = {
	VALUE_FIELDS,
	{"file", strict_text, OF_ELEMENT(test.file)},
};
static const struct strict_field counted_fields[] = {
	VALUE_FIELDS,
	TEST_FIELDS(OF_ELEMENT(test)),
	{"counted", read_counted, OF_ELEMENT(counted)},
};
/* "counted" is null then. */
static const struct strict_field uncounted_fields[] = {
	VALUE_FIELDS,
	TEST_FIELDS(OF_ELEMENT(test)),
	{"counted", read_counted, OF_ELEMENT(counted)},
	{"why_not_counted", strict_text_or_null, OF_ELEMENT(counted.why_not)},
};

static const struct {
	const struct strict_field *fields;
	size_t nr;
} element_maps[NR_ELEMENT_KINDS] = {
	[ELEMENT_SUITE] = {suite_fields, ARRAY_SIZE(suite_fields)},
	[ELEMENT_FILE] = {file_fields, ARRAY_SIZE(file_fields)},
	[ELEMENT_TEST] = {counted_fields, ARRAY_SIZE(counted_fields)},
};

static int read_element(struct strict_reader *r, yajl_val value, void *into)
{
	struct element *e = into;

	*e = (struct element){.test = {"", "", "", "", 0}};
	if (!YAJL_IS_OBJECT(value) || read_kind(r, strict_member(value, "kind"), &e->kind) < 0)
		return strict_refuse(r, "it is no suite, file or test");
	if (e->kind == ELEMENT_TEST && YAJL_IS_NULL(strict_member(value, "counted")))
		return strict_map(r, value, uncounted_fields, ARRAY_SIZE(uncounted_fields), e);
	return strict_map(r, value, element_maps[e->kind].fields, element_maps[e->kind].nr, e);
}

/* ---- lists --------------------------------------------------------------------------------- */

#define READ_LIST(function, member, read)                                                          \
	static int function(struct strict_reader *r, yajl_val value, void *into)                   \
	{                                                                                          \
		struct comparison *c = into;                                                       \
		void *list = NULL;                                                                 \
		int error = strict_list(r, #member, value, sizeof(*c->member), read, &list,        \
					&c->nr_##member);                                          \
                                                                                                   \
		c->member = list;                                                                  \
		return error;                                                                      \
	}
READ_LIST(read_elements, elements, read_element)
READ_LIST(read_added, added, read_test)
READ_LIST(read_removed, removed, read_test)
READ_LIST(read_renames, renamed, read_renamed)
READ_LIST(read_tests_left_out, left_out, read_left_out)
READ_LIST(read_notes, notes, strict_text)

/* ---- the whole ----------------------------------------------------------------------------- */

static int read_side(struct strict_reader *r, yajl_val value, enum side side, void *into)
{
	static const char *const names[NR_SIDES] = {"base", "head"};
	const struct strict_field fields[] = {
		{"name", strict_text, offsetof(struct comparison, names[side])},
		{"runs", strict_count, offsetof(struct comparison, nr_runs[side])},
	};

	return strict_inner(r, names[side], value, fields, ARRAY_SIZE(fields), into);
}

static int read_base(struct strict_reader *r, yajl_val value, void *into)
{
	return read_side(r, value, SIDE_BASE, into);
}

static int read_head(struct strict_reader *r, yajl_val value, void *into)
{
	return read_side(r, value, SIDE_HEAD, into);
}

static int read_rule(struct strict_reader *r, yajl_val value, void *into)
{
	static const struct strict_field fields[] = {
		{"warn_at", strict_real, offsetof(struct comparison, warn_at)},
		{"fail_at", strict_real, offsetof(struct comparison, fail_at)},
		{"floor", strict_real, offsetof(struct comparison, floor)},
		{"floor_vm", strict_real, offsetof(struct comparison, floor_vm)},
	};

	return strict_inner(r, "rule", value, fields, ARRAY_SIZE(fields), into);
}

static int read_verdict_counts(struct strict_reader *r, yajl_val value, void *into)
{
	struct strict_field fields[NR_VERDICTS];

	for (size_t v = 0; v < NR_VERDICTS; v++)
		fields[v] = (struct strict_field){verdict_name((enum verdict)v), strict_count,
						  v * sizeof(size_t)};
	return strict_map(r, value, fields, NR_VERDICTS, into);
}

static int read_counts(struct strict_reader *r, yajl_val value, void *into)
{
	struct strict_field fields[NR_ELEMENT_KINDS];

	for (size_t kind = 0; kind < NR_ELEMENT_KINDS; kind++)
		fields[kind] = (struct strict_field){
			element_kind_name((enum element_kind)kind), read_verdict_counts,
			offsetof(struct comparison, nr_by_verdict) +
				kind * sizeof(((struct comparison *)NULL)->nr_by_verdict[0])};
	return strict_inner(r, "counts", value, fields, NR_ELEMENT_KINDS, into);
}

#define OF(name) offsetof(struct comparison, name)
static const struct strict_field fields_of_all[] = {
	{"schema", read_schema, 0},
	{"base", read_base, 0},
	{"head", read_head, 0},
	{"pairs", strict_count, OF(nr_pairs)},
	{"whole_pairs", strict_count, OF(nr_whole_pairs)},
	{"metric", read_metric, OF(metric)},
	{"unit", strict_known, 0},
	{"rung", read_rung, OF(rung)},
	{"why_trend", strict_text_or_null, OF(why_trend)},
	{"why_not_counted", strict_text_or_null, OF(why_not_counted)},
	{"rule", read_rule, 0},
	{"gate_fails", strict_bool, OF(gate_fails)},
	{"counts", read_counts, 0},
	{"elements", read_elements, 0},
	{"added", read_added, 0},
	{"removed", read_removed, 0},
	{"renamed", read_renames, 0},
	{"left_out", read_tests_left_out, 0},
	{"notes", read_notes, 0},
};

/* What is said twice must agree: else one of both lies. */
static int check_sums(struct strict_reader *r, struct comparison *c, yajl_val tree)
{
	size_t nr[NR_ELEMENT_KINDS][NR_VERDICTS] = {0};
	const char *unit;
	bool fails = false;

	for (size_t i = 0; i < c->nr_elements; i++) {
		const struct element *e = &c->elements[i];

		if (e->kind == ELEMENT_SUITE && i > 0)
			return strict_refuse(
				r, "there is more than one suite, or it is not the first");
		if (i > 0 && e->kind < c->elements[i - 1].kind)
			return strict_refuse(r, "files and tests are mixed");
		nr[e->kind][e->verdict]++;
		c->nr_failing += e->fails;
		c->nr_counted += e->counted.known;
		fails |= element_fails(e);
	}
	if (memcmp(nr, c->nr_by_verdict, sizeof(nr)) != 0)
		return strict_refuse(r, "counts are not those of the elements");
	if (c->gate_fails && !fails)
		return strict_refuse(r, "the gate fails, and no element does");
	unit = YAJL_GET_STRING(strict_member(tree, "unit"));
	if (!unit || strcmp(unit, metric_unit(c->metric)) != 0)
		return strict_refuse(r, "the unit is not that of the metric");
	return 0;
}

int comparison_parse(const char *text, size_t len, struct comparison **ret, struct buf *why)
{
	struct comparison_file *file = calloc(1, sizeof(*file));
	struct strict_reader r = {.what = "comparison", .why = why};
	int error;

	if (!file)
		return -ENOMEM;
	if (len > COMPARISON_MAX_BYTES)
		error = strict_refuse(&r, "it is larger than any comparison (16 MiB)");
	else
		error = strict_tree(&r, text, len, &file->tree);
	if (error == 0)
		error = strict_map(&r, file->tree, fields_of_all, ARRAY_SIZE(fields_of_all),
				   &file->comparison);
	if (error == 0)
		error = check_sums(&r, &file->comparison, file->tree);
	if (error < 0) {
		comparison_free(&file->comparison);
		return error;
	}
	*ret = &file->comparison;
	return 0;
}

void comparison_free(struct comparison *comparison)
{
	struct comparison_file *file = (struct comparison_file *)comparison;

	if (!file)
		return;
	free(comparison->elements);
	free(comparison->added);
	free(comparison->removed);
	free(comparison->renamed);
	free(comparison->left_out);
	free(comparison->notes);
	yajl_tree_free(file->tree);
	free(file);
}
