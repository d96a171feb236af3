/* SPDX-License-Identifier: MIT */
/* Every sample of a run accounted for: where it went, or why it is missing. */
#ifndef BPROF_ACCOUNTS_H
#define BPROF_ACCOUNTS_H

#include <bprof/profile.h>
#include <bprof/wire.h>

/* All-zero is a valid start. */
struct accounts {
	struct sample_accounts samples;
	uint64_t by_mode[NR_MODES];
	uint32_t modes_told;
	uint64_t gc_undecided;
	bool counters_seen, ended;
	uint64_t counters[BPROF_NR_COUNTERS];
	uint64_t malformed;
	struct bprof_end end;
};

/* A Lua VM ran, and its stack could not be read to the end. */
bool accounts_unresolved(const struct bprof_sample *s);

void accounts_sample(struct accounts *a, const struct bprof_sample *s, enum mode mode,
		     bool in_test);
void accounts_malformed(struct accounts *a);
void accounts_counters(struct accounts *a, const __u64 *values, size_t nr);
void accounts_end(struct accounts *a, const struct bprof_end *end);

/* accounts, modes, counters, wall, CPU and exit status of @p. */
void accounts_fill(const struct accounts *a, struct profile *p);

#endif
