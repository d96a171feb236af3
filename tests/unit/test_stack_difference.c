/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <string.h>

#include "stack_difference.h"
#include "stacks.h"

#define GREY "#e4e4e4"

static struct stacks *stacks;

static void begin(void)
{
	cr_assert(stacks_new(&stacks) == 0);
}

static void end(void)
{
	stacks_free(stacks);
}

TestSuite(stack_difference, .init = begin, .fini = end);

static void add(enum side side, const char *text)
{
	struct buf why;

	buf_init(&why, 4096);
	cr_assert(stacks_add(stacks, side, text, strlen(text), &why) == 0, "%s", why.data);
	buf_done(&why);
}

static char *picture(void)
{
	static const char *const names[NR_SIDES] = {"a & b", "<head>"};
	const struct compared_stacks sum = stacks_sum(stacks);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	cr_assert(stack_difference_svg(&sum, names, out) == 0);
	fclose(out);
	cr_assert(strlen(text) == len);
	return text;
}

struct drawn {
	double x, y, width;
	char fill[16];
};

/* The box whose tooltip begins with @name; *ret_nr how many there are. */
static struct drawn box_of(const char *svg, const char *name, unsigned *ret_nr)
{
	struct drawn box = {0};
	char title[256];

	snprintf(title, sizeof(title), "<title>%s\n", name);
	*ret_nr = 0;
	for (const char *at = strstr(svg, title); at; at = strstr(at + 1, title)) {
		const char *rect = at;

		while (strncmp(rect, "<rect", 5) != 0)
			rect--;
		cr_expect(sscanf(rect,
				 "<rect x=\"%lf\" y=\"%lf\" width=\"%lf\" height=\"%*f\" "
				 "fill=\"%7s\"",
				 &box.x, &box.y, &box.width, box.fill) == 4);
		++*ret_nr;
	}
	return box;
}

static struct drawn the_box(const char *svg, const char *name)
{
	unsigned nr;
	struct drawn box = box_of(svg, name, &nr);

	cr_expect(nr == 1, "%s: %u boxes", name, nr);
	return box;
}

static bool is_red(const struct drawn *box)
{
	return strncmp(box->fill, "#ff", 3) == 0;
}

static bool is_blue(const struct drawn *box)
{
	return strcmp(box->fill + 5, "ff") == 0;
}

Test(stack_difference, colours_tell_where_head_differs)
{
	struct drawn more, less, same, gone, new;
	char *svg;

	add(SIDE_BASE, "root;more 1000\nroot;less 2000\nroot;same 1000\nroot;gone 100\n");
	add(SIDE_HEAD, "root;more 2000\nroot;less 1000\nroot;same 1010\nroot;new 100\n");
	svg = picture();
	more = the_box(svg, "more");
	less = the_box(svg, "less");
	same = the_box(svg, "same");
	gone = the_box(svg, "gone");
	new = the_box(svg, "new");
	cr_expect(is_red(&more) && is_red(&new), "%s %s", more.fill, new.fill);
	cr_expect(is_blue(&less) && is_blue(&gone), "%s %s", less.fill, gone.fill);
	cr_expect_str_eq(same.fill, GREY);
	cr_expect(strcmp(new.fill, more.fill) < 0, "what is new is redder than what doubled");
	cr_expect(strstr(svg, "base 1000 samples (24.4 %), head 2000 samples (48.7 %): +100.0 %"));
	free(svg);
}

Test(stack_difference, widths_add_up_and_callees_are_below)
{
	struct drawn all, a, b, c;
	char *svg;

	add(SIDE_BASE, "a;b 100\na 50\n");
	add(SIDE_HEAD, "a;c 50\n");
	svg = picture();
	all = the_box(svg, "all");
	a = the_box(svg, "a");
	b = the_box(svg, "b");
	c = the_box(svg, "c");
	cr_expect(all.width > 1300 && all.width - a.width < 0.2, "%f %f", all.width, a.width);
	cr_expect(all.y < a.y && a.y < b.y && b.y == c.y);
	cr_expect(b.x == a.x && c.x > b.x + b.width);
	cr_expect(b.width / a.width > 0.49 && b.width / a.width < 0.51);
	cr_expect(c.width / a.width > 0.24 && c.width / a.width < 0.26);
	free(svg);
}

