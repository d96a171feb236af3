/* SPDX-License-Identifier: MIT */
/*
 * Manages the ways through one function of x86-64.
 *
 * A jump to what a register holds (a switch, a computed goto) may lead to every instruction whose
 * address is in the data of the file: as an address, as what the dynamic linker is to add to the
 * load address, or as a distance from a table whose address the function loads. That are too many
 * rather than too few.
 *
 * Facts: System V ABI for x86-64 (R_X86_64_RELATIVE); the code of gcc 12 and clang 14.
 */
#include <errno.h>
#include <string.h>

#include "elf_image.h"
#include "x86_64_flow.h"

#define RBP		    5
#define PROLOGUE	    8	 /* instructions */
#define MAX_ERROR_BYTES	    4096 /* of a function that does not return */
#define NR_ASKED	    256	 /* functions whose answer is kept */
#define MAX_SWEEPS	    256	 /* over a function, until nothing changes */
#define MAX_TABLE	    512
#define MAX_DEPTH	    (1 << 20)
#define RELATIVE_RELOCATION 8

static int flow_alloc(struct x86_64_flow *f, uint64_t len)
{
	f->at = calloc(len, sizeof(*f->at));
	f->start = calloc(len, sizeof(*f->start));
	f->by_offset = malloc(len * sizeof(*f->by_offset));
	f->jump = malloc(len * sizeof(*f->jump));
	f->depth = malloc(len * sizeof(*f->depth));
	f->is_listed = calloc(len, sizeof(*f->is_listed));
	f->is_last = calloc(len, sizeof(*f->is_last));
	if (!f->at || !f->start || !f->by_offset || !f->jump || !f->depth || !f->is_listed ||
	    !f->is_last)
		return -ENOMEM;
	memset(f->by_offset, 0xff, len * sizeof(*f->by_offset));
	memset(f->jump, 0xff, len * sizeof(*f->jump));
	for (uint64_t i = 0; i < len; i++)
		f->depth[i] = X86_64_NO_DEPTH;
	return 0;
}

void x86_64_flow_done(struct x86_64_flow *f)
{
	free(f->at);
	free(f->start);
	free(f->by_offset);
	free(f->jump);
	free(f->depth);
	free(f->is_listed);
	free(f->is_last);
}

static int flow_decode(struct x86_64_flow *f, const uint8_t *code)
{
	for (uint64_t at = 0; at < f->len; at += f->at[f->nr++].bytes) {
		if (x86_64_decode(code + at, f->len - at, &f->at[f->nr]) < 0)
			return -ENODATA;
		f->start[f->nr] = (uint16_t)at;
		f->by_offset[at] = (uint16_t)f->nr;
	}
	for (size_t i = 0; i < f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];
		int64_t to = (int64_t)f->start[i] + is->bytes + is->distance;

		if ((is->kind == X86_64_JUMP || is->kind == X86_64_BRANCH) && to >= 0 &&
		    (uint64_t)to < f->len)
			f->jump[i] = f->by_offset[to];
	}
	return 0;
}

/* ---- what the data of the file lead to ------------------------------------------------------- */

static void list(struct x86_64_flow *f, uint64_t address)
{
	size_t i;

	if (address < f->base || address - f->base >= f->len)
		return;
	i = f->by_offset[address - f->base];
	if (i == X86_64_NOWHERE || f->is_listed[i])
		return;
	f->is_listed[i] = true;
	f->nr_listed++;
}

static void list_addresses(struct x86_64_flow *f, struct elf_image *image)
{
	for (size_t i = 0; i < image->nr_segments; i++) {
		const struct elf_segment *s = &image->segment[i];
		const uint8_t *bytes = s->executable ? NULL : elf_bytes(image, s->vaddr, s->bytes);
		uint64_t skip = -s->vaddr & 7, word;

		for (uint64_t at = skip; bytes && at + 8 <= s->bytes; at += 8) {
			memcpy(&word, bytes + at, sizeof(word));
			list(f, word);
		}
	}
}

static void list_relocations(struct x86_64_flow *f, struct elf_image *image)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(image->elf, scn));) {
		GElf_Shdr header;
		Elf_Data *data;
		GElf_Rela rela;

		if (!gelf_getshdr(scn, &header) || header.sh_type != SHT_RELA ||
		    !header.sh_entsize || !(data = elf_getdata(scn, NULL)))
			continue;
		for (int i = 0; gelf_getrela(data, i, &rela); i++)
			if (GELF_R_TYPE(rela.r_info) == RELATIVE_RELOCATION)
				list(f, (uint64_t)rela.r_addend);
	}
}

