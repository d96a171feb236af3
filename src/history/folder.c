/* SPDX-License-Identifier: MIT */
/*
 * Names of folders.
 *
 * Invariant: a name made here has only [A-Za-z0-9._-], does not begin with a dot, and is shorter
 * than FOLDER_MAX_TEXT; so it is one component of a path, whatever it was made from.
 */
#include "history.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DATE_LENGTH 10 /* YYYY_MM_DD */
#define TIME_LENGTH 9  /* -HH_MM_SS */
#define ID_LENGTH   36
#define NS_PER_S    1000000000U

/* ---- dates --------------------------------------------------------------------------------- */

struct history_date history_date_of(uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	struct tm tm = {0};

	gmtime_r(&seconds, &tm);
	return (struct history_date){
		.year = (uint16_t)(tm.tm_year + 1900),
		.month = (uint8_t)(tm.tm_mon + 1),
		.day = (uint8_t)tm.tm_mday,
		.hour = (uint8_t)tm.tm_hour,
		.minute = (uint8_t)tm.tm_min,
		.second = (uint8_t)tm.tm_sec,
		.has_time = true,
	};
}

int history_date_compare(const struct history_date *a, const struct history_date *b)
{
	const int left[] = {a->year, a->month, a->day, a->hour, a->minute, a->second, a->has_time};
	const int right[] = {b->year, b->month, b->day, b->hour, b->minute, b->second, b->has_time};

	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (left[i] != right[i])
			return left[i] > right[i] ? 1 : -1;
	return 0;
}

static bool digits_parse(const char *text, size_t nr, unsigned least, unsigned most, unsigned *ret)
{
	*ret = 0;
	for (size_t i = 0; i < nr; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ret = *ret * 10 + (unsigned)(text[i] - '0');
	}
	return *ret >= least && *ret <= most;
}

static unsigned days_of(unsigned year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/* YYYY?MM?DD with @separator; reads DATE_LENGTH bytes, which the caller knows to be there. */
static bool day_parse(const char *text, char separator, struct history_date *ret)
{
	unsigned year, month, day;

	if (text[4] != separator || text[7] != separator ||
	    !digits_parse(text, 4, 1, 9999, &year) || !digits_parse(text + 5, 2, 1, 12, &month) ||
	    !digits_parse(text + 8, 2, 1, days_of(year, month), &day))
		return false;
	*ret = (struct history_date){
		.year = (uint16_t)year, .month = (uint8_t)month, .day = (uint8_t)day};
	return true;
}

/* -HH_MM_SS */
static bool time_parse(const char *text, struct history_date *ret)
{
	unsigned hour, minute, second;

	if (text[0] != '-' || text[3] != '_' || text[6] != '_' ||
	    !digits_parse(text + 1, 2, 0, 23, &hour) ||
	    !digits_parse(text + 4, 2, 0, 59, &minute) ||
	    !digits_parse(text + 7, 2, 0, 60, &second))
		return false;
	ret->hour = (uint8_t)hour;
	ret->minute = (uint8_t)minute;
	ret->second = (uint8_t)second;
	ret->has_time = true;
	return true;
}

/* A date, perhaps with a time, at the start of @text. @return: its length, 0 = none. */
static size_t date_at_start(const char *text, struct history_date *ret)
{
	size_t length = strlen(text);

	if (length < DATE_LENGTH || !day_parse(text, '_', ret))
		return 0;
	if (length >= DATE_LENGTH + TIME_LENGTH && time_parse(text + DATE_LENGTH, ret))
		return DATE_LENGTH + TIME_LENGTH;
	return DATE_LENGTH;
}

/* ---- names in artifacts/ ------------------------------------------------------------------- */

/* Prereleases have no '_', so a date at the end is none of theirs. */
static int parse_date_last(const char *name, struct history_folder *f)
{
	size_t length = strlen(name);

	for (size_t tail = DATE_LENGTH + TIME_LENGTH + 1;; tail = DATE_LENGTH + 1) {
		char tag[FOLDER_MAX_TEXT];

		if (length > tail && name[length - tail] == '-' &&
		    date_at_start(name + length - tail + 1, &f->date) == tail - 1) {
			memcpy(tag, name, length - tail);
			tag[length - tail] = 0;
			return release_parse(tag, &f->release);
		}
		if (tail == DATE_LENGTH + 1)
			return -EINVAL;
	}
}

static int parse_date_first(const char *name, struct history_folder *f)
{
	size_t length = date_at_start(name, &f->date);

	if (!length)
		return -EINVAL;
	if (!name[length])
		return 0;
	return name[length] == '-' ? release_parse(name + length + 1, &f->release) : -EINVAL;
}

/* 2024.01.05-3.11-2.113.0 */
static int parse_rez(const char *name, struct history_folder *f)
{
	const char *version;

	if (strlen(name) <= DATE_LENGTH || name[DATE_LENGTH] != '-' ||
	    !day_parse(name, '.', &f->date))
		return -EINVAL;
	version = strchr(name + DATE_LENGTH + 1, '-');
	return version ? release_parse(version + 1, &f->release) : -EINVAL;
}

int history_folder_parse(const char *name, struct history_folder *ret)
{
	static int (*const forms[])(const char *, struct history_folder *) = {
		parse_date_last, parse_date_first, parse_rez};
	size_t length = strlen(name);

	if (length >= FOLDER_MAX_TEXT)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct history_folder f = {.release.nr_parts = 0};

		if (forms[i](name, &f) < 0)
			continue;
		memcpy(f.name, name, length + 1);
		*ret = f;
		return 0;
	}
	return -EINVAL;
}

