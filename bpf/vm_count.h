/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Instructions of the Lua VM, counted by the VM itself (--mode=count): the boundary hook sets a
 * count hook that never comes due, debug.sethook(f, "", vm_count_magic), and the VM counts down
 * from there. Each announcement reads how far it has come.
 *
 * The word beside the countdown is what it starts from. We look for it instead of trusting an
 * offset: where it is not found nothing is counted, and a process that has lost it (a test called
 * debug.sethook itself) has no count from then on.
 *
 * LuaJIT counts for the VM, PUC Lua for each coroutine. There the hook tells when a coroutine is
 * made
 * ("C" and its address) and when it has run a while ("c" and its address).
 *
 * Facts: lua_State of 5.1 to 5.5: int basehookcount, hookcount; lj_obj.h, global_State: int32_t
 * hookcount, hookcstart.
 */
#ifndef BPROF_VM_COUNT_H
#define BPROF_VM_COUNT_H

#define VM_COUNT_WORDS	     256 /* of global_State; a lua_State is smaller */
#define VM_COUNT_STATE_BYTES 256
#define VM_COUNT_PREFIX	     10 /* "thread: 0x" */
#define VM_COUNT_DIGITS	     16

struct vm_count_work {
	u32 words[VM_COUNT_WORDS];
	char text[VM_COUNT_PREFIX + VM_COUNT_DIGITS + 6];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct vm_count_work);
} vm_count_works SEC(".maps");

/* What is left of the countdown of each coroutine of PUC Lua, when we looked last. */
struct vm_coroutine {
	u64 address;
	u32 pid, reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct vm_coroutine);
	__type(value, u32);
} vm_coroutines SEC(".maps");

static __always_inline struct vm_count_work *vm_count_work(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&vm_count_works, &zero);
}

/* What bpf_loop() carries along: the verifier would follow an ordinary loop round by round. */
struct countdown_search {
	u32 luajit, found;
};

static long look_at_word(u32 i, void *context)
{
	struct countdown_search *search = context;
	struct vm_count_work *work = vm_count_work();
	u32 magic = vm_count_magic, left, start;

	if (!work || i >= VM_COUNT_WORDS - 1)
		return 1;
	left = work->words[i];
	start = work->words[i + 1];
	if (!search->luajit) {
		start = work->words[i];
		left = work->words[i + 1];
	}
	if (start == magic && left && left <= magic)
		search->found = left;
	return 0;
}

/* The countdown in a lua_State of PUC Lua or a global_State of LuaJIT; 0 = it is not there. */
static __noinline u32 countdown_of(u64 object, bool luajit)
{
	struct vm_count_work *work = vm_count_work();
	struct countdown_search search = {.luajit = luajit};
	u32 nr = luajit ? VM_COUNT_WORDS : VM_COUNT_STATE_BYTES / 4;

	if (!work ||
	    bpf_probe_read_user(work->words, luajit ? sizeof(work->words) : VM_COUNT_STATE_BYTES,
				(const void *)object))
		return 0;
	bpf_loop(nr - 1, look_at_word, &search, 0);
	return search.found;
}

/* From @before to @now, perhaps by way of zero, where it starts again. */
static __always_inline u64 counted_down(u32 before, u32 now)
{
	return now <= before ? before - now : (u64)before + vm_count_magic - now;
}

static long add_digit(u32 i, void *context)
{
	struct vm_count_work *work = vm_count_work();
	u64 *address = context;
	u8 c;

	if (!work || i >= VM_COUNT_DIGITS)
		return 1;
	c = (u8)work->text[VM_COUNT_PREFIX + i];
	if (c >= '0' && c <= '9')
		*address = *address << 4 | (c - '0');
	else if (c >= 'a' && c <= 'f')
		*address = *address << 4 | (c - 'a' + 10);
	else
		return 1;
	return 0;
}

/* The digits of an address as Lua prints it, "thread: 0x55d0c0ffee00"; 0 = it is none. */
static __noinline u64 coroutine_named(const char *text)
{
	struct vm_count_work *work = vm_count_work();
	u64 address = 0;

	if (!work || bpf_probe_read_user_str(work->text, sizeof(work->text), text) < 0 ||
	    work->text[VM_COUNT_PREFIX - 1] != 'x')
		return 0;
	bpf_loop(VM_COUNT_DIGITS, add_digit, &address, 0);
	return address;
}

static __always_inline void add_counted(struct process *p, u64 instructions)
{
	__sync_fetch_and_add(&p->meters.value[BPROF_METER_VM_INSTRUCTIONS], instructions);
}

/* A coroutine of PUC Lua was made, or has run. */
static __noinline void count_coroutine(struct process *p, u32 pid, const char *text, bool made)
{
	struct vm_coroutine key = {.pid = pid};
	u32 now, *before;

	if (!p)
		return;
	key.address = coroutine_named(text);
	if (!key.address)
		return;
	now = made ? vm_count_magic : countdown_of(key.address, false);
	before = bpf_map_lookup_elem(&vm_coroutines, &key);
	if (now && before && !made)
		add_counted(p, counted_down(*before, now));
	if (now)
		bpf_map_update_elem(&vm_coroutines, &key, &now, BPF_ANY);
	else
		p->vm_count_lost = 1;
}

/* What the VM of the tests has done since the last announcement. */
static __noinline void count_vm(struct process *p, u32 pid)
{
	struct process_vms *known = bpf_map_lookup_elem(&vms, &pid);
	const struct lua_vm *vm;
	bool luajit;
	u32 now;

	if (!p || !known || !known->slot[0].vm.global)
		return;
	vm = &known->slot[0].vm;
	luajit = vm->family == BPROF_FAMILY_LUAJIT;
	now = countdown_of(luajit ? vm->global : vm->main, luajit);
	if (!now) {
		p->vm_count_lost = 1;
		return;
	}
	if (p->vm_countdown)
		add_counted(p, counted_down(p->vm_countdown, now));
	p->vm_countdown = now;
}

/* True: the announcement was for us alone. */
static __always_inline bool count_vm_instructions(struct process *p, u32 pid, u32 letter,
						  const char *text)
{
	if (!vm_count_magic)
		return false;
	if (letter == 'c' || letter == 'C') {
		count_coroutine(p, pid, text + 1, letter == 'C');
		return true;
	}
	count_vm(p, pid);
	return false;
}

#endif
