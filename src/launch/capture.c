/* SPDX-License-Identifier: MIT */
/*
 * Asking a program a question, as the user: what it prints, within a time.
 *
 * The program is the user's and may do anything: it gets no terminal input, its output is cut at
 * the buffer's maximum, and it is killed when its time is over.
 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "clock.h"

#define EXIT_NOT_SET_UP 125

static int64_t now_ms(void)
{
	return (int64_t)(monotonic_ns() / 1000000);
}

static void child(const struct identity *identity, const struct environment *environment,
		  char *const *argv, int output_fd)
{
	sigset_t none;
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
	    dup2(output_fd, STDERR_FILENO) < 0)
		_exit(EXIT_NOT_SET_UP);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (inheritance_mark_all_fds() < 0 || identity_become(identity) < 0)
		_exit(EXIT_NOT_SET_UP);
	execve(argv[0], argv, environment->list);
	_exit(errno == ENOENT ? 127 : 126);
}

/* 1: more may come; 0: end of file; -errno. What does not fit is read and forgotten. */
static int read_some(int fd, struct buf *output)
{
	char chunk[1024];
	ssize_t length = read(fd, chunk, sizeof(chunk));
	size_t fits;

	if (length < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	if (length == 0)
		return 0;
	fits = output->max - output->len;
	if (fits > (size_t)length)
		fits = (size_t)length;
	int r = buf_add(output, chunk, fits);

	return r < 0 ? r : 1;
}

static int read_until(int fd, int64_t deadline_ms, struct buf *output)
{
	int r = 1;

	while (r > 0) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = deadline_ms - now_ms();

		if (left <= 0 || left > INT32_MAX)
			return -ETIMEDOUT;
		r = poll(&wait, 1, (int)left);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0)
			return -ETIMEDOUT;
		r = r < 0 ? 1 : read_some(fd, output);
	}
	return r;
}

/* Its output may end before itself: it still has only until the deadline. */
static int reap_until(pid_t pid, int64_t deadline_ms, int *ret_status)
{
	for (;;) {
		const struct timespec pause = {.tv_nsec = 1000000};
		pid_t reaped = waitpid(pid, ret_status, WNOHANG);

		if (reaped == pid)
			return 0;
		if (reaped < 0 && errno != EINTR)
			return -errno;
		if (now_ms() >= deadline_ms)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

int launch_capture(const struct identity *identity, const struct environment *environment,
		   char *const *argv, struct buf *output, int timeout_ms)
{
	int64_t deadline_ms = now_ms() + timeout_ms;
	int ends[2], status = 0, r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		r = -errno;
		close(ends[0]);
		close(ends[1]);
		return r;
	}
	if (pid == 0)
		child(identity, environment, argv, ends[1]);
	close(ends[1]);
	r = read_until(ends[0], deadline_ms, output);
	close(ends[0]);
	if (r == 0)
		r = reap_until(pid, deadline_ms, &status);
	if (r < 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
