/* SPDX-License-Identifier: MIT */
/*
 * The difference of two flame graphs as a picture: a box for each frame, its callees below.
 *
 *	+--------------------------------------+
 *	| spec/a_spec.lua                      |
 *	+--------------------+-----------------+
 *	| it parses          | it prints       |	width: samples of base and head together
 *	+--------------------+-----------------+
 *
 * So what is gone in head has a box like what is new there. Each side counts for one run: its
 * samples are divided by the number of its runs. Coloured is what differs by more than sampling
 * does by chance.
 *
 * SVG is written as the text that it is, not drawn by cairo: that has no tooltips, and most names
 * do not fit into their boxes.
 * Source: SVG 1.1, 5.4 (title), 10.4 (text); the colours' meaning is that of difffolded.pl.
 */
#include "stack_difference.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "compare_words.h"
#include "text.h"
#include "writer.h"
#include "xml.h"

#define WIDTH	     1400.0
#define MARGIN	     10.0
#define TOP	     76.0 /* room for the title and the legend */
#define ROW	     18.0
#define LEAST_WIDTH  0.4 /* pixels: narrower boxes are left out, with their callees */
#define COLUMN	     7.3 /* pixels of a character of TEXT_SIZE, in the widest usual font */
#define LEAST_TEXT   3	 /* columns */
#define MOST_DEPTH   400 /* a walk has 128 frames, and describes above them */
#define MOST_FRAME   1024
#define BY_CHANCE    3.0 /* standard deviations */
#define TITLE_STYLE  "font-family=\"sans-serif\" font-size=\"16\""
#define LEGEND_STYLE "font-family=\"sans-serif\" font-size=\"12\""

/* A stack, and how far the frames that are drawn already reach into it. */
struct picture {
	struct writer *w;			/* NULL: only measured */
	const struct compared_stack *stacks;	/* in the order of their frames */
	double total[NR_SIDES], runs[NR_SIDES]; /* samples of all runs, number of them */
	double pixels;				/* of one sample in one run */
	unsigned deepest;
	size_t nr_left_out;
};

/* The stacks [from, to) have the same @depth frames, which are @len bytes. */
struct box {
	size_t from, to, len;
	unsigned depth;
	double x, samples[NR_SIDES];
};

/* ---- order --------------------------------------------------------------------------------- */

/* ';' is least: then the stacks that share frames are neighbours, whatever follows a name. */
static int compare_frames(const void *left, const void *right)
{
	const struct compared_stack *a = left, *b = right;
	size_t len = a->len < b->len ? a->len : b->len, i = 0;

	while (i < len && a->frames[i] == b->frames[i])
		i++;
	if (i == len)
		return (a->len > b->len) - (a->len < b->len);
	if (a->frames[i] == ';' || b->frames[i] == ';')
		return a->frames[i] == ';' ? -1 : 1;
	return (unsigned char)a->frames[i] < (unsigned char)b->frames[i] ? -1 : 1;
}

/* The end of the frame that begins at @at. */
static size_t frame_end(const struct compared_stack *s, size_t at)
{
	const char *stop = memchr(s->frames + at, ';', s->len - at);

	return stop ? (size_t)(stop - s->frames) : s->len;
}

static bool has_prefix(const struct compared_stack *s, const char *frames, size_t len)
{
	return s->len >= len && memcmp(s->frames, frames, len) == 0 &&
	       (s->len == len || s->frames[len] == ';');
}

/* ---- figures ------------------------------------------------------------------------------- */

static void add_samples(const struct compared_stack *s, double samples[NR_SIDES])
{
	for (size_t side = 0; side < NR_SIDES; side++)
		samples[side] += (double)s->samples[side];
}

static double rate(const struct picture *p, const struct box *box, enum side side)
{
	return box->samples[side] / p->runs[side];
}

static double width(const struct picture *p, const struct box *box)
{
	return (rate(p, box, SIDE_BASE) + rate(p, box, SIDE_HEAD)) * p->pixels;
}

/* -1 to 1; 0 where it may be chance. Samples are counts: their variance is what they are. */
static double change(const struct picture *p, const struct box *box)
{
	double base = rate(p, box, SIDE_BASE), head = rate(p, box, SIDE_HEAD);
	double deviation = sqrt(base / p->runs[SIDE_BASE] + head / p->runs[SIDE_HEAD]);

	if (fabs(head - base) <= BY_CHANCE * deviation)
		return 0;
	return (head - base) / fmax(base, head);
}

