/* SPDX-License-Identifier: MIT */
/* The LuaJIT walker over stacks built by hand. Real interpreters: test_walk_live.c. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_luajit.h"

TestSuite(walk_luajit, .init = fake_luajit_init, .fini = fake_luajit_done, .timeout = 10);

Test(walk_luajit, frames_come_leaf_first_with_their_lines)
{
	uaddr_t chunk = make_lua(0, 20), inner = make_lua(30, 20);

	push_frame(&p.main, make_function(FFID_C, 0), LINK_CP);
	push_frame(&p.main, chunk, LINK_C);
	push_frame(&p.main, inner, pc_at(chunk, 5));
	make_cframe(&p.main, SP + 0x1000, SP + 0x2000, 0x7f0000003000);
	run_in_interpreter(p.main.base, pc_at(inner, 7));
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 3));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(inner)));
	cr_expect(eq(u32, p.out.frame[0].pos, 7));
	cr_expect(eq(i32, p.out.frame[0].line, 37));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA));
	cr_expect(eq(i32, p.out.frame[1].line, 5));
	cr_expect(eq(u32, p.out.frame[1].flags,
		     BPROF_FRAME_LUA | BPROF_FRAME_MAIN | BPROF_FRAME_BOUNDARY));
	cr_expect(eq(u64, p.out.frame[2].object, 0xc0de0000 + FFID_C));
	cr_expect(eq(u32, p.out.frame[2].flags, BPROF_FRAME_C | BPROF_FRAME_BOUNDARY));
	cr_expect(eq(u8, p.out.sample.flags, BPROF_SAMPLE_IN_VM));
}

Test(walk_luajit, a_lua_frame_below_c_takes_its_pc_from_the_enclosing_cframe)
{
	uaddr_t outer = make_lua(10, 20), callback = make_lua(50, 20);

	push_frame(&p.main, outer, LINK_C);
	push_frame(&p.main, callback, LINK_C);
	make_cframe(&p.main, SP + 0x1000, SP + 0x2000, 0x7f0000003000);
	put(SP + 0x2000 + 24, 8, pc_at(outer, 4));
	run_in_interpreter(p.main.base, pc_at(callback, 3));
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(i32, p.out.frame[1].line, 14));
}

Test(walk_luajit, builtins_have_their_number_and_pcall_its_flag)
{
	uaddr_t outer = make_lua(10, 20), inner = make_lua(50, 20);

	push_frame(&p.main, outer, LINK_C);
	push_frame(&p.main, make_function(17, 0), pc_at(outer, 4));
	push_frame(&p.main, inner, LINK_PCALL);
	run_in_interpreter(p.main.base, pc_at(inner, 3));
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 3));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_PCALL));
	cr_expect(eq(u32, p.out.frame[1].flags, BPROF_FRAME_BUILTIN));
	cr_expect(eq(u32, p.out.frame[1].pos, 17));
	cr_expect(eq(i32, p.out.frame[2].line, 14));
}

Test(walk_luajit, a_vararg_function_is_one_frame)
{
	uaddr_t chunk = make_lua(0, 20), vararg = make_lua(30, 20);

	push_frame(&p.main, chunk, LINK_C);
	push_frame(&p.main, vararg, pc_at(chunk, 5));
	push_frame(&p.main, vararg, LINK_VARG);
	run_in_interpreter(p.main.base, pc_at(vararg, 7));
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(i32, p.out.frame[0].line, 37));
	cr_expect(eq(i32, p.out.frame[1].line, 5));
}

Test(walk_luajit, a_metamethod_is_called_by_the_vm)
{
	uaddr_t outer = make_lua(10, 20), meta = make_lua(50, 20);

	push_frame(&p.main, outer, LINK_C);
	push_frame(&p.main, meta, LINK_CONT);
	put(p.main.base - 32, 8, VM_START + 0x500);
	put(p.main.base - 24, 8, pc_at(outer, 8));
	run_in_interpreter(p.main.base, pc_at(meta, 3));
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_CONT));
	cr_expect(eq(i32, p.out.frame[1].line, 18));
}

Test(walk_luajit, the_running_c_function_is_the_leaf)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	push_frame(&p.main, make_function(FFID_C, 0), pc_at(outer, 4));
	run_in_c();
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_C));
}

/* L->base and the saved pc name a frame that has returned since; they agree with each other. */
Test(walk_luajit, a_stale_saved_base_is_not_believed_without_its_pc)
{
	uaddr_t outer = make_lua(10, 20), returned = make_lua(50, 20);

	push_frame(&p.main, outer, LINK_C);
	push_frame(&p.main, returned, pc_at(outer, 4));
	put(SP + 0x2000 + 24, 8, pc_at(returned, 9));
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_NO_LEAF));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_UNKNOWN));
	/* the collector stores both, so then they count */
	put(p.global + p.layout->vmstate, 4, (uint32_t)-3);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(i32, p.out.frame[0].line, 59));
}

