/* SPDX-License-Identifier: MIT */
/*
 * Prototypes of PUC Lua 5.1-5.5: a header that points to separately allocated arrays.
 *
 * Invariant: a count is bounded before its array is read, an array is copied before it is used.
 *
 * Facts: lobject.h (Proto, LocVar, Upvaldesc), ldebug.c (luaG_getfuncline), lfunc.c, copyright
 * Lua.org, PUC-Rio, MIT.
 */
#include "load.h"
#include "proto_source.h"

#include <errno.h>
#include <string.h>

#define TAG_AT		 8U
#define STRING_HASH	 12 /* in a string, in every version */
#define TAG_MASK	 0x3fU
#define TAG_PROTO	 9U /* up to 5.3 */
#define TAG_PROTO_54	 10U
#define TAG_NUMBER	 3U
#define TAG_STRING	 4U
#define TAG_NUMBER_2	 19U
#define TAG_LONG_STR	 20U
#define HEADER_BYTES	 128U
#define CONSTANTS_LIMIT	 (1U << 20)
#define LOCALS_LIMIT	 (1U << 16)
#define UPVALUES_LIMIT	 256U
#define VALUE_BYTES	 16U
#define LOCAL_BYTES	 16U
#define ABS_LINE_BYTES	 8U
#define VARARG_BITS_55	 3U /* PF_VAHID, PF_VATAB; the third bit means something else */
#define UPVALUE_BYTES_51 8U /* name only */
#define UPVALUE_BYTES	 16U

/* The header, copied. */
struct puc_proto {
	const struct puc_layout *at;
	uint32_t dialect;
	unsigned char bytes[HEADER_BYTES];
};

static uint64_t field_u64(const struct puc_proto *proto, uint32_t offset)
{
	uint64_t value;

	memcpy(&value, proto->bytes + offset, sizeof(value));
	return value;
}

static uint32_t field_u32(const struct puc_proto *proto, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, proto->bytes + offset, sizeof(value));
	return value;
}

/* Bytes up to the end of the last field of the layout; 0 if it makes no sense. */
static size_t header_span(const struct puc_layout *at)
{
	const uint16_t words[] = {at->proto_code,     at->proto_lines,	at->proto_abs_lines,
				  at->proto_source,   at->proto_locals, at->proto_upvalues,
				  at->proto_constants};
	const uint16_t counts[] = {at->proto_code_len,	    at->proto_lines_len,
				   at->proto_abs_lines_len, at->proto_first_line,
				   at->proto_last_line,	    at->proto_constants_len,
				   at->proto_locals_len,    at->proto_upvalues_len,
				   at->proto_is_vararg,	    at->proto_nr_params};
	size_t span = 16;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		span = words[i] + 8U > span ? words[i] + 8U : span;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		span = counts[i] + 4U > span ? counts[i] + 4U : span;
	return span <= HEADER_BYTES ? span : 0;
}

static int read_header(const struct lua_reader *reader, uaddr_t object, struct puc_proto *ret)
{
	const struct puc_layout *at = &reader->layout->puc;
	size_t span = header_span(at);
	uint32_t tag;
	int r;

	if (span == 0)
		return -EINVAL;
	if (object % 8 != 0)
		return -EBADMSG;
	*ret = (struct puc_proto){.at = at, .dialect = reader->layout->dialect};
	r = peek_read_fresh(reader->peek, ret->bytes, span, object);
	if (r < 0)
		return r;
	tag = ret->dialect >= LUA_DIALECT_54 ? TAG_PROTO_54 : TAG_PROTO;
	if ((ret->bytes[TAG_AT] & TAG_MASK) != tag)
		return -EBADMSG;
	if (field_u32(ret, at->proto_code_len) == 0 ||
	    field_u32(ret, at->proto_code_len) > PROTO_CODE_LIMIT ||
	    field_u32(ret, at->proto_constants_len) > CONSTANTS_LIMIT ||
	    field_u32(ret, at->proto_locals_len) > LOCALS_LIMIT ||
	    field_u32(ret, at->proto_upvalues_len) > UPVALUES_LIMIT)
		return -EBADMSG;
	return 0;
}

static int identify(const struct lua_reader *reader, uaddr_t object,
		    struct bprof_proto_identity *ret)
{
	struct puc_proto proto;
	int r = read_header(reader, object, &proto);

