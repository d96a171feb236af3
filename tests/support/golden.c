/* SPDX-License-Identifier: MIT */
#include "golden.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static void bless(const char *path, const char *text, size_t len)
{
	FILE *out = fopen(path, "wb");

	cr_assert(out != NULL, "cannot write '%s': %s", path, strerror(errno));
	cr_assert(eq(sz, fwrite(text, 1, len, out), len));
	fclose(out);
}

static void show_difference(const char *path, const char *text, size_t len)
{
	char command[1024];
	FILE *diff;

	snprintf(command, sizeof(command), "diff -u '%s' - | head -40 >&2", path);
	diff = popen(command, "w");
	if (!diff)
		return;
	fwrite(text, 1, len, diff);
	pclose(diff);
}

void golden_expect(const char *path, const char *text, size_t len)
{
	struct text expected = file_read(path);

	if (!expected.data || expected.len != len || memcmp(expected.data, text, len)) {
		if (getenv("BLESS")) {
			bless(path, text, len);
		} else {
			cr_expect(false, "'%s' differs; if it should, run this test with BLESS=1",
				  path);
			show_difference(path, text, len);
		}
	}
	text_done(&expected);
}
