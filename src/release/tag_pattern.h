/* SPDX-License-Identifier: MIT */
/*
 * Patterns that choose tags. mega.busted has Lua patterns there, which its users call regular
 * expressions; most of them mean the same as both. So a pattern with a '%' is one of Lua, every
 * other one a POSIX extended regular expression, in which "slow-io" is that word.
 */
#ifndef BPROF_RELEASE_TAG_PATTERN_H
#define BPROF_RELEASE_TAG_PATTERN_H

#include "base.h"

/**
 * tag_pattern_check() - is it a pattern?
 * @why: what is wrong with it, without the pattern
 *
 * Of Lua: characters, classes, sets, quantifiers and anchors; no captures, %b, %f.
 * Return: 0 or -EINVAL.
 */
int tag_pattern_check(const char *pattern, char *why, size_t size) MUST_CHECK;

/* Is it found in @text? Of a pattern that is none, and of one that takes too long: no. */
bool tag_pattern_matches(const char *pattern, const char *text);

#endif
