/* SPDX-License-Identifier: MIT */
/* VM instructions of two runs, compared. */
#include <criterion/criterion.h>

#include <string.h>

#include "vm_repeat.h"

TestSuite(vm_repeat, .timeout = 10);

#define NR 4

static struct test tests[NR];
static struct profile profile = {.tests = tests, .nr_tests = NR};

static void set(size_t i, const char *id, uint32_t iteration, uint64_t count)
{
	memset(&tests[i], 0, sizeof(tests[i]));
	strcpy(tests[i].id, id);
	tests[i].iteration = iteration;
	tests[i].body.meters.value[BPROF_METER_VM_INSTRUCTIONS] = count;
}

static void set_all(void)
{
	set(0, "ffffffff-0000-0000-0000-000000000001", 1, 100);
	set(1, "ffffffff-0000-0000-0000-000000000001", 2, 200);
	set(2, "00000000-0000-0000-0000-000000000002", 1, 300);
	set(3, "00000000-0000-0000-0000-000000000003", 1, PROFILE_UNKNOWN);
}

Test(vm_repeat, each_iteration_is_compared_with_its_own)
{
	struct buf text;

	buf_init(&text, 4096);
	set_all();
	cr_assert(vm_repeat_write(&profile, &text) == 0);
	set(0, "00000000-0000-0000-0000-000000000002", 1, 301);
	set(1, "ffffffff-0000-0000-0000-000000000001", 1, 100);
	set(2, "ffffffff-0000-0000-0000-000000000001", 2, 200);
	cr_assert(vm_repeat_apply(text.data, &profile) == 0);
	cr_expect(profile.vm_counted_twice);
	cr_expect(tests[0].vm_repeat == VM_REPEAT_DIFFERS, "in another order");
	cr_expect(tests[1].vm_repeat == VM_REPEAT_SAME);
	cr_expect(tests[2].vm_repeat == VM_REPEAT_SAME);
	cr_expect(tests[3].vm_repeat == VM_REPEAT_UNKNOWN, "not counted");
	buf_done(&text);
}

Test(vm_repeat, nonsense_says_nothing)
{
	set_all();
	cr_assert(vm_repeat_apply("", &profile) == 0);
	cr_expect(!profile.vm_counted_twice);
	cr_assert(vm_repeat_apply("\n\nx y z\n00000000-0000-0000-0000-000000000002 1\n"
				  "ffffffff-0000-0000-0000-000000000001 1 100 and more\n"
				  "a-name-that-is-much-longer-than-thirty-six-bytes-is-cut 1 2",
				  &profile) == 0);
	cr_expect(tests[0].vm_repeat == VM_REPEAT_SAME);
	cr_expect(tests[1].vm_repeat == VM_REPEAT_UNKNOWN);
	cr_expect(tests[2].vm_repeat == VM_REPEAT_UNKNOWN);
}
