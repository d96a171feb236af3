/* SPDX-License-Identifier: MIT */
/*
 * Reads one announcement. The unbounded parts come last, so a text that was cut loses the end of a
 * name and nothing else.
 */
#include "announcement.h"

#include <string.h>

/* Up to the next tab, which is consumed. Without one: all that is left. */
static struct part take_field(struct part *rest)
{
	const char *tab = rest->len ? memchr(rest->at, '\t', rest->len) : NULL;
	struct part field = {rest->at, tab ? (size_t)(tab - rest->at) : rest->len};
	size_t consumed = field.len + (tab != NULL);

	rest->at += consumed;
	rest->len -= consumed;
	return field;
}

/* Digits, possibly with a sign and a fraction (Lua numbers); what does not fit is 0. */
static int32_t to_number(struct part field)
{
	bool negative = field.len && field.at[0] == '-';
	int64_t value = 0;

	for (size_t i = negative; i < field.len && value <= INT32_MAX; i++) {
		if (field.at[i] < '0' || field.at[i] > '9')
			break;
		value = value * 10 + (field.at[i] - '0');
	}
	if (value > INT32_MAX)
		return 0;
	return (int32_t)(negative ? -value : value);
}

static void parse_scope(struct part rest, struct announcement *ret)
{
	int32_t depth = to_number(take_field(&rest));
	int32_t source_len;

	ret->depth = depth > 0 ? (uint32_t)depth : 0;
	ret->descriptor = take_field(&rest);
	ret->line = to_number(take_field(&rest));
	source_len = to_number(take_field(&rest));
	if (source_len < 0)
		source_len = 0;
	ret->source = rest;
	if ((size_t)source_len < rest.len)
		ret->source.len = (size_t)source_len;
	rest.at += ret->source.len;
	rest.len -= ret->source.len;
	if (rest.len && rest.at[0] == '=')
		ret->name = (struct part){rest.at + 1, rest.len - 1};
}

void announcement_parse(const char *text, size_t len, struct announcement *ret)
{
	struct part rest = {text, len};

	*ret = (struct announcement){.kind = ANNOUNCE_UNKNOWN};
	if (!len)
		return;
	rest.at++;
	rest.len--;
	switch (text[0]) {
	case 'n':
		ret->kind = ANNOUNCE_SCOPE;
		parse_scope(rest, ret);
		break;
	case '+':
		ret->kind = ANNOUNCE_BODY;
		break;
	case '-':
		ret->kind = ANNOUNCE_CLOSE;
		if (rest.len)
			ret->letter = rest.at[0];
		break;
	case 's':
		ret->kind = ANNOUNCE_SUITE_START;
		break;
	case 'e':
		ret->kind = ANNOUNCE_SUITE_END;
		break;
	case 'r':
		ret->kind = ANNOUNCE_SUITE_RESET;
		break;
	case 'S':
		ret->kind = ANNOUNCE_SUITE_NESTED;
		break;
	case 'x':
		ret->kind = ANNOUNCE_ERROR;
		break;
	}
}
