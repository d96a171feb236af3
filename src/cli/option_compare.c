/* SPDX-License-Identifier: MIT */
/* The values that compare alone takes: revisions, thresholds, what is compared and how it is
 * printed. */
#include <errno.h>
#include <string.h>

#include "option_values.h"
#include "output/output.h"

#define MOST_PAIRS	1000
#define LEAST_THRESHOLD 0.001
#define MOST_THRESHOLD	10.0

/* "5%", "7.5": ret 0.05, 0.075 */
static int threshold_parse(const char *value, double *ret)
{
	size_t digits = strspn(value, "0123456789.");
	double percent;
	char *end;

	if (digits == 0 || (strcmp(value + digits, "") != 0 && strcmp(value + digits, "%") != 0))
		return -EINVAL;
	percent = strtod(value, &end);
	if (end != value + digits || percent / 100 < LEAST_THRESHOLD ||
	    percent / 100 > MOST_THRESHOLD)
		return -EINVAL;
	*ret = percent / 100;
	return 0;
}

int option_apply_warn_at(struct options *options, const char *value)
{
	return threshold_parse(value, &options->rule.warn_at);
}

int option_apply_fail_at(struct options *options, const char *value)
{
	return threshold_parse(value, &options->rule.fail_at);
}

#define MOST_FLOOR 1e15

/* A time sets the floor of times, a bare number that of counters. */
int option_apply_floor(struct options *options, const char *value)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	size_t digits = strspn(value, "0123456789.");
	char *end;
	double number = strtod(value, &end);

	if (digits == 0 || end != value + digits || number > MOST_FLOOR)
		return -EINVAL;
	if (!value[digits]) {
		options->rule.floor_count = options->rule.floor_vm = number;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(units[i].name, value + digits) == 0 &&
		    number * units[i].ns <= MOST_FLOOR) {
			options->rule.floor_ns = number * units[i].ns;
			return 0;
		}
	return -EINVAL;
}

int option_apply_base(struct options *options, const char *value)
{
	/* git would take it for an option */
	if (!*value || *value == '-')
		return -EINVAL;
	options->base_revision = value;
	return 0;
}

int option_apply_base_command(struct options *options, const char *value)
{
	if (!*value)
		return -EINVAL;
	options->base_command = value;
	return 0;
}

int option_apply_prepare(struct options *options, const char *value)
{
	if (!*value)
		return -EINVAL;
	options->prepare = value;
	return 0;
}

int option_apply_pairs(struct options *options, const char *value)
{
	return option_number_parse(value, 1, MOST_PAIRS, &options->pairs);
}

int option_apply_metric(struct options *options, const char *value)
{
	for (int m = 0; m < NR_METRICS; m++)
		if (strcmp(metric_name((enum metric)m), value) == 0) {
			options->rule.metric = (enum metric)m;
			return 0;
		}
	options->rule.metric = NR_METRICS;
	return strcmp(value, "auto") == 0 ? 0 : -EINVAL;
}

int option_apply_comparison_format(struct options *options, const char *value)
{
	options->comparison_format = comparison_output_find(value);
	return options->comparison_format ? 0 : -EINVAL;
}

/* FORMAT=FILE */
int option_apply_save(struct options *options, const char *value)
{
	const char *equals = strchr(value, '=');
	struct saved_comparison saved = {.path = equals ? equals + 1 : ""};
	char *name;
	size_t nr = 0;

	if (!*saved.path)
		return -EINVAL;
	name = option_values_copy(options, value, (size_t)(equals - value));
	if (!name)
		return -ENOMEM;
	saved.format = comparison_output_find(name);
	while (options->saved[nr].format)
		nr++;
	if (!saved.format || nr == MAX_SAVED)
		return -EINVAL;
	options->saved[nr] = saved;
	return 0;
}

int option_apply_stacks(struct options *options, const char *value)
{
	if (!*value)
		return -EINVAL;
	options->stacks = value;
	return 0;
}

int option_apply_excuse_commits(struct options *options, const char *value)
{
	return *value ? option_values_add_word(options, &options->excusing_commits, value)
		      : -EINVAL;
}
