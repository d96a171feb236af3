/* SPDX-License-Identifier: MIT */
/*
 * What is said of instructions of x86-64: by examples, and against the machine, which executes
 * programs one instruction at a time.
 *
 * It may be less exact than the truth, but never wrong: all registers that are written, at least
 * the bytes that are stored; what is not known is none.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "decoder.h"

TestSuite(x86_64, .init = need_decoder);

struct instruction {
	uint8_t code[16];
	struct {
		uint8_t bytes, kind, reg, base, has_index;
		int32_t displacement, distance;
	} is;
};

static struct instruction instructions[] = {
	{{0x90}, {1, X86_64_OTHER, 0, X86_64_NO_BASE, 0, 0, 0}},
	{{0x48, 0x89, 0x4b, 0x28}, {4, X86_64_STORE, 1, 3, 0, 0x28, 0}},
	{{0x49, 0x89, 0x09}, {3, X86_64_STORE, 1, 9, 0, 0, 0}},
	{{0x89, 0x4b, 0x28}, {3, X86_64_OTHER, 1, 3, 0, 0x28, 0}},
	{{0x48, 0x89, 0x4c, 0x24, 0xf8}, {5, X86_64_STORE, 1, X86_64_RSP, 0, -8, 0}},
	{{0x4a, 0x89, 0x4c, 0x23, 0x28}, {5, X86_64_STORE, 1, 3, 1, 0x28, 0}},
	{{0x48, 0x8b, 0x85, 0x78, 0xff, 0xff, 0xff}, {7, X86_64_LOAD, 0, 5, 0, -136, 0}},
	{{0x48, 0x8d, 0x48, 0x04}, {4, X86_64_ADDRESS, 1, 0, 0, 4, 0}},
	{{0x48, 0x8d, 0x0d, 1, 0, 0, 0}, {7, X86_64_ADDRESS, 1, X86_64_NO_BASE, 0, 1, 0}},
	{{0x48, 0x83, 0x45, 0x00, 0x04}, {5, X86_64_ADD_STORE, 0, 5, 0, 0, 0}},
	{{0x48, 0x81, 0x43, 0x28, 4, 0, 0, 0}, {8, X86_64_ADD_STORE, 0, 3, 0, 0x28, 0}},
	{{0x66, 0x81, 0xfb, 0x34, 0x12}, {5, X86_64_OTHER, 7, X86_64_NO_BASE, 0, 0, 0}},
	{{0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}, {10, X86_64_OTHER, 0, X86_64_NO_BASE, 0, 0, 0}},
	{{0xf6, 0x83, 0xc8, 0, 0, 0, 0x0c}, {7, X86_64_OTHER, 0, 3, 0, 0xc8, 0}},
	{{0xf7, 0xd8}, {2, X86_64_OTHER, 3, X86_64_NO_BASE, 0, 0, 0}},
	{{0xf2, 0x0f, 0x58, 0xc1}, {4, X86_64_OTHER, 0, X86_64_NO_BASE, 0, 0, 0}},
	{{0x66, 0x0f, 0x3a, 0x0b, 0xc0, 0x09}, {6, X86_64_OTHER, 0, X86_64_NO_BASE, 0, 0, 0}},
	{{0xeb, 0xfe}, {2, X86_64_JUMP, 0, X86_64_NO_BASE, 0, 0, -2}},
	{{0xe9, 0x10, 0, 0, 0}, {5, X86_64_JUMP, 0, X86_64_NO_BASE, 0, 0, 16}},
	{{0x0f, 0x84, 0x10, 0, 0, 0}, {6, X86_64_BRANCH, 0, X86_64_NO_BASE, 0, 0, 16}},
	{{0x75, 0x10}, {2, X86_64_BRANCH, 0, X86_64_NO_BASE, 0, 0, 16}},
	{{0xff, 0xe0}, {2, X86_64_JUMP_TO, 4, X86_64_NO_BASE, 0, 0, 0}},
	{{0x3e, 0xff, 0xe0}, {3, X86_64_JUMP_TO, 4, X86_64_NO_BASE, 0, 0, 0}},
	{{0xff, 0xd0}, {2, X86_64_CALL, 2, X86_64_NO_BASE, 0, 0, 0}},
	{{0xe8, 0, 0, 0, 0}, {5, X86_64_CALL, 0, X86_64_NO_BASE, 0, 0, 0}},
	{{0xf3, 0xc3}, {2, X86_64_END, 0, X86_64_NO_BASE, 0, 0, 0}},
	/* of a thread, wherever its base points */
	{{0x64, 0x48, 0x8b, 0x43, 0x28}, {5, X86_64_LOAD, 0, X86_64_NO_BASE, 0, 0x28, 0}},
	/* only the last prefix can be a REX that counts; with addr32 before, as linkers pad calls
	 */
	{{0x48, 0x66, 0x89, 0x4b, 0x28}, {5, X86_64_OTHER, 1, 3, 0, 0x28, 0}},
	{{0x67, 0xe8, 0, 0, 0, 0}, {6, X86_64_CALL, 0, X86_64_NO_BASE, 0, 0, 0}},
};

