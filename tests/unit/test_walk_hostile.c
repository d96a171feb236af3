/* SPDX-License-Identifier: MIT */
/*
 * The walkers on memory that lies: stacks of real interpreters in which a pointer leads anywhere,
 * or which change while they are read. A walk ends, its result fits its record, and no function is
 * invented.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "discover.h"
#include "fake_mem.h"
#include "host_walk.h"
#include "lua_target.h"

#ifdef __x86_64__

#define MAX_READS  20000UL
#define MAX_REGION (16UL << 20)
#define MAX_WORDS  16384U
#define NR_MOMENTS 6U

struct interpreter {
	char name[16];
	int jit; /* LuaJIT: compile? */
};

static struct interpreter interpreters[] = {{"luajit", 0}, {"luajit", 1}, {"lua5.1", 0},
					    {"lua5.2", 0}, {"lua5.3", 0}, {"lua5.4", 0}};

/* Coroutines in coroutines, callbacks from C, metamethods, varargs, tail calls. */
static const char program[] =
	"if jit and not COMPILE then jit.off() end\n"
	"io.stdout:write('ready\\n') io.stdout:flush() io.read(1) "
	"local t = {} for i=1,100 do t[i] = tostring(i)..'x' end\n"
	"local mt = {__index = function(s,k) local r = #tostring(k) for i=1,50 do r=r+i%3 end "
	"return r end, __add = function(a,b) local q = a.missing return q end}\n"
	"local function gen(n) return coroutine.wrap(function()\n"
	"  for i=1,n do coroutine.yield(i + (setmetatable({},mt) + i)) end end) end\n"
	"local function va(...) local n = select('#', ...) for v in gen(3) do n=n+v end return n end\n"
	"local function tail(...) return va(...) end\n"
	"local function cmp(a,b) local x = tail(a,b) return a<b end\n"
	"local function work(k)\n"
	"  local u = {} for i=1,10 do u[i]=t[(i*7)%100+1] end\n"
	"  table.sort(u,cmp)\n"
	"  local s = table.concat(u,','):gsub('%d+',function(x) return x..va(x) end)\n"
	"  local ok, r = pcall(va, k, s)\n"
	"  return r end\n"
	"local co = coroutine.wrap(function() while true do coroutine.yield(work(2)) end end)\n"
	"while true do co() work(1) end\n";

/* One instant of the target: registers and memory. */
struct moment {
	struct fake_mem image;
	uint64_t reg[BPROF_NR_REGS];
};

static struct moment moments[NR_MOMENTS];
static struct host_walk_input in;

static void copy_memory(struct lua_target *t, struct fake_mem *image)
{
	fake_mem_init(image);
	proc_maps_done(&t->maps);
	cr_assert(eq(int, proc_read_maps(t->pid, &t->maps), 0));
	for (size_t i = 0; i < t->maps.nr; i++) {
		const struct proc_map *m = &t->maps.map[i];
		bool is_mcode = (m->prot & PROC_PROT_EXEC) && m->path[0] == '\0';

		if (((m->prot & PROC_PROT_WRITE) || is_mcode) && m->end - m->start <= MAX_REGION)
			fake_mem_copy(image, proc_mem(t->proc), m->start, m->end - m->start);
	}
}

static void find_vm(struct lua_target *t)
{
	struct discover_region regions[256];
	struct discovery found;
	size_t nr = lua_target_regions(t, regions, ARRAY_SIZE(regions));

	cr_assert(eq(int, discover_scan(proc_mem(t->proc), &t->env, regions, nr, NULL, &found, 1),
		     1));
	in = (struct host_walk_input){.vms = {.nr = 1}, .pid = (uint32_t)t->pid};
	in.vms.vm[0] = found.vm;
	in.layout[0] = found.layout;
	for (size_t i = 0; i < t->maps.nr; i++) {
		if (strcmp(t->maps.map[i].path, "[heap]") == 0) {
			in.heap_start = t->maps.map[i].start;
			in.heap_end = t->maps.map[i].end + (1UL << 20);
		}
	}
}

