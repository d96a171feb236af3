/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT before March 2021, x86-64: the last snapshot passed, from the machine code itself.
 *
 * Snapshots of those builds do not say where their code begins. Guards do: each is a conditional
 * jump to the exit stub of its snapshot, or to the side trace that has taken the exit's place.
 *
 *	0f 8x rel32                        guard: j<cc> target
 *	c7 04 25 <&vmstate> <number>       the end of a trace's head: vmstate = its number
 *	41 c7 86 <offset> <number>         the same with GC64, relative to the dispatch table in r14
 *
 *	6a low  eb xx  ...  6a high  [c7 44 24 10 <dispatch>]  e9 rel32
 *	exit stub: push low; jmp; push high; without GC64 a store; jmp lj_vm_exit_handler
 *
 * So the search goes from ip, byte by byte, to what can be proved to be a guard: its target is an
 * exit stub, or a side trace that was compiled for this exit. All guards of a snapshot lie before
 * those of the next one:
 *
 *	before ip   after ip        the snapshot
 *	the head    any             the first
 *	n           n               n
 *	n           a later, none   n, or n + 1 if the last instruction of n is the guard before ip
 *
 * The latter because a comparison has a snapshot of its own: the place to which it does not go.
 *
 * Facts: lj_asm_x86.h (asm_exitstub_gen, asm_guardcc, lj_asm_patchexit), lj_asm.c (asm_head_side),
 * lj_emit_x86.h, lj_record.c (IR_BASE) of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_GUARD_H
#define BPROF_WALK_LUAJIT_GUARD_H

enum luajit_exit {
	LUAJIT_EXIT_UNKNOWN = -1,
	LUAJIT_EXIT_END = -2, /* the trace has no guard there */
};

#ifdef BPROF_ARCH_X86_64

#define LUAJIT_MAX_GUARD_DISTANCE 4096 /* bytes that are searched */
#define LUAJIT_GUARD_BYTES	  6
#define LUAJIT_STUB_TAIL_BYTES	  15
#define LUAJIT_IR_BASE		  0x8000U /* an instruction: its operands are parent and exit */
#define LUAJIT_IR_EQ		  8
#define LUAJIT_IR_NE		  9
#define LUAJIT_IR_TYPE_P32	  5
#define LUAJIT_IR_TYPE_P64	  9
#define LUAJIT_IR_GUARD		  0x80

/* Is the byte at @code the start of the instruction that stores vmstate? Leaves its operand. */
WALK_INLINE int luajit_stores_vmstate(struct walk *w, const u8 *code, u32 *ret_number)
{
	const struct luajit_layout *layout = &w->chosen.luajit;
	u32 operand;

	if (code[0] != 0xc7)
		return 0;
	if (luajit_has_refs32(w)) {
		__builtin_memcpy(&operand, code + 3, sizeof(operand));
		__builtin_memcpy(ret_number, code + 7, sizeof(*ret_number));
		return code[1] == 0x04 && code[2] == 0x25 &&
		       operand == (u32)(w->vm.global + layout->vmstate);
	}
	__builtin_memcpy(&operand, code + 2, sizeof(operand));
	__builtin_memcpy(ret_number, code + 6, sizeof(*ret_number));
	return code[1] == 0x86 && operand == (u32)layout->vmstate - (u32)layout->dispatch;
}

/* The next side trace of the tree: is it the one that a guard leads to? Non-zero ends the search.
 */
WALK_INLINE int luajit_side_step(struct walk *w)
{
	struct luajit_work *j = &w->luajit;

	if (luajit_load_trace(w, j->chain_side)) {
		j->chain_side = 0;
		return 1;
	}
	if (j->trace.mcode == j->guard_target)
		return 1;
	j->chain_side = j->trace.next_side;
	return !j->chain_side;
}

WALK_LOOP_BODY(luajit_side_body, luajit_side_step)

/* The exit that the side trace at guard_target was compiled for; LUAJIT_EXIT_UNKNOWN: there is
 * none. */
