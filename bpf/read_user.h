/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The one primitive of the walkers (read memory of the target, may fail) and the few words that
 * differ between the two compilers of this code: clang for the kernel, gcc for the host.
 *
 * What the verifier wants, and why the macros look as they do:
 *  - WALK_STEP functions are global in BPF: each is verified once, alone, with unknown arguments,
 *    so the cost of the program is the sum of its steps and not the product. A pointer argument of
 *    a global function may be NULL, hence the first line of each.
 *  - walk_index() hides a masked index from the optimiser. A range check somewhere else gets lost
 *    when the compiler spills the value and computes it again (clang 19 did; 6.1 then refuses).
 *  - the callback of bpf_loop() must provably return 0 or 1.
 *
 * The includer of the kernel side comes with kernel.h and <bpf/bpf_helpers.h>.
 */
#ifndef BPROF_READ_USER_H
#define BPROF_READ_USER_H

struct walk;

struct walk_loop {
	struct walk *w;
};

#ifdef __bpf__

#define WALK_STEP      __noinline
#define WALK_INLINE    static __always_inline
#define WALK_OPAQUE(x) asm volatile("" : "+r"(x))
#define WALK_READ(w, dst, bytes, address)                                                          \
	bpf_probe_read_user((dst), (bytes), (const void *)(u64)(address))
/* Up to a NUL, and no more than bytes - 1; what follows in dst stays. Negative: not readable. */
#define WALK_READ_TEXT(w, dst, bytes, address)                                                     \
	bpf_probe_read_user_str((dst), (bytes), (const void *)(u64)(address))

/*
 * Calls step(w) up to n times, until it returns non-zero. Its value: how often it was called. _AT:
 * step(w, round). The verifier follows the body twice, that of a for statement as often as it runs:
 * about 1 ms of a run's start for 1,000 instructions.
 */
#define WALK_LOOP_BODY(name, step)                                                                 \
	static long name(u32 round, struct walk_loop *loop)                                        \
	{                                                                                          \
		u64 stop = (u64)step(loop->w);                                                     \
                                                                                                   \
		(void)round;                                                                       \
		WALK_OPAQUE(stop);                                                                 \
		return stop & 1;                                                                   \
	}
#define WALK_LOOP(n, body, walk)                                                                   \
	({                                                                                         \
		struct walk_loop loop_ = {(walk)};                                                 \
                                                                                                   \
		bpf_loop((n), body, &loop_, 0);                                                    \
	})
#define WALK_LOOP_BODY_AT(name, step)                                                              \
	static long name(u32 round, struct walk_loop *loop)                                        \
	{                                                                                          \
		u64 stop = (u64)step(loop->w, round);                                              \
                                                                                                   \
		WALK_OPAQUE(stop);                                                                 \
		return stop & 1;                                                                   \
	}

#else

#include <linux/types.h>
#include <string.h>

#include <bprof/mem.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#define WALK_STEP			  static __attribute__((noinline))
#define WALK_INLINE			  static inline __attribute__((always_inline))
#define WALK_OPAQUE(x)			  ((void)0)
#define WALK_READ(w, dst, bytes, address) mem_read((w)->mem, (dst), (bytes), (address))
#define WALK_READ_TEXT(w, dst, bytes, address)                                                     \
	mem_read_text((w)->mem, (char *)(dst), (bytes), (address))

/* Byte by byte: what follows the NUL need not be readable. */
static inline int mem_read_text(const struct mem_reader *mem, char *dst, size_t bytes, uaddr_t src)
{
	char c;

	for (size_t i = 0; i + 1 < bytes; i++) {
		int r = mem_read(mem, &c, 1, src + i);

		if (r < 0 || !c)
			return r;
		dst[i] = c;
	}
	return 0;
}

#define WALK_LOOP_BODY(name, step)                                                                 \
	static int name(u32 round, struct walk_loop *loop)                                         \
	{                                                                                          \
		(void)round;                                                                       \
		return step(loop->w) & 1;                                                          \
	}
#define WALK_LOOP_BODY_AT(name, step)                                                              \
	static int name(u32 round, struct walk_loop *loop)                                         \
	{                                                                                          \
		return step(loop->w, round) & 1;                                                   \
	}
#define WALK_LOOP(n, body, walk)                                                                   \
	({                                                                                         \
		struct walk_loop loop_ = {(walk)};                                                 \
		u32 rounds_ = 0, stop_ = 0;                                                        \
                                                                                                   \
		for (; rounds_ < (n) && !stop_; rounds_++)                                         \
			stop_ = (u32)body(rounds_, &loop_);                                        \
		rounds_;                                                                           \
	})

#endif

/* mask is one less than a power of two, the size of the array. */
WALK_INLINE u32 walk_index(u32 index, u32 mask)
{
	index &= mask;
	WALK_OPAQUE(index);
	return index & mask;
}

#endif
