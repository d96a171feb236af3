/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base.h"

#define DEVICES "/sys/bus/event_source/devices"

static int open_event(const struct event *e, int cpu, bool sampling)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.disabled = sampling,
		.pinned = sampling, /* all the time or not at all */
		.type = e->code.type,
		.config = e->code.config,
		.config1 = e->code.config1,
		.config2 = e->code.config2,
		/* a clock event without the kernel would drop every sample inside system calls */
		.exclude_kernel = e->code.user_only,
		.exclude_user = e->code.kernel_only,
		.exclude_hv = sampling && e->public.hardware,
		/* counters of arm64 refuse it, and no followed thread is idle */
		.exclude_idle = sampling && !e->public.hardware,
	};
	long fd;

	if (sampling && e->period) {
		attr.sample_period = e->period;
	} else if (sampling) {
		attr.freq = 1;
		attr.sample_freq = e->frequency_hz;
	}
	fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

int event_open(const struct event *e, int cpu)
{
	return open_event(e, cpu, true);
}

/* It may be there for counting alone. */
static bool can_be_counted(const struct event *e)
{
	int fd = open_event(e, 0, false);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/*
 * The most samples per second that the kernel allows; it lowers this by itself when interrupts take
 * long (kernel.perf_cpu_time_max_percent). UINT64_MAX = not known.
 */
static uint64_t max_sample_rate(void)
{
	FILE *f = fopen("/proc/sys/kernel/perf_event_max_sample_rate", "re");
	unsigned long long rate;
	bool known;

	if (!f)
		return UINT64_MAX;
	known = fscanf(f, "%llu", &rate) == 1;
	fclose(f);
	return known ? rate : UINT64_MAX;
}

static int explain(int err, const struct event *e, char *why, size_t why_size)
{
	uint64_t rate = max_sample_rate();

	if (err == -EACCES || err == -EPERM)
		snprintf(
			why, why_size,
			"perf events are forbidden here (kernel.perf_event_paranoid): run under sudo, "
			"or see 'bprof-perf doctor'");
	else if (err == -EINVAL && !e->period && e->frequency_hz > rate)
		snprintf(
			why, why_size,
			"the kernel allows %llu samples per second by now, not %u: use -F %llu, or "
			"raise kernel.perf_event_max_sample_rate with sysctl",
			(unsigned long long)rate, e->frequency_hz, (unsigned long long)rate);
	else if (can_be_counted(e))
		snprintf(
			why, why_size,
			"%s can be counted here, but not sampled (%s): use -e auto or -e cpu-clock",
			e->name, strerror(-err));
	else if (e->public.hardware)
		snprintf(why, why_size,
			 "this machine has no %s counter (%s), as most virtual machines; "
			 "use -e auto or -e cpu-clock",
			 e->name, strerror(-err));
	else
		snprintf(why, why_size, "cannot open the perf event %s: %s", e->name,
			 strerror(-err));
	return err;
}

/* Its own name is the unit of what it counts; a clock counts nanoseconds. */
static void publish(struct event *e, const struct collect_opts *opts)
{
	const struct event_code *code = &e->code;

	snprintf(e->name, sizeof(e->name), "%s%s", code->name,
		 code->user_only     ? ":u"
		 : code->kernel_only ? ":k"
				     : "");
	e->frequency_hz = opts->frequency_hz;
	e->period = opts->period;
	e->public.name = e->name;
	e->public.unit = code->clock ? "nanoseconds" : code->name;
	e->public.hardware = code->hardware;
	e->public.ns_per_sample = UINT64_MAX;
	if (code->clock)
		e->public.ns_per_sample = e->period ? e->period : 1000000000ULL / e->frequency_hz;
}

static int try_event(const char *name, const struct collect_opts *opts, struct event *ret,
		     char *why, size_t why_size)
{
	int fd = event_parse(name, DEVICES, &ret->code, why, why_size);

	if (fd < 0)
		return fd;
	publish(ret, opts);
	fd = event_open(ret, 0);
	if (fd < 0)
		return explain(fd, ret, why, why_size);
	close(fd);
	return 0;
}

int collect_check_event(const char *name, char *why, size_t why_size)
{
	struct event_code code;

	if (!strcmp(name, "auto") || !strcmp(name, BPROF_NO_EVENT))
		return 0;
	return event_parse(name, DEVICES, &code, why, why_size);
}

int event_choose(const struct collect_opts *opts, struct event *ret, char *why, size_t why_size)
{
	int r;

	if (!strcmp(opts->event, BPROF_NO_EVENT)) {
		ret->public = (struct collect_event){.name = "", .unit = ""};
		return 0;
	}
	if (strcmp(opts->event, "auto"))
		return try_event(opts->event, opts, ret, why, why_size);
	r = try_event("cycles", opts, ret, why, why_size);
	if (r == 0 || r == -EACCES || r == -EPERM)
		return r;
	return try_event("cpu-clock", opts, ret, why, why_size);
}
