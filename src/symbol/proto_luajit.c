/* SPDX-License-Identifier: MIT */
/*
 * Prototypes of LuaJIT 2.1.
 *
 * A GCproto is one block of sizept bytes, which is copied whole and then read in the copy:
 *
 *	 object                     k                                   object + sizept
 *	 | header | bytecode | kgc  | kn | upvalues | lineinfo | uvinfo | varinfo |
 *	          sizebc x 4   <- 0    0 ->
 *
 * Only strings lie outside (GC constants are references). Invariant: no internal pointer is used
 * before it has been proved to lie inside the copy.
 *
 * Facts: lj_obj.h (GCproto), lj_debug.c (debug_varname, lj_debug_line), copyright Mike Pall, MIT.
 */
#include "load.h"
#include "proto_source.h"

#include <errno.h>
#include <string.h>

#define GCT_PROTO	7U
#define GCT_STR		4U
#define BLOCK_LIMIT	(16U << 20) /* bytes of the largest block worth believing */
#define FLAG_VARARG	0x02U
#define CONSTANTS_LIMIT (1U << 16)

/* GCproto with GC64, and without. */
struct shape {
	uint32_t ref; /* bytes of a reference */
	uint8_t type, nr_params, size_bc, constants, upvalues, size_kgc, size_kn, size_block,
		nr_upvalues, flags, chunkname, first_line, nr_lines, lineinfo, uvinfo, varinfo;
	uint32_t header_bytes; /* the bytecode follows */
};

static const struct shape shapes[] = {
	{8, 9, 10, 12, 32, 40, 48, 52, 56, 60, 61, 64, 72, 76, 80, 88, 96, 104},
	{4, 5, 6, 8, 16, 20, 24, 28, 32, 36, 37, 40, 44, 48, 52, 56, 60, 64},
};

#define MAX_HEADER_BYTES 104U

/* The header, decoded. */
struct gcproto {
	const struct shape *shape;
	uint8_t nr_params, flags, nr_upvalues;
	uint32_t size_bc, size_kgc, size_kn, size_block;
	uaddr_t constants, upvalues, chunkname, lineinfo, uvinfo, varinfo;
	int32_t first_line;
	uint32_t nr_lines;
};

/* The whole block, copied. */
struct block {
	const unsigned char *bytes;
	size_t size;
	uaddr_t address;
};

static uint64_t load_reference(const struct shape *shape, const unsigned char *at)
{
	return shape->ref == 8 ? load_u64(at) : load_u32(at);
}

static int decode_header(const struct shape *s, const unsigned char *header, struct gcproto *ret)
{
	if (header[s->type] != GCT_PROTO)
		return -EBADMSG;
	*ret = (struct gcproto){
		.shape = s,
		.nr_params = header[s->nr_params],
		.size_bc = load_u32(header + s->size_bc),
		.constants = load_reference(s, header + s->constants),
		.upvalues = load_reference(s, header + s->upvalues),
		.size_kgc = load_u32(header + s->size_kgc),
		.size_kn = load_u32(header + s->size_kn),
		.size_block = load_u32(header + s->size_block),
		.nr_upvalues = header[s->nr_upvalues],
		.flags = header[s->flags],
		.chunkname = load_reference(s, header + s->chunkname),
		.first_line = (int32_t)load_u32(header + s->first_line),
		.nr_lines = load_u32(header + s->nr_lines),
		.lineinfo = load_reference(s, header + s->lineinfo),
		.uvinfo = load_reference(s, header + s->uvinfo),
		.varinfo = load_reference(s, header + s->varinfo),
	};
	if (ret->size_bc == 0 || ret->size_bc > PROTO_CODE_LIMIT || ret->size_block > BLOCK_LIMIT)
		return -EBADMSG;
	if (ret->size_kgc > CONSTANTS_LIMIT || ret->size_kn > CONSTANTS_LIMIT)
		return -EBADMSG;
	return 0;
}

/* Are @len bytes at @address inside the block, behind the bytecode? */
static bool block_holds(const struct block *block, const struct gcproto *proto, uaddr_t address,
			uint64_t len)
{
	uaddr_t first = block->address + proto->shape->header_bytes + 4ULL * proto->size_bc;
	uaddr_t end = block->address + block->size;

	return address >= first && address <= end && end - address >= len;
}

static uint32_t line_width(const struct gcproto *proto)
{
	if (proto->nr_lines < 256)
		return 1;
	return proto->nr_lines < 65536 ? 2 : 4;
}

