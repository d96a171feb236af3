/* SPDX-License-Identifier: MIT */
/* The values of the release history: tags, layout, what is kept and what is shown. */
#include <errno.h>
#include <string.h>

#include "history/history.h"
#include "option_values.h"

#include "release/tag_pattern.h"

#define MOST 1000000

int option_apply_release(struct options *options, const char *value)
{
	return release_parse(value, &options->release);
}

int option_apply_layout(struct options *options, const char *value)
{
	bool mega = strcmp(value, "mega") == 0;

	options->tree.layout = mega ? LAYOUT_MEGA : LAYOUT_BUSTED;
	return mega || strcmp(value, "busted") == 0 ? 0 : -EINVAL;
}

int option_apply_keep_deprecated(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->tree.keep_deprecated);
}

int option_apply_keep_old_tags(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->tree.keep_old_tags);
}

int option_apply_require_pass(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->tree.require_pass);
}

int option_apply_keep_temporary(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->keep_temporary);
}

int option_apply_columns(struct options *options, const char *value)
{
	return timing_columns_parse(value, &options->columns);
}

int option_apply_again(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->again);
}

int option_apply_recordings(struct options *options, const char *value)
{
	if (!*value)
		return -EINVAL;
	options->recordings_dir = value;
	return 0;
}

int option_apply_allow_nightly(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->tree.allow_nightly);
}

int option_apply_include_prerelease(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->tree.include_prereleases);
}

int option_apply_minimum_samples(struct options *options, const char *value)
{
	return option_number_parse(value, 0, MOST, &options->tree.minimum_samples);
}

int option_apply_graph_maximum(struct options *options, const char *value)
{
	return option_number_parse(value, 0, MOST, &options->tree.graph_maximum);
}

int option_apply_max_artifacts(struct options *options, const char *value)
{
	return option_number_parse(value, 0, MOST, &options->tree.max_artifacts);
}

int option_apply_table_style(struct options *options, const char *value)
{
	static const char *const names[NR_TABLE_STYLES] = {[TABLE_GITHUB] = "github",
							   [TABLE_LINES] = "lines",
							   [TABLE_CSV] = "csv",
							   [TABLE_JSON] = "json"};

	for (size_t i = 0; i < NR_TABLE_STYLES; i++)
		if (strcmp(names[i], value) == 0) {
			options->table_style = (enum table_style)i;
			return 0;
		}
	return -EINVAL;
}

int option_apply_timing_file(struct options *options, const char *value)
{
	if (!*value)
		return -EINVAL;
	options->timing_file = value;
	return 0;
}

/* ---- publish ------------------------------------------------------------------------------- */

/* git would take it for an option. */
static int name_apply(const char **ret, const char *value)
{
	if (!*value || *value == '-')
		return -EINVAL;
	*ret = value;
	return 0;
}

int option_apply_remote(struct options *options, const char *value)
{
	return name_apply(&options->remote, value);
}

int option_apply_branch(struct options *options, const char *value)
{
	return name_apply(&options->branch, value);
}

int option_apply_main_branch(struct options *options, const char *value)
{
	return name_apply(&options->main_branch, value);
}

int option_apply_dry_run(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->dry_run);
}

int option_apply_sync(struct options *options, const char *value)
{
	return option_switch_parse(value, &options->sync);
}

/* ---- patterns ------------------------------------------------------------------------------ */

int option_apply_allowed_tags(struct options *options, const char *value)
{
	const char ***list = &options->tree.allowed_tags;
	char why[256];
	int r = option_values_add_globs(options, list, value);

	for (const char **pattern = *list; r == 0 && pattern && *pattern; pattern++) {
		r = tag_pattern_check(*pattern, why, sizeof(why));
	}
	return r < 0 || *list ? r : -EINVAL;
}

int option_explain_allowed_tags(const char *value, struct buf *why)
{
	while (*value) {
		size_t length = strcspn(value, ",");
		char *pattern = strndup(value, length), said[256];
		bool wrong;
		int r = 0;

		if (!pattern)
			return -ENOMEM;
		wrong = length > 0 && tag_pattern_check(pattern, said, sizeof(said)) < 0;
		if (wrong)
			r = buf_addf(why, "'%s' is no pattern of tags: %s", pattern, said);
		free(pattern);
		if (r < 0 || wrong)
			return r;
		value += length + (value[length] == ',');
	}
	return buf_addstr(why, "the list of patterns is empty");
}
