/* SPDX-License-Identifier: MIT */
/*
 * Running real programs in live tests: a command and what it said, temporary directories, files.
 *
 * A helper that cannot do its work aborts the test with the reason: no caller checks a result.
 * The tests of a program that is linked with these run one at a time.
 */
#ifndef TESTS_RUN_H
#define TESTS_RUN_H

#include <stdbool.h>
#include <stddef.h>

#define RUN_MAX_ARGS 64

struct text {
	char *data; /* NUL-terminated */
	size_t len;
};

struct run {
	int status; /* as a shell says it: 0..255, 128 + signal */
	struct text out, err;
	double wall_s;
	double cpu_s; /* user and system, with all children that were waited for */
};

/**
 * run_command() - run a command to its end
 * @cwd:  where; NULL = here
 * @env:  "NAME=value" added to ours, NULL-terminated; may be NULL
 * @argv: NULL-terminated; argv[0] is looked up in PATH
 *
 * The variables sudo leaves behind are removed, so that a profiled command runs as who we are.
 * Owns: @ret; release with run_done().
 */
void run_command(const char *cwd, const char *const *env, const char *const *argv, struct run *ret);
void run_done(struct run *r);

/*
 * What a script of sh prints in the directory @cwd; NULL = here. Each of its commands must succeed.
 * Release with text_done().
 */
struct text shell_output(const char *cwd, const char *script);

/* The same for what it does. */
void shell_run(const char *cwd, const char *script);

/* A new empty directory, to be removed with directory_remove(), which frees the name as well. */
char *directory_make(void);
void directory_remove(char *path);

/* "dir/name"; to be freed. */
char *path_join(const char *dir, const char *name);

/* A whole file; a missing one gives len 0 and data NULL. */
struct text file_read(const char *path);
void text_done(struct text *t);
bool text_equal(const struct text *a, const struct text *b);

/* True if PATH has this program. */
bool program_exists(const char *name);

/*
 * NULL if @bprof_perf can profile here, else the reason: not root, or what `doctor` says. The text
 * is static.
 */
const char *why_no_profiling(const char *bprof_perf);

#endif
