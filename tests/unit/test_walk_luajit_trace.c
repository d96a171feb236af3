/* SPDX-License-Identifier: MIT */
/* The LuaJIT walker in compiled code, over traces built by hand. Real ones: test_truth.c. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_luajit.h"

#define CFRAME	   (SP + 0x2000)
#define MCODE	   0x555501000000UL
#define MCODE_LEN  0x400
#define SPADJUST   24
#define NR_TRACES  8
#define NUMBER	   3 /* of the trace that runs */
#define REF_BIAS   0x8000
#define IR_BYTES   512 /* of constants, below REF_BIAS */
#define SNAP_FRAME 0x010000
#define VARIABLE   (REF_BIAS + 5)
#define IR_PROTO   (7UL << 32)
#define IR_FUNC	   (8UL << 32)
#define IR_NUM	   (14UL << 32)

/* A trace, and the snapshots that have been added to it. */
struct trace {
	uaddr_t at, ir, snapshots, entries;
	unsigned nr_snapshots, nr_entries, nr_constants;
};

static struct trace t;
static uaddr_t table;

static void make_trace(unsigned number, uaddr_t start_pc)
{
	t = (struct trace){.at = allocate(128),
			   .ir = allocate(IR_BYTES) + IR_BYTES - 8UL * REF_BIAS,
			   .snapshots = allocate(256),
			   .entries = allocate(1024)};
	put(table + 8 * number, 8, t.at);
	put(t.at + 9, 1, 9);
	put(t.at + 32, 8, t.ir);
	put(t.at + 40, 4, REF_BIAS - IR_BYTES / 8);
	put(t.at + 48, 8, t.snapshots);
	put(t.at + 56, 8, t.entries);
	put(t.at + 72, 8, start_pc);
	put(t.at + 84, 4, MCODE_LEN);
	put(t.at + 88, 8, MCODE + 0x1000 * number);
	put(t.at + 102, 2, SPADJUST);
	put(t.at + 104, 2, number);
}

/* A constant of the trace: its reference. */
static unsigned constant(uint64_t instruction, uint64_t value)
{
	unsigned reference = REF_BIAS - 2 * ++t.nr_constants;

	put(t.ir + 8 * reference, 8, instruction);
	put(t.ir + 8 * reference + 8, 8, value);
	return reference;
}

static void add_entry(unsigned slot, uint32_t flags, unsigned reference)
{
	put(t.entries + 4 * t.nr_entries++, 4, slot << 24 | flags | reference);
}

/* The entries since the last snapshot become one: its code begins at @offset, its place is @pc. */
static void add_snapshot(unsigned offset, unsigned base_slot, uaddr_t pc)
{
	static unsigned first_entry;
	uaddr_t at = t.snapshots + 12 * t.nr_snapshots;
	uint64_t place = pc << 8 | (base_slot - 2);

	if (t.nr_snapshots == 0)
		first_entry = 0;
	put(at, 4, first_entry);
	put(at + 6, 2, offset);
	put(at + 10, 1, t.nr_entries - first_entry);
	put(t.entries + 4 * t.nr_entries, 4, (uint32_t)place);
	put(t.entries + 4 * t.nr_entries + 4, 4, place >> 32);
	t.nr_entries += 2;
	first_entry = t.nr_entries;
	put(t.at + 10, 2, ++t.nr_snapshots);
	put(t.at + 44, 4, t.nr_entries);
}

static void run_compiled(unsigned offset)
{
	put(p.global + p.layout->jit_base, 8, p.main.base);
	put(p.global + p.layout->vmstate, 4, NUMBER);
	p.in.reg[BPROF_REG_IP] = MCODE + 0x1000 * NUMBER + offset;
}

/* The machine code has called C: where that returns to lies at the end of its native stack. */
static void run_c_from_compiled(unsigned return_offset)
{
	run_compiled(0);
	p.in.reg[BPROF_REG_IP] = 0x7f0000001000;
	p.in.reg[BPROF_REG_SP] = CFRAME - 0x200;
	put(CFRAME - 16 - SPADJUST - 8, 8, MCODE + 0x1000 * NUMBER + return_offset);
}

/* Instruction @position, as a snapshot has it: the next to be executed. */
static uaddr_t instruction(uaddr_t function, unsigned position)
{
	return pc_at(function, position) - 4;
}

static void init(void)
{
	fake_luajit_init();
	table = allocate(8 * NR_TRACES);
	put(p.global + p.layout->trace_table, 8, table);
	put(p.global + p.layout->trace_table + 12, 4, NR_TRACES);
}

TestSuite(walk_trace, .init = init, .fini = fake_luajit_done, .timeout = 10);

