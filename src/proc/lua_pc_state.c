/* SPDX-License-Identifier: MIT */
/*
 * Manages what is known of cells: which of them hold the same, but for a constant.
 *
 * Invariant of a state that was joined: what cells have in common is numbered as the first of them,
 * which holds it plus 0. So two states say the same if their bytes are the same.
 */
#include <string.h>

#include "lua_pc_state.h"

#define MAX_DIFFERENCE 512 /* of cells; fits any sum of two in an int16_t */

_Static_assert(LUA_PC_FETCHED < 64, "a bit for each number, and one is always left");

void lua_pc_state_forget(struct lua_pc_state *s, uint64_t cells)
{
	uint64_t used = LUA_PC_BIT(LUA_PC_FETCHED);

	if (!cells)
		return;
	for (unsigned i = 0; i < LUA_PC_CELLS; i++)
		if (!(cells >> i & 1))
			used |= LUA_PC_BIT(s->cell[i].of);
	for (; cells; cells &= cells - 1) {
		unsigned number = (unsigned)__builtin_ctzll(~used);

		s->cell[__builtin_ctzll(cells)] = (struct lua_pc_value){(uint16_t)number, 0};
		used |= LUA_PC_BIT(number);
	}
}

void lua_pc_state_fetch(struct lua_pc_state *s, unsigned base, int displacement)
{
	const struct lua_pc_value at = s->cell[base];
	uint64_t stale = LUA_PC_BIT(LUA_PC_SAVED);

	for (unsigned i = 0; i < LUA_PC_CELLS; i++) {
		struct lua_pc_value *v = &s->cell[i];
		int add = v->add - at.add - displacement;

		if (v->of == at.of && LUA_PC_IS_NEAR(add))
			*v = (struct lua_pc_value){LUA_PC_FETCHED, (int16_t)add};
		else if (v->of == at.of || v->of == LUA_PC_FETCHED)
			stale |= LUA_PC_BIT(i);
	}
	lua_pc_state_forget(s, stale);
}

uint64_t lua_pc_state_fetched(const struct lua_pc_state *s)
{
	uint64_t cells = 0;

	for (unsigned i = 0; i < LUA_PC_CELLS; i++)
		if (s->cell[i].of == LUA_PC_FETCHED)
			cells |= LUA_PC_BIT(i);
	return cells;
}

/* Cell @i differs from cell @first by @add. */
static struct lua_pc_value named(unsigned i, unsigned first, int add)
{
	if (add > MAX_DIFFERENCE || add < -MAX_DIFFERENCE)
		return (struct lua_pc_value){(uint16_t)i, 0};
	return (struct lua_pc_value){(uint16_t)first, (int16_t)add};
}

/* Names what is in common by the first cell that holds it. */
static void rename_cells(const struct lua_pc_state *s, struct lua_pc_state *ret)
{
	uint8_t first[LUA_PC_CELLS + 1];

	memset(first, LUA_PC_UNKNOWN, sizeof(first));
	for (unsigned i = 0; i < LUA_PC_CELLS; i++) {
		struct lua_pc_value v = s->cell[i];

		if (v.of == LUA_PC_FETCHED) {
			ret->cell[i] = v;
			continue;
		}
		if (first[v.of] == LUA_PC_UNKNOWN)
			first[v.of] = (uint8_t)i;
		ret->cell[i] = named(i, first[v.of], v.add - s->cell[first[v.of]].add);
	}
	ret->is_reached = true;
}

/* The first cell that differs from cell @i by the same constant in both. */
static unsigned first_alike(const struct lua_pc_state *a, const struct lua_pc_state *b, unsigned i)
{
	const struct lua_pc_value x = a->cell[i], y = b->cell[i];
	unsigned first = 0;

	/* none is before the one that names it */
	if (x.of != LUA_PC_FETCHED)
		first = x.of;
	if (y.of != LUA_PC_FETCHED && y.of > first)
		first = y.of;
	while (a->cell[first].of != x.of || b->cell[first].of != y.of ||
	       x.add - a->cell[first].add != y.add - b->cell[first].add)
		first++;
	return first;
}

bool lua_pc_state_join(struct lua_pc_state *known, const struct lua_pc_state *other)
{
	struct lua_pc_state theirs, joined;

	rename_cells(other, &theirs);
	if (!known->is_reached) {
		*known = theirs;
		return true;
	}
	if (memcmp(known->cell, theirs.cell, sizeof(known->cell)) == 0)
		return false;
	for (unsigned i = 0; i < LUA_PC_CELLS; i++) {
		const struct lua_pc_value x = known->cell[i], y = theirs.cell[i];
		unsigned first;

		if (x.of == LUA_PC_FETCHED && y.of == LUA_PC_FETCHED && x.add == y.add) {
			joined.cell[i] = x;
			continue;
		}
		first = first_alike(known, &theirs, i);
		joined.cell[i] = named(i, first, x.add - known->cell[first].add);
	}
	if (memcmp(known->cell, joined.cell, sizeof(known->cell)) == 0)
		return false;
	memcpy(known->cell, joined.cell, sizeof(known->cell));
	return true;
}
