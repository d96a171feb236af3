/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The VMs of a process: several threads of it open and close theirs at once, samples of others read
 * them, and user space adds those that it has found. Programs that may run at any instant have no
 * lock to take, so each VM has a slot, and a slot belongs to whoever made its turn odd.
 *
 *	turn even: nobody writes ──compare and swap──▶ odd: one writes ──▶ even again, another
 *number
 *
 * Who reads looks at the turn before and after. User space writes by a program here as well: a
 *value that it had read, changed and put back would undo what happened meanwhile.
 */
#ifndef BPROF_VM_SLOTS_H
#define BPROF_VM_SLOTS_H

static const struct process_vms no_vms;

/* As of the instant at which what follows is read. */
static __always_inline u32 slot_turn(struct vm_slot *slot)
{
#if defined(__TARGET_ARCH_x86)
	u32 turn = *(volatile u32 *)&slot->turn;

	barrier();
	return turn;
#else
	return __sync_fetch_and_add(&slot->turn, 0); /* an order that a plain load does not give */
#endif
}

static __always_inline bool slot_unchanged(struct vm_slot *slot, u32 turn)
{
	barrier();
	return slot_turn(slot) == turn;
}

/* From a @turn at which the slot was found fit. False: somebody else was first. */
static __always_inline bool slot_claim(struct vm_slot *slot, u32 turn)
{
	if (turn & 1)
		return false;
	return __sync_val_compare_and_swap(&slot->turn, turn, turn + 1) == turn;
}

static __always_inline void slot_release(struct vm_slot *slot, u32 turn)
{
	__sync_lock_test_and_set(&slot->turn, turn + 2);
}

/* Copies a slot. False: it is being written; *@ret may be anything. */
static __always_inline bool slot_read(struct vm_slot *slot, struct lua_vm *ret)
{
	u32 turn = slot_turn(slot);

	if (turn & 1)
		return false;
	*ret = slot->vm;
	return slot_unchanged(slot, turn);
}

/* Puts a VM into slot @i if that has one with this global_State; 0 = if it is free. */
WALK_STEP int slot_put(struct process_vms *known, const struct lua_vm *vm, u32 i, u64 global)
{
	struct vm_slot *slot;
	u32 turn;

	if (!known || !vm)
		return 0;
	i = walk_index(i, BPROF_MAX_VMS - 1);
	slot = &known->slot[i];
	turn = slot_turn(slot);
	if (slot->vm.global != global || !slot_claim(slot, turn))
		return 0;
	slot->vm = *vm;
	__sync_fetch_and_or(&known->used, 1U << i);
	slot_release(slot, turn);
	return 1;
}

/* Frees slot @i if it has the VM with this main state. */
WALK_STEP int slot_free(struct process_vms *known, u32 i, u64 state)
{
	struct vm_slot *slot;
	u32 turn;

	if (!known || !state)
		return 0;
	slot = &known->slot[walk_index(i, BPROF_MAX_VMS - 1)];
	turn = slot_turn(slot);
	if (slot->vm.main != state || !slot_claim(slot, turn))
		return 0;
	slot->vm.global = 0;
	slot->vm.main = 0;
	slot_release(slot, turn);
	return 1;
}

/* Is the VM with this main state known? */
WALK_STEP int slots_have(const struct process_vms *known, u64 state)
{
	if (!known)
		return 0;
	for (u32 i = 0; i < BPROF_MAX_VMS; i++) {
		if (known->slot[i].vm.main == state)
			return 1;
	}
	return 0;
}

/*
 * Adds the VM to its process, in the place of an older one with the same global_State. Where there
 * is no room the process is marked: a thread that runs none of its known VMs may run this one.
 */
WALK_STEP int publish_vm(u32 pid, const struct lua_vm *vm)
{
	struct process_vms *known;

	if (!vm || !vm->global)
		return 0;
	bpf_map_update_elem(&vms, &pid, &no_vms, BPF_NOEXIST);
	known = bpf_map_lookup_elem(&vms, &pid);
	if (!known)
		return 0;
	for (u32 i = 0; i < BPROF_MAX_VMS; i++) {
		if (slot_put(known, vm, i, vm->global))
			return 1;
	}
	for (u32 i = 0; i < BPROF_MAX_VMS; i++) {
		if (slot_put(known, vm, i, 0))
			return 1;
	}
	__sync_fetch_and_add(&known->missed, 1);
	return 0;
}

/* Of two that close at once one may leave the mark: then a sample doubts, it does not err. */
static __always_inline void forget_missed(struct process_vms *known)
{
	u32 missed = known->missed;

	if (missed)
		__sync_val_compare_and_swap(&known->missed, missed, missed - 1);
}

static __always_inline void unpublish_vm(struct process_vms *known, u64 state)
{
	u32 nr = 0;

	for (u32 i = 0; i < BPROF_MAX_VMS; i++)
		nr += (u32)slot_free(known, i, state);
	if (!nr)
		forget_missed(known);
}

WALK_STEP int slot_inherit(struct process_vms *from, struct process_vms *to, u32 i)
{
	if (!from || !to)
		return 0;
	i = walk_index(i, BPROF_MAX_VMS - 1);
	if (!slot_read(&from->slot[i], &to->slot[i].vm)) {
		to->slot[i].vm.global = 0;
		to->slot[i].vm.main = 0;
		to->missed++;
	}
	return 0;
}

/*
 * A forked child has its parent's memory, so it has its parent's VMs at the same addresses. What
 * another process of this number left goes. The child does not run yet, and nobody else knows it.
 */
static __always_inline void inherit_vms(u32 parent_pid, u32 pid)
{
	struct process_vms *from = bpf_map_lookup_elem(&vms, &parent_pid), *to;

	if (!from) {
		bpf_map_delete_elem(&vms, &pid);
		return;
	}
	bpf_map_update_elem(&vms, &pid, &no_vms, BPF_ANY);
	to = bpf_map_lookup_elem(&vms, &pid);
	if (!to)
		return;
	to->used = from->used;
	to->missed = from->missed;
	to->safe_proto = from->safe_proto;
	for (u32 i = 0; i < BPROF_MAX_VMS; i++)
		slot_inherit(from, to, i);
}

/* User space has found a VM. 1: the sampler knows it; 0: there is no room, or no such process. */
SEC("syscall")
int on_vm_found(struct found_vm *found)
{
	struct lua_vm vm = found->vm;
	u32 pid = found->pid;

	return bpf_map_lookup_elem(&processes, &pid) ? publish_vm(pid, &vm) : 0;
}

/* User space has found busted.safe. */
SEC("syscall")
int on_safe_found(struct found_vm *found)
{
	u32 pid = found->pid;
	struct process_vms *known = bpf_map_lookup_elem(&vms, &pid);

	if (known)
		*(volatile u64 *)&known->safe_proto = found->safe_proto;
	return known != NULL;
}

#endif
