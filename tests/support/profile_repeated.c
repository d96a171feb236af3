/* SPDX-License-Identifier: MIT */
/*
 * A suite that ran three times, on a machine with hardware counters: a test that burns, one that
 * waits, one that others kept from running, and one whose cycles miss a time slice.
 */
#include "profiles.h"

#include <string.h>

#include "base.h"

#define MS   1000000ULL
#define RUNS 3

struct cast {
	const char *id, *name;
	const char *tags[3];
	size_t nr_tags;
	int32_t line;
	uint64_t wall_ns, cpu_ns, waited_ns, cycles;
	uint64_t uncounted;
};

static const struct cast cast[] = {
	{.id = "5a0f1e62-5d1b-3a51-9d0f-0c3a6d1b7e01",
	 .name = "burns",
	 .tags = {"slow", "hot"},
	 .nr_tags = 2,
	 .line = 3,
	 .wall_ns = 21 * MS,
	 .cpu_ns = 20 * MS,
	 .cycles = 60000000},
	{.id = "5a0f1e62-5d1b-3a51-9d0f-0c3a6d1b7e02",
	 .name = "waits | for *it*",
	 .tags = {"slow"},
	 .nr_tags = 1,
	 .line = 9,
	 .wall_ns = 50 * MS,
	 .cpu_ns = 1 * MS,
	 .cycles = 3000000},
	{.id = "5a0f1e62-5d1b-3a51-9d0f-0c3a6d1b7e03",
	 .name = "is kept from running",
	 .line = 15,
	 .wall_ns = 30 * MS,
	 .cpu_ns = 5 * MS,
	 .waited_ns = 24 * MS,
	 .cycles = 15000000},
	{.id = "5a0f1e62-5d1b-3a51-9d0f-0c3a6d1b7e04",
	 .name = "is counted in part",
	 .line = 21,
	 .wall_ns = 40000,
	 .cpu_ns = 39000,
	 .cycles = 90000,
	 .uncounted = 1},
};

#define NR_TESTS (ARRAY_SIZE(cast) * RUNS)

static void set_meters(struct bprof_meters *m, const struct cast *c, uint64_t cycles)
{
	m->value[BPROF_METER_CYCLES_USER] = cycles;
	m->value[BPROF_METER_CYCLES_KERNEL] = cycles / 10;
	m->value[BPROF_METER_INSTRUCTIONS_USER] = cycles * 5 / 2;
	m->value[BPROF_METER_INSTRUCTIONS_KERNEL] = cycles / 20;
	m->value[BPROF_METER_UNCOUNTED] = c->uncounted;
	m->value[BPROF_METER_WAITED_NS] = c->waited_ns;
	m->value[BPROF_METER_MINOR_FAULTS] = 12;
	m->value[BPROF_METER_VOLUNTARY_SWITCHES] = c->wall_ns > 2 * c->cpu_ns ? 9 : 0;
}

/* Each run takes a tenth of the first more than the one before. */
static void set_test(struct test *t, const struct cast *c, uint32_t run)
{
	*t = (struct test){
		.file = "spec/cost_spec.lua",
		.name = c->name,
		.full_name = c->name,
		.source = "spec/cost_spec.lua",
		.line = c->line,
		.tags = (const char **)(uintptr_t)c->tags,
		.nr_tags = c->nr_tags,
		.status = TEST_SUCCESS,
		.ordinal = 1,
		.iteration = run + 1,
	};
	strcpy(t->id, c->id);
	t->body.wall_ns = c->wall_ns + c->wall_ns / 10 * run;
	t->body.cpu_ns = c->cpu_ns + c->cpu_ns / 10 * run;
	t->body.overhead_ns = 1000;
	set_meters(&t->body.meters, c, c->cycles + c->cycles / 10 * run);
}

const struct profile *profile_repeated(void)
{
	static struct test tests[NR_TESTS];
	static struct profile p = {
		.bprof_version = "0.1.0",
		.complete = true,
		.wall_ns = 500 * MS,
		.cpu_ns = 100 * MS,
		.disturbance = {12 * MS, 30 * MS, 2, 1800000, 3100000},
		.event_requested = "auto",
		.event_name = "cycles",
		.event_unit = "cycles",
		.event_hardware = true,
		.frequency_hz = 997,
		.period = PROFILE_UNKNOWN,
		.weighted = true,
		.ns_per_sample = PROFILE_UNKNOWN,
		.cpu_model = "Example CPU 3.0GHz",
		.platform = "Linux",
		.kernel = "6.1.0-18-amd64",
		.arch = "x86_64",
		.nr_cpus = 8,
		.boundaries = "hook",
		.check = {.hook_seen = true, .announcements = 60},
		.suite = {.seen = true, .ended = true, .iterations = RUNS, .successes = NR_TESTS},
		.boundary = {.measured = true, .cpu_ns = 1000},
		.overhead = {.boundaries = 60, .cpu_ns = 60000},
		.metered = (1U << BPROF_NR_METERS) - 1,
		.tests = tests,
		.nr_tests = NR_TESTS,
	};

	for (uint32_t run = 0; run < RUNS; run++)
		for (size_t i = 0; i < ARRAY_SIZE(cast); i++)
			set_test(&tests[run * ARRAY_SIZE(cast) + i], &cast[i], run);
	p.boundary.meters.value[BPROF_METER_CYCLES_USER] = 700;
	p.meters.value[BPROF_METER_CYCLES_USER] = 300000000;
	p.meters.value[BPROF_METER_INSTRUCTIONS_USER] = 750000000;
	p.meters.value[BPROF_METER_UNCOUNTED] = 3;
	return &p;
}
