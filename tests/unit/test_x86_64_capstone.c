/* SPDX-License-Identifier: MIT */
/*
 * What is said of instructions of x86-64, against another decoder than ours, on all the code of
 * programs of this machine and of interpreters that are compiled here.
 *
 * It must never be too little: all registers that are written, at least the bytes that are stored.
 * Where capstone says less nothing is concluded: it leaves out some of what is written.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#ifdef HAVE_CAPSTONE
#include <capstone/capstone.h>
#endif
#include <stdio.h>
#include <unistd.h>

#include "decoder.h"
#include "elf_image.h"
#include "small_interpreter.h"

#ifdef HAVE_CAPSTONE

TestSuite(x86_64_capstone, .init = need_decoder);

#define MAX_TOLD 20
#define RSP_BIT	 (1U << X86_64_RSP)

struct comparison {
	csh capstone;
	cs_insn *is; /* what it says */
	size_t nr, nr_known;
	unsigned wrong;
};

/* As the machine numbers it; X86_64_NO_BASE: none of the sixteen. */
static uint8_t number_of(unsigned reg)
{
	static const uint16_t of[][16] = {
		{X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP,
		 X86_REG_RSI, X86_REG_RDI, X86_REG_R8, X86_REG_R9, X86_REG_R10, X86_REG_R11,
		 X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15},
		{X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP,
		 X86_REG_ESI, X86_REG_EDI, X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D,
		 X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D},
		{X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP, X86_REG_SI,
		 X86_REG_DI, X86_REG_R8W, X86_REG_R9W, X86_REG_R10W, X86_REG_R11W, X86_REG_R12W,
		 X86_REG_R13W, X86_REG_R14W, X86_REG_R15W},
		{X86_REG_AL, X86_REG_CL, X86_REG_DL, X86_REG_BL, X86_REG_SPL, X86_REG_BPL,
		 X86_REG_SIL, X86_REG_DIL, X86_REG_R8B, X86_REG_R9B, X86_REG_R10B, X86_REG_R11B,
		 X86_REG_R12B, X86_REG_R13B, X86_REG_R14B, X86_REG_R15B},
		{X86_REG_AH, X86_REG_CH, X86_REG_DH, X86_REG_BH},
	};

	for (size_t width = 0; reg && width < ARRAY_SIZE(of); width++)
		for (uint8_t i = 0; i < 16; i++)
			if (of[width][i] == reg)
				return i;
	return X86_64_NO_BASE;
}

static const cs_x86_op *memory_of(const cs_insn *is)
{
	const cs_x86 *x = &is->detail->x86;

	for (unsigned i = 0; i < x->op_count; i++)
		if (x->operands[i].type == X86_OP_MEM)
			return &x->operands[i];
	return NULL;
}

static unsigned kind_of_move(const cs_insn *is)
{
	const cs_x86 *x = &is->detail->x86;
	const cs_x86_op *memory = memory_of(is), *other;

	if (!memory || x->op_count != 2 || x->operands[0].size != 8)
		return X86_64_OTHER;
	if (is->id == X86_INS_LEA)
		return X86_64_ADDRESS;
	if (is->id == X86_INS_ADD)
		return x->operands[1].type == X86_OP_IMM ? X86_64_ADD_STORE : X86_64_OTHER;
	other = &x->operands[memory == x->operands];
	if (is->id != X86_INS_MOV || other->type != X86_OP_REG || number_of(other->reg) > 15)
		return X86_64_OTHER;
	return memory == x->operands ? X86_64_STORE : X86_64_LOAD;
}

static unsigned kind_of(const struct comparison *c)
{
	const cs_x86_op *first = c->is->detail->x86.operands;

	switch (c->is->id) {
	case X86_INS_CALL:
	case X86_INS_LCALL:
		return X86_64_CALL;
	case X86_INS_JMP:
	case X86_INS_LJMP:
		return first->type == X86_OP_IMM ? X86_64_JUMP : X86_64_JUMP_TO;
	case X86_INS_RET:
	case X86_INS_UD2:
	case X86_INS_HLT:
	case X86_INS_INT3:
		return X86_64_END;
	case X86_INS_LOOP:
	case X86_INS_LOOPE:
	case X86_INS_LOOPNE:
		return X86_64_BRANCH;
	default:
		return cs_insn_group(c->capstone, c->is, CS_GRP_JUMP) ? X86_64_BRANCH
								      : kind_of_move(c->is);
	}
}

