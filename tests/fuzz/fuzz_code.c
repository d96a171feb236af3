/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the code of luaV_execute: decoded, its ways followed, its pc looked for. What is
 * said of the pc must be true on ways that are walked at random, with a number in each cell.
 *
 * Of the input two bytes say what is asked, then come offsets of instructions that a jump to a
 * register may lead to, then the code: as it is, or as instructions that move a pc about.
 */
#include <string.h>

#include "elf_image.h"
#include "lua_cells.h"
#include "lua_dispatch.h"
#include "require.h"

#define CODE	      0x1000
#define DATA	      0x100000
#define MAX_LISTED    64
#define MAX_CODE      4096
#define NR_WALKS      8
#define MAX_STEPS     256
#define HEADER_BYTES  4
#define FRACTION(all) ((all) / 4)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* ---- the code as that of a file -------------------------------------------------------------- */

struct input {
	uint8_t flags, savedpc;
	uint8_t *code; /* exactly that long: one byte too far is seen */
	size_t len, nr_listed;
	uint64_t *listed;
	struct elf_range range[2]; /* the function, and one that it may call */
};

/* Those that move a pc about: @reg and @base are no rsp. Returns how many bytes it has. */
static size_t move_pc(uint8_t *to, unsigned what, unsigned reg, unsigned base, uint8_t byte)
{
	const uint8_t place = byte & 0x38, registers = (uint8_t)(reg << 3 | base);
	const struct {
		uint8_t bytes, code[7];
	} move[] = {
		{5, {0x48, 0x89, (uint8_t)(0x44 | reg << 3), 0x24, place}}, /* mov REG,PLACE */
		{5, {0x48, 0x8b, (uint8_t)(0x44 | reg << 3), 0x24, place}}, /* mov PLACE,REG */
		{4, {0x89, (uint8_t)(0x44 | reg << 3), 0x24, byte & 0x3f}}, /* of 32 bits */
		{5, {0x0f, 0x11, 0x44, 0x24, byte & 0x3f}},		    /* movups %xmm0,.. */
		{6, {0x48, 0x83, 0x44, 0x24, place, 4}},		    /* addq $4,PLACE */
		{3, {0x48, 0x89, 0xc0 | registers}},			    /* mov REG,BASE */
		{4, {0x48, 0x8d, 0x40 | registers, byte & 12}},		    /* lea ..(BASE),REG */
		{4, {0x48, 0x83, (uint8_t)(0xc0 | base), 4}},		    /* add $4,BASE */
		{3, {0x8b, 0x40 | registers, byte & 1 ? 0 : 0xfc}},	    /* mov ..(BASE),REG */
		{4, {0x48, 0x89, 0x40 | registers, 0x28}},		    /* mov REG,savedpc */
		{4, {0x48, 0x8b, 0x40 | registers, 0x28}},		    /* mov savedpc,REG */
		{5, {0xe8, 0, 0, 0, 0}},				    /* call */
		{2, {0x75, byte}},					    /* jne */
		{2, {0xeb, byte}},					    /* jmp */
		{2, {0xff, 0xe0}},					    /* jmp *%rax */
		{1, {0xc3}},						    /* ret */
	};

	what %= ARRAY_SIZE(move);
	memcpy(to, move[what].code, move[what].bytes);
	return move[what].bytes;
}

/* In the place of the code, two bytes for each instruction. */
static void make_moves(struct input *in)
{
	static const uint8_t registers[] = {0, 1, 2, 3, 6, 7};
	uint8_t made[MAX_CODE];
	size_t len = 0;

	for (size_t i = 0; i + 1 < in->len && len + 8 < in->len; i += 2) {
		uint8_t a = in->code[i], b = in->code[i + 1];

		len += move_pc(made + len, a & 15, registers[(a >> 4) % 6], registers[b % 6], b);
	}
	in->len = len;
	memcpy(in->code, made, len);
}

