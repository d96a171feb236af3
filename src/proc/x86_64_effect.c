/* SPDX-License-Identifier: MIT */
/*
 * Manages what instructions of x86-64 may change: too much where it is not certain, never too
 * little.
 *
 * Facts: Intel SDM volume 2.
 */
#include "x86_64.h"

#define RAX	 0
#define RCX	 1
#define RDX	 2
#define RSI	 6
#define RDI	 7
#define BIT(reg) ((reg) == X86_64_NO_BASE ? 0 : 1U << (reg))
#define WIDEST	 16	   /* bytes of a register */
#define STATE	 (1 << 16) /* bytes; of fxsave, xsave, fnsave: more than the largest */
#define STRING	 (BIT(RAX) | BIT(RCX) | BIT(RSI) | BIT(RDI))

/* ah, ch, dh and bh have the numbers of rsp, rbp, rsi and rdi. */
static uint32_t bytes_of(const struct x86_64_instruction *i, uint8_t reg)
{
	return !i->has_rex && reg >= 4 && reg < 8 ? BIT(reg & 3) : BIT(reg);
}

/* Does the lowest bit of the opcode say that it has operands of one byte? */
static bool has_byte(const struct x86_64_instruction *i)
{
	const unsigned op = i->opcode;

	return !(op & 1) && (op < 0x40 || (op >= 0x80 && op <= 0x8a && op != 0x82) || op == 0xc0 ||
			     op == 0xc6 || (op >= 0xd0 && op <= 0xd2) || op >= 0xf6);
}

static uint32_t operand(const struct x86_64_instruction *i, uint8_t reg)
{
	return has_byte(i) ? bytes_of(i, reg) : BIT(reg);
}

static bool is_compare(unsigned op)
{
	return (op >= 0x38 && op <= 0x3d) || op == 0x84 || op == 0x85 || op == 0xa8 || op == 0xa9;
}

/* add, or, adc, sbb, and, sub, xor */
static uint32_t written_by_arithmetic(const struct x86_64_instruction *i)
{
	switch (i->opcode & 7) {
	case 0:
	case 1:
		return operand(i, i->rm);
	case 2:
	case 3:
		return operand(i, i->reg);
	default:
		return BIT(RAX);
	}
}

/* f6, f7: test, not, neg, mul, div; fe, ff: inc, dec, and what the kinds say */
static uint32_t written_by_group(const struct x86_64_instruction *i)
{
	if (i->opcode >= 0xfe)
		return i->extension < 2 ? operand(i, i->rm) : 0;
	if (i->extension < 2)
		return 0;
	return i->extension < 4 ? operand(i, i->rm) : BIT(RAX) | BIT(RDX);
}

static uint32_t written_by_move(const struct x86_64_instruction *i)
{
	switch (i->opcode) {
	case 0x63: /* movslq */
	case 0x69:
	case 0x6b: /* imul */
	case 0x8b:
	case 0x8d:
		return BIT(i->reg);
	case 0x8a:
		return operand(i, i->reg);
	case 0x86:
	case 0x87: /* xchg */
		return operand(i, i->reg) | operand(i, i->rm);
	case 0x88:
	case 0x89:
	case 0xc0:
	case 0xc1:
	case 0xc6:
	case 0xc7:
		return operand(i, i->rm);
	default:
		return X86_64_ALL;
	}
}

static uint32_t written_by_one_byte(const struct x86_64_instruction *i)
{
	const unsigned op = i->opcode;

	if (is_compare(op) || (op >= 0x70 && op <= 0x7f) || (op >= 0x50 && op <= 0x57))
		return 0;
	if (op < 0x40)
		return written_by_arithmetic(i);
	if (op >= 0x58 && op <= 0x5f)
		return BIT(i->low);
	if (op >= 0x80 && op <= 0x83)
		return i->extension == 7 ? 0 : operand(i, i->rm);
	if (op >= 0x90 && op <= 0x97) /* nop, xchg */
		return i->low || i->has_rex ? BIT(RAX) | BIT(i->low) : 0;
	if (op == 0x98 || op == 0x99)
		return op == 0x98 ? BIT(RAX) : BIT(RDX);
	if ((op >= 0xa4 && op <= 0xa7) || (op >= 0xaa && op <= 0xaf))
		return STRING;
	if (op >= 0xb0 && op <= 0xbf)
		return op < 0xb8 ? bytes_of(i, i->low) : BIT(i->low);
	if (op >= 0xd0 && op <= 0xd3)
		return operand(i, i->rm);
	if (op >= 0xd8 && op <= 0xdf) /* the x87; fnstsw */
		return BIT(RAX);
	if (op == 0xf6 || op == 0xf7 || op >= 0xfe)
		return written_by_group(i);
	return written_by_move(i);
}