#define COMPILED (BPROF_FRAME_LUA | BPROF_FRAME_TRACE)
#define OUTER	 (COMPILED | BPROF_FRAME_GUARD | BPROF_FRAME_BOUNDARY)

Test(walk_trace, the_place_is_that_of_the_last_guard_passed)
{
	static const struct {
		unsigned offset;
		int line;
	} places[] = {{0, 14}, {0x0f, 14}, {0x10, 16}, {0x7f, 16}, {0x80, 19}, {0x3ff, 19}};
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	make_trace(NUMBER, instruction(outer, 4));
	add_snapshot(0, 2, instruction(outer, 4));
	add_entry(4, 0, VARIABLE);
	add_snapshot(0x10, 2, instruction(outer, 6));
	add_snapshot(0x80, 2, instruction(outer, 9));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		run_compiled(places[i].offset);
		walk();
		cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
		cr_assert(eq(u16, p.out.sample.nr_frames, 1));
		cr_expect(eq(i32, p.out.frame[0].line, places[i].line), "%zu", i);
		cr_expect(eq(u32, p.out.frame[0].flags, OUTER));
		cr_expect(
			eq(u8, p.out.sample.flags, BPROF_SAMPLE_ON_TRACE | BPROF_SAMPLE_IN_MCODE));
	}
}

/* --jit: what is not asked for is not claimed. */
Test(walk_trace, less_is_claimed_where_less_is_asked_for)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	make_trace(5, instruction(outer, 6));
	make_trace(NUMBER, instruction(outer, 9));
	put(t.at + 108, 2, 5); /* a side trace of the other */
	add_snapshot(0, 2, instruction(outer, 11));
	run_compiled(0x30);
	walk();
	cr_expect(eq(i32, p.out.frame[0].line, 21));
	p.in.jit = BPROF_JIT_START;
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(i32, p.out.frame[0].line, 16), "the start of the root trace");
	cr_expect(eq(u32, p.out.frame[0].flags, COMPILED | BPROF_FRAME_BOUNDARY));
	p.in.jit = BPROF_JIT_BASE;
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(outer)));
	cr_expect(eq(u32, p.out.frame[0].flags,
		     COMPILED | BPROF_FRAME_NO_POS | BPROF_FRAME_BOUNDARY));
}

static void put_code(uaddr_t at, const char *code, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(at + i, 1, (uint8_t)code[i]);
}

/* Between the store of jit_base and the jump: the snapshot's frames lie on the old one. */
Test(walk_trace, the_end_of_a_recursive_trace_has_moved_the_base)
{
	static const struct {
		const char *code;
		size_t len;
		unsigned before, moved[2]; /* from the end of the code */
	} tails[] = {
		{"\x49\x89\x96\xf8\xf1\xff\xff\xe9\0\0\0\0", 12, 12, {5, 5}},
		{"\x49\x89\x96\xf8\xf1\xff\xff\x48\x83\xc4\x18\xe9\0\0\0\0", 16, 16, {9, 5}},
		{"\x49\x89\x96\xf8\xf1\xff\xff\x48\x81\xc4\0\1\0\0\xe9\0\0\0\0", 19, 19, {12, 5}},
	};
	uaddr_t outer = make_lua(10, 20), end = allocate(MCODE_LEN) + MCODE_LEN;

	push_frame(&p.main, outer, LINK_C);
	make_trace(NUMBER, instruction(outer, 4));
	add_snapshot(0, 2, instruction(outer, 6));
	put(t.at + 88, 8, end - MCODE_LEN);
	run_compiled(0);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		put_code(end - tails[i].len, tails[i].code, tails[i].len);
		p.in.reg[BPROF_REG_IP] = end - tails[i].before;
		walk();
		cr_expect(eq(i32, p.out.frame[0].line, 16), "%zu", i);
		cr_expect(eq(u32, p.out.frame[0].flags, OUTER));
		for (size_t k = 0; k < 2; k++) {
			p.in.reg[BPROF_REG_IP] = end - tails[i].moved[k];
			walk();
			cr_assert(eq(u16, p.out.sample.nr_frames, 1));
			cr_expect(eq(u64, p.out.frame[0].object, proto_of(outer)));
			cr_expect(eq(u32, p.out.frame[0].flags,
				     COMPILED | BPROF_FRAME_NO_POS | BPROF_FRAME_BOUNDARY),
				  "%zu", i);
		}
	}
}

