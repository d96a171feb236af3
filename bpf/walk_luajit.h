/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT 2.1: from a leaf to the root.
 *
 * The Lua stack grows upwards. A frame's base points at its slot 0; the two slots below it are its
 * function and its link:
 *
 *	          base-32    base-24    base-16    base-8   base
 *	 ... | continuation | its pc | function |  link  | slot 0 | slot 1 | ...
 *	       only frames of type CONT
 *
 *	link, low bits		who called			base of the caller
 *	xx00  a code address	Lua: the instruction after	base - 8*(2 + A of that call)
 *	 001  FRAME_C		lua_call() and the like	base - delta
 *	 010  FRAME_CONT	the VM, for a metamethod	base - delta
 *	 011  FRAME_VARG	pseudo frame of this function	base - delta
 *	 101  FRAME_CP		lua_pcall(), a resume		base - delta
 *	 110/111 FRAME_PCALL	pcall(), xpcall()		base - delta
 *
 * Each FRAME_C and FRAME_CP marker (and each FFI callback) belongs to one CFRAME, the fixed part of
 * the native stack that the interpreter builds when C enters it:
 *
 *	+8 NRES (<0: protected C call, no Lua frame)  +16 L  +24 saved pc  +32 previous CFRAME of L
 *	+40 r14  +48 r15  +56 rbx  +64 rbp  +72 return address  +80 the caller's sp
 *
 * On arm64 it has 208 bytes:
 *
 *	+0 previous CFRAME of L  +8 saved pc  +16 L  +40 NRES  +48 d15 ... d8  +112 x28 ... x19
 *	+192 x29  +200 return address
 *
 * and before September 2021 (421c4c79):
 *
 *	+0 x29  +8 return address  +16 x19 ... x28  +96 d8 ... d15  +160 previous CFRAME of L
 *	+168 saved pc  +176 L  +200 NRES
 *
 * A coroutine's last CFRAME returns into the interpreter where Lua resumed it: then the resumer's
 * CFRAME lies directly above, and names the parent state.
 *
 * Facts: lj_obj.h, lj_frame.h, vm_x64.dasc, lj_debug.c of LuaJIT 2.1 (copyright Mike Pall, MIT);
 * the leaf rules (walk_luajit_leaf.h) come from experiments on live processes.
 */
#ifndef BPROF_WALK_LUAJIT_H
#define BPROF_WALK_LUAJIT_H

#define LUAJIT_STACK_EXTRA 512 /* bytes beyond maxstack that frames may use */
#define LUAJIT_MAX_LEVELS  32
#define LUAJIT_HOST_CHUNKS 512

enum luajit_link {
	LUAJIT_LINK_C = 1,
	LUAJIT_LINK_CONT = 2,
	LUAJIT_LINK_VARG = 3,
	LUAJIT_LINK_CP = 5,
	LUAJIT_LINK_PCALL = 6, /* or 7, while a hook runs */
};

#define LUAJIT_CONT_FFI_CALLBACK 1

#include "walk_luajit_read.h"

WALK_INLINE int luajit_pc_inside(const struct luajit_work *j, u64 pc)
{
	return !(pc & 3) && pc >= j->proto.bytecode &&
	       pc <= j->proto.bytecode + 4ULL * j->proto.code_len;
}

WALK_INLINE int luajit_in_vm(const struct walk *w, u64 address)
{
	return address >= w->vm.vm_start && address < w->vm.vm_end;
}

WALK_INLINE int luajit_base_plausible(const struct luajit_work *j, u64 base)
{
	return !(base & 7) && base > j->stack && base <= j->stack_limit + LUAJIT_STACK_EXTRA;
}

/* A byte distance between frames; the low bits of a link are its type. */
WALK_INLINE u64 luajit_delta(u64 link)
{
	return link & ~7ULL;
}

/* Is @base that of a frame in compiled code? Those of the functions it has inlined lie above. */
WALK_INLINE int luajit_is_compiled(const struct luajit_work *j, u64 base)
{
	return j->jit_base && base >= j->jit_base;
}