/* Every internal pointer, each with what it must at least reach. */
static int check_block(const struct block *block, const struct gcproto *proto)
{
	uint64_t gc_bytes = (uint64_t)proto->shape->ref * proto->size_kgc;
	uint64_t line_bytes = (uint64_t)line_width(proto) * (proto->size_bc - 1);

	if (proto->shape->header_bytes + 4ULL * proto->size_bc > block->size)
		return -EBADMSG;
	if (proto->constants < gc_bytes || !block_holds(block, proto, proto->constants - gc_bytes,
							gc_bytes + 8ULL * proto->size_kn))
		return -EBADMSG;
	if (!block_holds(block, proto, proto->upvalues, 2ULL * proto->nr_upvalues))
		return -EBADMSG;
	if (proto->lineinfo && !block_holds(block, proto, proto->lineinfo, line_bytes))
		return -EBADMSG;
	if (proto->uvinfo && !block_holds(block, proto, proto->uvinfo, 0))
		return -EBADMSG;
	if (proto->varinfo && !block_holds(block, proto, proto->varinfo, 1))
		return -EBADMSG;
	return 0;
}

static int read_header(const struct lua_reader *reader, uaddr_t object, struct gcproto *ret)
{
	const struct shape *shape = &shapes[reader->layout->luajit.refs32 != 0];
	unsigned char header[MAX_HEADER_BYTES];
	int r;

	if (object % 8 != 0)
		return -EBADMSG;
	r = peek_read_fresh(reader->peek, header, shape->header_bytes, object);
	return r < 0 ? r : decode_header(shape, header, ret);
}

static int identify(const struct lua_reader *reader, uaddr_t object,
		    struct bprof_proto_identity *ret)
{
	struct gcproto proto;
	int r = read_header(reader, object, &proto);

	if (r < 0)
		return r;
	*ret = (struct bprof_proto_identity){
		.source = proto.chunkname,
		.parts = proto.lineinfo,
		.first_line = (uint32_t)proto.first_line,
		.last_line = (uint32_t)proto.first_line + proto.nr_lines,
		.code_len = proto.size_bc,
	};
	return proto_read_name(reader, reader->layout->luajit.refs32 ? 8 : 12, ret);
}

/* Entry i of lineinfo belongs to instruction i + 1; instruction 0 is the function header. */
static int write_lines(const struct block *block, const struct gcproto *proto,
		       struct proto_writer *writer)
{
	CLEANUP(cleanup_free) int32_t *lines = calloc(proto->size_bc, sizeof(*lines));
	const unsigned char *info = block->bytes + (proto->lineinfo - block->address);
	uint32_t width = line_width(proto);

	if (!lines)
		return -ENOMEM;
	lines[0] = proto->first_line;
	for (uint32_t i = 1; i < proto->size_bc; i++) {
		uint32_t delta = 0;

		memcpy(&delta, info + (size_t)(i - 1) * width, width);
		lines[i] = (int32_t)((uint32_t)proto->first_line + delta);
	}
	return proto_writer_lines(writer, lines);
}

/* lj_bc.h: the instructions that can name a callee by a constant; the same numbers in all of 2.1.
 */
#define BC_GGET	 54U /* operand D */
#define BC_TGETS 57U /* operand C */

/* Constants some instruction looks a function up by; the others are read in vain. */
static unsigned char *find_naming_constants(const struct block *block, const struct gcproto *proto)
{
	unsigned char *naming = calloc(proto->size_kgc + 1UL, 1);

	for (uint32_t i = 1; naming && i < proto->size_bc; i++) {
		uint32_t instruction =
			load_u32(block->bytes + proto->shape->header_bytes + 4UL * i);
		uint32_t op = instruction & 0xff, index = proto->size_kgc;

		if (op == BC_GGET)
			index = instruction >> 16;
		else if (op == BC_TGETS)
			index = instruction >> 16 & 0xff;
		if (index < proto->size_kgc)
			naming[index] = 1;
	}
	return naming;
}

/* References are numbered downwards from k: number i is at k - ref * (i + 1). Numbers lie from k
 * on.
 */
static int write_constants(const struct lua_reader *reader, const struct block *block,
			   const struct gcproto *proto, struct proto_writer *writer)
{
	CLEANUP(cleanup_free) unsigned char *naming = find_naming_constants(block, proto);
	const unsigned char *k = block->bytes + (proto->constants - block->address);
	struct buf text;
	int r = naming ? 0 : -ENOMEM;

	proto_writer_numbers(writer, k, 8 * (size_t)proto->size_kn);
	buf_init(&text, PROTO_MAX_STRING);
	for (uint32_t i = 0; r >= 0 && i < proto->size_kgc; i++) {
		const struct shape *s = proto->shape;
		uaddr_t object = load_reference(s, k - s->ref * ((size_t)i + 1));
		unsigned char gct;

		if (!naming[i])
			continue;
		r = peek_read(reader->peek, &gct, 1, object + s->type);
		if (r < 0 || gct != GCT_STR)
			continue;
		buf_reset(&text);
		r = lua_string_copy(reader, object, PROTO_MAX_STRING, &text);
		if (r >= 0)
			r = proto_writer_constant(writer, i, text.data, text.len);
	}
	buf_done(&text);
	return r < 0 ? r : 0;
}

/* A position in one of the byte strings at the end of the block. */
struct cursor {
	const unsigned char *at, *end;
};

