/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Does the collector of PUC Lua run? Only the native stack tells: a function of the collector that
 * has called another one has its return address there.
 *
 *	sp   [ leaf | ... | return address ... ]  lua_longjmp of the running state   ...
 *	      ^ its ip, or one of these words, lies in the collector, or the collector does not run
 *
 * What lies above the innermost error handler is out of the question: a collector up there has
 * called a finalizer, and that is what runs. So most samples are decided here. Where a word does
 * lie in the collector it may still be left from an older call: the registers and a copy of the
 * stack go to user space, which unwinds it (src/live/gc_state.c).
 *
 * The stack is read in chunks, since a read that crosses its end fails as a whole.
 */
#ifndef BPROF_BPF_NATIVE_STACK_H
#define BPROF_BPF_NATIVE_STACK_H

#define NATIVE_CHUNK_WORDS 64
#define NATIVE_COPY_WORDS  (BPROF_MAX_NATIVE / 8)
#define NATIVE_COPY_CHUNKS (NATIVE_COPY_WORDS / NATIVE_CHUNK_WORDS)
#define NATIVE_MAX_CHUNKS  128 /* 64 KiB: farther away no error handler is looked for */

_Static_assert(BPROF_NR_REGS <= BPROF_MAX_REGS, "struct bprof_native_stack has room for them");

struct native_stack {
	/* as it crosses the ring; behind the copy there is room for one chunk that is only looked
	 * at */
	struct bprof_native_stack fixed;
	u64 reg[BPROF_NR_REGS];
	u64 word[NATIVE_COPY_WORDS + NATIVE_CHUNK_WORDS];

	/* work */
	u64 next, end;
	u64 gc_start, gc_bytes;
	u32 nr_chunks; /* that were read */
	u32 is_unread, is_hit;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct native_stack);
} native_stacks SEC(".maps");

struct native_loop {
	struct native_stack *stack;
};

/*
 * The highest bit: as a code address the word lies in the collector. arm64 signs return addresses
 * in the bits that addresses do not need. Without a branch, as there are many words.
 */
static __always_inline u64 native_gc_bit(const struct native_stack *n, u64 word)
{
	u64 distance;

#ifdef BPROF_ARCH_ARM64
	word &= WALK_HIGHEST_USER - 1;
#endif
	distance = word - n->gc_start;
	return (distance - n->gc_bytes) & ~distance;
}

static __always_inline u32 native_is_gc(const struct native_stack *n, u64 word)
{
	return (u32)(native_gc_bit(n, word) >> 63);
}

/* Does a word of chunk @at lie in the collector? */
WALK_STEP u32 native_hits_gc(struct native_stack *n, u32 at)
{
	u64 *chunk, hit = 0;

	if (!n || at > NATIVE_COPY_CHUNKS)
		return 0;
	chunk = &n->word[at * NATIVE_CHUNK_WORDS];
#pragma unroll 8
	for (u32 i = 0; i < NATIVE_CHUNK_WORDS; i++) {
		hit |= native_gc_bit(n, chunk[i]);
		WALK_OPAQUE(hit); /* in this order: the stack has no room for all words */
	}
	return (u32)(hit >> 63);
}

/* One chunk upwards. Returns 1 at the end. */
WALK_STEP int native_read_chunk(struct native_stack *n)
{
	u64 *chunk;
	u32 at;

	if (!n || n->next >= n->end)
		return 1;
	at = n->nr_chunks;
	if (at >= NATIVE_COPY_CHUNKS) {
		if (n->is_hit)
			return 1;
		at = NATIVE_COPY_CHUNKS;
	}
	at = walk_index(at, 2 * NATIVE_COPY_CHUNKS - 1);
	if (at > NATIVE_COPY_CHUNKS)
		return 1;
	chunk = &n->word[at * NATIVE_CHUNK_WORDS];
	if (bpf_probe_read_user(chunk, NATIVE_CHUNK_WORDS * 8, (const void *)n->next)) {
		n->is_unread = 1;
		return 1;
	}
	n->is_hit |= native_hits_gc(n, at);
	n->nr_chunks++;
	n->next += NATIVE_CHUNK_WORDS * 8;
	return 0;
}

