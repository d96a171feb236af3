/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <string.h>

#include "stacks.h"

static struct stacks *stacks;
static struct buf why;

static void begin(void)
{
	cr_assert(eq(int, stacks_new(&stacks), 0));
	buf_init(&why, 4096);
}

static void end(void)
{
	stacks_free(stacks);
	buf_done(&why);
}

TestSuite(stacks, .init = begin, .fini = end);

static int add(enum side side, const char *text)
{
	return stacks_add(stacks, side, text, strlen(text), &why);
}

static void expect_written(const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	cr_assert(eq(int, stacks_write(stacks, out), 0));
	fclose(out);
	cr_expect_str_eq(text, expected);
	free(text);
}

Test(stacks, each_stack_has_its_samples_on_both_sides)
{
	cr_assert(eq(int, add(SIDE_BASE, "a;b 3\na;c (x.lua:4) 10\n"), 0));
	cr_assert(eq(int, add(SIDE_BASE, "a;b 4\n"), 0));
	cr_assert(eq(int, add(SIDE_HEAD, "a 1\na;b 5"), 0));
	expect_written("a 0 1\na;b 7 5\na;c (x.lua:4) 10 0\n");
}

Test(stacks, the_order_is_that_of_bytes)
{
	cr_assert(eq(int, add(SIDE_HEAD, "b 1\n\xc3\xa4 1\na;b 1\na 1\na;a 1\n"), 0));
	expect_written("a 0 1\na;a 0 1\na;b 0 1\nb 0 1\n\xc3\xa4 0 1\n");
}

Test(stacks, nothing_makes_an_empty_file)
{
	cr_assert(eq(int, add(SIDE_BASE, ""), 0));
	expect_written("");
}

Test(stacks, what_is_no_stack_is_refused_by_its_line)
{
	static const char *const broken[] = {
		"a;b",	 "a;b ",	"12",	 " 12",	  "a -1",
		"",	 "a\033[31m 1", "a\r 1", "a 1.5", "a 99999999999999999999999",
		"a 1 2", "7 1"};

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		char text[64];

		buf_reset(&why);
		snprintf(text, sizeof(text), "a 1\n%s\nb 2\n", broken[i]);
		cr_expect(eq(int, add(SIDE_BASE, text), -EBADMSG), "%s", broken[i]);
		cr_expect_str_eq(why.data, "line 2 is no stack with its samples");
	}
}
