/* SPDX-License-Identifier: MIT */
/* Starting a command: gate, exec, what it inherits, how it ends. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "command.h"
#include "launch.h"

static char directory[] = "/tmp/test_launch.XXXXXX";
static struct identity identity;
static struct environment environment;
static struct inheritance inheritance;
static struct launch launch;
static struct buf why;

static void begin(void)
{
	struct identity_request q = {0};

	if (geteuid() == 0)
		q = (struct identity_request){
			.sudo_uid = "65534", .sudo_gid = "65534", .sudo_user = "nobody"};
	buf_init(&why, 4096);
	cr_assert(eq(int, inheritance_save(&inheritance), 0));
	cr_assert(eq(int, identity_find(&q, &identity, &why), 0));
	cr_assert(eq(int, environment_set(&environment, "PATH", "/usr/bin:/bin"), 0));
	environment.umask = (mode_t)-1;
	cr_assert(ne(ptr, mkdtemp(directory), NULL));
	chmod(directory, 0777);
	cr_assert(eq(int, chdir(directory), 0));
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	(void)status;
	(void)kind;
	(void)at;
	return remove(path);
}

static void end(void)
{
	identity_done(&identity);
	environment_done(&environment);
	buf_done(&why);
	cr_assert(eq(int, chdir("/"), 0));
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(launch, .init = begin, .fini = end, .timeout = 20);

static int start(const char *path, char *const *argv)
{
	const struct launch_options options = {
		.identity = &identity,
		.environment = &environment,
		.inheritance = &inheritance,
		.path = path,
		.argv = argv,
	};

	return launch_start(&options, &launch);
}

static void start_shell(const char *script)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script), NULL};

	cr_assert(eq(int, start("/bin/sh", argv), 0));
	free(argv[2]);
}

/* Waits for the end, then gives the exit status as a shell would. */
static int finish(void)
{
	struct pollfd wait = {.fd = launch.pidfd, .events = POLLIN};
	int status;

	cr_assert(eq(int, poll(&wait, 1, 10000), 1), "the command should end");
	cr_assert(eq(int, launch_wait(&launch), 1));
	status = launch_exit_status(&launch);
	launch_done(&launch);
	return status;
}

static int run_shell(const char *script)
{
	enum launch_stage stage;

	start_shell(script);
	cr_assert(eq(int, launch_release(&launch), 0));
	cr_assert(eq(int, launch_exec_result(&launch, &stage), 0));
	return finish();
}

static void expect_file(const char *name, const char *text)
{
	char found[512];
	FILE *in = fopen(name, "r");
	size_t length;

	cr_assert(ne(ptr, in, NULL), "%s", name);
	length = fread(found, 1, sizeof(found) - 1, in);
	found[length] = 0;
	fclose(in);
	cr_expect_str_eq(found, text);
}

static void write_script(const char *name, const char *text, mode_t mode)
{
	FILE *out = fopen(name, "w");

	fputs(text, out);
	fclose(out);
	chmod(name, mode);
}

Test(launch, nothing_runs_before_the_gate_opens)
{
	struct pollfd wait;

	start_shell("echo ran >ran");
	wait = (struct pollfd){.fd = launch.pidfd, .events = POLLIN};
	cr_assert(eq(int, poll(&wait, 1, 100), 0));
	cr_assert(eq(int, launch_wait(&launch), 0));
	cr_assert(eq(int, access("ran", F_OK), -1));
	cr_assert(eq(int, launch_release(&launch), 0));
	cr_assert(eq(int, finish(), 0));
	expect_file("ran", "ran\n");
}

Test(launch, child_goes_away_when_it_is_not_wanted_any_more)
{
	start_shell("echo ran >ran");
	launch_done(&launch);
	cr_assert(eq(int, waitpid(-1, NULL, WNOHANG), -1), "reaped");
	cr_assert(eq(int, access("ran", F_OK), -1));
}