/* A table of distances ends where one leads out of the function. */
static void list_table(struct x86_64_flow *f, struct elf_image *image, uint64_t table)
{
	for (size_t i = 0; i < MAX_TABLE; i++) {
		const uint8_t *bytes = elf_bytes(image, table + 4 * i, 4);
		int32_t distance;
		uint64_t to;

		if (!bytes)
			return;
		memcpy(&distance, bytes, sizeof(distance));
		to = table + (uint64_t)(int64_t)distance;
		if (to < f->base || to - f->base >= f->len ||
		    f->by_offset[to - f->base] == X86_64_NOWHERE)
			return;
		list(f, to);
	}
}

static void list_tables(struct x86_64_flow *f, struct elf_image *image)
{
	for (size_t i = 0; i < f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];

		if (is->kind == X86_64_ADDRESS && is->is_relative)
			list_table(f, image,
				   f->base + f->start[i] + is->bytes +
					   (uint64_t)(int64_t)is->displacement);
	}
}

/* ---- calls that do not return ---------------------------------------------------------------- */

/* Is there no way out of the function: no ret, no jump to elsewhere? Those that raise errors. */
static bool never_returns(struct elf_image *image, uint64_t address)
{
	struct x86_64_instruction is;
	struct elf_range range;
	const uint8_t *code;
	uint64_t len;

	if (elf_code_range(image, address, &range) < 0 || range.start != address)
		return false;
	len = range.end - range.start;
	code = len <= MAX_ERROR_BYTES ? elf_bytes(image, range.start, len) : NULL;
	for (uint64_t at = 0; code && at < len; at += is.bytes) {
		uint64_t to;

		if (x86_64_decode(code + at, len - at, &is) < 0 || is.kind == X86_64_JUMP_TO ||
		    (is.kind == X86_64_END && is.opcode != 0x0f0b && is.opcode != 0xf4))
			return false;
		to = at + is.bytes + (uint64_t)(int64_t)is.distance;
		if ((is.kind == X86_64_JUMP || is.kind == X86_64_BRANCH) && to >= len)
			return false;
	}
	return code != NULL;
}

static void find_last_calls(struct x86_64_flow *f, struct elf_image *image)
{
	struct {
		uint64_t to;
		bool is_last;
	} asked[NR_ASKED] = {0}; /* most calls are of few functions */

	for (size_t i = 0; i < f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];
		uint64_t to = f->base + f->start[i] + is->bytes + (uint64_t)(int64_t)is->constant;
		size_t k = (to ^ to >> 8) % NR_ASKED;

		if (is->kind != X86_64_CALL || is->opcode != 0xe8)
			continue;
		if (asked[k].to != to) {
			asked[k].to = to;
			asked[k].is_last = never_returns(image, to);
		}
		f->is_last[i] = asked[k].is_last;
	}
}

/* ---- the stack ------------------------------------------------------------------------------- */

bool x86_64_falls_through(const struct x86_64_flow *f, size_t i)
{
	unsigned kind = f->at[i].kind;

	return i + 1 < f->nr && kind != X86_64_JUMP && kind != X86_64_JUMP_TO &&
	       kind != X86_64_END && !f->is_last[i];
}

/* add or sub CONSTANT,%rsp */
static bool adds_to_rsp(const struct x86_64_instruction *is, int32_t *ret)
{
	if ((is->opcode != 0x81 && is->opcode != 0x83) || is->rm != X86_64_RSP || !is->is_wide ||
	    (is->extension != 0 && is->extension != 5))
		return false;
	if (is->constant >= MAX_DEPTH || is->constant <= -MAX_DEPTH)
		return false;
	*ret = is->extension ? is->constant : -is->constant;
	return true;
}

static bool is_near(const struct x86_64_instruction *is)
{
	return is->displacement < MAX_DEPTH && is->displacement > -MAX_DEPTH;
}

/* How deep the stack is after instruction @i. False: not known. */
static bool depth_after(const struct x86_64_flow *f, size_t i, int32_t *ret)
{
	const struct x86_64_instruction *is = &f->at[i];
	int32_t more;

	*ret = f->depth[i];
	if (is->opcode >= 0x50 && is->opcode <= 0x57) {
		*ret += 8;
	} else if (is->opcode == 0xff && is->extension == 6) {
		*ret += 8;
	} else if (is->opcode == 0x68 || is->opcode == 0x6a) {
		*ret += 8;
	} else if (is->opcode >= 0x58 && is->opcode <= 0x5f) {
		*ret -= 8;
	} else if (adds_to_rsp(is, &more)) {
		*ret += more;
	} else if (is->opcode == 0xc9 && f->frame != X86_64_NO_DEPTH) { /* leave */
		*ret = f->frame - 8;
	} else if (is->kind == X86_64_ADDRESS && is->reg == X86_64_RSP) {
		if (is->base != RBP || is->has_index || !is_near(is) || f->frame == X86_64_NO_DEPTH)
			return false;
		*ret = f->frame - is->displacement;
	} else if (is->kind != X86_64_CALL && is->written >> X86_64_RSP & 1) {
		return false;
	}
	return *ret >= 0 && *ret < MAX_DEPTH;
}

