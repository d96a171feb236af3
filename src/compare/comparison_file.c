/* SPDX-License-Identifier: MIT */
/*
 * comparison.json, read strictly: for each map a table says which keys it has, what each must be
 * and where it goes.
 *
 * The text goes through json_stream() first, which bounds its depth and its number of values; only
 * then yajl makes a tree of it. Strings are those of the tree.
 */
#include "comparison_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "json_stream.h"

#define SCHEMA	    "bprof-perf/comparison/1"
#define MOST_VALUES 1000000
#define MOST_TEXT   ((size_t)64 << 10)
#define MOST_COUNT  1000000000
#define MOST_REAL   1e18
#define MAX_PLACE   64
#define MOST_FIELDS 32

struct comparison_file {
	struct comparison comparison; /* first: the address of both */
	yajl_val tree;
};

struct reader {
	struct comparison *comparison;
	struct buf *why;
	char place[MAX_PLACE]; /* of the open map: "elements[3]" */
	size_t nr_values;
};

/* @read puts the value at @into, which is @offset within what the map becomes. */
struct field {
	const char *key;
	int (*read)(struct reader *r, yajl_val value, void *into);
	size_t offset;
};

static int refuse(struct reader *r, const char *sentence)
{
	return buf_addf(r->why, "%s%s%s", r->place, *r->place ? ": " : "", sentence) < 0 ? -ENOMEM
											 : -EBADMSG;
}

/* ---- maps ---------------------------------------------------------------------------------- */

static int read_value(struct reader *r, const struct field *f, yajl_val value, void *into)
{
	int error = f->read(r, value, (char *)into + f->offset);

	if (error == -EBADMSG && r->why->len == 0)
		error = buf_addf(r->why, "%s%s%s is not what the schema says", r->place,
				 *r->place ? "." : "", f->key) < 0
				? -ENOMEM
				: -EBADMSG;
	return error;
}

/* As many keys as fields and each field among them: so there is no other, and none twice. */
static int read_map(struct reader *r, yajl_val map, const struct field *fields, size_t nr,
		    void *into)
{
	if (!YAJL_IS_OBJECT(map))
		return refuse(r, "it is no map");
	if (map->u.object.len != nr)
		return refuse(r, "it has keys too many or too few");
	for (size_t i = 0; i < nr; i++) {
		size_t at = 0;
		int error;

		while (at < nr && strcmp(map->u.object.keys[at], fields[i].key) != 0)
			at++;
		if (at == nr)
			return buf_addf(r->why, "%s%s%s is missing", r->place, *r->place ? "." : "",
					fields[i].key) < 0
				       ? -ENOMEM
				       : -EBADMSG;
		error = read_value(r, &fields[i], map->u.object.values[at], into);
		if (error < 0)
			return error;
	}
	return 0;
}

/* A map inside of another one: messages name it. */
static int read_inner(struct reader *r, const char *place, yajl_val map, const struct field *fields,
		      size_t nr, void *into)
{
	char outer[MAX_PLACE];
	int error;

	memcpy(outer, r->place, sizeof(outer));
	snprintf(r->place, sizeof(r->place), "%.40s%s%.20s", outer, *outer ? "." : "", place);
	error = read_map(r, map, fields, nr, into);
	memcpy(r->place, outer, sizeof(outer));
	return error;
}

/* ---- values -------------------------------------------------------------------------------- */

static int read_text(struct reader *r, yajl_val value, void *into)
{
	const char *text = YAJL_GET_STRING(value);

	(void)r;
	if (!text || strlen(text) > MOST_TEXT)
		return -EBADMSG;
	*(const char **)into = text;
	return 0;
}

static int read_text_or_null(struct reader *r, yajl_val value, void *into)
{
	return YAJL_IS_NULL(value) ? 0 : read_text(r, value, into);
}

static int read_schema(struct reader *r, yajl_val value, void *into)
{
	const char *text = YAJL_GET_STRING(value);

	(void)into;
	return text && strcmp(text, SCHEMA) == 0
		       ? 0
		       : refuse(r, "its schema is not " SCHEMA
				   " (remedy: the same version of bprof-perf on both sides)");
}

