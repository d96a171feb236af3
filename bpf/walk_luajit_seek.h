/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: the place of an instruction that is known while its pc is not.
 *
 * A return, and a branch that calls C, forget where they were. What is left of them are the
 * instruction itself, or its target. If the function has one such instruction, this is the place.
 *
 * Facts: lj_bc.h of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_SEEK_H
#define BPROF_WALK_LUAJIT_SEEK_H

#define LUAJIT_MAX_SEARCHED 1024 /* instructions of a function */
#define LUAJIT_UCLO_NEXT    0x8000U

/* Is @code, the one before @next, the instruction that is looked for? */
WALK_INLINE int luajit_is_sought(const struct luajit_work *j, u32 code, u64 next)
{
	if (!j->sought_target)
		return code == j->sought_code;
	return (code & 0xff) == LUAJIT_OP_UCLO &&
	       next + 4ULL * (code >> 16) - 4ULL * LUAJIT_UCLO_NEXT == j->sought_target;
}

/* Instruction @i, without the header. Non-zero ends the search. */
WALK_INLINE int luajit_seek_step(struct walk *w, u32 i)
{
	struct luajit_work *j = &w->luajit;
	u32 code = 0;
	u64 next;

	next = j->proto.bytecode + 4ULL * (i + 2ULL);
	if (walk_must_read(w, &code, sizeof(code), next - 4)) {
		j->sought_pc = 0;
		return 1;
	}
	if (!luajit_is_sought(j, code, next))
		return 0;
	if (j->sought_pc) { /* which of the two? */
		j->sought_pc = 0;
		return 1;
	}
	j->sought_pc = next;
	return 0;
}

WALK_LOOP_BODY_AT(luajit_seek_body, luajit_seek_step)

/*
 * The pc behind the one instruction @code of the function just looked at, or behind its one UCLO
 * that goes to @target, if that is not 0. 0: it has none or several.
 */
WALK_STEP u64 luajit_seek(struct walk *w, u32 code, u64 target)
{
	struct luajit_work *j;
	u32 nr;

	if (!w)
		return 0;
	j = &w->luajit;
	nr = j->proto.code_len - 1; /* 0 wraps: too many */
	if (nr > LUAJIT_MAX_SEARCHED)
		return 0;
	j->sought_code = code;
	j->sought_target = target;
	j->sought_pc = 0;
	WALK_LOOP(nr, luajit_seek_body, w);
	return j->sought_pc;
}

#endif
