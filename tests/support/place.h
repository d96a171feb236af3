/* SPDX-License-Identifier: MIT */
/*
 * A directory in which live tests let bprof-perf fail, what may be left in it, and what may be
 * said.
 */
#ifndef TESTS_PLACE_H
#define TESTS_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "run.h"

/* The directory of the running test, between place_make() and place_remove(). */
extern char *place;

void place_make(void);
void place_remove(void);

/* "PLACE/name"; to be freed. */
char *in_place(const char *name);
void write_file(const char *name, const void *data, size_t len, mode_t mode);

/* Runs @program with these arguments (NULL-terminated) in the place; release with run_done(). */
void run_here(const char *program, const char *const *arguments, struct run *ret);

/* How many of the files a run writes are there; any other is a failure of the test. */
size_t count_files(const char *directory);

/* The file is absent or JSON. */
void expect_readable(const char *name);

/* Processes that work in the place and are stopped. */
size_t count_stopped(void);
void expect_nobody_stopped(const char *what);

/* Lines that are ours. */
size_t count_sentences(const struct text *err);

void expect_no_controls(const char *what, const struct text *text);

/* One sentence of ours that contains @sentence, this status, and nothing on stdout. */
void expect_refusal(const char *what, const struct run *run, int status, const char *sentence);

#endif
