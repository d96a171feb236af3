/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_JSON_COSTS_H
#define BPROF_OUTPUT_JSON_COSTS_H

#include "json_writer.h"

#include <bprof/profile.h>

/* "costs": the cost report, for programs. */
void json_costs(struct json *j, const struct profile *p);

#endif
