/* SPDX-License-Identifier: MIT */
/* The words of a command that we start ourselves. */
#ifndef BPROF_WORDS_H
#define BPROF_WORDS_H

#include "base.h"

/* Owns its words. All-zero is empty. The first failure is kept; no word after it is added. */
struct words {
	char **list; /* NULL-terminated; NULL while empty */
	size_t nr, room;
	int error;
};

void words_add(struct words *w, const char *word);
void words_addf(struct words *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void words_done(struct words *w);

#endif
