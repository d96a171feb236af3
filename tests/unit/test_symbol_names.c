/* SPDX-License-Identifier: MIT */
/*
 * Names and lines, compared with what the debug library of a live interpreter says at the same
 * instant: at every call of tests/fixtures/symbol/workload.lua and of some libraries.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <stdlib.h>
#include <string.h>

#include "lua_child.h"
#include "lua_layouts.h"
#include "symbol.h"

#define MAX_LEVELS 128

/* What one level of the stack looks like from inside. */
struct level {
	char what[16], namewhat[32], name[512];
	int current_line, first_line;
	uaddr_t function;
};

struct tally {
	unsigned stops, levels, names, lines, wrong;
	unsigned kinds[8];
};

static const char *const kinds[8] = {"local", "upvalue",    "global",	    "method",
				     "field", "metamethod", "for iterator", "constant"};

struct interpreter {
	char name[16];
};

ParameterizedTestParameters(symbol_names, inferred_names_and_lines_are_those_of_the_debug_library)
{
	static struct interpreter params[5];

	for (size_t i = 0; i < 5; i++)
		snprintf(params[i].name, sizeof(params[i].name), "%s", test_interpreters[i]);
	return cr_make_param_array(struct interpreter, params, 5);
}

static bool parse_level(char *line, struct level *ret)
{
	char *field[7];
	size_t nr = 0;

	for (char *at = strtok(line, "\t"); at && nr < 7; at = strtok(NULL, "\t"))
		field[nr++] = at;
	/* An empty namewhat leaves no field behind. */
	if (nr == 6) {
		memmove(&field[3], &field[2], 4 * sizeof(field[0]));
		field[2] = line + strlen(line);
		nr = 7;
	}
	if (nr != 7)
		return false;
	snprintf(ret->what, sizeof(ret->what), "%s", field[1]);
	snprintf(ret->namewhat, sizeof(ret->namewhat), "%s", field[2]);
	snprintf(ret->name, sizeof(ret->name), "%s", field[3]);
	ret->current_line = atoi(field[4]);
	ret->first_line = atoi(field[5]);
	ret->function = lua_child_address(field[6]);
	return true;
}

/* The captured prototype of a frame; the record lives in @out. */
static bool view_of(struct lua_child *child, uaddr_t vm, uaddr_t proto, struct buf *out,
		    struct proto_view *view)
{
	int r = capture_proto(&child->mem, child->layout, (uint32_t)child->pid, vm, proto,
			      lua_child_fingerprint(child, proto), out);

	cr_expect(eq(int, r, 0), "capture of %lx", (unsigned long)proto);
	if (r < 0)
		return false;
	r = proto_view_init(out->data, out->len, view);
	cr_expect(eq(int, r, 0));
	return r == 0;
}

static void note_kind(struct tally *tally, const char *kind)
{
	for (size_t i = 0; i < 8; i++)
		tally->kinds[i] += strcmp(kinds[i], kind) == 0;
}

static void compare_line(const struct level *level, const struct proto_view *view, uint32_t pos,
			 struct tally *tally)
{
	int32_t line = proto_line(view, pos);

	tally->lines++;
	if (line == level->current_line)
		return;
	tally->wrong++;
	cr_log_error("line %d instead of %d at %u of <%d>", line, level->current_line, pos,
		     level->first_line);
}

static void compare_name(const struct level *callee, bool is_tail, const struct level *level,
			 const struct proto_view *view, uint32_t pos, struct tally *tally)
{
	char name[512];
	const char *kind;

	if (is_tail) {
		cr_expect(callee->namewhat[0] == 0, "a tail called function has a name: %s",
			  callee->name);
		return;
	}
	(void)name_from_call(view, pos, false, name, sizeof(name), &kind);
	if (kind[0] == 0 && callee->namewhat[0] == 0)
		return;
	tally->names++;
	note_kind(tally, kind);
	if (strcmp(kind, callee->namewhat) == 0 && strcmp(name, callee->name) == 0)
		return;
	tally->wrong++;
	cr_log_error("%s '%s' instead of %s '%s' at %d (position %u)", kind, name, callee->namewhat,
		     callee->name, level->current_line, pos);
}

/* Read the levels that the child printed; those of 5.1 for lost tail callers are left out. */
static size_t read_levels(struct lua_child *child, struct level *levels)
{
	size_t nr = 0;
	char *line;

	while ((line = lua_child_line(child)) && line[0] == 'L') {
		if (nr < MAX_LEVELS && parse_level(line, &levels[nr]) &&
		    strcmp(levels[nr].what, "tail") != 0)
			nr++;
	}
	cr_assert(line && line[0] == 'S', "the child ended early");
	return nr;
}