/* Does it move rsp by what it is? */
static bool moves_rsp(const cs_insn *is)
{
	switch (is->id) {
	case X86_INS_PUSH:
	case X86_INS_POP:
	case X86_INS_CALL:
	case X86_INS_LCALL:
	case X86_INS_RET:
	case X86_INS_LEAVE:
		return true;
	default:
		return false;
	}
}

/* What capstone 4.0 says wrongly to be written, by SDM volume 2. */
static bool has_wrong_writes(const cs_insn *is)
{
	switch (is->id) {
	case X86_INS_TEST:
	case X86_INS_CDQ: /* rdx alone */
	case X86_INS_CQO:
	case X86_INS_FNSTSW: /* 2 bytes, not 4 */
		return true;
	default:
		return false;
	}
}

static uint32_t written_by(const struct comparison *c)
{
	uint8_t nr_read, nr_written;
	cs_regs read, written;
	uint32_t bits = 0;

	cr_assert(eq(int, cs_regs_access(c->capstone, c->is, read, &nr_read, written, &nr_written),
		     CS_ERR_OK));
	for (unsigned i = 0; i < nr_written; i++)
		if (number_of(written[i]) < 16)
			bits |= 1U << number_of(written[i]);
	return moves_rsp(c->is) ? bits & ~RSP_BIT : bits;
}

static void tell(struct comparison *c, const char *what, long ours, long theirs)
{
	char hex[3 * 16 + 1] = "";

	if (c->wrong++ >= MAX_TOLD)
		return;
	for (unsigned i = 0; i < c->is->size; i++)
		snprintf(hex + 3 * i, 4, "%02x ", c->is->bytes[i]);
	cr_log_error("%s%s %s: %s is %ld, should be %ld", hex, c->is->mnemonic, c->is->op_str, what,
		     ours, theirs);
}

static void compare(struct comparison *c, const char *what, long ours, long theirs)
{
	if (ours != theirs)
		tell(c, what, ours, theirs);
}

/* As far as a place is known by it: not that of a thread. */
static void compare_memory(struct comparison *c, const struct x86_64_instruction *ours)
{
	const cs_x86_op *memory = memory_of(c->is);
	unsigned stored = ours->stored_bytes;

	if (!ours->has_memory) /* that of a string instruction is no operand */
		return;
	if (!memory) {
		compare(c, "memory operand", 1, 0);
		return;
	}
	if (memory->mem.segment != X86_REG_FS && memory->mem.segment != X86_REG_GS) {
		compare(c, "base", ours->base, number_of(memory->mem.base));
		compare(c, "index", ours->index, number_of(memory->mem.index));
		compare(c, "relative", ours->is_relative, memory->mem.base == X86_REG_RIP);
	}
	compare(c, "displacement", ours->displacement, (long)memory->mem.disp);
	if (memory->access & CS_AC_WRITE && stored < memory->size && !has_wrong_writes(c->is))
		tell(c, "stored bytes", stored, memory->size);
}

static void compare_instruction(struct comparison *c, const struct x86_64_instruction *ours)
{
	uint32_t written = written_by(c);
	long end = (long)(c->is->address + c->is->size);

	compare(c, "kind", ours->kind, kind_of(c));
	if (ours->kind == X86_64_JUMP || ours->kind == X86_64_BRANCH)
		compare(c, "target", end + ours->distance,
			(long)c->is->detail->x86.operands[0].imm);
	if (ours->kind == X86_64_ADD_STORE)
		compare(c, "constant", ours->constant, (long)c->is->detail->x86.operands[1].imm);
	if (written & ~ours->written && !has_wrong_writes(c->is))
		tell(c, "written", ours->written, written);
	compare_memory(c, ours);
}

