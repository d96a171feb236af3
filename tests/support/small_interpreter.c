/* SPDX-License-Identifier: MIT */
#include "small_interpreter.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* After lvm.c of Lua 5.4: vmfetch, vmbreak, Protect, savepc, dojump. */
static const char interpreter[] =
	"typedef unsigned Instruction;\n"
	"struct call { void *a[4]; const Instruction *savedpc; volatile int trap; };\n"
	"const Instruction *volatile running;\n"
	"volatile long sink[64];\n"
	"#ifndef __clang__\n"
	"__attribute__((noipa))\n" /* as if it were in another file */
	"#endif\n"
	"__attribute__((noinline)) int helper(struct call *ci, long a, long b)\n"
	"{ sink[a & 63] += b; return ci->trap; }\n"
	"#define MASK ((1 << BITS) - 1)\n"
	"#define FETCH if (trap) trap = helper(ci, 1, 2); i = *pc++; running = pc;\n"
	"#ifdef SWITCH\n"
	"#define GO continue;\n"
	"#define AT(k) case k - 10:\n"
	"#else\n"
	"#define GO FETCH goto *table[i & MASK];\n"
	"#define AT(k) L##k:\n"
	"#endif\n"
	"#define A (i >> BITS & 7)\n"
	"#define B (i >> (BITS + 3) & 7)\n"
	"#define OP(k) AT(k) { \\\n"
	"	if (k % 3 == 0) { ci->savedpc = pc; trap = helper(ci, r[A], r[B]); } \\\n"
	"	r[B] ^= k; \\\n"
	"	if (k % 5 == 1) r[A] = r[B] * 3 + k; \\\n"
	"	else if (k % 7 == 2) pc += i >> 30; \\\n"
	"	else if (k % 11 == 4) { if (r[A] & 1) pc++; else { Instruction n = *pc; \\\n"
	"		pc += (n >> 30) + 1; trap = ci->trap; } } \\\n"
	"	else if (k % 13 == 5) { long c = r[B]; if (c & 2) { c += *pc >> 28; pc++; } r[A] += c; \\\n"
	"		helper(ci, c, r[A]); } \\\n"
	"	else if (k % 8 == 0) for (unsigned n = 0; n < i >> 30; n++, pc++) { \\\n"
	"		if ((*pc >> 20) % 3 == 0) r[n] = r[*pc >> 29]; \\\n"
	"		else r[n] += helper(ci, n, *pc >> 29); } \\\n"
	"	GO }\n"
	"#define TEN(k) OP(k##0) OP(k##1) OP(k##2) OP(k##3) OP(k##4) OP(k##5) OP(k##6) OP(k##7) "
	"OP(k##8) OP(k##9)\n"
	"#define L10(k) &&L##k##0, &&L##k##1, &&L##k##2, &&L##k##3, &&L##k##4, &&L##k##5, "
	"&&L##k##6, &&L##k##7, &&L##k##8, &&L##k##9\n"
	"__attribute__((noinline)) void execute(struct call *ci, long *r)\n"
	"{\n"
	"	const Instruction *pc; Instruction i; int trap;\n"
	"#ifndef SWITCH\n"
	"	static const void *const table[] = { L10(1), L10(2), L10(3), L10(4), &&L50,\n"
	"		[41 ... MASK] = &&L50 };\n"
	"#endif\n"
	"	trap = ci->trap;\n"
	"	pc = ci->savedpc;\n"
	"#ifdef SWITCH\n"
	"	for (;;) { FETCH switch (i & MASK) { TEN(1) TEN(2) TEN(3) TEN(4)\n"
	"		case 40: return; } }\n"
	"#else\n"
	"	GO TEN(1) TEN(2) TEN(3) TEN(4) L50: return;\n"
	"#endif\n"
	"}\n"
	"Instruction code[200];\n"
	"int main(void)\n"
	"{\n"
	"	long r[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };\n"
	"	struct call ci = { .savedpc = code };\n"
	"	unsigned seed = 1;\n"
	"	for (int i = 0; i < 200; i++) {\n"
	"		seed = seed * 1103515245 + 12345;\n"
	"		code[i] = i < 190 ? (seed & ~MASK) | (seed >> 16) % 40 : 40;\n"
	"	}\n"
	"	execute(&ci, r);\n"
	"	ci.savedpc = code + 7;\n"
	"	ci.trap = 1;\n"
	"	execute(&ci, r);\n"
	"	return 0;\n"
	"}\n";

static int run(char *const *argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (freopen("/dev/null", "w", stderr))
			execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void interpreter_compile(const struct interpreter_build *b, char ret_program[64])
{
	char source[] = "/tmp/bprof-places-XXXXXX";
	int fd = mkstemp(source), status;

	snprintf(ret_program, 64, "%s.out", source);
	cr_assert(eq(sz, (size_t)write(fd, interpreter, sizeof(interpreter) - 1),
		     sizeof(interpreter) - 1));
	close(fd);
	status = run((char *[]){
		(char *)b->compiler, (char *)"-w", (char *)b->optimize, (char *)b->bits,
		(char *)b->shape, (char *)b->link, (char *)(*b->machine ? b->machine : "-w"),
		(char *)(strcmp(b->link, "-pie") ? "-fno-pie" : "-fPIE"), (char *)"-x", (char *)"c",
		source, (char *)"-o", ret_program, NULL});
	unlink(source);
	if (status == 127)
		cr_skip_test("no %s", b->compiler);
	cr_assert(eq(int, status, 0));
}
