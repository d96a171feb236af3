/* SPDX-License-Identifier: MIT */
/*
 * The instruction sets of PUC Lua 5.1-5.5 and LuaJIT 2.1, reduced to what names need: which
 * register an instruction writes and which metamethod it may call.
 *
 * One entry per opcode, in the order of the numbers. Facts: lopcodes.h and lopcodes.c of 5.1.5,
 * 5.2.4, 5.3.6, 5.4.4 and 5.5.0 (copyright Lua.org, PUC-Rio, MIT); BCDEF in lj_bc.h of LuaJIT 2.1
 * at 43ebb949 and 1ee778a4 (copyright Mike Pall, MIT).
 */
#include "opcodes.h"

const char *lua_event_name(uint32_t event)
{
	static const char *const names[NR_EVENTS] = {
		"__index", "__newindex", "__gc",   "__mode",  "__len", "__eq",	 "__add",
		"__sub",   "__mul",	 "__mod",  "__pow",   "__div", "__idiv", "__band",
		"__bor",   "__bxor",	 "__shl",  "__shr",   "__unm", "__bnot", "__lt",
		"__le",	   "__concat",	 "__call", "__close",
	};

	return event < NR_EVENTS ? names[event] : NULL;
}

/* A row of a table is a group of opcodes, named in the comment before it. */
/* clang-format off */

/* Writes A or not; means something to the search; may call a metamethod. */
#define SETS {PUC_OTHER, 1, EVENT_NONE}
#define NONE {PUC_OTHER, 0, EVENT_NONE}
#define SETS_MEANS(m) {PUC_##m, 1, EVENT_NONE}
#define NONE_MEANS(m) {PUC_##m, 0, EVENT_NONE}
#define SETS_CALLS(e) {PUC_OTHER, 1, EVENT_##e}
#define NONE_CALLS(e) {PUC_OTHER, 0, EVENT_##e}
#define INDEXES(m) {PUC_##m, 1, EVENT_INDEX}

static const struct puc_opcode opcodes_51[] = {
	/* MOVE LOADK LOADBOOL LOADNIL */
	SETS_MEANS(MOVE), SETS_MEANS(LOADK), SETS, SETS_MEANS(LOADNIL),
	/* GETUPVAL GETGLOBAL GETTABLE */
	SETS_MEANS(GETUPVAL), SETS_MEANS(GETGLOBAL), SETS_MEANS(GETTABLE),
	/* SETGLOBAL SETUPVAL SETTABLE NEWTABLE SELF */
	NONE, NONE, NONE, SETS, SETS_MEANS(SELF),
	/* ADD SUB MUL DIV MOD POW UNM NOT LEN CONCAT */
	SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS,
	/* JMP EQ LT LE TEST TESTSET */
	NONE_MEANS(JMP), NONE, NONE, NONE, SETS, SETS,
	/* CALL TAILCALL RETURN FORLOOP FORPREP TFORLOOP */
	SETS_MEANS(CALL), SETS_MEANS(CALL), NONE, SETS, SETS, NONE_MEANS(TFORCALL),
	/* SETLIST CLOSE CLOSURE VARARG */
	NONE_MEANS(SETLIST_51), NONE, SETS_MEANS(CLOSURE_51), SETS,
};

static const struct puc_opcode opcodes_52[] = {
	/* MOVE LOADK LOADKX LOADBOOL LOADNIL */
	SETS_MEANS(MOVE), SETS_MEANS(LOADK), SETS_MEANS(LOADKX), SETS, SETS_MEANS(LOADNIL),
	/* GETUPVAL GETTABUP GETTABLE */
	SETS_MEANS(GETUPVAL), INDEXES(GETTABUP), INDEXES(GETTABLE),
	/* SETTABUP SETUPVAL SETTABLE NEWTABLE SELF */
	NONE_CALLS(NEWINDEX), NONE, NONE_CALLS(NEWINDEX), SETS, INDEXES(SELF),
	/* ADD SUB MUL DIV MOD POW */
	SETS_CALLS(ADD), SETS_CALLS(SUB), SETS_CALLS(MUL), SETS_CALLS(DIV), SETS_CALLS(MOD),
	SETS_CALLS(POW),
	/* UNM NOT LEN CONCAT */
	SETS_CALLS(UNM), SETS, SETS_CALLS(LEN), SETS_CALLS(CONCAT),
	/* JMP EQ LT LE TEST TESTSET */
	NONE_MEANS(JMP), NONE_CALLS(EQ), NONE_CALLS(LT), NONE_CALLS(LE), NONE_MEANS(TEST_52), SETS,
	/* CALL TAILCALL RETURN FORLOOP FORPREP TFORCALL TFORLOOP */
	SETS_MEANS(CALL), SETS_MEANS(CALL), NONE, SETS, SETS, NONE_MEANS(TFORCALL), SETS,
	/* SETLIST CLOSURE VARARG EXTRAARG */
	NONE, SETS, SETS, NONE,
};

