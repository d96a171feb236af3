/* SPDX-License-Identifier: MIT */
/* Source: Documentation/scheduler/sched-stats.rst: the first number of schedstat is
 * sum_exec_runtime. */
#include "unfinished.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

#include <bprof/maps.h>

#include "base.h"

#define TRIES 4 /* to read a process between two charges */

struct last_words {
	struct bprof_exit exit;
	struct bprof_meters meters;
};

/* ---- slices under way ---------------------------------------------------------------------- */

static uint64_t runtime_of(uint32_t pid, uint32_t tid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/schedstat", pid, tid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

/* What the threads of a process have run since they were charged last. */
static uint64_t uncharged_ns(const struct unfinished *u, uint32_t pid)
{
	uint32_t *previous = NULL, tid;
	struct thread thread;
	uint64_t sum = 0;

	while (bpf_map_get_next_key(u->threads_fd, previous, &tid) == 0) {
		if (bpf_map_lookup_elem(u->threads_fd, &tid, &thread) == 0 && thread.pid == pid &&
		    thread.charged) {
			uint64_t runtime = runtime_of(pid, tid);

			sum += runtime > thread.charged_ns ? runtime - thread.charged_ns : 0;
		}
		previous = &tid;
	}
	return sum;
}

/* ---- processes ----------------------------------------------------------------------------- */

/* False: it has ended meanwhile, or is charged all the time. */
static bool read_process(const struct unfinished *u, uint32_t pid, struct process *ret,
			 uint64_t *ret_cpu_ns)
{
	for (int i = 0; i < TRIES; i++) {
		struct process after;
		uint64_t more;

		if (bpf_map_lookup_elem(u->processes_fd, &pid, ret) < 0)
			return false;
		more = uncharged_ns(u, pid);
		if (bpf_map_lookup_elem(u->processes_fd, &pid, &after) < 0)
			return false;
		*ret_cpu_ns = ret->cpu_ns + more;
		if (after.charges_begun == ret->charges_done)
			return true;
	}
	*ret_cpu_ns = ret->cpu_ns;
	return true;
}

static int tell(const struct unfinished *u, uint32_t pid)
{
	struct process process;
	struct last_words words;
	uint64_t cpu_ns;

	if (!read_process(u, pid, &process, &cpu_ns))
		return 0;
	words = (struct last_words){
		.exit = {.h = {.type = BPROF_RECORD_EXIT,
			       .size = sizeof(words),
			       .time_ns = u->time_ns},
			 .pid = pid,
			 .parent_pid = process.parent_pid,
			 .parent_epoch = process.parent_epoch,
			 .epoch = process.epoch,
			 .cpu_ns = cpu_ns,
			 .switches = process.switches,
			 .unseen_slices = process.unseen_slices,
			 .exit_code = BPROF_EXIT_STILL_RUNNING,
			 .nr_meters = BPROF_NR_METERS},
	};
	for (unsigned m = 0; m < BPROF_NR_METERS; m++)
		words.meters.value[m] =
			u->metered & 1U << m ? process.meters.value[m] : BPROF_METER_UNKNOWN;
	return u->fn(u->arg, &words.exit.h);
}

int unfinished_tell(const struct unfinished *u)
{
	uint32_t *previous = NULL, pid;
	int r = 0;

	while (r == 0 && bpf_map_get_next_key(u->processes_fd, previous, &pid) == 0) {
		r = tell(u, pid);
		previous = &pid;
	}
	return r;
}
