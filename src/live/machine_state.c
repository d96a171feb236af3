/* SPDX-License-Identifier: MIT */
/*
 * Source: proc(5) for /proc/stat and /proc/PID/cgroup; Documentation/admin-guide/cgroup-v2.rst and
 * sched-bwc.rst for cpu.stat; Documentation/admin-guide/pm/cpufreq.rst; thermal_throttle is x86's.
 */
#include "machine_state.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

#define CPUS	    "%s/sys/devices/system/cpu/cpu%ld/"
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

static FILE *open_below(const char *root, const char *path)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	return fopen(whole, "re");
}

static uint64_t read_stolen_ns(const char *root)
{
	unsigned long long ticks;
	FILE *f = open_below(root, "/proc/stat");
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

static void add(uint64_t *sum, uint64_t n)
{
	if (n != MACHINE_UNKNOWN)
		*sum = (*sum == MACHINE_UNKNOWN ? 0 : *sum) + n;
}

/* Of a group and all above it: the quota of each of them holds back all below. @group is shortened.
 */
static uint64_t sum_throttled_ns(const char *mount, char *group)
{
	uint64_t sum = MACHINE_UNKNOWN;
	char path[2 * PATH_MAX];

	for (;;) {
		char *slash = strrchr(group, '/');

		snprintf(path, sizeof(path), "%s%s/cpu.stat", mount, group);
		add(&sum, read_throttled_ns(path));
		if (!slash)
			return sum;
		*slash = 0;
	}
}

/* "0::/user.slice/x" or "4:cpu,cpuacct:/x": the quota of a group may hold us back. */
static uint64_t find_throttled_ns(const char *root)
{
	char line[512], path[PATH_MAX];
	uint64_t ret = MACHINE_UNKNOWN;
	FILE *f = open_below(root, "/proc/self/cgroup");

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
		snprintf(path, sizeof(path), "%s/sys/fs/cgroup/%s", root, controllers);
		ret = sum_throttled_ns(path, group);
	}
	if (f)
		fclose(f);
	return ret;
}

static void read_frequency(struct machine_state *s, uint64_t khz)
{
	if (khz == MACHINE_UNKNOWN)
		return;
	if (s->least_khz == MACHINE_UNKNOWN || khz < s->least_khz)
		s->least_khz = khz;
	if (s->most_khz == MACHINE_UNKNOWN || khz > s->most_khz)
		s->most_khz = khz;
}

/* One of them may be offline: it tells nothing, the next one may. */
static void read_processors(struct machine_state *s, const char *root, long nr)
{
	char path[PATH_MAX];

	for (long cpu = 0; cpu < nr; cpu++) {
		snprintf(path, sizeof(path), CPUS "thermal_throttle/core_throttle_count", root,
			 cpu);
		add(&s->heat_events, read_number(path));
		snprintf(path, sizeof(path), CPUS "cpufreq/scaling_cur_freq", root, cpu);
		read_frequency(s, read_number(path));
	}
}

void machine_state_read_below(const char *root, long nr_cpus, struct machine_state *ret)
{
	*ret = (struct machine_state){
		.stolen_ns = read_stolen_ns(root),
		.throttled_ns = find_throttled_ns(root),
		.heat_events = MACHINE_UNKNOWN,
		.least_khz = MACHINE_UNKNOWN,
		.most_khz = MACHINE_UNKNOWN,
	};
	read_processors(ret, root, nr_cpus);
}

void machine_state_read(struct machine_state *ret)
{
	machine_state_read_below("", sysconf(_SC_NPROCESSORS_CONF), ret);
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
	struct machine_state ret = {
		.stolen_ns = growth(now->stolen_ns, before->stolen_ns),
		.throttled_ns = growth(now->throttled_ns, before->throttled_ns),
		.heat_events = growth(now->heat_events, before->heat_events),
		.least_khz = before->least_khz,
		.most_khz = before->most_khz,
	};

	read_frequency(&ret, now->least_khz);
	read_frequency(&ret, now->most_khz);
	return ret;
}
