/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a name, into every sink: what comes out is valid UTF-8 without controls, folded
 * frames have no separator, JSON parses, and nothing is wider than asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_tree.h>

#include "require.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_safe(const struct buf *b)
{
	for (size_t i = 0; i < b->len;) {
		uint32_t point;

		i += text_decode(b->data + i, b->len - i, &point);
		require(point != TEXT_INVALID, "valid UTF-8");
		require(!text_is_control(point), "no controls");
	}
}

static void check_folded(const char *name)
{
	struct buf b;

	buf_init(&b, TEXT_MAX_BUFFER);
	require(text_add_folded_frame(&b, name) == 0, "folded");
	require(b.len > 0 && !memchr(b.data, ';', b.len), "a frame without a separator");
	require_safe(&b);
	buf_done(&b);
}

static void check_json(const char *name)
{
	char error[128];
	yajl_val root;
	struct buf b;

	buf_init(&b, TEXT_MAX_BUFFER);
	require(buf_addstr(&b, "[") == 0 && text_add_json(&b, name) == 0 &&
			buf_addstr(&b, "]") == 0,
		"JSON");
	require_safe(&b);
	root = yajl_tree_parse(b.data, error, sizeof(error));
	require(root != NULL, "JSON that parses");
	yajl_tree_free(root);
	buf_done(&b);
}

/* Nothing ends the cell or begins a tag, whatever precedes it. */
static void check_markdown(const char *name)
{
	struct buf b;

	buf_init(&b, TEXT_MAX_BUFFER);
	require(text_add_markdown(&b, name) == 0, "Markdown");
	require_safe(&b);
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] == '\\') {
			i++; /* and what it escapes */
			continue;
		}
		require(!strchr("|<`", b.data[i]), "markup is escaped");
	}
	buf_done(&b);
}

static void check_columns(const char *name, unsigned columns, enum text_cut cut)
{
	struct buf b;

	buf_init(&b, TEXT_MAX_BUFFER);
	require(text_add_columns(&b, name, columns, cut) == 0, "columns");
	require(!b.data || text_width(b.data) <= columns, "no wider than asked");
	require_safe(&b);
	buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name;

	if (size < 1)
		return 0;
	name = calloc(1, size);
	if (!name)
		return 0;
	memcpy(name, data + 1, size - 1);
	check_folded(name);
	check_json(name);
	check_markdown(name);
	check_columns(name, data[0] / 4, (enum text_cut)(data[0] % 3));
	free(name);
	return 0;
}
