/* SPDX-License-Identifier: MIT */
/*
 * Filters, the collapse of busted's frames, and the text of a frame.
 *
 * A function is judged once: left out if an --ignore glob covers it or if there are --only globs
 * and none does; busted's own, if it stays, becomes part of one "[busted]" unless
 * --include-framework.
 */
#include "view.h"

#include <errno.h>
#include <string.h>

#include "base.h"
#include "glob.h"
#include "text.h"

#define BUSTED_FRAME "[busted]"

enum treatment { SHOWN, LEFT_OUT, COLLAPSED };

/* ---- filters ------------------------------------------------------------------------------- */

static bool any_matches(const char **globs, const struct function *f)
{
	for (; globs && *globs; globs++)
		if (glob_match(*globs, f->name) || glob_match_file(*globs, f->file))
			return true;
	return false;
}

static enum treatment judge(const struct function *f, const struct output_opts *o)
{
	bool marker = f->kind == FUNCTION_MARKER && strcmp(f->name, BUSTED_FRAME) == 0;

	if (any_matches(o->ignore, f))
		return LEFT_OUT;
	if (o->only && o->only[0] && !any_matches(o->only, f))
		return LEFT_OUT;
	return (f->framework && !o->include_framework) || marker ? COLLAPSED : SHOWN;
}

int view_init(struct view *v, const struct profile *p, const struct output_opts *o)
{
	*v = (struct view){.profile = p, .opts = o};
	v->treatment = calloc(p->nr_functions + 1, sizeof(*v->treatment));
	if (!v->treatment)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_functions; i++)
		v->treatment[i] = (uint8_t)judge(&p->functions[i], o);
	return 0;
}

void view_done(struct view *v)
{
	free(v->treatment);
	free(v->frames);
	*v = (struct view){0};
}

bool view_shows(const struct view *v, uint32_t function)
{
	return v->treatment[function] == SHOWN;
}

/* ---- stacks -------------------------------------------------------------------------------- */

static int make_room(struct view *v, size_t nr)
{
	struct view_frame *frames;

	if (nr <= v->room)
		return 0;
	frames = reallocarray(v->frames, nr, sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	v->frames = frames;
	v->room = nr;
	return 0;
}

static struct view_frame shown_frame(const struct view *v, const struct stack_frame *frame)
{
	return (struct view_frame){
		.function = frame->function,
		.line = v->opts->lines ? frame->line : 0,
		.on_trace = frame->flags & STACK_FRAME_TRACE,
	};
}

int view_stack(struct view *v, const struct profile_stack *stack, struct view_stack *ret)
{
	uint32_t busted = (uint32_t)v->profile->nr_functions;
	int r = make_room(v, stack->nr_frames);
	size_t nr = 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < stack->nr_frames; i++) {
		const struct stack_frame *frame = &stack->frames[i];
		uint8_t treatment = v->treatment[frame->function];

		if (treatment == LEFT_OUT)
			continue;
		if (treatment == SHOWN)
			v->frames[nr++] = shown_frame(v, frame);
		else if (nr == 0 || v->frames[nr - 1].function != busted)
			v->frames[nr++] = (struct view_frame){.function = busted};
	}
	*ret = (struct view_stack){.frames = v->frames, .nr = nr};
	return 0;
}

uint64_t view_key(const struct view_frame *frame)
{
	uint32_t line = (uint32_t)(frame->line & INT32_MAX);

	return (uint64_t)frame->function << 32 | (uint64_t)line << 1 | frame->on_trace;
}

/* ---- text ---------------------------------------------------------------------------------- */

static int add_part(struct buf *b, const char *s, const char *if_empty, enum view_text how)
{
	if (!s || !*s)
		return buf_addstr(b, if_empty);
	if (how == VIEW_FOLDED)
		return text_add_folded(b, s, TEXT_MAX_NAME);
	return text_add_short(b, s, TEXT_MAX_NAME);
}

/*
 * The line a Lua frame is shown with: its own under --lines, where "?" says that it is not known.
 * Stripped functions of LuaJIT have no first line either.
 */
