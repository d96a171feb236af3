/* SPDX-License-Identifier: MIT */
/* Costs in the reports: sums of what was measured, and what is only known by samples. */
#include <stdio.h>

#include "report.h"

bool report_is_known(uint64_t n)
{
	return n > 0 && n != PROFILE_UNKNOWN;
}

static uint64_t sum_times(uint64_t sum, uint64_t part, uint64_t samples)
{
	if (part == PROFILE_UNKNOWN)
		return samples > 0 ? PROFILE_UNKNOWN : sum;
	return sum == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : sum + part;
}

void report_add_costs(struct costs *sum, const struct costs *part)
{
	sum->wall_ns = sum_times(sum->wall_ns, part->wall_ns, part->samples);
	sum->cpu_ns = sum_times(sum->cpu_ns, part->cpu_ns, part->samples);
	sum->samples += part->samples;
	sum->weight += part->weight;
	for (size_t i = 0; i < NR_MODES; i++)
		sum->by_mode[i] += part->by_mode[i];
}

struct number report_share(const struct profile *p, const struct costs *c)
{
	struct number share, marked;

	if (c->wall_ns != PROFILE_UNKNOWN && p->wall_ns != PROFILE_UNKNOWN)
		return number_share(c->wall_ns, p->wall_ns);
	share = number_share(c->samples, p->accounts.taken - p->accounts.lost);
	snprintf(marked.text, sizeof(marked.text), "~%.30s", share.text);
	return *share.text == '-' ? share : marked;
}

uint64_t report_estimated_ns(const struct profile *p, uint64_t samples)
{
	return p->ns_per_sample == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : samples * p->ns_per_sample;
}

struct number report_cpu_time(const struct profile *p, const struct costs *c)
{
	if (c->cpu_ns == PROFILE_UNKNOWN && c->samples > 0)
		return number_estimate(report_estimated_ns(p, c->samples));
	return number_duration(c->cpu_ns);
}