/* Looks at the function whose address is in slots. */
WALK_INLINE int luajit_look_at_function(struct walk *w)
{
	struct luajit_work *j = &w->luajit;
	u64 address = j->slots.function;

	if (address == j->known_function)
		return (int)j->known_kind;
	j->known_function = 0;
	if (luajit_read_function(w, address))
		return LUAJIT_NOTHING;
	if (!j->function.ffid && luajit_read_proto(w, j->function.pc, LUAJIT_MUST))
		return LUAJIT_NOTHING;
	j->known_kind = j->function.ffid ? LUAJIT_C : LUAJIT_LUA;
	j->known_function = address;
	return (int)j->known_kind;
}

/* Reads the slots below @base and says what function lies there. */
WALK_STEP int luajit_function(struct walk *w, u64 base)
{
	int failed;

	if (!w)
		return LUAJIT_NOTHING;
	failed = luajit_read_slots(w, base);
	if (w->luajit.slots.function == w->luajit.state)
		return LUAJIT_THREAD;
	return failed ? LUAJIT_NOTHING : luajit_look_at_function(w);
}

/* The call instruction before @link: its A says how far below the callee the caller's base lies. */
WALK_INLINE int luajit_caller_distance(struct walk *w, u64 link, u64 *ret_distance)
{
	struct luajit_work *j = &w->luajit;

	if (link != j->last_link && luajit_load_call(w, link))
		return 1;
	*ret_distance = luajit_frame_bytes(w) + 8 * (u64)((j->last_call >> 8) & 0xff);
	return 0;
}

/*
 * Proves a frame: @base holds a function, @pc (if it is a Lua function) lies in its code, and its
 * link leads to a frame of which the same can be said. Leaves the frame's link in link.
 */
WALK_STEP int luajit_frame_valid(struct walk *w, u64 base, u64 pc)
{
	struct luajit_work *j;
	u64 caller, distance;
	int kind;

	if (!w)
		return LUAJIT_NOTHING;
	j = &w->luajit;
	if (!luajit_base_plausible(j, base))
		return LUAJIT_NOTHING;
	kind = luajit_function(w, base);
	if (kind != LUAJIT_LUA && kind != LUAJIT_C)
		return LUAJIT_NOTHING;
	if (kind == LUAJIT_LUA && !luajit_pc_inside(j, pc))
		return LUAJIT_NOTHING;
	j->link = j->slots.link;
	if (!(j->link & 3)) {
		if (luajit_caller_distance(w, j->link, &distance))
			return LUAJIT_NOTHING;
		caller = base - distance;
		if (caller <= j->stack || luajit_function(w, caller) != LUAJIT_LUA ||
		    !luajit_pc_inside(j, j->link))
			return LUAJIT_NOTHING;
		return kind;
	}
	caller = base - luajit_delta(j->link);
	if (caller >= base || caller < j->stack)
		return LUAJIT_NOTHING;
	if (caller > j->bottom && !luajit_function(w, caller))
		return LUAJIT_NOTHING;
	return kind;
}

/*
 * Loads the CFRAME at @address, or the next of the same state that has Lua frames. Non-zero: none
 * has, as when C on its own compiles a chunk.
 */
WALK_STEP int luajit_load_cframe(struct walk *w, u64 address)
{
	struct luajit_work *j;

	if (!w)
		return 1;
	j = &w->luajit;
	for (u32 i = 0; i < 4; i++) {
		if (luajit_read_cframe(w, address))
			return 1;
		address = j->cframe.previous;
		if (j->cframe.results >= 0)
			return 0;
		if (!address)
			return 1;
	}
	return 0;
}

/* Makes @state the one to walk, if it runs on this thread's stack. Non-zero: it does not. */
WALK_STEP int luajit_enter_state(struct walk *w, u64 state)
{
	struct luajit_work *j;
	u64 cframe;

	if (!w)
		return 1;
	j = &w->luajit;
	if (luajit_read_state(w, state, LUAJIT_MUST))
		return 1;
	cframe = j->seen.cframe;
	if (!cframe || !walk_on_this_stack(w, cframe) || luajit_load_cframe(w, cframe))
		return 1;
	j->state = state;
	j->saved_base = j->seen.base;
	j->stack_limit = j->seen.limit;
	j->stack = j->seen.stack;
	j->bottom = j->stack + luajit_frame_bytes(w);
	j->known_function = 0;
	return 0;
}

