/* SPDX-License-Identifier: MIT */
/*
 * Tables for the terminal.
 *
 *	  wall   share  name            where
 *	840 us   0.1 %  outer inner …t  …/a_spec.lua:4
 *
 * Numbers keep their width. What is left is given to the text columns: each gets its share of it,
 * and what a narrow one does not need goes to the others.
 * Invariant: no line is wider than asked for, and no byte of a cell is printed unless text.c made
 *it safe.
 */
#include "table.h"

#include <errno.h>
#include <string.h>

#include "base.h"

#define INDENT	  2
#define GAP	  2
#define MIN_WIDTH 8  /* a text column is not squeezed below it */
#define MIN_TEXT  40 /* what all text columns should have together */

/* Shares of the text columns: the start of a path says least. */
#define WEIGHT_PATH 2
#define WEIGHT_NAME 3

static const char *const style_codes[] = {
	[STYLE_NONE] = "",	   [STYLE_TITLE] = "\033[1m",	[STYLE_DIM] = "\033[2m",
	[STYLE_GOOD] = "\033[32m", [STYLE_WARN] = "\033[33m",	[STYLE_BAD] = "\033[31m",
	[STYLE_C] = "\033[36m",	   [STYLE_KERNEL] = "\033[35m",
};

void style_begin(struct writer *w, bool colour, enum style style)
{
	if (colour && style != STYLE_NONE)
		writer_addstr(w, style_codes[style]);
}

void style_end(struct writer *w, bool colour, enum style style)
{
	if (colour && style != STYLE_NONE)
		writer_addstr(w, "\033[0m");
}

/* ---- cells --------------------------------------------------------------------------------- */

void table_init(struct table *t, const struct column *columns, size_t nr_columns)
{
	*t = (struct table){.columns = columns, .nr_columns = nr_columns};
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->nr_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->styles);
	*t = (struct table){0};
}

