/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_OPCODES_H
#define BPROF_SYMBOL_OPCODES_H

#include <bprof/lua_layout.h>

#include "base.h"

/* What an instruction of PUC Lua means to the search for a name; the same in all dialects. */
enum puc_meaning {
	PUC_OTHER,
	PUC_MOVE,
	PUC_LOADK,
	PUC_LOADKX,
	PUC_LOADNIL,
	PUC_GETUPVAL,
	PUC_GETGLOBAL, /* 5.1 */
	PUC_GETTABUP,
	PUC_GETTABLE,
	PUC_GETI,
	PUC_GETFIELD,
	PUC_SELF,
	PUC_JMP,
	PUC_TEST_52, /* 5.2: code it jumps over may change the register */
	PUC_CALL,    /* and TAILCALL */
	PUC_TFORCALL,
	PUC_MMBIN, /* the metamethod of the instruction before it, in operand C */
	PUC_SETLIST_51,
	PUC_CLOSURE_51,
};

/* Metamethods in the order of ltm.h of Lua 5.4, on which operand C of MMBIN relies. */
enum lua_event {
	EVENT_INDEX,
	EVENT_NEWINDEX,
	EVENT_GC,
	EVENT_MODE,
	EVENT_LEN,
	EVENT_EQ,
	EVENT_ADD,
	EVENT_SUB,
	EVENT_MUL,
	EVENT_MOD,
	EVENT_POW,
	EVENT_DIV,
	EVENT_IDIV,
	EVENT_BAND,
	EVENT_BOR,
	EVENT_BXOR,
	EVENT_SHL,
	EVENT_SHR,
	EVENT_UNM,
	EVENT_BNOT,
	EVENT_LT,
	EVENT_LE,
	EVENT_CONCAT,
	EVENT_CALL,
	EVENT_CLOSE,
	NR_EVENTS,
	EVENT_NONE = NR_EVENTS,
};

/* With "__" before it. NULL for EVENT_NONE and beyond. */
const char *lua_event_name(uint32_t event);

struct puc_opcode {
	uint8_t meaning; /* enum puc_meaning */
	uint8_t sets_a;	 /* it writes register A */
	uint8_t event;	 /* enum lua_event: metamethod it may call */
};

/* The opcode of @instruction; all of them are OTHER for an unknown dialect or number. */
struct puc_opcode puc_opcode_of(uint32_t dialect, uint32_t instruction);

enum luajit_target {
	LUAJIT_TARGET_NONE,
	LUAJIT_TARGET_SLOT, /* operand A is the slot written */
	LUAJIT_TARGET_BASE, /* operand A is the first of many slots written */
};

struct luajit_opcode {
	uint8_t target; /* enum luajit_target */
	uint8_t event;	/* enum lua_event; EVENT_CALL: an ordinary call */
};

/* The numbers of instructions with a meaning of their own: the same in all of LuaJIT 2.1. */
enum luajit_number {
	LUAJIT_MOV = 18,
	LUAJIT_KNIL = 44,
	LUAJIT_UGET = 45,
	LUAJIT_GGET = 54,
	LUAJIT_TGETS = 57,
	LUAJIT_ITERC = 69,
};

struct luajit_opcode luajit_opcode_of(uint32_t dialect, uint32_t instruction);

/* Is this an instruction that the VM never replaces by another one while it runs? */
bool luajit_opcode_stays(uint32_t instruction);

#endif
