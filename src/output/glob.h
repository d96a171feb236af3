/* SPDX-License-Identifier: MIT */
/* The globs of --only and --ignore. */
#ifndef BPROF_OUTPUT_GLOB_H
#define BPROF_OUTPUT_GLOB_H

#include "base.h"

/**
 * glob_match() - does @glob cover the whole of @text?
 *
 * '.' stands for '.' or '/', '*' for any bytes, everything else for itself. Anchored at both ends.
 */
bool glob_match(const char *glob, const char *text);

/**
 * glob_match_file() - does @glob name this chunk or module?
 *
 * A module is found on a search path that a glob does not know, so "pl.path" means
 * /usr/share/lua/5.1/pl/path.lua as well: the glob may start at any component of the path, and the
 * ends ".lua" and "/init.lua" may be left out.
 */
bool glob_match_file(const char *glob, const char *file);

#endif
