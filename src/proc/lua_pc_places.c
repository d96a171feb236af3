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

#define MAX_SWEEPS     256
#define MAX_WORD_STEPS 128 /* instructions on the ways from there, if they branch */
#define MAX_MOVE_ON    8   /* instructions from a fetch to the pc's being behind it */

/* Backwards: those of @cells, a bit for each, hold N minus @add. */
struct ahead {
	uint64_t cells;
	int8_t add[LUA_PC_CELLS];
	bool is_reached;
};

struct places {
	const struct x86_64_flow *flow;
	struct lua_cells cells;
	bool *is_fetch;
	/* by number of instruction; then of all that a jump to a register may lead to */
	struct lua_pc_state *before;
	struct ahead *ahead;
	bool *is_joined;  /* not only the one before leads to it */
	bool *is_pending; /* what follows from before is still to be done; of those that are joined
			   */
	bool has_changed;
};

/* ---- forwards -------------------------------------------------------------------------------- */

/* Does instruction @i save the pc? It is what was saved then, whatever is called. */
static bool saves_pc(const struct places *p, size_t i, const struct lua_pc_state *s)
{
	const struct x86_64_instruction *is = &p->flow->at[i];

	return is->kind == X86_64_STORE && lua_cells_is_savedpc(&p->cells, is) &&
	       s->cell[is->reg].of == LUA_PC_FETCHED && s->cell[is->reg].add == 4;
}

static void step(const struct places *p, size_t i, struct lua_pc_state *s)
{
	const struct x86_64_instruction *is = &p->flow->at[i];
	const struct lua_cell_effect *e = &p->cells.effect[i];
	bool is_saved = saves_pc(p, i, s);
	struct lua_pc_value v = {0};
	uint64_t lost = e->lost;

	if (p->is_fetch[i])
		lua_pc_state_fetch(s, is->base, is->displacement);
	if (e->to != LUA_PC_UNKNOWN && e->from != LUA_PC_SAVED) {
		v = s->cell[e->from];
		v.add = (int16_t)(v.add + e->add);
		if (LUA_PC_IS_NEAR(v.add))
			lost &= ~LUA_PC_BIT(e->to);
		else
			lost |= LUA_PC_BIT(e->to);
	}
	lua_pc_state_forget(s, lost);
	if (e->to != LUA_PC_UNKNOWN && !(lost >> e->to & 1))
		s->cell[e->to] = v;
	if (is_saved)
		s->cell[LUA_PC_SAVED] = (struct lua_pc_value){LUA_PC_FETCHED, 4};
}

static void flow_to(struct places *p, size_t to, const struct lua_pc_state *s)
{
	if (lua_pc_state_join(&p->before[to], s))
		p->is_pending[to] = p->has_changed = true;
}

/* From instruction @i on, as far as only the one before leads to the next. */
static void flow_from(struct places *p, size_t i)
{
	const struct x86_64_flow *f = p->flow;
	struct lua_pc_state s = p->before[i];

	p->is_pending[i] = false;
	for (;; i++) {
		step(p, i, &s);
		if (f->jump[i] != X86_64_NOWHERE)
			flow_to(p, f->jump[i], &s);
		if (f->at[i].kind == X86_64_JUMP_TO)
			flow_to(p, f->nr, &s);
		if (!x86_64_falls_through(f, i))
			return;
		if (p->is_joined[i + 1])
			break;
		p->before[i + 1] = s;
	}
	flow_to(p, i + 1, &s);
}

static int flow_forwards(struct places *p)
{
	const struct x86_64_flow *f = p->flow;
	struct lua_pc_state entry = {.is_reached = true};

	for (unsigned i = 0; i < LUA_PC_CELLS; i++)
		entry.cell[i].of = (uint16_t)i;
	flow_to(p, 0, &entry);
	for (unsigned n = 0; p->has_changed; n++) {
		if (n == MAX_SWEEPS)
			return -ENODATA;
		p->has_changed = false;
		for (size_t i = 0; i < f->nr; i++)
			if (p->is_pending[i])
				flow_from(p, i);
		for (size_t i = 0; i < f->nr && p->is_pending[f->nr]; i++)
			if (f->is_listed[i])
				flow_to(p, i, &p->before[f->nr]);
		p->is_pending[f->nr] = false;
	}
	return 0;
}

