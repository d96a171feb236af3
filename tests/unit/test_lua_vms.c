/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "lua_vms.h"

static const struct lua_build *build_named(const char *name)
{
	for (size_t b = 0; b < lua_nr_builds; b++) {
		if (strcmp(lua_builds[b].name, name) == 0)
			return &lua_builds[b];
	}
	return NULL;
}

Test(lua_vms, every_row_is_a_valid_layout_with_a_source)
{
	for (size_t b = 0; b < lua_nr_builds; b++) {
		const struct lua_build *build = &lua_builds[b];
		struct lua_layout layout = {
			.family = BPROF_FAMILY_PUC, .dialect = build->dialect, .puc = build->puc};

		cr_expect(lua_layout_valid(&layout), "%s", build->name);
		cr_expect(build->source && *build->source);
		cr_expect(le(uint, build->first_release, build->last_release));
		cr_expect(b == 0 || build->first_release > lua_builds[b - 1].last_release,
			  "rows are in order and do not overlap: %s", build->name);
	}
}

Test(lua_vms, known_builds_of_luajit_are_told_apart_by_what_memory_shows)
{
	for (size_t a = 0; a < luajit_nr_builds; a++) {
		for (size_t b = a + 1; b < luajit_nr_builds; b++) {
			const struct luajit_build *x = &luajit_builds[a], *y = &luajit_builds[b];

			cr_expect(x->bc_cfunc != y->bc_cfunc || x->dispatch != y->dispatch ||
				  x->state_bytes != y->state_bytes);
		}
	}
}

Test(lua_vms, a_misaligned_or_distant_field_makes_a_layout_invalid)
{
	const struct lua_build *build = build_named("5.4.3-5.4.8");
	struct lua_layout good = {
		.family = BPROF_FAMILY_PUC, .dialect = build->dialect, .puc = build->puc};

#define INVALID(field, value)                                                                      \
	do {                                                                                       \
		struct lua_layout bad = good;                                                      \
		bad.field = value;                                                                 \
		cr_expect(not(lua_layout_valid(&bad)), #field " = " #value);                       \
	} while (0)
	cr_assert(lua_layout_valid(&good));
	INVALID(family, BPROF_FAMILY_NONE);
	INVALID(family, 99);
	INVALID(dialect, LUA_DIALECT_UNKNOWN);
	INVALID(dialect, LUA_DIALECT_LUAJIT);
	INVALID(puc.state_ci, 33);
	INVALID(puc.state_ci, 256);
	INVALID(puc.state_ci, 0);
	INVALID(puc.state_error_jmp, 0xfff8);
	INVALID(puc.ci_bytes, 0);
	INVALID(puc.ci_bytes, 88);
	INVALID(puc.state_status, 176);
	INVALID(puc.cclosure_f, 40);
	INVALID(puc.ci_savedpc, 64);
	INVALID(puc.ci_status, 63);
	INVALID(puc.ci_status_width, 3);
	INVALID(puc.ci_status_width, 0);
	INVALID(puc.pc_reg, BPROF_REG_IP);
	INVALID(puc.proto_code, 124);
	INVALID(puc.proto_code_len, 26);
	INVALID(puc.proto_source, 128);
	INVALID(puc.string_data, 40);
	INVALID(puc.string_data, 0);
	INVALID(puc.table_nodes, 0);
	INVALID(puc.table_nodes, 60);
	INVALID(puc.table_array, 64);
	INVALID(puc.table_array_len, 14);
#undef INVALID
}

Test(lua_vms, releases_are_read_from_version_strings)
{
	cr_expect(eq(uint, lua_release("Lua 5.4.4"), 50404));
	cr_expect(eq(uint, lua_release("Lua 5.1"), 50100));
	cr_expect(eq(uint, lua_release("Lua 5.1.5 Copyright"), 50105));
	cr_expect(eq(uint, lua_release("Lua 5"), 50000));
	cr_expect(eq(uint, lua_release("Lua 5.x"), 0));
	cr_expect(eq(uint, lua_release("Lua 5.400.1"), 0));
	cr_expect(eq(uint, lua_release("LuaJIT 2.1.0"), 0));
	cr_expect(eq(uint, lua_release(""), 0));
	cr_expect(eq(uint, lua_release(NULL), 0));
}
