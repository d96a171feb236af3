/* SPDX-License-Identifier: MIT */
/*
 * The tree that boundaries build, and the processes that build it. Private to this room.
 *
 *	process ── suite ── file ── describe ── test ── body
 *	                      │        │          ├──── fixture (before_each, after_each, finally)
 *	                      │        ├── body   └──── (self: busted's work around them)
 *	                      └── body └── fixture (setup, teardown)
 */
#ifndef BPROF_TREE_H
#define BPROF_TREE_H

#include <bprof/profile.h>
#include <bprof/wire.h>

#include "announcement.h"
#include "arena.h"
#include "attribute.h"

#define NONE	      ATTRIBUTE_NONE
#define HISTORY	      64   /* epochs a process remembers; a power of two */
#define MAX_OPEN      1024 /* open nodes of a process; C Lua gives up at about 200 nested calls */
#define RUN_NODE      0	   /* node 0 is the command itself, and whatever has no other place */
#define LETTER_UNSAID 0

struct node {
	const char *name; /* NULL = it has none */
	const char *descriptor, *source;
	uint64_t start_ns, end_ns;  /* clock of the records */
	uint64_t wall_ns, cpu_ns;   /* without its children */
	uint64_t overhead_ns;	    /* of boundaries, not in cpu_ns */
	struct bprof_meters meters; /* without its children */
	uint64_t samples, weight;
	uint64_t by_mode[NR_MODES]; /* the samples */
	uint64_t address;	    /* by stack: of the element */
	uint32_t parent;
	uint32_t test; /* the test it is or lies in */
	uint32_t pid, tid;
	int32_t line;
	enum node_kind kind;
	enum phase phase;
	bool closed, incomplete, by_stack;
};

/* What is known of a test while it runs. */
struct test_run {
	uint32_t node, body;
	uint32_t iteration;
	uint64_t children;
	enum test_status status;
	bool pending_block;   /* pending("..."): has no body */
	bool body_seen;	      /* its function began */
	bool body_ended;      /* and ended: status is what busted said of it */
	bool fixture_pending; /* a before_each called pending() */
	bool doubtful;	      /* announcements inside it were lost: its status is a guess */
	bool inferred;	      /* busted sent no event for it: a fixture failed before */
};

/* What a process has used so far, or between two records. */
struct spent {
	uint64_t cpu_ns;
	struct bprof_meters meters;
};

struct place {
	uint32_t node;
	enum phase phase;
};

struct past_place {
	uint32_t epoch;
	struct place place;
};

struct process {
	uint32_t pid;
	uint32_t epoch;	   /* of its latest announcement */
	struct place home; /* where its parent was when it started */
	uint32_t node;	   /* its own NODE_PROCESS: it runs a suite that is nobody else's */
	struct place now;  /* with a node of its own: innermost open node */
	uint64_t start_ns;
	uint64_t charged_ns; /* up to here all is charged */
	struct spent charged;
	uint32_t *open; /* open nodes, outermost first */
	size_t nr_open, open_room;
	struct past_place *history; /* HISTORY entries by epoch, or NULL */
	uint32_t iteration;
	bool exited;
	bool announced;	 /* a boundary of its time line was charged */
	bool by_stack;	 /* its nodes come from its stacks */
	bool stack_seen; /* its stacks show busted at all */
};

/* A suite process's lifetime, for the wall time that lies outside of all of them. */
struct interval {
	uint64_t start_ns, end_ns;
};

struct pid_slot {
	uint32_t pid, process; /* process + 1; 0 = free */
};

struct attribute {
	struct arena arena;
	uint64_t start_ns, end_ns;
	struct node *nodes;
	size_t nr_nodes, nodes_room;
	struct test_run *tests;
	size_t nr_tests, tests_room;
	struct process *processes;
	size_t nr_processes, processes_room;
	struct pid_slot *pids; /* open addressing, a power of two */
	size_t pids_size;
	struct interval *intervals;
	size_t nr_intervals, intervals_room;
	uint32_t *by_element; /* stack source: nodes by element, node + 1; open addressing */
	size_t nr_by_element, by_element_size;
	struct costs phases[NR_PHASES];
	struct boundary_cost boundary;
	struct boundary_overhead overhead;
	struct bprof_meters meters; /* of all processes */
	uint32_t metered;	    /* bits 1 << enum bprof_meter */
	struct suite_result suite;
	uint64_t suites_started, suites_ended;
	uint64_t timeless_suites; /* suite processes known by their stacks only */
	struct boundary_check check;
};

/* process.c */
struct process *process_find(const struct attribute *a, uint32_t pid);
int process_get(struct attribute *a, uint32_t pid, uint64_t time_ns, struct process **ret);
int process_own(struct attribute *a, struct process *p); /* gives it a NODE_PROCESS */
struct place process_place(const struct attribute *a, const struct process *p, uint32_t epoch);
bool process_inside_test(const struct attribute *a, const struct process *p);

/* charge.c */
struct spent spent_so_far(struct attribute *a, uint64_t cpu_ns, const struct bprof_meters *meters);
void meters_add(struct bprof_meters *sum, const struct bprof_meters *part);
void charge_place(struct attribute *a, struct place place, const struct spent *spent);
void process_charge(struct attribute *a, struct process *p, uint64_t time_ns,
		    const struct spent *so_far);
void process_charge_span(struct attribute *a, struct process *p, const struct bprof_mark *r,
			 const struct spent *so_far);

/* tree.c */
int node_new(struct attribute *a, const struct node *like, uint32_t *ret);
int node_new_test(struct attribute *a, uint32_t node, uint32_t iteration, bool pending_block);
enum node_kind node_kind_of(const char *descriptor, bool named);
enum phase node_phase(const struct attribute *a, enum node_kind kind, uint32_t parent);
int tree_announce(struct attribute *a, struct process *p, const struct bprof_mark *r,
		  const struct announcement *announcement);
void tree_close_all(struct attribute *a, struct process *p, uint64_t time_ns);
void tree_doubt(struct attribute *a, struct process *p); /* announcements were lost */

/* fill.c */
struct costs node_costs(const struct node *node); /* without its children */
void costs_add(struct costs *sum, const struct costs *part);
void costs_forget_times(struct costs *c); /* and all else that was measured at boundaries */

/* fill_tests.c: p->tests, in the order they ran */
int fill_tests(struct attribute *a, struct profile *p);

#endif
