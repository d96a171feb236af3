/* SPDX-License-Identifier: MIT */
/*
 * What one past release says of itself.
 *
 * Three kinds of files are read with one table: our summary.json and that of rez (seconds), and
 * profile.json as mega.busted and we write it (microseconds). They share no key with different
 * meanings. Of a key said twice the last one counts.
 */
#include "history.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bprof/profile.h>

#include "json_stream.h"

#define MAX_TEXT 256 /* of a name of a CPU or an interpreter; longer ones are cut */

#define NS_PER_SECOND 1e9
#define NS_PER_MICRO  1e3
#define MAX_RELEASES  100000

#define OFFSET(member) offsetof(struct past_release, member)

static const struct {
	const char *path;
	size_t offset;
	double scale;
} numbers[] = {
	{"total_run_time", OFFSET(total_ns), NS_PER_SECOND},
	{"mean", OFFSET(mean_ns), NS_PER_SECOND},
	{"median", OFFSET(median_ns), NS_PER_SECOND},
	{"stddev", OFFSET(deviation_ns), NS_PER_SECOND},
	{"min", OFFSET(min_ns), NS_PER_SECOND},
	{"max", OFFSET(max_ns), NS_PER_SECOND},
	{"num_cpu", OFFSET(num_cpu), 1},
	{"num_tests", OFFSET(tests), 1},
	{"cycles", OFFSET(cycles), 1},
	{"statistics.total", OFFSET(total_ns), NS_PER_MICRO},
	{"statistics.mean", OFFSET(mean_ns), NS_PER_MICRO},
	{"statistics.median", OFFSET(median_ns), NS_PER_MICRO},
	{"statistics.standard_deviation", OFFSET(deviation_ns), NS_PER_MICRO},
	{"statistics.min", OFFSET(min_ns), NS_PER_MICRO},
	{"statistics.max", OFFSET(max_ns), NS_PER_MICRO},
	{"statistics.count", OFFSET(tests), 1},
	{"hardware.num_cpu", OFFSET(num_cpu), 1},
};

static const struct {
	const char *path;
	size_t offset;
} texts[] = {
	{"cpu", OFFSET(cpu)},
	{"platform", OFFSET(platform)},
	{"lua_version", OFFSET(interpreter)},
	{"py_version", OFFSET(interpreter)},
	{"neovim", OFFSET(neovim)},
	{"event", OFFSET(event)},
	{"hardware.cpu", OFFSET(cpu)},
	{"hardware.platform", OFFSET(platform)},
	{"versions.lua", OFFSET(interpreter)},
	{"event.name", OFFSET(event)},
};

struct summary {
	struct past_release *past;
	uint64_t neovim[3]; /* major, minor, patch */
	bool is_known;	    /* a schema of ours, or the total that all kinds have */
	struct buf *why;
};

static void *field(struct past_release *past, size_t offset)
{
	return (char *)past + offset;
}

static int on_number(void *arg, const char *path, const char *text, size_t len)
{
	static const char *const neovim[] = {"versions.neovim.major", "versions.neovim.minor",
					     "versions.neovim.patch"};
	struct summary *s = arg;
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(numbers[i].path, path) != 0)
			continue;
		if (json_decimal(text, len, numbers[i].scale, &value) < 0)
			return buf_addf(s->why, "'%s' is no valid number", path) < 0 ? -ENOMEM
										     : -EBADMSG;
		memcpy(field(s->past, numbers[i].offset), &value, sizeof(value));
		s->is_known = s->is_known || numbers[i].offset == OFFSET(total_ns);
	}
	for (size_t i = 0; i < ARRAY_SIZE(neovim); i++)
		if (strcmp(neovim[i], path) == 0 && json_decimal(text, len, 1, &value) == 0)
			s->neovim[i] = value;
	if (strcmp(path, "exit_status") == 0 && json_decimal(text, len, 1, &value) == 0)
		s->past->status = value == 0 ? PAST_PASSED : PAST_FAILED;
	return 0;
}

static bool is_word(const char *word, const char *text, size_t len)
{
	return len == strlen(word) && memcmp(word, text, len) == 0;
}

