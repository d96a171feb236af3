/* SPDX-License-Identifier: MIT */
/*
 * Manages the proof of where a build of PUC Lua has its pc: in which register, or place of its
 * frame, before each machine instruction of luaV_execute.
 *
 * Two questions, each answered for all ways through the function:
 *
 *	forwards   which cells hold F, the address of the Lua instruction fetched last, plus what?
 *		   A fetch makes it so for the register it loads through, and for all cells that
 *		   are known to differ from that one by a constant. So what is followed are such
 *		   differences, whether they are F or not.
 *	backwards  which cells hold N, the address that will be fetched next, minus what? That tells
 *		   where a jump leads to, between the store of its target and the fetch.
 *
 *		   (Backwards only, the saved pc is a cell, too: a function is entered, or returned
 *		   to, by loading it.)
 *
 * A few instructions (TFORPREP; those with an extra argument) read the next one themselves and go
 * on behind it. Where the usual cell of the pc is moved on over a word that has just been loaded
 * through it, that is a fetch, too.
 *
 * A cell is a register or a place of the frame. What is not understood changes the registers that
 * it may change, and places that it may store to; a call changes those registers that a callee need
 * not save. No address of a followed place may be taken.
 *
 * Facts: lvm.c of Lua 5.1, 5.4 and 5.5 (copyright Lua.org, PUC-Rio, MIT), and the code of builds by
 * gcc 12 and clang 14; System V ABI for x86-64.
 */
#include <errno.h>
#include <string.h>

#include "lua_pc_places.h"

#define NR_SYMBOLS  (LUA_PC_CELLS + 1)
#define FETCHED	    NR_SYMBOLS /* value.of: F; backwards N */
#define NOTHING	    (NR_SYMBOLS + 1)
#define MAX_OFFSET  64
#define MAX_MOVE_ON 8 /* instructions from a fetch to the pc's being behind it */
#define RBP	    5

/* What a cell holds: something that is not known, but for its difference from the like; or F. */
struct value {
	uint16_t of; /* number of that something */
	int16_t add;
};

struct state {
	struct value cell[LUA_PC_CELLS];
	bool is_reached;
};

struct places {
	const struct x86_64_flow *flow;
	bool *is_fetch;
	unsigned savedpc;
	int32_t frame[LUA_PC_FRAMES];
	size_t nr_frames;
	struct state
		*before; /* by number of instruction; then what any jump to a register leads to */
	struct state *ahead; /* likewise, backwards */
	bool has_changed;
};

/* ---- the places of the frame ----------------------------------------------------------------- */

struct use {
	int32_t place;
	unsigned times;
	bool is_taken;
};

static int most_used_first(const void *left, const void *right)
{
	const struct use *a = left, *b = right;

	return (a->times < b->times) - (a->times > b->times);
}

static struct use *use_of(struct use *use, size_t *nr, int32_t place)
{
	for (size_t i = 0; i < *nr; i++)
		if (use[i].place == place)
			return &use[i];
	use[*nr] = (struct use){.place = place};
	return &use[(*nr)++];
}

/* Has its address been taken, or that of a value of 16 bytes that it may be a part of? */
static bool is_taken(const struct use *use, size_t nr, int32_t place)
{
	for (size_t i = 0; i < nr; i++)
		if (use[i].is_taken && place >= use[i].place && place < use[i].place + 16)
			return true;
	return false;
}

/* Those that are loaded and stored most often. */
static int choose_frames(struct places *p)
{
	const struct x86_64_flow *f = p->flow;
	struct use *use = calloc(f->nr, sizeof(*use));
	size_t nr = 0;

	if (!use)
		return -ENOMEM;
	for (size_t i = 0; i < f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];
		int32_t place;

		if (f->depth[i] == X86_64_NO_DEPTH || !x86_64_frame_place(f, i, &place))
			continue;
		if (is->kind == X86_64_LOAD || is->kind == X86_64_STORE)
			use_of(use, &nr, place)->times++;
		else if (is->kind == X86_64_ADDRESS)
			use_of(use, &nr, place)->is_taken = true;
	}
	qsort(use, nr, sizeof(*use), most_used_first);
	for (size_t i = 0; i < nr && p->nr_frames < LUA_PC_FRAMES; i++)
		if (use[i].times && !is_taken(use, nr, use[i].place) && !(use[i].place & 7))
			p->frame[p->nr_frames++] = use[i].place;
	free(use);
	return 0;
}

