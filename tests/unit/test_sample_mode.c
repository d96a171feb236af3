/* SPDX-License-Identifier: MIT */
/* docs/PROFILE.md, "Modes", as a table: what the walker saw, and the mode of the sample. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "luajit_state.h"
#include "sample_mode.h"

#define LUA_FRAME    BPROF_FRAME_LUA
#define C_FRAME	     BPROF_FRAME_C
#define FAST_FRAME   BPROF_FRAME_BUILTIN
#define TRACE_FRAME  (BPROF_FRAME_LUA | BPROF_FRAME_TRACE)
#define GUARD_FRAME  (TRACE_FRAME | BPROF_FRAME_GUARD)
#define NO_FRAME     0
#define ANY_TRACE    7 /* vmstate: the number of a trace */
#define INTERPRETING -1

#define KERNEL	 BPROF_SAMPLE_KERNEL
#define ON_TRACE BPROF_SAMPLE_ON_TRACE
#define IN_VM	 BPROF_SAMPLE_IN_VM
#define IN_MCODE BPROF_SAMPLE_IN_MCODE

struct seen {
	const char *what;
	uint32_t leaf;
	uint8_t flags, status;
	int vmstate;
	enum mode mode, doing; /* mode_of_sample(), mode_of_vm() */
};

#define SAME(mode)    MODE_##mode, MODE_##mode
#define AT_KERNEL(vm) MODE_KERNEL, MODE_##vm

static const struct seen luajit[] = {
	{"bytecode", LUA_FRAME, IN_VM, 0, INTERPRETING, SAME(INTERPRETER)},
	{"a fast function in assembler", FAST_FRAME, IN_VM, 0, INTERPRETING, SAME(INTERPRETER)},
	{"a helper of the interpreter", LUA_FRAME, 0, 0, INTERPRETING, SAME(INTERPRETER)},
	{"a C function", C_FRAME, 0, 0, LUAJIT_STATE_C, SAME(C)},
	{"a fast function in C", FAST_FRAME, 0, 0, LUAJIT_STATE_C, SAME(C)},
	{"C under an FFI callback that came back", FAST_FRAME, 0, 0, INTERPRETING, SAME(C)},
	{"interpreting what is recorded", LUA_FRAME, IN_VM, 0, LUAJIT_STATE_RECORD,
	 SAME(INTERPRETER)},
	{"machine code", GUARD_FRAME, ON_TRACE | IN_MCODE, 0, ANY_TRACE, SAME(JIT)},
	{"machine code whose vmstate is not kept", GUARD_FRAME, ON_TRACE | IN_MCODE, 0, 0,
	 SAME(JIT)},
	{"an assembler routine under machine code", GUARD_FRAME, ON_TRACE | IN_VM, 0, ANY_TRACE,
	 SAME(JIT)},
	{"C called by machine code", GUARD_FRAME, ON_TRACE, 0, ANY_TRACE, SAME(C_ON_TRACE)},
	{"an exit stub", TRACE_FRAME, ON_TRACE, 0, ANY_TRACE, SAME(JIT)},
	{"the collector", LUA_FRAME, 0, 0, LUAJIT_STATE_GC, SAME(GC)},
	{"the collector under a C function", C_FRAME, 0, 0, LUAJIT_STATE_GC, SAME(GC)},
	{"the collector under machine code", GUARD_FRAME, ON_TRACE, 0, LUAJIT_STATE_GC, SAME(GC)},
	{"the recorder", LUA_FRAME, 0, 0, LUAJIT_STATE_RECORD, SAME(RECORD)},
	{"the optimiser", LUA_FRAME, 0, 0, LUAJIT_STATE_OPTIMISE, SAME(OPTIMISE)},
	{"the assembler", LUA_FRAME, 0, 0, LUAJIT_STATE_ASSEMBLE, SAME(ASSEMBLE)},
	{"restoring the Lua stack", LUA_FRAME, 0, 0, LUAJIT_STATE_EXIT, SAME(EXIT)},
	{"saving the registers of a trace", LUA_FRAME, IN_VM, 0, LUAJIT_STATE_EXIT, SAME(EXIT)},
	{"a system call of a C function", C_FRAME, KERNEL, 0, LUAJIT_STATE_C, AT_KERNEL(C)},
	{"a page fault of the collector", LUA_FRAME, KERNEL, 0, LUAJIT_STATE_GC, MODE_KERNEL_GC,
	 MODE_GC},
	{"protecting machine code", LUA_FRAME, KERNEL, 0, LUAJIT_STATE_ASSEMBLE,
	 MODE_KERNEL_COMPILER, MODE_ASSEMBLE},
	{"a leaf without proof, interpreting", BPROF_FRAME_UNKNOWN, IN_VM, BPROF_WALK_NO_LEAF,
	 INTERPRETING, SAME(INTERPRETER)},
	{"another thread", NO_FRAME, 0, BPROF_WALK_IDLE, LUAJIT_STATE_GC, SAME(NATIVE)},
	{"the interpreter before its first frame", NO_FRAME, IN_VM, BPROF_WALK_IDLE, LUAJIT_STATE_C,
	 SAME(INTERPRETER)},
	{"no running state", NO_FRAME, 0, BPROF_WALK_NO_STATE, INTERPRETING, SAME(NATIVE)},
	{"memory that cannot be read", NO_FRAME, 0, BPROF_WALK_FAULT, LUAJIT_STATE_GC, SAME(GC)},
};

