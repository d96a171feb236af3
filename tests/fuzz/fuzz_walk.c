/* SPDX-License-Identifier: MIT */
/*
 * The walkers on arbitrary memory.
 *
 * Input: a byte that chooses the layout, a byte of options, 17 registers of 4 bytes, then the
 * image. The image repeats through the whole address space, so that any word is a pointer to
 * something; one page in sixteen cannot be read. What must hold: no crash, a bounded number of
 * reads, and a result that fits its record.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "host_walk.h"
#include "lua_layouts.h"
#include "lua_vms.h"

#define MAX_READS    20000
#define HEADER_BYTES (2 + 4 * BPROF_NR_REGS)
#define MIN_IMAGE    64
#define STACK	     0x7ffd00000000UL
#define HEAP	     0x555500000000UL

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct image {
	const uint8_t *bytes;
	size_t len;
	bool holes;
	unsigned long reads;
};

static int read_image(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct image *image = ctx;
	uint8_t *to = dst;

	if (++image->reads > MAX_READS)
		abort();
	if (image->holes && (src >> 12) % 16 == 7)
		return -EFAULT;
	for (size_t i = 0; i < len; i++)
		to[i] = image->bytes[(src + i) % image->len];
	return 0;
}

static const struct lua_layout *choose_layout(uint8_t choice)
{
	static struct lua_layout puc;
	size_t i = choice % (lua_nr_builds + 1);

	if (i == lua_nr_builds)
		return test_layout("luajit");
	puc = (struct lua_layout){.family = BPROF_FAMILY_PUC,
				  .dialect = lua_builds[i].dialect,
				  .puc = lua_builds[i].puc};
	return &puc;
}

static void check(const struct host_walk_result *r)
{
	if (r->sample.nr_frames > BPROF_MAX_FRAMES || r->sample.nr_spans > BPROF_MAX_SPANS ||
	    r->nr_fresh > BPROF_MAX_FRESH || r->sample.status >= BPROF_NR_WALK_STATUS)
		abort();
	for (unsigned i = 0; i < r->sample.nr_spans; i++) {
		if (r->span[i].frame > BPROF_MAX_FRAMES)
			abort();
	}
	for (unsigned i = 0; i < r->sample.nr_frames; i++) {
		uint32_t kind = r->frame[i].flags & (BPROF_FRAME_LUA | BPROF_FRAME_C |
						     BPROF_FRAME_BUILTIN | BPROF_FRAME_UNKNOWN);

		if (!kind || (kind & (kind - 1)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct host_walk_result result;
	struct host_walk_input in = {.vms = {.nr = 1}};
	const struct lua_layout *layout;
	struct mem_reader mem;
	struct image image;

	if (len < HEADER_BYTES + MIN_IMAGE)
		return -1;
	layout = choose_layout(bytes[0]);
	image = (struct image){.bytes = bytes + HEADER_BYTES,
			       .len = (len - HEADER_BYTES) & ~(size_t)7,
			       .holes = (bytes[1] & 1) != 0};
	mem = (struct mem_reader){.read = read_image, .ctx = &image};
	for (unsigned i = 0; i < BPROF_NR_REGS; i++) {
		uint32_t low;

		memcpy(&low, bytes + 2 + 4 * i, sizeof(low));
		in.reg[i] = (i == BPROF_REG_SP ? STACK : HEAP) + low;
	}
	in.vms.nr = 1 + (bytes[1] >> 1) % BPROF_MAX_VMS;
	for (unsigned i = 0; i < in.vms.nr; i++) {
		in.layout[i] = i % 2 ? *test_layout("luajit") : *layout;
		in.vms.vm[i].main = HEAP + 0x1000 * i;
		/* where the image says the main state's global_State is, so that it matches */
		(void)!mem_read(&mem, &in.vms.vm[i].global, 8,
				in.vms.vm[i].main + (in.layout[i].family == BPROF_FAMILY_LUAJIT
							     ? 16
							     : in.layout[i].puc.state_global));
		in.vms.vm[i].vm_start = HEAP;
		in.vms.vm[i].vm_end = HEAP + (1UL << (8 + bytes[1] % 16));
	}
	in.heap_start = HEAP;
	in.heap_end = HEAP + (1UL << 32);
	if (bytes[1] & 0x10)
		in.stack_end = in.reg[BPROF_REG_SP] + 0x4000;
	image.reads = 0;
	if (host_walk(&mem, &in, &result) < 0)
		abort();
	check(&result);
	return 0;
}
