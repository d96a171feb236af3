/* SPDX-License-Identifier: MIT */
/*
 * Does the garbage collector of PUC Lua run? For samples that the kernel could not decide.
 *
 * The native stack is unwound from the leaf until a frame tells:
 *
 *	a way into the collector            the collector runs
 *	luaV_execute                        it does not
 *	luaD_call and its like              it does not: what was called runs, a finalizer if the
 *	                                    collector is farther up
 *
 * The copy of the stack is forgotten; the recording gets the answer.
 */
#include <errno.h>
#include <string.h>

#include "log.h"

#include "collect/collect.h"
#include "facts_private.h"
#include "unwind/native.h"

/* ---- one sample ------------------------------------------------------------------------------ */

struct question {
	const struct elf_lua_code *code;
	uint64_t bias;
	enum bprof_gc_state state;
	uint16_t nr_frames;
};

static bool is_in(const struct elf_range *range, size_t nr, uint64_t vaddr)
{
	for (size_t i = 0; i < nr; i++)
		if (vaddr >= range[i].start && vaddr < range[i].end)
			return true;
	return false;
}

static bool look_at_frame(void *arg, uaddr_t pc)
{
	struct question *q = arg;
	uint64_t vaddr = pc - q->bias;

	q->nr_frames++;
	if (is_in(q->code->gc, q->code->nr_gc, vaddr))
		q->state = BPROF_GC_INSIDE;
	else if (is_in(&q->code->execute, 1, vaddr) ||
		 is_in(q->code->caller, q->code->nr_callers, vaddr))
		q->state = BPROF_GC_OUTSIDE;
	else
		return true;
	return false;
}

static enum bprof_gc_state state_of_failure(int error)
{
	switch (error) {
	case 0: /* the whole stack, and no collector in it */
		return BPROF_GC_OUTSIDE;
	case -EFAULT:
		return BPROF_GC_CUT;
	default:
		return BPROF_GC_NO_UNWIND;
	}
}

static enum bprof_gc_state answer(struct facts *f, const struct decoded *d, uint16_t *ret_nr_frames)
{
	const struct bprof_native_stack *fixed = d->native_stack.fixed;
	struct native_stack stack = {.reg = d->native_stack.regs,
				     .word = d->native_stack.words,
				     .nr_words = fixed->nr_words};
	struct target *t = targets_find(f->targets, fixed->pid);
	const struct lua_vm *vm = t ? target_vm(t, fixed->vm) : NULL;
	const struct puc_code *code =
		vm ? f->code_of_binary[f->binary_of_layout[vm->layout]] : NULL;
	struct native_unwinder *unwinder;
	struct question q = {.state = BPROF_GC_ASKED};
	int r;

	*ret_nr_frames = 0;
	if (!code || !code->functions.nr_gc || fixed->nr_regs != BPROF_NR_REGS)
		return BPROF_GC_UNPROVED;
	unwinder = target_unwinder(f->targets, t);
	if (!unwinder)
		return BPROF_GC_UNREAD;
	q.code = &code->functions;
	q.bias = fixed->execute - code->functions.execute.start;
	r = native_walk(unwinder, &stack, look_at_frame, &q);
	*ret_nr_frames = q.nr_frames;
	return q.state == BPROF_GC_ASKED ? state_of_failure(r) : q.state;
}

int facts_on_native_stack(struct facts *f, const struct decoded *d)
{
	const struct bprof_native_stack *fixed = d->native_stack.fixed;
	struct bprof_gc gc = {
		.h = {.type = BPROF_RECORD_GC, .size = sizeof(gc), .time_ns = fixed->h.time_ns},
		.pid = fixed->pid,
		.tid = fixed->tid,
		.cpu = fixed->cpu,
	};

	gc.state = (uint8_t)answer(f, d, &gc.nr_frames);
	return recorder_add(f->recorder, &gc.h);
}
