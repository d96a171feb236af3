/* SPDX-License-Identifier: MIT */
/*
 * Facts that die with the target: gathered while it lives, appended to the recording.
 *
 * Looks at every record of the live source, before it is recorded, and reads the target when one
 * speaks of something new: an unknown executable (held until its probes sit), a VM of an unknown
 * build (held until its layout is proved), a prototype, a C function, a busted element, a native
 * address.
 */
#ifndef BPROF_FACTS_H
#define BPROF_FACTS_H

#include <bprof/wire.h>

struct collector;
struct recorder;
struct facts;

/* How far a run looks into its processes. */
enum facts_depth {
	FACTS_PROGRAMS, /* which interpreters they run, by their files alone; nothing is probed */
	FACTS_VMS,	/* where their VMs are */
	FACTS_STACKS,	/* and all that stacks speak of */
};

/* Borrows both. */
int facts_new(struct collector *c, struct recorder *r, enum facts_depth depth, struct facts **ret);
void facts_free(struct facts *f);

/* A drain begins: what was read of targets before is old. 0, -ENOMEM. */
int facts_begin(struct facts *f);

/**
 * facts_observe() - look at one record
 *
 * What cannot be read (the target is gone, it changed) is left out: a name less, never an error.
 * Return: 0; -ENOMEM; -errno of a failed write to the recording.
 */
int facts_observe(struct facts *f, const struct bprof_record *record);

/* VMs whose layout could not be proved. */
unsigned facts_unproved_vms(const struct facts *f);

#endif