/* Passes a marker of C: what lies below it ran in the enclosing CFRAME, and its pc was saved. */
WALK_STEP int luajit_leave_cframe(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	j->pc = 0;
	w->hidden = 0;
	if (j->cframe.previous && !luajit_load_cframe(w, j->cframe.previous))
		j->pc = j->cframe.pc;
	return 0;
}

#include "walk_luajit_host.h"
#include "walk_luajit_native.h"
#include "walk_luajit_trace.h"
#include "walk_luajit_edge.h"
#include "walk_luajit_seek.h"
#include "walk_luajit_return.h"
#include "walk_luajit_leaf.h"
#include "walk_luajit_branch.h"
#include "walk_luajit_place.h"

/* Slots 0 and 2 of busted.safe: a string and a table, or nothing. */
WALK_STEP int luajit_add_span(struct walk *w, u64 base)
{
	u64 slot[3] = {};

	if (!w)
		return 0;
	if (walk_must_read(w, slot, sizeof(slot), base))
		return 0;
	walk_add_span(w, luajit_value_address(w, slot[0], LUAJIT_TAG_STRING),
		      luajit_value_address(w, slot[2], LUAJIT_TAG_TABLE));
	return 0;
}

/* How the frame with this link was called, as flags of the frame. */
WALK_STEP u32 luajit_link_flags(struct walk *w)
{
	struct luajit_work *j;
	u64 link;

	if (!w)
		return 0;
	j = &w->luajit;
	link = j->slots.link;
	if (!(link & 3))
		return 0;
	switch (link & 7) {
	case LUAJIT_LINK_C:
	case LUAJIT_LINK_CP:
		return BPROF_FRAME_BOUNDARY;
	case LUAJIT_LINK_CONT:
		if (j->slots.continuation == LUAJIT_CONT_FFI_CALLBACK)
			return BPROF_FRAME_FFI_CALLBACK | BPROF_FRAME_BOUNDARY;
		return BPROF_FRAME_CONT;
	case LUAJIT_LINK_VARG:
		return 0;
	default:
		return BPROF_FRAME_PCALL;
	}
}

/* What a frame of compiled code is, as flags of the frame. */
WALK_STEP u32 luajit_trace_flags(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	if (!luajit_is_compiled(j, j->base))
		return 0;
	return BPROF_FRAME_TRACE | (j->has_snapshot ? BPROF_FRAME_GUARD : 0) |
	       (j->base > j->jit_base ? BPROF_FRAME_INLINED : 0);
}

/* Emits the frame at the cursor; slots and function are those of its base. */
WALK_STEP int luajit_emit(struct walk *w, u32 kind)
{
	struct bprof_frame frame = {};
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	frame.flags = j->vararg_flags;
	j->vararg_flags = 0;
	if (j->slots.link & 3) /* most have neither: a call costs more than the question */
		frame.flags |= luajit_link_flags(w);
	if (j->jit_base)
		frame.flags |= luajit_trace_flags(w);
	if (walk_wants_frame(w)) {
		if (kind == LUAJIT_LUA) {
			luajit_place(w, &frame);
		} else {
			frame.object = j->function.c_code;
			frame.flags |= j->function.ffid > 1 ? BPROF_FRAME_BUILTIN : BPROF_FRAME_C;
			frame.pos = j->function.ffid > 1 ? j->function.ffid : 0;
		}
		walk_emit(w, &frame);
	}
	/* busted.safe may lie beyond the cut before anybody has heard of it */
	if (kind == LUAJIT_LUA && w->is_cut && !w->safe_proto && !w->hidden) {
		luajit_describe_proto(w);
		walk_identify(w, &frame);
	}
	if (kind == LUAJIT_LUA && w->safe_proto &&
	    j->proto.bytecode - luajit_proto_bytes(w) == w->safe_proto)
		luajit_add_span(w, j->base);
	return 0;
}

