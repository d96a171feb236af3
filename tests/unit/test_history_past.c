/* SPDX-License-Identifier: MIT */
/* What past releases say of themselves, foreign files, and which of them are shown together. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bprof/profile.h>

#include "base.h"
#include "history.h"

static int add(struct history *h, const char *folder, const char *text)
{
	struct history_folder f;
	struct buf why;
	int r;

	cr_assert(eq(int, history_folder_parse(folder, &f), 0), "%s", folder);
	buf_init(&why, 4096);
	r = history_add(h, &f, text, strlen(text), &why);
	cr_expect(eq(int, r<0, why.len> 0), "a reason for each refusal: %s", text);
	buf_done(&why);
	return r;
}

static const char mega[] =
	"{\"versions\":{\"lua\":\"LuaJIT 2.1.17\",\"neovim\":{\"major\":0,\"minor\":10,\"patch\":4,"
	"\"prerelease\":false,\"api_level\":12},\"release\":\"v1.4.0\",\"uv\":76800},"
	"\"statistics\":{\"mean\":812.4,\"median\":401.0,\"standard_deviation\":1730.9,"
	"\"total\":5120034.2},\"hardware\":{\"cpu\":\"Example CPU 3.0GHz\",\"platform\":\"Linux\"}}";

Test(history_add, a_profile_of_mega_busted)
{
	struct history h = {0};
	const struct past_release *p;

	cr_assert(eq(int, add(&h, "v1.4.0-2025_01_02-03_04_05", mega), 0));
	p = &h.releases[0];
	cr_expect(eq(u64, p->total_ns, 5120034200));
	cr_expect(eq(u64, p->mean_ns, 812400));
	cr_expect(eq(u64, p->median_ns, 401000));
	cr_expect(eq(u64, p->deviation_ns, 1730900));
	cr_expect(eq(u64, p->num_cpu, PROFILE_UNKNOWN), "not told");
	cr_expect(eq(str, p->neovim, "0.10.4"));
	cr_expect(eq(str, p->interpreter, "LuaJIT 2.1.17"));
	cr_expect(eq(str, p->cpu, "Example CPU 3.0GHz"));
	cr_expect(not(p->interpreter_prerelease));
	cr_expect(eq(int, p->status, PAST_UNTOLD));
	history_done(&h);
}

Test(history_add, a_summary_in_seconds)
{
	struct history h = {0};

	cr_assert(
		eq(int,
		   add(&h, "v1.0.0-2025_01_02",
		       "{\"total_run_time\":5.12,\"mean\":0.0008,\"median\":4e-4,\"stddev\":0.0017,"
		       "\"num_cpu\":4,\"num_tests\":12,\"cycles\":null,\"status\":\"failed\","
		       "\"lua_version\":\"Lua 5.4\"}"),
		   0));
	cr_expect(eq(u64, h.releases[0].total_ns, 5120000000));
	cr_expect(eq(u64, h.releases[0].median_ns, 400000));
	cr_expect(eq(u64, h.releases[0].num_cpu, 4));
	cr_expect(eq(u64, h.releases[0].cycles, PROFILE_UNKNOWN));
	cr_expect(eq(int, h.releases[0].status, PAST_FAILED));
	history_done(&h);
}

Test(history_add, nightly_interpreters)
{
	static const char *const nightly[] = {
		"{\"total_run_time\":1,\"neovim\":\"0.11.0-dev+123\"}",
		"{\"statistics\":{\"total\":1},\"versions\":{\"neovim\":{\"prerelease\":true}}}",
		"{\"statistics\":{\"total\":1},\"versions\":{\"neovim\":{\"prerelease\":\"dev\"}}}",
		"{\"total_run_time\":1,\"lua_version\":\"Lua 5.5.0 (work3)\"}"};
	struct history h = {0};

	for (size_t i = 0; i < ARRAY_SIZE(nightly); i++) {
		cr_assert(eq(int, add(&h, "v1.0.0-2025_01_02", nightly[i]), 0));
		cr_expect(h.releases[i].interpreter_prerelease, "%s", nightly[i]);
	}
	cr_assert(eq(int,
		     add(&h, "v1.0.0-2025_01_02",
			 "{\"total_run_time\":1,\"lua_version\":\"LuaJIT 2.1.0-beta3\"}"),
		     0));
	cr_expect(not(h.releases[ARRAY_SIZE(nightly)].interpreter_prerelease));
	history_done(&h);
}

Test(history_add, hostile_files_are_refused_with_a_reason)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"null",
		"| Count | Total-Time |",
		"{\"schema\":\"something/else\"}",
		"{\"total_run_time\":-1}",
		"{\"total_run_time\":1e400}",
		"{\"total_run_time\":1,\"num_cpu\":-4}",
		"{\"total_run_time\":\"5\"}",
		"{\"total_run_time\":1}{",
		"{\"total_run_time\":1,\"cpu\":\"\xff\"}",
	};
	struct history h = {0};
	char deep[201];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(lt(int, add(&h, "v1.0.0-2025_01_02", bad[i]), 0), "%s", bad[i]);
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = 0;
	cr_expect(eq(int, add(&h, "v1.0.0-2025_01_02", deep), -EBADMSG));
	cr_expect(eq(sz, h.nr, 0), "nothing of them stays");
	history_done(&h);
}

Test(history_add, a_long_text_is_cut)
{
	struct history h = {0};
	char text[10000];

	snprintf(text, sizeof(text), "{\"total_run_time\":1,\"cpu\":\"%09000d\"}", 7);
	cr_assert(eq(int, add(&h, "v1.0.0-2025_01_02", text), 0));
	cr_expect(eq(sz, strlen(h.releases[0].cpu), 256));
	history_done(&h);
}

/* ---- choices ------------------------------------------------------------------------------- */

