/* SPDX-License-Identifier: MIT */
/*
 * The stack walkers in the kernel: one BPF object for each family of VMs, loaded when a run meets
 * the first VM of that family. docs/adr/0010 has the reasons.
 */
#ifndef BPROF_WALKERS_H
#define BPROF_WALKERS_H

#include <stdint.h>

#include <bprof/lua_layout.h>
#include <bprof/wire.h>

struct bpf_object;

/* All zero: none is loaded. */
struct walkers {
	struct walker {
		struct bpf_object *object;
		int error; /* it was refused: it is not tried again */
	} of[BPROF_NR_FAMILIES];
};

/**
 * walkers_need() - from now on the sampling program walks VMs of @family
 * @base: the loaded object that has the sampling program; its maps are the walkers', too
 *
 * Takes some 10 ms the first time. A walker that is refused is logged with the kernel's reason.
 * Return: 0; -EINVAL no such family; -ENOMEM, other -errno of the kernel.
 */
int walkers_need(struct walkers *w, enum bprof_family family, const struct bpf_object *base);

/* Tells the walker of PUC Lua, which is loaded, of layout @index. Return: 0; -errno. */
int walkers_set_pc_table(struct walkers *w, uint32_t index, const struct puc_pc_table *table);

void walkers_free(struct walkers *w);

#endif
