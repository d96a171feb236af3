/* SPDX-License-Identifier: MIT */
/* What was counted besides time: sums and ratios that outputs show. Unknown stays unknown. */
#ifndef BPROF_OUTPUT_METERS_H
#define BPROF_OUTPUT_METERS_H

#include <bprof/profile.h>

/* PROFILE_UNKNOWN where this run has no such meter. */
uint64_t meter_of(const struct profile *p, const struct bprof_meters *meters,
		  enum bprof_meter meter);

/* User mode and kernel together; unknown where one of them is. */
uint64_t meters_cycles(const struct profile *p, const struct bprof_meters *meters);
uint64_t meters_instructions(const struct profile *p, const struct bprof_meters *meters);
uint64_t meters_page_faults(const struct profile *p, const struct bprof_meters *meters);
uint64_t meters_switches(const struct profile *p, const struct bprof_meters *meters);

/* Instructions per 1000 cycles, in user mode. */
uint64_t meters_ipc_thousandths(const struct profile *p, const struct bprof_meters *meters);

/* The frequency at which it ran: cycles of user mode and kernel by CPU time. */
uint64_t meters_mhz(const struct profile *p, const struct costs *c);

extern const char *const meter_keys[BPROF_NR_METERS];

/*
 * How many samples the CPU time of the run stands for: as many are taken, give or take a few,
 * unless the kernel limits them. PROFILE_UNKNOWN where samples are not taken by a clock, or the
 * recording breaks off.
 */
uint64_t samples_due(const struct profile *p);

/* A count of samples: PROFILE_UNKNOWN in a run that took none by intention. */
uint64_t samples_counted(const struct profile *p, uint64_t samples);

#endif