/* The cell of the memory operand of instruction @i; LUA_PC_UNKNOWN if it has none. */
static unsigned memory_cell(const struct places *p, size_t i)
{
	int32_t place;

	if (!x86_64_frame_place(p->flow, i, &place))
		return LUA_PC_UNKNOWN;
	for (size_t k = 0; k < p->nr_frames; k++)
		if (p->frame[k] == place)
			return LUA_PC_REGISTERS + (unsigned)k;
	return LUA_PC_UNKNOWN;
}

/* ---- what an instruction does, as far as it is followed -------------------------------------- */

/* Cell @to becomes cell @from plus @add; or only the cells of @lost change. */
struct effect {
	unsigned to, from;
	int32_t add;
	uint64_t lost;
};

static bool is_register(const struct places *p, unsigned reg)
{
	return reg < LUA_PC_REGISTERS && reg != X86_64_RSP &&
	       (reg != RBP || p->flow->frame == X86_64_NO_DEPTH);
}

/* Places that a store may change. With an index it may be all. */
static uint64_t lost_places(const struct places *p, size_t i)
{
	const struct x86_64_instruction *is = &p->flow->at[i];
	bool is_frame =
		is->base == X86_64_RSP || (is->base == RBP && p->flow->frame != X86_64_NO_DEPTH);
	int32_t bytes = (int32_t)x86_64_stored_bytes(is), place;
	uint64_t lost = 0;

	if (!bytes || !is_frame)
		return 0;
	for (size_t k = 0; k < p->nr_frames; k++) {
		if (x86_64_frame_place(p->flow, i, &place) &&
		    (place >= p->frame[k] + 8 || place + bytes <= p->frame[k]))
			continue;
		lost |= 1ULL << (LUA_PC_REGISTERS + k);
	}
	return lost;
}

static bool is_savedpc(const struct places *p, const struct x86_64_instruction *is)
{
	return is->has_memory && !is->has_index && is_register(p, is->base) &&
	       is->displacement == (int32_t)p->savedpc;
}

/* A move of 64 bits, or an addition of a constant. */
static void effect_of_move(const struct places *p, size_t i, struct effect *e)
{
	const struct x86_64_instruction *is = &p->flow->at[i];
	unsigned cell = memory_cell(p, i);

	if (is->kind == X86_64_LOAD) {
		e->to = is->reg;
		e->from = is_savedpc(p, is) ? LUA_PC_SAVED : cell;
	} else if (is->kind == X86_64_STORE) {
		e->to = cell;
		e->from = is->reg;
	} else if (is->kind == X86_64_ADD_STORE) {
		e->to = e->from = cell;
		e->add = is->constant;
	} else if (is->kind == X86_64_ADDRESS && !is->has_index && is_register(p, is->base)) {
		e->to = is->reg;
		e->from = is->base;
		e->add = is->displacement;
	} else if (is->is_wide && is->opcode == 0x89 && !is->has_memory) {
		e->to = is->rm;
		e->from = is->reg;
	} else if (is->is_wide && is->opcode == 0x8b && !is->has_memory) {
		e->to = is->reg;
		e->from = is->rm;
	} else if (is->is_wide && (is->opcode == 0x81 || is->opcode == 0x83) && !is->has_memory &&
		   (is->extension == 0 || is->extension == 5)) {
		e->to = e->from = is->rm;
		e->add = is->extension ? -is->constant : is->constant;
	}
}

static bool is_cell(const struct places *p, unsigned cell)
{
	return cell < LUA_PC_CELLS && (cell >= LUA_PC_REGISTERS || is_register(p, cell));
}

static struct effect effect_of(const struct places *p, size_t i)
{
	const struct x86_64_instruction *is = &p->flow->at[i];
	struct effect e = {.to = LUA_PC_UNKNOWN, .from = LUA_PC_UNKNOWN};

	e.lost = x86_64_written(is) | lost_places(p, i);
	if (is->kind == X86_64_CALL ||
	    (x86_64_stored_bytes(is) && (is_savedpc(p, is) || is->has_index)))
		e.lost |= 1ULL << LUA_PC_SAVED;
	effect_of_move(p, i, &e);
	if (!is_cell(p, e.to) || !is_cell(p, e.from) || e.add > MAX_OFFSET || e.add < -MAX_OFFSET)
		e.to = LUA_PC_UNKNOWN;
	return e;
}

