/* SPDX-License-Identifier: MIT */
/*
 * Pages of native stacks that nobody has written yet.
 *
 * The kernel's side looks for the coroutines of PUC Lua, and for its collector, among the words of
 * the native stack, and cannot wait for memory there. A page that was never written is not there,
 * and what cannot be read may hide a coroutine: the sample is marked. A function with a frame of
 * some KiB is enough (printf() of musl has 7.5 KiB to write a number), and all samples below it
 * are. What is read from here is there from then on: the kernel maps its page of zeros, and the
 * next samples see that nothing is in it. The program notices nothing: a write to such a page
 * faults once, as it would have anyway.
 */
#include "facts_private.h"

#define PAGE_BYTES  4096U
#define SCAN_BYTES  (256U << 10) /* as far as the walker looks: PUC_SCAN_CHUNKS */
#define MAX_TOUCHES 16		 /* in a process: what else cannot be read stays so */

/* The innermost error handler of the main state lies on its stack; 0 = not known. */
static uaddr_t place_on_stack(const struct facts *f, const struct mem_reader *mem,
			      const struct lua_vm *vm)
{
	uaddr_t jump;

	if (mem_read(mem, &jump, sizeof(jump),
		     vm->main + f->layouts[vm->layout].puc.state_error_jmp) < 0)
		return 0;
	return jump;
}

void facts_touch_stack(struct facts *f, struct target *t, const struct lua_vm *vm)
{
	const struct mem_reader *mem = target_mem(t);
	uaddr_t jump = mem ? place_on_stack(f, mem, vm) : 0, page;
	const struct proc_map *map;
	struct proc_maps maps;
	uint64_t word;

	if (!jump || t->nr_touches == MAX_TOUCHES || proc_read_maps((pid_t)t->pid, &maps) < 0)
		return;
	t->nr_touches++;
	map = proc_maps_find(&maps, jump);
	if (map && !map->ino && (map->prot & PROC_PROT_WRITE)) {
		page = jump - map->start > SCAN_BYTES ? jump - SCAN_BYTES : map->start;
		for (page -= page % PAGE_BYTES; page < jump; page += PAGE_BYTES)
			(void)!mem_read(mem, &word, sizeof(word), page);
	}
	proc_maps_done(&maps);
}
