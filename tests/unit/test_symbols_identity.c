/* SPDX-License-Identifier: MIT */
/*
 * Which frames are one function, and what it is called: from facts of a recording, made by hand.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "proto_writer.h"
#include "shapes.h"
#include "spaces.h"
#include "symbols.h"

#define CODE_LEN	       4U
#define LUA51_GETGLOBAL(a, bx) (5U | (a) << 6 | (bx) << 14)
#define LUA51_CALL(a)	       (28U | (a) << 6 | 1U << 23 | 1U << 14)
#define LUAJIT_FORL	       79U
#define LUAJIT_JFORL	       81U

/* A prototype; what is not set is the same in all of them. */
struct function_fact {
	uint64_t object;
	uint32_t pid;
	const char *chunk;
	int32_t first_line, last_line;
	uint8_t dialect;
	uint32_t code[CODE_LEN];
	const char *constant; /* number 0 */
	double number;
};

static struct spaces *spaces;
static struct symbols *symbols;
static uint64_t next_object;

static void setup(void)
{
	next_object = 0x1000;
	cr_assert(eq(int, spaces_new(&spaces), 0));
	cr_assert(eq(int, symbols_new(spaces, &symbols), 0));
}

static void teardown(void)
{
	symbols_free(symbols);
	spaces_free(spaces);
}

TestSuite(symbols_identity, .init = setup, .fini = teardown, .timeout = 10);

/* Adds the prototype to the facts and returns a frame in it. */
static struct bprof_frame add(const struct function_fact *f)
{
	static const int32_t lines[CODE_LEN] = {1, 1, 1, 1};
	struct proto_writer writer;
	struct buf out;

	next_object += 64;
	buf_init(&out, BPROF_MAX_RECORD);
	cr_assert(eq(int, proto_writer_begin(&writer, &out), 0));
	writer.body.pid = f->pid ? f->pid : 7;
	writer.body.object = f->object ? f->object : next_object;
	writer.body.fingerprint = 99;
	writer.body.dialect = f->dialect ? f->dialect : LUA_DIALECT_51;
	writer.body.family =
		writer.body.dialect >= LUA_DIALECT_LUAJIT ? BPROF_FAMILY_LUAJIT : BPROF_FAMILY_PUC;
	writer.body.first_line = f->first_line;
	writer.body.last_line = f->last_line;
	cr_assert(eq(int, proto_writer_code(&writer, f->code, CODE_LEN), 0));
	cr_assert(eq(int, proto_writer_lines(&writer, lines), 0));
	proto_writer_begin_list(&writer);
	if (f->constant)
		cr_assert(eq(int,
			     proto_writer_constant(&writer, 0, f->constant, strlen(f->constant)),
			     0));
	proto_writer_numbers(&writer, &f->number, sizeof(f->number));
	proto_writer_begin_list(&writer);
	proto_writer_begin_list(&writer);
	cr_assert(eq(int, proto_writer_chunkname(&writer, f->chunk, strlen(f->chunk)), 0));
	cr_assert(eq(int, proto_writer_end(&writer), 0));
	cr_assert(eq(int, spaces_add_body(spaces, (const void *)out.data), 0));
	buf_done(&out);
	return (struct bprof_frame){.object = f->object ? f->object : next_object,
				    .fingerprint = 99,
				    .pos = 2,
				    .flags = BPROF_FRAME_LUA};
}

/* A frame of a function that calls a global of this name at position 2. */
static struct bprof_frame add_caller_of(const char *name)
{
	return add(&(struct function_fact){.chunk = "@callers.lua",
					   .first_line = 100,
					   .last_line = 110,
					   .code = {0, LUA51_GETGLOBAL(3, 0U), LUA51_CALL(3)},
					   .constant = name});
}

static uint32_t function_of(uint32_t pid, const struct bprof_frame *frame)
{
	struct symbol_frame ret;

	cr_assert(eq(int, symbols_frame(symbols, spaces_current(spaces, pid), frame, &ret), 0));
	return ret.function;
}

static void call(const char *name, const struct bprof_frame *callee, uint64_t samples)
{
	struct bprof_frame caller = add_caller_of(name);
	uint32_t function = function_of(7, callee);

	symbols_weigh(symbols, function, samples);
	cr_assert(eq(int,
		     symbols_name_by_call(symbols, spaces_current(spaces, 7), &caller, callee,
					  function, samples),
		     0));
}

static const struct function * final(uint32_t function)
{
	size_t nr;
	const struct function *all;

	cr_assert(eq(int, symbols_finish(symbols), 0));
	all = symbols_functions(symbols, &nr);
	cr_assert(lt(ulong, function, nr));
	return &all[function];
}

