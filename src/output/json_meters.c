/* SPDX-License-Identifier: MIT */
#include "json_meters.h"

#include "base.h"
#include "costs.h"

void json_meters(struct json *j, const struct profile *p, const struct bprof_meters *meters)
{
	struct json_count counts[BPROF_NR_METERS];
	uint64_t ipc = meters_ipc_thousandths(p, meters);

	for (unsigned i = 0; i < BPROF_NR_METERS; i++)
		counts[i] = (struct json_count){
			.key = meter_keys[i],
			.value = meter_of(p, meters, (enum bprof_meter)i),
		};
	json_uint(j, "cycles", meters_cycles(p, meters));
	json_uint(j, "instructions", meters_instructions(p, meters));
	if (ipc == PROFILE_UNKNOWN)
		json_null(j, "ipc");
	else
		json_number(j, "ipc", number_thousandths(ipc));
	if (p->metered)
		json_counts(j, "meters", counts, ARRAY_SIZE(counts));
	else
		json_null(j, "meters");
}

static void write_boundary_costs(struct json *j, const struct profile *p)
{
	const struct boundary_cost *cost = &p->boundary;
	const struct boundary_overhead *overhead = &p->overhead;

	json_open_map(j, "boundary_cost");
	json_bool(j, "measured", cost->measured);
	json_uint(j, "cpu_ns", cost->measured ? cost->cpu_ns : PROFILE_UNKNOWN);
	json_meters(j, p, &cost->meters);
	json_close_map(j);

	json_open_map(j, "boundary_overhead");
	json_uint(j, "boundaries", cost->measured ? overhead->boundaries : PROFILE_UNKNOWN);
	json_uint(j, "cpu_ns", cost->measured ? overhead->cpu_ns : PROFILE_UNKNOWN);
	json_meters(j, p, &overhead->meters);
	json_close_map(j);
}

static uint64_t count_disturbed(const struct profile *p)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < p->nr_tests; i++)
		nr += costs_disturbed(p, &p->tests[i].body);
	return p->metered ? nr : PROFILE_UNKNOWN;
}

static void write_disturbance(struct json *j, const struct profile *p)
{
	const struct disturbance *d = &p->disturbance;

	json_open_map(j, "disturbance");
	json_uint(j, "disturbed_tests", count_disturbed(p));
	json_uint(j, "machine_stolen_ns", d->stolen_ns);
	json_uint(j, "throttled_ns", d->throttled_ns);
	json_uint(j, "heat_events", d->heat_events);
	json_uint(j, "least_khz", d->least_khz);
	json_uint(j, "most_khz", d->most_khz);
	json_close_map(j);
}

void json_run_meters(struct json *j, const struct profile *p)
{
	bool told = p->hardware_missing && *p->hardware_missing;

	json_meters(j, p, &p->meters);
	json_text(j, "hardware_missing", told ? p->hardware_missing : NULL);
	write_boundary_costs(j, p);
	write_disturbance(j, p);
}
