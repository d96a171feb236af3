/* SPDX-License-Identifier: MIT */
/*
 * The LuaJIT walker where the interpreter is entered or left: by a debug hook, which C calls for a
 * Lua function, and by a trace. Stacks built by hand; real ones: test_truth.c.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_luajit.h"

#define OUTER_CFRAME (SP + 0x2000)
#define SAVE_PC	     24
#define VMSTATE_C    ((uint32_t)-2)
#define TRACE	     7
#define POSITION     4

static uaddr_t chunk, work, hook, hook_base;

/* A chunk that calls work(), which is at POSITION; C has made a CFRAME to call the hook from. */
static void init(void)
{
	fake_luajit_init();
	chunk = make_lua(0, 20);
	work = make_lua(10, 20);
	hook = make_lua(40, 20);
	push_frame(&p.main, chunk, LINK_C);
	push_frame(&p.main, work, pc_at(chunk, 5));
	hook_base = p.main.base + 128;
	put(hook_base - 16, 8, TAG_FUNCTION | hook);
	put(OUTER_CFRAME + SAVE_PC, 8, pc_at(work, POSITION));
	make_cframe(&p.main, SP, OUTER_CFRAME, 0x7f0000003000);
	put(SP + SAVE_PC, 8, p.main.state);
	run_in_interpreter(p.main.base, 1);
}

TestSuite(walk_edge, .init = init, .fini = fake_luajit_done, .timeout = 10);

static void expect_work_at(int line, const char *what)
{
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK), "%s", what);
	cr_assert(eq(u16, p.out.sample.nr_frames, 2), "%s", what);
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(work)), "%s", what);
	cr_expect(eq(i32, p.out.frame[0].line, line), "%s", what);
	cr_expect(eq(u64, p.out.frame[1].object, proto_of(chunk)), "%s", what);
	cr_expect(eq(i32, p.out.frame[1].line, 5), "%s", what);
}

Test(walk_edge, a_hook_that_is_entered_has_no_frame_yet)
{
	p.in.reg[BPROF_REG_CX] = hook_base;
	expect_work_at(10 + POSITION, "its link is not stored");
}

Test(walk_edge, a_hook_that_is_left_has_no_frame_any_more)
{
	put(p.global + p.layout->vmstate, 4, VMSTATE_C);
	put(SP + SAVE_PC, 8, pc_at(hook, 2));
	p.in.reg[BPROF_REG_BX] = p.main.base;
	expect_work_at(10 + POSITION, "the base of its caller is known");
	p.in.reg[BPROF_REG_BX] = hook_base - p.main.base;
	p.in.reg[BPROF_REG_DX] = hook_base;
	expect_work_at(10 + POSITION, "its distance is");
}

/* The register of the new base has any value while a function runs. */
Test(walk_edge, a_hook_that_has_saved_a_pc_is_not_being_entered)
{
	p.in.reg[BPROF_REG_CX] = hook_base;
	put(SP + SAVE_PC, 8, pc_at(hook, 2));
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_NO_LEAF));
	put(SP + SAVE_PC, 8, p.main.state);
	p.in.reg[BPROF_REG_CX] = p.main.base - 64;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_NO_LEAF), "below its caller");
	p.in.reg[BPROF_REG_CX] = hook_base;
	p.in.reg[BPROF_REG_SP] = SP - 64;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_NO_LEAF), "C runs above the CFRAME");
}

/* ---- traces -------------------------------------------------------------------------------- */

static void run_at_trace(uint32_t vmstate, uaddr_t below_cframe)
{
	make_cframe(&p.main, OUTER_CFRAME, 0, 0x7f0000002000);
	put(p.global + p.layout->jit_base, 8, p.main.base);
	put(p.global + p.layout->vmstate, 4, vmstate);
	run_in_interpreter(p.main.base, pc_at(work, POSITION));
	p.in.reg[BPROF_REG_SP] = OUTER_CFRAME - below_cframe;
}

/* pc_at() is the next instruction: what a trace goes on with. */
Test(walk_edge, a_trace_that_is_left_goes_on_at_its_pc)
{
	run_at_trace(TRACE, 0);
	expect_work_at(10 + POSITION + 1, "the CFRAME is that of the interpreter");
	run_at_trace(TRACE, 16);
	expect_work_at(10 + POSITION + 1, "still that of the trace");
}

Test(walk_edge, a_trace_that_is_entered_was_entered_by_the_instruction_before)
{
	run_at_trace((uint32_t)-1, 0);
	expect_work_at(10 + POSITION, "jit_base is set");
	run_at_trace((uint32_t)-1, 16);
	expect_work_at(10 + POSITION, "and its stack");
}

/* An assembler routine that machine code has called: the registers are those of the trace. */
Test(walk_edge, what_a_trace_calls_is_not_its_end)
{
	run_at_trace(TRACE, 24);
	walk();
	cr_assert(eq(u64, p.out.frame[0].object, proto_of(work)));
	cr_expect(ne(u32, p.out.frame[0].flags & BPROF_FRAME_TRACE, 0));
	cr_expect(ne(u32, p.out.frame[0].flags & BPROF_FRAME_NO_POS, 0));
}