static struct history history_of(const char *const (*rows)[2], size_t nr)
{
	struct history h = {0};

	for (size_t i = 0; i < nr; i++)
		cr_assert(eq(int, add(&h, rows[i][0], rows[i][1]), 0), "%s", rows[i][0]);
	history_settle(&h);
	return h;
}

#define SLOW "{\"total_run_time\":2,\"cpu\":\"old\",\"lua_version\":\"Lua 5.1\"}"
#define FAST "{\"total_run_time\":1,\"cpu\":\"new\",\"lua_version\":\"Lua 5.1\"}"
#define NEXT "{\"total_run_time\":1,\"cpu\":\"new\",\"lua_version\":\"Lua 5.4\"}"
#define RED                                                                                        \
	"{\"total_run_time\":1,\"cpu\":\"new\",\"lua_version\":\"Lua 5.4\",\"status\":\"failed\"}"
#define WORK "{\"total_run_time\":1,\"cpu\":\"new\",\"lua_version\":\"Lua 5.5 (work)\"}"

static const char *const some[][2] = {
	{"v1.10.0-2025_03_01", NEXT},	     {"v1.9.0-2025_01_01", SLOW},
	{"v1.9.1-2025_02_01", FAST},	     {"v1.9.1-2025_02_01-10_00_00", NEXT},
	{"v1.11.0-beta.1-2025_04_01", NEXT}, {"v1.10.1-2025_05_01", RED},
};

Test(history_choose, releases_are_in_order_and_changes_are_marked)
{
	struct history h = history_of(some, ARRAY_SIZE(some));
	static const char *const order[] = {
		"v1.9.0-2025_01_01",  "v1.9.1-2025_02_01",  "v1.9.1-2025_02_01-10_00_00",
		"v1.10.0-2025_03_01", "v1.10.1-2025_05_01", "v1.11.0-beta.1-2025_04_01"};

	for (size_t i = 0; i < h.nr; i++)
		cr_expect(eq(str, h.releases[i].folder.name, (char *)order[i]));
	cr_expect(not(h.releases[0].cpu_changed));
	cr_expect(h.releases[1].cpu_changed);
	cr_expect(not(h.releases[1].interpreter_changed));
	cr_expect(h.releases[2].interpreter_changed);
	history_done(&h);
}

