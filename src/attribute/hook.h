/* SPDX-License-Identifier: MIT */
/*
 * How the boundary hook gets into the interpreters of a run: through LUA_INIT.
 */
#ifndef BPROF_HOOK_H
#define BPROF_HOOK_H

#include "base.h"

struct hook_options {
	bool collect_garbage; /* all of it, before each body of a test, describe or file */
	unsigned count_from; /* VM instructions are counted down from there, without the JIT; 0 = no
			      */
	const char *const
		*skipped; /* spec files that are not run, by busted's names; NULL = none */
};

/* An environment under construction, whoever owns it. */
struct hook_environ {
	const char *(*get)(void *ctx, const char *name); /* NULL = not set */
	int (*set)(void *ctx, const char *name, const char *value);
	void *ctx;
	struct hook_options options;
};

/**
 * hook_inject() - make every Lua started with this environment announce its test boundaries
 *
 * LUA_INIT becomes the hook followed by the user's own value; so does each LUA_INIT_5_x the user
 * has set, since that one wins over LUA_INIT in its version. A value "@file" is run by the hook as
 * the interpreter would. A variable that already carries the hook stays as it is.
 *
 * Return: 0; -E2BIG if a value would be too long for an environment (that variable is unchanged);
 *         -ENOMEM; or what @variables->set returned.
 */
int hook_inject(const struct hook_environ *variables) MUST_CHECK;

/* The hook as one line of Lua, without the user's value. Allocated. */
char *hook_code(const struct hook_options *options) MUST_CHECK;

#endif