/* ---- backwards ------------------------------------------------------------------------------- */

static bool is_same(const struct ahead *a, const struct ahead *b)
{
	if (a->is_reached != b->is_reached || a->cells != b->cells)
		return false;
	for (uint64_t left = a->cells; left; left &= left - 1) {
		unsigned cell = (unsigned)__builtin_ctzll(left);

		if (a->add[cell] != b->add[cell])
			return false;
	}
	return true;
}

static void keep_common(struct ahead *s, const struct ahead *other)
{
	if (!other->is_reached)
		return;
	if (!s->is_reached) {
		*s = *other;
		return;
	}
	s->cells &= other->cells;
	for (uint64_t left = s->cells; left; left &= left - 1) {
		unsigned cell = (unsigned)__builtin_ctzll(left);

		if (s->add[cell] != other->add[cell])
			s->cells &= ~LUA_PC_BIT(cell);
	}
}

static void hold(struct ahead *s, unsigned cell, int add)
{
	s->cells |= LUA_PC_BIT(cell);
	s->add[cell] = (int8_t)add;
}

/* What is true before instruction @i, if @s is after it. */
static void step_back(const struct places *p, size_t i, struct ahead *s)
{
	const struct x86_64_instruction *is = &p->flow->at[i];
	const struct lua_cell_effect *e = &p->cells.effect[i];
	bool is_known = e->to != LUA_PC_UNKNOWN && s->cells >> e->to & 1;
	int add = is_known ? s->add[e->to] + e->add : 0;

	if (p->is_fetch[i]) {
		*s = (struct ahead){.is_reached = true};
		hold(s, is->base, is->displacement);
		return;
	}
	s->cells &= ~e->lost;
	if (e->to != LUA_PC_UNKNOWN)
		s->cells &= ~LUA_PC_BIT(e->to);
	if (is->kind == X86_64_CALL) /* another function's is saved then, perhaps */
		s->cells &= ~LUA_PC_BIT(LUA_PC_SAVED);
	if (is_known && LUA_PC_IS_NEAR(add) && (e->from != LUA_PC_SAVED || !add))
		hold(s, e->from, add);
}

/* After instruction @i: what is true on every way that goes on. */
static struct ahead state_behind(const struct places *p, size_t i)
{
	const struct x86_64_flow *f = p->flow;
	struct ahead s = {0};

	if (f->jump[i] != X86_64_NOWHERE)
		keep_common(&s, &p->ahead[f->jump[i]]);
	if (f->at[i].kind == X86_64_JUMP_TO)
		keep_common(&s, &p->ahead[f->nr]);
	if (x86_64_falls_through(f, i))
		keep_common(&s, &p->ahead[i + 1]);
	if (f->at[i].kind == X86_64_END ||
	    (f->at[i].kind == X86_64_JUMP && f->jump[i] == X86_64_NOWHERE))
		s = (struct ahead){.is_reached = true};
	return s;
}

static void set_ahead(struct places *p, size_t i, const struct ahead *s)
{
	if (!s->is_reached || is_same(s, &p->ahead[i]))
		return;
	p->ahead[i] = *s;
	p->has_changed = true;
}

