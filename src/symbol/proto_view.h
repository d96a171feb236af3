/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_PROTO_VIEW_H
#define BPROF_SYMBOL_PROTO_VIEW_H

#include "symbol.h"

/* A name inside a record: not terminated. text is NULL if there is none. */
struct proto_text {
	const char *text;
	size_t len;
};

/* The instruction at @pos, which must be < nr_code. */
uint32_t proto_instruction(const struct proto_view *proto, uint32_t pos);

/* The string constant with this index; none if it is another type or was not captured. */
struct proto_text proto_constant(const struct proto_view *proto, uint32_t index);

/* The @slot-th (from 0) local variable that is active at @pos. */
struct proto_text proto_local(const struct proto_view *proto, uint32_t slot, uint32_t pos);

struct proto_text proto_upvalue(const struct proto_view *proto, uint32_t index);

#endif
