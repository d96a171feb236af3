/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a comparison.json: refused with a reason, or a comparison that every output can
 * print, with a comment that GitHub takes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "require.h"
#include "comparison_file.h"
#include "output.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const struct comparison *c)
{
	static const struct output_opts opts = {.top = 20};
	size_t nr;
	const struct comparison_ops *const *all = comparison_outputs_all(&nr);

	for (size_t i = 0; i < nr; i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		require(out && all[i]->write(c, &opts, out) == 0, all[i]->name);
		fclose(out);
		require(all[i] != comparison_output_find("comment") || len <= 60000, "short");
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct comparison *comparison;
	struct buf why;

	buf_init(&why, 4096);
	if (comparison_parse((const char *)data, size, &comparison, &why) == 0) {
		print(comparison);
		comparison_free(comparison);
	} else {
		require(why.len > 0, "a reason");
	}
	buf_done(&why);
	return 0;
}
