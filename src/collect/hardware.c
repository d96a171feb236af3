/* SPDX-License-Identifier: MIT */
#include "hardware.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>

#include "base.h"

#define USER_METERS   (1U << BPROF_METER_CYCLES_USER | 1U << BPROF_METER_INSTRUCTIONS_USER)
#define KERNEL_METERS (1U << BPROF_METER_CYCLES_KERNEL | 1U << BPROF_METER_INSTRUCTIONS_KERNEL)

static const struct {
	uint64_t config;
	bool kernel;
} events[BPROF_NR_HARDWARE] = {
	[BPROF_METER_CYCLES_USER] = {PERF_COUNT_HW_CPU_CYCLES, false},
	[BPROF_METER_CYCLES_KERNEL] = {PERF_COUNT_HW_CPU_CYCLES, true},
	[BPROF_METER_INSTRUCTIONS_USER] = {PERF_COUNT_HW_INSTRUCTIONS, false},
	[BPROF_METER_INSTRUCTIONS_KERNEL] = {PERF_COUNT_HW_INSTRUCTIONS, true},
};

/* A file descriptor, or -errno; -EBUSY: the counters of this processor are taken. */
static int open_counter(unsigned meter, unsigned cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = events[meter].config,
		.pinned = 1,
		.exclude_user = events[meter].kernel,
		.exclude_kernel = !events[meter].kernel,
		.exclude_hv = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
	uint64_t value;

	if (fd < 0)
		return -errno;
	/* a pinned event that found no counter reads as end of file, now and for ever */
	if (read((int)fd, &value, sizeof(value)) == (ssize_t)sizeof(value))
		return (int)fd;
	close((int)fd);
	return -EBUSY;
}

static void close_all(struct hardware *h)
{
	for (size_t i = 0; i < (size_t)h->nr_cpus * BPROF_NR_HARDWARE; i++) {
		if (h->fds[i] >= 0)
			close(h->fds[i]);
		h->fds[i] = -1;
	}
	h->counted = 0;
}

static int open_meters(struct hardware *h, uint32_t meters)
{
	for (unsigned cpu = 0; cpu < h->nr_cpus; cpu++) {
		for (unsigned meter = 0; meter < BPROF_NR_HARDWARE; meter++) {
			int fd;

			if (!(meters >> meter & 1))
				continue;
			fd = open_counter(meter, cpu);
			if (fd == -ENODEV || fd == -ENXIO) {
				if (!cpu)
					return fd;
				continue; /* offline */
			}
			if (fd < 0)
				return fd;
			h->fds[cpu * BPROF_NR_HARDWARE + meter] = fd;
		}
	}
	h->counted = meters;
	return 0;
}

static void explain(struct hardware *h, int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		snprintf(h->missing, sizeof(h->missing),
			 "the counters of this machine are forbidden (kernel.perf_event_paranoid): "
			 "run under sudo, or see 'bprof-perf doctor'");
		break;
	case -EBUSY:
		snprintf(h->missing, sizeof(h->missing),
			 "other programs hold the counters of this machine: end them, or give "
			 "back the watchdog's (sysctl kernel.nmi_watchdog=0)");
		break;
	default:
		snprintf(h->missing, sizeof(h->missing),
			 "no cycle counter on this machine (%s), as on most virtual machines: for "
			 "cycles run on hardware, or where the host passes its counters on",
			 strerror(-err));
	}
}

int hardware_open(unsigned nr_cpus, struct hardware *ret)
{
	size_t nr = (size_t)nr_cpus * BPROF_NR_HARDWARE;
	int r;

	*ret = (struct hardware){.nr_cpus = nr_cpus};
	ret->fds = malloc(nr * sizeof(*ret->fds));
	if (!ret->fds)
		return -ENOMEM;
	memset(ret->fds, 0xff, nr * sizeof(*ret->fds)); /* -1 */
	r = open_meters(ret, USER_METERS | KERNEL_METERS);
	if (r == 0)
		return 0;
	close_all(ret);
	explain(ret, r);
	if (r == -EBUSY && open_meters(ret, USER_METERS) < 0)
		close_all(ret);
	return 0;
}

void hardware_close(struct hardware *h)
{
	if (!h->fds)
		return;
	close_all(h);
	free(h->fds);
	h->fds = NULL;
}

int hardware_install(const struct hardware *h, int map_fd)
{
	for (uint32_t i = 0; i < h->nr_cpus * BPROF_NR_HARDWARE; i++)
		if (h->fds[i] >= 0 && bpf_map_update_elem(map_fd, &i, &h->fds[i], BPF_ANY) < 0)
			return -errno;
	return 0;
}
