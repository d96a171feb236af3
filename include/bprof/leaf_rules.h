/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The rules by which the walker finds the innermost frame: leaf_how of a sample. For verification
 * only. One line is the number on the wire, its key and its sentence.
 */
#ifndef BPROF_LEAF_RULES_H
#define BPROF_LEAF_RULES_H

#define WALK_LEAF_LIST(X)                                                                          \
	X(NONE, 0, "none", "no leaf was looked for, or none was proved")                           \
	X(TRACE, 1, "trace", "on a trace: jit_base and the trace's own data")                      \
	X(C, 2, "c", "vmstate: a C function, whose base is always saved")                          \
	X(SAVED_BASE, 3, "saved_base", "L->base, proved by a pc")                                  \
	X(BUILTIN, 4, "builtin", "a fast function parked in a helper")                             \
	X(PARKED_BASE, 5, "parked_base", "rbp or a pushed word, proved by a pc")                   \
	X(SAVED_PC, 6, "saved_pc", "L->base and SAVE_PC: collector and compiler store both")       \
	X(C_SAVED_BASE, 7, "c_saved_base", "L->base of a C function outside of vmstate C")         \
	X(VM_BASE, 8, "vm_base", "interpreter: its base and pc registers")                         \
	X(VM_BUILTIN, 9, "vm_builtin", "fast function: the base register and its link")            \
	X(VM_SAVED_BASE, 10, "vm_saved_base", "interpreter, base register busy: L->base")          \
	X(VM_PARKED_BASE, 11, "vm_parked_base", "interpreter, base register busy: rbp, or x17")    \
	X(VM_RETURN_BASE, 12, "vm_return_base", "returning: the base register less the call's A")  \
	X(VM_RETURN_SAVED, 13, "vm_return_saved", "returning: L->base less the call's A")          \
	X(VM_ANY_BUILTIN, 14, "vm_any_builtin", "interpreter: a fast function among the bases")    \
	X(VM_RETURNED, 15, "vm_returned", "a builtin's result lies over its function slot")        \
	X(VM_EDGE, 16, "vm_edge", "entering from or returning to C: the frame below the link")     \
	X(EXIT, 17, "exit", "leaving a trace: L->base, no pc yet")                                 \
	X(HOST, 18, "host", "after lua_resume() came back to C: the state under it")               \
	X(CALLBACK, 19, "callback", "an FFI callback is being entered or left")                    \
	X(VM_LINK, 20, "vm_link", "the pc is the link: entered from C, or being left for it")      \
	X(VM_CONTINUATION, 21, "vm_continuation", "a metamethod is called or returns: its caller") \
	X(PUC_SAVED_PC, 32, "puc_saved_pc", "PUC: the pc saved in its CallInfo")                   \
	X(PUC_REGISTER, 33, "puc_register", "PUC: a register holds the pc")                        \
	X(PUC_PUSHED, 34, "puc_pushed", "PUC: a pushed word is the pc")                            \
	X(PUC_C, 35, "puc_c", "PUC: a C function")

/* A bit beside a PUC rule: a CallInfo on its way in or out was left out. */
#define WALK_LEAF_PUC_SKIPPED 64

enum walk_leaf {
#define BPROF_X(name, number, key, sentence) WALK_LEAF_##name = (number),
	WALK_LEAF_LIST(BPROF_X)
#undef BPROF_X
};

#endif
