/* SPDX-License-Identifier: MIT */
/* Counts how sure the stacks are, by build of the VM: struct verification of a profile. */
#ifndef BPROF_VERIFY_H
#define BPROF_VERIFY_H

#include <bprof/profile.h>
#include <bprof/verification.h>

#include "base.h"
#include "decode/decode.h"

struct verify;

int verify_new(struct verify **ret) MUST_CHECK; /* 0 or -ENOMEM */
void verify_free(struct verify *v);		/* and all that the profile points to */

/* One sample of the recording. 0 or -ENOMEM. */
int verify_sample(struct verify *v, const struct bprof_sample *s,
		  const struct bprof_frame *frames) MUST_CHECK;

/* A BPROF_RECORD_RUNTIME: which build lives at an address of a process. 0 or -ENOMEM. */
int verify_runtime(struct verify *v, const struct decoded *d) MUST_CHECK;

/* verifications of @p, by build. Call once, at the end: facts come after their samples. */
int verify_fill(struct verify *v, struct profile *p) MUST_CHECK;

/* For tests: the confidence of one sample. */
enum confidence verify_confidence(const struct bprof_sample *s, const struct bprof_frame *frames);

#endif
