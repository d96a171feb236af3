/* SPDX-License-Identifier: MIT */
/*
 * The live source: BPF programs, perf events, probes, the ring.
 *
 * Invariant: a collector that exists is loaded; sampling and probes come and go. Everything hangs
 * on file descriptors of this process (and of its guardian and reaper), nothing is pinned.
 */
#include "collect.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <bprof/maps.h>

#include "base.h"
#include "events.h"
#include "guard.h"
#include "hardware.h"
#include "unfinished.h"
#include "kernel_types.h"
#include "load_log.h"
#include "log.h"
#include "walkers.h"

#include "bprof.skel.h"

#define MAX_LINKS     (4 + 4 * BPROF_MAX_LAYOUTS)
#define MAX_CPU_COUNT 1024

/*
 * The ring must hold what comes while we are not scheduled: a sample is 0.7 KiB on average, 3.5 KiB
 * at most. Mapping it costs 0.2 ms per MiB, which a short run at the ordinary rate need not pay.
 */
#define RING_BYTES	 (1U << 24)
#define RING_SMALL_BYTES (1U << 22)
#define RING_SMALL_HZ	 2000

struct collector {
	struct bprof_bpf *bpf;
	bool samples; /* false: boundaries and meters only */
	struct walkers walkers;
	struct ring_buffer *ring;
	struct event event;
	unsigned frequency_hz;
	unsigned nr_cpus; /* possible ones */
	struct hardware hardware;
	struct bpf_link *probes[MAX_LINKS];
	size_t nr_probes;
	uint32_t nr_binaries, nr_layouts;
	int sampling_fds[MAX_CPU_COUNT]; /* opened, and not started */
	size_t nr_sampling;
	struct bpf_link *samplers[MAX_CPU_COUNT];
	size_t nr_samplers;
	struct bprof_seen *seen; /* mapped table of known prototypes */
	size_t seen_bytes;
	struct guard guard;
	uint64_t malformed;
	/* of the drain that is under way */
	int (*fn)(void *arg, const struct bprof_record *record);
	void *arg;
};

/* ---- loading ------------------------------------------------------------------------------- */

static int explain_load(int err, char *why, size_t why_size)
{
	if (err == -EPERM) /* EACCES is the verifier's word, not a missing right */
		snprintf(why, why_size,
			 "the kernel does not let us load BPF programs (%s); "
			 "run under sudo, or see 'bprof-perf doctor'",
			 strerror(-err));
	else if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		snprintf(why, why_size,
			 "this kernel has no BTF (/sys/kernel/btf/vmlinux); "
			 "it needs CONFIG_DEBUG_INFO_BTF, as Debian's and Ubuntu's kernels have");
	else
		snprintf(why, why_size,
			 "the kernel refused the BPF programs: %s (%s); "
			 "Linux 6.1 or newer is needed, see 'bprof-perf doctor'",
			 strerror(-err), load_log_reason());
	return err;
}

static int map_seen_table(struct collector *c)
{
	int fd = bpf_map__fd(c->bpf->maps.seen_protos);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p;

	c->seen_bytes = (SEEN_ENTRIES * sizeof(struct bprof_seen) + page - 1) / page * page;
	p = mmap(NULL, c->seen_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	c->seen = p;
	return 0;
}

static int attach_tracepoints(struct collector *c)
{
	struct bprof_bpf *b = c->bpf;

	b->links.on_switch = bpf_program__attach(b->progs.on_switch);
	b->links.on_fork = bpf_program__attach(b->progs.on_fork);
	b->links.on_exec = bpf_program__attach(b->progs.on_exec);
	if (!b->links.on_switch || !b->links.on_fork || !b->links.on_exec)
		return -errno;
	return 0;
}

/*
 * Opens the object for a cut of the kernel's types, in memory. Where that fails libbpf takes them
 * all, and some milliseconds more.
 */
static struct bprof_bpf *open_object(int *ret_types)
{
	char path[32];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = path);
	struct bprof_bpf *bpf;
	int fd = memfd_create("bprof-types", MFD_CLOEXEC), err;

	*ret_types = fd;
	if (fd < 0)
		return bprof_bpf__open();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	bpf = bprof_bpf__open_opts(&opts);
	if (!bpf)
		return NULL;
	err = kernel_types_write(bpf_object__btf(bpf->obj), fd);
	if (!err)
		return bpf;
	log_debug("perf", "perf::types error=%s", strerror(-err));
	bprof_bpf__destroy(bpf);
	return bprof_bpf__open();
}

