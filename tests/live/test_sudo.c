/* SPDX-License-Identifier: MIT */
/*
 * The real sudo, real second users, a real terminal: what reaches the command.
 *
 * sudo starts this very program again, with "--launch" as first argument: then it only does what
 * `bprof-perf run` does with the rooms of launch/, and never reaches Criterion.
 *
 * Three users are made for the time of the test, one for each way sudo can start a command: with a
 * terminal of its own (use_pty), without, and by executing it in sudo's place.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "command.h"
#include "launch.h"
#include "signals.h"
#include "terminal.h"

#define SUDOERS	   "/etc/sudoers.d/bprof-live-test"
#define PTY_USER   "bprof-t-pty"
#define PLAIN_USER "bprof-t-plain"
#define ALONE_USER "bprof-t-alone"
#define TIMEOUT_MS 20000

/* ---- the launcher that sudo starts --------------------------------------------------------- */

static int wait_for_end(struct launch *launch, struct signals *signals)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = launch->pidfd, .events = POLLIN},
				       {.fd = signals->fd, .events = POLLIN}};
		int number;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return 125;
		if (launch_wait(launch) == 1)
			return launch_exit_status(launch);
		switch (signals_next(signals, &number)) {
		case SIGNAL_FORWARD:
			(void)!launch_signal(launch, number);
			break;
		case SIGNAL_REPORT:
			return 100; /* the tests never ask for it */
		case SIGNAL_DIE:
			signals_die(number);
		case SIGNAL_NOTHING:
		case SIGNAL_WAIT:
			break;
		}
	}
}

static int launch_command(char **argv)
{
	struct inheritance inheritance;
	struct identity_request request;
	struct identity identity;
	struct environment environment;
	struct terminal_loan loan;
	struct signals signals;
	struct launch launch;
	enum launch_stage stage;
	struct buf why;
	char *path;
	int r, status;

	buf_init(&why, 4096);
	identity_request_init(&request);
	if (inheritance_save(&inheritance) < 0 || identity_find(&request, &identity, &why) < 0 ||
	    environment_recover(&identity, &environment) < 0) {
		fprintf(stderr, "launcher: %s\n", why.data);
		return 125;
	}
	fprintf(stderr, "launcher: source %d\n", (int)environment.source);
	r = command_find(&identity, &environment, argv[0], &path, &why);
	if (r < 0) {
		fprintf(stderr, "launcher: %s\n", why.data);
		return command_exit_status(r);
	}
	/* Descriptors of ours, deliberately without O_CLOEXEC: none may reach the command. */
	(void)!open("/etc/shadow", O_RDONLY);
	if (terminal_lend(&identity, &loan) < 0 || signals_open(&inheritance, &signals) < 0)
		return 125;
	const struct launch_options options = {.identity = &identity,
					       .environment = &environment,
					       .inheritance = &inheritance,
					       .path = path,
					       .argv = argv};

	if (launch_start(&options, &launch) < 0 || launch_release(&launch) < 0 ||
	    launch_exec_result(&launch, &stage) < 0)
		return 125;
	status = wait_for_end(&launch, &signals);
	terminal_return(&loan);
	return status;
}

/* glibc hands the arguments to constructors: this one runs before Criterion's main(). */
__attribute__((constructor)) static void launch_instead_of_testing(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--launch") == 0)
		_exit(launch_command(argv + 2));
}

/* ---- users and rules, for the time of the test --------------------------------------------- */

static const char *const users[] = {PTY_USER, PLAIN_USER, ALONE_USER};
static char self[4096];

static int run(const char *command)
{
	return system(command);
}

static void remove_users(void)
{
	char command[128];

	unlink(SUDOERS);
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		if (!getpwnam(users[i]))
			continue;
		snprintf(command, sizeof(command), "userdel -rf %s >/dev/null 2>&1", users[i]);
		run(command);
	}
}

