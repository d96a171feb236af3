/* SPDX-License-Identifier: MIT */
/* The PUC walker over stacks of Lua 5.4 built by hand. Real interpreters: test_walk_live.c. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_mem.h"
#include "host_walk.h"
#include "lua_layouts.h"

#define HEAP	    0x100000UL
#define HEAP_BYTES  0x80000UL
#define STACK	    0x7ffd00000000UL
#define STACK_BYTES 0x40000UL
#define SP	    (STACK + 0x1000)
#define LOOP	    0x555500001000UL	 /* luaV_execute */
#define JUMP_PC	    0x5eed5eed5eed5eedUL /* what setjmp() saved, mangled */
#define JUMP_STATE  32			 /* L lies this far below a lua_longjmp */
#define MAX_READS   20000

#define TAG_LUA	   (6 | 64)
#define TAG_C	   (38 | 64)
#define TAG_STRING (4 | 64)
#define TAG_TABLE  (5 | 64)
#define TYPE_PROTO 10

#define STATE_TOP   16
#define OP_TFORCALL 76U
#define OP_TAILCALL 69U
#define CI_TOP	    8

struct program {
	struct fake_mem mem;
	struct host_walk_input in;
	struct host_walk_result out;
	const struct puc_layout *layout;
	uaddr_t next; /* free heap */
	uaddr_t main;
};

static struct program p;

static uaddr_t allocate(size_t bytes)
{
	uaddr_t at = p.next;

	p.next += (bytes + 15) & ~15UL;
	cr_assert(p.next <= HEAP + HEAP_BYTES);
	return at;
}

static void put(uaddr_t at, unsigned bytes, uint64_t value)
{
	fake_mem_put(&p.mem, at, bytes, value);
}

static uint64_t word(uaddr_t at)
{
	return fake_mem_get(&p.mem, at, 8);
}

/* A lua_State with an empty call stack and 4 KiB of Lua stack. */
static void make_state(uaddr_t state)
{
	uaddr_t base_ci = state + p.layout->state_base_ci, stack = allocate(4096 * 4);

	put(state + 8, 1, 8);
	put(state + p.layout->state_global, 8, p.in.vms.vm[0].global);
	put(state + p.layout->state_ci, 8, base_ci);
	put(base_ci + p.layout->ci_func, 8, stack);
}

static void activate(uaddr_t state, uaddr_t jump)
{
	put(state + p.layout->state_error_jmp, 8, jump);
	put(jump + 64, 8, JUMP_PC);
	put(jump - JUMP_STATE, 8, state);
}

static void setup(void)
{
	const struct lua_layout *layout = test_layout("lua5.4");
	uaddr_t globals;

	p = (struct program){.next = HEAP + 4096, .layout = &layout->puc};
	fake_mem_init(&p.mem);
	fake_mem_add(&p.mem, HEAP, HEAP_BYTES);
	fake_mem_add(&p.mem, STACK, STACK_BYTES);
	p.main = allocate(p.layout->state_bytes + 1536);
	globals = p.main + p.layout->state_bytes;
	p.in.layout[0] = *layout;
	p.in.layout[0].puc.pc_reg_proved = 1;
	p.in.vms.nr = 1;
	p.in.vms.vm[0] = (struct lua_vm){
		.global = globals, .main = p.main, .family = BPROF_FAMILY_PUC, .layout = 1};
	p.in.vms.vm[0].vm_start = LOOP;
	p.in.vms.vm[0].vm_end = LOOP + 0x1000;
	p.in.reg[BPROF_REG_SP] = SP;
	p.in.heap_start = HEAP;
	p.in.heap_end = HEAP + HEAP_BYTES;
	p.in.pid = 7;
	make_state(p.main);
	activate(p.main, SP + 0x2000);
}

static void teardown(void)
{
	fake_mem_done(&p.mem);
}

static const struct host_walk_result *walk(void)
{
	unsigned long fail_at = p.mem.fail_at;

	fake_mem_rewind(&p.mem);
	p.mem.fail_at = fail_at;
	cr_assert(eq(int, host_walk(&p.mem.reader, &p.in, &p.out), 0));
	cr_assert(lt(ulong, p.mem.reads, MAX_READS));
	return &p.out;
}

/* A prototype of @nr instructions; instruction i is on line first + 1 + i. */
static uaddr_t make_proto(int first, unsigned nr)
{
	uaddr_t proto = allocate(128), code = allocate(4 * nr), deltas = allocate(nr);

	put(proto + 8, 1, TYPE_PROTO);
	put(proto + p.layout->proto_code, 8, code);
	put(proto + p.layout->proto_code_len, 4, nr);
	put(proto + p.layout->proto_lines, 8, deltas);
	put(proto + p.layout->proto_lines_len, 4, nr);
	put(proto + p.layout->proto_first_line, 4, (uint64_t)first);
	put(proto + p.layout->proto_last_line, 4, (uint64_t)first + nr + 1);
	put(proto + p.layout->proto_source, 8, allocate(64));
	for (unsigned i = 0; i < nr; i++)
		put(deltas + i, 1, 1);
	return proto;
}

/* Pushes a CallInfo whose function slot holds @value. Returns the CallInfo. */
static uaddr_t push_call(uaddr_t state, uint64_t value, unsigned tag)
{
	uaddr_t caller = word(state + p.layout->state_ci), ci = allocate(p.layout->ci_bytes);
	uaddr_t slot = word(caller + p.layout->ci_func) + 64;

	put(slot, 8, value);
	put(slot + 8, 1, tag);
	put(ci + p.layout->ci_func, 8, slot);
	put(ci + p.layout->ci_previous, 8, caller);
	put(state + p.layout->state_ci, 8, ci);
	return ci;
}

