/* SPDX-License-Identifier: MIT */
/*
 * Where luaV_execute has its pc, by its code. A small interpreter with the same macros is compiled
 * by the compilers that are here, executed one machine instruction at a time, and asked after each:
 * it stores the pc itself behind every fetch, so what is said before must be that or the next one.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include "decoder.h"
#include "elf_image.h"
#include "lua_pc_places.h"
#include "small_interpreter.h"

#ifdef __x86_64__

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(lua_pc_places, .init = need_decoder);

static struct interpreter_build builds[] = {
	{"gcc", "-O0", "-DBITS=7", "-DGOTO", "-pie", ""},
	{"gcc", "-O2", "-DBITS=7", "-DGOTO", "-pie", ""},
	{"gcc", "-O3", "-DBITS=6", "-DGOTO", "-no-pie", ""},
	{"gcc", "-O0", "-DBITS=6", "-DSWITCH", "-no-pie", ""},
	{"gcc", "-O2", "-DBITS=6", "-DSWITCH", "-pie", ""},
	{"clang", "-O0", "-DBITS=7", "-DGOTO", "-pie", ""},
	{"clang", "-O2", "-DBITS=7", "-DGOTO", "-pie", ""},
	{"clang", "-O2", "-DBITS=6", "-DGOTO", "-no-pie", ""},
	{"clang", "-O0", "-DBITS=6", "-DSWITCH", "-pie", ""},
	{"clang", "-O3", "-DBITS=6", "-DSWITCH", "-pie", ""},
	{"gcc", "-O3", "-DBITS=7", "-DGOTO", "-pie", "-march=x86-64-v3"},
	{"clang", "-O3", "-DBITS=7", "-DGOTO", "-pie", "-march=x86-64-v3"},
};

ParameterizedTestParameters(lua_pc_places, true_before_every_instruction)
{
	return cr_make_param_array(struct interpreter_build, builds, ARRAY_SIZE(builds));
}

struct stepped {
	pid_t pid;
	uint64_t bias, running;
	struct elf_range execute;
	struct elf_lua_places places;
	unsigned bits;
	/* what was said since the interpreter stored its pc last */
	uint64_t said[512], stored;
	size_t nr_said;
	unsigned asked, unknown, wrong, helpers;
};

static uint64_t peek(const struct stepped *s, uint64_t address)
{
	uint64_t word = 0;
	struct iovec to = {&word, sizeof(word)}, from = {(void *)address, sizeof(word)};

	cr_assert(eq(sz, (size_t)process_vm_readv(s->pid, &to, 1, &from, 1, 0), sizeof(word)));
	return word;
}

static uint64_t start_of_program(pid_t pid)
{
	unsigned long start = 0;
	char path[64];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	cr_assert(maps != NULL);
	cr_assert(eq(int, fscanf(maps, "%lx-", &start), 1));
	fclose(maps);
	return start;
}

static void start(struct stepped *s, const char *program)
{
	struct elf_function f;
	struct elf_image *image;
	uint64_t vaddr;

	cr_assert(eq(int, elf_open(program, &image), 0));
	cr_assert(eq(int, elf_function(image, "execute", &f), 0));
	s->execute = (struct elf_range){f.address, f.address + f.size};
	cr_assert(eq(int,
		     elf_lua_places(image, &s->execute, (1U << s->bits) - 1,
				    SMALL_INTERPRETER_SAVEDPC, &s->places),
		     0));
	s->pid = fork();
	if (s->pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(program, program, NULL);
		_exit(127);
	}
	waitpid(s->pid, NULL, 0);
	cr_assert(eq(int, elf_vaddr_of_offset(image, 0, &vaddr), 0));
	s->bias = start_of_program(s->pid) - vaddr;
	elf_free(image);
}

static bool is_in(const struct stepped *s, uint64_t address)
{
	return address - s->bias >= s->execute.start && address - s->bias < s->execute.end;
}

/* As the machine numbers them. */
static uint64_t value_of(const struct user_regs_struct *r, unsigned number)
{
	const unsigned long long registers[] = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp,
						r->rsi, r->rdi, r->r8,	r->r9,	r->r10, r->r11,
						r->r12, r->r13, r->r14, r->r15};

	return registers[number];
}

/* What is said at @ip, where the loop's stack is at @sp. */
static void ask(struct stepped *s, const struct user_regs_struct *r, uint64_t ip, uint64_t sp)
{
	const struct elf_lua_place *place = s->places.at;
	uint64_t pc;

	for (size_t i = 0; i < s->places.nr; i++)
		if (s->places.at[i].from <= ip - s->bias - s->execute.start)
			place = &s->places.at[i];
	s->asked++;
	if (place->cell >= ELF_PLACE_SAVED) {
		s->unknown++;
		return;
	}
	pc = place->cell < ELF_PLACE_FRAME
		     ? value_of(r, place->cell)
		     : peek(s,
			    sp + (uint64_t)(int64_t)s->places.frame[place->cell - ELF_PLACE_FRAME]);
	cr_assert(lt(sz, s->nr_said, ARRAY_SIZE(s->said)));
	s->said[s->nr_said++] = pc + (uint64_t)(int64_t)place->add;
}

