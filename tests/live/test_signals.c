/* SPDX-License-Identifier: MIT */
/*
 * Signals: the command gets what it would get without us and ends as it would, the report is
 * written, and whoever kills us leaves nobody stopped and nothing attached to the kernel.
 *
 * Needs root, BPF and luajit; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "json_doc.h"
#include "place.h"

#define SPEC	  SOURCE_DIR "/tests/fixtures/live/signals/long_spec.lua"
#define PATIENCE  8.0 /* seconds until something is called stuck */
#define MAX_LINKS 64

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void begin(void)
{
	const char *reason = why_no_profiling(BPROF_PERF);

	if (reason)
		cr_skip_test("%s", reason);
	if (!program_exists("luajit") || !program_exists("busted"))
		cr_skip_test("luajit or busted is not installed");
	place_make();
}

static void end(void)
{
	place_remove();
}

TestSuite(signals, .init = begin, .fini = end, .timeout = 60);

/* ---- waiting ------------------------------------------------------------------------------- */

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pause_ms(long milliseconds)
{
	const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static bool exists(const char *name)
{
	char *path = in_place(name);
	bool found = access(path, F_OK) == 0;

	free(path);
	return found;
}

/* False if it does not appear in time. */
static bool wait_for_file(const char *name)
{
	double until = seconds_now() + PATIENCE;

	while (!exists(name)) {
		if (seconds_now() > until)
			return false;
		pause_ms(2);
	}
	return true;
}

/* ---- a command on a terminal of its own ---------------------------------------------------- */

/* A shell with job control: a session leader, and the command in the foreground. */
struct started {
	pid_t shell;
	pid_t pid; /* of the command, and its process group's */
	int master;
	int news; /* the shell writes the command's pid there, then its wait status */
};

static void exec_in_foreground(const char *const *argv)
{
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(STDIN_FILENO, getpid());
	signal(SIGTTOU, SIG_DFL);
	if (chdir(place) < 0)
		_exit(125);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static void be_the_shell(const char *const *argv, int news)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		exec_in_foreground(argv);
	if (write(news, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (write(news, &status, sizeof(status)) != sizeof(status))
		_exit(1);
	/* When a session leader ends, its terminal hangs up on all others. */
	for (;;)
		pause();
}

static struct started start(const char *const *argv)
{
	struct started s;
	int news[2];

	cr_assert(pipe2(news, O_CLOEXEC) == 0);
	s.shell = forkpty(&s.master, NULL, NULL, NULL);
	cr_assert(s.shell >= 0, "forkpty: %s", strerror(errno));
	if (s.shell == 0)
		be_the_shell(argv, news[1]);
	close(news[1]);
	s.news = news[0];
	cr_assert(read(s.news, &s.pid, sizeof(s.pid)) == sizeof(s.pid));
	fcntl(s.master, F_SETFL, O_NONBLOCK);
	fcntl(s.news, F_SETFL, O_NONBLOCK);
	return s;
}

static char said[4096]; /* on the terminal, latest; for messages */

/* What is written to a terminal that nobody reads stops its writer. */
static void drain(int master)
{
	char block[sizeof(said) - 1];
	ssize_t len;

	while ((len = read(master, block, sizeof(block))) > 0) {
		memcpy(said, block, (size_t)len);
		said[len] = '\0';
	}
}

static void hang_up(struct started *s)
{
	kill(s->shell, SIGKILL);
	waitpid(s->shell, NULL, 0);
	close(s->master);
	close(s->news);
}

static bool has_ended(const struct started *s, int *ret_status)
{
	drain(s->master);
	return read(s->news, ret_status, sizeof(*ret_status)) == sizeof(*ret_status);
}

/* As a shell says it. Kills what does not end in time, and fails. The terminal stays. */
static int wait_end(struct started *s)
{
	double until = seconds_now() + PATIENCE;
	int status = 0;

	while (!has_ended(s, &status)) {
		if (seconds_now() > until) {
			kill(s->pid, SIGKILL);
			hang_up(s);
			cr_assert(false, "it does not end");
		}
		pause_ms(2);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void forget_files(void)
{
	static const char *const names[] = {"running", "enough", "finished"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path = in_place(names[i]);

		unlink(path);
		free(path);
	}
}

static struct started start_and_wait(const char *const *argv)
{
	struct started s;

	forget_files();
	s = start(argv);
	if (!wait_for_file("running")) {
		hang_up(&s);
		cr_assert(false, "%s never came to work", argv[0]);
	}
	drain(s.master);
	return s;
}

#define SUITE(interpreter) interpreter, "/usr/bin/busted", "-o", "TAP", SPEC
#define PROFILED(...)	   WORDS(BPROF_PERF, "-q", "-o", "out", "--", __VA_ARGS__)
#define SHELL_WORK	   "touch running; sleep 9 & wait; touch finished"
#define SHELL(before)	   "sh", "-c", before SHELL_WORK

static yajl_val read_profile(void)
{
	char *path = in_place("out/profile.json");
	yajl_val profile;

	cr_assert(access(path, F_OK) == 0, "no report was written: %s", said);
	profile = json_read(path);
	free(path);
	cr_expect(count_files("out") == 4, "%zu files", count_files("out"));
	return profile;
}

static void expect_report(int status)
{
	yajl_val profile = read_profile();

	cr_expect(json_int_at(profile, "exit_status") == status, "the report says status %lld",
		  json_int_at(profile, "exit_status"));
	cr_expect(json_bool_at(profile, "complete"), "the report says that it is incomplete");
	yajl_tree_free(profile);
}

/* ---- Ctrl-C -------------------------------------------------------------------------------- */

static void press_ctrl_c(const struct started *s)
{
	cr_assert(write(s->master, "\003", 1) == 1);
}

static int interrupt(const char *const *argv, void (*how)(const struct started *))
{
	struct started s = start_and_wait(argv);

	int status;

	pause_ms(50);
	how(&s);
	status = wait_end(&s);
	hang_up(&s);
	return status;
}

static void check_interrupt(const char *const *plain, const char *const *profiled,
			    void (*how)(const struct started *))
{
	int alone = interrupt(plain, how), finished_alone = exists("finished");
	int with_us = interrupt(profiled, how);

	cr_expect(with_us == alone, "status %d, without the profiler %d: %s", with_us, alone, said);
	cr_expect(exists("finished") == finished_alone, "it went on in another way than alone");
	cr_log_info("status %d", with_us);
	expect_report(alone);
	expect_nobody_stopped("interrupted");
}

/* The interpreters turn SIGINT into an error of the running test: the suite goes on. */
Test(signals, ctrl_c_in_a_suite_ends_it_as_without_us)
{
	check_interrupt(WORDS(SUITE("luajit")), PROFILED(SUITE("luajit")), press_ctrl_c);
	check_interrupt(WORDS(SUITE("lua5.4")), PROFILED(SUITE("lua5.4")), press_ctrl_c);
}

/* Who ignores Ctrl-C is waited for; a second one ends the waiting, not the command. */
Test(signals, a_second_ctrl_c_writes_the_report)
{
	static const char work[] = "trap '' INT; touch running; "
				   "while [ ! -e enough ]; do sleep 0.02; done; touch finished";
	struct started s = start_and_wait(PROFILED("sh", "-c", work));
	yajl_val profile;
	char *enough;
	int status;

	press_ctrl_c(&s);
	pause_ms(300);
	cr_expect(!has_ended(&s, &status), "the first one already ended us");
	press_ctrl_c(&s);
	wait_end(&s);
	profile = read_profile();
	yajl_tree_free(profile);
	cr_expect(!exists("finished"));
	enough = in_place("enough");
	fclose(fopen(enough, "w"));
	cr_expect(wait_for_file("finished"), "the command did not go on");
	hang_up(&s);
	free(enough);
}

/* ---- SIGTERM ------------------------------------------------------------------------------- */

static int terminate(const char *const *argv)
{
	struct started s = start_and_wait(argv);

	int status;

	kill(s.pid, SIGTERM);
	status = wait_end(&s);
	hang_up(&s);
	return status;
}

Test(signals, sigterm_reaches_the_command)
{
	cr_expect(terminate(PROFILED(SUITE("luajit"))) == 128 + SIGTERM);
	expect_report(128 + SIGTERM);
	cr_expect(terminate(PROFILED(SHELL("trap 'exit 5' TERM; "))) == 5);
	expect_report(5);
	expect_nobody_stopped("terminated");
}

/* ---- kill -9 ------------------------------------------------------------------------------- */

struct links {
	unsigned ids[MAX_LINKS];
	size_t nr;
};

static void add_link(struct links *links, const char *fdinfo)
{
	struct text text = file_read(fdinfo);
	const char *at = text.data ? strstr(text.data, "link_id:") : NULL;

	if (at && links->nr < MAX_LINKS)
		links->ids[links->nr++] = (unsigned)strtoul(at + 8, NULL, 10);
	text_done(&text);
}

/* The BPF links a process holds. */
static struct links links_of(pid_t pid)
{
	struct links links = {.nr = 0};
	struct dirent *entry;
	char path[300];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	dir = opendir(path);
	cr_assert(dir != NULL, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, entry->d_name);
		add_link(&links, path);
	}
	closedir(dir);
	return links;
}

static bool link_exists(unsigned id)
{
	union bpf_attr attr = {.link_id = id};
	long fd = syscall(SYS_bpf, BPF_LINK_GET_FD_BY_ID, &attr, sizeof(attr));

	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

static size_t count_links(const struct links *links)
{
	size_t nr = 0;

	for (size_t i = 0; i < links->nr; i++)
		nr += link_exists(links->ids[i]);
	return nr;
}

static void expect_links_gone(const struct links *links)
{
	double killed = seconds_now();

	cr_expect(links->nr > 0, "it had no links");
	while (count_links(links) && seconds_now() < killed + PATIENCE)
		pause_ms(10);
	cr_log_info("%zu links, all gone after %.2f s", links->nr, seconds_now() - killed);
	cr_expect(count_links(links) == 0, "%zu of %zu BPF links are left", count_links(links),
		  links->nr);
}

Test(signals, whoever_kills_us_does_not_end_the_command)
{
	struct started s = start_and_wait(PROFILED(SUITE("luajit")));
	struct links links = links_of(s.pid);
	char *enough = in_place("enough");

	kill(s.pid, SIGKILL);
	wait_end(&s);
	expect_links_gone(&links);
	expect_nobody_stopped("we were killed");
	fclose(fopen(enough, "w"));
	cr_expect(wait_for_file("finished"), "the suite did not go on");
	hang_up(&s);
	free(enough);
}

/*
 * The first process of an unknown program is held until its probes are there. We are stopped
 * before, so that it is held for certain, and then killed.
 */
Test(signals, whoever_kills_us_leaves_nobody_held)
{
	static const char work[] = "trap '' HUP; touch running; "
				   "while [ ! -e enough ]; do sleep 0.02; done; "
				   "luajit -e 'held()' 2>/dev/null; touch finished";
	struct started s = start_and_wait(PROFILED("sh", "-c", work));
	char *enough = in_place("enough");
	double until = seconds_now() + PATIENCE;
	struct links links = links_of(s.pid);
	bool held = false;

	kill(s.pid, SIGSTOP);
	fclose(fopen(enough, "w"));
	while (!held && !exists("finished") && seconds_now() < until)
		held = count_stopped() > 1; /* one is ours */
	cr_log_info("held: %s", held ? "yes" : "no");
	cr_expect(held, "nobody was held");
	kill(s.pid, SIGKILL);
	wait_end(&s);
	cr_expect(wait_for_file("finished"), "the held process never went on");
	expect_links_gone(&links);
	expect_nobody_stopped("we were killed");
	hang_up(&s);
	free(enough);
}
