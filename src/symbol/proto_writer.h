/* SPDX-License-Identifier: MIT */
#ifndef BPROF_SYMBOL_PROTO_WRITER_H
#define BPROF_SYMBOL_PROTO_WRITER_H

#include <bprof/wire.h>

#include "buf.h"

/* Beyond this a prototype is captured without its code: lines and code alone fill half a record. */
#define PROTO_MAX_CODE (BPROF_MAX_RECORD / 16)

#define PROTO_MAX_STRING    256U	/* bytes of one constant or name */
#define PROTO_MAX_CHUNKNAME 4096U	/* bytes */
#define PROTO_MAX_CONSTANTS (64U << 10) /* bytes of all constants, with their lengths */
#define PROTO_MAX_LOCALS    (256U << 10)
#define PROTO_MAX_UPVALUES  (64U << 10)

/**
 * struct proto_writer - a bprof_proto_body record under construction
 *
 * The parts must be written in the order of the record: code, lines, constants, locals, upvalues,
 * chunk name. Parts beyond their share of the record are left out, which is not an error.
 * Borrows @out; proto_writer_abort() leaves it as it was.
 */
struct proto_writer {
	struct buf *out;
	size_t start; /* of the record in out */
	size_t section;
	struct bprof_proto_body body;
};

int proto_writer_begin(struct proto_writer *writer, struct buf *out) MUST_CHECK;
int proto_writer_code(struct proto_writer *writer, const void *code, uint32_t nr) MUST_CHECK;

/* One line per instruction of the code before. */
int proto_writer_lines(struct proto_writer *writer, const int32_t *lines) MUST_CHECK;

/* Each call starts one of the lists of strings; without it the list is empty. */
void proto_writer_begin_list(struct proto_writer *writer);
int proto_writer_constant(struct proto_writer *writer, uint32_t index, const void *text,
			  size_t len) MUST_CHECK;

/* Constants that are no strings, in order: only that they are the same can be told later. */
void proto_writer_numbers(struct proto_writer *writer, const void *bytes, size_t len);

int proto_writer_local(struct proto_writer *writer, uint32_t start_pc, uint32_t end_pc,
		       const void *name, size_t len) MUST_CHECK;
int proto_writer_upvalue(struct proto_writer *writer, const void *name, size_t len) MUST_CHECK;
int proto_writer_chunkname(struct proto_writer *writer, const void *name, size_t len) MUST_CHECK;

/* Pads the record and fills in its header. */
int proto_writer_end(struct proto_writer *writer) MUST_CHECK;
void proto_writer_abort(struct proto_writer *writer);

#endif