static int add_line(const struct view *v, const struct function *f, int32_t current, struct buf *b)
{
	if (v->opts->lines && current <= 0)
		return buf_addstr(b, ":?");
	if (v->opts->lines)
		return buf_addf(b, ":%d", current);
	return f->line > 0 ? buf_addf(b, ":%d", f->line) : 0;
}

static int add_lua_text(const struct view *v, const struct function *f,
			const struct view_frame *frame, enum view_text how, struct buf *b)
{
	int r;

	if (f->kind == FUNCTION_MAIN_CHUNK)
		r = buf_addstr(b, "main chunk");
	else
		r = add_part(b, f->name, "<anonymous>", how);
	if (r == 0)
		r = buf_addstr(b, " (");
	if (r == 0)
		r = add_part(b, f->file, "?", how);
	if (r == 0)
		r = add_line(v, f, frame->line, b);
	if (r == 0)
		r = buf_addstr(b, frame->on_trace ? ")_[j]" : ")");
	return r;
}

static int add_named(struct buf *b, const struct function *f, const char *end, enum view_text how)
{
	int r = add_part(b, f->name, "?", how);

	return r < 0 ? r : buf_addstr(b, end);
}

static int add_native_text(struct buf *b, const struct function *f, enum view_text how)
{
	int r = add_named(b, f, " (", how);

	if (r == 0)
		r = add_part(b, f->file, "?", how);
	return r < 0 ? r : buf_addstr(b, ")");
}

static int add_marker_text(struct buf *b, const struct function *f, enum view_text how)
{
	size_t len = f->name ? strlen(f->name) : 0;

	if (len > 2 && f->name[0] == '[' && f->name[len - 1] == ']')
		return add_part(b, f->name, "", how);
	if (buf_addstr(b, "[") < 0)
		return -ENOMEM;
	return add_named(b, f, "]", how);
}

int view_add_text(const struct view *v, const struct view_frame *frame, enum view_text how,
		  struct buf *b)
{
	const struct function *f;

	if (frame->function >= v->profile->nr_functions)
		return buf_addstr(b, BUSTED_FRAME);
	f = &v->profile->functions[frame->function];
	switch (f->kind) {
	case FUNCTION_LUA:
	case FUNCTION_MAIN_CHUNK:
		return add_lua_text(v, f, frame, how, b);
	case FUNCTION_C:
		return add_named(b, f, frame->on_trace ? " [C]_[j]" : " [C]", how);
	case FUNCTION_NATIVE:
		return add_native_text(b, f, how);
	case FUNCTION_KERNEL:
		return add_named(b, f, "_[k]", how);
	case FUNCTION_MARKER:
		return add_marker_text(b, f, how);
	}
	return -EINVAL;
}

int view_add_name(const struct view *v, uint32_t function, struct buf *b)
{
	const struct function *f;

	if (function >= v->profile->nr_functions)
		return buf_addstr(b, BUSTED_FRAME);
	f = &v->profile->functions[function];
	if (f->kind == FUNCTION_MAIN_CHUNK)
		return buf_addstr(b, "main chunk");
	return add_part(b, f->name, f->kind == FUNCTION_LUA ? "<anonymous>" : "?", VIEW_PLAIN);
}

int view_add_location(const struct view *v, uint32_t function, struct buf *b)
{
	const struct function *f;
	int r;

	if (function >= v->profile->nr_functions)
		return 0;
	f = &v->profile->functions[function];
	switch (f->kind) {
	case FUNCTION_LUA:
		r = add_part(b, f->file, "?", VIEW_PLAIN);
		return r < 0 || f->line <= 0 ? r : buf_addf(b, ":%d", f->line);
	case FUNCTION_MAIN_CHUNK:
	case FUNCTION_NATIVE:
		return add_part(b, f->file, "?", VIEW_PLAIN);
	case FUNCTION_C:
		return buf_addstr(b, "[C]");
	case FUNCTION_KERNEL:
		return buf_addstr(b, "[kernel]");
	case FUNCTION_MARKER:
		return 0;
	}
	return -EINVAL;
}
