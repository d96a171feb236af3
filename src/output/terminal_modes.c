/* SPDX-License-Identifier: MIT */
/*
 * The part of the terminal report on what the VM did: the modes as a picture, the functions that
 * did not compile, and whether the JIT compiler pays.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "jit_advice.h"
#include "mode_groups.h"
#include "number.h"
#include "report.h"

#define PICTURE_COLUMNS 60
#define INDENT		2

static uint64_t samples_of_run(const struct profile *p)
{
	return p->accounts.taken - p->accounts.lost;
}

/* ---- the picture --------------------------------------------------------------------------- */

static enum style style_of_letter(char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(mode_groups); i++)
		if (mode_groups[i].letter == letter)
			return mode_groups[i].style;
	return STYLE_NONE;
}

/* Runs of one letter in their colour. */
static void print_picture(struct report *r, const char *picture)
{
	while (*picture) {
		enum style style = style_of_letter(*picture);
		size_t len = 1;

		while (picture[len] == *picture)
			len++;
		style_begin(r->writer, r->colour, style);
		writer_add(r->writer, picture, len);
		style_end(r->writer, r->colour, style);
		picture += len;
	}
}

/* "J JIT compiler 30.9 %", behind what is in the line already or in a new one. */
static void print_key(struct report *r, const struct mode_group_look *look, uint64_t samples,
		      unsigned *used)
{
	char text[64];
	unsigned columns;

	snprintf(text, sizeof(text), "%s %s", look->name,
		 number_share(samples, samples_of_run(r->profile)).text);
	columns = (unsigned)strlen(text) + 2; /* the letter and a space */
	if (*used > 0 && *used + 2 + columns > r->width) {
		writer_add(r->writer, "\n", 1);
		*used = 0;
	}
	writer_addf(r->writer, "%*s", INDENT, "");
	style_begin(r->writer, r->colour, look->style);
	writer_add(r->writer, &look->letter, 1);
	style_end(r->writer, r->colour, look->style);
	writer_addf(r->writer, " %s", text);
	*used += columns + INDENT;
}

static void print_keys(struct report *r)
{
	const struct profile *p = r->profile;
	unsigned used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(mode_groups); i++) {
		uint64_t samples = modes_sum(p, p->by_mode, mode_groups[i].modes);

		if (samples > 0 && samples != PROFILE_UNKNOWN)
			print_key(r, &mode_groups[i], samples, &used);
	}
	writer_add(r->writer, "\n", 1);
}

void report_modes(struct report *r)
{
	unsigned columns =
		r->width - INDENT < PICTURE_COLUMNS ? r->width - INDENT : PICTURE_COLUMNS;
	struct buf picture;

	buf_init(&picture, PICTURE_COLUMNS + 1);
	writer_fail(r->writer,
		    modes_add_picture(&picture, r->profile, r->profile->by_mode, columns));
	if (picture.len > 0) {
		report_title(r, "modes (what was running when a sample was taken)");
		writer_addf(r->writer, "%*s", INDENT, "");
		print_picture(r, picture.data);
		writer_add(r->writer, "\n", 1);
		print_keys(r);
	}
	buf_done(&picture);
}

/* ---- functions that did not compile -------------------------------------------------------- */

static const struct column uncompiled_columns[] = {
	{.title = "interpreted", .right = true},   {.title = "on trace", .right = true},
	{.title = "compiling", .right = true},	   {.title = "function", .cut = TEXT_CUT_MIDDLE},
	{.title = "where", .cut = TEXT_CUT_START},
};

struct uncompiled {
	uint32_t function;
	uint64_t interpreted, on_trace, compiling;
};

/* Interpreted more than it ran on traces; one sample can be the run up to its first trace. */
static bool is_uncompiled(const struct uncompiled *u)
{
	return u->interpreted > 1 && u->interpreted > u->on_trace;
}

static int compare_uncompiled(const void *left, const void *right)
{
	const struct uncompiled *a = left, *b = right;

	if (a->interpreted != b->interpreted)
		return a->interpreted < b->interpreted ? 1 : -1;
	if (a->compiling != b->compiling)
		return a->compiling < b->compiling ? 1 : -1;
	return (a->function > b->function) - (a->function < b->function);
}

static size_t list_uncompiled(const struct view *v, struct uncompiled *ret)
{
	const struct profile *p = v->profile;
	size_t nr = 0;

	for (uint32_t i = 0; i < p->nr_functions; i++) {
		const struct function *f = &p->functions[i];
		struct uncompiled u = {
			.function = i,
			.interpreted = modes_sum(p, f->by_mode, 1U << MODE_INTERPRETER),
			.on_trace = modes_sum(p, f->by_mode, MODES_ON_TRACE),
			.compiling = modes_sum(p, f->by_mode, MODES_COMPILING),
		};

		if ((f->kind == FUNCTION_LUA || f->kind == FUNCTION_MAIN_CHUNK) &&
		    view_shows(v, i) && is_uncompiled(&u))
			ret[nr++] = u;
	}
	qsort(ret, nr, sizeof(*ret), compare_uncompiled);
	return nr;
}

static void print_uncompiled(struct report *r, const struct view *v, const struct uncompiled *all,
			     size_t nr)
{
	size_t shown = nr < r->opts->top ? nr : r->opts->top;
	uint64_t samples = samples_of_run(r->profile);
	struct table t;

	if (shown == 0)
		return;
	table_init(&t, uncompiled_columns, ARRAY_SIZE(uncompiled_columns));
	for (size_t i = 0; i < shown; i++) {
		table_add(&t, number_share(all[i].interpreted, samples).text);
		table_add(&t, number_share(all[i].on_trace, samples).text);
		table_add(&t, number_share(all[i].compiling, samples).text);
		report_function(&t, v, all[i].function);
	}
	report_title(r, "functions that did not compile (%zu of %zu, by samples interpreted)",
		     shown, nr);
	report_table(r, &t);
}

void report_uncompiled(struct report *r)
{
	const struct profile *p = r->profile;
	struct jit_advice jit = jit_advise(p);
	struct uncompiled *all;
	struct view v;
	int error;

	if (jit.compiling + jit.on_trace == 0) /* nothing was to be compiled */
		return;
	all = reallocarray(NULL, p->nr_functions + 1, sizeof(*all));
	error = view_init(&v, p, r->opts);
	if (!all)
		error = -ENOMEM;
	if (error == 0)
		print_uncompiled(r, &v, all, list_uncompiled(&v, all));
	writer_fail(r->writer, error);
	view_done(&v);
	free(all);
}

/* ---- does it pay? -------------------------------------------------------------------------- */

void report_jit_advice(struct report *r)
{
	struct jit_advice jit = jit_advise(r->profile);
	char text[512];

	if (!jit.switch_off)
		return;
	snprintf(text, sizeof(text),
		 "compiling took %s of this run, what was compiled ran for %s: without the JIT it "
		 "may need up to %llu %% less CPU time. Try it: LUA_INIT='if jit then jit.off() "
		 "end' before the command, jit.off() in busted's --helper, or luajit -joff "
		 "/usr/bin/busted (docs/JIT.md)",
		 number_share(jit.compiling, jit.samples).text,
		 number_share(jit.on_trace, jit.samples).text,
		 (unsigned long long)(jit.compiling * 100 / jit.samples));
	report_note(r, "jit", STYLE_WARN, text);
}