/* @executed: instructions of it that were fetched; savedpc is the next one. */
static uaddr_t push_lua(uaddr_t state, uaddr_t proto, unsigned executed)
{
	uaddr_t closure = allocate(48), ci;

	put(closure + 8, 1, TAG_LUA & 0x3f);
	put(closure + p.layout->lclosure_proto, 8, proto);
	ci = push_call(state, closure, TAG_LUA);
	put(ci + p.layout->ci_savedpc, 8, word(proto + p.layout->proto_code) + 4 * executed);
	return ci;
}

static uaddr_t push_c(uaddr_t state, uaddr_t function)
{
	uaddr_t closure = allocate(48), ci;

	put(closure + 8, 1, TAG_C & 0x3f);
	put(closure + p.layout->cclosure_f, 8, function);
	ci = push_call(state, closure, TAG_C);
	put(ci + p.layout->ci_status, 2, p.layout->ci_c_mask);
	put(state + STATE_TOP, 8, word(ci + p.layout->ci_func) + 32);
	return ci;
}

/* Instruction @at of @proto becomes: call register @a, and take @results. */
static void put_call(uaddr_t proto, unsigned at, unsigned a, unsigned results)
{
	uaddr_t code = word(proto + p.layout->proto_code);

	put(code + 4 * at, 4, 68U | a << 7 | (results + 1) << 24);
}

TestSuite(walk_puc, .init = setup, .fini = teardown, .timeout = 10);

Test(walk_puc, frames_come_leaf_first_with_their_lines)
{
	uaddr_t outer = make_proto(0, 10), inner = make_proto(20, 300);

	push_c(p.main, 0xc0de);
	push_lua(p.main, outer, 3);
	push_lua(p.main, inner, 40);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u8, p.out.sample.family, BPROF_FAMILY_PUC));
	cr_assert(eq(u16, p.out.sample.nr_frames, 3));
	cr_expect(eq(u64, p.out.frame[0].object, inner));
	cr_expect(eq(u32, p.out.frame[0].pos, 39));
	cr_expect(eq(i32, p.out.frame[0].line, 60));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA));
	cr_expect(eq(i32, p.out.frame[1].line, 3));
	cr_expect(eq(u32, p.out.frame[1].flags, BPROF_FRAME_LUA | BPROF_FRAME_MAIN));
	cr_expect(eq(u64, p.out.frame[2].object, 0xc0de));
	cr_expect(eq(u32, p.out.frame[2].flags, BPROF_FRAME_C));
	cr_expect(eq(u32, p.out.nr_fresh, 2));
	cr_expect(eq(u64, p.out.fresh[0].object, inner));
	cr_expect(eq(u32, p.out.fresh[0].fingerprint, p.out.frame[0].fingerprint));
}

Test(walk_puc, absolute_line_entries_are_the_base_of_the_deltas)
{
	uaddr_t proto = make_proto(20, 300), table = allocate(16);

	put(table, 4, 100);
	put(table + 4, 4, 5000);
	put(table + 8, 4, 200);
	put(table + 12, 4, 7000);
	put(proto + p.layout->proto_abs_lines, 8, table);
	put(proto + p.layout->proto_abs_lines_len, 4, 2);
	put(word(proto + p.layout->proto_lines) + 203, 1, (uint8_t)-11);
	push_lua(p.main, proto, 211);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 210));
	cr_expect(eq(i32, p.out.frame[0].line, 7000 + 9 - 11));
	put(p.main + p.layout->state_ci, 8, p.main + p.layout->state_base_ci);
	push_lua(p.main, proto, 101);
	walk();
	cr_expect(eq(i32, p.out.frame[0].line, 5000));
}

/* Freed, and made again in the same places. */
Test(walk_puc, a_prototype_of_another_name_or_in_other_parts_is_another)
{
	uaddr_t proto = make_proto(20, 300);
	const unsigned fields[] = {p.layout->proto_code, p.layout->proto_lines,
				   p.layout->proto_constants, p.layout->proto_source};
	uint32_t before;

	push_lua(p.main, proto, 40);
	walk();
	before = p.out.frame[0].fingerprint;
	walk();
	cr_expect(eq(u32, p.out.frame[0].fingerprint, before));
	put(word(proto + p.layout->proto_source) + 12, 4, 0xbeef);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		walk();
		cr_expect(ne(u32, p.out.frame[0].fingerprint, before));
		before = p.out.frame[0].fingerprint;
		put(proto + fields[i], 8, word(proto + fields[i]) + 64);
	}
	walk();
	cr_expect(ne(u32, p.out.frame[0].fingerprint, before));
}

Test(walk_puc, the_pc_register_beats_a_stale_savedpc_in_the_leaf)
{
	uaddr_t proto = make_proto(20, 100);

	push_lua(p.main, proto, 10);
	p.in.reg[p.layout->pc_reg] = word(proto + p.layout->proto_code) + 4 * 50;
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 49));
	p.in.reg[p.layout->pc_reg] = word(proto + p.layout->proto_code) + 4 * 101;
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 9));
}

Test(walk_puc, of_a_pc_whose_register_is_not_proved_no_line_is_claimed)
{
	uaddr_t proto = make_proto(20, 100);

	push_lua(p.main, proto, 10);
	p.in.reg[p.layout->pc_reg] = word(proto + p.layout->proto_code) + 4 * 50;
	p.in.layout[0].puc.pc_reg_proved = 0;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_NO_POS));
	/* where an earlier version keeps it in the CallInfo it is */
	p.in.layout[0].puc.savedpc_is_live = 1;
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA));
	cr_expect(eq(u32, p.out.frame[0].pos, 9));
}

#define OP_LT  33 /* of 5.3 */
#define OP_JMP 30

static uint32_t jump_of(int distance)
{
	return OP_JMP | (uint32_t)(distance + 131071) << 14;
}

