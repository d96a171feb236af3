/* SPDX-License-Identifier: MIT */
/*
 * The rows of puc_builds.c and luajit_builds.c in the words of tools/layouts: "= NAME", then "field
 * value".
 */
#include <stdio.h>
#include <string.h>

#include "lua_vms.h"

#define PUC_FIELDS(X)                                                                              \
	X(state_status)                                                                            \
	X(state_global)                                                                            \
	X(state_ci)                                                                                \
	X(state_savedpc)                                                                           \
	X(state_base_ci)                                                                           \
	X(state_error_jmp)                                                                         \
	X(state_bytes)                                                                             \
	X(global_mainthread)                                                                       \
	X(global_registry)                                                                         \
	X(ci_func)                                                                                 \
	X(ci_previous)                                                                             \
	X(ci_savedpc)                                                                              \
	X(ci_status)                                                                               \
	X(ci_bytes)                                                                                \
	X(ci_status_width)                                                                         \
	X(ci_is_array)                                                                             \
	X(savedpc_is_live)                                                                         \
	X(ci_tail_mask)                                                                            \
	X(ci_hook_mask)                                                                            \
	X(ci_finalizer_mask)                                                                       \
	X(ci_c_mask)                                                                               \
	X(ci_lua_mask)                                                                             \
	X(ci_tailcalls)                                                                            \
	X(closure_is_c)                                                                            \
	X(cclosure_f)                                                                              \
	X(lclosure_proto)                                                                          \
	X(proto_code)                                                                              \
	X(proto_code_len)                                                                          \
	X(proto_lines)                                                                             \
	X(proto_lines_len)                                                                         \
	X(proto_abs_lines)                                                                         \
	X(proto_abs_lines_len)                                                                     \
	X(proto_first_line)                                                                        \
	X(proto_last_line)                                                                         \
	X(proto_source)                                                                            \
	X(proto_constants)                                                                         \
	X(proto_constants_len)                                                                     \
	X(proto_locals)                                                                            \
	X(proto_locals_len)                                                                        \
	X(proto_upvalues)                                                                          \
	X(proto_upvalues_len)                                                                      \
	X(proto_is_vararg)                                                                         \
	X(proto_nr_params)                                                                         \
	X(string_data)                                                                             \
	X(table_nodes)                                                                             \
	X(table_array)                                                                             \
	X(table_array_len)

static void print_puc(void)
{
	for (size_t i = 0; i < lua_nr_builds; i++) {
		const struct lua_build *b = &lua_builds[i];

		printf("= %s\n", b->name);
		printf("state_stack %u\n", b->state_stack);
		printf("ci_next %u\n", b->ci_next);
		printf("table_tag %u\n", b->table_tag);
		printf("table_metatable %u\n", b->table_metatable);
#define X(field) printf(#field " %lu\n", (unsigned long)b->puc.field);
		PUC_FIELDS(X)
#undef X
	}
}

static void print_luajit(void)
{
	for (size_t i = 0; i < luajit_nr_builds; i++) {
		const struct luajit_build *b = &luajit_builds[i];

		printf("= %s\n", b->name);
		printf("bc_cfunc %u\n", b->bc_cfunc);
		printf("dispatch %u\n", b->dispatch);
		printf("state_bytes %u\n", b->state_bytes);
		printf("trace_table %u\n", b->trace_table);
		printf("snapshot_mcode %u\n", b->snapshot_mcode);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "luajit") == 0)
		print_luajit();
	else
		print_puc();
	return 0;
}
