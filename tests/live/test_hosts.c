/* SPDX-License-Identifier: MIT */
/*
 * Known stacks in programs that embed Lua (tests/fixtures/hosts/host.c): states resumed by C,
 * several VMs in a thread, in threads, in forked processes, VMs without libraries, VMs that come
 * and go.
 *
 * Needs root, BPF and the headers of a Lua when the tests are built; skips with the reason
 * otherwise.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiled.h"
#include "truth.h"

#define HOSTS_DIRECTORY SOURCE_DIR "/tests/fixtures/hosts"
#define SECONDS		"0.15" /* of CPU time, in each process */
#define FREQUENCY	"3989"
#define LEAST_SAMPLES	300 /* of the 600 that fit into it: the machine may be busy */
#define MAX_SHOWN	6

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Criterion runs tests side by side unless it is told not to. */
__attribute__((constructor)) static void one_test_at_a_time(void)
{
	setenv("CRITERION_JOBS", "1", 1);
}

/* ---- the grammars: see tests/support/truth.c ----------------------------------------------- */

#define CLOCK	    "( @c?_?clock)?"
#define LINE(lines) ":(" lines "|j)"
#define LEAF	    LINE("2|3|4|5|6")

/* A frame of another file than the scenario's own: "name_(FILE.lua:LINE)". */
#define IN(file, name, lines) name "_\\(" file "\\.lua:(" lines ")\\)(_\\[j\\])?"

static const char *const resume[] = {
	"^main" LINE("[0-9]+") CLOCK "$",
	"^main:20 drive" LINE("14|15|16|17") "$",
	"^main:20 drive:15 @c_resume$",
	"^main:20 drive:15 @c_resume anon" LINE("7|8|9|10|11|12") "( @coroutine\\.yield)?$",
	"^main:20 drive:15 @c_resume anon:9 leaf" LEAF "$",
	NULL,
};

static const char *const loop[] = {
	"^main" LINE("[0-9]+") "$",
	"^(anon|body)" LINE("11|12|13|14|15|16") "( @coroutine\\.yield)?$",
	"^(anon|body):13 middle" LINE("7|8|9|10") "$",
	"^(anon|body):13 middle:8 leaf" LEAF "$",
	NULL,
};

static const char *const relay[] = {
	"^main" LINE("[0-9]+") "$",
	"^(anon|body)" LINE("14|15|16|17|18|19") "( @coroutine\\.yield)?$",
	"^(anon|body):16 @c_resume$",
	"^(anon|body):16 @c_resume (anon|inner)" LINE("7|8|9|10|11|12") "( @coroutine\\.yield)?$",
	"^(anon|body):16 @c_resume (anon|inner):9 leaf" LEAF "$",
	NULL,
};

#define DIVE "^main:18( dive:12 @c_call){0,10}"

static const char *const calls[] = {
	"^main" LINE("[0-9]+") CLOCK "$",
	DIVE "$",
	DIVE " dive" LINE("7|8|9|10|11|12|13|14") "$",
	"^main:18( dive:12 @c_call){10} dive:9 leaf" LEAF "$",
	NULL,
};

#define NESTED "^main:14 outer:8 @c_inner"

static const char *const nested[] = {
	"^main" LINE("[0-9]+") CLOCK "$",
	"^main:14 outer" LINE("7|8|9|10|11") "$",
	"^main:14 outer:9 leaf" LEAF "$",
	NESTED "$",
	NESTED " " IN("inner", "(<anonymous>|inner)", "6|7|8|9") "$",
	NESTED
	" " IN("inner", "(<anonymous>|inner)", "7") " " IN("inner", "innermost", "1|2|3|4|5") "$",
	NULL,
};

static const char *const threads[] = {
	"^main" LINE("[0-9]+") CLOCK "$",
	"^main:9 one" LEAF "$",
	"^" IN("threads2", "main_chunk", "[0-9]+") CLOCK "$",
	"^" IN("threads2", "main_chunk", "15") " " IN("threads2", "two", "9|10|11|12") "$",
	"^" IN("threads2", "main_chunk",
	       "15") " " IN("threads2", "two", "10") " " IN("threads2", "work", "2|3|4|5|6") "$",
	NULL,
};

