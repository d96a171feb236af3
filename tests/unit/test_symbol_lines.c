/* SPDX-License-Identifier: MIT */
/*
 * Records made by hand: what validation refuses, lines, names in dialects that no interpreter here
 * speaks, and how chunks and functions are shown.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto_writer.h"
#include "symbol.h"

static void begin(struct proto_writer *writer, struct buf *out, enum lua_dialect dialect)
{
	buf_init(out, BPROF_MAX_RECORD);
	cr_assert(eq(int, proto_writer_begin(writer, out), 0));
	writer->body.dialect = (__u8)dialect;
	writer->body.family =
		dialect >= LUA_DIALECT_LUAJIT ? BPROF_FAMILY_LUAJIT : BPROF_FAMILY_PUC;
}

static void add_code(struct proto_writer *writer, const uint32_t *code, uint32_t nr)
{
	cr_assert(eq(int, proto_writer_code(writer, code, nr), 0));
	proto_writer_begin_list(writer);
}

static void add_constant(struct proto_writer *writer, uint32_t index, const char *text)
{
	cr_assert(eq(int, proto_writer_constant(writer, index, text, strlen(text)), 0));
}

static struct proto_view end(struct proto_writer *writer)
{
	struct proto_view view;

	cr_assert(eq(int, proto_writer_chunkname(writer, "@a.lua", 6), 0));
	cr_assert(eq(int, proto_writer_end(writer), 0));
	cr_assert(eq(int, proto_view_init(writer->out->data, writer->out->len, &view), 0));
	return view;
}

/* A record with one of everything. */
static struct proto_view complete_record(struct buf *out)
{
	static const uint32_t code[] = {1, 2, 3};
	static const int32_t lines[] = {10, -1, 12};
	struct proto_writer writer;

	begin(&writer, out, LUA_DIALECT_54);
	cr_assert(eq(int, proto_writer_code(&writer, code, 3), 0));
	cr_assert(eq(int, proto_writer_lines(&writer, lines), 0));
	proto_writer_begin_list(&writer);
	add_constant(&writer, 5, "constant");
	proto_writer_begin_list(&writer);
	cr_assert(eq(int, proto_writer_local(&writer, 0, 3, "local", 5), 0));
	proto_writer_begin_list(&writer);
	cr_assert(eq(int, proto_writer_upvalue(&writer, "_ENV", 4), 0));
	return end(&writer);
}

/* ---- validation ---------------------------------------------------------------------------- */

Test(symbol_lines, a_line_is_known_only_where_the_record_has_one)
{
	struct buf out;
	struct proto_view view = complete_record(&out);

	cr_expect(eq(int, proto_line(&view, 0), 10));
	cr_expect(eq(int, proto_line(&view, 1), 0), "a negative line is none");
	cr_expect(eq(int, proto_line(&view, 2), 12));
	cr_expect(eq(int, proto_line(&view, 3), 0));
	cr_expect(eq(int, proto_line(&view, UINT32_MAX), 0));
	buf_done(&out);
}

Test(symbol_lines, a_record_cut_anywhere_is_refused)
{
	struct buf out;
	struct proto_view view = complete_record(&out);
	size_t needed = view.body.h.size;

	for (size_t size = 0; size < needed; size++) {
		char *copy = malloc(size + 1);

		memcpy(copy, out.data, size);
		cr_expect(eq(int, proto_view_init(copy, size, &view), -EBADMSG));
		free(copy);
	}
	buf_done(&out);
}

Test(symbol_lines, a_size_smaller_than_its_content_is_refused)
{
	struct buf out;
	struct proto_view view = complete_record(&out);
	struct bprof_proto_body body = view.body;

	/* The padding may go, nothing else. */
	for (body.h.size = 0; body.h.size < out.len - 8; body.h.size++) {
		memcpy(out.data, &body, sizeof(body));
		cr_expect(eq(int, proto_view_init(out.data, out.len, &view), -EBADMSG));
	}
	buf_done(&out);
}

Test(symbol_lines, counts_that_do_not_fit_are_refused)
{
	struct buf out;
	struct proto_view view = complete_record(&out);
	const struct bprof_proto_body good = view.body;
	size_t counts[] = {
		offsetof(struct bprof_proto_body, nr_code),
		offsetof(struct bprof_proto_body, nr_lines),
		offsetof(struct bprof_proto_body, nr_constants),
		offsetof(struct bprof_proto_body, nr_locals),
		offsetof(struct bprof_proto_body, nr_upvalues),
		offsetof(struct bprof_proto_body, chunkname_len),
	};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		uint32_t huge = UINT32_MAX;

		memcpy(out.data, &good, sizeof(good));
		memcpy(out.data + counts[i], &huge, sizeof(huge));
		cr_expect(eq(int, proto_view_init(out.data, out.len, &view), -EBADMSG));
	}
	memcpy(out.data, &good, sizeof(good));
	((struct bprof_proto_body *)(void *)out.data)->dialect = LUA_NR_DIALECTS;
	cr_expect(eq(int, proto_view_init(out.data, out.len, &view), -EBADMSG));
	buf_done(&out);
}

