/* SPDX-License-Identifier: MIT */
/* The verb doctor of the real binary: as root, and as somebody who may nothing. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <yajl/yajl_tree.h>

static char output[65536];

/* Exit status; what it printed to stdout is in @output. */
static int run(const char *command)
{
	FILE *in = popen(command, "r");
	size_t length;
	int status;

	cr_assert(ne(ptr, in, NULL));
	length = fread(output, 1, sizeof(output) - 1, in);
	output[length] = 0;
	status = pclose(in);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static yajl_val parsed(void)
{
	char error[256] = "";
	yajl_val tree = yajl_tree_parse(output, error, sizeof(error));

	cr_assert(ne(ptr, tree, NULL), "%s in:\n%s", error, output);
	return tree;
}

static const char *string_of(yajl_val object, const char *key)
{
	const char *path[] = {key, NULL};
	yajl_val value = yajl_tree_get(object, path, yajl_t_any);

	return value && YAJL_IS_STRING(value) ? YAJL_GET_STRING(value) : NULL;
}

static bool works(yajl_val tree)
{
	const char *path[] = {"works", NULL};

	return YAJL_IS_TRUE(yajl_tree_get(tree, path, yajl_t_any));
}

static yajl_val check_called(yajl_val tree, const char *name)
{
	const char *path[] = {"checks", NULL};
	yajl_val checks = yajl_tree_get(tree, path, yajl_t_array);

	cr_assert(ne(ptr, checks, NULL));
	for (size_t i = 0; i < checks->u.array.len; i++) {
		const char *found = string_of(checks->u.array.values[i], "name");

		if (found && strcmp(found, name) == 0)
			return checks->u.array.values[i];
	}
	cr_fatal("there is no check '%s'", name);
	return NULL;
}

static const char *status_of(yajl_val tree, const char *name)
{
	return string_of(check_called(tree, name), "status");
}

static void require_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
}

TestSuite(doctor, .timeout = 60);

Test(doctor, exit_status_and_json_say_the_same)
{
	int status = run(BPROF_PERF " doctor --json");
	yajl_val tree = parsed();
	const char *path[] = {"checks", NULL};
	yajl_val checks = yajl_tree_get(tree, path, yajl_t_array);
	bool failed = false;

	cr_assert_str_eq(string_of(tree, "schema"), "bprof-perf/doctor/1");
	cr_assert(ge(sz, checks->u.array.len, 15));
	for (size_t i = 0; i < checks->u.array.len; i++) {
		yajl_val check = checks->u.array.values[i];

		cr_expect(ne(ptr, (void *)string_of(check, "finding"), NULL), "%s",
			  string_of(check, "name"));
		failed |= strcmp(string_of(check, "status"), "fail") == 0;
	}
	cr_assert(eq(int, works(tree), !failed));
	cr_assert(eq(int, status, failed ? 1 : 0));
	yajl_tree_free(tree);
}

Test(doctor, what_is_missing_without_root_is_named_with_the_remedy)
{
	yajl_val tree;

	require_root();
	/* The build tree may be closed to other users, not to a copy. */
	run("install -m 755 " BPROF_PERF " /tmp/test_doctor_copy");
	cr_assert(eq(int,
		     run("cd / && runuser -u nobody -- /tmp/test_doctor_copy doctor --json -o "
			 "/tmp/test_doctor_out"),
		     1));
	unlink("/tmp/test_doctor_copy");
	tree = parsed();
	cr_assert(not(works(tree)));
	cr_assert_str_eq(status_of(tree, "privileges"), "fail");
	cr_assert_str_eq(string_of(check_called(tree, "privileges"), "remedy"),
			 "sudo bprof-perf doctor");
	cr_assert_str_eq(status_of(tree, "kernel"), "ok");
	cr_assert_str_eq(status_of(tree, "output"), "ok");
	yajl_tree_free(tree);
}

Test(doctor, the_missing_cycle_counter_is_no_failure)
{
	yajl_val tree;

	require_root();
	run(BPROF_PERF " doctor --json");
	tree = parsed();
	cr_assert_str_neq(status_of(tree, "perf_cycles"), "fail");
	yajl_tree_free(tree);
}

Test(doctor, output_directory_that_is_a_link_fails_and_is_left_alone)
{
	char path[] = "/tmp/test_doctor.XXXXXX", command[512];
	yajl_val tree;

	cr_assert(ne(ptr, mkdtemp(path), NULL));
	snprintf(command, sizeof(command), "ln -s /etc %s/out; %s doctor --json -o %s/out", path,
		 BPROF_PERF, path);
	cr_expect(eq(int, run(command), 1));
	tree = parsed();
	cr_expect_str_eq(status_of(tree, "output"), "fail");
	cr_expect(ne(
		ptr,
		(void *)strstr(string_of(check_called(tree, "output"), "finding"), "symbolic link"),
		NULL));
	yajl_tree_free(tree);
	snprintf(command, sizeof(command), "rm -rf %s", path);
	run(command);
}

Test(doctor, asking_makes_no_directory)
{
	char path[] = "/tmp/test_doctor.XXXXXX", command[512];

	cr_assert(ne(ptr, mkdtemp(path), NULL));
	snprintf(command, sizeof(command), "%s doctor -o %s/a/b", BPROF_PERF, path);
	run(command);
	cr_expect(ne(ptr, strstr(output, "can be made"), NULL), "%s", output);
	snprintf(command, sizeof(command), "%s/a", path);
	cr_expect(eq(int, access(command, F_OK), -1));
	rmdir(path);
}

Test(doctor, programs_of_the_user_are_run_as_the_user)
{
	char path[] = "/tmp/test_doctor.XXXXXX", command[1024];
	struct stat status;

	require_root();
	cr_assert(ne(ptr, mkdtemp(path), NULL));
	chmod(path, 0777);
	snprintf(command, sizeof(command),
		 "printf '#!/bin/sh\\n: >%s/witness; echo 9.9\\n' >%s/busted; chmod 755 %s/busted; "
		 "PATH=%s:$PATH %s doctor --user nobody -o %s/out",
		 path, path, path, path, BPROF_PERF, path);
	run(command);
	cr_expect(ne(ptr, strstr(output, "(9.9)"), NULL), "%s", output);
	snprintf(command, sizeof(command), "%s/witness", path);
	cr_assert(eq(int, stat(command, &status), 0));
	cr_expect(eq(uint, status.st_uid, 65534));
	snprintf(command, sizeof(command), "rm -rf %s", path);
	run(command);
}

Test(doctor, colour_only_where_asked_or_on_a_terminal)
{
	run(BPROF_PERF " doctor");
	cr_assert(eq(ptr, strchr(output, '\033'), NULL));
	run(BPROF_PERF " doctor --color=always");
	cr_assert(ne(ptr, strchr(output, '\033'), NULL));
}
