/* SPDX-License-Identifier: MIT */
/* Expected output as whole files. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <stddef.h>

/**
 * golden_expect() - is this what the file says?
 * @path: of the file with the expected bytes
 *
 * If not, the test fails and a diff is shown. With BLESS=1 in the environment the file is written
 * instead. A blessing is a claim: read the diff before you commit it.
 */
void golden_expect(const char *path, const char *text, size_t len);

#endif
