/* SPDX-License-Identifier: MIT */
/*
 * Buffered writing with one sticky error. Invariant: nothing reaches the stream after a failure.
 * Formatting goes through buf_addf(), which is given integers and strings only: the locale has no
 * say in a file.
 */
#include "writer.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define WRITER_BLOCK ((size_t)64 << 10)	 /* bytes handed to the stream at once */
#define WRITER_MAX   ((size_t)256 << 20) /* bytes of one addition */

void writer_init(struct writer *w, FILE *out)
{
	*w = (struct writer){.out = out};
	buf_init(&w->pending, WRITER_MAX);
}

void writer_fail(struct writer *w, int error)
{
	if (w->error == 0 && error < 0)
		w->error = error;
}

static void flush_pending(struct writer *w)
{
	errno = 0;
	if (w->error == 0 && w->pending.len > 0 &&
	    fwrite(w->pending.data, 1, w->pending.len, w->out) != w->pending.len)
		w->error = errno ? -errno : -EIO;
	buf_reset(&w->pending);
}

void writer_add(struct writer *w, const void *data, size_t len)
{
	if (w->error < 0)
		return;
	writer_fail(w, buf_add(&w->pending, data, len));
	if (w->pending.len >= WRITER_BLOCK)
		flush_pending(w);
}

void writer_addstr(struct writer *w, const char *s)
{
	writer_add(w, s, strlen(s));
}

void writer_addf(struct writer *w, const char *fmt, ...)
{
	char line[512];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(line))
		writer_fail(w, -E2BIG);
	else
		writer_add(w, line, (size_t)len);
}

int writer_finish(struct writer *w)
{
	flush_pending(w);
	errno = 0;
	if (w->error == 0 && fflush(w->out) != 0)
		w->error = errno ? -errno : -EIO;
	buf_done(&w->pending);
	return w->error;
}
