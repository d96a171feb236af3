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

const struct truth_program truth_programs[] = {
	{"busy", "coroutine", TRUTH_PUC, busy, busy_hot, 95, false},
	{"deep", "recursion", TRUTH_PUC, deep, deep_hot, 95, false},
	{"line", "lines", TRUTH_PUC, line, line_hot, 90, false},
	{"line2", "coroutines, nested", TRUTH_PUC, line2, line2_hot, 70, false},
	{"mix", "C function", TRUTH_PUC, mix, mix_hot, 95, false},
	{"tab", "table access", TRUTH_PUC, tab, tab_hot, 90, false},
	{"vec", "metamethod", TRUTH_PUC, vec, vec_hot, 95, false},
	{"ratio", "interpreter", TRUTH_PUC, ratio, ratio_hot, 95, false},
	{0},
};
