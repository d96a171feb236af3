/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * PUC Lua: where in its code the leaf is.
 *
 * The pc in 5.1 and 5.4 (walk_puc.h says why): the register that the interpreter loop keeps
 * it in (callee-saved, so it survives into helpers that do not use it), else the place where a
 * helper pushed that register, which lies below the return address into the interpreter loop; else
 * savedpc. A compiler may choose a register that calls do not save: then the loop reloads it after
 * a call from where it had put it. Which register it is says the code of the build; one that keeps
 * the pc in memory (no optimisation) leaves the line unknown. Words above that return address are
 * old spills and are not looked at. On arm64 a helper stores registers above its return address, up
 * to the frame of its caller.
 */
#ifndef BPROF_WALK_PUC_PC_H
#define BPROF_WALK_PUC_PC_H

/* Registers that a callee saves. */
#ifdef BPROF_ARCH_X86_64
#define PUC_KEPT_REGS                                                                              \
	(1U << BPROF_REG_BX | 1U << BPROF_REG_BP | 1U << BPROF_REG_R12 | 1U << BPROF_REG_R13 |     \
	 1U << BPROF_REG_R14 | 1U << BPROF_REG_R15)
#else
#define PUC_KEPT_REGS (0x3ffU << BPROF_REG_X19) /* to x28 */
#endif

WALK_INLINE int puc_pc_inside(u64 pc, u64 code, u32 code_len)
{
	return !(pc & 3) && pc >= code && pc <= code + 4ULL * code_len;
}

/* As a live pc it has read at least one instruction. */
WALK_INLINE int puc_pc_running(u64 pc, u64 code, u32 code_len)
{
	return pc > code && puc_pc_inside(pc, code, code_len);
}

/* An ip or a return address of the interpreter loop. */
WALK_INLINE int puc_is_in_loop(const struct walk *w, u64 word)
{
	return word >= w->vm.vm_start && word < w->vm.vm_end;
}

#ifdef BPROF_ARCH_X86_64

/*
 * One word of native stack, upwards from sp. Returns 1 at the return address into the loop.
 *
 * The pc pushed nearest to that is the right one. But the loop may also hold the address of the
 * current instruction in a register (r14 in Debian's 5.1), which is then pushed just above the pc.
 */
WALK_STEP int puc_consider_pushed(struct walk *w, u64 word, u64 code, u32 code_len)
{
	struct puc_work *p;

	if (!w)
		return 1;
	p = &w->puc;
	if (puc_is_in_loop(w, word)) {
		p->has_loop = 1;
		return 1;
	}
	if (puc_pc_running(word, code, code_len) && p->last_word != word + 4)
		p->pushed_pc = word;
	p->last_word = word;
	return 0;
}

WALK_INLINE int puc_pushed_step(struct walk *w, u32 i)
{
	struct puc_work *p = &w->puc;

	return puc_consider_pushed(w, p->scan_word[walk_index(i, PUC_SCAN_WORDS - 1)],
				   puc_proto_word(p, w->chosen.puc.proto_code), w->proto.code_len);
}

WALK_LOOP_BODY_AT(puc_pushed_body, puc_pushed_step)

/* The pc that a helper pushed; 0 if none did, or if the loop is too far up. */
WALK_STEP u64 puc_pushed_pc(struct walk *w)
{
	struct puc_work *p;

	if (!w)
		return 0;
	p = &w->puc;
	p->pushed_pc = 0;
	p->last_word = 0;
	p->has_loop = 0;
	if (walk_must_read(w, p->scan_word, sizeof(p->scan_word), w->reg[BPROF_REG_SP]))
		return 0;
	WALK_LOOP(PUC_SCAN_WORDS, puc_pushed_body, w);
	return p->has_loop ? p->pushed_pc : 0;
}

#else

/*
 * One word of the helper's frame, upwards. The pc nearest to the loop is the right one, but
 * for 5.1, whose loop holds the address of the current instruction in x23, too: the pc in x27 is
 * one more.
 */
WALK_INLINE void puc_consider_pushed(struct puc_work *p, u64 word, u64 code, u32 code_len)
{
	if (puc_pc_running(word, code, code_len) && word + 4 != p->pushed_pc)
		p->pushed_pc = word;
}

