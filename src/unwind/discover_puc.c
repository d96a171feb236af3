/* SPDX-License-Identifier: MIT */
/*
 * Manages the proof of a PUC Lua layout: each build of the table against a VM in memory.
 *
 *	lua_State.l_G -> global_State.mainthread -> main lua_State, which lies state_bytes below it
 *	global_State.l_registry: a table           (5.5: the main thread is a part of global_State)
 *	lua_State.ci -> CallInfo ... -> base_ci, whose func is lua_State.stack
 *	lua_State.errorJmp -> a chain of records on the native stack, outer ones at higher addresses
 *	global_State.tmname[] -> the string "__index", made before any library is loaded
 *
 * Two builds that pass must agree in all a walker reads but the bit for tail calls (5.4.1, 5.4.2);
 * then the version decides, and without one tail calls go unmarked.
 *
 * Facts: lstate.h, lobject.h, ldo.c, ltm.c of Lua 5.1-5.5 (copyright Lua.org, PUC-Rio, MIT).
 */
#include <stdio.h>
#include <string.h>

#include "discover_family.h"

/* Common to all builds */
#define OBJECT_TYPE	  8 /* tt */
#define VALUE_TAG	  8 /* of a TValue: value first, then tag */
#define TYPE_SHORT_STRING 4 /* LUA_TSTRING */
#define TYPE_LONG_STRING  20
#define TYPE_TABLE	  5
#define TYPE_THREAD	  8
#define TYPE_PROTO	  9 /* LUA_TPROTO */
#define TYPE_PROTO_54	  10
#define TAG_BASIC	  0x0f
#define TAG_VARIANT	  0x3f
#define TAG_FUNCTION	  6 /* LUA_TFUNCTION; a Lua function where there are variants */
#define TAG_LIGHT_C	  22

/* Limits of the search */
#define GLOBAL_STRINGS	  2048 /* bytes of global_State in which the metamethod names lie */
#define MAX_STACK_BYTES	  (16ULL * 2000000) /* LUAI_MAXSTACK is 1,000,000 slots of 16 bytes */
#define MAX_NATIVE_STACK  (1ULL << 30)
#define MAX_NEAR_CALLS	  8 /* CallInfos looked at from the leaf in the first proof */
#define MAX_CALLS	  262144
#define MAX_CODE	  (1U << 26)
#define MAX_LINE	  (1 << 24)
#define REGISTRY_ELEMENTS 2 /* LUA_RIDX_LAST: the main thread and the globals */

/* ---- the self-references --------------------------------------------------------------------- */

static bool is_thread(const struct mem_reader *mem, uaddr_t state, uaddr_t global,
		      const struct puc_layout *l)
{
	uint64_t its_global;
	uint8_t type;

	return is_object_address(state) && read_byte(mem, state + OBJECT_TYPE, &type) &&
	       type == TYPE_THREAD && read_word(mem, state + l->state_global, &its_global) &&
	       its_global == global;
}

static bool find_main(const struct mem_reader *mem, uaddr_t global, const struct puc_layout *l,
		      uaddr_t *ret)
{
	uint64_t main;

	if (l->state_bytes == 0) {
		*ret = global + l->global_mainthread;
		return true;
	}
	if (!read_word(mem, global + l->global_mainthread, &main) ||
	    main + l->state_bytes != global)
		return false;
	*ret = main;
	return true;
}

static bool check_registry(const struct mem_reader *mem, uaddr_t global, const struct puc_layout *l)
{
	uint64_t table;
	uint8_t tag, type;

	return read_word(mem, global + l->global_registry, &table) && is_object_address(table) &&
	       read_byte(mem, global + l->global_registry + VALUE_TAG, &tag) &&
	       (tag & TAG_BASIC) == TYPE_TABLE && read_byte(mem, table + OBJECT_TYPE, &type) &&
	       type == TYPE_TABLE;
}

