/* SPDX-License-Identifier: MIT */
/*
 * The levels in force, and the one place that writes log lines.
 *
 * A filter is a list of directives. The directive with the longest matching target wins; the bare
 * level is the directive with the empty target, and does not reach noisy targets. The table has a
 * fixed size: configuring cannot fail, and logging never allocates.
 *
 * Source of the filter's syntax: the EnvFilter of Rust's tracing, without spans and fields.
 */
#include "log.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MAX_DIRECTIVES	  32
#define MAX_TARGET_LENGTH 48
#define MAX_PART_LENGTH	  128 /* of a filter: longer parts are reported cut */

struct directive {
	char target[MAX_TARGET_LENGTH]; /* "" = all that are not noisy */
	enum log_level level;
};

struct log_target {
	const char *name;
	bool noisy;
};

#define TARGET_ROW(name, noisy) {#name, noisy},
static const struct log_target targets[] = {LOG_TARGETS(TARGET_ROW)};

static const char *const level_names[] = {
	[LOG_OFF] = "off",   [LOG_ERROR] = "error", [LOG_WARN] = "warn",
	[LOG_INFO] = "info", [LOG_DEBUG] = "debug", [LOG_TRACE] = "trace",
};

static struct {
	struct directive directives[MAX_DIRECTIVES];
	size_t nr_directives;
	enum log_level highest; /* of all directives: most calls end at this comparison */
	bool colour;
	FILE *stream;
} state = {.directives = {{.level = LOG_WARN}}, .nr_directives = 1, .highest = LOG_WARN};

const char *log_level_name(enum log_level level)
{
	return (size_t)level < ARRAY_SIZE(level_names) ? level_names[level] : "?";
}

/* "unwind" is a prefix of "unwind" and of "unwind::puc", not of "unwinder". */
static bool target_is_below(const char *target, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(target, prefix, length) != 0)
		return false;
	return target[length] == 0 || strncmp(target + length, "::", 2) == 0;
}

static const struct log_target *target_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (target_is_below(name, targets[i].name))
			return &targets[i];
	return NULL;
}

static bool level_parse(const char *name, enum log_level *ret_level)
{
	/* As Python spells it, and so the users of PROF_LOG_LEVEL. */
	if (strcasecmp(name, "warning") == 0)
		name = "warn";
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++)
		if (strcasecmp(name, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	return false;
}

static bool directive_add(const char *target, enum log_level level)
{
	struct directive *d = NULL;

	for (size_t i = 0; i < state.nr_directives; i++)
		if (strcmp(state.directives[i].target, target) == 0)
			d = &state.directives[i];
	if (!d) {
		if (state.nr_directives == MAX_DIRECTIVES || strlen(target) >= MAX_TARGET_LENGTH)
			return false;
		d = &state.directives[state.nr_directives++];
		memcpy(d->target, target, strlen(target) + 1);
	}
	d->level = level;
	return true;
}

/* "debug", "unwind=trace", or "unwind" alone, which means all of it. */
static bool part_apply(char *part)
{
	enum log_level level = LOG_TRACE;
	char *equals = strchr(part, '=');

	if (!equals && level_parse(part, &level))
		return directive_add("", level);
	if (equals) {
		*equals = 0;
		if (!level_parse(equals + 1, &level))
			return false;
	}
	return target_known(part) && directive_add(part, level);
}

static void trim(char **start, size_t *length)
{
	while (*length > 0 && strchr(" \t", (*start)[0])) {
		(*start)++;
		(*length)--;
	}
	while (*length > 0 && strchr(" \t", (*start)[*length - 1]))
		(*length)--;
}

static void part_apply_or_complain(const char *start, size_t length,
				   void (*complain)(const char *part))
{
	char part[MAX_PART_LENGTH], scratch[MAX_PART_LENGTH];
	char *trimmed = part;
	bool fits = length < sizeof(part);

	if (!fits)
		length = sizeof(part) - 1;
	memcpy(part, start, length);
	trim(&trimmed, &length);
	trimmed[length] = 0;
	if (length == 0)
		return;
	memcpy(scratch, trimmed, length + 1);
	if ((!fits || !part_apply(scratch)) && complain)
		complain(trimmed);
}

void log_configure(const char *filter, void (*complain)(const char *part))
{
	state.nr_directives = 0;
	directive_add("", LOG_WARN);
	while (filter && *filter) {
		size_t length = strcspn(filter, ",");

		part_apply_or_complain(filter, length, complain);
		filter += length;
		if (*filter)
			filter++;
	}
	state.highest = LOG_OFF;
	for (size_t i = 0; i < state.nr_directives; i++)
		if (state.directives[i].level > state.highest)
			state.highest = state.directives[i].level;
}

void log_set_colour(bool on)
{
	state.colour = on;
}

void log_set_stream(FILE *stream)
{
	state.stream = stream;
}

static enum log_level level_of_target(const char *target)
{
	const struct log_target *known = target_known(target);
	enum log_level level = LOG_OFF;
	size_t longest = 0;
	bool found = false;

	for (size_t i = 0; i < state.nr_directives; i++) {
		const struct directive *d = &state.directives[i];
		size_t length = strlen(d->target);

		if (length == 0 && known && known->noisy)
			continue;
		if (length > 0 && !target_is_below(target, d->target))
			continue;
		if (!found || length >= longest) {
			level = d->level;
			longest = length;
			found = true;
		}
	}
	return level;
}

bool log_enabled(enum log_level level, const char *target)
{
	return level != LOG_OFF && level <= state.highest && level <= level_of_target(target);
}

static const char *level_colour(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "\033[31m";
	case LOG_WARN:
		return "\033[33m";
	case LOG_INFO:
		return "\033[32m";
	case LOG_DEBUG:
		return "\033[34m";
	case LOG_OFF:
	case LOG_TRACE:
		break;
	}
	return "\033[35m";
}

/* Names come from the target: an escape sequence must not reach the terminal through us. */
static void disarm(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		bool c1_control = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;

		if (*c < 0x20 || *c == 0x7f || c1_control)
			*c = '?';
	}
}

void log_write(enum log_level level, const char *target, const char *fmt, ...)
{
	FILE *stream = state.stream ? state.stream : stderr;
	struct timespec now = {0};
	struct tm local = {0};
	char clock[16] = "", message[1024];
	va_list args;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	disarm(message);
	/* One call, so that lines of several processes do not mix within a line. */
	fprintf(stream, "%s.%03ld %s%-5s%s %s::%s\n", clock, now.tv_nsec / 1000000,
		state.colour ? level_colour(level) : "", log_level_name(level),
		state.colour ? "\033[0m" : "", target, message);
	fflush(stream);
}
