/* SPDX-License-Identifier: MIT */
/* Globs, frame filters and the text of frames. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "base.h"
#include "glob.h"
#include "tally.h"
#include "text.h"
#include "view.h"

static void expect_text(const char *text, const char *expected)
{
	cr_expect(eq(str, (char *)text, (char *)expected));
}

/* ---- globs --------------------------------------------------------------------------------- */

Test(output_view, a_glob_is_anchored_at_both_ends)
{
	cr_expect(glob_match("burn", "burn"));
	cr_expect(not(glob_match("burn", "burner")));
	cr_expect(not(glob_match("burn", "sunburn")));
	cr_expect(glob_match("*burn*", "sunburned"));
	cr_expect(glob_match("*", ""));
	cr_expect(glob_match("", ""));
	cr_expect(not(glob_match("", "x")));
}

Test(output_view, a_dot_is_a_dot_or_a_slash_and_nothing_else_is_special)
{
	cr_expect(glob_match("pl.path", "pl.path"));
	cr_expect(glob_match("pl.path", "pl/path"));
	cr_expect(not(glob_match("pl.path", "pl_path")));
	cr_expect(not(glob_match("pl/path", "pl.path")));
	cr_expect(glob_match("[gc]", "[gc]"));
	cr_expect(not(glob_match("[gc]", "g")));
	cr_expect(not(glob_match("a?c", "abc")));
}

Test(output_view, stars_try_every_place)
{
	cr_expect(glob_match("a*b*c", "a-b-b-c"));
	cr_expect(not(glob_match("a*b*c", "a-b-b-")));
	cr_expect(glob_match("**a", "bba"));
	cr_expect(glob_match("string.*", "string.gsub"));
}