static const struct puc_opcode opcodes_53[] = {
	/* MOVE LOADK LOADKX LOADBOOL LOADNIL */
	SETS_MEANS(MOVE), SETS_MEANS(LOADK), SETS_MEANS(LOADKX), SETS, SETS_MEANS(LOADNIL),
	/* GETUPVAL GETTABUP GETTABLE */
	SETS_MEANS(GETUPVAL), INDEXES(GETTABUP), INDEXES(GETTABLE),
	/* SETTABUP SETUPVAL SETTABLE NEWTABLE SELF */
	NONE_CALLS(NEWINDEX), NONE, NONE_CALLS(NEWINDEX), SETS, INDEXES(SELF),
	/* ADD SUB MUL MOD POW DIV IDIV */
	SETS_CALLS(ADD), SETS_CALLS(SUB), SETS_CALLS(MUL), SETS_CALLS(MOD), SETS_CALLS(POW),
	SETS_CALLS(DIV), SETS_CALLS(IDIV),
	/* BAND BOR BXOR SHL SHR */
	SETS_CALLS(BAND), SETS_CALLS(BOR), SETS_CALLS(BXOR), SETS_CALLS(SHL), SETS_CALLS(SHR),
	/* UNM BNOT NOT LEN CONCAT */
	SETS_CALLS(UNM), SETS_CALLS(BNOT), SETS, SETS_CALLS(LEN), SETS_CALLS(CONCAT),
	/* JMP EQ LT LE TEST TESTSET */
	NONE_MEANS(JMP), NONE_CALLS(EQ), NONE_CALLS(LT), NONE_CALLS(LE), NONE, SETS,
	/* CALL TAILCALL RETURN FORLOOP FORPREP TFORCALL TFORLOOP */
	SETS_MEANS(CALL), SETS_MEANS(CALL), NONE, SETS, SETS, NONE_MEANS(TFORCALL), SETS,
	/* SETLIST CLOSURE VARARG EXTRAARG */
	NONE, SETS, SETS, NONE,
};

