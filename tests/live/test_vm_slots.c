/* SPDX-License-Identifier: MIT */
/*
 * VMs open and close in several threads of a process while user space tells the sampler of others:
 * none is lost, none that is gone comes back, and busted.safe stays where it is. The VMs are as
 * much of a lua_State as the kernel's guard looks at.
 *
 * Needs root and BPF; skips otherwise.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <bprof/maps.h>

#include "collect.h"

#define NR_THREADS 3
#define NR_FOUND   4 /* VMs that user space tells of */
#define ROUNDS	   200
#define REPEATS	   20 /* the end of each is looked at */
#define TYPE_STATE 8

struct fake_vm {
	uint64_t state[8];  /* [1] type, [3] its global_State, which follows */
	uint64_t global[8]; /* [2] the main state */
};

static const struct lua_layout layout = {
	.family = BPROF_FAMILY_PUC,
	.dialect = LUA_DIALECT_54,
	.puc = {.state_global = 24, .state_bytes = 64, .global_mainthread = 16},
};

static struct fake_vm staying[NR_THREADS], passing[NR_THREADS];
static struct lua_vm found[NR_FOUND];
static atomic_uint nr_running;

/* Stand for luaL_openlibs() and lua_close(): the probes see their first argument. */
__attribute__((noipa)) static void fake_open_libs(void *state)
{
	__asm__ volatile("" : : "r"(state) : "memory");
}

__attribute__((noipa)) static void fake_close(void *state)
{
	__asm__ volatile("" : : "r"(state) : "cc", "memory");
}

/* Where a function of this program is in its file. */
static uint64_t file_offset(const void *function)
{
	uint64_t address = (uint64_t)function, offset = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		unsigned long start, end, at;

		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &at) == 3 && address >= start &&
		    address < end)
			offset = address - start + at;
	}
	if (maps)
		fclose(maps);
	return offset;
}

static void make_vm(struct fake_vm *vm)
{
	vm->state[1] = TYPE_STATE;
	vm->state[3] = (uint64_t)vm->global;
	vm->global[2] = (uint64_t)vm->state;
}

/* Ends with its staying VM open. */
static void *run_vms(void *arg)
{
	size_t i = (size_t)arg;

	for (unsigned round = 0; round < ROUNDS; round++) {
		fake_open_libs(&passing[i]);
		fake_close(&staying[i]);
		fake_open_libs(&staying[i]);
		fake_close(&passing[i]);
	}
	nr_running--;
	return NULL;
}

/* Until no thread runs any more, but each once. Returns the last address told. */
static uint64_t tell_of_others(struct collector *c)
{
	uint64_t safe = 0;

	while (nr_running || safe < NR_FOUND) {
		struct lua_vm *vm = &found[safe % NR_FOUND];

		cr_assert(eq(int, collect_publish_vm(c, (uint32_t)getpid(), vm), 0));
		cr_assert(eq(int, collect_set_safe_proto(c, (uint32_t)getpid(), ++safe), 0));
	}
	return safe;
}

/* What the sampler knows of this process. */
static struct process_vms known_vms(void)
{
	struct process_vms known;
	uint32_t id = 0, pid = (uint32_t)getpid();

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = {0};
		uint32_t bytes = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id), found_it = 0;

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &bytes) &&
		    strcmp(info.name, "vms") == 0 && info.value_size == sizeof(known))
			found_it = !bpf_map_lookup_elem(fd, &pid, &known);
		if (fd >= 0)
			close(fd);
		if (found_it)
			return known;
	}
	cr_fatal("no map has the VMs of this process");
	return (struct process_vms){0};
}

static unsigned count_vm(const struct process_vms *known, uint64_t global)
{
	unsigned nr = 0;

	for (size_t i = 0; i < BPROF_MAX_VMS; i++)
		nr += known->slot[i].vm.global == global;
	return nr;
}

static void check_vms(const struct process_vms *known, uint64_t safe)
{
	for (size_t i = 0; i < NR_THREADS; i++) {
		cr_expect(eq(uint, count_vm(known, (uint64_t)staying[i].global), 1), "thread %zu",
			  i);
		cr_expect(eq(uint, count_vm(known, (uint64_t)passing[i].global), 0),
			  "closed by thread %zu", i);
	}
	for (size_t i = 0; i < NR_FOUND; i++)
		cr_expect(eq(uint, count_vm(known, found[i].global), 1), "found VM %zu", i);
	cr_expect(eq(uint, count_vm(known, 0), BPROF_MAX_VMS - NR_THREADS - NR_FOUND));
	for (size_t i = 0; i < BPROF_MAX_VMS; i++)
		cr_expect(eq(uint, known->slot[i].turn & 1, 0), "slot %zu is claimed", i);
	cr_expect(eq(uint, known->missed, 0));
	cr_expect(eq(ulong, known->safe_proto, safe));
}

static struct collector *open_collector(void)
{
	const struct collect_opts opts = {.frequency_hz = 99, .event = "cpu-clock"};
	const struct collect_lua probes = {.open_libs = file_offset(fake_open_libs),
					   .close = file_offset(fake_close)};
	char why[COLLECT_WHY_BYTES] = "";
	struct collector *c = NULL;
	uint32_t binary, index;

	cr_assert(eq(int, collect_open(&opts, &c, why, sizeof(why)), 0), "%s", why);
	cr_assert(eq(int, collect_follow(c, getpid()), 0));
	cr_assert(eq(int, collect_probe_lua(c, "/proc/self/exe", &probes, &binary), 0));
	cr_assert(eq(int, collect_set_layout(c, binary, &layout, &index), 0));
	for (size_t i = 0; i < NR_FOUND; i++)
		found[i] = (struct lua_vm){.global = 0x10000 * (i + 1),
					   .main = 0x10000 * (i + 1) + 8,
					   .layout = index,
					   .family = BPROF_FAMILY_PUC};
	return c;
}

/* Threads open and close VMs, and we tell of others; then what the sampler knows is looked at. */
static void race(struct collector *c)
{
	pthread_t thread[NR_THREADS];
	struct process_vms known;
	uint64_t safe;

	nr_running = NR_THREADS;
	for (size_t i = 0; i < NR_THREADS; i++)
		cr_assert(eq(int, pthread_create(&thread[i], NULL, run_vms, (void *)i), 0));
	safe = tell_of_others(c);
	for (size_t i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	known = known_vms();
	check_vms(&known, safe);
}

Test(vm_slots, no_writer_undoes_another)
{
	struct collector *c;

	if (geteuid() != 0)
		cr_skip_test("loading programs needs root");
	c = open_collector();
	for (size_t i = 0; i < NR_THREADS; i++) {
		make_vm(&staying[i]);
		make_vm(&passing[i]);
	}
	for (unsigned i = 0; i < REPEATS; i++)
		race(c);
	collect_free(c);
}

/* A process that is gone, or was never followed, leaves nothing behind for one of the same number.
 */
Test(vm_slots, of_a_process_that_is_not_followed_are_refused)
{
	struct lua_vm vm = {.global = 0x10000, .main = 0x10008, .family = BPROF_FAMILY_PUC};
	struct collector *c;

	if (geteuid() != 0)
		cr_skip_test("loading programs needs root");
	c = open_collector();
	collect_unfollow(c, getpid());
	cr_expect(eq(int, collect_publish_vm(c, (uint32_t)getpid(), &vm), -ENOSPC));
	cr_expect(eq(int, collect_set_safe_proto(c, (uint32_t)getpid(), 1), -ENOENT));
	collect_free(c);
}
