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
 * The saved pc is a cell, too: forwards once F has been saved, backwards where it will be loaded,
 *as on the way into a function and back to its caller.
 *
 * A few instructions (TFORPREP; those with an extra argument) read the next one themselves and go
 * on behind it. Where the usual cell of the pc is moved on over a word that has just been loaded
 * through it, that is a fetch, too.
 *
 * A cell is a register or a place of the frame; lua_cells.c says what instructions do to them.
 *
 * Facts: lvm.c of Lua 5.1, 5.4 and 5.5 (copyright Lua.org, PUC-Rio, MIT), and the code of builds by
 * gcc 12 and clang 14; System V ABI for x86-64.
 */
#include <errno.h>
#include <string.h>

#include "lua_cells.h"

#define NR_SYMBOLS  (LUA_PC_CELLS + 1)
#define FETCHED	    NR_SYMBOLS /* value.of: F; backwards N */
#define NOTHING	    (NR_SYMBOLS + 1)
#define MAX_SWEEPS  256
#define MAX_MOVE_ON 8 /* instructions from a fetch to the pc's being behind it */

/* What a cell holds: something that is not known, but for its difference from the like; or F. */
struct value {
	uint16_t of; /* number of that something */
	int16_t add;
};

struct state {
	struct value cell[LUA_PC_CELLS];
	bool is_reached;
	bool has_changed; /* forwards: what follows from it is still to be done */
};

struct places {
	const struct x86_64_flow *flow;
	struct lua_cells cells;
	bool *is_fetch;
	/* by number of instruction; then of all that a jump to a register may lead to */
	struct state *before, *ahead;
	bool has_changed;
};

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

	forget(s, LUA_PC_SAVED);
	for (unsigned i = 0; i < LUA_PC_CELLS; i++) {
		struct value *v = &s->cell[i];

		if (v->of == at.of)
			*v = (struct value){FETCHED, (int16_t)(v->add - at.add - is->displacement)};
		else if (v->of == FETCHED)
			forget(s, i);
	}
}

/* Does instruction @i save the pc? It is what was saved then, whatever is called. */
static bool saves_pc(const struct places *p, size_t i, const struct state *s)
{
	const struct x86_64_instruction *is = &p->flow->at[i];

	return is->kind == X86_64_STORE && lua_cells_is_savedpc(&p->cells, is) &&
	       s->cell[is->reg].of == FETCHED && s->cell[is->reg].add == 4;
}

static void step(const struct places *p, size_t i, struct state *s)
{
	struct lua_cell_effect e = lua_cell_effect(&p->cells, i);
	bool is_saved = saves_pc(p, i, s);
	struct value v = {0};

	if (p->is_fetch[i])
		fetch(s, &p->flow->at[i]);
	if (e.to != LUA_PC_UNKNOWN)
		v = s->cell[e.from];
	for (unsigned cell = 0; cell < LUA_PC_CELLS; cell++)
		if (e.lost >> cell & 1)
			forget(s, cell);
	if (is_saved)
		s->cell[LUA_PC_SAVED] = (struct value){FETCHED, 4};
	if (e.to == LUA_PC_UNKNOWN || e.from == LUA_PC_SAVED)
		return;
	v.add = (int16_t)(v.add + e.add);
	if (v.add <= LUA_CELL_MAX_ADD && v.add >= -LUA_CELL_MAX_ADD)
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
	joined.has_changed = known->has_changed;
	if (known->is_reached && memcmp(&joined, known, sizeof(joined)) == 0)
		return;
	*known = joined;
	known->has_changed = p->has_changed = true;
}

static void flow_from(struct places *p, size_t i)
{
	const struct x86_64_flow *f = p->flow;
	struct state s = p->before[i];

	p->before[i].has_changed = false;
	step(p, i, &s);
	if (f->jump[i] != X86_64_NOWHERE)
		flow_to(p, f->jump[i], &s);
	if (f->at[i].kind == X86_64_JUMP_TO)
		flow_to(p, f->nr, &s);
	if (x86_64_falls_through(f, i))
		flow_to(p, i + 1, &s);
}

