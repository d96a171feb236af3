/* SPDX-License-Identifier: MIT */
/*
 * Values, strings, tables and C functions of a target, for every supported VM.
 *
 * Each object is copied, its type tag checked, then used; tables are bounded by LUA_MAX_NODES.
 *
 * Facts: lobject.h of Lua 5.1-5.5 (copyright Lua.org, PUC-Rio, MIT), lj_obj.h of LuaJIT 2.1, GC64
 * (copyright Mike Pall, MIT). Offsets that vary between builds of one dialect come from the layout;
 * what is fixed within a dialect is in the tables here.
 */
#include "lua_object.h"

#include <errno.h>
#include <string.h>

#include "load.h"

/* A table with more nodes is data, not a module. */
#define LUA_MAX_NODES (1U << 16)

#define LUA_TAG_MASK	 0x3fU /* drops "collectable"; keeps variant and type */
#define LUA_TAG_AT	 8U    /* of every PUC object */
#define LUA_TAG_STRING	 4U
#define LUA_TAG_LONG_STR 20U
#define LUA_TAG_TABLE	 5U
#define LUA_TAG_FUNCTION 6U
#define LUA_TAG_LIGHT_C	 22U
#define LUA_TAG_C	 38U
#define LUA_TAG_NUMBER	 3U  /* double up to 5.3, integer from 5.4 on */
#define LUA_TAG_NUMBER_2 19U /* integer in 5.3, double from 5.4 on */

#define LJ_GCT_STR	    4U
#define LJ_GCT_FUNC	    8U
#define LJ_GCT_TAB	    11U
#define LJ_ITYPE_SHIFT	    47U
#define LJ_ITYPE_NIL	    0x1ffffU
#define LJ_ITYPE_STR	    0x1fffbU
#define LJ_ITYPE_FUNC	    0x1fff7U
#define LJ_ITYPE_TAB	    0x1fff4U
#define LJ_ITYPE_INT	    0x1fff2U /* doubles are all below */
#define LJ_POINTER_MASK	    ((1ULL << LJ_ITYPE_SHIFT) - 1)
#define LJ_NODE_BYTES	    24U
#define LJ_FFID_C	    1U /* an ordinary C function */
#define PUC_VALUE_BYTES	    16U
#define LUA_MAX_NODE_BYTES  40U
#define LUA_MAX_TABLE_BYTES 64U

/* Where objects of LuaJIT keep things: with GC64, and without. */
struct luajit_shape {
	uint8_t ref; /* bytes of a reference */
	uint8_t type;
	uint8_t ffid, c_code;
	uint8_t array, nodes, array_len, hmask, table_bytes;
};

static const struct luajit_shape luajit_shapes[] = {
	{.ref = 8,
	 .type = 9,
	 .ffid = 10,
	 .c_code = 40,
	 .array = 16,
	 .nodes = 40,
	 .array_len = 48,
	 .hmask = 52,
	 .table_bytes = 56},
	{.ref = 4,
	 .type = 5,
	 .ffid = 6,
	 .c_code = 24,
	 .array = 8,
	 .nodes = 20,
	 .array_len = 24,
	 .hmask = 28,
	 .table_bytes = 32},
};

/* How the tables of one PUC dialect look. */
struct puc_table_shape {
	uint8_t log2_nodes; /* Table.lsizenode */
	uint8_t node_bytes;
	uint8_t key;	 /* Node: value part of the key */
	uint8_t key_tag; /* Node: type tag of the key, one byte */
};

/* The value is at offset 0 of a node and its tag at 8, in all of them. */
static const struct puc_table_shape puc_table_shapes[LUA_NR_DIALECTS] = {
	[LUA_DIALECT_51] = {11, 40, 16, 24}, [LUA_DIALECT_52] = {11, 40, 16, 24},
	[LUA_DIALECT_53] = {11, 32, 16, 24}, [LUA_DIALECT_54] = {11, 24, 16, 9},
	[LUA_DIALECT_55] = {11, 24, 16, 9},
};

static uint64_t load_reference(const struct luajit_shape *shape, const unsigned char *at)
{
	return shape->ref == 8 ? load_u64(at) : load_u32(at);
}

