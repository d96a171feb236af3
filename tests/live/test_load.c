/* SPDX-License-Identifier: MIT */
/*
 * What the verifier has to do before a run can begin: about 1 ms of CPU per 1,000 instructions that
 * it follows. A loop that it follows round by round, or a branch in front of much code, is soon
 * half of it, and nothing else would tell.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bprof.skel.h"
#include "luajit.skel.h"
#include "puc.skel.h"

#define STATISTICS   4 /* log level */
#define LOG_BYTES    8192
#define MAX_PROGRAMS 32

#define VM_COUNT_MAGIC 0x3fffffffU

static struct bpf_object *open_every_run(void);
static struct bpf_object *open_counting(void);
static struct bpf_object *open_luajit(void);
static struct bpf_object *open_puc(void);

static const struct {
	const char *what;
	struct bpf_object *(*open)(void);
	unsigned long most_of_all; /* instructions followed, in all programs of the object */
	unsigned long most_of_one;
} objects[] = {
	/* on Linux 6.1: 9,900; 12,800; 13,200; on 6.18: 8,700, of them 1,700 in on_getenv;
	   11,900; 14,400 */
	{"every run", open_every_run, 10300, 3000},
	/* 900 more: its loops are bodies of bpf_loop(), or they would be half a million */
	{"--mode=count", open_counting, 11300, 4000},
	{"LuaJIT", open_luajit, 13300, 13300},
	{"PUC Lua", open_puc, 14500, 14500},
};

static struct bpf_object *open_counting(void)
{
	struct bprof_bpf *bpf = bprof_bpf__open();

	cr_assert(ne(ptr, bpf, NULL));
	bpf->rodata->vm_count_magic = VM_COUNT_MAGIC;
	return bpf->obj;
}

static struct bpf_object *open_bytes(const void *(*elf)(size_t *bytes))
{
	size_t bytes;
	const void *content = elf(&bytes);

	return bpf_object__open_mem(content, bytes, NULL);
}

static struct bpf_object *open_every_run(void)
{
	return open_bytes(bprof_bpf__elf_bytes);
}

static struct bpf_object *open_luajit(void)
{
	return open_bytes(luajit_bpf__elf_bytes);
}

static struct bpf_object *open_puc(void)
{
	return open_bytes(puc_bpf__elf_bytes);
}

static int say_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
}

static unsigned long followed(const struct bpf_program *program)
{
	size_t bytes;
	const char *log = bpf_program__log_buf(program, &bytes);
	const char *processed = log ? strstr(log, "processed ") : NULL;

	cr_assert(ne(ptr, (void *)processed, NULL), "%s: no statistics",
		  bpf_program__name(program));
	return strtoul(processed + strlen("processed "), NULL, 10);
}

/* Loads the object; its verifier's words go to the logs. */
static struct bpf_object *load(size_t i)
{
	static char log[MAX_PROGRAMS][LOG_BYTES];
	struct bpf_object *object = objects[i].open();
	struct bpf_program *program;
	size_t nr = 0;

	cr_assert(ne(ptr, object, NULL));
	bpf_object__for_each_program(program, object)
	{
		cr_assert(lt(sz, nr, MAX_PROGRAMS));
		bpf_program__set_log_buf(program, log[nr++], LOG_BYTES);
		bpf_program__set_log_level(program, STATISTICS);
	}
	cr_assert(eq(int, bpf_object__load(object), 0), "%s: the kernel refused it",
		  objects[i].what);
	return object;
}

static unsigned long check_object(size_t i)
{
	struct bpf_object *object = load(i);
	struct bpf_program *program;
	unsigned long sum = 0;

	bpf_object__for_each_program(program, object)
	{
		unsigned long instructions = followed(program);

		printf("[----] %-20s %6lu instructions followed\n", bpf_program__name(program),
		       instructions);
		cr_expect(lt(ulong, instructions, objects[i].most_of_one), "%s",
			  bpf_program__name(program));
		sum += instructions;
	}
	cr_expect(lt(ulong, sum, objects[i].most_of_all), "%s", objects[i].what);
	bpf_object__close(object);
	return sum;
}

Test(load, the_verifier_follows_few_instructions)
{
	size_t nr = sizeof(objects) / sizeof(objects[0]);

	if (geteuid() != 0)
		cr_skip_test("loading programs needs root");
	libbpf_set_print(say_nothing);
	for (size_t i = 0; i < nr; i++)
		printf("[----] all of %-13s %6lu\n", objects[i].what, check_object(i));
}
