/* SPDX-License-Identifier: MIT */
/*
 * Functions that the same chunk name and the same first line do not tell apart: two on one line,
 * or chunks of different content under one name.
 *
 * What they look like inside (struct proto_fact, shape) does. Only prototypes of one dialect are
 * compared: the same source looks different to another VM.
 */
#ifndef BPROF_SHAPES_H
#define BPROF_SHAPES_H

#include "spaces.h"

/* A place with more functions than that is generated code, and told as one function. */
#define SHAPES_MAX 8

struct shapes;

/* From all prototypes in @spaces. Return: 0 or -ENOMEM. */
int shapes_new(const struct spaces *spaces, struct shapes **ret);
void shapes_free(struct shapes *s);

/*
 * What @fact needs besides chunk and line to be told from its neighbours: 0 = nothing.
 * *@ret_crowd: there are too many to tell apart.
 */
uint64_t shapes_discriminator(const struct shapes *s, const struct proto_fact *fact,
			      bool *ret_crowd);

#endif
