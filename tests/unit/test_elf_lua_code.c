/* SPDX-License-Identifier: MIT */
/*
 * Which functions of a PUC Lua build are its collector: made files whose symbols tell the truth,
 * and the stripped builds of this machine.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "elf_file.h"

/*
 * The shape of a PUC Lua in C. Each function does something, so that none is merged with another,
 * and every one has a symbol here, which the code under test must not need.
 */
static const char shape[] =
	"#define F __attribute__((noinline, noclone, visibility(\"hidden\"))) void\n"
	"#define API __attribute__((noinline, noclone)) void\n"
	"volatile int x;\n"
	"F luaE_setdebt(void) { x = 1; }\n"
	"F luaM_realloc_(void) { luaE_setdebt(); x += 2; }\n"
	"F mark(void) { luaM_realloc_(); x += 3; }\n"
	"F sweep_all(void) { mark(); luaM_realloc_(); x += 31; }\n"
	"F luaC_step(void) { if (x) { mark(); x++; } luaE_setdebt(); x += 32; SWEEP }\n"
	"F luaC_fullgc(void) { mark(); mark(); x += 33; luaE_setdebt(); }\n"
	"F luaV_execute(void) { luaC_step(); x += 34; LONG luaM_realloc_(); x += 35; }\n"
	"F luaD_call(void) { luaV_execute(); x += 36; }\n"
	"F luaH_new(void) { luaM_realloc_(); x += 37; }\n"
	"F luaS_new(void) { luaM_realloc_(); x += 38; }\n"
	"API lua_createtable(void) { luaC_step(); luaH_new(); x += 4; SHARED }\n"
	"API lua_pushcclosure(void) { luaC_step(); luaM_realloc_(); x += 5; SHARED }\n"
	"API lua_newthread(void) { luaC_step(); luaM_realloc_(); x += 6; SHARED }\n"
	"API lua_concat(void) { luaC_step(); luaS_new(); x += 7; SHARED }\n"
	"API lua_pushvfstring(void) { luaC_step(); luaS_new(); x += 8; SHARED }\n"
	"API lua_callk(void) { luaD_call(); x += 9; }\n"
	"API lua_gc(void) { luaC_fullgc(); luaE_setdebt(); x += 10; luaC_step(); x += 11; GC }\n";

#define TEN(s)	   s s s s s s s s s s
#define LONG	   "-DLONG=" TEN("x+=1;") TEN("x+=2;") TEN("x+=3;")
#define NO_SWEEP   "-DSWEEP="
#define JUMP_SWEEP "-DSWEEP=sweep_all();"
#define NO_SHARED  "-DSHARED="
#define NO_GC	   "-DGC="

static struct elf_image *shape_of(const char *sweep, const char *shared, const char *gc)
{
	char in[] = "/tmp/bprof-code-XXXXXX", out[64];
	const char *argv[] = {"cc", "-x", "c",	in,    "-shared", "-fPIC", "-O2", "-nostdlib",
			      "-o", out,  LONG, sweep, shared,	  gc,	   NULL};
	union {
		const char *const *in;
		char *const *out;
	} args = {.in = argv};
	struct elf_image *image = NULL;
	int fd = mkstemp(in), status, r = -1;
	pid_t pid;

