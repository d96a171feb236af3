/* SPDX-License-Identifier: MIT */
/* Values that are lists: formats and globs. Private to the parsing of options. */
#ifndef BPROF_OPTION_VALUES_H
#define BPROF_OPTION_VALUES_H

#include "options.h"

/* A copy that lives as long as @options; NULL = out of memory. */
char *option_values_copy(struct options *options, const char *text, size_t length);

/* Appends each pattern of a comma-separated list. 0 or -ENOMEM. */
int option_values_add_globs(struct options *options, const char ***list, const char *value);

/* "folded,json" or a preset, with or without "profile_" or "profile-" before it. */
int option_values_apply_formats(struct options *options, const char *value);

/* The names --format accepts, for messages and help. 0 or -ENOMEM. */
int option_values_format_names(struct buf *ret) MUST_CHECK;

#endif
