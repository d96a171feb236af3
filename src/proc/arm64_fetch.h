/* SPDX-License-Identifier: MIT */
#ifndef BPROF_ARM64_FETCH_H
#define BPROF_ARM64_FETCH_H

#include "base.h"

/**
 * arm64_stores_next_only() - is the saved pc of Lua 5.2 and 5.3 always that behind a fetch?
 * @code:         of luaV_execute, @len bytes
 * @displacement: of savedpc in a CallInfo
 *
 * Return: 0: every store there is of a pc that was moved on by one instruction, or copies that of
 * another CallInfo; -ENODATA: one is not, or there is none.
 */
int arm64_stores_next_only(const uint8_t *code, uint64_t len, unsigned displacement);

#endif