Test(stack_difference, equal_frames_are_one_box_whatever_follows_their_names)
{
	unsigned nr;
	char *svg;

	add(SIDE_BASE, "a 10\na b;c 10\na;x 10\na!;y 10\na;x;z 10\n");
	add(SIDE_HEAD, "a 10\n");
	svg = picture();
	the_box(svg, "a");
	the_box(svg, "x");
	box_of(svg, "z", &nr);
	cr_expect(nr == 1);
	free(svg);
}

Test(stack_difference, each_side_counts_for_one_run)
{
	struct drawn box;
	char *svg;

	for (int i = 0; i < 4; i++)
		add(SIDE_BASE, "a 1000\n");
	add(SIDE_HEAD, "a 1000\n");
	svg = picture();
	box = the_box(svg, "a");
	cr_expect_str_eq(box.fill, GREY);
	cr_expect(strstr(svg, "base 1000.0 samples (100.0 %), head 1000 samples"), "%s", svg);
	cr_expect(strstr(svg, "(4000 samples of 4 runs)"));
	free(svg);
}

Test(stack_difference, a_few_samples_more_are_chance)
{
	struct drawn box;
	char *svg;

	add(SIDE_BASE, "a 5\nb 1000\n");
	add(SIDE_HEAD, "a 9\nb 1000\n");
	svg = picture();
	box = the_box(svg, "a");
	cr_expect_str_eq(box.fill, GREY);
	cr_expect(strstr(svg, "head 9 samples (0.9 %): +80.0 %, may be chance"));
	free(svg);
}

Test(stack_difference, names_are_no_markup)
{
	char *svg;

	add(SIDE_BASE, "<script>alert(1)</script>;\"'&]]>\xff\xef\xbf\xbf 10\n");
	add(SIDE_HEAD, "\xe2\x80\xae"
		       "mirrored 10\n");
	svg = picture();
	cr_expect(!strstr(svg, "<script") && !strstr(svg, "]]>") && !strstr(svg, "\xff"));
	cr_expect(!strstr(svg, "\xef\xbf\xbf") && !strstr(svg, "\xe2\x80\xae"));
	cr_expect(strstr(svg, "base: a &#38; b (10 samples), head: &#60;head&#62; (10 samples)"));
	cr_expect(strstr(svg, "<title>\\u{202e}mirrored\n"));
	free(svg);
}

Test(stack_difference, what_is_too_narrow_is_counted)
{
	char *svg;

	add(SIDE_BASE, "a 1000000\nb;c;d 1\n");
	add(SIDE_HEAD, "a 1000000\n");
	svg = picture();
	cr_expect(strstr(svg, "all that they call: 1 boxes"), "%s", svg);
	cr_expect(!strstr(svg, "<title>d\n"));
	free(svg);
}

Test(stack_difference, any_depth_is_drawn_to_a_limit)
{
	char *text = malloc(20000), *svg;
	size_t len = 0;

	for (int i = 0; i < 4000; i++)
		len += (size_t)sprintf(text + len, "%sa;a", i ? ";" : "");
	strcpy(text + len, " 10\n");
	add(SIDE_HEAD, text);
	svg = picture();
	cr_expect(strstr(svg, "all that they call: 1 boxes"));
	free(svg);
	free(text);
}

Test(stack_difference, empty_frames_are_frames)
{
	char *svg;

	add(SIDE_HEAD, ";;a 10\na;;b 10\na; 10\n; 10\n");
	svg = picture();
	the_box(svg, "b");
	cr_expect(strstr(svg, "</svg>\n"));
	free(svg);
}

Test(stack_difference, nothing_is_said_to_be_nothing)
{
	char *svg;

	add(SIDE_BASE, "");
	add(SIDE_HEAD, "");
	svg = picture();
	cr_expect(strstr(svg, "There are no samples."));
	cr_expect(!strstr(svg, "nan") && !strstr(svg, "inf"));
	free(svg);
}
