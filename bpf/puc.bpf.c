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
#include "walk_puc.h"
#include "relay.h"

SEC("perf_event")
int walk_puc(void *ctx)
{
	struct walk *w = work_area();

	return w ? walk_on(ctx, w, puc_turn(w)) : 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