/* ---- forwards -------------------------------------------------------------------------------- */

static void forget(struct state *s, unsigned cell)
{
	uint64_t used = 0;
	unsigned number = 0;

	for (unsigned i = 0; i < LUA_PC_CELLS; i++)
		if (i != cell && s->cell[i].of < NR_SYMBOLS)
			used |= 1ULL << s->cell[i].of;
	while (used >> number & 1)
		number++;
	s->cell[cell] = (struct value){(uint16_t)number, 0};
}

/* What the register of a fetch holds is F now, and so what differs from it by a constant. */
static void fetch(struct state *s, const struct x86_64_instruction *is)
{
	struct value at = s->cell[is->base];

	for (unsigned i = 0; i < LUA_PC_CELLS; i++) {
		struct value *v = &s->cell[i];

		if (v->of == at.of)
			*v = (struct value){FETCHED, (int16_t)(v->add - at.add - is->displacement)};
		else if (v->of == FETCHED)
			forget(s, i);
	}
}

static void step(const struct places *p, size_t i, struct state *s)
{
	struct effect e = effect_of(p, i);
	struct value v = {0};

	forget(s, LUA_PC_SAVED);
	if (p->is_fetch[i])
		fetch(s, &p->flow->at[i]);
	if (e.to != LUA_PC_UNKNOWN)
		v = s->cell[e.from];
	for (unsigned cell = 0; cell < LUA_PC_CELLS; cell++)
		if (e.lost >> cell & 1)
			forget(s, cell);
	if (e.to == LUA_PC_UNKNOWN)
		return;
	v.add = (int16_t)(v.add + e.add);
	if (v.add <= MAX_OFFSET && v.add >= -MAX_OFFSET)
		s->cell[e.to] = v;
	else
		forget(s, e.to);
}

/* What is true in both. Of equal ones the first cell names what they hold. */
static void join(const struct state *a, const struct state *b, struct state *ret)
{
	for (unsigned i = 0; i < LUA_PC_CELLS; i++) {
		struct value x = a->cell[i], y = b->cell[i];
		unsigned first = 0;

		if (x.of == FETCHED && y.of == FETCHED && x.add == y.add) {
			ret->cell[i] = x;
			continue;
		}
		while (a->cell[first].of != x.of || b->cell[first].of != y.of ||
		       x.add - a->cell[first].add != y.add - b->cell[first].add ||
		       ret->cell[first].of == FETCHED)
			first++;
		ret->cell[i] =
			(struct value){(uint16_t)first, (int16_t)(x.add - a->cell[first].add)};
	}
	ret->is_reached = true;
}

static void flow_to(struct places *p, size_t to, const struct state *s)
{
	struct state *known = &p->before[to], joined;

	memset(&joined, 0, sizeof(joined));
	join(known->is_reached ? known : s, s, &joined);
	if (known->is_reached && memcmp(&joined, known, sizeof(joined)) == 0)
		return;
	*known = joined;
	p->has_changed = true;
}

static void flow_from(struct places *p, size_t i)
{
	const struct x86_64_flow *f = p->flow;
	struct state s = p->before[i];

	step(p, i, &s);
	if (f->jump[i] != X86_64_NOWHERE)
		flow_to(p, f->jump[i], &s);
	if (f->at[i].kind == X86_64_JUMP_TO)
		flow_to(p, f->nr, &s);
	if (x86_64_falls_through(f, i))
		flow_to(p, i + 1, &s);
}

static void flow_forwards(struct places *p)
{
	const struct x86_64_flow *f = p->flow;
	struct state entry = {.is_reached = true};

	for (unsigned i = 0; i < LUA_PC_CELLS; i++)
		entry.cell[i].of = (uint16_t)i;
	flow_to(p, 0, &entry);
	while (p->has_changed) {
		p->has_changed = false;
		for (size_t i = 0; i < f->nr; i++)
			if (p->before[i].is_reached)
				flow_from(p, i);
		for (size_t i = 0; i < f->nr && p->before[f->nr].is_reached; i++)
			if (f->is_listed[i])
				flow_to(p, i, &p->before[f->nr]);
	}
}

/* ---- backwards ------------------------------------------------------------------------------- */

