/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: where a thread is in compiled code, and the frames that exist only there.
 *
 * Compiled code keeps neither a pc nor the frames of the functions it has inlined. Each of its
 * guards has a snapshot: what the Lua stack must look like if the guard fails. The last snapshot
 * passed tells the place, from guard to guard:
 *
 *	ip -> trace -> last snapshot whose code begins at or before ip -> its pc and its frames
 *
 *	J.trace[number] -> GCtrace: mcode, mcode_bytes, snapshots[], entries[], constants
 *	snapshot: first entry, offset of its code; entry: slot << 24 | flags | reference
 *	after its entries: pc << 8 | (slot of the innermost base - 2)
 *
 *	slot    0         1      2 ...          n-2        n-1   n ...
 *	      function  link   | slots of the   function  link  | slots of the inlined function
 *	      at jit_base - 16 | trace's frame  of an inlined   |
 *
 * Function and link of an inlined frame are constants of the trace, so a walk down from the
 * innermost base takes them from the snapshot, and from the Lua stack once it has come to jit_base.
 * A function that is no constant was specialised to its prototype: that one is among the constants.
 *
 * Facts: lj_snap.c, lj_jit.h, lj_ir.h, lj_asm.c, lj_trace.c of LuaJIT 2.1 (copyright Mike Pall,
 * MIT).
 */
#ifndef BPROF_WALK_LUAJIT_TRACE_H
#define BPROF_WALK_LUAJIT_TRACE_H

#define LUAJIT_SNAPSHOT_BYTES  12
#define LUAJIT_SNAPSHOT_ROUNDS 16      /* of a binary search */
#define LUAJIT_MAX_CHAIN       48      /* traces of one prototype that are looked at */
#define LUAJIT_MAX_NUMBERS     256     /* of all traces */
#define LUAJIT_FIRST_VARIABLE  0x8000U /* references below are constants */
#define LUAJIT_IR_TYPE_PROTO   7U
#define LUAJIT_RETURN_SLOT     1U
#define LUAJIT_TAIL_BYTES      19 /* the longest end of a trace that moves jit_base */

enum luajit_slot {
	LUAJIT_SLOT_ABSENT = 0, /* as on the Lua stack */
	LUAJIT_SLOT_CONSTANT,	/* its value is in constant */
	LUAJIT_SLOT_COMPUTED,
};

/* ---- which trace, and where in it ---------------------------------------------------------- */

/* Does the thread run the trace just read? Either ip lies in it, or C that it has called runs. */
WALK_STEP int luajit_runs_trace(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	if (luajit_take_mcode(j, w->reg[BPROF_REG_IP])) {
		w->record.s.flags |= BPROF_SAMPLE_IN_MCODE;
		return 1;
	}
	return luajit_is_called_by_trace(w);
}

/* The next trace of the prototype: the side traces of each of its root traces. */
WALK_STEP int luajit_chain_step(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 1;
	j = &w->luajit;
	if (luajit_load_trace(w, j->chain_side ? j->chain_side : j->chain_root))
		return 1;
	if (!j->chain_side)
		j->chain_root = j->trace.next_root;
	j->chain_side = j->trace.next_side;
	return luajit_runs_trace(w) || !(j->chain_side | j->chain_root);
}

WALK_LOOP_BODY(luajit_chain_body, luajit_chain_step)

#ifdef BPROF_ARCH_ARM64
/* The next trace of all. */
WALK_STEP int luajit_number_step(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 1;
	j = &w->luajit;
	if (++j->chain_root >= j->nr_traces)
		return 1;
	return !luajit_load_trace(w, j->chain_root) && luajit_runs_trace(w);
}

WALK_LOOP_BODY(luajit_number_body, luajit_number_step)
#endif

/*
 * arm64 does not keep vmstate on a trace. One that has returned to its caller is none of the
 * function at jit_base.
 */
WALK_INLINE int luajit_find_trace_by_number(struct walk *w)
{
#ifdef BPROF_ARCH_ARM64
	w->luajit.chain_root = 0;
	WALK_LOOP(LUAJIT_MAX_NUMBERS, luajit_number_body, w);
#endif
	return (int)w->luajit.trace_found;
}

/*
 * The trace that runs: vmstate names it. The collector, called from a trace, puts its own state
 * there; then it is one of the traces of the function at jit_base.
 */