Test(launch, child_at_the_gate_ends_when_we_die)
{
	int pid_pipe[2], status;
	pid_t us, child = 0;

	cr_assert(eq(int, pipe(pid_pipe), 0));
	us = fork();
	if (us == 0) {
		start_shell("echo ran >ran");
		(void)!write(pid_pipe[1], &launch.pid, sizeof(launch.pid));
		_exit(0);
	}
	waitpid(us, &status, 0);
	cr_assert(eq(int, (int)read(pid_pipe[0], &child, sizeof(child)), (int)sizeof(child)));
	for (int i = 0; i < 100 && kill(child, 0) == 0; i++)
		usleep(20000);
	cr_assert(eq(int, access("ran", F_OK), -1));
}

Test(launch, exit_status_is_the_commands_own)
{
	cr_assert(eq(int, run_shell("exit 0"), 0));
	cr_assert(eq(int, run_shell("exit 7"), 7));
	cr_assert(eq(int, run_shell("exit 255"), 255));
}

Test(launch, signal_that_ended_it_is_added_to_128)
{
	cr_assert(eq(int, run_shell("kill -KILL $$"), 128 + SIGKILL));
	cr_assert(eq(int, run_shell("kill -TERM $$"), 128 + SIGTERM));
}

Test(launch, usage_of_the_command_is_kept)
{
	enum launch_stage stage;

	start_shell("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done");
	cr_assert(eq(int, launch_release(&launch), 0));
	cr_assert(eq(int, launch_exec_result(&launch, &stage), 0));
	struct pollfd wait = {.fd = launch.pidfd, .events = POLLIN};

	cr_assert(eq(int, poll(&wait, 1, 10000), 1));
	cr_assert(eq(int, launch_wait(&launch), 1));
	cr_assert(gt(long, launch.rusage.ru_utime.tv_usec + launch.rusage.ru_stime.tv_usec, 0));
	cr_assert(eq(int, launch_wait(&launch), 1), "asked again, the same answer");
	launch_done(&launch);
}

Test(launch, command_is_the_user_and_sees_its_environment)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert(eq(int, environment_set(&environment, "LUA_PATH", "a;b"), 0));
	cr_assert(eq(int,
		     run_shell("id -u >ids; id -g >>ids; id -G >>ids; echo \"$LUA_PATH\" >>ids; "
			       "grep -E '^(CapInh|CapPrm|CapEff|CapAmb)' /proc/self/status | "
			       "cut -f2 | sort -u >>ids"),
		     0));
	expect_file("ids", "65534\n65534\n65534\na;b\n0000000000000000\n");
}

Test(launch, no_descriptor_of_ours_reaches_the_command)
{
	int ours = open("/dev/null", O_RDONLY); /* deliberately without O_CLOEXEC */
	int high = fcntl(ours, F_DUPFD, 200);

	cr_assert(ge(int, high, 200));
	cr_assert(eq(int,
		     run_shell("ls /proc/$$/fd | sort -n | tr '\\n' ' ' >fds; "
			       "test ! -e /proc/$$/fd/200"),
		     0));
	close(ours);
	close(high);
}

Test(launch, descriptors_we_were_started_with_reach_the_command)
{
	int given = open("/etc/hostname", O_RDONLY);
	int ours;

	cr_assert(eq(int, fcntl(given, F_DUPFD, 63), 63));
	cr_assert(eq(int, inheritance_save(&inheritance), 0));
	ours = fcntl(given, F_DUPFD, 64);
	cr_assert(eq(int, ours, 64));
	cr_assert(eq(int, run_shell("test -e /proc/$$/fd/63 && test ! -e /proc/$$/fd/64"), 0));
}

Test(launch, signals_are_as_whoever_started_us_had_them)
{
	sigset_t blocked;

	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_DFL);
	cr_assert(eq(int, inheritance_save(&inheritance), 0));
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&blocked);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	cr_assert(eq(int, run_shell("grep -E '^Sig(Blk|Ign)' /proc/self/status >signals"), 0));
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	expect_file("signals", "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\n");
}

