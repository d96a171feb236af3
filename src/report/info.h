/* SPDX-License-Identifier: MIT */
/* What a recording says about its run: the command, the event, the machine, the VMs. */
#ifndef BPROF_INFO_H
#define BPROF_INFO_H

#include <stddef.h>

#include <bprof/profile.h>

#include "decode/decode.h"

struct info;

int info_new(struct info **ret); /* 0 or -ENOMEM, as all here */
void info_free(struct info *i);

/* Unknown keys are kept out; a repeated key: the last one counts. */
int info_add(struct info *i, const char *key, const char *value, size_t len);

/* @d: a decoded RUNTIME record. VMs of the same kind, version and path are counted together. */
int info_runtime(struct info *i, const struct decoded *d);

/* Fills the run, event, machine and runtimes of @p. The strings belong to @i. */
int info_fill(struct info *i, struct profile *p);

/* After the tests are filled in: with those of an earlier run, if the recording tells of one. */
int info_compare(struct info *i, struct profile *p);

/* As far as it is known by now. */
void info_boundary_cost(const struct info *i, struct boundary_cost *ret);

#endif
