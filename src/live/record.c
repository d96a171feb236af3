/* SPDX-License-Identifier: MIT */
/*
 * The story of a run: load, start at the gate, follow, open the gate, drain until it ends, leave.
 *
 * Whatever goes wrong after the gate is open costs data, never the command: it runs to its end.
 */
#include "record.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base.h"
#include "clock.h"
#include "log.h"

#include "collect/collect.h"
#include "facts.h"
#include "machine_state.h"
#include "launch/command.h"
#include "launch/launch.h"
#include "launch/signals.h"
#include "proc/elf_file.h"

/* A 16 MiB ring holds seconds of samples, but names die sooner: soonest in the short runs. */
#define DRAIN_EVERY_MS	  25
#define DRAIN_EARLY_MS	  10
#define EARLY_NS	  1000000000ULL
#define DRAIN_BY_STACK_MS 5   /* by stack alone an element that is gone is a test that is lost */
#define LAST_WORDS_TRIES  100 /* the EXIT record comes some microseconds after the exit */
#define LAST_WORDS_US	  500

struct run {
	const struct record_request *request;
	struct record_result *result;
	struct collector *collector;
	struct recorder *recorder;
	struct facts *facts;
	struct launch launch;
	struct signals signals;
	uint64_t start_ns, end_ns;
	struct machine_state before;
	uint64_t ended_cpu_ns; /* of processes that are gone, or have had their last words */
	bool root_gone;	       /* its EXIT record was seen */
};

/* Where getenv is in the libc we run with: the one the interpreters of this machine use too. */
static int probe_getenv(struct run *run)
{
	CLEANUP(cleanup_free) char *path = NULL;
	struct elf_image *elf;
	uint64_t offset;
	Dl_info info;
	int r;

	if (!dladdr((const void *)(uintptr_t)getenv, &info) || !info.dli_fname)
		return -ENOENT;
	path = realpath(info.dli_fname, NULL);
	if (!path)
		return -errno;
	r = elf_open(path, &elf);
	if (r < 0)
		return r;
	r = elf_probe_offset(elf, "getenv", &offset);
	if (r == 0)
		r = collect_probe_getenv(run->collector, path, offset);
	elf_free(elf);
	return r;
}

/* ---- what is known before the start -------------------------------------------------------- */

static int record_text(struct run *run, const char *key, const char *value)
{
	return recorder_info(run->recorder, key, value, strlen(value));
}

static int record_number(struct run *run, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return record_text(run, key, text);
}

/* Words, each with its NUL. More than a record holds are recorded as far as they go. */
static int record_words(struct run *run, const char *key, const char *const *words)
{
	struct buf all;
	int r = 0;

	buf_init(&all, BPROF_MAX_RECORD / 4);
	for (; r == 0 && *words; words++)
		r = buf_add(&all, *words, strlen(*words) + 1);
	if (r == 0 || r == -E2BIG)
		r = recorder_info(run->recorder, key, all.data, all.len);
	buf_done(&all);
	return r;
}

static void read_cpu_model(char *model, size_t size)
{
	static const char key[] = "model name";
	char line[512];
	FILE *f = fopen("/proc/cpuinfo", "re");

	snprintf(model, size, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		const char *colon = strchr(line, ':');

		if (!colon || strncmp(line, key, sizeof(key) - 1) || !colon[1])
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(model, size, "%s", colon + 2);
		break;
	}
	if (f)
		fclose(f);
}

/* What the boundaries will cost, and which meters there are. */
static int record_meters(struct run *run)
{
	static const char *const keys[BPROF_NR_HARDWARE] = {
		[BPROF_METER_CYCLES_USER] = "boundary_cycles_user",
		[BPROF_METER_CYCLES_KERNEL] = "boundary_cycles_kernel",
		[BPROF_METER_INSTRUCTIONS_USER] = "boundary_instructions_user",
		[BPROF_METER_INSTRUCTIONS_KERNEL] = "boundary_instructions_kernel",
	};
	struct collect_boundary cost;
	int r = record_text(run, "hardware_missing", collect_hardware_missing(run->collector));

	if (r < 0 || !run->result->probes_getenv)
		return r;
	if (collect_measure_boundary(run->collector, &cost) < 0)
		return 0; /* nothing is taken off, and the report says so */
	r = record_number(run, "boundary_cpu_ns", cost.cpu_ns);
	for (size_t i = 0; !r && i < BPROF_NR_HARDWARE; i++)
		if (cost.meters.value[i] != BPROF_METER_UNKNOWN)
			r = record_number(run, keys[i], cost.meters.value[i]);
	return r;
}

