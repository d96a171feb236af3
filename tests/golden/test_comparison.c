/* SPDX-License-Identifier: MIT */
/*
 * Every output of hand-made comparisons, byte for byte; see test_outputs.c for how to bless.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base.h"
#include "comparison_file.h"
#include "golden.h"
#include "output.h"
#include "run.h"

#define EXPECTED SOURCE_DIR "/tests/golden/outputs/comparison-"
#define CHECKER	 "/usr/bin/python3 " SOURCE_DIR "/tests/golden/check_outputs.py"
#define SKIPPED	 77

#define HOSTILE "it\033[31m | `@user` <b>#1</b> 100%::error::\n\r\xff;"

static const struct output_opts plain = {.top = 20};

static struct compared_test test(const char *name, int32_t line)
{
	return (struct compared_test){.id = "00000000-0000-3000-8000-000000000000",
				      .name = name,
				      .file = "spec/a_spec.lua",
				      .source = "spec/a_spec.lua",
				      .line = line};
}

static struct element unjudged(const char *name, double base, double head)
{
	return (struct element){.kind = ELEMENT_TEST,
				.test = test(name, 4),
				.verdict = VERDICT_TREND,
				.nr_base = 1,
				.nr_head = 1,
				.base = base,
				.head = head,
				.ratio = head / base,
				.low = NAN,
				.high = NAN,
				.confidence = NAN,
				.p_slower = NAN,
				.p_faster = NAN};
}

static struct element judged(const char *name, int32_t line, enum verdict verdict, double base,
			     double ratio)
{
	return (struct element){.kind = ELEMENT_TEST,
				.test = test(name, line),
				.verdict = verdict,
				.nr_base = 20,
				.nr_head = 20,
				.base = base,
				.head = base * ratio,
				.ratio = ratio,
				.low = ratio * 0.98,
				.high = ratio * 1.02,
				.confidence = 0.951,
				.p_slower = ratio > 1 ? 0.00001 : 1,
				.p_faster = ratio > 1 ? 1 : 0.0125};
}

static struct counted_change counted(enum verdict verdict, double base, double ratio)
{
	return (struct counted_change){.known = true,
				       .verdict = verdict,
				       .base = base,
				       .head = base * ratio,
				       .ratio = ratio};
}

static void count(struct comparison *c)
{
	for (size_t i = 0; i < c->nr_elements; i++) {
		c->nr_by_verdict[c->elements[i].kind][c->elements[i].verdict]++;
		c->nr_failing += c->elements[i].fails;
	}
	c->gate_fails = c->nr_failing > 0 && c->rung != RUNG_TREND;
	for (size_t i = 0; i < c->nr_elements; i++) {
		c->nr_counted += c->elements[i].counted.known;
		c->gate_fails |= c->elements[i].counted.fails;
	}
}

/* ---- cases --------------------------------------------------------------------------------- */

static struct comparison ordinary(void)
{
	static struct element elements[8];
	static struct compared_test added[1], removed[1];
	static struct renamed_test renamed[1];
	static struct left_out_test left_out[1];
	static const char *notes[] = {"the interpreter differs: base 'luajit 2.1.0', head 'lua "
				      "5.4'"};
	struct comparison c = {
		.names = {"main", "working tree"},
		.nr_runs = {20, 20},
		.nr_pairs = 20,
		.nr_whole_pairs = 10,
		.floor_vm = 1000,
		.metric = METRIC_CPU,
		.rung = RUNG_PAIRED_TIMING,
		.warn_at = 0.05,
		.fail_at = 0.1,
		.floor = 50000,
		.elements = elements,
		.nr_elements = ARRAY_SIZE(elements),
		.added = added,
		.nr_added = 1,
		.removed = removed,
		.nr_removed = 1,
		.renamed = renamed,
		.nr_renamed = 1,
		.left_out = left_out,
		.nr_left_out = 1,
		.notes = notes,
		.nr_notes = 1,
	};

