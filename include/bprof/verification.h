/* SPDX-License-Identifier: MIT */
/*
 * How sure the stacks of a recording are, and every reason of doubt. All counts of samples or of
 * frames; one line of a list is the enum, the key in JSON and the sentence.
 */
#ifndef BPROF_VERIFICATION_H
#define BPROF_VERIFICATION_H

#include <stdint.h>

#include <bprof/leaf_rules.h>
#include <bprof/wire.h>

/* Every sample has one: the last that applies. */
#define CONFIDENCE_LIST(X)                                                                         \
	X(EXACT, "exact", "every frame was proved, and every line is that of its instruction")     \
	X(GUARD, "guard", "compiled code: its line is that of the last guard passed")              \
	X(TRACE_START, "trace_start", "compiled code: its line is that of the start of the trace") \
	X(FUNCTION_ONLY, "function_only", "the functions are right, a line is not claimed")        \
	X(TRUNCATED, "truncated", "more frames than a sample holds; the root side is missing")     \
	X(UNKNOWN_LEAF, "unknown_leaf", "a frame says that the innermost one was not proved")      \
	X(INCOMPLETE, "incomplete", "a frame says why the rest of the stack is missing")           \
	X(OUTSIDE, "outside", "no Lua code was running: there is no Lua stack")

enum confidence {
#define BPROF_X(name, key, sentence) CONFIDENCE_##name,
	CONFIDENCE_LIST(BPROF_X)
#undef BPROF_X
		NR_CONFIDENCES
};

/* What the walker says of single frames. Not all of it is a doubt. */
#define FRAME_MARK_LIST(X)                                                                         \
	X(UNKNOWN, "unknown", "stands for an innermost frame that could not be proved")            \
	X(NO_POS, "no_position", "the function is right, the line is not claimed")                 \
	X(GUARD, "guard", "on a trace: the position is that of the last guard passed")             \
	X(TRACE_START, "trace_start", "on a trace: the position is its start")                     \
	X(INLINED, "inlined", "exists in compiled code only, as its snapshot says")                \
	X(TAILCALL, "tail_call", "a tail call has replaced its callers")

enum frame_mark {
#define BPROF_X(name, key, sentence) FRAME_MARK_##name,
	FRAME_MARK_LIST(BPROF_X)
#undef BPROF_X
		NR_FRAME_MARKS
};

#define VERIFICATION_LEAF_RULES 64 /* numbers of enum walk_leaf */

/* Of one build of a VM, in all processes that ran it. */
struct verification {
	const char *kind;    /* "luajit", "lua"; NULL: no VM in the process */
	const char *version; /* NULL: not recorded */
	uint64_t samples;
	uint64_t by_confidence[NR_CONFIDENCES];
	uint64_t by_status[BPROF_NR_WALK_STATUS];
	uint64_t by_gc[BPROF_NR_GC_STATES]; /* PUC Lua; samples with frames */
	uint64_t frames;
	uint64_t by_mark[NR_FRAME_MARKS];	   /* frames */
	uint64_t by_leaf[VERIFICATION_LEAF_RULES]; /* samples, by enum walk_leaf */
	uint64_t leaf_skipped;			   /* WALK_LEAF_PUC_SKIPPED */
	uint64_t spans_cut;			   /* BPROF_SAMPLE_MAIN_CUT */
};

#endif
