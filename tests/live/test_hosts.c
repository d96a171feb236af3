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

/* ---- the grammars: see tests/support/truth.h ----------------------------------------------- */

/* Functions that C calls have no name. Second files of a scenario have lines from 101 on. */

static const char *const resume[] = {
	"main:* @clock|c_clock?",
	"main:20 drive:14-17",
	"main:20 drive:15 @c_resume",
	"main:20 drive:15 @c_resume anon|body:7-12 @coroutine.yield?",
	"main:20 drive:15 @c_resume anon|body:9 leaf:2-6",
	NULL,
};

static const char *const loop[] = {
	"main:*",
	"anon|body:11-16 @coroutine.yield?",
	"anon|body:13 middle:7-10",
	"anon|body:13 middle:8 leaf:2-6",
	NULL,
};

static const char *const relay[] = {
	"main:* @coroutine.create?",
	"anon|body:14-19 @coroutine.yield?",
	"anon|body:16 @c_resume",
	"anon|body:16 @c_resume anon|inner:7-12 @coroutine.yield?",
	"anon|body:16 @c_resume anon|inner:9 leaf:2-6",
	NULL,
};

/* Eleven dives within each other, each through C. */
#define DIVE  "dive:12 @c_call "
#define DIVES DIVE DIVE DIVE DIVE DIVE DIVE DIVE DIVE DIVE DIVE

static const char *const calls[] = {
	"main:* @clock|c_clock?",
	"main:18 dive:7-14 @c_call?",
	"main:18 " DIVE "dive:7-14 @c_call?",
	"main:18 " DIVE DIVE "dive:7-14 @c_call?",
	"main:18 " DIVE DIVE DIVE "dive:7-14 @c_call?",
	"main:18 " DIVE DIVE DIVE DIVE "dive:7-14 @c_call?",
	"main:18 " DIVE DIVE DIVE DIVE DIVE "dive:7-14 @c_call?",
	"main:18 " DIVE DIVE DIVE DIVE DIVE DIVE "dive:7-14 @c_call?",
	"main:18 " DIVE DIVE DIVE DIVE DIVE DIVE DIVE "dive:7-14 @c_call?",
	"main:18 " DIVE DIVE DIVE DIVE DIVE DIVE DIVE DIVE "dive:7-14 @c_call?",
	"main:18 " DIVE DIVE DIVE DIVE DIVE DIVE DIVE DIVE DIVE "dive:7-14 @c_call?",
	"main:18 " DIVES "dive:7-14",
	"main:18 " DIVES "dive:9 leaf:2-6",
	NULL,
};

static const char *const nested[] = {
	"main:* @clock|c_clock?",
	"main:14 outer:7-11",
	"main:14 outer:9 leaf:2-6",
	"main:14 outer:8 @c_inner",
	"main:14 outer:8 @c_inner anon|inner:106-109",
	"main:14 outer:8 @c_inner anon|inner:107 innermost:101-105",
	NULL,
};

static const char *const threads[] = {
	"main:* @clock|c_clock?",
	"main:9 one:2-6",
	"main:115 two:109-112",
	"main:115 two:110 work:102-106",
	NULL,
};

static const char *const turns[] = {
	"main:*",
	"anon|first:6-9",
	"anon|second:10-13",
	"anon|first:7 work:1-5",
	"anon|second:11 work:1-5",
	NULL,
};

static const char *const many[] = {
	"main:*",
	"anon|work:6-9",
	"anon|work:7 leaf:1-5",
	NULL,
};

static const char *const prefork[] = {
	"main:* @clock|c_clock?",
	"anon|first:7-13 @clock|c_clock?",
	"anon|second:13-19 @clock|c_clock?",
	"anon|first:10 leaf:2-6",
	"anon|second:16 leaf:2-6",
	"main:113 middle:107-110",
	"main:113 middle:108 leaf:102-106",
	NULL,
};

/* A VM may be gone before its prototypes were read: then their functions have no names. */
static const char *const reopen[] = {
	"main:*",
	"anon|work:6-9",
	"anon|work:7 leaf|anon:1-5",
	"anon|work:108-111",
	"anon|work:109 other|anon:103-107",
	NULL,
};

static const char *const bare[] = {
	"main:* @clock|c_clock?",
	"main:13 middle:7-10",
	"main:13 middle:8 leaf:2-6",
	NULL,
};

#define GAP "main:10 @coroutine.resume"

static const char *const gap[] = {
	"main:* @clock|c_clock|coroutine.create?",
	GAP,
	GAP " anon|body:2-7 @coroutine.yield?",
	GAP " anon|body:4 @c_gap",
	NULL,
};

