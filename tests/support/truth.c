/* SPDX-License-Identifier: MIT */
/*
 * Judges folded stacks of known programs.
 *
 * A stack and a pattern are both lists, root first. A mark in a stack ("[lua: no_leaf]") stands for
 * any number of frames: what is left must fit the pattern before and after it, so a marked stack
 * can be wrong as well.
 */
#include "truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FRAMES 512
#define MAX_TOKENS 64
#define UNKNOWN_C  "<unknown C function>"

enum frame_kind { FRAME_LUA, FRAME_C, FRAME_MARK, FRAME_OTHER };

/* Some bytes of a line or of a pattern. */
struct part {
	const char *text;
	size_t len;
};

struct frame {
	enum frame_kind kind;
	struct part name; /* without "[C]", "_[j]" and "_G."; a mark: its reason */
	long line;	  /* -1 = not known */
};

struct token {
	bool is_c;
	struct part names, lines;
	unsigned min, max;
};

struct match {
	struct frame frames[MAX_FRAMES];
	size_t nr_frames;
	struct token tokens[MAX_TOKENS];
	size_t nr_tokens;
};

static bool part_is(struct part p, const char *text)
{
	return p.len == strlen(text) && memcmp(p.text, text, p.len) == 0;
}

static bool part_ends(struct part p, const char *end)
{
	size_t n = strlen(end);

	return p.len >= n && memcmp(p.text + p.len - n, end, n) == 0;
}

static bool part_starts(struct part p, const char *start)
{
	size_t n = strlen(start);

	return p.len >= n && memcmp(p.text, start, n) == 0;
}

static struct part part_skip(struct part p, size_t n)
{
	return (struct part){p.text + n, p.len - n};
}

/* Cuts @p at the first @end, which is dropped; all of it if there is none. */
static struct part part_cut(struct part *p, char end)
{
	const char *at = memchr(p->text, end, p->len);
	struct part head = {p->text, at ? (size_t)(at - p->text) : p->len};

	*p = part_skip(*p, at ? head.len + 1 : head.len);
	return head;
}

/* ---- stacks -------------------------------------------------------------------------------- */

/* States of the VM, said at the leaf: they do not change the stack. */
static bool is_state(struct part p)
{
	return part_is(p, "[gc]") || part_is(p, "[jit compiler]") || part_is(p, "[trace exit]");
}

/* "name (file:12)": a function of the program's @file. */
static bool read_lua_frame(struct part p, const char *file, struct frame *ret)
{
	const char *open = memmem(p.text, p.len, " (", 2);
	struct part place, line;

	if (!open || !part_ends(p, ")"))
		return false;
	ret->name = (struct part){p.text, (size_t)(open - p.text)};
	place = part_skip(p, ret->name.len + 2);
	place.len--;
	if (!part_starts(place, file) || place.text[strlen(file)] != ':')
		return false;
	line = part_skip(place, strlen(file) + 1);
	ret->kind = FRAME_LUA;
	ret->line = part_is(line, "?") ? -1 : strtol(line.text, NULL, 10);
	if (part_is(ret->name, "main chunk"))
		ret->name = (struct part){"main", 4};
	else if (part_is(ret->name, "<anonymous>"))
		ret->name = (struct part){"anon", 4};
	return true;
}

static void read_frame(struct part p, const char *file, struct frame *ret)
{
	*ret = (struct frame){.kind = FRAME_OTHER, .name = p};
	if (part_ends(p, "_[j]"))
		p.len -= strlen("_[j]");
	if (part_starts(p, "[lua: ") && part_ends(p, "]")) {
		ret->kind = FRAME_MARK;
		ret->name = part_skip(p, strlen("[lua: "));
		ret->name.len--;
	} else if (part_ends(p, " [C]")) {
		ret->kind = FRAME_C;
		ret->name = (struct part){p.text, p.len - strlen(" [C]")};
		if (part_starts(ret->name, "_G."))
			ret->name = part_skip(ret->name, strlen("_G."));
	} else {
		read_lua_frame(p, file, ret);
	}
}

/* False if there are more frames than any of our stacks has. */
static bool read_stack(struct part stack, const char *file, struct match *m)
{
	m->nr_frames = 0;
	while (stack.len > 0) {
		struct part p = part_cut(&stack, ';');

		if (is_state(p))
			continue;
		if (m->nr_frames == MAX_FRAMES)
			return false;
		read_frame(p, file, &m->frames[m->nr_frames++]);
	}
	return true;
}

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

