/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes what is done with a bprof_proto_body record of a recording: validation, lines, and names
 * from every position. The dialect and the size are set right most of the time, or hardly any
 * input would get past the header.
 */
#include <string.h>

#include "buf.h"
#include "symbol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_everything(const struct proto_view *view)
{
	const char *kind;
	char name[32];

	for (uint32_t pos = 0; pos <= view->body.nr_code && pos < 256; pos++) {
		(void)proto_line(view, pos);
		(void)name_from_call(view, pos, pos % 2 != 0, name, sizeof(name), &kind);
		if (strlen(name) >= sizeof(name) || !kind)
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bprof_proto_body body;
	struct proto_view view;
	struct buf out;
	uint8_t *record;

	record = malloc(size + 1); /* exact: one byte too far is seen */
	if (!record)
		return 0;
	memcpy(record, data, size);
	if (size >= sizeof(body)) {
		memcpy(&body, record, sizeof(body));
		body.h.type = BPROF_RECORD_PROTO_BODY;
		if (body.h.time_ns % 8 != 0)
			body.h.size = (__u32)size;
		body.dialect = (__u8)(1 + body.dialect % (LUA_NR_DIALECTS - 1));
		memcpy(record, &body, sizeof(body));
	}
	if (proto_view_init(record, size, &view) == 0) {
		ask_everything(&view);
		buf_init(&out, 4096);
		(void)!chunk_display(view.chunkname, view.body.chunkname_len, &out);
		(void)!function_display(NULL, view.chunkname, view.body.chunkname_len,
					view.body.first_line, &out);
		buf_done(&out);
		if (view.body.h.size <= size)
			(void)capture_is_busted_safe((const void *)record);
	}
	free(record);
	return 0;
}
