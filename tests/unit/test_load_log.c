/* SPDX-License-Identifier: MIT */
/* Why the kernel refused programs, out of what libbpf says. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_log.h"
#include "log.h"

#define FAILED "libbpf: prog 'on_sample': BPF program load failed: Permission denied\n"
#define BEGIN  "libbpf: prog 'on_sample': -- BEGIN PROG LOAD LOG --\n"
#define END    "-- END PROG LOAD LOG --\n"

Test(load_log, without_a_word_there_is_no_reason)
{
	load_log_begin();
	cr_assert(eq(str, (char *)load_log_reason(), "no reason given"));
}

Test(load_log, the_first_warning_is_the_reason)
{
	load_log_begin();
	load_log_hear("libbpf: loading object\n", false);
	load_log_hear("libbpf: map 'ring': failed to create: Invalid argument\n", true);
	load_log_hear("libbpf: failed to load object\n", true);
	cr_assert(eq(str, (char *)load_log_reason(),
		     "libbpf: map 'ring': failed to create: Invalid argument"));
}

Test(load_log, the_verifiers_last_lines_follow)
{
	load_log_begin();
	load_log_hear(FAILED, true);
	load_log_hear(BEGIN "0: R1=ctx(off=0,imm=0)\n"
			    "Validating puc_scan() func#3...\n"
			    "55: (bf) r2 = r6\n"
			    "56: (b7) r1 = 0\n"
			    "57: (85) call bpf_probe_read_user#112\n"
			    "R2 unbounded memory access, use 'var &= const'\n"
			    "processed 4711 insns (limit 1000000) max_states_per_insn 4\n" END,
		      true);
	load_log_hear("libbpf: failed to load object 'bprof_bpf'\n", true);
	cr_assert(eq(str, (char *)load_log_reason(),
		     "libbpf: prog 'on_sample': BPF program load failed: Permission denied; the "
		     "verifier, in puc_scan(): 56: (b7) r1 = 0 | 57: (85) call "
		     "bpf_probe_read_user#112 | R2 unbounded memory access, use 'var &= const'"));
}

Test(load_log, a_short_log_has_no_function)
{
	load_log_begin();
	load_log_hear(FAILED, true);
	load_log_hear(BEGIN "R1 type=ctx expected=fp\n" END, true);
	cr_assert(eq(str, (char *)load_log_reason(),
		     "libbpf: prog 'on_sample': BPF program load failed: Permission denied; the "
		     "verifier: R1 type=ctx expected=fp"));
}

Test(load_log, long_lines_and_long_logs_fit)
{
	char *log = malloc(1 << 20), *end = log;

	load_log_begin();
	end += sprintf(end, BEGIN);
	for (int i = 0; i < 200; i++) {
		memset(end, 'x', 4000);
		end[4000] = '\n';
		end += 4001;
	}
	strcpy(end, END);
	load_log_hear(FAILED, true);
	load_log_hear(log, true);
	cr_assert(lt(sz, strlen(load_log_reason()), 768));
	cr_assert(ne(ptr, strstr(load_log_reason(), "the verifier: xxx"), NULL));
	free(log);
}

Test(load_log, the_whole_verdict_is_logged)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	log_configure("info", NULL);
	log_set_stream(stream);
	load_log_begin();
	load_log_hear(BEGIN "1: (95) exit\nprocessed 2 insns\n" END, true);
	log_set_stream(NULL);
	fclose(stream);
	cr_expect(ne(ptr, strstr(text, "1: (95) exit"), NULL), "%s", text);
	cr_expect(ne(ptr, strstr(text, "processed 2 insns"), NULL), "%s", text);
	free(text);
}
