/* SPDX-License-Identifier: MIT */
/* Source of Lua's meaning: the reference manual of 5.4, 6.4.1, and lstrlib.c's do_match(). */
#include "tag_pattern.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#define MAX_STEPS 1000000 /* of backtracking */

static bool is_of_lua(const char *pattern)
{
	return strchr(pattern, '%') != NULL;
}

/* ---- Lua: what is accepted ----------------------------------------------------------------- */

static const char *escape_end(const char *p, char *why, size_t size)
{
	if (p[1] && !strchr("bf", p[1]) && !isdigit((unsigned char)p[1]))
		return p + 2;
	if (p[1])
		snprintf(why, size, "%%%c of Lua patterns is not known here", p[1]);
	else
		snprintf(why, size, "it ends in %%");
	return NULL;
}

/* The end of the single character class at @p, or NULL with a sentence. */
static const char *class_end(const char *p, char *why, size_t size)
{
	if (*p == '%')
		return escape_end(p, why, size);
	if (*p != '[')
		return p + 1;
	p += 1 + (p[1] == '^');
	do { /* a ']' that comes first is a character */
		if (*p == '%' && p[1])
			p++;
		if (!*p++) {
			snprintf(why, size, "a set lacks its ]");
			return NULL;
		}
	} while (*p != ']');
	return p + 1;
}

static int lua_check(const char *p, char *why, size_t size)
{
	p += *p == '^';
	while (*p) {
		if (*p == '(' || *p == ')') {
			snprintf(why, size, "captures of Lua patterns are not known here");
			return -EINVAL;
		}
		p = class_end(p, why, size);
		if (!p)
			return -EINVAL;
		if (*p && strchr("*+-?", *p))
			p++;
	}
	return 0;
}

/* ---- Lua: matching ------------------------------------------------------------------------- */

struct match {
	const char *end; /* of the text */
	unsigned steps;
};

static bool letter_has(char lower, int c, bool *ret)
{
	static const struct {
		char letter;
		int (*is)(int c);
	} classes[] = {{'a', isalpha}, {'c', iscntrl}, {'d', isdigit}, {'g', isgraph},
		       {'l', islower}, {'p', ispunct}, {'s', isspace}, {'u', isupper},
		       {'w', isalnum}, {'x', isxdigit}};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (classes[i].letter == lower) {
			*ret = c < 128 && classes[i].is(c);
			return true;
		}
	return false;
}

/* As in the C locale, in which interpreters usually run. */
static bool class_has(char letter, unsigned char c)
{
	bool has;

	if (!letter_has((char)tolower((unsigned char)letter), c, &has))
		return (unsigned char)letter == c;
	return isupper((unsigned char)letter) ? !has : has;
}

/* @p: "[...]", @end: its ']' */
static bool set_has(const char *p, const char *end, unsigned char c)
{
	bool negated = p[1] == '^';

	for (p += 1 + negated; p < end; p++) {
		if (*p == '%' && p + 1 < end) {
			if (class_has(*++p, c))
				return !negated;
		} else if (p[1] == '-' && p + 2 < end) {
			if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
				return !negated;
			p += 2;
		} else if ((unsigned char)*p == c) {
			return !negated;
		}
	}
	return negated;
}

static bool one_matches(const struct match *m, const char *s, const char *p, const char *p_end)
{
	unsigned char c = (unsigned char)*s;

	if (s >= m->end)
		return false;
	switch (*p) {
	case '.':
		return true;
	case '%':
		return class_has(p[1], c);
	case '[':
		return set_has(p, p_end - 1, c);
	default:
		return (unsigned char)*p == c;
	}
}

/* It calls itself once for each quantifier of the pattern at most. */
static bool match_here(struct match *m, const char *s, const char *p);

/* As many as there are, then fewer. */
static bool match_most(struct match *m, const char *s, const char *p, const char *p_end)
{
	size_t i = 0;

	while (one_matches(m, s + i, p, p_end))
		i++;
	do {
		if (match_here(m, s + i, p_end + 1))
			return true;
	} while (i-- > 0 && m->steps < MAX_STEPS);
	return false;
}

static bool match_least(struct match *m, const char *s, const char *p, const char *p_end)
{
	while (m->steps < MAX_STEPS) {
		if (match_here(m, s, p_end + 1))
			return true;
		if (!one_matches(m, s, p, p_end))
			return false;
		s++;
	}
	return false;
}

static bool match_here(struct match *m, const char *s, const char *p)
{
	char unused[64];

	while (*p && m->steps++ < MAX_STEPS) {
		const char *p_end = class_end(p, unused, sizeof(unused));

		if (*p == '$' && !p[1])
			return s == m->end;
		if (*p_end == '*')
			return match_most(m, s, p, p_end);
		if (*p_end == '+')
			return one_matches(m, s, p, p_end) && match_most(m, s + 1, p, p_end);
		if (*p_end == '-')
			return match_least(m, s, p, p_end);
		if (*p_end == '?') {
			if (one_matches(m, s, p, p_end) && match_here(m, s + 1, p_end + 1))
				return true;
			p = p_end + 1;
			continue;
		}
		if (!one_matches(m, s, p, p_end))
			return false;
		s++;
		p = p_end;
	}
	return !*p;
}

static bool lua_matches(const char *pattern, const char *text)
{
	struct match m = {.end = text + strlen(text)};
	bool anchored = *pattern == '^';
	char unused[64];

	if (lua_check(pattern, unused, sizeof(unused)) < 0)
		return false;
	for (const char *s = text; s <= m.end && m.steps < MAX_STEPS; s++) {
		if (match_here(&m, s, pattern + anchored))
			return true;
		if (anchored)
			return false;
	}
	return false;
}

/* ---- both ---------------------------------------------------------------------------------- */

int tag_pattern_check(const char *pattern, char *why, size_t size)
{
	regex_t regex;
	int r;

	if (is_of_lua(pattern))
		return lua_check(pattern, why, size);
	r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		regfree(&regex);
	else
		regerror(r, &regex, why, size);
	return r == 0 ? 0 : -EINVAL;
}

bool tag_pattern_matches(const char *pattern, const char *text)
{
	regex_t regex;
	bool found;

	if (is_of_lua(pattern))
		return lua_matches(pattern, text);
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}
