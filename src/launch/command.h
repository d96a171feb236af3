/* SPDX-License-Identifier: MIT */
/* Finding the command in its user's PATH, with that user's rights, as execvp() would. */
#ifndef BPROF_COMMAND_H
#define BPROF_COMMAND_H

#include "base.h"
#include "buf.h"
#include "environ.h"
#include "identity.h"

/**
 * command_find() - the file that @name stands for
 * @ret_path: to be freed by the caller; set only on success
 * @why:      on failure, one sentence with the remedy
 *
 * A name with a slash is taken as it is. Directories are passed over; a file without the right to
 * execute is remembered, and the search goes on.
 *
 * Return: 0; -ENOENT: not found (exit status 127); -EACCES: found, but not executable by this user
 *         (126); -ENOMEM.
 * Source: execvp(3), POSIX "Command Search and Execution".
 */
int command_find(const struct identity *id, const struct environment *environment, const char *name,
		 char **ret_path, struct buf *why) MUST_CHECK;

/* Exit status for what command_find() or launch_exec_result() returned: 126, 127 or 125. */
int command_exit_status(int error);

#endif