/* Nothing, where nothing is sampled. */
static int record_event(struct run *run)
{
	const struct collect_event *event = collect_event(run->collector);
	int r;

	if (!*event->name)
		return 0;
	r = record_text(run, "event_name", event->name);
	if (!r)
		r = record_text(run, "event_unit", event->unit);
	if (!r)
		r = record_number(run, "event_hardware", event->hardware);
	if (!r)
		r = run->request->period
			    ? record_number(run, "period", run->request->period)
			    : record_number(run, "frequency_hz", run->request->frequency_hz);
	if (!r)
		r = record_number(run, "ns_per_sample", event->ns_per_sample);
	return r;
}

static int record_circumstances(struct run *run)
{
	char model[256];
	struct utsname machine;
	int r;

	read_cpu_model(model, sizeof(model));
	if (uname(&machine) < 0)
		return -errno;
	r = record_words(run, "command", (const char *const *)run->request->argv);
	if (!r && run->request->skipped_files && run->request->skipped_files[0])
		r = record_words(run, "skipped_files", run->request->skipped_files);
	if (!r && run->request->rounds)
		r = record_text(run, "rounds", run->request->rounds);
	if (!r)
		r = record_text(run, "bprof_version", BPROF_VERSION);
	if (!r)
		r = record_text(run, "event_requested", run->request->event);
	if (!r)
		r = record_event(run);
	if (!r)
		r = record_text(run, "boundaries", run->request->boundaries);
	if (!r)
		r = record_text(run, "cpu_model", model);
	if (!r)
		r = record_text(run, "platform", machine.sysname);
	if (!r)
		r = record_text(run, "kernel", machine.release);
	if (!r)
		r = record_text(run, "arch", machine.machine);
	if (!r)
		r = record_number(run, "nr_cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	return r;
}

/* The command's own process was forked by us, who are not followed: say it as the kernel would. */
static int record_root(struct run *run)
{
	struct bprof_fork fork = {
		.h = {.type = BPROF_RECORD_FORK, .size = sizeof(fork), .time_ns = run->start_ns},
		.pid = (uint32_t)run->launch.pid,
	};

	return recorder_add(run->recorder, &fork.h);
}

/* ---- while it runs ------------------------------------------------------------------------- */

static void remember_error(struct run *run, int r)
{
	if (r < 0 && !run->result->error)
		run->result->error = r;
}

/* One process that was not counted leaves the sum unknown. */
static void add_meter(uint64_t *sum, const struct bprof_exit *exit, enum bprof_meter meter)
{
	const uint64_t *meters = (const uint64_t *)(exit + 1);
	bool counted = exit->nr_meters > meter &&
		       exit->h.size >= sizeof(*exit) + exit->nr_meters * sizeof(*meters) &&
		       meters[meter] != BPROF_METER_UNKNOWN;

	*sum = counted && *sum != BPROF_METER_UNKNOWN ? *sum + meters[meter] : BPROF_METER_UNKNOWN;
}

static void add_meters(struct run *run, const struct bprof_exit *exit)
{
	add_meter(&run->result->cycles, exit, BPROF_METER_CYCLES_USER);
	add_meter(&run->result->instructions, exit, BPROF_METER_INSTRUCTIONS_USER);
}

/* facts/ first: what it finds out about the record stands before it. The kernel waits for neither.
 */
static int on_record(void *arg, const struct bprof_record *record)
{
	struct run *run = arg;

	remember_error(run, facts_observe(run->facts, record));
	if (record->type != BPROF_RECORD_NATIVE_STACK) /* facts/ has answered what it asks */
		remember_error(run, recorder_add(run->recorder, record));
	if (record->type == BPROF_RECORD_EXIT && record->size >= sizeof(struct bprof_exit)) {
		const struct bprof_exit *exit = (const void *)record;

		run->ended_cpu_ns += exit->cpu_ns;
		add_meters(run, exit);
		if (exit->pid == (uint32_t)run->launch.pid)
			run->root_gone = true;
	}
	return 0;
}

static void drain(struct run *run)
{
	remember_error(run, facts_begin(run->facts));
	remember_error(run, collect_drain(run->collector, on_record, run));
}

/* False: the user does not want to wait any longer. */
static bool handle_signals(struct run *run)
{
	enum signal_action action;
	int number;

	while ((action = signals_next(&run->signals, &number)) != SIGNAL_NOTHING) {
		run->result->interrupted = true;
		if (action == SIGNAL_FORWARD && launch_signal(&run->launch, number) < 0)
			log_debug("exec", "exec::signal_lost number=%d", number);
		if (action == SIGNAL_DIE)
			run->result->died_of = number;
		if (action == SIGNAL_DIE || action == SIGNAL_REPORT) {
			run->result->left_running = true;
			return false;
		}
	}
	return true;
}

static int drain_pause_ms(const struct run *run)
{
	if (!run->request->hook)
		return DRAIN_BY_STACK_MS;
	return monotonic_ns() - run->start_ns < EARLY_NS ? DRAIN_EARLY_MS : DRAIN_EVERY_MS;
}

static void follow_to_the_end(struct run *run)
{
	struct pollfd fds[] = {
		{.fd = run->launch.pidfd, .events = POLLIN},
		{.fd = run->signals.fd, .events = POLLIN},
		{.fd = collect_wake_fd(run->collector), .events = POLLIN},
	};

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), drain_pause_ms(run)) < 0 && errno != EINTR) {
			remember_error(run, -errno);
			break;
		}
		drain(run);
		if (launch_wait(&run->launch) != 0 || !handle_signals(run))
			break;
	}
	run->end_ns = monotonic_ns();
	for (int i = 0; i < LAST_WORDS_TRIES && run->launch.ended && !run->root_gone; i++) {
		usleep(LAST_WORDS_US);
		drain(run);
	}
}

