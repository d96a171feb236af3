/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * PUC Lua 5.1-5.5: the frames of a state.
 *
 * Each call has a CallInfo; L->ci is the innermost. 5.1 keeps them in an array (the caller is the
 * element before), later versions in a doubly linked list that starts inside the lua_State:
 *
 *	5.1   base_ci -> [ C | Lua | Lua | C | Lua ] <- L->ci
 *
 *	5.2+  &L->base_ci <-previous- ci <-previous- ci <- L->ci
 *	                               |func
 *	      Lua stack:   ...  | closure | arguments and locals ... |
 *
 * The closure gives the prototype, savedpc the next instruction. In callers savedpc is always
 * right. In the leaf 5.2 and 5.3 keep it current; 5.1 and 5.4 keep the pc in a register while the
 * interpreter loop runs, and write it back only where something may fail.
 *
 * On entry and exit of a call a CallInfo may be half made or half dismantled (walk_puc_leaf.h).
 *
 * Facts: lstate.h, lobject.h, ldo.c, lvm.c, ldebug.c of Lua 5.1-5.5 (copyright Lua.org, PUC-Rio,
 * MIT); the leaf rules come from experiments on live processes.
 */
#ifndef BPROF_WALK_PUC_H
#define BPROF_WALK_PUC_H

#include "walk_puc_state.h"

/* Tags of TValues, variant bits included, collectable bit masked out. */
#define PUC_TAG_MASK	 0x3f
#define PUC_TAG_LUA	 6
#define PUC_TAG_LIGHT_C	 22
#define PUC_TAG_C	 38
#define PUC_BASIC_MASK	 0x0f
#define PUC_BASIC_STRING 4
#define PUC_BASIC_TABLE	 5
#define PUC_TYPE_AT	 8 /* of every object */
#define PUC_TYPE_PROTO	 9 /* of the object itself; since 5.4 one more */

#define PUC_STEPS_AT_ONCE 8
#define PUC_MAX_ROUNDS	  (WALK_MAX_STEPS / PUC_STEPS_AT_ONCE + 1)

WALK_INLINE u64 puc_proto_word(const struct puc_work *p, u32 offset)
{
	return p->proto_word[walk_index(offset >> 3, PUC_PROTO_WORDS - 1)];
}

WALK_INLINE u32 puc_proto_int(const struct puc_work *p, u32 offset)
{
	return (u32)(puc_proto_word(p, offset) >> (8 * (offset & 4)));
}

WALK_INLINE u64 puc_callinfo_field(const struct puc_work *p, u32 offset)
{
	return p->callinfo_word[walk_index(offset >> 3, PUC_CALLINFO_MASK)];
}

/* What the CallInfo says of its call; 5.1 has no such word. */
WALK_INLINE u32 puc_call_status(const struct walk *w)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u32 value = (u32)(puc_callinfo_field(&w->puc, layout->ci_status) >>
			  (8 * (layout->ci_status & 7)));

	if (layout->ci_status_width == 1)
		return value & 0xff;
	return layout->ci_status_width == 2 ? value & 0xffff : value;
}

/* Tail calls are a bit of the status; 5.1 counts them. */
WALK_INLINE u32 puc_call_flags(struct walk *w)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u32 offset, is_tail;

	offset = layout->ci_tailcalls;
	if (layout->ci_is_array)
		is_tail = (u32)(puc_callinfo_field(&w->puc, offset) >> (8 * (offset & 7)));
	else
		is_tail = puc_call_status(w) & layout->ci_tail_mask;
	is_tail |= 0U - is_tail; /* the highest bit: not 0 */
	WALK_OPAQUE(is_tail);
	return (is_tail >> 31) * BPROF_FRAME_TAILCALL;
}

/* Makes the innermost CallInfo of @state the cursor. */
WALK_STEP int puc_enter_state(struct walk *w, u64 state)
{
	const struct puc_layout *layout;
	struct puc_work *p;

	if (!w)
		return 1;
	p = &w->puc;
	layout = &w->chosen.puc;
	if (p->state != state && puc_load_state(w, state)) {
		w->failed_reads++;
		return 1;
	}
	p->callinfo = puc_state_field(p, layout->state_ci);
	p->callinfo_end = layout->ci_is_array ? puc_state_field(p, layout->state_base_ci)
					      : state + layout->state_base_ci;
	return 0;
}

/*
 * Some functions are there twice: a step for the leaf, which the verifier follows once, and inline
 * for the frames. A call costs 7 to 9 ns where the kernel guards its returns (AMD: "Safe RET").
 */
