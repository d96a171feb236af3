/* SPDX-License-Identifier: MIT */
/*
 * We stay root to start the next recorder, so whatever reads foreign bytes or writes the user's
 * files is done by a child that has become the user for good.
 */
#include "backfill_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "history_write.h"
#include "recorder_child.h"
#include "say.h"
#include "stop.h"
#include "take.h"

#include "history/history.h"
#include "output/output.h"
#include "report/pipeline.h"

#define SENTENCE_MAX 8192

/* ---- the recorder -------------------------------------------------------------------------- */

/* `run` with what was asked of us, but for the files: only the recording is wanted. */
static int record(const struct backfill_run *run)
{
	struct options options = *run->session->options;
	struct session session = *run->session;
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s/run", run->scratch);
	options.verb = VERB_RUN;
	options.output_dir = directory;
	options.output_chosen = true;
	options.release = (struct release){0};
	options.formats[0] = NULL;
	options.timing_file = options.folded_file = NULL;
	options.callers = options.costs = false;
	options.quiet = true;
	session.options = &options;
	return run_command(&session);
}

static void become_recorder(const struct backfill_run *run, pid_t parent)
{
	char log[PATH_MAX];
	int status;

	snprintf(log, sizeof(log), "%s/log", run->scratch);
	stop_by_signals_again();
	if (recorder_child_begin(parent, run->session->identity, log) < 0 ||
	    chdir(run->directory) < 0)
		_exit(EXIT_SETUP);
	status = record(run);
	fflush(NULL);
	_exit(status);
}

int backfill_record(const struct backfill_run *run)
{
	pid_t parent = getpid(), pid = fork();
	struct pollfd wait = {.events = POLLIN};
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_recorder(run, parent);
	setpgid(pid, pid);
	wait.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	while (!stopped_by && poll(&wait, 1, -1) < 0 && errno == EINTR)
		;
	if (stopped_by)
		recorder_child_end(pid, wait.fd);
	status = recorder_child_status(pid);
	close(wait.fd);
	return stopped_by ? -ECANCELED : status;
}

/* ---- with the user's rights ---------------------------------------------------------------- */

static int as_user(const struct backfill_run *run, int (*work)(const struct backfill_run *, int),
		   int argument)
{
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return -errno;
	if (pid > 0) {
		r = recorder_child_status(pid);
		return r == BACKFILL_ADDED || (r >= BACKFILL_NO_TESTS && r <= BACKFILL_MISSING)
			       ? r
			       : -EPROTO;
	}
	r = identity_become(run->session->identity);
	if (r == 0)
		r = work(run, argument);
	else
		say_error("cannot become %s: %s", run->session->identity->name, strerror(-r));
	fflush(NULL);
	_exit(r < 0 ? BACKFILL_NOT_ADDED : r);
}

static int open_recording(const struct backfill_run *run)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/run/" RECORDING_NAME, run->scratch);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static int copy(int from, FILE *to)
{
	char bytes[65536];
	ssize_t len;

	while ((len = read(from, bytes, sizeof(bytes))) != 0) {
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 || fwrite(bytes, 1, (size_t)len, to) != (size_t)len)
			return -errno;
	}
	return 0;
}

/* TAG.bprof */
static int keep_recording(const struct backfill_run *run)
{
	CLEANUP(cleanup_close) int fd = open_recording(run);
	char name[RELEASE_MAX_TEXT + sizeof(".bprof")];
	struct output_file file = {0};
	struct buf why;
	int r;

	snprintf(name, sizeof(name), "%s.bprof", run->release->text);
	buf_init(&why, SENTENCE_MAX);
	r = fd < 0 ? -errno : output_file_begin(run->recordings, name, &file, &why);
	if (r == 0)
		r = copy(fd, file.stream);
	if (r == 0)
		r = output_file_commit(&file, &why);
	else
		output_file_abort(&file);
	if (r < 0)
		say_error("%s: its recording is not kept: %s", run->release->text,
			  why.len ? why.data : strerror(-r));
	buf_done(&why);
	return r;
}

/* A command that fails and shows no test: it does not build, or has no tests. */
static bool has_nothing(const struct profile *p, int status)
{
	return p->nr_tests == 0 && (p->suite.seen || status != 0);
}

static int add_profile(const struct backfill_run *run, const struct profile *p, int status)
{
	CLEANUP(cleanup_close) int cwd = -1;

	if (has_nothing(p, status))
		return BACKFILL_NO_TESTS;
	if (run->recordings && keep_recording(run) < 0)
		return BACKFILL_NOT_ADDED;
	cwd = open(run->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return write_release(run->session, p, run->release, cwd, run->root) < 0 ? BACKFILL_NOT_ADDED
										: BACKFILL_ADDED;
}

static int add(const struct backfill_run *run, int status)
{
	struct pipeline *pipeline;
	int fd = open_recording(run), r;

	if (fd < 0)
		return BACKFILL_NO_TESTS;
	r = pipeline_run(fd, &pipeline);
	if (r < 0) {
		say_error("%s: its recording cannot be read: %s", run->release->text,
			  pipeline_problem(r));
		return BACKFILL_NOT_ADDED;
	}
	r = add_profile(run, pipeline_profile(pipeline), status);
	pipeline_free(pipeline);
	return r;
}

int backfill_add(const struct backfill_run *run, int status)
{
	return as_user(run, add, status);
}

static void ignore_note(void *arg, const char *sentence)
{
	(void)arg;
	(void)sentence; /* said when the release is added */
}

static bool has_tag(const struct history *h, const struct release *release)
{
	for (size_t i = 0; i < h->nr; i++)
		if (release_compare(&h->releases[i].folder.release, release) == 0)
			return true;
	return false;
}

static int look(const struct backfill_run *run, int unused)
{
	enum layout layout = run->session->options->tree.layout;
	bool there = false;

	(void)unused;
	for (int standalone = 0; standalone < 2 && !there; standalone++) {
		struct history history;

		if (tree_read_history(run->root->fd, tree_scope(layout, standalone), ignore_note,
				      NULL, &history) < 0)
			continue;
		there = has_tag(&history, run->release);
		history_done(&history);
	}
	return there ? BACKFILL_THERE : BACKFILL_MISSING;
}

int backfill_look(const struct backfill_run *run)
{
	return as_user(run, look, 0);
}
