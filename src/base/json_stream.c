/* SPDX-License-Identifier: MIT */
/*
 * yajl keeps the grammar; here is where we are in the document.
 *
 * Invariant: the path is always terminated within its bytes; what does not fit is a question mark.
 */
#include "json_stream.h"

#include <errno.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define MAX_DEPTH  32
#define MAX_PATH   128
#define MAX_NUMBER 64

struct stream {
	const struct json_sink *sink;
	void *arg;
	struct buf *why;
	int error;
	char path[MAX_PATH];
	size_t base[MAX_DEPTH]; /* length of the path of each open map or array */
	unsigned depth;
};

/* What yajl wants: 1 = go on. */
static int goes_on(struct stream *s, int r)
{
	if (r < 0)
		s->error = r;
	return r >= 0;
}

static void cut_path(struct stream *s)
{
	s->path[s->depth ? s->base[s->depth - 1] : 0] = 0;
}

static void extend_path(struct stream *s, const char *text, size_t len)
{
	size_t at = strlen(s->path);

	if (at + len + 2 > MAX_PATH || memchr(text, 0, len)) {
		text = "?";
		len = 1;
	}
	if (at + len + 2 > MAX_PATH)
		return; /* full of question marks already */
	memcpy(s->path + at, text, len);
	s->path[at + len] = 0;
}

static int push(struct stream *s)
{
	int r;

	if (s->depth < MAX_DEPTH) {
		s->base[s->depth++] = strlen(s->path);
		return 1;
	}
	r = buf_addf(s->why, "it is nested deeper than any %s", s->sink->what);
	return goes_on(s, r < 0 ? r : -EBADMSG);
}

static void pop(struct stream *s)
{
	cut_path(s);
	s->depth--;
}

static int on_map_start(void *ctx)
{
	struct stream *s = ctx;

	if (s->sink->map_start && !goes_on(s, s->sink->map_start(s->arg, s->path)))
		return 0;
	return push(s);
}

static int on_map_key(void *ctx, const unsigned char *key, size_t len)
{
	struct stream *s = ctx;

	cut_path(s);
	if (s->path[0])
		extend_path(s, ".", 1);
	extend_path(s, (const char *)key, len);
	return 1;
}

static int on_map_end(void *ctx)
{
	struct stream *s = ctx;

	pop(s);
	return !s->sink->map_end || goes_on(s, s->sink->map_end(s->arg, s->path));
}

static int on_array_start(void *ctx)
{
	struct stream *s = ctx;

	if (s->sink->array_start && !goes_on(s, s->sink->array_start(s->arg, s->path)))
		return 0;
	if (!push(s))
		return 0;
	extend_path(s, "[]", 2);
	return 1;
}

static int on_array_end(void *ctx)
{
	pop(ctx);
	return 1;
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct stream *s = ctx;

	return !s->sink->text ||
	       goes_on(s, s->sink->text(s->arg, s->path, (const char *)text, len));
}

static int on_number(void *ctx, const char *text, size_t len)
{
	struct stream *s = ctx;

	return !s->sink->number || goes_on(s, s->sink->number(s->arg, s->path, text, len));
}

static int on_boolean(void *ctx, int value)
{
	struct stream *s = ctx;

	return !s->sink->boolean || goes_on(s, s->sink->boolean(s->arg, s->path, value));
}

static int on_null(void *ctx)
{
	struct stream *s = ctx;

	return !s->sink->null || goes_on(s, s->sink->null(s->arg, s->path));
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_map_start,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_map_end,
	.yajl_start_array = on_array_start,
	.yajl_end_array = on_array_end,
};

static int refuse_grammar(struct stream *s, yajl_handle handle, const char *text, size_t len)
{
	unsigned char *said = yajl_get_error(handle, 0, (const unsigned char *)text, len);
	const char *sentence = said ? (const char *)said : "";
	int r = buf_addf(s->why, "it is no JSON, or it is cut (%.*s)", (int)strcspn(sentence, "\n"),
			 sentence);

	if (said)
		yajl_free_error(handle, said);
	return r < 0 ? r : -EBADMSG;
}

int json_stream(const char *text, size_t len, const struct json_sink *sink, void *arg,
		struct buf *why)
{
	struct stream s = {.sink = sink, .arg = arg, .why = why};
	yajl_handle handle = yajl_alloc(&callbacks, NULL, &s);
	yajl_status status;

	if (!handle)
		return -ENOMEM;
	status = yajl_parse(handle, (const unsigned char *)text, len);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(handle);
	if (status != yajl_status_ok && !s.error)
		s.error = refuse_grammar(&s, handle, text, len);
	yajl_free(handle);
	return s.error;
}

int json_decimal(const char *text, size_t len, double scale, uint64_t *ret)
{
	char number[MAX_NUMBER];
	double value;

	if (len >= sizeof(number))
		return -ERANGE;
	memcpy(number, text, len);
	number[len] = 0;
	value = strtod(number, NULL) * scale;
	/* false for what is no number as well */
	if (!(value >= 0 && value <= 4611686018427387904.0))
		return -ERANGE;
	*ret = (uint64_t)(value + 0.5);
	return 0;
}
