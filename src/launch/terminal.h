/* SPDX-License-Identifier: MIT */
/*
 * sudo's pseudo-terminal, lent to the user for the time of the command.
 *
 * With use_pty (the default of Debian 12) sudo gives us a terminal of its own, which belongs to
 * root with mode 0600. A suite that opens /dev/stdout, /dev/stderr or its tty by name would get
 * "Permission denied" that it does not get without us.
 */
#ifndef BPROF_TERMINAL_H
#define BPROF_TERMINAL_H

#include <sys/types.h>

#include "base.h"
#include "identity.h"

struct terminal_loan {
	int fd; /* of the terminal, ours; -1: nothing was lent */
	uid_t owner;
};

/*
 * Lends the terminal only where its session was made by the sudo that @id called, so never a
 * terminal that root works on. 0, also if there is nothing to lend; -errno.
 */
int terminal_lend(const struct identity *id, struct terminal_loan *ret) MUST_CHECK;
void terminal_return(struct terminal_loan *loan);

#endif
