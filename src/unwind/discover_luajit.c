/* SPDX-License-Identifier: MIT */
/*
 * Manages discovery and proof of a LuaJIT 2.1 (GC64) layout.
 *
 *	GG_State:  main lua_State | global_State ..., jit_State, hot counters, dispatch table
 *	           ^ X            ^ G = X + 96, 104 or 112
 *	global_State:  ..., vmstate, mainthref, ..., bc_cfunc_int, bc_cfunc_ext, cur_L, jit_base,
 *...
 *
 * Offsets in the lua_State, functions and prototypes never changed; those in the global_State did,
 * with every few months of development and without any change of the version. They are found by
 * what they must contain:
 *   bc_cfunc   two instructions BC_FUNCC with A = LUA_MINSTACK; cur_L and jit_base follow
 *   mainthref  points to X, at one of the offsets it ever had (the GC's gray list can point to X
 *              too, so the pointer alone proves nothing)
 *   dispatch   the first 90 words in a row that point into the interpreter's code
 * Only the place of the trace table leaves no mark: it comes from a table, and is checked.
 *
 * Facts: lj_obj.h, lj_dispatch.h, lj_frame.h, lj_state.c, lj_jit.h of LuaJIT 2.1 (copyright Mike
 * Pall, MIT).
 */
#include <stdio.h>
#include <string.h>

#include "discover_family.h"

/* lua_State, GCfunc, GCproto in GC64 builds */
#define OBJECT_TYPE    9 /* gct */
#define STATE_GLREF    16
#define STATE_BASE     32
#define STATE_MAXSTACK 48
#define STATE_STACK    56
#define STATE_PART     96 /* bytes of a lua_State that we read */
#define FUNCTION_FFID  10
#define FUNCTION_PC    32
#define PROTO_CODE_LEN 12
#define PROTO_BYTES    104 /* the bytecode follows */
#define STRING_DATA    24
#define TYPE_STRING    4
#define TYPE_THREAD    6
#define TYPE_PROTO     7
#define TYPE_FUNCTION  8
#define TYPE_TABLE     11
#define TYPE_TRACE     9
#define VALUE_ADDRESS  ((1ULL << 47) - 1)
#define VALUE_TABLE    0x1fff4ULL /* the 17 bits above: ~11, ~6 */
#define VALUE_THREAD   0x1fff9ULL

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
#define MAX_FRAMES	65536
#define MAX_CODE	(1U << 26)
#define VMSTATE_LOWEST	(-10)
#define VMSTATE_HIGHEST 65535
#define STACK_EXTRA	512 /* bytes a base may lie above maxstack */

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

/* A lua_State of this VM? */
static bool is_state_of(const struct mem_reader *mem, uaddr_t state, uaddr_t global)
{
	uint8_t header[STATE_GLREF + 8];
	uint64_t glref;

	if (!is_object_address(state) || mem_read(mem, header, sizeof(header), state) < 0)
		return false;
	memcpy(&glref, header + STATE_GLREF, sizeof(glref));
	return header[OBJECT_TYPE] == TYPE_THREAD && glref == global;
}

static bool is_value(uint64_t value, uint64_t type)
{
	return value >> 47 == type && is_object_address(value & VALUE_ADDRESS);
}

/* ---- reading the offsets off the memory ------------------------------------------------------ */

static const uint16_t state_sizes[] = {96, 104, 112}; /* OpenResty adds exdata, then exdata2 */

/* Finds the main thread, which lies directly below global_State, and copies the latter. */
static int copy_global(const struct mem_reader *mem, uaddr_t state, struct global_copy *g,
		       struct luajit_layout *l)
{
	uint64_t global;