Test(launch, umask_is_the_recovered_one_where_there_is_one)
{
	environment.umask = 027;
	cr_assert(eq(int, run_shell("umask >mask"), 0));
	expect_file("mask", "0027\n");
	environment.umask = (mode_t)-1;
	umask(002);
	cr_assert(eq(int, inheritance_save(&inheritance), 0));
	cr_assert(eq(int, run_shell("umask >mask"), 0));
	expect_file("mask", "0002\n");
}

Test(launch, command_stays_in_our_process_group_and_session)
{
	char expected[64];

	cr_assert(eq(int, run_shell("cut -d' ' -f5,6 /proc/$$/stat >group"), 0));
	snprintf(expected, sizeof(expected), "%d %d\n", (int)getpgrp(), (int)getsid(0));
	expect_file("group", expected);
}

static int exec_error(const char *path)
{
	char *argv[] = {strdup(path), (char[]){"argument"}, NULL};
	enum launch_stage stage;
	int r;

	cr_assert(eq(int, start(path, argv), 0));
	free(argv[0]);
	cr_assert(eq(int, launch_release(&launch), 0));
	r = launch_exec_result(&launch, &stage);
	cr_assert(eq(int, stage, LAUNCH_STAGE_EXEC));
	cr_assert(eq(int, finish(), r == 0 ? 0 : command_exit_status(r)));
	return r;
}

Test(launch, failure_to_execute_is_told_exactly)
{
	write_script("forbidden", "#!/bin/sh\n", 0644);
	write_script("interpreter", "#!/no/such/interpreter\n", 0755);
	cr_assert(eq(int, exec_error("./missing"), -ENOENT));
	cr_assert(eq(int, exec_error("./forbidden"), -EACCES));
	cr_assert(eq(int, exec_error("./interpreter"), -ENOENT));
	cr_assert(eq(int, exec_error("."), -EACCES));
	cr_assert(eq(int, command_exit_status(-ENOENT), 127));
	cr_assert(eq(int, command_exit_status(-EACCES), 126));
	cr_assert(eq(int, command_exit_status(-ENOMEM), 125));
}

Test(launch, script_without_interpreter_line_is_run_by_the_shell)
{
	write_script("plain", "echo \"$0 $1\" >said\n", 0755);
	cr_assert(eq(int, exec_error("./plain"), 0));
	expect_file("said", "./plain argument\n");
}

Test(launch, signal_reaches_the_command_and_never_a_recycled_pid)
{
	enum launch_stage stage;

	start_shell("trap 'exit 9' USR1; echo ready >ready; while :; do sleep 0.02; done");
	cr_assert(eq(int, launch_release(&launch), 0));
	cr_assert(eq(int, launch_exec_result(&launch, &stage), 0));
	for (int i = 0; i < 200 && access("ready", F_OK) < 0; i++)
		usleep(10000);
	cr_assert(eq(int, launch_signal(&launch, SIGUSR1), 0));
	struct pollfd wait = {.fd = launch.pidfd, .events = POLLIN};

	cr_assert(eq(int, poll(&wait, 1, 10000), 1));
	cr_assert(eq(int, launch_wait(&launch), 1));
	cr_assert(eq(int, launch_exit_status(&launch), 9));
	cr_assert(eq(int, launch_signal(&launch, SIGUSR1), -ESRCH));
	launch_done(&launch);
}

/* ---- finding the command ------------------------------------------------------------------- */

static char *found;

static int find(const char *name)
{
	free(found);
	found = NULL;
	buf_reset(&why);
	return command_find(&identity, &environment, name, &found, &why);
}

static void set_path(const char *path)
{
	cr_assert(eq(int, environment_set(&environment, "PATH", path), 0));
}

Test(launch, command_is_found_in_the_users_path)
{
	mkdir("one", 0755);
	mkdir("two", 0755);
	mkdir("one/tool", 0755);
	write_script("two/tool", "#!/bin/sh\n", 0755);
	set_path("one:missing:two");
	cr_assert(eq(int, find("tool"), 0), "a directory of that name is passed over");
	cr_assert_str_eq(found, "two/tool");
	write_script("tool", "#!/bin/sh\n", 0755);
	set_path("one::two");
	cr_assert(eq(int, find("tool"), 0));
	cr_assert_str_eq(found, "./tool", "an empty entry is the current directory");
	free(found);
	found = NULL;
}

