/* SPDX-License-Identifier: MIT */
/* "Did you mean": how far two words are apart. */
#ifndef BPROF_SUGGEST_H
#define BPROF_SUGGEST_H

#include "base.h"

/* Keystrokes between two words: insert, delete, replace, swap neighbours. Long words: a large
 * number. */
unsigned suggest_distance(const char *left, const char *right);

/* Near enough to be a slip of the fingers: at most a third of the word, at most two. */
bool suggest_is_near(const char *typed, const char *meant);

#endif
