/* SPDX-License-Identifier: MIT */
/*
 * A window of a few whole pages into the memory of a target.
 *
 * Invariant: a page is either empty or as it was at a single read. Where one cannot be read whole
 * (fake memory, a hole), that is no error: the exact bytes are tried instead.
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
	peek->next = 0;
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

/* The bytes of @page, which is not the first; NULL if it cannot be read whole. */
static const unsigned char *peek_page(struct peek *peek, uaddr_t page)
{
	size_t i = peek->next;

	for (size_t known = 0; known < PEEK_NR_PAGES; known++)
		if (peek->page[known] == page)
			return peek->bytes[known];
	peek->page[i] = 0;
	if (mem_read(peek->mem, peek->bytes[i], PEEK_PAGE_BYTES, page) < 0)
		return NULL;
	peek->page[i] = page;
	peek->next = (i + 1) % PEEK_NR_PAGES;
	return peek->bytes[i];
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
