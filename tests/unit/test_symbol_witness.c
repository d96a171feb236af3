/* SPDX-License-Identifier: MIT */
/*
 * An independent witness in the process itself: at known points a Lua program says what its debug
 * library knows of every level (tests/fixtures/symbol/witness.lua). Stopped there it is walked as a
 * sample would be and named as a report would; both must agree, frame by frame.
 *
 * BPROF_TEST_INTERPRETERS=PATH[:PATH...] adds interpreters that Debian does not package.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "discover.h"
#include "host_walk.h"
#include "lua_layouts.h"
#include "lua_target.h"
#include "spaces.h"
#include "symbol.h"
#include "symbols.h"

#ifdef __x86_64__

#define MAX_LEVELS	 BPROF_MAX_FRAMES
#define MAX_INTERPRETERS 96
#define MIN_POINTS	 85U
#define READY                                                                                      \
	"io.stdout:write('ready\\n') io.stdout:flush() io.read('*l') "                             \
	"dofile('" SOURCE_DIR "/tests/fixtures/symbol/witness.lua')"

struct interpreter {
	char path[256];
};

/* What one level of the stack looks like from inside. */
struct level {
	char what[8], kind[32], name[256], source[64], known[512];
	int line, first_line;
	bool is_tail;
	bool is_resumed; /* outermost of its coroutine */
};

struct point {
	char label[64];
	struct level level[MAX_LEVELS];
	size_t nr;
};

struct witness {
	struct lua_target target;
	struct host_walk_input in;
	struct host_walk_result walked;
	struct spaces *spaces;
	FILE *from;
	struct point point;
	unsigned points, levels, names, cfunctions, wrong;
};

static struct witness w;

ParameterizedTestParameters(symbol_witness, the_program_and_its_profiler_say_the_same)
{
	static struct interpreter params[MAX_INTERPRETERS];
	char *more = getenv("BPROF_TEST_INTERPRETERS");
	size_t nr = 0;

	for (; test_interpreters[nr]; nr++)
		snprintf(params[nr].path, sizeof(params[nr].path), "%s", test_interpreters[nr]);
	more = more ? strdup(more) : NULL;
	for (char *at = more ? strtok(more, ":") : NULL; at && nr < MAX_INTERPRETERS;
	     at = strtok(NULL, ":"))
		snprintf(params[nr++].path, sizeof(params[0].path), "%s", at);
	free(more);
	return cr_make_param_array(struct interpreter, params, nr);
}

/* ---- what the program says ------------------------------------------------------------------- */

static void unescape(const char *from, char *to, size_t size)
{
	size_t len = 0;

	if (strcmp(from, "-") == 0)
		from = "";
	for (; *from && len + 1 < size; from++) {
		unsigned c;

		if (*from == '%' && sscanf(from + 1, "%2x", &c) == 1) {
			to[len++] = (char)c;
			from += 2;
		} else {
			to[len++] = *from;
		}
	}
	to[len] = 0;
}

static void parse_level(char *line, struct level *ret)
{
	char *field[9];
	size_t nr = 0;

	for (char *at = strtok(line, "\t\n"); at && nr < ARRAY_SIZE(field);
	     at = strtok(NULL, "\t\n"))
		field[nr++] = at;
	cr_assert(eq(ulong, nr, ARRAY_SIZE(field)));
	*ret = (struct level){.line = atoi(field[4]),
			      .first_line = atoi(field[5]),
			      .is_tail = atoi(field[7]) != 0};
	unescape(field[1], ret->what, sizeof(ret->what));
	unescape(field[2], ret->kind, sizeof(ret->kind));
	unescape(field[3], ret->name, sizeof(ret->name));
	unescape(field[6], ret->source, sizeof(ret->source));
	unescape(field[8], ret->known, sizeof(ret->known));
}

/* The next stop; false at the end. 5.1 has levels for lost tail callers: they only mark. */
static bool read_point(struct point *p)
{
	char line[4096];

	p->nr = 0;
	while (fgets(line, sizeof(line), w.from) && strncmp(line, "END", 3) != 0) {
		struct level level;

		cr_expect(ne(chr, line[0], 'E'), "the program failed: %s", line);
		if (line[0] == 'S')
			return true;
		if (line[0] == 'P')
			sscanf(line, "P\t%63[^\n]", p->label);
		if (line[0] == 'N')
			p->level[p->nr - 1].is_resumed = true;
		if (line[0] != 'L')
			continue;
		parse_level(line, &level);
		if (strcmp(level.what, "tail") == 0) {
			p->level[p->nr - 1].is_tail = true;
			continue;
		}
		cr_assert(lt(ulong, p->nr, MAX_LEVELS));
		p->level[p->nr++] = level;
	}
	return false;
}

/* ---- what the profiler says ------------------------------------------------------------------ */

