/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the name of a folder, and as the summary and the timing table in it: refused, or a
 * release whose texts are bounded and whose name is one component of a path.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "require.h"
#include "history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is a name. */
static void check_names(const char *name)
{
	char safe[FOLDER_MAX_TEXT], id[37];
	struct history_folder f, again;

	history_safe_name("", name, safe);
	require(*safe && !strchr(safe, '/') && strcmp(safe, "..") != 0, "a safe name");
	(void)history_name_has_id(name, id);
	if (history_folder_parse(name, &f) < 0)
		return;
	require(!strchr(f.name, '/') && *f.name != '.', "one component");
	require(history_folder_make(&f.release, &f.date, f.date.has_time, &again) == 0, "made");
	require(release_compare(&f.release, &again.release) == 0, "the same release");
}

static void check_summary(const char *text, size_t size)
{
	static const char *const folders[] = {"v1.0.0-2025_01_02", "v2.0.0-rc.1-2025_01_02"};
	struct history h = {0}, graph;
	struct buf why;

	buf_init(&why, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct history_folder f;

		require(history_folder_parse(folders[i], &f) == 0, "a folder");
		require(history_add(&h, &f, text, size, &why) == 0 || why.len > 0, "a reason");
	}
	history_settle(&h);
	require(history_choose(&h, &(struct history_choice){.most = 1}, &graph, NULL) == 0,
		"chosen");
	require(graph.nr <= 1, "at most one");
	for (size_t i = 0; i < h.nr; i++)
		require(!h.releases[i].cpu || strlen(h.releases[i].cpu) <= 256, "a bounded text");
	free(graph.releases);
	history_done(&h);
	buf_done(&why);
}

static void check_timing(const char *text, size_t size)
{
	struct timing timing;

	if (timing_parse(text, size, &timing) < 0)
		return;
	for (size_t k = 0; k < NR_TIMING_KINDS; k++)
		for (size_t i = 0; i < timing.tables[k].nr; i++)
			require(timing.tables[k].rows[i].name && timing.tables[k].rows[i].where,
				"texts");
	timing_done(&timing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	size_t line;

	if (!text)
		abort();
	line = strcspn(text, "\n");
	check_summary((const char *)data, size);
	check_timing((const char *)data, size);
	text[line] = 0;
	check_names(text);
	free(text);
	return 0;
}
