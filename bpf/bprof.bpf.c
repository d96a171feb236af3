/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What every run has in the kernel. It reads the target and never writes it.
 *
 *	processes.h  who is followed: fork, exec (with the hold), VMs inherited
 *	cpu_time.h   sched_switch: exact CPU time per process
 *	meters.h     hardware counters, page faults, switches and the like, at the same places
 *	vm_slots.h   the VMs of each process, of which many tell and read at once
 *	vms.h        luaL_openlibs, lua_close: Lua VMs come and go
 *	marks.h      getenv: test boundaries
 *	sample.h     perf_event: the Lua stack at this instant
 *
 * The walkers are objects of their own, luajit.bpf.c and puc.bpf.c: most runs meet one family of
 * VMs, and each walker takes the verifier as long as all that is here.
 *
 * Only perf events, raw tracepoints and uprobes: no kprobes, no fentry, no tracefs, nothing pinned.
 * BTF tracepoints would have libbpf read all of the kernel's types (src/collect/kernel_types.h).
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include <bprof/wire.h>
#include <bprof/lua_layout.h>
#include <bprof/maps.h>

#include "maps.h"
#include "walk.h"
#include "walk_vms.h"
#include "meters.h"
#include "cpu_time.h"
#include "processes.h"
#include "vms.h"
#include "marks.h"
#include "sample.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
