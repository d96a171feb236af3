/* SPDX-License-Identifier: MIT */
/*
 * Manages the check that a layout keeps what the walkers rely on (lua_vms.h says what that is), so
 * that they need not look at every offset again in every sample.
 */
#include <string.h>

#include "lua_vms.h"

#define STATE_READ_LIMIT    176U /* errorJmp of 5.1 is the last word */
#define STATE_LIMIT	    256U
#define CI_LIMIT	    80U
#define PROTO_LIMIT	    128U
#define CLOSURE_LIMIT	    40U
#define STRING_LIMIT	    32U
#define TABLE_LIMIT	    64U
#define GLOBAL_LIMIT	    8192U
#define LUAJIT_GLOBAL_LIMIT 1024U
#define LUAJIT_VM_LIMIT	    (1ULL << 20)

/* One field: where it is, how wide, and where the object it is part of ends. */
struct field {
	unsigned offset, width, limit;
};

static bool fields_fit(const struct field *field, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct field *f = &field[i];

		if (f->offset % f->width != 0 || f->offset + f->width > f->limit)
			return false;
	}
	return true;
}

static bool luajit_valid(const struct luajit_layout *l)
{
	unsigned ref = l->refs32 ? 4 : 8;
	const struct field fields[] = {
		{l->cur_L, ref, LUAJIT_GLOBAL_LIMIT},  {l->jit_base, ref, LUAJIT_GLOBAL_LIMIT},
		{l->vmstate, 4, LUAJIT_GLOBAL_LIMIT},  {l->mainthread, ref, LUAJIT_GLOBAL_LIMIT},
		{l->registry, 8, LUAJIT_GLOBAL_LIMIT}, {l->bc_cfunc, 8, LUAJIT_GLOBAL_LIMIT},
		{l->dispatch, 8, GLOBAL_LIMIT},	       {l->trace_table, 8, GLOBAL_LIMIT - 8},
		{l->state_bytes, 8, STATE_LIMIT},      {l->string_data, ref, STRING_LIMIT},
		{l->string_len, 4, STRING_LIMIT},
	};

	if (l->refs32 > 1 || l->old_cframe > 1 ||
	    (l->jit_base != l->cur_L + ref && (l->refs32 || l->jit_base != l->cur_L + 16)))
		return false;
	return fields_fit(fields, ARRAY_SIZE(fields)) && l->cur_L && l->dispatch &&
	       l->string_data && l->string_len && l->funcc_op && l->vm_bytes &&
	       l->vm_bytes <= LUAJIT_VM_LIMIT && l->vm_offset < l->vm_bytes;
}

static bool puc_state_valid(const struct puc_layout *l)
{
	const struct field fields[] = {
		{l->state_status, 1, STATE_READ_LIMIT},
		{l->state_global, 8, STATE_READ_LIMIT},
		{l->state_ci, 8, STATE_READ_LIMIT},
		{l->state_savedpc, 8, STATE_READ_LIMIT},
		{l->state_error_jmp, 8, STATE_READ_LIMIT},
		{l->state_base_ci, 8, l->ci_is_array ? STATE_READ_LIMIT : STATE_LIMIT},
		{l->state_bytes, 8, STATE_LIMIT},
		{l->global_mainthread, 8, GLOBAL_LIMIT},
		{l->global_registry, 8, GLOBAL_LIMIT},
	};

	return fields_fit(fields, ARRAY_SIZE(fields)) && l->state_global && l->state_ci &&
	       l->state_error_jmp;
}

static bool puc_call_valid(const struct puc_layout *l)
{
	unsigned width = l->ci_status_width;

	if (width != 1 && width != 2 && width != 4)
		return false;
	if (l->ci_bytes == 0 || l->ci_bytes > CI_LIMIT || l->ci_bytes % 8 != 0)
		return false;

	const struct field fields[] = {
		{l->ci_func, 8, l->ci_bytes},	   {l->ci_previous, 8, l->ci_bytes},
		{l->ci_savedpc, 8, l->ci_bytes},   {l->ci_status, width, l->ci_bytes},
		{l->ci_tailcalls, 4, l->ci_bytes}, {l->closure_is_c, 1, CLOSURE_LIMIT},
		{l->cclosure_f, 8, CLOSURE_LIMIT}, {l->lclosure_proto, 8, CLOSURE_LIMIT},
	};

	return fields_fit(fields, ARRAY_SIZE(fields)) && l->pc_reg < BPROF_REG_IP &&
	       l->nr_windows < PUC_MAX_WINDOWS;
}

static bool puc_proto_valid(const struct puc_layout *l)
{
	const struct field fields[] = {
		{l->proto_code, 8, PROTO_LIMIT},	  {l->proto_lines, 8, PROTO_LIMIT},
		{l->proto_abs_lines, 8, PROTO_LIMIT},	  {l->proto_source, 8, PROTO_LIMIT},
		{l->proto_constants, 8, PROTO_LIMIT},	  {l->proto_locals, 8, PROTO_LIMIT},
		{l->proto_upvalues, 8, PROTO_LIMIT},	  {l->proto_code_len, 4, PROTO_LIMIT},
		{l->proto_lines_len, 4, PROTO_LIMIT},	  {l->proto_abs_lines_len, 4, PROTO_LIMIT},
		{l->proto_first_line, 4, PROTO_LIMIT},	  {l->proto_last_line, 4, PROTO_LIMIT},
		{l->proto_constants_len, 4, PROTO_LIMIT}, {l->proto_locals_len, 4, PROTO_LIMIT},
		{l->proto_upvalues_len, 4, PROTO_LIMIT},  {l->proto_is_vararg, 1, PROTO_LIMIT},
		{l->proto_nr_params, 1, PROTO_LIMIT},	  {l->table_nodes, 8, TABLE_LIMIT},
		{l->table_array, 8, TABLE_LIMIT},	  {l->table_array_len, 4, TABLE_LIMIT},
	};

	return fields_fit(fields, ARRAY_SIZE(fields)) && l->proto_code && l->string_data &&
	       l->string_data % 8 == 0 && l->string_data <= STRING_LIMIT && l->table_nodes;
}

bool lua_layout_valid(const struct lua_layout *layout)
{
	switch (layout->family) {
	case BPROF_FAMILY_LUAJIT:
		return (layout->dialect == LUA_DIALECT_LUAJIT ||
			layout->dialect == LUA_DIALECT_LUAJIT_2026) &&
		       luajit_valid(&layout->luajit);
	case BPROF_FAMILY_PUC:
		return layout->dialect >= LUA_DIALECT_51 && layout->dialect <= LUA_DIALECT_55 &&
		       puc_state_valid(&layout->puc) && puc_call_valid(&layout->puc) &&
		       puc_proto_valid(&layout->puc);
	default:
		return false;
	}
}

/* One to three digits and what follows them. */
static bool take_part(const char **at, unsigned *ret)
{
	const char *start = *at;
	unsigned value = 0;

	while (**at >= '0' && **at <= '9' && *at - start < 3)
		value = value * 10 + (unsigned)(*(*at)++ - '0');
	*ret = value;
	return *at > start;
}

unsigned lua_release(const char *version)
{
	unsigned part[3] = {0};

	if (!version || strncmp(version, "Lua ", 4) != 0)
		return 0;
	version += 4;
	for (size_t i = 0; i < ARRAY_SIZE(part); i++) {
		if (!take_part(&version, &part[i]))
			return 0;
		if (*version != '.')
			break;
		version++;
	}
	if (part[1] > 99 || part[2] > 99)
		return 0;
	return part[0] * 10000 + part[1] * 100 + part[2];
}
