/* SPDX-License-Identifier: MIT */
/* Where luaV_execute fetches the instruction that it then jumps to the code of. */
#ifndef BPROF_LUA_DISPATCH_H
#define BPROF_LUA_DISPATCH_H

#include "x86_64_flow.h"

/* May there be one? A look at the instructions alone, without the ways between them. */
bool lua_dispatch_is_likely(const struct x86_64_flow *flow, unsigned opcode_mask);

/**
 * lua_dispatch_fetches() - the fetches of a luaV_execute
 * @opcode_mask: 0x3f, from 5.4 on 0x7f
 * @ret:         by number of instruction: does it load what a dispatch goes by? flow->nr of them
 *
 * Return: 0; -ENODATA: not every jump is understood, or none is a dispatch; -ENOMEM.
 */
int lua_dispatch_fetches(const struct x86_64_flow *flow, unsigned opcode_mask, bool *ret);

#endif
