/* SPDX-License-Identifier: MIT */
/*
 * tracing.folded: one line per distinct stack, root first, "frame;frame;frame count".
 *
 * Invariants: valid UTF-8, LF, integer counts, no empty frame, no frame that ends in a number;
 * equal lines are merged and lines are in the order of LC_ALL=C sort, so that two runs can be
 * diffed. The format has no escaping, so text.c rewrites names.
 *
 * A stack becomes a row of text ids. Ids are then numbered in the order of their texts, so that
 * sorting hundreds of thousands of stacks compares integers, and equal texts are equal numbers.
 */
#include <errno.h>
#include <string.h>

#include "base.h"
#include "id_map.h"
#include "rows.h"
#include "text.h"
#include "view.h"
#include "writer.h"

/* Stands for a stack of which nothing is left to show. */
#define EMPTY_STACK "[filtered]"

struct line {
	const uint32_t *frames; /* into folded.frames */
	size_t nr;
	uint64_t value; /* samples; of an event that is no clock, what they weigh */
};

struct folded {
	struct view view;
	struct id_map by_frame, by_prefix; /* view_key(), address of a prefix string -> text id */
	char **texts;
	size_t nr_texts, room_texts;
	uint32_t *frames; /* of all lines */
	size_t nr_frames;
	struct line *lines;
	size_t nr_lines;
	struct buf scratch;
};

static void folded_done(struct folded *f)
{
	view_done(&f->view);
	id_map_done(&f->by_frame);
	id_map_done(&f->by_prefix);
	for (size_t i = 0; i < f->nr_texts; i++)
		free(f->texts[i]);
	free(f->texts);
	free(f->frames);
	free(f->lines);
	buf_done(&f->scratch);
}

/* ---- texts --------------------------------------------------------------------------------- */

/* Keeps a copy of scratch. */
static int keep_text(struct folded *f, uint64_t *ret_id)
{
	if (f->nr_texts == f->room_texts) {
		size_t room = f->room_texts ? f->room_texts * 2 : 256;
		char **texts = reallocarray(f->texts, room, sizeof(*texts));

		if (!texts)
			return -ENOMEM;
		f->texts = texts;
		f->room_texts = room;
	}
	f->texts[f->nr_texts] = strdup(f->scratch.data);
	if (!f->texts[f->nr_texts])
		return -ENOMEM;
	*ret_id = f->nr_texts++;
	return 0;
}

static int append_id(struct folded *f, uint64_t id)
{
	if (id > UINT32_MAX)
		return -E2BIG;
	f->frames[f->nr_frames++] = (uint32_t)id;
	return 0;
}

static int append_frame(struct folded *f, const struct view_frame *frame)
{
	bool fresh;
	uint64_t *id = id_map_at(&f->by_frame, view_key(frame), &fresh);
	int r = 0;

	if (!id)
		return -ENOMEM;
	if (fresh) {
		buf_reset(&f->scratch);
		r = view_add_text(&f->view, frame, VIEW_FOLDED, &f->scratch);
		if (r == 0)
			r = keep_text(f, id);
	}
	return r < 0 ? r : append_id(f, *id);
}

static int append_prefix(struct folded *f, const char *name)
{
	bool fresh;
	uint64_t *id = id_map_at(&f->by_prefix, (uintptr_t)name, &fresh);
	int r = 0;

	if (!id)
		return -ENOMEM;
	if (fresh) {
		buf_reset(&f->scratch);
		r = text_add_folded_frame(&f->scratch, name);
		if (r == 0)
			r = keep_text(f, id);
	}
	return r < 0 ? r : append_id(f, *id);
}

/* ---- lines --------------------------------------------------------------------------------- */

static int add_stack(struct folded *f, const struct profile_stack *stack)
{
	struct line *line = &f->lines[f->nr_lines];
	struct view_stack shown;
	size_t start = f->nr_frames;
	int r = view_stack(&f->view, stack, &shown);

	for (size_t i = 0; i < stack->nr_prefix && r == 0; i++)
		r = append_prefix(f, stack->prefix[i]);
	for (size_t i = 0; i < shown.nr && r == 0; i++)
		r = append_frame(f, &shown.frames[i]);
	if (r == 0 && f->nr_frames == start)
		r = append_prefix(f, EMPTY_STACK);
	*line = (struct line){
		.frames = f->frames + start,
		.nr = f->nr_frames - start,
		.value = f->view.profile->weighted ? stack->weight : stack->samples,
	};
	f->nr_lines++;
	return r;
}

