/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_REGISTRY_H
#define BPROF_SYMBOL_REGISTRY_H

#include "lua_object.h"

/* The registry table of a VM. Return: 0; -EBADMSG; -EFAULT. */
int registry_find(const struct lua_reader *reader, uaddr_t global, uaddr_t *ret) MUST_CHECK;

/* package.loaded. Return: 0; -ENOENT; -EBADMSG; -EFAULT. */
int registry_loaded(const struct lua_reader *reader, uaddr_t registry, uaddr_t *ret) MUST_CHECK;

#endif
