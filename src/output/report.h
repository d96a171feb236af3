/* SPDX-License-Identifier: MIT */
/* What the reports for people share: a width, a colour, titles and notes. */
#ifndef BPROF_OUTPUT_REPORT_H
#define BPROF_OUTPUT_REPORT_H

#include <bprof/output.h>

#include "number.h"
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

/* ---- costs (report_costs.c) ---------------------------------------------------------------- */

bool report_is_known(uint64_t ns); /* measured, and not nothing */

/* A sum with an unknown part is unknown, unless nothing was seen in that part either. */
void report_add_costs(struct costs *sum, const struct costs *part);

/* Share of the wall time of the run where that was measured, else of its samples ("~"). */
struct number report_share(const struct profile *p, const struct costs *c);

uint64_t report_estimated_ns(const struct profile *p, uint64_t samples);

/* CPU time, estimated where it is only known by samples. */
struct number report_cpu_time(const struct profile *p, const struct costs *c);

/* ---- parts of the terminal report ---------------------------------------------------------- */

/* A row for each test, and for each file (terminal_tests.c). */
void report_tests(struct report *r);
void report_files(struct report *r);

/* What the VM did (terminal_modes.c). */
void report_modes(struct report *r);
void report_uncompiled(struct report *r);
void report_jit_advice(struct report *r);

/* The end of the terminal report (terminal_notes.c). */
void report_notes(struct report *r);

#endif
