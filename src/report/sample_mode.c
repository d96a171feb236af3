/* SPDX-License-Identifier: MIT */
#include "sample_mode.h"

#include "luajit_state.h"

#define TOLD_BY_LUAJIT                                                                             \
	(1U << MODE_JIT | 1U << MODE_C_ON_TRACE | 1U << MODE_GC | 1U << MODE_RECORD |              \
	 1U << MODE_OPTIMISE | 1U << MODE_ASSEMBLE | 1U << MODE_EXIT | 1U << MODE_KERNEL_GC |      \
	 1U << MODE_KERNEL_COMPILER)

static bool is_in_c_function(const struct bprof_sample *s, const struct bprof_frame *frames)
{
	return s->nr_frames && frames[0].flags & (BPROF_FRAME_C | BPROF_FRAME_BUILTIN);
}

/* No Lua code runs on this thread. Without a leaf and without a state there is nothing to say so.
 */
static bool is_outside_lua(const struct bprof_sample *s)
{
	return s->status == BPROF_WALK_NO_VM || s->status == BPROF_WALK_IDLE ||
	       s->status == BPROF_WALK_NO_STATE;
}

/* In the assembler part of LuaJIT: the interpreter, its fast functions, and the way off a trace. */
static enum mode mode_in_vm_code(const struct bprof_sample *s)
{
	if (s->vmstate == LUAJIT_STATE_EXIT)
		return MODE_EXIT;
	return s->flags & BPROF_SAMPLE_ON_TRACE ? MODE_JIT : MODE_INTERPRETER;
}

/*
 * C code under a trace. That it was called, and is no stub on the way out, is proved where its
 * return address led to a snapshot.
 */
static enum mode mode_under_trace(const struct bprof_sample *s, const struct bprof_frame *frames)
{
	return s->nr_frames && frames[0].flags & BPROF_FRAME_GUARD ? MODE_C_ON_TRACE : MODE_JIT;
}

static enum mode mode_of_luajit(const struct bprof_sample *s, const struct bprof_frame *frames)
{
	if (s->flags & BPROF_SAMPLE_IN_MCODE)
		return MODE_JIT;
	if (s->flags & BPROF_SAMPLE_IN_VM)
		return mode_in_vm_code(s);
	if (is_outside_lua(s))
		return MODE_NATIVE;
	switch (s->vmstate) {
	case LUAJIT_STATE_GC:
		return MODE_GC;
	case LUAJIT_STATE_RECORD:
		return MODE_RECORD;
	case LUAJIT_STATE_OPTIMISE:
		return MODE_OPTIMISE;
	case LUAJIT_STATE_ASSEMBLE:
		return MODE_ASSEMBLE;
	case LUAJIT_STATE_EXIT:
		return MODE_EXIT;
	default:
		break;
	}
	if (s->flags & BPROF_SAMPLE_ON_TRACE)
		return mode_under_trace(s, frames);
	return is_in_c_function(s, frames) ? MODE_C : MODE_INTERPRETER;
}

/* PUC Lua keeps no state of its own; where the native stack did not tell, the collector hides in
 * whatever called it. */
static enum mode mode_of_puc(const struct bprof_sample *s, const struct bprof_frame *frames)
{
	if (is_outside_lua(s))
		return MODE_NATIVE;
	if (s->vmstate == BPROF_GC_INSIDE)
		return MODE_GC;
	return is_in_c_function(s, frames) ? MODE_C : MODE_INTERPRETER;
}

enum mode mode_of_vm(const struct bprof_sample *s, const struct bprof_frame *frames)
{
	switch ((enum bprof_family)s->family) {
	case BPROF_FAMILY_LUAJIT:
		return mode_of_luajit(s, frames);
	case BPROF_FAMILY_PUC:
		return mode_of_puc(s, frames);
	default:
		return MODE_NATIVE;
	}
}

enum mode mode_of_sample(const struct bprof_sample *s, const struct bprof_frame *frames)
{
	enum mode doing = mode_of_vm(s, frames);

	if (!(s->flags & BPROF_SAMPLE_KERNEL))
		return doing;
	if (doing == MODE_GC)
		return MODE_KERNEL_GC;
	return doing >= MODE_RECORD && doing <= MODE_EXIT ? MODE_KERNEL_COMPILER : MODE_KERNEL;
}

uint32_t modes_told_by(const struct bprof_sample *s)
{
	switch ((enum bprof_family)s->family) {
	case BPROF_FAMILY_LUAJIT:
		return MODES_TOLD_ALWAYS | TOLD_BY_LUAJIT;
	case BPROF_FAMILY_PUC:
		if (s->vmstate == BPROF_GC_INSIDE || s->vmstate == BPROF_GC_OUTSIDE)
			return MODES_TOLD_ALWAYS | 1U << MODE_GC | 1U << MODE_KERNEL_GC;
		return MODES_TOLD_ALWAYS;
	default:
		return MODES_TOLD_ALWAYS;
	}
}

bool mode_gc_is_undecided(const struct bprof_sample *s)
{
	return s->family == BPROF_FAMILY_PUC && s->nr_frames && s->vmstate != BPROF_GC_INSIDE &&
	       s->vmstate != BPROF_GC_OUTSIDE;
}
