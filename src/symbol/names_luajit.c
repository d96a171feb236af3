/* SPDX-License-Identifier: MIT */
/*
 * Names from LuaJIT bytecode: lj_debug_funcname() and lj_debug_slotname() of lj_debug.c (copyright
 * Mike Pall, MIT), on a captured prototype.
 *
 * An instruction is op 8 | A 8 | C 8 | B 8, or D 16 in place of C and B. Position 0 is the header.
 */
#include "names.h"
#include "opcodes.h"

static uint32_t arg_a(uint32_t instruction)
{
	return instruction >> 8 & 0xff;
}

static uint32_t arg_b(uint32_t instruction)
{
	return instruction >> 24;
}

static uint32_t arg_c(uint32_t instruction)
{
	return instruction >> 16 & 0xff;
}

static uint32_t arg_d(uint32_t instruction)
{
	return instruction >> 16;
}

static uint32_t number_of(uint32_t instruction)
{
	return instruction & 0xff;
}

/* A constant that was not captured leaves no name rather than an empty one. */
static struct call_name named(struct proto_text name, const char *kind)
{
	return name.text ? (struct call_name){name, kind} : NO_CALL_NAME;
}

/* obj:method() copies the object to the first argument before it looks the method up. */
static bool is_method(const struct proto_view *proto, uint32_t pos, uint32_t instruction)
{
	uint32_t before = proto_instruction(proto, pos - 1);

	return number_of(before) == LUAJIT_MOV && arg_a(before) == arg_a(instruction) + 2 &&
	       arg_d(before) == arg_b(instruction);
}

/* What the instruction that wrote the slot says about it. */
static struct call_name setter_name(const struct proto_view *proto, uint32_t pos,
				    uint32_t instruction)
{
	switch (number_of(instruction)) {
	case LUAJIT_GGET:
		return named(proto_constant(proto, arg_d(instruction)), "global");
	case LUAJIT_TGETS:
		return named(proto_constant(proto, arg_c(instruction)),
			     is_method(proto, pos, instruction) ? "method" : "field");
	case LUAJIT_UGET: {
		struct proto_text name = proto_upvalue(proto, arg_d(instruction));

		return named(name.text ? name : literal_text(""), "upvalue");
	}
	default:
		return NO_CALL_NAME;
	}
}

/*
 * The last instruction before *@pos that wrote @slot alone, found backwards; *@pos moves to it.
 * Return: false if several slots were written at once, or none was.
 */
static bool find_setter(const struct proto_view *proto, uint32_t slot, uint32_t *pos)
{
	while (--*pos > 0) {
		uint32_t instruction = proto_instruction(proto, *pos);
		struct luajit_opcode opcode = luajit_opcode_of(proto->body.dialect, instruction);

		if (opcode.target == LUAJIT_TARGET_BASE && slot >= arg_a(instruction) &&
		    (number_of(instruction) != LUAJIT_KNIL || slot <= arg_d(instruction)))
			return false;
		if (opcode.target == LUAJIT_TARGET_SLOT && slot == arg_a(instruction))
			return true;
	}
	return false;
}

static struct call_name slot_name(const struct proto_view *proto, uint32_t pos, uint32_t slot)
{
	for (uint32_t hop = 0; pos > 0 && hop < MAX_NAME_HOPS; hop++) {
		struct proto_text local = proto_local(proto, slot, pos);
		uint32_t instruction;

		if (local.text)
			return named(local, "local");
		if (!find_setter(proto, slot, &pos))
			return NO_CALL_NAME;
		instruction = proto_instruction(proto, pos);
		if (number_of(instruction) != LUAJIT_MOV)
			return setter_name(proto, pos, instruction);
		slot = arg_d(instruction);
	}
	return NO_CALL_NAME;
}

struct call_name luajit_name_from_call(const struct proto_view *caller, uint32_t pos)
{
	uint32_t instruction = proto_instruction(caller, pos);
	struct luajit_opcode opcode = luajit_opcode_of(caller->body.dialect, instruction);
	uint32_t slot = arg_a(instruction);

	if (opcode.event == EVENT_NONE)
		return NO_CALL_NAME;
	if (opcode.event != EVENT_CALL)
		return named(literal_text(lua_event_name(opcode.event)), "metamethod");
	/* A generic for keeps its iterator three slots below the copy it calls. */
	if (number_of(instruction) == LUAJIT_ITERC)
		slot -= 3;
	return slot_name(caller, pos, slot);
}
