/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * PUC Lua: the leaf's pc in builds that keep it in many places.
 *
 * Builds by clang, without optimisation, or with the pc in a register that calls do not save have
 * it in registers and in places of luaV_execute's frame, as the moment is. A table of the build
 * says where, for each machine instruction (src/proc/lua_pc_places.c proves it). In a helper the
 * return address into luaV_execute is looked up: what the table says of it will be true when the
 * helper is back, so only what calls leave alone is in it.
 */
#ifndef BPROF_WALK_PUC_TABLE_H
#define BPROF_WALK_PUC_TABLE_H

#ifdef BPROF_ARCH_X86_64

#define PUC_LOG2_ENTRIES 9

/* One step of the search for the last entry at or before table_offset. */
WALK_INLINE int puc_table_step(struct walk *w)
{
	const struct puc_pc_table *table = walk_pc_table(w);
	struct puc_work *p = &w->puc;
	u32 middle = (p->table_low + p->table_high) >> 1;

	if (!table || p->table_high - p->table_low <= 1)
		return 1;
	if (table->at[walk_index(middle, PUC_MAX_ENTRIES - 1)].from <= p->table_offset)
		p->table_low = middle;
	else
		p->table_high = middle;
	return 0;
}

WALK_LOOP_BODY(puc_table_body, puc_table_step)

/*
 * What the table says of the loop at offset table_offset, where rsp is @sp. Returns 0 if it says
 * nothing; table_pc is the pc, if helpers left its register alone.
 */
WALK_STEP int puc_table_find(struct walk *w, u64 sp)
{
	const struct puc_pc_table *table;
	struct puc_work *p;
	u32 cell;
	u64 at;

	if (!w)
		return 0;
	p = &w->puc;
	table = walk_pc_table(w);
	if (!table || !table->nr)
		return 0;
	p->table_low = 0;
	p->table_high = table->nr;
	WALK_LOOP(PUC_LOG2_ENTRIES, puc_table_body, w);
	at = walk_index(p->table_low, PUC_MAX_ENTRIES - 1);
	cell = table->at[at].cell;
	p->table_add = (u64)(s64)table->at[at].add;
	if (cell < BPROF_NR_VALUE_REGS) {
		p->table_pc = w->reg[walk_index(cell, 31)] + p->table_add;
		return PUC_TABLE_REGISTER;
	}
	if (cell == PUC_TABLE_SAVED)
		return PUC_TABLE_IS_SAVED;
	cell -= PUC_TABLE_FRAME;
	if (cell >= PUC_TABLE_PLACES ||
	    walk_must_read(w, &p->table_pc, sizeof(p->table_pc),
			   sp + table->frame[walk_index(cell, PUC_TABLE_PLACES - 1)]))
		return 0;
	p->table_pc += p->table_add;
	return PUC_TABLE_IN_FRAME;
}

/* Sets table_offset; returns rsp of the loop, 0 if that is not found. */
WALK_STEP u64 puc_table_loop(struct walk *w)
{
	struct puc_work *p;

	if (!w)
		return 0;
	p = &w->puc;
	if (puc_is_in_loop(w, w->reg[BPROF_REG_IP])) {
		p->table_offset = (u32)(w->reg[BPROF_REG_IP] - w->vm.vm_start);
		return w->reg[BPROF_REG_SP];
	}
	p->return_to = 0;
	p->scan_next = w->reg[BPROF_REG_SP];
	WALK_LOOP(PUC_DEEP_CHUNKS, puc_return_chunk_body, w);
	if (!p->return_to)
		return 0;
	p->table_offset = (u32)(p->return_to - w->vm.vm_start);
	return p->return_at + 8;
}

/*
 * 0 = not known. Where the place has no pc of the leaf, the loop is about to enter a function, or
 * to go back to its caller: what was saved is right.
 */
WALK_STEP u64 puc_table_pc(struct walk *w)
{
	struct puc_work *p;
	u32 code_len;
	u64 sp, code, pc;
	int how;

	if (!w)
		return 0;
	p = &w->puc;
	w->record.s.leaf_how |= WALK_LEAF_PUC_SAVED_PC;
	code = puc_proto_word(p, w->chosen.puc.proto_code);
	code_len = w->proto.code_len;
	sp = w->vm.vm_end ? puc_table_loop(w) : 0;
	how = sp ? puc_table_find(w, sp) : 0;
	if (!how)
		return 0;
	pc = p->table_pc;
	if (how != PUC_TABLE_IS_SAVED && puc_pc_running(pc, code, code_len)) {
		if (how == PUC_TABLE_REGISTER)
			w->record.s.leaf_how |= WALK_LEAF_PUC_REGISTER;
		return pc;
	}
	if (how == PUC_TABLE_REGISTER && !puc_is_in_loop(w, w->reg[BPROF_REG_IP])) {
		pc = puc_pushed_pc(w);
		if (pc) {
			w->record.s.leaf_how |= WALK_LEAF_PUC_PUSHED;
			return pc + p->table_add;
		}
	}
	return puc_saved_pc(w, code, code_len);
}

#else

WALK_INLINE u64 puc_table_pc(struct walk *w)
{
	(void)w;
	return 0;
}

#endif

#endif
