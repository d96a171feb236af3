/* SPDX-License-Identifier: MIT */
/*
 * The two tables that everything else can be reached from: the registry and package.loaded, which
 * every VM keeps in it under the key "_LOADED" (lauxlib.h: LUA_LOADED_TABLE).
 */
#include "registry.h"

#include <errno.h>

static int as_table(const struct lua_value *value, uaddr_t *ret)
{
	if (value->kind != LUA_KIND_TABLE)
		return -EBADMSG;
	*ret = value->object;
	return 0;
}

int registry_find(const struct lua_reader *reader, uaddr_t global, uaddr_t *ret)
{
	const struct lua_layout *layout = reader->layout;
	uint32_t offset = layout->family == BPROF_FAMILY_LUAJIT ? layout->luajit.registry
								: layout->puc.global_registry;
	struct lua_value registry;
	int r = lua_value_read(reader, global + offset, &registry);

	return r < 0 ? r : as_table(&registry, ret);
}

int registry_loaded(const struct lua_reader *reader, uaddr_t registry, uaddr_t *ret)
{
	struct lua_value loaded;
	int r = lua_table_get(reader, registry, "_LOADED", &loaded);

	return r < 0 ? r : as_table(&loaded, ret);
}
