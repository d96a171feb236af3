/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * PUC Lua: where in its code a frame is, and the source line of that.
 *
 * The leaf's pc in 5.1 and 5.4 (walk_puc.h says why): the register that the interpreter loop keeps
 * it in (callee-saved, so it survives into helpers that do not use it), else the place where a
 * helper pushed that register, which lies below the return address into the interpreter loop; else
 * savedpc. Words above that return address are old spills and are not looked at. On arm64 a helper
 * stores registers above its return address, up to the frame of its caller.
 */
#ifndef BPROF_WALK_PUC_LINE_H
#define BPROF_WALK_PUC_LINE_H

#define PUC_LOG2_MAX_ABS_LINES 20

WALK_INLINE int puc_pc_inside(u64 pc, u64 code, u32 code_len)
{
	return !(pc & 3) && pc >= code && pc <= code + 4ULL * code_len;
}

/* As a live pc it has read at least one instruction. */
WALK_INLINE int puc_pc_running(u64 pc, u64 code, u32 code_len)
{
	return pc > code && puc_pc_inside(pc, code, code_len);
}

/*
 * A return address into the interpreter loop: its range where it is known, else the neighbourhood
 * of ip (a helper in the same binary).
 */
WALK_INLINE int puc_returns_to_loop(const struct walk *w, u64 word)
{
	if (w->vm.vm_end)
		return word >= w->vm.vm_start && word < w->vm.vm_end;
	return (word ^ w->reg[BPROF_REG_IP]) >> 21 == 0;
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
	if (puc_returns_to_loop(w, word)) {
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
	    !puc_returns_to_loop(w, record[1]))
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

/* These survive calls: one of them, beside that of the pc, has the fetched instruction. */
#ifdef BPROF_ARCH_X86_64
#define PUC51_FETCH_REGS                                                                           \
	(1U << BPROF_REG_BX | 1U << BPROF_REG_BP | 1U << BPROF_REG_R12 | 1U << BPROF_REG_R14 |     \
	 1U << BPROF_REG_R15)
#else
#define PUC51_FETCH_REGS (0x3ffU << BPROF_REG_X19) /* x19 to x28 */
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

WALK_STEP u64 puc51_pc(struct walk *w, u64 pc, u64 code, u32 code_len)
{
	u64 fetch = 0;

	if (!w)
		return pc;
	for (u32 i = 0; i < BPROF_NR_VALUE_REGS; i++) {
		if (!(PUC51_FETCH_REGS >> i & 1) || i == w->chosen.puc.pc_reg ||
		    !puc_pc_inside(w->reg[i], code, code_len))
			continue;
		fetch = w->reg[i];
		if (fetch + 4 == pc)
			break;
	}
	return !fetch || fetch + 4 == pc ? pc : puc51_pc_at_jump(w, pc, fetch);
}

WALK_INLINE u64 puc_leaf_pc(struct walk *w, u64 code, u32 code_len)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u64 pc;
	int in_loop;

	w->record.s.leaf_how |= WALK_LEAF_PUC_SAVED_PC;
	if (layout->savedpc_is_live)
		return puc_saved_pc(w, code, code_len);
	in_loop = w->vm.vm_end && w->reg[BPROF_REG_IP] >= w->vm.vm_start &&
		  w->reg[BPROF_REG_IP] < w->vm.vm_end;
	pc = w->reg[walk_index(layout->pc_reg, BPROF_NR_VALUE_REGS - 1)];
	if (puc_pc_running(pc, code, code_len)) {
		w->record.s.leaf_how |= WALK_LEAF_PUC_REGISTER;
		if (!in_loop)
			return pc;
		return layout->ci_is_array ? puc51_pc(w, pc, code, code_len) : puc54_pc(w, pc);
	}
	pc = in_loop ? 0 : puc_pushed_pc(w);
	if (pc) {
		w->record.s.leaf_how |= WALK_LEAF_PUC_PUSHED;
		return pc;
	}
	return puc_saved_pc(w, code, code_len);
}