static const char *const turns[] = {
	"^main" LINE("[0-9]+") "$",
	"^(anon|first)" LINE("6|7|8|9") "$",
	"^(anon|second)" LINE("10|11|12|13") "$",
	"^((anon|first):7|(anon|second):11) work" LINE("1|2|3|4|5") "$",
	NULL,
};

static const char *const many[] = {
	"^main" LINE("[0-9]+") "$",
	"^(anon|work)" LINE("6|7|8|9") "$",
	"^(anon|work):7 leaf" LINE("1|2|3|4|5") "$",
	NULL,
};

static const char *const prefork[] = {
	"^main" LINE("[0-9]+") "$",
	"^(anon|first)" LINE("8|9|10|11|12|13") CLOCK "$",
	"^(anon|second)" LINE("14|15|16|17|18|19") CLOCK "$",
	"^((anon|first):10|(anon|second):16) leaf" LEAF "$",
	"^" IN("bare", "main_chunk", "[0-9]+") CLOCK "$",
	"^" IN("bare", "main_chunk", "13") " " IN("bare", "middle", "7|8|9|10") "$",
	"^" IN("bare", "main_chunk", "13") " " IN("bare", "middle", "8") " " IN("bare", "leaf",
										"2|3|4|5|6") "$",
	NULL,
};

static const char *const reopen[] = {
	"^main" LINE("[0-9]+") "$",
	"^(anon|work)" LINE("6|7|8|9") "$",
	"^(anon|work):7 (leaf|anon)" LINE("1|2|3|4|5") "$",
	"^" IN("reopen2", "(<anonymous>|work)", "8|9|10|11") "$",
	"^" IN("reopen2", "(<anonymous>|work)", "9") " " IN("reopen2", "(<anonymous>|other)",
							    "3|4|5|6|7") "$",
	NULL,
};

static const char *const bare[] = {
	"^main" LINE("[0-9]+") CLOCK "$",
	"^main:13 middle" LINE("7|8|9|10") "$",
	"^main:13 middle:8 leaf" LEAF "$",
	NULL,
};

static const struct scenario {
	struct truth_program truth;
	const char *name;
	double most_outside, most_marked; /* shares; 0 = 3 %, 1 % */
} scenarios[] = {
	{{"resume", resume}, "resume", 0, 0},
	{{"loop", loop}, "loop", 0, 0},
	{{"relay", relay}, "relay", 0, 0},
	{{"calls", calls}, "calls", 0, 0},
	{{"nested", nested}, "nested", 0, 0},
	{{"threads", threads}, "threads", 0, 0},
	{{"turns", turns}, "turns", 0.9, 0}, /* threads that wait for their turn */
	{{"many", many}, "many", 0, 0.03},
	{{"many", many}, "too_many", 0, 0.35}, /* 4 of 20 VMs found no room */
	{{"prefork", prefork}, "prefork", 0, 0},
	{{"reopen", reopen}, "reopen", 0.3, 0.05}, /* opens VMs all the time */
	{{"bare", bare}, "bare", 0, 0},
};

#define NR_SCENARIOS (sizeof(scenarios) / sizeof(*scenarios))

/* ---- judging ------------------------------------------------------------------------------- */

struct tally {
	uint64_t samples[NR_VERDICTS], all;
	int nr_shown;
};

static void judge_folded(const struct scenario *s, const char *directory, struct tally *tally)
{
	char *path = path_join(directory, "tracing.folded"), *rest, *line;
	struct text text = file_read(path);

	cr_assert(text.data != NULL, "there is no %s", path);
	rest = text.data;
	while ((line = strsep(&rest, "\n"))) {
		uint64_t samples;
		enum verdict verdict;

		if (!*line)
			continue;
		verdict = truth_judge(&s->truth, line, &samples);
		tally->samples[verdict] += samples;
		tally->all += samples;
		if ((verdict == VERDICT_WRONG || verdict == VERDICT_BAD) &&
		    tally->nr_shown++ < MAX_SHOWN)
			cr_log_warn("%s: %s: %s", s->name, verdict_name(verdict), line);
		else if (verdict == VERDICT_MARKED)
			cr_log_info("%s: %s: %s", s->name, verdict_name(verdict), line);
	}
	text_done(&text);
	free(path);
}