/* Runs the program and looks at it some times. */
static void take_moments(const struct interpreter *i)
{
	const char *path = lua_target_find(i->name);
	char code[sizeof(program) + 32];
	struct lua_target t;

	snprintf(code, sizeof(code), "COMPILE=%s %s", i->jit ? "true" : "false", program);
	if (!path)
		cr_skip_test("%s is not installed", i->name);
	cr_assert(eq(int, lua_target_start_script(&t, path, code), 0));
	cr_assert(eq(int, lua_target_seize(&t), 0));
	find_vm(&t);
	cr_assert(eq(long, write(t.to_child, "x", 1), 1));
	for (size_t k = 0; k < NR_MOMENTS; k++) {
		cr_assert(eq(int, lua_target_continue(&t), 0));
		usleep(4000 + 371 * (unsigned)k);
		cr_assert(eq(int, lua_target_stop(&t, moments[k].reg), 0));
		copy_memory(&t, &moments[k].image);
	}
	lua_target_end(&t);
}

static void forget_moments(void)
{
	for (size_t k = 0; k < NR_MOMENTS; k++)
		fake_mem_done(&moments[k].image);
}

/* Is there a prototype at this address of a moment, as its garbage collector would say? */
static bool is_prototype(const struct fake_mem *image, uaddr_t object)
{
	bool is_luajit = in.layout[0].family == BPROF_FAMILY_LUAJIT;
	uint8_t tag = 0;

	if (image->reader.read(image->reader.ctx, &tag, 1, object + (is_luajit ? 9 : 8)) < 0)
		return false;
	if (is_luajit)
		return tag == 7;
	return (tag & 0x3f) == (in.layout[0].dialect >= LUA_DIALECT_54 ? 10 : 9);
}

static void check(const struct host_walk_result *r, const struct fake_mem *image)
{
	cr_assert(lt(ulong, image->reads, MAX_READS));
	cr_assert(le(u16, r->sample.nr_frames, BPROF_MAX_FRAMES));
	cr_assert(le(u8, r->sample.nr_spans, BPROF_MAX_SPANS));
	cr_assert(le(u32, r->nr_fresh, BPROF_MAX_FRESH));
	cr_assert(lt(u8, r->sample.status, BPROF_NR_WALK_STATUS));
}

static void expect_no_invention(const struct host_walk_result *r, struct fake_mem *image,
				const char *what, size_t at)
{
	for (unsigned f = 0; f < r->sample.nr_frames; f++) {
		if (!(r->frame[f].flags & BPROF_FRAME_LUA))
			continue;
		cr_assert(is_prototype(image, r->frame[f].object),
			  "%s %zu: frame %u of %u is no function: %llx, status %u", what, at, f,
			  r->sample.nr_frames, (unsigned long long)r->frame[f].object,
			  r->sample.status);
	}
}

/* ---- pointers that lead anywhere ---------------------------------------------------------------
 */

/* The words that a walk reads, once each. */
static uaddr_t words[MAX_WORDS];
static size_t nr_words;

static int note_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct fake_mem *image = ctx;
	int r = image->reader.read(image->reader.ctx, dst, len, src);

	for (uaddr_t at = (src + 7) & ~7UL; r == 0 && at + 8 <= src + len; at += 8) {
		bool is_new = nr_words < MAX_WORDS;

		for (size_t i = 0; is_new && i < nr_words; i++)
			is_new = words[i] != at;
		if (is_new)
			words[nr_words++] = at;
	}
	return r;
}

static bool is_mapped(const struct fake_mem *image, uint64_t value)
{
	for (size_t i = 0; i < image->nr_regions; i++)
		if (value - image->region[i].start < image->region[i].bytes)
			return true;
	return false;
}

/* Like a pointer, tagged or not, or a link of LuaJIT. */
static bool is_pointer(const struct fake_mem *image, uint64_t value)
{
	return is_mapped(image, value) || is_mapped(image, value & ((1ULL << 47) - 1));
}

static void walk_redirected(struct fake_mem *image, size_t at, uint64_t value, unsigned *ok)
{
	uint64_t truth = fake_mem_get(image, words[at], 8), tag = truth & ~((1ULL << 47) - 1);
	struct host_walk_result r;

	fake_mem_put(image, words[at], 8, tag | value);
	fake_mem_rewind(image);
	cr_assert(eq(int, host_walk(&image->reader, &in, &r), 0));
	check(&r, image);
	fake_mem_put(image, words[at], 8, truth);
	expect_no_invention(&r, image, "redirected word", at);
	*ok += r.sample.status == BPROF_WALK_OK;
}

