/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The walker of LuaJIT, loaded when a run meets its first VM (src/collect/walkers.c): the frames of
 * a stack.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>

#include <bprof/wire.h>
#include <bprof/lua_layout.h>
#include <bprof/maps.h>

#include "shared_maps.h"
#include "walk.h"
#include "walk_vms.h"
#include "walk_luajit.h"
#include "relay.h"

SEC("perf_event")
int walk_luajit(void *ctx)
{
	struct walk *w = work_area();

	return w ? walk_on(ctx, w, luajit_turn(w)) : 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
