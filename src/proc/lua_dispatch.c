/* SPDX-License-Identifier: MIT */
/*
 * Manages one question about a build of PUC Lua: which machine instructions fetch those of Lua?
 *
 *	mov (%r13),%r12d	fetch
 *	...
 *	mov %r12d,%eax
 *	and $0x7f,%eax		its opcode
 *	jmp *(%r15,%rax,8)	dispatch: to the code of the instruction
 *
 * From each jump to what a register holds, what it goes by is followed backwards on every way: to
 * registers and places of the frame it came from. It is a dispatch if each of these ways begins
 * with a load of 32 bits, which are cut to an opcode on the way, or with a constant (the table). A
 * switch over something else begins elsewhere, with a type tag mostly.
 *
 * Facts: lvm.c of Lua 5.1, 5.4 and 5.5 (vmfetch, vmdispatch; copyright Lua.org, PUC-Rio, MIT), and
 * the code of builds by gcc 12 and clang 14.
 */
#include <errno.h>
#include <string.h>

#include "lua_dispatch.h"

#define RAX	     0
#define NR_REGISTERS 16
#define MAX_LOOKS    20000000 /* at an instruction; luaV_execute needs 1 % of them */
#define MAX_PLACES   (64 - NR_REGISTERS)

/* What is looked for before an instruction: registers and places, a bit for each. */
struct slice {
	const struct x86_64_flow *flow;
	unsigned opcode_mask;
	uint64_t *wanted, *done;	  /* by number of instruction */
	uint16_t *first_jump, *next_jump; /* those that lead to an instruction */
	uint16_t *jump_to;		  /* those that lead where a register says */
	uint16_t *todo;			  /* those before which something is wanted */
	uint16_t *seen;			  /* those before which something was wanted */
	size_t nr_jump_to, nr_todo, nr_seen;
	int32_t place[MAX_PLACES];
	size_t nr_places;
	bool *is_fetch;
	unsigned budget;
	bool is_cut;  /* an opcode is taken out of it */
	bool is_lost; /* the way is not understood */
	bool has_fetch;
};

static int slice_alloc(struct slice *s)
{
	const struct x86_64_flow *f = s->flow;

	s->wanted = calloc(f->nr, sizeof(*s->wanted));
	s->done = calloc(f->nr, sizeof(*s->done));
	s->first_jump = malloc(f->nr * sizeof(*s->first_jump));
	s->next_jump = malloc(f->nr * sizeof(*s->next_jump));
	s->jump_to = malloc(f->nr * sizeof(*s->jump_to));
	s->todo = malloc(f->nr * sizeof(*s->todo));
	s->seen = malloc(f->nr * sizeof(*s->seen));
	s->is_fetch = calloc(f->nr, sizeof(*s->is_fetch));
	if (!s->wanted || !s->done || !s->first_jump || !s->next_jump || !s->jump_to || !s->todo ||
	    !s->seen || !s->is_fetch)
		return -ENOMEM;
	memset(s->first_jump, 0xff, f->nr * sizeof(*s->first_jump));
	for (size_t i = 0; i < f->nr; i++) {
		if (f->at[i].kind == X86_64_JUMP_TO)
			s->jump_to[s->nr_jump_to++] = (uint16_t)i;
		if (f->jump[i] == X86_64_NOWHERE)
			continue;
		s->next_jump[i] = s->first_jump[f->jump[i]];
		s->first_jump[f->jump[i]] = (uint16_t)i;
	}
	return 0;
}

static void slice_free(struct slice *s)
{
	free(s->wanted);
	free(s->done);
	free(s->first_jump);
	free(s->next_jump);
	free(s->jump_to);
	free(s->todo);
	free(s->seen);
	free(s->is_fetch);
}

static void want(struct slice *s, size_t i, uint64_t what)
{
	what &= ~s->done[i];
	if (what && !s->wanted[i])
		s->todo[s->nr_todo++] = (uint16_t)i;
	s->wanted[i] |= what;
}

static void want_register(struct slice *s, size_t i, uint8_t reg)
{
	if (reg < NR_REGISTERS)
		want(s, i, 1ULL << reg);
}

/* The bit of a place of the frame; 0 if there are too many. */
static uint64_t bit_of_place(struct slice *s, int32_t place)
{
	for (size_t i = 0; i < s->nr_places; i++)
		if (s->place[i] == place)
			return 1ULL << (NR_REGISTERS + i);
	if (s->nr_places == MAX_PLACES)
		return 0;
	s->place[s->nr_places++] = place;
	return 1ULL << (NR_REGISTERS + s->nr_places - 1);
}

/* mov MEMORY,REG of 32 or 64 bits */
static void want_loaded(struct slice *s, size_t i)
{
	const struct x86_64_instruction *is = &s->flow->at[i];
	int32_t place;

	if (x86_64_frame_place(s->flow, i, &place)) {
		uint64_t bit = bit_of_place(s, place);

		want(s, i, bit);
		s->is_lost |= !bit;
	} else if (is->has_index) { /* a table */
		want_register(s, i, is->base);
		want_register(s, i, is->index);
	} else if (!is->is_wide && !is->is_16 && is->base != X86_64_NO_BASE &&
		   (is->displacement == 0 || is->displacement == -4)) {
		s->is_fetch[i] = true;
		s->has_fetch = true;
	} else if (is->is_wide && is->base != X86_64_NO_BASE) {
		want_register(s, i, is->base);
	} else {
		s->is_lost = true;
	}
}

/* and CONSTANT: does it leave the opcode? */
static bool cuts_opcode(const struct x86_64_instruction *is, unsigned opcode_mask)
{
	bool is_and = is->opcode == 0x25 || ((is->opcode & ~3U) == 0x80 && is->extension == 4);

	return is_and && (unsigned)is->constant == opcode_mask;
}

