/* SPDX-License-Identifier: MIT */
/*
 * Manages the table of known builds of PUC Lua.
 *
 * Invariant: every row is a fact about a release: offsetof() compiled from its own headers with the
 * default configuration on a 64-bit machine; on the builds named after "walked", discover_confirm()
 * has also read a live stack through it. No row is extrapolated.
 *
 * Facts: lstate.h, lobject.h, lfunc.h of Lua 5.1-5.5 (copyright Lua.org, PUC-Rio, MIT).
 */
#include "lua_vms.h"

/* Where gcc 12 keeps the pc in Debian's luaV_execute: only a hint. */
#ifdef BPROF_ARCH_X86_64
#define PC_REG_51 BPROF_REG_R13
#define PC_REG_54 BPROF_REG_R13
#else
#define PC_REG_51 BPROF_REG_X27
#define PC_REG_54 BPROF_REG_X23
#endif

#define TABLE_TAG_51 5	/* LUA_TTABLE */
#define TABLE_TAG    69 /* the same with the bit "collectable", from 5.2 on */

/* Proto, LClosure and CClosure changed only twice. */
#define PROTO_52                                                                                   \
	.cclosure_f = 24, .lclosure_proto = 24, .proto_code = 24, .proto_code_len = 88,            \
	.proto_lines = 40, .proto_lines_len = 92, .proto_first_line = 104, .proto_last_line = 108, \
	.proto_source = 72, .proto_constants = 16, .proto_constants_len = 84, .proto_locals = 48,  \
	.proto_locals_len = 100, .proto_upvalues = 56, .proto_upvalues_len = 80,                   \
	.proto_is_vararg = 121, .proto_nr_params = 120

#define PROTO_53                                                                                   \
	.cclosure_f = 24, .lclosure_proto = 24, .proto_code = 56, .proto_code_len = 24,            \
	.proto_lines = 72, .proto_lines_len = 28, .proto_first_line = 40, .proto_last_line = 44,   \
	.proto_source = 104, .proto_constants = 48, .proto_constants_len = 20, .proto_locals = 80, \
	.proto_locals_len = 36, .proto_upvalues = 88, .proto_upvalues_len = 16,                    \
	.proto_is_vararg = 11, .proto_nr_params = 10

#define PROTO_54                                                                                   \
	.cclosure_f = 24, .lclosure_proto = 24, .proto_code = 64, .proto_code_len = 24,            \
	.proto_lines = 88, .proto_lines_len = 28, .proto_abs_lines = 96,                           \
	.proto_abs_lines_len = 40, .proto_first_line = 44, .proto_last_line = 48,                  \
	.proto_source = 112, .proto_constants = 56, .proto_constants_len = 20,                     \
	.proto_locals = 104, .proto_locals_len = 36, .proto_upvalues = 80,                         \
	.proto_upvalues_len = 16, .proto_is_vararg = 11, .proto_nr_params = 10

/* Table was put into another order in 5.2.4. */
#define TABLE_51 .table_nodes = 32, .table_array = 24, .table_array_len = 56
#define TABLE_52 .table_nodes = 24, .table_array = 16, .table_array_len = 12

#define METATABLE_51 16
#define METATABLE_52 40
#define METATABLE_55 32

#define STATE_52 .state_global = 24, .state_ci = 32

/* The caller adds ci_savedpc. */
#define CALLINFO_52                                                                                \
	.ci_func = 0, .ci_previous = 16, .ci_status = 34, .ci_bytes = 80, .ci_status_width = 1,    \
	.savedpc_is_live = 1, .ci_lua_mask = 1 << 0, .ci_hook_mask = 1 << 1,                       \
	.ci_tail_mask = 1 << 6

/* The caller adds ci_status_width, and the bit of finalizers. */
#define CALLINFO_53                                                                                \
	.ci_func = 0, .ci_previous = 16, .ci_savedpc = 40, .ci_status = 66, .ci_bytes = 72,        \
	.savedpc_is_live = 1, .ci_lua_mask = 1 << 1, .ci_hook_mask = 1 << 2,                       \
	.ci_tail_mask = 1 << 5

/* From 5.4 on; the caller adds ci_status, its width and its bits. */
#define CALLINFO_54 .ci_func = 0, .ci_previous = 16, .ci_savedpc = 32, .ci_bytes = 64

/* Its bits up to 5.4.1, and after. */
#define STATUS_540                                                                                 \
	.ci_status = 62, .ci_status_width = 2, .ci_c_mask = 1 << 1, .ci_hook_mask = 1 << 2,        \
	.ci_tail_mask = 1 << 4, .ci_finalizer_mask = 1 << 6

#define STATUS_542                                                                                 \
	.ci_status = 62, .ci_status_width = 2, .ci_c_mask = 1 << 1, .ci_hook_mask = 1 << 3,        \
	.ci_tail_mask = 1 << 5, .ci_finalizer_mask = 1 << 7