WALK_STEP int luajit_find_trace(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	j->trace_found = 0;
	if (luajit_read_trace_table(w))
		return 0;
	if (j->vmstate > 0)
		return !luajit_load_trace(w, (u32)j->vmstate) && luajit_runs_trace(w);
	if (luajit_function(w, j->jit_base) != LUAJIT_LUA)
		return 0;
	j->chain_root = j->proto.trace;
	j->chain_side = 0;
	WALK_LOOP(LUAJIT_MAX_CHAIN, luajit_chain_body, w);
	return j->trace_found || luajit_find_trace_by_number(w);
}

/* ---- the last snapshot --------------------------------------------------------------------- */

/* Longer code has snapshots whose 16-bit offsets have wrapped. */
WALK_INLINE int luajit_has_offsets(const struct walk *w)
{
	return w->chosen.luajit.snapshot_mcode &&
	       w->luajit.trace.mcode_bytes <= 0xffff * LUAJIT_MCODE_UNIT;
}

/* One round of the search for the last snapshot whose code begins at or before the place. */
WALK_STEP int luajit_search_step(struct walk *w)
{
	struct luajit_work *j;
	u64 middle;
	u16 offset = 0;

	if (!w)
		return 1;
	j = &w->luajit;
	if (j->search_low >= j->search_high)
		return 1;
	middle = (j->search_low + j->search_high) >> 1;
	if (walk_must_read(w, &offset, sizeof(offset),
			   j->trace.snapshots + LUAJIT_SNAPSHOT_BYTES * middle +
				   w->chosen.luajit.snapshot_mcode)) {
		j->search_low = 0;
		return 1;
	}
	if (j->mcode_offset < (u32)offset * LUAJIT_MCODE_UNIT)
		j->search_high = (u32)middle;
	else
		j->search_low = (u32)middle + 1;
	return 0;
}

WALK_LOOP_BODY(luajit_search_body, luajit_search_step)

/* Copies the entries of snapshot @number, and starts the walk at its innermost frame. */
WALK_STEP int luajit_take_snapshot(struct walk *w, u32 number)
{
	struct luajit_work *j;
	u32 header[3] = {}, nr, bytes;
	u64 place;

	if (!w)
		return 0;
	j = &w->luajit;
	if (walk_must_read(w, header, sizeof(header),
			   j->trace.snapshots + LUAJIT_SNAPSHOT_BYTES * (u64)number))
		return 0;
	nr = header[2] >> 16 & 0xff;
	if (header[0] > j->trace.nr_entries || header[0] + nr + 2 > j->trace.nr_entries)
		return 0;
	bytes = 4 * (nr + 2);
	WALK_OPAQUE(bytes);
	if (bytes < 8 || bytes > sizeof(j->entry))
		return 0;
	if (walk_must_read(w, j->entry, bytes, j->trace.entries + 4ULL * header[0]))
		return 0;
	nr = walk_index(nr, LUAJIT_MAX_ENTRIES - 1);
	place = j->entry[nr] | (u64)j->entry[nr + 1] << 32;
	j->nr_entries = nr;
	j->base = j->jit_base + 8 * (place & 0xff);
	j->pc = place >> 8;
	j->pc_is_start = 1;
	j->has_snapshot = 1;
	return 1;
}

/* ---- frames of a snapshot ------------------------------------------------------------------ */

/*
 * Index of the first entry of this slot or a higher one: entries are sorted by slot. The search has
 * no branch, so the verifier follows one path.
 */
WALK_INLINE u32 luajit_first_entry(const struct luajit_work *j, u32 slot)
{
	u32 at = 0;

#pragma GCC unroll 8
	for (u32 step = LUAJIT_MAX_ENTRIES / 2; step; step /= 2) {
		u32 i = walk_index(at + step - 1, LUAJIT_MAX_ENTRIES - 1);
		u32 is_before = ((j->entry[i] >> 24) - slot) & (i - j->nr_entries);

		WALK_OPAQUE(is_before);
		at += (is_before >> 31) * step;
	}
	return walk_index(at, LUAJIT_MAX_ENTRIES - 1);
}

