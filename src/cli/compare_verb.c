/* SPDX-License-Identifier: MIT */
/* compare: runs of two sides, a look at them, and the verdict printed. */
#include "compare_verb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "say.h"

#include "output/output.h"

int compare_print(const struct session *session, const struct comparison *comparison)
{
	const struct options *o = session->options;
	const struct output_opts opts = {
		.top = o->top,
		.colour = colour_wanted(o->colour, session->environment, STDOUT_FILENO),
		.width = terminal_width(STDOUT_FILENO),
	};
	int r = o->comparison_format->write(comparison, &opts, stdout);

	if (r == 0 && fflush(stdout) == EOF)
		r = -errno;
	if (r < 0)
		say_error("cannot write the comparison: %s", strerror(-r));
	return r;
}

int compare_conclude(const struct session *session, struct compare *c,
		     const struct comparison *comparison)
{
	static const char *const names[NR_SIDES] = {"base", "head"};

	for (size_t side = 0; side < NR_SIDES; side++)
		if (compare_nr_tests(c, (enum side)side) == 0) {
			say_error("%s ('%s') has no tests: nothing can be compared", names[side],
				  comparison->names[side]);
			return EXIT_SETUP;
		}
	if (compare_print(session, comparison) < 0 ||
	    compare_save(session->options, comparison) < 0)
		return EXIT_SETUP;
	if (comparison->nr_elements == 0 && comparison->nr_left_out == 0) {
		say_error("the two have no test in common: are they of the same suite?");
		return EXIT_SETUP;
	}
	return session->options->gate && comparison->gate_fails ? EXIT_GATE : 0;
}

static int compare_files(const struct session *session, struct compare *c)
{
	const struct options *o = session->options;
	const struct comparison *comparison;
	int r = 0;

	for (size_t side = 0; side < NR_SIDES && r >= 0; side++)
		r = compare_read(c, (enum side)side, o->compared[side]);
	if (r < 0)
		return EXIT_SETUP;
	r = compare_judge(c, &o->rule, &comparison);
	if (r == -EDOM) {
		say_error("the runs of one side are with --mode=count, those of the other without: "
			  "their times cannot be compared");
		return EXIT_SETUP;
	}
	if (r < 0) {
		say_error("cannot compare: %s", strerror(-r));
		return EXIT_SETUP;
	}
	return compare_conclude(session, c, comparison);
}

int compare_command(const struct session *session)
{
	struct compare *c;
	int r;

	if (session->options->command)
		return compare_in_turns(session);
	/* foreign files: nothing here needs more than the user may do */
	r = identity_become(session->identity);
	if (r < 0) {
		say_error("cannot become %s: %s", session->identity->name, strerror(-r));
		return EXIT_SETUP;
	}
	if (session->options->comparison)
		return compare_saved(session);
	r = compare_new(session->options->compared, &c);
	if (r < 0) {
		say_error("cannot compare: %s", strerror(-r));
		return EXIT_SETUP;
	}
	r = compare_files(session, c);
	compare_free(c);
	if (r != EXIT_SETUP && session->options->stacks && compare_stacks(session) < 0)
		return EXIT_SETUP;
	return r;
}