/* Whoever takes no samples needs no VMs, unless their instructions are counted. */
static void leave_out(const struct collector *c, const struct collect_opts *opts)
{
	struct bpf_program *const of_vms[] = {
		c->bpf->progs.on_new_state_enter, c->bpf->progs.on_new_state,
		c->bpf->progs.on_open_libs,	  c->bpf->progs.on_close,
		c->bpf->progs.on_vm_found,
	};

	if (c->samples)
		return;
	bpf_program__set_autoload(c->bpf->progs.on_sample, false);
	bpf_program__set_autoload(c->bpf->progs.on_safe_found, false);
	for (size_t i = 0; i < ARRAY_SIZE(of_vms) && !opts->counts_vm; i++)
		bpf_program__set_autoload(of_vms[i], false);
}

static int load(struct collector *c, const struct collect_opts *opts, char *why, size_t why_size)
{
	CLEANUP(cleanup_close) int types = -1;
	int err;

	load_log_begin();
	c->bpf = open_object(&types);
	if (!c->bpf)
		return explain_load(-errno, why, why_size);
	c->bpf->rodata->spans_every = opts->spans_every;
	c->bpf->rodata->jit_places = opts->jit;
	c->bpf->rodata->nr_possible_cpus = c->nr_cpus;
	c->bpf->rodata->counted_hardware = c->hardware.counted;
	c->bpf->rodata->vm_count_magic = opts->counts_vm ? BPROF_VM_COUNT_MAGIC : 0;
	bpf_map__set_max_entries(c->bpf->maps.hardware_counters, c->nr_cpus * BPROF_NR_HARDWARE);
	if (!opts->counts_vm)
		bpf_map__set_max_entries(c->bpf->maps.vm_coroutines, 1);
	bpf_map__set_max_entries(c->bpf->maps.ring, opts->frequency_hz > RING_SMALL_HZ
							    ? RING_BYTES
							    : RING_SMALL_BYTES);
	leave_out(c, opts);
	err = bprof_bpf__load(c->bpf);
	if (err < 0)
		return explain_load(err, why, why_size);
	err = map_seen_table(c);
	if (!err)
		err = hardware_install(&c->hardware, bpf_map__fd(c->bpf->maps.hardware_counters));
	if (err < 0)
		return explain_load(err, why, why_size);
	err = attach_tracepoints(c);
	return err < 0 ? explain_load(err, why, why_size) : 0;
}

/* ---- draining ------------------------------------------------------------------------------ */

static int on_record(void *arg, void *data, size_t len)
{
	struct collector *c = arg;
	const struct bprof_record *record = data;

	if (len < sizeof(*record) || record->size < sizeof(*record) || record->size > len) {
		c->malformed++;
		return 0;
	}
	return c->fn(c->arg, record);
}

/*
 * Before the counters that are only read: the first to come gets the counter that is made for it. A
 * processor may have one for cycles alone, and QEMU 7.2 loses samples of cycles on any other.
 */
static int open_samplers(struct collector *c)
{
	for (unsigned cpu = 0; cpu < c->nr_cpus && c->nr_sampling < MAX_CPU_COUNT; cpu++) {
		int fd = event_open(&c->event, (int)cpu);

		if (fd == -ENODEV || fd == -ENXIO)
			continue; /* offline */
		if (fd < 0)
			return fd;
		c->sampling_fds[c->nr_sampling++] = fd;
	}
	return 0;
}