/* As in 5.3: instruction 4 jumps to 10; 9 never runs. The pc is @pc. */
static uaddr_t stand_at(unsigned pc)
{
	uaddr_t proto = make_proto(20, 200), code = word(proto + p.layout->proto_code);

	put(proto + 8, 1, TYPE_PROTO - 1);
	put(code + 4 * 3, 4, OP_LT);
	put(code + 4 * 4, 4, jump_of(5));
	p.in.layout[0].dialect = LUA_DIALECT_53;
	p.in.layout[0].puc.savedpc_is_live = 1;
	p.in.layout[0].puc.fetch_proved = 1;
	p.in.reg[BPROF_REG_IP] = LOOP + 0x108;
	push_lua(p.main, proto, pc);
	return code;
}

static void add_window(unsigned from, unsigned bytes)
{
	struct puc_layout *l = &p.in.layout[0].puc;

	l->window[l->nr_windows++] = (struct puc_window){(uint16_t)from, (uint16_t)bytes};
}

/* Seen on builds by clang and at -O0: line 9 was shown, which never ran. */
Test(walk_puc, a_branch_that_is_taken_is_at_its_target_before_that_is_fetched)
{
	stand_at(10);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 9));
	add_window(0x20, 8);
	add_window(0x100, 16);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 10));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA));
	/* behind the fetch, and in what the loop calls, it is the instruction before */
	p.in.reg[BPROF_REG_IP] = LOOP + 0x110;
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 9));
	p.in.reg[BPROF_REG_IP] = LOOP + 0x10100;
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 9));
}

Test(walk_puc, a_target_in_code_that_is_not_understood_has_no_line)
{
	uaddr_t code = stand_at(10);

	p.in.layout[0].puc.fetch_proved = 0;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_NO_POS));
	/* no jump leads there */
	put(code + 4 * 4, 4, jump_of(6));
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA));
	cr_expect(eq(u32, p.out.frame[0].pos, 9));
	/* one far behind, backwards: the loop of a "for" */
	put(code + 4 * 190, 4, (OP_JMP + 9) | (uint32_t)(-181 + 131071) << 14);
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_NO_POS));
	put(code + 4 * 190, 4, 0);
	/* where the functions are is not known either */
	p.in.layout[0].puc.fetch_proved = 1;
	p.in.vms.vm[0].vm_start = p.in.vms.vm[0].vm_end = 0;
	put(code + 4 * 4, 4, jump_of(5));
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_NO_POS));
}

#ifdef __x86_64__
/* Seen on 5.5: the pc is in r11, and put away on the stack of the loop around calls. */
Test(walk_puc, a_pc_that_calls_do_not_save_is_where_the_loop_reloads_it_from)
{
	/* mov 0x18(%rsp),%r8d; test $0xf,%al; mov 0x20(%rsp),%r11 */
	static const uint8_t reload[] = {0x44, 0x8b, 0x44, 0x24, 0x18, 0xa8,
					 0x0f, 0x4c, 0x8b, 0x5c, 0x24, 0x20};
	static const uint8_t save[] = {0x4d, 0x89, 0x5c, 0x24, 0x20};
	uaddr_t proto = make_proto(20, 100), code = word(proto + p.layout->proto_code);

	push_lua(p.main, proto, 10);
	p.in.layout[0].puc.pc_reg = BPROF_REG_R11;
	p.in.reg[BPROF_REG_R11] = code + 4 * 30;
	fake_mem_add(&p.mem, LOOP, 0x1000);
	for (size_t i = 0; i < sizeof(reload); i++)
		put(LOOP + 0x500 + i, 1, reload[i]);
	put(SP + 8, 8, code + 4 * 40);
	put(SP + 24, 8, LOOP + 0x500);
	put(SP + 32 + 0x20, 8, code + 4 * 50);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 49));
	/* not reloaded: neither the register nor what was saved is certain */
	put(LOOP + 0x507, 1, 0x90);
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_NO_POS));
	/* mov %r11,0x20(%r12); ...; call */
	for (size_t i = 0; i < sizeof(save); i++)
		put(LOOP + 0x500 - 20 + i, 1, save[i]);
	put(LOOP + 0x500 - 5, 1, 0xe8);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 9));
	/* there is another call, or a jump, in between */
	put(LOOP + 0x500 - 12, 1, 0xeb);
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_NO_POS));
	/* in the loop the register is */
	p.in.reg[BPROF_REG_IP] = LOOP + 8;
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 29));
}

/* Builds by clang and without optimisation. */
Test(walk_puc, a_table_says_where_the_pc_is)
{
	static struct puc_pc_table table = {
		.nr = 5,
		.frame = {0x18, 0x20},
		.at = {{0, PUC_TABLE_SAVED, 0},
		       {0x10, BPROF_REG_R13, 0},
		       {0x20, PUC_TABLE_FRAME + 1, 4},
		       {0x500, BPROF_REG_R13, 4},
		       {0x600, PUC_TABLE_NOWHERE, 0}},
	};
	uaddr_t proto = make_proto(20, 100), code = word(proto + p.layout->proto_code);

	push_lua(p.main, proto, 10);
	p.in.layout[0].puc.has_pc_table = 1;
	p.in.pc_table = &table;
	p.in.reg[BPROF_REG_R13] = code + 4 * 30;
	p.in.reg[BPROF_REG_IP] = LOOP + 0x1f;
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 29));
	put(SP + 0x20, 8, code + 4 * 40);
	p.in.reg[BPROF_REG_IP] = LOOP + 0x20;
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 40));
	p.in.reg[BPROF_REG_IP] = LOOP + 0xf;
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 9));
	p.in.reg[BPROF_REG_IP] = LOOP + 0x600;
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_NO_POS));
	/* in a helper: where it returns to counts, and what it has pushed */
	p.in.reg[BPROF_REG_IP] = 0x7f0000001234;
	put(SP + 24, 8, LOOP + 0x500);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 30));
	p.in.reg[BPROF_REG_R13] = 0;
	put(SP + 16, 8, code + 4 * 60);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 60));
	put(SP + 24, 8, LOOP + 0x4ff);
	put(SP + 32 + 0x20, 8, code + 4 * 70);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 70));
	/* none in memory: then nothing is said */
	p.in.pc_table = NULL;
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_NO_POS));
}
#endif

