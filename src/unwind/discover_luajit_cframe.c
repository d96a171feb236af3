/* SPDX-License-Identifier: MIT */
/*
 * Which CFRAME the interpreter of LuaJIT builds on arm64: its fields have moved in September 2021,
 * and no number in memory tells. Its code does, wherever C enters it.
 *
 *	since then	sub sp, sp, #208; stp x29, x30, [sp, #192]
 *	before		stp x29, x30, [sp, #-208]!
 *
 * Facts: vm_arm64.dasc (saveregs) of LuaJIT 2.1 (copyright Mike Pall, MIT), 421c4c79.
 */
#include "discover_luajit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bprof/registers.h>

#define CODE_LIMIT (1U << 20)

enum {
	SUB_SP = 0xd10343ff,
	STORE_FP_LR = 0xa90c7bfd,
	PUSH_FP_LR = 0xa9b37bfd,
};

int luajit_arm64_cframe(const void *code, size_t len)
{
	size_t nr_old = 0, nr_new = 0;
	uint32_t word, before = 0;

	for (size_t at = 0; at + sizeof(word) <= len; at += sizeof(word)) {
		memcpy(&word, (const char *)code + at, sizeof(word));
		nr_old += word == PUSH_FP_LR;
		nr_new += word == STORE_FP_LR && before == SUB_SP;
		before = word;
	}
	if (!nr_old == !nr_new)
		return -ENOTSUP;
	return nr_old > 0;
}

int luajit_find_cframe(const struct mem_reader *mem, uaddr_t start, struct luajit_layout *l)
{
#ifdef BPROF_ARCH_ARM64
	CLEANUP(cleanup_free) void *code = NULL;
	int r;

	if (l->vm_bytes > CODE_LIMIT)
		return -ENOENT;
	code = malloc(l->vm_bytes);
	if (!code)
		return -ENOMEM;
	r = mem_read(mem, code, l->vm_bytes, start);
	if (r < 0)
		return r;
	r = luajit_arm64_cframe(code, l->vm_bytes);
	if (r < 0)
		return r;
	l->old_cframe = (uint8_t)r;
#else
	(void)mem;
	(void)start;
	l->old_cframe = 0;
#endif
	return 0;
}
