/* SPDX-License-Identifier: MIT */
/*
 * What a thread was doing when it was sampled: one enum mode per sample, from what the walker saw.
 *
 * The class of the program counter decides first, G->vmstate only where it says nothing: the state
 * is stale while the interpreter runs what is being recorded, and under FFI callbacks.
 * docs/PROFILE.md defines the modes for users; a change here is a change there.
 */
#ifndef BPROF_SAMPLE_MODE_H
#define BPROF_SAMPLE_MODE_H

#include <stdbool.h>

#include <bprof/profile.h>
#include <bprof/wire.h>

/**
 * mode_of_vm() - what the VM was doing, whether in user mode or in the kernel
 * @s:      vmstate of PUC Lua is what its BPROF_RECORD_GC answered, where there is one
 * @frames: of the sample, leaf first; s->nr_frames of them
 *
 * Never one of the kernel's. A page fault of the collector is MODE_GC here.
 */
enum mode mode_of_vm(const struct bprof_sample *s, const struct bprof_frame *frames);

/* The mode the sample is counted under: one of the kernel's for kernel mode, else mode_of_vm(). */
enum mode mode_of_sample(const struct bprof_sample *s, const struct bprof_frame *frames);

/* Modes that need no VM to tell them, as bits 1 << enum mode. */
#define MODES_TOLD_ALWAYS                                                                          \
	(1U << MODE_INTERPRETER | 1U << MODE_C | 1U << MODE_NATIVE | 1U << MODE_KERNEL)

/* The modes that the VM of this sample tells, as such bits. */
uint32_t modes_told_by(const struct bprof_sample *s);

/* Lua code of PUC Lua ran, and whether its collector did is not known. */
bool mode_gc_is_undecided(const struct bprof_sample *s);

#endif
