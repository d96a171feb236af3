/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * PUC Lua 5.2 and 5.3, which keep the pc in memory: has the instruction before it run?
 *
 * A branch stores its target, and the fetch that follows moves on. In builds where these are two
 * stores the code in between is known (src/proc/elf_lua_fetch.c): there the instruction at the pc
 * is the next to run, whatever lies before it. Of a build whose code is not understood, or not
 * found, a pc that no jump of the function leads to is certain; else the line is not known.
 *
 * Facts: lopcodes.h, lvm.c of Lua 5.2 and 5.3 (copyright Lua.org, PUC-Rio, MIT).
 */
#ifndef BPROF_WALK_PUC_FETCH_H
#define BPROF_WALK_PUC_FETCH_H

#define PUC52_OP_JMP	 23
#define PUC52_OP_FORLOOP 32 /* then FORPREP, TFORCALL, TFORLOOP */
#define PUC53_OP_JMP	 30
#define PUC53_OP_FORLOOP 39
#define PUC52_TFORCALL	 2 /* from FORLOOP: no jump */
#define PUC52_JUMPS	 4
#define PUC_SCAN_CODE	 (2 * PUC_SCAN_WORDS) /* instructions in one chunk */
#define PUC_MAX_CODE	 (16 * PUC_SCAN_CODE) /* instructions of a function that are looked at */

/* In the code between the store of a target and its fetch? */
WALK_INLINE int puc_window_step(struct walk *w, u32 i)
{
	const struct puc_window *window;

	window = &w->chosen.puc.window[walk_index(i, PUC_MAX_WINDOWS - 1)];
	w->puc.is_ahead = w->puc.window_offset - window->from < window->bytes;
	return (int)w->puc.is_ahead;
}

WALK_LOOP_BODY_AT(puc_window_body, puc_window_step)

WALK_INLINE int puc_jumps(u32 dialect, u32 instruction)
{
	u32 op = instruction & 0x3f, jump = PUC53_OP_JMP, loop = op - PUC53_OP_FORLOOP;

	if (dialect == LUA_DIALECT_52) {
		jump = PUC52_OP_JMP;
		loop = op - PUC52_OP_FORLOOP;
	}
	return op == jump || (loop < PUC52_JUMPS && loop != PUC52_TFORCALL);
}

/* A chunk of the function's code, from instruction @i on. */
WALK_INLINE int puc_load_code(struct walk *w, u32 i)
{
	struct puc_work *p = &w->puc;
	u64 bytes = 4ULL * (w->proto.code_len - i);

	if (bytes > sizeof(p->scan_word))
		bytes = sizeof(p->scan_word);
	WALK_OPAQUE(bytes);
	if (bytes > sizeof(p->scan_word) || bytes < 4)
		return 1;
	return walk_must_read(w, p->scan_word, (u32)bytes,
			      puc_proto_word(p, w->chosen.puc.proto_code) + 4ULL * i);
}

/* One instruction of the function. Returns 1 if it jumps to the pc, and at the end. */
WALK_INLINE int puc_target_step(struct walk *w, u32 i)
{
	struct puc_work *p = &w->puc;
	u32 at = i & (PUC_SCAN_CODE - 1), instruction;

	if (i >= w->proto.code_len)
		return 1;
	if (!at && puc_load_code(w, i)) {
		p->is_target = 1;
		return 1;
	}
	instruction = (u32)(p->scan_word[walk_index(at >> 1, PUC_SCAN_WORDS - 1)] >> (at & 1) * 32);
	if (puc_jumps(w->chosen.dialect, instruction) &&
	    i + 1 + (instruction >> 14) - 131071 == p->target)
		p->is_target = 1;
	return (int)p->is_target;
}

WALK_LOOP_BODY_AT(puc_target_body, puc_target_step)

/* Does a jump of the function lead to @pc? Also 1 if it is not known. */
WALK_STEP int puc_is_target(struct walk *w, u64 pc)
{
	struct puc_work *p;

	if (!w)
		return 1;
	p = &w->puc;
	p->is_target = w->proto.code_len > PUC_MAX_CODE;
	p->target = (u32)((pc - puc_proto_word(p, w->chosen.puc.proto_code)) >> 2);
	if (!p->is_target)
		WALK_LOOP(PUC_MAX_CODE, puc_target_body, w);
	return (int)p->is_target;
}

/* The pc of a leaf: of the instruction after the one that runs. 0 = not known. */
WALK_STEP u64 puc52_pc(struct walk *w, u64 pc)
{
	const struct puc_layout *layout;
	u32 nr;

	if (!w)
		return 0;
	layout = &w->chosen.puc;
	w->puc.is_ahead = 0;
	w->puc.window_offset = w->reg[BPROF_REG_IP] - w->vm.vm_start;
	if (layout->fetch_proved && w->vm.vm_end) {
		nr = layout->nr_windows;
		if (nr && w->puc.window_offset < w->vm.vm_end - w->vm.vm_start)
			WALK_LOOP(nr & (PUC_MAX_WINDOWS - 1), puc_window_body, w);
		return w->puc.is_ahead ? pc + 4 : pc;
	}
	return puc_is_target(w, pc) ? 0 : pc;
}

#endif
