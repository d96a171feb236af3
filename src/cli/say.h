/* SPDX-License-Identifier: MIT */
/* What we say to the user: one line to stderr, with our name in front. */
#ifndef BPROF_SAY_H
#define BPROF_SAY_H

#include "base.h"

#define EXIT_GATE  3   /* what was asked to hold does not */
#define EXIT_SETUP 125 /* we could not set up; see also command_exit_status() */

/* Something the user should know; not said under --quiet. */
void say_note(bool quiet, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Something went wrong; always said. */
void say_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* The last lines of a file, @most of them, for the words of a program that failed. */
void say_tail(const char *path, unsigned most);

/* In columns; 0: @fd is no terminal. */
unsigned terminal_width(int fd);

#endif
