/* SPDX-License-Identifier: MIT */
/*
 * What a Lua program did after its memory image (vm_image.h) was taken, one machine instruction at
 * a time: the registers and the memory that each has changed. So every state that a sample may find
 * between two instructions can be walked again, on any machine.
 */
#ifndef TEST_VM_STEPS_H
#define TEST_VM_STEPS_H

#include <zlib.h>

#include "vm_image.h"

#define VM_STEPS_PAGE	   4096
#define VM_STEPS_MAX_PAGES 256
#define VM_STEPS_MAX_WORDS 4096

/* One instruction. Pages that had not been looked at come whole, of the others what has changed. */
struct vm_step {
	uint64_t reg[BPROF_NR_REGS];
	uint32_t nr_pages, nr_words;
	struct vm_step_page {
		uint64_t address;
		uint8_t bytes[VM_STEPS_PAGE];
	} page[VM_STEPS_MAX_PAGES];
	struct vm_step_word {
		uint64_t address, value;
	} word[VM_STEPS_MAX_WORDS];
};

/*
 * What the profiler knows besides the memory: the end of the native stack, and of PUC Lua what the
 * file of the interpreter says of its functions (ranges, 0 and 0 if not known).
 */
struct vm_steps_code {
	uint64_t stack_end;
	struct vm_image_range execute, gc;
	uint64_t pc_reg, pc_reg_is_proved;
	uint64_t fetch_is_proved; /* 5.2, 5.3: no window between a branch and its fetch */
};

struct vm_steps {
	gzFile file;
	struct vm_steps_code code;
	uint64_t reg[BPROF_NR_REGS]; /* of the step before: only what differs is in the file */
};

/* Begins with the registers of the image. 0 or -errno; vm_steps_close() in either case. */
int vm_steps_create(struct vm_steps *steps, const struct vm_image *image,
		    const struct vm_steps_code *code, const char *path);
int vm_steps_open(struct vm_steps *steps, const struct vm_image *image, const char *path);
int vm_steps_close(struct vm_steps *steps);

/* As the profiler tells the kernel's side (src/live/gc_state.c). */
void vm_steps_place_code(const struct vm_steps_code *code, struct host_walk_input *in);

/* Appends one. 0 or -errno. */
int vm_steps_put(struct vm_steps *steps, const struct vm_step *step);

/* Makes @image the state behind the next instruction. 1, 0 at the end, or -errno. */
int vm_steps_next(struct vm_steps *steps, struct vm_image *image);

#endif
