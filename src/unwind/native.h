/* SPDX-License-Identifier: MIT */
/*
 * Unwinds native stacks: registers and a copy of the stack in, code addresses out, leaf first.
 *
 * By the unwind data of the files that are mapped (.eh_frame), through libunwind, and by nothing
 * else: where a frame has none, the walk ends and says so. Frame pointers are never guessed at.
 */
#ifndef BPROF_NATIVE_H
#define BPROF_NATIVE_H

#include <bprof/lua_layout.h>
#include <bprof/mem.h>

#include "base.h"

#define NATIVE_MAX_FRAMES 256

/**
 * struct native_image - the ELF file behind a code address
 * @start, @end: the mapping
 * @bias:        address in the process minus address in the file
 * @header:      vaddr of .eh_frame_hdr
 * @table, @nr:  vaddr of its sorted pairs, and how many
 */
struct native_image {
	uaddr_t start, end;
	uint64_t bias;
	uint64_t header, table, nr;
};

/**
 * struct native_env - the process a stack belongs to
 * @image: the file at @pc that has unwind data; 0, or -errno if there is none
 * @read:  copies bytes of mapped files, as the files have them; 0 or -errno
 * @ctx:   passed to both
 */
struct native_env {
	int (*image)(void *ctx, uaddr_t pc, struct native_image *ret);
	int (*read)(void *ctx, void *dst, size_t len, uaddr_t src);
	void *ctx;
};

/* One interrupted thread. Borrowed for the call. */
struct native_stack {
	const uint64_t *reg; /* BPROF_NR_REGS, by enum bprof_reg */
	const uint64_t *word;
	size_t nr_words; /* from the stack pointer, rounded down to 8, upwards */
};

struct native_unwinder;

/**
 * native_new() - an unwinder for one process
 * @env: copied; what it points to must stay
 *
 * Remembers how to leave each code address it has seen: some 300 bytes each, bounded.
 * Return: 0; -ENOMEM. native_free() takes NULL.
 */
int native_new(const struct native_env *env, struct native_unwinder **ret);
void native_free(struct native_unwinder *u);

/* What is mapped has changed: forget. */
void native_forget(struct native_unwinder *u);

/**
 * native_walk() - each frame of a stack
 * @visit: gets a code address inside the call (for callers: of the last byte of the call
 *         instruction); false ends the walk
 *
 * Return: 0: @visit ended it, or the last frame was reached; -ENODATA: a frame has no unwind data;
 * -EFAULT: the walk left the copied stack; -ELOOP: no progress, or NATIVE_MAX_FRAMES; -EBADMSG:
 * unwind data that contradicts itself.
 */
int native_walk(struct native_unwinder *u, const struct native_stack *stack,
		bool (*visit)(void *arg, uaddr_t pc), void *arg);

#endif