	snprintf(out, sizeof(out), "%s.so", in);
	cr_assert(eq(long, (long)write(fd, shape, strlen(shape)), (long)strlen(shape)));
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

static bool has(struct elf_image *image, const struct elf_range *range, size_t nr, const char *name)
{
	struct elf_function f;

	cr_assert(eq(int, elf_function(image, name, &f), 0), "%s", name);
	for (size_t i = 0; i < nr; i++)
		if (range[i].start == f.address && range[i].end == f.address + f.size)
			return true;
	return false;
}

Test(elf_lua_code, the_ways_into_the_collector_are_known_by_who_calls_them)
{
	struct elf_image *image = shape_of(NO_SWEEP, NO_SHARED, NO_GC);
	struct elf_lua_code code;

	cr_assert(eq(int, elf_lua_code(image, &code), 0));
	cr_expect(has(image, &code.execute, 1, "luaV_execute"));
	cr_expect(eq(sz, code.nr_gc, 2));
	cr_expect(has(image, code.gc, code.nr_gc, "luaC_step"));
	cr_expect(has(image, code.gc, code.nr_gc, "luaC_fullgc"));
	cr_expect(eq(sz, code.nr_callers, 1));
	cr_expect(has(image, code.caller, code.nr_callers, "luaD_call"));
	elf_free(image);
}

Test(elf_lua_code, what_the_collector_jumps_to_is_the_collector)
{
	struct elf_image *image = shape_of(JUMP_SWEEP, NO_SHARED, NO_GC);
	struct elf_lua_code code;

	cr_assert(eq(int, elf_lua_code(image, &code), 0));
	cr_expect(eq(sz, code.nr_gc, 3));
	cr_expect(has(image, code.gc, code.nr_gc, "sweep_all"));
	elf_free(image);
}

Test(elf_lua_code, two_functions_that_every_maker_calls_prove_nothing)
{
	struct elf_image *image = shape_of(NO_SWEEP, "-DSHARED=luaM_realloc_();x++;", NO_GC);
	struct elf_lua_code code;

	cr_expect(eq(int, elf_lua_code(image, &code), -ENODATA));
	elf_free(image);
}

Test(elf_lua_code, a_collector_that_many_call_proves_nothing)
{
	struct elf_image *image = shape_of(NO_SWEEP, NO_SHARED, "-DGC=luaM_realloc_();x++;");
	struct elf_lua_code code;

	cr_assert(eq(int, elf_lua_code(image, &code), 0));
	cr_expect(has(image, &code.execute, 1, "luaV_execute"));
	cr_expect(eq(sz, code.nr_gc, 0));
	cr_expect(eq(sz, code.nr_callers, 0));
	elf_free(image);
}

#ifdef __x86_64__

#define SAVE(reg, base, at) "__asm__ volatile(\"mov %%" reg "," at "(%%" base ")\" ::: \"memory\");"
#define LOAD(reg, from)	    "__asm__ volatile(\"mov " from ",%%" reg "\" ::: \"" reg "\");"

static int pc_register_of(const char *body, unsigned *ret)
{
	struct elf_image *image;
	struct elf_lua_code code;
	char text[4096];
	int r;

	snprintf(text, sizeof(text), "-DGC=if(x>99){%s}", body);
	image = shape_of(NO_SWEEP, NO_SHARED, text);
	r = elf_lua_code(image, &code);
	if (!r) {
		struct elf_function gc;

		/* any function does */
		cr_assert(eq(int, elf_function(image, "lua_gc", &gc), 0));
		code.execute = (struct elf_range){gc.address, gc.address + gc.size};
		r = elf_lua_pc_register(image, &code.execute, 32, ret);
	}
	elf_free(image);
	return r;
}

Test(elf_lua_code, the_pc_is_in_the_register_that_is_saved_most)
{
	unsigned reg = 99;

	cr_assert(eq(int,
		     pc_register_of(TEN(SAVE("r14", "r12", "0x20")) SAVE("rax", "rbx", "0x20")
					    TEN(SAVE("r13", "rbx", "0x28")),
				    &reg),
		     0));
	cr_expect(eq(u32, reg, 14));
	cr_assert(eq(int, pc_register_of(TEN(SAVE("rbx", "rax", "0x20")), &reg), 0));
	cr_expect(eq(u32, reg, 3));
}

Test(elf_lua_code, a_pc_that_is_kept_in_memory_is_in_no_register)
{
	unsigned reg;

	cr_expect(eq(
		int,
		pc_register_of(TEN(LOAD("rdx", "-0x38(%%rbp)") SAVE("rdx", "rax", "0x20")), &reg),
		-ENODATA));
	cr_expect(eq(int,
		     pc_register_of(TEN(LOAD("r9", "0x18(%%rsp)") SAVE("r9", "rax", "0x20")), &reg),
		     -ENODATA));
}

Test(elf_lua_code, stores_of_many_registers_tell_nothing)
{
	unsigned reg;

	cr_expect(
		eq(int,
		   pc_register_of(TEN(SAVE("rbx", "rax", "0x20") SAVE("r12", "rax", "0x20")), &reg),
		   -ENODATA));
	cr_expect(eq(int, pc_register_of(SAVE("rbx", "rax", "0x20"), &reg), -ENODATA));
}

#endif

struct file {
	const char path[64];
	bool is_puc;
	unsigned savedpc;     /* its offset, where the pc is kept in a register */
	unsigned pc_register; /* on x86-64 */
};

static struct file files[] = {
	{"/usr/bin/lua5.1", true, 48, 13},
	{"/usr/bin/lua5.2", true, 0, 0},
	{"/usr/bin/lua5.3", true, 0, 0},
	{"/usr/bin/lua5.4", true, 32, 13},
	{"/usr/lib/x86_64-linux-gnu/liblua5.1.so.0", true, 48, 13},
	{"/usr/lib/x86_64-linux-gnu/liblua5.2.so.0", true, 0, 0},
	{"/usr/lib/x86_64-linux-gnu/liblua5.3.so.0", true, 0, 0},
	{"/usr/lib/x86_64-linux-gnu/liblua5.4.so.0", true, 32, 13},
	{"/usr/bin/luajit", false, 0, 0},
	{"/bin/sh", false, 0, 0},
};

ParameterizedTestParameters(elf_lua_code, the_builds_of_this_machine_are_proved)
{
	return cr_make_param_array(struct file, files, ARRAY_SIZE(files));
}

ParameterizedTest(struct file *file, elf_lua_code, the_builds_of_this_machine_are_proved)
{
	struct elf_lua_code code;
	struct elf_function gc;
	struct elf_image *image;
	unsigned reg = 99;

	if (elf_open(file->path, &image) < 0)
		cr_skip_test("%s is not here", file->path);
	if (!file->is_puc) {
		cr_expect(eq(int, elf_lua_code(image, &code), -ENODATA));
		elf_free(image);
		return;
	}
	cr_assert(eq(int, elf_lua_code(image, &code), 0));
	cr_assert(eq(int, elf_function(image, "lua_gc", &gc), 0));
	cr_expect(ge(sz, code.nr_gc, 2));
	cr_expect(ge(sz, code.nr_callers, 1));
	for (size_t i = 0; i < code.nr_gc; i++) {
		/* static, so nothing exported covers it; lua_gc itself is a caller */
		cr_expect(eq(ptr, (void *)elf_symbol_at(image, code.gc[i].start, NULL), NULL));
		cr_expect(ne(u64, code.gc[i].start, gc.address));
		cr_expect(ne(u64, code.gc[i].start, code.execute.start));
	}
	if (file->savedpc) {
		cr_expect(
			eq(int, elf_lua_pc_register(image, &code.execute, file->savedpc, &reg), 0));
#ifdef __x86_64__
		cr_expect(eq(u32, reg, file->pc_register));
#endif
	}
	elf_free(image);
}