	elements[0] = judged("", 0, VERDICT_SAME, 812e6, 1.012);
	elements[0].kind = ELEMENT_SUITE;
	elements[0].test = (struct compared_test){"", "", "", "", 0};
	elements[1] = judged("", 0, VERDICT_SAME, 512e6, 0.998);
	elements[1].kind = ELEMENT_FILE;
	elements[1].test = (struct compared_test){"", "", "spec/a_spec.lua", "", 0};
	elements[2] = judged("outer burns cpu", 4, VERDICT_SLOWER, 12.3e6, 1.153);
	elements[2].fails = true;
	elements[3] = judged("outer parses", 9, VERDICT_SLOWER, 1.5e6, 1.07);
	elements[4] = judged("outer wraps", 12, VERDICT_FASTER, 8e6, 0.75);
	elements[5] = judged("outer sorts", 15, VERDICT_SAME, 3e6, 0.9996);
	elements[6] = judged("outer waits", 18, VERDICT_NOISY, 200e3, 1.2);
	elements[7] = unjudged("outer is rare", 1e6, 1.5e6);
	elements[4].counted = counted(VERDICT_FASTER, 81234567, 0.7);
	elements[5].counted = (struct counted_change){.why_not = "it is not deterministic in head"};
	elements[6].counted = counted(VERDICT_SLOWER, 123456, 1.25);
	elements[6].counted.fails = true;
	added[0] = test("outer is new", 30);
	removed[0] = test("outer is gone", 33);
	renamed[0] = (struct renamed_test){test("outer old name", 40), test("outer new name", 40)};
	left_out[0] =
		(struct left_out_test){test("outer fails", 50), "failed in head (1 of 20 runs)"};
	count(&c);
	return c;
}

/* What a name can hold, and more slower tests than annotations are shown. */
static struct comparison hostile(void)
{
	static struct element elements[14];
	static struct left_out_test left_out[1];
	static const char *notes[] = {"the processor differs: base '" HOSTILE "'"};
	struct comparison c = {
		.names = {HOSTILE, HOSTILE},
		.nr_runs = {10, 10},
		.nr_pairs = 10,
		.nr_whole_pairs = 10,
		.metric = METRIC_CYCLES,
		.rung = RUNG_COUNTED,
		.warn_at = 0.05,
		.fail_at = 0.1,
		.floor = 50000,
		.elements = elements,
		.nr_elements = ARRAY_SIZE(elements),
		.left_out = left_out,
		.nr_left_out = 1,
		.notes = notes,
		.nr_notes = 1,
	};

	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		elements[i] = judged(HOSTILE, (int32_t)i, VERDICT_SLOWER, 1e9 * (double)(i + 1),
				     1.1 + (double)i / 10);
		elements[i].test.file = elements[i].test.source = "a,b:c%" HOSTILE;
		elements[i].fails = i > 0;
	}
	left_out[0] = (struct left_out_test){test(HOSTILE, 1), HOSTILE};
	count(&c);
	return c;
}

static struct comparison trend(void)
{
	static struct element elements[1];
	struct comparison c = {
		.names = {"old/profile.json", "new/profile.json"},
		.nr_runs = {1, 1},
		.nr_pairs = 1,
		.nr_whole_pairs = 1,
		.metric = METRIC_INSTRUCTIONS,
		.rung = RUNG_TREND,
		.why_trend = "fewer than 5 runs a side do not show their spread",
		.why_not_counted = "there are no runs with --mode=count",
		.warn_at = 0.05,
		.fail_at = 0.1,
		.floor = 50000,
		.elements = elements,
		.nr_elements = 1,
	};

	elements[0] = unjudged("outer burns cpu", 1.5e6, 1.8e6);
	count(&c);
	return c;
}

static struct comparison empty(void)
{
	return (struct comparison){.names = {"a", "b"},
				   .metric = METRIC_WALL,
				   .rung = RUNG_TREND,
				   .why_trend = "not all runs were on the same processor",
				   .warn_at = 0.05,
				   .fail_at = 0.1};
}

