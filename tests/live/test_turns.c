/* SPDX-License-Identifier: MIT */
/*
 * The example suite against itself, in turns, in a git repository of its own: a test that was made
 * 15 % slower is found and named, nothing is found where nothing changed, and the user's tree is as
 * it was.
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

#include "json_doc.h"
#include "profiled.h"
#include "run.h"

#define EXAMPLE SOURCE_DIR "/examples/textkit"
#define LUAJIT	"luajit"
#define SUITE	LUAJIT, "/usr/bin/busted", "spec/checksum_spec.lua", "spec/lru_spec.lua"
#define WORDS	(const char *const[])
#define PLANTED "checksum in a hot loop #slow collatz"
#define TRIES	2 /* a neighbour may make a run of half a minute too noisy to call */

/* ---- a repository -------------------------------------------------------------------------- */

static char *repository;

static void make_repository(void)
{
	skip_unless_profiling(BPROF_PERF, LUAJIT);
	if (!program_exists("git"))
		cr_skip_test("git is not installed");
	repository = directory_make();
	shell_run(
		repository,
		"cp -r " EXAMPLE "/. . && git init -q . && git config user.email test@localhost && "
		"git config user.name test && git add -A && git commit -qm one && "
		"touch untracked && echo 1 >> README.md && git stash -q && echo 2 >> README.md && "
		"git add README.md");
}

static void remove_repository(void)
{
	if (repository)
		directory_remove(repository);
	repository = NULL;
}

TestSuite(turns, .init = make_repository, .fini = remove_repository, .timeout = 600);

/* 1.15 times the steps; the longest sequence below stays the same. */
static void plant(void)
{
	shell_run(repository, "sed -i 's/start = 1, 8000/start = 1, 9150/' spec/checksum_spec.lua");
}

/* Everything of the user's that git knows: files, index, stash, branches, worktrees. */
static struct text state(void)
{
	return shell_output(
		repository,
		"git status --porcelain && cksum .git/index && git stash list && "
		"git for-each-ref && git worktree list && git rev-parse HEAD && find . -path "
		"./.git -prune -o -type f -print | sort | xargs cksum");
}

/* ---- comparing ----------------------------------------------------------------------------- */

static const char *scratch_directories(void)
{
	static char list[4096];
	FILE *ls = popen("ls -d ${TMPDIR:-/tmp}/bprof-perf-* 2>/dev/null | tr '\\n' ' '", "r");
	size_t len = fread(list, 1, sizeof(list) - 1, ls);

	list[len] = 0;
	pclose(ls);
	return list;
}

static void run_compare(const char *const *options, struct run *ret)
{
	const char *argv[RUN_MAX_ARGS] = {BPROF_PERF, "compare", "--base", "HEAD"};
	static const char *const command[] = {"--", SUITE, NULL};
	size_t nr = 4;

	for (size_t i = 0; options[i]; i++)
		argv[nr++] = options[i];
	for (size_t i = 0; command[i]; i++)
		argv[nr++] = command[i];
	run_command(repository, NULL, argv, ret);
}

static yajl_val parse(const struct run *run)
{
	char error[256];
	yajl_val comparison = yajl_tree_parse(run->out.data, error, sizeof(error));

	cr_assert(comparison != NULL, "%s\n%s", error, run->err.data);
	return comparison;
}

static yajl_val element_named(yajl_val comparison, const char *name)
{
	yajl_val elements = json_at(comparison, "elements");

	for (size_t i = 0; i < json_length(elements); i++) {
		yajl_val element = json_item(elements, i);

		if (strcmp(json_string_at(element, "kind"), "test") == 0 &&
		    strcmp(json_string_at(element, "name"), name) == 0)
			return element;
	}
	cr_assert(false, "no test '%s'", name);
	return NULL;
}

static yajl_val json_read_in(const char *directory, const char *name)
{
	char *path = path_join(directory, name);
	yajl_val json = json_read(path);

	free(path);
	return json;
}

static double real_at(yajl_val owner, const char *key)
{
	return YAJL_GET_DOUBLE(json_at(owner, key));
}