static void keep_common(struct state *s, const struct state *other)
{
	if (!other->is_reached)
		return;
	if (!s->is_reached) {
		*s = *other;
		return;
	}
	for (unsigned i = 0; i < LUA_PC_CELLS; i++)
		if (s->cell[i].of != other->cell[i].of || s->cell[i].add != other->cell[i].add)
			s->cell[i] = (struct value){NOTHING, 0};
}

static struct state know_nothing(void)
{
	struct state s = {.is_reached = true};

	for (unsigned i = 0; i < LUA_PC_CELLS; i++)
		s.cell[i].of = NOTHING;
	return s;
}

/* What is true before instruction @i, if @s is after it. */
static void step_back(const struct places *p, size_t i, struct state *s)
{
	const struct x86_64_instruction *is = &p->flow->at[i];
	struct effect e = effect_of(p, i);
	struct value v = {NOTHING, 0};

	if (p->is_fetch[i]) {
		*s = know_nothing();
		s->cell[is->base] = (struct value){FETCHED, (int16_t)is->displacement};
		return;
	}
	if (e.to != LUA_PC_UNKNOWN)
		v = s->cell[e.to];
	for (unsigned cell = 0; cell < LUA_PC_CELLS; cell++)
		if (e.lost >> cell & 1 || cell == e.to)
			s->cell[cell] = (struct value){NOTHING, 0};
	v.add = (int16_t)(v.add + e.add);
	if (v.of == FETCHED && v.add <= MAX_OFFSET && v.add >= -MAX_OFFSET &&
	    (e.from != LUA_PC_SAVED || !v.add))
		s->cell[e.from] = v;
}

/* After instruction @i: what is true on every way that goes on. */
static struct state state_behind(const struct places *p, size_t i)
{
	const struct x86_64_flow *f = p->flow;
	struct state s = {0};

	if (f->jump[i] != X86_64_NOWHERE)
		keep_common(&s, &p->ahead[f->jump[i]]);
	if (f->at[i].kind == X86_64_JUMP_TO)
		keep_common(&s, &p->ahead[f->nr]);
	if (x86_64_falls_through(f, i))
		keep_common(&s, &p->ahead[i + 1]);
	if (f->at[i].kind == X86_64_END ||
	    (f->at[i].kind == X86_64_JUMP && f->jump[i] == X86_64_NOWHERE))
		s = know_nothing();
	return s;
}

static void set_ahead(struct places *p, size_t i, const struct state *s)
{
	if (!s->is_reached || memcmp(s, &p->ahead[i], sizeof(*s)) == 0)
		return;
	p->ahead[i] = *s;
	p->has_changed = true;
}

static void flow_backwards(struct places *p)
{
	const struct x86_64_flow *f = p->flow;

	p->has_changed = true;
	while (p->has_changed) {
		struct state all = {0};

		p->has_changed = false;
		for (size_t i = f->nr; i-- > 0;) {
			struct state s = state_behind(p, i);

			if (s.is_reached || p->is_fetch[i])
				step_back(p, i, &s);
			set_ahead(p, i, &s);
		}
		for (size_t i = 0; i < f->nr; i++)
			if (f->is_listed[i])
				keep_common(&all, &p->ahead[i]);
		set_ahead(p, f->nr, &all);
	}
}

/* ---- the answer ------------------------------------------------------------------------------ */

#define NR_OFFSETS (2 * MAX_OFFSET + 1)

/* The cell that has F mostly. */
static int find_usual(const struct places *p, struct value *ret)
{
	unsigned times[LUA_PC_CELLS][NR_OFFSETS] = {0}, most = 0, nr = 0;

	for (size_t i = 0; i < p->flow->nr; i++) {
		nr += p->before[i].is_reached;
		for (unsigned cell = 0; p->before[i].is_reached && cell < LUA_PC_CELLS; cell++) {
			struct value v = p->before[i].cell[cell];

			if (v.of != FETCHED || v.add > MAX_OFFSET || v.add < -MAX_OFFSET ||
			    ++times[cell][v.add + MAX_OFFSET] <= most)
				continue;
			most = times[cell][v.add + MAX_OFFSET];
			*ret = (struct value){(uint16_t)cell, v.add};
		}
	}
	return most * 2 > nr ? 0 : -ENODATA;
}

