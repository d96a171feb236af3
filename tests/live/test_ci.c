/* SPDX-License-Identifier: MIT */
/*
 * tools/ci as a runner of GitHub would call it: a pull request that makes a test slower, from a
 * shallow clone that has no base yet; a push; a suite that prints commands for the runner; a
 * release and its publication, with tags that move and publishers that meet.
 *
 * Needs root, BPF, git, busted and luajit; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_doc.h"
#include "profiled.h"
#include "run.h"

#define EXAMPLE SOURCE_DIR "/examples/textkit"
#define LUAJIT	"luajit"
#define WORDS	(const char *const[])
#define SUITE	"luajit /usr/bin/busted spec/checksum_spec.lua"

/* origin, a bare repository with two commits, and a shallow clone of the second: what a runner has.
 */
static char *directory;

static void make_repositories(void)
{
	skip_unless_profiling(BPROF_PERF, LUAJIT);
	if (!program_exists("git"))
		cr_skip_test("git is not installed");
	directory = directory_make();
	shell_run(directory,
		  "git init -q work && cd work && git config user.email test@localhost && "
		  "git config user.name test && cp -r " EXAMPLE "/. . && git add -A && "
		  "git commit -qm one && cd .. && git clone -q --bare work origin.git && "
		  /* the tool builds itself where it is: that build is ours */
		  "mkdir -p tool/tools && cp " SOURCE_DIR "/tools/ci tool/tools/ && "
		  "printf '#!/bin/sh\\nexec " BPROF_PERF " \"$@\"\\n' >tool/tools/run && "
		  "chmod +x tool/tools/run");
}

static void remove_repositories(void)
{
	if (directory)
		directory_remove(directory);
	directory = NULL;
}

TestSuite(ci, .init = make_repositories, .fini = remove_repositories, .timeout = 600);

/* One more commit at origin, and a clone of it alone. */
static void push_and_clone(const char *change, const char *subject)
{
	char command[1024];

	snprintf(
		command, sizeof(command),
		"cd work && %s && git commit -qam '%s' && git push -q ../origin.git HEAD && cd .. && "
		"git clone -q --depth 1 file://$PWD/origin.git clone",
		change, subject);
	shell_run(directory, command);
}

static void run_ci(const char *base, const char *command, struct run *ret)
{
	char *clone = path_join(directory, "clone"), *summary = path_join(directory, "summary");
	char *output = path_join(directory, "output"),
	     *tool = path_join(directory, "tool/tools/ci");
	char *env[6] = {0};

	cr_assert(asprintf(&env[0], "BPROF_CI_BASE=%s", base) > 0);
	cr_assert(asprintf(&env[1], "GITHUB_STEP_SUMMARY=%s", summary) > 0);
	cr_assert(asprintf(&env[2], "GITHUB_OUTPUT=%s", output) > 0);
	cr_assert(asprintf(&env[3], "GITHUB_ACTIONS=true") > 0);
	cr_assert(asprintf(&env[4], "BPROF_PAIRS=15") > 0);
	run_command(clone, (const char *const *)env, WORDS{tool, "sh", "-c", command, NULL}, ret);
	for (size_t i = 0; env[i]; i++)
		free(env[i]);
	free(clone);
	free(summary);
	free(output);
	free(tool);
}

static void expect_in_file(const char *name, const char *what)
{
	char command[512];

	snprintf(command, sizeof(command), "grep -qF -- '%s' %s", what, name);
	shell_run(directory, command);
}

static char *first_commit(void)
{
	struct run run;
	char *commit;

	run_command(directory, NULL, WORDS{"git", "-C", "work", "rev-parse", "HEAD", NULL}, &run);
	commit = strndup(run.out.data, strcspn(run.out.data, "\n"));
	run_done(&run);
	return commit;
}

