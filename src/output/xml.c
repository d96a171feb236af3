/* SPDX-License-Identifier: MIT */
#include "xml.h"

#include <string.h>

#include "text.h"

/* U+FFFE and U+FFFF are characters of UTF-8, and none of XML. */
static size_t noncharacter_at(const char *s)
{
	return memcmp(s, "\xef\xbf", 2) == 0 && (s[2] == '\xbe' || s[2] == '\xbf') ? 3 : 0;
}

static void add_escaped(struct writer *w, const char *s)
{
	for (; *s; s++) {
		size_t skipped = strnlen(s, 3) == 3 ? noncharacter_at(s) : 0;

		if (skipped > 0) {
			writer_addstr(w, "?");
			s += skipped - 1;
		} else if (strchr("<>&\"'", *s)) {
			writer_addf(w, "&#%u;", (unsigned)(unsigned char)*s);
		} else {
			writer_add(w, s, 1);
		}
	}
}

void xml_add(struct writer *w, const char *s, size_t max)
{
	struct buf visible;

	buf_init(&visible, TEXT_MAX_BUFFER);
	writer_fail(w, text_add_short(&visible, s, max));
	add_escaped(w, visible.len ? visible.data : "");
	buf_done(&visible);
}
