/* SPDX-License-Identifier: MIT */
/*
 * Strings and tables in a memory made by hand: the encodings that no interpreter here has (5.3.0,
 * 5.5, LuaJIT of before 2020), and tables that are broken.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <string.h>

#include "lua_layouts.h"
#include "lua_object.h"

#define BASE 0x10000000ULL

static unsigned char memory[4 * PEEK_PAGE_BYTES];
static size_t nr_reads;

static int read_memory(void *ctx, void *dst, size_t len, uaddr_t src)
{
	(void)ctx;
	nr_reads++;
	if (src < BASE || src - BASE > sizeof(memory) || sizeof(memory) - (src - BASE) < len)
		return -EFAULT;
	memcpy(dst, memory + (src - BASE), len);
	return 0;
}

static const struct mem_reader mem = {read_memory, NULL};

static void put(uaddr_t at, const void *bytes, size_t len)
{
	memcpy(memory + (at - BASE), bytes, len);
}

static void put_u64(uaddr_t at, uint64_t value)
{
	put(at, &value, sizeof(value));
}

static void put_u32(uaddr_t at, uint32_t value)
{
	put(at, &value, sizeof(value));
}

static void put_u8(uaddr_t at, uint8_t value)
{
	put(at, &value, sizeof(value));
}

static void expect_string(const struct lua_layout *layout, uaddr_t at, size_t max,
			  const char *wanted)
{
	struct peek *peek = peek_new(&mem);
	struct lua_reader reader = {peek, layout};
	struct buf out;
	int r;

	buf_init(&out, 4096);
	r = lua_string_copy(&reader, at, max, &out);
	cr_expect(eq(int, r, (int)strlen(wanted)));
	cr_expect(r >= 0 && memcmp(out.data, wanted, strlen(wanted)) == 0);
	cr_expect(lua_string_is(&reader, at, wanted) == (strlen(wanted) < max));
	buf_done(&out);
	peek_free(peek);
}

Test(symbol_lua_table, short_and_long_strings_of_55_are_read)
{
	struct lua_layout layout = *test_layout("lua5.4");

	layout.dialect = LUA_DIALECT_55;
	put_u8(BASE + 8, 4);
	put_u8(BASE + 11, 5);
	put(BASE + 24, "short", 5);
	expect_string(&layout, BASE, 64, "short");
	put_u8(BASE + 128 + 8, 20);
	put_u8(BASE + 128 + 11, 0xff);
	put_u64(BASE + 128 + 16, 11);
	put_u64(BASE + 128 + 24, BASE + 512);
	put(BASE + 512, "long enough", 11);
	expect_string(&layout, BASE + 128, 64, "long enough");
	expect_string(&layout, BASE + 128, 4, "long");
}

Test(symbol_lua_table, strings_of_530_have_their_length_in_one_place)
{
	struct lua_layout layout = *test_layout("lua5.3");

	layout.puc.string_data = 32;
	put_u8(BASE + 8, 4);
	put_u64(BASE + 16, 3);
	put(BASE + 32, "abc", 3);
	expect_string(&layout, BASE, 64, "abc");
}

Test(symbol_lua_table, strings_of_older_luajit_have_their_length_earlier)
{
	struct lua_layout layout = *test_layout("luajit");

	layout.luajit.string_len = 16;
	put_u8(BASE + 9, 4);
	put_u32(BASE + 16, 3);
	put_u32(BASE + 20, 999);
	put(BASE + 24, "abc", 3);
	expect_string(&layout, BASE, 64, "abc");
}

Test(symbol_lua_table, elements_of_55_lie_below_their_array_and_their_tags_above)
{
	struct lua_layout layout = *test_layout("lua5.4");
	struct peek *peek = peek_new(&mem);
	struct lua_reader reader = {peek, &layout};
	struct lua_value value = {0};

	layout.dialect = LUA_DIALECT_55;
	put_u8(BASE + 8, 5);
	put_u32(BASE + 12, 2);
	put_u64(BASE + 16, BASE + 256);
	put_u64(BASE + 24, BASE + 512);
	put_u64(BASE + 256 - 8, 42);
	put_u64(BASE + 256 - 16, BASE + 1024);
	put_u8(BASE + 256 + 4, 3);
	put_u8(BASE + 256 + 5, 4 | 64);
	cr_expect(eq(int, lua_array_get(&reader, BASE, 1, &value), 0));
	cr_expect(value.kind == LUA_KIND_NUMBER && value.number == 42);
	cr_expect(eq(int, lua_array_get(&reader, BASE, 2, &value), 0));
	cr_expect(value.kind == LUA_KIND_STRING && value.object == BASE + 1024);
	cr_expect(eq(int, lua_array_get(&reader, BASE, 3, &value), -ENOENT));
	peek_free(peek);
}

Test(symbol_lua_table, tables_of_523_are_in_the_order_of_51)
{
	struct lua_layout layout = *test_layout("lua5.2");
	struct peek *peek = peek_new(&mem);
	struct lua_reader reader = {peek, &layout};
	struct lua_table table = {0};

	layout.puc.table_nodes = 32;
	put_u8(BASE + 8, 5);
	put_u8(BASE + 11, 3);
	put_u64(BASE + 24, BASE + 512);
	put_u64(BASE + 32, BASE + 1024);
	cr_expect(eq(int, lua_table_open(&reader, BASE, &table), 0));
	cr_expect(table.nodes == BASE + 1024 && table.nr_nodes == 8);
	peek_free(peek);
}

Test(symbol_lua_table, what_is_no_string_is_refused)
{
	struct peek *peek = peek_new(&mem);
	struct lua_reader reader = {peek, test_layout("lua5.4")};
	struct buf out;

	buf_init(&out, 64);
	put_u8(BASE + 8, 5);
	cr_expect(eq(int, lua_string_copy(&reader, BASE, 8, &out), -EBADMSG));
	cr_expect(eq(int, lua_string_copy(&reader, BASE + 1, 8, &out), -EBADMSG));
	cr_expect(eq(int, lua_string_copy(&reader, 0, 8, &out), -EFAULT));
	cr_expect(eq(int, lua_string_copy(&reader, UINT64_MAX - 7, 8, &out), -EFAULT));
	peek_free(peek);
	/* A length that runs out of the memory there is. */
	peek = peek_new(&mem);
	reader.peek = peek;
	put_u8(BASE + sizeof(memory) - 32 + 8, 20);
	put_u64(BASE + sizeof(memory) - 32 + 16, UINT64_MAX);
	cr_expect(eq(int, lua_string_copy(&reader, BASE + sizeof(memory) - 32, 64, &out), -EFAULT));
	cr_expect(eq(sz, out.len, 0));
	buf_done(&out);
	peek_free(peek);
}