	if (!read_word(mem, state + STATE_GLREF, &global) || !is_object_address(global) ||
	    !is_state_of(mem, state, global))
		return -ENOENT;
	g->global = global;
	g->main = 0;
	for (size_t i = 0; i < ARRAY_SIZE(state_sizes); i++) {
		if (!is_state_of(mem, global - state_sizes[i], global))
			continue;
		if (g->main)
			return -ENOENT;
		g->main = global - state_sizes[i];
		l->state_bytes = state_sizes[i];
	}
	if (!g->main)
		return -ENOENT;

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
	for (uint16_t offset = CFUNC_FIRST; offset < CFUNC_LAST; offset += 8) {
		uint32_t first, second;
		uint64_t current;

		if (!copy_u32(g, offset, &first) || !copy_u32(g, offset + 4U, &second) ||
		    !copy_word(g, offset + 8U, &current))
			return -ENOENT;
		if (!is_cfunc_pair(first, second) ||
		    (current && !is_state_of(mem, current, g->global)))
			continue;
		l->bc_cfunc = offset;
		l->cur_L = (uint16_t)(offset + 8);
		l->jit_base = (uint16_t)(offset + 16);
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

		if (!copy_word(g, era->mainthread, &main) || main != g->main ||
		    !copy_word(g, era->registry, &registry) || !is_value(registry, VALUE_TABLE))
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

	for (size_t offset = l->jit_base; offset + 8 <= g->bytes; offset += 8) {
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
static int find_code(const struct discover_env *env, const struct global_copy *g,
		     struct luajit_layout *l)
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
	return 0;
}

static bool is_string(const uint8_t header[16])
{
	return header[OBJECT_TYPE] == TYPE_STRING;
}

static int find_string_length(const struct mem_reader *mem, const struct global_copy *g,
			      struct luajit_layout *l)
{
	static const uint8_t places[] = {20, 16};
	uaddr_t name;
	int r = discover_find_index_name(mem, g->global + l->jit_base, CFUNC_LAST, STRING_DATA,
					 is_string, &name);

	if (r < 0)
		return r;
	l->string_data = STRING_DATA;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint32_t len;

		if (!read_u32(mem, name + places[i], &len) || len != strlen("__index"))
			continue;
		l->string_len = places[i];
		return 0;
	}
	return -ENOENT;
}

/* J.trace: an array of pointers to traces, or none yet. Slot 0 is never used. */
static bool is_trace_table(const struct mem_reader *mem, const struct global_copy *g, size_t offset)
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

		if (!read_word(mem, table + 8ULL * i, &trace))
			return false;
		if (trace && (!is_object_address(trace) ||
			      !read_byte(mem, trace + OBJECT_TYPE, &type) || type != TYPE_TRACE))
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
		    !is_trace_table(mem, g, build->trace_table))
			continue;
		l->trace_table = build->trace_table;
		l->snapshot_mcode = build->snapshot_mcode;
		return;
	}
}

/* Builds without GC64 keep 32-bit references: glref is at 8, and G 64 or 80 bytes further on. */
static bool is_without_gc64(const struct mem_reader *mem, uaddr_t state)
{
	static const uint16_t main_threads[] = {140, 128, 240};
	uint32_t header[3], main;

	if (mem_read(mem, header, sizeof(header), state) < 0 ||
	    (header[1] >> 8 & 0xff) != TYPE_THREAD || state > UINT32_MAX)
		return false;
	if (header[2] - (uint32_t)state != 64 && header[2] - (uint32_t)state != 80)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(main_threads); i++) {
		if (read_u32(mem, (uaddr_t)header[2] + main_threads[i], &main) &&
		    main == (uint32_t)state)
			return true;
	}
	return false;
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
	r = find_code(env, g, l);
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
		return is_without_gc64(mem, state) ? -ENOTSUP : r;
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
	uint64_t registry;
	uint8_t type;

	return read_word(mem, global + l->registry, &registry) && is_value(registry, VALUE_TABLE) &&
	       read_byte(mem, (registry & VALUE_ADDRESS) + OBJECT_TYPE, &type) &&
	       type == TYPE_TABLE;
}

static bool check_running(const struct mem_reader *mem, uaddr_t global,
			  const struct luajit_layout *l)
{
	uint64_t current, jit_base;
	uint32_t vmstate;

	if (!read_word(mem, global + l->cur_L, &current) ||
	    !read_word(mem, global + l->jit_base, &jit_base) ||
	    !read_u32(mem, global + l->vmstate, &vmstate))
		return false;
	if (current && !is_state_of(mem, current, global))
		return false;
	if (jit_base && (jit_base % 8 != 0 || !current))
		return false;
	return (int32_t)vmstate >= VMSTATE_LOWEST && (int32_t)vmstate <= VMSTATE_HIGHEST;
}

int luajit_matches(const struct mem_reader *mem, const struct luajit_layout *l, uaddr_t state,
		   struct lua_vm *ret)
{
	struct lua_vm vm = {.family = BPROF_FAMILY_LUAJIT};
	uint32_t cfunc[2];
	uint64_t global, main;
	int r;