static void add_prototype(const struct host_walk_proto *proto, struct buf *out)
{
	const struct lua_vm *vm = &w.in.vms.vm[0];
	int r;

	buf_reset(out);
	r = capture_proto(proc_mem(w.target.proc), &w.in.layout[0], w.in.pid, vm->global,
			  proto->object, proto->fingerprint, out);
	cr_assert(eq(int, r, 0), "%s: capture", w.point.label);
	cr_assert(eq(int, spaces_add_body(w.spaces, (const void *)out->data), 0));
}

static void add_cfunctions(struct buf *out)
{
	size_t at = 0;
	int r;

	buf_reset(out);
	r = capture_cfunctions(proc_mem(w.target.proc), &w.in.layout[0], &w.in.vms.vm[0], w.in.pid,
			       out);
	cr_assert(gt(int, r, 100));
	while (at < out->len) {
		const struct bprof_cfunction *f = (const void *)(out->data + at);

		r = spaces_add_cfunction(w.spaces, f, (const char *)(f + 1), f->name_len);
		cr_assert(eq(int, r, 0));
		at += f->h.size;
	}
}

static void look(void)
{
	struct buf out;

	cr_assert(eq(int, host_walk(proc_mem(w.target.proc), &w.in, &w.walked), 0));
	buf_init(&out, 4U << 20);
	for (uint32_t i = 0; i < w.walked.nr_fresh; i++)
		add_prototype(&w.walked.fresh[i], &out);
	if (w.points == 0)
		add_cfunctions(&out);
	buf_done(&out);
}

/* ---- comparison ------------------------------------------------------------------------------ */

static void complain(size_t i, const char *what, const char *got, const char *wanted)
{
	w.wrong++;
	cr_log_error("%s, level %zu: %s '%s' instead of '%s'", w.point.label, i + 1, what, got,
		     wanted);
}

static void compare_number(size_t i, const char *what, int got, int wanted)
{
	char got_text[16], wanted_text[16];

	if (got == wanted)
		return;
	snprintf(got_text, sizeof(got_text), "%d", got);
	snprintf(wanted_text, sizeof(wanted_text), "%d", wanted);
	complain(i, what, got_text, wanted_text);
}

static void compare_lua(size_t i, const struct level *level, const struct bprof_frame *frame)
{
	const struct proto_fact *fact =
		spaces_find_proto(w.spaces, 0, frame->object, frame->fingerprint);

	cr_assert(fact && fact->body, "%s: no prototype", w.point.label);
	compare_number(i, "first line", fact->first_line, level->first_line);
	/* the innermost has gone on since it asked */
	if (i > 0)
		compare_number(i, "line", frame->line, level->line > 0 ? level->line : 0);
	/* a dumped and stripped function has a source in words only */
	if (level->line > 0 && strncmp(fact->view.chunkname, level->source,
				       strnlen(level->source, fact->view.body.chunkname_len)) != 0)
		complain(i, "source", fact->view.chunkname, level->source);
}

/* The name of a C function is one of those under which the program itself finds it. */
static void compare_c(size_t i, const struct level *level, const struct bprof_frame *frame)
{
	uint32_t ffid = frame->flags & BPROF_FRAME_BUILTIN ? frame->pos : 0;
	const char *name = spaces_find_cfunction(w.spaces, 0, frame->object, ffid);
	char wanted[300], known[600];

	if (!level->known[0])
		return;
	w.cfunctions++;
	snprintf(wanted, sizeof(wanted), " %s ", name ? name : "?");
	snprintf(known, sizeof(known), " %s ", level->known);
	if (!strstr(known, wanted))
		complain(i, "C function", name ? name : "?", level->known);
}

/*
 * Where we say something else than the debug library: before 5.3, and in LuaJIT, it takes what the
 * VM calls between two instructions (hooks, finalizers) for what the instruction calls.
 */
static void correct_witness(const struct bprof_frame *frame, struct level *callee)
{
	if (!(frame->flags & BPROF_FRAME_BOUNDARY))
		return;
	callee->kind[0] = callee->name[0] = 0;
	if (frame->flags & BPROF_FRAME_HOOK)
		snprintf(callee->kind, sizeof(callee->kind), "hook");
	if (!(frame->flags & BPROF_FRAME_FINALIZER))
		return;
	snprintf(callee->kind, sizeof(callee->kind), "metamethod");
	snprintf(callee->name, sizeof(callee->name), "__gc");
}

/*
 * Up to 5.4.3 the debug library gives the name of a finalizer to the function that was running when
 * it was called; up to 5.4.2 it calls all comparisons "order".
 */
static bool is_misnamed(const struct bprof_frame *frame, const struct level *callee)
{
	if (strcmp(callee->name, "__gc") == 0)
		return !(frame->flags & BPROF_FRAME_FINALIZER);
	return strcmp(callee->name, "order") == 0;
}