/* What the snapshot says of a slot: enum luajit_slot. */
WALK_STEP int luajit_snapshot_slot(struct walk *w, u32 slot)
{
	struct luajit_work *j;
	u32 entry, at, reference;

	if (!w)
		return LUAJIT_SLOT_ABSENT;
	j = &w->luajit;
	at = luajit_first_entry(j, slot);
	entry = j->entry[at];
	if (at >= j->nr_entries || entry >> 24 != slot)
		return LUAJIT_SLOT_ABSENT;
	reference = entry & 0xffff;
	if (reference >= LUAJIT_FIRST_VARIABLE || reference < j->trace.lowest_constant)
		return LUAJIT_SLOT_COMPUTED;
	/* the value follows the instruction that defines the constant */
	if (walk_must_read(w, &j->constant, sizeof(j->constant),
			   j->trace.constants + 8ULL * reference + 8))
		return LUAJIT_SLOT_COMPUTED;
	return LUAJIT_SLOT_CONSTANT;
}

/* The slots below @base, jit_base or above, as the snapshot has them. Non-zero: it has no link. */
WALK_STEP int luajit_read_snapshot_slots(struct walk *w, u64 base)
{
	struct luajit_slots *slots;
	struct luajit_work *j;
	u32 slot;

	if (!w)
		return 1;
	j = &w->luajit;
	slots = &j->slots;
	slot = (u32)((base - j->jit_base) >> 3) & 0xff;
	if (!slot) {
		if (luajit_read_slots(w, base))
			return 1;
		/* a tail call has replaced the function, and only then is its link an entry */
		if (luajit_snapshot_slot(w, LUAJIT_RETURN_SLOT) == LUAJIT_SLOT_ABSENT)
			return 0;
	} else {
		slots->continuation = 0;
		slots->continuation_pc = 0;
		if (luajit_snapshot_slot(w, slot + 1) != LUAJIT_SLOT_CONSTANT)
			return 1;
		slots->link = j->constant;
	}
	slots->is_computed = luajit_snapshot_slot(w, slot) != LUAJIT_SLOT_CONSTANT;
	slots->function = slots->is_computed ? 0 : j->constant;
	if ((slots->link & 7) != LUAJIT_LINK_CONT || slot < 2)
		return 0;
	if (luajit_snapshot_slot(w, slot - 2) == LUAJIT_SLOT_CONSTANT)
		slots->continuation = j->constant;
	if (luajit_snapshot_slot(w, slot - 1) == LUAJIT_SLOT_CONSTANT)
		slots->continuation_pc = j->constant;
	return 0;
}

/* Is the constant at index @i a prototype with pc in its code? */
WALK_STEP int luajit_is_specialised(struct walk *w, u32 i)
{
	struct luajit_work *j;
	u64 word;

	if (!w)
		return 0;
	j = &w->luajit;
	i = walk_index(i, LUAJIT_IR_WORDS - 1);
	word = j->ir_word[i];
	if ((word >> 32 & 0x1f) != LUAJIT_IR_TYPE_PROTO)
		return 0;
	word = j->ir_word[i + 1];
	if (!walk_is_user_address(word) || (word & 7))
		return 0;
	return !luajit_read_proto(w, word + luajit_proto_bytes(w), LUAJIT_MAYBE) &&
	       luajit_pc_inside(j, j->pc);
}

WALK_INLINE int luajit_specialised_step(struct walk *w, u32 i)
{
	struct luajit_work *j = &w->luajit;

	j->is_specialised = (u32)luajit_is_specialised(w, i);
	return (int)j->is_specialised;
}

WALK_LOOP_BODY_AT(luajit_specialised_body, luajit_specialised_step)

/* A function that the trace computes: the prototype it was specialised to has pc in its code. */
WALK_STEP int luajit_specialised_proto(struct walk *w)
{
	struct luajit_work *j;
	u64 nr, bytes;

	if (!w)
		return 0;
	j = &w->luajit;
	if (j->trace.lowest_constant >= LUAJIT_FIRST_VARIABLE)
		return 0;
	nr = LUAJIT_FIRST_VARIABLE - j->trace.lowest_constant;
	if (nr > LUAJIT_IR_WORDS)
		nr = LUAJIT_IR_WORDS;
	bytes = 8 * nr;
	WALK_OPAQUE(bytes);
	if (bytes < 8 || bytes > sizeof(j->ir_word))
		return 0;
	if (walk_must_read(w, j->ir_word, (u32)bytes,
			   j->trace.constants + 8 * (LUAJIT_FIRST_VARIABLE - nr)))
		return 0;
	j->is_specialised = 0;
	WALK_LOOP((u32)nr - 1, luajit_specialised_body, w);
	return (int)j->is_specialised;
}

