/* SPDX-License-Identifier: MIT */
/* The rows that output.c gathers: one per file of this room that writes something. */
#ifndef BPROF_OUTPUT_ROWS_H
#define BPROF_OUTPUT_ROWS_H

#include <bprof/output.h>

extern const struct output_ops output_folded;
extern const struct output_ops output_trace;
extern const struct output_ops output_json;
extern const struct output_ops output_terminal;
extern const struct output_ops output_callers;
extern const struct output_ops output_markdown;
extern const struct output_ops output_costs;
extern const struct output_ops output_dot;
extern const struct output_ops output_junit;
extern const struct output_ops output_benchmark;
extern const struct output_ops output_verify;
extern const struct output_ops output_verify_json;

extern const struct comparison_ops comparison_terminal;
extern const struct comparison_ops comparison_markdown;
extern const struct comparison_ops comparison_comment;
extern const struct comparison_ops comparison_json;
extern const struct comparison_ops comparison_github;

#endif
