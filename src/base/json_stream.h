/* SPDX-License-Identifier: MIT */
/* JSON of others, read as a stream: each value with the path of keys that leads to it. */
#ifndef BPROF_JSON_STREAM_H
#define BPROF_JSON_STREAM_H

#include "base.h"
#include "buf.h"

/**
 * struct json_sink - who takes the values
 *
 * A path is "tests[].fixtures.cpu_ns", and "" at the top; keys longer than any of ours are "?". A
 * key may hold dots and brackets, so a path does not prove that its maps were opened.
 * Texts and numbers are not terminated. Any function may be NULL. 0, or -errno to stop.
 * @what: the documents that it takes, in the singular: "profile"
 */
struct json_sink {
	const char *what;
	int (*text)(void *arg, const char *path, const char *text, size_t len);
	int (*number)(void *arg, const char *path, const char *text, size_t len);
	int (*boolean)(void *arg, const char *path, bool value);
	int (*null)(void *arg, const char *path);
	int (*map_start)(void *arg, const char *path);
	int (*map_end)(void *arg, const char *path);
	int (*array_start)(void *arg, const char *path);
};

/**
 * json_stream() - read a whole document
 * @why: a sentence where the document is at fault
 *
 * Memory does not grow with the document. Deeper than 32 maps and arrays is refused.
 * Return: 0; -EBADMSG: it is no JSON; what the sink returned; -ENOMEM.
 */
int json_stream(const char *text, size_t len, const struct json_sink *sink, void *arg,
		struct buf *why) MUST_CHECK;

/**
 * json_decimal() - a number that is not negative
 * @scale: what it is multiplied by; the result is rounded
 *
 * Return: 0; -ERANGE: negative, not finite, or beyond 2^62.
 */
int json_decimal(const char *text, size_t len, double scale, uint64_t *ret) MUST_CHECK;

#endif
