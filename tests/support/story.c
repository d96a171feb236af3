/* SPDX-License-Identifier: MIT */
#include "story.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void story_begin(struct story *s)
{
	*s = (struct story){.now = STORY_START};
	assert(attribute_new(STORY_START, &s->attribute) == 0);
}

void story_done(struct story *s)
{
	attribute_free(s->attribute);
	s->attribute = NULL;
}

void story_work(struct story *s, uint32_t pid, uint64_t wall_ns, uint64_t cpu_ns)
{
	s->now += wall_ns;
	s->cpu_ns[pid] += cpu_ns;
}

void story_say_bytes(struct story *s, uint32_t pid, const char *text, size_t len, uint32_t flags)
{
	struct bprof_mark mark = {
		.h = {.type = BPROF_RECORD_MARK, .time_ns = s->now},
		.pid = pid,
		.tid = pid,
		.epoch = ++s->epoch[pid],
		.flags = flags,
		.cpu_ns = s->cpu_ns[pid],
		.text_len = (uint32_t)len,
	};

	assert(attribute_mark(s->attribute, &mark, text, len, &s->meters[pid]) == 0);
}

void story_say(struct story *s, uint32_t pid, const char *format, ...)
{
	char text[4096];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert(len >= 0 && (size_t)len < sizeof(text));
	story_say_bytes(s, pid, text, (size_t)len, 0);
}

void story_lose(struct story *s, uint32_t pid, uint32_t nr)
{
	s->epoch[pid] += nr;
}

void story_scope(struct story *s, uint32_t pid, unsigned int depth, const char *descriptor,
		 int line, const char *name)
{
	const char *source = strcmp(descriptor, "file") == 0 ? "" : "spec/a_spec.lua";

	story_say(s, pid, "n%u\t%s\t%d\t%zu\t%s%s%s", depth, descriptor, line, strlen(source),
		  source, name ? "=" : "", name ? name : "");
}

void story_test(struct story *s, uint32_t pid, unsigned int depth, int line, const char *name,
		uint64_t wall_ns, uint64_t cpu_ns, char letter)
{
	story_scope(s, pid, depth, "it", line, name);
	story_say(s, pid, "+");
	story_work(s, pid, wall_ns, cpu_ns);
	story_say(s, pid, "-%c", letter);
	story_say(s, pid, "-s");
}

void story_fork(struct story *s, uint32_t parent, uint32_t child)
{
	struct bprof_fork fork = {
		.h = {.type = BPROF_RECORD_FORK, .time_ns = s->now},
		.pid = child,
		.parent_pid = parent,
		.parent_epoch = s->epoch[parent],
	};

	s->epoch[child] = 0;
	s->cpu_ns[child] = 0;
	s->meters[child] = (struct bprof_meters){0};
	assert(attribute_fork(s->attribute, &fork) == 0);
}

void story_exec(struct story *s, uint32_t pid)
{
	struct bprof_exec exec = {
		.h = {.type = BPROF_RECORD_EXEC, .time_ns = s->now},
		.pid = pid,
		.cpu_ns = s->cpu_ns[pid],
	};

	assert(attribute_exec(s->attribute, &exec, &s->meters[pid]) == 0);
}

void story_exit(struct story *s, uint32_t pid)
{
	struct bprof_exit exit_record = {
		.h = {.type = BPROF_RECORD_EXIT, .time_ns = s->now},
		.pid = pid,
		.epoch = s->epoch[pid],
		.cpu_ns = s->cpu_ns[pid],
	};

	assert(attribute_exit(s->attribute, &exit_record, &s->meters[pid]) == 0);
}

void story_end(struct story *s)
{
	assert(attribute_end(s->attribute, s->now) == 0);
	assert(attribute_fill(s->attribute, &s->profile) == 0);
}

uint64_t story_phase_wall(const struct story *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < NR_PHASES; i++) {
		if (i != PHASE_OUTPUT)
			sum += s->profile.phases[i].costs.wall_ns;
	}
	return sum;
}

uint64_t story_phase_cpu(const struct story *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < NR_PHASES; i++) {
		if (i != PHASE_OUTPUT)
			sum += s->profile.phases[i].costs.cpu_ns;
	}
	return sum;
}

const struct test *story_find(const struct story *s, const char *full_name)
{
	for (size_t i = 0; i < s->profile.nr_tests; i++) {
		if (strcmp(s->profile.tests[i].full_name, full_name) == 0)
			return &s->profile.tests[i];
	}
	return NULL;
}
