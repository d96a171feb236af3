/* SPDX-License-Identifier: MIT */
#include "fake_luajit.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "lua_layouts.h"

struct program p;

uaddr_t allocate(size_t bytes)
{
	uaddr_t at = p.next;

	p.next += (bytes + 15) & ~15UL;
	cr_assert(le(ulong, p.next, HEAP + HEAP_BYTES));
	return at;
}

void put(uaddr_t at, unsigned bytes, uint64_t value)
{
	fake_mem_put(&p.mem, at, bytes, value);
}

uint64_t word(uaddr_t at)
{
	return fake_mem_get(&p.mem, at, 8);
}

void make_thread(struct thread *t)
{
	t->stack = allocate(32768) + 64;
	t->base = t->stack + 16;
	put(t->state + 9, 1, 6);
	put(t->state + 16, 8, p.global);
	put(t->state + 48, 8, t->stack + 32000);
	put(t->state + 56, 8, t->stack);
}

void make_cframe(const struct thread *t, uaddr_t at, uaddr_t previous, uaddr_t caller)
{
	put(at + 16, 8, t->state);
	put(at + 32, 8, previous);
	put(at + 72, 8, caller);
	put(t->state + 80, 8, at);
}

uaddr_t make_function(unsigned ffid, uaddr_t pc)
{
	uaddr_t function = allocate(48);

	put(function + 9, 1, 8);
	put(function + 10, 1, ffid);
	put(function + 32, 8, pc);
	put(function + 40, 8, 0xc0de0000 + ffid);
	return function;
}

uaddr_t make_lua(int first, unsigned nr)
{
	uaddr_t proto = allocate(PROTO_BYTES + 4 * nr), lines = allocate(nr);

	put(proto + 9, 1, 7);
	put(proto + 12, 4, nr);
	put(proto + 64, 8, allocate(64));
	put(proto + 72, 4, (uint64_t)first);
	put(proto + 76, 4, nr);
	put(proto + 80, 8, lines);
	for (unsigned i = 0; i < nr - 1; i++)
		put(lines + i, 1, i + 1);
	return make_function(FFID_LUA, proto + PROTO_BYTES);
}

uaddr_t proto_of(uaddr_t function)
{
	return word(function + 32) - PROTO_BYTES;
}

uaddr_t pc_at(uaddr_t function, unsigned position)
{
	return word(function + 32) + 4 * (position + 1);
}

void push_frame(struct thread *t, uaddr_t function, uint64_t link)
{
	uaddr_t base = t->base + 64;

	if ((link & 3) == 0) {
		/* the call's A says where: (64 - 16) / 8 */
		put(link - 4, 4, 6U << 8);
	} else {
		link |= 64;
	}
	put(base - 16, 8, TAG_FUNCTION | function);
	put(base - 8, 8, link);
	t->base = base;
	put(t->state + 32, 8, base);
}

void fake_luajit_init(void)
{
	const struct lua_layout *layout = test_layout("luajit");

	p = (struct program){.next = HEAP + 4096, .layout = &layout->luajit};
	fake_mem_init(&p.mem);
	fake_mem_add(&p.mem, HEAP, HEAP_BYTES);
	fake_mem_add(&p.mem, STACK, STACK_BYTES);
	p.main.state = allocate(8192);
	p.global = p.main.state + p.layout->state_bytes;
	p.in.layout[0] = *layout;
	p.in.vms.nr = 1;
	p.in.vms.vm[0] = (struct lua_vm){.global = p.global,
					 .main = p.main.state,
					 .vm_start = VM_START,
					 .vm_end = VM_START + VM_BYTES,
					 .family = BPROF_FAMILY_LUAJIT};
	p.in.reg[BPROF_REG_SP] = SP;
	p.in.reg[BPROF_REG_IP] = 0x7f0000001000;
	make_thread(&p.main);
	make_cframe(&p.main, SP + 0x2000, 0, 0x7f0000002000);
	put(p.global + p.layout->cur_L, 8, p.main.state);
	put(p.global + p.layout->vmstate, 4, (uint32_t)-1);
}

void fake_luajit_done(void)
{
	fake_mem_done(&p.mem);
}

const struct host_walk_result *walk(void)
{
	unsigned long fail_at = p.mem.fail_at;

	fake_mem_rewind(&p.mem);
	p.mem.fail_at = fail_at;
	cr_assert(eq(int, host_walk(&p.mem.reader, &p.in, &p.out), 0));
	cr_assert(lt(ulong, p.mem.reads, MAX_READS));
	return &p.out;
}

void run_in_interpreter(uaddr_t base, uaddr_t pc)
{
	p.in.reg[BPROF_REG_IP] = VM_START + 0x100;
	p.in.reg[BPROF_REG_DX] = base;
	p.in.reg[BPROF_REG_BX] = pc;
}

void run_in_c(void)
{
	put(p.global + p.layout->vmstate, 4, (uint32_t)-2);
}
