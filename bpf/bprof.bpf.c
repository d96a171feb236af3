/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Everything bprof-perf runs in the kernel. It reads the target and never writes it.
 *
 *	processes.h  who is followed: fork, exec (with the hold), VMs inherited
 *	cpu_time.h   sched_switch: exact CPU time per process
 *	meters.h     hardware counters, page faults, switches and the like, at the same places
 *	vms.h        luaL_openlibs, lua_close: Lua VMs come and go
 *	marks.h      getenv: test boundaries
 *	sample.h     perf_event: the Lua stack at this instant, by walk.h
 *	native_stack.h  whether PUC Lua's collector runs in it
 *
 * Only perf events, BTF tracepoints and uprobes: no kprobes, no fentry, no tracefs, nothing pinned.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include <bprof/wire.h>
#include <bprof/lua_layout.h>
#include <bprof/maps.h>

#include "maps.h"

struct walk;
static __always_inline struct bprof_seen *seen_entry(u32 index)
{
	u32 zero = 0;
	struct seen_table *table = bpf_map_lookup_elem(&seen_protos, &zero);

	return table ? &table->entry[index & (SEEN_ENTRIES - 1)] : NULL;
}
#define walk_seen_entry(w, index) seen_entry(index)

#include "walk.h"

#include "meters.h"
#include "cpu_time.h"
#include "processes.h"
#include "vms.h"
#include "marks.h"
#include "sample.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
