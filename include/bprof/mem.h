/* SPDX-License-Identifier: MIT */
/*
 * Memory of another process, as an interface: alive, recorded, or faked by a test.
 */
#ifndef BPROF_MEM_H
#define BPROF_MEM_H

#include <stddef.h>
#include <stdint.h>

/* An address in the target. Never becomes a pointer. */
typedef uint64_t uaddr_t;

/**
 * struct mem_reader - a way to copy bytes out of an address space
 * @read: copies exactly @len bytes from @src to @dst; 0, or -errno (-EFAULT: not readable, -ESRCH:
 * gone). On failure @dst is unspecified.
 * @ctx:  passed to @read; owned by whoever made the reader
 *
 * The target runs while it is read: two reads may disagree. Copy once, check the copy, use the
 * copy.
 */
struct mem_reader {
	int (*read)(void *ctx, void *dst, size_t len, uaddr_t src);
	void *ctx;
};

static inline int mem_read(const struct mem_reader *mem, void *dst, size_t len, uaddr_t src)
{
	return mem->read(mem->ctx, dst, len, src);
}

#endif