static void compare_name(size_t i, struct level *callee, const struct bprof_frame *frame)
{
	char got[300], wanted[300], name[256];
	const char *kind;

	compare_number(i, "tail call", (frame->flags & BPROF_FRAME_TAILCALL) != 0, callee->is_tail);
	if (is_misnamed(frame, callee))
		return;
	(void)symbols_call_name(w.spaces, 0, frame + 1, frame, name, sizeof(name), &kind);
	correct_witness(frame, callee);
	snprintf(got, sizeof(got), "%s %s", kind, name);
	snprintf(wanted, sizeof(wanted), "%s %s", callee->kind, callee->name);
	w.names += name[0] != 0;
	if (strcmp(got, wanted) != 0)
		complain(i, "name", got, wanted);
}

static void compare(void)
{
	const struct bprof_frame *frame = w.walked.frame;
	struct point *p = &w.point;
	size_t at = 1; /* the innermost frame waits in read() */

	cr_assert(eq(u8, w.walked.sample.status, BPROF_WALK_OK), "%s", p->label);
	for (size_t i = 0; i < p->nr; i++, at++) {
		struct level *level = &p->level[i];
		bool is_c = strcmp(level->what, "C") == 0;

		cr_assert(lt(ulong, at, w.walked.sample.nr_frames), "%s", p->label);
		cr_assert(eq(int, is_c, !(frame[at].flags & BPROF_FRAME_LUA)), "%s, level %zu",
			  p->label, i + 1);
		w.levels++;
		if (is_c)
			compare_c(i, level, &frame[at]);
		else
			compare_lua(i, level, &frame[at]);
		if (level->is_resumed) {
			at++; /* who resumed it: the program asked before that call */
			cr_assert(ne(u32, frame[at].flags & BPROF_FRAME_NEW_STATE, 0), "%s",
				  p->label);
		} else if (i + 1 < p->nr) {
			compare_name(i, level, &frame[at]);
		}
	}
	/* newer LuaJIT runs finalizers in a coroutine, of which the program knows nothing else */
	if (at < w.walked.sample.nr_frames && (frame[at].flags & BPROF_FRAME_NEW_STATE) &&
	    strcmp(p->label, "finalizer") == 0)
		return;
	cr_assert(eq(ulong, at, w.walked.sample.nr_frames), "%s", p->label);
}

/* ---- the run --------------------------------------------------------------------------------- */

/* Some builds of Lua differ in nothing but what their file says. */
static void look_at_file(const char *program, struct elf_lua *ret)
{
	struct elf_image *image;

	cr_assert(eq(int, elf_open(program, &image), 0));
	(void)!elf_lua_kind(image, ret);
	elf_free(image);
}

static void start(const char *program)
{
	struct discover_region regions[256];
	struct elf_lua claim = {0};
	struct discovery found;
	size_t nr;

	cr_assert(eq(int, lua_target_start_script(&w.target, program, READY), 0));
	cr_assert(eq(int, lua_target_seize(&w.target), 0));
	nr = lua_target_regions(&w.target, regions, ARRAY_SIZE(regions));
	look_at_file(program, &claim);
	cr_assert(eq(int,
		     discover_scan(proc_mem(w.target.proc), &w.target.env, regions, nr,
				   claim.version, &found, 1),
		     1));
	w.in = (struct host_walk_input){.vms = {.nr = 1}, .pid = (uint32_t)w.target.pid};
	w.in.vms.vm[0] = found.vm;
	w.in.layout[0] = found.layout;
	for (size_t i = 0; i < w.target.maps.nr; i++) {
		if (strcmp(w.target.maps.map[i].path, "[heap]") == 0) {
			w.in.heap_start = w.target.maps.map[i].start;
			w.in.heap_end = w.target.maps.map[i].end;
		}
	}
	w.from = fdopen(dup(w.target.from_child), "r");
	cr_assert(w.from != NULL);
	cr_assert(eq(int, spaces_new(&w.spaces), 0));
	cr_assert(eq(u32, spaces_current(w.spaces, w.in.pid), 0));
}

static void go_on(void)
{
	cr_assert(eq(int, lua_target_continue(&w.target), 0));
	cr_assert(eq(long, write(w.target.to_child, "\n", 1), 1));
}

ParameterizedTest(struct interpreter *param, symbol_witness,
		  the_program_and_its_profiler_say_the_same, .timeout = 120)
{
	const char *program = lua_target_find(param->path);

	if (!program)
		cr_skip_test("%s is not installed", param->path);
	start(program);
	for (go_on(); read_point(&w.point); go_on(), w.points++) {
		cr_assert(eq(int, lua_target_wait_sleep(w.target.pid), 0));
		cr_assert(eq(int, lua_target_stop(&w.target, w.in.reg), 0));
		look();
		compare();
	}
	cr_log_info("%s: %u points, %u levels, %u names, %u C functions, %u wrong", param->path,
		    w.points, w.levels, w.names, w.cfunctions, w.wrong);
	cr_expect(ge(uint, w.points, MIN_POINTS));
	cr_expect(ge(uint, w.names, 3 * MIN_POINTS));
	cr_expect(eq(uint, w.wrong, 0));
	fclose(w.from);
	spaces_free(w.spaces);
	lua_target_end(&w.target);
}

#endif
