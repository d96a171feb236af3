/* SPDX-License-Identifier: MIT */
/*
 * Manages the direct calls between the functions of one ELF file.
 *
 * On x86-64 the bytes of a call (e8) or a jump (e9, 0f 8x; eb, 7x to a neighbour) are looked for at
 * every offset, without decoding the instructions before: what follows must be the distance to the
 * exact start of a function's code range. Other bytes are that by chance hardly ever, but for short
 * jumps: one function in thirty seems to jump to its neighbour. On arm64 instructions lie at
 * multiples of four and nothing is left to chance.
 *
 * Invariant: sorted by caller, then callee; from and to are starts of code ranges.
 *
 * Facts: Intel SDM volume 2 (CALL, JMP, Jcc); Arm ARM, C6.2 (B, BL).
 */
#include <errno.h>
#include <string.h>

#include "elf_image.h"

struct call_scan {
	struct elf_image *image;
	size_t capacity;
};

static bool starts_function(const struct elf_image *image, uint64_t vaddr)
{
	size_t low = 0, high = image->nr_ranges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->range[middle].start < vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->nr_ranges && image->range[low].start == vaddr;
}

static int add_call(struct call_scan *scan, struct elf_call call)
{
	struct elf_image *image = scan->image;

	/* a jump to its own start is a loop, not a call */
	if ((call.is_jump && call.from == call.to) || !starts_function(image, call.to) ||
	    image->nr_calls == ELF_MAX_CALLS)
		return 0;
	if (image->nr_calls == scan->capacity) {
		size_t more = scan->capacity ? scan->capacity * 2 : 1024;
		struct elf_call *bigger = reallocarray(image->call, more, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		image->call = bigger;
		scan->capacity = more;
	}
	image->call[image->nr_calls++] = call;
	return 0;
}

/* A call or jump at @code, of which @left bytes are readable: its length and distance, or 0. */
static uint64_t x86_64_call(const uint8_t *code, uint64_t left, int64_t *ret_distance)
{
	uint64_t bytes = 0;
	int32_t distance;

	if ((code[0] == 0xeb || (code[0] & 0xf0) == 0x70) && left >= 2) {
		*ret_distance = (int8_t)code[1];
		return 2;
	}
	if (code[0] == 0xe8 || code[0] == 0xe9)
		bytes = 5;
	else if (code[0] == 0x0f && left > 1 && (code[1] & 0xf0) == 0x80)
		bytes = 6;
	if (!bytes || bytes > left)
		return 0;
	memcpy(&distance, code + bytes - sizeof(distance), sizeof(distance));
	*ret_distance = distance;
	return bytes;
}

static int scan_x86_64(struct call_scan *scan, struct elf_range range, const uint8_t *code)
{
	const uint64_t len = range.end - range.start;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < len; i++) {
		int64_t distance;
		uint64_t bytes = x86_64_call(code + i, len - i, &distance);

		if (bytes)
			r = add_call(scan,
				     (struct elf_call){
					     .from = range.start,
					     .to = range.start + i + bytes + (uint64_t)distance,
					     .is_jump = code[i] != 0xe8,
				     });
	}
	return r;
}

static int scan_arm64(struct call_scan *scan, struct elf_range range, const uint8_t *code)
{
	const uint64_t len = range.end - range.start;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i + 4 <= len; i += 4) {
		uint32_t instruction;
		int64_t distance;

		memcpy(&instruction, code + i, sizeof(instruction));
		if ((instruction & 0x7c000000U) != 0x14000000U)
			continue;
		distance = (int64_t)(instruction & 0x03ffffffU) * 4;
		if (instruction & 0x02000000U)
			distance -= INT64_C(1) << 28;
		r = add_call(scan, (struct elf_call){
					   .from = range.start,
					   .to = range.start + i + (uint64_t)distance,
					   .is_jump = !(instruction & 0x80000000U),
				   });
	}
	return r;
}

static int compare_calls(const void *left, const void *right)
{
	const struct elf_call *a = left, *b = right;

	if (a->from != b->from)
		return (a->from > b->from) - (a->from < b->from);
	if (a->to != b->to)
		return (a->to > b->to) - (a->to < b->to);
	return a->is_jump - b->is_jump;
}

int elf_read_calls(struct elf_image *image)
{
	struct call_scan scan = {.image = image};
	int r = elf_read_ranges(image);

	if (r < 0 || image->calls_read)
		return r;
	image->nr_calls = 0;
	for (size_t i = 0; r == 0 && i < image->nr_ranges; i++) {
		struct elf_range range = image->range[i];
		const uint8_t *code = elf_bytes(image, range.start, range.end - range.start);

		if (code)
			r = image->machine == EM_X86_64 ? scan_x86_64(&scan, range, code)
							: scan_arm64(&scan, range, code);
	}
	if (r < 0)
		return r;
	if (image->nr_calls)
		qsort(image->call, image->nr_calls, sizeof(*image->call), compare_calls);
	image->calls_read = true;
	return 0;
}
