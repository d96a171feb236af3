/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* PUC Lua: the source line of an instruction. Facts: ldebug.c of Lua 5.1-5.5. */
#ifndef BPROF_WALK_PUC_LINE_H
#define BPROF_WALK_PUC_LINE_H

#define PUC_LOG2_MAX_ABS_LINES 20

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
