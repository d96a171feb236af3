/* SPDX-License-Identifier: MIT */
/*
 * Writes a story of processes and announcements into an attribution, with a clock that only moves
 * when told to.
 */
#ifndef BPROF_STORY_H
#define BPROF_STORY_H

#include <bprof/profile.h>

#include "attribute.h"

#define STORY_START 1000
#define STORY_PIDS  64

struct story {
	struct attribute *attribute;
	struct profile profile;
	uint64_t now;
	uint64_t cpu_ns[STORY_PIDS];
	struct bprof_meters meters[STORY_PIDS]; /* so far, as cpu_ns */
	uint32_t epoch[STORY_PIDS];
};

void story_begin(struct story *s);
void story_done(struct story *s);

/* The clock moves by @wall_ns, and @pid worked for @cpu_ns of it. */
void story_work(struct story *s, uint32_t pid, uint64_t wall_ns, uint64_t cpu_ns);

/* One announcement; %-formatted. */
void story_say(struct story *s, uint32_t pid, const char *format, ...) PRINTF_LIKE(3, 4);
void story_say_bytes(struct story *s, uint32_t pid, const char *text, size_t len, uint32_t flags);
/* Announced, and lost on the way. */
void story_lose(struct story *s, uint32_t pid, uint32_t nr);

/* "n" with depth, descriptor, line, name; the source is "spec/a_spec.lua", none for a file. */
void story_scope(struct story *s, uint32_t pid, unsigned int depth, const char *descriptor,
		 int line, const char *name);
/* A test at @depth whose body takes @wall_ns and @cpu_ns and ends with @letter. */
void story_test(struct story *s, uint32_t pid, unsigned int depth, int line, const char *name,
		uint64_t wall_ns, uint64_t cpu_ns, char letter);

void story_fork(struct story *s, uint32_t parent, uint32_t child);
void story_exec(struct story *s, uint32_t pid);
void story_exit(struct story *s, uint32_t pid);

/* Ends the run and fills @s->profile. */
void story_end(struct story *s);

/* Of all phases together. */
uint64_t story_phase_wall(const struct story *s);
uint64_t story_phase_cpu(const struct story *s);
const struct test *story_find(const struct story *s, const char *full_name);

#endif
