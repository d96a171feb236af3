/* SPDX-License-Identifier: MIT */
/*
 * Foreign bytes into safe text, per sink (text.h has the table).
 *
 * Invariant: whatever goes in, what comes out is valid UTF-8 without a control character, and the
 * folded functions never let out a ';' or a newline.
 * Sources: RFC 3629 for UTF-8; Unicode 15, UAX #9 for bidi controls, UAX #11 and the general
 * categories Mn and Me for widths, in ranges coarse enough to be read.
 */
#include "text.h"

#include <errno.h>
#include <string.h>

#define ELLIPSIS	 "\xE2\x80\xA6" /* U+2026, one column */
#define MAX_COLUMN_BYTES 4096		/* bytes of a text that a terminal is shown at most */

struct range {
	uint32_t first, last;
};

/* Act on a terminal or hide text in a viewer. */
static const struct range controls[] = {
	{0x00, 0x1F},	    /* C0 */
	{0x7F, 0x9F},	    /* DEL, C1 */
	{0x061C, 0x061C},   /* Arabic letter mark */
	{0x200E, 0x200F},   /* left-to-right and right-to-left mark */
	{0x2028, 0x202E},   /* line and paragraph separator, bidi embeddings and overrides */
	{0x2060, 0x206F},   /* invisible operators, bidi isolates */
	{0xFEFF, 0xFEFF},   /* byte order mark */
	{0xFFF9, 0xFFFB},   /* interlinear annotation */
	{0xE0000, 0xE007F}, /* tags */
};

/* Drawn onto the character before. */
static const struct range zero_width[] = {
	{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},	{0x0610, 0x061A}, {0x064B, 0x065F},
	{0x06D6, 0x06DC}, {0x0900, 0x0902}, {0x093C, 0x093C},	{0x0E31, 0x0E31}, {0x0E34, 0x0E3A},
	{0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},	{0x200B, 0x200D}, {0x20D0, 0x20FF},
	{0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF},
};

/* East Asian wide and full width, emoji. */
static const struct range double_width[] = {
	{0x1100, 0x115F},   {0x231A, 0x231B},	{0x23E9, 0x23EC},   {0x2E80, 0x303E},
	{0x3041, 0x33FF},   {0x3400, 0x4DBF},	{0x4E00, 0x9FFF},   {0xA000, 0xA4CF},
	{0xA960, 0xA97F},   {0xAC00, 0xD7A3},	{0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
	{0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},	{0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
	{0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};

static bool in_ranges(uint32_t point, const struct range *ranges, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

/* ---- UTF-8 --------------------------------------------------------------------------------- */

/* Bytes of the sequence a lead byte announces, 0 if it is none; its payload bits in *ret_bits. */
static size_t sequence_length(unsigned char lead, uint32_t *ret_bits)
{
	if (lead < 0x80) {
		*ret_bits = lead;
		return 1;
	}
	if (lead >= 0xC2 && lead <= 0xDF) {
		*ret_bits = lead & 0x1F;
		return 2;
	}
	if (lead >= 0xE0 && lead <= 0xEF) {
		*ret_bits = lead & 0x0F;
		return 3;
	}
	if (lead >= 0xF0 && lead <= 0xF4) {
		*ret_bits = lead & 0x07;
		return 4;
	}
	return 0;
}

static bool is_canonical(uint32_t point, size_t length)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	bool surrogate = point >= 0xD800 && point <= 0xDFFF;

	return point >= smallest[length] && point <= 0x10FFFF && !surrogate;
}

size_t text_decode(const char *s, size_t len, uint32_t *ret_point)
{
	const unsigned char *bytes = (const unsigned char *)s;
	uint32_t point = 0;
	size_t length = sequence_length(bytes[0], &point);

	*ret_point = TEXT_INVALID;
	if (length == 0 || length > len)
		return 1;
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xC0) != 0x80)
			return 1;
		point = point << 6 | (bytes[i] & 0x3F);
	}
	if (!is_canonical(point, length))
		return 1;
	*ret_point = point;
	return length;
}

bool text_is_control(uint32_t point)
{
	if (point >= 0x20 && point < 0x7F)
		return false;
	return in_ranges(point, controls, ARRAY_SIZE(controls));
}

/* ---- visible text -------------------------------------------------------------------------- */

static int add_escaped(struct buf *b, unsigned char byte, uint32_t point)
{
	if (point == '\n')
		return buf_addstr(b, "\\n");
	if (point == '\r')
		return buf_addstr(b, "\\r");
	if (point == '\t')
		return buf_addstr(b, "\\t");
	if (point == TEXT_INVALID || point < 0x80)
		return buf_addf(b, "\\x%02x", byte);
	return buf_addf(b, "\\u{%x}", point);
}

