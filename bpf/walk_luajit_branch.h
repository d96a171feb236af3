/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: the moments in which the pc of the innermost frame is not the next instruction.
 *
 * A branch puts its target into the pc, and only the fetch that follows adds 4. In between, the
 * instruction before the pc is any that lies before the target, not the one that runs:
 *
 *	ISF, FORL, JMP, ...	pc = target		fetch: load [pc], decode, pc += 4, jump
 *	UCLO			pc = target, then C closes upvalues, then the fetch
 *
 * Facts: vm_x64.dasc, vm_x86.dasc, vm_arm64.dasc (ins_NEXT, BC_UCLO), lj_bc.h, lj_obj.h of
 * LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_BRANCH_H
#define BPROF_WALK_LUAJIT_BRANCH_H

#define LUAJIT_UCLO_BYTES     96 /* of code, at most; FNEW's follows */
#define LUAJIT_PROTO_CHILDREN 1U /* only functions with functions in them close upvalues */

/* Is ip in the fetch, before the pc is moved on? */
WALK_STEP int luajit_is_before_fetch(struct walk *w)
{
	u64 code[2] = {};

	if (!w || WALK_READ(w, code, sizeof(code), w->reg[BPROF_REG_IP]))
		return 0;
#ifdef BPROF_ARCH_X86_64
	/* mov eax, [rbx]; movzx ecx, ah; movzx ebp, al; add rbx (or ebx), 4 */
	if ((code[0] & 0xffff) == 0x038b) {
		code[0] = code[0] >> 16 | code[1] << 48;
		code[1] >>= 16;
	}
	if ((code[0] & 0xffffff) == 0xccb60f) {
		code[0] = code[0] >> 24 | code[1] << 40;
		code[1] >>= 24;
	}
	if ((code[0] & 0xffffff) == 0xe8b60f)
		code[0] = code[0] >> 24 | code[1] << 40;
	return (code[0] & 0xffffffff) == 0x04c38348 || (code[0] & 0xffffff) == 0x04c383;
#else
	return (code[0] & 0xffffffff) == 0xb84046b0; /* ldr w16, [x21], #4 */
#endif
}

/* Does UCLO run, in the interpreter or in what it calls, with its target in the pc? */
WALK_STEP int luajit_is_in_uclo(struct walk *w)
{
	struct luajit_work *j;
	u64 from, handler[2] = {}, bytes;
	u32 before = 0;

	if (!w)
		return 0;
	j = &w->luajit;
	if (!(j->proto.flags & LUAJIT_PROTO_CHILDREN))
		return 0;
	from = w->reg[BPROF_REG_IP];
	if (!luajit_in_vm(w, from))
		from = luajit_helper_return(w);
	if (walk_must_read(w, handler, sizeof(handler),
			   w->vm.global + w->chosen.luajit.dispatch + 8 * LUAJIT_OP_UCLO))
		return 0;
	/* FNEW, which has called before, may have left its return address; but it saves its pc */
	if (j->cframe.pc == j->pc)
		return 0;
	bytes = handler[1] - handler[0];
	if (from - handler[0] >= (bytes < LUAJIT_UCLO_BYTES ? bytes : LUAJIT_UCLO_BYTES))
		return 0;
	if (walk_must_read(w, &before, sizeof(before), j->pc - 4))
		return 1;
	return before >> 16 != LUAJIT_UCLO_NEXT || (before & 0xff) != LUAJIT_OP_UCLO;
}

/*
 * The pc of UCLO, which has its target there. On arm64 the target is also in x28, 0x20000 further,
 * until the next instruction is decoded: in the interpreter's code before that the pc is not the
 * target yet, and behind it the next instruction has been fetched.
 */
WALK_STEP u64 luajit_pc_of_uclo(struct walk *w)
{
	u64 pc;

	if (!w)
		return 0;
	pc = w->luajit.pc;
	if (w->record.s.flags & BPROF_SAMPLE_IN_VM) {
#ifdef BPROF_ARCH_ARM64
		if (w->reg[BPROF_REG_X28] - 4 * LUAJIT_UCLO_NEXT != pc)
			return pc;
#else
		return 0;
#endif
	}
	return luajit_seek(w, 0, pc);
}

/* The leaf has been found, its pc in a register or pushed: which instruction does it mean? */
WALK_STEP int luajit_mend_pc(struct walk *w)
{
	struct luajit_work *j;

	if (!w)
		return 0;
	j = &w->luajit;
	if (!j->pc || j->jit_base || luajit_function(w, j->base) != LUAJIT_LUA ||
	    !luajit_pc_inside(j, j->pc))
		return 0;
	if (w->record.s.flags & BPROF_SAMPLE_IN_VM && luajit_is_before_fetch(w))
		j->pc_is_start = 1;
	else if (luajit_is_in_uclo(w))
		j->pc = luajit_pc_of_uclo(w);
	return 0;
}

#endif