/* The pc that a helper pushed; 0 if none did. x29 points to {x29 of the caller, return address}. */
WALK_STEP u64 puc_pushed_pc(struct walk *w)
{
	struct puc_work *p;
	u64 sp, record[2], words, code;

	if (!w)
		return 0;
	p = &w->puc;
	code = puc_proto_word(p, w->chosen.puc.proto_code);
	p->pushed_pc = 0;
	sp = w->reg[BPROF_REG_SP];
	if (walk_must_read(w, record, sizeof(record), w->reg[BPROF_REG_FP]) ||
	    !puc_is_in_loop(w, record[1]))
		return 0;
	words = (record[0] - sp) >> 3;
	if (words > PUC_SCAN_WORDS || walk_must_read(w, p->scan_word, sizeof(p->scan_word), sp))
		return 0;
	for (u32 i = 0; i < PUC_SCAN_WORDS; i++) {
		if (i < words)
			puc_consider_pushed(p, p->scan_word[i], code, w->proto.code_len);
	}
	return p->pushed_pc;
}

#endif

/*
 * 5.1: is the leaf just being entered? Its caller's pc has been put away then, and still is the
 * current one. (While a callee is being left, the current one is the callee's.)
 */
WALK_STEP int puc51_is_entering(struct walk *w, u64 current)
{
	const struct puc_layout *layout;
	struct puc_work *p;
	u64 callers;

	if (!w)
		return 0;
	p = &w->puc;
	layout = &w->chosen.puc;
	if (p->callinfo <= p->callinfo_end || puc_load_callinfo(w, p->callinfo - layout->ci_bytes))
		return 0;
	callers = puc_callinfo_field(p, layout->ci_savedpc);
	return !puc_load_callinfo(w, p->callinfo) && callers == current;
}

/* What was saved: 5.1 has it in the state, and in the CallInfo once the function has called. */
WALK_INLINE u64 puc_saved_pc(struct walk *w, u64 code, u32 code_len)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u64 pc;

	if (layout->ci_is_array) {
		pc = puc_state_field(&w->puc, layout->state_savedpc);
		if (puc_pc_inside(pc, code, code_len))
			return pc;
		if (puc51_is_entering(w, pc))
			return code;
	}
	return puc_callinfo_field(&w->puc, layout->ci_savedpc);
}

/*
 * Registers of which one, beside that of the pc, has the fetched instruction. On arm64 those are
 * meant that survive calls.
 */
#ifdef BPROF_ARCH_X86_64
#define PUC51_FETCH_REGS (0xffffU & ~(1U << BPROF_REG_SP))
#else
#define PUC51_FETCH_REGS PUC_KEPT_REGS
#endif
#define PUC51_OP_JMP	 22
#define PUC51_OP_RETURN	 30
#define PUC51_OP_FORLOOP 31
#define PUC51_OP_FORPREP 32

/* Where a jump at @at leads to; 0 if it is none. */
WALK_INLINE u64 puc51_target(u64 at, u32 instruction)
{
	u32 op = instruction & 0x3f;

	if (op != PUC51_OP_JMP && op != PUC51_OP_FORLOOP && op != PUC51_OP_FORPREP)
		return 0;
	return at + 4 + (u64)(4 * ((s64)(instruction >> 14) - 131071));
}

/* Does what follows it not run next? So it is with jumps and RETURN. */
WALK_INLINE int puc51_goes_elsewhere(u32 instruction)
{
	return puc51_target(0, instruction) || (instruction & 0x3f) == PUC51_OP_RETURN;
}

/*
 * 5.1 has one place of fetch for all instructions. From a jump until there the pc may be its
 * target, or one before it, and the instruction before that any. Another register still has the
 * instruction that runs, or already the one to be fetched. Believed if the pc could have got there:
 * by a jump, or by a test, which skips a jump or takes it. (arm64 makes them equal before it
 * fetches; a jump at the pc has not run then.)
 */
WALK_STEP u64 puc51_pc_at_jump(struct walk *w, u64 pc, u64 fetch)
{
	u32 instruction[2] = {};

	if (!w)
		return pc;
	if (fetch == pc + 4)
		return fetch + 4;
	if (walk_must_read(w, instruction, 4, pc - 4))
		return pc;
	if (fetch == puc51_target(pc - 4, instruction[0]) ||
	    (fetch == pc && puc51_goes_elsewhere(instruction[0])))
		return fetch + 4;
	if (walk_must_read(w, instruction, sizeof(instruction), fetch))
		return pc;
	return pc + 4 == puc51_target(fetch + 4, instruction[1]) ? fetch + 4 : pc;
}

