/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: every structure that the walker reads, decoded in one place.
 *
 * Inlined: the kernel allows eight calls in a row, and the searches above are deep.
 *
 * The rest of the walker sees struct luajit_state, luajit_cframe and so on (walk_luajit_types.h),
 * and no offset. What differs between object models, architectures and releases belongs here or,
 * where it can be discovered, into struct luajit_layout.
 *
 * Facts: lj_obj.h, lj_frame.h, lj_jit.h, vm_x64.dasc, vm_arm64.dasc of LuaJIT 2.1 (copyright Mike
 * Pall, MIT).
 */
#ifndef BPROF_WALK_LUAJIT_READ_H
#define BPROF_WALK_LUAJIT_READ_H

#define LUAJIT_POINTER_MASK ((1ULL << 47) - 1)
#define LUAJIT_TAG_STRING   0x1fffbULL
#define LUAJIT_TAG_FUNCTION 0x1fff7ULL
#define LUAJIT_TAG_TABLE    0x1fff4ULL

#define LUAJIT_GCT_STATE    6
#define LUAJIT_GCT_PROTO    7
#define LUAJIT_GCT_FUNCTION 8
#define LUAJIT_GCT_TRACE    9

#define LUAJIT_PROTO_BYTES    104 /* the bytecode follows */
#define LUAJIT_FRAME_BYTES    16  /* function and link, below a base */
#define LUAJIT_CFRAME_STATE   16  /* offset of L in a CFRAME */
#define LUAJIT_TRACE_STARTINS 80  /* offset of GCtrace.startins */

#ifdef BPROF_ARCH_X86_64

#define LUAJIT_CFRAME_BYTES 80
#define LUAJIT_MCODE_UNIT   1 /* bytes, of an offset in machine code */

/* The interpreter's registers, in its assembler code. */
#define LUAJIT_REG_BASE	    BPROF_REG_DX
#define LUAJIT_REG_PC	    BPROF_REG_BX /* survives calls of C */
#define LUAJIT_REG_PARKED   BPROF_REG_BP /* BASE, while a helper runs; survives calls of C */
#define LUAJIT_REG_NEW_BASE BPROF_REG_CX /* of the function being called */

#else

#define LUAJIT_CFRAME_BYTES	208
#define LUAJIT_OLD_CFRAME_STATE 176 /* before September 2021 */
#define LUAJIT_MCODE_UNIT	4

/* All survive calls of C. */
#define LUAJIT_REG_BASE		BPROF_REG_X19
#define LUAJIT_REG_PC		BPROF_REG_X21
#define LUAJIT_REG_PARKED	BPROF_REG_X19
#define LUAJIT_REG_NEW_BASE	BPROF_REG_X19

#endif

/* Layout of GC object headers: the type is the byte at offset 9. */
WALK_INLINE u32 luajit_type(const u64 *object)
{
	return (u32)(object[1] >> 8) & 0xff;
}

/*
 * How many snapshots a trace has, and of what size. They lie before their entries, without a gap.
 * @header: u16 nsnap of the GCtrace's header, @sizes: u32 nsnapmap; up to January 2019 the header
 * has topslot and linktype there, the latter not 0, and sizes u16 nsnap and u16 nsnapmap.
 */
WALK_INLINE void luajit_measure_snapshots(struct walk *w, u32 header, u32 sizes)
{
	struct luajit_trace *t = &w->luajit.trace;
	u64 bytes = t->entries - t->snapshots;
	u32 is_old = (header >> 8) && bytes == 8ULL * (sizes & 0xffff);
	u32 is_new = bytes == 12ULL * header;

	t->nr_snapshots = header;
	t->nr_entries = sizes;
	t->snapshot_bytes = 12;
	if (w->chosen.luajit.snapshot_mcode || (is_new && !is_old))
		return;
	t->nr_snapshots = sizes & 0xffff;
	t->nr_entries = sizes >> 16;
	t->snapshot_bytes = is_old && !is_new ? 8 : 0;
}

#include "walk_luajit_read32.h"

/* Without GC64? On arm64 there is no such build. */
WALK_INLINE u32 luajit_has_refs32(const struct walk *w)
{
#ifdef BPROF_ARCH_X86_64
	return w->chosen.luajit.refs32;
#else
	(void)w;
	return 0;
#endif
}