WALK_INLINE int puc_load_callinfo_inline(struct walk *w, u64 address)
{
	struct puc_work *p = &w->puc;
	u32 at;

	if (!walk_is_user_address(address) || (address & 7))
		return 1;
	if (walk_window_at(w, &p->calls, address, sizeof(u64) * PUC_CALLINFO_WORDS, &at))
		return 1;
	for (u32 i = 0; i < PUC_CALLINFO_WORDS; i++)
		p->callinfo_word[i] = p->calls.word[at + i];
	return 0;
}

WALK_STEP int puc_load_callinfo(struct walk *w, u64 address)
{
	return w ? puc_load_callinfo_inline(w, address) : 1;
}

WALK_INLINE int puc_load_value_inline(struct walk *w, u64 address)
{
	struct puc_work *p = &w->puc;
	u32 at;

	if (!walk_is_user_address(address) || (address & 7))
		return 1;
	if (walk_window_at(w, &w->stack, address, sizeof(p->value), &at))
		return 1;
	p->value[0] = w->stack.word[at];
	p->value[1] = w->stack.word[at + 1];
	return 0;
}

WALK_STEP int puc_load_value(struct walk *w, u64 address)
{
	return w ? puc_load_value_inline(w, address) : 1;
}

WALK_INLINE int puc_load_closure(struct walk *w, u64 closure)
{
	struct puc_work *p = &w->puc;

	if (closure && closure == p->known_closure)
		return 0;
	p->known_closure = 0;
	if (!walk_is_user_address(closure) ||
	    walk_must_read(w, p->closure_word, sizeof(u64) * PUC_CLOSURE_WORDS, closure))
		return 1;
	p->known_closure = closure;
	return 0;
}

enum puc_kind {
	PUC_NOTHING = 0,
	PUC_LUA,
	PUC_C,
};

WALK_INLINE u64 puc_closure_field(const struct puc_work *p, u32 offset)
{
	return p->closure_word[walk_index(offset >> 3, PUC_CLOSURE_MASK)];
}

/* What the value in the function slot is; object: its prototype, or the C function's address. */
WALK_INLINE int puc_function_inline(struct walk *w)
{
	const struct puc_layout *layout = &w->chosen.puc;
	struct puc_work *p = &w->puc;
	u32 tag;
	int is_c;

	tag = (u32)p->value[1] & PUC_TAG_MASK;
	if (!layout->ci_is_array && tag == PUC_TAG_LIGHT_C) {
		p->object = p->value[0];
		return PUC_C;
	}
	if (tag != PUC_TAG_LUA && (layout->ci_is_array || tag != PUC_TAG_C))
		return PUC_NOTHING;
	if (puc_load_closure(w, p->value[0]))
		return PUC_NOTHING;
	if ((p->closure_word[1] & 0xf) != PUC_TAG_LUA) /* half of the value has been written over */
		return PUC_NOTHING;
	is_c = tag == PUC_TAG_C;
	if (layout->ci_is_array) {
		u64 word = puc_closure_field(p, layout->closure_is_c);

		is_c = ((word >> (8 * (layout->closure_is_c & 7))) & 0xff) != 0;
	}
	p->object = puc_closure_field(p, is_c ? layout->cclosure_f : layout->lclosure_proto);
	return is_c ? PUC_C : PUC_LUA;
}

WALK_STEP int puc_function(struct walk *w)
{
	return w ? puc_function_inline(w) : PUC_NOTHING;
}

/*
 * The characters of a chunk's name, NUL-terminated. 5.5 keeps those of a long string elsewhere: its
 * shrlen is negative, and a pointer stands where a short one begins.
 */
WALK_STEP u64 puc_chunkname(struct walk *w, u64 source)
{
	u64 string[4] = {};

	if (!w || !source)
		return 0;
	if (w->chosen.dialect != LUA_DIALECT_55)
		return source + w->chosen.puc.string_data;
	if (walk_must_read(w, string, sizeof(string), source))
		return 0;
	return string[1] >> 31 & 1 ? string[3] : source + w->chosen.puc.string_data;
}