Test(walk_puc, a_pushed_pc_counts_only_below_the_return_address_into_the_loop)
{
	uaddr_t proto = make_proto(20, 100), code = word(proto + p.layout->proto_code);

	push_lua(p.main, proto, 10);
	p.in.reg[BPROF_REG_IP] = 0x7f0000001234;
	put(SP + 8, 8, code + 4 * 50);
	put(SP + 24, 8, LOOP + 0x500);
	put(SP + 32, 8, code + 4 * 70);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 49));
	put(SP + 8, 8, 0);
	walk();
	cr_expect(eq(u32, p.out.frame[0].pos, 9));
}

Test(walk_puc, coroutines_follow_in_the_order_of_their_error_handlers)
{
	uaddr_t proto[3];
	uaddr_t middle = allocate(208), leaf = allocate(208);

	for (int i = 0; i < 3; i++)
		proto[i] = make_proto(10 * (i + 1), 10);
	make_state(middle);
	make_state(leaf);
	push_lua(p.main, proto[0], 2);
	push_c(p.main, 0x1000);
	push_lua(middle, proto[1], 2);
	push_c(middle, 0x1000);
	push_lua(leaf, proto[2], 2);
	activate(middle, SP + 0x1000);
	activate(leaf, SP + 0x400);
	walk();
	cr_assert(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 5));
	cr_expect(eq(u64, p.out.frame[0].object, proto[2]));
	cr_expect(eq(u32, p.out.frame[1].flags, BPROF_FRAME_C | BPROF_FRAME_NEW_STATE));
	cr_expect(eq(u64, p.out.frame[2].object, proto[1]));
	cr_expect(eq(u32, p.out.frame[3].flags, BPROF_FRAME_C | BPROF_FRAME_NEW_STATE));
	cr_expect(eq(u64, p.out.frame[4].object, proto[0]));
}

Test(walk_puc, remains_of_a_dead_coroutine_are_not_believed)
{
	uaddr_t dead = allocate(208), proto = make_proto(10, 10);

	make_state(dead);
	push_lua(dead, proto, 2);
	activate(dead, SP + 0x400);
	put(dead + p.layout->state_error_jmp, 8, 0);
	push_c(p.main, 0xc0de);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
	/* suspended: the handler is still named, but the state does not run */
	put(dead + p.layout->state_error_jmp, 8, SP + 0x400);
	put(dead + p.layout->state_status, 1, 1);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
}

/*
 * clang keeps L in a register, which setjmp() saves in the record; below that lies what other
 * functions left: any state, the one that resumed it in particular.
 */
Test(walk_puc, a_coroutine_whose_state_lies_in_a_saved_register_is_found)
{
	uaddr_t co = allocate(208), inner = allocate(208), proto = make_proto(10, 10);
	uaddr_t main_jump = word(p.main + p.layout->state_error_jmp);

	make_state(co);
	make_state(inner);
	push_c(p.main, 0x1000);
	push_c(co, 0x1000);
	push_lua(inner, proto, 2);
	activate(co, SP + 0x1000);
	activate(inner, SP + 0x400);
	put(main_jump + 8, 8, p.main);
	put(SP + 0x1000 + 8, 8, co);
	put(SP + 0x1000 - JUMP_STATE, 8, p.main);
	put(SP + 0x400 + 8, 8, inner);
	put(SP + 0x400 - JUMP_STATE, 8, co);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 3));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
	cr_expect(eq(u32, p.out.frame[1].flags, BPROF_FRAME_C | BPROF_FRAME_NEW_STATE));
	cr_expect(eq(u32, p.out.frame[2].flags, BPROF_FRAME_C | BPROF_FRAME_NEW_STATE));
}

/* Old handlers lie in the unused part of a luaL_Buffer; where their L was may be anything. */
Test(walk_puc, remains_of_a_handler_with_any_bytes_as_its_state_are_no_doubt)
{
	push_c(p.main, 0xc0de);
	put(SP + 0x400 + 64, 8, JUMP_PC);
	put(SP + 0x400 - JUMP_STATE, 8, 0x313233343530UL);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
	/* beside the heap, as with the low bytes overwritten */
	put(SP + 0x400 - JUMP_STATE, 8, HEAP - 4096);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	/* in the heap it ought to be readable */
	put(SP + 0x400 - JUMP_STATE, 8, HEAP + HEAP_BYTES);
	p.in.heap_end += 4096;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_FAULT));
	/* and near the globals, if they are not in that heap */
	p.in.heap_start = p.in.heap_end = 0;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_FAULT));
}

Test(walk_puc, a_coroutine_resumed_by_a_host_without_pcall_is_found)
{
	uaddr_t co = allocate(208), proto = make_proto(10, 10);

	put(p.main + p.layout->state_error_jmp, 8, 0);
	make_state(co);
	push_lua(co, proto, 2);
	activate(co, SP + 0x400);
	put(SP + 0x80, 8, co);
	p.in.stack_end = SP + 0x4000;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
}

/* Main runs on another thread; a coroutine's handler lies in the last words of this stack. */
#define OTHER_STACK (STACK + (64UL << 20))

static uaddr_t run_at_the_end_of_a_stack(void)
{
	uaddr_t co = allocate(208), proto = make_proto(10, 10);

	fake_mem_add(&p.mem, OTHER_STACK, 8192);
	activate(p.main, OTHER_STACK + 4096);
	make_state(co);
	push_lua(co, proto, 2);
	activate(co, STACK + STACK_BYTES - 72);
	p.in.reg[BPROF_REG_SP] = SP + 8;
	return proto;
}

