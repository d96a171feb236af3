/* SPDX-License-Identifier: MIT */
/*
 * A program, one machine instruction after the other: each of them a state in which a sample may
 * find it. Every walk must be a stack that the program has, or say what it does not know.
 *
 * Samples of an emulated processor fall between basic blocks only; here every instruction of calls,
 * returns, branches and metamethods has its turn. tests/images/record_image.c records them.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image_files.h"
#include "truth.h"
#include "vm_steps.h"

#ifdef BPROF_ARCH_ARM64
#define IMAGES SOURCE_DIR "/tests/images/arm64"
#else
#define IMAGES SOURCE_DIR "/tests/images"
#endif
#define MAX_LINE_BYTES 8192
#define MIN_STEPS      5000
#define MIN_ON_TRACE   50   /* steps of stepping.lua, compiled */
#define MIN_TRACED     1000 /* of tracing.lua */
#define MIN_AT_GUARD   98   /* percent of those on a trace */
#define MAX_SHOWN      10   /* marked stacks of each */

/*
 * What is left of a trace goes back to the interpreter without a line (see docs/ACCURACY.md): with
 * calls as short as here that is often, and 97 % are exact.
 */

/* Functions are named by their first line: those of tests/images/stepping.lua. */
#define ROUND "main:63 f50"
#define LESS  ROUND ":54 @c f21"
#define LT    LESS ":22 f17"
#define BODY  ROUND ":57 @c f44"

static const char *const stacks[] = {
	"main:62,63",
	ROUND ":50-59",
	ROUND ":51 f13:13-16",
	ROUND ":51 f13:14 f8:8-11",
	ROUND ":51 f13:14 f8:9 @c",
	ROUND ":51 f13:14 f8:10 f1:1-7",
	ROUND
	":52 f32:32-34", /* a tail call: PUC makes a frame, then it takes the caller's place */
	ROUND ":52 f32:33 f1:1,2",
	ROUND ":52 f1:1-7",
	ROUND ":53 f25:25-31",
	ROUND ":53 f25:29 f28:28",
	ROUND ":54 @c",
	LESS ":21-24",
	LT ":17-19",
	LT ":18 f1:1-7",
	ROUND ":55 @c",
	ROUND ":55 @c f35:35-37",
	ROUND ":55 @c f35:36 f1:1,2",
	ROUND ":55 @c f1:1-7",
	ROUND ":56 @c",
	ROUND ":56 @c f38:38-40",
	ROUND ":56 @c f38:39 @c",
	ROUND ":57 @c",
	BODY ":44-49",
	BODY ":46 f1:1-7",
	BODY ":47 @c",
	ROUND ":58 f41:41-43",
	NULL,
};

static const struct truth_program stepping = {
	.name = "stepping", .state = "step by step", .stacks = stacks};

/* Those of tests/images/tracing.lua: all of it is compiled, most functions into their callers. */
#define CALLS "main:66 f33"

static const char *const traced_stacks[] = {
	"main:65-69",
	CALLS ":33-43",
	CALLS ":36 f8:8-11",
	CALLS ":36 f8:9,10 f1:1-6",
	CALLS ":37 f14:14-16",
	CALLS ":38 f18:18,19",
	CALLS ":38 f1:1-6",
	CALLS ":39 f22:22-24",
	CALLS ":39 f22:23 @c",
	CALLS ":39 f22:24 f1:1-6",
	CALLS ":40 @c",
	CALLS ":40 @c f29:29-31",
	CALLS ":40 @c f29:30 f26:26,27",
	CALLS ":40 @c f29:30 f1:1-6",
	"main:67 f45:47,48{0,4} f45:45-48",
	"main:68 f52:52-58",
	"main:68 f52:54 @c",
	"main:69 f60:60-62",
	"main:69 f60:61 f1:1-6",
	NULL,
};

static const struct truth_program tracing = {
	.name = "tracing", .state = "step by step", .stacks = traced_stacks};

/* The program of the image that is being tested. */
static const struct truth_program *program;

static struct vm_image image;
static struct host_walk_input in;

/* The image the steps begin with, its layout proved. */
static void discover(const char *path)
{
	struct image_file file = image_file_beside(path, ".steps", ".start");
	struct discovery found;
	int r;

	cr_assert(eq(int, vm_image_read(&image, file.path), 0), "%s", file.path);
	cr_assert(eq(int,
		     discover_vm(&image.mem.reader, &image.env, image.head.state, NULL, &found), 0),
		  "%s", file.path);
	r = discover_confirm(&image.mem.reader, &image.env, &found);
	cr_assert(r == 0 || r == -EAGAIN, "%s", file.path); /* the stack is not at rest */
	in = (struct host_walk_input){.vms = {.nr = 1}, .pid = 1};
	in.vms.vm[0] = found.vm;
	in.layout[0] = found.layout;
	in.heap_start = image.head.heap_start;
	in.heap_end = image.head.heap_end;
}

