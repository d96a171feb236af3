/* SPDX-License-Identifier: MIT */
#include "folded_stack.h"

#include <stdlib.h>
#include <string.h>

bool part_is(struct part p, const char *text)
{
	return p.len == strlen(text) && memcmp(p.text, text, p.len) == 0;
}

bool part_ends(struct part p, const char *end)
{
	size_t n = strlen(end);

	return p.len >= n && memcmp(p.text + p.len - n, end, n) == 0;
}

bool part_starts(struct part p, const char *start)
{
	size_t n = strlen(start);

	return p.len >= n && memcmp(p.text, start, n) == 0;
}

struct part part_skip(struct part p, size_t n)
{
	return (struct part){p.text + n, p.len - n};
}

struct part part_cut(struct part *p, char end)
{
	const char *at = memchr(p->text, end, p->len);
	struct part head = {p->text, at ? (size_t)(at - p->text) : p->len};

	*p = part_skip(*p, at ? head.len + 1 : head.len);
	return head;
}

/* ---- stacks -------------------------------------------------------------------------------- */

#define TRACE_EXIT "[trace exit]"

/* States of the VM, said at the leaf: they do not change the stack. */
static bool is_state(struct part p)
{
	return part_is(p, "[gc]") || part_is(p, "[jit compiler]") || part_is(p, TRACE_EXIT);
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
static bool read_stack(struct part stack, const char *file, struct folded_stack *ret)
{
	ret->nr_frames = 0;
	ret->leaves_trace = false;
	while (stack.len > 0) {
		struct part p = part_cut(&stack, ';');

		ret->leaves_trace = part_is(p, TRACE_EXIT);
		if (is_state(p))
			continue;
		if (ret->nr_frames == FOLDED_MAX_FRAMES)
			return false;
		read_frame(p, file, &ret->frames[ret->nr_frames++]);
	}
	return true;
}

bool folded_read(const char *line, const char *file, struct folded_stack *ret)
{
	const char *space = strrchr(line, ' ');
	char *end;

	ret->samples = 0;
	if (!space || space == line)
		return false;
	ret->samples = strtoull(space + 1, &end, 10);
	return end != space + 1 && *end == '\0' && ret->samples > 0 &&
	       read_stack((struct part){line, (size_t)(space - line)}, file, ret);
}

struct part folded_reason(const struct folded_stack *s)
{
	for (size_t i = 0; i < s->nr_frames; i++) {
		const struct frame *f = &s->frames[i];

		if (f->kind == FRAME_MARK)
			return f->name;
		if (f->kind == FRAME_C && part_is(f->name, FOLDED_UNKNOWN_C))
			return (struct part){"C function without a name", 25};
		/* between compiled code and the next instruction there is no line */
		if (f->kind == FRAME_LUA && f->line < 0 &&
		    !(s->leaves_trace && i == s->nr_frames - 1))
			return (struct part){"line not known", 14};
	}
	return (struct part){NULL, 0};
}

bool folded_is_outside(const struct folded_stack *s)
{
	for (size_t i = 0; i < s->nr_frames; i++)
		if (s->frames[i].kind == FRAME_LUA)
			return false;
	return true;
}

bool folded_is_before_main(const struct folded_stack *s, struct part reason)
{
	return part_is(reason, "chain") && folded_is_outside(s) &&
	       s->frames[s->nr_frames - 1].kind == FRAME_C;
}

bool folded_is_place(struct part name)
{
	return memmem(name.text, name.len, "+0x", strlen("+0x")) != NULL;
}
