/* SPDX-License-Identifier: MIT */
/*
 * Meters against the kernel's own accounts: tests that ask getrusage() and their process clock what
 * they cost, alone and beside a thread that runs all the time. And everything adds up to the whole.
 *
 * Needs root, BPF, LuaJIT and busted; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiled.h"

#define METERS	  SOURCE_DIR "/tests/fixtures/live/meters"
#define MAX_TESTS 32

/*
 * A test's own questions, the file it writes into and the boundaries are not in what it says; and
 * while it is kept from running there, its thread goes on.
 */
#define CPU_SLACK_NS   1000000
#define SLACK_FAULTS   40
#define SLACK_SWITCHES 2

/* What a test said of itself. */
struct said {
	char name[64];
	long long cpu_ns, wall_ns, faults, slept;
};

static size_t read_log(const char *path, struct said *said)
{
	FILE *f = fopen(path, "r");
	size_t nr = 0;

	cr_assert(f != NULL, "the tests wrote no %s", path);
	while (nr < MAX_TESTS &&
	       fscanf(f, "%63s %lld %lld %lld %lld", said[nr].name, &said[nr].cpu_ns,
		      &said[nr].wall_ns, &said[nr].faults, &said[nr].slept) == 5) {
		for (char *c = said[nr].name; *c; c++)
			*c = *c == '_' ? ' ' : *c;
		nr++;
	}
	fclose(f);
	return nr;
}

static void check_near(const struct said *said, const char *what, long long got, long long want,
		       long long slack)
{
	cr_expect(got >= want && got <= want + slack, "%s: %lld %s found, by itself %lld",
		  said->name, got, what, want);
}

/* The boundary may have been taken off once too much: CPU time may be short by that. */
static void check_test(yajl_val profile, const struct said *said, long long boundary_ns)
{
	yajl_val test = profiled_test(profile, said->name);
	long long cpu_ns;

	cr_assert(test != NULL, "there is no test \"%s\"", said->name);
	cpu_ns = json_int_at(test, "cpu_ns");
	cr_log_info("  %-16s %+8.1f us of %8.3f ms CPU, %lld of %lld faults, %lld of %lld sleeps",
		    said->name, (double)(cpu_ns - said->cpu_ns) / 1e3, (double)said->cpu_ns / 1e6,
		    json_int_at(test, "meters.minor_faults"), said->faults,
		    json_int_at(test, "meters.voluntary_switches"), said->slept);
	check_near(said, "ns CPU", cpu_ns + boundary_ns, said->cpu_ns,
		   CPU_SLACK_NS + json_int_at(test, "wall_ns") - said->wall_ns);
	check_near(said, "minor faults", json_int_at(test, "meters.minor_faults"), said->faults,
		   SLACK_FAULTS);
	check_near(said, "sleeps", json_int_at(test, "meters.voluntary_switches"), said->slept,
		   SLACK_SWITCHES);
}

static long long sum_of_phases(yajl_val profile, const char *path)
{
	yajl_val phases = json_at(profile, "phases");
	long long sum = 0;

	for (size_t i = 0; i < phases->u.object.len; i++) {
		if (strcmp(phases->u.object.keys[i], "output") == 0)
			continue; /* known by samples only */
		sum += json_int_at(phases->u.object.values[i], path);
	}
	return sum;
}

static void check_whole(yajl_val profile)
{
	static const char *const meters[] = {"minor_faults", "major_faults", "voluntary_switches",
					     "involuntary_switches", "migrations"};
	long long cpu_ns =
		sum_of_phases(profile, "cpu_ns") + json_int_at(profile, "boundary_overhead.cpu_ns");

	for (size_t i = 0; i < sizeof(meters) / sizeof(*meters); i++) {
		char path[64];

		snprintf(path, sizeof(path), "meters.%s", meters[i]);
		cr_expect(sum_of_phases(profile, path) == json_int_at(profile, path),
			  "%s: the phases have %lld, the run %lld", path,
			  sum_of_phases(profile, path), json_int_at(profile, path));
	}
	cr_expect(cpu_ns == json_int_at(profile, "cpu_ns"),
		  "phases and boundaries have %lld ns CPU, the run %lld", cpu_ns,
		  json_int_at(profile, "cpu_ns"));
}

