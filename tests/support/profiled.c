/* SPDX-License-Identifier: MIT */
/* Runs under bprof-perf, and what must hold for every one of them. */
#include "profiled.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_REPORTED 10 /* differences printed per run */

/* ---- running ------------------------------------------------------------------------------- */

static void add_arguments(const char **argv, size_t *nr, const char *const *more)
{
	for (; more && *more; more++) {
		cr_assert(*nr < RUN_MAX_ARGS, "more than %d arguments", RUN_MAX_ARGS);
		argv[(*nr)++] = *more;
	}
}

void profiled_run(const char *program, const char *cwd, const char *const *env,
		  const char *const *options, const char *const *command, struct profiled *ret)
{
	const char *argv[RUN_MAX_ARGS + 1] = {program, "-o", NULL, NULL};
	char *path;
	size_t nr = 3;

	*ret = (struct profiled){.directory = directory_make()};
	argv[2] = ret->directory;
	add_arguments(argv, &nr, options);
	add_arguments(argv, &nr, (const char *const[]){"--", NULL});
	add_arguments(argv, &nr, command);
	argv[nr] = NULL;
	run_command(cwd, env, argv, &ret->run);
	path = path_join(ret->directory, "profile.json");
	if (access(path, F_OK) == 0)
		ret->profile = json_read(path);
	free(path);
}

void profiled_done(struct profiled *p)
{
	run_done(&p->run);
	directory_remove(p->directory);
	yajl_tree_free(p->profile);
	*p = (struct profiled){0};
}

void skip_unless_profiling(const char *program, const char *interpreter)
{
	const char *reason = why_no_profiling(program);

	if (reason)
		cr_skip_test("%s", reason);
	if (!program_exists(interpreter))
		cr_skip_test("%s is not installed", interpreter);
	if (!program_exists("busted"))
		cr_skip_test("busted is not installed (apt-get install lua-busted)");
}

/* ---- accounts ------------------------------------------------------------------------------ */

void expect_whole_accounts(const char *what, yajl_val profile)
{
	long long taken = json_int_at(profile, "samples.taken");
	long long in_tests = json_int_at(profile, "samples.in_tests");
	long long outside = json_int_at(profile, "samples.outside_tests");
	long long lost = json_int_at(profile, "samples.lost");
	long long unresolved = json_int_at(profile, "samples.unresolved");

	cr_log_info("%s: taken %lld = in tests %lld + outside %lld + lost %lld + unresolved %lld",
		    what, taken, in_tests, outside, lost, unresolved);
	cr_expect(taken == in_tests + outside + lost + unresolved, "%s: the accounts have a gap",
		  what);
	/* One sample more: 1 % of a short run is less than chance. */
	cr_expect((unresolved - 1) * 100 <= taken, "%s: %lld of %lld unresolved", what, unresolved,
		  taken);
	cr_expect(lost == 0, "%s: %lld lost", what, lost);
}

/* ---- tests --------------------------------------------------------------------------------- */

/* As tests/support/status_output.lua writes text. */
static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\\\", out);
		else if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\t')
			fputs("\\t", out);
		else
			fputc(*text, out);
	}
}

/* The tests of a profile in the form of status_output.lua. */
static struct text profile_statuses(yajl_val profile)
{
	yajl_val tests = json_at(profile, "tests");
	struct text text = {0};
	FILE *out = open_memstream(&text.data, &text.len);

	cr_assert(out != NULL);
	for (size_t i = 0; i < json_length(tests); i++) {
		yajl_val test = json_item(tests, i);

		fprintf(out, "%s\t", json_string_at(test, "status"));
		print_escaped(out, json_string_at(test, "file"));
		fprintf(out, "\t%lld\t", json_int_at(test, "line"));
		print_escaped(out, json_string_at(test, "full_name"));
		fputc('\n', out);
	}
	fclose(out);
	return text;
}

static bool same_test(const char *found, const char *said)
{
	if (!found || !said)
		return found == said;
	if (strncmp(said, "outside\t", 8) != 0)
		return strcmp(found, said) == 0;
	return strncmp(found, "error\t", 6) == 0;
}

static bool is_status(const char *line)
{
	static const char *const words[] = {"success", "failure", "error",
					    "pending", "outside", "unknown"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t len = strlen(words[i]);

		if (strncmp(line, words[i], len) == 0 && line[len] == '\t')
			return true;
	}
	return false;
}

/* The next line about a test; a suite's own output is between them. */
static char *next_status(char **rest)
{
	char *line;

	do
		line = strsep(rest, "\n");
	while (line && !is_status(line));
	return line;
}

size_t expect_tests_as_said(const char *what, yajl_val profile, const struct text *said)
{
	struct text found = profile_statuses(profile);
	char *found_rest = found.data, *copy = strdup(said->data), *said_rest = copy, *a, *b;
	size_t nr = 0, nr_different = 0;

	do {
		a = next_status(&found_rest);
		b = next_status(&said_rest);
		nr += b != NULL;
		if (!same_test(a, b) && nr_different++ < MAX_REPORTED)
			cr_log_warn("%s: test %zu: profile \"%s\", busted \"%s\"", what, nr,
				    a ? a : "none", b ? b : "none");
	} while (a && b);
	cr_expect(nr_different == 0, "%s: %zu tests differ", what, nr_different);
	free(copy);
	text_done(&found);
	return nr;
}

yajl_val profiled_test(yajl_val profile, const char *name)
{
	yajl_val tests = json_at(profile, "tests");

	for (size_t i = 0; i < json_length(tests); i++)
		if (strcmp(json_string_at(json_item(tests, i), "name"), name) == 0)
			return json_item(tests, i);
	return NULL;
}
