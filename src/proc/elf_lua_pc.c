/* SPDX-License-Identifier: MIT */
/*
 * Manages one question: in which register does a build of PUC Lua keep its pc?
 *
 * luaV_execute saves its pc (CallInfo.savedpc; in 5.1 lua_State.savedpc) before everything that may
 * fail, some thirty times. So it is the register that is stored most often at that distance from
 * another one. A register that was loaded from the stack just before is none: the pc is kept in
 * memory then, as in a build without optimisation.
 *
 * On x86-64 the bytes of such a store are looked for at every offset, without decoding the
 * instructions before; what is found by chance is no majority.
 *
 * Facts: lvm.c of Lua 5.1, 5.4, 5.5 (savepc, Protect); Intel SDM volume 2 (MOV); Arm ARM, C6.2
 * (STR, immediate).
 */
#include <errno.h>
#include <string.h>

#include "elf_image.h"

#define MAX_REGISTERS 32
#define MIN_STORES    8
#define MAX_FUNCTION  (1U << 20)

struct stores {
	unsigned of[MAX_REGISTERS];	  /* register */
	unsigned reloaded[MAX_REGISTERS]; /* of these: loaded from the stack just before */
	unsigned all;
};

static void add_store(struct stores *stores, unsigned reg, bool is_reloaded)
{
	stores->of[reg]++;
	stores->reloaded[reg] += is_reloaded;
	stores->all++;
}

/* Does mov DISP(%rbp or %rsp),REG end at @end? */
static bool x86_64_loads(const uint8_t *code, uint64_t end, unsigned reg)
{
	static const struct {
		uint8_t bytes, mod, rm;
	} forms[] = {{4, 1, 5}, {5, 1, 4}, {7, 2, 5}, {8, 2, 4}};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const uint8_t *at = code + end - forms[i].bytes;
		unsigned modrm = (unsigned)forms[i].mod << 6 | (reg & 7) << 3 | forms[i].rm;

		if (end >= forms[i].bytes && at[0] == (reg < 8 ? 0x48 : 0x4c) && at[1] == 0x8b &&
		    at[2] == modrm)
			return true;
	}
	return false;
}

/* mov REG,DISP(BASE) of 64 bits, with a displacement of one byte. */
static void count_x86_64(const uint8_t *code, uint64_t len, unsigned displacement,
			 struct stores *stores)
{
	for (uint64_t i = 0; i + 4 <= len; i++) {
		unsigned rex = code[i], modrm = code[i + 2], reg;
		bool has_sib = (modrm & 7) == 4;

		if ((rex & 0xf8) != 0x48 || code[i + 1] != 0x89 || modrm >> 6 != 1 ||
		    i + 4 + has_sib > len || code[i + 3 + has_sib] != displacement)
			continue;
		reg = (modrm >> 3 & 7) | (rex & 4) << 1;
		add_store(stores, reg, x86_64_loads(code, i, reg));
	}
}

/* str Xt, [Xn, #DISP] */
static void count_arm64(const uint8_t *code, uint64_t len, unsigned displacement,
			struct stores *stores)
{
	for (uint64_t i = 0; i + 4 <= len; i += 4) {
		uint32_t instruction;

		memcpy(&instruction, code + i, sizeof(instruction));
		if ((instruction & 0xffc00000U) == 0xf9000000U &&
		    (instruction >> 10 & 0xfff) * 8 == displacement)
			add_store(stores, instruction & 31, false);
	}
}

int elf_lua_pc_register(struct elf_image *image, const struct elf_range *execute,
			unsigned displacement, unsigned *ret)
{
	uint64_t len = execute->end - execute->start;
	struct stores stores = {0};
	const uint8_t *code;
	unsigned best = 0;

	if (displacement > INT8_MAX || len > MAX_FUNCTION)
		return -ENODATA;
	code = elf_bytes(image, execute->start, len);
	if (!code)
		return -ENODATA;
	if (image->machine == EM_X86_64)
		count_x86_64(code, len, displacement, &stores);
	else
		count_arm64(code, len, displacement, &stores);
	for (unsigned i = 1; i < MAX_REGISTERS; i++) {
		if (stores.of[i] > stores.of[best])
			best = i;
	}
	if (stores.of[best] < MIN_STORES || stores.of[best] * 2 <= stores.all ||
	    stores.reloaded[best] * 2 > stores.of[best])
		return -ENODATA;
	*ret = best;
	return 0;
}