/* One function, up to what capstone does not know: data in between. */
static void compare_code(struct comparison *c, const uint8_t *code, size_t len, uint64_t address)
{
	const uint8_t *at = code;

	while (len && cs_disasm_iter(c->capstone, &at, &len, &address, c->is)) {
		struct x86_64_instruction ours;

		c->nr++;
		if (x86_64_decode(at - c->is->size, len + c->is->size, &ours) < 0)
			continue;
		c->nr_known++;
		if (ours.bytes == c->is->size)
			compare_instruction(c, &ours);
		else
			tell(c, "length", ours.bytes, c->is->size);
	}
}

/* False: no such file, or not of this architecture. */
static bool compare_file(const char *path)
{
	struct comparison c = {0};
	struct elf_image *image;

	if (elf_open(path, &image) < 0)
		return false;
	if (image->machine != EM_X86_64) {
		elf_free(image);
		return false;
	}
	cr_assert(eq(int, cs_open(CS_ARCH_X86, CS_MODE_64, &c.capstone), CS_ERR_OK));
	cs_option(c.capstone, CS_OPT_DETAIL, CS_OPT_ON);
	c.is = cs_malloc(c.capstone);
	cr_assert(eq(int, elf_read_ranges(image), 0));
	for (size_t i = 0; i < image->nr_ranges; i++) {
		const struct elf_range *range = &image->range[i];
		size_t len = range->end - range->start;
		const uint8_t *code = elf_bytes(image, range->start, len);

		if (code)
			compare_code(&c, code, len, range->start);
	}
	cr_log_info("%s: %zu instructions, %zu known, %u told apart", path, c.nr, c.nr_known,
		    c.wrong);
	cr_expect(eq(u32, c.wrong, 0), "%s", path);
	cr_expect(gt(sz, c.nr, 100), "%s", path);
	cs_free(c.is, 1);
	cs_close(&c.capstone);
	elf_free(image);
	return true;
}

struct file {
	const char path[64];
};

static struct file files[] = {
	{"/lib/x86_64-linux-gnu/libc.so.6"},
	{"/lib/x86_64-linux-gnu/libm.so.6"},
	{"/lib/x86_64-linux-gnu/libcrypto.so.3"},
	{"/usr/bin/lua5.1"},
	{"/usr/bin/lua5.2"},
	{"/usr/bin/lua5.3"},
	{"/usr/bin/lua5.4"},
	{"/lib/x86_64-linux-gnu/libluajit-5.1.so.2"},
};

ParameterizedTestParameters(x86_64_capstone, as_it_says_of_a_file)
{
	return cr_make_param_array(struct file, files, ARRAY_SIZE(files));
}

ParameterizedTest(struct file *file, x86_64_capstone, as_it_says_of_a_file)
{
	if (!compare_file(file->path))
		cr_skip_test("%s is not here", file->path);
}

#ifdef __x86_64__

static struct interpreter_build builds[] = {
	{"gcc", "-O0", "-DBITS=7", "-DGOTO", "-pie", ""},
	{"gcc", "-O1", "-DBITS=6", "-DSWITCH", "-pie", ""},
	{"gcc", "-O2", "-DBITS=7", "-DGOTO", "-pie", ""},
	{"gcc", "-O3", "-DBITS=6", "-DSWITCH", "-no-pie", ""},
	{"clang", "-O0", "-DBITS=7", "-DGOTO", "-pie", ""},
	{"clang", "-O1", "-DBITS=6", "-DSWITCH", "-pie", ""},
	{"clang", "-O2", "-DBITS=7", "-DGOTO", "-no-pie", ""},
	{"clang", "-O3", "-DBITS=6", "-DSWITCH", "-pie", "-march=x86-64-v3"},
};

ParameterizedTestParameters(x86_64_capstone, as_it_says_of_an_interpreter)
{
	return cr_make_param_array(struct interpreter_build, builds, ARRAY_SIZE(builds));
}

ParameterizedTest(struct interpreter_build *b, x86_64_capstone, as_it_says_of_an_interpreter)
{
	char program[64];

	interpreter_compile(b, program);
	cr_expect(compare_file(program));
	unlink(program);
}

#endif

#else

Test(x86_64_capstone, as_it_says)
{
	cr_skip_test("built without libcapstone-dev");
}

#endif
