/* SPDX-License-Identifier: MIT */
/* Foreign bytes into safe text. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include <yajl/yajl_tree.h>

#include "profiles.h"
#include "text.h"

static void expect_text(const char *text, const char *expected)
{
	cr_expect(eq(str, (char *)text, (char *)expected));
}

typedef int (*add_fn)(struct buf *b, const char *s);

static char *result(add_fn add, const char *s)
{
	static struct buf b;

	buf_done(&b);
	buf_init(&b, TEXT_MAX_BUFFER);
	cr_assert(eq(int, add(&b, s), 0));
	return b.data ? b.data : (char *)"";
}

static int add_folded(struct buf *b, const char *s)
{
	return text_add_folded(b, s, TEXT_MAX_NAME);
}

static char *columns(const char *s, unsigned width, enum text_cut cut)
{
	static struct buf b;

	buf_done(&b);
	buf_init(&b, TEXT_MAX_BUFFER);
	cr_assert(eq(int, text_add_columns(&b, s, width, cut), 0));
	return b.data ? b.data : (char *)"";
}

/* ---- UTF-8 --------------------------------------------------------------------------------- */

static void check_decoded(const char *bytes, size_t length, uint32_t point)
{
	uint32_t decoded;

	cr_expect(eq(sz, text_decode(bytes, strlen(bytes), &decoded), length), "%s", bytes);
	cr_expect(eq(u32, decoded, point), "%s", bytes);
}

Test(text, valid_sequences_are_decoded)
{
	check_decoded("a", 1, 'a');
	check_decoded("\x7f", 1, 0x7F);
	check_decoded("\xc2\x80", 2, 0x80);
	check_decoded("\xdf\xbf", 2, 0x7FF);
	check_decoded("\xe0\xa0\x80", 3, 0x800);
	check_decoded("\xef\xbf\xbd", 3, 0xFFFD);
	check_decoded("\xf0\x90\x80\x80", 4, 0x10000);
	check_decoded("\xf4\x8f\xbf\xbf", 4, 0x10FFFF);
}

Test(text, overlong_forms_surrogates_and_points_beyond_unicode_are_invalid)
{
	static const char *const invalid[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80",
		"\xfe",
		"\xff",
	};

	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
		check_decoded(invalid[i], 1, TEXT_INVALID);
}

Test(text, a_sequence_cut_by_the_end_is_invalid)
{
	check_decoded("\xc3", 1, TEXT_INVALID);
	check_decoded("\xe2\x82", 1, TEXT_INVALID);
	check_decoded("\xf0\x9f\x8e", 1, TEXT_INVALID);
	check_decoded("\xe2\x82z", 1, TEXT_INVALID);
}

/* ---- visible text -------------------------------------------------------------------------- */

Test(text, ordinary_text_is_not_changed)
{
	static const char *const ordinary[] = {"it adds #fast", "a \\ b", "日本語", "e\xcc\x81",
					       "naïve 🎉"};

	for (size_t i = 0; i < ARRAY_SIZE(ordinary); i++)
		expect_text(result(text_add_visible, ordinary[i]), ordinary[i]);
}

Test(text, controls_and_invalid_bytes_become_visible)
{
	expect_text(result(text_add_visible, "a\nb\tc\rd"), "a\\nb\\tc\\rd");
	expect_text(result(text_add_visible, "\033[31m\a\x7f"), "\\x1b[31m\\x07\\x7f");
	expect_text(result(text_add_visible, "\xc2\x9b"), "\\u{9b}");
	expect_text(result(text_add_visible, "\xff\xc3("), "\\xff\\xc3(");
	expect_text(result(text_add_visible, "\xe2\x80\xae"), "\\u{202e}");
	expect_text(result(text_add_visible, "\xe2\x80\xa8"), "\\u{2028}");
	expect_text(result(text_add_visible, "\xef\xbb\xbf"), "\\u{feff}");
	expect_text(result(text_add_visible, "\xf3\xa0\x80\x81"), "\\u{e0001}");
}

static void expect_safe(const char *s, const char *from)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len;) {
		uint32_t point;

		i += text_decode(s + i, len - i, &point);
		cr_expect(ne(u32, point, TEXT_INVALID), "%.40s", from);
		cr_expect(not(text_is_control(point)), "%.40s", from);
	}
}

Test(text, what_comes_out_is_valid_and_has_no_controls_for_every_byte)
{
	for (unsigned first = 1; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			char bytes[] = {(char)first, (char)second, 'x', 0};

			expect_safe(result(text_add_visible, bytes), bytes);
			expect_safe(result(text_add_folded_frame, bytes), bytes);
		}
	}
}

Test(text, the_middle_of_a_long_name_is_left_out_between_characters)
{
	char *name = malloc(100001), *shown;

	for (size_t i = 0; i < 99999; i += 3)
		memcpy(name + i, "\xe2\x82\xac", 3);
	name[99999] = 0;
	shown = result(add_folded, name);
	cr_expect(lt(sz, strlen(shown), TEXT_MAX_NAME + 8));
	cr_expect(strstr(shown, "…") != NULL);
	expect_safe(shown, "euros");
	free(name);
}

/* ---- folded -------------------------------------------------------------------------------- */