static bool input_read(struct input *in, const uint8_t *bytes, size_t len)
{
	size_t nr;

	if (len < HEADER_BYTES + 2 || len > MAX_CODE)
		return false;
	nr = bytes[2] % MAX_LISTED;
	if (2 * nr > FRACTION(len))
		nr = FRACTION(len) / 2;
	in->flags = bytes[0];
	in->savedpc = bytes[1];
	in->len = len - HEADER_BYTES - 2 * nr;
	in->nr_listed = nr;
	in->code = malloc(in->len);
	in->listed = calloc(nr + 1, sizeof(*in->listed));
	if (!in->code || !in->listed)
		return false;
	memcpy(in->code, bytes + HEADER_BYTES + 2 * nr, in->len);
	if (in->flags & 4) {
		make_moves(in);
		in->savedpc = 0x28;
	}
	if (!in->len)
		return false;
	for (size_t i = 0; i < nr; i++) {
		const uint8_t *at = bytes + HEADER_BYTES + 2 * i;

		in->listed[i] = CODE + (size_t)(at[0] | at[1] << 8) % in->len;
	}
	in->range[0] = (struct elf_range){CODE, CODE + in->len - bytes[3] * in->len / 512};
	in->range[1] = (struct elf_range){in->range[0].end, CODE + in->len};
	return true;
}

static struct elf_image image_of(struct input *in)
{
	return (struct elf_image){
		.machine = EM_X86_64,
		.segment = {{.vaddr = CODE,
			     .bytes = in->len,
			     .executable = true,
			     .content_read = true,
			     .content = in->code},
			    {.vaddr = DATA,
			     .bytes = in->nr_listed * sizeof(*in->listed),
			     .content_read = true,
			     .content = (const uint8_t *)in->listed}},
		.nr_segments = 2,
		.ranges_read = true,
		.range = in->range,
		.nr_ranges = in->range[1].start < in->range[1].end ? 2 : 1,
	};
}

/* ---- walks ----------------------------------------------------------------------------------- */

struct walk {
	const struct x86_64_flow *flow;
	const struct lua_cells *cells;
	const bool *is_fetch;
	const struct lua_pc_place *place;
	uint64_t random, cell[LUA_PC_CELLS];
	uint64_t fetched;
	bool has_fetched;
	uint64_t claim[MAX_STEPS]; /* that are not what was fetched last: what will be */
	size_t nr_claims;
};

static uint64_t next_random(struct walk *w)
{
	w->random = w->random * 6364136223846793005U + 1442695040888963407U;
	return w->random ^ w->random >> 29;
}

static void take_claim(struct walk *w, size_t i)
{
	struct lua_pc_place place = w->place[i];
	uint64_t said;

	require(place.cell <= LUA_PC_UNKNOWN, "a place is one of the cells");
	if (place.cell >= LUA_PC_SAVED)
		return;
	said = w->cell[place.cell] + (uint64_t)(int64_t)place.add - 4;
	if (!w->has_fetched || said != w->fetched)
		w->claim[w->nr_claims++] = said;
}

static void execute(struct walk *w, size_t i)
{
	const struct x86_64_instruction *is = &w->flow->at[i];
	const struct lua_cell_effect *e = &w->cells->effect[i];
	uint64_t moved = 0;

	if (w->is_fetch[i]) {
		w->fetched = w->cell[is->base] + (uint64_t)(int64_t)is->displacement;
		w->has_fetched = true;
		for (; w->nr_claims; w->nr_claims--)
			require(w->claim[w->nr_claims - 1] == w->fetched, "the pc is as was said");
	}
	if (e->to != LUA_PC_UNKNOWN)
		moved = w->cell[e->from] + (uint64_t)(int64_t)e->add;
	for (unsigned cell = 0; cell < LUA_PC_CELLS; cell++)
		if (e->lost >> cell & 1)
			w->cell[cell] = next_random(w);
	if (e->to != LUA_PC_UNKNOWN)
		w->cell[e->to] = moved;
}

