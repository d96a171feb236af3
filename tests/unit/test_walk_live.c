/* SPDX-License-Identifier: MIT */
/*
 * The walkers on real interpreters, without privileges: the process is stopped, its memory copied,
 * and the copy walked; then again with every single read failing, and with random bit errors.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "discover.h"
#include "fake_mem.h"
#include "host_walk.h"
#include "lua_target.h"

#ifdef __x86_64__

#define NR_STOPS	12
#define NR_CORRUPT_RUNS 150
#define MAX_READS	20000
#define MAX_REGION	(16UL << 20)

struct interpreter {
	char name[16];
	int jit; /* LuaJIT: compile? */
};

static struct interpreter interpreters[] = {{"luajit", 0}, {"luajit", 1}, {"lua5.1", 0},
					    {"lua5.2", 0}, {"lua5.3", 0}, {"lua5.4", 0}};

static struct fake_mem image;
static struct host_walk_input in;

static void copy_image(struct lua_target *t)
{
	fake_mem_done(&image);
	fake_mem_init(&image);
	proc_maps_done(&t->maps);
	cr_assert(eq(int, proc_read_maps(t->pid, &t->maps), 0));
	for (size_t i = 0; i < t->maps.nr; i++) {
		const struct proc_map *m = &t->maps.map[i];

		/* code, too: a word of the stack that points there is a state that can be read */
		if (m->end - m->start <= MAX_REGION)
			fake_mem_copy(&image, proc_mem(t->proc), m->start, m->end - m->start);
	}
}

/* Runs code until it has printed a line and reads one; it is traced and stopped then. */
static void start(struct lua_target *t, const struct interpreter *i, const char *code)
{
	struct discover_region regions[256];
	const char *path = lua_target_find(i->name);
	struct discovery found;
	char text[4096];
	size_t nr;
	int status;

	if (!path)
		cr_skip_test("%s is not installed", i->name);
	snprintf(text, sizeof(text), "if jit and %d == 0 then jit.off() end %s", i->jit, code);
	cr_assert(eq(int, lua_target_start_script(t, path, text), 0));
	cr_assert(eq(long, ptrace(PTRACE_SEIZE, t->pid, 0, PTRACE_O_EXITKILL), 0));
	kill(t->pid, SIGCONT);
	waitpid(t->pid, &status, __WALL);
	nr = lua_target_regions(t, regions, ARRAY_SIZE(regions));
	cr_assert(eq(int, discover_scan(proc_mem(t->proc), &t->env, regions, nr, NULL, &found, 1),
		     1));
	in = (struct host_walk_input){.vms = {.nr = 1}, .pid = (uint32_t)t->pid};
	in.vms.vm[0] = found.vm;
	in.layout[0] = found.layout;
	for (size_t r = 0; r < t->maps.nr; r++) {
		if (strcmp(t->maps.map[r].path, "[heap]") == 0) {
			in.heap_start = t->maps.map[r].start;
			in.heap_end = t->maps.map[r].end;
		}
	}
}

static void stop(struct lua_target *t)
{
	cr_assert(eq(int, lua_target_stop(t, in.reg), 0));
	copy_image(t);
}

static void finish(struct lua_target *t)
{
	fake_mem_done(&image);
	lua_target_end(t);
}

static void walk(struct host_walk_result *ret)
{
	cr_assert(eq(int, host_walk(&image.reader, &in, ret), 0));
	cr_assert(lt(ulong, image.reads, MAX_READS));
	cr_assert(le(u16, ret->sample.nr_frames, BPROF_MAX_FRAMES));
	cr_assert(le(u8, ret->sample.nr_spans, BPROF_MAX_SPANS));
}

/* ---- a stack of everything, known line by line ------------------------------------------------
 */

