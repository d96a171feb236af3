/* SPDX-License-Identifier: MIT */
/* What is remembered of a process while it lives: which of busted's elements must be read again? */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "targets.h"

#define PID 7

static struct targets *all;
static struct target *t;

static void init(void)
{
	cr_assert(eq(int, targets_new(&all), 0));
	t = targets_get(all, PID);
	cr_assert(ne(ptr, t, NULL));
}

static void done(void)
{
	targets_free(all);
}

TestSuite(targets, .init = init, .fini = done, .timeout = 10);

static const struct bprof_span test = {.element = 0x3000, .fingerprint = 13};
static const struct bprof_span file = {.element = 0x2000, .fingerprint = 11};

Test(targets, an_element_is_read_once_while_its_strings_stay)
{
	cr_expect(target_meets_again(t, THING_ELEMENT, 0x3000, 0x9000, 13));
	cr_expect(not(target_meets_again(t, THING_ELEMENT, 0x3000, 0x9000, 13)));
	cr_expect(target_meets_again(t, THING_ELEMENT, 0x3000, 0x9000, 17), "another name");
	target_forget_kind(t, THING_ELEMENT);
	cr_expect(target_meets_again(t, THING_ELEMENT, 0x3000, 0x9000, 17), "another suite");
}

/* One of the same name may be there when it comes back: with --repeat, one of another line. */
Test(targets, an_element_that_has_left_the_stack_is_not_known)
{
	const struct bprof_span both[] = {test, file};
	struct bprof_span renamed = test;

	cr_expect(not(target_has_on_stack(t, &test)));
	target_set_on_stack(t, both, 2);
	cr_expect(target_has_on_stack(t, &test) && target_has_on_stack(t, &file));
	renamed.fingerprint = 17;
	cr_expect(not(target_has_on_stack(t, &renamed)));
	target_set_on_stack(t, NULL, 0); /* a sample of another thread */
	cr_expect(target_has_on_stack(t, &test));
	target_set_on_stack(t, &file, 1);
	cr_expect(not(target_has_on_stack(t, &test)));
	target_forget(t);
	cr_expect(not(target_has_on_stack(t, &file)), "another program");
}