/* Function and link, below a base. */
WALK_INLINE u32 luajit_frame_bytes(const struct walk *w)
{
	return luajit_has_refs32(w) ? LUAJIT32_FRAME_BYTES : LUAJIT_FRAME_BYTES;
}

/* The bytecode follows a GCproto. */
WALK_INLINE u32 luajit_proto_bytes(const struct walk *w)
{
	return luajit_has_refs32(w) ? LUAJIT32_PROTO_BYTES : LUAJIT_PROTO_BYTES;
}

WALK_INLINE u32 luajit_trace_startins(const struct walk *w)
{
	return luajit_has_refs32(w) ? LUAJIT32_TRACE_STARTINS : LUAJIT_TRACE_STARTINS;
}

/* Where a CFRAME has its L, and L from the word there. */
WALK_INLINE u32 luajit_cframe_state_at(const struct walk *w)
{
#ifdef BPROF_ARCH_ARM64
	if (w->chosen.luajit.old_cframe)
		return LUAJIT_OLD_CFRAME_STATE;
#endif
	return luajit_has_refs32(w) ? LUAJIT32_CFRAME_STATE : LUAJIT_CFRAME_STATE;
}

WALK_INLINE u64 luajit_reference(const struct walk *w, u64 word)
{
	return luajit_has_refs32(w) ? (u32)word : word;
}

/* Memory that ought to be there, or may well not be: only the former shows in the status. */
enum luajit_need {
	LUAJIT_MAYBE,
	LUAJIT_MUST,
};

WALK_INLINE int luajit_read(struct walk *w, u32 words, u64 address, u32 need)
{
	int failed = !!WALK_READ(w, w->luajit.raw, 8 * words, address);

	if (failed && need == LUAJIT_MUST)
		w->failed_reads++;
	return failed;
}

/* lua_State @address into seen. Non-zero: it is not a state of this VM. */
WALK_INLINE int luajit_read_state(struct walk *w, u64 address, u32 need)
{
	struct luajit_work *j = &w->luajit;

	if (!walk_is_user_address(address) || (address & 7))
		return 1;
	if (luajit_read(w, LUAJIT_STATE_WORDS, address, need))
		return 1;
	if (luajit_has_refs32(w))
		return luajit_decode_state32(w);
	if (luajit_type(j->raw) != LUAJIT_GCT_STATE || j->raw[2] != w->vm.global)
		return 1;
	j->seen.base = j->raw[4];
	j->seen.limit = j->raw[6];
	j->seen.stack = j->raw[7];
	j->seen.cframe = j->raw[10] & ~3ULL; /* the low bits are flags */
	return 0;
}

/* The CFRAME at @address into cframe. */
WALK_INLINE int luajit_read_cframe(struct walk *w, u64 address)
{
	struct luajit_work *j = &w->luajit;

	if (luajit_read(w, LUAJIT_CFRAME_WORDS, address, LUAJIT_MUST))
		return 1;
	j->cframe.address = address;
#ifdef BPROF_ARCH_X86_64
	if (luajit_has_refs32(w)) {
		luajit_decode_cframe32(j);
		return 0;
	}
	j->cframe.results = (s32)j->raw[1];
	j->cframe.pc = j->raw[3];
	j->cframe.previous = j->raw[4] & ~3ULL;
	j->cframe.return_address = j->raw[9];
#else
	if (w->chosen.luajit.old_cframe) {
		j->cframe.previous = j->raw[20] & ~3ULL;
		j->cframe.pc = j->raw[21];
		j->cframe.results = (s32)j->raw[25];
		j->cframe.return_address = j->raw[1];
		return 0;
	}
	j->cframe.previous = j->raw[0] & ~3ULL;
	j->cframe.pc = j->raw[1];
	j->cframe.results = (s32)j->raw[5];
	j->cframe.return_address = j->raw[25];
#endif
	return 0;
}

/* The state that a CFRAME at @address belongs to; 0 if it cannot be read. */
WALK_INLINE u64 luajit_cframe_state(struct walk *w, u64 address)
{
	u64 state = 0;

	if (walk_must_read(w, &state, sizeof(state), address + luajit_cframe_state_at(w)))
		return 0;
	return luajit_reference(w, state);
}

