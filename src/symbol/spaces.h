/* SPDX-License-Identifier: MIT */
/*
 * The facts of a recording: what lies where in which process's memory. Needs no target.
 *
 * A space is the memory of one process between two execs: addresses mean something only inside one.
 * What a forked child's space does not know, its parent's is asked.
 */
#ifndef BPROF_SPACES_H
#define BPROF_SPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bprof/wire.h>

#include "symbol.h"

struct spaces;

/* A prototype at an address. Belongs to the spaces, until the next fact is added. */
struct proto_fact {
	int32_t first_line;	       /* 0 = main chunk */
	char *chunk;		       /* for people; NULL = not known */
	struct bprof_proto_body *body; /* NULL = never captured */
	struct proto_view view;	       /* of body */
	bool is_safe;		       /* busted.safe: busted calls its user from it */
	bool is_main;		       /* a main chunk */
	uint64_t shape;		       /* of body: equal for two copies of one function */
};

/* All return 0 or -ENOMEM; text is copied. */
int spaces_new(struct spaces **ret);
void spaces_free(struct spaces *s);

int spaces_fork(struct spaces *s, uint32_t pid, uint32_t parent_pid);
int spaces_exec(struct spaces *s, uint32_t pid, const char comm[BPROF_COMM_LEN]);
/* A VM of build @layout lives in this process: its fast functions have that build's numbers. */
int spaces_vm(struct spaces *s, uint32_t pid, uint32_t layout);

int spaces_add_proto(struct spaces *s, const struct bprof_proto *proto, const char *chunkname,
		     size_t len);
int spaces_add_body(struct spaces *s, const struct bprof_proto_body *record);
int spaces_add_cfunction(struct spaces *s, const struct bprof_cfunction *f, const char *name,
			 size_t len);
/* Of several facts of one address the first that has a symbol stands. */
int spaces_add_symbol(struct spaces *s, const struct bprof_symbol *f, const char *symbol,
		      size_t symbol_len, const char *module, size_t module_len);

/* The current space of a process; made on demand. UINT32_MAX without memory. */
uint32_t spaces_current(struct spaces *s, uint32_t pid);

/* The command of its last exec; "" = none seen. */
const char *spaces_comm(const struct spaces *s, uint32_t space);

/* NULL = nothing is known. */
const struct proto_fact *spaces_find_proto(const struct spaces *s, uint32_t space, uint64_t object,
					   uint32_t fingerprint);

/* Calls @fn for every prototype, in no order, until it returns non-zero. Returns that, or 0. */
int spaces_each_proto(const struct spaces *s, int (*fn)(void *arg, const struct proto_fact *fact),
		      void *arg);

/* The name of the C function at @object, or of the built-in @ffid if that is not 0; or NULL. */
const char *spaces_find_cfunction(const struct spaces *s, uint32_t space, uint64_t object,
				  uint32_t ffid);

/*
 * The symbol that covers @address; where none does, the place of the C function that begins there
 * ("lua5.4+0x8060"), or "" if none is known to. NULL = nobody looked.
 */
const char *spaces_find_symbol(const struct spaces *s, uint32_t space, uint64_t address,
			       const char **ret_module);

#endif
