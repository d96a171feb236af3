/* SPDX-License-Identifier: MIT */
/* What must hold whatever the bytes were; a fuzzer reports the abort with its input. */
#ifndef BPROF_FUZZ_REQUIRE_H
#define BPROF_FUZZ_REQUIRE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

#endif
