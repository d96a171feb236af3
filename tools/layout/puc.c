/* SPDX-License-Identifier: MIT */
/*
 * The layout of one PUC Lua, read off its own sources: compiled to assembly by tools/layouts, never
 * linked or run, so that a cross compiler serves as well. -I must name the sources of that Lua.
 *
 * What the headers cannot be asked for is defined by tools/layouts: TABLE_ARRAY_LEN.
 *
 * lstate.c itself is included: the block that holds the main thread and the global_State is private
 * to it.
 */
#include <stddef.h>

#include "lstate.c"

#include "lfunc.h"
#include "lobject.h"

#define FIELD(name, value) __asm__ volatile("\n->" #name " %c0" : : "i"((long)(value)))

void layout(void);

#if LUA_VERSION_NUM == 501

#define CALL_FIELD(name) offsetof(CallInfo, name)

static void by_version(void)
{
	FIELD(state_savedpc, offsetof(lua_State, savedpc));
	FIELD(state_bytes, offsetof(LG, g) - offsetof(LG, l));
	FIELD(global_mainthread, offsetof(global_State, mainthread));
	FIELD(ci_previous, 0);
	FIELD(ci_next, 0);
	FIELD(ci_savedpc, offsetof(CallInfo, savedpc));
	FIELD(ci_status, 0);
	FIELD(ci_status_width, 1);
	FIELD(ci_is_array, 1);
	FIELD(savedpc_is_live, 0);
	FIELD(ci_tail_mask, 0);
	FIELD(ci_hook_mask, 0);
	FIELD(ci_finalizer_mask, 0);
	FIELD(ci_c_mask, 0);
	FIELD(ci_lua_mask, 0);
	FIELD(ci_tailcalls, offsetof(CallInfo, tailcalls));
	FIELD(closure_is_c, offsetof(CClosure, isC));
	FIELD(table_tag, LUA_TTABLE);
}

#else

static void by_version(void)
{
	FIELD(state_savedpc, 0);
#if LUA_VERSION_NUM >= 505
	FIELD(state_bytes, 0);
	FIELD(global_mainthread, offsetof(global_State, mainth.l));
#else
	FIELD(state_bytes, offsetof(LG, g) - offsetof(LG, l.l));
	FIELD(global_mainthread, offsetof(global_State, mainthread));
#endif
	FIELD(ci_previous, offsetof(CallInfo, previous));
	FIELD(ci_next, offsetof(CallInfo, next));
	FIELD(ci_savedpc, offsetof(CallInfo, u.l.savedpc));
	FIELD(ci_status, offsetof(CallInfo, callstatus));
	FIELD(ci_status_width, sizeof(((CallInfo *)0)->callstatus));
	FIELD(ci_is_array, 0);
	/* Up to 5.3 luaV_execute() increments ci->u.l.savedpc in memory, later a local variable. */
	FIELD(savedpc_is_live, LUA_VERSION_NUM <= 503);
	FIELD(ci_tail_mask, CIST_TAIL);
	FIELD(ci_hook_mask, CIST_HOOKED);
#ifdef CIST_FIN
	FIELD(ci_finalizer_mask, CIST_FIN);
#else
	FIELD(ci_finalizer_mask, 0);
#endif
#ifdef CIST_LUA
	FIELD(ci_c_mask, 0);
	FIELD(ci_lua_mask, CIST_LUA);
#else
	FIELD(ci_c_mask, CIST_C);
	FIELD(ci_lua_mask, 0);
#endif
	FIELD(ci_tailcalls, 0);
	FIELD(closure_is_c, 0);
	FIELD(table_tag, ctb(LUA_TTABLE));
}

#endif

static void tables(void)
{
	FIELD(table_metatable, offsetof(Table, metatable));
	FIELD(table_nodes, offsetof(Table, node));
	FIELD(table_array, offsetof(Table, array));
	/* sizearray, then alimit, then asize: tools/layouts looks which. */
	FIELD(table_array_len, offsetof(Table, TABLE_ARRAY_LEN));
}

static void strings(void)
{
#if LUA_VERSION_NUM >= 504
	FIELD(string_data, offsetof(TString, contents));
#elif LUA_VERSION_NUM == 503
	FIELD(string_data, sizeof(UTString));
#else
	FIELD(string_data, sizeof(TString));
#endif
}

static void prototypes(void)
{
	FIELD(cclosure_f, offsetof(CClosure, f));
	FIELD(lclosure_proto, offsetof(LClosure, p));
	FIELD(proto_code, offsetof(Proto, code));
	FIELD(proto_code_len, offsetof(Proto, sizecode));
	FIELD(proto_lines, offsetof(Proto, lineinfo));
	FIELD(proto_lines_len, offsetof(Proto, sizelineinfo));
#if LUA_VERSION_NUM >= 504
	FIELD(proto_abs_lines, offsetof(Proto, abslineinfo));
	FIELD(proto_abs_lines_len, offsetof(Proto, sizeabslineinfo));
#else
	FIELD(proto_abs_lines, 0);
	FIELD(proto_abs_lines_len, 0);
#endif
	FIELD(proto_first_line, offsetof(Proto, linedefined));
	FIELD(proto_last_line, offsetof(Proto, lastlinedefined));
	FIELD(proto_source, offsetof(Proto, source));
	FIELD(proto_constants, offsetof(Proto, k));
	FIELD(proto_constants_len, offsetof(Proto, sizek));
	FIELD(proto_locals, offsetof(Proto, locvars));
	FIELD(proto_locals_len, offsetof(Proto, sizelocvars));
	FIELD(proto_upvalues, offsetof(Proto, upvalues));
	FIELD(proto_upvalues_len, offsetof(Proto, sizeupvalues));
#if LUA_VERSION_NUM >= 505
	FIELD(proto_is_vararg, offsetof(Proto, flag));
#else
	FIELD(proto_is_vararg, offsetof(Proto, is_vararg));
#endif
	FIELD(proto_nr_params, offsetof(Proto, numparams));
}

void layout(void)
{
	FIELD(version, LUA_VERSION_NUM);
	FIELD(state_stack, offsetof(lua_State, stack));
	FIELD(state_status, offsetof(lua_State, status));
	FIELD(state_global, offsetof(lua_State, l_G));
	FIELD(state_ci, offsetof(lua_State, ci));
	FIELD(state_base_ci, offsetof(lua_State, base_ci));
	FIELD(state_error_jmp, offsetof(lua_State, errorJmp));
	FIELD(global_registry, offsetof(global_State, l_registry));
	FIELD(ci_func, offsetof(CallInfo, func));
	FIELD(ci_bytes, sizeof(CallInfo));
	by_version();
	prototypes();
	strings();
	tables();
}
