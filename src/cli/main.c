/* SPDX-License-Identifier: MIT */
/* The composition root: who asks, what is asked, and which verb answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

#include "backfill.h"
#include "compare_verb.h"
#include "doctor.h"
#include "history_verb.h"
#include "link_page.h"
#include "options.h"
#include "publish.h"
#include "run.h"
#include "say.h"

/* Whom the command runs as, by the variables of sudo and, once they are known, by the options. */
static int find_identity(const struct options *options, struct identity *ret, struct buf *why)
{
	struct identity_request request;

	identity_request_init(&request);
	if (options) {
		request.user = options->user;
		request.keep_root = options->keep_root;
	}
	return identity_find(&request, ret, why);
}

static int find_user(const struct options *options, struct identity *identity,
		     struct environment *environment)
{
	struct buf why;
	int r;

	buf_init(&why, 8192);
	r = find_identity(options, identity, &why);
	if (r < 0)
		say_error("%s", why.len ? why.data : strerror(-r));
	buf_done(&why);
	if (r < 0)
		return r;
	r = environment_recover(identity, environment);
	if (r < 0) {
		say_error("cannot find out the environment of the command: %s", strerror(-r));
		identity_done(identity);
	}
	return r;
}

/*
 * The environment that options are read from: that of the user behind sudo. Where nobody can tell
 * who that is, our own serves; the options may still say whom to take, and if not, serve()
 * complains.
 */
static int environment_for_options(struct environment *ret)
{
	struct identity identity;
	struct buf why;
	int r;

	buf_init(&why, 8192);
	r = find_identity(NULL, &identity, &why);
	buf_done(&why);
	if (r < 0)
		return environment_own(ret);
	r = environment_recover(&identity, ret);
	identity_done(&identity);
	return r;
}

static void complain_of_log_part(const char *part)
{
	say_error("BPROF_LOG: '%s' is not level or target=level; ignored", part);
}

/* The log file is the user's, made with the user's rights; it stays open to the end. */
static int open_log(const struct options *options, const struct environment *environment,
		    const struct identity *identity)
{
	struct identity_borrowed borrowed;
	FILE *file;
	int r;

	log_configure(options->log_filter, complain_of_log_part);
	log_set_colour(colour_wanted(options->colour, environment, STDERR_FILENO));
	if (!options->log_file)
		return 0;
	r = identity_borrow(identity, &borrowed);
	if (r == 0) {
		file = fopen(options->log_file, "ae");
		r = file ? 0 : -errno;
		identity_return(&borrowed);
	}
	if (r < 0) {
		say_error("cannot write the log '%s': %s", options->log_file, strerror(-r));
		return r;
	}
	log_set_stream(file);
	return 0;
}

static int answer(const struct session *session)
{
	switch (session->options->verb) {
	case VERB_RUN:
		return run_command(session);
	case VERB_REPORT:
		return report_recording(session);
	case VERB_COMPARE:
		return compare_command(session);
	case VERB_HISTORY:
		return history_command(session);
	case VERB_PUBLISH:
		return publish_command(session);
	case VERB_BACKFILL:
		return backfill_command(session);
	case VERB_LINK_PAGE:
		return link_page_command(session);
	case VERB_DOCTOR:
		return doctor_run(session);
	case VERB_HELP:
		options_write_help(stdout, session->options->help_about);
		return 0;
	case VERB_VERSION:
		printf("bprof-perf %s\n", BPROF_VERSION);
		return 0;
	case NR_VERBS:
		break;
	}
	return EXIT_USAGE;
}

/* With --user and --keep-root known, who the user is may change. */
static int serve(const struct options *options, const struct inheritance *inheritance)
{
	struct identity identity;
	struct environment environment;
	struct session session = {.options = options,
				  .identity = &identity,
				  .environment = &environment,
				  .inheritance = inheritance};
	int status = EXIT_SETUP;

	if (find_user(options, &identity, &environment) < 0)
		return EXIT_SETUP;
	if (open_log(options, &environment, &identity) == 0)
		status = answer(&session);
	environment_done(&environment);
	identity_done(&identity);
	return status;
}

int main(int argc, char **argv)
{
	struct inheritance inheritance;
	struct environment environment;
	struct options options;
	struct buf why;
	int r, status;

	r = inheritance_save(&inheritance);
	if (r == 0)
		r = environment_for_options(&environment);
	if (r < 0) {
		say_error("cannot start: %s", strerror(-r));
		return EXIT_SETUP;
	}
	buf_init(&why, 8192);
	r = options_parse(argc, argv, &environment, &options, &why);
	if (r < 0) {
		say_error("%s", why.len ? why.data : strerror(-r));
		buf_done(&why);
		environment_done(&environment);
		return r == -EINVAL ? EXIT_USAGE : EXIT_SETUP;
	}
	buf_done(&why);
	status = serve(&options, &inheritance);
	options_done(&options);
	environment_done(&environment);
	return status;
}
