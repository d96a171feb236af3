/* SPDX-License-Identifier: MIT */
/* The sudo process above us, and what /proc tells about it. */
#ifndef BPROF_ANCESTRY_H
#define BPROF_ANCESTRY_H

#include <sys/types.h>

#include "base.h"
#include "buf.h"

struct ancestor {
	pid_t pid, parent;
	uid_t real_uid, effective_uid;
	mode_t umask;
	char name[32]; /* comm: at most 15 bytes by the kernel's rule */
};

/* 0; -ENOENT: no such process; -EBADMSG: /proc says something else than we know to read. */
int ancestor_read(pid_t pid, struct ancestor *ret) MUST_CHECK;

/* A sudo that the user @uid called. */
bool ancestor_is_sudo_of(const struct ancestor *a, uid_t uid);

/**
 * ancestry_find_sudo() - the outermost sudo of the chain that leads to us
 * @uid: who must have called it: its real uid
 *
 * Shape: ours <- [shell, make, env ...] <- sudo [its pty monitor] <- sudo <- the user's shell.
 * Only the sudos next to each other count: an outer sudo behind another shell had another user.
 *
 * Return: 0; -ESRCH: there is none. sudo is not our ancestor where it was told not to wait.
 * Source: measured with sudo 1.9.13p3, with use_pty (two processes) and without (one): real uid
 * that of the caller, effective uid 0, environ as exported by the caller's shell.
 */
int ancestry_find_sudo(uid_t uid, struct ancestor *ret) MUST_CHECK;

/* A file of /proc/PID: 0 or -errno; -E2BIG beyond the buffer's maximum. */
int ancestor_read_file(pid_t pid, const char *file, struct buf *ret) MUST_CHECK;

#endif
