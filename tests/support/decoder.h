/* SPDX-License-Identifier: MIT */
/* What tests of code of x86-64 need: the .init of their suites. */
#ifndef TESTS_DECODER_H
#define TESTS_DECODER_H

#include <criterion/criterion.h>

#include "x86_64.h"

static inline void need_decoder(void)
{
	if (!x86_64_has_decoder())
		cr_skip_test("built without libzydis-dev");
}

#endif