WALK_STEP int luajit_side_exit(struct walk *w)
{
	int exit = LUAJIT_EXIT_UNKNOWN;
	struct luajit_work *j;
	u32 base = 0;

	if (!w)
		return exit;
	j = &w->luajit;
	j->running = j->trace;
	if (!j->trace.root || !luajit_load_trace(w, j->trace.root)) {
		j->chain_side = j->trace.next_side;
		WALK_LOOP(LUAJIT_MAX_CHAIN, luajit_side_body, w);
	}
	if (j->trace.mcode == j->guard_target &&
	    !walk_must_read(w, &base, sizeof(base), j->trace.constants + 8ULL * LUAJIT_IR_BASE) &&
	    (base & 0xffff) == j->running.number)
		exit = (int)(base >> 16);
	j->trace = j->running;
	return exit;
}

/* The number of the exit whose stub is at guard_target; LUAJIT_EXIT_UNKNOWN: there is none. */
WALK_STEP int luajit_stub_exit(struct walk *w)
{
	u8 stub[4], tail[LUAJIT_STUB_TAIL_BYTES];
	u32 at = 2, dispatch;
	s32 distance;
	u64 end;

	if (!w || walk_must_read(w, stub, sizeof(stub), w->luajit.guard_target) || stub[0] != 0x6a)
		return LUAJIT_EXIT_UNKNOWN;
	end = w->luajit.guard_target + (stub[2] == 0xeb ? 4 + stub[3] : 2);
	if (walk_must_read(w, tail, sizeof(tail), end) || tail[0] != 0x6a)
		return LUAJIT_EXIT_UNKNOWN;
	__builtin_memcpy(&distance, tail + 3, sizeof(distance));
	if (luajit_has_refs32(w)) {
		at = 10;
		__builtin_memcpy(&dispatch, tail + 6, sizeof(dispatch));
		__builtin_memcpy(&distance, tail + 11, sizeof(distance));
		if (tail[2] != 0xc7 || tail[3] != 0x44 || tail[4] != 0x24 || tail[5] != 0x10 ||
		    dispatch != (u32)(w->vm.global + w->chosen.luajit.dispatch))
			return LUAJIT_EXIT_UNKNOWN;
	}
	if (tail[at] != 0xe9 || !luajit_in_vm(w, end + at + 5 + (u64)(s64)distance))
		return LUAJIT_EXIT_UNKNOWN;
	return tail[1] << 8 | stub[1];
}

/* The snapshot of a guard that jumps to guard_target; LUAJIT_EXIT_UNKNOWN: it proves nothing. */
WALK_INLINE int luajit_guard_snapshot(struct walk *w)
{
	int exit = luajit_stub_exit(w);

	if (exit == LUAJIT_EXIT_UNKNOWN)
		exit = luajit_side_exit(w);
	return exit >= (int)w->luajit.trace.nr_snapshots ? LUAJIT_EXIT_UNKNOWN : exit;
}

/* A chunk of machine code with @at in it, and what lies in the search's way. Non-zero: unreadable.
 */
WALK_STEP int luajit_load_code(struct walk *w, u32 at)
{
	struct luajit_work *j;
	u32 from = at, bytes;

	if (!w)
		return 1;
	j = &w->luajit;
	if (j->guard_step < 0)
		from = at < LUAJIT_MCODE_BYTES - 16 ? 0 : at - (LUAJIT_MCODE_BYTES - 16);
	bytes = j->trace.mcode_bytes - from;
	if (bytes > LUAJIT_MCODE_BYTES)
		bytes = LUAJIT_MCODE_BYTES;
	bytes = walk_index(bytes, LUAJIT_MCODE_MASK);
	j->code_from = from;
	return walk_must_read(w, j->code, bytes, j->trace.mcode + from);
}

/* The instruction that may begin at guard_at. Non-zero: the search is over, guard_exit is set. */
WALK_INLINE int luajit_look_for_guard(struct walk *w)
{
	struct luajit_work *j = &w->luajit;
	u64 offset = j->guard_at - j->code_from;
	u32 number = 0, i;
	s32 distance;

	/* all of an instruction is wanted; a chunk that begins here may be shorter */
	if (offset > LUAJIT_MCODE_BYTES - 16 && luajit_load_code(w, j->guard_at))
		return 1;
	i = walk_index((u32)(j->guard_at - j->code_from), LUAJIT_MCODE_BYTES - 1);
	if (j->guard_step < 0 && luajit_stores_vmstate(w, j->code + i, &number) &&
	    number == j->trace.number) {
		j->guard_exit = LUAJIT_EXIT_END;
		return 1;
	}
	if (j->code[i] != 0x0f || (j->code[i + 1] & 0xf0) != 0x80)
		return 0;
	__builtin_memcpy(&distance, j->code + i + 2, sizeof(distance));
	j->guard_target = j->trace.mcode + j->guard_at + LUAJIT_GUARD_BYTES + (u64)(s64)distance;
	j->guard_exit = luajit_guard_snapshot(w);
	return 1;
}