static int read_bool(struct reader *r, yajl_val value, void *into)
{
	(void)r;
	if (!YAJL_IS_TRUE(value) && !YAJL_IS_FALSE(value))
		return -EBADMSG;
	*(bool *)into = YAJL_IS_TRUE(value);
	return 0;
}

static int read_count(struct reader *r, yajl_val value, void *into)
{
	(void)r;
	if (!YAJL_IS_INTEGER(value) || YAJL_GET_INTEGER(value) < 0 ||
	    YAJL_GET_INTEGER(value) > MOST_COUNT)
		return -EBADMSG;
	*(size_t *)into = (size_t)YAJL_GET_INTEGER(value);
	return 0;
}

static int read_line(struct reader *r, yajl_val value, void *into)
{
	size_t line = 0;

	if (!YAJL_IS_NULL(value) && (read_count(r, value, &line) < 0 || line == 0))
		return -EBADMSG;
	*(int32_t *)into = (int32_t)line;
	return 0;
}

static int read_real(struct reader *r, yajl_val value, void *into)
{
	(void)r;
	if (!YAJL_IS_DOUBLE(value) || !(YAJL_GET_DOUBLE(value) >= 0) ||
	    YAJL_GET_DOUBLE(value) > MOST_REAL)
		return -EBADMSG;
	*(double *)into = YAJL_GET_DOUBLE(value);
	return 0;
}

static int read_real_or_null(struct reader *r, yajl_val value, void *into)
{
	*(double *)into = (double)NAN;
	return YAJL_IS_NULL(value) ? 0 : read_real(r, value, into);
}

#define READ_NAME(function, type, nr, name)                                                        \
	static int function(struct reader *r, yajl_val value, void *into)                          \
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

/* What other keys say already: that it is a text is enough to know here. */
static int read_known(struct reader *r, yajl_val value, void *into)
{
	(void)r;
	(void)into;
	return YAJL_IS_STRING(value) ? 0 : -EBADMSG;
}

/* ---- tests --------------------------------------------------------------------------------- */

#define TEST_FIELDS(at)                                                                            \
	{"id", read_text, (at) + offsetof(struct compared_test, id)},                              \
		{"name", read_text, (at) + offsetof(struct compared_test, name)},                  \
		{"file", read_text, (at) + offsetof(struct compared_test, file)},                  \
		{"source", read_text, (at) + offsetof(struct compared_test, source)},              \
	{                                                                                          \
		"line", read_line, (at) + offsetof(struct compared_test, line)                     \
	}

static const struct field test_fields[] = {TEST_FIELDS(0)};

static int read_test(struct reader *r, yajl_val value, void *into)
{
	return read_map(r, value, test_fields, ARRAY_SIZE(test_fields), into);
}

static int read_from(struct reader *r, yajl_val value, void *into)
{
	return read_inner(r, "from", value, test_fields, ARRAY_SIZE(test_fields), into);
}

static int read_to(struct reader *r, yajl_val value, void *into)
{
	return read_inner(r, "to", value, test_fields, ARRAY_SIZE(test_fields), into);
}

static int read_renamed(struct reader *r, yajl_val value, void *into)
{
	static const struct field fields[] = {
		{"from", read_from, offsetof(struct renamed_test, from)},
		{"to", read_to, offsetof(struct renamed_test, to)},
	};

	return read_map(r, value, fields, ARRAY_SIZE(fields), into);
}

static int read_left_out(struct reader *r, yajl_val value, void *into)
{
	static const struct field fields[] = {
		TEST_FIELDS(offsetof(struct left_out_test, test)),
		{"reason", read_text, offsetof(struct left_out_test, reason)},
	};

	return read_map(r, value, fields, ARRAY_SIZE(fields), into);
}

/* ---- elements ------------------------------------------------------------------------------ */

