/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base.h"

static const struct event known_events[] = {
	{{"cycles", "cycles", true, UINT64_MAX}, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0},
	{{"cpu-clock", "nanoseconds", false, 0}, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, 0},
};

int event_open(const struct event *e, int cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = e->type,
		.config = e->config,
		.freq = 1,
		.sample_freq = e->frequency_hz,
		/* a clock event without the kernel would drop every sample inside system calls */
		.exclude_kernel = 0,
		.exclude_hv = e->public.hardware,
		.exclude_idle = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static int explain(int err, const struct event *e, char *why, size_t why_size)
{
	if (err == -EACCES || err == -EPERM)
		snprintf(
			why, why_size,
			"perf events are forbidden here (kernel.perf_event_paranoid): run under sudo, "
			"or see 'bprof-perf doctor'");
	else if (e->public.hardware)
		snprintf(why, why_size,
			 "this machine has no %s counter (%s), as most virtual machines; "
			 "use -e auto or -e cpu-clock",
			 e->public.name, strerror(-err));
	else
		snprintf(why, why_size, "cannot open the perf event %s: %s", e->public.name,
			 strerror(-err));
	return err;
}

int event_choose(const char *name, unsigned frequency_hz, struct event *ret, char *why,
		 size_t why_size)
{
	bool any = !strcmp(name, "auto");
	int err = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(known_events); i++) {
		struct event e = known_events[i];
		int fd;

		if (!any && strcmp(name, e.public.name))
			continue;
		e.frequency_hz = frequency_hz;
		if (!e.public.hardware)
			e.public.ns_per_sample = 1000000000ULL / frequency_hz;
		fd = event_open(&e, 0);
		if (fd >= 0) {
			close(fd);
			*ret = e;
			return 0;
		}
		err = explain(fd, &e, why, why_size);
		if (fd == -EACCES || fd == -EPERM)
			return err;
	}
	if (err == -ENOENT && !any)
		snprintf(why, why_size, "unknown event '%s': use auto, cycles or cpu-clock", name);
	return err;
}
