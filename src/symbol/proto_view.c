/* SPDX-License-Identifier: MIT */
/*
 * Reads bprof_proto_body records, which come from a file and are hostile until checked.
 *
 * Invariant: after proto_view_init() every list of the view has exactly as many whole entries as
 * the header says, all of them inside the record. The accessors rely on it and check no more.
 */
#include "proto_view.h"

#include <errno.h>
#include <string.h>

#include "load.h"

#define CONSTANT_BYTES 6U  /* index, length */
#define LOCAL_BYTES    10U /* start, end, length */
#define UPVALUE_BYTES  2U  /* length */

/* What has not been looked at yet. */
struct rest {
	const unsigned char *at;
	size_t len;
};

static size_t load_len(const unsigned char *at)
{
	__u16 len;

	memcpy(&len, at, sizeof(len));
	return len;
}

static bool skip(struct rest *rest, uint64_t bytes)
{
	if (bytes > rest->len)
		return false;
	rest->at += bytes;
	rest->len -= (size_t)bytes;
	return true;
}

/* Entries of @fixed bytes, of which the last two count the bytes of the text that follows. */
static bool skip_list(struct rest *rest, uint32_t nr, size_t fixed)
{
	for (uint32_t i = 0; i < nr; i++) {
		const unsigned char *entry = rest->at;

		if (!skip(rest, fixed) || !skip(rest, load_len(entry + fixed - 2)))
			return false;
	}
	return true;
}

static int check_header(const struct bprof_proto_body *body, size_t size)
{
	if (body->h.type != BPROF_RECORD_PROTO_BODY || body->h.size > size ||
	    body->h.size < sizeof(*body) || body->h.size > BPROF_MAX_RECORD)
		return -EBADMSG;
	if (body->nr_lines != 0 && body->nr_lines != body->nr_code)
		return -EBADMSG;
	if (body->dialect == LUA_DIALECT_UNKNOWN || body->dialect >= LUA_NR_DIALECTS)
		return -EBADMSG;
	return 0;
}

int proto_view_init(const void *record, size_t size, struct proto_view *ret)
{
	struct proto_view view;
	struct rest rest;

	if (size < sizeof(view.body))
		return -EBADMSG;
	memcpy(&view.body, record, sizeof(view.body));
	if (check_header(&view.body, size) < 0)
		return -EBADMSG;
	rest.at = (const unsigned char *)record + sizeof(view.body);
	rest.len = view.body.h.size - sizeof(view.body);

	view.code = rest.at;
	if (!skip(&rest, 4ULL * view.body.nr_code))
		return -EBADMSG;
	view.lines = rest.at;
	if (!skip(&rest, 4ULL * view.body.nr_lines))
		return -EBADMSG;
	view.constants = rest.at;
	if (!skip_list(&rest, view.body.nr_constants, CONSTANT_BYTES))
		return -EBADMSG;
	view.locals = rest.at;
	if (!skip_list(&rest, view.body.nr_locals, LOCAL_BYTES))
		return -EBADMSG;
	view.upvalues = rest.at;
	if (!skip_list(&rest, view.body.nr_upvalues, UPVALUE_BYTES))
		return -EBADMSG;
	view.chunkname = (const char *)rest.at;
	if (!skip(&rest, view.body.chunkname_len))
		return -EBADMSG;
	*ret = view;
	return 0;
}

uint32_t proto_instruction(const struct proto_view *proto, uint32_t pos)
{
	return load_u32(proto->code + 4 * (size_t)pos);
}

int32_t proto_line(const struct proto_view *proto, uint32_t pos)
{
	int32_t line;

	/* LuaJIT places the position behind the last instruction on the last line. */
	if (pos > 0 && pos == proto->body.nr_lines && proto->body.dialect >= LUA_DIALECT_LUAJIT)
		return proto->body.last_line > 0 ? proto->body.last_line : 0;
	if (pos >= proto->body.nr_lines)
		return 0;
	line = (int32_t)load_u32(proto->lines + 4 * (size_t)pos);
	return line > 0 ? line : 0;
}

static struct proto_text entry_text(const unsigned char *entry, size_t fixed)
{
	return (struct proto_text){(const char *)entry + fixed, load_len(entry + fixed - 2)};
}

static const unsigned char *next_entry(const unsigned char *entry, size_t fixed)
{
	return entry + fixed + load_len(entry + fixed - 2);
}

struct proto_text proto_constant(const struct proto_view *proto, uint32_t index)
{
	const unsigned char *entry = proto->constants;

	for (uint32_t i = 0; i < proto->body.nr_constants; i++) {
		if (load_u32(entry) == index)
			return entry_text(entry, CONSTANT_BYTES);
		entry = next_entry(entry, CONSTANT_BYTES);
	}
	return (struct proto_text){NULL, 0};
}

/* Variables are listed in the order of their slots at any point of the code (lfunc.c). */
struct proto_text proto_local(const struct proto_view *proto, uint32_t slot, uint32_t pos)
{
	const unsigned char *entry = proto->locals;

	for (uint32_t i = 0; i < proto->body.nr_locals; i++) {
		if (load_u32(entry) > pos)
			break;
		if (pos < load_u32(entry + 4) && slot-- == 0)
			return entry_text(entry, LOCAL_BYTES);
		entry = next_entry(entry, LOCAL_BYTES);
	}
	return (struct proto_text){NULL, 0};
}

struct proto_text proto_upvalue(const struct proto_view *proto, uint32_t index)
{
	const unsigned char *entry = proto->upvalues;

	if (index >= proto->body.nr_upvalues)
		return (struct proto_text){NULL, 0};
	for (uint32_t i = 0; i < index; i++)
		entry = next_entry(entry, UPVALUE_BYTES);
	return entry_text(entry, UPVALUE_BYTES);
}
