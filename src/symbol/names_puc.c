/* SPDX-License-Identifier: MIT */
/*
 * Names from the bytecode of PUC Lua: getobjname() and its callers in ldebug.c of 5.1-5.5
 * (copyright Lua.org, PUC-Rio, MIT), on a captured prototype.
 *
 * The idea is the same in all: a register holds a local variable, or else the last instruction
 * that wrote it tells its name. 5.1 follows forward jumps on the way to that instruction; later
 * versions know nothing of a register written in code that may have been jumped over.
 *
 *	5.1-5.3	 op 6 | A 8 | C 9 | B 9		Bx = C and B; bit 8 of B, C: a constant
 *	5.4, 5.5 op 7 | A 8 | k 1 | B 8 | C 8	Bx = k, B and C; sJ = all but op
 */
#include "names.h"
#include "opcodes.h"

#include <string.h>

#define NOWHERE	     UINT32_MAX /* no instruction is known to have written the register */
#define CONSTANT_BIT 0x100U	/* of B and C up to 5.3 */
#define BIAS_SBX     131071
#define BIAS_SJ	     16777215

/* An instruction, taken apart. */
struct decoded {
	struct puc_opcode opcode;
	uint32_t a, b, c, bx, ax;
	int32_t jump; /* of JMP: relative to the next instruction */
	bool k;
};

static bool is_54(const struct proto_view *proto)
{
	return proto->body.dialect >= LUA_DIALECT_54;
}

static struct decoded decode(const struct proto_view *proto, uint32_t pc)
{
	uint32_t instruction = proto_instruction(proto, pc);
	struct puc_opcode opcode = puc_opcode_of(proto->body.dialect, instruction);

	if (is_54(proto))
		return (struct decoded){
			.opcode = opcode,
			.a = instruction >> 7 & 0xff,
			.k = instruction >> 15 & 1,
			.b = instruction >> 16 & 0xff,
			.c = instruction >> 24,
			.bx = instruction >> 15,
			.ax = instruction >> 7,
			.jump = (int32_t)(instruction >> 7) - BIAS_SJ,
		};
	return (struct decoded){
		.opcode = opcode,
		.a = instruction >> 6 & 0xff,
		.c = instruction >> 14 & 0x1ff,
		.b = instruction >> 23,
		.bx = instruction >> 14,
		.ax = instruction >> 6,
		.jump = (int32_t)(instruction >> 14) - BIAS_SBX,
	};
}

/* ---- which instruction wrote a register ---------------------------------------------------- */

static bool changes(const struct proto_view *proto, const struct decoded *at, uint32_t reg)
{
	switch (at->opcode.meaning) {
	case PUC_LOADNIL: /* 5.1 names the last register, the others count */
		if (proto->body.dialect == LUA_DIALECT_51)
			return at->a <= reg && reg <= at->b;
		return at->a <= reg && reg <= at->a + at->b;
	case PUC_TFORCALL:
		return reg >= at->a + 2;
	case PUC_CALL:
		return reg >= at->a;
	case PUC_TEST_52:
		return reg == at->a;
	case PUC_SELF:
		if (proto->body.dialect == LUA_DIALECT_51 && reg == at->a + 1)
			return true;
		break;
	default:
		break;
	}
	return at->opcode.sets_a && reg == at->a;
}

/* The pseudo instructions after CLOSURE name the upvalues to capture; 5.1 does not execute them. */
static uint32_t skip_captures(const struct proto_view *proto, uint32_t pc, uint32_t last_pc)
{
	while (pc + 1 < last_pc) {
		struct decoded next = decode(proto, pc + 1);

		if (next.a != 0 || next.c != 0 ||
		    (next.opcode.meaning != PUC_MOVE && next.opcode.meaning != PUC_GETUPVAL))
			break;
		pc++;
	}
	return pc;
}