static const struct scenario {
	struct truth_program truth;
	const char *name;
	double most_outside, most_marked; /* shares; 0 = 3 %, 1 % */
} scenarios[] = {
	{{.name = "resume", .stacks = resume}, "resume", 0, 0},
	{{.name = "loop", .stacks = loop}, "loop", 0, 0},
	{{.name = "relay", .stacks = relay}, "relay", 0, 0},
	{{.name = "calls", .stacks = calls}, "calls", 0, 0},
	{{.name = "nested", .stacks = nested}, "nested", 0, 0},
	{{.name = "threads", .stacks = threads}, "threads", 0, 0},
	{{.name = "turns", .stacks = turns},
	 "turns",
	 0.9,
	 0}, /* threads that wait for their turn */
	{{.name = "many", .stacks = many}, "many", 0, 0.03},
	{{.name = "many", .stacks = many}, "too_many", 0, 0.35}, /* no room for 4 of 20 VMs */
	{{.name = "prefork", .stacks = prefork}, "prefork", 0, 0},
	{{.name = "reopen", .stacks = reopen}, "reopen", 0.3, 0.05}, /* opens VMs all the time */
	{{.name = "bare", .stacks = bare}, "bare", 0, 0},
	{{.name = "gap", .stacks = gap}, "gap", 0, 0.2}, /* until the first of them are seen */
};

#define NR_SCENARIOS (sizeof(scenarios) / sizeof(*scenarios))

/* ---- judging ------------------------------------------------------------------------------- */

static void judge_folded(const struct scenario *s, const char *directory, struct truth_tally *tally)
{
	char *path = path_join(directory, "tracing.folded"), *rest, *line;
	struct text text = file_read(path);
	int nr_shown = 0;

	cr_assert(text.data != NULL, "there is no %s", path);
	rest = text.data;
	while ((line = strsep(&rest, "\n"))) {
		enum verdict verdict;

		if (!*line)
			continue;
		verdict = truth_count(&s->truth, line, tally);
		if ((verdict == VERDICT_WRONG || verdict == VERDICT_BAD) && nr_shown++ < MAX_SHOWN)
			cr_log_info("%s: %s: %s", s->name, verdict_name(verdict), line);
	}
	text_done(&text);
	free(path);
}

static void expect_known_stacks(const char *host, const struct scenario *s,
				const struct truth_tally *t)
{
	double marked = s->most_marked ? s->most_marked : 0.01;
	double outside = s->most_outside ? s->most_outside : 0.03;
	uint64_t inside = t->all - t->samples[VERDICT_OUTSIDE];

	cr_log_info("%-18s %-9s %5lu samples  exact %7.3f %%  marked %lu  wrong %lu  outside %lu",
		    host, s->name, t->all,
		    100.0 * (double)t->samples[VERDICT_EXACT] / (double)(inside ? inside : 1),
		    t->samples[VERDICT_MARKED], t->samples[VERDICT_WRONG],
		    t->samples[VERDICT_OUTSIDE]);
	for (size_t i = 0; i < t->nr_reasons; i++)
		cr_log_info("    %s: %lu", t->reasons[i].text, t->reasons[i].samples);
	cr_expect(t->samples[VERDICT_WRONG] + t->samples[VERDICT_BAD] == 0,
		  "%s %s: %lu wrong stacks", host, s->name, t->samples[VERDICT_WRONG]);
	cr_expect((double)t->samples[VERDICT_MARKED] <= marked * (double)inside + 1,
		  "%s %s: %lu of %lu marked", host, s->name, t->samples[VERDICT_MARKED], inside);
	cr_expect((double)t->samples[VERDICT_OUTSIDE] <= outside * (double)t->all + 15,
		  "%s %s: %lu of %lu outside", host, s->name, t->samples[VERDICT_OUTSIDE], t->all);
	cr_expect(t->all >= LEAST_SAMPLES, "%s %s: only %lu samples", host, s->name, t->all);
}

static void profile_scenario(const char *host, const char *path, const struct scenario *s,
			     const char *nojit, struct profiled *p, struct truth_tally *tally)
{
	profiled_run(BPROF_PERF, HOSTS_DIRECTORY, NULL,
		     WORDS("-F", FREQUENCY, "--lines", "--boundaries=none"),
		     WORDS(path, s->name, SECONDS, nojit), p);
	cr_assert(p->run.status == 0, "%s %s: status %d: %s", host, s->name, p->run.status,
		  p->run.err.data);
	judge_folded(s, p->directory, tally);
}

static void check_scenario(const char *host, const char *path, const struct scenario *s,
			   const char *nojit)
{
	struct truth_tally tally = {0};
	struct profiled p;

	profile_scenario(host, path, s, nojit, &p, &tally);
	expect_known_stacks(host, s, &tally);
	if (strcmp(s->name, "too_many") == 0)
		cr_expect(json_int_at(p.profile, "counters.unproved_vm") == 4,
			  "%s: %lld VMs left out", host,
			  json_int_at(p.profile, "counters.unproved_vm"));
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