/* The slots below @base, as they are on the Lua stack. Non-zero: no function slot, or unreadable.
 */
WALK_INLINE int luajit_read_slots(struct walk *w, u64 base)
{
	struct luajit_slots *slots = &w->luajit.slots;
	u64 function;
	u32 i;

	slots->function = 0;
	slots->is_computed = 0;
	if (luajit_has_refs32(w))
		return luajit_read_slots32(w, base);
	if (walk_window_at(w, &w->stack, base - 32, 32, &i))
		return 1;
	slots->continuation = w->stack.word[i];
	slots->continuation_pc = w->stack.word[i + 1];
	function = w->stack.word[i + 2];
	slots->link = w->stack.word[i + 3];
	slots->function = function & LUAJIT_POINTER_MASK;
	return function >> 47 != LUAJIT_TAG_FUNCTION;
}

/* The GCfunc at @address into function. */
WALK_INLINE int luajit_read_function(struct walk *w, u64 address)
{
	struct luajit_work *j = &w->luajit;

	if (!walk_is_user_address(address) || (address & 7))
		return 1;
	if (luajit_read(w, LUAJIT_FUNC_WORDS, address, LUAJIT_MUST))
		return 1;
	if (luajit_has_refs32(w))
		return luajit_decode_function32(j);
	if (luajit_type(j->raw) != LUAJIT_GCT_FUNCTION)
		return 1;
	j->function.ffid = (u32)(j->raw[1] >> 16) & 0xff;
	j->function.pc = j->raw[4];
	j->function.c_code = j->raw[5];
	return 0;
}

/*
 * The call instruction before @link into last_call, with the bytecode before it: a read costs the
 * same for 256 bytes as for 4, and the next question is for the prototype before the bytecode.
 */
WALK_STEP int luajit_load_call(struct walk *w, u64 link)
{
	struct luajit_work *j;
	u64 start;

	if (!w)
		return 1;
	j = &w->luajit;
	start = ((link + 7) & ~7ULL) - sizeof(u64) * LUAJIT_CODE_WORDS;
	j->last_link = 0;
	j->code_start = WALK_NOWHERE;
	if (!walk_is_user_address(link))
		return 1;
	if (!WALK_READ(w, j->code_word, sizeof(u64) * LUAJIT_CODE_WORDS, start)) {
		j->code_start = start;
		j->last_call = (u32)(j->code_word[LUAJIT_CODE_WORDS - 1] >> (link & 4 ? 0 : 32));
	} else if (walk_must_read(w, &j->last_call, sizeof(j->last_call), link - 4)) {
		return 1;
	}
	j->last_link = link;
	return 0;
}

/* The GCproto at @address into raw, from the copied bytecode if it lies there. */
WALK_INLINE int luajit_read_raw_proto(struct walk *w, u64 address, u32 need)
{
	struct luajit_work *j = &w->luajit;
	u64 offset = address - j->code_start;
	u32 at;

	if (offset > sizeof(u64) * (LUAJIT_CODE_WORDS - LUAJIT_PROTO_WORDS) || (offset & 7))
		return luajit_read(w, LUAJIT_PROTO_WORDS, address, need);
	at = walk_index((u32)(offset >> 3), LUAJIT_CODE_WORDS - 1);
	for (u32 i = 0; i < LUAJIT_PROTO_WORDS; i++)
		j->raw[i] = j->code_word[at + i];
	return 0;
}

/* The GCproto whose bytecode is at @bytecode into proto. */
WALK_INLINE int luajit_read_proto(struct walk *w, u64 bytecode, u32 need)
{
	struct luajit_work *j = &w->luajit;

	if (luajit_read_raw_proto(w, bytecode - luajit_proto_bytes(w), need))
		return 1;
	j->proto.bytecode = bytecode;
	if (luajit_has_refs32(w))
		return luajit_decode_proto32(j);
	if (luajit_type(j->raw) != LUAJIT_GCT_PROTO)
		return 1;
	j->proto.code_len = (u32)(j->raw[1] >> 32);
	j->proto.flags = (u32)(j->raw[7] >> 40) & 0xff;
	j->proto.trace = (u32)(j->raw[7] >> 48);
	j->proto.source = j->raw[8];
	j->proto.first_line = (u32)j->raw[9];
	j->proto.nr_lines = (u32)(j->raw[9] >> 32);
	j->proto.lineinfo = j->raw[10];
	return 0;
}

