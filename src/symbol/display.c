/* SPDX-License-Identifier: MIT */
/*
 * Chunk names and functions as people read them.
 *
 * Facts: luaO_chunkid() of lobject.c, copyright Lua.org, PUC-Rio, MIT. It cuts everything to 60
 * bytes; here only source text is cut, since a shortened path is no path.
 */
#include "symbol.h"

#include <string.h>

/* LUA_IDSIZE less [string "..."] and the terminator. */
#define MAX_TEXT (60U - sizeof("[string \"...\"]"))

static int text_display(const char *text, size_t len, struct buf *out)
{
	size_t line_len = 0;
	int r;

	while (line_len < len && text[line_len] != '\n' && text[line_len] != '\r')
		line_len++;
	r = buf_addstr(out, "[string \"");
	if (r == 0)
		r = buf_add(out, text, line_len < MAX_TEXT ? line_len : MAX_TEXT);
	if (r == 0 && (line_len < len || line_len >= MAX_TEXT))
		r = buf_addstr(out, "...");
	return r < 0 ? r : buf_addstr(out, "\"]");
}

int chunk_display(const char *chunkname, size_t len, struct buf *out)
{
	if (len == 0)
		return buf_addstr(out, "?");
	if (chunkname[0] == '@' || chunkname[0] == '=')
		return buf_add(out, chunkname + 1, len - 1);
	return text_display(chunkname, len, out);
}

int function_display(const char *name, const char *chunkname, size_t len, int32_t first_line,
		     struct buf *out)
{
	size_t start = out->len;
	int r;

	if (first_line == 0)
		r = buf_addstr(out, "main chunk (");
	else
		r = buf_addf(out, "%s (", name && *name ? name : "<anonymous>");
	if (r == 0)
		r = chunk_display(chunkname, len, out);
	if (r == 0)
		r = first_line == 0 ? buf_addstr(out, ")") : buf_addf(out, ":%d)", first_line);
	if (r < 0 && out->data) {
		out->len = start;
		out->data[start] = 0;
	}
	return r;
}