/* ---- a box --------------------------------------------------------------------------------- */

/* The root of a share: a change of a tenth is to be seen. */
static void add_colour(struct writer *w, double change)
{
	unsigned fade = (unsigned)lround(215 - 135 * sqrt(fabs(change)));

	if (change > 0)
		writer_addf(w, "#ff%02x%02x", fade, fade);
	else if (change < 0)
		writer_addf(w, "#%02x%02xff", fade, fade + (255 - fade) / 3);
	else
		writer_addstr(w, "#e4e4e4");
}

static void add_side(const struct picture *p, const struct box *box, enum side side,
		     const char *name)
{
	writer_addf(p->w, "%s %.*f samples (%.1f %%)", name, p->runs[side] > 1 ? 1 : 0,
		    rate(p, box, side),
		    p->total[side] > 0 ? 100 * box->samples[side] / p->total[side] : 0);
}

static void add_tooltip(const struct picture *p, const struct box *box, const char *name)
{
	double base = rate(p, box, SIDE_BASE), head = rate(p, box, SIDE_HEAD);

	writer_addstr(p->w, "<title>");
	xml_add(p->w, name, MOST_FRAME);
	writer_addstr(p->w, "\n");
	add_side(p, box, SIDE_BASE, "base");
	writer_addstr(p->w, ", ");
	add_side(p, box, SIDE_HEAD, "head");
	if (base > 0 && head > 0)
		writer_addf(p->w, ": %s", compare_change(head / base).text);
	writer_addf(p->w, "%s</title>", change(p, box) == 0 ? ", may be chance" : "");
}

static void add_label(const struct picture *p, const struct box *box, double y, const char *name)
{
	double columns = floor((width(p, box) - 4) / COLUMN);
	struct buf cut;

	if (columns < LEAST_TEXT)
		return;
	buf_init(&cut, TEXT_MAX_BUFFER);
	writer_fail(p->w, text_add_columns(&cut, name, (unsigned)columns, TEXT_CUT_END));
	writer_addf(p->w, "<text x=\"%.1f\" y=\"%.1f\">", box->x + 3, y + ROW - 5);
	xml_add(p->w, cut.len ? cut.data : "", MOST_FRAME);
	writer_addstr(p->w, "</text>");
	buf_done(&cut);
}

static void draw(const struct picture *p, const struct box *box, const char *name)
{
	double y = TOP + ROW * box->depth;

	writer_addf(p->w, "<g><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\" fill=\"",
		    box->x, y, fmax(width(p, box) - 0.3, LEAST_WIDTH / 2), ROW - 1);
	add_colour(p->w, change(p, box));
	writer_addstr(p->w, "\"/>");
	add_tooltip(p, box, name);
	add_label(p, box, y, name);
	writer_addstr(p->w, "</g>\n");
}

/* The last frame that the stacks of the box share. */
static void draw_named(struct picture *p, const struct box *box, size_t parent_len)
{
	const struct compared_stack *s = &p->stacks[box->from];
	size_t start = box->depth > 1 ? parent_len + 1 : 0;
	char *name = strndup(s->frames + start, box->len - start);

	if (name)
		draw(p, box, name);
	else
		writer_fail(p->w, -ENOMEM);
	free(name);
}

/* ---- all boxes ----------------------------------------------------------------------------- */

/* The callees of @parent that begin at stack @from: those that share one frame more. */
static struct box next_callee(const struct picture *p, const struct box *parent, size_t from)
{
	const struct compared_stack *first = &p->stacks[from];
	struct box box = {.from = from, .to = from, .depth = parent->depth + 1};

	box.len = frame_end(first, parent->depth > 0 ? parent->len + 1 : 0);
	while (box.to < parent->to && has_prefix(&p->stacks[box.to], first->frames, box.len))
		add_samples(&p->stacks[box.to++], box.samples);
	return box;
}

static void draw_callees(struct picture *p, const struct box *parent)
{
	double x = parent->x;
	size_t from = parent->from;

	if (parent->depth > p->deepest)
		p->deepest = parent->depth;
	/* stacks that end here have no callee */
	while (parent->depth > 0 && from < parent->to && p->stacks[from].len == parent->len)
		from++;
	while (from < parent->to) {
		struct box box = next_callee(p, parent, from);

		from = box.to;
		box.x = x;
		x += width(p, &box);
		if (width(p, &box) < LEAST_WIDTH || box.depth > MOST_DEPTH) {
			p->nr_left_out++;
			continue;
		}
		if (p->w)
			draw_named(p, &box, parent->len);
		draw_callees(p, &box);
	}
}