#define BURN                                                                                       \
	{                                                                                          \
		.chunk = "@a.lua", .first_line = 3, .last_line = 5, .code = { 1, 2, 3, 4 }         \
	}

Test(symbols_identity, a_function_of_several_names_has_the_one_that_most_samples_used)
{
	struct bprof_frame f = add(&(struct function_fact)BURN);

	call("rarely", &f, 10);
	call("often", &f, 30);
	call("rarely", &f, 15);
	cr_expect(eq(str, (char *) final(function_of(7, &f))->name, "often"));
}

Test(symbols_identity, names_used_as_often_are_decided_by_the_alphabet)
{
	struct bprof_frame f = add(&(struct function_fact)BURN);

	call("beta", &f, 10);
	call("alpha", &f, 10);
	cr_expect(eq(str, (char *) final(function_of(7, &f))->name, "alpha"));
}

Test(symbols_identity, the_words_for_a_call_without_a_name_are_no_names)
{
	struct bprof_frame f = add(&(struct function_fact)BURN);

	call("?", &f, 100);
	call("integer index", &f, 100);
	call("known", &f, 10);
	cr_expect(eq(str, (char *) final(function_of(7, &f))->name, "known"));
}

Test(symbols_identity, copies_of_a_function_are_one)
{
	struct bprof_frame again = add(&(struct function_fact)BURN), f = again, other_process;
	struct function_fact elsewhere = BURN;

	f = add(&(struct function_fact)BURN);
	elsewhere.pid = 8;
	other_process = add(&elsewhere);
	cr_expect(eq(u32, function_of(7, &f), function_of(7, &again)));
	cr_expect(eq(u32, function_of(7, &f), function_of(8, &other_process)));
}

Test(symbols_identity, the_same_source_in_another_vm_is_the_same_function)
{
	struct function_fact other = BURN;
	struct bprof_frame f = add(&other), g;

	other.dialect = LUA_DIALECT_54;
	other.code[0] = 77;
	g = add(&other);
	cr_expect(eq(u32, function_of(7, &f), function_of(7, &g)));
}

Test(symbols_identity, two_functions_of_one_line_keep_their_own_names)
{
	struct function_fact facts[4] = {BURN, BURN, BURN, BURN};
	struct bprof_frame frame[4];
	char name[8];

	facts[1].code[3] = 44;	/* other instructions */
	facts[2].number = 2.5;	/* the same, with another number */
	facts[3].last_line = 6; /* a longer one */
	for (size_t i = 0; i < 4; i++)
		frame[i] = add(&facts[i]);
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "f%zu", i);
		call(name, &frame[i], 10);
	}
	for (size_t i = 0; i < 4; i++) {
		const struct function *f = final(function_of(7, &frame[i]));

		snprintf(name, sizeof(name), "f%zu", i);
		cr_expect(eq(str, (char *)f->name, name));
		cr_expect(eq(str, (char *)f->file, "a.lua"));
		cr_expect(eq(i32, f->line, 3));
	}
}

Test(symbols_identity, code_that_the_jit_has_rewritten_is_the_same)
{
	struct function_fact fact = {.chunk = "@j.lua",
				     .first_line = 3,
				     .last_line = 5,
				     .dialect = LUA_DIALECT_LUAJIT,
				     .code = {89, 18, LUAJIT_FORL | 0x7fff0000, 75}};
	struct bprof_frame fresh = add(&fact), compiled, other;

	fact.code[0] = 91;
	fact.code[2] = LUAJIT_JFORL | 5 << 16;
	compiled = add(&fact);
	fact.code[1] = 19;
	other = add(&fact);
	cr_expect(eq(u32, function_of(7, &fresh), function_of(7, &compiled)));
	cr_expect(ne(u32, function_of(7, &fresh), function_of(7, &other)));
}

/* Templates and the like: thousands of chunks under one name would drown all else. */
static void fill_a_crowd(struct bprof_frame *frame, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct function_fact fact = BURN;

		fact.code[3] = 100 + (uint32_t)i;
		frame[i] = add(&fact);
	}
}

Test(symbols_identity, a_crowd_in_one_place_is_one_function)
{
	struct bprof_frame frame[SHAPES_MAX + 1];

	fill_a_crowd(frame, SHAPES_MAX + 1);
	for (size_t i = 0; i <= SHAPES_MAX; i++) {
		cr_expect(eq(u32, function_of(7, &frame[i]), function_of(7, &frame[0])));
		call("render", &frame[i], 10);
	}
	cr_expect(eq(str, (char *) final(function_of(7, &frame[0]))->name, "render"));
}

