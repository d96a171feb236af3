/* SPDX-License-Identifier: MIT */
/*
 * PUC rows come from the product's own table, so that tests which name functions and lines also
 * prove the fields no walker ever reads. LuaJIT's row is written out: the product discovers it.
 */
#include "lua_layouts.h"

#include <string.h>

#include "lua_vms.h"

const char *const test_interpreters[] = {"luajit", "lua5.1", "lua5.2", "lua5.3", "lua5.4", NULL};

/* Debian's 2.1.0~beta3+git20220320, x86-64: lj_obj.h and lj_dispatch.h at 43ebb949. */
static const struct lua_layout luajit_debian = {
	.family = BPROF_FAMILY_LUAJIT,
	.dialect = LUA_DIALECT_LUAJIT,
	.luajit =
		{
			.cur_L = 368,
			.jit_base = 376,
			.vmstate = 184,
			.mainthread = 192,
			.registry = 272,
			.bc_cfunc = 360,
			.dispatch = 3968,
			.state_bytes = 96,
			.string_data = 24,
			.string_len = 20,
			.trace_table = 1112,
			.funcc_op = 95,
			.snapshot_mcode = 6,
		},
};

static const struct {
	const char *interpreter;
	unsigned release;
} puc_debian[] = {{"lua5.1", 50105}, {"lua5.2", 50204}, {"lua5.3", 50306}, {"lua5.4", 50404}};

static const struct lua_layout *puc_layout_of(size_t index)
{
	static struct lua_layout layouts[ARRAY_SIZE(puc_debian)];

	for (size_t i = 0; i < lua_nr_builds; i++) {
		const struct lua_build *build = &lua_builds[i];

		if (puc_debian[index].release < build->first_release ||
		    puc_debian[index].release > build->last_release)
			continue;
		layouts[index] = (struct lua_layout){
			.family = BPROF_FAMILY_PUC,
			.dialect = build->dialect,
			.puc = build->puc,
		};
		return &layouts[index];
	}
	return NULL;
}

const struct lua_layout *test_layout(const char *interpreter)
{
	if (strcmp(interpreter, "luajit") == 0)
		return &luajit_debian;
	for (size_t i = 0; i < ARRAY_SIZE(puc_debian); i++)
		if (strcmp(interpreter, puc_debian[i].interpreter) == 0)
			return puc_layout_of(i);
	return NULL;
}