static int read_counted(struct reader *r, yajl_val value, void *into)
{
	static const struct field fields[] = {
		{"metric", read_known, 0},
		{"rung", read_known, 0},
		{"verdict", read_verdict, offsetof(struct counted_change, verdict)},
		{"fails", read_bool, offsetof(struct counted_change, fails)},
		{"base", read_real, offsetof(struct counted_change, base)},
		{"head", read_real, offsetof(struct counted_change, head)},
		{"ratio", read_real_or_null, offsetof(struct counted_change, ratio)},
	};
	struct counted_change *counted = into;

	if (YAJL_IS_NULL(value))
		return 0;
	counted->known = true;
	return read_inner(r, "counted", value, fields, ARRAY_SIZE(fields), into);
}

#define OF_ELEMENT(name) offsetof(struct element, name)
#define VALUE_FIELDS                                                                               \
	{"kind", read_kind, OF_ELEMENT(kind)}, {"verdict", read_verdict, OF_ELEMENT(verdict)},     \
		{"fails", read_bool, OF_ELEMENT(fails)},                                           \
		{"disturbed", read_bool, OF_ELEMENT(disturbed)},                                   \
		{"base_values", read_count, OF_ELEMENT(nr_base)},                                  \
		{"head_values", read_count, OF_ELEMENT(nr_head)},                                  \
		{"base", read_real_or_null, OF_ELEMENT(base)},                                     \
		{"head", read_real_or_null, OF_ELEMENT(head)},                                     \
		{"ratio", read_real_or_null, OF_ELEMENT(ratio)},                                   \
		{"low", read_real_or_null, OF_ELEMENT(low)},                                       \
		{"high", read_real_or_null, OF_ELEMENT(high)},                                     \
		{"confidence", read_real_or_null, OF_ELEMENT(confidence)},                         \
		{"p_slower", read_real_or_null, OF_ELEMENT(p_slower)},                             \
	{                                                                                          \
		"p_faster", read_real_or_null, OF_ELEMENT(p_faster)                                \
	}

static const struct field suite_fields[] = {VALUE_FIELDS};
static const struct field file_fields[] = {
	VALUE_FIELDS,
	{"file", read_text, OF_ELEMENT(test.file)},
};
static const struct field counted_fields[] = {
	VALUE_FIELDS,
	TEST_FIELDS(OF_ELEMENT(test)),
	{"counted", read_counted, OF_ELEMENT(counted)},
};
/* "counted" is null then. */
static const struct field uncounted_fields[] = {
	VALUE_FIELDS,
	TEST_FIELDS(OF_ELEMENT(test)),
	{"counted", read_counted, OF_ELEMENT(counted)},
	{"why_not_counted", read_text_or_null, OF_ELEMENT(counted.why_not)},
};
_Static_assert(ARRAY_SIZE(uncounted_fields) <= MOST_FIELDS, "a map is searched for each field");

static const struct {
	const struct field *fields;
	size_t nr;
} element_maps[NR_ELEMENT_KINDS] = {
	[ELEMENT_SUITE] = {suite_fields, ARRAY_SIZE(suite_fields)},
	[ELEMENT_FILE] = {file_fields, ARRAY_SIZE(file_fields)},
	[ELEMENT_TEST] = {counted_fields, ARRAY_SIZE(counted_fields)},
};

static yajl_val member(yajl_val map, const char *key)
{
	return yajl_tree_get(map, (const char *[]){key, NULL}, yajl_t_any);
}

static int read_element(struct reader *r, yajl_val value, void *into)
{
	struct element *e = into;

	*e = (struct element){.test = {"", "", "", "", 0}};
	if (!YAJL_IS_OBJECT(value) || read_kind(r, member(value, "kind"), &e->kind) < 0)
		return refuse(r, "it is no suite, file or test");
	if (e->kind == ELEMENT_TEST && YAJL_IS_NULL(member(value, "counted")))
		return read_map(r, value, uncounted_fields, ARRAY_SIZE(uncounted_fields), e);
	return read_map(r, value, element_maps[e->kind].fields, element_maps[e->kind].nr, e);
}

/* ---- lists --------------------------------------------------------------------------------- */

