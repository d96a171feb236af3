/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The sampling program: at every tick of the event, on every CPU, what a walk of the Lua stack
 * needs to know of a followed thread at this instant. relay.h goes on.
 */
#ifndef BPROF_BPF_SAMPLE_H
#define BPROF_BPF_SAMPLE_H

#include "relay.h"

#define STACK_MAX_BYTES                                                                            \
	(64ULL << 20) /* a thread pointer further above belongs to another stack                   \
		       */

/*
 * User registers of the interrupted thread: right for samples in user and in kernel mode alike,
 * which the context's own registers are not.
 */
static __always_inline void take_registers(struct walk *w, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

#if defined(__TARGET_ARCH_x86)
	w->reg[BPROF_REG_AX] = regs->ax;
	w->reg[BPROF_REG_BX] = regs->bx;
	w->reg[BPROF_REG_CX] = regs->cx;
	w->reg[BPROF_REG_DX] = regs->dx;
	w->reg[BPROF_REG_SI] = regs->si;
	w->reg[BPROF_REG_DI] = regs->di;
	w->reg[BPROF_REG_BP] = regs->bp;
	w->reg[BPROF_REG_SP] = regs->sp;
	w->reg[BPROF_REG_R8] = regs->r8;
	w->reg[BPROF_REG_R9] = regs->r9;
	w->reg[BPROF_REG_R10] = regs->r10;
	w->reg[BPROF_REG_R11] = regs->r11;
	w->reg[BPROF_REG_R12] = regs->r12;
	w->reg[BPROF_REG_R13] = regs->r13;
	w->reg[BPROF_REG_R14] = regs->r14;
	w->reg[BPROF_REG_R15] = regs->r15;
	w->reg[BPROF_REG_IP] = regs->ip;
#elif defined(__TARGET_ARCH_arm64)
#pragma unroll
	for (u32 i = 0; i <= BPROF_REG_LR; i++)
		w->reg[i] = regs->regs[i];
	w->reg[BPROF_REG_SP] = regs->sp;
	w->reg[BPROF_REG_IP] = regs->pc;
#endif
}

/*
 * Where the stack that the thread runs on ends. The first thread's begins at start_stack; that of
 * any other has its thread control block at the top, to which the thread pointer points. Neither
 * is near if the program runs on a stack of its own making: then nobody knows.
 */
static __always_inline u64 stack_end(const struct task_struct *task, const struct mm_struct *mm,
				     u64 sp)
{
	u64 first = mm->start_stack, other, end;

#if defined(__TARGET_ARCH_x86)
	other = task->thread.fsbase;
#elif defined(__TARGET_ARCH_arm64)
	other = task->thread.uw.tp_value;
#endif
	end = other > sp && (other < first || first <= sp) ? other : first;
	return end > sp && end - sp <= STACK_MAX_BYTES ? end : 0;
}

/* The VM in slot @i of the process, and its layout. One that is being written counts as missed. */
WALK_STEP int take_vm(struct walk *w, struct process_vms *known, u32 i)
{
	struct lua_layout *layout;
	u32 index, nr;

	if (!w || !known)
		return 0;
	nr = walk_index(w->vms.nr, BPROF_MAX_VMS - 1);
	if (!slot_read(&known->slot[walk_index(i, BPROF_MAX_VMS - 1)], &w->vms.vm[nr])) {
		w->vms.missed++;
		return 0;
	}
	if (!w->vms.vm[nr].global)
		return 0;
	w->vms.nr = nr + 1;
	index = w->vms.vm[nr].layout;
	layout = bpf_map_lookup_elem(&layouts, &index);
	if (layout)
		w->layout[nr] = *layout;
	else
		w->layout[nr].family = BPROF_FAMILY_NONE;
	return 0;
}

/* The VMs of the process and their layouts. */
static __always_inline void take_vms(struct walk *w, u32 pid)
{
	struct process_vms *known = bpf_map_lookup_elem(&vms, &pid);
	u32 used;

	w->vms.nr = 0;
	w->vms.missed = 0;
	w->safe_proto = 0;
	if (!known)
		return;
	used = known->used;
	w->vms.missed = known->missed;
	w->safe_proto = known->safe_proto;
	for (u32 i = 0; i < BPROF_MAX_VMS; i++) {
		if (!(used >> i)) /* slots are taken from the first on */
			break;
		take_vm(w, known, i);
	}
}

/*
 * Where the hook announces the tests, their frames on the stack only check it: some samples
 * suffice, and each costs user space a look at busted's tables. 0 = never, 1 = always, n = every
 * n-th or so.
 */
const volatile __u32 spans_every = 1;

/* enum bprof_jit */
const volatile __u32 jit_places;

static __always_inline bool looks_for_spans(const struct process *p, u64 time_ns)
{
	if (!spans_every)
		return false;
	/* the low bits of a clock are as good as a counter, and need no memory */
	return !p->epoch || (time_ns >> 6) % spans_every == 0;
}

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	u64 start = bpf_ktime_get_ns();
	u32 pid = current_pid();
	struct process *p = bpf_map_lookup_elem(&processes, &pid);
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm;
	struct bprof_sample *s;
	struct walk *w;

	if (!p)
		return 0;
	count(BPROF_COUNTER_TAKEN);
	charge_hardware_at_sample(p, current_tid());
	w = work_area();
	if (!w)
		return 0;
	s = &w->record.s;
	s->h.type = BPROF_RECORD_SAMPLE;
	s->h.time_ns = start;
	s->pid = pid;
	s->tid = current_tid();
	s->epoch = p->epoch;
	s->weight = ctx->sample_period;
	s->cpu = (u8)bpf_get_smp_processor_id();
	s->flags = (s64)ctx->regs[PERF_CONTEXT_IP] < 0 ? BPROF_SAMPLE_KERNEL : 0;
	take_registers(w, task);
	s->ip = w->reg[BPROF_REG_IP];
	mm = task->mm;
	w->vms.nr = 0;
	if (mm) /* an exiting process has given its memory back */
		take_vms(w, pid);
	if (!looks_for_spans(p, s->h.time_ns)) {
		w->safe_proto = 0;
		s->flags |= BPROF_SAMPLE_NO_SPANS;
	}
	w->heap_start = mm ? mm->start_brk : 0;
	w->heap_end = mm ? mm->brk : 0;
	w->stack_end = mm ? stack_end(task, mm, w->reg[BPROF_REG_SP]) : 0;
	w->jit = jit_places;
	return walk_on(ctx, w, walk_begin(w));
}

#endif