int history_folder_make(const struct release *release, const struct history_date *date,
			bool with_time, struct history_folder *ret)
{
	char name[FOLDER_MAX_TEXT], time[16] = "";
	int length;

	if (with_time)
		snprintf(time, sizeof(time), "-%02u_%02u_%02u", date->hour, date->minute,
			 date->second);
	length = snprintf(name, sizeof(name), "%s%s%04u_%02u_%02u%s", release->text,
			  release->nr_parts ? "-" : "", date->year, date->month, date->day, time);
	if (length < 0 || (size_t)length >= sizeof(name))
		return -EINVAL;
	return history_folder_parse(name, ret);
}

int history_folder_compare(const struct history_folder *a, const struct history_folder *b)
{
	int order = release_compare(&a->release, &b->release);

	if (!order)
		order = history_date_compare(&a->date, &b->date);
	return order ? order : strcmp(a->name, b->name);
}

/* ---- names of tests, files and tags -------------------------------------------------------- */

static bool is_safe(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

void history_safe_name(const char *id, const char *name, char *ret)
{
	size_t n = strnlen(id, ID_LENGTH);

	memcpy(ret, id, n);
	if (n)
		ret[n++] = '-';
	for (; *name && n + 1 < FOLDER_MAX_TEXT; name++) {
		char c = is_safe(*name) ? *name : '_';

		if ((c == '_' || c == '.') && (n == 0 || ret[n - 1] == c))
			continue; /* squeezed; and ".." never comes out */
		ret[n++] = c;
	}
	/* what other systems would cut off */
	while (n && (ret[n - 1] == '.' || ret[n - 1] == '_' || ret[n - 1] == '-'))
		n--;
	if (!n)
		ret[n++] = '_';
	ret[n] = 0;
}

bool history_name_has_id(const char *name, char *ret_id)
{
	for (size_t i = 0; i < ID_LENGTH; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool hex = (name[i] >= '0' && name[i] <= '9') || (name[i] >= 'a' && name[i] <= 'f');

		if (dash ? name[i] != '-' : !hex)
			return false;
	}
	if (name[ID_LENGTH] && name[ID_LENGTH] != '-')
		return false;
	memcpy(ret_id, name, ID_LENGTH);
	ret_id[ID_LENGTH] = 0;
	return true;
}
