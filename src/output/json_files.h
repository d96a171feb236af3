/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_JSON_FILES_H
#define BPROF_OUTPUT_JSON_FILES_H

#include "json_writer.h"

#include <bprof/profile.h>

/* In units of the event; null for a clock, as the times say it. */
void json_weight(struct json *j, const struct profile *p, const char *key, uint64_t n);

/* The keys of a cost, in the map that is open. */
void json_cost_figures(struct json *j, const struct profile *p, const struct costs *c);
void json_cost_map(struct json *j, const struct profile *p, const char *key, const struct costs *c);

/* "files": the spec files, each with its tests, its fixtures, its loading and its describes. */
void json_files(struct json *j, const struct profile *p);

#endif