/*
 * The words behind the instruction before @pc that it may read itself, and skip: each counts as the
 * next instruction then.
 */
static unsigned extra_words(const struct stepped *s, uint64_t pc)
{
	unsigned instruction = (unsigned)peek(s, pc - 4);
	unsigned k = 10 + (instruction & ((1U << s->bits) - 1));

	if (k % 11 == 4 || k % 13 == 5)
		return 1;
	return k % 8 == 0 ? instruction >> 30 : 0;
}

/* The interpreter has stored its pc: was it foreseen, or the last one still? */
static void judge(struct stepped *s, uint64_t stored)
{
	for (size_t i = 0; i < s->nr_said; i++) {
		bool is_right = s->said[i] == s->stored || s->said[i] == stored ||
				(s->stored && s->said[i] > s->stored &&
				 s->said[i] <= s->stored + 4 * extra_words(s, s->stored));

		s->wrong += !is_right;
	}
	s->nr_said = 0;
	s->stored = stored;
}

static bool take_step(struct stepped *s, bool *was_in)
{
	struct user_regs_struct r;
	int status;

	if (ptrace(PTRACE_SINGLESTEP, s->pid, NULL, NULL) < 0 || waitpid(s->pid, &status, 0) < 0 ||
	    !WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, s->pid, NULL, &r) < 0)
		return false;
	if (is_in(s, r.rip)) {
		uint64_t stored = peek(s, s->bias + s->running);

		if (stored != s->stored)
			judge(s, stored);
		ask(s, &r, r.rip, r.rsp);
	} else if (*was_in && is_in(s, peek(s, r.rsp))) { /* it has called a helper */
		ask(s, &r, peek(s, r.rsp), r.rsp + 8);
		s->helpers++;
	}
	*was_in = is_in(s, r.rip);
	return true;
}

/* Executes the whole program; most of it is the interpreter. */
static void step_through(struct stepped *s, uint64_t main)
{
	uint64_t word = peek(s, s->bias + main);
	struct user_regs_struct r;
	bool was_in = false;

	/* fast to main() */
	ptrace(PTRACE_POKETEXT, s->pid, (void *)(s->bias + main),
	       (void *)((word & ~0xffULL) | 0xcc));
	ptrace(PTRACE_CONT, s->pid, NULL, NULL);
	waitpid(s->pid, NULL, 0);
	ptrace(PTRACE_POKETEXT, s->pid, (void *)(s->bias + main), (void *)word);
	cr_assert(eq(int, (int)ptrace(PTRACE_GETREGS, s->pid, NULL, &r), 0));
	cr_assert(eq(u64, r.rip, s->bias + main + 1));
	r.rip--;
	ptrace(PTRACE_SETREGS, s->pid, NULL, &r);
	while (take_step(s, &was_in))
		;
}

static uint64_t address_in(const char *program, const char *symbol)
{
	char command[128], line[256];
	unsigned long found = 0;
	FILE *nm;

	snprintf(command, sizeof(command), "nm %s", program);
	nm = popen(command, "r");
	while (fgets(line, sizeof(line), nm)) {
		char name[128];
		unsigned long address;

		if (sscanf(line, "%lx %*c %127s", &address, name) == 2 && !strcmp(name, symbol))
			found = address;
	}
	pclose(nm);
	return found;
}

ParameterizedTest(struct interpreter_build *b, lua_pc_places, true_before_every_instruction)
{
	struct stepped s = {.bits = (unsigned)(b->bits[strlen(b->bits) - 1] - '0')};
	char program[64];

	if (*b->machine && !__builtin_cpu_supports("avx2"))
		cr_skip_test("no processor for %s", b->machine);
	interpreter_compile(b, program);
	s.running = address_in(program, "running");
	start(&s, program);
	step_through(&s, address_in(program, "main"));
	unlink(program);
	cr_log_info("%s %s %s: %u asked, %u of helpers, %u not known, %zu places", b->compiler,
		    b->optimize, b->shape, s.asked, s.helpers, s.unknown, s.places.nr);
	cr_expect(eq(u32, s.wrong, 0));
	cr_expect(gt(u32, s.asked, 2000));
	cr_expect(gt(u32, s.helpers, 30));
	cr_expect(lt(u32, s.unknown * 50, s.asked));
}

/* ---- of a few instructions ------------------------------------------------------------------- */

/* After the last of them, which is ret; the first one is a fetch. */
static struct lua_pc_place last_place(const uint8_t *code, size_t len)
{
	struct elf_range range = {0x1000, 0x1000 + len};
	struct elf_image image = {
		.machine = EM_X86_64,
		.segment = {{.vaddr = 0x1000,
			     .bytes = len,
			     .executable = true,
			     .content_read = true,
			     .content = code}},
		.nr_segments = 1,
		.ranges_read = true,
		.range = &range,
		.nr_ranges = 1,
	};
	bool is_fetch[64] = {true};
	struct lua_pc_place place[64];
	int32_t frame[LUA_PC_FRAMES];
	struct x86_64_flow flow;

