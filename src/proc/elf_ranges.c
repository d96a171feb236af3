/* SPDX-License-Identifier: MIT */
/*
 * Manages the code ranges of one ELF file: the extent of every function that has unwind data.
 *
 * libdw walks the entries of .eh_frame and understands their rules, but offers no way to ask for
 * the range of an entry (dwarf_frame_info() gives one row of it). So the two encoded addresses at
 * the start of each FDE are decoded here, and nothing else.
 *
 *	CIE   augmentation "zPLR"  ->  'R' names the encoding of the addresses in its FDEs
 *	FDE   initial location (encoded), length (same format), ...
 *
 * Invariant: ranges are sorted by start, none is empty, none wraps around.
 *
 * Facts: Linux Standard Base, core, 10.5-10.6 (.eh_frame, pointer encodings).
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <string.h>

#include "elf_image.h"

#define ENCODING_FORMAT	     0x0f
#define ENCODING_APPLICATION 0x70
#define NO_CIE		     UINT64_MAX

/* The section while it is read, and the CIE met last: consecutive FDEs share one. */
struct eh_frame {
	struct elf_image *image;
	const unsigned char *ident;
	Elf_Data *bytes;
	uint64_t vaddr; /* of the section */
	size_t capacity;
	uint64_t cie_offset; /* NO_CIE = none yet */
	int cie_encoding;    /* -1 = not understood */
};

/* Bytes that were not read yet. */
struct cursor {
	const uint8_t *at, *end;
};

static bool take_bytes(struct cursor *c, void *dst, size_t len)
{
	if ((size_t)(c->end - c->at) < len)
		return false;
	memcpy(dst, c->at, len);
	c->at += len;
	return true;
}

static size_t encoded_bytes(unsigned encoding)
{
	switch (encoding & ENCODING_FORMAT) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return 8;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		return 4;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		return 2;
	default: /* LEB128 is not used for code addresses */
		return 0;
	}
}

static bool take_encoded(struct cursor *c, unsigned encoding, bool is_signed, uint64_t *ret)
{
	size_t len = encoded_bytes(encoding);
	unsigned unused_bits = 64 - 8 * (unsigned)len;
	uint64_t value = 0;

	if (len == 0 || !take_bytes(c, &value, len))
		return false;
	if (is_signed && unused_bits && (value >> (63 - unused_bits)) & 1)
		value |= UINT64_MAX << (64 - unused_bits);
	*ret = value;
	return true;
}

/* The encoding named by the augmentation of a CIE, or -1. */
static int address_encoding(const Dwarf_CIE *cie)
{
	struct cursor c = {cie->augmentation_data,
			   cie->augmentation_data + cie->augmentation_data_size};
	const char *letter = cie->augmentation;

	if (!letter || *letter == '\0')
		return DW_EH_PE_absptr;
	if (*letter != 'z' || !cie->augmentation_data)
		return -1;
	for (letter++; *letter; letter++) {
		uint64_t personality;
		uint8_t encoding;

		if (*letter == 'S' || *letter == 'B')
			continue; /* signal frame, pointer authentication: no bytes */
		if (!take_bytes(&c, &encoding, 1))
			return -1;
		if (*letter == 'R')
			return encoding;
		if (*letter == 'P' && !take_encoded(&c, encoding, false, &personality))
			return -1;
		if (*letter != 'P' && *letter != 'L')
			return -1;
	}
	return DW_EH_PE_absptr;
}

static int encoding_of_cie(struct eh_frame *frames, uint64_t offset)
{
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	if (offset == frames->cie_offset)
		return frames->cie_encoding;
	frames->cie_offset = offset;
	frames->cie_encoding = -1;
	if (offset < frames->bytes->d_size &&
	    dwarf_next_cfi(frames->ident, frames->bytes, true, offset, &next, &entry) == 0 &&
	    dwarf_cfi_cie_p(&entry))
		frames->cie_encoding = address_encoding(&entry.cie);
	return frames->cie_encoding;
}