const struct lua_build lua_builds[] = {
	{
		.name = "5.1-5.1.5",
		.source = "offsetof on v5.1, v5.1.1; walked on 5.1.1 and Debian's 5.1.5",
		.first_release = 50100,
		.last_release = 50105,
		.dialect = LUA_DIALECT_51,
		.state_stack = 64,
		.table_tag = TABLE_TAG_51,
		.table_metatable = METATABLE_51,
		.puc =
			{
				.state_status = 10,
				.state_global = 32,
				.state_ci = 40,
				.state_savedpc = 48,
				.state_base_ci = 80,
				.state_error_jmp = 168,
				.state_bytes = 184,
				.global_mainthread = 176,
				.global_registry = 160,
				.ci_func = 8,
				.ci_savedpc = 24,
				.ci_tailcalls = 36,
				.ci_bytes = 40,
				.ci_status_width = 1,
				.ci_is_array = 1,
				.pc_reg = PC_REG_51,
				.closure_is_c = 10,
				.cclosure_f = 32,
				.lclosure_proto = 32,
				.proto_code = 24,
				.proto_code_len = 80,
				.proto_lines = 40,
				.proto_lines_len = 84,
				.proto_first_line = 96,
				.proto_last_line = 100,
				.proto_source = 64,
				.proto_constants = 16,
				.proto_constants_len = 76,
				.proto_locals = 48,
				.proto_locals_len = 92,
				.proto_upvalues = 56,
				.proto_upvalues_len = 72,
				.proto_is_vararg = 114,
				.proto_nr_params = 113,
				.string_data = 24,
				TABLE_51,
			},
	},
	{
		.name = "5.2.0",
		.source = "offsetof on v5.2.0; walked on 5.2.0",
		.first_release = 50200,
		.last_release = 50200,
		.dialect = LUA_DIALECT_52,
		.state_stack = 56,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_51,
		.puc =
			{
				.state_status = 10,
				STATE_52,
				.state_base_ci = 128,
				.state_error_jmp = 112,
				.state_bytes = 208,
				.global_mainthread = 240,
				.global_registry = 56,
				CALLINFO_52,
				.ci_savedpc = 48,
				PROTO_52,
				.string_data = 24,
				TABLE_51,
			},
	},
	{
		.name = "5.2.1-5.2.3",
		.source = "offsetof on v5.2.1, v5.2.3; walked on 5.2.1",
		.first_release = 50201,
		.last_release = 50203,
		.dialect = LUA_DIALECT_52,
		.state_stack = 56,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_51,
		.puc =
			{
				.state_status = 10,
				STATE_52,
				.state_base_ci = 128,
				.state_error_jmp = 112,
				.state_bytes = 208,
				.global_mainthread = 264,
				.global_registry = 64,
				CALLINFO_52,
				.ci_savedpc = 56,
				PROTO_52,
				.string_data = 24,
				TABLE_51,
			},
	},
	{
		.name = "5.2.4",
		.source = "as 5.2.3 but for its tables; walked on Debian's 5.2.4",
		.first_release = 50204,
		.last_release = 50204,
		.dialect = LUA_DIALECT_52,
		.state_stack = 56,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_52,
		.puc =
			{
				.state_status = 10,
				STATE_52,
				.state_base_ci = 128,
				.state_error_jmp = 112,
				.state_bytes = 208,
				.global_mainthread = 264,
				.global_registry = 64,
				CALLINFO_52,
				.ci_savedpc = 56,
				PROTO_52,
				.string_data = 24,
				TABLE_52,
			},
	},
	{
		/* The only 5.3 whose short strings keep their length where long ones do. */
		.name = "5.3.0",
		.source = "offsetof on v5.3.0; walked on 5.3.0",
		.first_release = 50300,
		.last_release = 50300,
		.dialect = LUA_DIALECT_53,
		.state_stack = 56,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_52,
		.puc =
			{
				.state_status = 10,
				STATE_52,
				.state_base_ci = 96,
				.state_error_jmp = 88,
				.state_bytes = 208,
				.global_mainthread = 224,
				.global_registry = 64,
				CALLINFO_53,
				.ci_status_width = 1,
				PROTO_53,
				.string_data = 32,
				TABLE_52,
			},
	},
	{
		.name = "5.3.1",
		.source = "offsetof on v5.3.1; walked on 5.3.1",
		.first_release = 50301,
		.last_release = 50301,
		.dialect = LUA_DIALECT_53,
		.state_stack = 56,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_52,
		.puc =
			{
				.state_status = 10,
				STATE_52,
				.state_base_ci = 96,
				.state_error_jmp = 88,
				.state_bytes = 208,
				.global_mainthread = 224,
				.global_registry = 64,
				CALLINFO_53,
				.ci_status_width = 1,
				PROTO_53,
				.string_data = 24,
				TABLE_52,
			},
	},
	{
		/* callstatus is one byte, and what follows it is not even zero. */
		.name = "5.3.2-5.3.3",
		.source = "offsetof on v5.3.2, v5.3.3; walked on 5.3.2, 5.3.3",
		.first_release = 50302,
		.last_release = 50303,
		.dialect = LUA_DIALECT_53,
		.state_stack = 56,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_52,
		.puc =
			{
				.state_status = 12,
				STATE_52,
				.state_base_ci = 96,
				.state_error_jmp = 88,
				.state_bytes = 208,
				.global_mainthread = 200,
				.global_registry = 64,
				CALLINFO_53,
				.ci_status_width = 1,
				PROTO_53,
				.string_data = 24,
				TABLE_52,
			},
	},
	{
		/* 5.3.2's, with a second byte in callstatus for the bit of finalizers. */
		.name = "5.3.4-5.3.6",
		.source = "offsetof on v5.3.6; walked on Debian's 5.3.6",
		.first_release = 50304,
		.last_release = 50306,
		.dialect = LUA_DIALECT_53,
		.state_stack = 56,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_52,
		.puc =
			{
				.state_status = 12,
				STATE_52,
				.state_base_ci = 96,
				.state_error_jmp = 88,
				.state_bytes = 208,
				.global_mainthread = 200,
				.global_registry = 64,
				CALLINFO_53,
				.ci_status_width = 2,
				.ci_finalizer_mask = 1 << 8,
				PROTO_53,
				.string_data = 24,
				TABLE_52,
			},
	},
	{
		.name = "5.4.0",
		.source = "offsetof on v5.4.0; walked on 5.4.0",
		.first_release = 50400,
		.last_release = 50400,
		.dialect = LUA_DIALECT_54,
		.state_stack = 56,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_52,
		.puc =
			{
				.state_status = 10,
				STATE_52,
				.state_base_ci = 96,
				.state_error_jmp = 88,
				.state_bytes = 200,
				.global_mainthread = 256,
				.global_registry = 64,
				CALLINFO_54,
				STATUS_540,
				.pc_reg = PC_REG_54,
				PROTO_54,
				.string_data = 24,
				TABLE_52,
			},
	},
	{
		.name = "5.4.1",
		.source = "offsetof on v5.4.1; walked on 5.4.1",
		.first_release = 50401,
		.last_release = 50401,
		.dialect = LUA_DIALECT_54,
		.state_stack = 48,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_52,
		.puc =
			{
				.state_status = 10,
				STATE_52,
				.state_base_ci = 88,
				.state_error_jmp = 80,
				.state_bytes = 192,
				.global_mainthread = 264,
				.global_registry = 64,
				CALLINFO_54,
				STATUS_540,
				.pc_reg = PC_REG_54,
				PROTO_54,
				.string_data = 24,
				TABLE_52,
			},
	},
	{
		/* As 5.4.1 but for the bits of callstatus, which no proof can tell apart.
		 */
		.name = "5.4.2",
		.source = "offsetof on v5.4.2; walked on 5.4.2",
		.first_release = 50402,
		.last_release = 50402,
		.dialect = LUA_DIALECT_54,
		.state_stack = 48,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_52,
		.puc =
			{
				.state_status = 10,
				STATE_52,
				.state_base_ci = 88,
				.state_error_jmp = 80,
				.state_bytes = 192,
				.global_mainthread = 264,
				.global_registry = 64,
				CALLINFO_54,
				STATUS_542,
				.pc_reg = PC_REG_54,
				PROTO_54,
				.string_data = 24,
				TABLE_52,
			},
	},
	{
		.name = "5.4.3-5.4.8",
		.source = "offsetof on v5.4.3, .4, .6, .8; walked on Debian's 5.4.4 and 5.4.8",
		.first_release = 50403,
		.last_release = 50408,
		.dialect = LUA_DIALECT_54,
		.state_stack = 48,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_52,
		.puc =
			{
				.state_status = 10,
				STATE_52,
				.state_base_ci = 96,
				.state_error_jmp = 88,
				.state_bytes = 200,
				.global_mainthread = 264,
				.global_registry = 64,
				CALLINFO_54,
				STATUS_542,
				.pc_reg = PC_REG_54,
				PROTO_54,
				.string_data = 24,
				TABLE_52,
			},
	},
	{
		/* The main thread is a part of global_State: no pointer to it, and no
		 * state_bytes.
		 */
		.name = "5.5.0",
		.source = "offsetof on v5.5.0; walked on 5.5.0",
		.first_release = 50500,
		.last_release = 50500,
		.dialect = LUA_DIALECT_55,
		.state_stack = 48,
		.ci_next = 24,
		.table_tag = TABLE_TAG,
		.table_metatable = METATABLE_55,
		.puc =
			{
				.state_status = 11,
				STATE_52,
				.state_base_ci = 96,
				.state_error_jmp = 88,
				.state_bytes = 0,
				.global_mainthread = 1416,
				.global_registry = 64,
				CALLINFO_54,
				.ci_status = 60,
				.ci_status_width = 4,
				.ci_c_mask = 1 << 15,
				.ci_hook_mask = 1 << 20,
				.ci_tail_mask = 1 << 22,
				.ci_finalizer_mask = 1 << 24,
				.pc_reg = PC_REG_54,
				PROTO_54,
				.string_data = 24,
				TABLE_52,
			},
	},
};

const size_t lua_nr_builds = ARRAY_SIZE(lua_builds);
