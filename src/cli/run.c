/* SPDX-License-Identifier: MIT */
/*
 * run: record a command as its user, then, as that user and nothing more, report.
 * report: the second half alone.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "history_write.h"
#include "log.h"
#include "say.h"
#include "take.h"

#include "launch/command.h"
#include "launch/output_dir.h"
#include "launch/signals.h"
#include "output/output.h"
#include "live/record.h"
#include "report/pipeline.h"

#define SENTENCE_MAX 8192

/* ---- reports ------------------------------------------------------------------------------- */

static struct output_opts options_for(const struct session *session, FILE *terminal)
{
	const struct options *o = session->options;
	struct output_opts opts = output_options(o);

	opts.colour = colour_wanted(o->colour, session->environment, fileno(terminal));
	opts.width = terminal_width(fileno(terminal));
	opts.output_dir = o->output_dir;
	return opts;
}

/* @hint: say how to open the files. */
static int write_report(const struct session *session, const struct profile *p, const char *name,
			FILE *out, bool hint)
{
	struct output_opts opts = options_for(session, out);
	const struct output_ops *ops = output_find(name);
	int r;

	if (!hint)
		opts.output_dir = NULL;
	r = ops ? ops->write(p, &opts, out) : -ENOENT;
	if (r == 0 && fflush(out) == EOF)
		r = -errno;
	return r;
}

static int write_file(const struct session *session, const struct profile *p,
		      const struct output_ops *ops, struct output_dir *dir, const char *name)
{
	struct output_opts opts = options_for(session, stderr);
	struct output_file file = {0};
	struct buf why;
	int r;

	buf_init(&why, SENTENCE_MAX);
	opts.colour = false;
	r = output_file_begin(dir, name, &file, &why);
	if (r == 0) {
		r = ops->write(p, &opts, file.stream);
		if (r == 0)
			r = output_file_commit(&file, &why);
		else
			output_file_abort(&file);
	}
	if (r < 0)
		say_error("cannot write '%s': %s", name, why.len ? why.data : strerror(-r));
	buf_done(&why);
	return r;
}

/* FLAME_OUTPUT names a file of its own, outside of --output perhaps. */
static int write_folded_elsewhere(const struct session *session, const struct profile *p,
				  const struct output_ops *ops)
{
	struct output_dir dir;
	struct buf why;
	const char *name;
	char *path;
	int r;

	if (output_path_split(session->options->folded_file, &path, &name) < 0)
		return -ENOMEM;
	buf_init(&why, SENTENCE_MAX);
	r = output_dir_open(path, session->identity, &dir, &why);
	if (r == 0) {
		r = write_file(session, p, ops, &dir, name);
		output_dir_close(&dir);
	} else {
		say_error("%s", why.len ? why.data : strerror(-r));
	}
	buf_done(&why);
	free(path);
	return r;
}

/* Every file is tried, whatever happens to the others. */
static int write_files(const struct session *session, const struct profile *p,
		       struct output_dir *dir)
{
	int result = 0;

	for (const struct output_ops *const *ops = session->options->formats; *ops; ops++) {
		bool elsewhere = session->options->folded_file && !strcmp((*ops)->name, "folded");
		int r = elsewhere ? write_folded_elsewhere(session, p, *ops)
				  : write_file(session, p, *ops, dir, (*ops)->file_name);

		if (r < 0 && !result)
			result = r;
	}
	return result;
}

/* ---- run ----------------------------------------------------------------------------------- */

/* busted counted failures and the process says success: os.exit(256), os.exit(0) in a test. */
static int honest_status(const struct profile *p, int status)
{
	const struct suite_result *suite = &p->suite;

	if (status != 0 || !suite->seen || suite->failures + suite->errors == 0)
		return status;
	say_error("busted saw %llu failures and %llu errors, yet the command exited with 0 "
		  "(os.exit() in a test?); the exit status is 1",
		  (unsigned long long)suite->failures, (unsigned long long)suite->errors);
	return 1;
}

static void tell_what_was_missed(const struct session *session, const struct profile *p,
				 const struct record_result *result)
{
	bool quiet = session->options->quiet;

	if (result->left_running)
		say_note(quiet, "stopped waiting; the command goes on, the report is of the time "
				"until now");
	if (result->error)
		say_error(
			"the recording could not be written to its end (%s), so it is not kept; what "
			"was reported is of the time before",
			strerror(-result->error));
	/* Stacks alone never say how anything ended. */
	if (p->check.hook_seen && p->suite.seen && !p->suite.ended && p->complete)
		say_note(quiet,
			 "the suite did not say that it ended (os.exit() inside a test, or a "
			 "crash): what was open then is marked incomplete");
	if (!p->nr_runtimes && !p->unsampled)
		say_note(quiet, "no Lua VM was seen: the profile shows processes and native "
				"functions only");
	else if (wants_hook(session->options) && !result->probes_getenv)
		say_note(quiet, "getenv of this libc cannot be probed: tests are found by their "
				"stacks only");
	if (result->unproved_vms)
		say_error("%u Lua VMs are of a build whose layout could not be proved: their "
			  "stacks are missing",
			  result->unproved_vms);
}

