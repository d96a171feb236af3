/* SPDX-License-Identifier: MIT */
/*
 * The text of one announcement, as hook.lua writes it. Hostile bytes: any process can call getenv.
 */
#ifndef BPROF_ANNOUNCEMENT_H
#define BPROF_ANNOUNCEMENT_H

#include "base.h"

enum announcement_kind {
	ANNOUNCE_UNKNOWN,
	ANNOUNCE_SCOPE,	       /* n */
	ANNOUNCE_BODY,	       /* + */
	ANNOUNCE_CLOSE,	       /* - */
	ANNOUNCE_SUITE_START,  /* s */
	ANNOUNCE_SUITE_END,    /* e */
	ANNOUNCE_SUITE_RESET,  /* r */
	ANNOUNCE_SUITE_NESTED, /* S */
	ANNOUNCE_ERROR,	       /* x */
};

/* A part of the text; not terminated. at is NULL where the text has no such part. */
struct part {
	const char *at;
	size_t len;
};

struct announcement {
	enum announcement_kind kind;
	char letter;	/* CLOSE: s f e p, 0 = not said */
	uint32_t depth; /* SCOPE: 1 = directly in the suite */
	int32_t line;
	struct part descriptor, source, name; /* SCOPE */
};

/* Never fails: what makes no sense is ANNOUNCE_UNKNOWN. Borrows @text. */
void announcement_parse(const char *text, size_t len, struct announcement *ret);

#endif
