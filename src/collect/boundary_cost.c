/* SPDX-License-Identifier: MIT */
/*
 * What one announcement costs the process that makes it: the call, the trap into the kernel, the
 * program there and the way back. Measured on ourselves, by the numbers that the programs ship, so
 * it needs no clock of its own and is in the units of every meter.
 */
#include "collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define ANNOUNCEMENTS 65
#define SETTLE_US     50 /* a switch, so that the slice that follows is seen from its start */

struct seen_marks {
	__u64 cpu_ns[ANNOUNCEMENTS];
	struct bprof_meters meters[ANNOUNCEMENTS];
	size_t nr;
};

static int on_record(void *arg, const struct bprof_record *record)
{
	const struct bprof_mark *mark = (const void *)record;
	struct seen_marks *seen = arg;

	if (record->type != BPROF_RECORD_MARK || mark->flags & BPROF_MARK_CPU_UNSEEN)
		return 0;
	if (seen->nr == ANNOUNCEMENTS || mark->nr_meters != BPROF_NR_METERS)
		return 0;
	seen->cpu_ns[seen->nr] = mark->cpu_ns;
	memcpy(&seen->meters[seen->nr], mark + 1, sizeof(struct bprof_meters));
	seen->nr++;
	return 0;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* An interrupt in between makes some larger, never smaller: the median is an ordinary one. */
static uint64_t median_step(const __u64 *first, size_t stride, size_t nr)
{
	uint64_t steps[ANNOUNCEMENTS];

	for (size_t i = 0; i + 1 < nr; i++)
		steps[i] = first[(i + 1) * stride] - first[i * stride];
	qsort(steps, nr - 1, sizeof(*steps), compare);
	return steps[(nr - 1) / 2];
}

int collect_measure_boundary(struct collector *c, struct collect_boundary *ret)
{
	CLEANUP(cleanup_free) struct seen_marks *seen = calloc(1, sizeof(*seen));
	const size_t stride = sizeof(struct bprof_meters) / sizeof(uint64_t);
	const char *volatile answer;
	int r;

	if (!seen)
		return -ENOMEM;
	r = collect_follow(c, getpid());
	if (r < 0)
		return r;
	usleep(SETTLE_US);
	for (int i = 0; i < ANNOUNCEMENTS; i++)
		answer = getenv("bprof:+");
	(void)answer;
	collect_unfollow(c, getpid());
	r = collect_drain(c, on_record, seen);
	if (r < 0)
		return r;
	if (seen->nr < ANNOUNCEMENTS / 2)
		return -ENODATA;
	ret->cpu_ns = median_step(seen->cpu_ns, 1, seen->nr);
	for (size_t i = 0; i < BPROF_NR_HARDWARE; i++)
		ret->meters.value[i] =
			seen->meters[0].value[i] == BPROF_METER_UNKNOWN
				? BPROF_METER_UNKNOWN
				: median_step(&seen->meters[0].value[i], stride, seen->nr);
	return 0;
}
