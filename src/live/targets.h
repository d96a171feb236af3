/* SPDX-License-Identifier: MIT */
/*
 * The processes of a live run as facts about them are gathered: their memory, their mapped files,
 * their VMs, and what has been told about them already.
 */
#ifndef BPROF_TARGETS_H
#define BPROF_TARGETS_H

#include <bprof/lua_layout.h>
#include <bprof/mem.h>
#include <bprof/wire.h>

#include "base.h"

#include "proc/elf_file.h"
#include "proc/proc.h"

enum thing_kind {
	THING_CFUNCTION,
	THING_CFUNCTION_NAME,
	THING_ADDRESS,
	THING_ELEMENT,
	THING_UNPROVED_VM
};

struct native_unwinder;
struct thing;
struct targets;

/* Whether and when the memory of a process is searched for a VM that no probe has announced. */
struct vm_search {
	unsigned left;
	bool expects_vm; /* its program or a library of it has one; else they are looked at first */
	uint64_t next_ns, wait_ns;
	const char *version; /* what the program claims, or NULL; borrowed from struct facts */
};

/* One process between two execs. */
struct target {
	uint32_t pid;
	struct lua_vms vms;
	bool cfunctions_due; /* a C function was met since package.loaded was walked */
	uint64_t cfunctions_next_ns, cfunctions_wait_ns; /* when it may be walked again */
	struct vm_search search;
	unsigned nr_touches; /* of its native stacks: see stack_pages.c */
	bool announces;	     /* its tests: the hook is there */

	/* private */
	struct proc *proc;
	struct proc_maps maps; /* empty = not read yet */
	struct thing *things;  /* what has been dealt with, named or not */
	struct target_native *native;
	struct bprof_span on_stack[BPROF_MAX_SPANS]; /* of the latest sample that has any */
	size_t nr_on_stack;
};

int targets_new(struct targets **ret); /* 0 or -ENOMEM */
void targets_free(struct targets *all);

/* The target of @pid: made if missing (NULL without memory), or only found (NULL if unknown). */
struct target *targets_get(struct targets *all, uint32_t pid);
struct target *targets_find(const struct targets *all, uint32_t pid);
void targets_drop(struct targets *all, uint32_t pid);

/* All that was known is over: exec, or a pid used again. */
void target_forget(struct target *t);

/* NULL when the process is gone. */
const struct mem_reader *target_mem(struct target *t);

/* True the first time. Beyond a limit everything counts as known: names less, memory bounded. */
bool target_meets(struct target *t, enum thing_kind kind, uint64_t object, uint64_t detail);
/* True also where the object has another @value than when it was last asked about; 0 = not known.
 */
bool target_meets_again(struct target *t, enum thing_kind kind, uint64_t object, uint64_t detail,
			uint32_t value);
void target_forget_kind(struct target *t, enum thing_kind kind);
void target_forget_thing(struct target *t, enum thing_kind kind, uint64_t object, uint64_t detail);

/*
 * Is this one of the elements that the sample before had? Else another one may have been made in
 * its memory meanwhile, of the same name and another line.
 */
bool target_has_on_stack(const struct target *t, const struct bprof_span *span);
void target_set_on_stack(struct target *t, const struct bprof_span *spans, size_t nr);

/* Reads its mappings again. 0 or -errno: then those known stay. */
int target_read_maps(struct target *t);

/* The mapping at @address; mappings are read again when it is in none of those known. */
const struct proc_map *target_map(struct target *t, uaddr_t address);

/* The ELF file behind a code address, and the address as the file counts; NULL if there is none. */
struct elf_image *targets_image_at(struct targets *all, struct target *t, uaddr_t address,
				   const struct proc_map **ret_map, uint64_t *ret_vaddr);

/* The same for any address in a mapped file, or in the vDSO. */
struct elf_image *targets_image_of(struct targets *all, struct target *t, uaddr_t address,
				   const struct proc_map **ret_map, uint64_t *ret_vaddr);

/* target_native.c: unwinds its native stacks. NULL without memory. */
struct native_unwinder *target_unwinder(struct targets *all, struct target *t);
void target_native_forget(struct target *t); /* its mappings have changed */
void target_native_free(struct target *t);

/* In the place of an older VM with the same global_State. */
void target_add_vm(struct target *t, const struct lua_vm *vm);
void target_remove_vm(struct target *t, uint64_t state);
const struct lua_vm *target_vm(const struct target *t, uint64_t global);
/* The same by its main lua_State. */
const struct lua_vm *target_vm_of(const struct target *t, uint64_t state);

#endif