Test(walk_luajit, a_trace_that_is_being_left_has_a_function_but_no_line)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	put(SP + 0x2000 + 24, 8, pc_at(outer, 9));
	put(SP + 0x2000 - 16, 8, pc_at(outer, 6));
	put(p.global + p.layout->vmstate, 4, (uint32_t)-4);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(outer)));
	cr_expect(ne(u32, p.out.frame[0].flags & BPROF_FRAME_NO_POS, 0));
}

Test(walk_luajit, a_helper_without_saved_base_is_found_by_what_it_pushed)
{
	uaddr_t outer = make_lua(10, 20), returned = make_lua(50, 20), base;

	push_frame(&p.main, outer, LINK_C);
	base = p.main.base;
	push_frame(&p.main, returned, pc_at(outer, 4));
	put(SP + 0x2000 - 16, 8, pc_at(outer, 6)); /* rbx */
	put(SP + 0x2000 - 24, 8, base);		   /* rbp */
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(i32, p.out.frame[0].line, 16));
}

Test(walk_luajit, c_that_enters_the_interpreter_again_is_still_c)
{
	uaddr_t chunk = make_lua(0, 20), inner = make_lua(30, 20);

	/* the recorder: base and pc are stored, and the interpreter makes a CFRAME for it */
	push_frame(&p.main, chunk, LINK_C);
	push_frame(&p.main, inner, pc_at(chunk, 5));
	put(SP + 0x2000 + 24, 8, pc_at(inner, 7));
	put(p.global + p.layout->vmstate, 4, (uint32_t)-5);
	run_in_interpreter(0x1234, 0x5678);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(inner)));
	cr_expect(eq(u32, p.out.frame[0].pos, 7));
}

Test(walk_luajit, next_has_returned_when_its_results_lie_over_its_frame)
{
	uaddr_t chunk = make_lua(0, 20), base;

	push_frame(&p.main, chunk, LINK_C);
	base = p.main.base;
	push_frame(&p.main, make_function(5, 0), pc_at(chunk, 5));
	p.in.reg[BPROF_REG_BP] = p.main.base;
	p.in.reg[BPROF_REG_BX] = pc_at(chunk, 5);
	p.in.reg[BPROF_REG_SP] = SP + 0x2000 - 8;
	put(p.main.base - 16, 8, 0x3ff0000000000000);
	put(p.main.base - 8, 8, 0x4000000000000000);
	put(p.main.state + 32, 8, base - 8);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(i32, p.out.frame[0].line, 5));
	/* with anything pushed the registers are the helper's own */
	p.in.reg[BPROF_REG_SP] -= 8;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_NO_LEAF));
}

Test(walk_luajit, a_callback_that_is_entered_or_left_runs_nothing)
{
	uaddr_t chunk = make_lua(0, 20), callback = make_lua(30, 20), cframe = SP + 0x1000;

	push_frame(&p.main, chunk, LINK_C);
	push_frame(&p.main, make_function(99, 0), pc_at(chunk, 5));
	push_frame(&p.main, callback, LINK_CONT);
	put(p.main.base - 32, 8, 1);
	make_cframe(&p.main, cframe, SP + 0x2000, 0x7f0000003000);
	put(cframe - 8, 8, VM_START + VM_BYTES - 0x40);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 3));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(callback)));
	cr_expect(eq(u32, p.out.frame[0].flags,
		     BPROF_FRAME_LUA | BPROF_FRAME_NO_POS | BPROF_FRAME_BOUNDARY |
			     BPROF_FRAME_FFI_CALLBACK));
	/* what the VM says of one that is entered: it is at its start */
	put(cframe + 24, 8, pc_at(callback, 0));
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags,
		     BPROF_FRAME_LUA | BPROF_FRAME_BOUNDARY | BPROF_FRAME_FFI_CALLBACK));
	cr_expect(eq(u32, p.out.frame[0].pos, 0));
	/* of one that is left: it is behind its end, and has returned to who called it */
	put(cframe + 24, 8, pc_at(callback, 20));
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(ne(u32, p.out.frame[0].flags & BPROF_FRAME_BUILTIN, 0));
	cr_expect(eq(u64, p.out.frame[1].object, proto_of(chunk)));
	/* called from anywhere else, something that was not found may run above it */
	put(cframe - 8, 8, VM_START + 0x40);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_NO_LEAF));
}

