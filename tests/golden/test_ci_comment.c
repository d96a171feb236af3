/* SPDX-License-Identifier: MIT */
/* tools/ci-comment against a GitHub of our own: what it writes, where, and what it refuses. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "run.h"

Test(ci_comment, is_written_once_and_strangers_can_do_nothing_by_it, .timeout = 120)
{
	struct run run;

	if (!program_exists("python3"))
		cr_skip_test("needs python3");
	run_command(NULL, NULL,
		    (const char *const[]){"/usr/bin/python3",
					  SOURCE_DIR "/tests/ci/check_comment.py", SOURCE_DIR,
					  BPROF_PERF, NULL},
		    &run);
	cr_expect(eq(int, run.status, 0), "%s", run.err.data);
	run_done(&run);
}
