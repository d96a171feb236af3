/* SPDX-License-Identifier: MIT */
/* comparison.json of strangers: one change of a sound one after the other, and each is refused. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "comparison_file.h"

#define GOLDEN SOURCE_DIR "/tests/golden/outputs/comparison-ordinary.json"

static char *golden(void)
{
	FILE *file = fopen(GOLDEN, "r");
	char *text = calloc(1, 65536);

	cr_assert(file != NULL);
	cr_assert(fread(text, 1, 65535, file) > 1000);
	fclose(file);
	return text;
}

/* The golden one with the first @from replaced by @to. */
static char *changed(const char *from, const char *to)
{
	char *text = golden(), *at = strstr(text, from), *ret;

	cr_assert(at != NULL, "'%s' is not in the golden file", from);
	cr_assert(asprintf(&ret, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
	free(text);
	return ret;
}

static void expect_refusal(const char *text, size_t len, const char *sentence)
{
	struct comparison *comparison;
	struct buf why;

	buf_init(&why, 4096);
	cr_expect(eq(int, comparison_parse(text, len, &comparison, &why), -EBADMSG), "%s",
		  sentence);
	cr_expect(why.data && strstr(why.data, sentence) != NULL, "'%s' in '%s'", sentence,
		  why.data ? why.data : "");
	buf_done(&why);
}

static const struct {
	const char *from, *to, *sentence;
} changes[] = {
	{"bprof-perf/comparison/1", "bprof-perf/comparison/2", "its schema is not"},
	{"bprof-perf/comparison/1", "bprof-perf/comparison/1\\u0000", "NUL"},
	{"\"pairs\": 20", "\"pairs\": 20, \"pairs\": 20", "keys too many"},
	{"\"pairs\": 20", "\"pears\": 20", "pairs is missing"},
	{"\"pairs\": 20", "\"pairs\": -1", "pairs is not what"},
	{"\"pairs\": 20", "\"pairs\": 1.5", "pairs is not what"},
	{"\"pairs\": 20", "\"pairs\": 9999999999", "pairs is not what"},
	{"\"pairs\": 20", "\"pairs\": \"<img>\"", "pairs is not what"},
	{"\"pairs\": 20", "\"pairs\": 20 // words", "it is no JSON"},
	{"\"name\": \"main\"", "\"name\": null", "base.name is not what"},
	{"\"metric\": \"cpu\"", "\"metric\": \"speed\"", "metric is not what"},
	{"\"unit\": \"nanoseconds\"", "\"unit\": \"cycles\"", "the unit is not"},
	{"\"warn_at\": 0.05", "\"warn_at\": 1e400", "rule.warn_at is not what"},
	{"\"warn_at\": 0.05", "\"warn_at\": -1", "rule.warn_at is not what"},
	{"\"gate_fails\": true", "\"gate_fails\": 1", "gate_fails is not what"},
	{"\"slower\": 2", "\"slower\": 0", "counts are not those"},
	{"\"kind\": \"file\"", "\"kind\": \"suite\"", "elements[1]"},
	{"\"kind\": \"suite\"", "\"kind\": [[[]]]", "elements[0]: it is no suite"},
	{"\"verdict\": \"slower\"", "\"verdict\": \"::error::\"", "elements[2].verdict"},
	{"\"metric\": \"vm-instructions\"", "\"metric\": {}", "elements[4].counted.metric"},
	{"\"line\": 4", "\"line\": 0", "elements[2].line is not what"},
	{"\"line\": 4", "\"line\": 4, \"body\": \"more\"", "elements[2]: it has keys too many"},
	{"\"added\": [", "\"added\": [1, ", "added[0]: it is no map"},
	{"\"notes\": [", "\"notes\": [{}, ", "notes[0]: it is not what"},
};

Test(comparison_file, each_change_of_the_schema_is_refused_and_named)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		char *text = changed(changes[i].from, changes[i].to);

		expect_refusal(text, strlen(text), changes[i].sentence);
		free(text);
	}
}

Test(comparison_file, a_gate_that_fails_for_nothing_is_refused)
{
	char *text = golden();

	for (char *at = text; (at = strstr(at, "\"fails\": true")) != NULL;)
		memcpy(at, "\"fails\":false", strlen("\"fails\":false"));
	expect_refusal(text, strlen(text), "the gate fails");
	free(text);
}

Test(comparison_file, what_breaks_off_is_refused_at_each_byte, .timeout = 60)
{
	char *text = golden();
	size_t end = strlen(text);

	while (text[end - 1] != '}')
		end--;
	for (size_t len = 0; len < end; len += 7)
		expect_refusal(text, len, "it is no JSON");
	free(text);
}

static char *repeated(const char *what, size_t times, size_t *ret_len)
{
	size_t length = strlen(what);
	char *text = malloc(length * times + 1);

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * length, what, length);
	text[length * times] = 0;
	*ret_len = length * times;
	return text;
}

Test(comparison_file, depth_and_size_are_bounded, .timeout = 60)
{
	static const struct {
		const char *what;
		size_t times;
		const char *sentence;
	} bombs[] = {{"[", 1000000, "nested deeper"},
		     {"{\"a\":", 1000000, "nested deeper"},
		     {" ", COMPARISON_MAX_BYTES + 1, "16 MiB"}};
	size_t len;
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(bombs); i++) {
		text = repeated(bombs[i].what, bombs[i].times, &len);
		expect_refusal(text, len, bombs[i].sentence);
		free(text);
	}
	text = repeated("[],", 2000000, &len);
	text[0] = '[';
	text[1] = ' ';
	text[2] = ' ';
	expect_refusal(text, len, "more values");
	free(text);
}
