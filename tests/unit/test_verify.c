/* SPDX-License-Identifier: MIT */
/* How sure is a stack? From what the walker says of a sample and of its frames. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "verify.h"

#define LUA   BPROF_FRAME_LUA
#define TRACE (BPROF_FRAME_LUA | BPROF_FRAME_TRACE)

struct given {
	const char *what;
	uint8_t status;
	uint32_t leaf, caller;
	enum confidence confidence;
};

static const struct given samples[] = {
	{"proved", BPROF_WALK_OK, LUA, LUA, CONFIDENCE_EXACT},
	{"a C function has no line", BPROF_WALK_OK, BPROF_FRAME_C | BPROF_FRAME_NO_POS, LUA,
	 CONFIDENCE_EXACT},
	{"a tail call is known", BPROF_WALK_OK, LUA | BPROF_FRAME_TAILCALL, LUA, CONFIDENCE_EXACT},
	{"from a guard", BPROF_WALK_OK, TRACE | BPROF_FRAME_GUARD, LUA, CONFIDENCE_GUARD},
	{"inlined, from a guard", BPROF_WALK_OK, TRACE | BPROF_FRAME_GUARD | BPROF_FRAME_INLINED,
	 TRACE | BPROF_FRAME_GUARD, CONFIDENCE_GUARD},
	{"start of a trace", BPROF_WALK_OK, TRACE, LUA, CONFIDENCE_TRACE_START},
	{"on a trace without a line", BPROF_WALK_OK, TRACE | BPROF_FRAME_NO_POS, LUA,
	 CONFIDENCE_FUNCTION_ONLY},
	{"a caller without a line", BPROF_WALK_OK, TRACE | BPROF_FRAME_GUARD,
	 LUA | BPROF_FRAME_NO_POS, CONFIDENCE_FUNCTION_ONLY},
	{"a marked leaf", BPROF_WALK_NO_LEAF, BPROF_FRAME_UNKNOWN, LUA, CONFIDENCE_UNKNOWN_LEAF},
	{"a marked leaf of a stack that ends well", BPROF_WALK_OK, BPROF_FRAME_UNKNOWN, LUA,
	 CONFIDENCE_UNKNOWN_LEAF},
	{"too deep", BPROF_WALK_TRUNCATED, LUA, LUA, CONFIDENCE_TRUNCATED},
	{"broken below", BPROF_WALK_BAD_FRAME, LUA, LUA, CONFIDENCE_INCOMPLETE},
	{"a coroutine without its resumer", BPROF_WALK_CHAIN, LUA, LUA, CONFIDENCE_INCOMPLETE},
	{"not running", BPROF_WALK_IDLE, 0, 0, CONFIDENCE_OUTSIDE},
};

Test(verify, every_sample_has_one_confidence)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct given *g = &samples[i];
		const struct bprof_frame frames[] = {{.flags = g->leaf}, {.flags = g->caller}};
		struct bprof_sample s = {.status = g->status, .nr_frames = 2};

		cr_expect(eq(int, verify_confidence(&s, frames), g->confidence), "%s", g->what);
	}
}

/* ---- builds -------------------------------------------------------------------------------- */

static void count(struct verify *v, uint32_t pid, uint64_t vm, enum bprof_family family,
		  uint8_t leaf_how)
{
	const struct bprof_frame leaf = {.flags = TRACE | BPROF_FRAME_GUARD};
	struct bprof_sample s = {
		.pid = pid,
		.vm = vm,
		.family = (uint8_t)family,
		.status = family == BPROF_FAMILY_NONE ? BPROF_WALK_NO_VM : BPROF_WALK_OK,
		.leaf_how = leaf_how,
		.nr_frames = family != BPROF_FAMILY_NONE,
		.vmstate = family == BPROF_FAMILY_PUC ? BPROF_GC_INSIDE : 0,
	};

	cr_assert(eq(int, verify_sample(v, &s, &leaf), 0));
}

static void tell(struct verify *v, uint32_t pid, uint64_t vm, enum bprof_family family,
		 const char *version)
{
	struct bprof_runtime fixed = {.pid = pid, .vm = vm, .family = (uint8_t)family};
	struct decoded d = {0};

	d.runtime.fixed = &fixed;
	d.runtime.version.data = version;
	d.runtime.version.len = strlen(version);
	cr_assert(eq(int, verify_runtime(v, &d), 0));
}

Test(verify, samples_are_counted_by_build_and_forks_go_with_their_parent)
{
	struct profile p = {0};
	struct verify *v;

	cr_assert(eq(int, verify_new(&v), 0));
	count(v, 10, 0x1000, BPROF_FAMILY_LUAJIT, WALK_LEAF_TRACE);
	count(v, 11, 0x1000, BPROF_FAMILY_LUAJIT, WALK_LEAF_TRACE); /* a fork of it */
	count(v, 12, 0x2000, BPROF_FAMILY_PUC, WALK_LEAF_PUC_C | WALK_LEAF_PUC_SKIPPED);
	count(v, 13, 0x3000, BPROF_FAMILY_PUC, WALK_LEAF_PUC_C); /* nobody told */
	count(v, 14, 0, BPROF_FAMILY_NONE, 0);
	count(v, 15, 0, BPROF_FAMILY_NONE, 0);
	tell(v, 10, 0x1000, BPROF_FAMILY_LUAJIT, "LuaJIT 2.1");
	tell(v, 12, 0x2000, BPROF_FAMILY_PUC, "Lua 5.4");
	cr_assert(eq(int, verify_fill(v, &p), 0));
	cr_assert(eq(sz, p.nr_verifications, 4));
	cr_expect(eq(str, (char *)p.verifications[0].version, "LuaJIT 2.1"));
	cr_expect(eq(u64, p.verifications[0].samples, 2));
	cr_expect(eq(u64, p.verifications[0].frames, 2));
	cr_expect(eq(u64, p.verifications[0].by_mark[FRAME_MARK_GUARD], 2));
	cr_expect(eq(u64, p.verifications[0].by_leaf[WALK_LEAF_TRACE], 2));
	cr_expect(eq(str, (char *)p.verifications[1].version, "Lua 5.4"));
	cr_expect(eq(u64, p.verifications[1].by_leaf[WALK_LEAF_PUC_C], 1));
	cr_expect(eq(u64, p.verifications[1].leaf_skipped, 1));
	cr_expect(eq(u64, p.verifications[1].by_gc[BPROF_GC_INSIDE], 1));
	cr_expect(eq(u64, p.verifications[0].by_gc[BPROF_GC_INSIDE], 0));
	cr_expect(eq(str, (char *)p.verifications[2].kind, "lua"));
	cr_expect(p.verifications[2].version == NULL);
	cr_expect(p.verifications[3].kind == NULL);
	cr_expect(eq(u64, p.verifications[3].by_confidence[CONFIDENCE_OUTSIDE], 2));
	verify_free(v);
}
