/* SPDX-License-Identifier: MIT */
/*
 * Layouts of the interpreters that tests run, without discovery: where a test needs a target but
 * not the proof of its layout.
 */
#ifndef TEST_LUA_LAYOUTS_H
#define TEST_LUA_LAYOUTS_H

#include <bprof/lua_layout.h>

/* Names of the interpreters of Debian 12; NULL ends the list. */
extern const char *const test_interpreters[];

/* The layout of one of them; NULL if it is none. Static storage. */
const struct lua_layout *test_layout(const char *interpreter);

#endif