/* By time; on a machine where time is too noisy to tell, by what the VM did. */
static bool found_and_named(const struct run *run)
{
	yajl_val comparison = parse(run);
	yajl_val planted = element_named(comparison, PLANTED);
	bool by_time = strcmp(json_string_at(planted, "verdict"), "slower") == 0;
	bool found = by_time || json_bool_at(planted, "counted.fails");

	cr_expect(strcmp(json_string_at(comparison, "rung"), "paired timing") == 0);
	fprintf(stderr,
		"planted 15 %%: %s, ratio %.3f, counted %.3f, after %lld pairs, %lld slower\n",
		json_string_at(planted, "verdict"), real_at(planted, "ratio"),
		real_at(planted, "counted.ratio"), json_int_at(comparison, "pairs"),
		json_int_at(comparison, "counts.test.slower"));
	cr_expect(real_at(planted, "counted.ratio") > 1.1 &&
		  real_at(planted, "counted.ratio") < 1.25);
	if (by_time)
		cr_expect(real_at(planted, "ratio") > 1.05 && real_at(planted, "ratio") < 1.25);
	cr_expect(run->status == (json_bool_at(comparison, "gate_fails") ? 3 : 0));
	yajl_tree_free(comparison);
	return found;
}

Test(turns, a_test_made_15_percent_slower_is_found_and_named)
{
	struct text before, after;
	bool found = false;

	plant();
	before = state();
	for (unsigned i = 0; i < TRIES && !found; i++) {
		struct run run;

		run_compare(WORDS{"--json", "--gate", "-q", NULL}, &run);
		found = found_and_named(&run);
		run_done(&run);
	}
	cr_expect(found);
	after = state();
	cr_expect(text_equal(&before, &after), "the user's repository was\n%s\nand is\n%s",
		  before.data, after.data);
	text_done(&before);
	text_done(&after);
	cr_expect(*scratch_directories() == 0, "left behind: %s", scratch_directories());
}

Test(turns, the_same_code_is_not_slower)
{
	long long slower = 1;

	for (unsigned i = 0; i < TRIES && slower > 0; i++) {
		yajl_val comparison;
		struct run run;

		run_compare(WORDS{"--json", "--gate", "-q", "--pairs", "10", NULL}, &run);
		comparison = parse(&run);
		slower = json_int_at(comparison, "counts.test.slower");
		cr_expect(json_length(json_at(comparison, "added")) == 0);
		cr_expect(json_length(json_at(comparison, "removed")) == 0);
		cr_expect(run.status == 0, "status %d", run.status);
		yajl_tree_free(comparison);
		run_done(&run);
	}
	cr_expect(slower == 0, "%lld tests are slower than themselves", slower);
}

static size_t count_lines_with(const char *path, const char *what)
{
	char *file = path_join(repository, path), line[4096];
	FILE *f = fopen(file, "r");
	size_t nr = 0;

	cr_assert(f != NULL, "there is no %s", path);
	while (fgets(line, sizeof(line), f))
		nr += strstr(line, what) != NULL;
	fclose(f);
	free(file);
	return nr;
}

/* Four times the work is certain after fifteen pairs, so that what is excused is really excused. */
Test(turns, a_commit_that_is_named_excuses_what_became_slower)
{
	static const char *const subjects[] = {"feat(checksum): more steps", "fix: more steps"};

	shell_run(
		repository,
		"sed -i 's/for start = 1/for _ = 1, 4 do for start = 1/; s/^ *assert.equal(261/end &/' "
		"spec/checksum_spec.lua");
	for (size_t i = 0; i < 2; i++) {
		char commit[128];
		struct run run;

		snprintf(commit, sizeof(commit),
			 "git commit -qam '%s' && git commit -q --allow-empty -m last",
			 subjects[i]);
		shell_run(repository, commit);
		run_command(repository, NULL,
			    WORDS{BPROF_PERF,
				  "compare",
				  "--base",
				  "HEAD~2",
				  "--pairs",
				  "10",
				  "-q",
				  "--gate",
				  "--excuse-commits",
				  "feat*",
				  "--format",
				  "github",
				  "--save",
				  "markdown=summary.md",
				  "--save",
				  "json=comparison.json",
				  "--",
				  LUAJIT,
				  "/usr/bin/busted",
				  "spec/checksum_spec.lua",
				  NULL},
			    &run);
		cr_expect(run.status == (i == 0 ? 0 : 3), "%s: status %d: %s", subjects[i],
			  run.status, run.err.data);
		cr_expect(strstr(run.out.data, i == 0 ? "::warning " : "::error ") != NULL, "%s",
			  run.out.data);
		cr_expect(strstr(run.out.data, i == 0 ? "::error " : "::warning ") == NULL, "%s",
			  run.out.data);
		cr_expect(count_lines_with("comparison.json", "\"gate_fails\": true") == i);
		cr_expect(count_lines_with("summary.md", "feat(checksum)") == 1 - i);
		cr_expect(count_lines_with("summary.md", "collatz") >= 1);
		run_done(&run);
		shell_run(repository, "git reset -q --soft HEAD~2");
	}
}