static int write_frame(char *to, const struct bprof_frame *f, const struct vm_image_frame *place)
{
	char line[32] = "?";

	if (f->flags & BPROF_FRAME_UNKNOWN)
		return sprintf(to, "[lua: no_leaf];");
	if (place->is_c)
		return sprintf(to, "c [C];");
	if (!(f->flags & BPROF_FRAME_NO_POS))
		snprintf(line, sizeof(line), "%d", place->line);
	if (f->flags & BPROF_FRAME_MAIN)
		return sprintf(to, "main chunk (%s.lua:%s);", program->name, line);
	return sprintf(to, "f%d (%s.lua:%s);", place->first_line, program->name, line);
}

/* A walk as a line of tracing.folded, with what it says of itself. */
static void write_folded(const struct host_walk_result *r, char to[MAX_LINE_BYTES])
{
	static const char *const marks[] = {
#define BPROF_X(name, text, sentence) text,
		BPROF_WALK_STATUS_LIST(BPROF_X)
#undef BPROF_X
	};
	struct vm_image_frame place[VM_IMAGE_MAX_FRAMES];
	uint8_t status = r->sample.status;
	int nr = vm_image_walked(r, place), len = 0;

	/* a leaf that is not known stands where it would be */
	if (status != BPROF_WALK_OK && status != BPROF_WALK_NO_LEAF)
		len = sprintf(to, "[lua: %s];", marks[status]);
	while (nr-- > 0)
		len += write_frame(to + len, &r->frame[nr], &place[nr]);
	to[len - (len > 0)] = '\0'; /* the last semicolon */
	strcat(to, " 1");
}

/* How many were exact before: a rule of the walker that is lost shows, however few it is for. */
static uint64_t nr_known_exact(const char *path)
{
	struct image_file file = image_file_beside(path, ".steps", ".exact");
	FILE *f = fopen(file.path, "re");
	unsigned long long nr = 0;

	cr_assert(f && fscanf(f, "%llu", &nr) == 1 && nr > 0, "%s", file.path);
	fclose(f);
	return nr;
}

struct compiled {
	unsigned steps;	   /* in machine code of a trace */
	unsigned at_guard; /* of them, those whose place is that of a snapshot */
};

static void judge(const char *path, unsigned step, struct truth_tally *tally,
		  struct compiled *compiled)
{
	char line[MAX_LINE_BYTES] = "";
	struct host_walk_result r;
	enum verdict verdict;

	memcpy(in.reg, image.head.reg, sizeof(in.reg));
	cr_assert(eq(int, host_walk(&image.mem.reader, &in, &r), 0));
	write_folded(&r, line);
	verdict = truth_count(program, line, tally);
	cr_expect(verdict < VERDICT_WRONG && verdict != VERDICT_OUTSIDE, "%s, step %u: %s %s", path,
		  step, verdict_name(verdict), line);
	if (verdict == VERDICT_MARKED && tally->samples[VERDICT_MARKED] <= MAX_SHOWN)
		cr_log_info("step %u, ip %llx, rule %u: %s", step,
			    (unsigned long long)in.reg[BPROF_REG_IP], r.sample.leaf_how, line);
	if (!(r.sample.flags & BPROF_SAMPLE_IN_MCODE))
		return;
	compiled->steps++;
	compiled->at_guard += (r.frame[0].flags & BPROF_FRAME_GUARD) != 0;
}

ParameterizedTestParameters(stepped, every_instruction_has_a_stack_of_the_program)
{
	return image_files(IMAGES, ".steps");
}

ParameterizedTest(struct image_file *f, stepped, every_instruction_has_a_stack_of_the_program,
		  .timeout = 60)
{
	struct truth_tally tally = {0};
	struct vm_steps steps;
	bool is_traced = strstr(f->path, ".traced.") != NULL;
	bool is_compiled = strstr(f->path, ".compiled.") != NULL;
	struct compiled compiled = {0};
	unsigned nr = 0;
	uint64_t nr_exact;
	int r;

	program = is_traced ? &tracing : &stepping;
	discover(f->path);
	cr_assert(eq(int, vm_steps_open(&steps, &image, f->path), 0), "%s", f->path);
	vm_steps_place_code(&steps.code, &in);
	while ((r = vm_steps_next(&steps, &image)) > 0)
		judge(f->path, ++nr, &tally, &compiled);
	cr_expect(eq(int, r, 0), "%s", f->path);
	cr_expect(ge(u32, nr, MIN_STEPS), "%s", f->path);
	if (is_compiled || is_traced)
		cr_expect(ge(u32, compiled.steps, is_traced ? MIN_TRACED : MIN_ON_TRACE), "%s",
			  f->path);
	if (is_traced)
		cr_expect(compiled.at_guard * 100 >= compiled.steps * MIN_AT_GUARD, "%s: %u of %u",
			  f->path, compiled.at_guard, compiled.steps);
	nr_exact = tally.samples[VERDICT_EXACT];
	cr_expect(nr_exact * 100 >= tally.all * (is_compiled ? 97 : 99) &&
			  nr_exact >= nr_known_exact(f->path),
		  "%s: %llu of %llu exact", f->path, (unsigned long long)nr_exact,
		  (unsigned long long)tally.all);
	vm_steps_close(&steps);
	vm_image_done(&image);
}
