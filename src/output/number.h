/* SPDX-License-Identifier: MIT */
/* Numbers as text. Integer arithmetic throughout: the same bytes on every machine and locale. */
#ifndef BPROF_OUTPUT_NUMBER_H
#define BPROF_OUTPUT_NUMBER_H

#include "base.h"

struct number {
	char text[32];
};

/* For people. PROFILE_UNKNOWN is "-". */
struct number number_duration(uint64_t ns); /* three digits and a unit: "12.3 ms" */
struct number number_estimate(uint64_t ns); /* the same, as derived from samples: "~12.3 ms" */
struct number number_count(uint64_t n);	    /* "1608" */
struct number number_scaled(uint64_t n);    /* three digits and a letter: "1.61 k", "92.4 M" */
struct number number_share(uint64_t part, uint64_t whole); /* "12.3 %"; "-" where whole is 0 */

/* For files. */
struct number number_thousandths(uint64_t n); /* n / 1000 without trailing zeros: ns -> us */
struct number number_micros(uint64_t ns);     /* always three decimals: "12.300" */

/* UTC, "2026-11-20T09:28:00.123Z". */
struct number number_time(uint64_t realtime_ns);

#endif
