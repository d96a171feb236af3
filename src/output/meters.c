/* SPDX-License-Identifier: MIT */
#include "meters.h"

const char *const meter_keys[BPROF_NR_METERS] = {
#define BPROF_X(name, key, sentence) [BPROF_METER_##name] = (key),
	BPROF_METER_LIST(BPROF_X)
#undef BPROF_X
};

uint64_t meter_of(const struct profile *p, const struct bprof_meters *meters,
		  enum bprof_meter meter)
{
	return p->metered >> meter & 1 ? meters->value[meter] : PROFILE_UNKNOWN;
}

static uint64_t sum_of(const struct profile *p, const struct bprof_meters *meters,
		       enum bprof_meter one, enum bprof_meter other)
{
	uint64_t a = meter_of(p, meters, one), b = meter_of(p, meters, other);

	return a == PROFILE_UNKNOWN || b == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : a + b;
}

uint64_t meters_cycles(const struct profile *p, const struct bprof_meters *meters)
{
	return sum_of(p, meters, BPROF_METER_CYCLES_USER, BPROF_METER_CYCLES_KERNEL);
}

uint64_t meters_instructions(const struct profile *p, const struct bprof_meters *meters)
{
	return sum_of(p, meters, BPROF_METER_INSTRUCTIONS_USER, BPROF_METER_INSTRUCTIONS_KERNEL);
}

uint64_t meters_page_faults(const struct profile *p, const struct bprof_meters *meters)
{
	return sum_of(p, meters, BPROF_METER_MINOR_FAULTS, BPROF_METER_MAJOR_FAULTS);
}

uint64_t meters_switches(const struct profile *p, const struct bprof_meters *meters)
{
	return sum_of(p, meters, BPROF_METER_VOLUNTARY_SWITCHES, BPROF_METER_INVOLUNTARY_SWITCHES);
}

uint64_t meters_ipc_thousandths(const struct profile *p, const struct bprof_meters *meters)
{
	uint64_t cycles = meter_of(p, meters, BPROF_METER_CYCLES_USER);
	uint64_t instructions = meter_of(p, meters, BPROF_METER_INSTRUCTIONS_USER);

	if (cycles == PROFILE_UNKNOWN || instructions == PROFILE_UNKNOWN || !cycles)
		return PROFILE_UNKNOWN;
	return (uint64_t)((unsigned __int128)instructions * 1000 / cycles);
}

uint64_t meters_mhz(const struct profile *p, const struct costs *c)
{
	uint64_t cycles = meters_cycles(p, &c->meters);

	if (cycles == PROFILE_UNKNOWN || c->cpu_ns == PROFILE_UNKNOWN || c->cpu_ns == 0)
		return PROFILE_UNKNOWN;
	return (uint64_t)((double)cycles * 1e3 / (double)c->cpu_ns);
}

uint64_t samples_counted(const struct profile *p, uint64_t samples)
{
	return p->unsampled ? PROFILE_UNKNOWN : samples;
}

uint64_t samples_due(const struct profile *p)
{
	if (!p->complete || p->ns_per_sample == PROFILE_UNKNOWN || p->ns_per_sample == 0 ||
	    p->cpu_ns == PROFILE_UNKNOWN)
		return PROFILE_UNKNOWN;
	return p->cpu_ns / p->ns_per_sample;
}