static int flow_forwards(struct places *p)
{
	const struct x86_64_flow *f = p->flow;
	struct state entry = {.is_reached = true};

	for (unsigned i = 0; i < LUA_PC_CELLS; i++)
		entry.cell[i].of = (uint16_t)i;
	flow_to(p, 0, &entry);
	for (unsigned n = 0; p->has_changed; n++) {
		if (n == MAX_SWEEPS)
			return -ENODATA;
		p->has_changed = false;
		for (size_t i = 0; i < f->nr; i++)
			if (p->before[i].has_changed)
				flow_from(p, i);
		for (size_t i = 0; i < f->nr && p->before[f->nr].has_changed; i++)
			if (f->is_listed[i])
				flow_to(p, i, &p->before[f->nr]);
		p->before[f->nr].has_changed = false;
	}
	return 0;
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
	struct lua_cell_effect e = lua_cell_effect(&p->cells, i);
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
	if (is->kind == X86_64_CALL) /* another function's is saved then, perhaps */
		s->cell[LUA_PC_SAVED] = (struct value){NOTHING, 0};
	v.add = (int16_t)(v.add + e.add);
	if (v.of == FETCHED && v.add <= LUA_CELL_MAX_ADD && v.add >= -LUA_CELL_MAX_ADD &&
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

static int flow_backwards(struct places *p)
{
	const struct x86_64_flow *f = p->flow;

	p->has_changed = true;
	for (unsigned n = 0; p->has_changed; n++) {
		struct state all = {0};

		if (n == MAX_SWEEPS)
			return -ENODATA;
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
	return 0;
}

/* ---- the answer ------------------------------------------------------------------------------ */

#define NR_OFFSETS (2 * LUA_CELL_MAX_ADD + 1)

/* The cell that has F mostly. */
static int find_usual(const struct places *p, struct value *ret)
{
	unsigned times[LUA_PC_CELLS][NR_OFFSETS] = {0}, most = 0, nr = 0;

	for (size_t i = 0; i < p->flow->nr; i++) {
		nr += p->before[i].is_reached;
		for (unsigned cell = 0; p->before[i].is_reached && cell < LUA_PC_SAVED; cell++) {
			struct value v = p->before[i].cell[cell];

			if (v.of != FETCHED || v.add > LUA_CELL_MAX_ADD ||
			    v.add < -LUA_CELL_MAX_ADD ||
			    ++times[cell][v.add + LUA_CELL_MAX_ADD] <= most)
				continue;
			most = times[cell][v.add + LUA_CELL_MAX_ADD];
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
		    (found == LUA_PC_UNKNOWN || !((uint64_t)X86_64_CALLER_SAVED >> cell & 1)))
			found = cell;
	return found;
}

static struct lua_pc_place place_of_fetched(const struct state *s, unsigned cell)
{
	if (cell == LUA_PC_SAVED)
		return (struct lua_pc_place){LUA_PC_SAVED, 0};
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
		    !lua_cells_have_register(&p->cells, is->base) ||
		    (is->displacement && is->displacement != -4) || !moves_on(p, i, usual))
			continue;
		p->is_fetch[i] = true;
		has_more = true;
	}
	return has_more;
}

static int flow_anew(struct places *p, struct value *ret_usual)
{
	int r;

	memset(p->before, 0, (p->flow->nr + 1) * sizeof(*p->before));
	r = flow_forwards(p);
	return r ? r : find_usual(p, ret_usual);
}

static int flow_both_ways(struct places *p, struct value *ret_usual)
{
	int r = flow_anew(p, ret_usual);

	if (!r && add_fetches(p, *ret_usual))
		r = flow_anew(p, ret_usual);
	return r ? r : flow_backwards(p);
}

int lua_pc_places(const struct x86_64_flow *flow, bool *is_fetch, unsigned savedpc,
		  struct lua_pc_place *ret, int32_t *ret_frame)
{
	struct places p = {.flow = flow, .is_fetch = is_fetch};
	struct value usual;
	int r;

	p.before = calloc(flow->nr + 1, sizeof(*p.before));
	p.ahead = calloc(flow->nr + 1, sizeof(*p.ahead));
	r = p.before && p.ahead ? lua_cells_choose(flow, savedpc, &p.cells) : -ENOMEM;
	if (!r)
		r = flow_both_ways(&p, &usual);
	for (size_t i = 0; r == 0 && i < flow->nr; i++)
		ret[i] = place_at(&p, i, usual);
	memcpy(ret_frame, p.cells.frame, sizeof(p.cells.frame));
	free(p.before);
	free(p.ahead);
	return r;
}
