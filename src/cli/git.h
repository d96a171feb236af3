/* SPDX-License-Identifier: MIT */
/*
 * git's plumbing, on the repository we are in, without a trace in it: objects go to a directory of
 * our own, no reference, index or work tree of the user is written, no hook runs.
 *
 * Runs with the user's rights: whoever calls has become the user (identity_become()).
 */
#ifndef BPROF_GIT_H
#define BPROF_GIT_H

#include <limits.h>

#include "buf.h"
#include "run.h"
#include "scratch.h"
#include "words.h"

#define GIT_ID_MAX 65 /* an object's name as text, SHA-256 too, with its end */

struct git {
	const struct session *session; /* its environment is changed */
	char *program, *directory, *top;
	const char *scratch; /* borrowed: path of a directory of ours */
	struct buf output;   /* of the command that ran last, without stderr */
};

/**
 * git_open() - the repository here
 * @scratch: holds new objects, as long as it is there
 * @why:     one sentence: no git, no repository
 *
 * Return: 0; -ENOENT; -ENOMEM; -errno. Owned: git_close().
 */
int git_open(const struct session *session, const char *scratch, struct git *ret,
	     struct buf *why) MUST_CHECK;
void git_close(struct git *git);

/* Begins a command: fixed options, then @verb. */
struct words git_words(const struct git *git, const char *verb);

/**
 * git_run() - run a command to its end
 * @words: taken
 * @input: path of a file it reads, NULL = nothing
 *
 * Return: its exit status, with its output in git->output; -errno.
 */
int git_run(struct git *git, struct words *words, const char *input, int timeout_ms) MUST_CHECK;

/* As git_run(), with the output in the file @output. */
int git_run_into(struct git *git, struct words *words, const char *input, const char *output,
		 int timeout_ms) MUST_CHECK;

/* The path of a file of ours. 0 or -ENAMETOOLONG. */
int git_scratch_path(const struct git *git, const char *name, char ret[PATH_MAX]) MUST_CHECK;

/*
 * @error, with a sentence that ends in what git said last; -ENOMEM: there was no room for it.
 */
int git_refuse(const struct git *git, struct buf *why, int error, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/*
 * What the command that ran last said to stderr, at the end of a sentence: in one line, without
 * passwords in addresses. 0 or -ENOMEM.
 */
int git_reason(const struct git *git, struct buf *why) MUST_CHECK;

/* The output as one object's name. 0; -EPROTO: it is none. */
int git_output_id(const struct git *git, char ret[GIT_ID_MAX]) MUST_CHECK;

#endif