/* Most of what begins with 0f works on xmm registers. */
static uint32_t written_by_two_bytes(const struct x86_64_instruction *i)
{
	const unsigned op = i->opcode & 0xff;

	if (op == 0x1e && i->repeat == 0xf3 && i->extension == 1) /* rdssp */
		return BIT(i->rm);
	if ((op >= 0x80 && op <= 0x8f) || op == 0x0b || (op >= 0x18 && op <= 0x1f))
		return 0;
	if (op == 0x2c || op == 0x2d || op == 0x50 || op == 0xc5 || op == 0xd7 ||
	    (op & 0xf0) == 0x40 || op == 0xaf || op == 0xb6 || op == 0xb7 ||
	    (op >= 0xbc && op <= 0xbf) || op == 0xb8)
		return BIT(i->reg);
	if ((op & 0xf0) == 0x90) /* setcc */
		return bytes_of(i, i->rm);
	if (op == 0x7e)
		return BIT(i->rm);
	if ((op >= 0x10 && op <= 0x17) || (op >= 0x28 && op <= 0x2f) ||
	    (op >= 0x51 && op <= 0x7f) || op == 0xc2 || op == 0xc4 || op == 0xc6 || op >= 0xd0)
		return 0;
	if (op == 0xa3) /* bt */
		return 0;
	if (op == 0xa4 || op == 0xa5 || op == 0xab || op == 0xac || op == 0xad || op == 0xb3 ||
	    op == 0xba || op == 0xbb)
		return BIT(i->rm);
	if (op >= 0xc8 && op <= 0xcf)
		return BIT(i->low);
	return X86_64_ALL;
}

uint32_t x86_64_written(const struct x86_64_instruction *i)
{
	if (i->kind == X86_64_CALL)
		return X86_64_CALLER_SAVED;
	if (i->kind >= X86_64_JUMP) /* loop counts in rcx */
		return i->opcode >= 0xe0 && i->opcode <= 0xe2 ? BIT(RCX) : 0;
	if (i->opcode == X86_64_OTHER_MAP)
		return X86_64_ALL;
	return i->opcode & 0x0f00 ? written_by_two_bytes(i) : written_by_one_byte(i);
}

static bool writes_memory(const struct x86_64_instruction *i)
{
	const unsigned op = i->opcode & 0xff;

	if (!i->has_memory || i->kind >= X86_64_JUMP)
		return false;
	if (i->opcode == X86_64_OTHER_MAP)
		return true;
	if (i->opcode & 0x0f00)
		return !((op & 0xf0) == 0x40 || op == 0x10 || op == 0x12 || op == 0x14 ||
			 op == 0x16 || (op >= 0x18 && op <= 0x1f) || op == 0x28 || op == 0x2a ||
			 (op >= 0x2c && op <= 0x2f) || (op >= 0x50 && op <= 0x70) || op == 0xaf ||
			 op == 0xb6 || op == 0xb7 || op == 0xbe || op == 0xbf);
	if (op < 0x40)
		return (op & 7) < 2 && !is_compare(op);
	if (op >= 0x80 && op <= 0x83)
		return i->extension != 7;
	return !(is_compare(op) || op == 0x63 || op == 0x69 || op == 0x6b || op == 0x8a ||
		 op == 0x8b || op == 0x8d || ((op & 0xfe) == 0xf6 && i->extension < 2) ||
		 (op == 0xff && i->extension == 6));
}

/* xmm registers: movss and movsd store a part, movups and its like all of it */
static unsigned bytes_of_xmm(const struct x86_64_instruction *i)
{
	switch (i->opcode & 0xff) {
	case 0x11:
		if (i->repeat)
			return i->repeat == 0xf2 ? 8 : 4;
		return WIDEST;
	case 0x13:
	case 0x17:
	case 0x7e:
	case 0xd6:
		return 8;
	case 0xae:
	case 0xc7:
		return STATE;
	default:
		return (i->opcode & 0xf0) == 0x90 ? 1 : WIDEST; /* setcc */
	}
}

unsigned x86_64_stored_bytes(const struct x86_64_instruction *i)
{
	const unsigned op = i->opcode;

	if (!writes_memory(i))
		return 0;
	if (op & 0x0f00)
		return bytes_of_xmm(i);
	if (op >= 0xd8 && op <= 0xdf)
		return (op == 0xd9 || op == 0xdd) && i->extension == 6 ? STATE : WIDEST;
	if (i->is_wide || op == 0x8f) /* pop */
		return 8;
	if ((op < 0x40 && !(op & 1)) || op == 0x80 || op == 0x88 || op == 0xc6)
		return 1;
	return i->is_16 ? 2 : 4;
}