Test(meters, are_what_the_kernel_says)
{
	char *directory, *log, *log_variable, *burner_variable;
	struct said said[MAX_TESTS];
	struct profiled p;
	size_t nr;

	skip_unless_profiling(BPROF_PERF, "luajit");
	directory = directory_make();
	log = path_join(directory, "said");
	cr_assert(asprintf(&log_variable, "METERS_LOG=%s", log) > 0);
	cr_assert(asprintf(&burner_variable, "BURNER=%s", BURNER) > 0);
	profiled_run(BPROF_PERF, METERS, (const char *const[]){log_variable, burner_variable, NULL},
		     NULL, (const char *const[]){"luajit", "/usr/bin/busted", "-o", "TAP", NULL},
		     &p);
	cr_assert(p.run.status == 0 && p.profile, "status %d: %s", p.run.status, p.run.err.data);
	nr = read_log(log, said);
	cr_assert(nr == 15, "%zu tests said what they cost", nr);
	for (size_t i = 0; i < nr; i++)
		check_test(p.profile, &said[i], json_int_at(p.profile, "boundary_cost.cpu_ns"));
	check_whole(p.profile);
	profiled_done(&p);
	directory_remove(directory);
	free(log);
	free(log_variable);
	free(burner_variable);
}

/* Never a number that is not one: what the machine cannot count is null, and the reason is said. */
Test(meters, of_the_hardware_are_counted_or_null_with_a_reason)
{
	struct profiled p;
	bool counted;

	skip_unless_profiling(BPROF_PERF, "lua5.4");
	profiled_run(BPROF_PERF, NULL, NULL, NULL,
		     (const char *const[]){"lua5.4", "-e", "for i = 1, 1e6 do end", NULL}, &p);
	cr_assert(p.run.status == 0 && p.profile, "status %d: %s", p.run.status, p.run.err.data);
	counted = !json_null_at(p.profile, "cycles");
	if (counted) {
		cr_expect(json_int_at(p.profile, "meters.cycles_user") > 1000000);
		cr_expect(json_int_at(p.profile, "meters.instructions_user") > 1000000);
	} else {
		cr_log_info("  %s", json_string_at(p.profile, "hardware_missing"));
		cr_expect(json_null_at(p.profile, "ipc"));
		cr_expect(json_null_at(p.profile, "meters.cycles_user"));
		cr_expect(strstr(p.run.err.data, "counter") != NULL);
	}
	profiled_done(&p);
}

/* Two ways to count the same: samples of each page fault, and the kernel's account of the thread.
 */
Test(meters, of_faults_agree_with_samples_of_each)
{
	long long counted, sampled;
	struct profiled p;

	skip_unless_profiling(BPROF_PERF, "luajit");
	profiled_run(BPROF_PERF, NULL, NULL,
		     (const char *const[]){"-e", "page-faults", "-c", "1", NULL},
		     (const char *const[]){"luajit", "-e",
					   "local t = {} for i = 1, 1e5 do t[i] = {i} end", NULL},
		     &p);
	cr_assert(p.run.status == 0 && p.profile, "status %d: %s", p.run.status, p.run.err.data);
	cr_expect_str_eq(json_string_at(p.profile, "event.unit"), "page-faults");
	cr_expect(json_null_at(p.profile, "ns_per_sample"));
	counted = json_int_at(p.profile, "meters.minor_faults") +
		  json_int_at(p.profile, "meters.major_faults");
	sampled = json_int_at(p.profile, "samples.taken") - json_int_at(p.profile, "samples.lost");
	cr_log_info("  %lld faults counted, %lld sampled", counted, sampled);
	cr_expect(json_int_at(p.profile, "phases.program.weight") == sampled,
		  "samples weigh %lld, not 1 each",
		  json_int_at(p.profile, "phases.program.weight"));
	cr_expect(llabs(counted - sampled) <= 5 + counted / 50, "%lld counted, %lld sampled",
		  counted, sampled);
	profiled_done(&p);
}
