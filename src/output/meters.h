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

extern const char *const meter_keys[BPROF_NR_METERS];

#endif