/* symbexec() of 5.1. Where nothing wrote the register it answers the final return. */
static uint32_t find_setter_51(const struct proto_view *proto, uint32_t last_pc, uint32_t reg)
{
	uint32_t found = NOWHERE;

	for (uint32_t pc = 0; pc < last_pc; pc++) {
		struct decoded at = decode(proto, pc);

		if (changes(proto, &at, reg))
			found = pc;
		if (at.opcode.meaning == PUC_JMP && at.jump > 0 &&
		    (uint32_t)at.jump <= last_pc - pc - 1)
			pc += (uint32_t)at.jump;
		else if (at.opcode.meaning == PUC_SETLIST_51 && at.c == 0)
			pc++; /* the next word is a number */
		else if (at.opcode.meaning == PUC_CLOSURE_51)
			pc = skip_captures(proto, pc, last_pc);
	}
	return found;
}

/* findsetreg() of 5.2 and later. */
static uint32_t find_setter(const struct proto_view *proto, uint32_t last_pc, uint32_t reg)
{
	uint32_t found = NOWHERE;
	uint32_t conditional_until = 0; /* code before this may have been jumped over */

	if (proto->body.dialect == LUA_DIALECT_51)
		return find_setter_51(proto, last_pc, reg);
	/* The instruction before a metamethod call has not been executed. */
	if (last_pc > 0 && decode(proto, last_pc).opcode.meaning == PUC_MMBIN)
		last_pc--;
	for (uint32_t pc = 0; pc < last_pc; pc++) {
		struct decoded at = decode(proto, pc);

		if (at.opcode.meaning == PUC_JMP) {
			int64_t target = (int64_t)pc + 1 + at.jump;

			if (target <= last_pc && target > conditional_until)
				conditional_until = (uint32_t)target;
		} else if (changes(proto, &at, reg)) {
			found = pc < conditional_until ? NOWHERE : pc;
		}
	}
	return found;
}

/* ---- what the register is called ----------------------------------------------------------- */

static struct proto_text or_question_mark(struct proto_text text)
{
	return text.text ? text : literal_text("?");
}

/* An upvalue without a name (stripped) is "?": no name that source code gives is empty. */
static struct proto_text upvalue_name(const struct proto_view *proto, uint32_t index)
{
	struct proto_text name = proto_upvalue(proto, index);

	return name.len ? name : literal_text("?");
}

static bool is_env(struct proto_text name)
{
	return name.text && name.len == 4 && memcmp(name.text, "_ENV", 4) == 0;
}

/*
 * What can be said of a register without looking at table accesses: the first half of getobjname().
 * *@pc moves to the instruction that wrote the register, or is NOWHERE.
 */
static struct call_name basic_name(const struct proto_view *proto, uint32_t *pc, uint32_t reg)
{
	for (uint32_t hop = 0; hop < MAX_NAME_HOPS; hop++) {
		struct proto_text local = proto_local(proto, reg, *pc);
		struct proto_text constant = {NULL, 0};
		struct decoded at;

		if (local.text)
			return (struct call_name){local, "local"};
		*pc = find_setter(proto, *pc, reg);
		if (*pc == NOWHERE)
			return NO_CALL_NAME;
		at = decode(proto, *pc);
		if (at.opcode.meaning == PUC_MOVE && at.b < at.a) {
			reg = at.b;
			continue;
		}
		if (at.opcode.meaning == PUC_GETUPVAL)
			return (struct call_name){upvalue_name(proto, at.b), "upvalue"};
		if (proto->body.dialect == LUA_DIALECT_51)
			return NO_CALL_NAME;
		if (at.opcode.meaning == PUC_LOADK)
			constant = proto_constant(proto, at.bx);
		else if (at.opcode.meaning == PUC_LOADKX && *pc + 1 < proto->body.nr_code)
			constant = proto_constant(proto, decode(proto, *pc + 1).ax);
		return constant.text ? (struct call_name){constant, "constant"} : NO_CALL_NAME;
	}
	*pc = NOWHERE;
	return NO_CALL_NAME;
}

