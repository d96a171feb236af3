/* SPDX-License-Identifier: MIT */
/*
 * Numbers as text.
 *
 * Invariant: no floating point, so that a recording gives the same bytes everywhere.
 */
#include "number.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include <bprof/profile.h>

typedef unsigned __int128 wide;

static struct number unknown_number(void)
{
	return (struct number){.text = "-"};
}

struct number number_count(uint64_t n)
{
	char digits[20]; /* of UINT64_MAX, from the last one on */
	struct number number;
	size_t nr = 0;

	if (n == PROFILE_UNKNOWN)
		return unknown_number();
	do
		digits[nr++] = (char)('0' + n % 10);
	while (n /= 10);
	number.text[nr] = 0;
	for (size_t i = 0; nr > 0; i++)
		number.text[i] = digits[--nr];
	return number;
}

/* ---- units ---------------------------------------------------------------------------------- */

struct unit {
	const char *name;
	uint64_t size;
	uint64_t limit; /* this unit is used below it */
};

/* @n in @unit with three digits. */
static void print_scaled(struct number *ret, const char *mark, uint64_t n, const struct unit *unit)
{
	uint64_t hundredths = (uint64_t)(((wide)n * 100 + unit->size / 2) / unit->size);
	uint64_t tenths = (uint64_t)(((wide)n * 10 + unit->size / 2) / unit->size);
	uint64_t ones = (uint64_t)(((wide)n + unit->size / 2) / unit->size);

	if (hundredths < 1000)
		snprintf(ret->text, sizeof(ret->text), "%s%" PRIu64 ".%02" PRIu64 " %s", mark,
			 hundredths / 100, hundredths % 100, unit->name);
	else if (tenths < 1000)
		snprintf(ret->text, sizeof(ret->text), "%s%" PRIu64 ".%" PRIu64 " %s", mark,
			 tenths / 10, tenths % 10, unit->name);
	else
		snprintf(ret->text, sizeof(ret->text), "%s%" PRIu64 " %s", mark, ones, unit->name);
}

/* ---- large counts -------------------------------------------------------------------------- */

static struct number scaled(uint64_t n, const struct unit *units, size_t nr)
{
	struct number number;
	size_t i = 0;

	while (i + 1 < nr && n >= units[i].limit)
		i++;
	print_scaled(&number, "", n, &units[i]);
	return number;
}

struct number number_scaled(uint64_t n)
{
	static const struct unit letters[] = {
		{"k", 1000, 999500},
		{"M", 1000000, 999500000},
		{"G", 1000000000, 999500000000},
		{"T", 1000000000000, UINT64_MAX},
	};

	return n == PROFILE_UNKNOWN || n < 1000 ? number_count(n)
						: scaled(n, letters, ARRAY_SIZE(letters));
}

/* ---- durations ----------------------------------------------------------------------------- */

#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)

/* A limit is where three digits would round up to the next unit. */
static const struct unit units[] = {
	{"us", 1000, 999500},	       {"ms", 1000000, 999500000},     {"s", SECOND, 10 * MINUTE},
	{"min", MINUTE, 100 * MINUTE}, {"h", 60 * MINUTE, UINT64_MAX},
};

static struct number duration(const char *mark, uint64_t ns)
{
	struct number number;
	size_t i = 0;

	if (ns == PROFILE_UNKNOWN)
		return unknown_number();
	if (ns < 1000) {
		snprintf(number.text, sizeof(number.text), "%s%" PRIu64 " ns", mark, ns);
		return number;
	}
	while (i + 1 < ARRAY_SIZE(units) && ns >= units[i].limit)
		i++;
	print_scaled(&number, mark, ns, &units[i]);
	return number;
}

struct number number_duration(uint64_t ns)
{
	return duration("", ns);
}

struct number number_estimate(uint64_t ns)
{
	return duration("~", ns);
}

struct number number_share(uint64_t part, uint64_t whole)
{
	struct number number;
	uint64_t tenths;

	if (part == PROFILE_UNKNOWN || whole == PROFILE_UNKNOWN || whole == 0)
		return unknown_number();
	tenths = (uint64_t)(((wide)part * 1000 + whole / 2) / whole);
	snprintf(number.text, sizeof(number.text), "%" PRIu64 ".%" PRIu64 " %%", tenths / 10,
		 tenths % 10);
	return number;
}

/* ---- files --------------------------------------------------------------------------------- */

struct number number_micros(uint64_t ns)
{
	struct number number;

	snprintf(number.text, sizeof(number.text), "%" PRIu64 ".%03" PRIu64, ns / 1000, ns % 1000);
	return number;
}

struct number number_thousandths(uint64_t n)
{
	struct number number = number_micros(n);
	int decimals = n % 10 ? 3 : n % 100 ? 2 : n % 1000 ? 1 : 0;

	if (decimals == 0)
		snprintf(number.text, sizeof(number.text), "%" PRIu64, n / 1000);
	else
		snprintf(number.text, sizeof(number.text), "%" PRIu64 ".%0*" PRIu64, n / 1000,
			 decimals,
			 n % 1000 /
				 (decimals == 1	  ? 100
				  : decimals == 2 ? 10
						  : 1));
	return number;
}

struct number number_time(uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / SECOND);
	unsigned millis = (unsigned)(realtime_ns % SECOND / 1000000);
	struct number number = {.text = ""};
	struct tm utc;
	size_t len;

	if (!gmtime_r(&seconds, &utc))
		return number;
	len = strftime(number.text, sizeof(number.text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(number.text + len, sizeof(number.text) - len, ".%03uZ", millis);
	return number;
}
