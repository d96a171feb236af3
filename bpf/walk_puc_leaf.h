/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * PUC Lua: is the innermost CallInfo a call that really runs?
 *
 * A call is made and dismantled in several stores, and a sample may come between any two of them:
 *
 *	entering  L->ci = next CallInfo; its func, pc and status are still those of the last call
 *		  that was as deep as this one (5.2 and 5.3; 5.1 sets L->base last)
 *	leaving   the results are moved, the first one over the function slot, while L->ci still is
 *		  the callee's (5.4 and 5.5); where the result is a function, it seems to run
 *
 * Either way the caller is where the program is, and the leaf is left out. It is kept only if
 *
 *	its status agrees with what lies in its function slot (C or Lua),
 *	its pc, if it is Lua, lies in its own code,
 *	its function slot is the one that the caller's current instruction calls, or, if that is no
 *	call, not one of the caller's registers,
 *	its function slot, if it is C, is not one of the results on their way: they lie just below
 *	L->top, and then above, when L->top is where the caller wants it.
 *
 * A caller that runs a hook or a finalizer calls at L->top, wherever its current instruction is.
 *
 * Facts: ldo.c, lstate.h, lopcodes.h of Lua 5.1-5.5 (copyright Lua.org, PUC-Rio, MIT), and the code
 * of Debian's builds.
 */
#ifndef BPROF_WALK_PUC_LEAF_H
#define BPROF_WALK_PUC_LEAF_H

#define PUC_STATE_TOP	  16 /* lua_State.top, in every version */
#define PUC51_STATE_BASE  24 /* lua_State.base of 5.1 */
#define PUC51_ALLOW_HOOK  101
#define PUC51_CI_TOP	  16 /* CallInfo.top of 5.1, and of all others */
#define PUC52_CI_TOP	  8
#define PUC54_OP_CALL	  68 /* and 5.5 */
#define PUC54_OP_TFORCALL 76
#define PUC_VALUE_BYTES	  16
#define PUC_NR_RESULTS	  4 /* looked at below L->top */

/*
 * 5.1 sets L->base after the CallInfo of a new call is complete: until then L->base is still the
 * caller's, and the CallInfo holds what an earlier call left there.
 */
WALK_STEP int puc_leaf_is_unfinished(struct walk *w)
{
	struct puc_work *p;
	u64 base;

	if (!w)
		return 0;
	p = &w->puc;
	if (!w->chosen.puc.ci_is_array || p->callinfo <= p->callinfo_end)
		return 0;
	base = puc_state_field(p, PUC51_STATE_BASE);
	if (base == p->callinfo_word[0])
		return 0;
	if (puc_load_callinfo(w, p->callinfo - w->chosen.puc.ci_bytes))
		return 0;
	base ^= p->callinfo_word[0];
	if (puc_load_callinfo(w, p->callinfo))
		return 0;
	return base == 0;
}

/* From 5.2 on the status of a CallInfo says what it is, too. */
WALK_INLINE int puc_status_contradicts(const struct walk *w, u32 kind)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u32 status;

	if (!layout->ci_c_mask && !layout->ci_lua_mask)
		return 0;
	status = puc_call_status(w);
	if (layout->ci_c_mask)
		return (kind == PUC_C) != ((status & layout->ci_c_mask) != 0);
	return (kind == PUC_LUA) != ((status & layout->ci_lua_mask) != 0);
}

/*
 * What the instruction at the caller's pc calls lies at this register; -1 if it is no call of a
 * function that lies in one.
 */
WALK_INLINE int puc_called_register(u32 dialect, u32 instruction)
{
	u32 op = instruction & 0x3f, a = instruction >> 6 & 0xff, call, iterate, iterate_at = 3;

	switch (dialect) {
	case LUA_DIALECT_51:
		call = 28;
		iterate = 33;
		break;
	case LUA_DIALECT_52:
		call = 29;
		iterate = 34;
		break;
	case LUA_DIALECT_53:
		call = 36;
		iterate = 41;
		break;
	case LUA_DIALECT_54:
	case LUA_DIALECT_55:
		op = instruction & 0x7f;
		a = instruction >> 7 & 0xff;
		call = PUC54_OP_CALL;
		iterate = PUC54_OP_TFORCALL;
		iterate_at = dialect == LUA_DIALECT_54 ? 4 : 3;
		break;
	default:
		return -1;
	}
	if (op == call || op == call + 1) /* a tail call */
		return (int)a;
	return op == iterate ? (int)(a + iterate_at) : -1;
}