static int flow_backwards(struct places *p)
{
	const struct x86_64_flow *f = p->flow;

	p->has_changed = true;
	for (unsigned n = 0; p->has_changed; n++) {
		struct ahead all = {0};

		if (n == MAX_SWEEPS)
			return -ENODATA;
		p->has_changed = false;
		for (size_t i = f->nr; i-- > 0;) {
			struct ahead s = state_behind(p, i);

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
static int find_usual(const struct places *p, struct lua_pc_value *ret)
{
	unsigned times[LUA_PC_CELLS][NR_OFFSETS] = {0}, most = 0, nr = 0;

	for (size_t i = 0; i < p->flow->nr; i++) {
		nr += p->before[i].is_reached;
		for (unsigned cell = 0; p->before[i].is_reached && cell < LUA_PC_SAVED; cell++) {
			struct lua_pc_value v = p->before[i].cell[cell];

			if (v.of != LUA_PC_FETCHED || !LUA_PC_IS_NEAR(v.add) ||
			    ++times[cell][v.add + LUA_CELL_MAX_ADD] <= most)
				continue;
			most = times[cell][v.add + LUA_CELL_MAX_ADD];
			*ret = (struct lua_pc_value){(uint16_t)cell, v.add};
		}
	}
	return most * 2 > nr ? 0 : -ENODATA;
}

/* The first of @cells in which a callee would leave it; else any. */
static unsigned any_cell(uint64_t cells)
{
	uint64_t kept = cells & ~(uint64_t)X86_64_CALLER_SAVED;

	if (kept)
		return (unsigned)__builtin_ctzll(kept);
	return cells ? 63U - (unsigned)__builtin_clzll(cells) : LUA_PC_UNKNOWN;
}

static struct lua_pc_place place_of_fetched(const struct lua_pc_state *s, unsigned cell)
{
	if (cell == LUA_PC_SAVED)
		return (struct lua_pc_place){LUA_PC_SAVED, 0};
	return (struct lua_pc_place){(uint8_t)cell, (int8_t)(4 - s->cell[cell].add)};
}

static struct lua_pc_place place_at(const struct places *p, size_t i, struct lua_pc_value usual)
{
	const struct lua_pc_state *before = &p->before[i];
	const struct ahead *ahead = &p->ahead[i];
	struct lua_pc_place none = {LUA_PC_UNKNOWN, 0};
	unsigned cell;

	if (!before->is_reached)
		return none;
	if (before->cell[usual.of].of == LUA_PC_FETCHED)
		return place_of_fetched(before, usual.of);
	cell = any_cell(ahead->cells);
	if (cell == LUA_PC_SAVED)
		return (struct lua_pc_place){LUA_PC_SAVED, 0};
	if (cell != LUA_PC_UNKNOWN)
		return (struct lua_pc_place){(uint8_t)cell, (int8_t)(ahead->add[cell] + 4)};
	cell = any_cell(lua_pc_state_fetched(before));
	return cell == LUA_PC_UNKNOWN ? none : place_of_fetched(before, cell);
}

/* ---- fetches without a dispatch -------------------------------------------------------------- */

/* From the load at @i straight on: does the usual cell come to be just behind what was loaded? */
static bool moves_on(const struct places *p, size_t i, struct lua_pc_value usual)
{
	const struct x86_64_flow *f = p->flow;
	struct lua_pc_state s = p->before[i];
	struct lua_pc_value at = s.cell[f->at[i].base], now;

	for (size_t k = i; k < f->nr && k < i + MAX_MOVE_ON && f->at[k].kind < X86_64_JUMP; k++) {
		now = s.cell[usual.of];
		if (now.of == at.of && now.add == at.add + f->at[i].displacement + usual.add)
			return true;
		step(p, k, &s);
	}
	now = s.cell[usual.of];
	return now.of == at.of && now.add == at.add + f->at[i].displacement + usual.add;
}

/*
 * On all ways from instruction @i: does the usual cell stay @at, and then move on by one word? Then
 * what is loaded from there before is passed over: 5.1 makes a closure by a loop over the words
 * behind the instruction, one for each upvalue.
 */
static bool passes_word(const struct places *p, size_t i, struct lua_pc_state s,
			struct lua_pc_value at, unsigned usual, unsigned *budget)
{
	const struct x86_64_flow *f = p->flow;

	for (;;) {
		struct lua_pc_value now = s.cell[usual];

		if (now.of == at.of && now.add == at.add + 4)
			return true;
		if (now.of != at.of || now.add != at.add || p->is_fetch[i] || !*budget)
			return false;
		--*budget;
		step(p, i, &s);
		if (f->at[i].kind == X86_64_JUMP_TO)
			return false;
		if (!x86_64_falls_through(f, i)) {
			if (f->jump[i] == X86_64_NOWHERE)
				return false;
			i = f->jump[i];
			continue;
		}
		if (f->jump[i] != X86_64_NOWHERE &&
		    !passes_word(p, f->jump[i], s, at, usual, budget))
			return false;
		i++;
	}
}

/* Is the word that instruction @i loads the one at the pc, and is it passed over? */
static bool is_passed(const struct places *p, size_t i, struct lua_pc_value usual)
{
	const struct x86_64_instruction *is = &p->flow->at[i];
	struct lua_pc_state s = p->before[i];
	struct lua_pc_value at = s.cell[usual.of], from = s.cell[is->base];
	unsigned budget = MAX_WORD_STEPS;

	return usual.add == 4 && !is->displacement && from.of == at.of && from.add == at.add &&
	       passes_word(p, i, s, at, usual.of, &budget);
}

static bool add_fetches(struct places *p, struct lua_pc_value usual)
{
	const struct x86_64_flow *f = p->flow;
	bool has_more = false;

	for (size_t i = 0; i < f->nr; i++) {
		const struct x86_64_instruction *is = &f->at[i];

		if (p->is_fetch[i] || !p->before[i].is_reached || is->opcode != 0x8b ||
		    is->is_wide || is->is_16 || !is->has_memory || is->has_index ||
		    !lua_cells_have_register(&p->cells, is->base) ||
		    (is->displacement && is->displacement != -4) ||
		    (!moves_on(p, i, usual) && !is_passed(p, i, usual)))
			continue;
		p->is_fetch[i] = true;
		has_more = true;
	}
	return has_more;
}

static int flow_anew(struct places *p, struct lua_pc_value *ret_usual)
{
	int r;

	memset(p->before, 0, (p->flow->nr + 1) * sizeof(*p->before));
	r = flow_forwards(p);
	return r ? r : find_usual(p, ret_usual);
}

static int flow_both_ways(struct places *p, struct lua_pc_value *ret_usual)
{
	int r = flow_anew(p, ret_usual);

	if (!r && add_fetches(p, *ret_usual))
		r = flow_anew(p, ret_usual);
	return r ? r : flow_backwards(p);
}

static int places_alloc(struct places *p)
{
	const struct x86_64_flow *f = p->flow;

	p->before = calloc(f->nr + 1, sizeof(*p->before));
	p->ahead = calloc(f->nr + 1, sizeof(*p->ahead));
	p->is_joined = calloc(f->nr, sizeof(*p->is_joined));
	p->is_pending = calloc(f->nr + 1, sizeof(*p->is_pending));
	if (!p->before || !p->ahead || !p->is_joined || !p->is_pending)
		return -ENOMEM;
	for (size_t i = 0; i < f->nr; i++) {
		p->is_joined[i] |= f->is_listed[i];
		if (f->jump[i] != X86_64_NOWHERE)
			p->is_joined[f->jump[i]] = true;
	}
	return 0;
}

static void places_free(struct places *p)
{
	free(p->before);
	free(p->ahead);
	free(p->is_joined);
	free(p->is_pending);
	lua_cells_done(&p->cells);
}

int lua_pc_places(const struct x86_64_flow *flow, bool *is_fetch, unsigned savedpc,
		  struct lua_pc_place *ret, int32_t *ret_frame)
{
	struct places p = {.flow = flow, .is_fetch = is_fetch};
	struct lua_pc_value usual;
	int r = places_alloc(&p);

	if (!r)
		r = lua_cells_choose(flow, savedpc, &p.cells);
	if (!r)
		r = flow_both_ways(&p, &usual);
	for (size_t i = 0; r == 0 && i < flow->nr; i++)
		ret[i] = place_at(&p, i, usual);
	memcpy(ret_frame, p.cells.frame, sizeof(p.cells.frame));
	places_free(&p);
	return r;
}
