/* SPDX-License-Identifier: MIT */
/* tools/layouts: sources of a Lua in, offsets and a row of the tables out. */
#include <criterion/criterion.h>

#include <string.h>

#include "run.h"

#define LAYOUTS SOURCE_DIR "/tools/layouts"
#define SMALL	SOURCE_DIR "/tests/fixtures/layouts/small"

static void run_layouts(const char *sources, struct run *ret)
{
	if (!program_exists("cc"))
		cr_skip_test("there is no C compiler");
	run_command(NULL, NULL, (const char *const[]){LAYOUTS, sources, NULL}, ret);
}

Test(layouts, a_build_without_a_row_is_printed_as_one, .timeout = 30)
{
	static const char *const lines[] = {
		"\nstate_ci 16\n",
		"\nstate_global 24\n",
		"\nstate_bytes 96\n",
		"\nglobal_mainthread 24\n",
		"\nci_status_width 2\n",
		"\ntable_array_len 12\n",
		"\nno row has these fields; to be added:\n",
		"\t\t.table_metatable = 32,\n",
		"\t\t\t\t.ci_tail_mask = 64,\n",
		"\t\t\t\t.string_data = 12,\n",
	};
	struct run run;

	run_layouts(SMALL, &run);
	cr_assert(run.status == 1, "status %d: %s", run.status, run.err.data);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		cr_expect(strstr(run.out.data, lines[i]) != NULL, "no \"%s\" in: %s", lines[i],
			  run.out.data);
	run_done(&run);
}

Test(layouts, what_are_no_sources_is_refused, .timeout = 30)
{
	struct run run;

	run_layouts(SOURCE_DIR, &run);
	cr_expect(run.status == 2, "status %d", run.status);
	cr_expect(strstr(run.err.data, "are these the sources of a Lua?") != NULL, "%s",
		  run.err.data);
	run_done(&run);
}