/* Says what function lies under @base, jit_base or above, by the snapshot. */
WALK_STEP int luajit_compiled_function(struct walk *w, u64 base)
{
	struct luajit_work *j;

	if (!w)
		return LUAJIT_NOTHING;
	j = &w->luajit;
	if (luajit_read_snapshot_slots(w, base))
		return LUAJIT_NOTHING;
	if (!j->slots.is_computed)
		return luajit_look_at_function(w);
	j->known_function = 0;
	return luajit_specialised_proto(w) ? LUAJIT_LUA : LUAJIT_NOTHING;
}

/* ---- the leaf ------------------------------------------------------------------------------ */

/*
 * The place is where the trace starts; that of a side trace may be anywhere, so the root of its
 * tree counts.
 */
WALK_STEP int luajit_start_of_trace(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	j->base = j->jit_base;
	j->pc = 0;
	j->has_snapshot = 0;
	if (w->jit == BPROF_JIT_BASE)
		return 0;
	if (!j->trace_found && (j->vmstate <= 0 || luajit_load_trace(w, (u32)j->vmstate)))
		return 0;
	if (j->trace.root && luajit_load_trace(w, j->trace.root))
		return 0;
	j->pc = j->trace.start_pc;
	j->pc_is_start = 1;
	return 0;
}

#ifdef BPROF_ARCH_X86_64

/* mov [r14+disp32], rdx: the store of jit_base, where the end of a trace moves it. */
WALK_INLINE u32 luajit_stores_base(const u8 *code)
{
	return code[0] == 0x49 && code[1] == 0x89 && code[2] == 0x96;
}

/*
 * The last instructions of a recursive trace move jit_base to the frame with which the linked trace
 * begins: the frames of its last snapshot lie on the old one. In memory: the store, perhaps an
 * addition to rsp (4 or 7 bytes), the jump (5 bytes).
 *
 * Facts: lj_asm.c, asm_tail_link(); lj_asm_x86.h, asm_tail_fixup().
 */
WALK_STEP int luajit_has_moved_base(struct walk *w)
{
	u8 code[LUAJIT_TAIL_BYTES];
	struct luajit_work *j;
	u64 end, left;

	if (!w)
		return 0;
	j = &w->luajit;
	end = j->trace.mcode + j->trace.mcode_bytes;
	left = end - w->reg[BPROF_REG_IP];
	if (luajit_has_refs32(w) || left > 12 ||
	    WALK_READ(w, code, sizeof(code), end - sizeof(code)))
		return 0;
	if (left == 5 && luajit_stores_base(code + 7))
		return 1;
	if (left <= 9 && code[10] == 0x48 && code[11] == 0x83 && luajit_stores_base(code + 3))
		return 1;
	return code[7] == 0x48 && code[8] == 0x81 && luajit_stores_base(code);
}

#else

/* arm64: BASE itself is moved, and jit_base with it, by the instruction before the branch. */
WALK_INLINE int luajit_has_moved_base(struct walk *w)
{
	(void)w;
	return 0;
}

#endif

/* Sets the cursor to the innermost frame of compiled code. */
WALK_STEP int luajit_leaf_on_trace(struct walk *w)
{
	struct luajit_work *j;
	int found;

	if (!w)
		return 0;
	j = &w->luajit;
	w->record.s.leaf_how = WALK_LEAF_TRACE;
	found = luajit_find_trace(w);
	if (found && luajit_has_moved_base(w)) {
		j->base = j->jit_base;
		j->pc = 0;
		j->has_snapshot = 0;
		return 1;
	}
	if (found && w->jit == BPROF_JIT_SNAPSHOT && luajit_has_offsets(w)) {
		j->search_low = 0;
		j->search_high = j->trace.nr_snapshots;
		WALK_LOOP(LUAJIT_SNAPSHOT_ROUNDS, luajit_search_body, w);
		if (j->search_low && luajit_take_snapshot(w, j->search_low - 1) &&
		    luajit_compiled_function(w, j->base) == LUAJIT_LUA &&
		    luajit_pc_inside(j, j->pc))
			return 1;
	}
	luajit_start_of_trace(w);
	return 1;
}

#endif