/* The key of a table access: a constant, or a register that holds one; else "?". */
static struct proto_text key_name(const struct proto_view *proto, uint32_t pc,
				  const struct decoded *at)
{
	bool constant;
	struct call_name in_register;

	if (is_54(proto)) {
		constant = at->opcode.meaning != PUC_GETTABLE &&
			   (at->opcode.meaning != PUC_SELF || at->k ||
			    proto->body.dialect == LUA_DIALECT_55);
		if (constant)
			return or_question_mark(proto_constant(proto, at->c));
	} else if (at->c & CONSTANT_BIT) {
		return or_question_mark(proto_constant(proto, at->c & ~CONSTANT_BIT));
	}
	if (proto->body.dialect == LUA_DIALECT_51)
		return literal_text("?");
	in_register = basic_name(proto, &pc, at->c);
	return in_register.kind[0] == 'c' ? in_register.name : literal_text("?");
}

/* Is the table of an access the environment? */
static const char *access_kind(const struct proto_view *proto, uint32_t pc,
			       const struct decoded *at)
{
	struct call_name table;

	if (proto->body.dialect == LUA_DIALECT_51)
		return "field";
	if (at->opcode.meaning == PUC_GETTABUP)
		return is_env(upvalue_name(proto, at->b)) ? "global" : "field";
	if (!is_54(proto)) /* only a local variable of that name counts */
		return is_env(proto_local(proto, at->b, pc)) ? "global" : "field";
	table = basic_name(proto, &pc, at->b);
	if (strcmp(table.kind, "local") != 0 && strcmp(table.kind, "upvalue") != 0)
		return "field";
	return is_env(table.name) ? "global" : "field";
}

static struct call_name register_name(const struct proto_view *proto, uint32_t pc, uint32_t reg)
{
	struct call_name basic = basic_name(proto, &pc, reg);
	struct decoded at;

	if (basic.kind[0] != 0 || pc == NOWHERE)
		return basic;
	at = decode(proto, pc);
	switch (at.opcode.meaning) {
	case PUC_GETGLOBAL:
		return (struct call_name){or_question_mark(proto_constant(proto, at.bx)), "global"};
	case PUC_GETI:
		return (struct call_name){literal_text("integer index"), "field"};
	case PUC_GETTABUP:
	case PUC_GETTABLE:
	case PUC_GETFIELD:
		return (struct call_name){key_name(proto, pc, &at), access_kind(proto, pc, &at)};
	case PUC_SELF:
		return (struct call_name){key_name(proto, pc, &at), "method"};
	default:
		return NO_CALL_NAME;
	}
}

/* ---- what the caller was doing ------------------------------------------------------------- */

static struct call_name metamethod_name(const struct proto_view *caller, const struct decoded *at)
{
	const char *name =
		lua_event_name(at->opcode.meaning == PUC_MMBIN ? at->c : at->opcode.event);

	if (!name)
		return NO_CALL_NAME;
	return (struct call_name){literal_text(is_54(caller) ? name + 2 : name), "metamethod"};
}

struct call_name puc_name_from_call(const struct proto_view *caller, uint32_t pos,
				    bool callee_is_cont)
{
	struct decoded at = decode(caller, pos);

	switch (at.opcode.meaning) {
	case PUC_CALL:
		if (!callee_is_cont)
			return register_name(caller, pos, at.a);
		/* The VM itself called something at a call: only a hook does. */
		if (caller->body.dialect >= LUA_DIALECT_53)
			return (struct call_name){literal_text("?"), "hook"};
		return NO_CALL_NAME;
	case PUC_TFORCALL:
		if (caller->body.dialect == LUA_DIALECT_51)
			return register_name(caller, pos, at.a);
		return (struct call_name){literal_text("for iterator"), "for iterator"};
	default:
		return metamethod_name(caller, &at);
	}
}
