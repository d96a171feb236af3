/* SPDX-License-Identifier: MIT */
/* The slowest tests and functions as mega.busted's users know them: count, total, self, name. */
#ifndef BPROF_OUTPUT_TIMING_H
#define BPROF_OUTPUT_TIMING_H

#include <bprof/history.h>
#include <bprof/output.h>

#include "base.h"
#include "writer.h"

/* The @o->top slowest of @p, frames as @o filters them. 0 or -ENOMEM. Owns: timing_done(). */
int timing_of(const struct profile *p, const struct output_opts *o, struct timing *ret) MUST_CHECK;

enum table_style { TABLE_GITHUB, TABLE_LINES, TABLE_CSV, TABLE_JSON, NR_TABLE_STYLES };

/* "total_time,name": the keys of JSON; "Total-Time" and the like as well. 0 or -EINVAL. */
int timing_columns_parse(const char *list, struct timing_columns *ret) MUST_CHECK;

/* Both tables in one style: with titles, but for csv (one table with a column "kind") and JSON. */
void timing_write(struct writer *w, const struct timing *timing, enum table_style style);

#endif
