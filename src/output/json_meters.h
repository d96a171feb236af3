/* SPDX-License-Identifier: MIT */
/* What was counted, as keys of profile.json. */
#ifndef BPROF_OUTPUT_JSON_METERS_H
#define BPROF_OUTPUT_JSON_METERS_H

#include "json_writer.h"
#include "meters.h"

/* Keys of a map of costs: cycles, instructions, ipc, meters{}. */
void json_meters(struct json *j, const struct profile *p, const struct bprof_meters *meters);

/* Keys of the run: the whole, what boundaries cost, and which counters there were. */
void json_run_meters(struct json *j, const struct profile *p);

#endif
