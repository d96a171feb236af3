/* SPDX-License-Identifier: MIT */
/*
 * A quota on processor time holds a test back: the run says how much, and the test that was held
 * back has it among what it waited for.
 *
 * Needs root, BPF, luajit, busted and a cpu controller of control groups; skips with the reason.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "json_doc.h"
#include "profiled.h"
#include "run.h"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Version 1 and 2: the directory of a group, and the file and the words of a fifth of a processor.
 */
static const struct {
	const char *mount, *file, *quota;
} controllers[] = {
	{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "20000"},
	{"/sys/fs/cgroup", "cpu.max", "20000 100000"},
};

static bool write_to(const char *directory, const char *name, const char *text)
{
	char *path = path_join(directory, name);
	FILE *file = fopen(path, "w");
	bool written = file && fputs(text, file) >= 0;

	free(path);
	return file ? fclose(file) == 0 && written : false;
}

/* A new group with a quota, or NULL. */
static char *make_group(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		char *group = NULL;

		cr_assert(asprintf(&group, "%s/bprof-test-%d", controllers[i].mount,
				   (int)getpid()) > 0);
		if (mkdir(group, 0755) == 0) {
			if (write_to(group, controllers[i].file, controllers[i].quota))
				return group;
			rmdir(group);
		}
		free(group);
	}
	return NULL;
}

/* The processes that detach from the kernel are the last to leave. */
static void remove_group(char *group)
{
	for (int i = 0; i < 200 && rmdir(group) < 0; i++)
		usleep(20000);
	free(group);
}

Test(throttled, time_under_a_quota_is_waited_for_by_the_test_that_was_held_back, .timeout = 120)
{
	char *directory, *group, *command = NULL, *path;
	struct run run;
	yajl_val profile, test;
	long long throttled, waited;

	skip_unless_profiling(BPROF_PERF, "luajit");
	group = make_group();
	if (!group)
		cr_skip_test("no control group with a quota of processor time can be made");
	directory = directory_make();
	cr_assert(asprintf(&command,
			   "echo 'it(\"burns\", function() local t = os.clock() "
			   "while os.clock() - t < 0.1 do end end)' > burn_spec.lua && "
			   "echo $$ > %s/cgroup.procs && exec %s -q -- luajit /usr/bin/busted "
			   "burn_spec.lua",
			   group, BPROF_PERF) > 0);
	run_command(directory, NULL, WORDS("/bin/sh", "-ec", command), &run);
	cr_assert(run.status == 0, "%s", run.err.data);
	path = path_join(directory, "bprof-out/profile.json");
	profile = json_read(path);
	test = json_item(json_at(profile, "tests"), 0);
	throttled = json_int_at(profile, "disturbance.throttled_ns");
	waited = json_int_at(test, "meters.waited_ns");
	cr_log_info("throttled %lld ns, the test waited %lld ns of %lld", throttled, waited,
		    json_int_at(test, "wall_ns"));
	cr_expect(throttled > 100000000, "a fifth of a processor for 100 ms: %lld", throttled);
	cr_expect(waited > 100000000, "%lld", waited);
	cr_expect(json_int_at(test, "cpu_ns") < 150000000);
	cr_expect(json_bool_at(test, "disturbed"));
	yajl_tree_free(profile);
	run_done(&run);
	free(path);
	free(command);
	directory_remove(directory);
	remove_group(group);
}
