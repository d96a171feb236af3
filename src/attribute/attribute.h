/* SPDX-License-Identifier: MIT */
/*
 * Whose time is it? Replays boundary records into a tree of files, describes, tests and phases, and
 * says for each sample to which node of that tree it belongs.
 *
 * Feed records in file order. Wall time and CPU time lie between two records of one process; each
 * nanosecond is charged once, to the node that was innermost then. docs/internals/boundaries.md
 * tells the rules.
 */
#ifndef BPROF_ATTRIBUTE_H
#define BPROF_ATTRIBUTE_H

#include <bprof/profile.h>
#include <bprof/wire.h>

#include "base.h"

#define ATTRIBUTE_NONE UINT32_MAX

struct attribute;

/* @start_ns: of the run, in the clock of the records. 0 or -ENOMEM. */
int attribute_new(uint64_t start_ns, struct attribute **ret) MUST_CHECK;
void attribute_free(struct attribute *a);

/*
 * Records, in file order, with the meters they carry (NULL: none). A process that was never
 * announced by a fork belongs to the run itself. Return: 0 or -ENOMEM. Nonsense in a record is
 * never an error: it is repaired and counted.
 */
int attribute_fork(struct attribute *a, const struct bprof_fork *r) MUST_CHECK;
int attribute_exec(struct attribute *a, const struct bprof_exec *r,
		   const struct bprof_meters *meters) MUST_CHECK;
int attribute_mark(struct attribute *a, const struct bprof_mark *r, const char *text, size_t len,
		   const struct bprof_meters *meters) MUST_CHECK;
int attribute_exit(struct attribute *a, const struct bprof_exit *r,
		   const struct bprof_meters *meters) MUST_CHECK;
int attribute_end(struct attribute *a, uint64_t time_ns) MUST_CHECK;

/*
 * What each announcement costs the process that makes it: taken off the span that pays for it.
 * Call before the first announcement.
 */
void attribute_set_boundary_cost(struct attribute *a, const struct boundary_cost *cost);

/**
 * attribute_place() - the node of a sample, by boundaries of the hook
 * @epoch:    as in the sample; the places of the latest 64 epochs of a process are remembered
 * @ret_test: index into profile.tests, ATTRIBUTE_NONE = outside tests; may be NULL
 *
 * Until the run is over nobody knows whether a suite will come: a run without one ends with
 * PHASE_STARTUP renamed to PHASE_PROGRAM (attribute_final_phase()).
 *
 * Cost: one hash lookup. Return: a node, valid for attribute_count() and profile.nodes.
 */
uint32_t attribute_place(const struct attribute *a, uint32_t pid, uint32_t epoch,
			 enum phase *ret_phase, uint32_t *ret_test);

enum phase attribute_final_phase(const struct attribute *a, enum phase phase);

/*
 * One busted.safe(passed, run, element) frame of a stack. Strings may be NULL where they could not
 * be read; name is NULL for an element without one. Borrowed for the call.
 */
struct attribute_element {
	const char *passed;	/* first argument of busted.safe */
	const char *descriptor; /* element.descriptor */
	const char *name;
	const char *source;
	int32_t line;
	uint64_t address; /* of the element */
};

/**
 * attribute_place_stack() - the node of a sample, by what stands on its stack
 * @elements: root first; @nr 0 = no busted frame on the stack
 *
 * For processes without the hook. Times of such nodes are unknown, statuses too.
 * Return: 0 or -ENOMEM; outputs are set only on success.
 */
int attribute_place_stack(struct attribute *a, uint32_t pid,
			  const struct attribute_element *elements, size_t nr, uint64_t time_ns,
			  uint32_t *ret_node, enum phase *ret_phase, uint32_t *ret_test) MUST_CHECK;

/* Do the nodes of this process come from its stacks? */
bool attribute_is_by_stack(const struct attribute *a, uint32_t pid);

/* The node of a sample in such a process, of which no more is known than that. */
uint32_t attribute_place_outside(const struct attribute *a, uint32_t pid, enum phase *ret_phase);

/* Did this process (not only one it started in) announce boundaries of its own? */
bool attribute_hook_seen(const struct attribute *a, uint32_t pid);

/**
 * attribute_check_stack() - do both sources say the same about one sample?
 * @node: from attribute_place()
 *
 * Counts into struct boundary_check. A sample may fall between a boundary and its announcement: one
 * step apart is "transit". Not compared: processes inside a test of another, elements that could
 * not be read, and a stack without busted while no stack of this process has shown it. Pass only
 * stacks that were walked to their root.
 */
void attribute_check_stack(struct attribute *a, uint32_t pid, uint32_t node,
			   const struct attribute_element *elements, size_t nr);

/* @n samples of @mode at @node in @phase, as placed above, and what they weigh together. */
void attribute_count(struct attribute *a, uint32_t node, enum phase phase, enum mode mode,
		     uint64_t n, uint64_t weight);

/**
 * attribute_fill() - tests, files, phases, nodes, suite, check, overhead, meters of @p; no more
 *
 * Call once, after attribute_end(). Owns: all that @p then points to belongs to @a.
 * Return: 0 or -ENOMEM.
 */
int attribute_fill(struct attribute *a, struct profile *p) MUST_CHECK;

#endif
