/* SPDX-License-Identifier: MIT */
/* Tables for the terminal: alignment, widths, and what gives way. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "profiles.h"
#include "table.h"

static const struct column columns[] = {
	{.title = "n", .right = true},
	{.title = "extra", .right = true, .optional = 1},
	{.title = "name", .cut = TEXT_CUT_MIDDLE},
	{.title = "where", .cut = TEXT_CUT_START},
};

/* The printed table; @cells row by row. */
static char *printed(const char *const *cells, size_t nr, unsigned width, bool colour)
{
	static char *text;
	size_t len;
	struct table t;
	struct writer w;
	FILE *out;

	free(text);
	out = open_memstream(&text, &len);
	writer_init(&w, out);
	table_init(&t, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < nr; i++)
		table_add_styled(&t, cells[i], STYLE_BAD);
	table_print(&t, &w, width, colour);
	table_done(&t);
	cr_assert(eq(int, writer_finish(&w), 0));
	fclose(out);
	return text;
}

static void expect_table(const char *const *cells, size_t nr, unsigned width, const char *expected)
{
	cr_expect(eq(str, printed(cells, nr, width, false), (char *)expected));
}

Test(output_table, numbers_align_right_and_names_left)
{
	const char *cells[] = {"1", "x", "short", "a.lua:1", "1000", "y", "a longer name", "b.lua"};

	expect_table(cells, 8, 100,
		     "     n  extra  name           where\n"
		     "     1      x  short          a.lua:1\n"
		     "  1000      y  a longer name  b.lua\n");
}

Test(output_table, a_column_without_cells_is_left_out)
{
	const char *cells[] = {"1", NULL, "short", NULL};

	expect_table(cells, 4, 100, "  n  name\n  1  short\n");
}

Test(output_table, names_are_cut_before_numbers_are)
{
	const char *cells[] = {"123456", NULL, "a name that is much too long", "dir/file.lua:10"};

	expect_table(cells, 4, 36,
		     "       n  name            where\n"
		     "  123456  a name …o long  …e.lua:10\n");
}

Test(output_table, optional_columns_go_first_where_names_have_no_room)
{
	const char *cells[] = {"1", "12345", "a name of some length", "file.lua"};

	cr_expect(strstr(printed(cells, 4, 60, false), "12345") != NULL);
	cr_expect(strstr(printed(cells, 4, 36, false), "12345") == NULL);
}

Test(output_table, no_line_is_wider_than_asked_whatever_the_names_are)
{
	for (size_t i = 0; i < nr_hostile_names; i++) {
		const char *cells[] = {"1", "2", hostile_names[i], hostile_names[i]};

		for (unsigned width = 30; width < 120; width += 7) {
			char *line = strtok(printed(cells, 4, width, false), "\n");

			for (; line; line = strtok(NULL, "\n")) {
				cr_expect(le(uint, text_width(line), width), "%s", line);
				cr_expect(ne(chr, line[strlen(line) - 1], ' '));
			}
		}
	}
}

Test(output_table, colour_surrounds_a_cell_and_never_its_padding)
{
	const char *cells[] = {"1", NULL, "a", NULL, "22", NULL, "b", NULL};

	cr_expect(strstr(printed(cells, 8, 80, true), "   \033[31m1\033[0m  \033[31ma\033[0m\n") !=
		  NULL);
	cr_expect(strchr(printed(cells, 8, 80, false), '\033') == NULL);
}