static const char rules[] =
	PTY_USER " ALL=(ALL) NOPASSWD: ALL\n" PLAIN_USER " ALL=(ALL) NOPASSWD: ALL\n" ALONE_USER
		 " ALL=(ALL) NOPASSWD: ALL\n"
		 "Defaults:" PTY_USER " use_pty\n"
		 "Defaults:" PLAIN_USER " !use_pty\n"
		 "Defaults:" ALONE_USER " !use_pty, !pam_session, !pam_setcred\n"
		 "Defaults:" PTY_USER "," PLAIN_USER "," ALONE_USER
		 " env_reset, secure_path=\"/usr/sbin:/usr/bin:/sbin:/bin\"\n";

static void make_users(void)
{
	char command[128];
	FILE *out;

	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		snprintf(command, sizeof(command), "useradd -m -s /bin/sh %s", users[i]);
		run(command);
	}
	out = fopen(SUDOERS, "w");
	if (!out)
		return;
	fputs(rules, out);
	fclose(out);
	chmod(SUDOERS, 0440);
}

static bool can_test(void)
{
	return geteuid() == 0 && access("/usr/bin/sudo", X_OK) == 0 &&
	       access("/etc/sudoers.d", W_OK) == 0;
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	(void)tests;
	if (!can_test())
		return;
	remove_users();
	make_users();
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	if (can_test())
		remove_users();
}

/* ---- a place for each test ----------------------------------------------------------------- */

static char directory[64];

static void begin(void)
{
	ssize_t length;

	if (geteuid() != 0)
		cr_skip_test("needs root, to make users");
	if (access("/usr/bin/sudo", X_OK) < 0)
		cr_skip_test("sudo is not installed (apt-get install sudo)");
	if (!getpwnam(PTY_USER) || access(SUDOERS, F_OK) < 0)
		cr_skip_test("cannot make users, or write " SUDOERS);
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	cr_assert(gt(int, (int)length, 0));
	self[length] = 0;
	snprintf(directory, sizeof(directory), "/tmp/test_sudo.XXXXXX");
	cr_assert(ne(ptr, mkdtemp(directory), NULL));
	chmod(directory, 0777);
	/* The build tree may be closed to other users: sudo, as root, can still start a copy. */
	cr_assert(eq(int, chdir(directory), 0));
}

static void end(void)
{
	char command[128];

	if (!*directory)
		return;
	cr_assert(eq(int, chdir("/"), 0));
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	run(command);
}

TestSuite(sudo, .init = begin, .fini = end, .timeout = 60);

static void write_script(const char *name, const char *text)
{
	FILE *out = fopen(name, "w");

	cr_assert(ne(ptr, out, NULL));
	fputs("#!/bin/sh\n", out);
	fputs(text, out);
	fclose(out);
	chmod(name, 0755);
}

static const char *contents(const char *name)
{
	static char text[8192];
	FILE *in = fopen(name, "r");
	size_t length = 0;

	if (in) {
		length = fread(text, 1, sizeof(text) - 1, in);
		fclose(in);
	}
	text[length] = 0;
	return text;
}

static void expect_line(const char *name, const char *line)
{
	char needle[512];
	const char *text = contents(name);
	bool at_start;

	snprintf(needle, sizeof(needle), "%s\n", line);
	at_start = strncmp(text, needle, strlen(needle)) == 0;
	snprintf(needle, sizeof(needle), "\n%s\n", line);
	cr_expect(at_start || strstr(text, needle), "'%s' is missing in:\n%s", line, text);
}

/* What the user types; "@" stands for the launcher. Without a terminal, as in CI. */
static void user_script(const char *line)
{
	char script[8192] = "exec 2>said\n";

	for (; *line; line++) {
		size_t length = strlen(script);

		if (*line == '@')
			snprintf(script + length, sizeof(script) - length, "'%s' --launch", self);
		else
			snprintf(script + length, sizeof(script) - length, "%c", *line);
	}
	/* Of another user, perhaps, from the run before. */
	unlink("said");
	write_script("typed", script);
}