int collect_open(const struct collect_opts *opts, struct collector **ret, char *why,
		 size_t why_size)
{
	struct collector *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->guard.fd = -1;
	c->frequency_hz = opts->frequency_hz;
	c->nr_cpus = (unsigned)libbpf_num_possible_cpus();
	err = event_choose(opts, &c->event, why, why_size);
	c->samples = !err && *c->event.public.name;
	if (c->samples) {
		err = open_samplers(c);
		if (err < 0)
			snprintf(why, why_size, "cannot sample %s on every processor: %s",
				 c->event.public.name, strerror(-err));
	}
	if (!err)
		err = hardware_open(c->nr_cpus, &c->hardware);
	if (!err)
		err = load(c, opts, why, why_size);
	if (!err) {
		c->ring = ring_buffer__new(bpf_map__fd(c->bpf->maps.ring), on_record, c, NULL);
		if (!c->ring)
			err = explain_load(-errno, why, why_size);
	}
	if (err < 0) {
		collect_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

int collect_load_walkers(struct collector *c, char *why, size_t why_size)
{
	int err = 0;

	for (int family = BPROF_FAMILY_NONE + 1; !err && family < BPROF_NR_FAMILIES; family++)
		err = walkers_need(&c->walkers, family, c->bpf->obj);
	return err < 0 ? explain_load(err, why, why_size) : 0;
}

void collect_free(struct collector *c)
{
	if (!c)
		return;
	collect_stop_sampling(c);
	while (c->nr_sampling)
		close(c->sampling_fds[--c->nr_sampling]);
	for (size_t i = 0; i < c->nr_probes; i++)
		bpf_link__destroy(c->probes[i]);
	ring_buffer__free(c->ring);
	if (c->seen)
		munmap(c->seen, c->seen_bytes);
	walkers_free(&c->walkers);
	bprof_bpf__destroy(c->bpf);
	hardware_close(&c->hardware);
	if (c->guard.fd >= 0)
		close(c->guard.fd);
	free(c);
}

const struct collect_event *collect_event(const struct collector *c)
{
	return &c->event.public;
}

int collect_wake_fd(const struct collector *c)
{
	return ring_buffer__epoll_fd(c->ring);
}

int collect_drain(struct collector *c, int (*fn)(void *arg, const struct bprof_record *record),
		  void *arg)
{
	int n;

	c->fn = fn;
	c->arg = arg;
	n = ring_buffer__consume(c->ring);
	return n < 0 ? n : 0;
}

/* ---- following and sampling ---------------------------------------------------------------- */

/* CPU time a thread has used so far; what came before we followed it is not the command's. */
static uint64_t thread_cpu_ns(pid_t pid)
{
	char path[64];
	unsigned long long ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	fclose(f);
	return ns;
}

int collect_follow(struct collector *c, pid_t pid)
{
	uint32_t key = (uint32_t)pid;
	struct process process = {.threads = 1};
	struct thread thread = {.pid = key, .charged_ns = thread_cpu_ns(pid)};

	if (bpf_map_update_elem(bpf_map__fd(c->bpf->maps.processes), &key, &process, BPF_ANY) < 0)
		return -errno;
	if (bpf_map_update_elem(bpf_map__fd(c->bpf->maps.threads), &key, &thread, BPF_ANY) < 0)
		return -errno;
	return 0;
}

void collect_unfollow(struct collector *c, pid_t pid)
{
	uint32_t key = (uint32_t)pid;

	bpf_map_delete_elem(bpf_map__fd(c->bpf->maps.threads), &key);
	bpf_map_delete_elem(bpf_map__fd(c->bpf->maps.processes), &key);
}

const char *collect_hardware_missing(const struct collector *c)
{
	return c->hardware.missing;
}

uint32_t collect_hardware(const struct collector *c)
{
	return c->hardware.counted;
}

int collect_start_sampling(struct collector *c)
{
	while (c->nr_sampling) {
		int fd = c->sampling_fds[c->nr_sampling - 1];
		struct bpf_link *link = bpf_program__attach_perf_event(c->bpf->progs.on_sample, fd);

		if (!link)
			return -errno;
		c->nr_sampling--; /* the link owns it */
		c->samplers[c->nr_samplers++] = link;
	}
	return 0;
}

void collect_stop_sampling(struct collector *c)
{
	while (c->nr_samplers)
		bpf_link__destroy(c->samplers[--c->nr_samplers]);
}

static int attach_probe(struct collector *c, struct bpf_program *program, const char *path,
			uint64_t offset, uint64_t cookie)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie,
		    .retprobe = program == c->bpf->progs.on_new_state);
	struct bpf_link *link;

	if (c->nr_probes == MAX_LINKS)
		return -ENOSPC;
	link = bpf_program__attach_uprobe_opts(program, -1, path, offset, &opts);
	if (!link)
		return -errno;
	c->probes[c->nr_probes++] = link;
	log_debug("exec", "exec::probe path=%s, offset=0x%lx, cookie=%lu", path, offset, cookie);
	return 0;
}

