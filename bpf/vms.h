/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Lua VMs come to life in lua_newstate and die in lua_close. luaL_openlibs is watched as well: it
 * is exported where the other two may have been inlined.
 *
 * The first VM of a build is held until user space has discovered and proved its layout. For every
 * later one this guard suffices: it rejects every wrong family and build by the VM's own
 * self-references, and the VM is published at once.
 */
#ifndef BPROF_VMS_H
#define BPROF_VMS_H

#include "vm_slots.h"

#define LUAJIT_TYPE_THREAD  6
#define PUC_TYPE_THREAD	    8
#define LUAJIT_LAST_HANDLER 88 /* bytecodes below the hot-counting ones: static in all of 2.1 */

/* A field at a small offset of the target's structure; 0 where it cannot be read. */
static __always_inline u64 target_word(u64 object, u32 offset)
{
	u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)(object + offset));
	return value;
}

/* A reference of LuaJIT: 32 bits without GC64. */
static __always_inline u64 target_reference(u64 object, u32 offset, const struct luajit_layout *l)
{
	u64 word = target_word(object, offset);

	return l->refs32 ? (u32)word : word;
}

static __noinline bool guard_luajit(u64 state, const struct luajit_layout *l, struct lua_vm *vm)
{
	u64 header[3] = {}; /* lua_State up to and including glref */
	u64 cfuncs, current, handler, type;

	if (bpf_probe_read_user(header, sizeof(header), (void *)state))
		return false;
	vm->global = l->refs32 ? (u32)header[1] : header[2];
	type = l->refs32 ? header[0] >> 40 : header[1] >> 8;
	if ((type & 0xff) != LUAJIT_TYPE_THREAD || vm->global != state + l->state_bytes)
		return false;
	if (target_reference(vm->global, l->mainthread, l) != state)
		return false;
	/* two instructions with A = 20 (LUA_MINSTACK): BC_FUNCC twice, or with its wrapper */
	cfuncs = target_word(vm->global, l->bc_cfunc);
	if ((cfuncs & 0xff) != l->funcc_op || (cfuncs & 0xffffff00) != 0x1400 ||
	    (cfuncs >> 40) != 0x14)
		return false;
	current = target_reference(vm->global, l->cur_L, l);
	if (current && current != state)
		return false;
	handler = target_word(vm->global, l->dispatch);
	vm->vm_start = handler - l->vm_offset;
	vm->vm_end = vm->vm_start + l->vm_bytes;
	/* the table begins here: its last handler lies in the same code, the word before it does
	 * not */
	handler = target_word(vm->global, l->dispatch + 8U * LUAJIT_LAST_HANDLER);
	if (handler < vm->vm_start || handler >= vm->vm_end)
		return false;
	handler = target_word(vm->global, l->dispatch - 8U);
	return handler < vm->vm_start || handler >= vm->vm_end;
}

static __noinline bool guard_puc(u64 state, const struct puc_layout *l, struct lua_vm *vm)
{
	u64 type = target_word(state, 8);

	if ((type & 0xff) != PUC_TYPE_THREAD)
		return false;
	vm->global = target_word(state, l->state_global);
	/* 5.5: the main state is part of the global_State */
	if (!l->state_bytes)
		return vm->global + l->global_mainthread == state;
	if (vm->global != state + l->state_bytes)
		return false;
	return target_word(vm->global, l->global_mainthread) == state;
}

/*
 * Where the code of a PUC build lies in this process, by its distance from a function whose address
 * is known: lua_newstate, or luaL_openlibs where a file has no other.
 */
static __always_inline void place_code(u64 reference, const struct puc_layout *l, struct lua_vm *vm)
{
	if (l->execute_bytes) {
		vm->vm_start = reference + (u64)(s64)l->execute_offset;
		vm->vm_end = vm->vm_start + l->execute_bytes;
	}
	if (l->gc_bytes) {
		vm->gc_start = reference + (u64)(s64)l->gc_offset;
		vm->gc_end = vm->gc_start + l->gc_bytes;
	}
}