WALK_INLINE int luajit_guard_step(struct walk *w)
{
	struct luajit_work *j = &w->luajit;

	if (j->guard_at > j->trace.mcode_bytes - LUAJIT_GUARD_BYTES) {
		j->guard_exit = LUAJIT_EXIT_END;
		return 1;
	}
	if (luajit_look_for_guard(w))
		return 1;
	j->guard_at += (u32)j->guard_step; /* below 0: beyond the end, too */
	return 0;
}

WALK_LOOP_BODY(luajit_guard_body, luajit_guard_step)

/* The exit of the nearest guard from offset @at on, forwards or (@step -1) backwards. */
WALK_STEP int luajit_nearest_guard(struct walk *w, u32 at, s32 step)
{
	struct luajit_work *j;

	if (!w)
		return LUAJIT_EXIT_UNKNOWN;
	j = &w->luajit;
	if (j->trace.mcode_bytes < LUAJIT_GUARD_BYTES)
		return LUAJIT_EXIT_UNKNOWN;
	j->guard_exit = LUAJIT_EXIT_UNKNOWN;
	j->code_from = WALK_NOWHERE;
	j->guard_at = at;
	j->guard_step = step;
	WALK_LOOP(LUAJIT_MAX_GUARD_DISTANCE, luajit_guard_body, w);
	return j->guard_exit;
}

/*
 * Is the last instruction of snapshot @number a guard? A look-up and its comparison are one piece
 * of machine code with the guard in the middle: that is none.
 */
WALK_STEP int luajit_ends_with_guard(struct walk *w, u32 number)
{
	struct luajit_work *j;
	u32 type, operation;
	u64 ins = 0;
	u16 next = 0;

	if (!w)
		return 0;
	j = &w->luajit;
	if (number + 1 >= j->trace.nr_snapshots ||
	    walk_must_read(w, &next, sizeof(next),
			   j->trace.snapshots + j->trace.snapshot_bytes * (number + 1ULL) +
				   (j->trace.snapshot_bytes == 8 ? 2 : 4)) ||
	    next <= LUAJIT_IR_BASE ||
	    walk_must_read(w, &ins, sizeof(ins), j->trace.constants + 8ULL * (next - 1U)))
		return 0;
	type = (u32)(ins >> 32) & 0x1f;
	operation = (u32)(ins >> 40) & 0xff;
	if ((operation == LUAJIT_IR_EQ || operation == LUAJIT_IR_NE) &&
	    (ins & 0xffff) == next - 2U &&
	    (type == LUAJIT_IR_TYPE_P32 || type == LUAJIT_IR_TYPE_P64))
		return 0;
	return (ins >> 32 & LUAJIT_IR_GUARD) != 0;
}

/* The number of the last snapshot that the thread has passed; below 0: it is not known. */
WALK_INLINE int luajit_last_guard(struct walk *w)
{
	struct luajit_work *j = &w->luajit;
	int before, after;

	/* below 0: beyond the end, as the head is */
	before = luajit_nearest_guard(w, j->mcode_offset - LUAJIT_GUARD_BYTES, -1);
	if (before == LUAJIT_EXIT_END)
		return 0;
	if (before < 0)
		return before;
	after = luajit_nearest_guard(w, j->mcode_offset, 1);
	if (after == before)
		return before;
	if (after == LUAJIT_EXIT_UNKNOWN || (after >= 0 && after < before))
		return LUAJIT_EXIT_UNKNOWN;
	return before + luajit_ends_with_guard(w, (u32)before);
}

#else

WALK_INLINE int luajit_last_guard(struct walk *w)
{
	(void)w;
	return LUAJIT_EXIT_UNKNOWN;
}

#endif

#endif
