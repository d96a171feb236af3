/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_PROTO_SOURCE_H
#define BPROF_SYMBOL_PROTO_SOURCE_H

#include "lua_object.h"
#include "proto_writer.h"

#define PROTO_CODE_LIMIT (1U << 20) /* instructions; more means it is no prototype */

/* Fills in the name, which the string has at @at. Return: 0; -EFAULT. */
int proto_read_name(const struct lua_reader *reader, unsigned at, struct bprof_proto_identity *ret);

/**
 * struct proto_source - how one VM family keeps its prototypes
 * @identify: reads the header at @object past the window and checks it. Return: 0; -EBADMSG;
 *	      -EFAULT
 * @write:    writes parameters and all parts but the chunk name. Return: 0; -EBADMSG if the parts
 *	      contradict each other; -EFAULT; -errno of the writer
 */
struct proto_source {
	int (*identify)(const struct lua_reader *reader, uaddr_t object,
			struct bprof_proto_identity *ret);
	int (*write)(const struct lua_reader *reader, uaddr_t object,
		     const struct bprof_proto_identity *identity, struct proto_writer *writer);
};

extern const struct proto_source proto_source_luajit;
extern const struct proto_source proto_source_puc;

#endif