static const struct {
	const char *name;
	struct comparison (*make)(void);
} cases[] = {{"ordinary", ordinary}, {"hostile", hostile}, {"trend", trend}, {"empty", empty}};

/* ---- outputs ------------------------------------------------------------------------------- */

static void compare(const char *name, const struct comparison_ops *ops, const struct comparison *c)
{
	static const char *const endings[][2] = {{"terminal", "txt"},
						 {"markdown", "md"},
						 {"comment", "comment.md"},
						 {"json", "json"},
						 {"github", "log"}};
	const char *ending = NULL;
	char path[512], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (strcmp(endings[i][0], ops->name) == 0)
			ending = endings[i][1];
	cr_assert(ending != NULL, "%s", ops->name);
	cr_assert(eq(int, ops->write(c, &plain, out), 0));
	fclose(out);
	snprintf(path, sizeof(path), EXPECTED "%s.%s", name, ending);
	golden_expect(path, text, len);
	free(text);
}

Test(comparison, every_row_writes_what_its_expected_file_says)
{
	size_t nr;
	const struct comparison_ops *const *all = comparison_outputs_all(&nr);

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct comparison c = cases[k].make();

		for (size_t i = 0; i < nr; i++)
			compare(cases[k].name, all[i], &c);
	}
}

/* The schema of the JSON, the rules of annotations and of Markdown tables. */
Test(comparison, outputs_keep_the_rules_of_their_readers, .timeout = 60)
{
	int status = system(CHECKER " comparison " SOURCE_DIR);

	cr_assert(ne(int, WIFEXITED(status), 0));
	if (WEXITSTATUS(status) == SKIPPED)
		cr_skip_test("needs python3 with jsonschema (package python3-jsonschema)");
	cr_assert(eq(int, WEXITSTATUS(status), 0));
}

Test(comparison, a_full_disk_is_reported_by_every_row)
{
	struct comparison c = ordinary();
	size_t nr;
	const struct comparison_ops *const *all = comparison_outputs_all(&nr);

	for (size_t i = 0; i < nr; i++) {
		FILE *full = fopen("/dev/full", "w");

		cr_assert(full != NULL);
		cr_expect(eq(int, all[i]->write(&c, &plain, full), -ENOSPC), "%s", all[i]->name);
		fclose(full);
	}
}

/* ---- read again ---------------------------------------------------------------------------- */

static char *written(const struct comparison_ops *ops, const struct comparison *c, size_t *ret_len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	cr_assert(eq(int, ops->write(c, &plain, out), 0));
	fclose(out);
	return text;
}

/* The JSON of a comparison that was read from it is the same to the byte, and so is all that others
 * print. */
Test(comparison, what_is_read_again_is_what_was_written)
{
	size_t nr;
	const struct comparison_ops *const *all = comparison_outputs_all(&nr);

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct comparison c = cases[k].make(), *again;
		size_t len, len_again, len_json;
		char *json = written(comparison_output_find("json"), &c, &len_json);
		struct buf why;

		buf_init(&why, 4096);
		cr_assert(eq(int, comparison_parse(json, len_json, &again, &why), 0), "%s: %s",
			  cases[k].name, why.data);
		for (size_t i = 0; i < nr; i++) {
			char *first = written(all[i], &c, &len);
			char *second = written(all[i], again, &len_again);

			/* bytes that are no UTF-8 went into the JSON as what stands for them */
			if (strcmp(cases[k].name, "hostile") != 0 || i == 3)
				cr_expect(len == len_again && memcmp(first, second, len) == 0,
					  "%s as %s: %s", cases[k].name, all[i]->name, second);
			free(first);
			free(second);
		}
		comparison_free(again);
		free(json);
		buf_done(&why);
	}
}