ParameterizedTestParameters(x86_64, instructions_are_known)
{
	return cr_make_param_array(struct instruction, instructions, ARRAY_SIZE(instructions));
}

ParameterizedTest(struct instruction *i, x86_64, instructions_are_known)
{
	struct x86_64_instruction is;

	cr_assert(eq(int, x86_64_decode(i->code, i->is.bytes, &is), 0));
	cr_expect(eq(u8, is.bytes, i->is.bytes));
	cr_expect(eq(u8, is.kind, i->is.kind));
	cr_expect(eq(u8, is.reg, i->is.reg));
	cr_expect(eq(u8, is.base, i->is.base));
	cr_expect(eq(u8, is.has_index, i->is.has_index));
	cr_expect(eq(i32, is.displacement, i->is.displacement));
	cr_expect(eq(i32, is.distance, i->is.distance));
	/* cut short it is none */
	for (size_t left = 0; left < i->is.bytes; left++)
		cr_expect(eq(int, x86_64_decode(i->code, left, &is), -ENODATA));
}

Test(x86_64, what_is_not_known_is_none)
{
	static const uint8_t invalid[] = {0x06, 0xc1, 0, 0, 0, 0},
			     addr32[] = {0x67, 0x48, 0x8b, 0x03},
			     xbegin[] = {0xc7, 0xf8, 0, 0, 0, 0},
			     call16[] = {0x66, 0xe8, 0, 0, 0, 0},
			     prefixes[16] = {[0 ... 15] = 0x66};
	struct x86_64_instruction is;

	cr_expect(eq(int, x86_64_decode(invalid, sizeof(invalid), &is), -ENODATA));
	cr_expect(eq(int, x86_64_decode(xbegin, sizeof(xbegin), &is), -ENODATA));
	cr_expect(eq(int, x86_64_decode(addr32, sizeof(addr32), &is), -ENODATA));
	cr_expect(eq(int, x86_64_decode(call16, sizeof(call16), &is), -ENODATA));
	cr_expect(eq(int, x86_64_decode(prefixes, sizeof(prefixes), &is), -ENODATA));
}

/* ---- what they do ---------------------------------------------------------------------------- */

#define RAX 0x001U
#define RCX 0x002U
#define RDX 0x004U
#define RBX 0x008U
#define R11 0x800U

struct effect {
	uint8_t code[16];
	uint8_t bytes;
	uint32_t written; /* at least */
	unsigned stored;
};

static struct effect effects[] = {
	{{0xe2, 0xfe}, 2, RCX, 0},			 /* loop */
	{{0xf3, 0x48, 0x0f, 0x1e, 0xcb}, 5, RBX, 0},	 /* rdsspq %rbx */
	{{0x8f, 0x04, 0x24}, 3, 0, 8},			 /* popq (%rsp) */
	{{0x88, 0xe3}, 2, RBX, 0},			 /* mov %ah,%bl */
	{{0xb4, 0x01}, 2, RAX, 0},			 /* mov $1,%ah */
	{{0x0f, 0x93, 0xc7}, 3, RBX, 0},		 /* setae %bh */
	{{0x48, 0x87, 0x0b}, 3, RCX, 8},		 /* xchg %rcx,(%rbx) */
	{{0x48, 0xf7, 0xe3}, 3, RAX | RDX, 0},		 /* mul %rbx */
	{{0x0f, 0xa2}, 2, RAX | RBX | RCX | RDX, 0},	 /* cpuid */
	{{0x0f, 0x05}, 2, RAX | RCX | R11, 0},		 /* syscall */
	{{0xf0, 0x48, 0x0f, 0xb1, 0x0b}, 5, RAX, 8},	 /* lock cmpxchg %rcx,(%rbx) */
	{{0x0f, 0xae, 0x03}, 3, 0, 512},		 /* fxsave (%rbx) */
	{{0xdd, 0x33}, 2, 0, 108},			 /* fnsave (%rbx) */
	{{0xf2, 0x0f, 0x11, 0x03}, 4, 0, 8},		 /* movsd %xmm0,(%rbx) */
	{{0x0f, 0x29, 0x03}, 3, 0, 16},			 /* movaps %xmm0,(%rbx) */
	{{0xdb, 0x3b}, 2, 0, 10},			 /* fstpt (%rbx) */
	{{0x66, 0xc7, 0x03, 0x34, 0x12}, 5, 0, 2},	 /* movw $0x1234,(%rbx) */
	{{0xc5, 0xfc, 0x11, 0x03}, 4, 0, 32},		 /* vmovups %ymm0,(%rbx) */
	{{0x8f, 0xe8, 0x78, 0xc2, 0xec, 0x0e}, 6, 0, 0}, /* vprotd */
};