/* The next instruction on a way of chance; nr: it ends. */
static size_t next_of(struct walk *w, size_t i)
{
	const struct x86_64_flow *f = w->flow;
	bool falls = x86_64_falls_through(f, i);
	size_t skip;

	if (f->at[i].kind == X86_64_JUMP_TO && f->nr_listed) {
		skip = next_random(w) % f->nr_listed;
		for (size_t to = 0; to < f->nr; to++)
			if (f->is_listed[to] && !skip--)
				return to;
	}
	if (f->jump[i] != X86_64_NOWHERE && (!falls || next_random(w) % 2))
		return f->jump[i];
	return falls ? i + 1 : f->nr;
}

static void walk(struct walk *w)
{
	w->has_fetched = false;
	w->nr_claims = 0;
	for (unsigned cell = 0; cell < LUA_PC_CELLS; cell++)
		w->cell[cell] = next_random(w);
	for (size_t i = 0, n = 0; i < w->flow->nr && n < MAX_STEPS; n++) {
		take_claim(w, i);
		execute(w, i);
		i = next_of(w, i);
	}
}

/* ---- what is asked --------------------------------------------------------------------------- */

static void require_flow(const struct x86_64_flow *f)
{
	uint64_t at = 0;

	for (size_t i = 0; i < f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];

		require(is->bytes && is->bytes <= 15 && f->start[i] == at, "one after the other");
		require(f->jump[i] == X86_64_NOWHERE || f->jump[i] < f->nr, "jumps have a target");
		require(is->written <= X86_64_ALL, "there are sixteen registers");
		require(is->has_memory || !is->stored_bytes, "it stores to its operand");
		at += is->bytes;
	}
	require(at == f->len, "to the end");
}

/* As a dispatch would find them; which ones says the input. */
static void choose_fetches(const struct input *in, const struct lua_cells *cells, bool *ret)
{
	const struct x86_64_flow *f = cells->flow;

	for (size_t i = 0; i < f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];

		ret[i] = is->opcode == 0x8b && !is->is_wide && !is->is_16 && is->has_memory &&
			 !is->has_index && lua_cells_have_register(cells, is->base) &&
			 (is->displacement == 0 || is->displacement == -4) &&
			 (i * 7 + in->flags) % 4 != 0;
	}
}

static void ask_places(const struct input *in, const struct x86_64_flow *f, bool *is_fetch)
{
	struct walk w = {.flow = f, .is_fetch = is_fetch, .random = in->flags + 1};
	struct lua_pc_place *place = calloc(f->nr, sizeof(*place));
	int32_t frame[LUA_PC_FRAMES];
	struct lua_cells cells;

	if (place && lua_cells_choose(f, in->savedpc, &cells) == 0) {
		w.cells = &cells;
		w.place = place;
		if (in->flags & 1)
			choose_fetches(in, &cells, is_fetch);
		if (lua_pc_places(f, is_fetch, in->savedpc, place, frame) == 0)
			for (unsigned i = 0; i < NR_WALKS; i++)
				walk(&w);
		lua_cells_done(&cells);
	}
	free(place);
}

static void ask_everything(const struct input *in, struct elf_image *image)
{
	struct elf_lua_fetch windows;
	struct x86_64_flow flow;
	unsigned reg;

	if (x86_64_flow_read(image, &in->range[0], &flow) == 0 &&
	    x86_64_flow_follow(image, &flow) == 0) {
		bool *is_fetch = calloc(flow.nr, sizeof(*is_fetch));
		unsigned mask = in->flags & 2 ? 0x3f : 0x7f;

		require_flow(&flow);
		if (is_fetch && (lua_dispatch_fetches(&flow, mask, is_fetch) == 0 || in->flags & 1))
			ask_places(in, &flow, is_fetch);
		free(is_fetch);
	}
	x86_64_flow_done(&flow);
	(void)elf_lua_fetch(image, &in->range[0], in->savedpc, &windows);
	(void)elf_lua_pc_register(image, &in->range[0], in->savedpc, &reg);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = {0};

	if (input_read(&in, bytes, len)) {
		struct elf_image image = image_of(&in);

		ask_everything(&in, &image);
	}
	free(in.code);
	free(in.listed);
	return 0;
}