static void become_user(const char *user)
{
	const char *script = "./typed";
	char home[128];

	snprintf(home, sizeof(home), "HOME=/home/%s", user);
	execlp("runuser", "runuser", "-u", user, "--", "env", "-i", home,
	       "PATH=/opt/mine/bin:/usr/bin:/bin", "LUA_PATH=./mine/?.lua", "LUA_INIT=@init.lua",
	       "LD_LIBRARY_PATH=/opt/mine/lib", "TERM=xterm", script, (char *)NULL);
	_exit(125);
}

static int status_of(pid_t pid)
{
	int status = 0;

	for (int waited = 0; waited < TIMEOUT_MS; waited += 10) {
		pid_t reaped = waitpid(pid, &status, WNOHANG);

		if (reaped == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		usleep(10000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	cr_fatal("it did not end; it said:\n%s", contents("said"));
	return -1;
}

static pid_t start_without_terminal(const char *user)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		become_user(user);
	}
	return pid;
}

static int run_without_terminal(const char *user, const char *line)
{
	user_script(line);
	return status_of(start_without_terminal(user));
}

static pid_t start_on_terminal(const char *user, int *ret_master)
{
	pid_t pid = forkpty(ret_master, NULL, NULL, NULL);

	if (pid == 0) {
		/* As sshd and terminal emulators do. */
		const struct passwd *entry = getpwnam(user);

		(void)!fchown(STDIN_FILENO, entry->pw_uid, (gid_t)-1);
		become_user(user);
	}
	return pid;
}

static int run_on_terminal(const char *user, const char *line)
{
	int master;
	pid_t pid;

	user_script(line);
	pid = start_on_terminal(user, &master);
	int status = status_of(pid);

	close(master);
	return status;
}

/* ---- what reaches the command -------------------------------------------------------------- */

static const char report[] =
	"{ echo \"uid $(id -u) gid $(id -g) user $(id -un)\"\n"
	"echo \"groups $(id -G)\"\n"
	"echo \"HOME $HOME\"; echo \"PATH $PATH\"; echo \"LUA_PATH $LUA_PATH\"\n"
	"echo \"LUA_INIT $LUA_INIT\"; echo \"LIB $LD_LIBRARY_PATH\"\n"
	"echo \"USER ${USER-none}\"; echo \"umask $(umask)\"\n"
	"echo \"sudo $(env | grep -c ^SUDO_)\"; echo \"pwd $PWD\"\n"
	"for fd in /proc/$$/fd/*; do echo \"fd ${fd##*/} $(readlink $fd)\"; done\n"
	"grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs|SigBlk|SigIgn)' "
	"/proc/$$/status | tr '\\t' ' '\n"
	"} >report; exit 7\n";

static void expect_report_of(const char *user)
{
	const struct passwd *entry = getpwnam(user);
	char line[256];

	snprintf(line, sizeof(line), "uid %u gid %u user %s", entry->pw_uid, entry->pw_gid, user);
	expect_line("report", line);
	snprintf(line, sizeof(line), "groups %u", entry->pw_gid);
	expect_line("report", line);
	snprintf(line, sizeof(line), "HOME /home/%s", user);
	expect_line("report", line);
	expect_line("report", "PATH /opt/mine/bin:/usr/bin:/bin");
	expect_line("report", "LUA_PATH ./mine/?.lua");
	expect_line("report", "LUA_INIT @init.lua");
	expect_line("report", "LIB /opt/mine/lib");
	expect_line("report", "USER none");
	expect_line("report", "umask 0027");
	expect_line("report", "sudo 0");
	snprintf(line, sizeof(line), "pwd %s", directory);
	expect_line("report", line);
	expect_line("report", "CapInh: 0000000000000000");
	expect_line("report", "CapPrm: 0000000000000000");
	expect_line("report", "CapEff: 0000000000000000");
	expect_line("report", "CapAmb: 0000000000000000");
	expect_line("report", "NoNewPrivs: 0");
	expect_line("report", "SigBlk: 0000000000000000");
	cr_expect(eq(ptr, strstr(contents("report"), "shadow"), NULL),
		  "a descriptor of ours leaked:\n%s", contents("report"));
	cr_expect(eq(ptr, strstr(contents("report"), "anon_inode"), NULL),
		  "a descriptor of ours leaked:\n%s", contents("report"));
}

Test(sudo, plain_command_is_as_without_sudo)
{
	write_script("report.sh", report);
	cr_expect(eq(int, run_without_terminal(PLAIN_USER, "umask 027; sudo @ ./report.sh"), 7),
		  "%s", contents("said"));
	expect_report_of(PLAIN_USER);
	expect_line("said", "launcher: source 1");
}

Test(sudo, command_behind_a_pseudo_terminal_is_as_without_sudo)
{
	write_script("report.sh", report);
	cr_expect(eq(int, run_on_terminal(PTY_USER, "umask 027; sudo @ ./report.sh"), 7), "%s",
		  contents("said"));
	expect_report_of(PTY_USER);
}

Test(sudo, use_pty_without_a_terminal_is_as_without_sudo)
{
	write_script("report.sh", report);
	cr_expect(eq(int, run_without_terminal(PTY_USER, "umask 027; sudo @ ./report.sh"), 7), "%s",
		  contents("said"));
	expect_report_of(PTY_USER);
}

Test(sudo, shells_and_make_between_sudo_and_us_do_no_harm)
{
	write_script("report.sh", report);
	cr_expect(eq(int,
		     run_without_terminal(PLAIN_USER, "umask 027; sudo sh -c "
						      "'sh -c \"@ ./report.sh; exit \\$?\"; "
						      "exit $?'"),
		     7),
		  "%s", contents("said"));
	expect_report_of(PLAIN_USER);
}

Test(sudo, bprof_perf_itself_does_the_same_and_leaves_files_of_the_user)
{
	const struct passwd *entry = getpwnam(PTY_USER);
	struct stat status;

	write_script("report.sh", report);
	/* The hook would change LUA_INIT. */
	cr_expect(eq(int,
		     run_on_terminal(PTY_USER, "umask 027; sudo " BPROF_PERF
					       " -q --boundaries=none -o out ./report.sh"),
		     7),
		  "%s", contents("said"));
	expect_report_of(PTY_USER);
	cr_assert(eq(int, stat("out/profile.json", &status), 0), "%s", contents("said"));
	cr_expect(eq(uint, status.st_uid, entry->pw_uid));
	cr_expect(eq(uint, status.st_gid, entry->pw_gid));
}

Test(sudo, bprof_perf_writes_nothing_through_a_link)
{
	cr_expect(eq(
		int,
		run_without_terminal(PLAIN_USER, "ln -s /etc out; sudo " BPROF_PERF " -o out true"),
		125));
	cr_expect(ne(ptr, strstr(contents("said"), "symbolic link"), NULL), "%s", contents("said"));
	cr_expect(eq(int, access("/etc/profile.json", F_OK), -1));
	cr_expect(eq(int, access("/etc/recording.bprof", F_OK), -1));
}

static const char show[] = "echo \"LUA_PATH $LUA_PATH\" >report; echo \"PATH $PATH\" >>report\n"
			   "echo \"HOME $HOME\" >>report; echo \"EXTRA $EXTRA\" >>report\n";

Test(sudo, variables_on_sudos_command_line_win)
{
	write_script("show.sh", show);
	cr_expect(eq(int,
		     run_without_terminal(PLAIN_USER, "sudo LUA_PATH=given EXTRA=1 @ ./show.sh"),
		     0),
		  "%s", contents("said"));
	expect_line("report", "LUA_PATH given");
	expect_line("report", "EXTRA 1");
	expect_line("report", "PATH /opt/mine/bin:/usr/bin:/bin");
	expect_line("report", "HOME /home/" PLAIN_USER);
}

Test(sudo, the_old_advice_env_path_still_works)
{
	write_script("show.sh", show);
	cr_expect(eq(int,
		     run_without_terminal(PTY_USER, "sudo env PATH=/other:/bin:/usr/bin "
						    "EXTRA=2 @ ./show.sh"),
		     0),
		  "%s", contents("said"));
	expect_line("report", "PATH /other:/bin:/usr/bin");
	expect_line("report", "LUA_PATH ./mine/?.lua");
	expect_line("report", "EXTRA 2");
}

Test(sudo, without_sudo_above_us_it_falls_back_and_says_so)
{
	write_script("show.sh", show);
	cr_expect(eq(int, run_without_terminal(ALONE_USER, "sudo @ ./show.sh"), 0), "%s",
		  contents("said"));
	expect_line("report", "HOME /home/" ALONE_USER);
	cr_expect(ne(ptr,
		     strstr(contents("report"), "PATH /home/" ALONE_USER
						"/.luarocks/bin:/home/" ALONE_USER "/.local/bin:"),
		     NULL),
		  "%s", contents("report"));
	expect_line("said", "launcher: source 2");
}

Test(sudo, command_only_the_user_has_is_found)
{
	run("mkdir mine && printf '#!/bin/sh\\nexit 5\\n' >mine/usertool && chmod 755 mine "
	    "mine/usertool");
	cr_expect(eq(int,
		     run_without_terminal(PTY_USER, "PATH=$PWD/mine:$PATH; export PATH; sudo @ "
						    "usertool"),
		     5),
		  "%s", contents("said"));
	cr_expect(eq(int, run_without_terminal(PTY_USER, "sudo @ usertool"), 127));
	cr_expect(ne(ptr, strstr(contents("said"), "is not in the PATH of '" PTY_USER "'"), NULL),
		  "%s", contents("said"));
}

Test(sudo, exit_status_and_signal_of_the_command_come_through)
{
	cr_expect(eq(int, run_without_terminal(PTY_USER, "sudo @ sh -c 'exit 0'"), 0));
	cr_expect(eq(int, run_without_terminal(PLAIN_USER, "sudo @ sh -c 'exit 93'"), 93));
	cr_expect(eq(int, run_without_terminal(PTY_USER, "sudo @ sh -c 'kill -KILL $$'"), 137));
}

Test(sudo, set_user_id_programs_work_in_the_command)
{
	cr_expect(eq(int, run_without_terminal(PTY_USER, "sudo @ sudo -n id -u >inner"), 0), "%s",
		  contents("said"));
	expect_line("inner", "0");
}

/* ---- the terminal -------------------------------------------------------------------------- */

Test(sudo, command_may_open_its_terminal_by_name)
{
	write_script("open.sh", "echo a >/dev/stdout && echo b >/dev/tty && echo c >\"$(tty)\" && "
				"exit 8\n");
	cr_expect(eq(int, run_on_terminal(PTY_USER, "sudo @ ./open.sh"), 8), "%s",
		  contents("said"));
	cr_expect(eq(int, run_on_terminal(PLAIN_USER, "sudo @ ./open.sh"), 8), "%s",
		  contents("said"));
}

Test(sudo, lent_terminal_is_returned)
{
	cr_expect(eq(int,
		     run_on_terminal(PTY_USER, "sudo sh -c '@ sh -c \"stat -Lc %U /proc/self/fd/0 "
					       ">during\"; stat -Lc %U /proc/self/fd/0 >after'"),
		     0));
	expect_line("during", PTY_USER);
	expect_line("after", "root");
}

static void wait_for_file(const char *name)
{
	for (int waited = 0; waited < TIMEOUT_MS && access(name, F_OK) < 0; waited += 10)
		usleep(10000);
	cr_assert(eq(int, access(name, F_OK), 0), "no '%s'; it said:\n%s", name, contents("said"));
}

/* Counts what it gets for half a second after the first, then ends with 60 + the count. */
static const char counter[] =
	"trap 'n=$((n+1))' INT TERM HUP QUIT; n=0; : >ready\n"
	"while [ $n -eq 0 ]; do sleep 0.05; done; i=0\n"
	"while [ $i -lt 10 ]; do sleep 0.05; i=$((i+1)); done; exit $((60+n))\n";

static int press_control_c(const char *user)
{
	int master, status;
	pid_t pid;

	write_script("counter.sh", counter);
	unlink("ready");
	user_script("trap : INT; sudo @ ./counter.sh; exit $?");
	pid = start_on_terminal(user, &master);
	wait_for_file("ready");
	usleep(100000);
	cr_assert(eq(int, (int)write(master, "\003", 1), 1));
	status = status_of(pid);
	close(master);
	return status;
}

Test(sudo, control_c_reaches_the_command_once_and_we_wait_for_it)
{
	cr_expect(eq(int, press_control_c(PTY_USER), 61), "%s", contents("said"));
	cr_expect(eq(int, press_control_c(PLAIN_USER), 61), "%s", contents("said"));
}

/* The shell notices that its job stopped, and goes on; fg continues all of it. */
static int press_control_z(const char *user)
{
	int master, status;
	pid_t pid;

	write_script("sleeper.sh",
		     "echo $$ >pid; while [ ! -e go ]; do sleep 0.05; done; exit 9\n");
	unlink("pid");
	unlink("go");
	unlink("stopped");
	user_script("set -m; sudo @ ./sleeper.sh\n"
		    "grep ^State /proc/$(cat pid)/status >stopped; : >go; fg; exit $?");
	pid = start_on_terminal(user, &master);
	wait_for_file("pid");
	usleep(100000);
	cr_assert(eq(int, (int)write(master, "\032", 1), 1));
	status = status_of(pid);
	close(master);
	return status;
}

Test(sudo, control_z_stops_the_command_and_us_together)
{
	cr_expect(eq(int, press_control_z(PTY_USER), 9), "%s", contents("said"));
	expect_line("stopped", "State:\tT (stopped)");
	cr_expect(eq(int, press_control_z(PLAIN_USER), 9), "%s", contents("said"));
	expect_line("stopped", "State:\tT (stopped)");
}

static pid_t only_child_of(pid_t parent)
{
	char command[64], answer[32] = "";
	FILE *in;

	snprintf(command, sizeof(command), "pgrep -P %d", (int)parent);
	in = popen(command, "r");
	if (!fgets(answer, sizeof(answer), in))
		answer[0] = 0;
	pclose(in);
	return (pid_t)strtol(answer, NULL, 10);
}

static int terminate_sudo(const char *user, int number)
{
	int master, status;
	pid_t pid, sudo;

	write_script("counter.sh", counter);
	unlink("ready");
	user_script("sudo @ ./counter.sh; exit $?");
	pid = start_on_terminal(user, &master);
	wait_for_file("ready");
	usleep(100000);
	/* runuser, the typed script, sudo */
	sudo = only_child_of(only_child_of(pid));
	cr_assert(gt(int, sudo, 0));
	cr_assert(eq(int, kill(sudo, number), 0));
	status = status_of(pid);
	close(master);
	return status;
}

Test(sudo, signal_to_sudo_reaches_the_command_once)
{
	cr_expect(eq(int, terminate_sudo(PTY_USER, SIGTERM), 61), "%s", contents("said"));
	cr_expect(eq(int, terminate_sudo(PLAIN_USER, SIGTERM), 61), "%s", contents("said"));
	cr_expect(eq(int, terminate_sudo(PTY_USER, SIGINT), 61), "%s", contents("said"));
}
