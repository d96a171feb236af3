/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include <errno.h>
#include <string.h>

#include "clock.h"

#define PAGE_BYTES   4096U
#define STRETCH	     4U	  /* pages read with one call: little more than one page costs */
#define NR_STRETCHES 128U /* a power of two; 2 MiB */

struct stretch {
	uaddr_t start;
	uint32_t pid;
	uint32_t drain;	  /* valid in this drain only; 0 = never */
	uint64_t read_ns; /* the bytes are from then or later */
	unsigned char bytes[STRETCH * PAGE_BYTES];
};

struct snapshot {
	struct mem_reader reader;
	const struct mem_reader *live;
	uint32_t pid;
	uint32_t drain;
	uint64_t since_ns;
	struct stretch stretches[NR_STRETCHES];
};

/* The stretch that @page lies in, or NULL if it cannot be read whole. */
static const struct stretch *stretch_of(struct snapshot *s, uaddr_t page)
{
	uaddr_t start = page - page % (STRETCH * PAGE_BYTES);
	uint64_t hash = (start / PAGE_BYTES / STRETCH + s->pid) * 0x9E3779B97F4A7C15ULL;
	struct stretch *stretch = &s->stretches[hash >> 57];

	_Static_assert(NR_STRETCHES == 1U << 7, "the hash gives seven bits");
	if (stretch->drain == s->drain && stretch->pid == s->pid && stretch->start == start &&
	    stretch->read_ns >= s->since_ns)
		return stretch;
	stretch->drain = 0;
	stretch->read_ns = monotonic_ns();
	if (s->live->read(s->live->ctx, stretch->bytes, sizeof(stretch->bytes), start) < 0)
		return NULL;
	stretch->start = start;
	stretch->pid = s->pid;
	stretch->drain = s->drain;
	return stretch;
}

static int snapshot_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct snapshot *s = ctx;
	unsigned char *to = dst;
	uaddr_t end;

	if (len % PAGE_BYTES || src % PAGE_BYTES || !len || __builtin_add_overflow(src, len, &end))
		return mem_read(s->live, dst, len, src);
	for (uaddr_t page = src; page < end; page += PAGE_BYTES) {
		const struct stretch *stretch = stretch_of(s, page);

		if (stretch)
			memcpy(to, stretch->bytes + (page - stretch->start), PAGE_BYTES);
		else if (mem_read(s->live, to, PAGE_BYTES, page) < 0)
			return -EFAULT;
		to += PAGE_BYTES;
	}
	return 0;
}

int snapshot_new(struct snapshot **ret)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->reader = (struct mem_reader){.read = snapshot_read, .ctx = s};
	s->drain = 1;
	*ret = s;
	return 0;
}

void snapshot_free(struct snapshot *s)
{
	free(s);
}

void snapshot_reset(struct snapshot *s)
{
	if (++s->drain == 0)
		s->drain = 1;
}

const struct mem_reader *snapshot_mem(struct snapshot *s, uint32_t pid, uint64_t since_ns,
				      const struct mem_reader *live)
{
	s->pid = pid;
	s->since_ns = since_ns;
	s->live = live;
	return &s->reader;
}