Test(walk_luajit, a_function_whose_link_is_the_pc_is_being_entered_or_left)
{
	uaddr_t chunk = make_lua(0, 20), inner = make_lua(30, 20);

	push_frame(&p.main, chunk, LINK_C);
	put(SP + 0x2000 + 24, 8, pc_at(chunk, 5));
	push_frame(&p.main, inner, LINK_C);
	make_cframe(&p.main, SP + 0x1000, SP + 0x2000, 0x7f0000003000);
	run_in_interpreter(p.main.base, word(p.main.base - 8));
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(inner)));
	cr_expect(eq(u32, p.out.frame[0].flags,
		     BPROF_FRAME_LUA | BPROF_FRAME_NO_POS | BPROF_FRAME_BOUNDARY));
	cr_expect(eq(i32, p.out.frame[1].line, 5));
}

Test(walk_luajit, resumed_coroutines_lead_to_the_state_that_resumed_them)
{
	struct thread co = {.state = allocate(96)};
	uaddr_t outer = make_lua(10, 20), body = make_lua(50, 20);

	push_frame(&p.main, outer, LINK_C);
	push_frame(&p.main, make_function(36, 0), pc_at(outer, 4));
	make_thread(&co);
	make_cframe(&co, SP + 0x2000 - 80, 0, VM_START + 0x800);
	push_frame(&co, body, LINK_CP);
	put(p.global + p.layout->cur_L, 8, co.state);
	run_in_interpreter(co.base, pc_at(body, 3));
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 3));
	cr_expect(eq(i32, p.out.frame[0].line, 53));
	cr_expect(eq(u32, p.out.frame[1].flags, BPROF_FRAME_BUILTIN | BPROF_FRAME_NEW_STATE));
	cr_expect(eq(i32, p.out.frame[2].line, 14));
	/* the resumer does not answer to its name: the chain is cut, and says so */
	put(p.main.state + 9, 1, 5);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_CHAIN));
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
}

/* main, resumed from Lua: co1, in a C function that resumed co2, which has yielded back to it. */
Test(walk_luajit, after_a_yield_to_c_the_state_below_is_walked_not_main)
{
	struct thread co1 = {.state = allocate(96)}, co2 = {.state = allocate(96)};
	uaddr_t outer = make_lua(10, 20), body = make_lua(50, 20);

	push_frame(&p.main, outer, LINK_C);
	push_frame(&p.main, make_function(36, 0), pc_at(outer, 4));
	make_thread(&co1);
	make_thread(&co2);
	make_cframe(&co1, SP + 0x2000 - 80, 0, VM_START + 0x800);
	push_frame(&co1, body, LINK_CP);
	push_frame(&co1, make_function(FFID_C, 0), pc_at(body, 6));
	put(p.global + p.layout->cur_L, 8, co2.state);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 4));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_C));
	cr_expect(eq(i32, p.out.frame[1].line, 56));
	cr_expect(eq(i32, p.out.frame[3].line, 14));
}

Test(walk_luajit, a_host_between_calls_is_idle)
{
	put(p.main.state + 80, 8, 0);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_IDLE));
	cr_expect(eq(u16, p.out.sample.nr_frames, 0));
}

/* A branch has put its target into the pc, and the fetch has not added 4 yet. */
Test(walk_luajit, before_the_fetch_the_pc_is_the_instruction_itself)
{
	static const unsigned char fetch[] = {0x8b, 0x03, 0x0f, 0xb6, 0xcc, 0x0f, 0xb6, 0xe8,
					      0x48, 0x83, 0xc3, 0x04, 0xc1, 0xe8, 0x10};
	static const struct {
		unsigned offset;
		int line;
	} moments[] = {{0, 17}, {2, 17}, {5, 17}, {8, 17}, {12, 16}};
	uaddr_t outer = make_lua(10, 20);

	fake_mem_add(&p.mem, VM_START, VM_BYTES);
	for (size_t i = 0; i < sizeof(fetch); i++)
		put(VM_START + 0x100 + i, 1, fetch[i]);
	push_frame(&p.main, outer, LINK_C);
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		run_in_interpreter(p.main.base, pc_at(outer, 6));
		p.in.reg[BPROF_REG_IP] = VM_START + 0x100 + moments[i].offset;
		walk();
		cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
		cr_expect(eq(i32, p.out.frame[0].line, moments[i].line), "%zu", i);
	}
}

/* UCLO puts its target into the pc before it closes upvalues. */
Test(walk_luajit, while_upvalues_are_closed_no_line_is_claimed)
{
	const uaddr_t handler = VM_START + 0x400;
	uaddr_t outer = make_lua(10, 20);

	put(p.global + p.layout->dispatch + 8 * 50, 8, handler);
	push_frame(&p.main, outer, LINK_C);
	put(SP + 0x2000 - 8, 8, handler + 0x30);
	put(SP + 0x2000 - 16, 8, pc_at(outer, 6));
	walk();
	cr_expect(eq(i32, p.out.frame[0].line, 16)); /* has no functions in it */
	put(proto_of(outer) + 61, 1, 1);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(u64, p.out.frame[0].object, proto_of(outer)));
	cr_expect(ne(u32, p.out.frame[0].flags & BPROF_FRAME_NO_POS, 0));
	/* one that goes on with the next instruction */
	put(pc_at(outer, 6) - 4, 4, 0x80000000 | 50);
	walk();
	cr_expect(eq(i32, p.out.frame[0].line, 16));
	/* another helper */
	put(pc_at(outer, 6) - 4, 4, 0);
	put(SP + 0x2000 - 8, 8, handler + 0x200);
	walk();
	cr_expect(eq(i32, p.out.frame[0].line, 16));
}

