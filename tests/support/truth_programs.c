/* SPDX-License-Identifier: MIT */
/*
 * The legal stacks of the programs in tests/truth/, and where their time goes. A change of a line
 * number in a program is a change here.
 */
#include "truth.h"

/* The function coroutine.wrap() returned is a C function without a name of its own: "@*". */
#define MAIN_LEAF                                                                                  \
	"main:*", "main:* @os.clock|tonumber|jit.off|coroutine.wrap|coroutine.create|tostring|"    \
		  "setmetatable|select"

static const char *const busy[] = {
	MAIN_LEAF,
	"main:21 @*",
	"main:21 @* anon:17-19 @coroutine.yield?",
	"main:21 @* anon:18 top:13-16",
	"main:21 @* anon:18 top:14 mid:10-12",
	"main:21 @* anon:18 top:14 mid:11 leaf:5-9",
	NULL,
};
static const char *const busy_hot[] = {"main:21 @* anon:18 top:14 mid:11 leaf:6-8", NULL};

static const char *const branch[] = {
	MAIN_LEAF,
	"main:35 decide:6-8,10,12-15,17-20",
	"main:36 close:21-28,30-33",
	NULL,
};
static const char *const branch_hot[] = {"main:35 decide:8-15", "main:36 close:23-28", NULL};

static const char *const deep[] = {
	MAIN_LEAF,
	"main:22 @*",
	"main:22 @* anon:18-20 @coroutine.yield?",
	"main:22 @* anon:19 rec:15{0,20} rec:10-13,15-17",
	"main:22 @* anon:19 rec:15{20,20} rec:12 leaf:5-9",
	NULL,
};
static const char *const deep_hot[] = {"main:22 @* anon:19 rec:15{20,20} rec:12 leaf:6-8", NULL};

static const char *const line[] = {
	MAIN_LEAF,
	"main:28 @*",
	"main:28 @* anon:21-26 @coroutine.yield?",
	"main:28 @* anon:23 g:17-20",
	"main:28 @* anon:23 g:18 f:7-13,15,16",
	NULL,
};
static const char *const line_hot[] = {"main:28 @* anon:23 g:18 f:8-13", NULL};

#define LINE2_WORK "main:39 work:35 @coroutine.resume"
#define LINE2_MID  LINE2_WORK " anon:29 mid:23 @*"

static const char *const line2[] = {
	MAIN_LEAF,
	"main:39 work:26-38 @coroutine.create|os.clock?",
	LINE2_WORK,
	LINE2_WORK " anon:27-32 @coroutine.yield?",
	LINE2_WORK " anon:29 mid:18-25 @coroutine.wrap?",
	LINE2_MID,
	LINE2_MID " anon:19-22",
	LINE2_MID " anon:20 inner:11-17",
	LINE2_MID " anon:20 inner:13 gen:4-10 @coroutine.wrap?",
	LINE2_MID " anon:20 inner:13 @*",
	LINE2_MID " anon:20 inner:13 @* anon:5-9 @coroutine.yield?",
	NULL,
};
static const char *const line2_hot[] = {LINE2_MID " anon:20 inner:* @*? anon:*? @*?", NULL};

/* 5.4: a long luaL_Buffer is a userdata, closed by its own C function at the end (lauxlib.c boxgc).
 */
#define BUFFER_FREED "@_UBOX*:__gc|_UBOX*:__close?"
#define MIX_WORK     "main:30 run:26 work"

static const char *const mix[] = {
	MAIN_LEAF,
	"main:30 run:25-28",
	MIX_WORK ":10-20,22-24",
	MIX_WORK ":13 @table.sort anon:7-9?",
	MIX_WORK ":15 @pairs|next",
	MIX_WORK ":18 @math.sin|math.floor",
	MIX_WORK ":20 @table.concat " BUFFER_FREED,
	MIX_WORK ":20,22 @string.gsub anon:20-22?",
	MIX_WORK ":20,22 @string.gsub " BUFFER_FREED,
	/* The collector finalizes it where the program allocates: a table, "k" .. i, x .. "y". */
	MIX_WORK ":10,17 " BUFFER_FREED,
	MIX_WORK ":20,22 @string.gsub anon:21 " BUFFER_FREED,
	NULL,
};
static const char *const mix_hot[] = {MIX_WORK ":* @*? anon:*?", NULL};