/* 5.5 adds two opcodes after VARARG; SHRI and SHLI changed places, which names do not notice. */
static const struct puc_opcode opcodes_54[] = {
	/* MOVE LOADI LOADF LOADK LOADKX */
	SETS_MEANS(MOVE), SETS, SETS, SETS_MEANS(LOADK), SETS_MEANS(LOADKX),
	/* LOADFALSE LFALSESKIP LOADTRUE LOADNIL */
	SETS, SETS, SETS, SETS_MEANS(LOADNIL),
	/* GETUPVAL SETUPVAL GETTABUP GETTABLE GETI GETFIELD */
	SETS_MEANS(GETUPVAL), NONE, INDEXES(GETTABUP), INDEXES(GETTABLE), INDEXES(GETI),
	INDEXES(GETFIELD),
	/* SETTABUP SETTABLE SETI SETFIELD */
	NONE_CALLS(NEWINDEX), NONE_CALLS(NEWINDEX), NONE_CALLS(NEWINDEX), NONE_CALLS(NEWINDEX),
	/* NEWTABLE SELF */
	SETS, INDEXES(SELF),
	/* ADDI, then with a constant: ADD SUB MUL MOD POW DIV IDIV BAND BOR BXOR, then SHRI SHLI */
	SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS,
	/* ADD SUB MUL MOD POW DIV IDIV BAND BOR BXOR SHL SHR */
	SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS, SETS,
	/* MMBIN MMBINI MMBINK */
	NONE_MEANS(MMBIN), NONE_MEANS(MMBIN), NONE_MEANS(MMBIN),
	/* UNM BNOT NOT LEN CONCAT */
	SETS_CALLS(UNM), SETS_CALLS(BNOT), SETS, SETS_CALLS(LEN), SETS_CALLS(CONCAT),
	/* CLOSE TBC JMP EQ LT LE */
	NONE_CALLS(CLOSE), NONE, NONE_MEANS(JMP), NONE_CALLS(EQ), NONE_CALLS(LT), NONE_CALLS(LE),
	/* EQK EQI LTI LEI GTI GEI */
	NONE, NONE, NONE_CALLS(LT), NONE_CALLS(LE), NONE_CALLS(LT), NONE_CALLS(LE),
	/* TEST TESTSET CALL TAILCALL RETURN RETURN0 RETURN1 */
	NONE, SETS, SETS_MEANS(CALL), SETS_MEANS(CALL), NONE_CALLS(CLOSE), NONE, NONE,
	/* FORLOOP FORPREP TFORPREP TFORCALL TFORLOOP SETLIST CLOSURE VARARG */
	SETS, SETS, NONE, NONE_MEANS(TFORCALL), SETS, NONE, SETS, SETS,
	/* VARARGPREP EXTRAARG */
	SETS, NONE,
};

#define NR_SHARED_54_55 81U /* up to VARARG */

static const struct puc_opcode opcodes_55_tail[] = {
	/* GETVARG ERRNNIL VARARGPREP EXTRAARG */
	SETS, NONE, SETS, NONE,
};

/* clang-format on */

_Static_assert(ARRAY_SIZE(opcodes_51) == 38, "lopcodes.h of 5.1");
_Static_assert(ARRAY_SIZE(opcodes_52) == 40, "lopcodes.h of 5.2");
_Static_assert(ARRAY_SIZE(opcodes_53) == 47, "lopcodes.h of 5.3");
_Static_assert(ARRAY_SIZE(opcodes_54) == 83, "lopcodes.h of 5.4");
_Static_assert(NR_SHARED_54_55 + ARRAY_SIZE(opcodes_55_tail) == 85, "lopcodes.h of 5.5");

struct puc_opcode puc_opcode_of(uint32_t dialect, uint32_t instruction)
{
	static const struct {
		const struct puc_opcode *opcodes;
		uint32_t nr, mask;
	} sets[LUA_NR_DIALECTS] = {
		[LUA_DIALECT_51] = {opcodes_51, ARRAY_SIZE(opcodes_51), 0x3f},
		[LUA_DIALECT_52] = {opcodes_52, ARRAY_SIZE(opcodes_52), 0x3f},
		[LUA_DIALECT_53] = {opcodes_53, ARRAY_SIZE(opcodes_53), 0x3f},
		[LUA_DIALECT_54] = {opcodes_54, ARRAY_SIZE(opcodes_54), 0x7f},
		[LUA_DIALECT_55] = {opcodes_54, NR_SHARED_54_55, 0x7f},
	};
	uint32_t number;

	if (dialect >= LUA_NR_DIALECTS)
		return (struct puc_opcode)NONE;
	number = instruction & sets[dialect].mask;
	if (number < sets[dialect].nr)
		return sets[dialect].opcodes[number];
	number -= sets[dialect].nr;
	if (dialect == LUA_DIALECT_55 && number < ARRAY_SIZE(opcodes_55_tail))
		return opcodes_55_tail[number];
	return (struct puc_opcode)NONE;
}

/* ---- LuaJIT -------------------------------------------------------------------------------- */

/* clang-format off */

/* The mode of operand A in lj_bc.h, and the metamethod. */
#define VAR	 {LUAJIT_TARGET_NONE, EVENT_NONE}
#define DST	 {LUAJIT_TARGET_SLOT, EVENT_NONE}
#define BASE	 {LUAJIT_TARGET_BASE, EVENT_NONE}
#define VAR_(e)	 {LUAJIT_TARGET_NONE, EVENT_##e}
#define DST_(e)	 {LUAJIT_TARGET_SLOT, EVENT_##e}
#define BASE_(e) {LUAJIT_TARGET_BASE, EVENT_##e}

