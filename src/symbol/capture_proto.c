/* SPDX-License-Identifier: MIT */
/*
 * Copies a prototype out of a live target, or says why not.
 *
 * The target runs meanwhile and may free the object: the fingerprint is compared before and after.
 * Invariant: a record that is appended describes the object that was asked for.
 */
#include "symbol.h"

#include <errno.h>
#include <string.h>

#include "proto_source.h"

#define MAX_LINE (1 << 24) /* no source has more */

int proto_read_name(const struct lua_reader *reader, unsigned at, struct bprof_proto_identity *ret)
{
	ret->name = 0;
	if (!ret->source) /* stripped */
		return 0;
	return peek_read_fresh(reader->peek, &ret->name, sizeof(ret->name), ret->source + at);
}

/* Is the object still the one that was seen? Return: 0; -ESTALE; -EBADMSG; -EFAULT. */
static int identify(const struct proto_source *source, const struct lua_reader *reader,
		    uaddr_t object, uint32_t fingerprint, struct bprof_proto_identity *ret)
{
	int r = source->identify(reader, object, ret);

	if (r < 0)
		return r;
	return bprof_fingerprint(ret) == fingerprint ? 0 : -ESTALE;
}

static int write_chunkname(const struct lua_reader *reader, uaddr_t string,
			   struct proto_writer *writer)
{
	struct buf name;
	int r = 0;

	if (string == 0) /* stripped */
		return 0;
	buf_init(&name, PROTO_MAX_CHUNKNAME);
	r = lua_string_copy(reader, string, PROTO_MAX_CHUNKNAME, &name);
	if (r >= 0)
		r = proto_writer_chunkname(writer, name.data, name.len);
	buf_done(&name);
	return r;
}

static int write_record(const struct proto_source *source, const struct lua_reader *reader,
			uaddr_t object, uint32_t fingerprint, struct proto_writer *writer)
{
	struct bprof_proto_identity identity, after;
	int changed, r;

	r = identify(source, reader, object, fingerprint, &identity);
	if (r < 0)
		return r;
	writer->body.first_line = (__s32)identity.first_line;
	writer->body.last_line = (__s32)identity.last_line;
	r = source->write(reader, object, &identity, writer);
	if (r == 0)
		r = write_chunkname(reader, identity.source, writer);
	/* A torn copy is the fault of the reuse, not of the bytes: that answer comes first. */
	changed = identify(source, reader, object, fingerprint, &after);
	if (changed < 0)
		return changed == -EBADMSG ? -ESTALE : changed;
	return r < 0 ? r : proto_writer_end(writer);
}

int capture_proto(const struct mem_reader *mem, const struct lua_layout *layout, uint32_t pid,
		  uaddr_t vm, uaddr_t object, uint32_t fingerprint, struct buf *out)
{
	CLEANUP(cleanup_peek) struct peek *peek = peek_new(mem);
	struct lua_reader reader = {.peek = peek, .layout = layout};
	const struct proto_source *source =
		layout->family == BPROF_FAMILY_LUAJIT ? &proto_source_luajit : &proto_source_puc;
	struct proto_writer writer;
	int r;

	if (!peek)
		return -ENOMEM;
	r = proto_writer_begin(&writer, out);
	if (r < 0)
		return r;
	writer.body.pid = pid;
	writer.body.fingerprint = fingerprint;
	writer.body.vm = vm;
	writer.body.object = object;
	writer.body.family = (__u8)layout->family;
	writer.body.dialect = (__u8)layout->dialect;
	r = write_record(source, &reader, object, fingerprint, &writer);
	if (r < 0)
		proto_writer_abort(&writer);
	return r;
}

int capture_confirm(const struct mem_reader *mem, const struct lua_layout *layout, uaddr_t object,
		    uint32_t fingerprint)
{
	CLEANUP(cleanup_peek) struct peek *peek = peek_new(mem);
	struct lua_reader reader = {.peek = peek, .layout = layout};
	const struct proto_source *source =
		layout->family == BPROF_FAMILY_LUAJIT ? &proto_source_luajit : &proto_source_puc;
	struct bprof_proto_identity identity;
	int r;

	if (!peek)
		return -ENOMEM;
	r = identify(source, &reader, object, fingerprint, &identity);
	return r == -EBADMSG ? -ESTALE : r;
}

/* ---- busted.safe --------------------------------------------------------------------------- */

static bool ends_with(const char *text, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

/* An array of lines that was freed begins with two addresses of the allocator. */
static bool has_sound_lines(const struct proto_view *view)
{
	for (__u32 i = 0; i < view->body.nr_lines; i++) {
		__s32 line;

		memcpy(&line, view->lines + sizeof(line) * i, sizeof(line));
		if (line < 0 || line > MAX_LINE)
			return false;
	}
	return true;
}

bool capture_is_chunk(const struct bprof_proto_body *body, const char *name, size_t len,
		      bool is_cut)
{
	struct proto_view view;
	size_t captured;

	if (proto_view_init(body, body->h.size, &view) < 0 || !has_sound_lines(&view))
		return false;
	captured = strnlen(view.chunkname, view.body.chunkname_len);
	if (captured < len || (captured > len && !is_cut))
		return false;
	return memcmp(view.chunkname, name, len) == 0;
}

bool capture_is_busted_safe(const struct bprof_proto_body *body)
{
	static const char *const parameters[] = {"descriptor", "run", "element"};
	struct proto_view view;
	const unsigned char *at;

	if (proto_view_init(body, body->h.size, &view) < 0)
		return false;
	if (!ends_with(view.chunkname, view.body.chunkname_len, "busted/core.lua"))
		return false;
	if (view.body.nr_params != ARRAY_SIZE(parameters) ||
	    view.body.nr_locals < ARRAY_SIZE(parameters))
		return false;
	at = view.locals;
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		__u16 len;

		memcpy(&len, at + 8, sizeof(len));
		if (len != strlen(parameters[i]) || memcmp(at + 10, parameters[i], len) != 0)
			return false;
		at += 10 + len;
	}
	return true;
}