/* NULL, or a record whose first word is the next outer record. */
static bool check_error_jmp(const struct mem_reader *mem, uaddr_t state, const struct puc_layout *l)
{
	uint64_t record, outer;

	if (!read_word(mem, state + l->state_error_jmp, &record))
		return false;
	if (record == 0)
		return true;
	if (!is_object_address(record) || !read_word(mem, record, &outer))
		return false;
	return outer == 0 || (outer > record && outer - record < MAX_NATIVE_STACK);
}

/* The first CallInfo of a state: embedded, or in 5.1 the first element of an array. */
static bool first_call(const struct mem_reader *mem, uaddr_t state, const struct puc_layout *l,
		       uaddr_t *ret)
{
	if (!l->ci_is_array) {
		*ret = state + l->state_base_ci;
		return true;
	}
	return read_word(mem, state + l->state_base_ci, ret) && is_object_address(*ret);
}

/* The caller of @ci. Progress is not checked here. */
static bool previous_call(const struct mem_reader *mem, uaddr_t ci, const struct puc_layout *l,
			  uaddr_t *ret)
{
	if (!l->ci_is_array)
		return read_word(mem, ci + l->ci_previous, ret) && is_object_address(*ret);
	*ret = ci - l->ci_bytes;
	return true;
}

static bool check_calls(const struct mem_reader *mem, uaddr_t state, const struct puc_layout *l)
{
	uint64_t ci, func, outer;
	uaddr_t first;

	if (!read_word(mem, state + l->state_ci, &ci) || !is_object_address(ci) ||
	    !first_call(mem, state, l, &first) || !read_word(mem, ci + l->ci_func, &func) ||
	    !is_object_address(func))
		return false;
	if (l->ci_is_array)
		return ci >= first && ci - first < (uint64_t)MAX_CALLS * l->ci_bytes &&
		       (ci - first) % l->ci_bytes == 0;
	return read_word(mem, first + l->ci_previous, &outer) && outer == 0;
}

int puc_matches(const struct mem_reader *mem, const struct lua_layout *layout, uaddr_t state,
		struct lua_vm *ret)
{
	const struct puc_layout *l = &layout->puc;
	uint64_t global;
	uaddr_t main;

	if (!read_word(mem, state + l->state_global, &global) || !is_object_address(global) ||
	    !is_thread(mem, state, global, l) || !find_main(mem, global, l, &main) ||
	    !is_thread(mem, main, global, l))
		return -ENOENT;
	if (!check_registry(mem, global, l) || !check_error_jmp(mem, main, l) ||
	    !check_calls(mem, main, l))
		return -ENOENT;
	*ret = (struct lua_vm){.family = BPROF_FAMILY_PUC, .global = global, .main = main};
	return 0;
}

/* ---- what only the first proof looks at ------------------------------------------------------ */

static bool is_short_string(const uint8_t header[16])
{
	return (header[OBJECT_TYPE] & TAG_VARIANT) == TYPE_SHORT_STRING;
}

/* Where the build keeps the length of a short string; the name is "__index". 5.3.0 has it as 5.2.
 */
static bool check_strings(const struct mem_reader *mem, uaddr_t global,
			  const struct lua_build *build)
{
	uint64_t long_length;
	uint8_t short_length;
	uaddr_t name;

	if (discover_find_index_name(mem, global, GLOBAL_STRINGS, sizeof(uint64_t),
				     build->puc.string_data, is_short_string, &name) < 0)
		return false;
	if (build->dialect <= LUA_DIALECT_52 || build->puc.string_data > 24)
		return read_word(mem, name + 16, &long_length) && long_length == strlen("__index");
	return read_byte(mem, name + 11, &short_length) && short_length == strlen("__index");
}