	if (r < 0)
		return r;
	*ret = (struct bprof_proto_identity){
		.source = field_u64(&proto, proto.at->proto_source),
		.parts = bprof_parts(field_u64(&proto, proto.at->proto_code),
				     field_u64(&proto, proto.at->proto_lines),
				     field_u64(&proto, proto.at->proto_constants)),
		.first_line = field_u32(&proto, proto.at->proto_first_line),
		.last_line = field_u32(&proto, proto.at->proto_last_line),
		.code_len = field_u32(&proto, proto.at->proto_code_len),
	};
	return proto_read_name(reader, STRING_HASH, ret);
}

/* Copy an array of the target; *@ret is to be freed by the caller, NULL if the array is empty. */
static int copy_array(const struct lua_reader *reader, uaddr_t array, uint32_t nr, size_t width,
		      unsigned char **ret)
{
	unsigned char *copy;
	int r;

	if (nr == 0)
		return 0;
	copy = malloc(nr * width);
	if (!copy)
		return -ENOMEM;
	r = peek_read(reader->peek, copy, nr * width, array);
	if (r < 0) {
		free(copy);
		return r;
	}
	*ret = copy;
	return 0;
}

static int write_code(const struct lua_reader *reader, const struct puc_proto *proto,
		      struct proto_writer *writer)
{
	CLEANUP(cleanup_free) unsigned char *code = NULL;
	uint32_t nr = field_u32(proto, proto->at->proto_code_len);
	int r = copy_array(reader, field_u64(proto, proto->at->proto_code), nr, 4, &code);

	return r < 0 ? r : proto_writer_code(writer, code, nr);
}

/*
 * From 5.4 on lines are one signed difference per instruction, with a table of absolute lines for
 * some of them. Applied forwards from the line of definition the two give what luaG_getfuncline()
 * finds backwards.
 */
static int resolve_deltas(const struct lua_reader *reader, const struct puc_proto *proto,
			  const unsigned char *deltas, uint32_t nr, int32_t *lines)
{
	CLEANUP(cleanup_free) unsigned char *absolute = NULL;
	uint32_t nr_absolute = field_u32(proto, proto->at->proto_abs_lines_len);
	uint32_t line = field_u32(proto, proto->at->proto_first_line);
	uint32_t next = 0;
	int r;

	if (nr_absolute > nr)
		return -EBADMSG;
	r = copy_array(reader, field_u64(proto, proto->at->proto_abs_lines), nr_absolute,
		       ABS_LINE_BYTES, &absolute);
	if (r < 0)
		return r;
	for (uint32_t pc = 0; pc < nr; pc++) {
		uint32_t entry[2] = {UINT32_MAX, 0};

		if (next < nr_absolute)
			memcpy(entry, absolute + (size_t)next * ABS_LINE_BYTES, sizeof(entry));
		if (entry[0] == pc) {
			line = entry[1];
			next++;
		} else {
			int32_t delta = (int8_t)deltas[pc];

			line += (uint32_t)delta;
		}
		lines[pc] = (int32_t)line;
	}
	return 0;
}

static int write_lines(const struct lua_reader *reader, const struct puc_proto *proto,
		       struct proto_writer *writer)
{
	CLEANUP(cleanup_free) unsigned char *info = NULL;
	CLEANUP(cleanup_free) int32_t *lines = NULL;
	uint32_t nr = field_u32(proto, proto->at->proto_lines_len);
	bool deltas = proto->dialect >= LUA_DIALECT_54;
	int r;

	if (nr == 0)
		return 0;
	if (nr != writer->body.nr_code)
		return -EBADMSG;
	r = copy_array(reader, field_u64(proto, proto->at->proto_lines), nr, deltas ? 1 : 4, &info);
	if (r < 0)
		return r;
	lines = malloc(nr * sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	if (deltas)
		r = resolve_deltas(reader, proto, info, nr, lines);
	else
		memcpy(lines, info, nr * sizeof(*lines));
	return r < 0 ? r : proto_writer_lines(writer, lines);
}

/* Text of a string object; an absent one (stripped code) is empty. */
static int copy_text(const struct lua_reader *reader, uaddr_t string, struct buf *text)
{
	int r;

	buf_reset(text);
	if (string == 0)
		return 0;
	r = lua_string_copy(reader, string, PROTO_MAX_STRING, text);
	return r < 0 ? r : 0;
}

/* Of a nil or a boolean of 5.1 only the tag, or a part of the value, is defined. */
static void write_number(const unsigned char *value, struct proto_writer *writer)
{
	uint32_t tag = value[TAG_AT] & TAG_MASK;

	proto_writer_numbers(writer, &tag, sizeof(tag));
	if (tag == TAG_NUMBER || tag == TAG_NUMBER_2)
		proto_writer_numbers(writer, value, sizeof(uint64_t));
}

static int write_constants(const struct lua_reader *reader, const struct puc_proto *proto,
			   struct proto_writer *writer, struct buf *text)
{
	CLEANUP(cleanup_free) unsigned char *values = NULL;
	uint32_t nr = field_u32(proto, proto->at->proto_constants_len);
	int r = copy_array(reader, field_u64(proto, proto->at->proto_constants), nr, VALUE_BYTES,
			   &values);

