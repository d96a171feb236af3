/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What tells a busted element from another one that was made in its memory, as --repeat does: the
 * strings that its table holds (descriptor, name), where they are and what they say. Their places
 * alone do not tell: the names of one round are garbage in the next, too. busted writes numbers
 * into the table while it runs and makes it grow, so neither the nodes' address nor their order
 * counts.
 *
 * Facts: Node of PUC Lua has its value first, 16 bytes with the tag at 8, whatever follows;
 * lj_obj.h has 24 bytes, the value first. A string is LUA_TSTRING in the low four bits of PUC's
 * tag, LJ_TSTR = ~4 above the pointer in LuaJIT's value. Its text ends with a NUL and stands behind
 * its header, except that of a long string of 5.5 (TString.contents).
 */
#ifndef BPROF_ELEMENT_H
#define BPROF_ELEMENT_H

#include <bprof/lua_layout.h>

#define ELEMENT_MAX_NODES  16U /* elements have 6 to 12 fields */
#define ELEMENT_MAX_BYTES  (ELEMENT_MAX_NODES * 40U)
#define ELEMENT_WORDS	   128 /* a power of two, for a masked index */
#define ELEMENT_TEXT_WORDS 16  /* of a string, up to its first NUL: 127 bytes */

/* Where a table has its nodes: Table.node of PUC Lua, GCtab.node. */
static inline __attribute__((always_inline)) __u32 element_nodes_at(const struct lua_layout *l)
{
	if (l->family == BPROF_FAMILY_PUC)
		return l->puc.table_nodes;
	return l->luajit.refs32 ? 20 : 40;
}

/* Where it says how many: the byte Table.lsizenode, GCtab.hmask. */
static inline __attribute__((always_inline)) __u32 element_size_at(const struct lua_layout *l)
{
	if (l->family == BPROF_FAMILY_PUC)
		return 11;
	return l->luajit.refs32 ? 28 : 52;
}

/* @size: the four bytes there. At most ELEMENT_MAX_NODES, of a larger table the first ones. */
static inline __attribute__((always_inline)) __u32 element_nr_nodes(const struct lua_layout *l,
								    __u32 size)
{
	if (l->family == BPROF_FAMILY_LUAJIT)
		return size < ELEMENT_MAX_NODES ? size + 1 : ELEMENT_MAX_NODES;
	return (size & 255) < 4 ? 1U << (size & 3) : ELEMENT_MAX_NODES;
}

static inline __attribute__((always_inline)) __u32 element_node_bytes(__u32 dialect)
{
	if (dialect == LUA_DIALECT_51 || dialect == LUA_DIALECT_52)
		return 40;
	return dialect == LUA_DIALECT_53 ? 32 : 24;
}

/* The address of the string that a node holds as its value, 0 = it holds none. */
static inline __attribute__((always_inline)) __u64 element_string(const struct lua_layout *layout,
								  __u64 value, __u64 tag)
{
	if (layout->family == BPROF_FAMILY_PUC)
		return (tag & 15) == 4 ? value : 0;
	if (layout->luajit.refs32)
		return value >> 32 == 0xfffffffbU ? (__u32)value : 0;
	return value >> 47 == 0x1fffbU ? value & ((1ULL << 47) - 1) : 0;
}

/* Whether the word at ELEMENT_CONTENTS_AT of a string leads to its text. */
#define ELEMENT_CONTENTS_AT 24U
static inline __attribute__((always_inline)) int
element_text_is_apart(const struct lua_layout *layout, __u64 tag)
{
	return layout->dialect == LUA_DIALECT_55 && tag & 16;
}

/* Where it stands otherwise. */
static inline __attribute__((always_inline)) __u32 element_text_at(const struct lua_layout *layout)
{
	return layout->family == BPROF_FAMILY_PUC ? layout->puc.string_data
						  : layout->luajit.string_data;
}

/* Words between two nodes. */
static inline __attribute__((always_inline)) __u32 element_node_words(__u32 dialect)
{
	return element_node_bytes(dialect) / 8;
}

/**
 * element_share() - what a string adds to the sum
 * @string: its address
 * @text:   its bytes up to the first NUL, zeroes behind them
 */
static inline __attribute__((always_inline)) __u64
element_share(__u64 string, const __u64 text[ELEMENT_TEXT_WORDS])
{
	__u64 sum = string;

	for (__u32 i = 0; i < ELEMENT_TEXT_WORDS; i++)
		sum = (sum ^ text[i]) * 0x9E3779B97F4A7C15ULL;
	return sum >> 8; /* so that the sum of all does not overflow */
}

/* Shares add up in any order. Never 0, which stands for an element that could not be read. */
static inline __attribute__((always_inline)) __u32 element_fingerprint_of(__u64 sum)
{
	return (__u32)(sum >> 24) | 1;
}

#endif