WALK_INLINE int puc_load_proto_inline(struct walk *w, u64 proto)
{
	const struct puc_layout *layout = &w->chosen.puc;
	struct puc_work *p = &w->puc;
	u32 type;

	if (!proto || proto != p->known_proto) {
		p->known_proto = 0;
		if (!walk_is_user_address(proto) ||
		    walk_must_read(w, p->proto_word, sizeof(p->proto_word), proto))
			return 1;
		type = PUC_TYPE_PROTO + (w->chosen.dialect >= LUA_DIALECT_54);
		if ((puc_proto_word(p, PUC_TYPE_AT) & 0xff) != type)
			return 1;
		p->known_proto = proto;
		p->known_chunkname = puc_chunkname(w, puc_proto_word(p, layout->proto_source));
	}
	w->proto.object = proto;
	w->proto.source = puc_proto_word(p, layout->proto_source);
	w->proto.parts = bprof_parts(puc_proto_word(p, layout->proto_code),
				     puc_proto_word(p, layout->proto_lines),
				     puc_proto_word(p, layout->proto_constants));
	w->proto.chunkname = p->known_chunkname;
	w->proto.first_line = (s32)puc_proto_int(p, layout->proto_first_line);
	w->proto.last_line = (s32)puc_proto_int(p, layout->proto_last_line);
	w->proto.code_len = puc_proto_int(p, layout->proto_code_len);
	return 0;
}

WALK_STEP int puc_load_proto(struct walk *w, u64 proto)
{
	return w ? puc_load_proto_inline(w, proto) : 1;
}

#include "walk_puc_branch.h"
#include "walk_puc_fetch.h"
#include "walk_puc_pc.h"
#include "walk_puc_table.h"
#include "walk_puc_line.h"
#include "walk_puc_leaf.h"

/*
 * The innermost CallInfo was left out, and its caller stands where no caller does: a tail call of
 * 5.1 to 5.3 moves the callee's frame over it (see puc_is_replaced()).
 */
WALK_INLINE int puc_is_moving(const struct walk *w, u64 pc, u64 code)
{
	return !w->puc.is_leaf && !w->record.s.nr_frames &&
	       !puc_pc_running(pc, code, w->proto.code_len);
}

/* The leaf is a Lua function: its pc into leaf_pc. Here, so that the verifier goes on with any pc.
 */
WALK_STEP int puc_find_leaf_pc(struct walk *w)
{
	struct puc_work *p;

	if (!w)
		return 0;
	p = &w->puc;
	if (puc_load_proto(w, p->object))
		return 0;
	if (w->chosen.puc.has_pc_table)
		p->leaf_pc = puc_table_pc(w);
	else
		p->leaf_pc = puc_leaf_pc(w, puc_proto_word(p, w->chosen.puc.proto_code),
					 w->proto.code_len);
	return 0;
}

/* Position and line of a Lua frame whose prototype was just loaded. */
WALK_INLINE void puc_place(struct walk *w, struct bprof_frame *frame)
{
	struct puc_work *p = &w->puc;
	u64 code, pc;

	code = puc_proto_word(p, w->chosen.puc.proto_code);
	if (walk_identify(w, frame))
		frame->flags |= BPROF_FRAME_LINE_LATER;
	pc = p->is_leaf ? p->leaf_pc : puc_callinfo_field(p, w->chosen.puc.ci_savedpc);
	if (puc_is_moving(w, pc, code)) {
		frame->flags |= BPROF_FRAME_TAILCALL;
		pc = code;
	}
	if (!puc_pc_inside(pc, code, w->proto.code_len)) {
		frame->flags &= ~(u32)BPROF_FRAME_LINE_LATER;
		frame->flags |= BPROF_FRAME_NO_POS;
		frame->line = w->proto.first_line;
		/* a caller always has its pc, except while a tail call moves the stack */
		if (!p->is_leaf && w->record.s.nr_frames)
			walk_set_status(w, BPROF_WALK_BAD_FRAME);
		return;
	}
	frame->pos = pc > code ? (u32)((pc - code) >> 2) - 1 : 0;
	if (!(frame->flags & BPROF_FRAME_LINE_LATER))
		frame->line = puc_line(w, frame->pos);
}

/* Parameters 1 and 3 of busted.safe: a string and a table, or nothing. */
WALK_STEP int puc_add_span(struct walk *w)
{
	struct puc_work *p;
	u64 slot[6] = {}, descriptor = 0, element = 0, first;

	if (!w)
		return 0;
	p = &w->puc;
	first = w->chosen.puc.ci_is_array ? p->callinfo_word[0] /* base */
					  : puc_callinfo_field(p, w->chosen.puc.ci_func) + 16;
	if (walk_must_read(w, slot, sizeof(slot), first))
		return 0;
	if ((slot[1] & PUC_BASIC_MASK) == PUC_BASIC_STRING)
		descriptor = slot[0];
	if ((slot[5] & PUC_BASIC_MASK) == PUC_BASIC_TABLE)
		element = slot[4];
	walk_add_span(w, descriptor, element);
	return 0;
}

/*
 * 5.1 to 5.3 make a tail call like any other, then move the callee's frame over its caller's: first
 * the function and its arguments, then savedpc. Between the two the caller's CallInfo has the
 * callee's function and a pc of another; with both it stands at the very start of that function, as
 * no caller does.
 */
