/* SPDX-License-Identifier: MIT */
/*
 * Source: proc(5) for /proc/stat and /proc/PID/cgroup; Documentation/admin-guide/cgroup-v2.rst and
 * sched-bwc.rst for cpu.stat; Documentation/admin-guide/pm/cpufreq.rst; thermal_throttle is x86's.
 */
#include "machine_state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

#define CPUS	    "/sys/devices/system/cpu"
#define CGROUPS	    "/sys/fs/cgroup"
#define NS_PER_TICK (1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK))

static uint64_t read_number(const char *path)
{
	unsigned long long n;
	FILE *f = fopen(path, "re");
	int got = f ? fscanf(f, "%llu", &n) : 0;

	if (f)
		fclose(f);
	return got == 1 ? n : MACHINE_UNKNOWN;
}

static uint64_t read_stolen_ns(void)
{
	unsigned long long ticks;
	FILE *f = fopen("/proc/stat", "re");
	int got = f ? fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks) : 0;

	if (f)
		fclose(f);
	return got == 1 ? ticks * NS_PER_TICK : MACHINE_UNKNOWN;
}

/* "throttled_usec 12" of version 2, "throttled_time 12000" of version 1. */
static uint64_t read_throttled_ns(const char *path)
{
	uint64_t ret = MACHINE_UNKNOWN;
	FILE *f = fopen(path, "re");
	unsigned long long n;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "throttled_usec %llu", &n) == 1)
			ret = n * 1000;
		else if (sscanf(line, "throttled_time %llu", &n) == 1)
			ret = n;
	}
	if (f)
		fclose(f);
	return ret;
}

/* "0::/user.slice/x" or "4:cpu,cpuacct:/x": the quota of one of our groups may hold us back. */
static uint64_t find_throttled_ns(void)
{
	char line[512], path[sizeof(line) + 64];
	uint64_t ret = MACHINE_UNKNOWN;
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && ret == MACHINE_UNKNOWN && fgets(line, sizeof(line), f)) {
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!group)
			continue;
		*group++ = 0;
		controllers++;
		group[strcspn(group, "\n")] = 0;
		if (*controllers && strncmp(controllers, "cpu", 3))
			continue;
		snprintf(path, sizeof(path), CGROUPS "/%s%s/cpu.stat", controllers, group);
		ret = read_throttled_ns(path);
	}
	if (f)
		fclose(f);
	return ret;
}

static void add(uint64_t *sum, uint64_t n)
{
	if (n != MACHINE_UNKNOWN)
		*sum = (*sum == MACHINE_UNKNOWN ? 0 : *sum) + n;
}

static void read_processors(struct machine_state *s)
{
	long nr = sysconf(_SC_NPROCESSORS_CONF);
	char path[128];

	for (long cpu = 0; cpu < nr; cpu++) {
		uint64_t khz;

		snprintf(path, sizeof(path), CPUS "/cpu%ld/thermal_throttle/core_throttle_count",
			 cpu);
		add(&s->heat_events, read_number(path));
		snprintf(path, sizeof(path), CPUS "/cpu%ld/cpufreq/scaling_cur_freq", cpu);
		khz = read_number(path);
		if (khz == MACHINE_UNKNOWN)
			return; /* those of one machine are alike */
		if (s->least_khz == MACHINE_UNKNOWN || khz < s->least_khz)
			s->least_khz = khz;
		if (s->most_khz == MACHINE_UNKNOWN || khz > s->most_khz)
			s->most_khz = khz;
	}
}

void machine_state_read(struct machine_state *ret)
{
	*ret = (struct machine_state){
		.stolen_ns = read_stolen_ns(),
		.throttled_ns = find_throttled_ns(),
		.heat_events = MACHINE_UNKNOWN,
		.least_khz = MACHINE_UNKNOWN,
		.most_khz = MACHINE_UNKNOWN,
	};
	read_processors(ret);
}

static uint64_t growth(uint64_t now, uint64_t before)
{
	if (now == MACHINE_UNKNOWN || before == MACHINE_UNKNOWN)
		return MACHINE_UNKNOWN;
	return now > before ? now - before : 0;
}

struct machine_state machine_state_since(const struct machine_state *now,
					 const struct machine_state *before)
{
	bool later = now->least_khz < before->least_khz;
	struct machine_state ret = {
		.stolen_ns = growth(now->stolen_ns, before->stolen_ns),
		.throttled_ns = growth(now->throttled_ns, before->throttled_ns),
		.heat_events = growth(now->heat_events, before->heat_events),
		.least_khz = later ? now->least_khz : before->least_khz,
		.most_khz = before->most_khz,
	};

	if (ret.most_khz != MACHINE_UNKNOWN && now->most_khz != MACHINE_UNKNOWN &&
	    now->most_khz > ret.most_khz)
		ret.most_khz = now->most_khz;
	return ret;
}