/* Four times the work: nothing that noise could hide. */
Test(ci, a_pull_request_that_makes_a_test_slower_fails)
{
	char *base = first_commit();
	struct run run;

	push_and_clone("sed -i 's/for start = 1/for _ = 1, 4 do for start = 1/; "
		       "s/^ *assert.equal(261/end &/' spec/checksum_spec.lua",
		       "fix: four times");
	run_ci(base, SUITE, &run);
	cr_expect(run.status == 3, "status %d: %s", run.status, run.err.data);
	cr_expect(strstr(run.out.data, "::error file=spec/checksum_spec.lua,line=") != NULL, "%s",
		  run.out.data);
	expect_in_file("output", "status=3");
	expect_in_file("summary", "collatz");
	expect_in_file("summary", "What the tests cost");
	shell_run(
		directory,
		"cd clone/bprof-ci && for file in profile.json flamegraph.json tracing.folded "
		"costs.md comparison.json difference.folded difference.svg junit.xml benchmark.json; do test -s $file || exit 1; done");
	/* both sides ran the test, and head more of it */
	shell_run(directory,
		  "awk '/collatz/ { base += $(NF - 1); head += $NF } "
		  "END { exit !(base > 0 && head > 2 * base) }' clone/bprof-ci/difference.folded");
	shell_run(directory,
		  "cd clone && test -z \"$(git status --porcelain | grep -v bprof-ci)\"");
	run_done(&run);
	free(base);
}

/* Without a base: the suite alone, and nothing that it prints is a command for the runner. */
Test(ci, a_push_is_profiled_and_its_output_is_no_command)
{
	const char *stop, *hostile, *token;
	char end[64];
	struct run run;

	push_and_clone("echo >> README.md", "two");
	run_ci("", "echo ::error::forged; exec " SUITE, &run);
	cr_expect(run.status == 0, "status %d: %s", run.status, run.err.data);
	stop = strstr(run.out.data, "::stop-commands::");
	hostile = strstr(run.out.data, "::error::forged");
	cr_assert(stop && hostile && stop < hostile, "%s", run.out.data);
	token = stop + strlen("::stop-commands::");
	snprintf(end, sizeof(end), "::%.*s::", (int)strcspn(token, "\n"), token);
	cr_expect(strlen(end) == 36 && strstr(hostile, end) != NULL, "%s", run.out.data);
	expect_in_file("output", "status=0");
	expect_in_file("summary", "What the tests cost");
	run_done(&run);
	run_ci("", SUITE, &run);
	cr_expect(run.status == 2 && strstr(run.err.data, "is there already"), "%s", run.err.data);
	run_done(&run);
}

/* The name under which a runner keeps the build: of the sources, not of their dates. */
Test(ci, a_build_is_kept_by_what_it_is_made_of)
{
	static const char key[] = "BPROF_CI_TASK=key GITHUB_OUTPUT=$PWD/output tool/tools/ci";
	char command[2048];

	snprintf(
		command, sizeof(command),
		"cp -r " SOURCE_DIR "/tools/lib " SOURCE_DIR
		"/tools/cmake tool/tools/ && cp -r " SOURCE_DIR "/include " SOURCE_DIR
		"/bpf " SOURCE_DIR "/CMakeLists.txt " SOURCE_DIR
		"/CMakePresets.json tool/ && mkdir tool/src && echo 1 >tool/src/a.c && "
		"one=$(%s) && touch tool/src/a.c && same=$(%s) && echo 2 >tool/src/a.c && other=$(%s) && "
		"grep -qx 'key=bprof-perf-[a-z]*-[0-9.]*-[a-z0-9_]*-[0-9a-f]\\{32\\}' output && "
		"test $one = $same && test $one != $other && grep -qxF $one output",
		key, key, key);
	shell_run(directory, command);
}

/* A checkout makes every file new: that is no reason to build again. */
Test(ci, a_build_that_was_kept_is_used)
{
	shell_run(
		directory,
		"mkdir -p fresh/build fresh/src && cp -r " SOURCE_DIR
		"/tools fresh/ && cp -r " SOURCE_DIR "/include " SOURCE_DIR "/bpf " SOURCE_DIR
		"/CMakeLists.txt " SOURCE_DIR
		"/CMakePresets.json fresh/ && echo 1 >fresh/src/a.c && cp " BPROF_PERF
		" fresh/build/ && "
		"(ROOT=$PWD/fresh && . fresh/tools/lib/setup.sh && sources_id) >fresh/build/.built && "
		"sleep 0.02 && touch fresh/src/a.c && fresh/tools/run --version | grep -q bprof-perf && "
		/* of other sources it is not: cmake then misses them */
		"echo 2 >fresh/src/a.c && ! fresh/tools/run --version 2>said && "
		"grep -q 'building build/bprof-perf' said");
}

