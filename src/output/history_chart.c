/* SPDX-License-Identifier: MIT */
/*
 * timing.png and timing.svg: four charts with one point for each release.
 *
 *	total          mean
 *	median         standard deviation
 *
 * A line joins releases that compare. It is broken, with a mark, where the CPU or the interpreter
 * is another one than in the release before.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "drawing.h"
#include "number.h"
#include "release_pages.h"

#define WIDTH	     1200.0
#define HEIGHT	     900.0
#define MARGIN	     20.0
#define LEFT	     80.0 /* of a panel: room for the numbers */
#define BOTTOM	     90.0 /* room for the releases */
#define TOP	     44.0
#define MOST_LINES   6 /* above the one of zero */
#define TEXT_SIZE    12.0
#define LABEL_SIZE   11.0
#define TITLE_SIZE   15.0
#define LABEL_ROOM   16.0 /* between two releases: else some go without */
#define NR_PANELS    4
#define MAX_LABEL    24
#define LABEL_BUFFER 64

static const struct colour black = {0.13, 0.13, 0.13}, grey = {0.45, 0.45, 0.45},
			   faint = {0.88, 0.88, 0.88}, blue = {0.12, 0.37, 0.66},
			   red = {0.76, 0.22, 0.17};

struct panel {
	const char *title;
	uint64_t (*figure)(const struct past_release *p);
	double x, y, width, height; /* of the part with the points */
	double most, step;	    /* value at the upper edge; between two lines */
};

static uint64_t total(const struct past_release *p)
{
	return p->total_ns;
}

static uint64_t mean(const struct past_release *p)
{
	return p->mean_ns;
}

static uint64_t median(const struct past_release *p)
{
	return p->median_ns;
}

static uint64_t deviation(const struct past_release *p)
{
	return p->deviation_ns;
}

/* ---- scales -------------------------------------------------------------------------------- */

/* The least of 1, 2, 2.5, 5, 10, 20, ... that is not below @value. */
static double round_step(double value)
{
	static const double steps[] = {1, 2, 2.5, 5, 10};
	double ten = pow(10, floor(log10(value)));

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (value <= steps[i] * ten * (1 + 1e-9))
			return steps[i] * ten;
	return 10 * ten;
}

static void choose_scale(struct panel *panel, const struct history *h)
{
	double most = 0;

	for (size_t i = 0; i < h->nr; i++) {
		uint64_t value = panel->figure(&h->releases[i]);

		if (value != PROFILE_UNKNOWN && (double)value > most)
			most = (double)value;
	}
	panel->step = round_step(most > 0 ? most / MOST_LINES : 1);
	panel->most = panel->step * fmax(1, ceil(most / panel->step * (1 - 1e-9)));
}

static double x_of(const struct panel *panel, const struct history *h, size_t i)
{
	return panel->x + panel->width * ((double)i + 0.5) / (double)h->nr;
}

static double y_of(const struct panel *panel, double value)
{
	return panel->y + panel->height * (1 - value / panel->most);
}

/* ---- parts of a panel ---------------------------------------------------------------------- */

static void draw_frame(struct drawing *d, const struct panel *panel)
{
	drawing_text(d, panel->x, panel->y - 18, TITLE_SIZE, 0, ANCHOR_START, &black, panel->title);
	for (int i = 0; i * panel->step < panel->most + panel->step / 2; i++) {
		double value = panel->step * i, y = y_of(panel, value);

		drawing_line(d, panel->x, y, panel->x + panel->width, y, 1, i ? &faint : &grey,
			     false);
		drawing_text(d, panel->x - 8, y + 4, TEXT_SIZE, 0, ANCHOR_END, &grey,
			     i ? number_duration((uint64_t)(value + 0.5)).text : "0");
	}
}

