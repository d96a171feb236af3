/* SPDX-License-Identifier: MIT */
#include "child_log.h"

#include <fcntl.h>
#include <unistd.h>

int child_log(const struct identity *identity, const char *path)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC), log_fd = -1, r;
	struct identity_borrowed borrowed;

	r = identity_borrow(identity, &borrowed);
	if (r == 0) {
		log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
		identity_return(&borrowed);
	}
	if (null_fd < 0 || log_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(log_fd, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0)
		return -1;
	return 0;
}