Test(ci, a_base_that_is_no_revision_is_refused)
{
	static const struct {
		const char *base, *sentence;
		int status;
	} bases[] = {
		{"--upload-pack=touch forged", "is no revision", 2},
		{"ext::sh -c touch% forged", "is no revision", 2},
		{"no/such/branch", "is neither here nor at origin", 125},
	};

	push_and_clone("echo >> README.md", "two");
	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
		struct run run;

		run_ci(bases[i].base, SUITE, &run);
		cr_expect(run.status == bases[i].status, "%s: status %d", bases[i].base,
			  run.status);
		cr_expect(strstr(run.err.data, bases[i].sentence) != NULL, "%s: %s", bases[i].base,
			  run.err.data);
		run_done(&run);
		shell_run(directory, "rm -rf clone/bprof-ci && test ! -e clone/forged");
	}
}

/* ---- without GitHub -------------------------------------------------------------------------- */

/* Six commits, the fourth of which does four times the work. */
Test(ci, bisect_finds_the_commit)
{
	shell_run(directory,
		  "cd work && git tag good && for n in 1 2 3 4 5 6; do "
		  "if [ $n = 4 ]; then sed -i 's/for start = 1/for _ = 1, 4 do for start = 1/; "
		  "s/^ *assert.equal(261/end &/' spec/checksum_spec.lua; fi; echo $n >>README.md; "
		  "git commit -qam $n; git tag c$n; done");
	shell_run(
		directory,
		"cd work && git bisect start HEAD good >/dev/null && export BPROF_PERF=" BPROF_PERF
		" BPROF_PAIRS=8 && git bisect run " SOURCE_DIR "/tools/bisect good " SUITE
		" >../bisect.log 2>&1 && test $(git rev-parse refs/bisect/bad) = "
		"$(git rev-parse c4)");
	shell_run(directory,
		  "cd work && git bisect reset >/dev/null 2>&1 && "
		  "if BPROF_PERF='" BPROF_PERF " --no-such-option' " SOURCE_DIR
		  "/tools/bisect good x 2>/dev/null; then exit 1; else test $? = 255; fi");
	shell_run(
		directory,
		"cd work && if BPROF_PERF=" BPROF_PERF " " SOURCE_DIR
		"/tools/bisect no-such-revision x 2>/dev/null; then exit 1; else test $? = 125; fi");
}

Test(ci, make_and_a_shell_do_the_same)
{
	shell_run(directory,
		  "cd work && make -s -f " SOURCE_DIR "/tools/bprof-perf.mk flamegraph OUT=flame "
		  "BPROF_PERF=" BPROF_PERF " SUITE='" SUITE "' >/dev/null 2>&1 && "
		  "test -s flame/flamegraph.json");
	shell_run(directory,
		  "cd work && rm -rf flame && BPROF_PAIRS=5 BPROF_CI=../tool/tools/ci " SOURCE_DIR
		  "/examples/ci/check.sh HEAD " SUITE " >../log 2>/dev/null && "
		  "grep -q '^as fast as HEAD' ../log && test -s bprof-ci/comparison.json");
}

/* ---- releases ------------------------------------------------------------------------------- */

/* One task of the workflows, in the directory "where". */
static void run_task(const char *where, const char *task, const char *tag, struct run *ret)
{
	char *cwd = path_join(directory, where), *tool = path_join(directory, "tool/tools/ci");
	char *env[4] = {0};

	cr_assert(asprintf(&env[0], "BPROF_CI_TASK=%s", task) > 0);
	cr_assert(asprintf(&env[1], "BPROF_CI_TAG=%s", tag) > 0);
	cr_assert(asprintf(&env[2], "GITHUB_ACTIONS=true") > 0);
	run_command(cwd, (const char *const *)env, WORDS{tool, "sh", "-c", SUITE, NULL}, ret);
	for (size_t i = 0; env[i]; i++)
		free(env[i]);
	free(cwd);
	free(tool);
}

static void expect_task(const char *where, const char *task, const char *tag, int status,
			const char *sentence)
{
	struct run run;

	run_task(where, task, tag, &run);
	cr_expect(run.status == status, "%s %s: status %d: %s", task, tag, run.status,
		  run.err.data);
	cr_expect(strstr(run.err.data ? run.err.data : "", sentence) != NULL, "%s %s: '%s' in %s",
		  task, tag, sentence, run.err.data);
	run_done(&run);
}