	cr_assert(eq(int, x86_64_flow_read(&image, &range, &flow), 0));
	cr_assert(eq(int, x86_64_flow_follow(&image, &flow), 0));
	cr_assert(lt(sz, flow.nr, 64));
	cr_assert(eq(int, lua_pc_places(&flow, is_fetch, SMALL_INTERPRETER_SAVEDPC, place, frame),
		     0));
	x86_64_flow_done(&flow);
	return place[flow.nr - 1];
}

#define NOPS 0x90, 0x90, 0x90, 0x90, 0x90, 0x90
#define SAVE                                                                                       \
	0x8b, 0x03,			/* mov (%rbx),%eax */                                      \
		0x48, 0x8d, 0x4b, 0x04, /* lea 4(%rbx),%rcx */                                     \
		0x48, 0x89, 0x4a, 0x20, /* mov %rcx,0x20(%rdx) */                                  \
		NOPS
#define FORGET 0x31, 0xdb, 0x31, 0xc9 /* xor %ebx,%ebx; xor %ecx,%ecx */
#define RETURN 0xc3

Test(lua_pc_places, what_was_saved_is_known_until_something_else_may_be_there)
{
	static const uint8_t saved[] = {SAVE, FORGET, RETURN};
	static const uint8_t stored[] = {SAVE, 0x48, 0x89, 0x46, 0x20, FORGET, RETURN};
	/* movups %xmm0,0x18(%rsi): its last 8 bytes */
	static const uint8_t half[] = {SAVE, 0x0f, 0x11, 0x46, 0x18, FORGET, RETURN};
	/* movups %xmm0,0x10(%rsi): up to it */
	static const uint8_t before[] = {SAVE, 0x0f, 0x11, 0x46, 0x10, FORGET, RETURN};
	/* mov %rax,(%rsi,%rcx,1) */
	static const uint8_t any[] = {SAVE, 0x48, 0x89, 0x04, 0x0e, FORGET, RETURN};

	cr_expect(eq(u8, last_place(saved, sizeof(saved)).cell, LUA_PC_SAVED));
	cr_expect(eq(u8, last_place(stored, sizeof(stored)).cell, LUA_PC_UNKNOWN));
	cr_expect(eq(u8, last_place(half, sizeof(half)).cell, LUA_PC_UNKNOWN));
	cr_expect(eq(u8, last_place(before, sizeof(before)).cell, LUA_PC_SAVED));
	cr_expect(eq(u8, last_place(any, sizeof(any)).cell, LUA_PC_UNKNOWN));
}

/* By symbols, calls and size; and by what it does. */
Test(lua_pc_places, the_function_that_dispatches_is_the_one_that_makes_objects_and_is_longest)
{
	static const struct {
		const char *path;
		unsigned mask, savedpc;
	} builds_of_debian[] = {
		{"/usr/bin/lua5.1", 0x3f, 48},
		{"/usr/bin/lua5.2", 0x3f, 0},
		{"/usr/bin/lua5.3", 0x3f, 0},
		{"/usr/bin/lua5.4", 0x7f, 32},
	};
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(builds_of_debian); i++) {
		unsigned mask = builds_of_debian[i].mask, savedpc = builds_of_debian[i].savedpc;
		struct elf_lua_places places;
		struct elf_image *image;
		struct elf_lua_code code;
		struct elf_range range;

		if (elf_open(builds_of_debian[i].path, &image) < 0)
			continue;
		nr++;
		cr_assert(eq(int, elf_lua_code(image, &code), 0));
		cr_assert(eq(int, elf_lua_execute(image, mask, &range), 0));
		cr_expect(eq(u64, range.start, code.execute.start));
		cr_expect(eq(int, elf_lua_execute(image, mask ^ 0x40, &range), -ENODATA));
		/* 5.2 and 5.3 have it in memory, under an address that is not the frame's */
		if (savedpc)
			cr_expect(
				eq(int, elf_lua_places(image, &range, mask, savedpc, &places), 0));
		elf_free(image);
	}
	if (!nr)
		cr_skip_test("no Lua of Debian is here");
}

Test(lua_pc_places, other_programs_do_not_dispatch)
{
	static const char *const paths[] = {"/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/luajit"};
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct elf_image *image;
		struct elf_range range;

		if (elf_open(paths[i], &image) < 0)
			continue;
		nr++;
		cr_expect(eq(int, elf_lua_execute(image, 0x3f, &range), -ENODATA));
		cr_expect(eq(int, elf_lua_execute(image, 0x7f, &range), -ENODATA));
		elf_free(image);
	}
	if (!nr)
		cr_skip_test("neither is here");
}

#endif
