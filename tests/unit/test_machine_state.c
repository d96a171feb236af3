/* SPDX-License-Identifier: MIT */
/* What a machine tells of itself, from a /proc and a /sys that are written here. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "machine_state.h"
#include "run.h"

#define TICK_NS (1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK))

static char *root;

static void begin(void)
{
	root = directory_make();
}

static void end(void)
{
	directory_remove(root);
}

TestSuite(machine_state, .init = begin, .fini = end, .timeout = 20);

static void write_file(const char *path, const char *text)
{
	char *command = NULL;
	FILE *out;

	cr_assert(asprintf(&command, "mkdir -p \"$(dirname '%s/%s')\" && cat > '%s/%s'", root, path,
			   root, path) > 0);
	out = popen(command, "w");
	cr_assert(out != NULL && fputs(text, out) >= 0);
	cr_assert(eq(int, pclose(out), 0));
	free(command);
}

static void write_cpu(int cpu, const char *what, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%d/%s", cpu, what);
	write_file(path, text);
}

static struct machine_state state(long nr_cpus)
{
	struct machine_state s;

	machine_state_read_below(root, nr_cpus, &s);
	return s;
}

Test(machine_state, a_machine_that_tells_nothing_is_unknown)
{
	struct machine_state s = state(4), since = machine_state_since(&s, &s);

	cr_expect(eq(u64, s.stolen_ns, MACHINE_UNKNOWN));
	cr_expect(eq(u64, s.throttled_ns, MACHINE_UNKNOWN));
	cr_expect(eq(u64, s.heat_events, MACHINE_UNKNOWN));
	cr_expect(eq(u64, s.least_khz, MACHINE_UNKNOWN));
	cr_expect(eq(u64, s.most_khz, MACHINE_UNKNOWN));
	cr_expect(eq(u64, since.stolen_ns, MACHINE_UNKNOWN));
	cr_expect(eq(u64, since.most_khz, MACHINE_UNKNOWN));
}

Test(machine_state, time_stolen_is_that_of_all_processors)
{
	struct machine_state before, now;

	write_file("proc/stat", "cpu  1 2 3 4 5 6 7 80 9 10\ncpu0 1 2 3 4 5 6 7 40 9 10\n");
	before = state(1);
	cr_expect(eq(u64, before.stolen_ns, 80 * TICK_NS));
	write_file("proc/stat", "cpu  1 2 3 4 5 6 7 95 9 10\n");
	now = state(1);
	cr_expect(eq(u64, machine_state_since(&now, &before).stolen_ns, 15 * TICK_NS));
	cr_expect(eq(u64, machine_state_since(&before, &now).stolen_ns, 0), "never below nothing");
}

Test(machine_state, quotas_of_all_groups_above_count)
{
	write_file("proc/self/cgroup", "0::/a.slice/b.scope\n");
	write_file("sys/fs/cgroup/cpu.stat", "usage_usec 5\n");
	write_file("sys/fs/cgroup/a.slice/cpu.stat",
		   "usage_usec 5\nnr_throttled 1\nthrottled_usec 30\n");
	write_file("sys/fs/cgroup/a.slice/b.scope/cpu.stat", "throttled_usec 12\n");
	cr_expect(eq(u64, state(1).throttled_ns, 42000));
}

Test(machine_state, groups_of_version_1_are_found_by_their_controller)
{
	write_file("proc/self/cgroup", "9:name=systemd:/x\n5:cpuset:/\n4:cpu,cpuacct:/y\n0::/z\n");
	write_file("sys/fs/cgroup/cpu,cpuacct/y/cpu.stat", "nr_periods 3\nthrottled_time 77\n");
	cr_expect(eq(u64, state(1).throttled_ns, 77));
}

Test(machine_state, heat_is_the_sum_and_frequency_the_range_of_the_processors)
{
	struct machine_state before, now, since;

	write_cpu(0, "thermal_throttle/core_throttle_count", "3\n");
	write_cpu(0, "cpufreq/scaling_cur_freq", "2100000\n");
	/* the second is offline */
	write_cpu(2, "thermal_throttle/core_throttle_count", "4\n");
	write_cpu(2, "cpufreq/scaling_cur_freq", "1900000\n");
	before = state(3);
	cr_expect(eq(u64, before.heat_events, 7));
	cr_expect(eq(u64, before.least_khz, 1900000));
	cr_expect(eq(u64, before.most_khz, 2100000));
	write_cpu(2, "thermal_throttle/core_throttle_count", "6\n");
	write_cpu(2, "cpufreq/scaling_cur_freq", "800000\n");
	write_cpu(0, "cpufreq/scaling_cur_freq", "3000000\n");
	now = state(3);
	since = machine_state_since(&now, &before);
	cr_expect(eq(u64, since.heat_events, 2));
	cr_expect(eq(u64, since.least_khz, 800000));
	cr_expect(eq(u64, since.most_khz, 3000000));
}

/* Virtual machines often have the one and not the other. */
Test(machine_state, heat_is_told_without_frequencies)
{
	write_cpu(0, "thermal_throttle/core_throttle_count", "1\n");
	write_cpu(1, "thermal_throttle/core_throttle_count", "2\n");
	cr_expect(eq(u64, state(2).heat_events, 3));
	cr_expect(eq(u64, state(2).least_khz, MACHINE_UNKNOWN));
}

Test(machine_state, nonsense_is_unknown)
{
	write_file("proc/stat", "intr 5\n");
	write_file("proc/self/cgroup", "no colon\n::\n0::/gone\n");
	write_cpu(0, "cpufreq/scaling_cur_freq", "<unknown>\n");
	cr_expect(eq(u64, state(1).stolen_ns, MACHINE_UNKNOWN));
	cr_expect(eq(u64, state(1).throttled_ns, MACHINE_UNKNOWN));
	cr_expect(eq(u64, state(1).most_khz, MACHINE_UNKNOWN));
}
