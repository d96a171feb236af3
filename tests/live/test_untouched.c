/* SPDX-License-Identifier: MIT */
/*
 * The user's repository before and after each command: every file, the index, stash, branches,
 * tags, remote-tracking branches, reflogs and objects, byte for byte. A template that stashed,
 * committed and popped to profile a suite is what this is not.
 *
 * Needs root, BPF, git, busted and luajit; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "profiled.h"
#include "run.h"

#define EXAMPLE	  SOURCE_DIR "/examples/textkit"
#define LUAJIT	  "luajit"
#define SUITE	  "luajit /usr/bin/busted spec/checksum_spec.lua"
#define RECORDING "../run/recording.bprof"

static char *directory; /* origin.git, work/ (the user's), and what commands write */

/* Something of everything that a command could disturb. */
static void make_repository(void)
{
	skip_unless_profiling(BPROF_PERF, LUAJIT);
	if (!program_exists("git"))
		cr_skip_test("git is not installed");
	directory = directory_make();
	setenv("HOME", directory, 1);
	shell_run(
		directory,
		"git init -q -b main work && cd work && git config user.email a@localhost && "
		"git config user.name a && cp -r " EXAMPLE "/. . && echo '*.log' >.gitignore && "
		"git add -A && git commit -qm one && git tag v1.0.0 && git tag -a -m two v1.1.0 && "
		"git branch side && cd .. && git clone -q --bare work origin.git && cd work && "
		"git remote add origin ../origin.git && git fetch -q && "
		"echo stashed >>README.md && git stash -q && "
		"echo staged >staged.txt && git add staged.txt && echo more >>staged.txt && "
		"echo changed >>README.md && echo new >untracked.txt && echo x >ignored.log");
}

static void remove_repository(void)
{
	if (directory)
		directory_remove(directory);
	directory = NULL;
}

TestSuite(untouched, .init = make_repository, .fini = remove_repository, .timeout = 600);

/* Names, kinds, modes and bytes of all of it, .git included. */
static void note(const char *name)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "cd work && { find . -printf '%%y %%m %%u %%l %%p\\n' | sort; "
		 "find . -type f -print0 | sort -z | xargs -0 sha256sum; } >../%s",
		 name);
	shell_run(directory, command);
}

static void expect_untouched(const char *command)
{
	note("before");
	shell_run(directory, command);
	note("after");
	shell_run(directory, "diff before after >&2");
}

Test(untouched, by_a_run_and_a_release)
{
	expect_untouched("cd work && " BPROF_PERF " -q -o ../run -- " SUITE);
	expect_untouched("cd work && " BPROF_PERF " -q -o ../release --release v1.0.0 -- " SUITE);
	expect_untouched("cd work && " BPROF_PERF " report -q -o ../report " RECORDING);
	expect_untouched("cd work && " BPROF_PERF " history ../release");
}

Test(untouched, by_publish_history_and_link_page)
{
	shell_run(directory, "cd work && " BPROF_PERF " -q -o ../run -- " SUITE);
	expect_untouched("cd work && " BPROF_PERF " publish --dry-run --release v1.0.0 " RECORDING);
	expect_untouched("cd work && " BPROF_PERF " publish --release v1.0.0 " RECORDING);
	expect_untouched("cd work && " BPROF_PERF " publish --sync");
	expect_untouched(
		"cd work && GITHUB_SERVER_URL=https://github.com GITHUB_REPOSITORY=owner/name " BPROF_PERF
		" link-page >../page.md && test -s ../page.md");
	shell_run(directory, "git -C origin.git rev-parse -q --verify profiling");
}

Test(untouched, by_backfill)
{
	expect_untouched("cd work && " BPROF_PERF
			 " backfill -o ../history v1.0.0 v1.1.0 -- " SUITE);
	shell_run(directory, "ls history/benchmarks/busted/all/artifacts | grep -q ^v1.1.0-");
}

Test(untouched, by_compare)
{
	expect_untouched("cd work && BPROF_PAIRS=5 " BPROF_PERF
			 " compare --no-count --base side -- " SUITE);
	/* nor by one that finds no revision, or whose base cannot be made */
	expect_untouched("cd work && ! " BPROF_PERF " compare --base no-such -- " SUITE);
	expect_untouched("cd work && ! " BPROF_PERF
			 " compare --base side --prepare false -- " SUITE);
}

/* What CI does: only its own directory is new. */
Test(untouched, by_tools_ci)
{
	shell_run(directory,
		  "mkdir -p tool/tools && cp " SOURCE_DIR "/tools/ci tool/tools/ && "
		  "printf '#!/bin/sh\\nexec " BPROF_PERF " \"$@\"\\n' >tool/tools/run && "
		  "chmod +x tool/tools/run");
	expect_untouched("cd work && BPROF_PAIRS=5 BPROF_NO_COUNT=1 BPROF_CI_BASE=side "
			 "BPROF_CI_OUTPUT=../ci ../tool/tools/ci " SUITE);
	shell_run(directory, "test -s ci/difference.folded");
}
