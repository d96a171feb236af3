/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: what C, called by the interpreter or by machine code, has put away: the return address,
 * and the registers that held BASE and pc.
 *
 *	x86-64, a helper of the interpreter:
 *
 *	sp -> ... helper's frames ... | pushed rbx, rbp, ... | return address | CFRAME ...
 *	                               ^ the search goes down from here        ^ L->cframe
 *
 *	arm64: x19 is BASE, x21 is the pc. A function stores what it needs of x19 ... x28 in this
 *	order, then x30, the return address:
 *
 *	sp -> ... helper's frames ... | x19 x20 x21 ... x30 | its variables | CFRAME ...
 *
 *	What no function has stored is still in the register.
 *
 * Facts: vm_x64.dasc, vm_arm64.dasc of LuaJIT 2.1 (copyright Mike Pall, MIT); the order of stored
 * registers is gcc's and clang's.
 */
#ifndef BPROF_WALK_LUAJIT_NATIVE_H
#define BPROF_WALK_LUAJIT_NATIVE_H

/* A pushed word that points into the Lua stack is a base; another aligned address may be a pc. */
WALK_STEP int luajit_add_candidate(struct walk *w, u64 word)
{
	struct luajit_work *j;
	u32 n;

	if (!w)
		return 0;
	j = &w->luajit;
	if (luajit_base_plausible(j, word)) {
		n = j->nr_bases;
		if (n < LUAJIT_MAX_BASES) {
			j->candidate_base[walk_index(n, LUAJIT_MAX_BASES - 1)] = word;
			j->nr_bases = n + 1;
		}
	} else if (!(word & 3) && walk_is_user_address(word)) {
		n = j->nr_pcs;
		if (n < LUAJIT_MAX_PCS) {
			j->candidate_pc[walk_index(n, LUAJIT_MAX_PCS - 1)] = word;
			j->nr_pcs = n + 1;
		}
	}
	return 0;
}

/* Is this offset inside the machine code of the trace just read? Then it is the place. */
WALK_INLINE int luajit_take_mcode(struct luajit_work *j, u64 address)
{
	u64 offset = address - j->trace.mcode;

	if (offset >= j->trace.mcode_bytes)
		return 0;
	j->mcode_offset = (u32)offset;
	j->trace_found = 1;
	return 1;
}

/* The word pushed @i words below the CFRAME. */
WALK_INLINE int luajit_collect_step(struct walk *w, u32 i)
{
	u32 k = walk_index(w->luajit.nr_pushed - 1 - i, LUAJIT_PUSHED_MASK);

	luajit_add_candidate(w, w->luajit.pushed[k]);
	return 0;
}

WALK_LOOP_BODY_AT(luajit_collect_body, luajit_collect_step)

#ifdef BPROF_ARCH_X86_64

#define LUAJIT_BASE_IS_EXACT   0
#define LUAJIT_JIT_FRAME_BYTES 16 /* between a CFRAME and the native stack of machine code */

/* Collects candidates: rbx and rbp, and what was pushed below the CFRAME, the nearest first. */
WALK_STEP int luajit_collect(struct walk *w)
{
	struct luajit_work *j;
	u64 sp, bytes, nr;

	if (!w)
		return 0;
	j = &w->luajit;
	sp = w->reg[BPROF_REG_SP];
	j->candidate_pc[0] = w->reg[LUAJIT_REG_PC];
	j->candidate_base[0] = w->reg[LUAJIT_REG_PARKED];
	j->nr_pcs = 1;
	j->nr_bases = 1;
	if (j->cframe.address < sp + 16)
		return 0;
	nr = (j->cframe.address - 8 - sp) >> 3;
	if (nr > LUAJIT_PUSHED_WORDS)
		nr = LUAJIT_PUSHED_WORDS;
	bytes = nr * 8;
	WALK_OPAQUE(bytes);
	if (bytes < 8 || bytes > sizeof(j->pushed))
		return 0;
	if (walk_must_read(w, j->pushed, (u32)bytes, j->cframe.address - 8 - bytes))
		return 0;
	j->nr_pushed = (u32)nr;
	WALK_LOOP((u32)nr, luajit_collect_body, w);
	return 0;
}

/* Where C called by the interpreter returns to; 0 if it cannot be read. */
WALK_INLINE u64 luajit_helper_return(struct walk *w)
{
	u64 address = 0;

	if (walk_must_read(w, &address, sizeof(address), w->luajit.cframe.address - 8))
		return 0;
	return address;
}

/*
 * Where C called by the trace just read returns to: the lowest word of the machine code's part of
 * the native stack. An exit stub pushes the number of its exit there instead.
 */
WALK_INLINE u64 luajit_mcode_return(struct walk *w)
{
	struct luajit_work *j = &w->luajit;
	u64 at, address = 0;

	at = j->cframe.address - LUAJIT_JIT_FRAME_BYTES - j->trace.stack_adjust - 8;
	if (w->reg[BPROF_REG_SP] > at || WALK_READ(w, &address, sizeof(address), at))
		return 0;
	return address;
}