Test(text, a_folded_frame_has_no_separator_and_is_never_empty)
{
	expect_text(result(text_add_folded_frame, "a;b"), "a:b");
	expect_text(result(text_add_folded_frame, ""), "(unnamed)");
	expect_text(result(text_add_folded_frame, "outer"), "outer");
}

Test(text, a_number_at_the_end_of_a_folded_frame_is_put_in_parentheses)
{
	expect_text(result(text_add_folded_frame, "case 3 7"), "case 3 (7)");
	expect_text(result(text_add_folded_frame, "version 1.2.3"), "version (1.2.3)");
	expect_text(result(text_add_folded_frame, "ends in ."), "ends in (.)");
	expect_text(result(text_add_folded_frame, "utf8"), "utf8");
	expect_text(result(text_add_folded_frame, "42"), "42");
	expect_text(result(text_add_folded_frame, "it 3 (a.lua:4)"), "it 3 (a.lua:4)");
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* What a JSON parser makes of it. */
static void check_json(const char *s, const char *expected)
{
	char error[128] = "", *json = result(text_add_json, s);
	char *document = malloc(strlen(json) + 3);
	yajl_val root;

	sprintf(document, "[%s]", json);
	root = yajl_tree_parse(document, error, sizeof(error));
	cr_assert(root != NULL, "%s: %s", error, document);
	expect_text(root->u.array.values[0]->u.string, expected);
	yajl_tree_free(root);
	free(document);
}

Test(text, a_json_string_decodes_to_what_went_in)
{
	check_json("", "");
	check_json("say \"hi\" \\ back\n\t\r\b", "say \"hi\" \\ back\n\t\r\b");
	check_json("\033[2J\x7f", "\033[2J\x7f");
	check_json("\xc2\x9b 日本語 🎉", "\xc2\x9b 日本語 🎉");
	check_json("\xe2\x80\xae\xf3\xa0\x80\x81", "\xe2\x80\xae\xf3\xa0\x80\x81");
}

Test(text, bytes_that_are_not_utf_8_are_visible_in_json)
{
	check_json("a\xff", "a\\xff");
	check_json("\xed\xa0\x80", "\\xed\\xa0\\x80");
}

Test(text, a_json_string_can_be_looked_at_in_a_terminal)
{
	for (size_t i = 0; i < nr_hostile_names; i++)
		expect_safe(result(text_add_json, hostile_names[i]), hostile_names[i]);
	expect_text(result(text_add_json, "\xe2\x80\xae"), "\"\\u202e\"");
	expect_text(result(text_add_json, "\xf3\xa0\x80\x81"), "\"\\udb40\\udc01\"");
}

/* ---- columns ------------------------------------------------------------------------------- */

Test(text, width_counts_columns_and_not_bytes)
{
	cr_expect(eq(uint, text_width("abc"), 3));
	cr_expect(eq(uint, text_width("日本語"), 6));
	cr_expect(eq(uint, text_width("e\xcc\x81"), 1));
	cr_expect(eq(uint, text_width("🎉"), 2));
	cr_expect(eq(uint, text_width("…"), 1));
}

Test(text, what_is_too_wide_is_cut_where_asked)
{
	expect_text(columns("abcdef", 6, TEXT_CUT_END), "abcdef");
	expect_text(columns("abcdefg", 6, TEXT_CUT_END), "abcde…");
	expect_text(columns("abcdefg", 6, TEXT_CUT_START), "…cdefg");
	expect_text(columns("abcdefg", 6, TEXT_CUT_MIDDLE), "abc…fg");
	expect_text(columns("abc", 1, TEXT_CUT_MIDDLE), "…");
	expect_text(columns("abc", 0, TEXT_CUT_END), "");
	expect_text(columns("\n\n", 4, TEXT_CUT_END), "\\n\\n");
}

Test(text, nothing_is_ever_wider_than_asked)
{
	for (size_t i = 0; i < nr_hostile_names; i++)
		for (unsigned width = 0; width < 40; width++)
			for (int cut = TEXT_CUT_END; cut <= TEXT_CUT_START; cut++) {
				char *s = columns(hostile_names[i], width, (enum text_cut)cut);

				cr_expect(le(uint, text_width(s), width));
				expect_safe(s, hostile_names[i]);
			}
}

Test(text, a_flood_of_combining_marks_has_an_end)
{
	char *flood = malloc(100001);

	for (size_t i = 0; i < 100000; i += 2)
		memcpy(flood + i, "\xcc\x81", 2);
	flood[100000] = 0;
	cr_expect(lt(sz, strlen(columns(flood, 10, TEXT_CUT_END)), 5000));
	free(flood);
}

/* ---- Markdown ------------------------------------------------------------------------------ */

Test(text, markdown_cells_hold_no_markup)
{
	expect_text(result(text_add_markdown, "a | b"), "a \\| b");
	expect_text(result(text_add_markdown, "*x* _y_ `z` ~q~"),
		    "\\*x\\* \\_y\\_ \\`z\\` \\~q\\~");
	expect_text(result(text_add_markdown, "<b>&amp;"), "\\<b\\>&#38;amp;");
	expect_text(result(text_add_markdown, "@who #12"), "&#64;who &#35;12");
	expect_text(result(text_add_markdown, "two\nlines"), "two\\\\nlines");
	expect_text(result(text_add_markdown, "[l](http://x)"), "\\[l\\](http://x)");
}
