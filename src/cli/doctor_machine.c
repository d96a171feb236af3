/* SPDX-License-Identifier: MIT */
/*
 * What the kernel and the machine can do. What can be tried is tried: a sysctl says what should
 * work, a system call says what does.
 *
 * Source of the floors: bpf_loop() 5.17, BPF ring buffer 5.8, CAP_BPF and CAP_PERFMON 5.8, memory
 * of BPF accounted to the control group instead of RLIMIT_MEMLOCK 5.11; the programs are accepted
 * by the verifier from 6.1 on.
 */
#include "doctor.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <bpf/bpf.h>

#include "clock.h"

#include "collect/collect.h"
#ifdef BPROF_ARCH_X86_64
#include "proc/x86_64.h"
#endif

#define VERSION(major, minor) ((major)*1000 + (minor))
#define KERNEL_FLOOR	      VERSION(6, 1)
#define SPIN_NS		      5000000 /* long enough for any counter to move */

static int kernel_version(void)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) < 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return 0;
	return VERSION(major, minor);
}

static void look_kernel(const struct session *session, struct finding *f)
{
	struct utsname name = {0};
	int version = kernel_version();

	(void)session;
	uname(&name);
	if (version >= KERNEL_FLOOR) {
		finding_say(f, CHECK_OK, "Linux %s, %s", name.release, name.machine);
		return;
	}
	finding_say(f, CHECK_FAIL, "Linux %s is older than 6.1, whose verifier our programs need",
		    name.release);
	finding_remedy(f, "a kernel from 6.1 on: that of Debian 12, Ubuntu 24.04 or newer");
}

static void look_btf(const struct session *session, struct finding *f)
{
	(void)session;
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0) {
		finding_say(f, CHECK_OK, "the kernel describes its types");
		return;
	}
	finding_say(f, CHECK_FAIL, "/sys/kernel/btf/vmlinux: %s", strerror(errno));
	finding_remedy(f, "a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of Debian and "
			  "Ubuntu are; in a container, mount /sys");
}

static const struct {
	cap_value_t value;
	const char *name;
} needed_capabilities[] = {
	{CAP_BPF, "CAP_BPF"},
	{CAP_PERFMON, "CAP_PERFMON"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},   /* uprobes; ids of other processes */
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"}, /* memory and mappings of the target */
	{CAP_SETUID, "CAP_SETUID"},	    /* to become the user */
	{CAP_SETGID, "CAP_SETGID"},
};

static bool has_capability(cap_t set, cap_value_t value)
{
	cap_flag_value_t flag = CAP_CLEAR;

	return cap_get_flag(set, value, CAP_EFFECTIVE, &flag) == 0 && flag == CAP_SET;
}

static void look_privileges(const struct session *session, struct finding *f)
{
	cap_t set = cap_get_proc();
	char missing[256] = "";

	(void)session;
	for (size_t i = 0; set && i < ARRAY_SIZE(needed_capabilities); i++) {
		size_t length = strlen(missing);

		if (!has_capability(set, needed_capabilities[i].value))
			snprintf(missing + length, sizeof(missing) - length, "%s%s",
				 length ? ", " : "", needed_capabilities[i].name);
	}
	if (set)
		cap_free(set);
	if (!*missing) {
		finding_say(f, CHECK_OK, "all capabilities that are needed");
		return;
	}
	finding_say(f, CHECK_FAIL, "%s, without %s", geteuid() == 0 ? "root" : "not root", missing);
	if (geteuid() == 0)
		finding_remedy(f, "start the container with --privileged");
	else
		finding_remedy(f, "sudo bprof-perf doctor");
}

static void look_paranoid(const struct session *session, struct finding *f)
{
	char value[32];

	(void)session;
	if (read_line("/proc/sys/kernel/perf_event_paranoid", value, sizeof(value)) < 0) {
		finding_say(f, CHECK_FAIL, "the kernel has no perf events");
		finding_remedy(f, "a kernel built with CONFIG_PERF_EVENTS=y");
		return;
	}
	finding_say(f, CHECK_OK, "kernel.perf_event_paranoid is %s; %s", value,
		    geteuid() == 0 ? "root is not bound by it" : "it binds who is not root");
}

/* ---- perf events --------------------------------------------------------------------------- */

static int perf_open(uint32_t type, uint64_t config, uint64_t frequency_hz)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.config = config,
		.freq = frequency_hz > 0,
		.sample_freq = frequency_hz,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void spin(void)
{
	uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) - start < SPIN_NS)
		;
}

/* 1: it counted; 0: it opened, but stands still; -errno. */
static int perf_counts(uint32_t type, uint64_t config)
{
	uint64_t value = 0;
	int fd = perf_open(type, config, 997);

	if (fd < 0)
		return fd;
	spin();
	if (read(fd, &value, sizeof(value)) != sizeof(value))
		value = 0;
	close(fd);
	return value > 0;
}

