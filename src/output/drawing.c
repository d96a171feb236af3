/* SPDX-License-Identifier: MIT */
#include "drawing.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <dlfcn.h>
#include <errno.h>
#include <math.h>

#define LIBRARY "libcairo.so.2"

/* Every function of cairo that is used, once. */
#define CAIRO_LIST(X)                                                                              \
	X(cairo_create)                                                                            \
	X(cairo_destroy)                                                                           \
	X(cairo_status)                                                                            \
	X(cairo_save)                                                                              \
	X(cairo_restore)                                                                           \
	X(cairo_set_source_rgb)                                                                    \
	X(cairo_paint)                                                                             \
	X(cairo_move_to)                                                                           \
	X(cairo_line_to)                                                                           \
	X(cairo_stroke)                                                                            \
	X(cairo_fill)                                                                              \
	X(cairo_arc)                                                                               \
	X(cairo_new_path)                                                                          \
	X(cairo_set_line_width)                                                                    \
	X(cairo_set_dash)                                                                          \
	X(cairo_translate)                                                                         \
	X(cairo_rotate)                                                                            \
	X(cairo_select_font_face)                                                                  \
	X(cairo_set_font_size)                                                                     \
	X(cairo_text_extents)                                                                      \
	X(cairo_show_text)                                                                         \
	X(cairo_image_surface_create)                                                              \
	X(cairo_svg_surface_create_for_stream)                                                     \
	X(cairo_surface_write_to_png_stream)                                                       \
	X(cairo_surface_finish)                                                                    \
	X(cairo_surface_status)                                                                    \
	X(cairo_surface_destroy)

static struct {
#define X(name) __typeof__(name) *name;
	CAIRO_LIST(X)
#undef X
	void *library;
	bool complete;
} cairo;

struct drawing {
	enum picture kind;
	FILE *out;
	cairo_surface_t *surface;
	cairo_t *context;
};

const char *drawing_unavailable(void)
{
	if (!cairo.library) {
		cairo.library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
		cairo.complete = cairo.library != NULL;
/* dlsym() returns a pointer to an object: POSIX has it converted like this */
#define X(name)                                                                                    \
	if (cairo.complete) {                                                                      \
		*(void **)&cairo.name = dlsym(cairo.library, #name);                               \
		cairo.complete = cairo.name != NULL;                                               \
	}
		CAIRO_LIST(X)
#undef X
	}
	if (!cairo.library)
		return LIBRARY " is not installed (Debian: libcairo2)";
	return cairo.complete ? NULL : LIBRARY " lacks a function, it may be too old";
}

static cairo_status_t write_bytes(void *closure, const unsigned char *bytes, unsigned length)
{
	struct drawing *d = closure;

	return fwrite(bytes, 1, length, d->out) == length ? CAIRO_STATUS_SUCCESS
							  : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_surface_t *new_surface(struct drawing *d, double width, double height)
{
	if (d->kind == PICTURE_SVG)
		return cairo.cairo_svg_surface_create_for_stream(write_bytes, d, width, height);
	return cairo.cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
}

int drawing_new(enum picture kind, double width, double height, FILE *out, struct drawing **ret)
{
	struct drawing *d;

	if (drawing_unavailable())
		return -ENOSYS;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->kind = kind;
	d->out = out;
	d->surface = new_surface(d, width, height);
	d->context = cairo.cairo_create(d->surface);
	cairo.cairo_set_source_rgb(d->context, 1, 1, 1);
	cairo.cairo_paint(d->context);
	cairo.cairo_select_font_face(d->context, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
				     CAIRO_FONT_WEIGHT_NORMAL);
	*ret = d;
	return 0;
}

static void set_colour(struct drawing *d, const struct colour *c)
{
	cairo.cairo_set_source_rgb(d->context, c->red, c->green, c->blue);
}

void drawing_line(struct drawing *d, double x1, double y1, double x2, double y2, double width,
		  const struct colour *colour, bool dashed)
{
	static const double dashes[] = {4, 3};

	set_colour(d, colour);
	cairo.cairo_set_line_width(d->context, width);
	cairo.cairo_set_dash(d->context, dashes, dashed ? ARRAY_SIZE(dashes) : 0, 0);
	cairo.cairo_move_to(d->context, x1, y1);
	cairo.cairo_line_to(d->context, x2, y2);
	cairo.cairo_stroke(d->context);
}

void drawing_dot(struct drawing *d, double x, double y, double radius, const struct colour *colour)
{
	set_colour(d, colour);
	cairo.cairo_new_path(d->context);
	cairo.cairo_arc(d->context, x, y, radius, 0, 2 * M_PI);
	cairo.cairo_fill(d->context);
}

void drawing_text(struct drawing *d, double x, double y, double size, double degrees,
		  enum anchor anchor, const struct colour *colour, const char *text)
{
	cairo_text_extents_t extents;
	double shift;

	cairo.cairo_save(d->context);
	set_colour(d, colour);
	cairo.cairo_set_font_size(d->context, size);
	cairo.cairo_text_extents(d->context, text, &extents);
	shift = anchor == ANCHOR_START	  ? 0
		: anchor == ANCHOR_MIDDLE ? extents.x_advance / 2
					  : extents.x_advance;
	cairo.cairo_translate(d->context, x, y);
	cairo.cairo_rotate(d->context, degrees * M_PI / 180);
	cairo.cairo_move_to(d->context, -shift, 0);
	cairo.cairo_show_text(d->context, text);
	cairo.cairo_restore(d->context);
}

static int error_of(cairo_status_t status)
{
	switch (status) {
	case CAIRO_STATUS_SUCCESS:
		return 0;
	case CAIRO_STATUS_NO_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

int drawing_finish(struct drawing *d)
{
	int r = error_of(cairo.cairo_status(d->context));

	cairo.cairo_destroy(d->context);
	if (r == 0 && d->kind == PICTURE_PNG)
		r = error_of(cairo.cairo_surface_write_to_png_stream(d->surface, write_bytes, d));
	cairo.cairo_surface_finish(d->surface);
	if (r == 0)
		r = error_of(cairo.cairo_surface_status(d->surface));
	cairo.cairo_surface_destroy(d->surface);
	free(d);
	return r;
}
