/* SPDX-License-Identifier: MIT */
/*
 * The text goes through json_stream() first, which bounds its depth and its number of values; only
 * then yajl makes a tree of it. Strings are those of the tree.
 */
#include "json_strict.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json_stream.h"

#define MOST_TEXT  ((size_t)64 << 10)
#define MOST_COUNT 1000000000
#define MOST_REAL  1e18

int strict_refuse(struct strict_reader *r, const char *sentence)
{
	return buf_addf(r->why, "%s%s%s", r->place, *r->place ? ": " : "", sentence) < 0 ? -ENOMEM
											 : -EBADMSG;
}

/* ---- maps ---------------------------------------------------------------------------------- */

static int read_value(struct strict_reader *r, const struct strict_field *f, yajl_val value,
		      void *into)
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
int strict_map(struct strict_reader *r, yajl_val map, const struct strict_field *fields, size_t nr,
	       void *into)
{
	if (!YAJL_IS_OBJECT(map))
		return strict_refuse(r, "it is no map");
	if (map->u.object.len != nr)
		return strict_refuse(r, "it has keys too many or too few");
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
int strict_inner(struct strict_reader *r, const char *place, yajl_val map,
		 const struct strict_field *fields, size_t nr, void *into)
{
	char outer[STRICT_MAX_PLACE];
	int error;

	memcpy(outer, r->place, sizeof(outer));
	snprintf(r->place, sizeof(r->place), "%.40s%s%.20s", outer, *outer ? "." : "", place);
	error = strict_map(r, map, fields, nr, into);
	memcpy(r->place, outer, sizeof(outer));
	return error;
}

/* ---- values -------------------------------------------------------------------------------- */

int strict_text(struct strict_reader *r, yajl_val value, void *into)
{
	const char *text = YAJL_GET_STRING(value);

	(void)r;
	if (!text || strlen(text) > MOST_TEXT)
		return -EBADMSG;
	*(const char **)into = text;
	return 0;
}

int strict_text_or_null(struct strict_reader *r, yajl_val value, void *into)
{
	return YAJL_IS_NULL(value) ? 0 : strict_text(r, value, into);
}

int strict_bool(struct strict_reader *r, yajl_val value, void *into)
{
	(void)r;
	if (!YAJL_IS_TRUE(value) && !YAJL_IS_FALSE(value))
		return -EBADMSG;
	*(bool *)into = YAJL_IS_TRUE(value);
	return 0;
}

int strict_count(struct strict_reader *r, yajl_val value, void *into)
{
	(void)r;
	if (!YAJL_IS_INTEGER(value) || YAJL_GET_INTEGER(value) < 0 ||
	    YAJL_GET_INTEGER(value) > MOST_COUNT)
		return -EBADMSG;
	*(size_t *)into = (size_t)YAJL_GET_INTEGER(value);
	return 0;
}

int strict_line(struct strict_reader *r, yajl_val value, void *into)
{
	size_t line = 0;

	if (!YAJL_IS_NULL(value) && (strict_count(r, value, &line) < 0 || line == 0))
		return -EBADMSG;
	*(int32_t *)into = (int32_t)line;
	return 0;
}

int strict_real(struct strict_reader *r, yajl_val value, void *into)
{
	(void)r;
	if (!YAJL_IS_DOUBLE(value) || !(YAJL_GET_DOUBLE(value) >= 0) ||
	    YAJL_GET_DOUBLE(value) > MOST_REAL)
		return -EBADMSG;
	*(double *)into = YAJL_GET_DOUBLE(value);
	return 0;
}

int strict_real_or_null(struct strict_reader *r, yajl_val value, void *into)
{
	*(double *)into = (double)NAN;
	return YAJL_IS_NULL(value) ? 0 : strict_real(r, value, into);
}

/* What other keys say already: that it is a text is enough to know here. */
int strict_known(struct strict_reader *r, yajl_val value, void *into)
{
	(void)r;
	(void)into;
	return YAJL_IS_STRING(value) ? 0 : -EBADMSG;
}

/* *ret: @nr of @size bytes each, read by @read; the list belongs to the comparison at once. */
int strict_list(struct strict_reader *r, const char *name, yajl_val list, size_t size,
		int (*read)(struct strict_reader *r, yajl_val value, void *into), void **ret,
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
			return strict_refuse(r, "it is not what the schema says");
		if (error < 0)
			return error;
	}
	*r->place = 0;
	return 0;
}

yajl_val strict_member(yajl_val map, const char *key)
{
	return yajl_tree_get(map, (const char *[]){key, NULL}, yajl_t_any);
}

/* ---- bounds -------------------------------------------------------------------------------- */

static int count_value(struct strict_reader *r)
{
	return ++r->nr_values <= STRICT_MOST_VALUES
		       ? 0
		       : strict_refuse(r, "it has more values than any document of ours");
}

static int on_text(void *arg, const char *path, const char *text, size_t len)
{
	(void)path;
	return memchr(text, 0, len) ? strict_refuse(arg, "a text has a NUL byte")
				    : count_value(arg);
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

static int check_bounds(struct strict_reader *r, const char *text, size_t len)
{
	const struct json_sink sink = {
		.what = r->what,
		.text = on_text,
		.number = on_number,
		.boolean = on_boolean,
		.null = on_place,
		.map_start = on_place,
		.array_start = on_place,
	};

	return json_stream(text, len, &sink, r, r->why);
}

static int parse_tree(struct strict_reader *r, const char *text, size_t len, yajl_val *ret)
{
	char *terminated = strndup(text, len); /* no NUL is in it: it is JSON by now */

	if (!terminated)
		return -ENOMEM;
	*ret = yajl_tree_parse(terminated, NULL, 0);
	free(terminated);
	return *ret ? 0 : strict_refuse(r, "it is no JSON");
}

int strict_tree(struct strict_reader *r, const char *text, size_t len, yajl_val *ret)
{
	int error = check_bounds(r, text, len);

	return error < 0 ? error : parse_tree(r, text, len, ret);
}
