/* SPDX-License-Identifier: MIT */
/* Values that take more than a line to check. Private to the parsing of options. */
#ifndef BPROF_OPTION_VALUES_H
#define BPROF_OPTION_VALUES_H

#include "options.h"

/* What must hold between options once each has its value. 0; -EINVAL with @why; -ENOMEM. */
int options_settle(struct options *options, struct buf *why);

/* -EINVAL for a sentence that was written, else why it was not. @written: of buf_add...(). */
int usage_error(int written);

/* A copy that lives as long as @options; NULL = out of memory. */
char *option_values_copy(struct options *options, const char *text, size_t length);

/* Appends each pattern of a comma-separated list. 0 or -ENOMEM. */
int option_values_add_globs(struct options *options, const char ***list, const char *value);

/* Appends @value as it is. 0 or -ENOMEM. */
int option_values_add_word(struct options *options, const char ***list, const char *value);

/* "folded,json" or a preset, with or without "profile_" or "profile-" before it. */
int option_values_apply_formats(struct options *options, const char *value);

/* The names --format accepts, for messages and help. 0 or -ENOMEM. */
int option_values_format_names(struct buf *ret) MUST_CHECK;

/* A number without sign or blanks, @least to @most. 0 or -EINVAL. */
int option_number_parse(const char *value, unsigned least, unsigned most, unsigned *ret);

/* "1", "yes", ... 0 or -EINVAL. */
int option_switch_parse(const char *value, bool *ret);

/* Values of the release history: 0, -EINVAL or -ENOMEM (option_history.c). */
int option_apply_release(struct options *options, const char *value);
int option_apply_layout(struct options *options, const char *value);
int option_apply_keep_deprecated(struct options *options, const char *value);
int option_apply_keep_old_tags(struct options *options, const char *value);
int option_apply_allowed_tags(struct options *options, const char *value);
int option_explain_allowed_tags(const char *value, struct buf *why);
int option_apply_minimum_samples(struct options *options, const char *value);
int option_apply_graph_maximum(struct options *options, const char *value);
int option_apply_max_artifacts(struct options *options, const char *value);
int option_apply_require_pass(struct options *options, const char *value);
int option_apply_columns(struct options *options, const char *value);
int option_apply_keep_temporary(struct options *options, const char *value);
int option_apply_again(struct options *options, const char *value);
int option_apply_recordings(struct options *options, const char *value);
int option_apply_allow_nightly(struct options *options, const char *value);
int option_apply_include_prerelease(struct options *options, const char *value);
int option_apply_table_style(struct options *options, const char *value);
int option_apply_timing_file(struct options *options, const char *value);
int option_apply_remote(struct options *options, const char *value);
int option_apply_branch(struct options *options, const char *value);
int option_apply_main_branch(struct options *options, const char *value);
int option_apply_dry_run(struct options *options, const char *value);
int option_apply_sync(struct options *options, const char *value);

/* Values of compare: 0 or -EINVAL (option_compare.c). */
int option_apply_warn_at(struct options *options, const char *value);
int option_apply_fail_at(struct options *options, const char *value);
int option_apply_floor(struct options *options, const char *value);
int option_apply_base(struct options *options, const char *value);
int option_apply_base_command(struct options *options, const char *value);
int option_apply_save(struct options *options, const char *value);
int option_apply_stacks(struct options *options, const char *value);
int option_apply_excuse_commits(struct options *options, const char *value);
int option_apply_prepare(struct options *options, const char *value);
int option_apply_pairs(struct options *options, const char *value);
int option_apply_metric(struct options *options, const char *value);
int option_apply_comparison_format(struct options *options, const char *value);

#endif
