/* SPDX-License-Identifier: MIT */
/*
 * Manages discovery and proof of a LuaJIT 2.1 layout.
 *
 *	GG_State:  main lua_State | global_State ..., jit_State, hot counters, dispatch table
 *	           ^ X            ^ G = X + 96, 104 or 112 (64, 72, 80)
 *	global_State:  ..., vmstate, mainthref, ..., bc_cfunc_int, bc_cfunc_ext, cur_L, jit_base,
 *...
 *
 * Offsets in the lua_State, functions and prototypes never changed (struct model); those in the
 *global_State did, with every few months of development and without any change of the version. They
 *are found by what they must contain: bc_cfunc   two instructions BC_FUNCC with A = LUA_MINSTACK;
 *cur_L and jit_base follow mainthref  points to X, at one of the offsets it ever had (the GC's gray
 *list can point to X too, so the pointer alone proves nothing) dispatch   the first 90 words in a
 *row that point into the interpreter's code Only the place of the trace table leaves no mark: it
 *comes from a table, and is checked.
 *
 * Facts: lj_obj.h, lj_dispatch.h, lj_frame.h, lj_state.c, lj_jit.h of LuaJIT 2.1 (copyright Mike
 * Pall, MIT).
 */
#include <stdio.h>
#include <string.h>

#include "discover_luajit.h"

const struct model luajit_models[] = {
	{.ref = 8,
	 .type = 9,
	 .state_glref = 16,
	 .state_base = 32,
	 .state_maxstack = 48,
	 .state_stack = 56,
	 .function_ffid = 10,
	 .function_pc = 32,
	 .proto_code_len = 12,
	 .proto_bytes = 104,
	 .frame = 16,
	 .string = {{20, 24}, {16, 24}},
	 .state_sizes = {96, 104, 112}},
	{.ref = 4,
	 .type = 5,
	 .state_glref = 8,
	 .state_base = 16,
	 .state_maxstack = 32,
	 .state_stack = 36,
	 .function_ffid = 6,
	 .function_pc = 16,
	 .proto_code_len = 8,
	 .proto_bytes = 64,
	 .frame = 8,
	 .string = {{16, 20}, {12, 16}},
	 .state_sizes = {64, 72, 80}},
};

/* Limits of the search */
#define GLOBAL_BYTES	8192
#define GLOBAL_CHUNK	512
#define CFUNC_FIRST	64
#define CFUNC_LAST	1024
#define DISPATCH_RUN	90 /* fewer than the opcodes there ever were */
#define FUNCC_LOWEST	80
#define FUNCC_HIGHEST	140
#define MIN_STACK	20 /* LUA_MINSTACK */
#define MAX_TRACES	65536
#define VMSTATE_LOWEST	(-10)
#define VMSTATE_HIGHEST 65535

/* The start of global_State, copied once. */
struct global_copy {
	uaddr_t global, main;
	size_t bytes;
	uint8_t byte[GLOBAL_BYTES];
};

static bool copy_word(const struct global_copy *g, size_t offset, uint64_t *ret)
{
	if (offset + sizeof(*ret) > g->bytes)
		return false;
	memcpy(ret, g->byte + offset, sizeof(*ret));
	return true;
}

static bool copy_u32(const struct global_copy *g, size_t offset, uint32_t *ret)
{
	if (offset + sizeof(*ret) > g->bytes)
		return false;
	memcpy(ret, g->byte + offset, sizeof(*ret));
	return true;
}

static bool copy_ref(const struct global_copy *g, const struct model *m, size_t offset,
		     uint64_t *ret)
{
	uint32_t narrow;

	if (m->ref == sizeof(*ret))
		return copy_word(g, offset, ret);
	if (!copy_u32(g, offset, &narrow))
		return false;
	*ret = narrow;
	return true;
}

/* A lua_State of this VM? */
static bool is_state_of(const struct mem_reader *mem, const struct model *m, uaddr_t state,
			uaddr_t global)
{
	uint64_t glref;
	uint8_t type;

	return is_object_address(state) && read_byte(mem, state + m->type, &type) &&
	       type == TYPE_THREAD && read_ref(mem, m, state + m->state_glref, &glref) &&
	       glref == global;
}

/* ---- reading the offsets off the memory ------------------------------------------------------ */

/* Finds the main thread, which lies directly below global_State. */
static int find_main(const struct mem_reader *mem, uaddr_t state, struct global_copy *g,
		     struct luajit_layout *l)
{
	const struct model *m = model_of(l);
	uint64_t global;