/* 5.4 and 5.5: does it call the iterator of a loop, which lies in its register A? */
WALK_INLINE int puc_is_iteration(u32 dialect, u32 instruction)
{
	return dialect >= LUA_DIALECT_54 && (instruction & 0x7f) == PUC54_OP_TFORCALL;
}

/*
 * 5.4 and 5.5: how many results a call wants; 0 = none, or the instruction is no call. As many as
 * come: one, mostly.
 */
WALK_INLINE u32 puc54_wanted_results(u32 instruction)
{
	u32 op = instruction & 0x7f, c = instruction >> 24;

	if (op == PUC54_OP_CALL + 1 || (op == PUC54_OP_CALL && !c))
		return 1;
	return op == PUC54_OP_CALL ? c - 1 : 0;
}

/* Register 0 of the function of the CallInfo just loaded. */
WALK_INLINE u64 puc_callinfo_base(const struct walk *w)
{
	const struct puc_layout *layout = &w->chosen.puc;

	if (layout->ci_is_array)
		return w->puc.callinfo_word[0];
	if (layout->savedpc_is_live)
		return puc_callinfo_field(&w->puc, layout->ci_savedpc - 8U);
	return puc_callinfo_field(&w->puc, layout->ci_func) + PUC_VALUE_BYTES;
}

/* Does the caller, whose CallInfo was just loaded, run a hook or a finalizer? */
WALK_INLINE int puc_calls_at_top(const struct walk *w)
{
	const struct puc_layout *layout = &w->chosen.puc;

	if (layout->ci_is_array)
		return !(puc_state_field(&w->puc, PUC51_ALLOW_HOOK) >>
				 (8 * (PUC51_ALLOW_HOOK & 7)) &
			 0xff);
	return (puc_call_status(w) & (layout->ci_hook_mask | layout->ci_finalizer_mask)) != 0;
}

/*
 * The caller's current instruction is no call: where the lowest function may lie that it makes the
 * VM call. Metamethods are called at L->top, which is the CallInfo's; but a concatenation sets it
 * behind its operands. Finalizers run behind new objects.
 */
WALK_INLINE u64 puc_lowest_metamethod(const struct walk *w, u32 instruction, u64 base)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u32 op = instruction & 0x3f, operand = instruction >> 23, concat, new_table, closure;

	switch (w->chosen.dialect) {
	case LUA_DIALECT_51:
		concat = 21;
		new_table = 10;
		closure = 36;
		break;
	case LUA_DIALECT_52:
		concat = 22;
		new_table = 11;
		closure = 37;
		break;
	case LUA_DIALECT_53:
		concat = 29;
		new_table = 11;
		closure = 44;
		break;
	default:
		op = instruction & 0x7f;
		operand = instruction >> 7 & 0xff;
		concat = 53;
		new_table = 19;
		closure = 79;
	}
	if (op == new_table || op >= closure)
		return base;
	if (op != concat)
		return puc_callinfo_field(&w->puc,
					  layout->ci_is_array ? PUC51_CI_TOP : PUC52_CI_TOP);
	if (!layout->ci_is_array && !layout->ci_finalizer_mask)
		return base;
	return base + (operand + 2ULL) * PUC_VALUE_BYTES;
}

/*
 * The function slot that the caller's current instruction calls; 0 = it does not tell. Where
 * lowest_called is set, no function that the caller calls lies below it.
 */