static const char *const tab[] = {
	MAIN_LEAF,
	"main:30 cnt:7-11",
	"main:31 nx:12-19",
	"main:31 nx:15 @next",
	"main:32 m:20-27",
	"main:32 m:23 @math.log",
	"main:32 m:24 @math.fmod|math.mod", /* 5.1: one function, two names */
	NULL,
};
static const char *const tab_hot[] = {"main:30 cnt:9", "main:31 nx:14-17 @*?",
				      "main:32 m:22-25 @*?", NULL};

/* Metamethods: no name on 5.1, "__index" on 5.2, 5.3 and LuaJIT, "index" on 5.4. */
#define META_INDEX "__index|index|anon"
#define META_ADD   "__add|add|anon"

#define VEC_GSUB    "main:49 gs:42,45 @string.gsub"
#define VEC_XPCALL  VEC_GSUB " anon:43 @xpcall"
#define VEC_WRAPPED VEC_XPCALL " anon:39 @*"
#define VEC_PCALL   VEC_WRAPPED " anon:34 @pcall"
#define VEC_SORT    VEC_PCALL " sorter|anon:30 @table.sort"
#define VEC_ADD	    VEC_SORT " anon:25 " META_ADD ":21"
#define VEC_INDEX   VEC_ADD " " META_INDEX ":17"

static const char *const vec[] = {
	MAIN_LEAF,
	"main:49 gs:41-47",
	VEC_GSUB,
	VEC_GSUB " anon:42-45",
	VEC_XPCALL,
	VEC_XPCALL " anon:37-40 @coroutine.wrap?",
	VEC_WRAPPED,
	VEC_WRAPPED " anon:33-36",
	VEC_PCALL,
	VEC_PCALL " anon:32",
	/* 5.1 to 5.3 call first, then move the new frame over the one of the tail call. */
	VEC_PCALL " anon:32 sorter|anon:28,29",
	VEC_PCALL " sorter|anon:28-31",
	VEC_SORT,
	VEC_SORT " anon:24-27 @setmetatable?",
	VEC_SORT " anon:25 " META_ADD ":20-23 @setmetatable?",
	VEC_ADD " " META_INDEX ":16-19",
	VEC_INDEX " va:11-14",
	VEC_INDEX " va:12 block:6-10",
	NULL,
};
static const char *const vec_hot[] = {VEC_INDEX " va:12 block:7-9", NULL};

static const char *const ratio[] = {
	MAIN_LEAF,
	"main:27 one:10-13",
	"main:28 two:14-17",
	"main:29 four:18-21",
	"main:30 eight:22-25",
	"main:27 one:11 burn:5-9",
	"main:28 two:15 burn:5-9",
	"main:29 four:19 burn:5-9",
	"main:30 eight:23 burn:5-9",
	NULL,
};
static const char *const ratio_hot[] = {"main:27 one:11 burn:6-8", "main:28 two:15 burn:6-8",
					"main:29 four:19 burn:6-8", "main:30 eight:23 burn:6-8",
					NULL};

/* The hook's name, where the VM's debug library gives it one. */
#define HOOK "anon|hook|?"

static const char *const hook[] = {
	MAIN_LEAF,
	"main:19 @debug.sethook",
	"main:21 work:14-18",
	"main:20-22 " HOOK ":10-13",
	"main:20-22 " HOOK ":11 count:5-9",
	"main:21 work:14-18 " HOOK ":10-13",
	"main:21 work:14-18 " HOOK ":11 count:5-9",
	NULL,
};
static const char *const hook_hot[] = {"main:21 work:16", "main:21 work:16 " HOOK ":11 count:6-8",
				       NULL};

