/* SPDX-License-Identifier: MIT */
/*
 * The cheapest sampler there can be: an empty BPF program at HZ samples per CPU-second while
 *COMMAND runs. What it costs is the timer and its interrupt, so a profiler is judged by what it
 *adds to this.
 *
 *	empty_sampler HZ COMMAND [ARG...]
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

static int load_empty_program(void)
{
	static const struct bpf_insn instructions[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "empty", "GPL", instructions, 2, NULL);
}

static int open_event(int cpu, unsigned long long frequency, int program)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = frequency,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0)
		return -1;
	return ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
}

int main(int argc, char **argv)
{
	long nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int program, status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: %s HZ COMMAND [ARG...]\n", argv[0]);
		return 2;
	}
	program = load_empty_program();
	for (int cpu = 0; program >= 0 && cpu < nr_cpus; cpu++)
		if (open_event(cpu, strtoull(argv[1], NULL, 10), program) < 0)
			program = -1;
	if (program < 0) {
		fprintf(stderr, "%s: cannot sample: %s\n", argv[0], strerror(errno));
		return 125;
	}
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 125;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
