/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: what a snapshot says of the Lua stack.
 *
 * Three forms of its header, by the age of the build; all have the first of its entries and how
 * many there are:
 *
 *	          +0        +4   +6         +8       +10
 *	8 bytes   first:16  ...  nent:8                     up to January 2019
 *	12 bytes  first:32  ...             nent:8          up to March 2021
 *	12 bytes  first:32  ...  mcofs:16            nent:8
 *
 * An entry is slot << 24 | flags | reference. What follows the entries depends on the object model:
 *
 *	GC64     pc << 8 | (slot of the innermost base - 2)
 *	         function and link of a frame are two slots, both of them entries
 *	without  pc, then the link of each frame, the innermost first, 32 bits each
 *	         function and link share a slot; its entry is the function, and has the flag FRAME;
 *the continuation of a metamethod has the flag CONT, and a link, too: its pc
 *
 * Facts: lj_snap.c, lj_jit.h, lj_ir.h of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_SNAPSHOT_H
#define BPROF_WALK_LUAJIT_SNAPSHOT_H

#define LUAJIT_SNAPSHOT_ROUNDS 16      /* of a binary search */
#define LUAJIT_FIRST_VARIABLE  0x8000U /* references below are constants */
#define LUAJIT_IR_TYPE_PROTO   7U
#define LUAJIT_RETURN_SLOT     1U
#define LUAJIT_ENTRY_FRAME     0x010000U
#define LUAJIT_ENTRY_CONT      0x020000U

enum luajit_slot {
	LUAJIT_SLOT_ABSENT = 0, /* as on the Lua stack */
	LUAJIT_SLOT_CONSTANT,	/* its value is in constant */
	LUAJIT_SLOT_COMPUTED,
};

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
			   j->trace.snapshots + j->trace.snapshot_bytes * middle +
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

/* What follows the entries: the pc, and with GC64 the base. */
WALK_INLINE u32 luajit_tail_words(const struct walk *w)
{
	return luajit_has_refs32(w) ? 1 : 2;
}

/* The header of snapshot @number: its first entry, and how many there are. Non-zero: unreadable. */
WALK_STEP int luajit_read_snapshot(struct walk *w, u32 number)
{
	u32 header[3] = {}, bytes;
	struct luajit_work *j;

	if (!w)
		return 1;
	j = &w->luajit;
	bytes = j->trace.snapshot_bytes == 8 ? 8 : sizeof(header);
	if (walk_must_read(w, header, bytes, j->trace.snapshots + bytes * (u64)number))
		return 1;
	if (w->chosen.luajit.snapshot_mcode) {
		j->nr_entries = header[2] >> 16 & 0xff;
	} else if (bytes == 8) {
		j->nr_entries = header[1] >> 16 & 0xff;
		header[0] &= 0xffff;
	} else {
		j->nr_entries = header[2] & 0xff;
	}
	j->first_entry = header[0];
	return header[0] > j->trace.nr_entries ||
	       header[0] + j->nr_entries + luajit_tail_words(w) > j->trace.nr_entries;
}

/* The next entry outwards: is it that of a frame? */
WALK_INLINE int luajit_innermost_step(struct walk *w, u32 i)
{
	struct luajit_work *j = &w->luajit;
	u32 entry = j->entry[walk_index(j->nr_entries - 1 - i, LUAJIT_MAX_ENTRIES - 1)];

	if (!(entry & LUAJIT_ENTRY_FRAME))
		return 0;
	j->base = j->jit_base + 8ULL * (entry >> 24);
	return 1;
}

WALK_LOOP_BODY_AT(luajit_innermost_body, luajit_innermost_step)

/* Copies the entries of snapshot @number, and starts the walk at its innermost frame. */
WALK_STEP int luajit_take_snapshot(struct walk *w, u32 number)
{
	struct luajit_work *j;
	u32 nr, bytes;
	u64 place;

	if (!w || luajit_read_snapshot(w, number))
		return 0;
	j = &w->luajit;
	nr = walk_index(j->nr_entries, LUAJIT_MAX_ENTRIES - 1);
	bytes = 4 * nr + 4 * luajit_tail_words(w);
	if (walk_must_read(w, j->entry, bytes, j->trace.entries + 4ULL * j->first_entry))
		return 0;
	if (luajit_has_refs32(w)) {
		j->base = j->jit_base;
		j->pc = j->entry[nr];
		WALK_LOOP(nr, luajit_innermost_body, w);
	} else {
		place = j->entry[nr] | (u64)j->entry[nr + 1] << 32;
		j->base = j->jit_base + 8 * (place & 0xff);
		j->pc = place >> 8;
	}
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
	/* the value follows the instruction that defines the constant; 32 bits are part of it */
	if (walk_must_read(w, &j->constant, sizeof(j->constant),
			   j->trace.constants + 8ULL * reference + (luajit_has_refs32(w) ? 0 : 8)))
		return LUAJIT_SLOT_COMPUTED;
	j->constant = luajit_reference(w, j->constant);
	return LUAJIT_SLOT_CONSTANT;
}

