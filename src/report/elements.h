/* SPDX-License-Identifier: MIT */
/* busted's elements as they were read from the target, for boundaries by stack. */
#ifndef BPROF_ELEMENTS_H
#define BPROF_ELEMENTS_H

#include <stddef.h>

#include <bprof/wire.h>

#include "attribute/attribute.h"
#include "decode/decode.h"

struct elements;

int elements_new(struct elements **ret); /* 0 or -ENOMEM, as all here */
void elements_free(struct elements *e);

/* @d: a decoded ELEMENT record; copied. */
int elements_add(struct elements *e, const struct decoded *d);

/* The busted.safe frames of a sample, root first. Returns how many; strings belong to @e. */
size_t elements_of_sample(const struct elements *e, const struct bprof_sample *s,
			  const struct bprof_span *spans,
			  struct attribute_element ret[BPROF_MAX_SPANS]);

#endif
