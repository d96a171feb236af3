/* SPDX-License-Identifier: MIT */
/*
 * The door of the room: profiles in, verdicts out. Knows nothing of BPF, recordings or processes.
 */
#ifndef BPROF_COMPARE_H
#define BPROF_COMPARE_H

#include <bprof/comparison.h>

#include "buf.h"

/**
 * struct compare_opts - the rule
 * @metric:  what is compared; NR_METRICS = the best that both sides have, never wall time
 * @warn_at: relative change from which a test is slower or faster: 0.05
 * @fail_at: and from which it fails: 0.10, not below @warn_at
 * @floor_ns, @floor_count, @floor_vm: smaller differences are none, for times, for counters of the
 *           processor and for instructions of the VM
 * @why_not_counted: why there are no runs with --mode=count, in a sentence; NULL = nobody knows
 * @share:   of the allowed chance of a false alarm that this look at the runs may use: 1, or less
 *           where more looks follow if this one is undecided
 * @excuse:  why nothing may fail, in a sentence, or NULL; borrowed for the call
 */
struct compare_opts {
	enum metric metric;
	double warn_at, fail_at;
	double floor_ns, floor_count, floor_vm;
	const char *why_not_counted;
	double share;
	const char *excuse;
};

/*
 * When runs in turns are looked at, and the share of each look: the first can already fail a test
 * whose pairs all agree, if no other stands beside it.
 */
struct compare_look {
	unsigned pairs;
	double share;
};
#define NR_COMPARE_LOOKS 3
extern const struct compare_look compare_looks[NR_COMPARE_LOOKS];

struct compare;

/* @names: of the two sides, for the outputs; borrowed. 0 or -ENOMEM. */
int compare_new(const char *const names[NR_SIDES], struct compare **ret) MUST_CHECK;
void compare_free(struct compare *c);

/**
 * compare_add() - one more run of a side
 *
 * Runs with --mode=count are kept apart: their times, without the JIT, are no others'. Where both
 * sides have other runs as well, they add a number on a rung of its own to each test that is
 * deterministic.
 *
 * @text: of its profile.json: foreign
 * @why:  what is wrong with it, without its name
 *
 * Return: 0; -EBADMSG; -ENOMEM.
 */
int compare_add(struct compare *c, enum side side, const char *text, size_t len,
		struct buf *why) MUST_CHECK;

/* Tests of all runs of a side. */
size_t compare_nr_tests(const struct compare *c, enum side side);

/**
 * compare_judge() - what the runs so far say
 *
 * May be called again after more runs. Runs are pairs if, in the order they started, each two hold
 * one of both sides.
 *
 * Owns: *ret belongs to @c and lives until the next call; its strings are those of @c.
 * Return: 0; -ENOMEM; -EDOM: one side has only runs with --mode=count, the other only without.
 */
int compare_judge(struct compare *c, const struct compare_opts *opts,
		  const struct comparison **ret) MUST_CHECK;

/*
 * The spec files in which the latest look has decided everything: those that more pairs may leave
 * out. None, where nothing but the suite itself is undecided. *ret is the caller's to free(), the
 * names are not. 0 or -ENOMEM.
 */
int compare_decided_files(const struct compare *c, const char ***ret, size_t *ret_nr) MUST_CHECK;

#endif
