/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_TABLE_H
#define BPROF_OUTPUT_TABLE_H

#include "text.h"
#include "writer.h"

/* How a line on the terminal is set: only where colours are wanted. */
enum style {
	STYLE_NONE,
	STYLE_TITLE,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_C, /* modes that no other style fits */
	STYLE_KERNEL,
};

void style_begin(struct writer *w, bool colour, enum style style);
void style_end(struct writer *w, bool colour, enum style style);

struct column {
	const char *title;
	bool right;	   /* aligned right, never cut: numbers */
	enum text_cut cut; /* left-aligned columns give way to the width, like this */
	unsigned optional; /* left out where names have too little room, the highest first */
};

#define TABLE_MAX_COLUMNS 16

/**
 * struct table - rows of cells, printed so that the numbers align and the names fit
 *
 * Cells are foreign text until here: the table makes them safe. Columns without any cell are left
 * out. Widths are columns of a terminal, not bytes.
 */
struct table {
	const struct column *columns;
	size_t nr_columns;
	char **cells; /* nr_rows x nr_columns; NULL = empty */
	enum style *styles;
	size_t nr_cells, room;
	int error;
};

void table_init(struct table *t, const struct column *columns, size_t nr_columns);
void table_done(struct table *t);

/* Cells come in reading order; a row is complete when every column has one. NULL leaves it empty.
 */
void table_add(struct table *t, const char *text);
void table_add_styled(struct table *t, const char *text, enum style style);

/* Prints header and rows, indented by two, at most @width columns wide. */
void table_print(const struct table *t, struct writer *w, unsigned width, bool colour);

#endif
