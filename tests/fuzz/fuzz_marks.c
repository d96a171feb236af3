/* SPDX-License-Identifier: MIT */
/*
 * Any stream of process and boundary records: nothing crashes, and phases and tree agree about
 * every nanosecond of CPU.
 *
 * Input: { u8 what, u8 pid, u8 other, u8 step, u8 len, len bytes of text } ...
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bprof/profile.h>

#include "attribute.h"

#define NR_PIDS	    16
#define MAX_RECORDS 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct attribute *attribute;
	uint64_t now, cpu_ns[NR_PIDS];
	uint32_t epoch[NR_PIDS];
};

static int feed_mark(struct fuzz *f, uint32_t pid, const uint8_t *text, size_t len, uint8_t flags)
{
	struct bprof_mark mark = {
		.h.time_ns = f->now,
		.pid = pid,
		.tid = pid,
		.epoch = f->epoch[pid] += 1 + (flags & 64 ? 3 : 0),
		.flags = flags & 1,
		.cpu_ns = f->cpu_ns[pid],
	};

	return attribute_mark(f->attribute, &mark, (const char *)text, len, NULL);
}

static int feed_process(struct fuzz *f, uint8_t what, uint32_t pid, uint32_t other)
{
	struct bprof_fork fork = {
		.h.time_ns = f->now,
		.pid = pid,
		.parent_pid = other,
		.parent_epoch = f->epoch[other],
	};
	struct bprof_exec exec = {.h.time_ns = f->now, .pid = pid, .cpu_ns = f->cpu_ns[pid]};
	struct bprof_exit exit_record = {
		.h.time_ns = f->now,
		.pid = pid,
		.parent_pid = other,
		.parent_epoch = f->epoch[other],
		.epoch = f->epoch[pid],
		.cpu_ns = f->cpu_ns[pid],
	};

	switch (what % 3) {
	case 0:
		f->epoch[pid] = 0;
		f->cpu_ns[pid] = 0;
		return attribute_fork(f->attribute, &fork);
	case 1:
		return attribute_exec(f->attribute, &exec, NULL);
	default:
		f->epoch[pid] = 0;
		f->cpu_ns[pid] = 0;
		return attribute_exit(f->attribute, &exit_record, NULL);
	}
}

static int feed_stack(struct fuzz *f, uint32_t pid, const uint8_t *text, size_t len)
{
	static const char *const words[] = {"file",    "describe",    "it",    "test", "finally",
					    "pending", "before_each", "suite", NULL};
	struct attribute_element elements[40];
	enum phase phase;
	uint32_t node, test;
	size_t nr = 0;
	int r;

	for (; nr < 40 && nr * 2 + 1 < len; nr++) {
		elements[nr] = (struct attribute_element){
			.passed = words[text[nr * 2] % 9],
			.descriptor = words[text[nr * 2] / 9 % 9],
			.name = words[text[nr * 2 + 1] % 9],
			.line = text[nr * 2 + 1] / 64,
			.address = text[nr * 2 + 1] / 16,
		};
	}
	r = attribute_place_stack(f->attribute, pid, elements, nr, f->now, &node, &phase, &test);
	if (r == 0) {
		attribute_check_stack(f->attribute, pid, node, elements, nr);
		attribute_count(f->attribute, node, phase, MODE_INTERPRETER, 1, 1 * 1000);
	}
	return r;
}

/* Where boundaries came from stacks alone, wall and CPU are unknown by definition. */
static void check_sums(const struct profile *p)
{
	uint64_t sum = 0;

	for (int i = 0; i < NR_PHASES; i++) {
		if (p->phases[i].costs.cpu_ns == PROFILE_UNKNOWN) {
			if (i == PHASE_OUTPUT)
				continue;
			return;
		}
		sum += p->phases[i].costs.cpu_ns;
	}
	assert(sum == p->nodes[0].cpu_ns);
	for (size_t i = 0; i < p->nr_tests; i++) {
		assert(strlen(p->tests[i].id) == 36);
		assert(p->tests[i].full_name && p->tests[i].file && p->tests[i].name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.now = 1000};
	struct profile profile = {0};
	int r = attribute_new(f.now, &f.attribute);

	for (int i = 0; i < MAX_RECORDS && size >= 5 && r == 0; i++) {
		uint8_t what = data[0], step = data[3];
		uint32_t pid = data[1] % NR_PIDS, other = data[2] % NR_PIDS;
		size_t len = data[4] < size - 5 ? data[4] : size - 5;
		enum phase phase;
		uint32_t test, node;

		f.now += step;
		f.cpu_ns[pid] += step / 2;
		if (what < 192) {
			r = feed_mark(&f, pid, data + 5, len, what);
		} else if (what < 240) {
			r = feed_process(&f, what, pid, other);
		} else if (what < 248) {
			r = feed_stack(&f, pid, data + 5, len);
		} else {
			node = attribute_place(f.attribute, pid, step, &phase, &test);
			attribute_count(f.attribute, node, phase, MODE_INTERPRETER, 1, 1 * 1000);
		}
		data += 5 + len;
		size -= 5 + len;
	}
	if (r == 0)
		r = attribute_end(f.attribute, f.now);
	if (r == 0)
		r = attribute_fill(f.attribute, &profile);
	assert(r == 0);
	check_sums(&profile);
	attribute_free(f.attribute);
	return 0;
}
