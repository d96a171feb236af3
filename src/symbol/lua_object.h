/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_LUA_OBJECT_H
#define BPROF_SYMBOL_LUA_OBJECT_H

#include <bprof/lua_layout.h>

#include "buf.h"
#include "peek.h"

/* Where objects are read from and how they are laid out. Borrows both. */
struct lua_reader {
	struct peek *peek;
	const struct lua_layout *layout;
};

/* The types that a reader of facts needs; everything else is OTHER. */
enum lua_kind {
	LUA_KIND_OTHER,
	LUA_KIND_NIL,
	LUA_KIND_NUMBER,
	LUA_KIND_STRING,   /* object: GCstr, TString */
	LUA_KIND_TABLE,	   /* object: GCtab, Table */
	LUA_KIND_FUNCTION, /* object: GCfunc, Closure */
	LUA_KIND_LIGHT_C,  /* object: the C function itself */
};

struct lua_value {
	enum lua_kind kind;
	uaddr_t object;
	double number;
};

/* The hash part of a table as it was when opened. String keys never live elsewhere. */
struct lua_table {
	uaddr_t nodes;
	uint32_t nr_nodes;
};

/* A C function behind a value. */
struct lua_cfunction_ref {
	uaddr_t address;
	uint32_t ffid; /* LuaJIT: its number if it is one of the VM's own, else 0 */
};

/* A value in the target, decoded. Return: 0 or -errno. */
int lua_value_read(const struct lua_reader *reader, uaddr_t at, struct lua_value *ret) MUST_CHECK;

/**
 * lua_string_copy() - append the first @max bytes of a string object
 *
 * Return: number of bytes appended; -EBADMSG if no string object is there; -EFAULT; -errno of @out.
 */
int lua_string_copy(const struct lua_reader *reader, uaddr_t string, size_t max,
		    struct buf *out) MUST_CHECK;

/* Is the string object at @string exactly @text? Unreadable means no. */
bool lua_string_is(const struct lua_reader *reader, uaddr_t string, const char *text);

int lua_table_open(const struct lua_reader *reader, uaddr_t table,
		   struct lua_table *ret) MUST_CHECK;

/* Entry @index < nr_nodes; empty nodes have a nil value. */
int lua_table_entry(const struct lua_reader *reader, const struct lua_table *table, uint32_t index,
		    struct lua_value *ret_key, struct lua_value *ret_value) MUST_CHECK;

/* Value under a string key. Return: 0; -ENOENT; -EBADMSG, -EFAULT. */
int lua_table_get(const struct lua_reader *reader, uaddr_t table, const char *key,
		  struct lua_value *ret) MUST_CHECK;

/* Element @index (from 1) of the array part. Return: 0; -ENOENT beyond it; -EBADMSG, -EFAULT. */
int lua_array_get(const struct lua_reader *reader, uaddr_t table, uint32_t index,
		  struct lua_value *ret) MUST_CHECK;

/*
 * Values under several string keys, found in one pass. ret[i].kind is NIL where keys[i] is missing.
 * Return: 0; -EBADMSG, -EFAULT.
 */
int lua_table_get_all(const struct lua_reader *reader, uaddr_t table, const char *const *keys,
		      size_t nr, struct lua_value *ret) MUST_CHECK;

/* Return: 1 and *@ret if the value is a C function, 0 if it is not, -errno. */
int lua_cfunction_of(const struct lua_reader *reader, const struct lua_value *value,
		     struct lua_cfunction_ref *ret) MUST_CHECK;

#endif
