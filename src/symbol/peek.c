/* SPDX-License-Identifier: MIT */
/*
 * A window of a few aligned pages into the memory of a target.
 *
 * Invariant: a slot is either empty or holds one whole page as it was at a single read. A page that
 * cannot be read whole (fake memory, a hole) is not an error: the exact bytes are tried instead.
 */
#include "peek.h"

#include <errno.h>
#include <string.h>

/* Longer copies gain nothing from the window and would push everything else out of it. */
#define PEEK_MAX_WINDOWED 1024U

struct peek *peek_new(const struct mem_reader *mem)
{
	struct peek *peek = malloc(sizeof(*peek));

	if (!peek)
		return NULL;
	peek->mem = mem;
	memset(peek->page, 0, sizeof(peek->page));
	return peek;
}

void peek_free(struct peek *peek)
{
	free(peek);
}

int peek_read_fresh(struct peek *peek, void *dst, size_t len, uaddr_t src)
{
	uaddr_t end;

	if (src < PEEK_PAGE_BYTES || __builtin_add_overflow(src, len, &end))
		return -EFAULT;
	return mem_read(peek->mem, dst, len, src);
}

/* The bytes of the page at @page, or NULL if it cannot be read whole. */
static const unsigned char *peek_page(struct peek *peek, uaddr_t page)
{
	size_t slot = (size_t)(page / PEEK_PAGE_BYTES % PEEK_NR_PAGES);

	if (peek->page[slot] == page)
		return peek->bytes[slot];
	peek->page[slot] = 0;
	if (mem_read(peek->mem, peek->bytes[slot], PEEK_PAGE_BYTES, page) < 0)
		return NULL;
	peek->page[slot] = page;
	return peek->bytes[slot];
}

int peek_read(struct peek *peek, void *dst, size_t len, uaddr_t src)
{
	unsigned char *to = dst;
	uaddr_t end;

	if (src < PEEK_PAGE_BYTES || __builtin_add_overflow(src, len, &end))
		return -EFAULT;
	if (len > PEEK_MAX_WINDOWED)
		return peek_read_fresh(peek, dst, len, src);
	while (len > 0) {
		size_t offset = (size_t)(src % PEEK_PAGE_BYTES);
		size_t piece = PEEK_PAGE_BYTES - offset;
		const unsigned char *page = peek_page(peek, src - offset);
		int r;

		if (piece > len)
			piece = len;
		if (page) {
			memcpy(to, page + offset, piece);
		} else {
			r = peek_read_fresh(peek, to, piece, src);
			if (r < 0)
				return r;
		}
		to += piece;
		src += piece;
		len -= piece;
	}
	return 0;
}