static int on_text(void *arg, const char *path, const char *text, size_t len)
{
	struct summary *s = arg;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char *copy, **at = field(s->past, texts[i].offset);

		if (strcmp(texts[i].path, path) != 0)
			continue;
		copy = strndup(text, len < MAX_TEXT ? len : MAX_TEXT);
		if (!copy)
			return -ENOMEM;
		free(*at);
		*at = copy;
	}
	if (strcmp(path, "schema") == 0 && (is_word("bprof-perf/summary/1", text, len) ||
					    is_word("bprof-perf/profile/1", text, len)))
		s->is_known = true;
	if (strcmp(path, "status") == 0 && is_word("passed", text, len))
		s->past->status = PAST_PASSED;
	if (strcmp(path, "status") == 0 && is_word("failed", text, len))
		s->past->status = PAST_FAILED;
	if (strcmp(path, "versions.neovim.prerelease") == 0 && len > 0)
		s->past->interpreter_prerelease = true;
	return 0;
}

static int on_boolean(void *arg, const char *path, bool value)
{
	struct summary *s = arg;

	if (strcmp(path, "versions.neovim.prerelease") == 0 ||
	    strcmp(path, "interpreter_prerelease") == 0)
		s->past->interpreter_prerelease = value;
	return 0;
}

/* "LuaJIT 2.1.0-beta3" is not one: distributions have shipped it as their LuaJIT for years. */
static bool names_a_prerelease(const char *version)
{
	static const char *const words[] = {"-dev", "nightly", "-alpha", "-rc", "(rc", "(work"};

	for (size_t i = 0; version && i < ARRAY_SIZE(words); i++)
		if (strstr(version, words[i]))
			return true;
	return false;
}

static int finish(struct summary *s)
{
	struct past_release *past = s->past;

	if (!s->is_known)
		return buf_addstr(s->why, "it is JSON, but no summary or profile of a release "
					  "(neither a schema that is known nor a total)") < 0
			       ? -ENOMEM
			       : -EBADMSG;
	if (s->neovim[1] + s->neovim[0] > 0 && !past->neovim &&
	    asprintf(&past->neovim, "%llu.%llu.%llu", (unsigned long long)s->neovim[0],
		     (unsigned long long)s->neovim[1], (unsigned long long)s->neovim[2]) < 0) {
		past->neovim = NULL;
		return -ENOMEM;
	}
	if (names_a_prerelease(past->interpreter) || names_a_prerelease(past->neovim))
		past->interpreter_prerelease = true;
	return 0;
}

static void past_release_done(struct past_release *past)
{
	free(past->cpu);
	free(past->platform);
	free(past->interpreter);
	free(past->event);
	free(past->neovim);
}

static int grow(struct history *h)
{
	size_t room = h->room ? h->room * 2 : 32;
	struct past_release *releases;

	if (h->nr < h->room)
		return 0;
	if (h->nr >= MAX_RELEASES)
		return -E2BIG;
	releases = reallocarray(h->releases, room, sizeof(*releases));
	if (!releases)
		return -ENOMEM;
	h->releases = releases;
	h->room = room;
	return 0;
}

int history_add(struct history *h, const struct history_folder *folder, const char *text,
		size_t len, struct buf *why)
{
	static const struct json_sink sink = {
		.what = "summary", .text = on_text, .number = on_number, .boolean = on_boolean};
	struct past_release past = {.folder = *folder};
	struct summary s = {.past = &past, .why = why};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const uint64_t unknown = PROFILE_UNKNOWN;

		memcpy(field(&past, numbers[i].offset), &unknown, sizeof(unknown));
	}
	r = json_stream(text, len, &sink, &s, why);
	if (r == 0)
		r = finish(&s);
	if (r == 0)
		r = grow(h);
	if (r < 0) {
		past_release_done(&past);
		return r;
	}
	h->releases[h->nr++] = past;
	return 0;
}

void history_done(struct history *h)
{
	for (size_t i = 0; i < h->nr; i++)
		past_release_done(&h->releases[i]);
	free(h->releases);
	*h = (struct history){0};
}
