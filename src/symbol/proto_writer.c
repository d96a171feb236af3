/* SPDX-License-Identifier: MIT */
/*
 * Writes one bprof_proto_body record (wire.h), part by part.
 *
 * Invariant: what is in the buffer plus the final header never exceeds BPROF_MAX_RECORD, because
 * each part has a share and the shares add up to less.
 */
#include "proto_writer.h"

#include <string.h>

#include <xxhash.h>

#include "record.h"

_Static_assert(sizeof(struct bprof_proto_body) + PROTO_MAX_CODE * 8 + PROTO_MAX_CONSTANTS +
			       PROTO_MAX_LOCALS + PROTO_MAX_UPVALUES + PROTO_MAX_CHUNKNAME + 8 <=
		       BPROF_MAX_RECORD,
	       "a full prototype fits into a record");

int proto_writer_begin(struct proto_writer *writer, struct buf *out)
{
	*writer = (struct proto_writer){.out = out, .start = out->len};
	return buf_addzero(out, sizeof(writer->body));
}

int proto_writer_code(struct proto_writer *writer, const void *code, uint32_t nr)
{
	writer->body.nr_code = nr;
	return buf_add(writer->out, code, (size_t)nr * 4);
}

int proto_writer_lines(struct proto_writer *writer, const int32_t *lines)
{
	writer->body.nr_lines = writer->body.nr_code;
	return buf_add(writer->out, lines, (size_t)writer->body.nr_lines * 4);
}

void proto_writer_begin_list(struct proto_writer *writer)
{
	writer->section = writer->out->len;
}

/* Return: 1 if written, 0 if the list has used up its share. */
static int add_entry(struct proto_writer *writer, size_t share, const void *fixed,
		     size_t fixed_bytes, const void *text, size_t len)
{
	size_t used = writer->out->len - writer->section;
	__u16 cut = (__u16)(len < PROTO_MAX_STRING ? len : PROTO_MAX_STRING);
	int r;

	if (used + fixed_bytes + sizeof(cut) + cut > share)
		return 0;
	r = buf_add(writer->out, fixed, fixed_bytes);
	if (r == 0)
		r = buf_add(writer->out, &cut, sizeof(cut));
	if (r == 0)
		r = buf_add(writer->out, text, cut);
	return r < 0 ? r : 1;
}

int proto_writer_constant(struct proto_writer *writer, uint32_t index, const void *text, size_t len)
{
	int r = add_entry(writer, PROTO_MAX_CONSTANTS, &index, sizeof(index), text, len);

	writer->body.nr_constants += r > 0;
	return r < 0 ? r : 0;
}

void proto_writer_numbers(struct proto_writer *writer, const void *bytes, size_t len)
{
	writer->body.numbers = (__u32)XXH3_64bits_withSeed(bytes, len, writer->body.numbers) | 1U;
}

int proto_writer_local(struct proto_writer *writer, uint32_t start_pc, uint32_t end_pc,
		       const void *name, size_t len)
{
	__u32 range[2] = {start_pc, end_pc};
	int r = add_entry(writer, PROTO_MAX_LOCALS, range, sizeof(range), name, len);

	writer->body.nr_locals += r > 0;
	return r < 0 ? r : 0;
}

int proto_writer_upvalue(struct proto_writer *writer, const void *name, size_t len)
{
	int r = add_entry(writer, PROTO_MAX_UPVALUES, NULL, 0, name, len);

	writer->body.nr_upvalues += r > 0;
	return r < 0 ? r : 0;
}

int proto_writer_chunkname(struct proto_writer *writer, const void *name, size_t len)
{
	writer->body.chunkname_len = (__u32)(len < PROTO_MAX_CHUNKNAME ? len : PROTO_MAX_CHUNKNAME);
	return buf_add(writer->out, name, writer->body.chunkname_len);
}

int proto_writer_end(struct proto_writer *writer)
{
	int r;

	writer->body.h.type = BPROF_RECORD_PROTO_BODY;
	r = record_pad(writer->out, writer->start, &writer->body.h);
	if (r == 0)
		memcpy(writer->out->data + writer->start, &writer->body, sizeof(writer->body));
	return r;
}

void proto_writer_abort(struct proto_writer *writer)
{
	record_drop(writer->out, writer->start);
}
