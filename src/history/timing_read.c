/* SPDX-License-Identifier: MIT */
/* timing.json read again, for a page that shows an older release beside the new one. Foreign. */
#include "history.h"

#include <errno.h>
#include <string.h>

#include <bprof/profile.h>

#include "json_stream.h"

#define MAX_ROWS     100000
#define MAX_TEXT     ((size_t)64 << 10)
#define NS_PER_MICRO 1e3
#define SCHEMA	     "bprof-perf/timing/1"

static const char *const kinds[NR_TIMING_KINDS] = {
	[TIMING_TESTS] = "tests",
	[TIMING_FUNCTIONS] = "functions",
};

struct reader {
	struct timing timing;
	struct timing_row *row; /* the open one */
	size_t room[NR_TIMING_KINDS];
	bool has_schema;
};

/* What follows "tests" or "functions" in @path; NULL = another key. */
static const char *key_of(const char *path, size_t *ret_kind)
{
	for (size_t k = 0; k < NR_TIMING_KINDS; k++) {
		size_t length = strlen(kinds[k]);

		if (strncmp(path, kinds[k], length) == 0 && path[length] == '.') {
			*ret_kind = k;
			return path + length + 1;
		}
	}
	return NULL;
}

static int on_map_start(void *arg, const char *path)
{
	struct reader *r = arg;
	struct timing_table *t;
	size_t kind;
	const char *key = key_of(path, &kind);

	if (!key || strcmp(key, "rows[]") != 0 || r->row)
		return 0;
	t = &r->timing.tables[kind];
	if (t->nr == r->room[kind]) {
		size_t room = t->nr ? t->nr * 2 : 64;
		struct timing_row *rows = reallocarray(t->rows, room, sizeof(*rows));

		if (!rows || room > MAX_ROWS) {
			t->rows = rows ? rows : t->rows;
			return rows ? -EBADMSG : -ENOMEM;
		}
		t->rows = rows;
		r->room[kind] = room;
	}
	r->row = &t->rows[t->nr++];
	*r->row = (struct timing_row){.total_ns = PROFILE_UNKNOWN,
				      .self_ns = PROFILE_UNKNOWN,
				      .mean_ns = PROFILE_UNKNOWN,
				      .median_ns = PROFILE_UNKNOWN};
	return 0;
}

static int on_map_end(void *arg, const char *path)
{
	struct reader *r = arg;
	size_t kind;
	const char *key = key_of(path, &kind);

	if (!r->row || !key || strcmp(key, "rows[]") != 0)
		return 0;
	if (!r->row->name)
		r->row->name = strdup("");
	if (!r->row->where)
		r->row->where = strdup("");
	if (!r->row->name || !r->row->where)
		return -ENOMEM;
	r->row = NULL;
	return 0;
}

static int on_text(void *arg, const char *path, const char *text, size_t len)
{
	struct reader *r = arg;
	size_t kind;
	const char *key = key_of(path, &kind);
	char **at;

	if (strcmp(path, "schema") == 0)
		r->has_schema = len == strlen(SCHEMA) && memcmp(text, SCHEMA, len) == 0;
	if (!r->row || !key)
		return 0;
	at = strcmp(key, "rows[].name") == 0	? &r->row->name
	     : strcmp(key, "rows[].where") == 0 ? &r->row->where
						: NULL;
	if (!at || *at)
		return 0;
	*at = strndup(text, len < MAX_TEXT ? len : MAX_TEXT);
	return *at ? 0 : -ENOMEM;
}

static int on_number(void *arg, const char *path, const char *text, size_t len)
{
	struct reader *r = arg;
	size_t kind;
	const char *key = key_of(path, &kind);
	struct timing_table *t = key ? &r->timing.tables[kind] : NULL;
	struct timing_row *row = r->row;
	const struct {
		const char *key;
		uint64_t *at;
		double scale;
	} wanted[] = {
		{"rows[].count", row ? &row->count : NULL, 1},
		{"rows[].total_time", row ? &row->total_ns : NULL, NS_PER_MICRO},
		{"rows[].self_time", row ? &row->self_ns : NULL, NS_PER_MICRO},
		{"rows[].mean_time", row ? &row->mean_ns : NULL, NS_PER_MICRO},
		{"rows[].median_time", row ? &row->median_ns : NULL, NS_PER_MICRO},
		{"all_count", t ? &t->all_count : NULL, 1},
		{"all_time", t ? &t->all_ns : NULL, NS_PER_MICRO},
		{"all", t ? &t->nr_all : NULL, 1},
	};

	for (size_t i = 0; key && i < ARRAY_SIZE(wanted); i++)
		if (wanted[i].at && strcmp(wanted[i].key, key) == 0 &&
		    json_decimal(text, len, wanted[i].scale, wanted[i].at) < 0)
			return -EBADMSG;
	return 0;
}

int timing_parse(const char *text, size_t len, struct timing *ret)
{
	static const struct json_sink sink = {.what = "table of times",
					      .text = on_text,
					      .number = on_number,
					      .map_start = on_map_start,
					      .map_end = on_map_end};
	struct reader r = {
		.timing.tables = {{.all_ns = PROFILE_UNKNOWN}, {.all_ns = PROFILE_UNKNOWN}}};
	struct buf why;
	int error;

	buf_init(&why, 4096);
	error = json_stream(text, len, &sink, &r, &why);
	buf_done(&why);
	if (error == 0 && !r.has_schema)
		error = -EBADMSG;
	if (error < 0)
		timing_done(&r.timing);
	else
		*ret = r.timing;
	return error;
}

void timing_done(struct timing *timing)
{
	for (size_t k = 0; k < NR_TIMING_KINDS; k++) {
		struct timing_table *t = &timing->tables[k];

		for (size_t i = 0; i < t->nr; i++) {
			free(t->rows[i].name);
			free(t->rows[i].where);
		}
		free(t->rows);
	}
	*timing = (struct timing){0};
}