int collect_probe_getenv(struct collector *c, const char *path, uint64_t file_offset)
{
	return attach_probe(c, c->bpf->progs.on_getenv, path, file_offset, 0);
}

int collect_probe_lua(struct collector *c, const char *path, const struct collect_lua *lua,
		      uint32_t *ret_binary)
{
	uint32_t binary = c->nr_binaries + 1;
	uint64_t distance = 0;
	int err = 0;

	if (binary >= BPROF_MAX_LAYOUTS)
		return -ENOSPC;
	if (lua->new_state) {
		err = attach_probe(c, c->bpf->progs.on_new_state_enter, path, lua->new_state,
				   binary);
		if (!err)
			err = attach_probe(c, c->bpf->progs.on_new_state, path, lua->new_state,
					   binary);
		distance = lua->open_libs - lua->new_state;
	}
	if (!err && lua->open_libs)
		err = attach_probe(c, c->bpf->progs.on_open_libs, path, lua->open_libs,
				   binary | distance << 32);
	if (!err && lua->close)
		err = attach_probe(c, c->bpf->progs.on_close, path, lua->close, binary);
	if (err < 0)
		return err;
	c->nr_binaries = binary;
	*ret_binary = binary;
	return 0;
}

int collect_know_binary(struct collector *c, uint64_t dev, uint64_t ino)
{
	struct binary_key key = {.dev = dev, .ino = ino};
	uint32_t one = 1;

	return bpf_map_update_elem(bpf_map__fd(c->bpf->maps.known_binaries), &key, &one, BPF_ANY) <
			       0
		       ? -errno
		       : 0;
}

int collect_load_walker(struct collector *c, enum bprof_family family)
{
	return c->samples ? walkers_need(&c->walkers, family, c->bpf->obj) : 0;
}

int collect_add_layout(struct collector *c, const struct lua_layout *layout, uint32_t *ret_index)
{
	uint32_t index = c->nr_layouts + 1;
	int err;

	if (index >= BPROF_MAX_LAYOUTS)
		return -ENOSPC;
	err = collect_load_walker(c, layout->family);
	if (err < 0)
		return err;
	if (bpf_map_update_elem(bpf_map__fd(c->bpf->maps.layouts), &index, layout, BPF_ANY) < 0)
		return -errno;
	c->nr_layouts = index;
	*ret_index = index;
	return 0;
}

int collect_set_pc_table(struct collector *c, uint32_t layout, const struct puc_pc_table *table)
{
	return walkers_set_pc_table(&c->walkers, layout, table);
}

int collect_set_layout(struct collector *c, uint32_t binary, const struct lua_layout *layout,
		       uint32_t *ret_index)
{
	int r = collect_add_layout(c, layout, ret_index);

	if (r < 0)
		return r;
	return bpf_map_update_elem(bpf_map__fd(c->bpf->maps.binary_layouts), &binary, ret_index,
				   BPF_ANY) < 0
		       ? -errno
		       : 0;
}