Test(output_view, a_glob_of_many_stars_ends_soon, .timeout = 2)
{
	char text[5001];

	memset(text, 'a', 5000);
	text[5000] = 0;
	cr_expect(not(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*b", text)));
}

Test(output_view, a_file_matches_from_any_component_with_or_without_its_ending)
{
	const char *file = "/usr/share/lua/5.1/pl/path.lua";

	cr_expect(glob_match_file("pl.path", file));
	cr_expect(glob_match_file("pl.*", file));
	cr_expect(glob_match_file("path.lua", file));
	cr_expect(glob_match_file("/usr/share/*", file));
	cr_expect(not(glob_match_file("l.path", file)));
	cr_expect(not(glob_match_file("pl", file)));
	cr_expect(glob_match_file("busted", "/usr/share/lua/5.1/busted/init.lua"));
	cr_expect(glob_match_file("spec.a_spec", "./spec/a_spec.lua"));
	cr_expect(not(glob_match_file("x", "")));
}

/* ---- stacks -------------------------------------------------------------------------------- */

enum { MAIN, RUN, EXECUTE, BODY, GSUB, BUSTED_MARKER, STRIPPED };

static struct function functions[] = {
	[MAIN] = {"main chunk",
		  "spec/a.lua",
		  0,
		  FUNCTION_MAIN_CHUNK,
		  false,
		  0,
		  0,
		  NULL,
		  0,
		  {0},
		  0,
		  0},
	[RUN] = {"run", "/x/busted/core.lua", 3, FUNCTION_LUA, true, 0, 0, NULL, 0, {0}, 0, 0},
	[EXECUTE] =
		{"execute", "/x/busted/block.lua", 9, FUNCTION_LUA, true, 0, 0, NULL, 0, {0}, 0, 0},
	[BODY] = {"body", "spec/a.lua", 5, FUNCTION_LUA, false, 0, 0, NULL, 0, {0}, 0, 0},
	[GSUB] = {"string.gsub", "", 0, FUNCTION_C, false, 0, 0, NULL, 0, {0}, 0, 0},
	[BUSTED_MARKER] = {"[busted]", "", 0, FUNCTION_MARKER, false, 0, 0, NULL, 0, {0}, 0, 0},
	[STRIPPED] = {"<anonymous>", "?", 0, FUNCTION_LUA, false, 0, 0, NULL, 0, {0}, 0, 0},
};

static struct profile profile = {.functions = functions, .nr_functions = ARRAY_SIZE(functions)};

/* The text of a stack, frames joined by " > ". */
static char *shown(const struct output_opts *o, const struct stack_frame *frames, size_t nr)
{
	static struct buf b;
	struct profile_stack stack = {.frames = frames, .nr_frames = nr};
	struct view_stack view_of_stack;
	struct view v;

	buf_done(&b);
	buf_init(&b, TEXT_MAX_BUFFER);
	cr_assert(eq(int, view_init(&v, &profile, o), 0));
	cr_assert(eq(int, view_stack(&v, &stack, &view_of_stack), 0));
	for (size_t i = 0; i < view_of_stack.nr; i++) {
		cr_assert(eq(int, i > 0 ? buf_addstr(&b, " > ") : 0, 0));
		cr_assert(eq(int, view_add_text(&v, &view_of_stack.frames[i], VIEW_PLAIN, &b), 0));
	}
	view_done(&v);
	return b.data ? b.data : (char *)"";
}

#define SHOWN(opts, ...)                                                                           \
	shown(opts, (struct stack_frame[]){__VA_ARGS__},                                           \
	      ARRAY_SIZE(((struct stack_frame[]){__VA_ARGS__})))

Test(output_view, frames_of_the_framework_in_a_row_become_one)
{
	struct output_opts o = {0};

	expect_text(SHOWN(&o, {RUN, 4, 0}, {EXECUTE, 10, 0}, {BUSTED_MARKER, 0, 0}, {BODY, 6, 0},
			  {RUN, 5, 0}),
		    "[busted] > body (spec/a.lua:5) > [busted]");
}

Test(output_view, frames_of_the_framework_are_shown_on_request)
{
	struct output_opts o = {.include_framework = true};

	expect_text(SHOWN(&o, {RUN, 4, 0}, {BODY, 6, 0}),
		    "run (/x/busted/core.lua:3) > body (spec/a.lua:5)");
}

Test(output_view, ignored_frames_disappear_even_between_frames_of_the_framework)
{
	const char *globs[] = {"body", NULL};
	struct output_opts o = {.ignore = globs};

	expect_text(SHOWN(&o, {RUN, 4, 0}, {BODY, 6, 0}, {EXECUTE, 1, 0}, {GSUB, 0, 0}),
		    "[busted] > string.gsub [C]");
}

Test(output_view, only_what_is_asked_for_stays_and_ignore_wins)
{
	const char *only[] = {"spec.*", "string.*", NULL}, *ignore[] = {"body", NULL};
	struct output_opts o = {.only = only};

	expect_text(SHOWN(&o, {RUN, 4, 0}, {BODY, 6, 0}, {GSUB, 0, 0}),
		    "body (spec/a.lua:5) > string.gsub [C]");
	o.ignore = ignore;
	expect_text(SHOWN(&o, {RUN, 4, 0}, {BODY, 6, 0}, {GSUB, 0, 0}), "string.gsub [C]");
}

Test(output_view, lines_are_current_ones_and_an_unknown_one_is_not_claimed)
{
	struct output_opts o = {.lines = true};

	expect_text(SHOWN(&o, {MAIN, 2, 0}, {BODY, 6, STACK_FRAME_TRACE}, {BODY, 0, 0}),
		    "main chunk (spec/a.lua:2) > body (spec/a.lua:6)_[j] > body (spec/a.lua:?)");
}

Test(output_view, no_line_is_claimed_for_a_function_that_has_none)
{
	struct output_opts o = {0};

	expect_text(SHOWN(&o, {MAIN, 2, 0}, {STRIPPED, 0, 0}),
		    "main chunk (spec/a.lua) > <anonymous> (?)");
}

/* ---- tallies ------------------------------------------------------------------------------- */

Test(output_view, recursion_counts_once_and_callers_are_of_the_innermost_frame)
{
	struct stack_frame deep[] = {{MAIN, 1, 0}, {BODY, 5, 0}, {BODY, 5, 0}, {BODY, 5, 0}};
	struct stack_frame flat[] = {{MAIN, 1, 0}, {GSUB, 0, 0}};
	struct profile_stack stacks[] = {
		{.frames = deep, .nr_frames = 4, .samples = 7},
		{.frames = flat, .nr_frames = 2, .samples = 2},
		{.frames = flat, .nr_frames = 1, .samples = 1},
	};
	struct profile p = profile;
	struct output_opts o = {0};
	struct tally t;
	struct view v;

	p.stacks = stacks;
	p.nr_stacks = 3;
	cr_assert(eq(int, view_init(&v, &p, &o), 0));
	cr_assert(eq(int, tally_compute(&t, &v), 0));
	cr_expect(eq(u64, t.samples, 10));
	cr_assert(eq(sz, t.nr_functions, 3));
	cr_expect(eq(u32, t.functions[0].function, BODY));
	cr_expect(eq(u64, t.functions[0].self, 7));
	cr_expect(eq(u64, t.functions[0].total, 7));
	cr_expect(eq(u32, t.functions[2].function, MAIN));
	cr_expect(eq(u64, t.functions[2].total, 10));
	cr_assert(eq(sz, t.nr_callers, 3));
	cr_expect(eq(u32, t.callers[0].function, MAIN));
	cr_expect(eq(u32, t.callers[0].caller, TALLY_NO_CALLER));
	cr_expect(eq(u32, t.callers[1].caller, BODY));
	cr_expect(eq(u32, t.callers[2].caller, MAIN));
	tally_done(&t);
	view_done(&v);
}
