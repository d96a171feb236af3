/* SPDX-License-Identifier: MIT */
/*
 * Judges folded stacks of known programs.
 *
 * A stack and a pattern are both lists, root first. A mark in a stack ("[lua: no_leaf]") stands for
 * any number of frames: what is left must fit the pattern before and after it, so a marked stack
 * can be wrong as well.
 */
#include "truth.h"

#include "folded_stack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TOKENS 64
#define MAX_START  60 /* samples outside of Lua that need no reason */

struct token {
	bool is_c;
	struct part names, lines;
	unsigned min, max;
};

struct match {
	struct folded_stack stack;
	struct token tokens[MAX_TOKENS];
	size_t nr_tokens;
	bool lenient; /* "<anonymous>" and "lua5.4+0x1234" stand for any name */
};

/* ---- patterns ------------------------------------------------------------------------------ */

static void read_repetition(struct part *p, struct token *ret)
{
	const char *brace = memchr(p->text, '{', p->len);

	ret->min = ret->max = 1;
	if (part_ends(*p, "?")) {
		ret->min = 0;
		p->len--;
	} else if (brace) {
		if (sscanf(brace, "{%u,%u}", &ret->min, &ret->max) != 2)
			abort();
		p->len = (size_t)(brace - p->text);
	}
}

static void read_token(struct part p, struct token *ret)
{
	*ret = (struct token){.is_c = p.text[0] == '@'};
	read_repetition(&p, ret);
	if (ret->is_c) {
		ret->names = part_skip(p, 1);
		return;
	}
	ret->names = part_cut(&p, ':');
	ret->lines = p;
}

/* Patterns are part of the program: a bad one ends it. */
static void read_pattern(const char *pattern, struct match *m)
{
	struct part rest = {pattern, strlen(pattern)};

	m->nr_tokens = 0;
	while (rest.len > 0) {
		if (m->nr_tokens == MAX_TOKENS)
			abort();
		read_token(part_cut(&rest, ' '), &m->tokens[m->nr_tokens++]);
	}
}

/* ---- matching ------------------------------------------------------------------------------ */

static bool has_name(struct part names, struct part name)
{
	if (part_is(names, "*"))
		return true;
	while (names.len > 0) {
		struct part one = part_cut(&names, '|');

		if (one.len == name.len && memcmp(one.text, name.text, name.len) == 0)
			return true;
	}
	return false;
}

static bool has_line(struct part lines, long line)
{
	if (line < 0 || part_is(lines, "*"))
		return true;
	while (lines.len > 0) {
		struct part one = part_cut(&lines, ',');
		char *end;
		long first = strtol(one.text, &end, 10);
		long last = *end == '-' ? strtol(end + 1, NULL, 10) : first;

		if (line >= first && line <= last)
			return true;
	}
	return false;
}

static bool fits(const struct match *m, const struct token *t, const struct frame *f)
{
	bool nameless = m->lenient && part_is(f->name, "anon");

	if (t->is_c)
		return f->kind == FRAME_C &&
		       (part_is(f->name, FOLDED_UNKNOWN_C) || has_name(t->names, f->name) ||
			(m->lenient && folded_is_place(f->name)));
	return f->kind == FRAME_LUA && (nameless || has_name(t->names, f->name)) &&
	       has_line(t->lines, f->line);
}

/* @gap: right behind a mark, which may have swallowed repetitions of the first token. */
static bool match_from(const struct match *m, size_t token, size_t frame, bool gap);

static bool match_behind_mark(const struct match *m, size_t token, size_t frame)
{
	for (; token <= m->nr_tokens; token++)
		if (match_from(m, token, frame, true))
			return true;
	return false;
}

static bool match_from(const struct match *m, size_t token, size_t frame, bool gap)
{
	const struct token *t = &m->tokens[token];
	bool at_end;

	if (token == m->nr_tokens) {
		while (frame < m->stack.nr_frames && m->stack.frames[frame].kind == FRAME_MARK)
			frame++;
		return frame == m->stack.nr_frames;
	}
	for (unsigned n = 0; n <= t->max; n++, frame++) {
		at_end = frame == m->stack.nr_frames;
		if ((gap || n >= t->min) && match_from(m, token + 1, frame, false))
			return true;
		if (!at_end && m->stack.frames[frame].kind == FRAME_MARK)
			return match_behind_mark(m, token, frame + 1);
		if (at_end || !fits(m, t, &m->stack.frames[frame]))
			return false;
	}
	return false;
}

/* How many frames at the root are marks and the interpreter's own C function, where it is shown. */
static size_t nr_before_main(const struct folded_stack *s)
{
	size_t marks = s->nr_frames > 0 && s->frames[0].kind == FRAME_MARK;

	return s->nr_frames > marks + 1 && s->frames[marks].kind == FRAME_C ? marks + 1 : 0;
}

static bool matches(const char *pattern, struct match *m)
{
	size_t before = nr_before_main(&m->stack);

	read_pattern(pattern, m);
	return match_from(m, 0, 0, false) || (before == 1 && match_from(m, 0, before, false)) ||
	       (before == 2 && match_behind_mark(m, 0, before));
}