	if (!read_ref(mem, m, state + m->state_glref, &global) || !is_object_address(global) ||
	    !is_state_of(mem, m, state, global))
		return -ENOENT;
	g->global = global;
	g->main = 0;
	for (size_t i = 0; i < ARRAY_SIZE(m->state_sizes); i++) {
		if (!is_state_of(mem, m, global - m->state_sizes[i], global))
			continue;
		if (g->main)
			return -ENOENT;
		g->main = global - m->state_sizes[i];
		l->state_bytes = m->state_sizes[i];
	}
	return g->main ? 0 : -ENOENT;
}

/* Finds the object model and the main thread, and copies global_State. */
static int copy_global(const struct mem_reader *mem, uaddr_t state, struct global_copy *g,
		       struct luajit_layout *l)
{
	uaddr_t global;

	if (find_main(mem, state, g, l) < 0) {
		l->refs32 = 1;
		if (find_main(mem, state, g, l) < 0)
			return -ENOENT;
	}
	global = g->global;

	/* In pieces: what lies behind GG_State need not be mapped. */
	for (g->bytes = 0; g->bytes < GLOBAL_BYTES; g->bytes += GLOBAL_CHUNK) {
		if (mem_read(mem, g->byte + g->bytes, GLOBAL_CHUNK, global + g->bytes) < 0)
			break;
	}
	return g->bytes ? 0 : -ENOENT;
}

/* BC_FUNCC | LUA_MINSTACK << 8, twice; the second may be the variant for wrapped functions. */
static bool is_cfunc_pair(uint32_t first, uint32_t second)
{
	unsigned op = first & 0xff, op_after = second & 0xff;

	return first >> 8 == MIN_STACK && second >> 8 == MIN_STACK && op >= FUNCC_LOWEST &&
	       op <= FUNCC_HIGHEST && (op_after == op || op_after == op + 1);
}

static int find_current_state(const struct mem_reader *mem, const struct global_copy *g,
			      struct luajit_layout *l, uint32_t *ret_dialect)
{
	const struct model *m = model_of(l);

	for (uint16_t offset = CFUNC_FIRST; offset < CFUNC_LAST; offset += 8) {
		uint32_t first, second;
		uint64_t current;

		if (!copy_u32(g, offset, &first) || !copy_u32(g, offset + 4U, &second) ||
		    !copy_ref(g, m, offset + 8U, &current))
			return -ENOENT;
		if (!is_cfunc_pair(first, second) ||
		    (current && !is_state_of(mem, m, current, g->global)))
			continue;
		l->bc_cfunc = offset;
		l->cur_L = (uint16_t)(offset + 8);
		l->jit_base = (uint16_t)(offset + 8 + m->ref);
		l->funcc_op = (uint8_t)first;
		if (l->funcc_op == 95)
			*ret_dialect = LUA_DIALECT_LUAJIT;
		else if (l->funcc_op == 102)
			*ret_dialect = LUA_DIALECT_LUAJIT_2026;
		else
			return -ENOTSUP; /* a numbering of instructions that we do not know */
		return 0;
	}
	return -ENOENT;
}

static int find_era(const struct global_copy *g, struct luajit_layout *l)
{
	const struct luajit_era *found = NULL;

	for (size_t i = 0; i < luajit_nr_eras; i++) {
		const struct luajit_era *era = &luajit_eras[i];
		uint64_t main, registry;

		if (era->refs32 != l->refs32 || !copy_ref(g, model_of(l), era->mainthread, &main) ||
		    main != g->main || !copy_word(g, era->registry, &registry) ||
		    !is_value(model_of(l), registry, VALUE_TABLE))
			continue;
		if (found)
			return -ENOENT;
		found = era;
	}
	if (!found)
		return -ENOENT;
	l->mainthread = found->mainthread;
	l->vmstate = found->vmstate;
	l->registry = found->registry;
	return found->supported ? 0 : -ENOTSUP;
}

static int find_dispatch(const struct discover_env *env, const struct global_copy *g,
			 struct luajit_layout *l)
{
	unsigned run = 0;

	for (size_t offset = (l->jit_base + 7U) & ~7U; offset + 8 <= g->bytes; offset += 8) {
		uint64_t word;

		if (!copy_word(g, offset, &word))
			break;
		run = word && env->is_code(env->ctx, word) ? run + 1 : 0;
		if (run == DISPATCH_RUN) {
			l->dispatch = (uint16_t)(offset - (DISPATCH_RUN - 1) * 8);
			return 0;
		}
	}
	return -ENOENT;
}

