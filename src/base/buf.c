/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = 0;
}

/* Room for @more bytes and a terminator. */
static int buf_reserve(struct buf *b, size_t more)
{
	size_t size = b->size ? b->size : 256;
	char *data;

	if (more > b->max || b->len > b->max - more)
		return -E2BIG;
	if (b->data && b->len + more < b->size)
		return 0;
	while (size <= b->len + more)
		size = size > SIZE_MAX / 2 ? b->len + more + 1 : size * 2;
	data = realloc(b->data, size);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->size = size;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	int r = buf_reserve(b, len);

	if (r < 0)
		return r;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
	return 0;
}

int buf_addzero(struct buf *b, size_t len)
{
	int r = buf_reserve(b, len);

	if (r < 0)
		return r;
	memset(b->data + b->len, 0, len + 1);
	b->len += len;
	return 0;
}

int buf_addstr(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->data ? b->size - b->len : 0;
	va_list args, again;
	int len, r;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(room ? b->data + b->len : NULL, room, fmt, args); /* it often fits */
	va_end(args);
	r = len < 0 ? -EINVAL : buf_reserve(b, (size_t)len);
	if (r == 0 && (size_t)len >= room)
		vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
	va_end(again);
	if (r == 0)
		b->len += (size_t)len;
	else if (room)
		b->data[b->len] = 0;
	return r;
}

int buf_addfile(struct buf *b, int fd)
{
	char block[65536];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(fd, block, sizeof(block))) != 0)
		r = n < 0 ? -errno : buf_add(b, block, (size_t)n);
	return r;
}
