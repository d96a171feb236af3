/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>

#include "ancestry.h"

/* sudo's monitor leads the session of the pseudo-terminal it made, and nobody else's. */
static bool session_is_of_sudo(const struct identity *id)
{
	struct ancestor leader;

	if (ancestor_read(getsid(0), &leader) < 0)
		return false;
	return ancestor_is_sudo_of(&leader, id->uid);
}

/* The first of our standard descriptors that is the terminal of our session. */
static int controlling_terminal(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (isatty(fd) && tcgetsid(fd) == getsid(0))
			return fd;
	return -1;
}

int terminal_lend(const struct identity *id, struct terminal_loan *ret)
{
	struct stat status;
	int fd;

	*ret = (struct terminal_loan){.fd = -1};
	if (id->source != IDENTITY_SUDO || id->stays_root || !session_is_of_sudo(id))
		return 0;
	fd = controlling_terminal();
	if (fd < 0)
		return 0;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != 0)
		return 0;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	if (fchown(fd, id->uid, (gid_t)-1) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	*ret = (struct terminal_loan){.fd = fd, .owner = status.st_uid};
	return 0;
}

void terminal_return(struct terminal_loan *loan)
{
	if (loan->fd < 0)
		return;
	/* Nothing can be done about a failure, and sudo removes its terminal anyway. */
	(void)!fchown(loan->fd, loan->owner, (gid_t)-1);
	close(loan->fd);
	loan->fd = -1;
}