/* However long names are, however many fail. */
Test(comparison, a_comment_is_never_too_long)
{
	static struct element elements[900];
	static char name[4096];
	struct comparison c = hostile();
	size_t len;
	char *text;

	for (size_t i = 0; i + 2 < sizeof(name); i++)
		name[i] = "<@#&"[i % 4];
	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		elements[i] = judged(name, 1, VERDICT_SLOWER, 1e9, 2);
		elements[i].fails = true;
	}
	c.names[0] = c.names[1] = name;
	c.elements = elements;
	c.nr_elements = ARRAY_SIZE(elements);
	text = written(comparison_output_find("comment"), &c, &len);
	cr_expect(len <= 60000 && len > 20000, "%zu bytes", len);
	cr_expect(strstr(text, "and ") && strstr(text, " more."), "%s", text);
	free(text);
}

/* ---- the command --------------------------------------------------------------------------- */

#define RECORDINGS SOURCE_DIR "/tests/golden/recordings/"

static void run_compare(const char *const *words, struct run *ret)
{
	const char *argv[RUN_MAX_ARGS] = {BPROF_PERF, "compare"};

	for (size_t i = 0; words[i]; i++)
		argv[i + 2] = words[i];
	run_command(NULL, NULL, argv, ret);
}

static void expect_status(const char *const *words, int status, const char *sentence)
{
	struct run run;

	run_compare(words, &run);
	cr_expect(eq(int, run.status, status), "%s: %s", words[0], run.err.data);
	cr_expect(strstr(run.err.data ? run.err.data : "", sentence) != NULL, "%s", run.err.data);
	run_done(&run);
}

Test(comparison, recordings_of_two_interpreters_are_a_trend_and_never_fail, .timeout = 60)
{
	struct run run;

	run_compare((const char *const[]){"--gate", RECORDINGS "luajit", RECORDINGS "lua5.1", NULL},
		    &run);
	cr_expect(eq(int, run.status, 0), "%s", run.err.data);
	cr_expect(strstr(run.out.data, "the interpreter differs: base 'luajit") != NULL, "%s",
		  run.out.data);
	cr_expect(strstr(run.out.data, "trend only") != NULL);
	run_done(&run);
}

/* A recording, and the profile.json that report makes of it, are the same run. */
Test(comparison, a_recording_and_its_profile_are_read_alike, .timeout = 60)
{
	char *directory = directory_make(), *path = path_join(directory, "profile.json");
	struct run report, comparison;
	FILE *file;

	run_command(NULL, NULL,
		    (const char *const[]){BPROF_PERF, "report", "--json",
					  RECORDINGS "luajit/in.bprof", NULL},
		    &report);
	cr_assert(eq(int, report.status, 0), "%s", report.err.data);
	file = fopen(path, "w");
	cr_assert(file != NULL);
	fwrite(report.out.data, 1, report.out.len, file);
	fclose(file);
	run_compare((const char *const[]){RECORDINGS "luajit/in.bprof", path, NULL}, &comparison);
	cr_expect(eq(int, comparison.status, 0), "%s", comparison.err.data);
	cr_expect(strstr(comparison.out.data, "+0.0 %") != NULL, "%s", comparison.out.data);
	cr_expect(eq(ptr, strstr(comparison.out.data, "Only in"), NULL));
	cr_expect(eq(ptr, strstr(comparison.out.data, "differs"), NULL));
	run_done(&report);
	run_done(&comparison);
	free(path);
	directory_remove(directory);
}

