/* SPDX-License-Identifier: MIT */
/*
 * backfill in a git repository of its own: which tags become releases and which are left out, that
 * what is finished stays when we are stopped, and that the user's tree is as it was.
 *
 * Needs root, BPF, git, busted and luajit; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profiled.h"
#include "run.h"

#define LUAJIT	"luajit"
#define SUITE	"--", LUAJIT, "/usr/bin/busted"
#define WORDS	(const char *const[])
#define FOLDERS "benchmarks/busted/all/artifacts"

static char *repository;

/*
 * v1.0.0 and v1.10.0 have tests; v1.2.0 has none; v1.9.0 does not build; the tip has one more. A
 * hook and a filter that must not run.
 */
static void make_repository(void)
{
	skip_unless_profiling(BPROF_PERF, LUAJIT);
	if (!program_exists("git"))
		cr_skip_test("git is not installed");
	repository = directory_make();
	shell_run(
		repository,
		"git init -q -b main . && git config user.email a@b && git config user.name a && "
		"mkdir spec && printf '*.lua filter=dirty\\n' >.gitattributes && "
		"printf 'describe(\"d\", function() it(\"one\", function() for _ = 1, 3e6 do end end) "
		"end)' >spec/a_spec.lua && git add . && git commit -qm one && git tag v1.0.0 && "
		"git rm -q spec/a_spec.lua && git commit -qm none && git tag v1.2.0 && "
		"git checkout -q v1.0.0 -- spec && touch broken && git add . && "
		"git commit -qm broken && git tag -a -m nine v1.9.0 && "
		"git rm -q broken && sed -i 's/3e6/6e6/' spec/a_spec.lua && git commit -qam slower && "
		"git tag v1.10.0 && echo '-- mine' >>spec/a_spec.lua && touch untracked && "
		"git config filter.dirty.smudge \"touch $PWD/filtered; cat\" && "
		"git config filter.dirty.clean cat && "
		"git config filter.dirty.required true && "
		"printf \"#!/bin/sh\\ntouch $PWD/hooked\\n\" >.git/hooks/post-checkout && "
		"chmod +x .git/hooks/post-checkout");
}

static void remove_repository(void)
{
	if (repository)
		directory_remove(repository);
	repository = NULL;
}

TestSuite(backfill, .init = make_repository, .fini = remove_repository, .timeout = 300);

/* Everything of the user's but the history. */
static struct text state(void)
{
	return shell_output(
		repository,
		"git status --porcelain | grep -v benchmarks; cksum .git/index; git stash list; "
		"git for-each-ref; git worktree list; git rev-parse HEAD; find . -path ./.git "
		"-prune -o -path ./benchmarks -prune -o -type f -print | sort | xargs cksum");
}

static void backfill(const char *const *words, struct run *ret)
{
	const char *argv[32] = {BPROF_PERF, "backfill"};
	size_t n = 2;

	while (*words)
		argv[n++] = *words++;
	run_command(repository, NULL, argv, ret);
}

static void expect_said(const struct run *run, const char *sentence)
{
	cr_expect(strstr(run->err.data, sentence), "'%s' in '%s'", sentence, run->err.data);
}

Test(backfill, tags_become_releases_in_order_and_the_rest_is_said)
{
	struct text before = state(), after;
	struct run run;

	backfill(WORDS{"v1.10.0", "v1.9.0", "v1.2.0", "nightly", "v1.0.0", "v7.0.0", "v1.0.0",
		       "--prepare", "test ! -e broken || { echo no rule; exit 3; }", "--recordings",
		       "kept/here", SUITE, NULL},
		 &run);
	cr_expect(run.status == 1, "status %d: %s", run.status, run.err.data);
	expect_said(&run, "'nightly' is left out: it is no tag");
	expect_said(&run, "1 of 5: v1.0.0 (");
	expect_said(&run, "v1.2.0 is left out: no tests were seen");
	expect_said(&run, "v1.9.0 is left out: 'refs/tags/v1.9.0' does not build: --prepare exited "
			  "with 3: no rule");
	expect_said(&run, "4 of 5: v1.10.0 (");
	expect_said(&run, "the repository has no revision 'refs/tags/v7.0.0'");
	expect_said(&run, "2 added, 0 in the history already, 4 left out");
	run_done(&run);
	shell_run(repository,
		  "test \"$(ls " FOLDERS " | sed 's/-.*//' | tr '\\n' ' ')\" = 'v1.0.0 v1.10.0 '");
	shell_run(repository,
		  "grep -q '\"release\": *\"v1.10.0\"' benchmarks/busted/all/profile.json");
	shell_run(repository, "test -s benchmarks/busted/all/timing.png");
	shell_run(repository, "test \"$(find benchmarks ! -user $(id -un))\" = ''");
	/* of those that were added, and each as good as a run of its own */
	shell_run(repository,
		  "test \"$(ls kept/here | tr '\\n' ' ')\" = 'v1.0.0.bprof v1.10.0.bprof '");
	shell_run(repository,
		  "cd kept && " BPROF_PERF
		  " report -q -o report here/v1.10.0.bprof && test $(jq '.tests | length' "
		  "report/profile.json) -gt 0");
	shell_run(repository, "test \"$(find kept ! -user $(id -un))\" = ''");
	shell_run(repository, "rm -rf benchmarks kept");
	after = state();
	cr_expect(text_equal(&before, &after), "before: %s\nafter: %s", before.data, after.data);
	text_done(&before);
	text_done(&after);
}

