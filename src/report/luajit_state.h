/* SPDX-License-Identifier: MIT */
/* LuaJIT's G->vmstate: what the VM itself does (lj_obj.h, LJ_VMST_*, stored inverted). */
#ifndef BPROF_LUAJIT_STATE_H
#define BPROF_LUAJIT_STATE_H

enum luajit_state {
	LUAJIT_STATE_C = -2,
	LUAJIT_STATE_GC = -3,
	LUAJIT_STATE_EXIT = -4,
	LUAJIT_STATE_RECORD = -5,
	LUAJIT_STATE_OPTIMISE = -6,
	LUAJIT_STATE_ASSEMBLE = -7,
};

#endif