/* Of a recording and of the output directory of the same run: nothing differs. */
/* FILE.svg is XML, with a box for what both sides have. */
static void expect_picture(const char *runs)
{
	static const char script[] =
		"import sys, xml.etree.ElementTree as tree\n"
		"svg = tree.parse(sys.argv[1]).getroot()\n"
		"titles = [t.text for t in svg.iter('{http://www.w3.org/2000/svg}title')]\n"
		"assert svg.tag.endswith('}svg') and len(titles) > 5, titles\n"
		"assert all('base' in t and 'head' in t for t in titles), titles\n"
		"assert any('_spec.lua' in t for t in titles), titles\n";
	char *directory = directory_make(), *path = path_join(directory, "difference.svg");
	struct run run;

	run_compare(
		(const char *const[]){"--stacks", path, RECORDINGS "luajit/in.bprof", runs, NULL},
		&run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	run_done(&run);
	run_command(NULL, NULL, (const char *const[]){"python3", "-c", script, path, NULL}, &run);
	cr_expect(eq(int, run.status, 0), "%s", run.err.data);
	run_done(&run);
	free(path);
	directory_remove(directory);
}

Test(comparison, the_stacks_of_both_sides_are_written, .timeout = 60)
{
	char *directory = directory_make(), *path = path_join(directory, "stacks");
	char *runs = path_join(directory, "run");
	struct run run;
	FILE *file;
	unsigned long base = 0, head = 0, nr = 0;
	char line[65536];

	run_command(NULL, NULL,
		    (const char *const[]){BPROF_PERF, "report", "-q", "-o", runs,
					  RECORDINGS "luajit/in.bprof", NULL},
		    &run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	run_done(&run);
	run_compare(
		(const char *const[]){"--stacks", path, RECORDINGS "luajit/in.bprof", runs, NULL},
		&run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	run_done(&run);
	file = fopen(path, "r");
	cr_assert(file != NULL);
	for (; fgets(line, sizeof(line), file); nr++) {
		char *last = strrchr(line, ' ');

		head = strtoul(last, NULL, 10);
		*last = 0;
		base = strtoul(strrchr(line, ' '), NULL, 10);
		cr_expect(base == head && head > 0, "%s", line);
	}
	cr_expect(nr > 5, "%lu stacks", nr);
	fclose(file);
	expect_picture(runs);
	expect_status((const char *const[]){"--stacks", "/dev/full/x", RECORDINGS "luajit/in.bprof",
					    RECORDINGS "luajit/in.bprof", NULL},
		      125, "cannot write '/dev/full/x'");
	expect_status((const char *const[]){"--stacks", path, "comparison.json", NULL}, 2,
		      "--stacks is for two");
	free(path);
	free(runs);
	directory_remove(directory);
}

Test(comparison, what_cannot_be_compared_is_said, .timeout = 60)
{
	expect_status((const char *const[]){RECORDINGS "luajit", "/nonexistent", NULL}, 125,
		      "cannot open '/nonexistent'");
	expect_status((const char *const[]){"/dev/null", RECORDINGS "luajit", NULL}, 125,
		      "'/dev/null': it is no file");
	expect_status(
		(const char *const[]){SOURCE_DIR "/CMakeLists.txt", RECORDINGS "luajit", NULL}, 125,
		"it is neither a profile.json nor a recording");
	expect_status((const char *const[]){SOURCE_DIR "/docs/profile.schema.json",
					    RECORDINGS "luajit", NULL},
		      125, "it is JSON, but no profile of bprof-perf");
	expect_status((const char *const[]){SOURCE_DIR "/src", RECORDINGS "luajit", NULL}, 125,
		      "neither it nor a directory in it holds a profile.json");
	expect_status((const char *const[]){"a", "b", "c", NULL}, 2, "two profiles");
}

Test(comparison, absurd_thresholds_are_refused, .timeout = 60)
{
	static const char *const absurd[] = {"0", "-5%", "nan", "1e9", "5%%", "%", "2000%", ""};

	for (size_t i = 0; i < ARRAY_SIZE(absurd); i++) {
		expect_status((const char *const[]){"--warn-at", absurd[i], "a", "b", NULL}, 2,
			      "is not a percentage");
		expect_status((const char *const[]){"--fail-at", absurd[i], "a", "b", NULL}, 2,
			      "is not a percentage");
	}
	expect_status((const char *const[]){"--warn-at=20%", "a", "b", NULL}, 2,
		      "--fail-at 10% is below --warn-at 20%");
	expect_status((const char *const[]){"--floor=-1ms", "a", "b", NULL}, 2, "is not a time");
	expect_status((const char *const[]){"--floor=1h", "a", "b", NULL}, 2, "is not a time");
	expect_status((const char *const[]){"--metric=speed", "a", "b", NULL}, 2, "is not auto");
	expect_status((const char *const[]){"--format=folded", "a", "b", NULL}, 2,
		      "is not terminal, markdown");
}