Test(backfill, what_is_in_the_history_is_not_profiled_again_unless_asked)
{
	struct run run;

	backfill(WORDS{"v1.0.0", SUITE, NULL}, &run);
	cr_assert(run.status == 0, "%s", run.err.data);
	run_done(&run);
	backfill(WORDS{"v1.0.0", "v1.10.0", SUITE, NULL}, &run);
	cr_expect(run.status == 0, "%s", run.err.data);
	expect_said(&run, "v1.0.0 is in the history already");
	expect_said(&run, "1 added, 1 in the history already, 0 left out");
	run_done(&run);
	backfill(WORDS{"--again", "v1.0.0", "-q", SUITE, NULL}, &run);
	cr_expect(run.status == 0, "%s", run.err.data);
	run_done(&run);
	shell_run(repository, "test $(ls " FOLDERS " | grep -c '^v1.0.0-') = 2");
	shell_run(repository,
		  "grep -q '\"release\": *\"v1.10.0\"' benchmarks/busted/all/profile.json");
}

Test(backfill, a_run_that_failed_is_in_the_history_unless_it_has_to_pass)
{
	struct run run;

	shell_run(
		repository,
		"git stash -q && echo 'it(\"fails\", function() error(1) end)' >>spec/a_spec.lua && "
		"git commit -qam fails && git tag v1.11.0 && git stash pop -q || true");
	backfill(WORDS{"v1.11.0", "--require-pass", SUITE, NULL}, &run);
	cr_expect(run.status == 125, "%d", run.status);
	expect_said(&run, "the run failed, and --require-pass is given");
	run_done(&run);
	shell_run(repository, "test ! -e benchmarks");
	backfill(WORDS{"v1.11.0", SUITE, NULL}, &run);
	cr_expect(run.status == 0, "%d: %s", run.status, run.err.data);
	expect_said(&run, "its run failed (failures: ");
	run_done(&run);
	shell_run(repository,
		  "grep -q '\"status\": *\"failed\"' " FOLDERS "/v1.11.0-*/summary.json");
}

static bool says(const char *path, const char *sentence)
{
	struct text text = file_read(path);
	bool said = text.data && strstr(text.data, sentence);

	text_done(&text);
	return said;
}

static pid_t start(const char *err)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (chdir(repository) < 0 || !freopen(err, "w", stderr))
			_exit(99);
		unsetenv("SUDO_UID");
		unsetenv("SUDO_GID");
		unsetenv("SUDO_USER");
		execl(BPROF_PERF, BPROF_PERF, "backfill", "v1.0.0", "v1.10.0", SUITE, NULL);
		_exit(99);
	}
	return pid;
}

Test(backfill, after_ctrl_c_what_is_finished_stays)
{
	char *directory = directory_make(), *err = path_join(directory, "err");
	struct text before, after;
	int status;
	pid_t pid;

	shell_run(
		repository,
		"git stash -q && sed -i 's/6e6/6e12/' spec/a_spec.lua && git commit -qam endless && "
		"git tag -f v1.10.0 >/dev/null && git reset -q --hard HEAD~ && git stash pop -q");
	before = state();
	pid = start(err);
	for (int i = 0; i < 3000 && !says(err, "2 of 2: v1.10.0"); i++)
		usleep(20000);
	sleep(1);
	kill(pid, SIGINT);
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 130, "status %d", status);
	cr_expect(says(err, "1 added, 0 in the history already, 0 left out; stopped"));
	shell_run(repository, "test \"$(ls " FOLDERS " | sed 's/-.*//')\" = v1.0.0");
	shell_run(repository, "rm -rf benchmarks");
	after = state();
	cr_expect(text_equal(&before, &after), "before: %s\nafter: %s", before.data, after.data);
	text_done(&before);
	text_done(&after);
	free(err);
	directory_remove(directory);
}

Test(backfill, what_cannot_work_is_said_before_the_first_tag)
{
	struct run run;

	backfill(WORDS{"v1.0.0", "--", "no-such-program", NULL}, &run);
	cr_expect(run.status == 125, "%d", run.status);
	expect_said(&run, "no-such-program");
	run_done(&run);
	shell_run(repository, "mv .git elsewhere");
	backfill(WORDS{"v1.0.0", SUITE, NULL}, &run);
	cr_expect(run.status == 125, "%d", run.status);
	expect_said(&run, "this directory is in no git repository");
	run_done(&run);
	shell_run(repository, "mv elsewhere .git && test ! -e benchmarks");
}