/* What follows runs with the user's rights alone. @fd: of the recording; taken. */
static int report_run(const struct session *session, struct output_dir *dir,
		      const struct record_result *result, int fd)
{
	int status = result->exit_status, r;
	struct pipeline *pipeline;
	const struct profile *p;

	r = pipeline_run(fd, &pipeline);
	if (r < 0) {
		say_error("cannot report '%s/%s': %s", dir->path, RECORDING_NAME,
			  pipeline_problem(r));
		return status ? status : EXIT_SETUP;
	}
	p = pipeline_profile(pipeline);
	r = write_files(session, p, dir);
	if (write_history(session, p, dir) < 0)
		r = -EIO;
	if (!session->options->quiet)
		write_report(session, p, "terminal", stderr, r == 0);
	if (session->options->callers)
		write_report(session, p, "callers", stderr, false);
	if (session->options->costs)
		write_report(session, p, "costs", stderr, false);
	tell_what_was_missed(session, p, result);
	status = honest_status(p, status);
	if ((r < 0 || result->error) && !status)
		status = EXIT_SETUP;
	pipeline_free(pipeline);
	return status;
}

static int run_into(const struct session *session, const char *path, struct output_dir *dir)
{
	struct taken taken;
	const struct record_result *result = &taken.result;
	int r;

	r = take_recording(session, path, dir, &taken);
	if (r != 0)
		return r;
	if (result->died_of)
		signals_die(result->died_of);
	r = identity_become(session->identity);
	if (r < 0) {
		say_error("cannot become %s to write the report: %s", session->identity->name,
			  strerror(-r));
		return result->exit_status ? result->exit_status : EXIT_SETUP;
	}
	taken_compare(&taken);
	return report_run(session, dir, result, taken.fd);
}

static int explain_command(const struct session *session, int r, const char *why)
{
	const char *name = session->options->command[0];
	const char *verb = verb_like(name);

	say_error("%s", why);
	if (r == -ENOENT && verb)
		say_error("did you mean 'bprof-perf %s'?", verb);
	return command_exit_status(r);
}

/* A run that could not even start leaves no directory behind either. */
static void remove_if_empty(const struct session *session, const char *path)
{
	struct identity_borrowed borrowed;

	if (identity_borrow(session->identity, &borrowed) < 0)
		return;
	rmdir(path); /* refuses what is not empty, and that is the usual case */
	identity_return(&borrowed);
}

int run_command(const struct session *session)
{
	const struct options *o = session->options;
	CLEANUP(cleanup_free) char *path = NULL;
	struct output_dir dir;
	struct buf why;
	bool existed;
	int r, status;

	buf_init(&why, SENTENCE_MAX);
	r = command_find(session->identity, session->environment, o->command[0], &path, &why);
	if (r < 0) {
		status = explain_command(session, r, why.len ? why.data : strerror(-r));
		buf_done(&why);
		return status;
	}
	if (session->identity->note)
		say_note(o->quiet, "%s", session->identity->note);
	if (session->environment->note)
		say_note(o->quiet, "%s", session->environment->note);
	existed = access(o->output_dir, F_OK) == 0;
	r = output_dir_open(o->output_dir, session->identity, &dir, &why);
	if (r < 0) {
		say_error("%s", why.len ? why.data : strerror(-r));
		buf_done(&why);
		return EXIT_SETUP;
	}
	buf_done(&why);
	status = run_into(session, path, &dir);
	output_dir_close(&dir);
	if (!existed)
		remove_if_empty(session, o->output_dir);
	return status;
}

/* ---- report -------------------------------------------------------------------------------- */

static int write_report_outputs(const struct session *session, const struct profile *p)
{
	const struct options *o = session->options;
	struct output_dir dir;
	struct buf why;
	int r;

	if (o->json)
		return write_report(session, p, "json", stdout, false);
	buf_init(&why, SENTENCE_MAX);
	r = output_dir_open(o->output_dir, session->identity, &dir, &why);
	if (r < 0) {
		say_error("%s", why.len ? why.data : strerror(-r));
		buf_done(&why);
		return r;
	}
	buf_done(&why);
	r = write_files(session, p, &dir);
	if (write_history(session, p, &dir) < 0)
		r = -EIO;
	output_dir_close(&dir);
	if (!o->quiet && write_report(session, p, "terminal", stdout, r == 0) < 0)
		r = -EIO;
	if (o->callers && write_report(session, p, "callers", stdout, false) < 0)
		r = -EIO;
	if (o->costs && write_report(session, p, "costs", stdout, false) < 0)
		r = -EIO;
	return r;
}

/* What was asked is whether the recording can be trusted: one that is broken cannot. */
static int verify_recording(const struct session *session, const struct profile *p)
{
	const char *name = session->options->json ? "verify-json" : "verify";
	bool broken = !p->complete || p->counters[BPROF_COUNTER_MALFORMED] > 0;

	if (write_report(session, p, name, stdout, false) < 0)
		return EXIT_SETUP;
	return broken ? EXIT_GATE : 0;
}

int report_recording(const struct session *session)
{
	const char *path = session->options->recording;
	struct pipeline *pipeline;
	int fd, r;

	/* nothing here needs more than the user may do: not the foreign bytes, not the files */
	r = identity_become(session->identity);
	if (r < 0) {
		say_error("cannot become %s: %s", session->identity->name, strerror(-r));
		return EXIT_SETUP;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		say_error("cannot open the recording '%s': %s", path, strerror(errno));
		return EXIT_SETUP;
	}
	r = pipeline_run(fd, &pipeline);
	if (r < 0) {
		say_error("cannot report '%s': %s", path, pipeline_problem(r));
		return EXIT_SETUP;
	}
	if (!pipeline_profile(pipeline)->complete)
		say_note(session->options->quiet,
			 "'%s' breaks off before its end: the report is of what is there", path);
	if (session->options->verify)
		r = verify_recording(session, pipeline_profile(pipeline));
	else
		r = write_report_outputs(session, pipeline_profile(pipeline)) < 0 ? EXIT_SETUP : 0;
	pipeline_free(pipeline);
	return r;
}
