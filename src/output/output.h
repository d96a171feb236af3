/* SPDX-License-Identifier: MIT */
/* The door of the room: the table of formats and reports. */
#ifndef BPROF_OUTPUT_DOOR_H
#define BPROF_OUTPUT_DOOR_H

#include <bprof/output.h>

/**
 * outputs_all() - every format and report, in the order --help lists them
 * @ret_nr: their number
 *
 * Owns: nothing; the table is constant.
 */
const struct output_ops *const *outputs_all(size_t *ret_nr);

/* The row called @name, or NULL. */
const struct output_ops *output_find(const char *name);

/* The same for comparisons. */
const struct comparison_ops *const *comparison_outputs_all(size_t *ret_nr);
const struct comparison_ops *comparison_output_find(const char *name);

#endif