/* ---- the page ------------------------------------------------------------------------------ */

static void add_legend(const struct picture *p, const char *const names[NR_SIDES])
{
	static const struct {
		double x, change;
		const char *text;
	} colours[] = {
		{0, 0.6, "more in head"},
		{120, -0.6, "less in head"},
		{240, 0, "the same, or different by chance"},
	};
	static const char *const sides[NR_SIDES] = {"base", "head"};

	writer_addf(p->w, "<text x=\"%.0f\" y=\"24\" " TITLE_STYLE ">", MARGIN);
	for (size_t side = 0; side < NR_SIDES; side++) {
		writer_addf(p->w, "%s%s: ", side ? ", " : "", sides[side]);
		xml_add(p->w, names[side], 100);
		writer_addf(p->w, " (%.0f samples", p->total[side]);
		writer_addf(p->w, p->runs[side] > 1 ? " of %.0f runs)" : ")", p->runs[side]);
	}
	writer_addstr(p->w, "</text>\n<g " LEGEND_STYLE ">\n");
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
		writer_addf(p->w, "<rect x=\"%.0f\" y=\"36\" width=\"14\" height=\"14\" fill=\"",
			    MARGIN + colours[i].x);
		add_colour(p->w, colours[i].change);
		writer_addf(p->w, "\"/><text x=\"%.0f\" y=\"48\">%s</text>\n",
			    MARGIN + colours[i].x + 20, colours[i].text);
	}
	writer_addf(p->w,
		    "<text x=\"%.0f\" y=\"66\">Width: samples of both sides, one run each. Point "
		    "at a box for its figures.",
		    MARGIN);
	if (p->nr_left_out > 0)
		writer_addf(p->w, " Too narrow to be shown, with all that they call: %zu boxes.",
			    p->nr_left_out);
	writer_addstr(p->w, "</text>\n</g>\n");
}

static void add_page(struct picture *p, const struct box *root, const char *const names[NR_SIDES])
{
	double height = TOP + ROW * (p->deepest + 1) + MARGIN;

	writer_addf(p->w,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		    "viewBox=\"0 0 %.0f %.0f\">\n"
		    "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		    WIDTH, height, WIDTH, height);
	add_legend(p, names);
	writer_addstr(p->w, "<g font-family=\"monospace\" font-size=\"12\">\n");
	if (p->nr_left_out > 0 || p->deepest > 0)
		draw(p, root, "all");
	else
		writer_addf(p->w, "<text x=\"%.0f\" y=\"%.0f\">There are no samples.</text>\n",
			    MARGIN, TOP + ROW);
	draw_callees(p, root);
	writer_addstr(p->w, "</g>\n</svg>\n");
}

static struct box measure(struct picture *p, const struct compared_stacks *stacks)
{
	struct box root = {.to = stacks->nr, .x = MARGIN};
	double samples;

	for (size_t i = 0; i < stacks->nr; i++)
		add_samples(&stacks->stacks[i], root.samples);
	for (size_t side = 0; side < NR_SIDES; side++) {
		p->runs[side] = stacks->nr_runs[side] ? (double)stacks->nr_runs[side] : 1;
		p->total[side] = root.samples[side];
	}
	samples = rate(p, &root, SIDE_BASE) + rate(p, &root, SIDE_HEAD);
	p->pixels = samples > 0 ? (WIDTH - 2 * MARGIN) / samples : 0;
	draw_callees(p, &root);
	return root;
}

int stack_difference_svg(const struct compared_stacks *stacks, const char *const names[NR_SIDES],
			 FILE *out)
{
	CLEANUP(cleanup_free)
	struct compared_stack *sorted = calloc(stacks->nr + 1, sizeof(*sorted));
	struct picture p = {.stacks = sorted};
	struct writer w;
	struct box root;

	if (!sorted)
		return -ENOMEM;
	if (stacks->nr > 0)
		memcpy(sorted, stacks->stacks, stacks->nr * sizeof(*sorted));
	qsort(sorted, stacks->nr, sizeof(*sorted), compare_frames);
	root = measure(&p, stacks);
	writer_init(&w, out);
	p.w = &w;
	add_page(&p, &root, names);
	return writer_finish(&w);
}
