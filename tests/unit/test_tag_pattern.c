/* SPDX-License-Identifier: MIT */
/* Patterns of tags: what is accepted, and that Lua's mean what lua5.4 says they do. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "release/tag_pattern.h"

#define SEED	    20261120
#define NR_PATTERNS 3000

Test(tag_pattern, without_a_percent_sign_it_is_a_regular_expression)
{
	cr_expect(tag_pattern_matches("slow-io", "very-slow-io"));
	cr_expect(tag_pattern_matches("^(fast|slow)$", "fast"));
	cr_expect(not(tag_pattern_matches("^(fast|slow)$", "faster")));
	cr_expect(tag_pattern_matches(".*", ""));
	cr_expect(not(tag_pattern_matches("(", "(")));
}

Test(tag_pattern, what_is_not_known_of_lua_is_said)
{
	static const char *const cases[][2] = {
		{"%b()", "%b of Lua patterns is not known here"},
		{"%f[%w]x", "%f of Lua patterns is not known here"},
		{"%a%1", "%1 of Lua patterns is not known here"},
		{"(%a)", "captures of Lua patterns are not known here"},
		{"x%", "it ends in %"},
		{"[%a", "a set lacks its ]"},
		{"[%", "a set lacks its ]"},
		{"[^]%a", "a set lacks its ]"},
	};
	char why[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_expect(lt(int, tag_pattern_check(cases[i][0], why, sizeof(why)), 0), "%s",
			  cases[i][0]);
		cr_expect_str_eq(why, cases[i][1]);
		cr_expect(not(tag_pattern_matches(cases[i][0], "x")));
	}
}

/* Many quantifiers over one long text. */
Test(tag_pattern, backtracking_has_an_end, .timeout = 10)
{
	char text[4096];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	cr_expect(not(tag_pattern_matches("%a*%a*%a*%a*%a*%a*%a*%a*b", text)));
}

static const char *const pieces[] = {"a",  "%a", "%d", "%W", ".",     "[a-c]", "[^%d]", "[]x]",
				     "%-", "$",	 "^",  "%.", "[%w_]", "%S",    "b"};
static const char *const quantifiers[] = {"", "", "", "*", "+", "-", "?"};
static const char *const texts[] = {"",	   "a",	    "abc", "slow-io", "a1b2", "x]y",
				    "_a_", "1.2.3", "^a$", "bbb",     "Ab-c"};

static unsigned roll(unsigned *state, unsigned sides)
{
	*state = *state * 1103515245U + 12345U;
	return (*state >> 16) % sides;
}

/* One of Lua, whatever came of it: with a % in it. */
static void make_pattern(unsigned *state, char *ret, size_t size)
{
	unsigned nr = 1 + roll(state, 4);

	snprintf(ret, size, "%s", roll(state, 4) ? "" : "^");
	for (unsigned i = 0; i < nr; i++) {
		const char *piece = pieces[roll(state, ARRAY_SIZE(pieces))];
		const char *quantifier = quantifiers[roll(state, ARRAY_SIZE(quantifiers))];

		snprintf(ret + strlen(ret), size - strlen(ret), "%s%s", piece, quantifier);
	}
	snprintf(ret + strlen(ret), size - strlen(ret), "%s%s", "%w*", roll(state, 2) ? "" : "$");
}

/* One character for each: 1 = found. */
static struct text ask_lua(void)
{
	char *directory = directory_make(), *script = path_join(directory, "s.lua");
	FILE *file = fopen(script, "w");
	unsigned state = SEED;
	struct text said;
	struct run run;

	for (unsigned i = 0; i < NR_PATTERNS; i++) {
		char pattern[64];

		make_pattern(&state, pattern, sizeof(pattern));
		fprintf(file, "io.write(string.find([==[%s]==], [==[%s]==]) and 1 or 0)\n",
			texts[i % ARRAY_SIZE(texts)], pattern);
	}
	fclose(file);
	run_command(NULL, NULL, (const char *const[]){"lua5.4", script, NULL}, &run);
	said = run.out;
	run.out = (struct text){0};
	run_done(&run);
	free(script);
	directory_remove(directory);
	return said;
}

Test(tag_pattern, lua_s_mean_what_lua_says, .timeout = 60)
{
	unsigned state = SEED, nr_found = 0;
	struct text said;

	if (!program_exists("lua5.4"))
		cr_skip_test("lua5.4 is not installed");
	said = ask_lua();
	cr_assert(eq(sz, said.len, NR_PATTERNS));
	for (unsigned i = 0; i < NR_PATTERNS; i++) {
		const char *text = texts[i % ARRAY_SIZE(texts)];
		char pattern[64];

		make_pattern(&state, pattern, sizeof(pattern));
		cr_expect(tag_pattern_matches(pattern, text) == (said.data[i] == '1'),
			  "'%s' in '%s': lua says %c", pattern, text, said.data[i]);
		nr_found += said.data[i] == '1';
	}
	cr_expect(gt(uint, nr_found, NR_PATTERNS / 10));
	cr_expect(lt(uint, nr_found, NR_PATTERNS - NR_PATTERNS / 10));
	text_done(&said);
}
