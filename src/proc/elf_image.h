/* SPDX-License-Identifier: MIT */
/* The inside of struct elf_image, shared by the elf*.c files of this folder only. */
#ifndef BPROF_ELF_IMAGE_H
#define BPROF_ELF_IMAGE_H

#include <gelf.h>

#include "elf_file.h"

struct elf_segment {
	uint64_t vaddr, offset, bytes; /* bytes: in the file */
	bool executable;
	bool content_read;	/* content is as it will ever be */
	const uint8_t *content; /* borrowed from libelf; NULL: not readable, or too much */
};

/* A direct call or jump from one function to the start of another, both by their code ranges. */
struct elf_call {
	uint64_t from, to;
	bool is_jump;
};

struct elf_symbol {
	uint64_t address, size;
	uint64_t reach;	  /* largest end of this and all symbols before it, in order of address */
	const char *name; /* borrowed from libelf */
	bool exported;
};

struct elf_image {
	int fd;
	uint64_t file_bytes;
	unsigned machine; /* EM_X86_64 or EM_AARCH64 */
	Elf *elf;
	struct elf_segment segment[ELF_MAX_SEGMENTS];
	size_t nr_segments;
	uint64_t frame_header; /* vaddr of .eh_frame_hdr, 0 = none */

	/* Built at the first need, sorted by address. */
	bool symbols_read, ranges_read, calls_read;
	struct elf_symbol *symbol;
	size_t nr_symbols;
	struct elf_range *range;
	size_t nr_ranges;
	struct elf_call *call; /* sorted by from, then to */
	size_t nr_calls;
};

/* Fill the index if it is not there yet. 0 or -ENOMEM: a damaged table is a shorter table. */
int elf_read_symbols(struct elf_image *image);
int elf_read_ranges(struct elf_image *image);
int elf_read_calls(struct elf_image *image);

/* The bytes at @vaddr as the file has them, or NULL if @len of them are not in one segment. */
const uint8_t *elf_bytes(struct elf_image *image, uint64_t vaddr, uint64_t len);

/* a + len within the file? */
static inline bool elf_has_bytes(const struct elf_image *image, uint64_t offset, uint64_t len)
{
	return offset <= image->file_bytes && image->file_bytes - offset >= len;
}

#endif
