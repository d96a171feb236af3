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

#define STATISTICS    4 /* log level */
#define LOG_BYTES     8192
#define MAX_PROGRAMS  32
#define MOST_OF_ALL   34000 /* 24,600 on Linux 6.18 */
#define MOST_OF_OTHER 3000  /* of a program that does not walk */

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

Test(load, the_verifier_follows_few_instructions)
{
	static char log[MAX_PROGRAMS][LOG_BYTES];
	struct bprof_bpf *bpf;
	struct bpf_program *program;
	unsigned long sum = 0;
	size_t nr = 0;

	if (geteuid() != 0)
		cr_skip_test("loading programs needs root");
	libbpf_set_print(say_nothing);
	bpf = bprof_bpf__open();
	cr_assert(ne(ptr, bpf, NULL));
	bpf_object__for_each_program(program, bpf->obj)
	{
		cr_assert(lt(sz, nr, MAX_PROGRAMS));
		bpf_program__set_log_buf(program, log[nr++], LOG_BYTES);
		bpf_program__set_log_level(program, STATISTICS);
	}
	cr_assert(eq(int, bprof_bpf__load(bpf), 0), "the kernel refused them");
	bpf_object__for_each_program(program, bpf->obj)
	{
		unsigned long instructions = followed(program);

		printf("[----] %-20s %6lu instructions followed\n", bpf_program__name(program),
		       instructions);
		if (program != bpf->progs.on_sample)
			cr_expect(lt(ulong, instructions, MOST_OF_OTHER), "%s",
				  bpf_program__name(program));
		sum += instructions;
	}
	printf("[----] %-20s %6lu\n", "all", sum);
	cr_expect(lt(ulong, sum, MOST_OF_ALL));
	bprof_bpf__destroy(bpf);
}