Test(symbols_identity, a_crowd_of_several_names_has_none)
{
	struct bprof_frame frame[SHAPES_MAX + 1];

	fill_a_crowd(frame, SHAPES_MAX + 1);
	for (size_t i = 0; i <= SHAPES_MAX; i++)
		call(i == 0 ? "one" : "other", &frame[i], 10);
	cr_expect(eq(str, (char *) final(function_of(7, &frame[0]))->name, "<anonymous>"));
}

/* Stripped code of LuaJIT has no lines at all; a main chunk at least ends somewhere. */
Test(symbols_identity, a_stripped_function_is_no_main_chunk)
{
	struct function_fact fact = {.chunk = "=?", .dialect = LUA_DIALECT_LUAJIT, .code = {89}};
	struct bprof_frame stripped = add(&fact), chunk;

	fact.last_line = 9;
	chunk = add(&fact);
	cr_expect(eq(int, final(function_of(7, &stripped))->kind, FUNCTION_LUA));
	cr_expect(eq(int, final(function_of(7, &chunk))->kind, FUNCTION_MAIN_CHUNK));
}

static void add_symbol(uint64_t address, const char *symbol)
{
	struct bprof_symbol fact = {.pid = 7, .address = address};

	cr_assert(eq(int,
		     spaces_add_symbol(spaces, &fact, symbol, strlen(symbol), "lua5.4",
				       strlen("lua5.4")),
		     0));
}

/* A C function, of which the ELF file says @symbol. */
static struct bprof_frame add_c_function(const char *symbol)
{
	next_object += 64;
	add_symbol(next_object, symbol);
	return (struct bprof_frame){.object = next_object, .flags = BPROF_FRAME_C};
}

Test(symbols_identity, a_c_function_without_a_name_has_that_of_its_calls)
{
	static const struct {
		const char *symbol, *name;
	} rows[] = {
		{"lua5.4+0x2e810", "next_line"},
		{"gmatch_aux", "gmatch_aux"},
		{"lua5.4_open", "lua5.4_open"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bprof_frame f = add_c_function(rows[i].symbol);

		call("next_line", &f, 10);
		cr_expect(eq(str, (char *) final(function_of(7, &f))->name, (char *)rows[i].name));
	}
}

Test(symbols_identity, a_c_function_that_only_c_calls_is_known_by_its_place)
{
	struct bprof_frame f = add_c_function("lua5.4+0x8060");
	uint32_t function = function_of(7, &f);

	symbols_weigh(symbols, function, 10);
	cr_expect(eq(str, (char *) final(function)->name, "lua5.4+0x8060"));
}

/* A sample may fall on its first instruction before anybody knows that it is a C function of Lua.
 */
Test(symbols_identity, a_c_function_that_was_an_address_without_a_symbol_has_its_place)
{
	struct bprof_frame f = add_c_function("");
	uint32_t function;

	add_symbol(f.object, "lua5.4+0x8060");
	add_symbol(f.object, "");
	function = function_of(7, &f);
	symbols_weigh(symbols, function, 10);
	cr_expect(eq(str, (char *) final(function)->name, "lua5.4+0x8060"));
}

Test(symbols_identity, a_native_frame_is_not_called_by_the_place_of_a_c_function)
{
	static const struct {
		const char *symbol, *name;
	} rows[] = {{"lua5.4+0x8060", "[no symbol]"}, {"", "[no symbol]"}, {"memcpy", "memcpy"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bprof_frame f = add_c_function(rows[i].symbol);
		struct symbol_frame ret;

		cr_assert(eq(
			int,
			symbols_address(symbols, spaces_current(spaces, 7), f.object, false, &ret),
			0));
		cr_expect(eq(str, (char *) final(ret.function)->name, (char *)rows[i].name));
	}
}

Test(symbols_identity, hooks_finalizers_and_tail_calls_are_not_named_by_the_frame_below)
{
	static const struct {
		uint32_t flags;
		const char *kind, *name;
	} rows[] = {
		{0, "global", "callee"},
		{BPROF_FRAME_TAILCALL, "", ""},
		{BPROF_FRAME_BOUNDARY, "", ""},
		{BPROF_FRAME_BOUNDARY | BPROF_FRAME_HOOK, "hook", ""},
		{BPROF_FRAME_BOUNDARY | BPROF_FRAME_FINALIZER, "metamethod", "__gc"},
	};
	struct bprof_frame f = add(&(struct function_fact)BURN), caller = add_caller_of("callee");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bprof_frame callee = f;
		const char *kind;
		char name[64];

		callee.flags |= rows[i].flags;
		(void)symbols_call_name(spaces, spaces_current(spaces, 7), &caller, &callee, name,
					sizeof(name), &kind);
		cr_expect(eq(str, (char *)kind, (char *)rows[i].kind), "row %zu", i);
		cr_expect(eq(str, name, (char *)rows[i].name), "row %zu", i);
	}
}