static const char *const cut[] = {
	MAIN_LEAF,
	"main:22 @*",
	"main:22 @* anon:18-20 @coroutine.yield?",
	"main:22 @* anon:19 rec:15{0,200} rec:10-13,15-17",
	"main:22 @* anon:19 rec:15{200,200} rec:12 leaf:5-9",
	NULL,
};
static const char *const cut_hot[] = {"main:22 @* anon:19 rec:15{200,200} rec:12 leaf:6-8", NULL};

#define CO8_0	     "main:23 nest:"
#define CO8_1	     CO8_0 CO8_LEVEL
#define CO8_2	     CO8_1 CO8_LEVEL
#define CO8_3	     CO8_2 CO8_LEVEL
#define CO8_4	     CO8_3 CO8_LEVEL
#define CO8_5	     CO8_4 CO8_LEVEL
#define CO8_6	     CO8_5 CO8_LEVEL
#define CO8_7	     CO8_6 CO8_LEVEL
#define CO8_8	     CO8_7 CO8_LEVEL
#define CO8_LEVEL    "19 @* anon:16 nest:"
#define CO8_AT(nest) nest "10-15,18-21", nest "15,18 @coroutine.wrap", nest "19 @* anon:15-18?"

static const char *const co8[] = {
	MAIN_LEAF,     CO8_AT(CO8_0), CO8_AT(CO8_1),	   CO8_AT(CO8_2),
	CO8_AT(CO8_3), CO8_AT(CO8_4), CO8_AT(CO8_5),	   CO8_AT(CO8_6),
	CO8_AT(CO8_7), CO8_8 "10-14", CO8_8 "12 leaf:5-9", NULL,
};
static const char *const co8_hot[] = {CO8_8 "12 leaf:6-8", NULL};

static const char *const jitmix[] = {
	MAIN_LEAF, "main:29 loop:10-19", "main:29 loop:13 inner:6-9", "main:30 strs:20-27", NULL,
};
static const char *const jitmix_hot[] = {"main:29 loop:12-16", "main:29 loop:13 inner:7,8",
					 "main:30 strs:22-25", NULL};

/* fib(18) calls itself until fib(1): 18 frames. */
static const char *const fib[] = {
	MAIN_LEAF,
	"main:26 fib:6,7{0,17} fib:4-9",
	"main:27 drive:17-24",
	"main:27 drive:20 step|anon:12-16",
	"main:27 drive:21 @tostring",
	NULL,
};
static const char *const fib_hot[] = {"main:26 fib:6,7{2,17} fib:4-9",
				      "main:27 drive:19-22 step|anon:*? @*?", NULL};

static const char *const gc[] = {
	MAIN_LEAF, "main:18 fill:5-9", "main:18 fill:7 @tostring", "main:19 close:10-16", NULL,
};
static const char *const gc_hot[] = {"main:18 fill:6-8 @*?", "main:19 close:12-14", NULL};

static const char *const ffi[] = {
	MAIN_LEAF,
	"main:4 @require @*?",
	"main:8,9,14 @*", /* ffi.cdef, ffi.new, ffi.cast */
	"main:27 sort:15-18",
	"main:27 sort:16 @*", /* an array of C is written by a C function of the FFI */
	"main:27 sort:17 @*",
	"main:27 sort:17 @* compare|anon:10-13",
	"main:27 sort:17 @* compare|anon:11,12 @*", /* and read by one */
	"main:28 calls:19-25",
	"main:28 calls:22 @*",
	NULL,
};
static const char *const ffi_hot[] = {"main:27 sort:17 @* compare|anon:*? @*?",
				      "main:28 calls:21-23", "main:28 calls:22 @*", NULL};

/* 5.4 and later: the first instruction of a vararg function is on line 1. */
#define REC_RUN "main:25,26 run:18 main:"

