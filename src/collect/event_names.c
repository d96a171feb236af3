/* SPDX-License-Identifier: MIT */
/*
 * Source: perf-list(1) for the names, Documentation/ABI/testing/sysfs-bus-event_source-devices-*
 * for the files of a device: type, events/NAME ("event=0x3c,umask=0x1"), format/TERM
 * ("config:0-7,32").
 */
#include "event_names.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define MAX_TERMS  16 /* of one event */
#define MAX_NESTED 2  /* an event of the device may name terms, these no further events */

/* ---- the kernel's own names ---------------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t type;
	uint64_t config;
} generic[] = {
	{"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	{"cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	{"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
	{"cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES},
	{"cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
	{"branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
	{"branch-instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
	{"branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
	{"bus-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES},
	{"stalled-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND},
	{"stalled-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND},
	{"ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES},
	{"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
	{"task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
	{"page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
	{"faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
	{"minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN},
	{"major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ},
	{"context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
	{"cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
	{"cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
	{"migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
	{"alignment-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS},
	{"emulation-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS},
};

static bool find_generic(struct event_code *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(generic); i++) {
		if (strcmp(e->name, generic[i].name))
			continue;
		e->type = generic[i].type;
		e->config = generic[i].config;
		e->hardware = e->type == PERF_TYPE_HARDWARE;
		e->clock = e->type == PERF_TYPE_SOFTWARE && e->config <= PERF_COUNT_SW_TASK_CLOCK;
		return true;
	}
	return false;
}

/* All of @text is a number. */
static bool parse_number(const char *text, int base, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	if (!*text || *text == '-' || *text == '+' || *text == ' ')
		return false;
	errno = 0;
	n = strtoull(text, &end, base);
	*ret = n;
	return !errno && !*end;
}

static bool is_raw(const char *name, uint64_t *ret)
{
	return name[0] == 'r' && strlen(name) > 1 && parse_number(name + 1, 16, ret);
}

/* ---- devices ------------------------------------------------------------------------------- */