/* The jobs of release.yml: a shallow clone of the tag runs the suite, a whole one publishes. */
static void make_release(void)
{
	shell_run(directory,
		  "cd work && git tag v1.0.0 && git tag -a -m beta v1.1.0-beta.1 && "
		  "git tag nightly && git push -q --tags ../origin.git HEAD && cd .. && "
		  "git clone -q --depth 1 --branch v1.0.0 file://$PWD/origin.git shallow && "
		  "git clone -q origin.git whole");
	expect_task("shallow", "release", "nightly", 2, "nightly");
	shell_run(directory, "rm -rf shallow/bprof-ci");
	expect_task("shallow", "release", "v1.0.0", 0, "");
	shell_run(directory,
		  "cd shallow/bprof-ci && test -s recording.bprof && test -s summary.md && "
		  "test -s benchmarks/busted/all/README.md && cp -r . ../../whole/bprof-ci");
}

Test(ci, a_tag_becomes_a_release_on_the_branch)
{
	make_release();
	expect_task("whole", "sync", "", 0, "there is no branch 'profiling'");
	expect_task("whole", "publish", "v1.0.0", 0, "published v1.0.0");
	shell_run(
		directory,
		"cd origin.git && git ls-tree --name-only profiling:benchmarks/busted/all/artifacts "
		"| grep -q ^v1.0.0- && git fsck --strict --no-dangling");
	shell_run(directory, "cd work && echo more >>README.md && git commit -qam more && "
			     "git push -q ../origin.git HEAD");
	expect_task("whole", "sync", "", 0, "merged main");
	shell_run(directory, "cd origin.git && git merge-base --is-ancestor HEAD profiling");
	/* annotated, and no release that all/ shows */
	expect_task("whole", "publish", "v1.1.0-beta.1", 0, "published v1.1.0-beta.1");
	shell_run(directory,
		  "cd origin.git && git show profiling:benchmarks/busted/all/README.md | "
		  "grep -q v1.0.0");
	shell_run(directory, "cd whole && test \"$(git status --porcelain)\" = '?? bprof-ci/' && "
			     "test -z \"$(git branch --list profiling)\"");
}

Test(ci, an_event_without_a_tag_is_no_release)
{
	shell_run(directory, "git clone -q origin.git whole");
	expect_task("whole", "release", "", 0, "no tag: this is no release");
	expect_task("whole", "publish", "", 0, "no tag: this is no release");
	shell_run(
		directory,
		"test ! -e whole/bprof-ci && ! git -C origin.git rev-parse -q --verify profiling");
	expect_task("whole", "deploy", "", 2, "BPROF_CI_TASK 'deploy' is not");
}

/* Moved or deleted while the suite ran; a branch that may not be pushed to. */
Test(ci, what_may_not_be_published_is_said_and_nothing_changes)
{
	make_release();
	shell_run(directory, "cd work && echo more >>README.md && git commit -qam more && "
			     "git tag -f v1.0.0 && git push -q -f ../origin.git v1.0.0");
	expect_task("whole", "publish", "v1.0.0", 125, "it was moved, and nothing is published");
	expect_task("shallow", "release", "v1.0.0", 125, "it was moved, and nothing is published");
	shell_run(directory, "cd work && git push -q ../origin.git :v1.0.0");
	expect_task("whole", "publish", "v1.0.0", 125, "is gone at origin");
	shell_run(
		directory,
		"printf '#!/bin/sh\necho protected >&2; exit 1\n' >origin.git/hooks/pre-receive && "
		"chmod +x origin.git/hooks/pre-receive");
	expect_task("whole", "publish", "v1.1.0-beta.1", 125, "did not take the commit");
	shell_run(directory, "! git -C origin.git rev-parse -q --verify profiling");
}

/* Two jobs of two tags, from one commit of the branch. */
Test(ci, two_publishers_at_once_lose_nothing)
{
	make_release();
	shell_run(directory, "cp -r whole other && for job in whole=v1.0.0 other=v1.1.0-beta.1; do "
			     "(cd ${job%=*} && BPROF_CI_TASK=publish BPROF_CI_TAG=${job#*=} "
			     "../tool/tools/ci && touch done) & done; wait; "
			     "test -e whole/done && test -e other/done");
	shell_run(directory, "cd origin.git && test $(git ls-tree --name-only "
			     "profiling:benchmarks/busted/all/artifacts | wc -l) = 2");
}