static void expect_known_stacks(const char *host, const struct scenario *s, const struct tally *t)
{
	double marked = s->most_marked ? s->most_marked : 0.01;
	double outside = s->most_outside ? s->most_outside : 0.03;
	uint64_t inside = t->all - t->samples[VERDICT_OUTSIDE];

	cr_log_info("%-18s %-9s %5lu samples  exact %7.3f %%  marked %lu  wrong %lu  outside %lu",
		    host, s->name, t->all,
		    100.0 * (double)t->samples[VERDICT_EXACT] / (double)(inside ? inside : 1),
		    t->samples[VERDICT_MARKED], t->samples[VERDICT_WRONG],
		    t->samples[VERDICT_OUTSIDE]);
	cr_expect(t->samples[VERDICT_WRONG] + t->samples[VERDICT_BAD] == 0,
		  "%s %s: %lu wrong stacks", host, s->name, t->samples[VERDICT_WRONG]);
	cr_expect((double)t->samples[VERDICT_MARKED] <= marked * (double)inside + 1,
		  "%s %s: %lu of %lu marked", host, s->name, t->samples[VERDICT_MARKED], inside);
	cr_expect((double)t->samples[VERDICT_OUTSIDE] <= outside * (double)t->all + 15,
		  "%s %s: %lu of %lu outside", host, s->name, t->samples[VERDICT_OUTSIDE], t->all);
	cr_expect(t->all >= LEAST_SAMPLES, "%s %s: only %lu samples", host, s->name, t->all);
}

static void check_scenario(const char *host, const char *path, const struct scenario *s,
			   const char *nojit)
{
	struct tally tally = {0};
	struct profiled p;

	profiled_run(BPROF_PERF, HOSTS_DIRECTORY, NULL,
		     WORDS("-F", FREQUENCY, "--lines", "--boundaries=none"),
		     WORDS(path, s->name, SECONDS, nojit), &p);
	cr_assert(p.run.status == 0, "%s %s: status %d: %s", host, s->name, p.run.status,
		  p.run.err.data);
	judge_folded(s, p.directory, &tally);
	expect_known_stacks(host, s, &tally);
	if (strcmp(s->name, "too_many") == 0)
		cr_expect(strstr(p.run.err.data, "too many in one process: 4") != NULL,
			  "%s: not said: %s", host, p.run.err.data);
	profiled_done(&p);
}

/* @nojit: the program's last argument; NULL = none */
static void check_host(const char *host, const char *nojit)
{
	const char *reason = why_no_profiling(BPROF_PERF);
	char path[512];

	if (reason)
		cr_skip_test("%s", reason);
	snprintf(path, sizeof(path), "%s/%s", HOSTS, host);
	if (access(path, X_OK) < 0)
		cr_skip_test("%s was not built: the headers of its Lua are missing", host);
	for (size_t i = 0; i < NR_SCENARIOS; i++)
		check_scenario(host, path, &scenarios[i], nojit);
}

TestSuite(hosts, .timeout = 120);

Test(hosts, of_luajit)
{
	check_host("host-luajit", NULL);
}

Test(hosts, of_luajit_without_its_compiler)
{
	check_host("host-luajit", "nojit");
}

Test(hosts, of_lua_5_1)
{
	check_host("host-lua5.1", NULL);
}

Test(hosts, of_lua_5_2)
{
	check_host("host-lua5.2", NULL);
}

Test(hosts, of_lua_5_3)
{
	check_host("host-lua5.3", NULL);
}

Test(hosts, of_lua_5_4)
{
	check_host("host-lua5.4", NULL);
}
