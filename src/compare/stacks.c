/* SPDX-License-Identifier: MIT */
/*
 * Lines of all runs are kept as they come and summed when they are written: sorted, equal stacks
 * are neighbours.
 *
 * Invariant: a kept stack is at least one frame, and holds neither a control character nor what
 * could be read as a second number.
 */
#include "stacks.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MOST_LINES 20000000
#define MOST_COUNT (UINT64_C(1) << 53) /* others read it as a double */

struct stacks {
	char **texts;
	size_t nr_texts, nr_runs[NR_SIDES];
	struct compared_stack *lines; /* their frames are in one of the texts */
	size_t nr, room;
};

int stacks_new(struct stacks **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void stacks_free(struct stacks *stacks)
{
	if (!stacks)
		return;
	for (size_t i = 0; i < stacks->nr_texts; i++)
		free(stacks->texts[i]);
	free(stacks->texts);
	free(stacks->lines);
	free(stacks);
}

/* ---- lines --------------------------------------------------------------------------------- */

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* It would be read as the samples of base. */
static bool ends_in_number(const char *text, size_t len)
{
	size_t end = len;

	while (end > 0 && text[end - 1] >= '0' && text[end - 1] <= '9')
		end--;
	return end < len && (end == 0 || text[end - 1] == ' ');
}

/* "frame;frame 12" */
static bool parse_line(const char *text, size_t len, struct compared_stack *ret, enum side side)
{
	size_t end = len;
	uint64_t count = 0;

	while (end > 0 && text[end - 1] >= '0' && text[end - 1] <= '9')
		end--;
	if (end == len || end < 2 || text[end - 1] != ' ')
		return false;
	for (size_t i = end; i < len; i++) {
		count = count * 10 + (uint64_t)(text[i] - '0');
		if (count > MOST_COUNT)
			return false;
	}
	*ret = (struct compared_stack){.frames = text, .len = end - 1};
	ret->samples[side] = count;
	for (size_t i = 0; i < ret->len; i++)
		if (is_control(text[i]))
			return false;
	return !ends_in_number(ret->frames, ret->len);
}

static int keep_line(struct stacks *s, const struct compared_stack *line)
{
	if (s->nr == s->room) {
		size_t room = s->room ? s->room * 2 : 1024;
		struct compared_stack *lines = reallocarray(s->lines, room, sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		s->lines = lines;
		s->room = room;
	}
	s->lines[s->nr++] = *line;
	return 0;
}

static const char *keep_text(struct stacks *s, const char *text, size_t len)
{
	char **texts = reallocarray(s->texts, s->nr_texts + 1, sizeof(*texts));
	char *copy = texts ? malloc(len + 1) : NULL;

	if (texts)
		s->texts = texts;
	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = 0;
	s->texts[s->nr_texts++] = copy;
	return copy;
}

int stacks_add(struct stacks *s, enum side side, const char *text, size_t len, struct buf *why)
{
	const char *at = keep_text(s, text, len), *end = at ? at + len : NULL;
	size_t number = 1;

	if (!at)
		return -ENOMEM;
	for (; at < end; number++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((stop ? stop : end) - at);
		struct compared_stack line;
		int r;

		if (s->nr >= MOST_LINES || !parse_line(at, length, &line, side))
			return buf_addf(why, "line %zu is no stack with its samples", number) < 0
				       ? -ENOMEM
				       : -EBADMSG;
		r = keep_line(s, &line);
		if (r < 0)
			return r;
		at += length + 1;
	}
	s->nr_runs[side]++;
	return 0;
}

/* ---- sums ---------------------------------------------------------------------------------- */

static int compare_lines(const void *left, const void *right)
{
	const struct compared_stack *a = left, *b = right;
	int order = memcmp(a->frames, b->frames, a->len < b->len ? a->len : b->len);

	if (order != 0)
		return order;
	return (a->len > b->len) - (a->len < b->len);
}

static void sum_up(struct stacks *s)
{
	size_t nr = 0;

	if (s->nr == 0)
		return;
	qsort(s->lines, s->nr, sizeof(*s->lines), compare_lines);
	for (size_t i = 1; i < s->nr; i++) {
		if (compare_lines(&s->lines[nr], &s->lines[i]) != 0) {
			s->lines[++nr] = s->lines[i];
			continue;
		}
		for (size_t side = 0; side < NR_SIDES; side++)
			s->lines[nr].samples[side] += s->lines[i].samples[side];
	}
	s->nr = nr + 1;
}

struct compared_stacks stacks_sum(struct stacks *s)
{
	sum_up(s);
	return (struct compared_stacks){
		.stacks = s->lines,
		.nr = s->nr,
		.nr_runs = {s->nr_runs[SIDE_BASE], s->nr_runs[SIDE_HEAD]},
	};
}

int stacks_write(struct stacks *s, FILE *out)
{
	sum_up(s);
	for (size_t i = 0; i < s->nr; i++) {
		const struct compared_stack *line = &s->lines[i];

		if (fprintf(out, "%.*s %" PRIu64 " %" PRIu64 "\n", (int)line->len, line->frames,
			    line->samples[SIDE_BASE], line->samples[SIDE_HEAD]) < 0)
			return -errno;
	}
	return fflush(out) == EOF ? -errno : 0;
}