/* ---- the end ------------------------------------------------------------------------------- */

/* What this machine does not tell is left out. */
static int record_disturbance(struct run *run)
{
	struct machine_state now, since;
	int r = 0;

	machine_state_read(&now);
	since = machine_state_since(&now, &run->before);
	const struct {
		const char *key;
		uint64_t value;
	} facts[] = {
		{"machine_stolen_ns", since.stolen_ns}, {"throttled_ns", since.throttled_ns},
		{"heat_events", since.heat_events},	{"least_khz", since.least_khz},
		{"most_khz", since.most_khz},
	};

	for (size_t i = 0; !r && i < ARRAY_SIZE(facts); i++)
		if (facts[i].value != MACHINE_UNKNOWN)
			r = record_number(run, facts[i].key, facts[i].value);
	return r;
}

/* Of a process that outlives the recording: it belongs to the span that started it as well. */
static int on_last_words(void *arg, const struct bprof_record *record)
{
	struct run *run = arg;
	const struct bprof_exit *exit = (const void *)record;

	run->ended_cpu_ns += exit->cpu_ns;
	add_meters(run, exit);
	return recorder_add(run->recorder, record);
}

static int record_end(struct run *run)
{
	struct record_result *result = run->result;
	struct bprof_counters counters = {
		.h = {.type = BPROF_RECORD_COUNTERS,
		      .size = sizeof(counters),
		      .time_ns = run->end_ns},
	};
	struct bprof_end end = {
		.h = {.type = BPROF_RECORD_END, .size = sizeof(end), .time_ns = run->end_ns},
		.exit_status = run->launch.ended ? (uint32_t)run->launch.wait_status : 0,
	};
	int r;

	result->wall_ns = end.wall_ns = run->end_ns - run->start_ns;
	remember_error(run, collect_unfinished(run->collector, run->end_ns, on_last_words, run));
	result->cpu_ns = end.cpu_ns = run->ended_cpu_ns;
	collect_counters(run->collector, counters.value);
	counters.value[BPROF_COUNTER_UNPROVED_VM] += facts_unproved_vms(run->facts);
	r = record_disturbance(run);
	if (!r)
		r = recorder_add(run->recorder, &counters.h);
	/* a command that goes on has not ended: its recording says so by having no END */
	if (!r && run->launch.ended)
		r = recorder_add(run->recorder, &end.h);
	if (!r)
		r = recorder_finish(run->recorder);
	return r;
}

static void run_done(struct run *run)
{
	signals_close(&run->signals);
	facts_free(run->facts);
	recorder_free(run->recorder);
	/* collect_free() would wait for the kernel to detach; the reaper does that for us */
	if (run->collector)
		collect_leave(run->collector);
	launch_done(&run->launch);
}

