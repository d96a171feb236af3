/* SPDX-License-Identifier: MIT */
#ifndef BPROF_CHILD_LOG_H
#define BPROF_CHILD_LOG_H

#include "launch/identity.h"

/*
 * In a child that will run a recorder: no input, and what it says goes to the file @path, made anew
 * with the user's rights in a directory of the user's. 0 or -1.
 */
int child_log(const struct identity *identity, const char *path);

#endif
