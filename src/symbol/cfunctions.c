/* SPDX-License-Identifier: MIT */
/*
 * Names C functions by walking the module tables of a live VM, breadth first.
 *
 * Invariant: a table is walked once and a function named once; what comes first in the queue wins.
 * The queue is filled in an order that does not depend on hashes or addresses: standard libraries,
 * globals, other modules, tables within those, metatables of the registry, each sorted by name.
 *
 * The bounds below are the policy; a suite with all of Penlight loaded stays far under them.
 */
#include "symbol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "record.h"
#include "registry.h"

#define MAX_TABLES	  1024U /* walked per VM */
#define MAX_TABLE_ENTRIES 4096U /* string keys of one table; beyond, it is data */
#define MAX_ALL_NODES	  (1U << 17)
#define MAX_FUNCTIONS	  8192U
#define MAX_DEPTH	  2U /* tables within a module: lpeg.x.f yes, deeper no */
#define MAX_SEARCHERS	  8U
#define MAX_NAME	  96U

/* In the order in which their names are preferred. */
static const char *const standard_libraries[] = {
	"string", "table", "math", "io",  "os",	      "coroutine", "debug", "package",
	"utf8",	  "bit32", "bit",  "jit", "jit.util", "jit.opt",   "ffi",
};

/*
 * LuaJIT numbers its library functions in the order of their definition, and some that no table
 * holds sit right before the function that hands them out (lib_base.c, lib_string.c). What the FFI
 * runs for C data and C libraries sits before ffi.cdef, in the same order since 2017 (lib_ffi.c).
 */
static const struct {
	const char *owner, *hidden;
	uint32_t distance;
} hidden_functions[] = {
	{"coroutine.wrap", "coroutine.wrap_aux", 1},
	{"ipairs", "ipairs_aux", 1},
	{"string.gmatch", "string.gmatch_aux", 1},
	{"ffi.cdef", "cdata:__index", 23},
	{"ffi.cdef", "cdata:__newindex", 22},
	{"ffi.cdef", "cdata:__eq", 21},
	{"ffi.cdef", "cdata:__len", 20},
	{"ffi.cdef", "cdata:__lt", 19},
	{"ffi.cdef", "cdata:__le", 18},
	{"ffi.cdef", "cdata:__concat", 17},
	{"ffi.cdef", "cdata:__call", 16},
	{"ffi.cdef", "cdata:__add", 15},
	{"ffi.cdef", "cdata:__sub", 14},
	{"ffi.cdef", "cdata:__mul", 13},
	{"ffi.cdef", "cdata:__div", 12},
	{"ffi.cdef", "cdata:__mod", 11},
	{"ffi.cdef", "cdata:__pow", 10},
	{"ffi.cdef", "cdata:__unm", 9},
	{"ffi.cdef", "cdata:__tostring", 8},
	{"ffi.cdef", "ffi.C:__index", 5},
	{"ffi.cdef", "ffi.C:__newindex", 4},
};

/* A table to walk. */
struct module {
	uaddr_t table;
	uint32_t depth;
	char prefix[MAX_NAME]; /* put before each name: "string.", "" for globals, "FILE*:" */
};

/* A string key and its value. */
struct entry {
	char name[MAX_NAME];
	struct lua_value value;
};

struct walk {
	const struct lua_reader *reader;
	const struct lua_vm *vm;
	uint32_t pid;
	struct buf *out;
	struct module modules[MAX_TABLES];
	uint32_t nr_modules, next_module, nodes_seen;
	struct lua_cfunction_ref functions[MAX_FUNCTIONS];
	uint32_t nr_functions;
	uint32_t owner_ffid[ARRAY_SIZE(hidden_functions)]; /* 0 = not LuaJIT, or not seen */
};

/* Entries of one table, sorted: the shortest name first, then the alphabet. */
struct entries {
	struct entry *entry;
	uint32_t nr;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	size_t left_len = strlen(left->name), right_len = strlen(right->name);

	if (left_len != right_len)
		return left_len < right_len ? -1 : 1;
	return strcmp(left->name, right->name);
}

/* A key that can be part of a name: short, and free of control characters. */
static int read_key(const struct walk *walk, const struct lua_value *key, char name[MAX_NAME])
{
	struct buf text;
	int r;

	if (key->kind != LUA_KIND_STRING)
		return -ENOENT;
	buf_init(&text, MAX_NAME);
	r = lua_string_copy(walk->reader, key->object, MAX_NAME, &text);
	if (r == 0 || r >= (int)MAX_NAME)
		r = -ENOENT;
	if (r > 0) {
		memcpy(name, text.data, text.len + 1);
		for (size_t i = 0; i < text.len; i++)
			if ((unsigned char)name[i] < ' ')
				r = -ENOENT;
	}
	buf_done(&text);
	return r;
}

static bool is_interesting(const struct lua_value *value)
{
	return value->kind == LUA_KIND_TABLE || value->kind == LUA_KIND_FUNCTION ||
	       value->kind == LUA_KIND_LIGHT_C;
}

