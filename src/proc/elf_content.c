/* SPDX-License-Identifier: MIT */
/*
 * Manages what a file holds at an address: code and unwind data, a segment at a time.
 *
 * Facts: Linux Standard Base, core, 10.6.2 (.eh_frame_hdr).
 */
#include <dwarf.h>
#include <errno.h>
#include <string.h>

#include "elf_image.h"

#define HEADER_BYTES   12 /* version, three encodings, the address of .eh_frame, a count */
#define HEADER_VERSION 1
#define PAIR_BYTES     8

const uint8_t *elf_bytes(struct elf_image *image, uint64_t vaddr, uint64_t len)
{
	for (size_t i = 0; i < image->nr_segments; i++) {
		struct elf_segment *s = &image->segment[i];

		if (vaddr < s->vaddr || vaddr - s->vaddr >= s->bytes ||
		    s->bytes - (vaddr - s->vaddr) < len)
			continue;
		if (!s->content_read && s->bytes <= ELF_MAX_CONTENT) {
			Elf_Data *data = elf_getdata_rawchunk(image->elf, (int64_t)s->offset,
							      s->bytes, ELF_T_BYTE);

			s->content = data && data->d_size == s->bytes ? data->d_buf : NULL;
		}
		s->content_read = true;
		return s->content ? s->content + (vaddr - s->vaddr) : NULL;
	}
	return NULL;
}

int elf_read(struct elf_image *image, uint64_t vaddr, void *dst, size_t len)
{
	const uint8_t *bytes = elf_bytes(image, vaddr, len);

	if (!bytes)
		return -ENOENT;
	memcpy(dst, bytes, len);
	return 0;
}

int elf_unwind_table(struct elf_image *image, struct elf_unwind_table *ret)
{
	const uint8_t *header =
		image->frame_header ? elf_bytes(image, image->frame_header, HEADER_BYTES) : NULL;
	uint32_t nr;

	if (!header || header[0] != HEADER_VERSION ||
	    header[1] != (DW_EH_PE_pcrel | DW_EH_PE_sdata4) || header[2] != DW_EH_PE_udata4 ||
	    header[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
		return -ENODATA;
	memcpy(&nr, header + 8, sizeof(nr));
	if (nr == 0 ||
	    !elf_bytes(image, image->frame_header + HEADER_BYTES, nr * (uint64_t)PAIR_BYTES))
		return -ENODATA;
	*ret = (struct elf_unwind_table){
		.header = image->frame_header,
		.table = image->frame_header + HEADER_BYTES,
		.nr = nr,
	};
	return 0;
}