/* ---- the end in the middle ----------------------------------------------------------------- */

static pid_t start_compare(const char *out, const char *err)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (chdir(repository) < 0 || !freopen(out, "w", stdout) ||
		    !freopen(err, "w", stderr))
			_exit(99);
		unsetenv("SUDO_UID");
		unsetenv("SUDO_GID");
		unsetenv("SUDO_USER");
		execl(BPROF_PERF, BPROF_PERF, "compare", "--base", "HEAD", "--pairs", "500", "--",
		      SUITE, NULL);
		_exit(99);
	}
	return pid;
}

static bool says(const char *path, const char *sentence)
{
	struct text text = file_read(path);
	bool said = text.data && strstr(text.data, sentence);

	text_done(&text);
	return said;
}

/* Ends a comparison after its second pair. Returns its status as waitpid() says it. */
static int end_by(int number, const char *out, const char *err)
{
	pid_t pid = start_compare(out, err);
	int status;

	for (int i = 0; i < 3000 && !says(err, "pair 2 of 500"); i++)
		usleep(20000);
	kill(pid, number);
	cr_assert(waitpid(pid, &status, 0) == pid);
	return status;
}

Test(turns, after_ctrl_c_the_finished_pairs_count)
{
	char *directory = directory_make(), *out = path_join(directory, "out"),
	     *err = path_join(directory, "err");
	int status = end_by(SIGINT, out, err);

	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
	cr_expect(says(err, "finished pairs count"));
	cr_expect(says(out, "trend only"));
	cr_expect(!says(out, "no instructions of the Lua VM"), "they are counted before the pairs");
	cr_expect(says(out, "whole suite"));
	cr_expect(*scratch_directories() == 0, "left behind: %s", scratch_directories());
	free(out);
	free(err);
	directory_remove(directory);
}

Test(turns, nothing_is_left_behind_by_one_that_was_killed)
{
	char *directory = directory_make(), *out = path_join(directory, "out"),
	     *err = path_join(directory, "err");
	struct text worktrees;

	end_by(SIGKILL, out, err);
	for (int i = 0; i < 1000 && *scratch_directories(); i++)
		usleep(20000); /* the run under way ends first */
	cr_expect(*scratch_directories() == 0, "left behind: %s", scratch_directories());
	worktrees = shell_output(repository, "git worktree list | wc -l");
	cr_expect(strcmp(worktrees.data, "1\n") == 0, "%s", worktrees.data);
	text_done(&worktrees);
	free(out);
	free(err);
	directory_remove(directory);
}

/* ---- what cannot be compared --------------------------------------------------------------- */

static void expect_refusal(const char *const *words, const char *sentence)
{
	const char *argv[RUN_MAX_ARGS] = {BPROF_PERF, "compare"};
	struct run run;

	for (size_t i = 0; words[i]; i++)
		argv[i + 2] = words[i];
	run_command(repository, NULL, argv, &run);
	cr_expect(run.status == 125, "status %d: %s", run.status, run.err.data);
	cr_expect(strstr(run.err.data, sentence) != NULL, "%s", run.err.data);
	cr_expect(run.out.len == 0, "%s", run.out.data);
	run_done(&run);
}