/* Was C called by the trace just read? */
WALK_INLINE int luajit_is_called_by_trace(struct walk *w)
{
	return luajit_take_mcode(&w->luajit, luajit_mcode_return(w) - 1);
}

/* BASE and pc of the interpreter are in registers, if its helper has pushed nothing. */
WALK_INLINE u32 luajit_nr_pairs(struct walk *w)
{
	return w->reg[BPROF_REG_SP] + 8 == w->luajit.cframe.address;
}

WALK_INLINE void luajit_load_pair(struct walk *w, u32 i, u64 *ret_base, u64 *ret_pc)
{
	(void)i;
	*ret_base = w->reg[LUAJIT_REG_PARKED];
	*ret_pc = w->reg[LUAJIT_REG_PC];
}

WALK_INLINE void luajit_find_helpers(struct walk *w)
{
	(void)w;
}

#else

#define LUAJIT_BASE_IS_EXACT 1
#define LUAJIT_MCODE_REACH                                                                         \
	(128ULL << 20) /* of a branch: machine code lies near the interpreter                      \
			*/

/* A word of the native stack below the CFRAME, the nearest first: is it a return address? */
WALK_INLINE void luajit_look_at_pushed(struct walk *w, u64 word, u32 *has_return)
{
	struct luajit_work *j = &w->luajit;
	u32 n = j->nr_returns;

	if (luajit_in_vm(w, word)) {
		if (!*has_return)
			j->helper_return = word;
		*has_return = 1;
	} else if (!(word & 3) &&
		   word - w->vm.vm_start + LUAJIT_MCODE_REACH < 2 * LUAJIT_MCODE_REACH &&
		   n < LUAJIT_MAX_RETURNS) {
		j->mcode_return[walk_index(n, LUAJIT_MAX_RETURNS - 1)] = word;
		j->nr_returns = n + 1;
	}
}

/* Copies what C functions, called by the interpreter or by machine code, have on the stack. */
WALK_STEP int luajit_find_helpers(struct walk *w)
{
	struct luajit_work *j;
	u32 has_return = 0;
	u64 sp, nr, bytes;

	if (!w)
		return 0;
	j = &w->luajit;
	sp = w->reg[BPROF_REG_SP];
	j->nr_pushed = 0;
	j->nr_returns = 0;
	j->helper_return = w->reg[BPROF_REG_LR];
	if (j->cframe.address < sp + 8)
		return 0;
	nr = (j->cframe.address - sp) >> 3;
	if (nr > LUAJIT_PUSHED_WORDS)
		nr = LUAJIT_PUSHED_WORDS;
	bytes = nr * 8;
	WALK_OPAQUE(bytes);
	if (bytes < 8 || bytes > sizeof(j->pushed))
		return 0;
	if (walk_must_read(w, j->pushed, (u32)bytes, j->cframe.address - bytes))
		return 0;
	j->nr_pushed = (u32)nr;
	for (u32 i = 0; i < LUAJIT_PUSHED_WORDS; i++) {
		u32 k = (u32)nr - 1 - i;

		WALK_OPAQUE(k);
		if (k >= LUAJIT_PUSHED_WORDS)
			break;
		luajit_look_at_pushed(w, j->pushed[k], &has_return);
	}
	return 0;
}

/* Collects candidates: registers, then what was stored below the CFRAME, the nearest first. */
WALK_STEP int luajit_collect(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	j->nr_pcs = 0;
	j->nr_bases = 0;
	luajit_add_candidate(w, w->reg[LUAJIT_REG_BASE]);
	luajit_add_candidate(w, w->reg[LUAJIT_REG_PC]);
	WALK_LOOP(j->nr_pushed, luajit_collect_body, w);
	return 0;
}

WALK_INLINE u64 luajit_helper_return(struct walk *w)
{
	return w->luajit.helper_return;
}

/* Was C called by the trace just read? */
WALK_INLINE int luajit_is_called_by_trace(struct walk *w)
{
	struct luajit_work *j = &w->luajit;

	if (luajit_take_mcode(j, w->reg[BPROF_REG_LR] - 1))
		return 1;
	for (u32 i = 0; i < LUAJIT_MAX_RETURNS; i++) {
		if (i < j->nr_returns && luajit_take_mcode(j, j->mcode_return[i] - 1))
			return 1;
	}
	return 0;
}

/* BASE and pc of the interpreter: in registers, or stored two words apart. */
WALK_INLINE u32 luajit_nr_pairs(struct walk *w)
{
	return 1 + w->luajit.nr_pushed;
}

WALK_INLINE void luajit_load_pair(struct walk *w, u32 i, u64 *ret_base, u64 *ret_pc)
{
	struct luajit_work *j = &w->luajit;
	u32 k = j->nr_pushed - i;

	if (!i) {
		*ret_base = w->reg[LUAJIT_REG_BASE];
		*ret_pc = w->reg[LUAJIT_REG_PC];
		return;
	}
	k = walk_index(k, LUAJIT_PUSHED_WORDS - 1);
	*ret_base = j->pushed[k];
	k = walk_index(k + 2, LUAJIT_PUSHED_WORDS - 1);
	*ret_pc = j->pushed[k];
}

#endif

#endif