/* Room for every frame and prefix there is, and for one more per stack. */
static int make_lines(struct folded *f, const struct profile *p)
{
	size_t nr = p->nr_stacks;

	for (size_t i = 0; i < p->nr_stacks; i++)
		if (__builtin_add_overflow(nr, p->stacks[i].nr_prefix, &nr) ||
		    __builtin_add_overflow(nr, p->stacks[i].nr_frames, &nr))
			return -E2BIG;
	f->frames = reallocarray(NULL, nr + 1, sizeof(*f->frames));
	f->lines = reallocarray(NULL, p->nr_stacks + 1, sizeof(*f->lines));
	return f->frames && f->lines ? 0 : -ENOMEM;
}

static int collect_lines(struct folded *f, const struct profile *p)
{
	int r = make_lines(f, p);

	for (size_t i = 0; i < p->nr_stacks && r == 0; i++)
		if (p->stacks[i].samples > 0)
			r = add_stack(f, &p->stacks[i]);
	return r;
}

/* ---- order --------------------------------------------------------------------------------- */

/* As the lines would compare: after a text comes the ';' before the next frame. */
static int compare_texts(const void *left, const void *right)
{
	const unsigned char *a = *(const unsigned char *const *)left;
	const unsigned char *b = *(const unsigned char *const *)right;
	unsigned char end_of_a, end_of_b;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	end_of_a = *a ? *a : ';';
	end_of_b = *b ? *b : ';';
	return (end_of_a > end_of_b) - (end_of_a < end_of_b);
}

static int compare_text_ids(const void *left, const void *right, void *arg)
{
	char **texts = arg;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return compare_texts(&texts[a], &texts[b]);
}

/* Replaces the id of each frame by that of the first of its equals, numbered in order. */
static int renumber(struct folded *f)
{
	CLEANUP(cleanup_free) uint32_t *order = NULL, *rank = NULL;
	char **sorted;

	order = reallocarray(NULL, f->nr_texts + 1, sizeof(*order));
	rank = reallocarray(NULL, f->nr_texts + 1, sizeof(*rank));
	sorted = reallocarray(NULL, f->nr_texts + 1, sizeof(*sorted));
	if (!order || !rank || !sorted) {
		free(sorted);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < f->nr_texts; i++)
		order[i] = i;
	qsort_r(order, f->nr_texts, sizeof(*order), compare_text_ids, f->texts);
	for (uint32_t i = 0; i < f->nr_texts; i++) {
		bool equal = i > 0 && strcmp(f->texts[order[i]], sorted[i - 1]) == 0;

		sorted[i] = f->texts[order[i]];
		rank[order[i]] = equal ? rank[order[i - 1]] : i;
	}
	for (size_t i = 0; i < f->nr_frames; i++)
		f->frames[i] = rank[f->frames[i]];
	free(f->texts);
	f->texts = sorted;
	return 0;
}

static int compare_lines(const void *left, const void *right)
{
	const struct line *a = left, *b = right;
	size_t nr = a->nr < b->nr ? a->nr : b->nr;

	for (size_t i = 0; i < nr; i++)
		if (a->frames[i] != b->frames[i])
			return (a->frames[i] > b->frames[i]) - (a->frames[i] < b->frames[i]);
	return (a->nr > b->nr) - (a->nr < b->nr);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_line(struct writer *w, const struct folded *f, const struct line *line,
		       uint64_t value)
{
	for (size_t i = 0; i < line->nr; i++) {
		if (i > 0)
			writer_add(w, ";", 1);
		writer_addstr(w, f->texts[line->frames[i]]);
	}
	writer_addf(w, " %llu\n", (unsigned long long)value);
}

static void write_lines(struct writer *w, const struct folded *f)
{
	for (size_t i = 0; i < f->nr_lines;) {
		uint64_t value = 0;
		size_t next = i;

		while (next < f->nr_lines && compare_lines(&f->lines[i], &f->lines[next]) == 0)
			value += f->lines[next++].value;
		write_line(w, f, &f->lines[i], value);
		i = next;
	}
}

static int write_folded(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct folded f = {0};
	struct writer w;
	int r;

	buf_init(&f.scratch, TEXT_MAX_BUFFER);
	r = view_init(&f.view, p, o);
	if (r == 0)
		r = collect_lines(&f, p);
	if (r == 0)
		r = renumber(&f);
	if (r < 0) {
		folded_done(&f);
		return r;
	}
	qsort(f.lines, f.nr_lines, sizeof(*f.lines), compare_lines);
	writer_init(&w, out);
	write_lines(&w, &f);
	folded_done(&f);
	return writer_finish(&w);
}

const struct output_ops output_folded = {
	.name = "folded",
	.summary = "stacks with their samples, or what was counted, for flame graph tools",
	.kind = OUTPUT_FILE,
	.file_name = "tracing.folded",
	.write = write_folded,
};
