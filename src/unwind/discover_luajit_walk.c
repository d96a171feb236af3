/* SPDX-License-Identifier: MIT */
/*
 * Manages the second proof of a LuaJIT layout: a whole stack is walked by it.
 *
 * Facts: lj_obj.h, lj_frame.h of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#include "discover_luajit.h"

#define MAX_FRAMES  65536
#define MAX_CODE    (1U << 26)
#define STACK_EXTRA 512 /* bytes a base may lie above maxstack */

/* One walk down the stack of a lua_State. */
struct walk {
	const struct mem_reader *mem;
	const struct model *m;
	uaddr_t state, bottom, limit;
	uaddr_t base;
	uaddr_t code, code_end; /* bytecode of the frame's function; 0 = not a Lua function */
	unsigned nr_lua;
};

static bool enter_lua_function(struct walk *w, uaddr_t function)
{
	const struct model *m = w->m;
	uint32_t code_len;
	uaddr_t proto;
	uint8_t type;

	if (!read_ref(w->mem, m, function + m->function_pc, &w->code) || w->code < m->proto_bytes)
		return false;
	proto = w->code - m->proto_bytes;
	if (!read_byte(w->mem, proto + m->type, &type) || type != TYPE_PROTO ||
	    !read_u32(w->mem, proto + m->proto_code_len, &code_len) || code_len == 0 ||
	    code_len > MAX_CODE)
		return false;
	w->code_end = w->code + 4ULL * code_len;
	w->nr_lua++;
	return true;
}

/* Looks at the function of the frame at w->base. */
static bool enter_frame(struct walk *w)
{
	const struct model *m = w->m;
	uint8_t type, ffid;
	uint64_t value;
	uaddr_t function;

	w->code = w->code_end = 0;
	if (!read_ref(w->mem, m, w->base - m->frame, &value))
		return false;
	function = value_address(m, value);
	if (function == w->state)
		return true; /* a frame of the VM's own, on error paths */
	if (!is_object_address(function) || !read_byte(w->mem, function + m->type, &type) ||
	    type != TYPE_FUNCTION || !read_byte(w->mem, function + m->function_ffid, &ffid))
		return false;
	return ffid != 0 || enter_lua_function(w, function);
}

/* Steps to the caller: by the operand of its call instruction, or by a distance. */
static bool leave_frame(struct walk *w)
{
	uint64_t link, distance;
	uint8_t operand = 0;
	bool from_lua;

	if (!read_ref(w->mem, w->m, w->base - w->m->ref, &link))
		return false;
	from_lua = (link & 3) == 0;
	if (from_lua && !read_byte(w->mem, link - 3, &operand))
		return false;
	distance = from_lua ? w->m->frame + 8 * (uint64_t)operand : link & ~7ULL;
	if (distance == 0 || distance > w->base - w->bottom)
		return false;
	w->base -= distance;
	if (w->base == w->bottom)
		return !from_lua;
	if (!enter_frame(w))
		return false;
	return !from_lua || (link > w->code && link <= w->code_end);
}

/* The stack of @w->state. */
static int enter_state(struct walk *w)
{
	const struct model *m = w->m;
	uint64_t stack, maxstack, first;

	if (!read_ref(w->mem, m, w->state + m->state_stack, &stack) ||
	    !read_ref(w->mem, m, w->state + m->state_maxstack, &maxstack) ||
	    !read_word(w->mem, w->state + m->state_base, &w->base))
		return -EAGAIN;
	w->bottom = stack + m->frame;
	w->limit = maxstack + STACK_EXTRA;
	if (!is_object_address(w->bottom) || w->base < w->bottom || w->base > w->limit ||
	    w->base % 8 != 0)
		return -EBADMSG;
	/* The first slot of every stack holds the thread itself. */
	if (!read_word(w->mem, stack, &first) || value_address(m, first) != w->state ||
	    (m->ref == 8 && !is_value(m, first, VALUE_THREAD)))
		return -EBADMSG;
	return 0;
}

static int walk_state(const struct mem_reader *mem, const struct model *m, uaddr_t state)
{
	struct walk w = {.mem = mem, .m = m, .state = state};
	int r = enter_state(&w);

	if (r < 0)
		return r;
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

	if (!read_ref(mem, model_of(l), vm->global + l->cur_L, &current) || !current)
		return -EAGAIN;
	return walk_state(mem, model_of(l), current);
}
