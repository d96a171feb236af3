/* SPDX-License-Identifier: MIT */
/* How old the pages may be that captures are made from. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "snapshot.h"

#define PAGE_BYTES 4096U
#define ADDRESS	   0x10000U

/* Memory whose every byte says how often it was read. */
static struct {
	unsigned reads;
} target;

static int count_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	(void)ctx;
	(void)src;
	memset(dst, (int)++target.reads, len);
	return 0;
}

static const struct mem_reader live = {.read = count_read};
static struct snapshot *snapshot;

static void setup(void)
{
	target.reads = 0;
	cr_assert(zero(int, snapshot_new(&snapshot)));
}

static void teardown(void)
{
	snapshot_free(snapshot);
}

TestSuite(snapshot, .init = setup, .fini = teardown);

/* The first byte of the page at @address, as it was at @since_ns or later. */
static unsigned page_since(uint64_t since_ns, uint32_t pid, uaddr_t address)
{
	const struct mem_reader *mem = snapshot_mem(snapshot, pid, since_ns, &live);
	static unsigned char page[PAGE_BYTES];

	cr_assert(zero(int, mem_read(mem, page, sizeof(page), address)));
	return page[0];
}

Test(snapshot, pages_are_read_once_in_a_drain)
{
	uint64_t sampled_ns = monotonic_ns();

	cr_expect(eq(uint, page_since(sampled_ns, 1, ADDRESS), 1));
	cr_expect(eq(uint, page_since(sampled_ns, 1, ADDRESS), 1));
	cr_expect(eq(uint, page_since(sampled_ns, 1, ADDRESS + PAGE_BYTES), 1), "its neighbour");
	cr_expect(eq(uint, page_since(sampled_ns, 2, ADDRESS), 2), "another process");
}

Test(snapshot, the_next_drain_reads_anew)
{
	uint64_t sampled_ns = monotonic_ns();

	cr_expect(eq(uint, page_since(sampled_ns, 1, ADDRESS), 1));
	snapshot_reset(snapshot);
	cr_expect(eq(uint, page_since(sampled_ns, 1, ADDRESS), 2));
}

/* Else a function compiled during the drain would be captured as the zeros that were there. */
Test(snapshot, a_page_older_than_the_sample_is_read_anew)
{
	uint64_t before_ns = monotonic_ns(), sampled_ns;

	cr_expect(eq(uint, page_since(before_ns, 1, ADDRESS), 1));
	sampled_ns = monotonic_ns() + 1;
	while (monotonic_ns() < sampled_ns)
		;
	cr_expect(eq(uint, page_since(sampled_ns, 1, ADDRESS), 2));
	cr_expect(eq(uint, page_since(before_ns, 1, ADDRESS), 2), "newer is as good");
}

Test(snapshot, what_is_no_whole_page_comes_from_the_target)
{
	const struct mem_reader *mem = snapshot_mem(snapshot, 1, monotonic_ns(), &live);
	unsigned char word[8];

	cr_assert(zero(int, mem_read(mem, word, sizeof(word), ADDRESS)));
	cr_assert(zero(int, mem_read(mem, word, sizeof(word), ADDRESS)));
	cr_expect(eq(u8, word[0], 2));
}
