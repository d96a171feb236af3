/* SPDX-License-Identifier: MIT */
/* What discover.c and the families share; private to this folder and its tests. */
#ifndef BPROF_DISCOVER_FAMILY_H
#define BPROF_DISCOVER_FAMILY_H

#include <errno.h>

#include "discover.h"
#include "lua_vms.h"

/* The functions below return as their counterparts in discover.h do. */
int luajit_discover(const struct mem_reader *mem, const struct discover_env *env, uaddr_t state,
		    const char *version_hint, struct discovery *ret);
int luajit_matches(const struct mem_reader *mem, const struct luajit_layout *l, uaddr_t state,
		   struct lua_vm *ret);
int luajit_confirm(const struct mem_reader *mem, const struct luajit_layout *l,
		   const struct lua_vm *vm);

int puc_discover(const struct mem_reader *mem, uaddr_t state, const char *version_hint,
		 struct discovery *ret);
/* One row of the table against one VM: 0, or -ENOENT. */
int puc_prove_build(const struct mem_reader *mem, const struct lua_build *build, uaddr_t state,
		    struct lua_vm *ret);
int puc_matches(const struct mem_reader *mem, const struct lua_layout *layout, uaddr_t state,
		struct lua_vm *ret);
int puc_confirm(const struct mem_reader *mem, const struct discover_env *env,
		const struct lua_layout *layout, const struct lua_vm *vm);

/* Does @word, found at @at, look like lua_State.l_G or .glref? Then the lua_State, else 0. */
uaddr_t luajit_signature(uaddr_t at, uint64_t word);
uaddr_t puc_signature(uaddr_t at, uint64_t word, const struct lua_build *build);

#define DISCOVER_STRING_PROBE 8 /* "__index" and its NUL */

/*
 * Finds the string object "__index" among the references, of 4 or 8 bytes, in [from, from + bytes):
 * the VM makes the names of its metamethods before anything else. @is_string checks the object's
 * type byte. Return: 0 and the object's address; -ENOENT.
 */
int discover_find_index_name(const struct mem_reader *mem, uaddr_t from, size_t bytes,
			     unsigned ref_bytes, unsigned string_data,
			     bool (*is_string)(const uint8_t header[16]), uaddr_t *ret);

/* ---- reading --------------------------------------------------------------------------------- */

static inline bool read_word(const struct mem_reader *mem, uaddr_t at, uint64_t *ret)
{
	return mem_read(mem, ret, sizeof(*ret), at) == 0;
}

static inline bool read_u32(const struct mem_reader *mem, uaddr_t at, uint32_t *ret)
{
	return mem_read(mem, ret, sizeof(*ret), at) == 0;
}

static inline bool read_byte(const struct mem_reader *mem, uaddr_t at, uint8_t *ret)
{
	return mem_read(mem, ret, sizeof(*ret), at) == 0;
}

#define USER_ADDRESSES (1ULL << 48) /* x86-64 has half of it, arm64 all */

/* Could this be the address of an object of the target? */
static inline bool is_object_address(uaddr_t address)
{
	return address >= 0x1000 && address < USER_ADDRESSES && address % 8 == 0;
}

#endif
