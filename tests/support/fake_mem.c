/* SPDX-License-Identifier: MIT */
/*
 * Manages fake address spaces. A read succeeds only if every byte of it lies in a region, as a read
 * of a real process would in its mappings.
 */
#include "fake_mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct fake_region *region_of(const struct fake_mem *mem, uaddr_t at, size_t bytes)
{
	for (size_t i = 0; i < mem->nr_regions; i++) {
		const struct fake_region *r = &mem->region[i];
		uaddr_t offset = at - r->start;

		if (at >= r->start && offset <= r->bytes && r->bytes - offset >= bytes)
			return r;
	}
	return NULL;
}

/* xorshift64 */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One read in eight loses a bit, one in sixty-four all of its bytes. */
static void corrupt_bytes(struct fake_mem *mem, uint8_t *bytes, size_t len)
{
	uint64_t dice = next_random(&mem->corrupt);

	if (dice % 64 == 0) {
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)next_random(&mem->corrupt);
	} else if (dice % 8 == 0) {
		bytes[(dice >> 8) % len] ^= (uint8_t)(1U << ((dice >> 40) % 8));
	}
}

/* Regions may adjoin. */
static bool copy_bytes(const struct fake_mem *mem, uint8_t *dst, size_t len, uaddr_t src)
{
	const struct fake_region *r;
	size_t part;

	for (; len > 0; dst += part, src += part, len -= part) {
		r = region_of(mem, src, 1);
		if (!r)
			return false;
		part = r->bytes - (src - r->start);
		if (part > len)
			part = len;
		memcpy(dst, r->copy + (src - r->start), part);
	}
	return true;
}

static int read_fake(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct fake_mem *mem = ctx;

	mem->reads++;
	if (mem->on_read)
		mem->on_read(mem, mem->reads);
	if (mem->reads == mem->fail_at) {
		mem->failed = true;
		mem->failed_at = src;
		memset(dst, 0xa5, len); /* what a failed read leaves is nobody's to use */
		return -EFAULT;
	}
	if (!copy_bytes(mem, dst, len, src)) {
		memset(dst, 0xa5, len);
		return -EFAULT;
	}
	if (mem->corrupt && len)
		corrupt_bytes(mem, dst, len);
	return 0;
}

void fake_mem_init(struct fake_mem *mem)
{
	*mem = (struct fake_mem){.reader = {.read = read_fake, .ctx = mem}};
}

void fake_mem_done(struct fake_mem *mem)
{
	for (size_t i = 0; i < mem->nr_regions; i++)
		free(mem->region[i].copy);
	mem->nr_regions = 0;
}

void fake_mem_rewind(struct fake_mem *mem)
{
	mem->reads = 0;
	mem->fail_at = 0;
	mem->failed = false;
	mem->corrupt = 0;
	mem->on_read = NULL;
}

void fake_mem_add(struct fake_mem *mem, uaddr_t start, size_t bytes)
{
	uint8_t *copy = calloc(1, bytes);

	if (!copy || mem->nr_regions == FAKE_MAX_REGIONS)
		abort();
	mem->region[mem->nr_regions++] =
		(struct fake_region){.start = start, .bytes = bytes, .copy = copy};
}

bool fake_mem_copy(struct fake_mem *mem, const struct mem_reader *from, uaddr_t start, size_t bytes)
{
	uint8_t *copy;

	if (mem->nr_regions == FAKE_MAX_REGIONS)
		return false;
	copy = malloc(bytes);
	if (!copy || mem_read(from, copy, bytes, start) < 0) {
		free(copy);
		return false;
	}
	mem->region[mem->nr_regions++] =
		(struct fake_region){.start = start, .bytes = bytes, .copy = copy};
	return true;
}

void fake_mem_put(struct fake_mem *mem, uaddr_t at, unsigned bytes, uint64_t value)
{
	const struct fake_region *r = region_of(mem, at, bytes);

	if (!r || bytes > sizeof(value))
		abort();
	memcpy(r->copy + (at - r->start), &value, bytes);
}

uint64_t fake_mem_get(const struct fake_mem *mem, uaddr_t at, unsigned bytes)
{
	const struct fake_region *r = region_of(mem, at, bytes);
	uint64_t value = 0;

	if (!r || bytes > sizeof(value))
		abort();
	memcpy(&value, r->copy + (at - r->start), bytes);
	return value;
}