Test(walk_puc, a_stack_of_unknown_end_is_searched_to_its_last_word)
{
	uaddr_t proto = run_at_the_end_of_a_stack();

	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
}

Test(walk_puc, a_stack_that_goes_on_after_an_unreadable_page_is_flagged)
{
	run_at_the_end_of_a_stack();
	fake_mem_add(&p.mem, STACK + STACK_BYTES + 4096, 4096);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_CHAIN));
}

Test(walk_puc, a_host_between_calls_is_idle)
{
	put(p.main + p.layout->state_error_jmp, 8, 0);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_IDLE));
	cr_expect(eq(u16, p.out.sample.nr_frames, 0));
}

Test(walk_puc, lua_on_another_thread_is_idle_here)
{
	push_lua(p.main, make_proto(10, 10), 2);
	p.in.stack_end = SP + 0x800;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_IDLE));
	cr_expect(eq(u16, p.out.sample.nr_frames, 0));
}

Test(walk_puc, lua_run_without_any_pcall_is_walked)
{
	put(p.main + p.layout->state_error_jmp, 8, 0);
	push_lua(p.main, make_proto(10, 10), 2);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
}

Test(walk_puc, of_two_vms_the_one_on_this_stack_is_walked)
{
	uaddr_t other = allocate(p.layout->state_bytes + 1536);

	push_lua(p.main, make_proto(10, 10), 2);
	p.in.vms.nr = 2;
	p.in.layout[1] = p.in.layout[0];
	p.in.vms.vm[1] = p.in.vms.vm[0];
	p.in.vms.vm[0] = (struct lua_vm){
		.global = other + p.layout->state_bytes, .main = other, .family = BPROF_FAMILY_PUC};
	put(other + 8, 1, 8);
	put(other + p.layout->state_global, 8, p.in.vms.vm[0].global);
	put(other + p.layout->state_error_jmp, 8, STACK + STACK_BYTES + (64UL << 20));
	walk();
	cr_expect(eq(u64, p.out.sample.vm, p.in.vms.vm[1].global));
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
}

Test(walk_puc, a_half_made_leaf_is_left_out)
{
	uaddr_t proto = make_proto(10, 10), ci;

	push_lua(p.main, proto, 2);
	ci = push_c(p.main, 0xc0de);
	put(word(ci + p.layout->ci_func) + 8, 1, TAG_TABLE);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
}

Test(walk_puc, a_leaf_whose_savedpc_is_not_its_own_yet_is_left_out)
{
	uaddr_t proto = make_proto(10, 10);

	push_lua(p.main, proto, 2);
	push_lua(p.main, make_proto(30, 10), 12);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
}

/* push_call() leaves three values between two function slots: register 3 of the caller. */
#define CALLED_REGISTER 3

Test(walk_puc, a_leaf_in_the_slot_that_its_caller_calls_is_kept)
{
	uaddr_t proto = make_proto(10, 10);

	put_call(proto, 1, CALLED_REGISTER, 1);
	push_lua(p.main, proto, 2);
	push_c(p.main, 0xc0de);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(u64, p.out.frame[0].object, 0xc0de));
}

Test(walk_puc, a_leaf_in_another_slot_than_its_caller_calls_is_left_out)
{
	uaddr_t proto = make_proto(10, 10), ci;

	put_call(proto, 1, CALLED_REGISTER + 1, 1);
	ci = push_lua(p.main, proto, 2);
	push_c(p.main, 0xc0de);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
	/* unless a hook runs there */
	put(ci + p.layout->ci_status, 2, p.layout->ci_hook_mask);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 2));
}

/* Seen on 5.3: a callable table is called where an earlier call's base is the top of the stack. */
Test(walk_puc, a_register_that_holds_the_base_does_not_prove_a_leaf)
{
	uaddr_t proto = make_proto(10, 10), old = make_proto(30, 10), ci;

	put_call(proto, 1, CALLED_REGISTER + 1, 1);
	push_lua(p.main, proto, 2);
	ci = push_lua(p.main, old, 4);
	p.in.reg[p.layout->pc_reg] = word(ci + p.layout->ci_func) + 16;
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
	/* nor does its closure, in one that may be left from the call made before */
	p.in.reg[p.layout->pc_reg] = 0;
	p.in.reg[0] = word(word(ci + p.layout->ci_func));
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	/* in one that is kept for the interpreter loop it does */
	p.in.reg[p.layout->pc_reg] = p.in.reg[0];
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(u64, p.out.frame[0].object, old));
}

#define VALUE_BYTES 16
#define OP_ADD	    34
#define OP_CONCAT   53

/* Seen on 5.4 and 5.5 without optimisation: the next call's CallInfo still is the last one's. */
Test(walk_puc, a_lua_leaf_above_the_slot_that_its_caller_calls_is_left_out)
{
	uaddr_t proto = make_proto(10, 10), callee = make_proto(30, 10), ci;

	put_call(proto, 1, CALLED_REGISTER - 2, 1);
	push_lua(p.main, proto, 2);
	ci = push_lua(p.main, callee, 4);
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
	/* a function with "..." and one argument more than its none moves two values up */
	put(callee + p.layout->proto_is_vararg, 1, 1);
	put(ci + p.layout->ci_savedpc + 12, 4, 1);
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	put(word(ci + p.layout->ci_func) - 2 * VALUE_BYTES, 8, word(word(ci + p.layout->ci_func)));
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(u64, p.out.frame[0].object, callee));
	/* and not three */
	put(callee + p.layout->proto_nr_params, 1, 1);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
}