Test(walk_luajit, a_frame_linked_to_itself_stops)
{
	uaddr_t outer = make_lua(10, 20);

	push_frame(&p.main, outer, LINK_C);
	push_frame(&p.main, make_function(FFID_C, 0), LINK_C);
	put(p.main.base - 64 - 8, 8, LINK_CP);
	run_in_c();
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_NO_PROGRESS));
}

Test(walk_luajit, a_chain_of_states_that_resume_each_other_ends)
{
	struct thread co = {.state = allocate(96)};
	uaddr_t body = make_lua(50, 20);

	make_thread(&co);
	push_frame(&p.main, make_function(36, 0), LINK_CP);
	push_frame(&co, body, LINK_CP);
	p.in.vms.vm[0].main = HEAP; /* so that no state is the root */
	make_cframe(&p.main, SP + 0x2000, 0, VM_START + 0x800);
	make_cframe(&co, SP + 0x2000 - 80, 0, VM_START + 0x800);
	put(SP + 0x2000 + 80 + 16, 8, co.state);
	put(p.global + p.layout->cur_L, 8, co.state);
	run_in_interpreter(co.base, pc_at(body, 3));
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_CHAIN));
	cr_expect(lt(u16, p.out.sample.nr_frames, 40));
}

Test(walk_luajit, deep_stacks_keep_the_leaf_side_and_every_span)
{
	uaddr_t safe = make_lua(170, 20), rec = make_lua(10, 20);

	push_frame(&p.main, safe, LINK_C);
	put(p.main.base, 8, TAG_STRING | 0xde5c0);
	put(p.main.base + 16, 8, TAG_TABLE | 0xe1e0);
	push_frame(&p.main, rec, pc_at(safe, 4));
	for (int i = 0; i < 150; i++)
		push_frame(&p.main, rec, pc_at(rec, 4));
	p.in.safe_proto = proto_of(safe);
	run_in_interpreter(p.main.base, pc_at(rec, 3));
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_TRUNCATED));
	cr_expect(eq(u16, p.out.sample.nr_frames, BPROF_MAX_FRAMES));
	cr_assert(eq(u8, p.out.sample.nr_spans, 1));
	cr_expect(eq(u64, p.out.span[0].descriptor, 0xde5c0));
	cr_expect(eq(u64, p.out.span[0].element, 0xe1e0));
	cr_expect(eq(u32, p.out.span[0].frame, BPROF_MAX_FRAMES));
}

Test(walk_luajit, any_failed_read_is_flagged_or_changes_nothing)
{
	struct thread co = {.state = allocate(96)};
	uaddr_t outer = make_lua(10, 20), body = make_lua(50, 20), helper = make_lua(90, 20);
	struct host_walk_result truth;
	unsigned long nr_reads;

	push_frame(&p.main, make_function(FFID_C, 0), LINK_CP);
	push_frame(&p.main, outer, LINK_C);
	make_cframe(&p.main, SP + 0x1000, SP + 0x2000, 0x7f0000003000);
	push_frame(&p.main, make_function(36, 0), pc_at(outer, 4));
	make_thread(&co);
	make_cframe(&co, SP + 0x1000 - 80, 0, VM_START + 0x800);
	push_frame(&co, body, LINK_CP);
	push_frame(&co, helper, pc_at(body, 5));
	put(SP + 0x1000 - 80 - 16, 8, pc_at(helper, 6));
	put(p.global + p.layout->cur_L, 8, co.state);
	p.in.safe_proto = proto_of(body);
	truth = *walk();
	nr_reads = p.mem.reads;
	cr_assert(eq(u8, truth.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, truth.sample.nr_frames, 5));
	for (unsigned long k = 1; k <= nr_reads; k++) {
		p.mem.fail_at = k;
		walk();
		cr_assert(p.mem.failed, "read %lu", k);
		if (p.out.sample.status != BPROF_WALK_OK)
			continue;
		cr_assert(eq(u16, p.out.sample.nr_frames, truth.sample.nr_frames), "read %lu", k);
		cr_assert(memcmp(p.out.frame, truth.frame,
				 truth.sample.nr_frames * sizeof(truth.frame[0])) == 0,
			  "read %lu", k);
		cr_assert(memcmp(p.out.span, truth.span, sizeof(truth.span)) == 0, "read %lu", k);
	}
}