/* From the leaf towards the root: linked both ways, each function below the one before. */
static bool check_links(const struct mem_reader *mem, uaddr_t state, uaddr_t stack,
			const struct lua_build *build)
{
	const struct puc_layout *l = &build->puc;
	uaddr_t first, ci, caller;
	uint64_t func, above, next;

	if (!first_call(mem, state, l, &first) || !read_word(mem, state + l->state_ci, &ci) ||
	    !read_word(mem, ci + l->ci_func, &func) || func < stack ||
	    func - stack > MAX_STACK_BYTES)
		return false;
	for (unsigned i = 0; i < MAX_NEAR_CALLS && ci != first; i++) {
		above = func;
		if (!previous_call(mem, ci, l, &caller) ||
		    !read_word(mem, caller + l->ci_func, &func) || func >= above || func < stack)
			return false;
		if (!l->ci_is_array &&
		    (!read_word(mem, caller + build->ci_next, &next) || next != ci))
			return false;
		ci = caller;
	}
	return true;
}

static bool check_stack(const struct mem_reader *mem, uaddr_t state, const struct lua_build *build)
{
	uint64_t stack, bottom;
	uaddr_t first;

	return read_word(mem, state + build->state_stack, &stack) && is_object_address(stack) &&
	       first_call(mem, state, &build->puc, &first) &&
	       read_word(mem, first + build->puc.ci_func, &bottom) && bottom == stack &&
	       check_links(mem, state, stack, build);
}

/*
 * The registry has no metatable, and from 5.2 on its first elements are in its array part. Told
 * apart by it: 5.2.3 and 5.2.4.
 */
static bool check_table(const struct mem_reader *mem, uaddr_t global, const struct lua_build *build)
{
	const struct puc_layout *l = &build->puc;
	uint64_t registry, metatable, nodes, array;
	uint32_t nr;

	if (!read_word(mem, global + l->global_registry, &registry) ||
	    !read_word(mem, registry + build->table_metatable, &metatable) || metatable != 0 ||
	    !read_word(mem, registry + l->table_nodes, &nodes) || !is_object_address(nodes))
		return false;
	if (build->dialect == LUA_DIALECT_51)
		return true;
	return read_word(mem, registry + l->table_array, &array) && is_object_address(array) &&
	       read_u32(mem, registry + l->table_array_len, &nr) && nr >= REGISTRY_ELEMENTS;
}

static struct lua_layout layout_of(const struct lua_build *build)
{
	return (struct lua_layout){
		.family = BPROF_FAMILY_PUC,
		.dialect = build->dialect,
		.puc = build->puc,
	};
}

int puc_prove_build(const struct mem_reader *mem, const struct lua_build *build, uaddr_t state,
		    struct lua_vm *ret)
{
	struct lua_layout layout = layout_of(build);
	struct lua_vm vm;
	uint8_t tag;
	int r = puc_matches(mem, &layout, state, &vm);

	if (r < 0)
		return r;
	if (!read_byte(mem, vm.global + build->puc.global_registry + VALUE_TAG, &tag) ||
	    tag != build->table_tag || !check_table(mem, vm.global, build) ||
	    !check_stack(mem, vm.main, build) || !check_strings(mem, vm.global, build))
		return -ENOENT;
	*ret = vm;
	return 0;
}

static bool build_has_release(const struct lua_build *build, unsigned release)
{
	return release && release >= build->first_release && release <= build->last_release;
}

/* Bits of a CallInfo's status that no proof can tell apart, and how many there are. */
static void clear_call_marks(struct puc_layout *l)
{
	l->ci_tail_mask = l->ci_hook_mask = l->ci_finalizer_mask = 0;
	l->ci_status_width = 0;
}

/* Only what both builds say of it. */
static void share_call_marks(struct puc_layout *l, const struct puc_layout *twin)
{
	l->ci_tail_mask &= twin->ci_tail_mask;
	l->ci_hook_mask &= twin->ci_hook_mask;
	l->ci_finalizer_mask &= twin->ci_finalizer_mask;
	if (l->ci_status_width > twin->ci_status_width)
		l->ci_status_width = twin->ci_status_width;
}

