/* SPDX-License-Identifier: MIT */
/*
 * Pictures by cairo, as PNG or SVG.
 *
 * The library is loaded when the first picture is drawn: linked, it and the twenty libraries behind
 * it would add 5 ms to the start of every run.
 */
#ifndef BPROF_OUTPUT_DRAWING_H
#define BPROF_OUTPUT_DRAWING_H

#include <stdio.h>

#include "base.h"

enum picture { PICTURE_PNG, PICTURE_SVG };
enum anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END };

struct colour {
	double red, green, blue;
};

struct drawing;

/* Why there can be no pictures here, as a sentence; NULL = there can. */
const char *drawing_unavailable(void);

/* White paper of that many pixels. 0; -ENOSYS: no cairo; -ENOMEM. Owned: drawing_finish(). */
int drawing_new(enum picture kind, double width, double height, FILE *out,
		struct drawing **ret) MUST_CHECK;

void drawing_line(struct drawing *d, double x1, double y1, double x2, double y2, double width,
		  const struct colour *colour, bool dashed);
void drawing_dot(struct drawing *d, double x, double y, double radius, const struct colour *colour);

/* @degrees: clockwise around the anchor; @y is that of the base line. UTF-8. */
void drawing_text(struct drawing *d, double x, double y, double size, double degrees,
		  enum anchor anchor, const struct colour *colour, const char *text);

/* Writes the picture and frees. 0 or -errno. */
int drawing_finish(struct drawing *d) MUST_CHECK;

#endif