/* Bytes from @s on that need no change: copied at once, because nearly all text is like that. */
static size_t plain_run(const char *s, size_t len, bool folded)
{
	size_t run = 0;

	while (run < len) {
		unsigned char byte = (unsigned char)s[run];

		if (byte < 0x20 || byte >= 0x7F || (folded && byte == ';'))
			break;
		run++;
	}
	return run;
}

static int add_character(struct buf *b, const char *s, size_t length, uint32_t point, bool folded)
{
	if (point == TEXT_INVALID || text_is_control(point))
		return add_escaped(b, (unsigned char)*s, point);
	if (folded && point == ';')
		return buf_add(b, ":", 1);
	return buf_add(b, s, length);
}

static int add_bytes(struct buf *b, const char *s, size_t len, bool folded)
{
	int r = 0;

	while (len > 0 && r == 0) {
		size_t run = plain_run(s, len, folded);

		if (run > 0) {
			r = buf_add(b, s, run);
		} else {
			uint32_t point;

			run = text_decode(s, len, &point);
			r = add_character(b, s, run, point, folded);
		}
		s += run;
		len -= run;
	}
	return r;
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

/* The nearest start of a character, towards the start by at most one character. */
static size_t character_start(const char *s, size_t at)
{
	for (int i = 0; i < 3 && at > 0 && is_continuation(s[at]); i++)
		at--;
	return at;
}

/* The end of a name tells as much as its start ("(file:line)", the test's own words). */
static int add_capped(struct buf *b, const char *s, size_t max, bool folded)
{
	size_t len = strlen(s), head, tail;
	int r;

	if (len <= max)
		return add_bytes(b, s, len, folded);
	head = character_start(s, max / 2);
	tail = character_start(s, len - max / 2);
	r = add_bytes(b, s, head, folded);
	if (r == 0)
		r = buf_addstr(b, ELLIPSIS);
	if (r == 0)
		r = add_bytes(b, s + tail, len - tail, folded);
	return r;
}

int text_add_visible(struct buf *b, const char *s)
{
	return add_bytes(b, s, strlen(s), false);
}

int text_add_short(struct buf *b, const char *s, size_t max)
{
	return add_capped(b, s, max, false);
}

/* ---- folded -------------------------------------------------------------------------------- */

int text_add_folded(struct buf *b, const char *s, size_t max)
{
	return add_capped(b, s, max, true);
}

/* Where the number starts if @s ends in " [0-9.]+", else 0. */
static size_t trailing_number(const char *s, size_t len)
{
	size_t at = len;

	while (at > 0 && ((s[at - 1] >= '0' && s[at - 1] <= '9') || s[at - 1] == '.'))
		at--;
	if (at == len || at == 0 || s[at - 1] != ' ')
		return 0;
	return at;
}

int text_add_folded_frame(struct buf *b, const char *s)
{
	char number[TEXT_MAX_NAME * 2];
	size_t start = b->len, at, len;
	int r;

	if (!*s)
		return buf_addstr(b, "(unnamed)");
	r = text_add_folded(b, s, TEXT_MAX_NAME);
	if (r < 0)
		return r;
	at = trailing_number(b->data + start, b->len - start);
	len = b->len - start - at;
	if (at == 0 || len >= sizeof(number))
		return 0;
	memcpy(number, b->data + start + at, len);
	b->len = start + at;
	return buf_addf(b, "(%.*s)", (int)len, number);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* A code point as \uXXXX, as a surrogate pair above the basic plane. */
static int add_json_escape(struct buf *b, uint32_t point)
{
	if (point == '\n')
		return buf_addstr(b, "\\n");
	if (point == '\t')
		return buf_addstr(b, "\\t");
	if (point < 0x10000)
		return buf_addf(b, "\\u%04x", point);
	point -= 0x10000;
	return buf_addf(b, "\\u%04x\\u%04x", 0xD800 + (point >> 10), 0xDC00 + (point & 0x3FF));
}

static int add_json_character(struct buf *b, const char *s, size_t length, uint32_t point)
{
	if (point == TEXT_INVALID)
		return buf_addf(b, "\\\\x%02x", (unsigned char)*s);
	if (point == '"')
		return buf_addstr(b, "\\\"");
	if (point == '\\')
		return buf_addstr(b, "\\\\");
	if (text_is_control(point))
		return add_json_escape(b, point);
	return buf_add(b, s, length);
}

static size_t plain_json_run(const char *s, size_t len)
{
	size_t run = 0;

	while (run < len) {
		unsigned char byte = (unsigned char)s[run];

		if (byte < 0x20 || byte >= 0x7F || byte == '"' || byte == '\\')
			break;
		run++;
	}
	return run;
}

/*
 * Source: CommonMark 0.31, 2.4: any ASCII punctuation may be escaped by a backslash; 2.5: entities.
 * The bar ends a cell of a table; "@" and "#" are names and issues to some readers, which a
 * backslash does not keep them from.
 */
int text_add_markdown(struct buf *b, const char *s)
{
	struct buf visible;
	int r;

	buf_init(&visible, TEXT_MAX_BUFFER);
	r = text_add_visible(&visible, s);
	for (size_t i = 0; r == 0 && i < visible.len; i++) {
		char c = visible.data[i];

		if (c == '&' || c == '@' || c == '#')
			r = buf_addf(b, "&#%d;", c);
		else if (strchr("\\`*_[]<>|~", c))
			r = buf_addf(b, "\\%c", c);
		else
			r = buf_add(b, &c, 1);
	}
	buf_done(&visible);
	return r;
}

int text_add_csv(struct buf *b, const char *s)
{
	struct buf visible;
	int r;

	buf_init(&visible, TEXT_MAX_BUFFER);
	r = text_add_visible(&visible, s);
	if (r == 0)
		r = buf_addstr(b, "\"");
	if (r == 0 && visible.len > 0 && strchr("=+-@", *visible.data))
		r = buf_addstr(b, "'");
	for (size_t i = 0; r == 0 && i < visible.len; i++)
		r = visible.data[i] == '"' ? buf_addstr(b, "\"\"")
					   : buf_add(b, &visible.data[i], 1);
	if (r == 0)
		r = buf_addstr(b, "\"");
	buf_done(&visible);
	return r;
}

int text_add_json(struct buf *b, const char *s)
{
	size_t len = strlen(s);
	int r = buf_add(b, "\"", 1);

	while (len > 0 && r == 0) {
		size_t run = plain_json_run(s, len);

		if (run > 0) {
			r = buf_add(b, s, run);
		} else {
			uint32_t point;

			run = text_decode(s, len, &point);
			r = add_json_character(b, s, run, point);
		}
		s += run;
		len -= run;
	}
	return r < 0 ? r : buf_add(b, "\"", 1);
}

/* ---- columns ------------------------------------------------------------------------------- */

static unsigned point_width(uint32_t point)
{
	if (point < 0x300 || point == TEXT_INVALID)
		return 1;
	if (in_ranges(point, zero_width, ARRAY_SIZE(zero_width)))
		return 0;
	return in_ranges(point, double_width, ARRAY_SIZE(double_width)) ? 2 : 1;
}

unsigned text_width(const char *s)
{
	size_t len = strlen(s);
	unsigned width = 0;

	for (size_t i = 0; i < len;) {
		uint32_t point;

		i += text_decode(s + i, len - i, &point);
		width += point_width(point);
	}
	return width;
}

/* Bytes of @s, from its start, that fit into @columns. */
static size_t fitting_start(const char *s, unsigned columns)
{
	size_t len = strlen(s), i = 0;
	unsigned used = 0;

	while (i < len) {
		uint32_t point;
		size_t next = text_decode(s + i, len - i, &point);

		used += point_width(point);
		if (used > columns)
			break;
		i += next;
	}
	return i;
}

/* Where the part of @s starts that fits into @columns up to its end. */
static size_t fitting_end(const char *s, unsigned columns)
{
	unsigned width = text_width(s);
	size_t len = strlen(s), i = 0;

	while (i < len && width > columns) {
		uint32_t point;

		i += text_decode(s + i, len - i, &point);
		width -= point_width(point);
	}
	return i;
}

int text_add_columns(struct buf *b, const char *s, unsigned columns, enum text_cut cut)
{
	struct buf visible;
	unsigned head, tail;
	int r;

	if (columns == 0)
		return 0;
	buf_init(&visible, TEXT_MAX_BUFFER);
	r = text_add_short(&visible, s, MAX_COLUMN_BYTES);
	if (r < 0 || !visible.data)
		goto out;
	if (text_width(visible.data) <= columns) {
		r = buf_add(b, visible.data, visible.len);
		goto out;
	}
	tail = cut == TEXT_CUT_END ? 0 : cut == TEXT_CUT_START ? columns - 1 : (columns - 1) / 2;
	head = columns - 1 - tail;
	r = buf_add(b, visible.data, fitting_start(visible.data, head));
	if (r == 0)
		r = buf_addstr(b, ELLIPSIS);
	if (r == 0)
		r = buf_addstr(b, visible.data + fitting_end(visible.data, tail));
out:
	buf_done(&visible);
	return r;
}
