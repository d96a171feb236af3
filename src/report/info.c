/* SPDX-License-Identifier: MIT */
#include "info.h"

#include <errno.h>
#include <string.h>

#include "base.h"

#include "rounds.h"
#include "runs.h"
#include "vm_repeat.h"

#define MAX_RUNTIMES 256 /* distinct ones: a run has a handful */

/* The keys of INFO records. */
enum info_key {
	INFO_COMMAND,
	INFO_SKIPPED_FILES,
	INFO_BPROF_VERSION,
	INFO_EVENT_REQUESTED,
	INFO_EVENT_NAME,
	INFO_EVENT_UNIT,
	INFO_EVENT_HARDWARE,
	INFO_FREQUENCY,
	INFO_PERIOD,
	INFO_NS_PER_SAMPLE,
	INFO_BOUNDARIES,
	INFO_CPU_MODEL,
	INFO_PLATFORM,
	INFO_KERNEL,
	INFO_ARCH,
	INFO_NR_CPUS,
	INFO_RUNS,
	INFO_ROUNDS,
	INFO_VM_REPEAT,
	INFO_STOLEN_NS,
	INFO_THROTTLED_NS,
	INFO_HEAT_EVENTS,
	INFO_LEAST_KHZ,
	INFO_MOST_KHZ,
	INFO_BOUNDARY_CPU_NS,
	INFO_BOUNDARY_HARDWARE, /* and BPROF_NR_HARDWARE - 1 more */
	INFO_HARDWARE_MISSING = INFO_BOUNDARY_HARDWARE + BPROF_NR_HARDWARE,
	NR_INFO_KEYS
};

static const char *const key_names[NR_INFO_KEYS] = {
	[INFO_COMMAND] = "command",
	[INFO_SKIPPED_FILES] = "skipped_files",
	[INFO_BPROF_VERSION] = "bprof_version",
	[INFO_EVENT_REQUESTED] = "event_requested",
	[INFO_EVENT_NAME] = "event_name",
	[INFO_EVENT_UNIT] = "event_unit",
	[INFO_EVENT_HARDWARE] = "event_hardware",
	[INFO_FREQUENCY] = "frequency_hz",
	[INFO_PERIOD] = "period",
	[INFO_NS_PER_SAMPLE] = "ns_per_sample",
	[INFO_BOUNDARIES] = "boundaries",
	[INFO_CPU_MODEL] = "cpu_model",
	[INFO_PLATFORM] = "platform",
	[INFO_KERNEL] = "kernel",
	[INFO_ARCH] = "arch",
	[INFO_NR_CPUS] = "nr_cpus",
	[INFO_RUNS] = RUNS_KEY,
	[INFO_ROUNDS] = ROUNDS_KEY,
	[INFO_VM_REPEAT] = VM_REPEAT_KEY,
	[INFO_STOLEN_NS] = "machine_stolen_ns",
	[INFO_THROTTLED_NS] = "throttled_ns",
	[INFO_HEAT_EVENTS] = "heat_events",
	[INFO_LEAST_KHZ] = "least_khz",
	[INFO_MOST_KHZ] = "most_khz",
	[INFO_BOUNDARY_CPU_NS] = "boundary_cpu_ns",
	[INFO_BOUNDARY_HARDWARE + BPROF_METER_CYCLES_USER] = "boundary_cycles_user",
	[INFO_BOUNDARY_HARDWARE + BPROF_METER_CYCLES_KERNEL] = "boundary_cycles_kernel",
	[INFO_BOUNDARY_HARDWARE + BPROF_METER_INSTRUCTIONS_USER] = "boundary_instructions_user",
	[INFO_BOUNDARY_HARDWARE + BPROF_METER_INSTRUCTIONS_KERNEL] = "boundary_instructions_kernel",
	[INFO_HARDWARE_MISSING] = "hardware_missing",
};

struct info {
	char *value[NR_INFO_KEYS]; /* terminated, whatever is inside */
	size_t len[NR_INFO_KEYS];
	const char **command, **skipped_files;
	struct runtime *runtimes;
	size_t nr_runtimes;
	struct run_series runs;
};

int info_new(struct info **ret)
{
	struct info *i = calloc(1, sizeof(*i));

	if (!i)
		return -ENOMEM;
	i->runtimes = calloc(MAX_RUNTIMES, sizeof(*i->runtimes));
	if (!i->runtimes) {
		free(i);
		return -ENOMEM;
	}
	*ret = i;
	return 0;
}

static void runtime_done(struct runtime *r)
{
	free((void *)(uintptr_t)r->version);
	free((void *)(uintptr_t)r->path);
}

void info_free(struct info *i)
{
	if (!i)
		return;
	for (size_t k = 0; k < NR_INFO_KEYS; k++)
		free(i->value[k]);
	for (size_t k = 0; k < i->nr_runtimes; k++)
		runtime_done(&i->runtimes[k]);
	free(i->runtimes);
	free(i->runs.tried);
	free(i->command);
	free(i->skipped_files);
	free(i);
}

int info_add(struct info *i, const char *key, const char *value, size_t len)
{
	for (size_t k = 0; k < NR_INFO_KEYS; k++) {
		char *copy;

		if (strcmp(key, key_names[k]))
			continue;
		copy = malloc(len + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, value, len);
		copy[len] = 0;
		free(i->value[k]);
		i->value[k] = copy;
		i->len[k] = len;
	}
	return 0;
}