static const char *const rec[] = {
	"main:1-28",
	"main:4,28 @os.clock|tonumber",
	"main:6 @string.rep",
	"main:24 @load|loadstring|string.gsub",
	"main:25,26 run:17-20",
	REC_RUN "1,101-109",
	REC_RUN "104 @tostring",
	"main:27 @jit.flush",
	NULL,
};
static const char *const rec_hot[] = {REC_RUN "101-109 @*?", "main:24 @load|loadstring|string.gsub",
				      NULL};

/* LuaJIT cannot know that a call was a tail call: it names the callee as the one it replaced. */
#define CALLS_BODY   "main:45 run:34 @pcall body|anon:"
#define CALLS_XPCALL "main:45 run:35,38 @xpcall"

static const char *const calls[] = {
	MAIN_LEAF,
	"main:45 run:31-43",
	"main:45 run:34 @pcall",
	CALLS_BODY "26-30",
	CALLS_BODY "27 tail:14-17",
	CALLS_BODY "27 ends|tail|anon:10-13",
	/* 5.1 to 5.3 call first, then move the new frame over the one of the tail call. */
	CALLS_BODY "27 tail:16 ends|anon:10,11",
	CALLS_BODY "28 va:6-9",
	CALLS_XPCALL,
	CALLS_XPCALL " anon:35-38",
	CALLS_XPCALL " anon:36 fails:18-21",
	CALLS_XPCALL " anon:36 fails:19 @error handler|anon:22-25?",
	"main:45 run:39 @pcall",
	"main:45 run:39 @pcall fails|anon:18-21",
	"main:45 run:39 @pcall fails|anon:19 @error",
	NULL,
};
static const char *const calls_hot[] = {"main:45 run:33-41 @*? *:*{0,3} @*? *:*?", NULL};

#define META_NEWINDEX "__newindex|newindex|anon"

static const char *const meta[] = {
	MAIN_LEAF,
	"main:49 work:35-47",
	"main:49 work:38 " META_INDEX ":6-9",
	"main:49 work:39 " META_NEWINDEX ":10-13",
	"main:49 work:39 " META_NEWINDEX ":12 @rawset",
	"main:49 work:40 a|__call|call|anon:14-17",
	"main:49 work:41 " META_ADD ":18-21",
	"main:49 work:42 __concat|concat|anon:22-25",
	"main:49 work:43 __lt|lt|anon:26-29",
	"main:49 work:44 __eq|eq|anon:30-33",
	NULL,
};
static const char *const meta_hot[] = {"main:49 work:37-45 *:*? @*?", NULL};

static const char *const stale[] = {
	MAIN_LEAF,
	"main:49 work:29-47",
	"main:49 work:32,36,40,43 note:22-24",
	"main:49 work:34,38,42,44 tell:25-27",
	"main:49 work:33 " META_ADD ":13-15",
	"main:49 work:35 " META_INDEX ":7-9",
	"main:49 work:37 " META_NEWINDEX ":10-12",
	"main:49 work:39 __lt|lt|anon:19-21",
	"main:49 work:41 __concat|concat|anon:16-18",
	NULL,
};
static const char *const stale_hot[] = {"main:49 work:31-45 *:*?", NULL};

#define JITCALLS_BODY "main:57 loop:40 @pcall body|anon:"

static const char *const jitcalls[] = {
	MAIN_LEAF,
	"main:57 loop:34-44",
	"main:57 loop:37 " META_INDEX ":6-9",
	"main:57 loop:38 " META_ADD ":10-13",
	"main:57 loop:39 va:14-18",
	"main:57 loop:39 va:15 @select",
	"main:57 loop:40 @pcall",
	JITCALLS_BODY "29-32",
	JITCALLS_BODY "30 tail:25-28",
	JITCALLS_BODY "30 ends|tail|anon:19-24",
	JITCALLS_BODY "30 tail:27 ends|anon:19,20",
	"main:58 each:47-55",
	"main:58 each:50 @*", /* ipairs, and what it returns */
	NULL,
};
static const char *const jitcalls_hot[] = {"main:57 loop:36-42 *:*? @*? *:*{0,3}",
					   "main:58 each:49-53 @*?", NULL};