static const char everything[] = "local function block()\n"
				 "  io.stdout:write('ready\\n') io.stdout:flush()\n"
				 "  io.read(1)\n"
				 "  return 1\n"
				 "end\n"
				 "local function va(...)\n"
				 "  local x = block(...)\n"
				 "  return x\n"
				 "end\n"
				 "local mt = {}\n"
				 "mt.__index = function(t,k)\n"
				 "  local v = va(k, 1, 2, 3)\n"
				 "  return v\n"
				 "end\n"
				 "mt.__add = function(a,b)\n"
				 "  local q = setmetatable({},mt).foo\n"
				 "  return q\n"
				 "end\n"
				 "local function cmp(a,b)\n"
				 "  local z = setmetatable({},mt) + 1\n"
				 "  return a<b\n"
				 "end\n"
				 "local function sorter()\n"
				 "  local t={3,1}\n"
				 "  table.sort(t, cmp)\n"
				 "end\n"
				 "local function tail() return sorter() end\n"
				 "local function inco()\n"
				 "  local ok = pcall(tail)\n"
				 "  return 1\n"
				 "end\n"
				 "local function outer()\n"
				 "  local w = coroutine.wrap(inco)\n"
				 "  w()\n"
				 "end\n"
				 "local function gs()\n"
				 "  local s = string.gsub('a','a',function(c)\n"
				 "    local ok = xpcall(outer, function(e) return e end)\n"
				 "    return 'b'\n"
				 "  end)\n"
				 "  return s\n"
				 "end\n"
				 "gs()\n";

/* Lines leaf first; 0 = a C function. */
static const int everything_lines[] = {0,  3, 7,  12, 16, 20, 0,  25, 0,
				       29, 0, 34, 0,  38, 0,  37, 43, 0};
#define EVERYTHING_RESUME 10 /* coroutine.wrap: first frame of the main state */
#define EVERYTHING_TAIL	  7

ParameterizedTestParameters(walk_live, a_stack_of_everything_is_known_line_by_line)
{
	return cr_make_param_array(struct interpreter, interpreters, ARRAY_SIZE(interpreters));
}

ParameterizedTest(struct interpreter *i, walk_live, a_stack_of_everything_is_known_line_by_line,
		  .timeout = 30)
{
	struct host_walk_result r;
	struct lua_target t;

	start(&t, i, everything);
	cr_assert(eq(int, lua_target_registers(&t, in.reg), 0));
	copy_image(&t);
	walk(&r);
	cr_assert(eq(u8, r.sample.status, BPROF_WALK_OK));
	cr_assert(eq(u16, r.sample.nr_frames, ARRAY_SIZE(everything_lines)));
	for (unsigned k = 0; k < r.sample.nr_frames; k++) {
		const struct bprof_frame *f = &r.frame[k];
		bool new_state = (f->flags & BPROF_FRAME_NEW_STATE) != 0;

		cr_expect(eq(i32, f->line, everything_lines[k]), "frame %u", k);
		cr_expect(eq(int, (f->flags & BPROF_FRAME_LUA) != 0, everything_lines[k] != 0));
		cr_expect(eq(int, new_state, k == EVERYTHING_RESUME), "frame %u", k);
		cr_expect(zero(u32, f->flags & BPROF_FRAME_NO_POS), "frame %u", k);
	}
	cr_expect(ne(u32, r.frame[16].flags & BPROF_FRAME_MAIN, 0));
	if (in.layout[0].family == BPROF_FAMILY_PUC)
		cr_expect(ne(u32, r.frame[EVERYTHING_TAIL].flags & BPROF_FRAME_TAILCALL, 0));
	else
		cr_expect(ne(u32, r.frame[3].flags & BPROF_FRAME_CONT, 0));
	finish(&t);
}

/* ---- stops at random moments ------------------------------------------------------------------
 */

static const char moments[] =
	"io.stdout:write('ready\\n') io.stdout:flush() io.read(1)\n"
	"local t = {} for i=1,100 do t[i] = tostring(i)..'x' end\n"
	"local function cmp(a,b) return a<b end\n"
	"local function gen(n) return coroutine.wrap(function()\n"
	"  for i=1,n do coroutine.yield(i) end end) end\n"
	"local function rec(d) if d == 0 then\n"
	"  local s=0 for i=1,200 do s=s+i%7+#t end return s end\n"
	"  local r=rec(d-1) return r+1 end\n"
	"local function work(k)\n"
	"  local u, s = {}, 0\n"
	"  for i=1,100 do u[i]=t[(i*7)%100+1] end\n"
	"  table.sort(u,cmp)\n"
	"  for v in gen(k) do s=s+math.log(v)+math.floor(v/3) end\n"
	"  for k,v in pairs(u) do s=s+#v end\n"
	"  local str=table.concat(u,','):gsub('%d+',function(x) return x..'y' end)\n"
	"  local ok, r = pcall(rec, 10)\n"
	"  return s+#str+r\n"
	"end\n"
	"local co = coroutine.wrap(function() while true do coroutine.yield(work(20)) end end)\n"
	"while true do co() work(10) end\n";

