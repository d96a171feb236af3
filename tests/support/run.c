/* SPDX-License-Identifier: MIT */
/*
 * Running real programs in live tests. Both pipes of a child are read together, so that neither
 * can fill up and block it.
 */
#include "run.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_TEXT ((size_t)256 << 20) /* bytes of output or of a file */

static const char *const sudo_variables[] = {
	"SUDO_UID",
	"SUDO_GID",
	"SUDO_USER",
	"SUDO_COMMAND",
};

/* Criterion runs tests side by side unless it is told not to. */
__attribute__((constructor)) static void one_test_at_a_time(void)
{
	setenv("CRITERION_JOBS", "1", 1);
}

/* ---- texts and files ----------------------------------------------------------------------- */

void text_done(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

bool text_equal(const struct text *a, const struct text *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void text_add(struct text *t, const char *data, size_t len)
{
	char *grown;

	cr_assert(len < MAX_TEXT - t->len, "more than %zu bytes of text", MAX_TEXT);
	grown = realloc(t->data, t->len + len + 1);
	cr_assert(grown != NULL);
	memcpy(grown + t->len, data, len);
	t->data = grown;
	t->len += len;
	t->data[t->len] = '\0';
}

struct text file_read(const char *path)
{
	struct text t = {0};
	char block[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return t;
	text_add(&t, "", 0);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		text_add(&t, block, n);
	fclose(f);
	return t;
}

char *path_join(const char *dir, const char *name)
{
	char *path;

	cr_assert(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

char *directory_make(void)
{
	char *path = strdup("/tmp/bprof-test-XXXXXX");

	cr_assert(path && mkdtemp(path), "cannot make a directory: %s", strerror(errno));
	return path;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

void directory_remove(char *path)
{
	if (path)
		nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

/* ---- commands ------------------------------------------------------------------------------ */

static void exec_child(const char *cwd, const char *const *env, const char *const *argv)
{
	char *args[RUN_MAX_ARGS + 1];
	size_t nr = 0;

	for (size_t i = 0; i < sizeof(sudo_variables) / sizeof(*sudo_variables); i++)
		unsetenv(sudo_variables[i]);
	for (; env && *env; env++)
		putenv(strdup(*env));
	if (cwd && chdir(cwd) < 0)
		_exit(125);
	while (argv[nr] && nr < RUN_MAX_ARGS) {
		args[nr] = strdup(argv[nr]);
		nr++;
	}
	args[nr] = NULL;
	execvp(args[0], args);
	fprintf(stderr, "cannot run %s: %s\n", args[0], strerror(errno));
	_exit(127);
}

/* True while the other end is open. */
static bool read_some(int fd, struct text *t)
{
	char block[65536];
	ssize_t n = read(fd, block, sizeof(block));

	if (n < 0)
		return errno == EINTR;
	text_add(t, block, (size_t)n);
	return n > 0;
}

static void read_both(int out, int err, struct run *r)
{
	struct pollfd fds[2] = {
		{.fd = out, .events = POLLIN},
		{.fd = err, .events = POLLIN},
	};
	struct text *texts[2] = {&r->out, &r->err};

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < 2; i++)
			if (fds[i].fd >= 0 && fds[i].revents && !read_some(fds[i].fd, texts[i]))
				fds[i].fd = -1;
	}
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void run_command(const char *cwd, const char *const *env, const char *const *argv, struct run *ret)
{
	int out[2], err[2], status;
	double started = seconds_now();
	struct rusage usage;
	pid_t pid;

	*ret = (struct run){0};
	text_add(&ret->out, "", 0);
	text_add(&ret->err, "", 0);
	cr_assert(pipe(out) == 0 && pipe(err) == 0);
	fflush(NULL);
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		close(err[0]);
		close(err[1]);
		exec_child(cwd, env, argv);
	}
	close(out[1]);
	close(err[1]);
	read_both(out[0], err[0], ret);
	close(out[0]);
	close(err[0]);
	while (wait4(pid, &status, 0, &usage) < 0)
		cr_assert(errno == EINTR, "wait4: %s", strerror(errno));
	ret->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	ret->wall_s = seconds_now() - started;
	ret->cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

void run_done(struct run *r)
{
	text_done(&r->out);
	text_done(&r->err);
}

struct text shell_output(const char *cwd, const char *script)
{
	struct text out;
	struct run run;

	run_command(cwd, NULL, (const char *const[]){"/bin/sh", "-ec", script, NULL}, &run);
	cr_assert(run.status == 0, "%s: %s%s", script, run.out.data, run.err.data);
	out = run.out;
	run.out = (struct text){0};
	run_done(&run);
	return out;
}

void shell_run(const char *cwd, const char *script)
{
	struct text out = shell_output(cwd, script);

	text_done(&out);
}

/* ---- what is here -------------------------------------------------------------------------- */

bool program_exists(const char *name)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path ? path : "/usr/bin:/bin"), *rest = copy, *dir;
	bool found = false;

	while (!found && (dir = strsep(&rest, ":"))) {
		char *full = path_join(dir, name);

		found = access(full, X_OK) == 0;
		free(full);
	}
	free(copy);
	return found;
}

const char *why_no_profiling(const char *bprof_perf)
{
	static char reason[512];
	struct run doctor;

	if (geteuid() != 0)
		return "needs root";
	run_command(NULL, NULL, (const char *const[]){bprof_perf, "doctor", NULL}, &doctor);
	if (doctor.status != 0)
		snprintf(reason, sizeof(reason), "bprof-perf doctor says (status %d): %.400s",
			 doctor.status, doctor.out.len ? doctor.out.data : doctor.err.data);
	else
		reason[0] = '\0';
	run_done(&doctor);
	return reason[0] ? reason : NULL;
}