#define ON_EVENT " anon:5-7"

static const char *const hooks[] = {
	MAIN_LEAF,
	"main:*" ON_EVENT,
	"main:*"
	" @os.clock|debug.sethook" ON_EVENT,
	"main:21 work:12-18",
	"main:21 work:12-18" ON_EVENT,
	"main:21 work:15 leaf:8-11",
	"main:21 work:15 leaf:8-11" ON_EVENT,
	NULL,
};
static const char *const hooks_hot[] = {"main:21 work:13-17 *:*{0,2}", NULL};

/* Each call is on a line of its own: a trace that is shown as the one it replaced does not fit. */
static const char *const flush[] = {
	MAIN_LEAF,
	"main:61 @jit.flush",
	"main:53 one:5-11",
	"main:54 two:16-22",
	"main:54 two:19 add:12-15",
	"main:56 three:23-33",
	"main:58 four:34-40",
	"main:59 never:41-48",
	NULL,
};
static const char *const flush_hot[] = {"main:53 one:6-9",     "main:54 two:17-21 *:*{0,1}",
					"main:56 three:24-31", "main:58 four:35-38",
					"main:59 never:42-46", NULL};

const struct truth_program truth_programs[] = {
	{"ratio", "interpreter", TRUTH_PUC, ratio, ratio_hot, 85, false, 0},
	{"line", "lines of a loop", TRUTH_PUC, line, line_hot, 80, false, 0},
	{"branch", "branches, closures", TRUTH_PUC, branch, branch_hot, 80, false, 0},
	{"tab", "table access", TRUTH_PUC, tab, tab_hot, 80, false, 0},
	{"mix", "C functions, callbacks", TRUTH_PUC, mix, mix_hot, 85, false, 0},
	{"meta", "metamethods", TRUTH_PUC, meta, meta_hot, 85, false, 0},
	/* of LuaJIT: when a metamethod returns, the pc of what it did last is gone */
	{"stale", "metamethods after calls", TRUTH_PUC, stale, stale_hot, 85, false, 3},
	{"calls", "pcall, varargs, tail calls", TRUTH_PUC, calls, calls_hot, 85, false, 0},
	{"vec", "all kinds of calls", TRUTH_PUC, vec, vec_hot, 85, false, 0},
	{"busy", "coroutine", TRUTH_PUC, busy, busy_hot, 85, false, 0},
	{"line2", "coroutines, switching", TRUTH_PUC, line2, line2_hot, 50, false, 0},
	{"co8", "coroutines, 8 levels", TRUTH_PUC, co8, co8_hot, 75, false, 0},
	{"deep", "recursion", TRUTH_PUC, deep, deep_hot, 85, false, 0},
	{"cut", "recursion, 201 frames", TRUTH_PUC, cut, cut_hot, 85, true, 0},
	{"hook", "hook", TRUTH_PUC, hook, hook_hot, 80, false, 0},
	{"gc", "collector", TRUTH_PUC, gc, gc_hot, 85, false, 0},
	{"rec", "loading, compiling", TRUTH_PUC, rec, rec_hot, 80, false, 0},
	{"jitmix", "traces", TRUTH_PUC, jitmix, jitmix_hot, 85, false, 0},
	{"jitcalls", "traces, calls inlined", TRUTH_PUC, jitcalls, jitcalls_hot, 85, false, 0},
	{"hooks", "hook of calls, returns, lines", TRUTH_PUC, hooks, hooks_hot, 80, false, 0},
	{"flush", "traces, flushed, given up", TRUTH_JIT, flush, flush_hot, 60, false, 0},
	{"fib", "traces, recursion", TRUTH_PUC, fib, fib_hot, 85, false, 0},
	{"ffi", "FFI and callbacks", TRUTH_LUAJIT, ffi, ffi_hot, 85, false, 0},
	{0},
};