/* mov %rsp,%rbp in the prologue, and never again: a frame pointer. */
static void find_frame(struct x86_64_flow *f)
{
	size_t set = f->nr;
	int32_t depth = 0;

	f->frame = X86_64_NO_DEPTH;
	for (size_t i = 0; i < f->nr && i < PROLOGUE && set == f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];

		if (is->opcode == 0x89 && is->is_wide && is->reg == X86_64_RSP && is->rm == RBP)
			set = i;
		else if (is->opcode >= 0x50 && is->opcode <= 0x57)
			depth += 8;
		else if (is->written >> X86_64_RSP & 1)
			return;
	}
	if (set == f->nr)
		return;
	for (size_t i = set + 1; i < f->nr; i++)
		if (f->at[i].opcode != 0x5d && f->at[i].opcode != 0xc9 &&
		    (f->at[i].written >> RBP & 1))
			return;
	f->frame = depth;
}

struct depths {
	struct x86_64_flow *flow;
	int32_t at_listed; /* of the jumps to what a register holds */
	bool is_unclear, has_changed;
};

static void lead_to(struct depths *d, size_t i, int32_t depth)
{
	int32_t *known = &d->flow->depth[i];

	if (*known == X86_64_NO_DEPTH) {
		*known = depth;
		d->has_changed = true;
	} else if (*known != depth) {
		d->is_unclear = true;
	}
}

static void lead_from(struct depths *d, size_t i)
{
	struct x86_64_flow *f = d->flow;
	int32_t depth;

	if (f->at[i].kind == X86_64_END)
		return;
	if (!depth_after(f, i, &depth)) {
		d->is_unclear = true;
		return;
	}
	if (f->at[i].kind == X86_64_JUMP_TO && d->at_listed == X86_64_NO_DEPTH) {
		d->at_listed = depth;
		for (size_t to = 0; to < f->nr; to++)
			if (f->is_listed[to])
				lead_to(d, to, depth);
	} else if (f->at[i].kind == X86_64_JUMP_TO && d->at_listed != depth) {
		d->is_unclear = true;
	}
	if (f->jump[i] != X86_64_NOWHERE)
		lead_to(d, f->jump[i], depth);
	if (x86_64_falls_through(f, i))
		lead_to(d, i + 1, depth);
}

static int find_depths(struct x86_64_flow *f)
{
	struct depths d = {.flow = f, .at_listed = X86_64_NO_DEPTH, .has_changed = true};

	find_frame(f);
	f->depth[0] = 0;
	for (unsigned n = 0; d.has_changed && !d.is_unclear; n++) {
		d.has_changed = false;
		d.is_unclear = n == MAX_SWEEPS;
		for (size_t i = 0; i < f->nr && !d.is_unclear; i++)
			if (f->depth[i] != X86_64_NO_DEPTH)
				lead_from(&d, i);
	}
	return d.is_unclear ? -ENODATA : 0;
}

bool x86_64_frame_place(const struct x86_64_flow *f, size_t i, int32_t *ret)
{
	const struct x86_64_instruction *is = &f->at[i];

	if (!is->has_memory || is->has_index || !is_near(is))
		return false;
	if (is->base == X86_64_RSP && f->depth[i] != X86_64_NO_DEPTH)
		*ret = is->displacement - f->depth[i];
	else if (is->base == RBP && f->frame != X86_64_NO_DEPTH)
		*ret = is->displacement - f->frame;
	else
		return false;
	return true;
}

int x86_64_flow_read(struct elf_image *image, const struct elf_range *range,
		     struct x86_64_flow *ret)
{
	uint64_t len = range->end - range->start;
	const uint8_t *code = NULL;
	int r;

	*ret = (struct x86_64_flow){.base = range->start, .len = len};
	if (image->machine == EM_X86_64 && len && len < X86_64_MAX_FUNCTION)
		code = elf_bytes(image, range->start, len);
	if (!code)
		return -ENODATA;
	r = flow_alloc(ret, len);
	return r ? r : flow_decode(ret, code);
}

int x86_64_flow_follow(struct elf_image *image, struct x86_64_flow *flow)
{
	list_addresses(flow, image);
	list_relocations(flow, image);
	list_tables(flow, image);
	find_last_calls(flow, image);
	return find_depths(flow);
}