/* The remains of a call without results, while a metamethod is called. */
Test(walk_puc, a_leaf_among_the_registers_of_a_caller_that_calls_none_is_left_out)
{
	uaddr_t proto = make_proto(10, 10), code = word(proto + p.layout->proto_code), ci, base;

	put(code + 4, 4, OP_ADD);
	ci = push_lua(p.main, proto, 2);
	base = word(ci + p.layout->ci_func) + VALUE_BYTES;
	put(ci + CI_TOP, 8, base + 5 * VALUE_BYTES);
	push_lua(p.main, make_proto(30, 10), 4);
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
	/* a metamethod lies above them */
	put(ci + CI_TOP, 8, base + CALLED_REGISTER * VALUE_BYTES);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 2));
	/* or, of a concatenation, above its operands */
	put(ci + CI_TOP, 8, base + 5 * VALUE_BYTES);
	put(code + 4, 4, OP_CONCAT | (CALLED_REGISTER - 2) << 7);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 2));
	put(code + 4, 4, OP_CONCAT | (CALLED_REGISTER - 1) << 7);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
}

Test(walk_puc, a_leaf_that_its_status_contradicts_is_left_out)
{
	uaddr_t proto = make_proto(10, 10), ci;

	push_lua(p.main, proto, 2);
	ci = push_c(p.main, 0xc0de);
	put(ci + p.layout->ci_status, 2, 0);
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 1));
	cr_expect(eq(u64, p.out.frame[0].object, proto));
}

Test(walk_puc, a_result_on_its_way_over_the_function_slot_does_not_run)
{
	uaddr_t proto = make_proto(10, 10), ci, slot, function;

	put_call(proto, 1, CALLED_REGISTER, 2);
	push_lua(p.main, proto, 2);
	ci = push_c(p.main, 0xc0de);
	slot = word(ci + p.layout->ci_func);
	function = word(slot);
	/* it still is below L->top */
	put(slot + 48, 8, function);
	put(p.main + STATE_TOP, 8, slot + 80);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
	/* L->top is where the caller wants it already */
	put(p.main + STATE_TOP, 8, slot + 32);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
	/* remains of an earlier call */
	put(p.main + STATE_TOP, 8, slot + 48);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 2));
	/* seen where "return coroutine.wrap(f)" is left: one result, though any number was wanted
	 */
	put(word(proto + p.layout->proto_code) + 4, 4, OP_TAILCALL | CALLED_REGISTER << 7);
	put(p.main + STATE_TOP, 8, slot + 16);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
}

/* Seen on 5.4: the state of a loop over string.gmatch is nil, with the bits of the iterator. */
Test(walk_puc, the_iterator_of_a_loop_is_no_result)
{
	uaddr_t proto = make_proto(10, 10), code = word(proto + p.layout->proto_code), ci, slot;

	p.in.layout[0].dialect = LUA_DIALECT_55; /* the copy lies three registers up, not four */
	put(code + 4, 4, OP_TFORCALL | (CALLED_REGISTER - 3) << 7);
	push_lua(p.main, proto, 2);
	ci = push_c(p.main, 0xc0de);
	slot = word(ci + p.layout->ci_func);
	put(slot + 16, 8, word(slot));
	put(slot + 24, 8, 0);
	put(p.main + STATE_TOP, 8, slot + 48);
	put(slot - 48, 8, word(slot));
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 2));
	/* a result has taken its place */
	put(slot - 48, 8, word(slot) + 64);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
}

Test(walk_puc, what_a_hook_or_a_finalizer_calls_is_not_what_its_instruction_calls)
{
	const uint32_t masks[] = {p.layout->ci_hook_mask, p.layout->ci_finalizer_mask};
	const uint32_t flags[] = {BPROF_FRAME_HOOK, BPROF_FRAME_FINALIZER};
	uaddr_t ci, hook = make_proto(30, 10);

	push_c(p.main, 0xc0de);
	ci = push_lua(p.main, make_proto(10, 10), 2);
	push_lua(p.main, hook, 2);
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		put(ci + p.layout->ci_status, 2, masks[i]);
		walk();
		cr_assert(eq(u16, p.out.sample.nr_frames, 3));
		cr_expect(eq(u64, p.out.frame[0].object, hook));
		cr_expect(eq(u32, p.out.frame[0].flags,
			     BPROF_FRAME_LUA | BPROF_FRAME_BOUNDARY | flags[i]));
		cr_expect(eq(u32, p.out.frame[1].flags, BPROF_FRAME_LUA));
	}
}

Test(walk_puc, a_closure_of_what_is_no_prototype_is_flagged)
{
	uaddr_t proto = make_proto(10, 10);

	push_lua(p.main, make_proto(0, 10), 3);
	push_lua(p.main, proto, 2);
	put(proto + 8, 1, TYPE_PROTO - 1);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_BAD_FRAME));
	cr_expect(eq(u16, p.out.sample.nr_frames, 0));
	cr_expect(eq(u32, p.out.nr_fresh, 0));
}

/* 0 also stands for "none loaded yet". */
Test(walk_puc, a_closure_without_prototype_is_flagged)
{
	uaddr_t ci;

	push_lua(p.main, make_proto(0, 10), 3);
	ci = push_lua(p.main, make_proto(10, 10), 2);
	put(word(word(ci + p.layout->ci_func)) + p.layout->lclosure_proto, 8, 0);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_BAD_FRAME));
	cr_expect(eq(u16, p.out.sample.nr_frames, 0));
}

Test(walk_puc, an_inner_frame_that_is_no_function_is_flagged)
{
	uaddr_t proto = make_proto(10, 10), ci;

	ci = push_c(p.main, 0xc0de);
	put(word(ci + p.layout->ci_func) + 8, 1, TAG_TABLE);
	push_lua(p.main, proto, 2);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_BAD_FRAME));
	cr_expect(eq(u16, p.out.sample.nr_frames, 1));
}

Test(walk_puc, a_caller_whose_pc_is_outside_its_code_is_flagged)
{
	push_lua(p.main, make_proto(10, 10), 12);
	push_c(p.main, 0xc0de);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_BAD_FRAME));
	cr_expect(eq(u32, p.out.frame[1].flags, BPROF_FRAME_LUA | BPROF_FRAME_NO_POS));
}

