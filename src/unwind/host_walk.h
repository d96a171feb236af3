/* SPDX-License-Identifier: MIT */
/*
 * The walker of the kernel, on the host: the same code (bpf/walk.h) over a struct mem_reader.
 *
 * For stopped processes, core images, recordings and tests. Reading a process from outside costs
 * about 1 us a read, 30 to 120 us a walk.
 */
#ifndef BPROF_HOST_WALK_H
#define BPROF_HOST_WALK_H

#include <bprof/lua_layout.h>
#include <bprof/mem.h>
#include <bprof/seen.h>
#include <bprof/wire.h>

#include "base.h"

/**
 * struct host_walk_input - one interrupted thread
 * @reg:        its registers, by enum bprof_reg
 * @vms:        the VMs of its process
 * @layout:     layout[i] is that of vms.vm[i]; must pass lua_layout_valid()
 * @heap_start: of the brk heap, to @heap_end; 0 and 0 if not known
 * @stack_end:  top of the thread's stack, 0 if not known
 * @safe_proto: prototype of busted.safe, 0 if not known
 * @pid:        with @seen
 * @seen:       SEEN_ENTRIES entries: lines of captured prototypes are left out. NULL: decode all.
 *              Borrowed for the call.
 * @pc_table:   of the VM whose layout has one; NULL: none has. Borrowed for the call
 * @jit:        how exact the place in code compiled by LuaJIT shall be
 */
struct host_walk_input {
	uint64_t reg[BPROF_NR_REGS];
	struct lua_vms vms;
	struct lua_layout layout[BPROF_MAX_VMS];
	uaddr_t heap_start, heap_end;
	uaddr_t stack_end;
	uaddr_t safe_proto;
	uint32_t pid;
	const struct bprof_seen *seen;
	const struct puc_pc_table *pc_table;
	enum bprof_jit jit;
};

/* A prototype of the stack that is not in the seen table. */
struct host_walk_proto {
	uaddr_t object;
	uaddr_t chunkname; /* NUL-terminated text; 0 = stripped */
	int32_t first_line, last_line;
	uint32_t code_len;
	uint32_t fingerprint;
};

/**
 * struct host_walk_result - what a sample would hold
 * @sample: vmstate, vm, nr_frames, nr_spans, status, family, flags, leaf_how and ip are set, and
 *          pid; the rest is 0
 * @frame:  leaf first
 * @span:   leaf first
 */
struct host_walk_result {
	struct bprof_sample sample;
	struct bprof_frame frame[BPROF_MAX_FRAMES];
	struct bprof_span span[BPROF_MAX_SPANS];
	struct host_walk_proto fresh[BPROF_MAX_FRESH];
	uint32_t nr_fresh;
};

/**
 * host_walk() - walk the Lua stack of a thread
 *
 * The thread must not run meanwhile: nothing else makes several reads agree.
 * Cost: some 20 reads and 2 to 4 a frame; bounded whatever the memory holds.
 *
 * Return: 0, also for an incomplete stack: see ret->sample.status; -EINVAL: more VMs than fit.
 */
int host_walk(const struct mem_reader *mem, const struct host_walk_input *in,
	      struct host_walk_result *ret);

#endif