static long native_chunk_body(u32 round, struct native_loop *loop)
{
	u64 stop = (u64)native_read_chunk(loop->stack);

	(void)round;
	WALK_OPAQUE(stop);
	return stop & 1;
}

/* Sends registers and copy. Returns what to say of the collector. */
WALK_STEP int native_ship(struct native_stack *n)
{
	u32 words, size;

	if (!n)
		return BPROF_GC_UNPROVED;
	words = n->nr_chunks * NATIVE_CHUNK_WORDS;
	if (words > NATIVE_COPY_WORDS)
		words = NATIVE_COPY_WORDS;
	n->fixed.h.type = BPROF_RECORD_NATIVE_STACK;
	n->fixed.nr_regs = BPROF_NR_REGS;
	n->fixed.nr_words = (u16)words;
	size = (u32)offsetof(struct native_stack, word) + words * 8;
	n->fixed.h.size = size;
	WALK_OPAQUE(size);
	if (size > offsetof(struct native_stack, word) + BPROF_MAX_NATIVE)
		return BPROF_GC_UNPROVED;
	if (bpf_ringbuf_output(&ring, n, size, BPF_RB_NO_WAKEUP)) {
		count(BPROF_COUNTER_LOST_RECORDS);
		return BPROF_GC_UNREAD;
	}
	return BPROF_GC_ASKED;
}

/* Takes over from the walk what is needed. Returns 1 if the answer is known already. */
static __always_inline int native_begin(struct native_stack *n, const struct walk *w)
{
	u64 ip = w->reg[BPROF_REG_IP];

	n->gc_start = w->vm.gc_start;
	n->gc_bytes = w->vm.gc_end - w->vm.gc_start;
	n->next = w->reg[BPROF_REG_SP] & ~7ULL;
	n->end = w->puc.nr_active ? w->puc.active[0].jump : 0;
	n->nr_chunks = 0;
	n->is_unread = 0;
	n->is_hit = native_is_gc(n, ip);
#ifdef BPROF_ARCH_ARM64
	n->is_hit |= native_is_gc(n, w->reg[BPROF_REG_LR]); /* a leaf may not have pushed it */
#endif
	for (u32 i = 0; i < BPROF_NR_REGS; i++)
		n->reg[i] = w->reg[i];
	n->fixed.h.time_ns = w->record.s.h.time_ns;
	n->fixed.pid = w->record.s.pid;
	n->fixed.tid = w->record.s.tid;
	n->fixed.cpu = w->record.s.cpu;
	n->fixed.vm = w->vm.global;
	n->fixed.execute = w->vm.vm_start;
	return n->end <= n->next;
}

/* After the walk: what to say of the collector in this sample of a PUC VM. */
WALK_STEP int native_ask_gc(struct walk *w)
{
	struct native_loop loop;
	struct native_stack *n;
	u32 zero = 0;

	if (!w)
		return BPROF_GC_UNPROVED;
	n = bpf_map_lookup_elem(&native_stacks, &zero);
	if (!n || !w->vm.gc_end || !w->vm.vm_end)
		return BPROF_GC_UNPROVED;
	if (w->reg[BPROF_REG_IP] >= w->vm.vm_start && w->reg[BPROF_REG_IP] < w->vm.vm_end)
		return BPROF_GC_OUTSIDE;
	if (native_begin(n, w))
		return BPROF_GC_UNREAD;
	loop.stack = n;
	bpf_loop(NATIVE_MAX_CHUNKS, native_chunk_body, &loop, 0);
	if (n->is_hit)
		return native_ship(n);
	return n->is_unread || n->next < n->end ? BPROF_GC_UNREAD : BPROF_GC_OUTSIDE;
}

#endif