/* The same for a walker and for a proof, but for the marks of calls? */
static bool builds_alike(const struct lua_build *a, const struct lua_build *b)
{
	struct puc_layout left = a->puc, right = b->puc;

	clear_call_marks(&left);
	clear_call_marks(&right);
	return a->dialect == b->dialect && a->state_stack == b->state_stack &&
	       a->ci_next == b->ci_next && memcmp(&left, &right, sizeof(left)) == 0;
}

static const struct lua_build *twin_of(const struct lua_build *build)
{
	for (size_t i = 0; i < lua_nr_builds; i++) {
		if (&lua_builds[i] != build && builds_alike(&lua_builds[i], build))
			return &lua_builds[i];
	}
	return NULL;
}

static void name_version(const struct lua_build *build, const struct lua_build *twin,
			 const char *version_hint, struct discovery *d)
{
	if (build_has_release(build, lua_release(version_hint)))
		snprintf(d->version, sizeof(d->version), "%s", version_hint);
	else if (twin)
		snprintf(d->version, sizeof(d->version), "Lua %s or %s", build->name, twin->name);
	else
		snprintf(d->version, sizeof(d->version), "Lua %s", build->name);
}

int puc_discover(const struct mem_reader *mem, uaddr_t state, const char *version_hint,
		 struct discovery *ret)
{
	const struct lua_build *found = NULL, *twin;
	unsigned release = lua_release(version_hint);
	struct discovery d = {0};

	for (size_t i = 0; i < lua_nr_builds; i++) {
		const struct lua_build *build = &lua_builds[i];

		if ((found && builds_alike(found, build)) ||
		    puc_prove_build(mem, build, state, &d.vm) < 0)
			continue;
		if (found)
			return -ENOTUNIQ;
		found = build;
	}
	if (!found)
		return -ENOENT;
	twin = twin_of(found);
	if (twin && build_has_release(twin, release)) {
		found = twin;
		twin = NULL;
	}
	d.layout = layout_of(found);
	if (twin && !build_has_release(found, release))
		share_call_marks(&d.layout.puc, &twin->puc);
	if (!lua_layout_valid(&d.layout))
		return -ENOENT;
	name_version(found, twin, version_hint, &d);
	*ret = d;
	return 0;
}

/* ---- proof by a walk ------------------------------------------------------------------------- */

enum call_kind { CALL_BAD, CALL_C, CALL_LUA };

struct walk {
	const struct mem_reader *mem;
	const struct discover_env *env;
	const struct puc_layout *l;
	uint8_t proto_tag;
	bool tags_tell; /* since 5.2 a value's tag says which kind of function it is */
};

static bool check_proto(const struct walk *w, uaddr_t proto, uint64_t pc)
{
	const struct puc_layout *l = w->l;
	uint64_t code, source;
	uint32_t code_len, first_line, last_line;
	uint8_t type;

	if (!is_object_address(proto) || !read_byte(w->mem, proto + OBJECT_TYPE, &type) ||
	    type != w->proto_tag || !read_word(w->mem, proto + l->proto_code, &code) ||
	    !read_u32(w->mem, proto + l->proto_code_len, &code_len) || code_len == 0 ||
	    code_len > MAX_CODE)
		return false;
	if (pc % 4 != 0 || pc < code || pc > code + 4ULL * code_len)
		return false;
	if (!read_u32(w->mem, proto + l->proto_first_line, &first_line) ||
	    !read_u32(w->mem, proto + l->proto_last_line, &last_line) || first_line > MAX_LINE ||
	    last_line > MAX_LINE || (last_line && last_line < first_line))
		return false;
	/* A stripped chunk may have no name. */
	if (!read_word(w->mem, proto + l->proto_source, &source))
		return false;
	return source == 0 ||
	       (is_object_address(source) && read_byte(w->mem, source + OBJECT_TYPE, &type) &&
		((type & TAG_VARIANT) == TYPE_SHORT_STRING ||
		 (type & TAG_VARIANT) == TYPE_LONG_STRING));
}