static struct cursor cursor_at(const struct block *block, uaddr_t address)
{
	return (struct cursor){block->bytes + (address - block->address),
			       block->bytes + block->size};
}

static int next_uleb128(struct cursor *cursor, uint32_t *ret)
{
	uint32_t value = 0;

	for (uint32_t shift = 0; cursor->at < cursor->end && shift < 35; shift += 7) {
		uint32_t byte = *cursor->at++;

		if (shift < 32)
			value |= (byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret = value;
			return 0;
		}
	}
	return -EBADMSG;
}

/* A NUL-terminated string. Return: its length, or -EBADMSG. */
static int next_string(struct cursor *cursor, const char **ret)
{
	size_t room = (size_t)(cursor->end - cursor->at);
	const unsigned char *nul = room ? memchr(cursor->at, 0, room) : NULL;
	size_t len;

	if (!nul)
		return -EBADMSG;
	len = (size_t)(nul - cursor->at);
	*ret = (const char *)cursor->at;
	cursor->at = nul + 1;
	return (int)len;
}

/* A name starts with its first character, or is one byte naming a hidden loop variable. */
static int next_variable_name(struct cursor *cursor, const char **ret)
{
	static const char *const hidden[] = {
		"",
		"(for index)",
		"(for limit)",
		"(for step)",
		"(for generator)",
		"(for state)",
		"(for control)",
	};

	if (cursor->at < cursor->end && *cursor->at < ARRAY_SIZE(hidden)) {
		*ret = hidden[*cursor->at++];
		return (int)strlen(*ret);
	}
	return next_string(cursor, ret);
}

/* varinfo: { name, uleb128 distance of the start from the last one's, uleb128 length }, 0. */
static int write_locals(const struct block *block, const struct gcproto *proto,
			struct proto_writer *writer)
{
	struct cursor cursor = cursor_at(block, proto->varinfo);
	uint32_t start = 0;

	for (;;) {
		uint32_t distance, length;
		const char *name;
		int len = next_variable_name(&cursor, &name);
		int r;

		if (len <= 0)
			return len;
		if (next_uleb128(&cursor, &distance) < 0 || next_uleb128(&cursor, &length) < 0)
			return -EBADMSG;
		if (distance > proto->size_bc || length > proto->size_bc ||
		    start + distance > proto->size_bc)
			return -EBADMSG;
		start += distance;
		r = proto_writer_local(writer, start, start + length, name, (size_t)len);
		if (r < 0)
			return r;
	}
}

static int write_upvalues(const struct block *block, const struct gcproto *proto,
			  struct proto_writer *writer)
{
	struct cursor cursor = cursor_at(block, proto->uvinfo);

	for (uint32_t i = 0; i < proto->nr_upvalues; i++) {
		const char *name;
		int len = next_string(&cursor, &name);
		int r;

		if (len < 0)
			return len;
		r = proto_writer_upvalue(writer, name, (size_t)len);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_parts(const struct lua_reader *reader, const struct block *block,
		       const struct gcproto *proto, struct proto_writer *writer)
{
	int r;

	r = proto_writer_code(writer, block->bytes + proto->shape->header_bytes, proto->size_bc);
	if (r == 0 && proto->lineinfo)
		r = write_lines(block, proto, writer);
	proto_writer_begin_list(writer);
	if (r == 0)
		r = write_constants(reader, block, proto, writer);
	proto_writer_begin_list(writer);
	if (r == 0 && proto->varinfo)
		r = write_locals(block, proto, writer);
	proto_writer_begin_list(writer);
	if (r == 0 && proto->uvinfo)
		r = write_upvalues(block, proto, writer);
	return r;
}

static int write_proto(const struct lua_reader *reader, uaddr_t object,
		       const struct bprof_proto_identity *identity, struct proto_writer *writer)
{
	CLEANUP(cleanup_free) unsigned char *bytes = NULL;
	struct gcproto proto;
	struct block block;
	int r;

	(void)identity;
	r = read_header(reader, object, &proto);
	if (r < 0)
		return r;
	writer->body.nr_params = proto.nr_params;
	writer->body.is_vararg = (proto.flags & FLAG_VARARG) != 0;
	if (proto.size_bc > PROTO_MAX_CODE)
		return 0;
	if (proto.size_block < proto.shape->header_bytes)
		return -EBADMSG;
	bytes = malloc(proto.size_block);
	if (!bytes)
		return -ENOMEM;
	r = peek_read_fresh(reader->peek, bytes, proto.size_block, object);
	if (r < 0)
		return r;
	/* The copy may be of another moment than the header read before: believe only the copy. */
	block = (struct block){bytes, proto.size_block, object};
	r = decode_header(proto.shape, bytes, &proto);
	if (r == 0 && proto.size_block != block.size)
		r = -EBADMSG;
	if (r == 0)
		r = check_block(&block, &proto);
	return r < 0 ? r : write_parts(reader, &block, &proto, writer);
}

const struct proto_source proto_source_luajit = {
	.identify = identify,
	.write = write_proto,
};