/* Each pointer leads to itself, to its neighbour, to what was read before and after, to the VM. */
static void redirect_every_pointer(struct moment *m)
{
	struct mem_reader noting = {note_read, &m->image};
	struct host_walk_result truth;
	unsigned ok = 0, pointers = 0;

	nr_words = 0;
	memcpy(in.reg, m->reg, sizeof(in.reg));
	cr_assert(eq(int, host_walk(&noting, &in, &truth), 0));
	expect_no_invention(&truth, &m->image, "truth", 0);
	for (size_t i = 0; i < nr_words; i++) {
		const uint64_t targets[] = {
			words[i],
			words[i] + 8,
			words[i ? i - 1 : nr_words - 1],
			words[(i + 1) % nr_words],
			words[(i * 7919 + 13) % nr_words],
			in.vms.vm[0].main,
			in.vms.vm[0].global,
			0,
		};

		if (!is_pointer(&m->image, fake_mem_get(&m->image, words[i], 8)))
			continue;
		pointers++;
		for (size_t k = 0; k < ARRAY_SIZE(targets); k++)
			walk_redirected(&m->image, i, targets[k], &ok);
	}
	cr_log_info("%zu words, %u pointers, %u of %zu walks ended OK", nr_words, pointers, ok,
		    pointers * (size_t)8);
	cr_assert(gt(uint, pointers, 5));
}

ParameterizedTestParameters(walk_hostile, a_pointer_may_lead_anywhere)
{
	return cr_make_param_array(struct interpreter, interpreters, ARRAY_SIZE(interpreters));
}

ParameterizedTest(struct interpreter *i, walk_hostile, a_pointer_may_lead_anywhere, .timeout = 120)
{
	take_moments(i);
	redirect_every_pointer(&moments[1]);
	redirect_every_pointer(&moments[4]);
	forget_moments();
}

/* ---- memory that changes between two reads ----------------------------------------------------
 */

/* Reads of one moment up to a point, of another from there on. */
struct torn {
	struct fake_mem *before, *after;
	unsigned long reads, change_at;
};

static int read_torn(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct torn *torn = ctx;
	struct fake_mem *image = ++torn->reads < torn->change_at ? torn->before : torn->after;

	return image->reader.read(image->reader.ctx, dst, len, src);
}

/* The target runs on at every possible instant of the walk; what it freed is anything then. */
static void tear(struct moment *before, struct moment *after)
{
	struct torn torn = {.before = &before->image, .after = &after->image};
	struct mem_reader mem = {read_torn, &torn};
	struct host_walk_result r;

	memcpy(in.reg, before->reg, sizeof(in.reg));
	for (torn.change_at = 1; torn.reads + 1 >= torn.change_at; torn.change_at++) {
		torn.reads = 0;
		cr_assert(eq(int, host_walk(&mem, &in, &r), 0));
		before->image.reads = torn.reads;
		check(&r, &before->image);
		for (unsigned f = 0; f < r.sample.nr_frames; f++) {
			bool is_known = !(r.frame[f].flags & BPROF_FRAME_LUA) ||
					is_prototype(&before->image, r.frame[f].object) ||
					is_prototype(&after->image, r.frame[f].object);

			cr_assert(is_known, "read %lu, frame %u", torn.change_at, f);
		}
	}
}

ParameterizedTestParameters(walk_hostile, memory_may_change_at_any_read)
{
	return cr_make_param_array(struct interpreter, interpreters, ARRAY_SIZE(interpreters));
}

ParameterizedTest(struct interpreter *i, walk_hostile, memory_may_change_at_any_read,
		  .timeout = 120)
{
	take_moments(i);
	for (size_t a = 0; a < NR_MOMENTS; a++)
		for (size_t b = 0; b < NR_MOMENTS; b++)
			if (a != b)
				tear(&moments[a], &moments[b]);
	forget_moments();
}

/* ---- registers and memory of different instants -----------------------------------------------
 */

ParameterizedTestParameters(walk_hostile, registers_may_be_of_another_instant)
{
	return cr_make_param_array(struct interpreter, interpreters, ARRAY_SIZE(interpreters));
}

ParameterizedTest(struct interpreter *i, walk_hostile, registers_may_be_of_another_instant,
		  .timeout = 60)
{
	struct host_walk_result r;

	take_moments(i);
	for (size_t a = 0; a < NR_MOMENTS; a++) {
		for (size_t b = 0; b < NR_MOMENTS; b++) {
			struct fake_mem *image = &moments[b].image;

			memcpy(in.reg, moments[a].reg, sizeof(in.reg));
			fake_mem_rewind(image);
			cr_assert(eq(int, host_walk(&image->reader, &in, &r), 0));
			check(&r, image);
			expect_no_invention(&r, image, "moment", NR_MOMENTS * a + b);
		}
	}
	forget_moments();
}

#endif
