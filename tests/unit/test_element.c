/* SPDX-License-Identifier: MIT */
/* What tells one busted element from another in the same memory. */
#include <criterion/criterion.h>

#include <string.h>

#include <bprof/element.h>

TestSuite(element, .timeout = 10);

#define NAME	    0x7f0011223340ULL
#define DESCRIPTOR  0x7f0011223380ULL
#define OTHER_NAME  0x7f00112233c0ULL
#define SOME_NUMBER 0x3ff0000000000000ULL

static const struct lua_layout lua51 = {.family = BPROF_FAMILY_PUC, .dialect = LUA_DIALECT_51},
			       lua53 = {.family = BPROF_FAMILY_PUC, .dialect = LUA_DIALECT_53},
			       lua54 = {.family = BPROF_FAMILY_PUC, .dialect = LUA_DIALECT_54},
			       luajit = {.family = BPROF_FAMILY_LUAJIT,
					 .dialect = LUA_DIALECT_LUAJIT},
			       luajit32 = {.family = BPROF_FAMILY_LUAJIT,
					   .dialect = LUA_DIALECT_LUAJIT,
					   .luajit.refs32 = 1};
static const struct lua_layout *const layouts[] = {&lua51, &lua53, &lua54, &luajit, &luajit32};

static __u64 words[ELEMENT_WORDS];

static void put(const struct lua_layout *l, unsigned node, __u64 value, __u64 tag)
{
	__u64 *at = words + node * element_node_bytes(l->dialect) / 8;

	at[0] = value;
	at[1] = tag;
}

static void put_string(const struct lua_layout *l, unsigned node, __u64 string)
{
	if (l->family == BPROF_FAMILY_PUC)
		put(l, node, string, 0x44);
	else if (l->luajit.refs32)
		put(l, node, 0xfffffffbULL << 32 | (__u32)string, 0);
	else
		put(l, node, 0x1fffbULL << 47 | string, 0);
}

static __u32 print_of(const struct lua_layout *l, unsigned first, __u64 name, __u64 number)
{
	memset(words, 0, sizeof(words));
	put_string(l, first, DESCRIPTOR);
	put_string(l, first + 2, name);
	put(l, first + 3, number, 3);
	return element_fingerprint(l, words, 8);
}

Test(element, is_known_by_its_strings_wherever_they_stand)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		const struct lua_layout *l = layouts[i];
		__u32 print = print_of(l, 0, NAME, 0);

		cr_expect(print != 0);
		cr_expect(print == print_of(l, 3, NAME, 0), "%zu: another order", i);
		cr_expect(print == print_of(l, 0, NAME, SOME_NUMBER), "%zu: a number", i);
		cr_expect(print != print_of(l, 0, OTHER_NAME, 0), "%zu: another name", i);
	}
}

Test(element, of_a_large_table_the_first_nodes_count)
{
	cr_expect(element_nr_nodes(&lua51, 0xffffff02) == 4);
	cr_expect(element_nr_nodes(&lua51, 3) == 8);
	cr_expect(element_nr_nodes(&lua51, 9) == ELEMENT_MAX_NODES);
	cr_expect(element_nr_nodes(&luajit, 7) == 8);
	cr_expect(element_nr_nodes(&luajit, 0xffffffff) == ELEMENT_MAX_NODES);
	cr_expect(ELEMENT_MAX_BYTES <= sizeof(words));
}
