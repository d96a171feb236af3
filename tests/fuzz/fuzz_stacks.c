/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the tracing.folded of both sides: refused, or each line of the difference is a stack
 * with two equal numbers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "require.h"
#include "stacks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct stacks *stacks)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	require(out && stacks_write(stacks, out) == 0, "written");
	fclose(out);
	for (char *line = text; *line;) {
		char *end = strchr(line, '\n'), *head, *base;

		require(end != NULL, "a line ends");
		*end = 0;
		head = strrchr(line, ' ');
		require(head && head > line, "a number of head");
		*head++ = 0;
		base = strrchr(line, ' ');
		require(base && base > line && strcmp(base + 1, head) == 0, "as many in base");
		line = end + 1;
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stacks *stacks;
	struct buf why;

	buf_init(&why, 4096);
	if (stacks_new(&stacks) < 0)
		abort();
	if (stacks_add(stacks, SIDE_BASE, (const char *)data, size, &why) == 0) {
		require(stacks_add(stacks, SIDE_HEAD, (const char *)data, size, &why) == 0,
			"twice");
		check(stacks);
	} else {
		require(why.len > 0, "a reason");
	}
	stacks_free(stacks);
	buf_done(&why);
	return 0;
}
