/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_RECORD_H
#define BPROF_SYMBOL_RECORD_H

#include <bprof/wire.h>

#include "buf.h"

/* Append a whole record: @fixed_bytes of @record, its variable part, padding; sets size and time.
 */
int record_add(struct buf *out, struct bprof_record *record, size_t fixed_bytes, const void *text,
	       size_t len) MUST_CHECK;

/* Pad what was written since @start and set size and time in *@header, which the caller stores. */
int record_pad(struct buf *out, size_t start, struct bprof_record *header) MUST_CHECK;

/* Take back everything since @start. */
void record_drop(struct buf *out, size_t start);

#endif