ParameterizedTestParameters(x86_64, nothing_that_changes_is_left_out)
{
	return cr_make_param_array(struct effect, effects, ARRAY_SIZE(effects));
}

ParameterizedTest(struct effect *e, x86_64, nothing_that_changes_is_left_out)
{
	struct x86_64_instruction is;

	cr_assert(eq(int, x86_64_decode(e->code, e->bytes, &is), 0));
	cr_expect(eq(u8, is.bytes, e->bytes));
	cr_expect(eq(u32, e->written & ~is.written, 0));
	cr_expect(ge(u32, is.stored_bytes, e->stored));
}

/* ---- against the machine --------------------------------------------------------------------- */

#ifdef __x86_64__

#define MAX_STEPS 150000
#define TIMES	  8 /* that one place is looked at, more or less */
#define BESIDE	  16
#define WINDOW	  96 /* bytes of memory that are looked at, from that many before the operand */

struct stepped {
	pid_t pid;
	struct user_regs_struct at;
	uint8_t times[1 << 16];
	unsigned looked, stores, unknown, wrong;
};

/* What is about to be executed, and what was before. */
struct moment {
	struct x86_64_instruction is;
	uint64_t at, reg[16], operand;
	uint8_t code[16], memory[WINDOW];
	bool has_memory;
};

static bool peek(const struct stepped *s, uint64_t address, void *ret, size_t len)
{
	struct iovec to = {ret, len}, from = {(void *)address, len};

	return process_vm_readv(s->pid, &to, 1, &from, 1, 0) == (ssize_t)len;
}

static void read_registers(const struct user_regs_struct *r, uint64_t *ret)
{
	const uint64_t all[16] = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
				  r->r8,  r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};

	memcpy(ret, all, sizeof(all));
}

/* Where its operand is, if that can be told without an index. */
static bool find_operand(const struct stepped *s, struct moment *m)
{
	const struct x86_64_instruction *is = &m->is;

	if (!is->has_memory || is->has_index || is->kind == X86_64_ADDRESS ||
	    is->kind == X86_64_CALL || is->opcode == 0xff)
		return false;
	if (is->base == X86_64_NO_BASE && !is->is_relative)
		return false;
	m->operand = is->is_relative ? s->at.rip + is->bytes : m->reg[is->base];
	m->operand += (uint64_t)(int64_t)is->displacement;
	return peek(s, m->operand - BESIDE, m->memory, WINDOW);
}

static bool begin(struct stepped *s, struct moment *m)
{
	uint8_t *times = &s->times[(s->at.rip ^ s->at.rip >> 16) & 0xffff];

	if (*times == TIMES || !peek(s, s->at.rip, m->code, sizeof(m->code)))
		return false;
	(*times)++;
	if (x86_64_decode(m->code, sizeof(m->code), &m->is) < 0) {
		s->unknown++;
		return false;
	}
	m->at = s->at.rip;
	read_registers(&s->at, m->reg);
	m->has_memory = find_operand(s, m);
	return true;
}

/* push, pop, call, ret, leave */
static bool moves_stack(const struct x86_64_instruction *is)
{
	const unsigned op = is->opcode;

	return (op >= 0x50 && op <= 0x5f) || op == 0x68 || op == 0x6a || op == 0x8f || op == 0xe8 ||
	       op == 0xc2 || op == 0xc3 || op == 0xc9 || op == 0xff;
}

