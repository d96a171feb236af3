/* SPDX-License-Identifier: MIT */
/*
 * publish with a real git and a local bare remote: what gets onto the branch, what twelve at once
 * do, and that the user's repository stays as it was to the last byte.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "run.h"

#define RECORDING     SOURCE_DIR "/tests/golden/recordings/lua5.4/in.bprof"
#define NR_PUBLISHERS 12

static char *top; /* remote.git, work/ (a clone of it), and what tests make */

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int shell(const char *format, ...)
{
	char script[4096];
	const char *argv[] = {"sh", "-ec", script, NULL};
	struct run run;
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(script, sizeof(script), format, args);
	va_end(args);
	run_command(top, NULL, argv, &run);
	status = run.status;
	run_done(&run);
	return status;
}

static void must(const char *script)
{
	cr_assert(eq(int, shell("%s", script), 0), "%s", script);
}

static void begin(void)
{
	if (!program_exists("git"))
		cr_skip_test("git is not installed");
	top = directory_make();
	setenv("HOME", top, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	must("git init -q --bare -b main remote.git && git init -q -b main work && cd work && "
	     "git config user.name Somebody && git config user.email a@b && "
	     "mkdir src && echo one >src/a.lua && git add . && git commit -qm first && "
	     "git remote add origin ../remote.git && git push -q origin main");
}

static void end(void)
{
	if (top)
		directory_remove(top);
}

TestSuite(publish, .init = begin, .fini = end, .timeout = 300);

/* publish OPTIONS... RECORDING in @cwd. */
static void publish(const char *cwd, const char *const *options, struct run *ret)
{
	const char *argv[32] = {BPROF_PERF, "publish"};
	char *directory = path_join(top, cwd);
	size_t n = 2;

	while (*options)
		argv[n++] = *options++;
	argv[n] = RECORDING;
	run_command(directory, NULL, argv, ret);
	free(directory);
}

static void expect_published(const char *tag)
{
	const char *options[] = {"--release", tag, NULL};
	struct run run;

	publish("work", options, &run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	run_done(&run);
}

static void expect_refused(const char *const *options, const char *sentence)
{
	struct run run;

	publish("work", options, &run);
	cr_expect(ne(int, run.status, 0), "%s", sentence);
	cr_expect(ne(ptr, strstr(run.err.data, sentence), NULL), "'%s' in '%s'", sentence,
		  run.err.data);
	run_done(&run);
}

/* ---- what gets there ----------------------------------------------------------------------- */

Test(publish, the_branch_is_made_from_main_and_has_the_release)
{
	expect_published("v1.0.0");
	must("git -C remote.git cat-file -e profiling:benchmarks/busted/all/README.md");
	must("git -C remote.git ls-tree --name-only profiling:benchmarks/busted/all/artifacts | "
	     "grep -q '^v1.0.0-'");
	must("test \"$(git -C remote.git show profiling:src/a.lua)\" = one");
	must("test \"$(git -C remote.git rev-parse profiling^)\" = "
	     "\"$(git -C remote.git rev-parse main)\"");
	must("git -C remote.git log -1 --format='%an %s' profiling | "
	     "grep -q 'Somebody chore(profiler): release v1.0.0'");
	must("git -C remote.git fsck --strict --no-dangling");
}

Test(publish, a_second_release_keeps_the_first_and_main_is_merged)
{
	expect_published("v1.0.0");
	must("cd work && echo two >src/a.lua && git commit -qam second && git push -q origin main");
	expect_published("v1.1.0");
	must("test $(git -C remote.git ls-tree --name-only profiling:benchmarks/busted/all/artifacts "
	     "| wc -l) = 2");
	must("test \"$(git -C remote.git show profiling:src/a.lua)\" = two");
	must("git -C remote.git merge-base --is-ancestor main profiling");
	must("git -C remote.git fsck --strict --no-dangling");
}

Test(publish, files_that_others_put_on_the_branch_stay)
{
	expect_published("v1.0.0");
	must("git clone -q -b profiling remote.git other && cd other && "
	     "git config user.name O && git config user.email o@o && echo mine >notes.txt && "
	     "git add . && git commit -qm notes && git push -q");
	must("cd work && echo two >src/b.lua && git add . && git commit -qm second && "
	     "git push -q origin main");
	expect_published("v1.1.0");
	must("test \"$(git -C remote.git show profiling:notes.txt)\" = mine");
	must("test \"$(git -C remote.git show profiling:src/b.lua)\" = two");
}

/* ---- main alone ---------------------------------------------------------------------------- */

static void sync_branch(const char *sentence, int status)
{
	char *directory = path_join(top, "work");
	const char *argv[] = {BPROF_PERF, "publish", "--sync", NULL};
	struct run run;

	run_command(directory, NULL, argv, &run);
	cr_expect(eq(int, run.status, status), "%s", run.err.data);
	cr_expect(strstr(run.err.data, sentence) != NULL, "'%s' in '%s'", sentence, run.err.data);
	run_done(&run);
	free(directory);
}

Test(publish, sync_merges_main_and_changes_nothing_else)
{
	sync_branch("there is no branch 'profiling' at 'origin' yet", 0);
	must("! git -C remote.git rev-parse --verify --quiet profiling");
	expect_published("v1.0.0");
	sync_branch("has all of main already", 0);
	must("git -C remote.git rev-parse profiling:benchmarks >before");
	must("cd work && echo two >src/a.lua && git commit -qam second && git push -q origin main");
	sync_branch("merged main as commit", 0);
	must("test \"$(git -C remote.git show profiling:src/a.lua)\" = two");
	must("git -C remote.git merge-base --is-ancestor main profiling");
	must("git -C remote.git rev-parse profiling:benchmarks | cmp - before");
	must("git -C remote.git fsck --strict --no-dangling");
}

Test(publish, sync_says_a_conflict_and_pushes_nothing)
{
	expect_published("v1.0.0");
	must("git clone -q -b profiling remote.git other && cd other && "
	     "git config user.name O && git config user.email o@o && echo mine >src/a.lua && "
	     "git commit -qam mine && git push -q && git rev-parse HEAD >../before");
	must("cd work && echo two >src/a.lua && git commit -qam second && git push -q origin main");
	sync_branch("main cannot be merged into the branch 'profiling'", 125);
	must("git -C remote.git rev-parse profiling | cmp - before");
}

Test(publish, an_empty_remote_gets_a_branch_with_the_history_alone)
{
	must("git init -q --bare -b main empty.git && git -C work remote set-url origin ../empty.git");
	expect_published("v1.0.0");
	must("test \"$(git -C empty.git ls-tree --name-only profiling)\" = benchmarks");
}

Test(publish, a_shallow_clone_can_publish)
{
	must("cd work && for i in 1 2 3; do echo $i >src/a.lua; git commit -qam $i; done && "
	     "git push -q origin main && cd .. && rm -rf work && "
	     "git clone -q --depth 1 file://$PWD/remote.git work && git -C work config user.name S && "
	     "git -C work config user.email s@s");
	expect_published("v1.0.0");
	must("git -C remote.git fsck --strict --no-dangling");
	must("test $(git -C remote.git rev-list --count profiling) = 5");
}

/* ---- twelve at once ------------------------------------------------------------------------ */

static void start_publisher(unsigned number)
{
	char directory[512], tag[32];

	snprintf(directory, sizeof(directory), "%s/clone-%u", top, number);
	snprintf(tag, sizeof(tag), "v1.%u.0", number);
	if (chdir(directory) < 0 || !freopen("/dev/null", "w", stderr))
		_exit(111);
	execl(BPROF_PERF, "bprof-perf", "publish", "--release", tag, RECORDING, (char *)NULL);
	_exit(112);
}

Test(publish, twelve_at_once_lose_nothing)
{
	pid_t pids[NR_PUBLISHERS];

	for (unsigned i = 0; i < NR_PUBLISHERS; i++)
		cr_assert(eq(int,
			     shell("git clone -q remote.git clone-%u && cd clone-%u && git config "
				   "user.name P%u && git config user.email p@p",
				   i, i, i),
			     0));
	for (unsigned i = 0; i < NR_PUBLISHERS; i++) {
		pids[i] = fork();
		cr_assert(ge(int, pids[i], 0));
		if (pids[i] == 0)
			start_publisher(i);
	}
	for (unsigned i = 0; i < NR_PUBLISHERS; i++) {
		int status;

		cr_assert(eq(int, waitpid(pids[i], &status, 0), pids[i]));
		cr_expect(eq(int, status, 0), "publisher %u", i);
	}
	must("test $(git -C remote.git ls-tree --name-only profiling:benchmarks/busted/all/artifacts "
	     "| wc -l) = 12");
	must("test $(git -C remote.git rev-list --count --no-merges main..profiling) = 12");
	for (unsigned i = 0; i < NR_PUBLISHERS; i++)
		cr_expect(
			eq(int,
			   shell("git -C remote.git show profiling:benchmarks/busted/all/README.md "
				 "| grep -q '^| v1.%u.0 '",
				 i),
			   0),
			"v1.%u.0 is in the table", i);
	must("git -C remote.git fsck --strict --no-dangling");
}

/* ---- the user's repository ----------------------------------------------------------------- */

#define FINGERPRINT                                                                                \
	"(cd work && find . -type f -print0 | sort -z | xargs -0 sha256sum && git stash list)"

Test(publish, the_user_s_repository_stays_as_it_was_to_the_last_byte)
{
	static const char *const dry[] = {"--dry-run", "--release", "v1.1.0", NULL};
	struct run run;

	must("cd work && echo stashed >src/a.lua && git stash -q && echo staged >src/b.lua && "
	     "git add src/b.lua && echo unstaged >>src/b.lua && echo untracked >c.lua && "
	     "git branch side && git fetch -q");
	must(FINGERPRINT " >before");
	expect_published("v1.0.0");
	must(FINGERPRINT " >after && cmp before after");
	must("git -C remote.git rev-parse profiling >tip");
	publish("work", dry, &run);
	cr_expect(eq(int, run.status, 0), "%s", run.err.data);
	cr_expect(ne(ptr, strstr(run.err.data, "dry run"), NULL));
	run_done(&run);
	must(FINGERPRINT " >after && cmp before after");
	must("git -C remote.git rev-parse profiling | cmp - tip");
	must("test -z \"$(find ${TMPDIR:-/tmp} -maxdepth 1 -name 'bprof-perf-*' -newer before "
	     "-user $(id -u))\"");
}

Test(publish, a_detached_head_and_a_subdirectory_do_not_matter)
{
	static const char *const options[] = {"--release", "v1.0.0", NULL};
	struct run run;

	must("git -C work checkout -q --detach");
	publish("work/src", options, &run);
	cr_expect(eq(int, run.status, 0), "%s", run.err.data);
	run_done(&run);
	must("git -C remote.git cat-file -e profiling:benchmarks/busted/all/README.md");
}

Test(publish, no_hook_and_no_filter_of_the_repository_runs)
{
	must("for h in pre-push post-checkout reference-transaction post-index-change; do "
	     "printf '#!/bin/sh\\ntouch %s/hooked\\n' $PWD >work/.git/hooks/$h; "
	     "chmod +x work/.git/hooks/$h; done; "
	     "git -C work config core.fsmonitor \"touch $PWD/hooked\"");
	expect_published("v1.0.0");
	expect_published("v1.1.0");
	must("test ! -e hooked");
}

Test(publish, attributes_on_the_branch_run_no_filter_and_change_no_byte)
{
	expect_published("v1.0.0");
	must("git clone -q -b profiling remote.git other && cd other && "
	     "git config user.name O && git config user.email o@o && "
	     "printf 'a $Id$\\n' >benchmarks/notes.txt && git add . && git commit -qm notes && "
	     "blob=$(echo '* filter=dirty text eol=crlf ident' | "
	     "git hash-object -w --stdin) && "
	     "git update-index --add --cacheinfo 100644,$blob,benchmarks/.gitattributes && "
	     "git commit -qm attributes && git push -q && "
	     "git ls-tree -r HEAD benchmarks | grep -E 'notes|gitattributes|v1.0.0' >../before");
	must("git -C work config filter.dirty.smudge \"touch $PWD/filtered; tr a-z A-Z\" && "
	     "git -C work config filter.dirty.process \"touch $PWD/filtered\" && "
	     "git -C work config filter.dirty.clean \"touch $PWD/filtered; cat\" && "
	     "git -C work config filter.dirty.required true");
	expect_published("v1.1.0");
	must("test ! -e filtered");
	must("cd remote.git && git ls-tree -r profiling benchmarks >../after && "
	     "test $(grep -c -x -F -f ../before ../after) = $(wc -l <../before)");
}

/* What `report` writes, of a run that passed. */
static void make_profile(void)
{
	const char *argv[] = {BPROF_PERF, "report",	"-q",	   "-o", "out",
			      "--format", "json,trace", RECORDING, NULL};
	struct run run;

	run_command(top, NULL, argv, &run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	run_done(&run);
	must("sed -i 's/\"exit_status\": [0-9]*/\"exit_status\": 0/; "
	     "s/\"\\(failures\\|errors\\|errors_outside_tests\\)\": [0-9]*/\"\\1\": 0/' "
	     "out/profile.json");
}

static void publish_file(const char *tag, const char *file, struct run *ret)
{
	const char *argv[] = {BPROF_PERF, "publish", "--release", tag, file, NULL};
	char *directory = path_join(top, "work");

	run_command(directory, NULL, argv, ret);
	free(directory);
}

#define IN_ALL "git -C remote.git cat-file -e profiling:benchmarks/busted/all/"

Test(publish, a_profile_json_is_a_release_as_far_as_it_goes)
{
	struct run run;

	make_profile();
	publish_file("v1.0.0", "../out/profile.json", &run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	cr_expect(ne(ptr,
		     strstr(run.err.data, "a profile.json has no samples: without "
					  "slowest.dot"),
		     NULL),
		  "%s", run.err.data);
	run_done(&run);
	must(IN_ALL "README.md && " IN_ALL "flamegraph.json && " IN_ALL "timing.md");
	must("! " IN_ALL "slowest.dot");
	must("git -C remote.git show profiling:benchmarks/busted/all/profile.json | "
	     "cmp - out/profile.json");
	must("! git -C remote.git show profiling:benchmarks/busted/all/README.md | "
	     "grep -q slowest.dot");
	/* without the flame graph: that of the release before goes */
	must("rm out/flamegraph.json");
	publish_file("v1.1.0", "../out/profile.json", &run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	cr_expect(ne(ptr, strstr(run.err.data, "no flamegraph.json is beside it"), NULL));
	run_done(&run);
	must("! " IN_ALL "flamegraph.json");
	must("git -C remote.git show profiling:benchmarks/busted/all/README.md | "
	     "grep -q 'v1.1.0 against v1.0.0'");
	must("test $(git -C remote.git ls-tree --name-only "
	     "profiling:benchmarks/busted/all/artifacts | wc -l) = 2");
	must("sed -i 's,profile/1,profile/9,' out/profile.json");
	publish_file("v1.2.0", "../out/profile.json", &run);
	cr_expect(eq(int, run.status, 125));
	cr_expect(ne(ptr, strstr(run.err.data, "'schema' is not bprof-perf/profile/1"), NULL), "%s",
		  run.err.data);
	run_done(&run);
}

/* ---- bad input ----------------------------------------------------------------------------- */

Test(publish, what_cannot_work_is_said_in_a_sentence)
{
	static const char *const none[] = {NULL};
	static const char *const empty[] = {"--release", "", NULL};
	static const char *const tag[] = {"--release", "v1.0.0", NULL};
	static const char *const bad_tag[] = {"--release", "main", NULL};
	static const char *const remote[] = {"--release", "v1.0.0", "--remote", "nowhere", NULL};
	static const char *const dashes[] = {"--release", "v1.0.0", "--branch", "--exec=x", NULL};
	static const char *const dots[] = {"--release", "v1.0.0", "--branch", "a..b", NULL};
	static const char *const main[] = {"--release", "v1.0.0", "--main-branch", "gone", NULL};
	static const char *const same[] = {"--release", "v1.0.0", "--main-branch", "profiling",
					   NULL};

	expect_refused(none, "publish: no tag given");
	expect_refused(empty, "is not a tag");
	expect_refused(bad_tag, "'main' is not a tag");
	expect_refused(remote, "has no remote 'nowhere'");
	expect_refused(dashes, "is not the name of a branch");
	expect_refused(dots, "'a..b' cannot be the name of a branch");
	expect_refused(main, "the remote has no branch 'gone'");
	expect_refused(same, "the releases need a branch of their own");
	must("git -C work remote set-url origin 'ext::sh -c \"touch hooked\"'");
	expect_refused(tag, "cannot read the remote 'origin'");
	must("test ! -e hooked && test ! -e work/hooked");
	must("git -C work remote set-url origin https://me:secret@127.0.0.1:1/x.git");
	expect_refused(tag, "cannot read the remote 'origin'");
	must("rm -rf work/.git");
	expect_refused(tag, "is in no git repository");
}

Test(publish, passwords_in_addresses_are_not_printed)
{
	static const char *const tag[] = {"--release", "v1.0.0", NULL};
	struct run run;

	must("git -C work remote set-url origin https://me:secret@127.0.0.1:1/x.git");
	publish("work", tag, &run);
	cr_expect(ne(int, run.status, 0));
	cr_expect(eq(ptr, strstr(run.err.data, "secret"), NULL), "%s", run.err.data);
	run_done(&run);
}

Test(publish, a_protected_branch_is_said_and_not_tried_for_ever)
{
	static const char *const tag[] = {"--release", "v1.0.0", NULL};

	must("printf '#!/bin/sh\\necho protected >&2\\nexit 1\\n' >remote.git/hooks/pre-receive && "
	     "chmod +x remote.git/hooks/pre-receive");
	expect_refused(tag, "did not take the commit");
	must("! git -C remote.git rev-parse -q --verify profiling");
}

Test(publish, a_conflict_with_main_is_said_and_nothing_is_pushed)
{
	static const char *const tag[] = {"--release", "v1.1.0", NULL};

	expect_published("v1.0.0");
	must("git clone -q -b profiling remote.git other && cd other && "
	     "git config user.name O && git config user.email o@o && echo theirs >src/a.lua && "
	     "git commit -qam theirs && git push -q && git rev-parse HEAD >../tip");
	must("cd work && echo ours >src/a.lua && git commit -qam ours && git push -q origin main");
	expect_refused(tag, "main cannot be merged");
	must("git -C remote.git rev-parse profiling | cmp - tip");
}

Test(publish, the_same_run_twice_is_refused)
{
	static const char *const tag[] = {"--release", "v1.0.0", NULL};

	expect_published("v1.0.0");
	expect_published("v1.0.0"); /* with its time in the name */
	expect_refused(tag, "this very run is in the history");
}

Test(publish, hostile_names_on_the_branch_are_not_taken_over)
{
	static const char *const tag[] = {"--release", "v1.1.0", NULL};
	struct run run;

	expect_published("v1.0.0");
	/* a tree no git would make: "..", and a name with a line's end */
	must("cd remote.git && blob=$(echo bad | git hash-object -w --stdin) && "
	     "printf '100644 ..\\000' >t && perl -e 'print pack \"H*\", shift' $blob >>t && "
	     "bad=$(git hash-object -t tree -w --literally t) && "
	     "good=$(git rev-parse profiling:benchmarks/busted) && "
	     "inner=$(printf '040000 tree %s\\tx\\000040000 tree %s\\tbusted\\000100644 blob "
	     "%s\\ta\\nb\\000' $bad $good $blob | git mktree -z) && "
	     "tree=$(printf '040000 tree %s\\tbenchmarks\\n' $inner | git mktree) && "
	     "git update-ref refs/heads/profiling $(git -c user.name=x -c user.email=x "
	     "commit-tree -p profiling -m bad $tree)");
	publish("work", tag, &run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	cr_expect(ne(ptr, strstr(run.err.data, "'benchmarks/x/..' on the branch cannot be a file"),
		     NULL),
		  "%s", run.err.data);
	cr_expect(ne(ptr, strstr(run.err.data, "'benchmarks/a?b' on the branch cannot"), NULL),
		  "%s", run.err.data);
	run_done(&run);
	must("git -C remote.git cat-file -e profiling:benchmarks/busted/all/README.md");
	must("! git -C remote.git rev-parse -q --verify profiling:benchmarks/x");
}

Test(publish, hostile_files_on_the_branch_are_skipped)
{
	static const char *const tag[] = {"--release", "v1.1.0", NULL};
	struct run run;

	expect_published("v1.0.0");
	must("git clone -q -b profiling remote.git other && cd other && "
	     "git config user.name O && git config user.email o@o && "
	     "cd benchmarks/busted/all/artifacts && mkdir v0.1.0-2020_01_01 v0.2.0-2020_01_01 && "
	     "echo '{' >v0.1.0-2020_01_01/summary.json && "
	     "ln -s /etc/passwd v0.2.0-2020_01_01/summary.json && ln -s /etc v0.3.0-2020_01_01 && "
	     "rm -f ../timing.json && ln -s /etc/passwd ../timing.json && "
	     "git add -A . .. && git commit -qm bad && git push -q");
	publish("work", tag, &run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	cr_expect(ne(ptr, strstr(run.err.data, "v0.3.0-2020_01_01' on the branch is a link"), NULL),
		  "%s", run.err.data);
	run_done(&run);
	must("git -C remote.git cat-file -e "
	     "profiling:benchmarks/busted/all/artifacts/v0.1.0-2020_01_01/summary.json");
	must("! git -C remote.git show profiling:benchmarks/busted/all/README.md | grep -q root:");
	must("git -C remote.git fsck --strict --no-dangling");
}

/* ---- link-page ----------------------------------------------------------------------------- */

static void link_page(const char *const *env, struct run *ret)
{
	const char *argv[] = {BPROF_PERF, "link-page", NULL};
	char *directory = path_join(top, "work");

	run_command(directory, env, argv, ret);
	free(directory);
}

Test(link_page, shows_the_other_branch_s_pictures_and_newest_figures, .init = begin, .fini = end,
     .timeout = 60)
{
	static const char *const github[] = {"GITHUB_SERVER_URL=https://github.com",
					     "GITHUB_REPOSITORY=some/plugin", NULL};
	struct run run;

	expect_published("v1.0.0");
	link_page(github, &run);
	cr_assert(eq(int, run.status, 0), "%s", run.err.data);
	cr_expect(
		ne(ptr,
		   strstr(run.out.data, "(https://github.com/some/plugin/raw/profiling/benchmarks/"
					"busted/all/timing.png)"),
		   NULL),
		"%s", run.out.data);
	run_done(&run);
}

Test(link_page, without_a_branch_or_an_address_it_is_a_sentence, .init = begin, .fini = end,
     .timeout = 60)
{
	struct run run;

	link_page(NULL, &run);
	cr_expect(eq(int, run.status, 125));
	cr_expect(ne(ptr, strstr(run.err.data, "has no branch 'profiling'"), NULL), "%s",
		  run.err.data);
	run_done(&run);
	expect_published("v1.0.0");
	link_page(NULL, &run);
	cr_expect(eq(int, run.status, 125));
	cr_expect(ne(ptr, strstr(run.err.data, "none that a browser could open"), NULL), "%s",
		  run.err.data);
	cr_expect(eq(sz, run.out.len, 0));
	run_done(&run);
}
