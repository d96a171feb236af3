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
#include "decoder.h"
#include "elf_file.h"

#ifdef __x86_64__

TestSuite(elf_lua_fetch, .init = need_decoder);

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
		FETCH BRANCH "jmp fetch\nover: .byte 6\n",
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
