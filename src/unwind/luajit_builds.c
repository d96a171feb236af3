/* SPDX-License-Identifier: MIT */
/*
 * Manages the tables of known builds of LuaJIT: what its memory does not give away.
 *
 * Invariant: every row is a fact about the sources of its time: offsetof() compiled from their own
 * headers. No row is extrapolated.
 *
 * Facts: lj_obj.h, lj_dispatch.h, lj_jit.h of LuaJIT 2.1 (copyright Mike Pall, MIT).
 */
#include "lua_vms.h"

const struct luajit_era luajit_eras[] = {
	{.name = "since October 2020",
	 .mainthread = 192,
	 .vmstate = 184,
	 .registry = 272,
	 .supported = true},
	{.name = "June to September 2020",
	 .mainthread = 184,
	 .vmstate = 176,
	 .registry = 264,
	 .supported = true},
	{.name = "2017 to June 2020",
	 .mainthread = 200,
	 .vmstate = 128,
	 .registry = 208,
	 .supported = true},
	{.name = "without GC64, since June 2021",
	 .mainthread = 140,
	 .vmstate = 136,
	 .registry = 216,
	 .supported = true,
	 .refs32 = 1},
	{.name = "without GC64, October 2020 to June 2021",
	 .mainthread = 140,
	 .vmstate = 136,
	 .registry = 200,
	 .supported = true,
	 .refs32 = 1},
	{.name = "without GC64, June to September 2020",
	 .mainthread = 132,
	 .vmstate = 128,
	 .registry = 192,
	 .supported = true,
	 .refs32 = 1},
	{.name = "without GC64, 2017 to June 2020",
	 .mainthread = 128,
	 .vmstate = 88,
	 .registry = 136,
	 .supported = true,
	 .refs32 = 1},
	/* Tarantool's fork: its C frames are longer, and its vmstate counts otherwise. */
	{.name = "tarantool", .mainthread = 304, .vmstate = 408, .registry = 312},
};

const size_t luajit_nr_eras = ARRAY_SIZE(luajit_eras);

#define BUILD(since, cfunc, dispatch_, state, traces, mcode)                                       \
	{                                                                                          \
		.name = (since), .bc_cfunc = (cfunc), .dispatch = (dispatch_),                     \
		.state_bytes = (state), .trace_table = (traces), .snapshot_mcode = (mcode),        \
	}

/*
 * Every layout that the development branch had from March 2017 to August 2026, and that of
 * OpenResty's fork up to its tag of March 2024, by the day on which it began: tools/layouts over
 * the history. Behind it those of its releases of 2025, January and October, which Debian 13 and
 * later have.
 */
