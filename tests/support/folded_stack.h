/* SPDX-License-Identifier: MIT */
/*
 * Lines of tracing.folded as frames: of one Lua program's file, of C, and marks of what is not
 * known.
 */
#ifndef TESTS_FOLDED_STACK_H
#define TESTS_FOLDED_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLDED_MAX_FRAMES 512
#define FOLDED_UNKNOWN_C  "<unknown C function>"

enum frame_kind { FRAME_LUA, FRAME_C, FRAME_MARK, FRAME_OTHER };

/* Some bytes of a text that lives on. */
struct part {
	const char *text;
	size_t len;
};

struct frame {
	enum frame_kind kind;
	/* Without "[C]", "_[j]" and "_G."; "main" and "anon" where there is none; a mark: its
	 * reason. */
	struct part name;
	long line; /* of a Lua frame; -1 = not known */
};

struct folded_stack {
	struct frame frames[FOLDED_MAX_FRAMES]; /* root first; states of the VM are left out */
	size_t nr_frames;
	uint64_t samples;
	bool leaves_trace; /* the leaf is in none of its lines: a trace exit puts it together */
};

bool part_is(struct part p, const char *text);
bool part_starts(struct part p, const char *start);
bool part_ends(struct part p, const char *end);
struct part part_skip(struct part p, size_t n);
/* Cuts @p at the first @end, which is dropped; all of it if there is none. */
struct part part_cut(struct part *p, char end);

/**
 * folded_read() - one line of tracing.folded, made with --lines
 * @line: without its newline; must outlive @ret
 * @file: Lua frames are those of this file
 *
 * Return: false if it is not such a line, or has more frames than any of our stacks.
 */
bool folded_read(const char *line, const char *file, struct folded_stack *ret);

/* The reason the stack gives for what it does not say; text NULL if it gives none. */
struct part folded_reason(const struct folded_stack *s);

/* No frame of the file. */
bool folded_is_outside(const struct folded_stack *s);

/*
 * The interpreter's own C function, and what is in doubt is only who resumed the state it runs in:
 * the main chunk has not been entered, or has been left. (A script is read into a buffer on the
 * native stack, pages of which may never have been written.)
 */
bool folded_is_before_main(const struct folded_stack *s, struct part reason);

/* "lua5.4+0x1234": a C function known by its place only. */
bool folded_is_place(struct part name);

#endif
