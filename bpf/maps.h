/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the programs share: who is followed, which VMs they run, what was counted.
 *
 * Nothing is pinned: every map and link belongs to a file descriptor of bprof-perf and dies with
 * it.
 */
#ifndef BPROF_BPF_MAPS_H
#define BPROF_BPF_MAPS_H

#include "shared_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct process_vms);
} vms SEC(".maps");

/* Executables user space has looked at: their processes are not held any more. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct binary_key);
	__type(value, u32);
} known_binaries SEC(".maps");

/* Proved layouts; index 0 is never used. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BPROF_MAX_LAYOUTS);
	__type(key, u32);
	__type(value, struct lua_layout);
} layouts SEC(".maps");

/* Cookie of a probed binary -> index of its layout, 0 while that is unknown. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BPROF_MAX_LAYOUTS);
	__type(key, u32);
	__type(value, u32);
} binary_layouts SEC(".maps");

static __always_inline u32 current_pid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline u32 current_tid(void)
{
	return (u32)bpf_get_current_pid_tgid();
}

/* Ships a fixed-size record that user space may read at leisure. */
#define ship(record) ship_with(record, BPF_RB_NO_WAKEUP)
#define ship_with(record, wakeup)                                                                  \
	do {                                                                                       \
		if (bpf_ringbuf_output(&ring, (record), sizeof(*(record)), (wakeup)))              \
			count(BPROF_COUNTER_LOST_RECORDS);                                         \
	} while (0)

#endif
