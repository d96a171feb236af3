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

#define X86_64_OTHER_MAP    0xffff
#define X86_64_ALL	    0xffffU
#define X86_64_CALLER_SAVED 0x0fc7U /* rax, rcx, rdx, rsi, rdi, r8 to r11 */

/**
 * struct x86_64_instruction - what is asked of one
 * @reg, @rm:       registers of ModRM, as the machine numbers them; @rm: X86_64_NO_BASE if it is
 *                  memory
 * @base, @index:   of the memory operand; X86_64_NO_BASE: none
 * @is_relative:    it is at @displacement from the end of the instruction
 * @distance:       JUMP, BRANCH: from the end of the instruction
 * @opcode:         0f is its upper half; X86_64_OTHER_MAP: of another map, VEX and its like
 * @extension:      ModRM.reg without REX: tells apart what shares an opcode
 * @is_wide:        64 bits, of what is encoded with REX.W; @is_16: 16 bits
 * @constant:       the last one, or the distance of a call
 * @written:        registers that may have changed after it, a bit for each; of a call, those that
 *                  it may
 * @stored_bytes:   of the memory operand that may have changed after it. What is pushed, or stored
 * by instructions for strings, is no operand.
 */
struct x86_64_instruction {
	uint8_t bytes, kind; /* enum x86_64_kind */
	uint8_t reg, rm, base, index;
	bool has_memory, has_index, is_relative, is_wide, is_16;
	uint8_t extension;
	uint16_t opcode, written;
	int32_t displacement, distance, constant;
	uint32_t stored_bytes;
};

/**
 * x86_64_decode() - the instruction at @code, of which @left bytes may be read
 *
 * Return: 0; -ENODATA: none that is known. Addresses of 32 bits are not.
 */
int x86_64_decode(const uint8_t *code, size_t left, struct x86_64_instruction *ret);

/* Was this built with a decoder? Without none is known. */
bool x86_64_has_decoder(void);

#endif
