/* SPDX-License-Identifier: MIT */
/*
 * The environment the command gets: the one its user had before sudo took it away.
 */
#ifndef BPROF_ENVIRON_H
#define BPROF_ENVIRON_H

#include <sys/types.h>

#include "base.h"
#include "identity.h"

enum environment_source {
	ENVIRONMENT_OWN,      /* no sudo between the user and us */
	ENVIRONMENT_SUDO,     /* recovered from the sudo process */
	ENVIRONMENT_FALLBACK, /* the user's entries of the user database, and guesses for PATH */
};

/* Owns its strings. */
struct environment {
	char **list; /* "NAME=value", NULL-terminated: ready for execve() */
	size_t nr, room;
	enum environment_source source;
	pid_t sudo_pid;	      /* ENVIRONMENT_SUDO: where it came from */
	mode_t umask;	      /* of the shell that called sudo, or (mode_t)-1 */
	char *note;	      /* FALLBACK: one sentence with the reason, or NULL */
	const char *paste_me; /* FALLBACK: the head of a sudo command that keeps the variables */
};

/**
 * environment_recover() - the environment for a command of @id
 *
 * sudo strips PATH, LUA_PATH, LUA_CPATH, LUA_INIT and sets HOME and USER to root's, but the sudo
 * process itself still has what the user's shell exported: /proc/PID/environ of the outermost sudo
 * of the chain above us, where each link is a sudo started by @id. On top of it come the variables
 * given after sudo (`sudo VAR=x bprof-perf`, `sudo sh -c 'VAR=x bprof-perf'`); of those that sudo
 * itself sets (PATH, HOME, ...) only where sudo's command line names exactly our value.
 * SUDO_* never reach the command.
 *
 * Return: 0, also for the fallback; -ENOMEM.
 */
int environment_recover(const struct identity *id, struct environment *ret) MUST_CHECK;

/* Ours, without SUDO_*: to read options from where no identity could be found. 0 or -ENOMEM. */
int environment_own(struct environment *ret) MUST_CHECK;
void environment_done(struct environment *environment);

/* The value, borrowed until the next change; NULL = not set. */
const char *environment_get(const struct environment *environment, const char *name);
int environment_set(struct environment *environment, const char *name,
		    const char *value) MUST_CHECK;
void environment_unset(struct environment *environment, const char *name);

/* What environment_recover() decides by; for tests. All lists are NULL-terminated. */
struct environment_parts {
	char *const *user;	   /* the sudo process's environment */
	char *const *own;	   /* ours */
	char *const *sudo_command; /* sudo's arguments */
};
int environment_merge(const struct environment_parts *parts, struct environment *ret) MUST_CHECK;

#endif
