/* SPDX-License-Identifier: MIT */
/*
 * Globs with the meaning profile.nvim gave them (its "instrument" and "ignore" lists), so that
 * lists people have keep working.
 */
#include "glob.h"

#include <string.h>

static bool byte_matches(char pattern, char byte)
{
	if (pattern == '.')
		return byte == '.' || byte == '/';
	return pattern == byte;
}

/*
 * @text up to @len. Each '*' first takes nothing; on a mismatch the last one takes a byte more.
 * No recursion: the cost is bounded by the product of the lengths.
 */
static bool match_bytes(const char *glob, const char *text, size_t len)
{
	const char *star = NULL;
	size_t i = 0, star_at = 0;

	while (i < len) {
		if (*glob == '*') {
			star = ++glob;
			star_at = i;
		} else if (*glob && byte_matches(*glob, text[i])) {
			glob++;
			i++;
		} else if (star) {
			glob = star;
			i = ++star_at;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == 0;
}

bool glob_match(const char *glob, const char *text)
{
	return match_bytes(glob, text, strlen(text));
}

static bool ends_in(const char *text, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len > end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

static bool match_module(const char *glob, const char *text)
{
	size_t len = strlen(text);

	if (match_bytes(glob, text, len))
		return true;
	if (!ends_in(text, len, ".lua"))
		return false;
	len -= strlen(".lua");
	if (match_bytes(glob, text, len))
		return true;
	return ends_in(text, len, "/init") && match_bytes(glob, text, len - strlen("/init"));
}

bool glob_match_file(const char *glob, const char *file)
{
	const char *component = file;

	while (component) {
		if (match_module(glob, component))
			return true;
		component = strchr(component, '/');
		if (component)
			component++;
	}
	return false;
}
