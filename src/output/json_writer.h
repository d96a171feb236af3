/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_JSON_WRITER_H
#define BPROF_OUTPUT_JSON_WRITER_H

#include <yajl/yajl_gen.h>

#include "number.h"
#include "writer.h"

/**
 * struct json - a stream of JSON values
 *
 * yajl keeps the grammar, text.c the strings, number.c the numbers. Every function takes the key of
 * the value, or NULL inside an array. Failures stay in the writer.
 */
struct json {
	yajl_gen gen;
	struct writer *writer; /* borrowed */
	struct buf scratch;
};

enum json_style { JSON_COMPACT, JSON_INDENTED };

void json_init(struct json *j, struct writer *w, enum json_style style);
void json_done(struct json *j);

/* After a complete value: @separator, and a new value may begin. */
void json_next(struct json *j, const char *separator);

void json_open_map(struct json *j, const char *key);
void json_close_map(struct json *j);
void json_open_array(struct json *j, const char *key);
void json_close_array(struct json *j);

void json_null(struct json *j, const char *key);
void json_bool(struct json *j, const char *key, bool value);
void json_int(struct json *j, const char *key, int64_t value);
void json_uint(struct json *j, const char *key, uint64_t value); /* PROFILE_UNKNOWN: null */
/* A map of counts on one line: there may be one for every test. */
struct json_count {
	const char *key; /* ours: needs no escape */
	uint64_t value;	 /* PROFILE_UNKNOWN: null */
};
void json_counts(struct json *j, const char *key, const struct json_count *counts, size_t nr);
void json_number(struct json *j, const char *key, struct number number);
void json_text(struct json *j, const char *key, const char *value); /* foreign; NULL: null */
/* @value is complete JSON already, made by text_add_json(). */
void json_raw(struct json *j, const char *key, const char *value, size_t len);

#endif
