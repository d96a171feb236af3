/* SPDX-License-Identifier: MIT */
/*
 * JSON by yajl's generator, streaming into a writer.
 *
 * Strings and numbers are handed over as raw tokens (yajl_gen_number() copies its bytes): yajl
 * would write what a terminal acts on as it is, and doubles with all their noise.
 */
#include "json_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <bprof/profile.h>

#include "text.h"

static void print_to_writer(void *ctx, const char *s, size_t len)
{
	writer_add(ctx, s, len);
}

void json_init(struct json *j, struct writer *w, enum json_style style)
{
	*j = (struct json){.gen = yajl_gen_alloc(NULL), .writer = w};
	buf_init(&j->scratch, TEXT_MAX_BUFFER);
	if (!j->gen) {
		writer_fail(w, -ENOMEM);
		return;
	}
	yajl_gen_config(j->gen, yajl_gen_print_callback, print_to_writer, w);
	if (style == JSON_INDENTED) {
		yajl_gen_config(j->gen, yajl_gen_beautify, 1);
		yajl_gen_config(j->gen, yajl_gen_indent_string, "  ");
	}
}

void json_done(struct json *j)
{
	if (j->gen)
		yajl_gen_free(j->gen);
	buf_done(&j->scratch);
	j->gen = NULL;
}

/* yajl refuses only what breaks the grammar or its depth: a fault of the caller. */
static void check(struct json *j, yajl_gen_status status)
{
	if (status != yajl_gen_status_ok && status != yajl_gen_generation_complete)
		writer_fail(j->writer, -EINVAL);
}

static bool add_key(struct json *j, const char *key)
{
	if (!j->gen || j->writer->error < 0)
		return false;
	if (key)
		check(j, yajl_gen_string(j->gen, (const unsigned char *)key, strlen(key)));
	return true;
}

void json_next(struct json *j, const char *separator)
{
	if (j->gen)
		yajl_gen_reset(j->gen, separator);
}

void json_open_map(struct json *j, const char *key)
{
	if (add_key(j, key))
		check(j, yajl_gen_map_open(j->gen));
}

void json_close_map(struct json *j)
{
	if (add_key(j, NULL))
		check(j, yajl_gen_map_close(j->gen));
}

void json_open_array(struct json *j, const char *key)
{
	if (add_key(j, key))
		check(j, yajl_gen_array_open(j->gen));
}

void json_close_array(struct json *j)
{
	if (add_key(j, NULL))
		check(j, yajl_gen_array_close(j->gen));
}

void json_null(struct json *j, const char *key)
{
	if (add_key(j, key))
		check(j, yajl_gen_null(j->gen));
}

void json_bool(struct json *j, const char *key, bool value)
{
	if (add_key(j, key))
		check(j, yajl_gen_bool(j->gen, value));
}

void json_raw(struct json *j, const char *key, const char *value, size_t len)
{
	if (add_key(j, key))
		check(j, yajl_gen_number(j->gen, value, len));
}

void json_number(struct json *j, const char *key, struct number number)
{
	json_raw(j, key, number.text, strlen(number.text));
}

void json_int(struct json *j, const char *key, int64_t value)
{
	struct number number;

	snprintf(number.text, sizeof(number.text), "%" PRId64, value);
	json_number(j, key, number);
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	if (value == PROFILE_UNKNOWN)
		json_null(j, key);
	else
		json_number(j, key, number_count(value));
}

/* As one token: yajl would break the line behind each of them. */
void json_counts(struct json *j, const char *key, const struct json_count *counts, size_t nr)
{
	int r;

	buf_reset(&j->scratch);
	r = buf_addstr(&j->scratch, "{");
	for (size_t i = 0; i < nr && r == 0; i++) {
		bool known = counts[i].value != PROFILE_UNKNOWN;

		r = buf_addstr(&j->scratch, i > 0 ? ", \"" : "\"");
		if (r == 0)
			r = buf_addstr(&j->scratch, counts[i].key);
		if (r == 0)
			r = buf_addstr(&j->scratch, "\": ");
		if (r == 0)
			r = buf_addstr(&j->scratch,
				       known ? number_count(counts[i].value).text : "null");
	}
	if (r == 0)
		r = buf_addstr(&j->scratch, "}");
	writer_fail(j->writer, r);
	if (j->writer->error == 0)
		json_raw(j, key, j->scratch.data, j->scratch.len);
}

void json_text(struct json *j, const char *key, const char *value)
{
	if (!value) {
		json_null(j, key);
		return;
	}
	buf_reset(&j->scratch);
	writer_fail(j->writer, text_add_json(&j->scratch, value));
	if (j->writer->error == 0)
		json_raw(j, key, j->scratch.data, j->scratch.len);
}