/* Not by reading the map and writing it back: a VM that opens or closes meanwhile would be undone.
 */
static int tell_sampler(const struct bpf_program *program, struct found_vm *found, bool *ret_done)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = found, .ctx_size_in = sizeof(*found));
	int err = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);

	*ret_done = opts.retval;
	return err;
}

int collect_publish_vm(struct collector *c, uint32_t pid, const struct lua_vm *vm)
{
	struct found_vm found = {.pid = pid, .vm = *vm};
	bool done;
	int err = tell_sampler(c->bpf->progs.on_vm_found, &found, &done);

	return err < 0 ? err : done ? 0 : -ENOSPC;
}

int collect_set_safe_proto(struct collector *c, uint32_t pid, uint64_t object)
{
	struct found_vm found = {.pid = pid, .safe_proto = object};
	bool done;
	int err = tell_sampler(c->bpf->progs.on_safe_found, &found, &done);

	return err < 0 ? err : done ? 0 : -ENOENT;
}

void collect_mark_captured(struct collector *c, uint32_t pid, uint64_t object, uint32_t fingerprint)
{
	struct bprof_seen *entry = &c->seen[seen_index(object, pid)];

	/* the sampler may replace the entry meanwhile: then the flag belongs to another prototype,
	 * whose lines would be missing; so look again afterwards and take the flag back */
	if (entry->object != object || entry->pid != pid || entry->fingerprint != fingerprint)
		return;
	__atomic_or_fetch(&entry->flags, SEEN_CAPTURED, __ATOMIC_SEQ_CST);
	if (entry->object != object || entry->pid != pid || entry->fingerprint != fingerprint)
		__atomic_and_fetch(&entry->flags, ~(uint32_t)SEEN_CAPTURED, __ATOMIC_SEQ_CST);
}

void collect_forget_proto(struct collector *c, uint32_t pid, uint64_t object, uint32_t fingerprint)
{
	struct bprof_seen *entry = &c->seen[seen_index(object, pid)];

	if (entry->object == object && entry->pid == pid && entry->fingerprint == fingerprint)
		__atomic_store_n(&entry->object, 0, __ATOMIC_SEQ_CST);
}

void collect_counters(const struct collector *c, __u64 counters[BPROF_NR_COUNTERS])
{
	for (size_t i = 0; i < BPROF_NR_COUNTERS; i++)
		counters[i] = c->bpf->data_counters->counters[i];
	counters[BPROF_COUNTER_MALFORMED] += c->malformed;
}

int collect_unfinished(struct collector *c, uint64_t time_ns,
		       int (*fn)(void *arg, const struct bprof_record *record), void *arg)
{
	uint32_t unless_counted = (1U << BPROF_NR_HARDWARE) - 1;
	uint32_t metered = ((1U << BPROF_NR_METERS) - 1) & ~unless_counted &
			   ~(1U << BPROF_METER_VM_INSTRUCTIONS);

	if (!c->hardware.counted)
		metered &= ~(1U << BPROF_METER_UNCOUNTED);
	const struct unfinished u = {
		.processes_fd = bpf_map__fd(c->bpf->maps.processes),
		.threads_fd = bpf_map__fd(c->bpf->maps.threads),
		.metered = metered | c->hardware.counted,
		.time_ns = time_ns,
		.fn = fn,
		.arg = arg,
	};

	return unfinished_tell(&u);
}

/* ---- leaving ------------------------------------------------------------------------------- */

int collect_guard(struct collector *c)
{
	c->guard.processes_fd = bpf_map__fd(c->bpf->maps.processes);
	c->guard.stop_holding = &c->bpf->bss->stop_holding;
	return guard_start(&c->guard);
}

void collect_leave(struct collector *c)
{
	c->bpf->bss->stop_holding = true;
	collect_stop_sampling(c);
	guard_dismiss(&c->guard);
	reaper_start();
}