/* At the bottom of a state: on to the one that resumed it. Returns 1 at the root. */
WALK_INLINE int luajit_leave_state(struct walk *w)
{
	struct luajit_work *j = &w->luajit;
	u64 parent = 0, child = j->state;

	if (child == w->vm.main)
		return 1;
	if (j->level >= LUAJIT_MAX_LEVELS) {
		walk_set_status(w, BPROF_WALK_CHAIN);
		return 1;
	}
	if (luajit_in_vm(w, j->cframe.return_address)) {
		parent = luajit_cframe_state(w, j->cframe.address + LUAJIT_CFRAME_BYTES);
		if (!parent)
			return 1;
	} else {
		parent = luajit_find_host_state(w, j->cframe.address + LUAJIT_CFRAME_BYTES);
		if (!parent)
			return 1;
	}
	if (parent == child || luajit_enter_state(w, parent)) {
		walk_set_status(w, BPROF_WALK_CHAIN);
		return 1;
	}
	j->base = j->saved_base;
	j->pc = j->cframe.pc;
	j->jit_base = 0;
	j->level++;
	w->hidden = 0;
	w->next_flags |= BPROF_FRAME_NEW_STATE;
	return 0;
}

/*
 * A function of the snapshot that cannot be told, which may hide those below it: certain again from
 * the trace's own frame on.
 */
WALK_STEP int luajit_unknown_compiled(struct walk *w)
{
	struct bprof_frame unknown = {.flags = BPROF_FRAME_UNKNOWN | BPROF_FRAME_TRACE};
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	if (walk_wants_frame(w))
		walk_emit(w, &unknown);
	walk_set_status(w, BPROF_WALK_NO_LEAF);
	if (j->base > j->jit_base) {
		j->has_snapshot = 0;
		j->base = j->jit_base;
		j->pc = 0;
	}
	return 0;
}

/* One frame or pseudo frame. Returns 1 at the end. */
WALK_STEP int luajit_step(struct walk *w)
{
	struct luajit_work *j;
	u64 base, link, delta;
	u32 link_type;
	int kind;

	if (!w)
		return 1;
	j = &w->luajit;
	base = j->base;
	if (base <= j->bottom)
		return luajit_leave_state(w);
	if (!luajit_base_plausible(j, base)) {
		walk_set_status(w, BPROF_WALK_BAD_FRAME);
		return 1;
	}
	kind = j->has_snapshot && luajit_is_compiled(j, base) ? luajit_compiled_function(w, base)
							      : luajit_function(w, base);
	if (kind == LUAJIT_NOTHING && j->has_snapshot && luajit_is_compiled(j, base)) {
		luajit_unknown_compiled(w);
		if (j->base != base)
			return 0;
		kind = j->slots.is_computed ? LUAJIT_THREAD : LUAJIT_NOTHING;
	}
	if (kind == LUAJIT_NOTHING) {
		walk_set_status(w, w->failed_reads ? BPROF_WALK_FAULT : BPROF_WALK_BAD_FRAME);
		return 1;
	}
	link = j->slots.link;
	link_type = link & 7;
	if (kind != LUAJIT_THREAD && ((link & 3) == 0 || link_type != LUAJIT_LINK_VARG))
		luajit_emit(w, (u32)kind);
	if (!(link & 3)) {
		u64 distance = 0;

		if (luajit_caller_distance(w, link, &distance)) {
			walk_set_status(w,
					w->failed_reads ? BPROF_WALK_FAULT : BPROF_WALK_BAD_FRAME);
			return 1;
		}
		j->pc = link;
		j->base = base - distance;
		return 0;
	}
	delta = luajit_delta(link);
	if (!delta || delta > base - j->stack) {
		walk_set_status(w, BPROF_WALK_NO_PROGRESS);
		return 1;
	}
	j->vararg_flags = link_type == LUAJIT_LINK_VARG ? luajit_trace_flags(w) : 0;
	j->base = base - delta;
	if (link_type == LUAJIT_LINK_CONT && j->slots.continuation != LUAJIT_CONT_FFI_CALLBACK)
		j->pc = j->slots.continuation_pc;
	else if (link_type == LUAJIT_LINK_CONT || link_type == LUAJIT_LINK_C ||
		 link_type == LUAJIT_LINK_CP)
		luajit_leave_cframe(w);
	else if (link_type != LUAJIT_LINK_VARG)
		j->pc = 0;
	return 0;
}