WALK_STEP u64 puc_called_slot(struct walk *w, u64 caller)
{
	const struct puc_layout *layout;
	struct puc_work *p;
	u64 base, pc, code;
	u32 instruction = 0;
	int at;

	if (!w)
		return 0;
	p = &w->puc;
	layout = &w->chosen.puc;
	p->called_results = 0;
	p->lowest_called = 0;
	p->iterator = 0;
	if (caller == p->callinfo_end || puc_load_callinfo(w, caller))
		return 0;
	p->lowest_called = puc_callinfo_field(p, layout->ci_func) + PUC_VALUE_BYTES;
	if (puc_calls_at_top(w))
		return 0;
	base = puc_callinfo_base(w);
	pc = puc_callinfo_field(p, layout->ci_savedpc);
	if (puc_load_value(w, puc_callinfo_field(p, layout->ci_func)) ||
	    puc_function(w) != PUC_LUA || puc_load_proto(w, p->object))
		return 0;
	code = puc_proto_word(p, layout->proto_code);
	if (!puc_pc_running(pc, code, w->proto.code_len) ||
	    walk_must_read(w, &instruction, sizeof(instruction), pc - 4))
		return 0;
	at = puc_called_register(w->chosen.dialect, instruction);
	p->called_results = puc54_wanted_results(instruction);
	if (puc_is_iteration(w->chosen.dialect, instruction))
		p->iterator = base + (u64)(instruction >> 7 & 0xff) * PUC_VALUE_BYTES;
	if (at >= 0)
		return base + (u64)(u32)at * PUC_VALUE_BYTES;
	p->lowest_called = puc_lowest_metamethod(w, instruction, base);
	return 0;
}

/* 5.4 and 5.5: how far a function with "..." moves up, as its prototype and its CallInfo say. */
WALK_INLINE u64 puc_vararg_shift(const struct walk *w)
{
	const struct puc_layout *layout = &w->chosen.puc;
	const struct puc_work *p = &w->puc;
	u32 offset = layout->proto_is_vararg, nr_params, nr_extra;

	if (!layout->ci_c_mask || !(puc_proto_word(p, offset) >> (8 * (offset & 7)) & 0xff))
		return 0;
	offset = layout->proto_nr_params;
	nr_params = puc_proto_word(p, offset) >> (8 * (offset & 7)) & 0xff;
	nr_extra = (u32)(puc_callinfo_field(p, layout->ci_savedpc + 8U) >> 32);
	return (1ULL + nr_params + nr_extra) * PUC_VALUE_BYTES;
}

/*
 * Is the leaf's function slot not the one its caller calls, nor, @shift higher, the copy of that
 * behind its arguments? Leaves the leaf's CallInfo loaded, and what was read of the caller in the
 * windows, where the next step finds it.
 */
WALK_STEP int puc_leaf_is_misplaced(struct walk *w, u64 caller, u64 shift)
{
	struct puc_work *p;
	u64 slot, called;

	if (!w)
		return 0;
	p = &w->puc;
	slot = puc_callinfo_field(p, w->chosen.puc.ci_func);
	for (u32 i = 0; i < PUC_CALLINFO_WORDS; i++)
		p->leaf_word[i] = p->callinfo_word[i];
	called = puc_called_slot(w, caller);
	for (u32 i = 0; i < PUC_CALLINFO_WORDS; i++)
		p->callinfo_word[i] = p->leaf_word[i];
	if (!called)
		return slot < p->lowest_called;
	if (slot == called)
		return 0;
	if (!shift || slot != called + shift || puc_load_value(w, called))
		return 1;
	return p->value[0] != p->leaf_value;
}

/*
 * 5.4 and 5.5: is the C function in the slot a result? The value is compared without its tag, which
 * is stored after it. Where the caller runs a loop it still has its iterator: the slot has a copy.
 * (The loop's state, nil, may have the bits of the iterator: string.gmatch made that there.)
 */
