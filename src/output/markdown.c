/* SPDX-License-Identifier: MIT */
#include "markdown.h"

#include "text.h"

void markdown_add(struct writer *w, const char *text)
{
	struct buf cut, b;

	buf_init(&cut, TEXT_MAX_BUFFER);
	buf_init(&b, TEXT_MAX_BUFFER);
	writer_fail(w, text_add_short(&cut, text ? text : "", TEXT_MAX_NAME));
	writer_fail(w, text_add_markdown(&b, cut.data ? cut.data : ""));
	writer_addstr(w, b.data ? b.data : "");
	buf_done(&cut);
	buf_done(&b);
}