Test(walk_trace, c_called_from_a_trace_stands_where_it_returns_to)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	make_trace(NUMBER, instruction(outer, 4));
	add_snapshot(0, 2, instruction(outer, 4));
	add_snapshot(0x10, 2, instruction(outer, 6));
	/* the call is the last instruction before the next guard */
	run_c_from_compiled(0x10);
	walk();
	cr_expect(eq(i32, p.out.frame[0].line, 14));
	cr_expect(eq(u8, p.out.sample.flags, BPROF_SAMPLE_ON_TRACE));
	run_c_from_compiled(0x11);
	walk();
	cr_expect(eq(i32, p.out.frame[0].line, 16));
}

Test(walk_trace, an_exit_stub_is_not_a_call_that_returns)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	make_trace(NUMBER, instruction(outer, 4));
	add_snapshot(0, 2, instruction(outer, 6));
	run_c_from_compiled(0x11);
	p.in.reg[BPROF_REG_SP] = CFRAME - 16 - SPADJUST;
	walk();
	cr_expect(eq(i32, p.out.frame[0].line, 14));
	cr_expect(eq(u32, p.out.frame[0].flags, COMPILED | BPROF_FRAME_BOUNDARY));
}

Test(walk_trace, the_collector_hides_the_number_but_not_the_trace)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	put(proto_of(outer) + 62, 2, 5);
	make_trace(NUMBER, instruction(outer, 4)); /* a side trace of 6 */
	add_snapshot(0, 2, instruction(outer, 9));
	make_trace(5, instruction(outer, 4));
	put(t.at + 110, 2, 6); /* the next root */
	make_trace(6, instruction(outer, 4));
	put(t.at + 112, 2, NUMBER); /* its sides */
	run_c_from_compiled(0x20);
	put(p.global + p.layout->vmstate, 4, (uint32_t)-3);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(i32, p.out.frame[0].line, 19));
	cr_expect(eq(u32, p.out.frame[0].flags, OUTER));
	/* none of them has called: the function is certain, the line is not */
	put(CFRAME - 16 - SPADJUST - 8, 8, 0x7f0000004000);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(u32, p.out.frame[0].flags,
		     COMPILED | BPROF_FRAME_BOUNDARY | BPROF_FRAME_NO_POS));
}

Test(walk_trace, traces_that_follow_each_other_in_a_ring_end)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	put(proto_of(outer) + 62, 2, 5);
	make_trace(5, instruction(outer, 4));
	put(t.at + 112, 2, 5);
	run_c_from_compiled(0x20);
	put(p.global + p.layout->vmstate, 4, (uint32_t)-3);
	walk();
	cr_expect(ne(u32, p.out.frame[0].flags & BPROF_FRAME_NO_POS, 0));
}

/* outer calls middle at 5, middle calls inner at 7: both inlined, inner at its instruction 3. */
static void make_inlined(uaddr_t outer, uaddr_t middle, uaddr_t inner, unsigned inner_reference)
{
	put(pc_at(outer, 5) - 4, 4, 2U << 8);  /* A = 2: its callee's base is slot 2 + 4 */
	put(pc_at(middle, 7) - 4, 4, 1U << 8); /* A = 1: 6 + 3 */
	make_trace(NUMBER, instruction(outer, 4));
	add_snapshot(0, 2, instruction(outer, 4));
	add_entry(4, 0, constant(IR_FUNC, middle));
	add_entry(5, SNAP_FRAME, constant(IR_NUM, pc_at(outer, 5)));
	add_entry(6, 0, VARIABLE);
	add_entry(7, 0, inner_reference ? inner_reference : constant(IR_FUNC, inner));
	add_entry(8, SNAP_FRAME, constant(IR_NUM, pc_at(middle, 7)));
	add_snapshot(0x20, 9, instruction(inner, 3));
}

Test(walk_trace, inlined_functions_are_frames)
{
	uaddr_t outer = make_lua(10, 20), middle = make_lua(40, 20), inner = make_lua(70, 20);

	push_frame(&p.main, outer, LINK_C);
	make_inlined(outer, middle, inner, 0);
	run_compiled(0x30);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 3));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(inner)));
	cr_expect(eq(i32, p.out.frame[0].line, 73));
	cr_expect(
		eq(u32, p.out.frame[0].flags, COMPILED | BPROF_FRAME_GUARD | BPROF_FRAME_INLINED));
	cr_expect(eq(u64, p.out.frame[1].object, proto_of(middle)));
	cr_expect(eq(i32, p.out.frame[1].line, 47));
	cr_expect(eq(u64, p.out.frame[2].object, proto_of(outer)));
	cr_expect(eq(i32, p.out.frame[2].line, 15));
	cr_expect(eq(u32, p.out.frame[2].flags, OUTER));
}