static void look_at_registers(struct stepped *s, const struct moment *m)
{
	uint32_t written = m->is.written;
	uint64_t now[16];

	read_registers(&s->at, now);
	if (moves_stack(&m->is))
		written |= 1U << X86_64_RSP;
	for (unsigned reg = 0; reg < 16; reg++) {
		if (now[reg] == m->reg[reg] || written >> reg & 1)
			continue;
		s->wrong++;
		cr_log_error("opcode %x has changed register %u", m->is.opcode, reg);
	}
}

static void look_at_memory(struct stepped *s, const struct moment *m)
{
	unsigned stored = m->is.stored_bytes;
	uint8_t now[WINDOW];
	bool has_stored = false;

	if (!m->has_memory || !peek(s, m->operand - BESIDE, now, WINDOW))
		return;
	for (unsigned i = 0; i < WINDOW; i++) {
		if (now[i] == m->memory[i])
			continue;
		has_stored = true;
		if (i >= BESIDE && i - BESIDE < stored)
			continue;
		s->wrong++;
		cr_log_error("opcode %x has stored at %u of %u", m->is.opcode, i - BESIDE, stored);
	}
	s->stores += has_stored;
}

/* Is it where the instruction leads to? One that is repeated stays. */
static void look_at_way(struct stepped *s, const struct moment *m)
{
	const struct x86_64_instruction *is = &m->is;
	const uint64_t next = m->at + is->bytes, now = s->at.rip;
	const uint64_t to = next + (uint64_t)(int64_t)is->distance;
	bool is_right = true;

	if (is->kind == X86_64_JUMP)
		is_right = now == to;
	else if (is->kind == X86_64_BRANCH)
		is_right = now == to || now == next;
	else if (is->opcode == 0xe8)
		is_right = now == next + (uint64_t)(int64_t)is->constant;
	else if (is->kind < X86_64_JUMP)
		is_right = now == next || now == m->at;
	if (is_right)
		return;
	s->wrong++;
	cr_log_error("opcode %x of kind %u leads elsewhere", is->opcode, is->kind);
}

static bool take_step(struct stepped *s)
{
	struct moment m;
	bool is_looked_at = begin(s, &m);
	int status;

	if (ptrace(PTRACE_SINGLESTEP, s->pid, NULL, NULL) < 0 || waitpid(s->pid, &status, 0) < 0 ||
	    !WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, s->pid, NULL, &s->at) < 0)
		return false;
	if (is_looked_at) {
		s->looked++;
		look_at_way(s, &m);
		look_at_registers(s, &m);
		look_at_memory(s, &m);
	}
	return true;
}

struct program {
	char path[32], option[8], argument[160];
};

static struct program programs[] = {
	{"/bin/true", "", ""},
	{"/usr/bin/lua5.4", "-e",
	 "local t = {} for i = 1, 9 do t[i] = ('%g %d'):format(i / 3, i // 2) end "
	 "table.sort(t) print(#table.concat(t), math.sin(2), pcall(error))"},
	{"/usr/bin/luajit", "-joff", "-v"},
};

ParameterizedTestParameters(x86_64, the_machine_changes_nothing_else)
{
	return cr_make_param_array(struct program, programs, ARRAY_SIZE(programs));
}

ParameterizedTest(struct program *program, x86_64, the_machine_changes_nothing_else)
{
	static struct stepped s;

	s.pid = fork();
	if (s.pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		if (freopen("/dev/null", "w", stdout))
			execl(program->path, program->path,
			      *program->option ? program->option : NULL,
			      *program->argument ? program->argument : NULL, NULL);
		_exit(127);
	}
	waitpid(s.pid, NULL, 0);
	if (ptrace(PTRACE_GETREGS, s.pid, NULL, &s.at) < 0)
		cr_skip_test("%s is not here", program->path);
	for (unsigned n = 0; n < MAX_STEPS && take_step(&s); n++)
		;
	kill(s.pid, SIGKILL);
	cr_log_info("%s: %u instructions looked at, %u stores, %u not known", program->path,
		    s.looked, s.stores, s.unknown);
	cr_expect(eq(u32, s.wrong, 0));
	cr_expect(gt(u32, s.looked, 5000));
	cr_expect(gt(u32, s.stores, 500));
}

#endif