WALK_INLINE int puc_is_replaced(const struct walk *w, u64 object)
{
	const struct puc_work *p = &w->puc;

	if (p->is_leaf || w->record.s.nr_frames != 1 || object != p->leaf_object)
		return 0;
	return !puc_pc_running(puc_callinfo_field(p, w->chosen.puc.ci_savedpc),
			       puc_proto_word(p, w->chosen.puc.proto_code), w->proto.code_len);
}

WALK_STEP int puc_emit(struct walk *w, u64 object, u32 kind)
{
	struct bprof_frame frame = {};
	struct puc_work *p;

	if (!w)
		return 1;
	p = &w->puc;
	if (kind == PUC_LUA && puc_load_proto_inline(w, object))
		return 1;
	if (kind == PUC_LUA && puc_is_replaced(w, object)) {
		w->record.entry[0].frame.flags |= BPROF_FRAME_TAILCALL;
		return 0;
	}
	if (walk_wants_frame(w)) {
		frame.flags = puc_call_flags(w);
		if (kind == PUC_LUA) {
			puc_place(w, &frame);
		} else {
			frame.object = object;
			frame.flags |= BPROF_FRAME_C;
			if (p->is_leaf)
				w->record.s.leaf_how |= WALK_LEAF_PUC_C;
		}
		walk_emit(w, &frame);
	}
	/* busted.safe may lie beyond the cut before anybody has heard of it */
	if (kind == PUC_LUA && w->is_cut && !w->safe_proto && !w->hidden)
		walk_identify(w, &frame);
	if (kind == PUC_LUA && w->safe_proto && object == w->safe_proto)
		puc_add_span(w);
	return 0;
}

WALK_INLINE u64 puc_caller(const struct walk *w)
{
	const struct puc_layout *layout = &w->chosen.puc;

	if (layout->ci_is_array)
		return w->puc.callinfo - layout->ci_bytes;
	return puc_callinfo_field(&w->puc, layout->ci_previous);
}

/* The leaf's CallInfo is being made or dismantled: its caller is the leaf. */
WALK_INLINE int puc_skip_leaf(struct walk *w, u64 caller)
{
	struct puc_work *p = &w->puc;

	p->is_leaf = 0;
	w->record.s.leaf_how |= WALK_LEAF_PUC_SKIPPED;
	p->callinfo = caller;
	return 0;
}

/*
 * The CallInfo just loaded runs a hook or a finalizer: what it called is that, and not what its
 * current instruction calls.
 */
WALK_INLINE void puc_mark_callee(struct walk *w)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u32 n = w->record.s.nr_frames, status, how = 0;

	if (!w->puc.has_callee || !n || n > BPROF_MAX_FRAMES)
		return;
	status = puc_call_status(w);
	if (status & layout->ci_finalizer_mask)
		how = BPROF_FRAME_BOUNDARY | BPROF_FRAME_FINALIZER;
	else if (status & layout->ci_hook_mask)
		how = BPROF_FRAME_BOUNDARY | BPROF_FRAME_HOOK;
	w->record.entry[walk_index(n - 1, BPROF_MAX_FRAMES - 1)].frame.flags |= how;
}

/* The bottom of a state: on to the one that resumed it. Returns 1 at the root. */
WALK_STEP int puc_leave_state(struct walk *w)
{
	struct puc_work *p;
	u32 next;

	if (!w)
		return 1;
	p = &w->puc;
	next = p->level + 1;
	if (next >= p->nr_active)
		return 1;
	p->level = next;
	next = walk_index(next, PUC_MAX_STATES - 1);
	if (puc_enter_state(w, p->active[next].state))
		return 1;
	p->is_leaf = 0;
	p->has_callee = 0;
	w->next_flags |= BPROF_FRAME_NEW_STATE;
	return 0;
}

