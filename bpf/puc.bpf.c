/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The walker of PUC Lua, loaded when a run meets its first VM (src/collect/walkers.c): the frames
 * of a stack, and whether the collector runs.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>

#include <bprof/wire.h>
#include <bprof/lua_layout.h>
#include <bprof/maps.h>

#include "shared_maps.h"
#include "walk.h"
#include "walk_vms.h"
#include "native_stack.h"
#define walk_collector(w) native_ask_gc(w)

/* By layout. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BPROF_MAX_LAYOUTS);
	__type(key, u32);
	__type(value, struct puc_pc_table);
} pc_tables SEC(".maps");

#ifdef BPROF_ARCH_X86_64
static __always_inline const struct puc_pc_table *pc_table_of(u32 layout)
{
	return bpf_map_lookup_elem(&pc_tables, &layout);
}

#define walk_pc_table(w) pc_table_of((w)->vm.layout)
#endif

#include "walk_puc.h"
#include "relay.h"

SEC("perf_event")
int walk_puc(void *ctx)
{
	struct walk *w = work_area();

	return w ? walk_on(ctx, w, puc_turn(w)) : 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