Test(symbol_lines, strings_beyond_their_share_are_left_out)
{
	char text[1000];
	struct proto_writer writer;
	struct proto_view view;
	struct buf out;

	memset(text, 'x', sizeof(text));
	begin(&writer, &out, LUA_DIALECT_54);
	add_code(&writer, NULL, 0);
	for (uint32_t i = 0; i < 10000; i++)
		cr_assert(eq(int, proto_writer_constant(&writer, i, text, sizeof(text)), 0));
	view = end(&writer);
	cr_expect(eq(u32, view.body.nr_constants, PROTO_MAX_CONSTANTS / (6 + PROTO_MAX_STRING)));
	cr_expect(lt(sz, out.len, PROTO_MAX_CONSTANTS + 256));
	buf_done(&out);
}

/* ---- names --------------------------------------------------------------------------------- */

static void expect_name(const struct proto_view *view, uint32_t pos, bool is_cont, const char *kind,
			const char *name)
{
	const char *got_kind;
	char got[64];

	(void)name_from_call(view, pos, is_cont, got, sizeof(got), &got_kind);
	cr_expect(strcmp(got_kind, kind) == 0 && strcmp(got, name) == 0,
		  "position %u: %s '%s' instead of %s '%s'", pos, got_kind, got, kind, name);
}

/* op 8 | A 8 | C 8 | B 8 */
static uint32_t luajit_code(uint32_t op, uint32_t a, uint32_t b, uint32_t c)
{
	return op | a << 8 | c << 16 | b << 24;
}

Test(symbol_lines, bit_operations_of_newer_luajit_write_their_slot)
{
	const uint32_t code[] = {
		luajit_code(96, 5, 0, 0), /* FUNCF */
		luajit_code(54, 1, 0, 0), /* GGET 1 "name" */
		luajit_code(90, 1, 2, 3), /* BAND 1: of 2026 */
		luajit_code(66, 1, 1, 1), /* CALL 1 */
	};

	for (int is_new = 0; is_new < 2; is_new++) {
		struct proto_writer writer;
		struct proto_view view;
		struct buf out;

		begin(&writer, &out, is_new ? LUA_DIALECT_LUAJIT_2026 : LUA_DIALECT_LUAJIT);
		add_code(&writer, code, 4);
		add_constant(&writer, 0, "name");
		view = end(&writer);
		expect_name(&view, 3, false, is_new ? "" : "global", is_new ? "" : "name");
		buf_done(&out);
	}
}

Test(symbol_lines, a_name_that_was_not_captured_is_no_name)
{
	const uint32_t code[] = {luajit_code(89, 5, 0, 0), luajit_code(54, 1, 0, 0),
				 luajit_code(66, 1, 1, 1)};
	struct proto_writer writer;
	struct proto_view view;
	struct buf out;

	begin(&writer, &out, LUA_DIALECT_LUAJIT);
	add_code(&writer, code, 3);
	view = end(&writer);
	expect_name(&view, 2, false, "", "");
	expect_name(&view, 3, false, "", "");
	expect_name(&view, UINT32_MAX, false, "", "");
	buf_done(&out);
}

Test(symbol_lines, moves_in_a_circle_end, .timeout = 5)
{
	uint32_t code[200];
	struct proto_writer writer;
	struct proto_view view;
	struct buf out;

	code[0] = luajit_code(89, 5, 0, 0);
	for (uint32_t i = 1; i < 199; i++)
		code[i] = luajit_code(18, i % 2, 0, 1 - i % 2); /* MOV 0 <-> 1 */
	code[199] = luajit_code(66, 1, 1, 1);
	begin(&writer, &out, LUA_DIALECT_LUAJIT);
	add_code(&writer, code, 200);
	view = end(&writer);
	expect_name(&view, 199, false, "", "");
	buf_done(&out);
}

/* op 7 | A 8 | k 1 | B 8 | C 8 */
static uint32_t lua54_code(uint32_t op, uint32_t a, uint32_t b, uint32_t c, uint32_t k)
{
	return op | a << 7 | k << 15 | b << 16 | c << 24;
}

