/* SPDX-License-Identifier: MIT */
/* Words for the enums of profile.h, the same in every output. */
#include <bprof/profile.h>

const char *phase_name(enum phase phase)
{
	static const char *const names[NR_PHASES] = {
		[PHASE_TEST] = "tests",	       [PHASE_TEST_FIXTURE] = "test fixtures",
		[PHASE_STARTUP] = "start-up",  [PHASE_LOADING] = "loading",
		[PHASE_DESCRIBE] = "describe", [PHASE_FIXTURE] = "fixtures",
		[PHASE_BUSTED] = "busted",     [PHASE_OUTPUT] = "output",
		[PHASE_SHUTDOWN] = "shutdown", [PHASE_PROGRAM] = "program",
	};

	return phase < NR_PHASES ? names[phase] : "?";
}

const char *test_status_name(enum test_status status)
{
	static const char *const names[] = {
		[TEST_SUCCESS] = "success", [TEST_FAILURE] = "failure", [TEST_ERROR] = "error",
		[TEST_PENDING] = "pending", [TEST_UNKNOWN] = "unknown",
	};

	return status <= TEST_UNKNOWN ? names[status] : "?";
}