static double load_double(uint64_t bits)
{
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

/* ---- values -------------------------------------------------------------------------------- */

static const struct luajit_shape *luajit_shape(const struct lua_reader *reader)
{
	return &luajit_shapes[reader->layout->luajit.refs32 != 0];
}

/* The 17 bits of GC64. Without it a type has 32: those above are ones, or it is a number. */
static uint32_t luajit_itype(uint64_t word, bool refs32)
{
	uint32_t upper = (uint32_t)(word >> 32);

	if (!refs32)
		return (uint32_t)(word >> LJ_ITYPE_SHIFT);
	return upper >= ~LJ_ITYPE_NIL ? upper & LJ_ITYPE_NIL : 0;
}

static struct lua_value luajit_value(const struct lua_reader *reader, uint64_t word)
{
	bool refs32 = reader->layout->luajit.refs32;
	uint32_t itype = luajit_itype(word, refs32);
	struct lua_value value = {.object = refs32 ? (uint32_t)word : word & LJ_POINTER_MASK};

	switch (itype) {
	case LJ_ITYPE_NIL:
		value.kind = LUA_KIND_NIL;
		break;
	case LJ_ITYPE_STR:
		value.kind = LUA_KIND_STRING;
		break;
	case LJ_ITYPE_TAB:
		value.kind = LUA_KIND_TABLE;
		break;
	case LJ_ITYPE_FUNC:
		value.kind = LUA_KIND_FUNCTION;
		break;
	case LJ_ITYPE_INT:
		value.kind = LUA_KIND_NUMBER;
		value.number = (double)(int32_t)(uint32_t)word;
		break;
	default:
		if (itype < LJ_ITYPE_INT) {
			value.kind = LUA_KIND_NUMBER;
			value.number = load_double(word);
		}
	}
	return value;
}

static double puc_number(uint32_t dialect, uint32_t tag, uint64_t word)
{
	bool integer = (dialect >= LUA_DIALECT_54 && tag == LUA_TAG_NUMBER) ||
		       (dialect == LUA_DIALECT_53 && tag == LUA_TAG_NUMBER_2);

	return integer ? (double)(int64_t)word : load_double(word);
}

static struct lua_value puc_value(uint32_t dialect, uint64_t word, uint8_t raw_tag)
{
	uint32_t tag = raw_tag & LUA_TAG_MASK;
	struct lua_value value = {.object = word};

	switch (tag) {
	case LUA_TAG_STRING:
	case LUA_TAG_LONG_STR:
		value.kind = LUA_KIND_STRING;
		break;
	case LUA_TAG_TABLE:
		value.kind = LUA_KIND_TABLE;
		break;
	case LUA_TAG_FUNCTION:
	case LUA_TAG_C:
		value.kind = LUA_KIND_FUNCTION;
		break;
	case LUA_TAG_LIGHT_C:
		value.kind = LUA_KIND_LIGHT_C;
		break;
	case LUA_TAG_NUMBER:
	case LUA_TAG_NUMBER_2:
		value.kind = LUA_KIND_NUMBER;
		value.number = puc_number(dialect, tag, word);
		break;
	default:
		/* Variants of nil (empty, absent key) differ above the type bits. */
		value.kind = (tag & 0xf) == 0 ? LUA_KIND_NIL : LUA_KIND_OTHER;
	}
	return value;
}

int lua_value_read(const struct lua_reader *reader, uaddr_t at, struct lua_value *ret)
{
	unsigned char bytes[16];
	bool luajit = reader->layout->family == BPROF_FAMILY_LUAJIT;
	int r = peek_read(reader->peek, bytes, luajit ? 8 : sizeof(bytes), at);

	if (r < 0)
		return r;
	*ret = luajit ? luajit_value(reader, load_u64(bytes))
		      : puc_value(reader->layout->dialect, load_u64(bytes), bytes[LUA_TAG_AT]);
	return 0;
}

/* ---- strings ------------------------------------------------------------------------------- */

struct string_extent {
	uaddr_t text;
	uint64_t len;
};

static int luajit_string(const struct lua_reader *reader, uaddr_t string, struct string_extent *ret)
{
	uint32_t data = reader->layout->luajit.string_data;
	uint32_t len_at = reader->layout->luajit.string_len;
	unsigned char header[32];
	int r;

	if (len_at < 8 || len_at + 4 > data || data > sizeof(header))
		return -EINVAL;
	r = peek_read(reader->peek, header, data, string);
	if (r < 0)
		return r;
	if (header[luajit_shape(reader)->type] != LJ_GCT_STR)
		return -EBADMSG;
	*ret = (struct string_extent){string + data, load_u32(header + len_at)};
	return 0;
}

/*
 * The length of a PUC string: size_t at 16, but from 5.3 on short strings keep it in the byte at
 * 11. Lua 5.3.0, whose text starts at 32, did not do so yet. From 5.5 on that byte is negative for
 * long strings and their text lies elsewhere, at the pointer in the place of a short one's text.
 */
static int puc_string(const struct lua_reader *reader, uaddr_t string, struct string_extent *ret)
{
	const struct puc_layout *puc = &reader->layout->puc;
	uint32_t dialect = reader->layout->dialect;
	unsigned char header[32] = {0};
	size_t header_bytes = dialect == LUA_DIALECT_55 ? 32 : 24;
	uint32_t tag;
	int r;

	r = peek_read(reader->peek, header, header_bytes, string);
	if (r < 0)
		return r;
	tag = header[LUA_TAG_AT] & LUA_TAG_MASK;
	if (tag != LUA_TAG_STRING && tag != LUA_TAG_LONG_STR)
		return -EBADMSG;
	*ret = (struct string_extent){string + puc->string_data, load_u64(header + 16)};
	if (dialect < LUA_DIALECT_53 || puc->string_data != 24)
		return 0;
	if (tag == LUA_TAG_STRING)
		ret->len = header[11];
	else if (dialect == LUA_DIALECT_55)
		ret->text = load_u64(header + 24);
	return 0;
}

static int string_extent(const struct lua_reader *reader, uaddr_t string, struct string_extent *ret)
{
	if (string % 8 != 0)
		return -EBADMSG;
	if (reader->layout->family == BPROF_FAMILY_LUAJIT)
		return luajit_string(reader, string, ret);
	return puc_string(reader, string, ret);
}

int lua_string_copy(const struct lua_reader *reader, uaddr_t string, size_t max, struct buf *out)
{
	struct string_extent extent;
	size_t start = out->len;
	size_t len;
	int r = string_extent(reader, string, &extent);

	if (r < 0)
		return r;
	len = extent.len < max ? (size_t)extent.len : max;
	r = buf_addzero(out, len);
	if (r < 0)
		return r;
	if (len > 0)
		r = peek_read(reader->peek, out->data + start, len, extent.text);
	if (r < 0) {
		out->len = start;
		out->data[start] = 0;
		return r;
	}
	return (int)len;
}

bool lua_string_is(const struct lua_reader *reader, uaddr_t string, const char *text)
{
	struct string_extent extent;
	size_t len = strlen(text);
	char copy[64];

	if (len > sizeof(copy) || string_extent(reader, string, &extent) < 0 || extent.len != len)
		return false;
	return peek_read(reader->peek, copy, len, extent.text) == 0 && memcmp(copy, text, len) == 0;
}

/* ---- tables -------------------------------------------------------------------------------- */

static int luajit_table_open(const struct lua_reader *reader, uaddr_t table, struct lua_table *ret)
{
	const struct luajit_shape *shape = luajit_shape(reader);
	unsigned char header[LUA_MAX_TABLE_BYTES] = {0};
	uint32_t hmask;
	int r = peek_read(reader->peek, header, shape->table_bytes, table);

	if (r < 0)
		return r;
	hmask = load_u32(header + shape->hmask);
	if (header[shape->type] != LJ_GCT_TAB || hmask >= LUA_MAX_NODES ||
	    (hmask & (hmask + 1)) != 0)
		return -EBADMSG;
	*ret = (struct lua_table){load_reference(shape, header + shape->nodes), hmask + 1};
	return 0;
}

static int puc_table_open(const struct lua_reader *reader, uaddr_t table, struct lua_table *ret)
{
	const struct puc_table_shape *shape = &puc_table_shapes[reader->layout->dialect];
	uint32_t nodes = reader->layout->puc.table_nodes;
	unsigned char header[LUA_MAX_TABLE_BYTES];
	uint32_t log2_nodes;
	int r;

	if (nodes > sizeof(header) - 8)
		return -EINVAL;
	r = peek_read(reader->peek, header, nodes + 8U, table);
	if (r < 0)
		return r;
	log2_nodes = header[shape->log2_nodes];
	if ((header[LUA_TAG_AT] & LUA_TAG_MASK) != LUA_TAG_TABLE || log2_nodes > 16)
		return -EBADMSG;
	*ret = (struct lua_table){load_u64(header + nodes), 1U << log2_nodes};
	return 0;
}

static bool dialect_is_known(const struct lua_layout *layout)
{
	if (layout->family == BPROF_FAMILY_LUAJIT)
		return true;
	return layout->dialect < LUA_NR_DIALECTS &&
	       puc_table_shapes[layout->dialect].node_bytes != 0;
}

int lua_table_open(const struct lua_reader *reader, uaddr_t table, struct lua_table *ret)
{
	if (!dialect_is_known(reader->layout))
		return -EINVAL;
	if (table % 8 != 0)
		return -EBADMSG;
	if (reader->layout->family == BPROF_FAMILY_LUAJIT)
		return luajit_table_open(reader, table, ret);
	return puc_table_open(reader, table, ret);
}

int lua_table_entry(const struct lua_reader *reader, const struct lua_table *table, uint32_t index,
		    struct lua_value *ret_key, struct lua_value *ret_value)
{
	const struct puc_table_shape *shape = &puc_table_shapes[reader->layout->dialect];
	bool luajit = reader->layout->family == BPROF_FAMILY_LUAJIT;
	size_t bytes = luajit ? LJ_NODE_BYTES : shape->node_bytes;
	unsigned char node[LUA_MAX_NODE_BYTES];
	int r = peek_read(reader->peek, node, bytes, table->nodes + (uaddr_t)index * bytes);

	if (r < 0)
		return r;
	if (luajit) {
		*ret_value = luajit_value(reader, load_u64(node));
		*ret_key = luajit_value(reader, load_u64(node + 8));
		return 0;
	}
	*ret_value = puc_value(reader->layout->dialect, load_u64(node), node[LUA_TAG_AT]);
	*ret_key = puc_value(reader->layout->dialect, load_u64(node + shape->key),
			     node[shape->key_tag]);
	return 0;
}

/*
 * Element @index of the array part of 5.5: values lie below the pointer, the last one first, and
 * their tags above it, behind an unsigned int.
 */
static int puc55_element(const struct lua_reader *reader, uaddr_t array, uint32_t index,
			 struct lua_value *ret)
{
	unsigned char value[8];
	uint8_t tag;
	int r = peek_read(reader->peek, value, sizeof(value), array - 8ULL * index);

	if (r == 0)
		r = peek_read(reader->peek, &tag, 1, array + sizeof(uint32_t) + index - 1);
	if (r < 0)
		return r;
	*ret = puc_value(LUA_DIALECT_55, load_u64(value), tag);
	return 0;
}

/* Where the array part is and how long: LuaJIT counts from 0 and leaves element 0 unused. */
static int array_part(const struct lua_reader *reader, uaddr_t table, uaddr_t *ret_elements,
		      uint32_t *ret_nr)
{
	bool luajit = reader->layout->family == BPROF_FAMILY_LUAJIT;
	const struct puc_layout *puc = &reader->layout->puc;
	unsigned char header[LUA_MAX_TABLE_BYTES];
	int r = peek_read(reader->peek, header, sizeof(header), table);

	if (r < 0)
		return r;
	if (luajit) {
		const struct luajit_shape *shape = luajit_shape(reader);

		*ret_elements = load_reference(shape, header + shape->array);
		*ret_nr = load_u32(header + shape->array_len);
		return 0;
	}
	if (puc->table_array > sizeof(header) - 8 || puc->table_array_len > sizeof(header) - 4)
		return -EINVAL;
	*ret_elements = load_u64(header + puc->table_array) - PUC_VALUE_BYTES;
	*ret_nr = load_u32(header + puc->table_array_len) + 1;
	return 0;
}

int lua_array_get(const struct lua_reader *reader, uaddr_t table, uint32_t index,
		  struct lua_value *ret)
{
	size_t bytes = reader->layout->family == BPROF_FAMILY_LUAJIT ? 8 : PUC_VALUE_BYTES;
	struct lua_table checked;
	uaddr_t elements = 0;
	uint32_t nr = 0;
	int r = lua_table_open(reader, table, &checked); /* is it a table? */

	if (r == 0)
		r = array_part(reader, table, &elements, &nr);
	if (r < 0)
		return r;
	if (index == 0 || index >= nr)
		return -ENOENT;
	if (reader->layout->dialect == LUA_DIALECT_55)
		return puc55_element(reader, elements + PUC_VALUE_BYTES, index, ret);
	return lua_value_read(reader, elements + index * bytes, ret);
}

int lua_table_get_all(const struct lua_reader *reader, uaddr_t table, const char *const *keys,
		      size_t nr, struct lua_value *ret)
{
	struct lua_table opened;
	size_t missing = nr;
	int r = lua_table_open(reader, table, &opened);

	for (size_t k = 0; k < nr; k++)
		ret[k] = (struct lua_value){.kind = LUA_KIND_NIL};
	for (uint32_t i = 0; r == 0 && missing && i < opened.nr_nodes; i++) {
		struct lua_value key, value;

		if (lua_table_entry(reader, &opened, i, &key, &value) < 0 ||
		    value.kind == LUA_KIND_NIL || key.kind != LUA_KIND_STRING)
			continue;
		for (size_t k = 0; k < nr; k++) {
			if (ret[k].kind != LUA_KIND_NIL ||
			    !lua_string_is(reader, key.object, keys[k]))
				continue;
			ret[k] = value;
			missing--;
			break;
		}
	}
	return r;
}

int lua_table_get(const struct lua_reader *reader, uaddr_t table, const char *key,
		  struct lua_value *ret)
{
	int r = lua_table_get_all(reader, table, &key, 1, ret);

	return r < 0 ? r : ret->kind == LUA_KIND_NIL ? -ENOENT : 0;
}

/* ---- functions ----------------------------------------------------------------------------- */

static int luajit_cfunction(const struct lua_reader *reader, uaddr_t function,
			    struct lua_cfunction_ref *ret)
{
	const struct luajit_shape *shape = luajit_shape(reader);
	unsigned char header[LUA_MAX_TABLE_BYTES];
	uint32_t ffid;
	int r = peek_read(reader->peek, header, shape->c_code + 8U, function);

	if (r < 0)
		return r;
	if (header[shape->type] != LJ_GCT_FUNC)
		return -EBADMSG;
	ffid = header[shape->ffid];
	if (ffid == 0)
		return 0;
	*ret = (struct lua_cfunction_ref){
		.address = load_u64(header + shape->c_code),
		.ffid = ffid > LJ_FFID_C ? ffid : 0,
	};
	return 1;
}

static int puc_cfunction(const struct lua_reader *reader, uaddr_t closure,
			 struct lua_cfunction_ref *ret)
{
	const struct puc_layout *puc = &reader->layout->puc;
	unsigned char header[LUA_MAX_TABLE_BYTES] = {0};
	uint32_t tag;
	int r;

	if (puc->cclosure_f > sizeof(header) - 8 || puc->closure_is_c >= sizeof(header))
		return -EINVAL;
	r = peek_read(reader->peek, header, puc->cclosure_f + 8U, closure);
	if (r < 0)
		return r;
	tag = header[LUA_TAG_AT] & LUA_TAG_MASK;
	if (tag != LUA_TAG_FUNCTION && tag != LUA_TAG_C)
		return -EBADMSG;
	/* 5.1 has one tag for both kinds of closure and tells them apart by a byte. */
	if (reader->layout->dialect == LUA_DIALECT_51 ? header[puc->closure_is_c] == 0
						      : tag != LUA_TAG_C)
		return 0;
	*ret = (struct lua_cfunction_ref){.address = load_u64(header + puc->cclosure_f)};
	return 1;
}

int lua_cfunction_of(const struct lua_reader *reader, const struct lua_value *value,
		     struct lua_cfunction_ref *ret)
{
	if (value->kind == LUA_KIND_LIGHT_C) {
		*ret = (struct lua_cfunction_ref){.address = value->object};
		return 1;
	}
	if (value->kind != LUA_KIND_FUNCTION)
		return 0;
	if (value->object % 8 != 0)
		return -EBADMSG;
	if (reader->layout->family == BPROF_FAMILY_LUAJIT)
		return luajit_cfunction(reader, value->object, ret);
	return puc_cfunction(reader, value->object, ret);
}
