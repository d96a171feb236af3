/* SPDX-License-Identifier: MIT */
#ifndef BPROF_FUNCTIONS_H
#define BPROF_FUNCTIONS_H

#include <bprof/profile.h>

/*
 * Self, total and lines of every function of @p, from its stacks. Recursion counts once per sample.
 * The lines belong to the functions. Return: 0 or -ENOMEM.
 */
int functions_count(struct profile *p);

#endif
