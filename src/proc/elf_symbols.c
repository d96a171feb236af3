/* SPDX-License-Identifier: MIT */
/*
 * Manages the index of function symbols of one ELF file.
 *
 * Invariant: sorted by address, then exported first, then by name; every symbol's range is sound
 * (no overflow); `reach` never decreases, so a search backwards knows when to stop.
 *
 * Why only covering symbols count: below an exported function of a stripped library lie static ones
 * that have no symbol. The nearest symbol would give them all the exported one's name.
 */
#include <errno.h>
#include <string.h>

#include "elf_image.h"

#define MAX_STEPS_BACK 256 /* symbols looked at for one address; nested symbols are rare */

static bool is_function(const GElf_Sym *s)
{
	unsigned type = GELF_ST_TYPE(s->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && s->st_shndx != SHN_UNDEF &&
	       s->st_value != 0;
}

static int add_symbol(struct elf_image *image, size_t *capacity, struct elf_symbol symbol)
{
	if (image->nr_symbols == *capacity) {
		size_t more = *capacity ? *capacity * 2 : 256;
		struct elf_symbol *bigger = reallocarray(image->symbol, more, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		image->symbol = bigger;
		*capacity = more;
	}
	image->symbol[image->nr_symbols++] = symbol;
	return 0;
}

static int read_table(struct elf_image *image, Elf_Scn *section, const GElf_Shdr *header,
		      size_t *capacity)
{
	Elf_Data *table = elf_getdata(section, NULL);
	size_t nr;

	if (!table || header->sh_entsize != sizeof(Elf64_Sym))
		return 0;
	nr = table->d_size / sizeof(Elf64_Sym);
	for (size_t i = 0; i < nr && i < INT32_MAX && image->nr_symbols < ELF_MAX_SYMBOLS; i++) {
		const char *name;
		uint64_t end;
		GElf_Sym s;
		int r;

		if (!gelf_getsym(table, (int)i, &s) || !is_function(&s) ||
		    __builtin_add_overflow(s.st_value, s.st_size, &end))
			continue;
		name = elf_strptr(image->elf, header->sh_link, s.st_name);
		if (!name || !*name)
			continue;
		r = add_symbol(image, capacity,
			       (struct elf_symbol){
				       .address = s.st_value,
				       .size = s.st_size,
				       .name = name,
				       .exported = GELF_ST_BIND(s.st_info) != STB_LOCAL,
			       });
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_symbols(const void *left, const void *right)
{
	const struct elf_symbol *a = left, *b = right;

	if (a->address != b->address)
		return (a->address > b->address) - (a->address < b->address);
	if (a->exported != b->exported)
		return b->exported - a->exported;
	return strcmp(a->name, b->name);
}

int elf_read_symbols(struct elf_image *image)
{
	Elf_Scn *section = NULL;
	size_t capacity = 0;
	uint64_t reach = 0;

	if (image->symbols_read)
		return 0;
	image->nr_symbols = 0;
	while ((section = elf_nextscn(image->elf, section))) {
		GElf_Shdr header;
		int r;

		if (!gelf_getshdr(section, &header) ||
		    (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB))
			continue;
		r = read_table(image, section, &header, &capacity);
		if (r < 0)
			return r;
	}

	if (image->nr_symbols)
		qsort(image->symbol, image->nr_symbols, sizeof(*image->symbol), compare_symbols);
	for (size_t i = 0; i < image->nr_symbols; i++) {
		struct elf_symbol *s = &image->symbol[i];

		if (s->address + s->size > reach)
			reach = s->address + s->size;
		s->reach = reach;
	}
	image->symbols_read = true;
	return 0;
}

/* Index of the first symbol that starts beyond @vaddr. */
static size_t symbols_after(const struct elf_image *image, uint64_t vaddr)
{
	size_t low = 0, high = image->nr_symbols;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->symbol[middle].address <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *elf_symbol_at(struct elf_image *image, uint64_t vaddr, uint64_t *ret_offset)
{
	const struct elf_symbol *found = NULL;
	size_t i;

	if (elf_read_symbols(image) < 0)
		return NULL;
	i = symbols_after(image, vaddr);
	for (unsigned steps = 0; i > 0 && steps < MAX_STEPS_BACK; steps++) {
		const struct elf_symbol *s = &image->symbol[--i];

		if (s->reach <= vaddr || (found && s->address != found->address))
			break;
		/* Of equal addresses the one that sorts first, so the last one seen here. */
		if (vaddr - s->address < s->size)
			found = s;
	}
	if (!found)
		return NULL;
	if (ret_offset)
		*ret_offset = vaddr - found->address;
	return found->name;
}