WALK_LOOP_BODY(luajit_step_body, luajit_step)

/* Where this VM's running C frame lies on this thread's stack; 0 = nowhere. */
WALK_STEP u64 luajit_anchor(struct walk *w)
{
	u64 current = 0, jit_base = 0;

	if (!w || luajit_read_running(w, &current, &jit_base))
		return 0;
	if (luajit_enter_state(w, current) && luajit_enter_state(w, w->vm.main))
		return 0;
	return w->luajit.cframe.address;
}

/* A leaf that cannot be proved: certain again from the enclosing CFRAME on. */
WALK_INLINE void luajit_unknown_leaf(struct walk *w)
{
	struct bprof_frame unknown = {.flags = BPROF_FRAME_UNKNOWN};

	walk_emit(w, &unknown);
	walk_set_status(w, BPROF_WALK_NO_LEAF);
	w->hidden = 1;
	w->luajit.base = w->luajit.saved_base;
	w->luajit.pc = 0;
}

WALK_INLINE void luajit_walk(struct walk *w)
{
	const struct luajit_layout *layout = &w->chosen.luajit;
	struct luajit_work *j = &w->luajit;
	u64 running = 0, jit_base = 0;
	s32 vmstate = 0;

	j->known_function = 0;
	j->last_link = 0;
	j->code_start = WALK_NOWHERE;
	j->level = 0;
	j->pc_is_start = 0;
	j->vararg_flags = 0;
	j->has_snapshot = 0;
	j->trace_found = 0;
	if (luajit_read_running(w, &running, &jit_base) ||
	    walk_must_read(w, &vmstate, sizeof(vmstate), w->vm.global + layout->vmstate))
		return;
	j->jit_base = jit_base;
	j->vmstate = vmstate;
	w->record.s.vmstate = vmstate;
	if (j->jit_base)
		w->record.s.flags |= BPROF_SAMPLE_ON_TRACE;
	if (luajit_in_vm(w, w->reg[BPROF_REG_IP]))
		w->record.s.flags |= BPROF_SAMPLE_IN_VM;
	if (!luajit_enter_state(w, running)) {
		if (!luajit_find_leaf(w))
			luajit_unknown_leaf(w);
		luajit_mend_pc(w);
	} else {
		if (w->failed_reads) /* what could not be read may be what runs */
			return;
		j->jit_base = 0;
		if (!luajit_enter_resumer(w)) {
			walk_set_status(w, BPROF_WALK_IDLE);
			return;
		}
		if (!luajit_find_host_leaf(w))
			luajit_unknown_leaf(w);
	}
	if (WALK_LOOP(WALK_MAX_STEPS, luajit_step_body, w) >= WALK_MAX_STEPS)
		walk_cut_short(w);
}

WALK_INLINE int luajit_set_anchor(struct walk *w, u32 i)
{
	i = walk_index(i, BPROF_MAX_VMS - 1);
	if (w->layout[i].family != BPROF_FAMILY_LUAJIT)
		return 0;
	walk_choose(w, i);
	w->anchor_of[i] = luajit_anchor(w);
	return 0;
}

WALK_LOOP_BODY_AT(luajit_anchor_body, luajit_set_anchor)

/* See walk_vms.h. */
WALK_INLINE u32 luajit_turn(struct walk *w)
{
	struct walk_innermost innermost;

	if (w->turn == WALK_ANCHORS) {
		WALK_LOOP(w->vms.nr, luajit_anchor_body, w);
		return walk_find_innermost(w);
	}
	innermost = walk_enter_vm(w);
	luajit_walk(w);
	w->outermost = w->luajit.cframe.address;
	return walk_leave_vm(w, &innermost);
}

#endif
