/* SPDX-License-Identifier: MIT */
/*
 * Names for the frames of a run, from the facts of its recording. Needs no target.
 *
 * A Lua function is identified by chunk and first line, whatever it is called; it may be called by
 * several names, and the most frequent one is shown. Where that is not enough (shapes.h), functions
 * that look alike inside are one.
 */
#ifndef BPROF_SYMBOLS_H
#define BPROF_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bprof/profile.h>
#include <bprof/wire.h>

struct symbols;
struct spaces;

/* What a frame turned out to be. */
struct symbol_frame {
	uint32_t function; /* index into symbols_functions() */
	int32_t line;	   /* current line, 0 = not known */
	bool is_safe; /* busted.safe: what busted runs on behalf of the user is called from it */
};

/* All return 0 or -ENOMEM. @spaces outlives the symbols. */
int symbols_new(const struct spaces *spaces, struct symbols **ret);
void symbols_free(struct symbols *s);

/* A Lua or C frame. The order of calls decides function indexes, nothing else. */
int symbols_frame(struct symbols *s, uint32_t space, const struct bprof_frame *frame,
		  struct symbol_frame *ret);

/* A native address; the process's command stands in where nothing is known. */
int symbols_address(struct symbols *s, uint32_t space, uint64_t address, bool kernel,
		    struct symbol_frame *ret);

/* A frame that is no function: "[gc]". */
int symbols_marker(struct symbols *s, const char *name, struct symbol_frame *ret);

/* "[process: comm]" for samples without Lua. */
int symbols_process(struct symbols *s, uint32_t space, struct symbol_frame *ret);

/**
 * symbols_call_name() - what a function was called by at one call
 * @caller: the frame below @callee, of the same sample
 *
 * As name_from_call(); of a hook only the kind is known, a finalizer is "__gc". Nothing is said
 * where @callee was tail called, or called by C.
 *
 * Return: 1 if there is a name, 0 if not.
 */
int symbols_call_name(const struct spaces *spaces, uint32_t space, const struct bprof_frame *caller,
		      const struct bprof_frame *callee, char *name, size_t size,
		      const char **ret_kind);

/*
 * Weighs one more way a function is called: by @caller's instruction at its position. @weight in
 * samples.
 */
int symbols_name_by_call(struct symbols *s, uint32_t space, const struct bprof_frame *caller,
			 const struct bprof_frame *callee, uint32_t function, uint64_t weight);

/* @samples more frames of this function: against them its names are weighed. */
void symbols_weigh(struct symbols *s, uint32_t function, uint64_t samples);

/* Chooses the names. The array belongs to @s; indexes are those of symbol_frame.function. */
int symbols_finish(struct symbols *s);
struct function *symbols_functions(struct symbols *s, size_t *ret_nr);

#endif