/* One CallInfo. Returns 1 at the end. */
WALK_STEP int puc_step(struct walk *w)
{
	const struct puc_layout *layout;
	struct puc_work *p;
	u64 caller;
	int kind;

	if (!w)
		return 1;
	p = &w->puc;
	layout = &w->chosen.puc;
	if (p->callinfo == p->callinfo_end)
		return puc_leave_state(w);
	if (puc_load_callinfo_inline(w, p->callinfo)) {
		walk_set_status(w, w->failed_reads ? BPROF_WALK_FAULT : BPROF_WALK_BAD_FRAME);
		return 1;
	}
	caller = puc_caller(w);
	if (layout->ci_is_array ? p->callinfo < p->callinfo_end : caller == p->callinfo) {
		walk_set_status(w, BPROF_WALK_NO_PROGRESS);
		return 1;
	}
	if (p->is_leaf && puc_leaf_is_transient(w, caller))
		return puc_skip_leaf(w, caller);
	puc_mark_callee(w);
	kind = PUC_NOTHING;
	if (p->is_leaf)
		kind = (int)p->leaf_kind;
	else if (!puc_load_value_inline(w, puc_callinfo_field(p, layout->ci_func)))
		kind = puc_function_inline(w);
	if (p->is_leaf && kind == PUC_LUA)
		puc_find_leaf_pc(w);
	if (kind == PUC_NOTHING || puc_emit(w, p->object, (u32)kind)) {
		walk_set_status(w, w->failed_reads ? BPROF_WALK_FAULT : BPROF_WALK_BAD_FRAME);
		return 1;
	}
	p->has_callee = !w->is_cut;
	p->is_leaf = 0;
	p->callinfo = caller;
	return 0;
}

/* Some CallInfos, for a round of the loop is a call more. Returns 1 at the end. */
WALK_INLINE int puc_steps(struct walk *w)
{
#pragma GCC unroll 8
	for (u32 i = 0; i < PUC_STEPS_AT_ONCE; i++) {
		if (puc_step(w))
			return 1;
	}
	return 0;
}

WALK_LOOP_BODY(puc_steps_body, puc_steps)

WALK_INLINE void puc_walk(struct walk *w)
{
	struct puc_work *p = &w->puc;
	u64 state;

	p->calls.start = WALK_NOWHERE;
	p->known_closure = 0;
	p->known_proto = 0;
	p->level = 0;
	p->has_callee = 0;
	state = w->vm.main;
	if (!puc_find_active(w))
		state = p->active[0].state;
	if (puc_enter_state(w, state))
		return;
	if (!p->nr_active) {
		/* Lua run by plain lua_call(), on the only thread that could: else idle */
		if (puc_state_field(p, w->chosen.puc.state_error_jmp) ||
		    p->callinfo == p->callinfo_end) {
			walk_set_status(w, BPROF_WALK_IDLE);
			return;
		}
	}
	p->is_leaf = 1;
	if (WALK_LOOP(PUC_MAX_ROUNDS, puc_steps_body, w) >= PUC_MAX_ROUNDS)
		walk_cut_short(w);
}

WALK_INLINE int puc_set_anchor(struct walk *w, u32 i)
{
	i = walk_index(i, BPROF_MAX_VMS - 1);
	if (w->layout[i].family != BPROF_FAMILY_PUC)
		return 0;
	walk_choose(w, i);
	w->anchor_of[i] = puc_anchor(w);
	return 0;
}

WALK_LOOP_BODY_AT(puc_anchor_body, puc_set_anchor)

/* Has VM @i a coroutine that runs? Returns 1 if so, or if enough VMs were tried. */
WALK_INLINE int puc_try_coroutine(struct walk *w, u32 i)
{
	i = walk_index(i, BPROF_MAX_VMS - 1);
	if (w->layout[i].family != BPROF_FAMILY_PUC)
		return 0;
	if (w->nr_tried++ == WALK_MAX_TRIED) {
		w->vms.missed++;
		return 1;
	}
	walk_choose(w, i);
	w->has_chosen = !puc_find_active(w);
	return (int)w->has_chosen;
}

WALK_LOOP_BODY_AT(puc_coroutine_body, puc_try_coroutine)

/* That costs some microseconds for each VM: of many only some are tried. */
WALK_INLINE u32 puc_choose_by_coroutine(struct walk *w)
{
	w->nr_tried = 0;
	w->has_chosen = 0;
	WALK_LOOP(w->vms.nr, puc_coroutine_body, w);
	if (!w->has_chosen)
		walk_choose(w, 0);
	return walk_frames_next(w);
}

/* See walk_vms.h. */
WALK_INLINE u32 puc_turn(struct walk *w)
{
	struct bprof_sample *s = &w->record.s;
	struct walk_innermost innermost;

	if (w->turn == WALK_ANCHORS) {
		WALK_LOOP(w->vms.nr, puc_anchor_body, w);
		return walk_find_innermost(w);
	}
	if (w->turn == WALK_COROUTINES)
		return puc_choose_by_coroutine(w);
	innermost = walk_enter_vm(w);
	puc_walk(w);
	w->outermost = w->anchor ? puc_outermost(w) : 0;
	if (s->nr_frames && !innermost.vm)
		s->vmstate = walk_collector(w);
	return walk_leave_vm(w, &innermost);
}

#endif
