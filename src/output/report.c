/* SPDX-License-Identifier: MIT */
/* The common parts of the reports for people. */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_WIDTH 100
#define MIN_REPORT    40
#define MAX_REPORT    400
#define NOTE_INDENT   12

void report_init(struct report *r, const struct profile *p, const struct output_opts *o,
		 struct writer *w)
{
	unsigned width = o->width ? o->width : DEFAULT_WIDTH;

	*r = (struct report){.profile = p, .opts = o, .writer = w, .colour = o->colour};
	r->width = width < MIN_REPORT ? MIN_REPORT : width > MAX_REPORT ? MAX_REPORT : width;
}

void report_title(struct report *r, const char *fmt, ...)
{
	char title[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(title, sizeof(title), fmt, args);
	va_end(args);
	writer_add(r->writer, "\n", 1);
	style_begin(r->writer, r->colour, STYLE_TITLE);
	writer_addstr(r->writer, title);
	style_end(r->writer, r->colour, STYLE_TITLE);
	writer_add(r->writer, "\n", 1);
}

/* Bytes of @text up to the last space within @columns, or its first word if that is longer. */
static size_t wrapped_length(const char *text, unsigned columns)
{
	size_t len = strlen(text), best = 0, i = 0;
	unsigned used = 0;

	while (i < len && (used <= columns || best == 0)) {
		size_t word = strcspn(text + i + 1, " ") + 1;

		used += (unsigned)word; /* our own sentences: one column per byte is near enough */
		i += word;
		if (used <= columns || best == 0)
			best = i;
	}
	return best;
}

static void print_wrapped(struct report *r, enum style style, const char *text)
{
	while (*text) {
		size_t len = wrapped_length(text, r->width - NOTE_INDENT);

		style_begin(r->writer, r->colour, style);
		writer_add(r->writer, text, len);
		style_end(r->writer, r->colour, style);
		writer_add(r->writer, "\n", 1);
		text += len;
		while (*text == ' ')
			text++;
		if (*text)
			writer_addf(r->writer, "%*s", NOTE_INDENT, "");
	}
}

void report_note(struct report *r, const char *key, enum style style, const char *text)
{
	struct buf safe;
	int error;

	buf_init(&safe, TEXT_MAX_BUFFER);
	error = text_add_visible(&safe, text);
	writer_fail(r->writer, error);
	if (error == 0 && safe.len > 0) {
		style_begin(r->writer, r->colour, STYLE_TITLE);
		writer_addf(r->writer, "%-*s", NOTE_INDENT, key);
		style_end(r->writer, r->colour, STYLE_TITLE);
		print_wrapped(r, style, safe.data);
	}
	buf_done(&safe);
}

void report_function(struct table *t, const struct view *v, uint32_t function)
{
	struct buf name, location;
	int error;

	buf_init(&name, TEXT_MAX_BUFFER);
	buf_init(&location, TEXT_MAX_BUFFER);
	error = view_add_name(v, function, &name);
	if (error == 0)
		error = view_add_location(v, function, &location);
	if (error < 0)
		t->error = error;
	table_add(t, name.data);
	table_add_styled(t, location.data, STYLE_DIM);
	buf_done(&name);
	buf_done(&location);
}

void report_table(struct report *r, struct table *t)
{
	table_print(t, r->writer, r->width, r->colour);
	table_done(t);
}