static void compare_stack(struct lua_child *child, uaddr_t state, uaddr_t vm,
			  const struct level *levels, size_t nr_levels, struct tally *tally)
{
	struct lua_child_frame frames[MAX_LEVELS];
	size_t nr = lua_child_walk(child, state, frames, MAX_LEVELS);
	size_t first = 0;

	while (first < nr &&
	       !(frames[first].is_lua && frames[first].function == levels[0].function))
		first++;
	if (first == nr) /* a C function was called: it has no address that both sides know */
		return;
	tally->stops++;
	for (size_t i = 0; i < nr_levels && first + i < nr; i++) {
		const struct lua_child_frame *frame = &frames[first + i];
		struct proto_view view;
		struct buf out;

		tally->levels++;
		if (!frame->is_lua || i == 0 || frame->pos == UINT32_MAX)
			continue;
		cr_assert(eq(u64, frame->function, levels[i].function), "stacks differ");
		buf_init(&out, BPROF_MAX_RECORD);
		if (view_of(child, vm, frame->proto, &out, &view)) {
			compare_line(&levels[i], &view, frame->pos, tally);
			compare_name(&levels[i - 1], frame[-1].is_tail, &levels[i], &view,
				     frame->pos, tally);
		}
		buf_done(&out);
	}
}

/* "F" lines: the lines of a function that have code, compared as sets. */
static void compare_active_lines(struct lua_child *child, char *line, struct tally *tally)
{
	char *field[8];
	size_t nr = 0;
	struct proto_view view;
	struct buf out;
	bool skip_first;

	for (char *at = strtok(line, "\t"); at && nr < 8; at = strtok(NULL, "\t"))
		field[nr++] = at;
	if (nr < 8)
		return;
	buf_init(&out, BPROF_MAX_RECORD);
	if (view_of(child, 0, lua_child_proto(child, lua_child_address(field[1])), &out, &view)) {
		cr_expect(eq(int, view.body.first_line, atoi(field[3])));
		cr_expect(eq(int, view.body.last_line, atoi(field[4])));
		cr_expect(eq(u32, view.body.nr_upvalues, (uint32_t)atoi(field[5])));
		if (field[6][0] != '?')
			cr_expect(view.body.chunkname_len == strlen(field[6]) &&
				  memcmp(view.chunkname, field[6], strlen(field[6])) == 0);
		/* Position 0 is a header in LuaJIT; 5.4 hides the preparation of varargs. */
		skip_first = child->layout->family == BPROF_FAMILY_LUAJIT ||
			     (view.body.dialect == LUA_DIALECT_54 && view.body.is_vararg);
		for (uint32_t i = skip_first; i < view.body.nr_lines; i++) {
			char wanted[16], list[LUA_CHILD_LINE];
			int32_t current = proto_line(&view, i);

			if (i > 0 && current == proto_line(&view, i - 1) && i > skip_first)
				continue;
			snprintf(wanted, sizeof(wanted), ",%d,", current);
			snprintf(list, sizeof(list), ",%s,", field[7]);
			tally->lines++;
			if (!strstr(list, wanted))
				cr_expect(false, "line %d of <%s> is not active", current,
					  field[3]);
		}
		/* ... and every active line belongs to an instruction. */
		for (char *at = field[7]; at && *at;
		     at = strchr(at, ',') ? strchr(at, ',') + 1 : 0) {
			bool found = false;

			for (uint32_t i = skip_first; !found && i < view.body.nr_lines; i++)
				found = proto_line(&view, i) == atoi(at);
			cr_expect(found, "active line %d of <%s> is missing", atoi(at), field[3]);
		}
		tally->names++;
	}
	buf_done(&out);
}

ParameterizedTest(struct interpreter *param, symbol_names,
		  inferred_names_and_lines_are_those_of_the_debug_library, .timeout = 60)
{
	static struct level levels[MAX_LEVELS];
	struct tally stacks = {0}, functions = {0};
	struct lua_child child;
	uaddr_t main_state = 0;
	char *line;

	if (!lua_child_available(param->name))
		cr_skip_test("%s is not installed", param->name);
	cr_assert(lua_child_start(&child, param->name,
				  SOURCE_DIR "/tests/fixtures/symbol/names.lua"));
	while ((line = lua_child_line(&child)) && (line[0] == 'T' || line[0] == 'M')) {
		uaddr_t state = lua_child_address(line);
		size_t nr;

		if (line[0] == 'M') {
			lua_child_wait(&child);
			main_state = lua_child_vm(&child, state).main;
			lua_child_continue(&child);
			continue;
		}
		nr = read_levels(&child, levels);
		lua_child_wait(&child);
		if (state == 0)
			state = main_state;
		cr_assert(ne(u64, state, 0));
		if (nr > 0)
			compare_stack(&child, state, lua_child_vm(&child, state).global, levels, nr,
				      &stacks);
		lua_child_continue(&child);
	}
	for (; line && line[0] == 'F'; line = lua_child_line(&child))
		compare_active_lines(&child, line, &functions);
	lua_child_end(&child);

	cr_log_info(
		"%s: %u stops, %u levels, %u names (%u local, %u upvalue, %u global, %u method, "
		"%u field, %u metamethod, %u iterator, %u constant), %u lines, %u wrong; %u "
		"functions",
		param->name, stacks.stops, stacks.levels, stacks.names, stacks.kinds[0],
		stacks.kinds[1], stacks.kinds[2], stacks.kinds[3], stacks.kinds[4], stacks.kinds[5],
		stacks.kinds[6], stacks.kinds[7], stacks.lines, stacks.wrong, functions.names);
	cr_expect(eq(u32, stacks.wrong, 0));
	cr_expect(gt(u32, stacks.names, 300));
	cr_expect(gt(u32, functions.names, 80));
}