WALK_STEP int puc_leaf_is_result(struct walk *w)
{
	u64 function, slot, top, address, found = 0;
	struct puc_work *p;
	u32 at, nr = PUC_NR_RESULTS;

	if (!w)
		return 0;
	p = &w->puc;
	if (!w->chosen.puc.ci_c_mask)
		return 0;
	function = p->leaf_value;
	if (p->iterator && !puc_load_value(w, p->iterator) && p->value[0] == function)
		return 0;
	slot = puc_callinfo_field(p, w->chosen.puc.ci_func);
	top = puc_state_field(p, PUC_STATE_TOP);
	if (top <= slot)
		return 1;
	/* the last store but one: results are in place, and L->top just behind them */
	if (p->called_results && top == slot + p->called_results * PUC_VALUE_BYTES)
		nr *= 2;
	if (!walk_is_user_address(top) || (top & 7) ||
	    walk_window_at(w, &w->stack, top - PUC_NR_RESULTS * PUC_VALUE_BYTES,
			   2 * PUC_NR_RESULTS * PUC_VALUE_BYTES, &at))
		return 0;
	address = top - PUC_NR_RESULTS * PUC_VALUE_BYTES;
	/* the highest bits say: they are equal, slot < address, i < nr */
#pragma GCC unroll 8
	for (u32 i = 0; i < 2 * PUC_NR_RESULTS; i++) {
		u64 difference = w->stack.word[at + 2 * i] ^ function;

		found |= (difference - 1) & ~difference & (slot - address) & ((u64)i - nr);
		address += PUC_VALUE_BYTES;
	}
	return (int)(found >> 63);
}

/*
 * The interpreter loop keeps the pc of the function it runs, or its closure in a register. While a
 * call is made they are still the caller's. (It keeps the base as well; but an earlier call's may
 * happen to be the top of the stack, which registers point at when a call is made.) Only registers
 * that a callee saves: the others may still hold the closure of the call made before.
 */
WALK_STEP int puc_leaf_is_in_registers(struct walk *w)
{
	const struct puc_layout *layout;
	u64 closure, pc, code;

	if (!w)
		return 0;
	layout = &w->chosen.puc;
	closure = w->puc.leaf_value;
	code = puc_proto_word(&w->puc, layout->proto_code);
	pc = w->reg[walk_index(layout->pc_reg, BPROF_NR_VALUE_REGS - 1)];
	if (layout->pc_reg_proved && puc_pc_running(pc, code, w->proto.code_len))
		return 1;
	for (u32 i = 0; i < BPROF_NR_VALUE_REGS; i++) {
		if ((PUC_KEPT_REGS >> i & 1) && w->reg[i] == closure)
			return 1;
	}
	return 0;
}

/* The CallInfo of a leaf that is a Lua function is loaded, and its closure known. */
WALK_INLINE int puc_lua_leaf_is_transient(struct walk *w, u64 caller)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u64 pc = puc_callinfo_field(&w->puc, layout->ci_savedpc);

	if (puc_load_proto(w, w->puc.object))
		return 0;
	/* from 5.2 on it has its pc from the start: until then that is an earlier call's */
	if (!layout->ci_is_array &&
	    !puc_pc_inside(pc, puc_proto_word(&w->puc, layout->proto_code), w->proto.code_len))
		return 1;
	return !puc_leaf_is_in_registers(w) &&
	       puc_leaf_is_misplaced(w, caller, puc_vararg_shift(w));
}

/*
 * The leaf's CallInfo is loaded: is it being made or dismantled? If not, leaf_kind and object say
 * what it runs.
 */
WALK_INLINE int puc_leaf_is_transient(struct walk *w, u64 caller)
{
	struct puc_work *p = &w->puc;
	int r;

	p->leaf_kind = PUC_NOTHING;
	if (puc_leaf_is_unfinished(w))
		return 1;
	if (puc_load_value(w, puc_callinfo_field(p, w->chosen.puc.ci_func)))
		return 0;
	p->leaf_kind = (u32)puc_function(w);
	p->leaf_value = p->value[0];
	p->leaf_object = p->object;
	if (p->leaf_kind == PUC_NOTHING)
		return !w->failed_reads;
	if (puc_status_contradicts(w, p->leaf_kind))
		return 1;
	if (p->leaf_kind == PUC_LUA)
		r = puc_lua_leaf_is_transient(w, caller);
	else
		r = puc_leaf_is_misplaced(w, caller, 0) || puc_leaf_is_result(w);
	p->object = p->leaf_object;
	return r;
}

#endif