/* The first cell that has it, in which a callee would leave it; else any. */
static unsigned any_cell(const struct state *s)
{
	unsigned found = LUA_PC_UNKNOWN;

	for (unsigned cell = LUA_PC_CELLS; cell-- > 0;)
		if (s->cell[cell].of == FETCHED &&
		    (found == LUA_PC_UNKNOWN || !((X86_64_CALLER_SAVED >> cell) & 1)))
			found = cell;
	return found;
}

static struct lua_pc_place place_of_fetched(const struct state *s, unsigned cell)
{
	return (struct lua_pc_place){(uint8_t)cell, (int8_t)(4 - s->cell[cell].add)};
}

static struct lua_pc_place place_at(const struct places *p, size_t i, struct value usual)
{
	const struct state *before = &p->before[i], *ahead = &p->ahead[i];
	struct lua_pc_place none = {LUA_PC_UNKNOWN, 0};
	unsigned cell;

	if (!before->is_reached)
		return none;
	if (before->cell[usual.of].of == FETCHED)
		return place_of_fetched(before, usual.of);
	cell = ahead->is_reached ? any_cell(ahead) : LUA_PC_UNKNOWN;
	if (cell == LUA_PC_SAVED)
		return (struct lua_pc_place){LUA_PC_SAVED, 0};
	if (cell != LUA_PC_UNKNOWN)
		return (struct lua_pc_place){(uint8_t)cell, (int8_t)(ahead->cell[cell].add + 4)};
	cell = any_cell(before);
	return cell == LUA_PC_UNKNOWN ? none : place_of_fetched(before, cell);
}

/* ---- fetches without a dispatch -------------------------------------------------------------- */

/* From the load at @i straight on: does the usual cell come to be just behind what was loaded? */
static bool moves_on(const struct places *p, size_t i, struct value usual)
{
	const struct x86_64_flow *f = p->flow;
	struct state s = p->before[i];
	struct value at = s.cell[f->at[i].base], now;

	for (size_t k = i; k < f->nr && k < i + MAX_MOVE_ON && f->at[k].kind < X86_64_JUMP; k++) {
		now = s.cell[usual.of];
		if (now.of == at.of && now.add == at.add + f->at[i].displacement + usual.add)
			return true;
		step(p, k, &s);
	}
	now = s.cell[usual.of];
	return now.of == at.of && now.add == at.add + f->at[i].displacement + usual.add;
}

static bool add_fetches(struct places *p, struct value usual)
{
	const struct x86_64_flow *f = p->flow;
	bool has_more = false;

	for (size_t i = 0; i < f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];

		if (p->is_fetch[i] || !p->before[i].is_reached || is->opcode != 0x8b ||
		    is->is_wide || is->is_16 || !is->has_memory || is->has_index ||
		    !is_register(p, is->base) || (is->displacement && is->displacement != -4) ||
		    !moves_on(p, i, usual))
			continue;
		p->is_fetch[i] = true;
		has_more = true;
	}
	return has_more;
}

static int flow_both_ways(struct places *p, struct value *ret_usual)
{
	int r;

	memset(p->before, 0, (p->flow->nr + 1) * sizeof(*p->before));
	flow_forwards(p);
	r = find_usual(p, ret_usual);
	if (!r && add_fetches(p, *ret_usual)) {
		memset(p->before, 0, (p->flow->nr + 1) * sizeof(*p->before));
		flow_forwards(p);
		r = find_usual(p, ret_usual);
	}
	if (!r)
		flow_backwards(p);
	return r;
}

int lua_pc_places(const struct x86_64_flow *flow, bool *is_fetch, unsigned savedpc,
		  struct lua_pc_place *ret, int32_t *ret_frame)
{
	struct places p = {.flow = flow, .is_fetch = is_fetch, .savedpc = savedpc};
	struct value usual;
	int r;

	p.before = calloc(flow->nr + 1, sizeof(*p.before));
	p.ahead = calloc(flow->nr + 1, sizeof(*p.ahead));
	r = p.before && p.ahead ? choose_frames(&p) : -ENOMEM;
	if (!r)
		r = flow_both_ways(&p, &usual);
	for (size_t i = 0; r == 0 && i < flow->nr; i++)
		ret[i] = place_at(&p, i, usual);
	memcpy(ret_frame, p.frame, sizeof(p.frame));
	free(p.before);
	free(p.ahead);
	return r;
}
