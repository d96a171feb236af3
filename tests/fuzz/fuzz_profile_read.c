/* SPDX-License-Identifier: MIT */
/* Any bytes as a profile.json to publish: refused with a reason, or its pages can be written. */
#include <stdio.h>
#include <stdlib.h>

#include "release_pages.h"
#include "report/profile_read.h"
#include "timing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void write_pages(const struct profile *p)
{
	static const char *const none[] = {NULL};
	static const struct output_opts opts = {.top = 20};
	struct timing timing;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	require(out && timing_of(p, &opts, &timing) == 0);
	require(release_summary(p, &opts, out) == 0);
	require(release_page_write(p, &timing, none, out) == 0);
	require(release_timing(&timing, TABLE_JSON, out) == 0);
	timing_done(&timing);
	fclose(out);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile_read *read;
	struct buf why;

	buf_init(&why, 4096);
	if (profile_read((const char *)data, size, &read, &why) == 0) {
		write_pages(profile_read_profile(read));
		profile_read_free(read);
	} else {
		require(why.len > 0);
	}
	buf_done(&why);
	return 0;
}
