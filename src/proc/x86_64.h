/* SPDX-License-Identifier: MIT */
/* Instructions of x86-64: how long they are, and what those do that move 64 bits or branch. */
#ifndef BPROF_X86_64_H
#define BPROF_X86_64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X86_64_RSP     4
#define X86_64_NO_BASE 255 /* relative to the instruction, absolute, or thread-local */

enum x86_64_kind {
	X86_64_OTHER = 0,
	X86_64_LOAD,	  /* mov MEMORY,REG of 64 bits */
	X86_64_STORE,	  /* mov REG,MEMORY of 64 bits */
	X86_64_ADD_STORE, /* add CONSTANT,MEMORY of 64 bits */
	X86_64_ADDRESS,	  /* lea MEMORY,REG of 64 bits */
	X86_64_JUMP,	  /* to a distance */
	X86_64_BRANCH,	  /* to a distance, or not */
	X86_64_JUMP_TO,	  /* to what a register or memory holds */
	X86_64_CALL,
	X86_64_END, /* ret, ud2, hlt and their like */
};

#define X86_64_OTHER_MAP    0xffff /* opcode of 0f 38 and 0f 3a */
#define X86_64_ALL	    0xffffU
#define X86_64_CALLER_SAVED 0x0fc7U /* rax, rcx, rdx, rsi, rdi, r8 to r11 */

struct x86_64_instruction {
	uint8_t bytes;
	uint8_t kind;	   /* enum x86_64_kind */
	uint8_t reg;	   /* as the machine numbers it; of those with one */
	uint8_t base;	   /* of the memory operand */
	uint8_t has_index; /* the memory operand has an index register, too */
	int32_t displacement;
	int32_t distance; /* JUMP, BRANCH: from the end of the instruction */
	/* what else there is to say of any of them */
	uint16_t opcode;   /* 0f is its upper half */
	uint8_t index;	   /* of the memory operand; X86_64_NO_BASE: none */
	uint8_t rm;	   /* the register in place of a memory operand; X86_64_NO_BASE: none */
	uint8_t low;	   /* the register that is part of an opcode */
	uint8_t extension; /* ModRM.reg without REX: tells apart what shares an opcode */
	uint8_t has_memory, is_wide /* 64 bits */, is_16, has_rex;
	uint8_t repeat;	     /* the prefix f2 or f3; 0: neither */
	uint8_t is_relative; /* the memory operand is at displacement from the end */
	int32_t constant;    /* of arithmetic */
};

/*
 * The registers that may have changed after it, a bit for each; of a call, those that it may. That
 * rsp moves when something is pushed, popped, called or left is not among them.
 */
uint32_t x86_64_written(const struct x86_64_instruction *i);

/* How many bytes of its memory operand may have changed after it; too many rather than too few. */
unsigned x86_64_stored_bytes(const struct x86_64_instruction *i);

/**
 * x86_64_decode() - the instruction at @code, of which @left bytes may be read
 *
 * Knows what compilers make for the baseline of the architecture: no AVX, no addresses of 32 bits.
 *
 * Return: 0; -ENODATA: none that is known.
 * Facts: Intel SDM volume 2, chapter 2 and appendix A.
 */
int x86_64_decode(const uint8_t *code, size_t left, struct x86_64_instruction *ret);

#endif