/* Instruction @i sets the register: by what? */
static void want_sources(struct slice *s, size_t i, uint8_t reg)
{
	const struct x86_64_instruction *is = &s->flow->at[i];

	switch (is->opcode) {
	case 0x8b:
		if (is->has_memory)
			want_loaded(s, i);
		else
			want_register(s, i, is->rm);
		return;
	case 0x89:
		want_register(s, i, is->reg);
		return;
	case 0x8d:
		want_register(s, i, is->base);
		want_register(s, i, is->index);
		return;
	case 0x63: /* movslq, movzbl, movzwl */
	case 0x0fb6:
	case 0x0fb7:
		if (!is->has_memory)
			want_register(s, i, is->rm);
		else if (is->opcode == 0x63 && is->has_index)
			want_loaded(s, i);
		else
			s->is_lost = true;
		return;
	case 0x01:
	case 0x03: /* add: a distance and its table */
		want_register(s, i, is->reg);
		want_register(s, i, is->rm);
		s->is_lost |= is->has_memory;
		return;
	case 0x25: /* and CONSTANT,%eax; cltq; shifts */
	case 0x80:
	case 0x81:
	case 0x83:
	case 0x98:
	case 0xc1:
	case 0xd1:
		s->is_cut |= cuts_opcode(is, s->opcode_mask);
		want_register(s, i, reg);
		return;
	default: /* a constant */
		s->is_lost |= is->opcode < 0xb8 || is->opcode > 0xbf;
	}
}

/* What is wanted after instruction @i. */
static void look_at(struct slice *s, size_t i, uint64_t what)
{
	const struct x86_64_instruction *is = &s->flow->at[i];
	uint32_t written = is->written;
	int32_t place;

	if (!s->budget || !s->budget--) {
		s->is_lost = true;
		return;
	}
	if (is->kind == X86_64_CALL && what & written)
		s->is_lost = true;
	for (unsigned reg = 0; reg < NR_REGISTERS; reg++) {
		if (!(what & written & 1ULL << reg))
			continue;
		want_sources(s, i, (uint8_t)reg);
		what &= ~(1ULL << reg);
	}
	if (is->stored_bytes && x86_64_frame_place(s->flow, i, &place)) {
		for (size_t k = 0; k < s->nr_places; k++) {
			uint64_t bit = 1ULL << (NR_REGISTERS + k);

			if (!(what & bit) || place >= s->place[k] + 8 ||
			    place + (int32_t)is->stored_bytes <= s->place[k])
				continue;
			if (is->opcode != 0x89 || is->is_16 || place != s->place[k]) {
				/* beside it, or in another way */
				s->is_lost |= place == s->place[k];
				continue;
			}
			want_register(s, i, is->reg);
			what &= ~bit;
		}
	}
	want(s, i, what);
}

/* What is wanted before instruction @i is wanted after those that lead to it. */
static void look_before(struct slice *s, size_t i)
{
	const struct x86_64_flow *f = s->flow;
	uint64_t what = s->wanted[i];

	s->wanted[i] = 0;
	if (!s->done[i])
		s->seen[s->nr_seen++] = (uint16_t)i;
	s->done[i] |= what;
	if (i == 0)
		s->is_lost = true;
	if (i && x86_64_falls_through(f, i - 1))
		look_at(s, i - 1, what);
	for (size_t from = s->first_jump[i]; from != X86_64_NOWHERE; from = s->next_jump[from])
		look_at(s, from, what);
	for (size_t k = 0; f->is_listed[i] && k < s->nr_jump_to; k++)
		look_at(s, s->jump_to[k], what);
}

/* Back from the jump at @i, on every way. */
static void follow_back(struct slice *s, size_t i)
{
	const struct x86_64_flow *f = s->flow;

	for (size_t k = 0; k < s->nr_seen; k++)
		s->done[s->seen[k]] = 0;
	memset(s->is_fetch, 0, f->nr * sizeof(*s->is_fetch));
	s->nr_places = s->nr_seen = 0;
	s->is_cut = s->is_lost = s->has_fetch = false;
	want_register(s, i, f->at[i].rm);
	want_register(s, i, f->at[i].base);
	want_register(s, i, f->at[i].index);
	while (s->nr_todo)
		look_before(s, s->todo[--s->nr_todo]);
}

bool lua_dispatch_is_likely(const struct x86_64_flow *flow, unsigned opcode_mask)
{
	bool has_cut = false, has_jump = false;

	for (size_t i = 0; i < flow->nr; i++) {
		has_cut |= cuts_opcode(&flow->at[i], opcode_mask);
		has_jump |= flow->at[i].kind == X86_64_JUMP_TO;
	}
	return has_cut && has_jump;
}

int lua_dispatch_fetches(const struct x86_64_flow *flow, unsigned opcode_mask, bool *ret)
{
	struct slice s = {.flow = flow, .opcode_mask = opcode_mask, .budget = MAX_LOOKS};
	bool has_dispatch = false;
	int r = slice_alloc(&s);

	memset(ret, 0, flow->nr * sizeof(*ret));
	for (size_t i = 0; r == 0 && i < flow->nr; i++) {
		if (flow->at[i].kind != X86_64_JUMP_TO || flow->depth[i] == X86_64_NO_DEPTH)
			continue;
		follow_back(&s, i);
		if (!s.budget)
			r = -ENODATA;
		if (!s.is_cut || !s.has_fetch)
			continue;
		if (s.is_lost)
			r = -ENODATA;
		for (size_t k = 0; k < flow->nr; k++)
			ret[k] |= s.is_fetch[k];
		has_dispatch = true;
	}
	slice_free(&s);
	return r < 0 ? r : has_dispatch ? 0 : -ENODATA;
}
