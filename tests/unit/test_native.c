/* SPDX-License-Identifier: MIT */
/*
 * The native unwinder on stacks of this very process, taken in a signal handler as a sample is: all
 * of it, a part of it, with reads that fail.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "elf_file.h"
#include "native.h"
#include "proc.h"

#define MAX_WORDS 1024

/* ---- a sample -------------------------------------------------------------------------------- */

static uint64_t reg[BPROF_NR_REGS], word[MAX_WORDS], stack_end;
static size_t nr_words;

static void take_registers(const ucontext_t *context)
{
#if defined(__x86_64__)
	static const int greg[BPROF_NR_REGS] = {
		[BPROF_REG_AX] = REG_RAX,  [BPROF_REG_BX] = REG_RBX,  [BPROF_REG_CX] = REG_RCX,
		[BPROF_REG_DX] = REG_RDX,  [BPROF_REG_SI] = REG_RSI,  [BPROF_REG_DI] = REG_RDI,
		[BPROF_REG_BP] = REG_RBP,  [BPROF_REG_SP] = REG_RSP,  [BPROF_REG_R8] = REG_R8,
		[BPROF_REG_R9] = REG_R9,   [BPROF_REG_R10] = REG_R10, [BPROF_REG_R11] = REG_R11,
		[BPROF_REG_R12] = REG_R12, [BPROF_REG_R13] = REG_R13, [BPROF_REG_R14] = REG_R14,
		[BPROF_REG_R15] = REG_R15, [BPROF_REG_IP] = REG_RIP,
	};

	for (size_t i = 0; i < BPROF_NR_REGS; i++)
		reg[i] = (uint64_t)context->uc_mcontext.gregs[greg[i]];
#else
	(void)context;
#endif
}

/* Reads the frames of others, which AddressSanitizer does not allow. */
static __attribute__((no_sanitize("address"))) void on_signal(int number, siginfo_t *info,
							      void *context)
{
	const volatile uint64_t *sp;

	(void)number, (void)info;
	take_registers(context);
	sp = (const volatile uint64_t *)(uintptr_t)(reg[BPROF_REG_SP] & ~7ULL);
	for (nr_words = 0; nr_words < MAX_WORDS && (uaddr_t)(uintptr_t)(sp + nr_words) < stack_end;
	     nr_words++)
		word[nr_words] = sp[nr_words];
}

static volatile int sink;

static __attribute__((noinline)) int leaf(const void *a, const void *b)
{
	raise(SIGUSR1);
	sink++;
	return *(const int *)a - *(const int *)b;
}

static __attribute__((noinline)) void sorts(void)
{
	int pair[2] = {2, 1};

	qsort(pair, 2, sizeof(pair[0]), leaf); /* frames of libc between two of ours */
	sink += pair[0];
}

/* ---- the process ----------------------------------------------------------------------------- */

static struct proc_maps maps;
static struct elf_image *images[PROC_MAX_MAPS / 64];
static size_t nr_reads, failing_read; /* 0 = none fails */
static bool is_libc_hidden;

static struct elf_image *image_of(const struct proc_map *map)
{
	for (size_t i = 0; i < maps.nr && i < ARRAY_SIZE(images); i++) {
		if (map != &maps.map[i])
			continue;
		if (!images[i] && elf_open(map->path, &images[i]) < 0)
			return NULL;
		return images[i];
	}
	return NULL;
}

static int image_at(void *ctx, uaddr_t pc, struct native_image *ret)
{
	const struct proc_map *map = proc_maps_find(&maps, pc);
	struct elf_image *elf = map && map->path[0] == '/' ? image_of(map) : NULL;
	struct elf_unwind_table table;
	uint64_t vaddr;

	(void)ctx;
	if (!elf || (is_libc_hidden && strstr(map->path, "libc")) ||
	    elf_vaddr_of_offset(elf, pc - map->start + map->offset, &vaddr) < 0 ||
	    elf_unwind_table(elf, &table) < 0)
		return -ENOENT;
	*ret = (struct native_image){.start = map->start,
				     .end = map->end,
				     .bias = pc - vaddr,
				     .header = table.header,
				     .table = table.table,
				     .nr = table.nr};
	return 0;
}

static int read_file(void *ctx, void *dst, size_t len, uaddr_t src)
{
	const struct proc_map *map = proc_maps_find(&maps, src);
	struct elf_image *elf = map && map->path[0] == '/' ? image_of(map) : NULL;
	uint64_t vaddr;

	(void)ctx;
	if (++nr_reads == failing_read || !elf ||
	    elf_vaddr_of_offset(elf, src - map->start + map->offset, &vaddr) < 0)
		return -EFAULT;
	return elf_read(elf, vaddr, dst, len);
}

static struct native_unwinder *unwinder;

static void set_up(void)
{
	struct native_env env = {.image = image_at, .read = read_file};
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

#if !defined(__x86_64__)
	cr_skip_test("registers of this machine are not taken here");
#endif
	sigaction(SIGUSR1, &action, NULL);
	cr_assert(eq(int, proc_read_maps(getpid(), &maps), 0));
	cr_assert(eq(int, native_new(&env, &unwinder), 0));
	stack_end = proc_maps_find(&maps, (uaddr_t)(uintptr_t)&action)->end;
	sorts();
	/* what was mapped since */
	proc_maps_done(&maps);
	cr_assert(eq(int, proc_read_maps(getpid(), &maps), 0));
}

static void tear_down(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(images); i++)
		elf_free(images[i]);
	native_free(unwinder);
	proc_maps_done(&maps);
}

TestSuite(native, .init = set_up, .fini = tear_down);

