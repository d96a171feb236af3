/* SPDX-License-Identifier: MIT */
/*
 * Where code for arm64 stores the pc of Lua 5.2 and 5.3. gcc has the target of a branch in a
 *register and stores what the fetch has made of it, so that there is no moment in which a target is
 *stored:
 *
 *	fetch:	add x1, x0, #4		x0 is savedpc, or the target of a branch
 *		str x1, [x27, #56]
 *		...
 *		ldr w19, [x0]
 *
 * A tail call copies the pc of the function it has called: ldr x0, [x24, #56]; str x0, [x27, #56].
 * A hook that yields takes the pc back: sub x1, x1, #4.
 *
 * The encodings are those of the Arm Architecture Reference Manual.
 */
#include "arm64_fetch.h"

#include <errno.h>
#include <string.h>

#define MAX_FETCH 160 /* instructions from the fetch to the jump: hooks are in between */
#define MAX_BACK  12  /* instructions between the pc is moved on and its store */

static uint32_t instruction_at(const uint8_t *code, uint64_t at)
{
	uint32_t instruction;

	memcpy(&instruction, code + at, sizeof(instruction));
	return instruction;
}

/* "ldr" or "str Xt, [Xn, #displacement]", Xn not sp. */
static bool is_access(uint32_t instruction, uint32_t opcode, unsigned displacement)
{
	return (instruction & 0xffc00000U) == opcode &&
	       (instruction >> 10 & 0xfff) * 8 == displacement && (instruction >> 5 & 31) != 31;
}

static bool is_store(uint32_t instruction, unsigned displacement)
{
	return is_access(instruction, 0xf9000000U, displacement);
}

/* "stp Xt, Xu, [Xn, #...]" over the cell. */
static bool is_pair_store(uint32_t instruction, unsigned displacement)
{
	unsigned at = (instruction >> 15 & 0x7f) * 8;

	return (instruction & 0xffc00000U) == 0xa9000000U && (instruction >> 5 & 31) != 31 &&
	       (at == displacement || at + 8 == displacement);
}

/* "str" of any size, with an offset: it changes no register. */
static bool is_any_store(uint32_t instruction)
{
	return (instruction & 0x3fc00000U) == 0x39000000U;
}

/* add or sub Xt, Xn, #4 */
static bool is_step(uint32_t instruction)
{
	return (instruction & 0xbffffc00U) == 0x91001000U;
}

/* What the register holds that is stored at @store. */
static bool is_next(const uint8_t *code, uint64_t store, unsigned displacement)
{
	uint32_t reg = instruction_at(code, store) & 31;

	for (unsigned i = 1; i <= MAX_BACK && 4 * i <= store; i++) {
		uint32_t instruction = instruction_at(code, store - 4 * i);

		if ((instruction & 31) != reg || is_any_store(instruction))
			continue;
		return is_step(instruction) || is_access(instruction, 0xf9400000U, displacement);
	}
	return false;
}

/* Is it savedpc that the store moves on, and no copy of another? */
static bool moves_on(const uint8_t *code, uint64_t store)
{
	uint32_t reg = instruction_at(code, store) & 31;

	for (unsigned i = 1; i <= MAX_BACK && 4 * i <= store; i++) {
		uint32_t instruction = instruction_at(code, store - 4 * i);

		if ((instruction & 31) == reg && is_step(instruction))
			return true;
	}
	return false;
}

/*
 * Is the pc that follows stored before the only jump through a register? A build by clang has the
 * address of savedpc in a register: it stores targets there, which are not looked for.
 */
static bool has_fetch(const uint8_t *code, uint64_t len, unsigned displacement)
{
	uint64_t dispatch = 0;
	size_t nr = 0;

	for (uint64_t at = 0; at + 4 <= len; at += 4) {
		if ((instruction_at(code, at) & 0xfffffc1fU) == 0xd61f0000U) { /* br */
			dispatch = at;
			nr++;
		}
	}
	for (uint64_t at = dispatch; nr == 1 && at >= 4 && dispatch - at < 4 * MAX_FETCH; at -= 4)
		if (is_store(instruction_at(code, at - 4), displacement))
			return moves_on(code, at - 4);
	return false;
}

int arm64_stores_next_only(const uint8_t *code, uint64_t len, unsigned displacement)
{
	size_t nr = 0;

	for (uint64_t at = 0; at + 4 <= len; at += 4) {
		uint32_t instruction = instruction_at(code, at);

		if (is_pair_store(instruction, displacement))
			return -ENODATA;
		if (!is_store(instruction, displacement))
			continue;
		if (!is_next(code, at, displacement))
			return -ENODATA;
		nr++;
	}
	return nr && has_fetch(code, len, displacement) ? 0 : -ENODATA;
}
