/* SPDX-License-Identifier: MIT */
/* What the two halves of LuaJIT's discovery share: its object models, with GC64 and without. */
#ifndef BPROF_DISCOVER_LUAJIT_H
#define BPROF_DISCOVER_LUAJIT_H

#include "discover_family.h"

/*
 * Where lua_State, GCfunc, GCproto and GCstr keep things: the same in all of 2.1 with GC64, and in
 * all without.
 */
struct model {
	uint8_t ref;  /* bytes of a reference */
	uint8_t type; /* gct, of every object */
	uint8_t state_glref, state_base, state_maxstack, state_stack;
	uint8_t function_ffid, function_pc;
	uint8_t proto_code_len, proto_bytes; /* the bytecode follows */
	uint8_t frame;			     /* bytes of function and link, below a base */
	struct {
		uint8_t len, data;
	} string[2];		 /* since June 2020, and before */
	uint16_t state_sizes[3]; /* OpenResty adds exdata, then exdata2 */
};

extern const struct model luajit_models[2];

static inline const struct model *model_of(const struct luajit_layout *l)
{
	return &luajit_models[l->refs32];
}

/*
 * Which CFRAME the @len bytes of arm64 code build, the interpreter's: 1 the one before September
 * 2021, 0 the one since then; -ENOTSUP if they build neither, or both.
 */
int luajit_arm64_cframe(const void *code, size_t len);

/* Sets old_cframe; the interpreter's code is at @start, vm_bytes long. 0 or a negative error. */
int luajit_find_cframe(const struct mem_reader *mem, uaddr_t start, struct luajit_layout *l);

#define TYPE_STRING   4
#define TYPE_THREAD   6
#define TYPE_PROTO    7
#define TYPE_FUNCTION 8
#define TYPE_TABLE    11
#define TYPE_TRACE    9
#define VALUE_ADDRESS ((1ULL << 47) - 1)
#define VALUE_TABLE   0xfffffff4U /* ~11 and ~6: the upper 32 bits, with GC64 the upper 17 */
#define VALUE_THREAD  0xfffffff9U

static inline bool read_ref(const struct mem_reader *mem, const struct model *m, uaddr_t at,
			    uint64_t *ret)
{
	*ret = 0;
	return mem_read(mem, ret, m->ref, at) == 0;
}

static inline uaddr_t value_address(const struct model *m, uint64_t value)
{
	return m->ref == 8 ? value & VALUE_ADDRESS : (uint32_t)value;
}

static inline bool is_value(const struct model *m, uint64_t value, uint32_t type)
{
	uint32_t its_type =
		m->ref == 8 ? (uint32_t)((int64_t)value >> 47) : (uint32_t)(value >> 32);

	return its_type == type && is_object_address(value_address(m, value));
}

#endif
