/* SPDX-License-Identifier: MIT */
/* Where Lua 5.2 and 5.3 have the target of a branch in their saved pc, and have not fetched it. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "arm64_fetch.h"
#include "elf_file.h"
#include "x86_64.h"

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
	static const uint8_t avx[] = {0xc5, 0xf8, 0x58, 0xc1, 0, 0},
			     prefixes[16] = {[0 ... 15] = 0x66};
	struct x86_64_instruction is;

	cr_expect(eq(int, x86_64_decode(avx, sizeof(avx), &is), -ENODATA));
	cr_expect(eq(int, x86_64_decode(prefixes, sizeof(prefixes), &is), -ENODATA));
}

#ifdef __x86_64__

/* A function of assembler code; its labels are symbols. */
static struct elf_image *assemble(const char *body)
{
	char in[] = "/tmp/bprof-fetch-XXXXXX", out[64];
	const char *argv[] = {"cc", "-x", "assembler", in, "-shared", "-nostdlib", "-o", out, NULL};
	union {
		const char *const *in;
		char *const *out;
	} args = {.in = argv};
	static const char *const labels[] = {"execute", "fetch", "inside", "fetched",
					     "window",	"over",	 "behind"};
	struct elf_image *image = NULL;
	int fd = mkstemp(in), status, r = -1;
	pid_t pid;

	snprintf(out, sizeof(out), "%s.so", in);
	dprintf(fd, "execute: %s\nbehind: nop\n", body);
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		dprintf(fd, ".globl %s\n.type %s, @function\n.size %s, 1\n", labels[i], labels[i],
			labels[i]);
	close(fd);
	pid = fork();
	if (pid == 0) {
		execvp(argv[0], args.out);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (status == 0)
		r = elf_open(out, &image);
	unlink(in);
	unlink(out);
	if (status == 127)
		cr_skip_test("no C compiler");
	cr_assert(eq(int, status, 0));
	cr_assert(eq(int, r, 0));
	return image;
}

static uint64_t at(struct elf_image *image, const char *label)
{
	struct elf_function f;

	cr_assert(eq(int, elf_function(image, label, &f), 0), "%s", label);
	return f.address;
}

static int fetch_of(struct elf_image *image, struct elf_lua_fetch *ret)
{
	const struct elf_range execute = {at(image, "execute"), at(image, "behind")};

	return elf_lua_fetch(image, &execute, 0x28, ret);
}

static bool has_window(struct elf_image *image, const struct elf_lua_fetch *fetch, const char *from,
		       const char *to)
{
	for (size_t i = 0; i < fetch->nr; i++)
		if (fetch->window[i].start == at(image, from) &&
		    fetch->window[i].end == at(image, to))
			return true;
	return false;
}

#define FETCH                                                                                      \
	"fetch: mov 0x28(%rbx),%rax\n"                                                             \
	"inside: lea 4(%rax),%rcx\n"                                                               \
	"mov %rcx,0x28(%rbx)\n"                                                                    \
	"fetched: mov (%rax),%r13d\n"                                                              \
	"jmp *%rdx\n"
#define BRANCH "mov %rcx,0x28(%rbx)\nwindow: mov %rdx,0x10(%r15)\n"

Test(elf_lua_fetch, from_the_store_of_a_target_to_its_fetch_the_pc_is_ahead)
{
	struct elf_image *image = assemble(FETCH BRANCH "jmp fetch\nover: ret\n");
	struct elf_lua_fetch fetch;

	cr_assert(eq(int, fetch_of(image, &fetch), 0));
	cr_expect(eq(sz, fetch.nr, 2));
	cr_expect(has_window(image, &fetch, "window", "over"));
	cr_expect(has_window(image, &fetch, "fetch", "fetched"));
	elf_free(image);
}

/* clang has the address of savedpc in a register, and adds to memory. */
Test(elf_lua_fetch, the_cell_of_the_fetch_is_the_saved_pc)
{
	struct elf_image *image = assemble("fetch: mov (%r9),%rax\n"
					   "inside: lea 4(%rax),%rcx\n"
					   "mov %rcx,(%r9)\n"
					   "fetched: mov (%rax),%r13d\n"
					   "jmp *%rdx\n"
					   "addq $4,(%r9)\n"
					   "window: jmp fetch\n"
					   "over: ret\n");
	struct elf_lua_fetch fetch;

	cr_assert(eq(int, fetch_of(image, &fetch), 0));
	cr_expect(eq(sz, fetch.nr, 2));
	cr_expect(has_window(image, &fetch, "window", "over"));
	cr_expect(has_window(image, &fetch, "fetch", "fetched"));
	elf_free(image);
}

/* gcc goes there with a target that is in no memory yet. */
Test(elf_lua_fetch, where_others_enter_the_fetch_the_saved_pc_tells_nothing)
{
	struct elf_image *image =
		assemble(FETCH BRANCH "jmp fetch\nover: lea 8(%rax),%rax\njmp inside\n");
	struct elf_lua_fetch fetch;

	cr_assert(eq(int, fetch_of(image, &fetch), 0));
	cr_expect(eq(sz, fetch.nr, 2));
	cr_expect(has_window(image, &fetch, "window", "over"));
	cr_expect(has_window(image, &fetch, "fetch", "inside"));
	elf_free(image);
}

Test(elf_lua_fetch, a_pc_that_is_not_read_back_has_no_window)
{
	struct elf_image *image = assemble(FETCH BRANCH "jmp inside\nover: ret\n");
	struct elf_lua_fetch fetch;

	cr_assert(eq(int, fetch_of(image, &fetch), 0));
	cr_expect(eq(sz, fetch.nr, 0));
	elf_free(image);
}

Test(elf_lua_fetch, only_code_that_goes_straight_is_a_window)
{
	static const char *const ways[] = {"je over\njmp fetch\n", "call behind\njmp fetch\n",
					   "ret\n", "mov %rcx,0x28(%rbx)\nret\n"};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		char body[512];
		struct elf_image *image;
		struct elf_lua_fetch fetch;

		snprintf(body, sizeof(body), "%s%s%sover: ret\n", FETCH, BRANCH, ways[i]);
		image = assemble(body);
		cr_assert(eq(int, fetch_of(image, &fetch), 0));
		cr_expect(eq(sz, fetch.nr, 0), "%s", ways[i]);
		elf_free(image);
	}
}