Test(symbol_lua_table, tables_of_impossible_size_are_refused)
{
	struct peek *peek = peek_new(&mem);
	struct lua_reader puc = {peek, test_layout("lua5.4")};
	struct lua_reader luajit = {peek, test_layout("luajit")};
	struct lua_table table;
	struct lua_value value;

	put_u8(BASE + 8, 5);
	put_u8(BASE + 11, 17);
	cr_expect(eq(int, lua_table_open(&puc, BASE, &table), -EBADMSG));
	put_u8(BASE + 256 + 9, 11);
	put_u32(BASE + 256 + 52, 0xffffffff);
	cr_expect(eq(int, lua_table_open(&luajit, BASE + 256, &table), -EBADMSG));
	peek_free(peek);

	peek = peek_new(&mem);
	luajit.peek = peek;
	put_u32(BASE + 256 + 52, 5); /* not 2^n - 1 */
	cr_expect(eq(int, lua_table_open(&luajit, BASE + 256, &table), -EBADMSG));
	peek_free(peek);

	/* Nodes that cannot be read: nothing is found, and nothing is claimed. */
	peek = peek_new(&mem);
	luajit.peek = peek;
	put_u32(BASE + 256 + 52, 3);
	put_u64(BASE + 256 + 40, 0x7000);
	cr_expect(lua_table_get(&luajit, BASE + 256, "key", &value) < 0);
	peek_free(peek);
}

Test(symbol_lua_table, a_dialect_that_is_not_known_is_refused)
{
	struct lua_layout layout = *test_layout("lua5.4");
	struct peek *peek = peek_new(&mem);
	struct lua_reader reader = {peek, &layout};
	struct lua_table table;

	layout.dialect = LUA_NR_DIALECTS + 1;
	cr_expect(eq(int, lua_table_open(&reader, BASE, &table), -EINVAL));
	layout.dialect = LUA_DIALECT_UNKNOWN;
	cr_expect(eq(int, lua_table_open(&reader, BASE, &table), -EINVAL));
	peek_free(peek);
}

Test(symbol_lua_table, neighbours_are_read_once)
{
	struct peek *peek = peek_new(&mem);
	char bytes[16];

	put(BASE + PEEK_PAGE_BYTES - 4, "neighbour", 9);
	nr_reads = 0;
	for (int i = 0; i < 10; i++) {
		cr_assert(eq(int, peek_read(peek, bytes, 9, BASE + PEEK_PAGE_BYTES - 4), 0));
		cr_expect(memcmp(bytes, "neighbour", 9) == 0);
	}
	cr_expect(eq(sz, nr_reads, 2), "each page once");
	cr_assert(eq(int, peek_read_fresh(peek, bytes, 9, BASE + PEEK_PAGE_BYTES - 4), 0));
	cr_expect(eq(sz, nr_reads, 3));
	peek_free(peek);
}