Test(walk_trace, a_function_that_the_trace_computes_is_found_by_its_prototype)
{
	uaddr_t outer = make_lua(10, 20), middle = make_lua(40, 20), inner = make_lua(70, 20);

	push_frame(&p.main, outer, LINK_C);
	make_inlined(outer, middle, inner, VARIABLE);
	run_compiled(0x30);
	/* nothing says which it is */
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(i32, p.out.frame[0].line, 14));
	cr_expect(eq(u32, p.out.frame[0].flags, COMPILED | BPROF_FRAME_BOUNDARY));
	constant(IR_PROTO, proto_of(middle));
	constant(IR_PROTO, proto_of(inner));
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 3));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(inner)));
	cr_expect(eq(i32, p.out.frame[0].line, 73));
	cr_expect(eq(u64, p.out.frame[1].object, proto_of(middle)));
}

Test(walk_trace, a_tail_call_has_replaced_the_function_of_the_trace)
{
	uaddr_t outer = make_lua(10, 20), callee = make_lua(40, 20);

	push_frame(&p.main, outer, LINK_C);
	make_trace(NUMBER, instruction(outer, 4));
	add_entry(0, 0, constant(IR_FUNC, callee));
	add_entry(1, SNAP_FRAME, REF_BIAS - 1);
	add_snapshot(0, 2, instruction(callee, 3));
	run_compiled(0x30);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(callee)));
	cr_expect(eq(i32, p.out.frame[0].line, 43));
}

Test(walk_trace, an_inlined_metamethod_is_called_by_the_vm)
{
	uaddr_t outer = make_lua(10, 20), meta = make_lua(40, 20);

	push_frame(&p.main, outer, LINK_C);
	make_trace(NUMBER, instruction(outer, 4));
	add_entry(6, 0x020000, constant(IR_NUM, VM_START + 0x500));
	add_entry(7, 0x020000, constant(IR_NUM, pc_at(outer, 8)));
	add_entry(8, 0, constant(IR_FUNC, meta));
	add_entry(9, SNAP_FRAME, constant(IR_NUM, 8 * 8 | LINK_CONT));
	add_snapshot(0, 10, instruction(meta, 3));
	run_compiled(0x30);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(u32, p.out.frame[0].flags & BPROF_FRAME_CONT, BPROF_FRAME_CONT));
	cr_expect(eq(i32, p.out.frame[1].line, 18));
}

Test(walk_trace, without_offsets_the_start_of_the_root_trace_is_the_place)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	p.in.layout[0].luajit.snapshot_mcode = 0;
	make_trace(5, instruction(outer, 6));
	make_trace(NUMBER, instruction(outer, 9));
	put(t.at + 108, 2, 5);
	add_snapshot(0, 2, instruction(outer, 9));
	run_compiled(0x30);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(i32, p.out.frame[0].line, 16));
	cr_expect(eq(u32, p.out.frame[0].flags, COMPILED | BPROF_FRAME_BOUNDARY));
}

/* A flush has freed the trace, and its memory holds something else. */
Test(walk_trace, a_trace_of_another_number_is_not_believed)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	make_trace(NUMBER, instruction(outer, 4));
	add_snapshot(0, 2, instruction(outer, 6));
	put(t.at + 104, 2, 4);
	run_compiled(0x30);
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(ne(u32, p.out.frame[0].flags & BPROF_FRAME_NO_POS, 0));
}

Test(walk_trace, any_failed_read_is_flagged_or_leaves_a_part_of_the_truth)
{
	uaddr_t outer = make_lua(10, 20), middle = make_lua(40, 20), inner = make_lua(70, 20);
	struct host_walk_result truth;
	unsigned long nr_reads;

	push_frame(&p.main, outer, LINK_C);
	make_inlined(outer, middle, inner, 0);
	run_compiled(0x30);
	truth = *walk();
	nr_reads = p.mem.reads;
	cr_assert(eq(u16, truth.sample.nr_frames, 3));
	for (unsigned long k = 1; k <= nr_reads; k++) {
		const struct bprof_frame *last;

		p.mem.fail_at = k;
		walk();
		cr_assert(p.mem.failed, "read %lu", k);
		if (p.out.sample.status != BPROF_WALK_OK)
			continue;
		/* the frame of the trace itself, without a claim to a guard */
		last = &p.out.frame[p.out.sample.nr_frames - 1];
		cr_assert(eq(u64, last->object, truth.frame[2].object), "read %lu", k);
		cr_assert(p.out.sample.nr_frames == 3 || !(last->flags & BPROF_FRAME_GUARD),
			  "read %lu", k);
	}
}