	if (!read_word(mem, state + STATE_GLREF, &global) || !is_object_address(global) ||
	    !is_state_of(mem, state, global))
		return -ENOENT;
	vm.global = global;
	vm.main = global - l->state_bytes;
	if (!read_word(mem, global + l->mainthread, &main) || main != vm.main ||
	    !is_state_of(mem, vm.main, global))
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

/* ---- proof by a walk ------------------------------------------------------------------------- */

/* One walk down the stack of a lua_State. */
struct walk {
	const struct mem_reader *mem;
	uaddr_t state, bottom, limit;
	uaddr_t base;
	uaddr_t code, code_end; /* bytecode of the frame's function; 0 = not a Lua function */
	unsigned nr_lua;
};

static bool enter_lua_function(struct walk *w, uaddr_t function)
{
	uint8_t proto[PROTO_CODE_LEN + 4];
	uint32_t code_len;

	if (!read_word(w->mem, function + FUNCTION_PC, &w->code) || w->code < PROTO_BYTES ||
	    mem_read(w->mem, proto, sizeof(proto), w->code - PROTO_BYTES) < 0)
		return false;
	memcpy(&code_len, proto + PROTO_CODE_LEN, sizeof(code_len));
	if (proto[OBJECT_TYPE] != TYPE_PROTO || code_len == 0 || code_len > MAX_CODE)
		return false;
	w->code_end = w->code + 4ULL * code_len;
	w->nr_lua++;
	return true;
}

/* Looks at the function of the frame at w->base. */
static bool enter_frame(struct walk *w)
{
	uint8_t header[FUNCTION_FFID + 1];
	uint64_t value;
	uaddr_t function;

	w->code = w->code_end = 0;
	if (!read_word(w->mem, w->base - 16, &value))
		return false;
	function = value & VALUE_ADDRESS;
	if (function == w->state)
		return true; /* a frame of the VM's own, on error paths */
	if (!is_object_address(function) ||
	    mem_read(w->mem, header, sizeof(header), function) < 0 ||
	    header[OBJECT_TYPE] != TYPE_FUNCTION)
		return false;
	return header[FUNCTION_FFID] != 0 || enter_lua_function(w, function);
}

/* Steps to the caller: by the operand of its call instruction, or by a distance. */
static bool leave_frame(struct walk *w)
{
	uint64_t link, distance;
	uint8_t operand = 0;
	bool from_lua;

	if (!read_word(w->mem, w->base - 8, &link))
		return false;
	from_lua = (link & 3) == 0;
	if (from_lua && !read_byte(w->mem, link - 3, &operand))
		return false;
	distance = from_lua ? 8 * (2 + (uint64_t)operand) : link & ~7ULL;
	if (distance == 0 || distance > w->base - w->bottom)
		return false;
	w->base -= distance;
	if (w->base == w->bottom)
		return !from_lua;
	if (!enter_frame(w))
		return false;
	return !from_lua || (link > w->code && link <= w->code_end);
}

static int walk_state(const struct mem_reader *mem, uaddr_t state)
{
	struct walk w = {.mem = mem, .state = state};
	uint64_t part[STATE_PART / 8], first;

	if (mem_read(mem, part, sizeof(part), state) < 0)
		return -EAGAIN;
	w.bottom = part[STATE_STACK / 8] + 16;
	w.limit = part[STATE_MAXSTACK / 8] + STACK_EXTRA;
	w.base = part[STATE_BASE / 8];
	if (!is_object_address(w.bottom) || w.base < w.bottom || w.base > w.limit ||
	    w.base % 8 != 0)
		return -EBADMSG;
	/* The first slot of every stack holds the thread itself. */
	if (!read_word(mem, w.bottom - 16, &first) || !is_value(first, VALUE_THREAD) ||
	    (first & VALUE_ADDRESS) != state)
		return -EBADMSG;
	if (w.base == w.bottom || !enter_frame(&w))
		return -EAGAIN;
	for (unsigned i = 0; i < MAX_FRAMES && w.base > w.bottom; i++) {
		if (!leave_frame(&w))
			return -EAGAIN;
	}
	return w.base == w.bottom && w.nr_lua > 0 ? 0 : -EAGAIN;
}

int luajit_confirm(const struct mem_reader *mem, const struct luajit_layout *l,
		   const struct lua_vm *vm)
{
	uint64_t current;

	if (!read_word(mem, vm->global + l->cur_L, &current))
		return -EAGAIN;
	if (!current)
		return -EAGAIN;
	return walk_state(mem, current);
}

uaddr_t luajit_signature(uaddr_t at, uint64_t word)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_sizes); i++) {
		if (word - at == state_sizes[i] - (uint64_t)STATE_GLREF)
			return at - STATE_GLREF;
	}
	return 0;
}