const struct luajit_build luajit_builds[] = {
	/* x86-64, GC64 */
	BUILD("2017-03-20", 336, 3920, 96, 1064, 0),
	BUILD("2020-05-22 (arm64: 2020-06-15)", 336, 3912, 96, 1064, 0),
	BUILD("2020-06-15", 336, 3936, 96, 1088, 0),
	BUILD("2020-06-23", 352, 3952, 96, 1104, 0),
	BUILD("2020-09-30", 360, 3960, 96, 1112, 0),
	BUILD("2021-03-23", 360, 3968, 96, 1112, 6),
	BUILD("2024-04-19", 360, 3976, 96, 1120, 6),
	BUILD("2025-11-06", 360, 3992, 96, 1120, 6),
	BUILD("2025-11-10", 368, 4000, 96, 1128, 6),
	BUILD("OpenResty, 2017-03-13", 336, 3928, 96, 1072, 0),
	BUILD("OpenResty, 2018-10-17", 336, 3928, 104, 1072, 0),
	BUILD("OpenResty, 2020-09-25", 352, 3960, 104, 1112, 0),
	BUILD("OpenResty, 2020-09-29", 352, 4000, 104, 1112, 0),
	BUILD("OpenResty, 2020-10-02", 352, 3992, 104, 1112, 0),
	BUILD("OpenResty, 2020-10-08", 352, 3992, 112, 1112, 0),
	BUILD("OpenResty, 2020-10-12", 360, 4000, 112, 1120, 0),
	BUILD("OpenResty, 2021-06-07", 360, 4008, 112, 1120, 6),
	BUILD("OpenResty, 2024", 360, 4016, 112, 1128, 6),
	/* arm64 */
	BUILD("2017-03-20, arm64", 336, 3888, 96, 1032, 0),
	BUILD("2020-05-22, arm64", 336, 3880, 96, 1032, 0),
	BUILD("2020-06-23, arm64", 352, 3928, 96, 1080, 0),
	BUILD("2020-09-30, arm64", 360, 3936, 96, 1088, 0),
	BUILD("2021-03-23, arm64", 360, 3944, 96, 1088, 6),
	BUILD("2024-04-19, arm64", 360, 3952, 96, 1096, 6),
	BUILD("2025-11-06, arm64", 360, 3984, 96, 1112, 6),
	BUILD("2025-11-10, arm64", 368, 3992, 96, 1120, 6),
	BUILD("OpenResty, 2017-03-13, arm64", 336, 3896, 96, 1040, 0),
	BUILD("OpenResty, 2018-10-17, arm64", 336, 3896, 104, 1040, 0),
	BUILD("OpenResty, 2020-09-25, arm64", 352, 3936, 104, 1088, 0),
	BUILD("OpenResty, 2020-09-29, arm64", 352, 3976, 104, 1088, 0),
	BUILD("OpenResty, 2020-10-02, arm64", 352, 3968, 104, 1088, 0),
	BUILD("OpenResty, 2020-10-08, arm64", 352, 3968, 112, 1088, 0),
	BUILD("OpenResty, 2020-10-12, arm64", 360, 3976, 112, 1096, 0),
	BUILD("OpenResty, 2021-06-07, arm64", 360, 3984, 112, 1096, 6),
	BUILD("OpenResty, 2024, arm64", 360, 3992, 112, 1104, 6),
	/* x86-64 without GC64: what it was built as by default up to 2019-12-08 */
	BUILD("2017-03-20, 32-bit references", 240, 3112, 64, 784, 0),
	BUILD("2020-05-22, 32-bit references", 240, 3104, 64, 784, 0),
	BUILD("2020-06-15, 32-bit references", 240, 3128, 64, 808, 0),
	BUILD("2020-06-23, 32-bit references", 256, 3144, 64, 824, 0),
	BUILD("2020-09-30, 32-bit references", 264, 3152, 64, 832, 0),
	BUILD("2021-03-23, 32-bit references", 264, 3160, 64, 832, 6),
	BUILD("2021-06-01, 32-bit references", 280, 3176, 64, 848, 6),
	BUILD("2024-04-19, 32-bit references", 280, 3184, 64, 856, 6),
	BUILD("2025-11-06, 32-bit references", 280, 3200, 64, 856, 6),
	BUILD("2025-11-10, 32-bit references", 288, 3208, 64, 864, 6),
	BUILD("OpenResty, 2018-10-17, 32-bit references", 240, 3112, 72, 784, 0),
	BUILD("OpenResty, 2020-09-25, 32-bit references", 256, 3144, 72, 824, 0),
	BUILD("OpenResty, 2020-09-29, 32-bit references", 256, 3184, 72, 824, 0),
	BUILD("OpenResty, 2020-10-02, 32-bit references", 256, 3176, 72, 824, 0),
	BUILD("OpenResty, 2020-10-08, 32-bit references", 256, 3184, 80, 832, 0),
	BUILD("OpenResty, 2020-10-12, 32-bit references", 264, 3192, 80, 840, 0),
	BUILD("OpenResty, 2021-06-07, 32-bit references", 280, 3216, 80, 856, 6),
};

const size_t luajit_nr_builds = ARRAY_SIZE(luajit_builds);
