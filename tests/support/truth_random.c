/* SPDX-License-Identifier: MIT */
/*
 * Judges stacks of random programs call by call: each Lua frame must be one that the frame below
 * may call from the line it is at, through the C function between them.
 */
#include "truth_random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "folded_stack.h"

/* 1 - 1e-7 of the normal distribution. */
#define ALARM_SIGMAS 5.2

/* ---- the truth of a program ---------------------------------------------------------------- */

static int find_function(const struct truth_random *t, const char *id)
{
	for (size_t i = 0; i < t->nr_functions; i++)
		if (strcmp(t->functions[i].id, id) == 0)
			return (int)i;
	return TRUTH_NONE;
}

static bool read_function(struct truth_random *t, const char *fact)
{
	struct truth_function f = {0};

	if (sscanf(fact, "function %15s %ld %ld %lf", f.id, &f.first_line, &f.last_line, &f.work) !=
		    4 ||
	    t->nr_functions == TRUTH_MAX_FUNCTIONS)
		return false;
	t->functions[t->nr_functions++] = f;
	return true;
}

/* "call f3 17 @pcall f5", "call f3 17 f5", "call f3 17 @error", "tail h2 9 f5" */
static bool read_call(struct truth_random *t, const char *fact)
{
	struct truth_call c = {.callee = TRUTH_NONE};
	char kind[8], caller[16], first[48], second[48] = "";
	int nr = sscanf(fact, "%7s %15s %ld %47s %47s", kind, caller, &c.line, first, second);
	const char *callee = first[0] == '@' ? second : first;

	if (nr < 4 || t->nr_calls == TRUTH_MAX_CALLS)
		return false;
	c.is_tail = strcmp(kind, "tail") == 0;
	c.caller = find_function(t, caller);
	if (first[0] == '@')
		snprintf(c.via, sizeof(c.via), "%s", first + 1);
	if (*callee)
		c.callee = find_function(t, callee);
	t->calls[t->nr_calls++] = c;
	return c.caller != TRUTH_NONE && (!*callee || c.callee != TRUTH_NONE);
}

/* Calls name functions, so those are read first. */
static bool read_facts(struct truth_random *t, const char *source, bool functions)
{
	const char *at = source;
	bool fine = true;
	char fact[128];

	while (fine && (at = strstr(at, "--@ "))) {
		at += strlen("--@ ");
		snprintf(fact, sizeof(fact), "%.*s", (int)strcspn(at, "\n"), at);
		if ((strncmp(fact, "function ", 9) == 0) == functions)
			fine = functions ? read_function(t, fact) : read_call(t, fact);
	}
	return fine;
}

bool truth_random_read(struct truth_random *t, const char *source, const char *file)
{
	*t = (struct truth_random){0};
	snprintf(t->file, sizeof(t->file), "%s", file);
	return read_facts(t, source, true) && read_facts(t, source, false) && t->nr_functions > 1 &&
	       t->nr_calls > 0;
}

/* ---- stacks -------------------------------------------------------------------------------- */

static bool contains(const struct truth_function *f, long line)
{
	return line >= f->first_line && line <= f->last_line;
}

/*
 * Which function is at a line: the innermost around it. At the first and last line of a helper its
 * maker may be, too, as it makes the closure: @outer is then asked for.
 */
static int function_at(const struct truth_random *t, long line, bool outer)
{
	const struct truth_function *best = NULL;

	for (size_t i = 0; i < t->nr_functions; i++) {
		const struct truth_function *f = &t->functions[i];
		bool is_edge = line == f->first_line || line == f->last_line;

		if (!contains(f, line) || (outer && is_edge))
			continue;
		if (!best || f->first_line > best->first_line)
			best = f;
	}
	return best ? (int)(best - t->functions) : TRUTH_NONE;
}

static bool same_c(const char *via, const struct frame *c)
{
	if (!c || !*via)
		return !c && !*via;
	return strcmp(via, "*") == 0 || part_is(c->name, FOLDED_UNKNOWN_C) || part_is(c->name, via);
}

/* @to, or a function whose tail calls end in @to. */
static bool leads_to(const struct truth_random *t, int from, int to, int depth)
{
	if (from == to)
		return true;
	for (size_t i = 0; i < t->nr_calls && depth > 0; i++)
		if (t->calls[i].is_tail && t->calls[i].caller == from &&
		    leads_to(t, t->calls[i].callee, to, depth - 1))
			return true;
	return false;
}

/*
 * May @callee (or, TRUTH_NONE, the C function @via alone) run on top of @caller at @line? A tail
 * call itself shows only for the instant before 5.1 to 5.3 move the frames.
 */