/* The extent of the assembler code is the FDE of its lowest handler. */
static int find_code(const struct mem_reader *mem, const struct discover_env *env,
		     const struct global_copy *g, struct luajit_layout *l)
{
	uint64_t handler[DISPATCH_RUN], lowest = UINT64_MAX;
	uaddr_t start, end;

	memcpy(handler, g->byte + l->dispatch, sizeof(handler));
	/* With a hook set or a trace being recorded all handlers are the same one. */
	if (handler[0] == handler[1] && handler[1] == handler[2])
		return -EAGAIN;
	for (size_t i = 0; i < DISPATCH_RUN; i++) {
		if (handler[i] < lowest)
			lowest = handler[i];
	}
	if (env->code_range(env->ctx, lowest, &start, &end) < 0 || lowest < start || end <= start)
		return -ENODATA;
	for (size_t i = 0; i < DISPATCH_RUN; i++) {
		if (handler[i] < start || handler[i] >= end)
			return -ENOENT;
	}
	l->vm_offset = handler[0] - start;
	l->vm_bytes = end - start;
	return luajit_find_cframe(mem, start, l);
}

static bool is_string(const uint8_t header[16])
{
	return header[luajit_models[0].type] == TYPE_STRING;
}

static bool is_string32(const uint8_t header[16])
{
	return header[luajit_models[1].type] == TYPE_STRING;
}

static int find_string_length(const struct mem_reader *mem, const struct global_copy *g,
			      struct luajit_layout *l)
{
	const struct model *m = model_of(l);

	for (size_t i = 0; i < ARRAY_SIZE(m->string); i++) {
		uaddr_t name;
		uint32_t len;

		if (discover_find_index_name(mem, g->global + l->jit_base, CFUNC_LAST, m->ref,
					     m->string[i].data, l->refs32 ? is_string32 : is_string,
					     &name) < 0 ||
		    !read_u32(mem, name + m->string[i].len, &len) || len != strlen("__index"))
			continue;
		l->string_len = m->string[i].len;
		l->string_data = m->string[i].data;
		return 0;
	}
	return -ENOENT;
}

/* J.trace: an array of pointers to traces, or none yet. Slot 0 is never used. */
static bool is_trace_table(const struct mem_reader *mem, const struct global_copy *g,
			   const struct model *m, size_t offset)
{
	uint32_t free_trace, size;
	uint64_t table;

	if (!copy_word(g, offset, &table) || !copy_u32(g, offset + 8, &free_trace) ||
	    !copy_u32(g, offset + 12, &size))
		return false;
	if (size == 0)
		return table == 0;
	if (!is_object_address(table) || size > MAX_TRACES || free_trace > size)
		return false;
	for (uint32_t i = 1; i < size && i < 8; i++) {
		uint64_t trace;
		uint8_t type;

		if (!read_ref(mem, m, table + (uaddr_t)m->ref * i, &trace))
			return false;
		if (trace && (!is_object_address(trace) ||
			      !read_byte(mem, trace + m->type, &type) || type != TYPE_TRACE))
			return false;
	}
	return true;
}

/* Where the build is not in the table traces have no lines; stacks are right anyway. */
static void find_traces(const struct mem_reader *mem, const struct global_copy *g,
			struct luajit_layout *l)
{
	l->trace_table = 0;
	l->snapshot_mcode = 0;
	for (size_t i = 0; i < luajit_nr_builds; i++) {
		const struct luajit_build *build = &luajit_builds[i];

		if (build->bc_cfunc != l->bc_cfunc || build->dispatch != l->dispatch ||
		    build->state_bytes != l->state_bytes ||
		    !is_trace_table(mem, g, model_of(l), build->trace_table))
			continue;
		l->trace_table = build->trace_table;
		l->snapshot_mcode = build->snapshot_mcode;
		return;
	}
}

static int derive_layout(const struct mem_reader *mem, const struct discover_env *env,
			 struct global_copy *g, struct lua_layout *layout)
{
	struct luajit_layout *l = &layout->luajit;
	int r;

	r = find_current_state(mem, g, l, &layout->dialect);
	if (r < 0)
		return r;
	r = find_era(g, l);
	if (r < 0)
		return r;
	r = find_dispatch(env, g, l);
	if (r < 0)
		return r;
	r = find_string_length(mem, g, l);
	if (r < 0)
		return r;
	r = find_code(mem, env, g, l);
	if (r < 0)
		return r;
	find_traces(mem, g, l);
	return lua_layout_valid(layout) ? 0 : -ENOENT;
}

