/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as registers, stack and unwind data: the walk ends, whatever they say, and its frames
 * are no more than its bound.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"

#define FILE_START  0x10000UL
#define STACK_START 0x7ffd00000000UL
#define STACK_WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct input {
	uint64_t reg[BPROF_NR_REGS];
	uint64_t word[STACK_WORDS];
	const uint8_t *file;
	size_t file_bytes;
};

static int image_at(void *ctx, uaddr_t pc, struct native_image *ret)
{
	const struct input *in = ctx;
	uint32_t nr = 0;

	if (pc < FILE_START || pc - FILE_START >= in->file_bytes || in->file_bytes < 12)
		return -ENOENT;
	memcpy(&nr, in->file + 8, sizeof(nr));
	*ret = (struct native_image){.start = FILE_START,
				     .end = FILE_START + in->file_bytes,
				     .bias = FILE_START,
				     .table = 12,
				     .nr = nr % 1024};
	return 0;
}

static int read_file(void *ctx, void *dst, size_t len, uaddr_t src)
{
	const struct input *in = ctx;

	if (src < FILE_START || src - FILE_START > in->file_bytes ||
	    in->file_bytes - (src - FILE_START) < len)
		return -EFAULT;
	memcpy(dst, in->file + (src - FILE_START), len);
	return 0;
}

static bool count(void *arg, uaddr_t pc)
{
	(void)pc;
	if (++*(size_t *)arg > NATIVE_MAX_FRAMES)
		abort();
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in;
	struct native_env env = {.image = image_at, .read = read_file, .ctx = &in};
	struct native_stack stack = {.reg = in.reg, .word = in.word, .nr_words = STACK_WORDS};
	const size_t fixed = sizeof(in.reg) + sizeof(in.word);
	struct native_unwinder *unwinder;
	size_t nr = 0;

	if (len < fixed || native_new(&env, &unwinder) < 0)
		return 0;
	memcpy(in.reg, bytes, sizeof(in.reg));
	memcpy(in.word, bytes + sizeof(in.reg), sizeof(in.word));
	in.file = bytes + fixed;
	in.file_bytes = len - fixed;
	/* what a fuzzer would need long to find: a stack and a pc that are there */
	in.reg[BPROF_REG_SP] = STACK_START + in.reg[BPROF_REG_SP] % (8 * STACK_WORDS);
	in.reg[BPROF_REG_IP] = FILE_START + in.reg[BPROF_REG_IP] % (in.file_bytes + 1);
	native_walk(unwinder, &stack, count, &nr);
	native_free(unwinder);
	return 0;
}