static bool any_matches(const char *const *patterns, struct match *m)
{
	for (; patterns && *patterns; patterns++)
		if (matches(*patterns, m))
			return true;
	return false;
}

/* ---- judging ------------------------------------------------------------------------------- */

/*
 * A function that ought to have a name and has none is no wrong one: @ret_reason says why a stack
 * is marked.
 */
static enum verdict judge_stack(const struct truth_program *p, struct match *m,
				struct part *ret_reason)
{
	bool fits_all, fits_without_names;

	*ret_reason = folded_reason(&m->stack);
	if (folded_is_before_main(&m->stack, *ret_reason))
		return VERDICT_OUTSIDE;
	m->lenient = false;
	fits_all = any_matches(p->stacks, m);
	m->lenient = true;
	fits_without_names = fits_all || any_matches(p->stacks, m);
	m->lenient = false;
	if (!fits_without_names && !folded_is_outside(&m->stack))
		return VERDICT_WRONG;
	if (!fits_all && fits_without_names && !ret_reason->text)
		*ret_reason = (struct part){"name not known", 14};
	if (ret_reason->text)
		return VERDICT_MARKED;
	return fits_all ? VERDICT_EXACT : VERDICT_OUTSIDE;
}

static bool read_line(const struct truth_program *p, const char *line, struct match *m)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.lua", p->name);
	return folded_read(line, file, &m->stack);
}

enum verdict truth_judge(const struct truth_program *p, const char *line, uint64_t *ret_samples)
{
	struct match m;
	struct part reason;

	*ret_samples = 0;
	if (!read_line(p, line, &m))
		return VERDICT_BAD;
	*ret_samples = m.stack.samples;
	return judge_stack(p, &m, &reason);
}

static void count_reason(struct truth_tally *t, struct part reason, uint64_t samples)
{
	char text[sizeof(t->reasons[0].text)];
	size_t i;

	snprintf(text, sizeof(text), "%.*s", (int)reason.len, reason.text);
	for (i = 0; i < t->nr_reasons && strcmp(t->reasons[i].text, text) != 0; i++)
		;
	if (i == TRUTH_MAX_REASONS)
		return;
	if (i == t->nr_reasons) {
		memcpy(t->reasons[i].text, text, sizeof(text));
		t->nr_reasons++;
	}
	t->reasons[i].samples += samples;
}

enum verdict truth_count(const struct truth_program *p, const char *line, struct truth_tally *tally)
{
	struct match m;
	struct part reason;
	enum verdict verdict = VERDICT_BAD;

	if (read_line(p, line, &m)) {
		verdict = judge_stack(p, &m, &reason);
		if (verdict == VERDICT_MARKED)
			count_reason(tally, reason, m.stack.samples);
		if ((verdict == VERDICT_EXACT || (verdict == VERDICT_MARKED && p->truncated)) &&
		    any_matches(p->hot, &m))
			tally->hot += m.stack.samples;
	}
	if (verdict == VERDICT_BAD)
		m.stack.samples = 1;
	tally->samples[verdict] += m.stack.samples;
	tally->all += m.stack.samples;
	return verdict;
}

/*
 * 99 % of the samples: a true rate of 1 % shows as more by chance. Four sigma of that are allowed,
 * 23 of 1000 samples; exceeded by chance in 3e-5 of the runs that are just good enough.
 */
static bool is_mostly(uint64_t good, uint64_t all, unsigned marked_percent)
{
	double missing = (double)(all - good);
	double expected = 0.01 * (marked_percent ? marked_percent : 1) * (double)all;

	return all > 0 && missing <= expected + 4 * sqrt(expected);
}

bool truth_is_emulated(void)
{
	return getenv("BPROF_EMULATED") != NULL;
}

const char *truth_complaint(const struct truth_program *p, const struct truth_tally *t)
{
	uint64_t inside = t->all - t->samples[VERDICT_OUTSIDE];
	uint64_t good = t->samples[p->truncated ? VERDICT_MARKED : VERDICT_EXACT];

	if (t->samples[VERDICT_BAD])
		return "lines that are not folded";
	if (t->samples[VERDICT_WRONG])
		return "wrong stacks";
	if (!is_mostly(good, inside, p->marked_percent))
		return p->truncated	   ? "less than 99 % say that they are cut"
		       : p->marked_percent ? "less exact than it is known to be"
					   : "less than 99 % exact";
	if (truth_is_emulated())
		return NULL;
	/* Starting an interpreter takes some milliseconds, however short it runs. */
	if (t->samples[VERDICT_OUTSIDE] * 50 > t->all + 50 * MAX_START)
		return "more than 2 % outside of Lua";
	if (p->hot && t->hot * 100 < inside * p->hot_percent)
		return "too few samples where the time is spent";
	return NULL;
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[NR_VERDICTS] = {"exact", "marked", "outside", "wrong",
						       "bad"};

	return names[v];
}

const struct truth_program *truth_find(const char *name)
{
	for (const struct truth_program *p = truth_programs; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

int truth_kind_of(const char *text)
{
	static const char *const names[] = {"puc", "luajit", "jit"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(text, names[i]) == 0)
			return (int)i;
	return -1;
}