static void look_cpu_clock(const struct session *session, struct finding *f)
{
	int r = perf_counts(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK);

	(void)session;
	if (r > 0) {
		finding_say(f, CHECK_OK, "opened and counts");
		return;
	}
	finding_say(f, CHECK_FAIL, "perf_event_open: %s", r < 0 ? strerror(-r) : "does not count");
	if (r == -EACCES || r == -EPERM)
		finding_remedy(f, "run as root; in a container, --privileged or a seccomp profile "
				  "that allows perf_event_open");
}

static void look_cycles(const struct session *session, struct finding *f)
{
	int r = perf_counts(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES);

	(void)session;
	if (r > 0) {
		finding_say(f, CHECK_OK, "a hardware counter, opened and counts");
		return;
	}
	if (r == -EACCES || r == -EPERM) {
		finding_say(f, CHECK_WARN, "cannot be tried: %s", strerror(-r));
		finding_remedy(f, "sudo bprof-perf doctor");
		return;
	}
	finding_say(f, CHECK_WARN,
		    "no cycle counter on this machine (%s): --event=auto samples cpu-clock",
		    r < 0 ? strerror(-r) : "it stands still");
	finding_remedy(f, "bare metal, or a virtual machine with a PMU (KVM: -cpu host,pmu=on)");
}

/* ---- BPF ----------------------------------------------------------------------------------- */

static void look_bpf(const struct session *session, struct finding *f)
{
	/* r0 = 0; exit */
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "bprof_doctor", "GPL", program,
			       ARRAY_SIZE(program), NULL);

	(void)session;
	if (fd >= 0) {
		close(fd);
		finding_say(f, CHECK_OK, "the smallest program was loaded");
		return;
	}
	finding_say(f, CHECK_FAIL, "bpf(BPF_PROG_LOAD): %s", strerror(-fd));
	if (fd == -EPERM || fd == -EACCES)
		finding_remedy(f, "run as root; in a container, --privileged or a seccomp profile "
				  "that allows bpf; see also lockdown");
}

static void look_programs(const struct session *session, struct finding *f)
{
	const struct collect_opts options = {.frequency_hz = session->options->frequency_hz,
					     .event = "cpu-clock",
					     .spans_every = 1};
	struct collector *collector;
	uint64_t start = monotonic_ns(), end;
	char why[COLLECT_WHY_BYTES] = "";
	int r;

	r = collect_open(&options, &collector, why, sizeof(why));
	if (!r) {
		r = collect_load_walkers(collector, why, sizeof(why));
		collect_free(collector);
	}
	end = monotonic_ns();
	if (r < 0) {
		finding_say(f, CHECK_FAIL, "%s", *why ? why : strerror(-r));
		return;
	}
	finding_say(f, CHECK_OK, "our programs were loaded, in %lld ms",
		    (long long)((end - start) / 1000000));
}

static void look_uprobes(const struct session *session, struct finding *f)
{
	char type[32];

	(void)session;
	if (read_line("/sys/bus/event_source/devices/uprobe/type", type, sizeof(type)) == 0) {
		finding_say(f, CHECK_OK, "perf event type %s", type);
		return;
	}
	finding_say(f, CHECK_FAIL, "the kernel has no uprobes, by which interpreters are found");
	finding_remedy(f, "a kernel built with CONFIG_UPROBES=y; in a container, mount /sys");
}

static void look_lockdown(const struct session *session, struct finding *f)
{
	char line[128];

	(void)session;
	if (read_line("/sys/kernel/security/lockdown", line, sizeof(line)) < 0) {
		finding_say(f, CHECK_OK, "no lockdown");
	} else if (!strstr(line, "[confidentiality]")) {
		finding_say(f, CHECK_OK, "%s", line);
	} else {
		finding_say(f, CHECK_FAIL, "confidentiality: BPF may read no memory");
		finding_remedy(f, "boot with lockdown=integrity, or without secure boot");
	}
}

static void look_lsm(const struct session *session, struct finding *f)
{
	char line[256];

	(void)session;
	if (read_line("/sys/kernel/security/lsm", line, sizeof(line)) < 0)
		finding_say(f, CHECK_OK, "no security modules are visible");
	else
		finding_say(f, CHECK_OK, "%s", line);
}

static int status_field(const char *name)
{
	FILE *in = fopen("/proc/self/status", "re");
	char line[256];
	size_t length = strlen(name);
	int value = -ENOENT;

	if (!in)
		return -errno;
	while (value < 0 && fgets(line, sizeof(line), in))
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			value = (int)strtol(line + length + 1, NULL, 10);
	fclose(in);
	return value;
}

static const char *container_name(void)
{
	if (access("/.dockerenv", F_OK) == 0)
		return "docker";
	if (access("/run/.containerenv", F_OK) == 0)
		return "podman";
	if (access("/var/run/secrets/kubernetes.io", F_OK) == 0)
		return "kubernetes";
	return NULL;
}

static void look_container(const struct session *session, struct finding *f)
{
	bool filtered = status_field("Seccomp") > 0;
	const char *container = container_name();

	(void)session;
	if (!filtered) {
		finding_say(f, CHECK_OK, "%s, no seccomp filter", container ? container : "none");
		return;
	}
	finding_say(f, CHECK_WARN,
		    "%s, with a seccomp filter that may forbid bpf and "
		    "perf_event_open",
		    container ? container : "no container known");
	finding_remedy(f, "only if checks above fail: --privileged, or --security-opt "
			  "seccomp=unconfined");
}