static bool decode_fde(struct eh_frame *frames, const Dwarf_FDE *fde, struct elf_range *ret)
{
	struct cursor c = {fde->start, fde->end};
	int encoding = encoding_of_cie(frames, fde->CIE_pointer);
	uint64_t start, len, end;
	bool is_signed;

	if (encoding < 0 || (encoding & DW_EH_PE_indirect))
		return false;
	is_signed = encoding & DW_EH_PE_signed;
	if (!take_encoded(&c, (unsigned)encoding, is_signed, &start) ||
	    !take_encoded(&c, (unsigned)encoding, false, &len))
		return false;

	if ((encoding & ENCODING_APPLICATION) == DW_EH_PE_pcrel) {
		uint64_t at = (uint64_t)(fde->start - (const uint8_t *)frames->bytes->d_buf);

		start += frames->vaddr + at; /* modulo 2^64 by definition */
	} else if ((encoding & ENCODING_APPLICATION) != 0) {
		return false;
	}
	if (len == 0 || __builtin_add_overflow(start, len, &end))
		return false;
	*ret = (struct elf_range){start, end};
	return true;
}

static int add_range(struct eh_frame *frames, struct elf_range range)
{
	struct elf_image *image = frames->image;

	if (image->nr_ranges == frames->capacity) {
		size_t more = frames->capacity ? frames->capacity * 2 : 256;
		struct elf_range *bigger = reallocarray(image->range, more, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		image->range = bigger;
		frames->capacity = more;
	}
	image->range[image->nr_ranges++] = range;
	return 0;
}

static int read_entries(struct eh_frame *frames)
{
	Dwarf_Off offset = 0, next = 0;

	while (frames->image->nr_ranges < ELF_MAX_RANGES && offset < frames->bytes->d_size) {
		struct elf_range range;
		Dwarf_CFI_Entry entry;
		int r;

		next = offset;
		r = dwarf_next_cfi(frames->ident, frames->bytes, true, offset, &next, &entry);
		if (r > 0 || next <= offset)
			return 0; /* the end, or damage that cannot be skipped */
		offset = next;
		if (r < 0 || dwarf_cfi_cie_p(&entry) || !decode_fde(frames, &entry.fde, &range))
			continue;
		r = add_range(frames, range);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool find_eh_frame(struct elf_image *image, struct eh_frame *ret)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(image->elf, &names) != 0)
		return false;
	while ((section = elf_nextscn(image->elf, section))) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS ||
		    !(header.sh_flags & SHF_ALLOC) || (header.sh_flags & SHF_COMPRESSED))
			continue;
		name = elf_strptr(image->elf, names, header.sh_name);
		if (!name || strcmp(name, ".eh_frame") != 0)
			continue;
		ret->bytes = elf_rawdata(section, NULL);
		ret->vaddr = header.sh_addr;
		return ret->bytes && ret->bytes->d_buf;
	}
	return false;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct elf_range *a = left, *b = right;

	if (a->start != b->start)
		return (a->start > b->start) - (a->start < b->start);
	return (a->end > b->end) - (a->end < b->end);
}

int elf_read_ranges(struct elf_image *image)
{
	struct eh_frame frames = {.image = image, .cie_offset = NO_CIE};
	int r;

	if (image->ranges_read)
		return 0;
	image->nr_ranges = 0;
	frames.ident = (const unsigned char *)elf_getident(image->elf, NULL);
	if (frames.ident && find_eh_frame(image, &frames)) {
		r = read_entries(&frames);
		if (r < 0)
			return r;
	}
	if (image->nr_ranges)
		qsort(image->range, image->nr_ranges, sizeof(*image->range), compare_ranges);
	image->ranges_read = true;
	return 0;
}

int elf_code_range(struct elf_image *image, uint64_t vaddr, struct elf_range *ret)
{
	size_t low = 0, high;
	int r = elf_read_ranges(image);

	if (r < 0)
		return r;
	high = image->nr_ranges;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->range[middle].start <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || vaddr >= image->range[low - 1].end)
		return -ENOENT;
	*ret = image->range[low - 1];
	return 0;
}

int elf_largest_code_range(struct elf_image *image, struct elf_range *ret)
{
	const struct elf_range *largest = NULL;
	int r = elf_read_ranges(image);

	if (r < 0)
		return r;
	for (size_t i = 0; i < image->nr_ranges; i++) {
		const struct elf_range *range = &image->range[i];

		if (!largest || range->end - range->start > largest->end - largest->start)
			largest = range;
	}
	if (!largest)
		return -ENOENT;
	*ret = *largest;
	return 0;
}
