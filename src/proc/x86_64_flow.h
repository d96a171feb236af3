/* SPDX-License-Identifier: MIT */
/* The instructions of one function of x86-64, and the ways between them. */
#ifndef BPROF_X86_64_FLOW_H
#define BPROF_X86_64_FLOW_H

#include "elf_file.h"
#include "x86_64.h"

#define X86_64_NOWHERE	    UINT16_MAX
#define X86_64_MAX_FUNCTION UINT16_MAX
#define X86_64_NO_DEPTH	    INT32_MIN

/**
 * struct x86_64_flow - a function
 * @at:        its instructions, in their order; @start: where each begins, from the function's
 * start
 * @by_offset: which begins there, or X86_64_NOWHERE
 * @jump:      where a jump or branch of the function leads to, or X86_64_NOWHERE
 * @depth:     bytes on the stack when it begins: 0 at the entry, where the return address is on
 * top; X86_64_NO_DEPTH: nothing leads there
 * @is_listed: the file's data have its address: a jump to what a register holds may lead there
 * @is_last:   a call of a function that does not return
 * @frame:     of rbp, below the entry's rsp, if that is a frame pointer; else X86_64_NO_DEPTH
 */
struct x86_64_flow {
	struct x86_64_instruction *at;
	uint16_t *start, *by_offset, *jump;
	int32_t *depth;
	bool *is_listed, *is_last;
	size_t nr, nr_listed;
	uint64_t base, len;
	int32_t frame;
};

/**
 * x86_64_flow_read() - decode the function at @range of @image, as far as jump
 * @ret: the caller's, until x86_64_flow_done(), also after an error
 *
 * Return: 0; -ENODATA: not understood; -ENOMEM.
 */
int x86_64_flow_read(struct elf_image *image, const struct elf_range *range,
		     struct x86_64_flow *ret);

/* The rest of it, from depth on. Return: 0; -ENODATA: the stack is not understood. */
int x86_64_flow_follow(struct elf_image *image, struct x86_64_flow *flow);
void x86_64_flow_done(struct x86_64_flow *flow);

/* Does the next one follow instruction @i? */
bool x86_64_falls_through(const struct x86_64_flow *flow, size_t i);

/*
 * The place in the function's frame that a memory operand means: bytes from the entry's rsp. False
 * if it is elsewhere, or that is not known.
 */
bool x86_64_frame_place(const struct x86_64_flow *flow, size_t i, int32_t *ret);

#endif