/* Up to JMP; what follows writes no slot that is searched, except the bit operations of 2026. */
static const struct luajit_opcode opcodes_luajit[] = {
	/* ISLT ISGE ISLE ISGT */
	VAR_(LT), VAR_(LT), VAR_(LE), VAR_(LE),
	/* ISEQV ISNEV ISEQS ISNES ISEQN ISNEN ISEQP ISNEP */
	VAR_(EQ), VAR_(EQ), VAR_(EQ), VAR_(EQ), VAR_(EQ), VAR_(EQ), VAR_(EQ), VAR_(EQ),
	/* ISTC ISFC IST ISF ISTYPE ISNUM MOV NOT UNM LEN */
	DST, DST, VAR, VAR, VAR, VAR, DST, DST, DST_(UNM), DST_(LEN),
	/* ADDVN SUBVN MULVN DIVVN MODVN */
	DST_(ADD), DST_(SUB), DST_(MUL), DST_(DIV), DST_(MOD),
	/* ADDNV SUBNV MULNV DIVNV MODNV */
	DST_(ADD), DST_(SUB), DST_(MUL), DST_(DIV), DST_(MOD),
	/* ADDVV SUBVV MULVV DIVVV MODVV POW CAT */
	DST_(ADD), DST_(SUB), DST_(MUL), DST_(DIV), DST_(MOD), DST_(POW), DST_(CONCAT),
	/* KSTR KCDATA KSHORT KNUM KPRI KNIL */
	DST, DST, DST, DST, DST, BASE,
	/* UGET USETV USETS USETN USETP UCLO FNEW TNEW TDUP */
	DST, VAR, VAR, VAR, VAR, VAR, DST_(GC), DST_(GC), DST_(GC),
	/* GGET GSET TGETV TGETS TGETB TGETR */
	DST_(INDEX), VAR_(NEWINDEX), DST_(INDEX), DST_(INDEX), DST_(INDEX), DST_(INDEX),
	/* TSETV TSETS TSETB TSETM TSETR */
	VAR_(NEWINDEX), VAR_(NEWINDEX), VAR_(NEWINDEX), BASE_(NEWINDEX), VAR_(NEWINDEX),
	/* CALLM CALL CALLMT CALLT ITERC ITERN VARG ISNEXT */
	BASE_(CALL), BASE_(CALL), BASE_(CALL), BASE_(CALL), BASE_(CALL), BASE_(CALL), BASE, BASE,
	/* RETM RET RET0 RET1 */
	BASE, VAR, VAR, VAR,
	/* FORI JFORI FORL IFORL JFORL ITERL IITERL JITERL */
	BASE, BASE, BASE, BASE, BASE, BASE, BASE, BASE,
	/* LOOP ILOOP JLOOP JMP */
	VAR, VAR, VAR, VAR,
};

/* clang-format on */

_Static_assert(ARRAY_SIZE(opcodes_luajit) == 89, "lj_bc.h of LuaJIT 2.1");

#define FIRST_BIT_OPERATION ARRAY_SIZE(opcodes_luajit)
#define NR_BIT_OPERATIONS   7U

/* Loops, returns and iterators may become JLOOP and the like: lj_bc.h, lj_trace.c, lj_dispatch.c.
 */
bool luajit_opcode_stays(uint32_t instruction)
{
	return (instruction & 0xff) < LUAJIT_ITERC;
}

struct luajit_opcode luajit_opcode_of(uint32_t dialect, uint32_t instruction)
{
	uint32_t number = instruction & 0xff;

	if (number < ARRAY_SIZE(opcodes_luajit))
		return opcodes_luajit[number];
	if (dialect == LUA_DIALECT_LUAJIT_2026 && number < FIRST_BIT_OPERATION + NR_BIT_OPERATIONS)
		return (struct luajit_opcode)DST;
	return (struct luajit_opcode)VAR;
}