Test(launch, command_with_a_slash_is_taken_as_it_is)
{
	write_script("tool", "#!/bin/sh\n", 0755);
	set_path("/nowhere");
	cr_assert(eq(int, find("./tool"), 0));
	cr_assert_str_eq(found, "./tool");
	free(found);
	found = NULL;
	cr_assert(eq(int, find("./missing"), -ENOENT));
	cr_assert_str_eq(why.data, "command './missing': no such file");
	cr_assert(eq(int, find("./tool/x"), -ENOENT));
}

Test(launch, file_that_is_not_executable_is_126_unless_a_later_one_is)
{
	mkdir("one", 0755);
	mkdir("two", 0755);
	write_script("one/tool", "#!/bin/sh\n", 0644);
	set_path("one:two");
	cr_assert(eq(int, find("tool"), -EACCES));
	cr_assert(ne(ptr, strstr(why.data, "'one/tool' cannot be executed by"), NULL), "%s",
		  why.data);
	cr_assert(eq(int, find("./one"), -EACCES));
	cr_assert_str_eq(why.data, "command './one' is a directory");
	write_script("two/tool", "#!/bin/sh\n", 0755);
	cr_assert(eq(int, find("tool"), 0));
	cr_assert_str_eq(found, "two/tool");
	free(found);
	found = NULL;
}

Test(launch, what_only_root_may_execute_is_not_executable)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	mkdir("one", 0755);
	write_script("one/tool", "#!/bin/sh\n", 0700);
	set_path("one");
	cr_assert(eq(int, find("tool"), -EACCES));
	mkdir("private", 0700);
	write_script("private/tool", "#!/bin/sh\n", 0755);
	cr_assert(eq(int, find("./private/tool"), -EACCES));
}

Test(launch, missing_command_comes_with_a_remedy)
{
	set_path("/nowhere");
	cr_assert(eq(int, find("busted"), -ENOENT));
	cr_assert(ne(ptr, strstr(why.data, "(/nowhere); install it: apt-get install lua-busted"),
		     NULL),
		  "%s", why.data);
	cr_assert(eq(int, find(""), -ENOENT));
	environment.source = ENVIRONMENT_FALLBACK;
	environment.paste_me = "sudo env \"PATH=$PATH\"";
	cr_assert(eq(int, find("busted"), -ENOENT));
	cr_assert(ne(ptr, strstr(why.data, "sudo env \"PATH=$PATH\" bprof-perf -- busted"), NULL),
		  "%s", why.data);
}

/* ---- asking a program ---------------------------------------------------------------------- */

static int capture(const char *script, struct buf *output, int timeout_ms)
{
	char *argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, strdup(script), NULL};
	int r = launch_capture(&identity, &environment, argv, output, timeout_ms);

	free(argv[2]);
	return r;
}

Test(launch, captured_program_is_the_user_without_input)
{
	struct buf output;

	buf_init(&output, 256);
	cr_assert(eq(int, capture("id -u; cat; echo problem >&2; exit 3", &output, 5000), 3));
	if (geteuid() == 0)
		cr_assert_str_eq(output.data, "65534\nproblem\n");
	buf_done(&output);
}

Test(launch, captured_program_may_not_flood_or_stay)
{
	struct buf output;

	buf_init(&output, 256);
	cr_assert(eq(int, capture("yes | head -c 100000", &output, 5000), 0));
	cr_assert(eq(sz, output.len, 256));
	buf_reset(&output);
	cr_assert(eq(int, capture("exec sleep 60", &output, 100), -ETIMEDOUT));
	cr_assert(eq(int, capture("exec >&- 2>&-; exec sleep 60", &output, 100), -ETIMEDOUT));
	cr_assert(eq(int, waitpid(-1, NULL, WNOHANG), -1), "nothing is left behind");
	buf_done(&output);
}
