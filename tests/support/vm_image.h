/* SPDX-License-Identifier: MIT */
/*
 * The memory image of a stopped Lua program: what discovery, the walk and the capture of names read
 * of it, whole pages, and its registers. It stands for a build that is not installed.
 */
#ifndef TEST_VM_IMAGE_H
#define TEST_VM_IMAGE_H

#include "discover.h"
#include "fake_mem.h"
#include "host_walk.h"

#define VM_IMAGE_MAX_CODE      256
#define VM_IMAGE_MAX_FUNCTIONS 8
#define VM_IMAGE_MAX_FRAMES    64

/* [start, end) of the process */
struct vm_image_range {
	uint64_t start, end;
};

/* Everything but the memory; as it is in the file. */
struct vm_image_head {
	char magic[8];
	uint64_t reg[BPROF_NR_REGS];
	uint64_t state; /* the main lua_State */
	uint64_t heap_start, heap_end;
	uint64_t nr_code, nr_functions, nr_regions;
	struct vm_image_range code[VM_IMAGE_MAX_CODE];		/* executable mappings of files */
	struct vm_image_range function[VM_IMAGE_MAX_FUNCTIONS]; /* what code_range() answered */
};

struct vm_image {
	struct vm_image_head head;
	struct fake_mem mem;
	struct discover_env env;
};

/* Compressed by zlib. 0 or -errno. */
int vm_image_write(const struct vm_image *image, const char *path);

/* @image stays where it is: its readers point to it. 0 or -errno; vm_image_done() in either case.
 */
int vm_image_read(struct vm_image *image, const char *path);
void vm_image_done(struct vm_image *image);

/* One frame: the current line and the first line of a Lua function, or C. */
struct vm_image_frame {
	bool is_c;
	int line, first_line;
};

/*
 * The stack as the program itself told it, leaf first: lines "C" or "LINE:FIRST". Returns how many,
 * or -errno.
 */
int vm_image_read_stack(const char *path, struct vm_image_frame frame[VM_IMAGE_MAX_FRAMES]);

/* A walk in the same form. */
int vm_image_walked(const struct host_walk_result *walk,
		    struct vm_image_frame frame[VM_IMAGE_MAX_FRAMES]);

#endif