/* The GCtrace at @address into trace. */
WALK_INLINE int luajit_read_trace(struct walk *w, u64 address, u32 need)
{
	struct luajit_trace *t = &w->luajit.trace;
	const u64 *raw = w->luajit.raw;

	if (!walk_is_user_address(address) || (address & 7))
		return 1;
	if (luajit_read(w, LUAJIT_TRACE_WORDS, address, need))
		return 1;
	if (luajit_has_refs32(w))
		return luajit_decode_trace32(w);
	if (luajit_type(raw) != LUAJIT_GCT_TRACE)
		return 1;
	t->constants = raw[4];
	t->lowest_constant = (u32)raw[5];
	t->snapshots = raw[6];
	t->entries = raw[7];
	t->start_pc = raw[9];
	t->mcode_bytes = (u32)(raw[10] >> 32);
	t->mcode = raw[11];
	t->stack_adjust = (u32)(raw[12] >> 48);
	t->number = (u32)raw[13] & 0xffff;
	t->root = (u32)(raw[13] >> 32) & 0xffff;
	t->next_root = (u32)(raw[13] >> 48);
	t->next_side = (u32)raw[14] & 0xffff;
	luajit_measure_snapshots(w, (u32)(raw[1] >> 16) & 0xffff, (u32)(raw[5] >> 32));
	return 0;
}

/* The array of traces into trace_table and nr_traces. */
WALK_STEP int luajit_read_trace_table(struct walk *w)
{
	struct luajit_work *j;
	u64 table[2] = {};

	if (!w)
		return 1;
	j = &w->luajit;
	j->nr_traces = 0;
	if (!w->chosen.luajit.trace_table)
		return 1;
	if (walk_must_read(w, table, sizeof(table), w->vm.global + w->chosen.luajit.trace_table))
		return 1;
	j->trace_table = table[0];
	j->nr_traces = (u32)(table[1] >> 32);
	return 0;
}

/* Trace @number of this VM into trace. */
WALK_STEP int luajit_load_trace(struct walk *w, u32 number)
{
	struct luajit_work *j;
	u64 address = 0;

	if (!w)
		return 1;
	j = &w->luajit;
	if (!number || number >= j->nr_traces)
		return 1;
	if (walk_must_read(w, &address, sizeof(address),
			   j->trace_table + (luajit_has_refs32(w) ? 4ULL : 8ULL) * number))
		return 1;
	address = luajit_reference(w, address);
	return luajit_read_trace(w, address, LUAJIT_MUST) || j->trace.number != number;
}

/* The running state and jit_base, of the global_State. Non-zero: unreadable. */
WALK_INLINE int luajit_read_running(struct walk *w, u64 *ret_state, u64 *ret_jit_base)
{
	const struct luajit_layout *layout = &w->chosen.luajit;
	u64 word[4] = {};

	if (walk_must_read(w, word, sizeof(word), w->vm.global + layout->cur_L))
		return 1;
	*ret_state = luajit_reference(w, word[0]);
	if (luajit_has_refs32(w))
		*ret_jit_base = word[0] >> 32;
	else
		*ret_jit_base = layout->jit_base - layout->cur_L == 16 ? word[2] : word[1];
	return 0;
}

/*
 * Without GC64 fast functions move values by halves, through the register of the pc. What cannot be
 * read there is no pc, and no doubt.
 */
WALK_INLINE int luajit_is_scratch32(struct walk *w, u64 pc)
{
	u32 call;

	return luajit_has_refs32(w) && WALK_READ(w, &call, sizeof(call), pc - 4);
}

/* A value of the Lua stack: the address of an object if it is of this type, else 0. */
WALK_INLINE u64 luajit_value_address(const struct walk *w, u64 value, u64 tag)
{
	if (luajit_has_refs32(w))
		return value >> 32 == (tag | 0xfffe0000) ? (u32)value : 0;
	return value >> 47 == tag ? value & LUAJIT_POINTER_MASK : 0;
}

#endif
