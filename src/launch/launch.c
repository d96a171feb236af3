/* SPDX-License-Identifier: MIT */
/*
 * fork, gate, exec.
 *
 *	   us                              child
 *	   launch_start() -- fork -------> read(gate) ...
 *	   attach probes
 *	   launch_release() -- 1 byte ---> become the user, restore what is inherited, execve
 *	   launch_exec_result() <--------- end of file: exec closed the pipe
 *	                        <--------- {stage, errno}: it could not, and ends
 *
 * Invariant: the child runs nothing by name and nothing of the user's before it has become the
 *user.
 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "command.h"

#define EXIT_NOT_SET_UP 125
#define MAX_ARGUMENTS	(1 << 20)

struct failure {
	int stage;
	int error;
};

static void cleanup_launch_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static ssize_t read_retry(int fd, void *bytes, size_t size)
{
	ssize_t length;

	do
		length = read(fd, bytes, size);
	while (length < 0 && errno == EINTR);
	return length < 0 ? -errno : length;
}

/* ---- in the child -------------------------------------------------------------------------- */

/* A script without "#!" is run by the shell, as execvp() does. */
static int exec_by_shell(const struct launch_options *options)
{
	size_t nr = 0;
	char **argv;

	while (options->argv[nr] && nr < MAX_ARGUMENTS)
		nr++;
	argv = calloc(nr + 2, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	argv[0] = strdup(_PATH_BSHELL);
	argv[1] = strdup(options->path);
	for (size_t i = 1; i < nr; i++)
		argv[i + 1] = options->argv[i];
	execve(_PATH_BSHELL, argv, options->environment->list);
	return -errno;
}

static int exec_command(const struct launch_options *options)
{
	execve(options->path, options->argv, options->environment->list);
	return errno == ENOEXEC ? exec_by_shell(options) : -errno;
}

static struct failure become_command(const struct launch_options *options)
{
	int r = inheritance_restore(options->inheritance, options->environment->umask);

	if (r < 0)
		return (struct failure){LAUNCH_STAGE_INHERITANCE, -r};
	r = identity_become(options->identity);
	if (r < 0)
		return (struct failure){LAUNCH_STAGE_IDENTITY, -r};
	return (struct failure){LAUNCH_STAGE_EXEC, -exec_command(options)};
}

static void child(const struct launch_options *options, int gate_fd, int status_fd)
{
	struct failure failure;
	char byte;

	if (read_retry(gate_fd, &byte, 1) != 1)
		_exit(EXIT_NOT_SET_UP);
	failure = become_command(options);
	if (write(status_fd, &failure, sizeof(failure)) != sizeof(failure))
		_exit(EXIT_NOT_SET_UP);
	_exit(command_exit_status(-failure.error));
}

/* ---- in us --------------------------------------------------------------------------------- */

static int pidfd_open_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

static void kill_and_reap(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The child's copies of our pipe ends are CLOEXEC, but it holds them while it waits at the gate. */
static int fork_child(const struct launch_options *options, const int gate[2], const int status[2])
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0)
		return pid;
	/* With our end of the gate open in the child, our death would not end its wait. */
	close(gate[1]);
	close(status[0]);
	child(options, gate[0], status[1]);
	_exit(EXIT_NOT_SET_UP);
}

int launch_start(const struct launch_options *options, struct launch *ret)
{
	CLEANUP(cleanup_launch_fd) int gate_read = -1;
	CLEANUP(cleanup_launch_fd) int gate_write = -1;
	CLEANUP(cleanup_launch_fd) int status_read = -1;
	CLEANUP(cleanup_launch_fd) int status_write = -1;
	int ends[2], pid, pidfd;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	gate_read = ends[0];
	gate_write = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	status_read = ends[0];
	status_write = ends[1];

	pid = fork_child(options, (int[]){gate_read, gate_write},
			 (int[]){status_read, status_write});
	if (pid < 0)
		return pid;
	pidfd = pidfd_open_of(pid);
	if (pidfd < 0) {
		kill_and_reap(pid);
		return pidfd;
	}
	*ret = (struct launch){
		.pid = pid, .pidfd = pidfd, .gate_fd = gate_write, .status_fd = status_read};
	gate_write = -1;
	status_read = -1;
	return 0;
}

int launch_release(struct launch *launch)
{
	int r = 0;

	/* A child killed at the gate: SIGPIPE would kill us for it, unless we ignore it. */
	if (write(launch->gate_fd, "", 1) != 1)
		r = -errno;
	cleanup_launch_fd(&launch->gate_fd);
	return r;
}

int launch_exec_result(struct launch *launch, enum launch_stage *ret_stage)
{
	struct failure failure;
	ssize_t length = read_retry(launch->status_fd, &failure, sizeof(failure));

	cleanup_launch_fd(&launch->status_fd);
	*ret_stage = LAUNCH_STAGE_EXEC;
	if (length < 0)
		return (int)length;
	if (length == 0)
		return 0;
	if (length != sizeof(failure) || failure.stage < 0 || failure.stage >= NR_LAUNCH_STAGES ||
	    failure.error <= 0)
		return -ECHILD;
	*ret_stage = (enum launch_stage)failure.stage;
	return -failure.error;
}

int launch_wait(struct launch *launch)
{
	pid_t pid;

	if (launch->ended)
		return 1;
	do
		pid = wait4(launch->pid, &launch->wait_status, WNOHANG, &launch->rusage);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return -errno;
	launch->ended = pid == launch->pid;
	return launch->ended;
}

int launch_exit_status(const struct launch *launch)
{
	if (WIFSIGNALED(launch->wait_status))
		return 128 + WTERMSIG(launch->wait_status);
	return WEXITSTATUS(launch->wait_status);
}

int launch_signal(struct launch *launch, int number)
{
	if (launch->ended)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, launch->pidfd, number, NULL, 0) < 0 ? -errno : 0;
}

void launch_done(struct launch *launch)
{
	bool waits_at_gate = launch->gate_fd >= 0 && !launch->ended;

	cleanup_launch_fd(&launch->gate_fd);
	if (waits_at_gate)
		kill_and_reap(launch->pid);
	cleanup_launch_fd(&launch->status_fd);
	cleanup_launch_fd(&launch->pidfd);
}