Test(elf_lua_fetch, code_that_is_not_understood_proves_nothing)
{
	static const char *const bodies[] = {
		FETCH BRANCH "jmp fetch\nover: jmp *%rcx\n",
		FETCH BRANCH "jmp fetch\nover: vaddps %xmm0,%xmm1,%xmm2\n",
		"fetch: inside: fetched: jmp *%rdx\n" BRANCH "over: ret\n",
		"fetch: inside: fetched: window: over: ret\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct elf_image *image = assemble(bodies[i]);
		struct elf_lua_fetch fetch;

		cr_expect(eq(int, fetch_of(image, &fetch), -ENODATA), "%s", bodies[i]);
		elf_free(image);
	}
}

/* Branch and fetch are one store in builds by gcc. */
Test(elf_lua_fetch, the_builds_of_debian_have_no_windows)
{
	static const char *const paths[] = {"/usr/bin/lua5.2", "/usr/bin/lua5.3"};
	static const unsigned savedpc[] = {56, 40};
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct elf_image *image;
		struct elf_lua_code code;
		struct elf_lua_fetch fetch;

		if (elf_open(paths[i], &image) < 0)
			continue;
		nr++;
		cr_assert(eq(int, elf_lua_code(image, &code), 0));
		cr_expect(eq(int, elf_lua_fetch(image, &code.execute, savedpc[i], &fetch), 0));
		cr_expect(eq(sz, fetch.nr, 0));
		elf_free(image);
	}
	if (!nr)
		cr_skip_test("neither Lua 5.2 nor 5.3 is here");
}

#endif

/* ---- arm64 --------------------------------------------------------------------------------- */

#define ARM64_NEXT   0x91001001U /* add x1, x0, #4 */
#define ARM64_BRANCH 0x8b020801U /* add x1, x0, x2, lsl #2 */
#define ARM64_STORE  0xf9001f61U /* str x1, [x27, #56] */
#define ARM64_LOAD   0xf9401f01U /* ldr x1, [x24, #56] */
#define ARM64_PAIR   0xa9030760U /* stp x0, x1, [x27, #48] */
#define ARM64_OTHER  0xb9400013U /* ldr w19, [x0] */
#define ARM64_JUMP   0xd61f0120U /* br x9 */

static int arm64(const uint32_t *code, size_t nr)
{
	return arm64_stores_next_only((const uint8_t *)code, 4 * nr, 56);
}

Test(arm64_fetch, a_pc_is_stored_when_it_is_moved_on)
{
	uint32_t good[] = {ARM64_NEXT, ARM64_OTHER, ARM64_STORE,
			   ARM64_JUMP, ARM64_LOAD,  ARM64_STORE};

	cr_expect(eq(int, arm64(good, ARRAY_SIZE(good)), 0));
	cr_expect(eq(int, arm64(good, 2), -ENODATA), "nothing is stored");
	cr_expect(
		eq(int, arm64_stores_next_only((const uint8_t *)good, sizeof(good), 40), -ENODATA),
		"not there");
}

/* As clang makes it: the fetch stores through a register that has the address. */
Test(arm64_fetch, where_the_fetch_is_not_seen_nothing_is_proved)
{
	uint32_t copy[] = {ARM64_LOAD, ARM64_STORE, ARM64_OTHER,
			   ARM64_JUMP, ARM64_NEXT,  ARM64_STORE};
	uint32_t jumps[] = {ARM64_NEXT, ARM64_STORE, ARM64_JUMP, ARM64_JUMP};

	cr_expect(eq(int, arm64(copy, ARRAY_SIZE(copy)), -ENODATA));
	cr_expect(eq(int, arm64(jumps, ARRAY_SIZE(jumps)), -ENODATA));
}

Test(arm64_fetch, a_target_that_is_stored_is_not_understood)
{
	uint32_t target[] = {ARM64_NEXT, ARM64_STORE, ARM64_JUMP, ARM64_BRANCH, ARM64_STORE};
	uint32_t pair[] = {ARM64_NEXT, ARM64_STORE, ARM64_JUMP, ARM64_PAIR};
	uint32_t unknown[] = {ARM64_STORE, ARM64_NEXT, ARM64_STORE, ARM64_JUMP};

	cr_expect(eq(int, arm64(target, ARRAY_SIZE(target)), -ENODATA));
	cr_expect(eq(int, arm64(pair, ARRAY_SIZE(pair)), -ENODATA));
	cr_expect(eq(int, arm64(unknown, ARRAY_SIZE(unknown)), -ENODATA));
}
