/* SPDX-License-Identifier: MIT */
#include "type_memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define KERNEL_TYPES	"/sys/kernel/btf/vmlinux"
#define MAX_TYPES_BYTES (64L << 20)
#define HUGE_PAGE_BYTES (2UL << 20)
#define GLIBC_THRESHOLD (128 << 10) /* of both, as mallopt(3) says */

void type_memory_begin(void)
{
	struct stat types;
	size_t bytes;
	void *room;

	if (stat(KERNEL_TYPES, &types) < 0 || types.st_size > MAX_TYPES_BYTES)
		return;
	/* as read, its copy, and an index of a tenth of that */
	bytes = (2 * (size_t)types.st_size + HUGE_PAGE_BYTES) & ~(HUGE_PAGE_BYTES - 1);
	mallopt(M_MMAP_THRESHOLD, (int)(bytes + 2 * HUGE_PAGE_BYTES));
	mallopt(M_TRIM_THRESHOLD, (int)(bytes + 2 * HUGE_PAGE_BYTES));
	if (posix_memalign(&room, HUGE_PAGE_BYTES, bytes))
		return;
	(void)!madvise(room, bytes, MADV_HUGEPAGE);
	free(room);
}

void type_memory_end(void)
{
	mallopt(M_MMAP_THRESHOLD, GLIBC_THRESHOLD);
	mallopt(M_TRIM_THRESHOLD, GLIBC_THRESHOLD);
	malloc_trim(0);
}
