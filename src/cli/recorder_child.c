/* SPDX-License-Identifier: MIT */
#include "recorder_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS  5000 /* each time; a run renders its report before it ends */
#define TIMES_TO_ASK 3

static int redirect(const struct identity *identity, const char *log)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC), log_fd = -1, r;
	struct identity_borrowed borrowed;

	r = identity_borrow(identity, &borrowed);
	if (r == 0) {
		log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
		identity_return(&borrowed);
	}
	if (null_fd < 0 || log_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(log_fd, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0)
		return -1;
	return 0;
}

int recorder_child_begin(pid_t parent, const struct identity *identity, const char *log)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	return getppid() == parent ? redirect(identity, log) : -1;
}

void recorder_child_end(pid_t pid, int pidfd)
{
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};

	for (int i = 0; i < TIMES_TO_ASK; i++) {
		kill(-pid, SIGTERM);
		if (poll(&wait, 1, PATIENCE_MS) > 0)
			return;
	}
	kill(-pid, SIGKILL);
}

int recorder_child_status(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
