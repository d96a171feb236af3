/* SPDX-License-Identifier: MIT */
#include "vm_steps.h"

#include <errno.h>
#include <string.h>

static const char magic[8] = {'V', 'M', 'S', 'T', 'E', 'P', 'S', '1'};

/* Of one step in the file: which registers follow, how many pages and words. */
struct step_head {
	uint64_t registers; /* a bit for each that has changed */
	uint32_t nr_pages, nr_words;
};

_Static_assert(BPROF_NR_REGS <= 64, "a bit each");

static int put(struct vm_steps *s, const void *bytes, size_t len)
{
	return gzwrite(s->file, bytes, (unsigned)len) == (int)len ? 0 : -EIO;
}

static int get(struct vm_steps *s, void *bytes, size_t len)
{
	return gzread(s->file, bytes, (unsigned)len) == (int)len ? 0 : -EBADMSG;
}

static int start(struct vm_steps *s, const struct vm_image *image, const char *path,
		 const char *mode)
{
	memcpy(s->reg, image->head.reg, sizeof(s->reg));
	s->file = gzopen(path, mode);
	return s->file ? 0 : -errno;
}

int vm_steps_create(struct vm_steps *s, const struct vm_image *image,
		    const struct vm_steps_code *code, const char *path)
{
	int r = start(s, image, path, "wb9");

	if (r == 0)
		r = put(s, magic, sizeof(magic));
	return r < 0 ? r : put(s, code, sizeof(*code));
}

int vm_steps_open(struct vm_steps *s, const struct vm_image *image, const char *path)
{
	char found[sizeof(magic)];
	int r = start(s, image, path, "rb");

	if (r == 0)
		r = get(s, found, sizeof(found));
	if (r == 0 && memcmp(found, magic, sizeof(magic)) != 0)
		r = -EBADMSG;
	return r < 0 ? r : get(s, &s->code, sizeof(s->code));
}

int vm_steps_close(struct vm_steps *s)
{
	return !s->file || gzclose(s->file) == Z_OK ? 0 : -EIO;
}

int vm_steps_put(struct vm_steps *s, const struct vm_step *step)
{
	struct step_head head = {.nr_pages = step->nr_pages, .nr_words = step->nr_words};
	int r;

	for (unsigned i = 0; i < BPROF_NR_REGS; i++)
		if (step->reg[i] != s->reg[i])
			head.registers |= 1ULL << i;
	r = put(s, &head, sizeof(head));
	for (unsigned i = 0; r == 0 && i < BPROF_NR_REGS; i++)
		if (head.registers >> i & 1)
			r = put(s, &step->reg[i], sizeof(step->reg[i]));
	if (r == 0 && head.nr_pages)
		r = put(s, step->page, head.nr_pages * sizeof(step->page[0]));
	if (r == 0 && head.nr_words)
		r = put(s, step->word, head.nr_words * sizeof(step->word[0]));
	memcpy(s->reg, step->reg, sizeof(s->reg));
	return r;
}

static int next_page(struct vm_steps *s, struct vm_image *image)
{
	struct vm_step_page page;
	int r = get(s, &page, sizeof(page));

	if (r < 0 || image->mem.nr_regions == FAKE_MAX_REGIONS)
		return -EBADMSG;
	fake_mem_add(&image->mem, page.address, sizeof(page.bytes));
	memcpy(image->mem.region[image->mem.nr_regions - 1].copy, page.bytes, sizeof(page.bytes));
	return 0;
}

static int next_word(struct vm_steps *s, struct vm_image *image)
{
	struct vm_step_word word;
	int r = get(s, &word, sizeof(word));

	if (r == 0)
		fake_mem_put(&image->mem, word.address, sizeof(word.value), word.value);
	return r;
}

int vm_steps_next(struct vm_steps *s, struct vm_image *image)
{
	struct step_head head;
	int r = gzread(s->file, &head, sizeof(head));

	if (r == 0)
		return 0;
	if (r != (int)sizeof(head))
		return -EBADMSG;
	r = 0;
	for (unsigned i = 0; r == 0 && i < BPROF_NR_REGS; i++)
		if (head.registers >> i & 1)
			r = get(s, &image->head.reg[i], sizeof(image->head.reg[i]));
	for (uint32_t i = 0; r == 0 && i < head.nr_pages; i++)
		r = next_page(s, image);
	for (uint32_t i = 0; r == 0 && i < head.nr_words; i++)
		r = next_word(s, image);
	return r < 0 ? r : 1;
}

void vm_steps_place_code(const struct vm_steps_code *code, struct host_walk_input *in)
{
	struct lua_vm *vm = &in->vms.vm[0];

	in->stack_end = code->stack_end;
	if (in->layout[0].family != BPROF_FAMILY_PUC)
		return;
	vm->vm_start = code->execute.start;
	vm->vm_end = code->execute.end;
	vm->gc_start = code->gc.start;
	vm->gc_end = code->gc.end;
	if (code->pc_reg_is_proved)
		in->layout[0].puc.pc_reg = (uint8_t)code->pc_reg;
	in->layout[0].puc.pc_reg_proved = (uint8_t)code->pc_reg_is_proved;
	in->layout[0].puc.fetch_proved = (uint16_t)code->fetch_is_proved;
}