Test(turns, a_revision_that_cannot_be_run_is_said)
{
	expect_refusal(WORDS{"--base", "nosuch", "--", SUITE, NULL},
		       "the repository has no revision 'nosuch'");
	expect_refusal(WORDS{"--base", "HEAD", "--prepare", "echo it is broken; exit 3", "--",
			     SUITE, NULL},
		       "'HEAD' does not build: --prepare exited with 3: it is broken");
	expect_refusal(WORDS{"--base", "HEAD", "--", "true", NULL},
		       "base (HEAD): no tests were seen");
	expect_refusal(WORDS{"--base", "HEAD", "--", "nosuchcommand", NULL},
		       "command 'nosuchcommand' is not in the PATH");
	shell_run(repository, "git rm -rq --cached spec && git commit -qm two");
	expect_refusal(WORDS{"--base", "HEAD", "--", SUITE, NULL},
		       "base (HEAD): no tests were seen");
	cr_expect(*scratch_directories() == 0, "left behind: %s", scratch_directories());
}

/* A test without work is decided at once; one that does 1 to 16 times as much by chance never is.
 */
Test(turns, only_files_of_undecided_tests_run_on)
{
	struct run run;
	yajl_val comparison, profile;

	shell_run(
		repository,
		"rm -r spec .busted && mkdir spec && "
		"echo 'it(\"is nothing\", function() end)' > spec/a_spec.lua && "
		"echo 'it(\"is chance\", function() local f = io.open(\"/dev/urandom\", \"rb\") "
		"local n = f:read(1):byte() % 16 f:close() local x = 0 "
		"for i = 1, 4e5 * (1 + n) do x = (x * 31 + i) % 1000003 end end)' > spec/b_spec.lua && "
		"git add -A spec .busted && git commit -qm chance");
	run_command(repository, NULL,
		    WORDS{BPROF_PERF, "compare", "--base", "HEAD", "--json", "-o", "kept", "--",
			  LUAJIT, "/usr/bin/busted", NULL},
		    &run);
	cr_assert(run.status == 0, "%s", run.err.data);
	comparison = parse(&run);
	cr_expect(json_int_at(comparison, "pairs") == 30);
	cr_expect(json_int_at(comparison, "whole_pairs") < 30, "%s", run.err.data);
	cr_expect(json_null_at(comparison, "why_not_counted"));
	cr_expect(strcmp(json_string_at(element_named(comparison, "is nothing"), "counted.verdict"),
			 "same") == 0);
	yajl_tree_free(comparison);
	profile = json_read_in(repository, "kept/head/030/profile.json");
	cr_expect(json_length(json_at(profile, "tests")) == 1);
	cr_expect(json_length(json_at(profile, "skipped_files")) == 1);
	yajl_tree_free(profile);
	run_done(&run);
}

/* Two commands, and the same verdict again from the runs that were kept. */
Test(turns, runs_that_are_kept_say_the_same_again)
{
	struct run turns, again;

	run_command(repository, NULL,
		    WORDS{BPROF_PERF, "compare", "--pairs", "5", "--json", "-q", "-o", "kept",
			  "--base-command", LUAJIT " /usr/bin/busted spec/lru_spec.lua", "--",
			  LUAJIT, "/usr/bin/busted", "spec/lru_spec.lua", NULL},
		    &turns);
	run_command(repository, NULL,
		    WORDS{BPROF_PERF, "compare", "--json", "kept/base", "kept/head", NULL}, &again);
	cr_assert(turns.status == 0, "%s", turns.err.data);
	cr_assert(again.status == 0, "%s", again.err.data);
	cr_expect(strcmp(strstr(turns.out.data, "\"pairs\""),
			 strstr(again.out.data, "\"pairs\"")) == 0);
	cr_expect(strstr(turns.out.data, "\"pairs\": 5") != NULL);
	cr_expect(strstr(turns.out.data, "\"rung\": \"deterministic\"") != NULL);
	run_done(&turns);
	run_done(&again);
	expect_refusal(WORDS{"--base", "HEAD", "-o", "kept", "--", SUITE, NULL},
		       "'kept' holds runs already");
}