/* *ret: @nr of @size bytes each, read by @read; the list belongs to the comparison at once. */
static int read_list(struct reader *r, const char *name, yajl_val list, size_t size,
		     int (*read)(struct reader *r, yajl_val value, void *into), void **ret,
		     size_t *ret_nr)
{
	size_t nr = YAJL_IS_ARRAY(list) ? list->u.array.len : 0;
	char *items;

	if (!YAJL_IS_ARRAY(list))
		return -EBADMSG;
	items = calloc(nr + 1, size);
	if (!items)
		return -ENOMEM;
	*ret = items;
	*ret_nr = nr;
	for (size_t i = 0; i < nr; i++) {
		int error;

		snprintf(r->place, sizeof(r->place), "%s[%zu]", name, i);
		error = read(r, list->u.array.values[i], items + i * size);
		if (error == -EBADMSG && r->why->len == 0)
			return refuse(r, "it is not what the schema says");
		if (error < 0)
			return error;
	}
	*r->place = 0;
	return 0;
}

#define READ_LIST(function, member, read)                                                          \
	static int function(struct reader *r, yajl_val value, void *into)                          \
	{                                                                                          \
		struct comparison *c = into;                                                       \
		void *list = NULL;                                                                 \
		int error = read_list(r, #member, value, sizeof(*c->member), read, &list,          \
				      &c->nr_##member);                                            \
                                                                                                   \
		c->member = list;                                                                  \
		return error;                                                                      \
	}
READ_LIST(read_elements, elements, read_element)
READ_LIST(read_added, added, read_test)
READ_LIST(read_removed, removed, read_test)
READ_LIST(read_renames, renamed, read_renamed)
READ_LIST(read_tests_left_out, left_out, read_left_out)
READ_LIST(read_notes, notes, read_text)

/* ---- the whole ----------------------------------------------------------------------------- */

static int read_side(struct reader *r, yajl_val value, enum side side)
{
	static const char *const names[NR_SIDES] = {"base", "head"};
	const struct field fields[] = {
		{"name", read_text, offsetof(struct comparison, names[side])},
		{"runs", read_count, offsetof(struct comparison, nr_runs[side])},
	};

	return read_inner(r, names[side], value, fields, ARRAY_SIZE(fields), r->comparison);
}

static int read_base(struct reader *r, yajl_val value, void *into)
{
	(void)into;
	return read_side(r, value, SIDE_BASE);
}

static int read_head(struct reader *r, yajl_val value, void *into)
{
	(void)into;
	return read_side(r, value, SIDE_HEAD);
}

static int read_rule(struct reader *r, yajl_val value, void *into)
{
	static const struct field fields[] = {
		{"warn_at", read_real, offsetof(struct comparison, warn_at)},
		{"fail_at", read_real, offsetof(struct comparison, fail_at)},
		{"floor", read_real, offsetof(struct comparison, floor)},
		{"floor_vm", read_real, offsetof(struct comparison, floor_vm)},
	};

	return read_inner(r, "rule", value, fields, ARRAY_SIZE(fields), into);
}

static int read_verdict_counts(struct reader *r, yajl_val value, void *into)
{
	struct field fields[NR_VERDICTS];

	for (size_t v = 0; v < NR_VERDICTS; v++)
		fields[v] = (struct field){verdict_name((enum verdict)v), read_count,
					   v * sizeof(size_t)};
	return read_map(r, value, fields, NR_VERDICTS, into);
}

static int read_counts(struct reader *r, yajl_val value, void *into)
{
	struct field fields[NR_ELEMENT_KINDS];

	for (size_t kind = 0; kind < NR_ELEMENT_KINDS; kind++)
		fields[kind] = (struct field){
			element_kind_name((enum element_kind)kind), read_verdict_counts,
			offsetof(struct comparison, nr_by_verdict) +
				kind * sizeof(((struct comparison *)NULL)->nr_by_verdict[0])};
	return read_inner(r, "counts", value, fields, NR_ELEMENT_KINDS, into);
}

#define OF(name) offsetof(struct comparison, name)
static const struct field fields_of_all[] = {
	{"schema", read_schema, 0},
	{"base", read_base, 0},
	{"head", read_head, 0},
	{"pairs", read_count, OF(nr_pairs)},
	{"whole_pairs", read_count, OF(nr_whole_pairs)},
	{"metric", read_metric, OF(metric)},
	{"unit", read_known, 0},
	{"rung", read_rung, OF(rung)},
	{"why_trend", read_text_or_null, OF(why_trend)},
	{"why_not_counted", read_text_or_null, OF(why_not_counted)},
	{"rule", read_rule, 0},
	{"gate_fails", read_bool, OF(gate_fails)},
	{"counts", read_counts, 0},
	{"elements", read_elements, 0},
	{"added", read_added, 0},
	{"removed", read_removed, 0},
	{"renamed", read_renames, 0},
	{"left_out", read_tests_left_out, 0},
	{"notes", read_notes, 0},
};

/* What is said twice must agree: else one of both lies. */
static int check_sums(struct reader *r, yajl_val tree)
{
	struct comparison *c = r->comparison;
	size_t nr[NR_ELEMENT_KINDS][NR_VERDICTS] = {0};
	const char *unit;
	bool fails = false;

	for (size_t i = 0; i < c->nr_elements; i++) {
		const struct element *e = &c->elements[i];

		if (e->kind == ELEMENT_SUITE && i > 0)
			return refuse(r, "there is more than one suite, or it is not the first");
		if (i > 0 && e->kind < c->elements[i - 1].kind)
			return refuse(r, "files and tests are mixed");
		nr[e->kind][e->verdict]++;
		c->nr_failing += e->fails;
		c->nr_counted += e->counted.known;
		fails |= element_fails(e);
	}
	if (memcmp(nr, c->nr_by_verdict, sizeof(nr)) != 0)
		return refuse(r, "counts are not those of the elements");
	if (c->gate_fails && !fails)
		return refuse(r, "the gate fails, and no element does");
	unit = YAJL_GET_STRING(member(tree, "unit"));
	if (!unit || strcmp(unit, metric_unit(c->metric)) != 0)
		return refuse(r, "the unit is not that of the metric");
	return 0;
}

/* ---- bounds -------------------------------------------------------------------------------- */

static int count_value(struct reader *r)
{
	return ++r->nr_values <= MOST_VALUES ? 0
					     : refuse(r, "it has more values than any comparison");
}

static int on_text(void *arg, const char *path, const char *text, size_t len)
{
	(void)path;
	return memchr(text, 0, len) ? refuse(arg, "a text has a NUL byte") : count_value(arg);
}

static int on_number(void *arg, const char *path, const char *text, size_t len)
{
	(void)path;
	(void)text;
	(void)len;
	return count_value(arg);
}

static int on_boolean(void *arg, const char *path, bool value)
{
	(void)path;
	(void)value;
	return count_value(arg);
}

static int on_place(void *arg, const char *path)
{
	(void)path;
	return count_value(arg);
}

static int check_bounds(struct reader *r, const char *text, size_t len)
{
	static const struct json_sink sink = {
		.what = "comparison",
		.text = on_text,
		.number = on_number,
		.boolean = on_boolean,
		.null = on_place,
		.map_start = on_place,
		.array_start = on_place,
	};

	if (len > COMPARISON_MAX_BYTES)
		return refuse(r, "it is larger than any comparison (16 MiB)");
	return json_stream(text, len, &sink, r, r->why);
}

static int parse_tree(struct reader *r, const char *text, size_t len, yajl_val *ret)
{
	char *terminated = strndup(text, len); /* no NUL is in it: it is JSON by now */

	if (!terminated)
		return -ENOMEM;
	*ret = yajl_tree_parse(terminated, NULL, 0);
	free(terminated);
	return *ret ? 0 : refuse(r, "it is no JSON");
}

int comparison_parse(const char *text, size_t len, struct comparison **ret, struct buf *why)
{
	struct comparison_file *file = calloc(1, sizeof(*file));
	struct reader r = {.comparison = file ? &file->comparison : NULL, .why = why};
	int error;

	if (!file)
		return -ENOMEM;
	error = check_bounds(&r, text, len);
	if (error == 0)
		error = parse_tree(&r, text, len, &file->tree);
	if (error == 0)
		error = read_map(&r, file->tree, fields_of_all, ARRAY_SIZE(fields_of_all),
				 &file->comparison);
	if (error == 0)
		error = check_sums(&r, file->tree);
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