/*
 * Sum of the first @count signed bytes in delta_word, eight at a time: with the sign bit flipped
 * they are unsigned and 128 too large. What is behind the last byte counts as 0.
 */
WALK_STEP int puc_sum_deltas(struct walk *w, u32 count)
{
	struct puc_work *p;
	u32 last = walk_index(count >> 3, 31);

	if (!w)
		return 0;
	p = &w->puc;
	if (last >= PUC_DELTA_WORDS)
		return 0;
	p->delta_word[last] &= (1ULL << (8 * (count & 7))) - 1;
	p->delta_sum = 0;
	for (u32 i = 0; i < PUC_DELTA_WORDS; i++) {
		u64 bytes, pairs;

		if (i > last)
			break;
		bytes = p->delta_word[i] ^ 0x8080808080808080ULL;
		pairs = (bytes & 0x00ff00ff00ff00ffULL) + ((bytes >> 8) & 0x00ff00ff00ff00ffULL);
		p->delta_sum += (u32)((pairs * 0x0001000100010001ULL) >> 48) - 8 * 128U;
	}
	return (int)p->delta_sum;
}

/* One step of the search for the last absolute entry at or before @position. */
WALK_STEP int puc_halve_abs_lines(struct walk *w, u32 position)
{
	struct puc_work *p;
	s32 entry[2] = {};
	u32 middle;

	if (!w)
		return 1;
	p = &w->puc;
	if (p->abs_low >= p->abs_high)
		return 1;
	middle = (u32)(((u64)p->abs_low + p->abs_high) >> 1);
	if (walk_must_read(w, entry, sizeof(entry),
			   puc_proto_word(p, w->chosen.puc.proto_abs_lines) + 8ULL * middle))
		return 1;
	if (entry[0] >= 0 && (u32)entry[0] <= position) {
		p->abs_low = middle + 1;
		p->abs_pc = entry[0];
		p->abs_line = entry[1];
	} else {
		p->abs_high = middle;
	}
	return 0;
}

/*
 * 5.4 and later: one signed byte per instruction, relative to the one before, and a sorted table of
 * absolute entries {pc, line} at least every 128 instructions.
 */
WALK_STEP int puc_line_from_deltas(struct walk *w, u32 position)
{
	const struct puc_layout *layout;
	struct puc_work *p;
	u64 count;

	if (!w)
		return 0;
	p = &w->puc;
	layout = &w->chosen.puc;
	p->abs_low = 0;
	p->abs_high = puc_proto_int(p, layout->proto_abs_lines_len);
	p->abs_pc = -1;
	p->abs_line = (s32)puc_proto_int(p, layout->proto_first_line);
	for (u32 i = 0; i < PUC_LOG2_MAX_ABS_LINES; i++) {
		if (puc_halve_abs_lines(w, position))
			break;
	}
	count = position - (u32)p->abs_pc;
	if (!count)
		return p->abs_line;
	WALK_OPAQUE(count);
	if (count > PUC_MAX_DELTAS || count < 1)
		return 0;
	if (walk_must_read(w, p->delta_word, (u32)count,
			   puc_proto_word(p, layout->proto_lines) + (u64)p->abs_pc + 1))
		return 0;
	return (int)((u32)p->abs_line + (u32)puc_sum_deltas(w, (u32)count));
}

/* Line of an instruction; 0 if the chunk was stripped. */
WALK_STEP int puc_line(struct walk *w, u32 position)
{
	const struct puc_layout *layout;
	s32 line = 0;

	if (!w)
		return 0;
	layout = &w->chosen.puc;
	if (position >= puc_proto_int(&w->puc, layout->proto_lines_len))
		return 0;
	if (layout->proto_abs_lines)
		return puc_line_from_deltas(w, position);
	if (walk_must_read(w, &line, sizeof(line),
			   puc_proto_word(&w->puc, layout->proto_lines) + 4ULL * position))
		return 0;
	return line;
}

#endif