/* Seen on 5.1 to 5.3: the function slot is the callee's already, the pc is not, or is too. */
Test(walk_puc, a_frame_that_a_tail_call_moves_is_one_frame)
{
	uaddr_t callee = make_proto(40, 10), caller = make_proto(20, 10), outer = make_proto(0, 10);
	uaddr_t code = word(callee + p.layout->proto_code), moved, slot;

	push_lua(p.main, outer, 3);
	moved = push_lua(p.main, caller, 4);
	push_lua(p.main, callee, 1);
	slot = word(word(p.main + p.layout->state_ci) + p.layout->ci_func);
	put(word(moved + p.layout->ci_func), 8, word(slot));
	for (int i = 0; i < 2; i++) {
		walk();
		cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_OK));
		cr_assert(eq(u16, p.out.sample.nr_frames, 2));
		cr_expect(eq(u64, p.out.frame[0].object, callee));
		cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_TAILCALL));
		cr_expect(eq(u64, p.out.frame[1].object, outer));
		put(moved + p.layout->ci_savedpc, 8, code);
	}
}

/* The same, when L->base has been set to the caller's already: the callee looks unfinished. */
Test(walk_puc, a_tail_call_of_a_function_whose_own_call_is_left_out_is_marked)
{
	uaddr_t callee = make_proto(40, 10), outer = make_proto(0, 10), moved, ci;

	push_lua(p.main, outer, 3);
	moved = push_lua(p.main, callee, 0);
	ci = push_lua(p.main, callee, 1);
	put(word(ci + p.layout->ci_func) + 8, 1, TAG_TABLE);
	walk();
	cr_assert(eq(u16, p.out.sample.nr_frames, 2));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_TAILCALL));
	cr_expect(eq(i32, p.out.frame[0].line, 41));
	/* one that has called is none */
	put(moved + p.layout->ci_savedpc, 8, word(callee + p.layout->proto_code) + 4);
	walk();
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA));
}

/* Seen on 5.1: pcall calls again, where its own slot had been called at that depth before. */
Test(walk_puc, a_leaf_not_above_its_caller_is_left_out)
{
	uaddr_t ci, caller;

	push_lua(p.main, make_proto(10, 10), 2);
	caller = push_c(p.main, 0xc0de);
	ci = push_c(p.main, 0xc0de);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 3));
	put(ci + p.layout->ci_func, 8, word(caller + p.layout->ci_func));
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 2));
}

Test(walk_puc, a_self_linked_callinfo_stops)
{
	uaddr_t ci = push_lua(p.main, make_proto(10, 10), 2);

	put(ci + p.layout->ci_previous, 8, ci);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_NO_PROGRESS));
}

Test(walk_puc, a_cycle_of_callinfos_ends_as_a_truncated_stack)
{
	uaddr_t first = push_lua(p.main, make_proto(10, 10), 2);
	uaddr_t second = push_lua(p.main, make_proto(20, 10), 2);

	put(first + p.layout->ci_previous, 8, second);
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_TRUNCATED));
	cr_expect(eq(u16, p.out.sample.nr_frames, BPROF_MAX_FRAMES));
}

Test(walk_puc, deep_stacks_keep_the_leaf_side_and_every_span)
{
	uaddr_t safe = make_proto(170, 30), rec = make_proto(10, 10), ci;

	ci = push_lua(p.main, safe, 3);
	put(word(ci + p.layout->ci_func) + 16, 8, 0xde5c);
	put(word(ci + p.layout->ci_func) + 24, 1, TAG_STRING);
	put(word(ci + p.layout->ci_func) + 48, 8, 0xe1e);
	put(word(ci + p.layout->ci_func) + 56, 1, TAG_TABLE);
	for (int i = 0; i < 150; i++)
		push_lua(p.main, rec, 2);
	p.in.safe_proto = safe;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_TRUNCATED));
	cr_expect(eq(u16, p.out.sample.nr_frames, BPROF_MAX_FRAMES));
	cr_expect(eq(u64, p.out.frame[BPROF_MAX_FRAMES - 1].object, rec));
	cr_assert(eq(u8, p.out.sample.nr_spans, 1));
	cr_expect(eq(u64, p.out.span[0].descriptor, 0xde5c));
	cr_expect(eq(u64, p.out.span[0].element, 0xe1e));
	cr_expect(eq(u32, p.out.span[0].frame, BPROF_MAX_FRAMES));
}

Test(walk_puc, spans_name_their_frame_and_only_take_strings_and_tables)
{
	uaddr_t safe = make_proto(170, 30), ci;

	ci = push_lua(p.main, safe, 3);
	put(word(ci + p.layout->ci_func) + 16, 8, 0xde5c);
	put(word(ci + p.layout->ci_func) + 24, 1, TAG_TABLE);
	push_c(p.main, 0xc0de);
	push_lua(p.main, make_proto(10, 10), 2);
	p.in.safe_proto = safe;
	walk();
	cr_assert(eq(u8, p.out.sample.nr_spans, 1));
	cr_expect(eq(u64, p.out.span[0].descriptor, 0));
	cr_expect(eq(u64, p.out.span[0].element, 0));
	cr_expect(eq(u32, p.out.span[0].frame, 2));
}