static bool fits(const struct token *t, const struct frame *f)
{
	if (t->is_c)
		return f->kind == FRAME_C &&
		       (part_is(f->name, UNKNOWN_C) || has_name(t->names, f->name));
	return f->kind == FRAME_LUA && has_name(t->names, f->name) && has_line(t->lines, f->line);
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
		while (frame < m->nr_frames && m->frames[frame].kind == FRAME_MARK)
			frame++;
		return frame == m->nr_frames;
	}
	for (unsigned n = 0; n <= t->max; n++, frame++) {
		at_end = frame == m->nr_frames;
		if ((gap || n >= t->min) && match_from(m, token + 1, frame, false))
			return true;
		if (!at_end && m->frames[frame].kind == FRAME_MARK)
			return match_behind_mark(m, token, frame + 1);
		if (at_end || !fits(t, &m->frames[frame]))
			return false;
	}
	return false;
}

static bool matches(const char *pattern, struct match *m)
{
	/* The interpreter's own C function below the main chunk, where it is shown. */
	size_t shown = m->nr_frames > 1 && m->frames[0].kind == FRAME_C;

	read_pattern(pattern, m);
	return match_from(m, 0, 0, false) || (shown && match_from(m, 0, shown, false));
}

static bool any_matches(const char *const *patterns, struct match *m)
{
	for (; patterns && *patterns; patterns++)
		if (matches(*patterns, m))
			return true;
	return false;
}

/* ---- judging ------------------------------------------------------------------------------- */

/* The reason the stack gives for what it does not say; text NULL if it gives none. */
static struct part reason_of(const struct match *m)
{
	for (size_t i = 0; i < m->nr_frames; i++) {
		const struct frame *f = &m->frames[i];

		if (f->kind == FRAME_MARK)
			return f->name;
		if (f->kind == FRAME_C && part_is(f->name, UNKNOWN_C))
			return (struct part){"C function without a name", 25};
		if (f->kind == FRAME_LUA && f->line < 0)
			return (struct part){"line not known", 14};
	}
	return (struct part){NULL, 0};
}

static bool is_outside(const struct match *m)
{
	for (size_t i = 0; i < m->nr_frames; i++)
		if (m->frames[i].kind == FRAME_LUA)
			return false;
	return true;
}

static enum verdict judge_stack(const struct truth_program *p, struct match *m)
{
	bool marked = reason_of(m).text;

	if (any_matches(p->stacks, m))
		return marked ? VERDICT_MARKED : VERDICT_EXACT;
	if (is_outside(m))
		return marked ? VERDICT_MARKED : VERDICT_OUTSIDE;
	return VERDICT_WRONG;
}

/* Splits "stack count" and reads the stack. False if it is not such a line. */
static bool read_line(const struct truth_program *p, const char *line, struct match *m,
		      uint64_t *ret_samples)
{
	const char *space = strrchr(line, ' ');
	char file[64], *end;

	*ret_samples = 0;
	if (!space || space == line)
		return false;
	*ret_samples = strtoull(space + 1, &end, 10);
	snprintf(file, sizeof(file), "%s.lua", p->name);
	return end != space + 1 && *end == '\0' && *ret_samples > 0 &&
	       read_stack((struct part){line, (size_t)(space - line)}, file, m);
}

enum verdict truth_judge(const struct truth_program *p, const char *line, uint64_t *ret_samples)
{
	struct match m;

	if (!read_line(p, line, &m, ret_samples))
		return VERDICT_BAD;
	return judge_stack(p, &m);
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
	uint64_t samples;
	enum verdict verdict = VERDICT_BAD;

	if (read_line(p, line, &m, &samples)) {
		verdict = judge_stack(p, &m);
		if (verdict == VERDICT_MARKED)
			count_reason(tally, reason_of(&m), samples);
		if ((verdict == VERDICT_EXACT || (verdict == VERDICT_MARKED && p->truncated)) &&
		    any_matches(p->hot, &m))
			tally->hot += samples;
	}
	tally->samples[verdict] += samples;
	tally->all += samples;
	return verdict;
}

const char *truth_complaint(const struct truth_program *p, const struct truth_tally *t)
{
	uint64_t inside = t->all - t->samples[VERDICT_OUTSIDE];
	uint64_t good = t->samples[p->truncated ? VERDICT_MARKED : VERDICT_EXACT];

	if (t->samples[VERDICT_BAD])
		return "lines that are not folded";
	if (t->samples[VERDICT_WRONG])
		return "wrong stacks";
	if (good * 100 < inside * 99 || inside == 0)
		return p->truncated ? "less than 99 % say that they are cut"
				    : "less than 99 % exact";
	if (t->samples[VERDICT_OUTSIDE] * 50 > t->all)
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
