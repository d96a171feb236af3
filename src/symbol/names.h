/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_NAMES_H
#define BPROF_SYMBOL_NAMES_H

#include "proto_view.h"

/* A name and what it is; kind "" = none. */
struct call_name {
	struct proto_text name;
	const char *kind;
};

#define NO_CALL_NAME ((struct call_name){{NULL, 0}, ""})

/* How often a name may be followed from register to register: more than any compiler emits. */
#define MAX_NAME_HOPS 64U

/* A name that is not in the record but in the language. */
struct proto_text literal_text(const char *text);

struct call_name luajit_name_from_call(const struct proto_view *caller, uint32_t pos);
struct call_name puc_name_from_call(const struct proto_view *caller, uint32_t pos,
				    bool callee_is_cont);

#endif
