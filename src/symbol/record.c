/* SPDX-License-Identifier: MIT */
/* Appends fact records (wire.h) to a buffer: whole, padded to 8 bytes, or not at all. */
#include "record.h"

#include "clock.h"

static size_t padding_of(size_t len)
{
	return (8 - len % 8) % 8;
}

int record_add(struct buf *out, struct bprof_record *record, size_t fixed_bytes, const void *text,
	       size_t len)
{
	size_t padding = padding_of(fixed_bytes + len);
	size_t start = out->len;
	int r;

	record->size = (__u32)(fixed_bytes + len + padding);
	record->time_ns = monotonic_ns();
	r = buf_add(out, record, fixed_bytes);
	if (r == 0)
		r = buf_add(out, text, len);
	if (r == 0)
		r = buf_addzero(out, padding);
	if (r < 0)
		record_drop(out, start);
	return r;
}

int record_pad(struct buf *out, size_t start, struct bprof_record *header)
{
	size_t padding = padding_of(out->len - start);

	header->size = (__u32)(out->len - start + padding);
	header->time_ns = monotonic_ns();
	return buf_addzero(out, padding);
}

void record_drop(struct buf *out, size_t start)
{
	out->len = start;
	if (out->data)
		out->data[start] = 0;
}
