/* SPDX-License-Identifier: MIT */
/* The parts of flamegraph.json: trace.c puts together what trace_lane.c and trace_frames.c draw. */
#ifndef BPROF_OUTPUT_TRACE_H
#define BPROF_OUTPUT_TRACE_H

#include <bprof/output.h>

#include "id_map.h"
#include "json_writer.h"

/*
 * The lane of a process's tests is a thread of its own. Linux gives out ids below 2^22, so this one
 * is nobody's, and different in each process.
 */
#define TRACE_LANE_TID (UINT32_C(1) << 23)

/* Spans of sampled frames in one file. Perfetto has been reported to give up on 900 MB; a span
 * takes about 200 bytes. */
#define TRACE_MAX_SPANS 500000

/* From this many samples on only every second, third, ... is drawn. */
#define TRACE_MAX_SAMPLES 100000

struct trace {
	const struct profile *profile;
	const struct output_opts *opts;
	struct json json;
	struct id_map named; /* processes that have a name already */
	uint64_t nr_events;
	/* what was left out, for the metadata */
	uint64_t stride; /* every stride-th sample of a thread was drawn */
	uint64_t nr_spans;
	bool cut; /* the limit of spans was reached ... */
	uint64_t cut_at_ns;
	uint64_t unordered; /* samples that did not move on in time: not drawn */
};

/* An event: trace_begin(), its own keys, trace_end(). */
void trace_begin(struct trace *t, const char *phase, uint32_t pid, uint32_t tid);
void trace_end(struct trace *t);
void trace_time(struct trace *t, const char *key, uint64_t ns);

/* A name as viewers show it: visible, and not without end. */
void trace_text(struct trace *t, const char *key, const char *name);

/* Metadata: process_name, thread_name. */
void trace_name(struct trace *t, const char *what, uint32_t pid, uint32_t tid, const char *name);
void trace_name_process(struct trace *t, uint32_t pid); /* once per process */

/* "file:line" as JSON, for the key "loc" where Tracy looks for it; nothing where it is not known.
 */
int trace_add_location(struct buf *json, const char *file, int32_t line) MUST_CHECK;

int trace_write_lane(struct trace *t) MUST_CHECK;
int trace_write_frames(struct trace *t) MUST_CHECK;

#endif