static void expect_same(const struct host_walk_result *r, const struct host_walk_result *truth,
			const char *what, unsigned long read)
{
	cr_assert(eq(u16, r->sample.nr_frames, truth->sample.nr_frames), "%s, read %lu", what,
		  read);
	cr_assert(memcmp(r->frame, truth->frame,
			 truth->sample.nr_frames * sizeof(truth->frame[0])) == 0,
		  "%s, read %lu", what, read);
}

/*
 * Without the trace's snapshots the place in it is where the trace starts, and says so; what was
 * called on the trace is then not known. All below is as ever.
 */
static bool is_start_of_trace(const struct host_walk_result *r)
{
	return r->sample.nr_frames > 0 && (r->frame[0].flags & BPROF_FRAME_TRACE) &&
	       !(r->frame[0].flags & BPROF_FRAME_GUARD);
}

static void expect_same_below_trace(const struct host_walk_result *r,
				    const struct host_walk_result *truth, unsigned long read)
{
	size_t nr = r->sample.nr_frames - 1U;

	cr_assert(le(u16, r->sample.nr_frames, truth->sample.nr_frames), "read %lu", read);
	cr_assert(memcmp(&r->frame[1], &truth->frame[truth->sample.nr_frames - nr],
			 nr * sizeof(r->frame[0])) == 0,
		  "below the trace, read %lu", read);
}

static void fail_every_read(const struct host_walk_result *truth, unsigned long nr_reads)
{
	struct host_walk_result r;

	for (unsigned long k = 1; k <= nr_reads; k++) {
		fake_mem_rewind(&image);
		image.fail_at = k;
		walk(&r);
		cr_assert(image.failed);
		/* what the processor executes is there */
		if (r.sample.status != BPROF_WALK_OK || image.failed_at == in.reg[BPROF_REG_IP])
			continue;
		if (is_start_of_trace(&r))
			expect_same_below_trace(&r, truth, k);
		else
			expect_same(&r, truth, "fault", k);
	}
}

static void corrupt_reads(unsigned stop_nr)
{
	struct host_walk_result r;

	for (unsigned k = 1; k <= NR_CORRUPT_RUNS; k++) {
		fake_mem_rewind(&image);
		image.corrupt = 0x9E3779B97F4A7C15UL * (stop_nr * NR_CORRUPT_RUNS + k);
		walk(&r);
	}
}

ParameterizedTestParameters(walk_live, one_failed_read_is_flagged_or_changes_nothing)
{
	return cr_make_param_array(struct interpreter, interpreters, ARRAY_SIZE(interpreters));
}

ParameterizedTest(struct interpreter *i, walk_live, one_failed_read_is_flagged_or_changes_nothing,
		  .timeout = 120)
{
	struct host_walk_result live, truth;
	unsigned walked = 0;
	struct lua_target t;

	start(&t, i, moments);
	cr_assert(eq(long, write(t.to_child, "x", 1), 1));
	for (unsigned k = 0; k < NR_STOPS; k++) {
		cr_assert(eq(int, lua_target_continue(&t), 0));
		usleep(3000 + 371 * k);
		stop(&t);
		cr_assert(eq(int, host_walk(proc_mem(t.proc), &in, &live), 0));
		walk(&truth);
		expect_same(&live, &truth, "live", 0);
		cr_assert(eq(u8, live.sample.status, truth.sample.status));
		if (truth.sample.status == BPROF_WALK_OK) {
			walked++;
			fail_every_read(&truth, image.reads);
		}
		corrupt_reads(k);
	}
	cr_expect(ge(uint, walked, NR_STOPS - 2));
	finish(&t);
}

#endif
