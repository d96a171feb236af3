/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: where in its bytecode a frame is, and the source line of that.
 *
 * In the interpreter a pc is the next instruction; position 0 is the function header. Compiled code
 * has no pc: the leaf's position is the start of its trace, and marked as such.
 *
 * Facts: lj_debug.c, lj_jit.h, lj_snap.c of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_PLACE_H
#define BPROF_WALK_LUAJIT_PLACE_H

/* Copies GCtrace @number of this VM into trace_word. */
WALK_STEP int luajit_load_trace(struct walk *w, u32 number)
{
	struct luajit_work *j;
	u64 table[2] = {}, trace = 0;

	if (!w)
		return 1;
	j = &w->luajit;
	if (!w->chosen.luajit.trace_table)
		return 1;
	if (walk_must_read(w, table, sizeof(table), w->vm.global + w->chosen.luajit.trace_table))
		return 1;
	if (number >= table[1] >> 32)
		return 1;
	if (walk_must_read(w, &trace, sizeof(trace), table[0] + 8ULL * number))
		return 1;
	if (!walk_is_user_address(trace))
		return 1;
	if (walk_must_read(w, j->trace_word, sizeof(j->trace_word), trace))
		return 1;
	return luajit_type(j->trace_word) != LUAJIT_GCT_TRACE ||
	       (j->trace_word[13] & 0xffff) != number;
}

/*
 * The leaf runs compiled: its position is where its trace starts. A side trace starts anywhere, so
 * the root of its tree counts.
 */
WALK_STEP int luajit_trace_position(struct walk *w)
{
	struct luajit_work *j;
	u32 root;

	if (!w)
		return 0;
	j = &w->luajit;
	if (j->vmstate <= 0 || luajit_load_trace(w, (u32)j->vmstate))
		return 0;
	root = (u32)(j->trace_word[13] >> 32) & 0xffff;
	if (root && luajit_load_trace(w, root))
		return 0;
	if (luajit_pc_inside(j, j->trace_word[9])) {
		j->pc = j->trace_word[9];
		j->pc_is_start = 1;
	}
	return 0;
}

/*
 * After a trace exit the pc may point into the copy of an instruction inside its GCtrace: the
 * place is then the start of that trace (as in lj_debug.c).
 */
WALK_STEP int luajit_pc_from_trace(struct walk *w)
{
	struct luajit_work *j;
	u64 trace;

	if (!w)
		return 0;
	j = &w->luajit;
	trace = j->pc - 4 - LUAJIT_TRACE_STARTINS;
	if (!walk_is_user_address(trace) || (trace & 7))
		return 0;
	if (walk_must_read(w, j->trace_word, sizeof(j->trace_word), trace))
		return 0;
	if (luajit_type(j->trace_word) != LUAJIT_GCT_TRACE)
		return 0;
	j->pc = j->trace_word[9];
	j->pc_is_start = 1;
	return 0;
}

/* Line of a position: one entry of 1, 2 or 4 bytes per instruction, relative to the first line. */
WALK_STEP int luajit_line(struct walk *w, u32 position)
{
	struct luajit_work *j;
	u64 lineinfo, at;
	u32 first, nr_lines, delta = 0;

	if (!w)
		return 0;
	j = &w->luajit;
	lineinfo = j->proto_word[10];
	first = (u32)j->proto_word[9];
	nr_lines = (u32)(j->proto_word[9] >> 32);
	if (!lineinfo || position > j->code_len)
		return 0;
	if (!position)
		return (int)first;
	if (position == j->code_len)
		return (int)(first + nr_lines);
	at = position - 1;
	if (nr_lines < 256) {
		u8 entry = 0;

		if (walk_must_read(w, &entry, 1, lineinfo + at))
			return 0;
		delta = entry;
	} else if (nr_lines < 65536) {
		u16 entry = 0;

		if (walk_must_read(w, &entry, 2, lineinfo + 2 * at))
			return 0;
		delta = entry;
	} else if (walk_must_read(w, &delta, 4, lineinfo + 4 * at)) {
		return 0;
	}
	return (int)(first + delta);
}

WALK_INLINE void luajit_describe_proto(struct walk *w)
{
	struct luajit_work *j = &w->luajit;
	u32 first = (u32)j->proto_word[9], nr_lines = (u32)(j->proto_word[9] >> 32);

	w->proto.object = j->bytecode - LUAJIT_PROTO_BYTES;
	w->proto.source = j->proto_word[8];
	w->proto.chunkname = j->proto_word[8] + w->chosen.luajit.string_data;
	w->proto.first_line = (s32)first;
	w->proto.last_line = (s32)(first + nr_lines);
	w->proto.code_len = j->code_len;
}

/* Position and line of the frame at the cursor, whose function was just looked at. */
WALK_INLINE void luajit_place(struct walk *w, struct bprof_frame *frame)
{
	struct luajit_work *j = &w->luajit;

	if (j->leaf_on_trace) {
		frame->flags |= BPROF_FRAME_TRACE;
		luajit_trace_position(w);
	} else if (j->pc && !luajit_pc_inside(j, j->pc)) {
		luajit_pc_from_trace(w);
	}
	luajit_describe_proto(w);
	if (walk_identify(w, frame))
		frame->flags |= BPROF_FRAME_LINE_LATER;
	if (!j->pc || !luajit_pc_inside(j, j->pc)) {
		frame->flags &= ~(u32)BPROF_FRAME_LINE_LATER;
		frame->flags |= BPROF_FRAME_NO_POS;
		frame->line = w->proto.first_line;
	} else {
		frame->pos = (u32)((j->pc - j->bytecode) >> 2);
		if (frame->pos && !j->pc_is_start)
			frame->pos--;
		if (!(frame->flags & BPROF_FRAME_LINE_LATER))
			frame->line = luajit_line(w, frame->pos);
	}
	j->pc_is_start = 0;
}

#endif