static void look_memlock(const struct session *session, struct finding *f)
{
	struct rlimit limit = {0};

	(void)session;
	if (kernel_version() >= VERSION(5, 11)) {
		finding_say(f, CHECK_OK,
			    "memory of BPF counts for the control group, not for "
			    "RLIMIT_MEMLOCK");
		return;
	}
	getrlimit(RLIMIT_MEMLOCK, &limit);
	finding_say(f, CHECK_WARN, "RLIMIT_MEMLOCK is %llu KiB",
		    (unsigned long long)limit.rlim_cur / 1024);
	finding_remedy(f, "ulimit -l unlimited");
}

/* ---- what makes numbers noisy -------------------------------------------------------------- */

static void look_clock(const struct session *session, struct finding *f)
{
	static const char *const slow[] = {"hpet", "acpi_pm", "jiffies", "refined-jiffies"};
	char name[64];

	(void)session;
	if (read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", name,
		      sizeof(name)) < 0) {
		finding_say(f, CHECK_WARN, "the clock source is not known");
		return;
	}
	finding_say(f, CHECK_OK, "%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++)
		if (strcmp(name, slow[i]) == 0) {
			finding_say(f, CHECK_WARN, "%s: every time stamp costs microseconds", name);
			finding_remedy(f, "boot with clocksource=tsc, where the machine allows it");
		}
}

static bool has_hypervisor(void)
{
	FILE *in = fopen("/proc/cpuinfo", "re");
	char line[4096];
	bool found = false;

	if (!in)
		return false;
	while (!found && fgets(line, sizeof(line), in))
		found = strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
	fclose(in);
	return found;
}

/* Percent of all time since boot that the host kept for others. */
static double stolen_percent(void)
{
	unsigned long long spent[8] = {0}, all = 0;
	char line[512];

	if (read_line("/proc/stat", line, sizeof(line)) < 0 ||
	    sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &spent[0], &spent[1],
		   &spent[2], &spent[3], &spent[4], &spent[5], &spent[6], &spent[7]) != 8)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(spent); i++)
		all += spent[i];
	return all ? 100.0 * (double)spent[7] / (double)all : 0;
}

static void look_virtual(const struct session *session, struct finding *f)
{
	double stolen = stolen_percent();

	(void)session;
	if (!has_hypervisor()) {
		finding_say(f, CHECK_OK, "bare metal, as far as the processor says");
		return;
	}
	finding_say(f, stolen > 1 ? CHECK_WARN : CHECK_OK,
		    "a virtual machine; %.2f %% of its time was stolen since boot", stolen);
	if (stolen > 1)
		finding_remedy(f, "expect noisy times; compare pairs of runs, not single ones");
}

static void look_cpu_limit(const struct session *session, struct finding *f)
{
	char own[512], path[640], limit[64];

	(void)session;
	if (read_line("/proc/self/cgroup", own, sizeof(own)) < 0 || strncmp(own, "0::", 3) != 0) {
		finding_say(f, CHECK_OK, "no limit is visible");
		return;
	}
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", own + 3);
	if (read_line(path, limit, sizeof(limit)) < 0 || strncmp(limit, "max", 3) == 0) {
		finding_say(f, CHECK_OK, "no limit");
		return;
	}
	finding_say(f, CHECK_WARN, "the control group gets %s (microseconds used per period)",
		    limit);
	finding_remedy(f, "expect wall times that wait for the next period");
}

#ifdef BPROF_ARCH_X86_64
static void look_decoder(const struct session *session, struct finding *f)
{
	(void)session;
	if (x86_64_has_decoder()) {
		finding_say(f, CHECK_OK, "the code of interpreters is understood");
		return;
	}
	finding_say(f, CHECK_WARN,
		    "built without libzydis-dev: no current lines in builds of Lua 5.1, 5.4 and "
		    "5.5 by clang, without optimisation, or static and stripped");
	finding_remedy(f, "install libzydis-dev (4.0 or later), then build again");
}
#endif

static const struct check checks[] = {
	{"kernel", look_kernel},
	{"btf", look_btf},
	{"privileges", look_privileges},
	{"perf_paranoid", look_paranoid},
	{"perf_cpu_clock", look_cpu_clock},
	{"perf_cycles", look_cycles},
	{"bpf", look_bpf},
	{"bpf_programs", look_programs},
	{"uprobes", look_uprobes},
	{"lockdown", look_lockdown},
	{"lsm", look_lsm},
	{"container", look_container},
	{"memlock", look_memlock},
	{"clock", look_clock},
	{"virtual", look_virtual},
	{"cpu_limit", look_cpu_limit},
#ifdef BPROF_ARCH_X86_64
	{"decoder", look_decoder},
#endif
};

const struct check *checks_of_machine(size_t *ret_nr)
{
	*ret_nr = ARRAY_SIZE(checks);
	return checks;
}