/* Has register @i the fetched instruction? Returns 1 if it is the one before the pc. */
WALK_INLINE int puc51_fetch_step(struct walk *w, u32 i)
{
	struct puc_work *p = &w->puc;
	u64 word;

	i = walk_index(i, 31);
	if (i >= BPROF_NR_VALUE_REGS || !(PUC51_FETCH_REGS >> i & 1) || i == w->chosen.puc.pc_reg)
		return 0;
	word = w->reg[i];
	if (!puc_pc_inside(word, puc_proto_word(p, w->chosen.puc.proto_code), w->proto.code_len))
		return 0;
	p->fetch51 = word;
	return word + 4 == p->loop_pc;
}

WALK_LOOP_BODY_AT(puc51_fetch_body, puc51_fetch_step)

WALK_STEP u64 puc51_pc(struct walk *w, u64 pc)
{
	u64 fetch;

	if (!w)
		return pc;
	w->puc.fetch51 = 0;
	w->puc.loop_pc = pc;
	WALK_LOOP(BPROF_NR_VALUE_REGS, puc51_fetch_body, w);
	fetch = w->puc.fetch51;
	return !fetch || fetch + 4 == pc ? pc : puc51_pc_at_jump(w, pc, fetch);
}

#ifdef BPROF_ARCH_X86_64
/* One word of native stack, upwards. Returns 1 at the return address into the loop. */
WALK_INLINE int puc_return_step(struct walk *w, u32 i)
{
	struct puc_work *p = &w->puc;
	u64 word = p->scan_word[walk_index(i, PUC_SCAN_WORDS - 1)];

	if (!puc_is_in_loop(w, word))
		return 0;
	p->return_to = word;
	p->return_at = p->scan_next + 8ULL * i;
	return 1;
}

WALK_LOOP_BODY_AT(puc_return_body, puc_return_step)

WALK_INLINE int puc_return_chunk(struct walk *w)
{
	struct puc_work *p = &w->puc;

	if (walk_must_read(w, p->scan_word, sizeof(p->scan_word), p->scan_next))
		return 1;
	WALK_LOOP(PUC_SCAN_WORDS, puc_return_body, w);
	p->scan_next += sizeof(p->scan_word);
	return p->return_to != 0;
}

WALK_LOOP_BODY(puc_return_chunk_body, puc_return_chunk)

/*
 * One byte of the code around the call: mov DISP(%rsp),pc_reg behind it says where the loop has put
 * the pc. Before it mov %r8...%r15,DISP(ci) says that it was saved (one that skips an instruction
 * is in another register by then); a call or jump after that, or what looks like one, that this may
 * be another path.
 */
WALK_INLINE int puc_call_step(struct walk *w, u32 i)
{
	struct puc_work *p = &w->puc;
	u32 at = walk_index(i, 2 * PUC_CALL_BYTES - 1), reg = w->chosen.puc.pc_reg & 7, op, modrm;
	u8 displacement;

	op = p->call_code[at];
	if (at < PUC_CALL_BYTES - PUC_CALL_OPCODE && (op == 0xe8 || op == 0xe9 || op == 0xeb))
		p->call_saves = 0;
	modrm = p->call_code[at + 2];
	if ((op & 0xfe) != 0x4c || (modrm & 0xc0) != 0x40)
		return 0;
	displacement = p->call_code[at + 3];
	if (at < PUC_CALL_BYTES) {
		if ((modrm & 7) == 4) /* one byte more says which base it is */
			displacement = p->call_code[at + 4];
		if (p->call_code[at + 1] == 0x89 && displacement == w->chosen.puc.ci_savedpc)
			p->call_saves = 1;
		return 0;
	}
	if (p->call_code[at + 1] != 0x8b || modrm != (0x44 | reg << 3) || displacement != 0x24)
		return 0;
	p->reload_at = p->return_at + 8 + p->call_code[at + 4];
	return 1;
}

WALK_LOOP_BODY_AT(puc_call_body, puc_call_step)

/*
 * In a helper, where the pc is in a register that calls do not save: what the loop has saved, or
 * reloads when the helper returns. 0 = neither.
 */