/* Tables and functions under string keys. The caller frees ret->entry. Return: 0 or -errno. */
static int read_entries(struct walk *walk, uaddr_t address, struct entries *ret)
{
	struct lua_table table;
	int r = lua_table_open(walk->reader, address, &table);

	*ret = (struct entries){NULL, 0};
	if (r < 0)
		return r;
	if (table.nr_nodes > MAX_TABLE_ENTRIES || table.nr_nodes > MAX_ALL_NODES - walk->nodes_seen)
		return -E2BIG;
	walk->nodes_seen += table.nr_nodes;
	ret->entry = calloc(table.nr_nodes, sizeof(*ret->entry));
	if (!ret->entry)
		return -ENOMEM;
	for (uint32_t i = 0; i < table.nr_nodes; i++) {
		struct entry *entry = &ret->entry[ret->nr];
		struct lua_value key;

		if (lua_table_entry(walk->reader, &table, i, &key, &entry->value) < 0)
			continue;
		if (is_interesting(&entry->value) && read_key(walk, &key, entry->name) > 0)
			ret->nr++;
	}
	qsort(ret->entry, ret->nr, sizeof(*ret->entry), compare_entries);
	return 0;
}

/* ---- the queue ----------------------------------------------------------------------------- */

static void enqueue(struct walk *walk, uaddr_t table, uint32_t depth, const char *prefix,
		    const char *name, const char *separator)
{
	struct module *module = &walk->modules[walk->nr_modules];
	int len;

	if (walk->nr_modules == MAX_TABLES)
		return;
	for (uint32_t i = 0; i < walk->nr_modules; i++)
		if (walk->modules[i].table == table)
			return;
	len = snprintf(module->prefix, sizeof(module->prefix), "%s%s%s", prefix, name, separator);
	if (len < 0 || (size_t)len >= sizeof(module->prefix))
		return;
	module->table = table;
	module->depth = depth;
	walk->nr_modules++;
}

static const struct entry *find_table(const struct entries *entries, const char *name)
{
	for (uint32_t i = 0; i < entries->nr; i++)
		if (entries->entry[i].value.kind == LUA_KIND_TABLE &&
		    strcmp(entries->entry[i].name, name) == 0)
			return &entries->entry[i];
	return NULL;
}

static int enqueue_loaded(struct walk *walk, uaddr_t loaded)
{
	struct entries modules;
	const struct entry *found;
	int r = read_entries(walk, loaded, &modules);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(standard_libraries); i++) {
		found = find_table(&modules, standard_libraries[i]);
		if (found)
			enqueue(walk, found->value.object, 0, "", found->name, ".");
	}
	found = find_table(&modules, "_G");
	if (found)
		enqueue(walk, found->value.object, 0, "", "", "");
	for (uint32_t i = 0; i < modules.nr; i++)
		if (modules.entry[i].value.kind == LUA_KIND_TABLE)
			enqueue(walk, modules.entry[i].value.object, 0, "", modules.entry[i].name,
				".");
	free(modules.entry);
	return 0;
}

/* luaL_newmetatable() keeps metatables in the registry: methods of files and of other userdata. */
static int enqueue_metatables(struct walk *walk, uaddr_t registry, uaddr_t loaded)
{
	struct entries metatables;
	int r = read_entries(walk, registry, &metatables);

	for (uint32_t i = 0; r == 0 && i < metatables.nr; i++) {
		const struct entry *entry = &metatables.entry[i];

		if (entry->value.kind == LUA_KIND_TABLE && entry->value.object != loaded &&
		    strcmp(entry->name, "_PRELOAD") != 0)
			enqueue(walk, entry->value.object, MAX_DEPTH - 1, "", entry->name, ":");
	}
	free(metatables.entry);
	return r;
}

/* ---- names --------------------------------------------------------------------------------- */

static bool is_known(const struct walk *walk, const struct lua_cfunction_ref *function)
{
	for (uint32_t i = 0; i < walk->nr_functions; i++) {
		const struct lua_cfunction_ref *known = &walk->functions[i];

		if (known->ffid == function->ffid &&
		    (function->ffid != 0 || known->address == function->address))
			return true;
	}
	return false;
}

/* Return: 0 (also when it has a name already) or -errno of the buffer. */
static int name_function(struct walk *walk, const struct lua_cfunction_ref *function,
			 const char *prefix, const char *name)
{
	struct bprof_cfunction record = {
		.h.type = BPROF_RECORD_CFUNCTION,
		.pid = walk->pid,
		.vm = walk->vm->global,
		.ffid = function->ffid,
		.object = function->ffid ? 0 : function->address,
	};
	char full[2 * MAX_NAME];
	int len, r;

	if (walk->nr_functions == MAX_FUNCTIONS || is_known(walk, function))
		return 0;
	len = snprintf(full, sizeof(full), "%s%s", prefix, name);
	if (len < 0 || (size_t)len >= sizeof(full))
		return 0;
	record.name_len = (__u32)len;
	r = record_add(walk->out, &record.h, sizeof(record), full, (size_t)len);
	if (r < 0)
		return r;
	walk->functions[walk->nr_functions++] = *function;
	for (size_t i = 0; i < ARRAY_SIZE(hidden_functions); i++)
		if (strcmp(full, hidden_functions[i].owner) == 0)
			walk->owner_ffid[i] = function->ffid;
	return 0;
}

