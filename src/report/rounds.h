/* SPDX-License-Identifier: MIT */
/*
 * The best of consecutive rounds of one warm process: --testing-method=consecutive-N --warm=repeat
 * lets busted repeat the suite, and the rule for runs is applied to its rounds. The recording says
 * what was asked for, in an INFO record of the key ROUNDS_KEY: "N WHAT", as "10 cpu".
 */
#ifndef BPROF_ROUNDS_H
#define BPROF_ROUNDS_H

#include <bprof/profile.h>

#include "base.h"

#define ROUNDS_KEY "rounds"

/**
 * rounds_fill() - the rounds of a profile and the best of them
 * @p: its tests are filled. A round costs what its tests do, fixtures included
 *
 * Owns:   ret->tried, free().
 * Return: 0; -EBADMSG: @text is nonsense, or there is no test: *ret is empty; -ENOMEM.
 */
int rounds_fill(const char *text, const struct profile *p, struct run_series *ret) MUST_CHECK;

#endif