WALK_STEP u64 puc_reloaded_pc(struct walk *w)
{
	struct puc_work *p;
	u64 pc;

	if (!w)
		return 0;
	p = &w->puc;
	p->return_to = 0;
	p->reload_at = 0;
	p->call_saves = 0;
	p->scan_next = w->reg[BPROF_REG_SP];
	if (w->chosen.puc.pc_reg < BPROF_REG_R8)
		return 0;
	WALK_LOOP(PUC_RETURN_CHUNKS, puc_return_chunk_body, w);
	if (!p->return_to ||
	    walk_must_read(w, p->call_code, 2 * PUC_CALL_BYTES, p->return_to - PUC_CALL_BYTES))
		return 0;
	WALK_LOOP(2 * PUC_CALL_BYTES, puc_call_body, w);
	pc = puc_callinfo_field(p, w->chosen.puc.ci_savedpc);
	if (!p->call_saves && (!p->reload_at || walk_must_read(w, &pc, sizeof(pc), p->reload_at)))
		return 0;
	return puc_pc_running(pc, puc_proto_word(p, w->chosen.puc.proto_code), w->proto.code_len)
		       ? pc
		       : 0;
}
/*
 * In the loop, where that register has no pc of the leaf: the loop is about to reload it, or to
 * enter a function, or to go back to its caller, whose pc was saved.
 */
WALK_STEP u64 puc_unloaded_pc(struct walk *w, u64 code, u32 code_len)
{
	struct puc_work *p;
	u64 pc = 0;

	if (!w)
		return 0;
	p = &w->puc;
	p->reload_at = 0;
	p->return_at = w->reg[BPROF_REG_SP] - 8;
	if (walk_must_read(w, &p->call_code[PUC_CALL_BYTES], PUC_CALL_BYTES, w->reg[BPROF_REG_IP]))
		return 0;
	WALK_LOOP(2 * PUC_CALL_BYTES, puc_call_body, w);
	if (p->reload_at && !walk_must_read(w, &pc, sizeof(pc), p->reload_at) &&
	    puc_pc_running(pc, code, code_len))
		return pc;
	return puc_saved_pc(w, code, code_len);
}
#else
/* No compiler for arm64 is known to use such a register. */
WALK_INLINE u64 puc_reloaded_pc(struct walk *w)
{
	(void)w;
	return 0;
}

WALK_INLINE u64 puc_unloaded_pc(struct walk *w, u64 code, u32 code_len)
{
	(void)w, (void)code, (void)code_len;
	return 0;
}
#endif

/*
 * 0 = not known.
 *
 * Where the pc is neither in its register nor pushed, what was saved is right: on the way into a
 * function and back to its caller the register has another function's. Of a register that calls do
 * not save that is not certain: it may have been lost in one.
 */
WALK_INLINE u64 puc_leaf_pc(struct walk *w, u64 code, u32 code_len)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u32 reg = walk_index(layout->pc_reg, BPROF_NR_VALUE_REGS - 1);
	int in_loop, is_kept;
	u64 pc;

	w->record.s.leaf_how |= WALK_LEAF_PUC_SAVED_PC;
	if (layout->savedpc_is_live) {
		pc = puc_saved_pc(w, code, code_len);
		return puc_pc_running(pc, code, code_len) ? puc52_pc(w, pc) : pc;
	}
	if (!layout->pc_reg_proved || !w->vm.vm_end)
		return 0;
	in_loop = puc_is_in_loop(w, w->reg[BPROF_REG_IP]);
	is_kept = PUC_KEPT_REGS >> reg & 1;
	pc = w->reg[reg];
	if (puc_pc_running(pc, code, code_len) && (in_loop || is_kept)) {
		w->record.s.leaf_how |= WALK_LEAF_PUC_REGISTER;
		if (!in_loop)
			return pc;
		return layout->ci_is_array ? puc51_pc(w, pc) : puc54_pc(w, pc);
	}
	if (!in_loop && is_kept) {
		pc = puc_pushed_pc(w);
		if (pc)
			w->record.s.leaf_how |= WALK_LEAF_PUC_PUSHED;
		return pc ? pc : puc_saved_pc(w, code, code_len);
	}
	if (is_kept)
		return puc_saved_pc(w, code, code_len);
	if (in_loop)
		return puc_unloaded_pc(w, code, code_len);
	return puc_reloaded_pc(w);
}

#endif