static int make_room(struct table *t)
{
	size_t room = t->room ? t->room * 2 : 64;
	enum style *styles;
	char **cells;

	if (t->nr_cells < t->room)
		return 0;
	cells = reallocarray(t->cells, room, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	t->cells = cells;
	styles = reallocarray(t->styles, room, sizeof(*styles));
	if (!styles)
		return -ENOMEM;
	t->styles = styles;
	t->room = room;
	return 0;
}

/* A cell has no more bytes than a line could show. */
#define MAX_CELL 1024

void table_add_styled(struct table *t, const char *text, enum style style)
{
	struct buf cell;

	if (t->error == 0)
		t->error = make_room(t);
	if (t->error < 0)
		return;
	buf_init(&cell, TEXT_MAX_BUFFER);
	if (text)
		t->error = text_add_short(&cell, text, MAX_CELL);
	t->cells[t->nr_cells] = cell.data;
	t->styles[t->nr_cells++] = style;
}

void table_add(struct table *t, const char *text)
{
	table_add_styled(t, text, STYLE_NONE);
}

/* ---- widths -------------------------------------------------------------------------------- */

static unsigned cell_width(const char *cell)
{
	return cell ? text_width(cell) : 0;
}

/* The width each column would like to have; 0 where it has nothing to show. */
static void natural_widths(const struct table *t, unsigned *widths)
{
	for (size_t column = 0; column < t->nr_columns; column++) {
		unsigned title = text_width(t->columns[column].title);

		widths[column] = 0;
		for (size_t i = column; i < t->nr_cells; i += t->nr_columns) {
			unsigned width = cell_width(t->cells[i]);

			if (width > widths[column])
				widths[column] = width;
		}
		if (widths[column] > 0 && widths[column] < title)
			widths[column] = title;
	}
}

/* What the columns of text may share. */
static unsigned room_for_text(const struct table *t, const unsigned *widths, unsigned width)
{
	unsigned taken = INDENT;

	for (size_t column = 0; column < t->nr_columns; column++) {
		if (widths[column] == 0)
			continue;
		taken += GAP;
		if (t->columns[column].right)
			taken += widths[column];
	}
	taken -= GAP;
	return width > taken ? width - taken : 0;
}

/* What the text columns want, up to what they should have. */
static unsigned wanted_room(const struct table *t, const unsigned *widths)
{
	unsigned wanted = 0;

	for (size_t column = 0; column < t->nr_columns && wanted < MIN_TEXT; column++)
		if (!t->columns[column].right)
			wanted += widths[column];
	return wanted < MIN_TEXT ? wanted : MIN_TEXT;
}

/* Leaves out optional columns, the most optional first, until names have room. */
static void drop_columns(const struct table *t, unsigned *widths, unsigned width)
{
	while (room_for_text(t, widths, width) < wanted_room(t, widths)) {
		unsigned highest = 0;
		size_t victim = 0;

		for (size_t column = 0; column < t->nr_columns; column++) {
			if (widths[column] > 0 && t->columns[column].optional > highest) {
				highest = t->columns[column].optional;
				victim = column;
			}
		}
		if (highest == 0)
			return;
		widths[victim] = 0;
	}
}

static unsigned weight(const struct column *column)
{
	return column->cut == TEXT_CUT_START ? WEIGHT_PATH : WEIGHT_NAME;
}

/* The weights of the text columns that want more than @share each; what the others want is taken
 * off *ret_room. */
static unsigned wide_weights(const struct table *t, const unsigned *widths, unsigned share,
			     unsigned *ret_room)
{
	unsigned weights = 0;

	for (size_t column = 0; column < t->nr_columns; column++) {
		const struct column *c = &t->columns[column];

		if (c->right)
			continue;
		if (widths[column] > share * weight(c))
			weights += weight(c);
		else
			*ret_room -= widths[column] < *ret_room ? widths[column] : *ret_room;
	}
	return weights;
}

/* Narrow columns keep their width, the wide ones share what is left. */
static void fit_widths(const struct table *t, unsigned *widths, unsigned width)
{
	unsigned total = room_for_text(t, widths, width);
	unsigned share = 0, room = total;
	unsigned weights = wide_weights(t, widths, share, &room);

	while (weights > 0 && room / weights > share) {
		share = room / weights;
		room = total;
		weights = wide_weights(t, widths, share, &room);
	}
	for (size_t column = 0; column < t->nr_columns; column++) {
		const struct column *c = &t->columns[column];
		unsigned limit = weights > 0 ? room * weight(c) / weights : widths[column];

		if (c->right || widths[column] <= share * weight(c))
			continue;
		widths[column] = limit > MIN_WIDTH ? limit : MIN_WIDTH;
	}
}

/* ---- printing ------------------------------------------------------------------------------ */

static void add_spaces(struct writer *w, unsigned nr)
{
	while (nr-- > 0)
		writer_add(w, " ", 1);
}

static void print_cell(struct writer *w, const struct column *column, const char *text,
		       unsigned width, enum style style, bool colour, bool last)
{
	struct buf cut;
	unsigned used;

	buf_init(&cut, TEXT_MAX_BUFFER);
	writer_fail(w, text_add_columns(&cut, text, width, column->cut));
	while (last && cut.len > 0 && cut.data[cut.len - 1] == ' ')
		cut.data[--cut.len] = 0;
	used = cut.data ? text_width(cut.data) : 0;
	if (column->right)
		add_spaces(w, width - used);
	if (cut.len > 0) {
		style_begin(w, colour, style);
		writer_add(w, cut.data, cut.len);
		style_end(w, colour, style);
	}
	if (!column->right && !last)
		add_spaces(w, width - used);
	buf_done(&cut);
}

/* A cell of a row, or a title where there is no row; NULL where there is nothing to print. */
static const char *cell_text(const struct table *t, char **cells, size_t column)
{
	const char *text = cells ? cells[column] : t->columns[column].title;

	return text && *text ? text : NULL;
}

/* Whether this is the last cell of its row, so that no line ends in spaces. */
static bool is_last(const struct table *t, char **cells, const unsigned *widths, size_t column)
{
	for (size_t i = column + 1; i < t->nr_columns; i++)
		if (widths[i] > 0 && cell_text(t, cells, i))
			return false;
	return true;
}

static void print_row(const struct table *t, struct writer *w, char **cells,
		      const enum style *styles, const unsigned *widths, bool colour)
{
	unsigned gap = INDENT;

	for (size_t i = 0; i < t->nr_columns; i++) {
		const char *text = cell_text(t, cells, i);
		bool last = is_last(t, cells, widths, i);

		if (widths[i] == 0)
			continue;
		if (!text && last)
			break;
		add_spaces(w, gap);
		gap = GAP;
		print_cell(w, &t->columns[i], text ? text : "", widths[i],
			   cells ? styles[i] : STYLE_DIM, colour, last);
	}
	writer_add(w, "\n", 1);
}

void table_print(const struct table *t, struct writer *w, unsigned width, bool colour)
{
	unsigned widths[TABLE_MAX_COLUMNS];

	writer_fail(w, t->error);
	if (t->error < 0 || t->nr_columns > ARRAY_SIZE(widths))
		return;
	natural_widths(t, widths);
	drop_columns(t, widths, width);
	fit_widths(t, widths, width);
	print_row(t, w, NULL, NULL, widths, colour);
	for (size_t i = 0; i + t->nr_columns <= t->nr_cells; i += t->nr_columns)
		print_row(t, w, &t->cells[i], &t->styles[i], widths, colour);
}