/* The first line of @devices/@device/@directory/@file. */
static int read_line(const char *devices, const char *device, const char *file, char *ret,
		     size_t size)
{
	char path[512];
	FILE *f;
	int r = 0;

	if (snprintf(path, sizeof(path), "%s/%s/%s", devices, device, file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (!fgets(ret, (int)size, f))
		r = -ENODATA;
	else
		ret[strcspn(ret, "\n")] = 0;
	fclose(f);
	return r;
}

/* Lays the bits of @value into the places that a format names: "config1:0-7,32". */
static int place_bits(struct event_code *e, const char *format, uint64_t value)
{
	uint64_t *word = !strncmp(format, "config1:", 8)   ? &e->config1
			 : !strncmp(format, "config2:", 8) ? &e->config2
			 : !strncmp(format, "config:", 7)  ? &e->config
							   : NULL;
	const char *at = strchr(format, ':');

	if (!word)
		return -EOPNOTSUPP;
	while (at && *at) {
		unsigned long low, high;
		char *end;

		low = high = strtoul(at + 1, &end, 10);
		if (*end == '-')
			high = strtoul(end + 1, &end, 10);
		if (end == at + 1 || low > high || high > 63)
			return -EINVAL;
		for (unsigned long bit = low; bit <= high; bit++) {
			*word |= (value & 1) << bit;
			value >>= 1;
		}
		at = *end == ',' ? end : NULL;
	}
	return value ? -ERANGE : 0;
}

struct device {
	const char *devices, *name;
};

static int apply_terms(struct event_code *e, const struct device *d, char *terms, int nested);

/* "event=0x3c", "event" for 1, "config=5", or the name of an event of the device. */
static int apply_term(struct event_code *e, const struct device *d, char *term, int nested)
{
	char *equals = strchr(term, '='), file[EVENT_NAME_BYTES + 16], line[512];
	uint64_t value = 1;
	int r;

	if (strchr(term, '/') || strstr(term, ".."))
		return -EINVAL;
	if (equals) {
		*equals = 0;
		if (!parse_number(equals + 1, 0, &value))
			return -EINVAL;
		if (!strcmp(term, "config") || !strcmp(term, "config1") ||
		    !strcmp(term, "config2")) {
			snprintf(line, sizeof(line), "%s:0-63", term);
			return place_bits(e, line, value);
		}
	}
	snprintf(file, sizeof(file), "format/%s", term);
	r = read_line(d->devices, d->name, file, line, sizeof(line));
	if (r == 0)
		return place_bits(e, line, value);
	if (equals || nested == MAX_NESTED)
		return r;
	snprintf(file, sizeof(file), "events/%s", term);
	r = read_line(d->devices, d->name, file, line, sizeof(line));
	return r < 0 ? r : apply_terms(e, d, line, nested + 1);
}

static int apply_terms(struct event_code *e, const struct device *d, char *terms, int nested)
{
	char *rest = terms, *term;
	int nr = 0, r = 0;

	while (r == 0 && (term = strsep(&rest, ",")))
		r = *term && ++nr <= MAX_TERMS ? apply_term(e, d, term, nested) : -EINVAL;
	return r;
}

/* "cpu/branches/": the trailing slash is gone. */
static int find_on_device(struct event_code *e, const char *devices)
{
	char copy[EVENT_NAME_BYTES], line[64], *terms;
	struct device d = {devices, copy};
	uint64_t type;
	int r;

	snprintf(copy, sizeof(copy), "%s", e->name);
	terms = strchr(copy, '/');
	*terms++ = 0;
	if (terms[0] && terms[strlen(terms) - 1] == '/')
		terms[strlen(terms) - 1] = 0;
	if (!*copy || !*terms || strstr(copy, ".."))
		return -EINVAL;
	r = read_line(devices, copy, "type", line, sizeof(line));
	if (r < 0)
		return -ENODEV;
	if (!parse_number(line, 10, &type) || type > UINT32_MAX)
		return -EINVAL;
	e->type = (uint32_t)type;
	e->hardware = true;
	return apply_terms(e, &d, terms, 0);
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* Takes ":u" or ":k" off the end. */
static int take_modifier(struct event_code *e)
{
	char *slash = strrchr(e->name, '/');
	char *modifier = strchr(slash ? slash : e->name, ':');

	if (slash && slash[1] && slash[1] != ':' && strchr(e->name, '/') != slash) {
		modifier = slash + 1; /* "cpu/cycles/u", as perf also has it */
	} else if (modifier) {
		*modifier++ = 0;
	} else {
		return 0;
	}
	e->user_only = !strcmp(modifier, "u");
	e->kernel_only = !strcmp(modifier, "k");
	if (!e->user_only && !e->kernel_only)
		return -EINVAL;
	if (slash && slash[1] && slash[1] != ':')
		slash[1] = 0;
	return 0;
}

static int explain(int err, const char *name, char *why, size_t why_size)
{
	if (err == -EOPNOTSUPP && strchr(name, '/'))
		snprintf(why, why_size, "'%s' sets what this version cannot", name);
	else if (err == -EOPNOTSUPP)
		snprintf(
			why, why_size,
			"'%s' looks like a tracepoint: those can be counted by perf, not sampled here",
			name);
	else if (err == -ENODEV)
		snprintf(why, why_size,
			 "event '%s': there is no such device in /sys/bus/event_source/devices",
			 name);
	else if (strchr(name, '/'))
		snprintf(
			why, why_size,
			"event '%s': the device has no such event or term, or it takes no such value; "
			"see its events/ and format/ in /sys/bus/event_source/devices",
			name);
	else
		snprintf(
			why, why_size,
			"unknown event '%s': use auto, cpu-clock, cycles, instructions, cache-misses, "
			"branch-misses, page-faults, context-switches or another name of perf list, a "
			"raw code (r1a8), or a device's event (cpu/branches/); with :u or :k behind it",
			name);
	return err;
}

int event_parse(const char *name, const char *devices, struct event_code *ret, char *why,
		size_t why_size)
{
	int r;

	*ret = (struct event_code){0};
	if (strlen(name) >= sizeof(ret->name))
		return explain(-EINVAL, name, why, why_size);
	strcpy(ret->name, name);
	r = take_modifier(ret);
	if (r == 0 && strchr(ret->name, '/'))
		r = find_on_device(ret, devices);
	else if (r == 0 && is_raw(ret->name, &ret->config)) {
		ret->type = PERF_TYPE_RAW;
		ret->hardware = true;
	} else if (r == 0 && !find_generic(ret)) {
		r = -ENOENT;
	} else if (r < 0 && !strchr(name, '/') && strchr(name, ':')) {
		r = -EOPNOTSUPP;
	}
	return r < 0 ? explain(r, name, why, why_size) : 0;
}
