/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * PUC Lua 5.4 and 5.5 on arm64: has the instruction at the pc been fetched?
 *
 * A branch puts its target into the pc, and only the fetch that follows moves on. In between, the
 * instruction before the pc is any that lies before the target, perhaps one that never runs. There
 * are many places of fetch, for gcc copies it to the ends of instructions:
 *
 *	add x23, x23, x19, lsl #2	pc = target
 *	cbz w26, L			no hook
 *   L:	ldr w19, [x23], #4		or: mov x6, x23; ldr w19, [x6], #4; ...; mov x23, x6
 *
 * So the machine code is followed from ip on, as long as it goes straight, to see whether it
 * fetches. Behind an instruction that nothing falls through, it may do other things before: this is
 * the end of a jump. Else they may be the end of the instruction before the pc.
 *
 * Facts: lopcodes.h, lvm.c of Lua 5.4 and 5.5 (copyright Lua.org, PUC-Rio, MIT), the code of
 * Debian's build; the encodings are those of the Arm Architecture Reference Manual.
 */
#ifndef BPROF_WALK_PUC_BRANCH_H
#define BPROF_WALK_PUC_BRANCH_H

#ifdef BPROF_ARCH_ARM64

#define PUC54_OP_JMP	  56
#define PUC54_OP_RETURN	  70 /* RETURN0 and RETURN1 follow */
#define PUC54_OP_FORPREP  74
#define PUC54_OP_TFORPREP 75
#define PUC_FETCH_STEPS	  12 /* instructions of machine code */

enum puc_fetch {
	PUC_FETCH_FOLLOWS = 0,
	PUC_FETCH_DONE, /* or not to be seen */
	PUC_FETCH_AHEAD,
};

/* Does what follows it in the code not run next? */
WALK_INLINE int puc54_goes_elsewhere(u32 instruction)
{
	u32 op = instruction & 0x7f;

	return op == PUC54_OP_JMP || op == PUC54_OP_FORPREP || op == PUC54_OP_TFORPREP ||
	       (op >= PUC54_OP_RETURN && op <= PUC54_OP_RETURN + 2);
}

/* "mov @to, @from"? Or the pc, a copy of it, moved on by one instruction? */
WALK_INLINE int puc_is_move(u32 code, u32 to, u32 from)
{
	return code == (0xaa0003e0 | from << 16 | to);
}

WALK_INLINE int puc_is_fetch(u32 code, u32 pc_reg)
{
	/* ldr w?, [pc], #4; ldr w?, [pc]; add pc, pc, #4 */
	return (code & ~0x1fU) == (0xb8404400 | pc_reg << 5) ||
	       (code & ~0x1fU) == (0xb9400000 | pc_reg << 5) ||
	       code == (0x91001000 | pc_reg << 5 | pc_reg);
}

/* Where a branch goes that is taken while no hook is set; 0 if there is none or it is not known. */
WALK_INLINE u64 puc_fetch_branch(u32 code, u64 at)
{
	if ((code & 0xfc000000) == 0x14000000) /* b */
		return at + (u64)((s64)((u64)code << 38) >> 36);
	if ((code & 0xff000000) == 0x34000000) /* cbz w? */
		return at + (u64)((s64)((u64)(code >> 5) << 45) >> 43);
	return 0;
}

/* cbnz w?: taken if a hook is set */
WALK_INLINE int puc_is_hook_test(u32 code)
{
	return (code & 0xff000000) == 0x35000000;
}

/* Branches, calls, and what writes the pc in other ways than those above. */
WALK_INLINE int puc_ends_fetch(u32 code, u32 pc_reg)
{
	if (puc_is_hook_test(code))
		return 0;
	if ((code & 0x1c000000) == 0x14000000) /* all other branches */
		return 1;
	if ((code & 0x3a000000) == 0x28000000 && (code >> 10 & 0x1f) == pc_reg) /* ldp */
		return 1;
	return (code & 0x1f) == pc_reg;
}

/* One instruction of machine code. Non-zero: it answers. */
WALK_STEP int puc_follow_fetch(struct walk *w)
{
	struct puc_work *p;
	u32 code = 0, pc_reg;
	u64 target;

	if (!w)
		return 1;
	p = &w->puc;
	pc_reg = w->chosen.puc.pc_reg;
	p->fetch = PUC_FETCH_DONE;
	if (walk_must_read(w, &code, sizeof(code), p->fetch_at))
		return 1;
	if (puc_is_fetch(code, pc_reg) || puc_is_fetch(code, p->fetch_copy) ||
	    puc_is_move(code, pc_reg, p->fetch_copy)) {
		p->fetch = PUC_FETCH_AHEAD;
		return 1;
	}
	target = puc_fetch_branch(code, p->fetch_at);
	if (!target && puc_ends_fetch(code, pc_reg))
		return 1;
	if (puc_is_move(code, code & 0x1f, pc_reg))
		p->fetch_copy = code & 0x1f;
	else if (!target && !p->fetch_is_jump && !puc_is_hook_test(code))
		return 1;
	p->fetch_at = target ? target : p->fetch_at + 4;
	p->fetch = PUC_FETCH_FOLLOWS;
	return 0;
}

WALK_LOOP_BODY(puc_fetch_body, puc_follow_fetch)

/* The loop's register has @pc: the instruction that runs is before it, or at it. */
WALK_STEP u64 puc54_pc(struct walk *w, u64 pc)
{
	struct puc_work *p;
	u32 before = 0;

	if (!w)
		return pc;
	p = &w->puc;
	if (walk_must_read(w, &before, sizeof(before), pc - 4))
		return pc;
	p->fetch_is_jump = (u32)puc54_goes_elsewhere(before);
	p->fetch_at = w->reg[BPROF_REG_IP];
	p->fetch_copy = w->chosen.puc.pc_reg;
	WALK_LOOP(PUC_FETCH_STEPS, puc_fetch_body, w);
	return p->fetch == PUC_FETCH_AHEAD ? pc + 4 : pc;
}

#else

WALK_INLINE u64 puc54_pc(struct walk *w, u64 pc)
{
	(void)w;
	return pc;
}

#endif

#endif
