/* SPDX-License-Identifier: MIT */
/*
 * A window of a few stretches of whole pages into the memory of a target.
 *
 * Invariant: a stretch is either empty or holds its pages as they were at a single read. Where four
 * pages cannot be read, one is tried; where that cannot be read whole (fake memory, a hole), that
 * is no error: the exact bytes are tried instead.
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
	memset(peek->stretch, 0, sizeof(peek->stretch));
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

/* The bytes from @page on, at least one page of them, or NULL if it cannot be read whole. */
static const unsigned char *peek_page(struct peek *peek, uaddr_t page)
{
	struct peek_stretch *stretch;
	unsigned char *bytes;

	for (size_t i = 0; i < PEEK_NR_STRETCHES; i++)
		if (page - peek->stretch[i].start < peek->stretch[i].len)
			return peek->bytes[i] + (page - peek->stretch[i].start);
	stretch = &peek->stretch[peek->next];
	bytes = peek->bytes[peek->next];
	stretch->len = 0;
	if (mem_read(peek->mem, bytes, PEEK_AHEAD_BYTES, page) == 0)
		stretch->len = PEEK_AHEAD_BYTES;
	else if (mem_read(peek->mem, bytes, PEEK_PAGE_BYTES, page) == 0)
		stretch->len = PEEK_PAGE_BYTES;
	else
		return NULL;
	stretch->start = page;
	peek->next = (peek->next + 1) % PEEK_NR_STRETCHES;
	return bytes;
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
