/* SPDX-License-Identifier: MIT */
/*
 * Where a stack belongs, as the names in front of its frames: spec file, describes, test, phase; or
 * "[outside tests]" and what for. One place serves all stacks at it.
 */
#ifndef BPROF_PLACES_H
#define BPROF_PLACES_H

#include <bprof/profile.h>

struct places;

int places_new(struct places **ret); /* 0 or -ENOMEM, as all here */
void places_free(struct places *all);

/* @p: with its nodes and tests filled in. Sets prefix, nr_prefix and test of @stack. */
int places_give(struct places *all, const struct profile *p, uint32_t node, enum phase phase,
		struct profile_stack *stack);

#endif
