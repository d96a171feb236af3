/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the tracing.folded of both sides: refused, or each line of the difference is a stack
 * with two equal numbers, and its picture is as many elements as it has ends of elements.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "require.h"
#include "stack_difference.h"
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

static size_t count(const char *text, const char *word)
{
	size_t nr = 0;

	for (; (text = strstr(text, word)); text++)
		nr++;
	return nr;
}

static void check_picture(struct stacks *stacks)
{
	static const char *const names[NR_SIDES] = {"base", "head"};
	const struct compared_stacks sum = stacks_sum(stacks);
	char *svg = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&svg, &len);

	require(out && stack_difference_svg(&sum, names, out) == 0, "drawn");
	fclose(out);
	require(strlen(svg) == len, "no zero bytes");
	require(count(svg, "<g") == count(svg, "</g>"), "groups are closed");
	require(count(svg, "<title>") == count(svg, "</title>"), "titles are closed");
	require(count(svg, "<text") == count(svg, "</text>"), "texts are closed");
	free(svg);
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
		check_picture(stacks);
	} else {
		require(why.len > 0, "a reason");
	}
	stacks_free(stacks);
	buf_done(&why);
	return 0;
}
