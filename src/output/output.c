/* SPDX-License-Identifier: MIT */
/*
 * outputs[]: the table of formats and reports. A row is the whole registration: --format accepts
 * it, --help lists it with its sentence, and the golden tests demand an expected file for it.
 */
#include "output.h"

#include <string.h>

#include "base.h"
#include "rows.h"

static const struct output_ops *const outputs[] = {
	&output_folded,	  &output_trace,       &output_json,	  &output_markdown,
	&output_dot,	  &output_junit,       &output_benchmark, /* files */
	&output_terminal, &output_callers,     &output_costs,	  /* reports */
	&output_verify,	  &output_verify_json,
};

const struct output_ops *const *outputs_all(size_t *ret_nr)
{
	*ret_nr = ARRAY_SIZE(outputs);
	return outputs;
}

const struct output_ops *output_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++)
		if (strcmp(outputs[i]->name, name) == 0)
			return outputs[i];
	return NULL;
}

static const struct comparison_ops *const comparison_outputs[] = {
	&comparison_terminal, &comparison_markdown, &comparison_comment,
	&comparison_json,     &comparison_github,
};

const struct comparison_ops *const *comparison_outputs_all(size_t *ret_nr)
{
	*ret_nr = ARRAY_SIZE(comparison_outputs);
	return comparison_outputs;
}

const struct comparison_ops *comparison_output_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(comparison_outputs); i++)
		if (strcmp(comparison_outputs[i]->name, name) == 0)
			return comparison_outputs[i];
	return NULL;
}
