/* SPDX-License-Identifier: MIT */
/*
 * VM instructions of two runs: a test that takes as many in both is deterministic, and its number
 * can be compared. The recording of the second run carries the counts of the first, in an INFO
 * record of the key VM_REPEAT_KEY: a line "ID ITERATION COUNT" for each test.
 */
#ifndef BPROF_VM_REPEAT_H
#define BPROF_VM_REPEAT_H

#include <bprof/profile.h>

#include "base.h"
#include "buf.h"

#define VM_REPEAT_KEY "vm_instructions_earlier"

/* The counts of a run. 0, -ENOMEM, -E2BIG. */
int vm_repeat_write(const struct profile *p, struct buf *ret) MUST_CHECK;

/* Compares the tests of @p with what was written; lines that are nonsense are skipped. 0, -ENOMEM.
 */
int vm_repeat_apply(const char *text, struct profile *p) MUST_CHECK;

#endif