Test(history_choose, the_latest_is_stable_and_passed)
{
	struct history h = history_of(some, ARRAY_SIZE(some));
	const struct past_release *latest = history_latest(&h, NULL);

	cr_assert(ne(ptr, (void *)latest, NULL));
	cr_expect(eq(str, (char *)latest->folder.name, "v1.10.0-2025_03_01"));
	latest = history_latest(&h, latest);
	cr_expect(eq(str, (char *)latest->folder.name, "v1.9.1-2025_02_01-10_00_00"));
	latest = history_latest(&h, latest);
	cr_expect(eq(str, (char *)latest->folder.name, "v1.9.0-2025_01_01"), "not v1.9.1 again");
	cr_expect(eq(ptr, (void *)history_latest(&h, latest), NULL));
	history_done(&h);
}

Test(history_choose, all_shows_the_newest_stable_release_only)
{
	struct history h = history_of(some, ARRAY_SIZE(some)), none = {0};
	static const struct {
		const char *tag;
		bool latest;
	} cases[] = {{"v1.10.0", true}, {"v1.10.0.1", true},	{"v2.0.0", true},
		     {"v1.9.9", false}, {"v2.0.0-rc.1", false}, {"v1.9.1.7", false},
		     {"1.10.0.0", true}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct release r;

		cr_assert(eq(int, release_parse(cases[i].tag, &r), 0));
		cr_expect(eq(int, history_is_latest(&h, &r), cases[i].latest), "%s", cases[i].tag);
		cr_expect(eq(int, history_is_latest(&none, &r), !r.prerelease), "%s", cases[i].tag);
	}
	history_done(&h);
}

Test(history_choose, a_graph_has_one_of_each_tag_and_one_machine)
{
	struct history h = history_of(some, ARRAY_SIZE(some)), graph;
	bool stays = true;

	cr_assert(eq(int, history_choose(&h, &(struct history_choice){.most = 0}, &graph, &stays),
		     0));
	cr_assert(eq(sz, graph.nr, 3));
	cr_expect(eq(str, graph.releases[0].folder.name, "v1.9.1-2025_02_01-10_00_00"));
	cr_expect(eq(str, graph.releases[2].folder.name, "v1.10.1-2025_05_01"));
	cr_expect(not(stays));
	free(graph.releases);
	cr_assert(eq(
		int,
		history_choose(&h,
			       &(struct history_choice){.prereleases = true, .all_machines = true},
			       &graph, NULL),
		0));
	cr_expect(eq(sz, graph.nr, 5));
	cr_expect(graph.releases[1].cpu_changed, "against the one shown before it");
	free(graph.releases);
	cr_assert(eq(int,
		     history_choose(&h, &(struct history_choice){.all_machines = true, .most = 2},
				    &graph, NULL),
		     0));
	cr_assert(eq(sz, graph.nr, 2));
	cr_expect(eq(str, graph.releases[0].folder.name, "v1.10.0-2025_03_01"), "the newest stay");
	free(graph.releases);
	history_done(&h);
}

Test(history_choose, interpreter_prereleases_stay_only_where_nothing_else_is)
{
	static const char *const mixed[][2] = {{"v1.0.0-2025_01_01", NEXT},
					       {"v1.1.0-2025_01_02", WORK}};
	struct history h = history_of(mixed, 2), graph;
	bool stays = true;

	cr_assert(eq(int, history_choose(&h, &(struct history_choice){.most = 0}, &graph, &stays),
		     0));
	cr_assert(eq(sz, graph.nr, 1));
	cr_expect(eq(str, graph.releases[0].folder.name, "v1.0.0-2025_01_01"));
	cr_expect(not(stays));
	free(graph.releases);
	history_done(&h);

	h = history_of(mixed + 1, 1);
	cr_assert(eq(int, history_choose(&h, &(struct history_choice){.most = 0}, &graph, &stays),
		     0));
	cr_expect(eq(sz, graph.nr, 1));
	cr_expect(stays);
	free(graph.releases);
	history_done(&h);
}

Test(history_choose, of_nothing_is_nothing)
{
	struct history h = {0}, graph;

	history_settle(&h);
	cr_assert(
		eq(int, history_choose(&h, &(struct history_choice){.most = 35}, &graph, NULL), 0));
	cr_expect(eq(sz, graph.nr, 0));
	cr_expect(eq(ptr, (void *)history_latest(&h, NULL), NULL));
	free(graph.releases);
}