static bool may_call(const struct truth_random *t, int caller, long line, const struct frame *via,
		     int callee)
{
	for (size_t i = 0; i < t->nr_calls; i++) {
		const struct truth_call *c = &t->calls[i];

		if (c->caller != caller || (line >= 0 && c->line != line) || !same_c(c->via, via))
			continue;
		if (callee == TRUTH_NONE ||
		    (c->callee != TRUTH_NONE && leads_to(t, c->callee, callee, 4)))
			return true;
	}
	return false;
}

/* What was read of a stack, from the root. */
struct progress {
	int function; /* TRUTH_NONE: none yet, or a mark hides it */
	long line;
	const struct frame *via; /* C function on top of it */
	bool is_root;		 /* nothing hidden below */
};

/* Puts a Lua frame on top; false if it cannot be there. */
static bool push_function(const struct truth_random *t, struct progress *p, int function, long line)
{
	bool fine = function != TRUTH_NONE;

	if (p->function != TRUTH_NONE)
		fine = fine && may_call(t, p->function, p->line, p->via, function);
	else if (p->is_root)
		fine = fine && strcmp(t->functions[function].id, "main") == 0;
	if (fine)
		*p = (struct progress){.function = function, .line = line};
	return fine;
}

static bool push_frame(const struct truth_random *t, struct progress *p, const struct frame *f)
{
	switch (f->kind) {
	case FRAME_MARK:
		*p = (struct progress){.function = TRUTH_NONE};
		return true;
	case FRAME_C:
		if (p->function == TRUTH_NONE) /* the interpreter's own, or behind a mark */
			return true;
		if (p->via || !may_call(t, p->function, p->line, f, TRUTH_NONE))
			return false;
		p->via = f;
		return true;
	case FRAME_LUA:
		if (f->line < 0) {
			*p = (struct progress){.function = TRUTH_NONE};
			return true;
		}
		return push_function(t, p, function_at(t, f->line, false), f->line) ||
		       push_function(t, p, function_at(t, f->line, true), f->line);
	default:
		return false;
	}
}

static bool is_possible(const struct truth_random *t, const struct folded_stack *s,
			struct progress *ret_leaf)
{
	*ret_leaf = (struct progress){.function = TRUTH_NONE, .is_root = true};
	for (size_t i = 0; i < s->nr_frames; i++)
		if (!push_frame(t, ret_leaf, &s->frames[i]))
			return false;
	return true;
}

enum verdict truth_random_count(struct truth_random *t, const char *line)
{
	struct folded_stack s;
	struct progress leaf;
	enum verdict verdict = VERDICT_WRONG;

	if (!folded_read(line, t->file, &s)) {
		s.samples = 1;
		verdict = VERDICT_BAD;
	} else if (folded_is_outside(&s)) {
		verdict = folded_reason(&s).text ? VERDICT_MARKED : VERDICT_OUTSIDE;
	} else if (is_possible(t, &s, &leaf)) {
		verdict = folded_reason(&s).text ? VERDICT_MARKED : VERDICT_EXACT;
	}
	t->samples[verdict] += s.samples;
	t->all += s.samples;
	if (verdict == VERDICT_EXACT && leaf.via)
		t->in_c += s.samples;
	else if (verdict == VERDICT_EXACT)
		t->functions[leaf.function].samples += s.samples;
	return verdict;
}

/* ---- shares -------------------------------------------------------------------------------- */

/* Wilson and Hilferty's approximation of the chi-square distribution. */
static double chi_square_limit(double freedom, double sigmas)
{
	double part = 2 / (9 * freedom);

	return freedom * pow(1 - part + sigmas * sqrt(part), 3);
}

double truth_random_distance(const struct truth_random *t, double systematic, double *ret_limit)
{
	double samples = 0, work = 0, distance = 0;
	int freedom = -1;

	for (size_t i = 0; i < t->nr_functions; i++) {
		if (t->functions[i].work == 0)
			continue;
		samples += (double)t->functions[i].samples;
		work += t->functions[i].work;
	}
	for (size_t i = 0; i < t->nr_functions && work > 0 && samples > 0; i++) {
		double expected = samples * t->functions[i].work / work;
		double off = (double)t->functions[i].samples - expected;

		if (t->functions[i].work == 0)
			continue;
		distance += off * off / (expected + pow(systematic * expected, 2));
		freedom++;
	}
	*ret_limit = freedom > 0 ? chi_square_limit(freedom, ALARM_SIGMAS) : 0;
	return distance;
}