/* @reference: where the function is from which the distances of the build count; 0 = not known */
static __always_inline int vm_opened(u32 binary, u64 state, u64 reference)
{
	u32 pid = current_pid(), *index;
	struct bprof_vm_open r = {
		.pid = pid, .tid = current_tid(), .state = state, .binary = binary};
	struct lua_layout *layout;
	struct lua_vm vm = {.main = state};
	bool proved = false;

	if (!bpf_map_lookup_elem(&processes, &pid))
		return 0;
	index = bpf_map_lookup_elem(&binary_layouts, &binary);
	if (!index)
		return 0;
	fill_header(&r.h, BPROF_RECORD_VM_OPEN, sizeof(r));
	if (!*index) {
		r.held = !stop_holding && !bpf_send_signal(SIGSTOP);
		ship_with(&r, BPF_RB_FORCE_WAKEUP);
		return 0;
	}
	r.layout = vm.layout = *index;
	layout = bpf_map_lookup_elem(&layouts, &r.layout);
	if (!layout)
		return 0;
	vm.family = layout->family;
	if (layout->family == BPROF_FAMILY_LUAJIT)
		proved = guard_luajit(state, &layout->luajit, &vm);
	else if (layout->family == BPROF_FAMILY_PUC)
		proved = guard_puc(state, &layout->puc, &vm);
	if (proved && layout->family == BPROF_FAMILY_PUC && reference)
		place_code(reference, &layout->puc, &vm);
	if (proved && publish_vm(pid, &vm))
		r.vm = vm.global;
	else
		count(BPROF_COUNTER_UNPROVED_VM);
	ship(&r);
	return 0;
}

/* Was this VM seen in lua_newstate? One that found no room there has none here either. */
static __always_inline bool was_seen(u64 state)
{
	u32 pid = current_pid();
	struct process_vms *known = bpf_map_lookup_elem(&vms, &pid);

	return known && (slots_have(known, state) || known->missed);
}

/* Thread that is inside lua_newstate -> address of that function. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u64);
} new_states SEC(".maps");

SEC("uprobe")
int BPF_KPROBE(on_new_state_enter)
{
	u32 pid = current_pid(), tid = current_tid();
	u64 address = PT_REGS_IP(ctx);

	if (bpf_map_lookup_elem(&processes, &pid))
		bpf_map_update_elem(&new_states, &tid, &address, BPF_ANY);
	return 0;
}

/* lua_newstate returns: NULL, or a VM without any library. */
SEC("uretprobe")
int BPF_KRETPROBE(on_new_state, u64 state)
{
	u32 tid = current_tid();
	u64 *address = bpf_map_lookup_elem(&new_states, &tid), reference;

	if (!address)
		return 0;
	reference = *address;
	bpf_map_delete_elem(&new_states, &tid);
	return state ? vm_opened((u32)bpf_get_attach_cookie(ctx), state, reference) : 0;
}

/* The upper half of the cookie: how far behind lua_newstate this function lies. */
SEC("uprobe")
int BPF_KPROBE(on_open_libs, u64 state)
{
	u64 cookie = bpf_get_attach_cookie(ctx);
	u64 reference = PT_REGS_IP(ctx) - (u64)((s64)cookie >> 32);

	return was_seen(state) ? 0 : vm_opened((u32)cookie, state, reference);
}

SEC("uprobe")
int BPF_KPROBE(on_close, u64 state)
{
	u32 pid = current_pid();
	struct bprof_vm_close r = {.pid = pid, .tid = current_tid(), .state = state};
	struct process_vms *known = bpf_map_lookup_elem(&vms, &pid);

	if (!known)
		return 0;
	unpublish_vm(known, state);
	fill_header(&r.h, BPROF_RECORD_VM_CLOSE, sizeof(r));
	ship(&r);
	return 0;
}

#endif