	for (uint32_t i = 0; r == 0 && i < nr; i++) {
		const unsigned char *value = values + (size_t)i * VALUE_BYTES;
		uint32_t tag = value[TAG_AT] & TAG_MASK;

		if (tag != TAG_STRING && tag != TAG_LONG_STR) {
			write_number(value, writer);
			continue;
		}
		r = copy_text(reader, load_u64(value), text);
		if (r == 0)
			r = proto_writer_constant(writer, i, text->data, text->len);
	}
	return r;
}

static int write_locals(const struct lua_reader *reader, const struct puc_proto *proto,
			struct proto_writer *writer, struct buf *text)
{
	CLEANUP(cleanup_free) unsigned char *locals = NULL;
	uint32_t nr = field_u32(proto, proto->at->proto_locals_len);
	int r = copy_array(reader, field_u64(proto, proto->at->proto_locals), nr, LOCAL_BYTES,
			   &locals);

	for (uint32_t i = 0; r == 0 && i < nr; i++) {
		const unsigned char *local = locals + (size_t)i * LOCAL_BYTES;
		uint32_t range[2];

		memcpy(range, local + 8, sizeof(range));
		r = copy_text(reader, load_u64(local), text);
		if (r == 0)
			r = proto_writer_local(writer, range[0], range[1], text->data, text->len);
	}
	return r;
}

static int write_upvalues(const struct lua_reader *reader, const struct puc_proto *proto,
			  struct proto_writer *writer, struct buf *text)
{
	CLEANUP(cleanup_free) unsigned char *upvalues = NULL;
	size_t width = proto->dialect == LUA_DIALECT_51 ? UPVALUE_BYTES_51 : UPVALUE_BYTES;
	uint32_t nr = field_u32(proto, proto->at->proto_upvalues_len);
	int r = copy_array(reader, field_u64(proto, proto->at->proto_upvalues), nr, width,
			   &upvalues);

	for (uint32_t i = 0; r == 0 && i < nr; i++) {
		r = copy_text(reader, load_u64(upvalues + i * width), text);
		if (r == 0)
			r = proto_writer_upvalue(writer, text->data, text->len);
	}
	return r;
}

static int write_proto(const struct lua_reader *reader, uaddr_t object,
		       const struct bprof_proto_identity *identity, struct proto_writer *writer)
{
	struct puc_proto proto;
	struct buf text;
	uint8_t vararg;
	int r = read_header(reader, object, &proto);

	if (r < 0)
		return r;
	vararg = proto.bytes[proto.at->proto_is_vararg];
	if (proto.dialect == LUA_DIALECT_55)
		vararg &= VARARG_BITS_55;
	writer->body.is_vararg = vararg != 0;
	writer->body.nr_params = proto.bytes[proto.at->proto_nr_params];
	if (field_u32(&proto, proto.at->proto_code_len) != identity->code_len)
		return -EBADMSG;
	if (identity->code_len > PROTO_MAX_CODE)
		return 0;

	buf_init(&text, PROTO_MAX_STRING);
	r = write_code(reader, &proto, writer);
	if (r == 0)
		r = write_lines(reader, &proto, writer);
	proto_writer_begin_list(writer);
	if (r == 0)
		r = write_constants(reader, &proto, writer, &text);
	proto_writer_begin_list(writer);
	if (r == 0)
		r = write_locals(reader, &proto, writer, &text);
	proto_writer_begin_list(writer);
	if (r == 0)
		r = write_upvalues(reader, &proto, writer, &text);
	buf_done(&text);
	return r;
}

const struct proto_source proto_source_puc = {
	.identify = identify,
	.write = write_proto,
};