struct frames {
	uaddr_t pc[NATIVE_MAX_FRAMES];
	size_t nr, wanted;
};

static bool visit(void *arg, uaddr_t pc)
{
	struct frames *f = arg;

	f->pc[f->nr++] = pc;
	return f->nr < f->wanted;
}

static int walk(size_t nr, struct frames *ret)
{
	struct native_stack stack = {.reg = reg, .word = word, .nr_words = nr};

	ret->nr = 0;
	ret->wanted = NATIVE_MAX_FRAMES;
	return native_walk(unwinder, &stack, visit, ret);
}

/* The code range that covers a frame, as addresses of this process. */
static struct elf_range function_at(uaddr_t pc)
{
	const struct proc_map *map = proc_maps_find(&maps, pc);
	struct elf_image *elf = map ? image_of(map) : NULL;
	struct elf_range range = {0, 0};
	uint64_t vaddr;

	if (!elf || elf_vaddr_of_offset(elf, pc - map->start + map->offset, &vaddr) < 0 ||
	    elf_code_range(elf, vaddr, &range) < 0)
		return range;
	return (struct elf_range){range.start + pc - vaddr, range.end + pc - vaddr};
}

/* Index of the frame of a function from @from on; the number of frames if there is none. */
static size_t frame_of(const struct frames *f, size_t from, const void *function)
{
	while (from < f->nr && function_at(f->pc[from]).start != (uaddr_t)(uintptr_t)function)
		from++;
	return from;
}

/* ---- what it says ---------------------------------------------------------------------------- */

Test(native, every_frame_is_there_in_order)
{
	struct frames f;
	size_t at;

	walk(nr_words, &f);
	at = frame_of(&f, 0, (const void *)leaf);
	cr_assert(lt(sz, at, f.nr));
	cr_expect(gt(sz, at, 0)); /* raise() and what it calls */
	cr_assert(lt(sz, at + 2, f.nr));
	cr_expect(ne(u64, function_at(f.pc[at + 1]).start, 0)); /* qsort() and what it calls */
	at = frame_of(&f, at + 1, (const void *)sorts);
	cr_assert(lt(sz, at + 1, f.nr));
	cr_expect(eq(u64, function_at(f.pc[at + 1]).start, (uaddr_t)(uintptr_t)set_up));
}

Test(native, a_second_walk_gives_the_same)
{
	struct frames first, second;

	cr_expect(eq(int, walk(nr_words, &first), walk(nr_words, &second)));
	cr_assert(eq(sz, first.nr, second.nr));
	cr_expect(eq(int, memcmp(first.pc, second.pc, first.nr * sizeof(first.pc[0])), 0));
	native_forget(unwinder);
	walk(nr_words, &second);
	cr_assert(eq(sz, first.nr, second.nr));
}

Test(native, of_a_part_of_the_stack_it_gives_a_part_and_says_so)
{
	struct frames whole, part;
	size_t most = 0;

	walk(nr_words, &whole);
	for (size_t n = 0; n < nr_words; n++) {
		int r = walk(n, &part);

		cr_assert(le(sz, part.nr, whole.nr));
		cr_assert(eq(int, memcmp(part.pc, whole.pc, part.nr * sizeof(part.pc[0])), 0));
		cr_assert(ge(sz, part.nr, most)); /* more stack, never fewer frames */
		most = part.nr;
		if (part.nr < whole.nr)
			cr_assert(eq(int, r, -EFAULT));
	}
	cr_expect(gt(sz, most, 3));
}

Test(native, a_read_that_fails_costs_frames_and_makes_none)
{
	struct frames whole, part;
	size_t nr;

	native_forget(unwinder);
	nr_reads = 0;
	walk(nr_words, &whole);
	nr = nr_reads;
	cr_assert(gt(sz, nr, 50));
	for (size_t n = 1; n <= nr; n++) {
		native_forget(unwinder);
		nr_reads = 0;
		failing_read = n;
		cr_assert(lt(int, walk(nr_words, &part), 0));
		cr_assert(lt(sz, part.nr, whole.nr + 1));
		cr_assert(eq(int, memcmp(part.pc, whole.pc, part.nr * sizeof(part.pc[0])), 0));
	}
	failing_read = 0;
}

Test(native, a_file_without_unwind_data_ends_the_walk)
{
	struct frames f;

	is_libc_hidden = true;
	native_forget(unwinder);
	cr_expect(eq(int, walk(nr_words, &f), -ENODATA));
	cr_expect(eq(sz, f.nr, 1)); /* the leaf is in libc's raise() */
	is_libc_hidden = false;
}

Test(native, the_visitor_may_end_it)
{
	struct native_stack stack = {.reg = reg, .word = word, .nr_words = nr_words};
	struct frames f = {.wanted = 2};

	cr_expect(eq(int, native_walk(unwinder, &stack, visit, &f), 0));
	cr_expect(eq(sz, f.nr, 2));
}

Test(native, any_words_as_a_stack_end)
{
	struct frames f;

	srand(7);
	for (unsigned round = 0; round < 500; round++) {
		uaddr_t code = (uaddr_t)(uintptr_t)sorts & ~0xfffULL;

		for (size_t i = 0; i < 64; i++)
			word[i] = rand() % 3 ? code + (uaddr_t)(rand() % 65536)
					     : reg[BPROF_REG_SP] + (uaddr_t)(rand() % 4096);
		reg[BPROF_REG_IP] = code + (uaddr_t)(rand() % 65536);
		walk(64, &f);
		cr_assert(le(sz, f.nr, NATIVE_MAX_FRAMES));
	}
}
