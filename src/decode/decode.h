/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a record to a checked view of it. The only reader of untrusted records: behind this door
 * every count and length fits the record it came in.
 */
#ifndef BPROF_DECODE_H
#define BPROF_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include <bprof/wire.h>

/* Bytes inside a record; not terminated. */
struct text {
	const char *data;
	size_t len;
};

/**
 * struct decoded - one record, checked
 *
 * Borrows: every pointer points into the record; valid as long as that is.
 */
struct decoded {
	const struct bprof_record *record;
	struct bprof_meters meters; /* MARK, EXEC, EXIT; those that it does not have are unknown */
	union {
		struct {
			const struct bprof_sample *fixed;
			const struct bprof_frame *frames; /* fixed->nr_frames, leaf first */
			const struct bprof_span *spans;	  /* fixed->nr_spans, leaf first */
		} sample;
		struct {
			const struct bprof_proto *fixed;
			struct text chunkname;
		} proto;
		struct {
			const struct bprof_mark *fixed;
			struct text text;
		} mark;
		const struct bprof_fork *fork;
		const struct bprof_exec *exec;
		const struct bprof_exit *exit;
		const struct bprof_vm_open *vm_open;
		const struct bprof_vm_close *vm_close;
		struct {
			struct text key, value;
		} info;
		const struct bprof_proto_body *body; /* payload: symbol/ checks it */
		struct {
			const struct bprof_cfunction *fixed;
			struct text name;
		} cfunction;
		struct {
			const struct bprof_mapping *fixed;
			struct text path, build_id;
		} mapping;
		struct {
			const struct bprof_symbol *fixed;
			struct text symbol, module;
		} symbol;
		struct {
			const struct bprof_element *fixed;
			struct text descriptor, name, source;
		} element;
		struct {
			const struct bprof_runtime *fixed;
			struct text version, path;
		} runtime;
		struct {
			const struct bprof_native_stack *fixed;
			const uint64_t *regs;  /* fixed->nr_regs */
			const uint64_t *words; /* fixed->nr_words, from the stack pointer upwards */
		} native_stack;
		const struct bprof_gc *gc;
		struct {
			const __u64 *value;
			size_t nr; /* <= BPROF_NR_COUNTERS: an older recording has fewer */
		} counters;
		const struct bprof_end *end;
	};
};

/**
 * decode_record() - check one record
 * @record: at least record->size readable bytes, aligned to 8
 *
 * Return: 0; -EBADMSG if it contradicts itself; -ENOTSUP if its type is unknown (skip it).
 */
int decode_record(const struct bprof_record *record, struct decoded *ret);

#endif
