/* SPDX-License-Identifier: MIT */
/*
 * A fake address space: built by hand or copied from a process, with faults on demand.
 */
#ifndef TEST_FAKE_MEM_H
#define TEST_FAKE_MEM_H

#include <bprof/mem.h>

#include <stdbool.h>

#define FAKE_MAX_REGIONS 256

struct fake_region {
	uaddr_t start;
	size_t bytes;
	uint8_t *copy; /* owned */
};

/**
 * struct fake_mem - regions that can be read, and what shall go wrong
 * @reader:  reads of this address space; valid while the struct stays where it is
 * @reads:   since fake_mem_rewind()
 * @fail_at: this read fails (1 = the first), 0 = none
 * @failed:  it did
 * @failed_at: what it was to read
 * @corrupt: not 0: seed of random bit errors in what is read
 * @on_read: called before each read; may change the memory (torn state)
 */
struct fake_mem {
	struct mem_reader reader;
	struct fake_region region[FAKE_MAX_REGIONS];
	size_t nr_regions;
	unsigned long reads, fail_at;
	bool failed;
	uaddr_t failed_at;
	uint64_t corrupt;
	void (*on_read)(struct fake_mem *mem, unsigned long read);
};

void fake_mem_init(struct fake_mem *mem);
void fake_mem_done(struct fake_mem *mem);

/* Forgets faults and counts; the memory stays. */
void fake_mem_rewind(struct fake_mem *mem);

/* A region of zeros. */
void fake_mem_add(struct fake_mem *mem, uaddr_t start, size_t bytes);

/* A copy of what @from has at [start, start + bytes); false if it cannot be read or has no room. */
bool fake_mem_copy(struct fake_mem *mem, const struct mem_reader *from, uaddr_t start,
		   size_t bytes);

/* Little-endian stores and loads of 1, 2, 4 or 8 bytes; the address must be mapped. */
void fake_mem_put(struct fake_mem *mem, uaddr_t at, unsigned bytes, uint64_t value);
uint64_t fake_mem_get(const struct fake_mem *mem, uaddr_t at, unsigned bytes);

#endif