int info_runtime(struct info *i, const struct decoded *d)
{
	const struct bprof_runtime *fixed = d->runtime.fixed;
	struct runtime new = {
		.pid = fixed->pid,
		.kind = fixed->family == BPROF_FAMILY_LUAJIT ? "luajit" : "lua",
		.version = strndup(d->runtime.version.data, d->runtime.version.len),
		.path = strndup(d->runtime.path.data, d->runtime.path.len),
		.gc64 = fixed->gc64,
		.jit = fixed->jit > 1 ? -1 : fixed->jit,
		.proved = fixed->proved,
		.nr_processes = 1,
	};

	if (!new.version || !new.path) {
		runtime_done(&new);
		return -ENOMEM;
	}
	for (size_t k = 0; k < i->nr_runtimes; k++) {
		struct runtime *known = &i->runtimes[k];

		if (strcmp(known->version, new.version) || strcmp(known->path, new.path))
			continue;
		if (new.jit >= 0 && known->jit < 0)
			known->jit = new.jit; /* told once for all of the build */
		else
			known->nr_processes++;
		runtime_done(&new);
		return 0;
	}
	if (i->nr_runtimes == MAX_RUNTIMES)
		runtime_done(&new);
	else
		i->runtimes[i->nr_runtimes++] = new;
	return 0;
}

static const char *text(const struct info *i, enum info_key key)
{
	return i->value[key] ? i->value[key] : "";
}

static uint64_t number(const struct info *i, enum info_key key, uint64_t missing)
{
	unsigned long long n;
	char *end;

	if (!i->value[key] || !i->value[key][0])
		return missing;
	errno = 0;
	n = strtoull(i->value[key], &end, 10);
	return errno || *end ? missing : n;
}

/* Words follow each other, each with its NUL. */
static int split_words(const struct info *i, enum info_key key, const char ***ret, size_t *ret_nr)
{
	const char *all = text(i, key);
	size_t len = i->value[key] ? i->len[key] : 0, nr = 0;

	for (size_t at = 0; at < len; at += strlen(all + at) + 1)
		nr++;
	free(*ret);
	*ret = calloc(nr + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	nr = 0;
	for (size_t at = 0; at < len; at += strlen(all + at) + 1)
		(*ret)[nr++] = all + at;
	*ret_nr = nr;
	return 0;
}

void info_boundary_cost(const struct info *i, struct boundary_cost *ret)
{
	ret->cpu_ns = number(i, INFO_BOUNDARY_CPU_NS, PROFILE_UNKNOWN);
	ret->measured = ret->cpu_ns != PROFILE_UNKNOWN;
	for (int m = 0; m < BPROF_NR_METERS; m++)
		ret->meters.value[m] =
			m < BPROF_NR_HARDWARE
				? number(i, INFO_BOUNDARY_HARDWARE + (unsigned)m, PROFILE_UNKNOWN)
				: 0;
}

int info_fill(struct info *i, struct profile *p)
{
	int r = split_words(i, INFO_COMMAND, &i->command, &p->nr_command);

	if (r == 0)
		r = split_words(i, INFO_SKIPPED_FILES, &i->skipped_files, &p->nr_skipped_files);
	if (r < 0)
		return r;
	free(i->runs.tried);
	r = runs_read(text(i, INFO_RUNS), &i->runs);
	if (r == -ENOMEM)
		return r;
	p->runs = i->runs;
	p->command = i->command;
	p->skipped_files = i->skipped_files;
	p->bprof_version = text(i, INFO_BPROF_VERSION);
	p->event_requested = text(i, INFO_EVENT_REQUESTED);
	p->unsampled = strcmp(p->event_requested, BPROF_NO_EVENT) == 0;
	p->event_name = p->unsampled ? NULL : text(i, INFO_EVENT_NAME);
	p->event_unit = p->unsampled ? NULL : text(i, INFO_EVENT_UNIT);
	p->event_hardware = number(i, INFO_EVENT_HARDWARE, 0);
	p->frequency_hz = number(i, INFO_FREQUENCY, PROFILE_UNKNOWN);
	p->period = number(i, INFO_PERIOD, PROFILE_UNKNOWN);
	p->ns_per_sample = number(i, INFO_NS_PER_SAMPLE, PROFILE_UNKNOWN);
	p->weighted = p->event_name && p->event_name[0] && p->ns_per_sample == PROFILE_UNKNOWN;
	p->boundaries = text(i, INFO_BOUNDARIES);
	p->cpu_model = text(i, INFO_CPU_MODEL);
	p->platform = text(i, INFO_PLATFORM);
	p->kernel = text(i, INFO_KERNEL);
	p->arch = text(i, INFO_ARCH);
	p->nr_cpus = (uint32_t)number(i, INFO_NR_CPUS, 0);
	p->disturbance = (struct disturbance){
		.stolen_ns = number(i, INFO_STOLEN_NS, PROFILE_UNKNOWN),
		.throttled_ns = number(i, INFO_THROTTLED_NS, PROFILE_UNKNOWN),
		.heat_events = number(i, INFO_HEAT_EVENTS, PROFILE_UNKNOWN),
		.least_khz = number(i, INFO_LEAST_KHZ, PROFILE_UNKNOWN),
		.most_khz = number(i, INFO_MOST_KHZ, PROFILE_UNKNOWN),
	};
	p->hardware_missing = text(i, INFO_HARDWARE_MISSING);
	info_boundary_cost(i, &p->boundary);
	p->runtimes = i->runtimes;
	p->nr_runtimes = i->nr_runtimes;
	return 0;
}

int info_compare(struct info *i, struct profile *p)
{
	int r;

	if (i->value[INFO_ROUNDS]) {
		free(i->runs.tried);
		r = rounds_fill(text(i, INFO_ROUNDS), p, &i->runs);
		if (r == -ENOMEM)
			return r;
		p->runs = i->runs;
	}
	return vm_repeat_apply(text(i, INFO_VM_REPEAT), p);
}