static const struct seen puc[] = {
	{"bytecode, or a helper of it", LUA_FRAME, 0, 0, 0, SAME(INTERPRETER)},
	{"a C function", C_FRAME, 0, 0, 0, SAME(C)},
	{"a system call", C_FRAME, KERNEL, 0, 0, AT_KERNEL(C)},
	{"a leaf without proof", BPROF_FRAME_UNKNOWN, 0, BPROF_WALK_NO_LEAF, 0, SAME(INTERPRETER)},
	{"no Lua code on this thread", NO_FRAME, 0, BPROF_WALK_IDLE, 0, SAME(NATIVE)},
	{"outside of the collector", LUA_FRAME, 0, 0, BPROF_GC_OUTSIDE, SAME(INTERPRETER)},
	{"the collector", LUA_FRAME, 0, 0, BPROF_GC_INSIDE, SAME(GC)},
	{"the collector under a C function", C_FRAME, 0, 0, BPROF_GC_INSIDE, SAME(GC)},
	{"a page fault of the collector", LUA_FRAME, KERNEL, 0, BPROF_GC_INSIDE, MODE_KERNEL_GC,
	 MODE_GC},
	{"an answer that is missing", C_FRAME, 0, 0, BPROF_GC_UNREAD, SAME(C)},
};

static const struct seen no_vm[] = {
	{"a program without Lua", NO_FRAME, 0, BPROF_WALK_NO_VM, 0, SAME(NATIVE)},
	{"in the kernel", NO_FRAME, KERNEL, BPROF_WALK_NO_VM, 0, AT_KERNEL(NATIVE)},
};

static void check(enum bprof_family family, const struct seen *all, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct seen *seen = &all[i];
		struct bprof_frame leaf = {.flags = seen->leaf};
		struct bprof_sample s = {
			.family = (uint8_t)family,
			.flags = seen->flags,
			.status = seen->status,
			.vmstate = seen->vmstate,
			.nr_frames = seen->leaf != NO_FRAME,
		};

		cr_expect(eq(int, mode_of_sample(&s, &leaf), seen->mode), "%s", seen->what);
		cr_expect(eq(int, mode_of_vm(&s, &leaf), seen->doing), "%s", seen->what);
		cr_expect(ne(u32, modes_told_by(&s) & 1U << seen->mode, 0), "%s", seen->what);
	}
}

#define CHECK(family, all) check(BPROF_FAMILY_##family, all, sizeof(all) / sizeof(*(all)))

Test(sample_mode, of_luajit)
{
	CHECK(LUAJIT, luajit);
}

Test(sample_mode, of_puc_lua)
{
	CHECK(PUC, puc);
}

Test(sample_mode, without_a_vm)
{
	CHECK(NONE, no_vm);
}

Test(sample_mode, puc_lua_tells_its_collector_where_the_native_stack_does)
{
	struct bprof_sample s = {.family = BPROF_FAMILY_PUC, .nr_frames = 1};

	for (int state = 0; state < BPROF_NR_GC_STATES; state++) {
		bool decided = state == BPROF_GC_INSIDE || state == BPROF_GC_OUTSIDE;

		s.vmstate = state;
		cr_expect(eq(u32, modes_told_by(&s),
			     MODES_TOLD_ALWAYS |
				     (decided ? 1U << MODE_GC | 1U << MODE_KERNEL_GC : 0)));
		cr_expect(eq(int, mode_gc_is_undecided(&s), !decided));
	}
	s.nr_frames = 0;
	s.vmstate = BPROF_GC_UNPROVED;
	cr_expect(not(mode_gc_is_undecided(&s)));
}

Test(sample_mode, luajit_tells_every_mode)
{
	struct bprof_sample s = {.family = BPROF_FAMILY_LUAJIT, .nr_frames = 1};

	cr_expect(eq(u32, modes_told_by(&s), (1U << NR_MODES) - 1));
	cr_expect(not(mode_gc_is_undecided(&s)));
}
