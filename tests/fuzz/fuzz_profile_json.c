/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the profile.json of base, and again as that of head: refused or compared, never more
 * elements than tests allow, and no ratio that is not a number.
 */
#include <stdio.h>
#include <stdlib.h>

#include "require.h"
#include "compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct compare *c)
{
	static const struct compare_opts opts = {.metric = NR_METRICS,
						 .warn_at = 0.05,
						 .fail_at = 0.1,
						 .floor_ns = 50e3,
						 .floor_count = 50e3,
						 .floor_vm = 1e3,
						 .share = 1};
	const struct comparison *seen;

	require(compare_judge(c, &opts, &seen) == 0, "a judgement");
	require(seen->nr_elements <= 2 * compare_nr_tests(c, SIDE_BASE) + 1, "few elements");
	for (size_t i = 0; i < seen->nr_elements; i++)
		require(seen->elements[i].ratio > 0, "a ratio");
	require(!seen->gate_fails, "two runs fail nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[NR_SIDES] = {"base", "head"};
	struct compare *c;
	struct buf why;

	buf_init(&why, 4096);
	if (compare_new(names, &c) < 0)
		abort();
	if (compare_add(c, SIDE_BASE, (const char *)data, size, &why) == 0) {
		require(compare_add(c, SIDE_HEAD, (const char *)data, size, &why) == 0, "twice");
		check(c);
	} else {
		require(why.len > 0, "a reason");
	}
	compare_free(c);
	buf_done(&why);
	return 0;
}
