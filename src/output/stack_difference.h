/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_STACK_DIFFERENCE_H
#define BPROF_OUTPUT_STACK_DIFFERENCE_H

#include <stdio.h>

#include <bprof/comparison.h>

#include "base.h"

/**
 * stack_difference_svg() - two flame graphs as one picture: red where head has more, blue where it
 * has less
 * @names: of the sides, as the user gave them; foreign
 *
 * One file for any browser, without a script. Return: 0; -ENOMEM; -errno of the first failed write.
 */
int stack_difference_svg(const struct compared_stacks *stacks, const char *const names[NR_SIDES],
			 FILE *out) MUST_CHECK;

#endif
