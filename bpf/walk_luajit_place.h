/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: where in its bytecode a frame is, and the source line of that.
 *
 * In the interpreter a pc is the next instruction; position 0 is the function header. For compiled
 * code see walk_luajit_trace.h.
 *
 * Facts: lj_debug.c, lj_jit.h, lj_snap.c of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_PLACE_H
#define BPROF_WALK_LUAJIT_PLACE_H

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
	trace = j->pc - 4 - luajit_trace_startins(w);
	if (luajit_read_trace(w, trace, LUAJIT_MAYBE))
		return 0;
	j->pc = j->trace.start_pc;
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
	lineinfo = j->proto.lineinfo;
	first = j->proto.first_line;
	nr_lines = j->proto.nr_lines;
	if (!lineinfo || position > j->proto.code_len)
		return 0;
	if (!position)
		return (int)first;
	if (position == j->proto.code_len)
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

	w->proto.object = j->proto.bytecode - luajit_proto_bytes(w);
	w->proto.source = j->proto.source;
	w->proto.parts = j->proto.lineinfo;
	w->proto.chunkname = j->proto.source + w->chosen.luajit.string_data;
	w->proto.first_line = (s32)j->proto.first_line;
	w->proto.last_line = (s32)(j->proto.first_line + j->proto.nr_lines);
	w->proto.code_len = j->proto.code_len;
}

/* Position and line of the frame at the cursor, whose function was just looked at. */
WALK_INLINE void luajit_place(struct walk *w, struct bprof_frame *frame)
{
	struct luajit_work *j = &w->luajit;

	if (j->pc && !luajit_pc_inside(j, j->pc) && !luajit_is_compiled(j, j->base))
		luajit_pc_from_trace(w);
	luajit_describe_proto(w);
	if (walk_identify(w, frame))
		frame->flags |= BPROF_FRAME_LINE_LATER;
	if (!j->pc || !luajit_pc_inside(j, j->pc)) {
		frame->flags &= ~(u32)BPROF_FRAME_LINE_LATER;
		frame->flags |= BPROF_FRAME_NO_POS;
		frame->line = w->proto.first_line;
	} else {
		frame->pos = (u32)((j->pc - j->proto.bytecode) >> 2);
		if (frame->pos && !j->pc_is_start)
			frame->pos--;
		if (!(frame->flags & BPROF_FRAME_LINE_LATER))
			frame->line = luajit_line(w, frame->pos);
	}
	j->pc_is_start = 0;
}

#endif