/* Is entry @i, counted from the one behind which a link is looked for, that of a link? */
WALK_INLINE int luajit_link_step(struct walk *w, u32 i)
{
	struct luajit_work *j = &w->luajit;
	u32 entry = j->entry[walk_index(j->link_entry + 1 + i, LUAJIT_MAX_ENTRIES - 1)];

	j->nr_links += (entry & (LUAJIT_ENTRY_FRAME | LUAJIT_ENTRY_CONT)) != 0;
	return 0;
}

WALK_LOOP_BODY_AT(luajit_link_body, luajit_link_step)

/* Without GC64: the link that belongs to entry @at; 0 if there is none. */
WALK_STEP u32 luajit_snapshot_link(struct walk *w, u32 at)
{
	struct luajit_work *j;
	u32 link = 0, place;

	if (!w)
		return 0;
	j = &w->luajit;
	if (at >= j->nr_entries)
		return 0;
	j->link_entry = at;
	j->nr_links = 0;
	WALK_LOOP(j->nr_entries - 1 - at, luajit_link_body, w);
	place = j->first_entry + j->nr_entries + 1 + j->nr_links;
	if (place >= j->trace.nr_entries ||
	    walk_must_read(w, &link, sizeof(link), j->trace.entries + 4ULL * place))
		return 0;
	return link;
}

/* The function of a frame, from its entry. */
WALK_INLINE void luajit_take_snapshot_function(struct walk *w, u32 slot)
{
	struct luajit_work *j = &w->luajit;

	j->slots.is_computed = luajit_snapshot_slot(w, slot) != LUAJIT_SLOT_CONSTANT;
	j->slots.function = j->slots.is_computed ? 0 : j->constant;
}

/* luajit_read_snapshot_slots() without GC64. */
WALK_STEP int luajit_read_snapshot_slots32(struct walk *w, u64 base)
{
	struct luajit_slots *slots;
	struct luajit_work *j;
	u32 slot, at, entry;

	if (!w)
		return 1;
	j = &w->luajit;
	slots = &j->slots;
	slot = (u32)((base - j->jit_base) >> 3) & 0xff;
	at = luajit_first_entry(j, slot);
	entry = at < j->nr_entries ? j->entry[at] : 0;
	if (entry >> 24 != slot)
		entry = 0;
	if (!slot && luajit_read_slots(w, base))
		return 1;
	/* the trace's own frame has an entry if a tail call has replaced its function */
	if (!(entry & LUAJIT_ENTRY_FRAME))
		return slot != 0;
	luajit_take_snapshot_function(w, slot);
	if (!slot)
		return 0;
	slots->continuation = 0;
	slots->continuation_pc = 0;
	slots->link = luajit_snapshot_link(w, at);
	if ((slots->link & 7) != LUAJIT_LINK_CONT || !at)
		return !slots->link;
	if (luajit_snapshot_slot(w, slot - 1) == LUAJIT_SLOT_CONSTANT)
		slots->continuation = j->constant;
	slots->continuation_pc = luajit_snapshot_link(w, at - 1);
	return 0;
}

/* The slots below @base, jit_base or above, as the snapshot has them. Non-zero: it has no link. */
WALK_STEP int luajit_read_snapshot_slots(struct walk *w, u64 base)
{
	struct luajit_slots *slots;
	struct luajit_work *j;
	u32 slot;

	if (!w)
		return 1;
	if (luajit_has_refs32(w))
		return luajit_read_snapshot_slots32(w, base);
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
	luajit_take_snapshot_function(w, slot);
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
	word = luajit_has_refs32(w) ? (u32)word : j->ir_word[i + 1];
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

#endif