Test(symbol_lines, lua_55_names_its_calls)
{
	const uint32_t code[] = {
		lua54_code(83, 0, 0, 0, 0), /* VARARGPREP */
		lua54_code(11, 0, 0, 7, 0), /* GETTABUP 0 _ENV "print" */
		lua54_code(68, 0, 1, 1, 0), /* CALL */
		lua54_code(20, 1, 0, 8, 0), /* SELF 1 0 "method": always a constant in 5.5 */
		lua54_code(68, 1, 2, 1, 0), /* CALL */
		lua54_code(46, 0, 1, 6, 0), /* MMBIN __add */
		lua54_code(76, 0, 0, 2, 0), /* TFORCALL */
		lua54_code(81, 0, 0, 0, 0), /* GETVARG 0 */
		lua54_code(68, 0, 1, 1, 0), /* CALL */
	};
	struct proto_writer writer;
	struct proto_view view;
	struct buf out;

	begin(&writer, &out, LUA_DIALECT_55);
	add_code(&writer, code, ARRAY_SIZE(code));
	add_constant(&writer, 7, "print");
	add_constant(&writer, 8, "method");
	proto_writer_begin_list(&writer);
	proto_writer_begin_list(&writer);
	cr_assert(eq(int, proto_writer_upvalue(&writer, "_ENV", 4), 0));
	view = end(&writer);
	expect_name(&view, 0, false, "", "");
	expect_name(&view, 2, false, "global", "print");
	expect_name(&view, 2, true, "hook", "?");
	expect_name(&view, 4, false, "method", "method");
	expect_name(&view, 5, true, "metamethod", "add");
	expect_name(&view, 6, false, "for iterator", "for iterator");
	expect_name(&view, 8, false, "", "");
	buf_done(&out);
}

Test(symbol_lines, a_long_name_is_cut_to_the_room_there_is)
{
	const uint32_t code[] = {luajit_code(89, 5, 0, 0), luajit_code(54, 1, 0, 0),
				 luajit_code(66, 1, 1, 1)};
	struct proto_writer writer;
	struct proto_view view;
	const char *kind;
	struct buf out;
	char name[5];

	begin(&writer, &out, LUA_DIALECT_LUAJIT);
	add_code(&writer, code, 3);
	add_constant(&writer, 0, "function");
	view = end(&writer);
	cr_expect(eq(int, name_from_call(&view, 2, false, name, sizeof(name), &kind), 1));
	cr_expect(strcmp(name, "func") == 0);
	cr_expect(eq(int, name_from_call(&view, 2, false, NULL, 0, &kind), 1));
	buf_done(&out);
}

/* ---- display ------------------------------------------------------------------------------- */

static void expect_chunk(const char *chunkname, const char *wanted)
{
	struct buf out;

	buf_init(&out, 4096);
	cr_assert(eq(int, chunk_display(chunkname, strlen(chunkname), &out), 0));
	cr_expect(strcmp(out.data, wanted) == 0, "%s instead of %s", out.data, wanted);
	buf_done(&out);
}

Test(symbol_lines, chunks_are_shown_as_lua_shows_them_but_paths_uncut)
{
	char path[202] = "@", shown[202] = "";

	memset(path + 1, 'p', 200);
	memset(shown, 'p', 200);
	expect_chunk("@spec/a.lua", "spec/a.lua");
	expect_chunk(path, shown);
	expect_chunk("=stdin", "stdin");
	expect_chunk("=", "");
	expect_chunk("", "?");
	expect_chunk("return 1", "[string \"return 1\"]");
	expect_chunk("-- first\nreturn 1", "[string \"-- first...\"]");
	expect_chunk("\nreturn 1", "[string \"...\"]");
	/* The longest line that luaO_chunkid() leaves whole has 44 bytes. */
	expect_chunk("12345678901234567890123456789012345678901234",
		     "[string \"12345678901234567890123456789012345678901234\"]");
	expect_chunk("123456789012345678901234567890123456789012345",
		     "[string \"123456789012345678901234567890123456789012345...\"]");
	expect_chunk("1234567890123456789012345678901234567890123456",
		     "[string \"123456789012345678901234567890123456789012345...\"]");
}

Test(symbol_lines, functions_are_shown_with_the_place_of_their_definition)
{
	struct buf out;

	buf_init(&out, 4096);
	cr_assert(eq(int, function_display("burn", "@a.lua", 6, 2, &out), 0));
	cr_expect(strcmp(out.data, "burn (a.lua:2)") == 0);
	buf_reset(&out);
	cr_assert(eq(int, function_display("", "@a.lua", 6, 9, &out), 0));
	cr_expect(strcmp(out.data, "<anonymous> (a.lua:9)") == 0);
	buf_reset(&out);
	cr_assert(eq(int, function_display(NULL, "=stdin", 6, 0, &out), 0));
	cr_expect(strcmp(out.data, "main chunk (stdin)") == 0);
	buf_done(&out);
	buf_init(&out, 10);
	cr_expect(eq(int, function_display("burn", "@a.lua", 6, 2, &out), -E2BIG));
	cr_expect(eq(sz, out.len, 0), "nothing is left half written");
	buf_done(&out);
}
