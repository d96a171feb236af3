/* SPDX-License-Identifier: MIT */
/*
 * Who asked for this run, and how to act as that user: for good in the command, for a moment in us.
 */
#ifndef BPROF_IDENTITY_H
#define BPROF_IDENTITY_H

#include <sys/types.h>

#include "base.h"
#include "buf.h"

enum identity_source {
	IDENTITY_SELF,	 /* we are not root: the command runs as ourselves */
	IDENTITY_SUDO,	 /* the user behind sudo */
	IDENTITY_OPTION, /* --user */
	IDENTITY_ROOT,	 /* --keep-root, or nobody is behind us */
};

/**
 * struct identity_request - what identity_find() decides from
 * @user:      --user: a name or a number; NULL = not given
 * @keep_root: --keep-root
 * @sudo_uid, @sudo_gid, @sudo_user: the variables sudo sets, NULL = not set. Taken from our own
 *             environment, never from a recovered one.
 */
struct identity_request {
	const char *user;
	bool keep_root;
	const char *sudo_uid, *sudo_gid, *sudo_user;
};

/* Owns its strings and groups. All-zero is a valid, empty identity. */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* what a login of this user has, @gid among them */
	size_t nr_groups;
	char *name, *home, *shell;
	enum identity_source source;
	bool stays_root; /* uid 0: nothing is given up */
	char *note;	 /* one sentence that the user should read, or NULL */
};

/* Fills the three sudo fields from our environment. */
void identity_request_init(struct identity_request *q);

/**
 * identity_find() - decide whom the command runs as
 * @why: on failure, one sentence with the remedy
 *
 * --user wins; --keep-root stays root; else the user behind sudo, if SUDO_UID, SUDO_GID and
 * SUDO_USER are all there, are numbers, and agree with the user database. None of them: root, with
 * a note. A part of them, or a contradiction: refused, for running a suite as root by mistake is
 * worse than not running it.
 *
 * Return: 0; -EPERM: a set-user-ID binary, or --user without being root; -ENOENT: no such user;
 *         -EINVAL: the variables contradict each other; -ENOMEM.
 */
int identity_find(const struct identity_request *q, struct identity *ret,
		  struct buf *why) MUST_CHECK;
void identity_done(struct identity *id);

/**
 * identity_become() - be this user, irreversibly, with the power of that user's own shell
 *
 * Groups, then gid, then uid; then no capability is permitted, inheritable or ambient; then it is
 * tried that root cannot be regained. For the child between fork and exec.
 *
 * The bounding set and no_new_privs stay as they are, on purpose: test suites call sudo, ping and
 * other set-user-ID programs, and must find them working as they do without us. The command gets
 * no power that its user does not have anyway.
 *
 * Return: 0; -errno of the step that failed; -EPERM if root could be regained.
 */
int identity_become(const struct identity *id) MUST_CHECK;

/*
 * Act as the user for file system access, while all other privileges (BPF, perf) stay: what
 * follows creates files the user owns, and may touch nothing the user may not.
 * A no-op where the identity stays root, or we are not root. Does not nest.
 *
 * Source: setfsuid(2): leaving fsuid 0 removes CAP_DAC_OVERRIDE and its like from the effective
 * set; returning to 0 restores them.
 */
struct identity_borrowed {
	bool active;
	gid_t *groups; /* ours, to return to */
	size_t nr_groups;
	gid_t fsgid;
};

int identity_borrow(const struct identity *id, struct identity_borrowed *ret) MUST_CHECK;
void identity_return(struct identity_borrowed *borrowed);

#endif
