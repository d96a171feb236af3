/* SPDX-License-Identifier: MIT */
/*
 * Tags of releases.
 *
 * Source: semver.org 2.0.0, clause 11, for prereleases. Beyond it: a fourth part, as people use it
 * for packaging fixes, and leading zeros, as calendar versions have them.
 */
#include "history.h"

#include <errno.h>
#include <string.h>

#define MAX_DIGITS 18 /* of a part: fits into 64 bits */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_of_identifier(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/* Moves *at behind the digits. */
static bool number_parse(const char **at, uint64_t *ret)
{
	const char *start = *at;

	*ret = 0;
	while (is_digit(**at) && *at - start < MAX_DIGITS)
		*ret = *ret * 10 + (uint64_t)(*(*at)++ - '0');
	return *at > start && !is_digit(**at);
}

static bool prerelease_is_valid(const char *text)
{
	bool fresh = true; /* an identifier must not be empty */

	for (; *text; text++) {
		if (*text == '.' ? fresh : !is_of_identifier(*text))
			return false;
		fresh = *text == '.';
	}
	return !fresh;
}

int release_parse(const char *text, struct release *ret)
{
	struct release r = {.nr_parts = 0};
	size_t length = strlen(text);
	const char *at = text + (*text == 'v');

	if (length >= sizeof(r.text))
		return -EINVAL;
	do {
		if (r.nr_parts == RELEASE_MAX_PARTS || !number_parse(&at, &r.parts[r.nr_parts++]))
			return -EINVAL;
	} while (*at == '.' && *++at);
	if (r.nr_parts < 3 || at[-1] == '.' ||
	    (*at && (*at != '-' || !prerelease_is_valid(at + 1))))
		return -EINVAL;
	memcpy(r.text, text, length + 1);
	r.prerelease = *at ? (unsigned)(at + 1 - text) : 0;
	*ret = r;
	return 0;
}

bool release_is_stable(const struct release *r)
{
	return r->nr_parts > 0 && !r->prerelease;
}

/* ---- order --------------------------------------------------------------------------------- */

static int compare_lengths(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static size_t skip_zeros(const char *text, size_t length)
{
	size_t zeros = 0;

	while (zeros + 1 < length && text[zeros] == '0')
		zeros++;
	return zeros;
}

static bool is_number(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_digit(text[i]))
			return false;
	return length > 0;
}

static int compare_bytes(const char *a, size_t nr_a, const char *b, size_t nr_b)
{
	int order = memcmp(a, b, nr_a < nr_b ? nr_a : nr_b);

	return order ? order : compare_lengths(nr_a, nr_b);
}

/* Numbers of any length by value, and before words; words by their bytes. */
static int compare_identifiers(const char *a, size_t nr_a, const char *b, size_t nr_b)
{
	bool number_a = is_number(a, nr_a), number_b = is_number(b, nr_b);
	size_t zeros_a, zeros_b;

	if (number_a != number_b)
		return number_a ? -1 : 1;
	if (!number_a)
		return compare_bytes(a, nr_a, b, nr_b);
	zeros_a = skip_zeros(a, nr_a);
	zeros_b = skip_zeros(b, nr_b);
	if (nr_a - zeros_a != nr_b - zeros_b)
		return compare_lengths(nr_a - zeros_a, nr_b - zeros_b);
	return memcmp(a + zeros_a, b + zeros_b, nr_a - zeros_a);
}

static int compare_prereleases(const char *a, const char *b)
{
	while (*a && *b) {
		size_t nr_a = strcspn(a, "."), nr_b = strcspn(b, ".");
		int order = compare_identifiers(a, nr_a, b, nr_b);

		if (order)
			return order;
		a += nr_a + (a[nr_a] == '.');
		b += nr_b + (b[nr_b] == '.');
	}
	return (*a != 0) - (*b != 0);
}

int release_rank(const struct release *a, const struct release *b)
{
	if (!a->nr_parts || !b->nr_parts)
		return (a->nr_parts != 0) - (b->nr_parts != 0);
	for (size_t i = 0; i < RELEASE_MAX_PARTS; i++)
		if (a->parts[i] != b->parts[i])
			return a->parts[i] > b->parts[i] ? 1 : -1;
	if (!a->prerelease || !b->prerelease)
		return (b->prerelease != 0) - (a->prerelease != 0);
	return compare_prereleases(a->text + a->prerelease, b->text + b->prerelease);
}

int release_compare(const struct release *a, const struct release *b)
{
	int order = release_rank(a, b);

	return order ? order : strcmp(a->text, b->text);
}