static bool is_lua_closure(const struct walk *w, uaddr_t closure, uint8_t tag, bool *ret)
{
	uint8_t is_c;

	if (w->tags_tell) {
		*ret = (tag & TAG_VARIANT) == TAG_FUNCTION;
		return true;
	}
	if (!read_byte(w->mem, closure + w->l->closure_is_c, &is_c) || is_c > 1)
		return false;
	*ret = !is_c;
	return true;
}

static enum call_kind check_call(const struct walk *w, uaddr_t ci, uint64_t pc)
{
	uint64_t slot, value, target;
	uint8_t tag;
	bool is_lua;

	if (!read_word(w->mem, ci + w->l->ci_func, &slot) || !is_object_address(slot) ||
	    !read_word(w->mem, slot, &value) || !read_byte(w->mem, slot + VALUE_TAG, &tag) ||
	    (tag & TAG_BASIC) != TAG_FUNCTION)
		return CALL_BAD;
	if (w->tags_tell && (tag & TAG_VARIANT) == TAG_LIGHT_C)
		return w->env->is_code(w->env->ctx, value) ? CALL_C : CALL_BAD;
	if (!is_object_address(value) || !is_lua_closure(w, value, tag, &is_lua))
		return CALL_BAD;
	if (!is_lua) {
		return read_word(w->mem, value + w->l->cclosure_f, &target) &&
				       w->env->is_code(w->env->ctx, target)
			       ? CALL_C
			       : CALL_BAD;
	}
	return read_word(w->mem, value + w->l->lclosure_proto, &target) &&
			       check_proto(w, target, pc)
		       ? CALL_LUA
		       : CALL_BAD;
}

/*
 * From the leaf to the first call. The leaf itself may be half built or half gone: it proves
 * nothing either way.
 */
static int walk_calls(const struct walk *w, uaddr_t state)
{
	uaddr_t first, ci;
	unsigned nr_lua = 0;
	uint64_t pc;

	if (!first_call(w->mem, state, w->l, &first) ||
	    !read_word(w->mem, state + w->l->state_ci, &ci))
		return -EAGAIN;
	for (unsigned i = 0; i < MAX_CALLS && ci != first; i++) {
		uaddr_t caller;

		if (i > 0) {
			enum call_kind kind = CALL_BAD;

			if (read_word(w->mem, ci + w->l->ci_savedpc, &pc))
				kind = check_call(w, ci, pc);
			if (kind == CALL_BAD)
				return -EBADMSG;
			nr_lua += kind == CALL_LUA;
		}
		if (!previous_call(w->mem, ci, w->l, &caller) ||
		    (w->l->ci_is_array && caller < first))
			return -EAGAIN;
		ci = caller;
	}
	return ci == first && nr_lua > 0 ? 0 : -EAGAIN;
}

int puc_confirm(const struct mem_reader *mem, const struct discover_env *env,
		const struct lua_layout *layout, const struct lua_vm *vm)
{
	struct walk w = {
		.mem = mem,
		.env = env,
		.l = &layout->puc,
		.proto_tag = layout->dialect >= LUA_DIALECT_54 ? TYPE_PROTO_54 : TYPE_PROTO,
		.tags_tell = layout->dialect > LUA_DIALECT_51,
	};

	return walk_calls(&w, vm->main);
}

uaddr_t puc_signature(uaddr_t at, uint64_t word, const struct lua_build *build)
{
	const struct puc_layout *l = &build->puc;
	uint64_t state = at - l->state_global;

	if (l->state_bytes)
		return word == state + l->state_bytes ? state : 0;
	return state == word + l->global_mainthread ? state : 0;
}