static void label_of(const struct history_folder *folder, char ret[LABEL_BUFFER])
{
	const char *text = folder->release.nr_parts ? folder->release.text : folder->name;
	bool is_cut = strlen(text) > MAX_LABEL;

	snprintf(ret, LABEL_BUFFER, "%.*s%s", is_cut ? MAX_LABEL - 1 : MAX_LABEL, text,
		 is_cut ? "\xE2\x80\xA6" : "");
}

/* Counted from the newest, which always has its label. */
static void draw_labels(struct drawing *d, const struct panel *panel, const struct history *h)
{
	size_t every = (size_t)ceil(LABEL_ROOM * (double)h->nr / panel->width);
	char label[LABEL_BUFFER];

	for (size_t i = 0; i < h->nr; i++) {
		if ((h->nr - 1 - i) % every)
			continue;
		label_of(&h->releases[i].folder, label);
		drawing_text(d, x_of(panel, h, i) + 4, panel->y + panel->height + 16, LABEL_SIZE,
			     -45, ANCHOR_END, &black, label);
	}
}

/* Between a release and the one before. */
static void draw_marks(struct drawing *d, const struct panel *panel, const struct history *h)
{
	for (size_t i = 1; i < h->nr; i++) {
		const struct past_release *p = &h->releases[i];
		double x = (x_of(panel, h, i - 1) + x_of(panel, h, i)) / 2;

		if (!p->cpu_changed && !p->interpreter_changed)
			continue;
		drawing_line(d, x, panel->y - 4, x, panel->y + panel->height, 1, &red, true);
		drawing_text(d, x, panel->y - 6, LABEL_SIZE, 0, ANCHOR_MIDDLE, &red,
			     !p->interpreter_changed ? "CPU"
			     : p->cpu_changed	     ? "CPU, Lua"
						     : "Lua");
	}
}

static void draw_points(struct drawing *d, const struct panel *panel, const struct history *h)
{
	for (size_t i = 0; i < h->nr; i++) {
		const struct past_release *p = &h->releases[i];
		uint64_t value = panel->figure(p), before;
		double x = x_of(panel, h, i);

		if (value == PROFILE_UNKNOWN)
			continue;
		before = i ? panel->figure(p - 1) : PROFILE_UNKNOWN;
		if (before != PROFILE_UNKNOWN && !p->cpu_changed && !p->interpreter_changed)
			drawing_line(d, x_of(panel, h, i - 1), y_of(panel, (double)before), x,
				     y_of(panel, (double)value), 2, &blue, false);
		drawing_dot(d, x, y_of(panel, (double)value), 3.5, &blue);
	}
}

static void draw_panel(struct drawing *d, struct panel *panel, const struct history *h)
{
	choose_scale(panel, h);
	draw_frame(d, panel);
	draw_labels(d, panel, h);
	draw_marks(d, panel, h);
	draw_points(d, panel, h);
}

const char *history_chart_unavailable(void)
{
	return drawing_unavailable();
}

int history_chart_write(const struct history *h, bool svg, FILE *out)
{
	struct panel panels[NR_PANELS] = {
		{.title = "Total", .figure = total},
		{.title = "Mean of a test", .figure = mean},
		{.title = "Median of a test", .figure = median},
		{.title = "Standard deviation of the tests", .figure = deviation},
	};
	struct drawing *d;
	int r = drawing_new(svg ? PICTURE_SVG : PICTURE_PNG, WIDTH, HEIGHT, out, &d);

	if (r < 0)
		return r;
	for (size_t i = 0; i < NR_PANELS; i++) {
		struct panel *panel = &panels[i];

		panel->x = MARGIN + LEFT + (double)(i % 2) * (WIDTH - MARGIN) / 2;
		panel->y = MARGIN + TOP + (double)(i / 2) * (HEIGHT - MARGIN) / 2;
		panel->width = (WIDTH - MARGIN) / 2 - LEFT - MARGIN;
		panel->height = (HEIGHT - MARGIN) / 2 - TOP - BOTTOM;
		if (h->nr > 0)
			draw_panel(d, panel, h);
	}
	return drawing_finish(d);
}
