/* SPDX-License-Identifier: MIT */
/*
 * The one place where bytes of the target become text of an output.
 *
 * Names come from the profiled program: any bytes, any length, any intention. Each sink has its own
 * function here, and no output writes a foreign string by another way.
 *
 *	byte that is not UTF-8                  \xNN
 *	control (C0, DEL)                       \n \r \t or \xNN
 *	C1, line separators, bidi, invisible    \u{NN}
 *
 * "Visible" means written out like that, as plain letters.
 */
#ifndef BPROF_OUTPUT_TEXT_H
#define BPROF_OUTPUT_TEXT_H

#include "base.h"
#include "buf.h"

#define TEXT_INVALID	UINT32_MAX
#define TEXT_MAX_NAME	512 /* bytes of a name in a frame; the middle of longer ones is left out */
#define TEXT_MAX_BUFFER ((size_t)64 << 20) /* for struct buf: no single text comes near */

/**
 * text_decode() - the next character of a UTF-8 string
 * @len: bytes available, at least 1
 * @ret_point: its code point; TEXT_INVALID for a byte that does not start a valid sequence
 *
 * Overlong forms, surrogates and points above U+10FFFF are invalid.
 * Return: bytes consumed, 1 to 4; 1 for an invalid byte.
 */
size_t text_decode(const char *s, size_t len, uint32_t *ret_point);

/* Must not reach a terminal, a viewer or a line-based format as it is. */
bool text_is_control(uint32_t point);

/* @s, visible. */
int text_add_visible(struct buf *b, const char *s) MUST_CHECK;

/* @s, visible, at most about @max bytes of it: the middle of a longer one becomes an ellipsis. */
int text_add_short(struct buf *b, const char *s, size_t max) MUST_CHECK;

/* The same for folded stacks: ';' separates frames there and becomes ':'. */
int text_add_folded(struct buf *b, const char *s, size_t max) MUST_CHECK;

/*
 * A complete frame of a folded stack that is not ours by shape, such as the name of a describe.
 * flamegraph.pl and inferno take "case 3 7" for a differential stack of "case": a number at the end
 * is put in parentheses. An empty name becomes "(unnamed)".
 */
int text_add_folded_frame(struct buf *b, const char *s) MUST_CHECK;

/*
 * A JSON string with its quotes. Decoded again it is @s itself, except that bytes that are not
 * UTF-8 are visible. What a terminal could act on is escaped, so that a file may be looked at.
 */
int text_add_json(struct buf *b, const char *s) MUST_CHECK;

/* @s, visible, as plain text of a cell of a Markdown table: what could be markup is escaped. */
int text_add_markdown(struct buf *b, const char *s) MUST_CHECK;

/* @s, visible, as a field of a CSV file with its quotes; what a spreadsheet would take for a
 * formula gets an apostrophe in front. Source: RFC 4180. */
int text_add_csv(struct buf *b, const char *s) MUST_CHECK;

/* Which part of a text gives way when it is too wide. */
enum text_cut { TEXT_CUT_END, TEXT_CUT_MIDDLE, TEXT_CUT_START };

/* Columns @s takes on a terminal; @s is visible text. */
unsigned text_width(const char *s);

/* @s, visible, in at most @columns columns. */
int text_add_columns(struct buf *b, const char *s, unsigned columns, enum text_cut cut) MUST_CHECK;

#endif