int luajit_discover(const struct mem_reader *mem, const struct discover_env *env, uaddr_t state,
		    const char *version_hint, struct discovery *ret)
{
	struct discovery d = {.layout.family = BPROF_FAMILY_LUAJIT};
	CLEANUP(cleanup_free) struct global_copy *g = malloc(sizeof(*g));
	bool hinted = version_hint && strncmp(version_hint, "LuaJIT", strlen("LuaJIT")) == 0;
	int r;

	if (!g)
		return -ENOMEM;
	r = copy_global(mem, state, g, &d.layout.luajit);
	if (r < 0)
		return r;
	r = derive_layout(mem, env, g, &d.layout);
	if (r < 0)
		return r;
	r = luajit_matches(mem, &d.layout.luajit, state, &d.vm);
	if (r < 0)
		return r;
	snprintf(d.version, sizeof(d.version), "%s", hinted ? version_hint : "LuaJIT 2.1");
	*ret = d;
	return 0;
}

/* ---- proof by self-reference ----------------------------------------------------------------- */

static int check_handlers(const struct mem_reader *mem, const struct luajit_layout *l,
			  struct lua_vm *vm)
{
	/* The word before the table is the end of the hot counters: no address of code. */
	uint64_t word[1 + DISPATCH_RUN], *handler = word + 1;

	if (mem_read(mem, word, sizeof(word), vm->global + l->dispatch - 8) < 0)
		return -ENOENT;
	if (handler[0] == handler[1] && handler[1] == handler[2])
		return handler[0] ? -EAGAIN : -ENOENT;
	if (handler[0] < l->vm_offset)
		return -ENOENT;
	vm->vm_start = handler[0] - l->vm_offset;
	vm->vm_end = vm->vm_start + l->vm_bytes;
	if (word[0] + l->vm_bytes >= vm->vm_start && word[0] < vm->vm_end)
		return -ENOENT;
	for (size_t i = 0; i < DISPATCH_RUN; i++) {
		if (handler[i] < vm->vm_start || handler[i] >= vm->vm_end)
			return -ENOENT;
	}
	return 0;
}

static bool check_registry(const struct mem_reader *mem, uaddr_t global,
			   const struct luajit_layout *l)
{
	const struct model *m = model_of(l);
	uint64_t registry;
	uint8_t type;

	return read_word(mem, global + l->registry, &registry) &&
	       is_value(m, registry, VALUE_TABLE) &&
	       read_byte(mem, value_address(m, registry) + m->type, &type) && type == TYPE_TABLE;
}

static bool check_running(const struct mem_reader *mem, uaddr_t global,
			  const struct luajit_layout *l)
{
	const struct model *m = model_of(l);
	uint64_t current, jit_base;
	uint32_t vmstate;

	if (!read_ref(mem, m, global + l->cur_L, &current) ||
	    !read_ref(mem, m, global + l->jit_base, &jit_base) ||
	    !read_u32(mem, global + l->vmstate, &vmstate))
		return false;
	if (current && !is_state_of(mem, m, current, global))
		return false;
	if (jit_base && (jit_base % 8 != 0 || !current))
		return false;
	return (int32_t)vmstate >= VMSTATE_LOWEST && (int32_t)vmstate <= VMSTATE_HIGHEST;
}

int luajit_matches(const struct mem_reader *mem, const struct luajit_layout *l, uaddr_t state,
		   struct lua_vm *ret)
{
	const struct model *m = model_of(l);
	struct lua_vm vm = {.family = BPROF_FAMILY_LUAJIT};
	uint32_t cfunc[2];
	uint64_t global, main;
	int r;

	if (!read_ref(mem, m, state + m->state_glref, &global) || !is_object_address(global) ||
	    !is_state_of(mem, m, state, global))
		return -ENOENT;
	vm.global = global;
	vm.main = global - l->state_bytes;
	if (!read_ref(mem, m, global + l->mainthread, &main) || main != vm.main ||
	    !is_state_of(mem, m, vm.main, global))
		return -ENOENT;
	if (mem_read(mem, cfunc, sizeof(cfunc), global + l->bc_cfunc) < 0 ||
	    !is_cfunc_pair(cfunc[0], cfunc[1]) || (cfunc[0] & 0xff) != l->funcc_op)
		return -ENOENT;
	if (l->cur_L != l->bc_cfunc + 8 || !check_running(mem, global, l) ||
	    !check_registry(mem, global, l))
		return -ENOENT;
	r = check_handlers(mem, l, &vm);
	if (r < 0)
		return r;
	*ret = vm;
	return 0;
}

uaddr_t luajit_signature(uaddr_t at, uint64_t word)
{
	for (size_t i = 0; i < ARRAY_SIZE(luajit_models); i++) {
		const struct model *m = &luajit_models[i];
		uint64_t ref = m->ref == 8 ? word : (uint32_t)word;

		for (size_t k = 0; k < ARRAY_SIZE(m->state_sizes); k++)
			if (ref - at == (uint64_t)m->state_sizes[k] - m->state_glref)
				return at - m->state_glref;
	}
	return 0;
}
