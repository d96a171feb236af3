/* SPDX-License-Identifier: MIT */
/* What the reports for people share: a width, a colour, titles and notes. */
#ifndef BPROF_OUTPUT_REPORT_H
#define BPROF_OUTPUT_REPORT_H

#include <bprof/output.h>

#include "table.h"
#include "tally.h"

struct report {
	const struct profile *profile;
	const struct output_opts *opts;
	struct writer *writer;
	unsigned width;
	bool colour;
};

void report_init(struct report *r, const struct profile *p, const struct output_opts *o,
		 struct writer *w);

/* An empty line and a title. */
void report_title(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "key  text", the text wrapped at spaces behind the key. @text is made safe. */
void report_note(struct report *r, const char *key, enum style style, const char *text);

/* Name and location of a function as two cells. */
void report_function(struct table *t, const struct view *v, uint32_t function);

/* Prints and frees. */
void report_table(struct report *r, struct table *t);

/* What the VM did (terminal_modes.c). */
void report_modes(struct report *r);
void report_uncompiled(struct report *r);
void report_jit_advice(struct report *r);

/* The end of the terminal report (terminal_notes.c). */
void report_notes(struct report *r);

#endif