/* Nothing has run yet: better no run than one whose figures cannot be what they are wanted for. */
static int check_meters(const struct run *run, struct buf *why)
{
	uint32_t lacking = run->request->needed_meters & ~collect_hardware(run->collector);
	const char *missing = collect_hardware_missing(run->collector);

	if (!lacking)
		return 0;
	if (buf_addf(why, "%s are not counted on this machine%s%s",
		     lacking & 1U << BPROF_METER_CYCLES_USER ? "cycles" : "instructions",
		     *missing ? ": " : "", missing) < 0)
		return -ENOMEM;
	return -ENODEV;
}

static enum facts_depth needed_facts(const struct run *run)
{
	if (*collect_event(run->collector)->name)
		return FACTS_STACKS;
	return run->request->counts_vm ? FACTS_VMS : FACTS_PROGRAMS;
}

static int set_up(struct run *run, struct buf *why)
{
	const struct record_request *request = run->request;
	struct collect_opts opts = {.frequency_hz = request->frequency_hz,
				    .period = request->period,
				    .event = request->event,
				    .spans_every = request->spans_every,
				    .counts_vm = request->counts_vm,
				    .jit = request->jit};
	struct launch_options command = {.identity = request->identity,
					 .environment = request->environment,
					 .inheritance = request->inheritance,
					 .path = request->path,
					 .argv = request->argv};
	char sentence[COLLECT_WHY_BYTES] = "";
	int r;

	r = collect_open(&opts, &run->collector, sentence, sizeof(sentence));
	if (r < 0) {
		run->collector = NULL;
		if (buf_addf(why, "%s", sentence[0] ? sentence : strerror(-r)) < 0)
			return -ENOMEM;
		return r;
	}
	r = check_meters(run, why);
	if (r < 0)
		return r;
	run->result->probes_getenv = request->hook && probe_getenv(run) == 0;
	r = collect_guard(run->collector);
	if (!r)
		r = signals_open(request->inheritance, &run->signals);
	machine_state_read(&run->before);
	run->start_ns = monotonic_ns();
	if (!r)
		r = recorder_new(request->fd, run->start_ns, clock_ns(CLOCK_REALTIME),
				 &run->recorder);
	if (!r)
		r = facts_new(run->collector, run->recorder, needed_facts(run), &run->facts);
	if (!r)
		r = record_circumstances(run);
	if (!r)
		r = record_meters(run);
	if (!r)
		r = launch_start(&command, &run->launch);
	if (!r)
		r = record_root(run);
	if (!r)
		r = collect_follow(run->collector, run->launch.pid);
	if (!r)
		r = collect_start_sampling(run->collector);
	if (r < 0 && buf_addf(why, "cannot start the run: %s", strerror(-r)) < 0)
		return -ENOMEM;
	return r;
}

static int open_gate(struct run *run, struct buf *why)
{
	enum launch_stage stage = LAUNCH_STAGE_EXEC;
	int r = launch_release(&run->launch);

	if (!r)
		r = launch_exec_result(&run->launch, &stage);
	if (r == -ENOENT && stage == LAUNCH_STAGE_EXEC && access(run->request->path, F_OK) == 0) {
		if (buf_addf(
			    why,
			    "cannot execute '%s': the interpreter that it names (in its first line, "
			    "or as its dynamic linker) does not exist",
			    run->request->path) < 0)
			return -ENOMEM;
	} else if (r < 0 && buf_addf(why, "cannot %s '%s': %s",
				     stage == LAUNCH_STAGE_EXEC ? "execute" : "become the user for",
				     run->request->path, strerror(-r)) < 0) {
		return -ENOMEM;
	}
	return r;
}

int record_run(const struct record_request *request, struct record_result *ret, int *ret_status,
	       struct buf *why)
{
	struct run run = {.request = request,
			  .result = ret,
			  .signals = {.fd = -1},
			  .launch = {.pid = -1, .pidfd = -1, .gate_fd = -1, .status_fd = -1}};
	int r;

	*ret = (struct record_result){0};
	*ret_status = 125;
	r = set_up(&run, why);
	if (r == 0) {
		r = open_gate(&run, why);
		if (r < 0)
			*ret_status = command_exit_status(r);
	}
	if (r == 0) {
		follow_to_the_end(&run);
		collect_stop_sampling(run.collector);
		drain(&run);
		remember_error(&run, record_end(&run));
		ret->unproved_vms = facts_unproved_vms(run.facts);
		if (run.launch.ended)
			ret->exit_status = launch_exit_status(&run.launch);
	}
	run_done(&run);
	return r;
}