/* A method table that a metatable points to has the metatable's own name. */
static void enqueue_inner(struct walk *walk, const struct module *module, const struct entry *entry)
{
	size_t len = strlen(module->prefix);

	if (module->depth >= MAX_DEPTH)
		return;
	if (len > 0 && module->prefix[len - 1] == ':') {
		if (strcmp(entry->name, "__index") == 0)
			enqueue(walk, entry->value.object, MAX_DEPTH, module->prefix, "", "");
		return;
	}
	enqueue(walk, entry->value.object, module->depth + 1, module->prefix, entry->name, ".");
}

static int name_module(struct walk *walk, const struct module *module)
{
	struct entries entries;
	int r = read_entries(walk, module->table, &entries);

	if (r == -ENOMEM)
		return r;
	r = 0; /* a table that cannot be read has no names to give */
	for (uint32_t i = 0; r == 0 && i < entries.nr; i++) {
		const struct entry *entry = &entries.entry[i];
		struct lua_cfunction_ref function;

		if (entry->value.kind == LUA_KIND_TABLE)
			enqueue_inner(walk, module, entry);
		else if (lua_cfunction_of(walk->reader, &entry->value, &function) > 0)
			r = name_function(walk, &function, module->prefix, entry->name);
	}
	free(entries.entry);
	return r;
}

/* Return: 0 or -errno of the buffer. */
static int name_hidden(struct walk *walk)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(hidden_functions); i++) {
		struct lua_cfunction_ref function = {.ffid = walk->owner_ffid[i]};

		if (function.ffid < hidden_functions[i].distance + 2)
			continue;
		function.ffid -= hidden_functions[i].distance;
		r = name_function(walk, &function, "", hidden_functions[i].hidden);
	}
	return r;
}

/* What require() asks in turn lies in an array; the second of them compiles every module. */
static int name_searchers(struct walk *walk, uaddr_t loaded)
{
	static const char *const names[] = {"searchers", "loaders"}; /* 5.1 and LuaJIT: loaders */
	struct lua_value package, list, value;
	struct lua_cfunction_ref function;
	char name[32];
	int r = 0;

	if (lua_table_get(walk->reader, loaded, "package", &package) < 0 ||
	    package.kind != LUA_KIND_TABLE)
		return 0;
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		if (lua_table_get(walk->reader, package.object, names[n], &list) < 0 ||
		    list.kind != LUA_KIND_TABLE)
			continue;
		for (uint32_t i = 1; r == 0 && i <= MAX_SEARCHERS; i++) {
			if (lua_array_get(walk->reader, list.object, i, &value) < 0)
				break;
			if (lua_cfunction_of(walk->reader, &value, &function) <= 0)
				continue;
			snprintf(name, sizeof(name), "%s[%u]", names[n], i);
			r = name_function(walk, &function, "package.", name);
		}
	}
	return r;
}

static int name_all(struct walk *walk)
{
	int r = 0;

	while (r == 0 && walk->next_module < walk->nr_modules) {
		/* A copy: the walk of one module may add others. */
		struct module module = walk->modules[walk->next_module++];

		r = name_module(walk, &module);
	}
	return r < 0 ? r : name_hidden(walk);
}

int capture_cfunctions(const struct mem_reader *mem, const struct lua_layout *layout,
		       const struct lua_vm *vm, uint32_t pid, struct buf *out)
{
	CLEANUP(cleanup_peek) struct peek *peek = peek_new(mem);
	CLEANUP(cleanup_free) struct walk *walk = calloc(1, sizeof(*walk));
	struct lua_reader reader = {.peek = peek, .layout = layout};
	size_t start = out->len;
	uaddr_t registry, loaded;
	int r;

	if (!peek || !walk)
		return -ENOMEM;
	walk->reader = &reader;
	walk->vm = vm;
	walk->pid = pid;
	walk->out = out;
	r = registry_find(&reader, vm->global, &registry);
	if (r == 0)
		r = registry_loaded(&reader, registry, &loaded);
	if (r == 0)
		r = enqueue_loaded(walk, loaded);
	if (r == 0)
		r = enqueue_metatables(walk, registry, loaded);
	if (r == 0)
		r = name_all(walk);
	if (r == 0)
		r = name_searchers(walk, loaded);
	if (r < 0) {
		record_drop(out, start);
		return r;
	}
	return (int)walk->nr_functions;
}
