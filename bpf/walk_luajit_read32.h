/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT without GC64: the same structures with references of 32 bits. Included by
 * walk_luajit_read.h, which says what a reader leaves where.
 *
 *	          base-16              base-8            base
 *	 ... | continuation, its pc | function, link | slot 0 | ...
 *	       low half   high half   low       high
 *
 *	CFRAME, x86-64 only: +16 NRES  +24 L  +28 saved pc  +32 previous  +72 return address
 *
 * What x86-64 was built as by default up to December 2019. A frame has one slot, functions in it no
 * type of their own: they are known by the object. arm64 always has GC64.
 *
 * Facts: lj_obj.h, lj_frame.h, lj_jit.h, vm_x86.dasc of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_READ32_H
#define BPROF_WALK_LUAJIT_READ32_H

#define LUAJIT32_FRAME_BYTES	8
#define LUAJIT32_PROTO_BYTES	64
#define LUAJIT32_TRACE_STARTINS 56
#define LUAJIT32_CFRAME_STATE	24
#define LUAJIT32_ARENA_BYTES	(1ULL << 30)
#define LUAJIT32_STACK_SLACK	1024 /* of a stack, beyond its limit */

WALK_INLINE u32 luajit_type32(const u64 *object)
{
	return (u32)(object[0] >> 40) & 0xff;
}

WALK_INLINE int luajit_decode_state32(struct walk *w)
{
	struct luajit_work *j = &w->luajit;
	const u64 *raw = j->raw;

	if (luajit_type32(raw) != LUAJIT_GCT_STATE || (u32)raw[1] != w->vm.global)
		return 1;
	j->seen.base = raw[2];
	j->seen.limit = (u32)raw[4];
	j->seen.stack = raw[4] >> 32;
	j->seen.cframe = raw[6] & ~3ULL;
	return 0;
}

WALK_INLINE void luajit_decode_cframe32(struct luajit_work *j)
{
	j->cframe.results = (s32)j->raw[2];
	j->cframe.pc = j->raw[3] >> 32;
	j->cframe.previous = j->raw[4] & ~3ULL;
	j->cframe.return_address = j->raw[9];
}

/* The collector's objects all lie in the GiB that mmap() has for MAP_32BIT. */
WALK_INLINE int luajit_in_arena32(const struct walk *w, u64 address)
{
	return (address ^ w->vm.global) < LUAJIT32_ARENA_BYTES;
}

/*
 * Could these be function and link, and not a value? Numbers are refused here before their halves
 * are read as addresses: a read that fails would cast doubt on the whole stack.
 */
WALK_INLINE int luajit_slot_plausible32(const struct walk *w, u64 function, u64 link)
{
	if (!luajit_in_arena32(w, function) || (function & 7))
		return 0;
	if (!(link & 3))
		return luajit_in_arena32(w, link);
	return (link & ~7ULL) <= w->luajit.stack_limit + LUAJIT32_STACK_SLACK - w->luajit.stack;
}

WALK_INLINE int luajit_read_slots32(struct walk *w, u64 base)
{
	struct luajit_slots *slots = &w->luajit.slots;
	u32 i;

	if (walk_window_at(w, &w->stack, base - 16, 16, &i))
		return 1;
	slots->continuation = (u32)w->stack.word[i];
	slots->continuation_pc = w->stack.word[i] >> 32;
	slots->function = (u32)w->stack.word[i + 1];
	slots->link = w->stack.word[i + 1] >> 32;
	return !luajit_slot_plausible32(w, slots->function, slots->link);
}

WALK_INLINE int luajit_decode_function32(struct luajit_work *j)
{
	if (luajit_type32(j->raw) != LUAJIT_GCT_FUNCTION)
		return 1;
	j->function.ffid = (u32)(j->raw[0] >> 48) & 0xff;
	j->function.pc = (u32)j->raw[2];
	j->function.c_code = j->raw[3];
	return 0;
}

WALK_INLINE int luajit_decode_proto32(struct luajit_work *j)
{
	if (luajit_type32(j->raw) != LUAJIT_GCT_PROTO)
		return 1;
	j->proto.code_len = (u32)j->raw[1];
	j->proto.flags = (u32)(j->raw[4] >> 40) & 0xff;
	j->proto.trace = (u32)(j->raw[4] >> 48);
	j->proto.source = (u32)j->raw[5];
	j->proto.first_line = (u32)(j->raw[5] >> 32);
	j->proto.nr_lines = (u32)j->raw[6];
	j->proto.lineinfo = j->raw[6] >> 32;
	return 0;
}

WALK_INLINE int luajit_decode_trace32(struct walk *w)
{
	struct luajit_trace *t = &w->luajit.trace;
	const u64 *raw = w->luajit.raw;

	if (luajit_type32(raw) != LUAJIT_GCT_TRACE)
		return 1;
	t->constants = raw[2];
	t->lowest_constant = (u32)raw[3];
	t->snapshots = raw[4];
	t->entries = raw[5];
	t->start_pc = raw[6] >> 32;
	t->mcode_bytes = (u32)(raw[7] >> 32);
	t->mcode = raw[8];
	t->stack_adjust = (u32)(raw[9] >> 48);
	t->number = (u32)raw[10] & 0xffff;
	t->root = (u32)(raw[10] >> 32) & 0xffff;
	t->next_root = (u32)(raw[10] >> 48);
	t->next_side = (u32)raw[11] & 0xffff;
	luajit_measure_snapshots(w, (u32)(raw[0] >> 48), (u32)(raw[3] >> 32));
	return 0;
}

#endif