Test(walk_puc, lines_of_captured_prototypes_are_left_to_user_space)
{
	uaddr_t proto = make_proto(10, 10);
	struct bprof_seen *seen = calloc(SEEN_ENTRIES, sizeof(*seen)), *entry;

	push_lua(p.main, proto, 5);
	p.in.seen = seen;
	walk();
	cr_expect(eq(u32, p.out.nr_fresh, 1));
	cr_expect(eq(i32, p.out.frame[0].line, 15));

	entry = &seen[seen_index(proto, p.in.pid)];
	*entry = (struct bprof_seen){
		.object = proto, .pid = p.in.pid, .fingerprint = p.out.frame[0].fingerprint};
	walk();
	cr_expect(eq(u32, p.out.nr_fresh, 0));
	cr_expect(eq(i32, p.out.frame[0].line, 15));

	entry->flags = SEEN_CAPTURED;
	walk();
	cr_expect(eq(u32, p.out.nr_fresh, 0));
	cr_expect(eq(u32, p.out.frame[0].pos, 4));
	cr_expect(eq(i32, p.out.frame[0].line, 0));
	cr_expect(eq(u32, p.out.frame[0].flags, BPROF_FRAME_LUA | BPROF_FRAME_LINE_LATER));

	entry->fingerprint++;
	walk();
	cr_expect(eq(u32, p.out.nr_fresh, 1));
	cr_expect(eq(i32, p.out.frame[0].line, 15));
	free(seen);
}

/* Calls @nr functions of one chunk, each another one. */
static void push_known(struct bprof_seen *seen, unsigned nr)
{
	uaddr_t proto[32], source = allocate(64);

	cr_assert(le(uint, nr, 32));
	for (unsigned i = 0; i < nr; i++) {
		proto[i] = make_proto(10 * (int)i, 10);
		put(proto[i] + p.layout->proto_source, 8, source);
	}
	for (unsigned i = 0; i < nr; i++)
		push_lua(p.main, proto[i], 5);
	walk();
	for (unsigned i = 0; i < p.out.sample.nr_frames; i++) {
		const struct bprof_frame *frame = &p.out.frame[i];

		seen[seen_index(frame->object, p.in.pid)] =
			(struct bprof_seen){.object = frame->object,
					    .pid = p.in.pid,
					    .fingerprint = frame->fingerprint,
					    .flags = SEEN_CAPTURED};
	}
}

/* What a walk costs is its reads of the target: docs/PERFORMANCE.md. */
Test(walk_puc, a_known_frame_costs_two_reads_and_its_part_of_two_windows)
{
	struct bprof_seen *seen = calloc(SEEN_ENTRIES, sizeof(*seen));
	unsigned long reads;

	p.in.seen = seen;
	push_known(seen, 2);
	walk();
	reads = p.mem.reads;
	push_known(seen, 32);
	walk();
	cr_expect(eq(u16, p.out.sample.nr_frames, 34));
	cr_expect(eq(u32, p.out.nr_fresh, 0));
	/* a window has 9 CallInfos as they are laid out here, or 16 function slots; and one name */
	cr_expect(le(ulong, p.mem.reads - reads, 32 * 2 + 4 + 2 + 1), "%lu reads of %u frames",
		  p.mem.reads - reads, 32);
	free(seen);
}

Test(walk_puc, no_vm_is_no_vm)
{
	p.in.vms.nr = 0;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_NO_VM));
	p.in.vms.nr = BPROF_MAX_VMS + 1;
	cr_expect(lt(int, host_walk(&p.mem.reader, &p.in, &p.out), 0));
}

Test(walk_puc, a_stack_that_ends_before_the_main_handler_is_flagged)
{
	push_lua(p.main, make_proto(10, 10), 2);
	activate(p.main, STACK + STACK_BYTES + 0x1000 - 0x1000 - 128);
	p.in.reg[BPROF_REG_SP] = STACK + 0x100;
	walk();
	cr_expect(eq(u8, p.out.sample.status, BPROF_WALK_CHAIN));
}

/* The walk of a stack with everything in it, without faults; then with each read failing. */
Test(walk_puc, any_failed_read_is_flagged_or_changes_nothing)
{
	uaddr_t proto = make_proto(20, 300), table = allocate(16), co = allocate(208);
	struct host_walk_result truth;
	unsigned long nr_reads;

	put(table, 4, 100);
	put(table + 4, 4, 500);
	put(proto + p.layout->proto_abs_lines, 8, table);
	put(proto + p.layout->proto_abs_lines_len, 4, 1);
	push_lua(p.main, make_proto(0, 10), 3);
	push_lua(p.main, proto, 150);
	push_c(p.main, 0xc0de);
	make_state(co);
	push_lua(co, make_proto(40, 10), 3);
	push_lua(co, proto, 120);
	activate(co, SP + 0x400);
	p.in.safe_proto = proto;
	truth = *walk();
	nr_reads = p.mem.reads;
	cr_assert(eq(u8, truth.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, truth.sample.nr_frames, 5));
	for (unsigned long k = 1; k <= nr_reads; k++) {
		p.mem.fail_at = k;
		walk();
		cr_assert(p.mem.failed, "read %lu", k);
		if (p.out.sample.status != BPROF_WALK_OK)
			continue;
		cr_assert(eq(u16, p.out.sample.nr_frames, truth.sample.nr_frames), "read %lu", k);
		cr_assert(memcmp(p.out.frame, truth.frame,
				 truth.sample.nr_frames * sizeof(truth.frame[0])) == 0,
			  "read %lu", k);
		cr_assert(memcmp(p.out.span, truth.span, sizeof(truth.span)) == 0, "read %lu", k);
	}
}

static void tear_ci(struct fake_mem *mem, unsigned long read)
{
	if (read > 2)
		fake_mem_put(mem, p.main + p.layout->state_ci, 8, SP + 8);
}

/* The main state is read again when the coroutine's frames have been walked. */
Test(walk_puc, state_that_changes_under_the_walk_ends_it)
{
	uaddr_t co = allocate(208);

	push_lua(p.main, make_proto(10, 10), 2);
	make_state(co);
	push_lua(co, make_proto(40, 10), 3);
	activate(co, SP + 0x400);
	cr_assert(eq(u8, walk()->sample.status, BPROF_WALK_OK));
	fake_mem_rewind(&p.mem);
	p.mem.on_read = tear_ci;
	cr_assert(eq(int, host_walk(&p.mem.reader, &p.in, &p.out), 0));
	cr_expect(ne(u8, p.out.sample.status, BPROF_WALK_OK));
}
