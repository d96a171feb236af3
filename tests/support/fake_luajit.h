/* SPDX-License-Identifier: MIT */
/*
 * A LuaJIT VM built by hand, in memory that may fail: for the tests of its walker.
 *
 * One VM, its main thread interrupted in C. Everything is in the one program p; offsets are those
 * of lj_obj.h and lj_jit.h, GC64.
 */
#ifndef TESTS_FAKE_LUAJIT_H
#define TESTS_FAKE_LUAJIT_H

#include "fake_mem.h"
#include "host_walk.h"

#define HEAP	    0x100000UL
#define HEAP_BYTES  0x80000UL
#define STACK	    0x7ffd00000000UL
#define STACK_BYTES 0x40000UL
#define SP	    (STACK + 0x1000)
#define VM_START    0x555500000000UL
#define VM_BYTES    0x4000
#define MAX_READS   20000

#define TAG(itype)   (0x1fff0UL << 47 | (uint64_t)(itype) << 47)
#define TAG_FUNCTION TAG(7)
#define TAG_STRING   TAG(11)
#define TAG_TABLE    TAG(4)

#define LINK_C	   1
#define LINK_CONT  2
#define LINK_VARG  3
#define LINK_CP	   5
#define LINK_PCALL 6

#define PROTO_BYTES 104
#define FFID_LUA    0
#define FFID_C	    1

struct thread {
	uaddr_t state, stack, base; /* base of the innermost frame */
};

struct program {
	struct fake_mem mem;
	struct host_walk_input in;
	struct host_walk_result out;
	const struct luajit_layout *layout;
	uaddr_t next, global;
	struct thread main;
};

extern struct program p;

void fake_luajit_init(void);
void fake_luajit_done(void);

uaddr_t allocate(size_t bytes);
void put(uaddr_t at, unsigned bytes, uint64_t value);
uint64_t word(uaddr_t at);

void make_thread(struct thread *t);
/* A CFRAME of @t at @at; @previous of the same thread, @caller: where it returns to. */
void make_cframe(const struct thread *t, uaddr_t at, uaddr_t previous, uaddr_t caller);
uaddr_t make_function(unsigned ffid, uaddr_t pc);
/* A Lua function of @nr instructions; instruction i (from 1) is on line first + i. */
uaddr_t make_lua(int first, unsigned nr);
uaddr_t proto_of(uaddr_t function);
/* The pc when instruction @position has been fetched. */
uaddr_t pc_at(uaddr_t function, unsigned position);
/* A frame whose link is of type @link (with its distance) or a pc in the caller. */
void push_frame(struct thread *t, uaddr_t function, uint64_t link);

/* The result is also in p.out. */
const struct host_walk_result *walk(void);
void run_in_interpreter(uaddr_t base, uaddr_t pc);
void run_in_c(void);

#endif
