/* SPDX-License-Identifier: MIT */
/*
 * Output directories, recordings and rights that are not what they should be: each time one
 * sentence that names the cause, the right exit status, complete files or none.
 *
 * Needs root and BPF; skips with the reason otherwise.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"

#define HOSTILE SOURCE_DIR "/tests/fixtures/live/hostile"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void begin(void)
{
	const char *reason = why_no_profiling(BPROF_PERF);

	if (reason)
		cr_skip_test("%s", reason);
	place_make();
}

static void end(void)
{
	place_remove();
}

TestSuite(bad_files, .init = begin, .fini = end, .timeout = 60);

/* ---- where the files go -------------------------------------------------------------------- */

static void check_directory(const char *directory, const char *sentence)
{
	struct run run;

	run_here(BPROF_PERF, WORDS("-q", "-o", directory, "--", "touch", "ran"), &run);
	expect_refusal(directory, &run, 125, sentence);
	/* Nobody wants an hour of tests whose profile can be written nowhere. */
	cr_expect(!file_read("ran").data, "%s: the command ran", directory);
	run_done(&run);
}

Test(bad_files, an_output_directory_that_cannot_be_one)
{
	char *link = in_place("link"), *target = in_place("target");

	write_file("file", "mine\n", 5, 0644);
	write_file("odd\n\033[31m", "mine\n", 5, 0644);
	cr_assert(mkdir(target, 0755) == 0 && symlink("target", link) == 0);
	check_directory("file", "a file of that name is in the way");
	check_directory("file/below", "a file of that name is in the way");
	check_directory("link", "a symbolic link is not accepted");
	check_directory("/proc/no-such-directory", "/proc/no-such-directory");
	check_directory("/sys", "/sys");
	check_directory("odd\n\033[31m", "odd??[31m");
	cr_expect(count_files("target") == 0, "something was written behind the link");
	free(link);
	free(target);
}

Test(bad_files, an_output_directory_of_somebody_else)
{
	char *closed = in_place("closed");
	struct run run;

	cr_assert(mkdir(closed, 0755) == 0);
	run_here(BPROF_PERF, WORDS("-q", "--user=nobody", "-o", "closed", "--", "true"), &run);
	expect_refusal("closed", &run, 125, "closed");
	cr_expect(count_files("closed") == 0);
	run_done(&run);
	run_here(BPROF_PERF, WORDS("-q", "--user=nobody", "-o", "closed/below", "--", "true"),
		 &run);
	expect_refusal("closed/below", &run, 125, "closed");
	run_done(&run);
	free(closed);
}

/* A file system that only this test's processes see. */
static void mount_at(const char *name, const char *options, unsigned long flags)
{
	char *path = in_place(name);

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		cr_skip_test("no mount namespace of our own: %s", strerror(errno));
	cr_assert(mkdir(path, 0755) == 0);
	cr_assert(mount("none", path, "tmpfs", flags, options) == 0, "%s", strerror(errno));
	free(path);
}

static void unmount(const char *name)
{
	char *path = in_place(name);

	umount2(path, MNT_DETACH);
	free(path);
}

Test(bad_files, an_output_directory_that_is_read_only)
{
	mount_at("readonly", NULL, MS_RDONLY);
	check_directory("readonly", "Read-only file system");
	check_directory("readonly/below", "Read-only file system");
	unmount("readonly");
}

/* What there was room for is kept, and the command's own status. */
Test(bad_files, an_output_directory_that_fills_up)
{
	static const char program[] = "local t = os.clock() while os.clock() - t < 1 do "
				      "local x = ('x'):rep(10) end print('ran') os.exit(7)";
	char *recording = in_place("full/recording.bprof");
	struct run run;

	if (!program_exists("luajit"))
		cr_skip_test("luajit is not installed");
	mount_at("full", "size=64k", 0);
	run_here(BPROF_PERF, WORDS("-q", "-F", "2000", "-o", "full", "--", "luajit", "-e", program),
		 &run);
	cr_expect(run.status == 7, "status %d", run.status);
	cr_expect(strcmp(run.out.data, "ran\n") == 0, "stdout: %s", run.out.data);
	cr_expect(strstr(run.err.data, "No space left on device") != NULL, "not said: %s",
		  run.err.data);
	count_files("full");
	expect_readable("full/profile.json");
	expect_readable("full/flamegraph.json");
	expect_nobody_stopped("full");
	run_done(&run);
	if (access(recording, F_OK) == 0) {
		run_here(BPROF_PERF, WORDS("report", "-q", "-o", "again", recording), &run);
		cr_expect(run.status == 0, "the kept recording: %s", run.err.data);
		run_done(&run);
	}
	unmount("full");
	free(recording);
}

/* ---- recordings ---------------------------------------------------------------------------- */

/* Status 0 and complete outputs, or 125 and none. */
static void check_report_of(const char *what, const struct text *recording)
{
	struct run run;
	char *out = in_place("again");

	write_file("damaged.bprof", recording->data, recording->len, 0644);
	run_here(BPROF_PERF, WORDS("report", "-o", "again", "damaged.bprof"), &run);
	cr_expect(run.status == 0 || run.status == 125, "%s: status %d: %s", what, run.status,
		  run.err.data);
	cr_expect(count_sentences(&run.err) <= 1, "%s: %s", what, run.err.data);
	if (run.status == 0) {
		cr_expect(count_files("again") == 3, "%s: %zu files", what, count_files("again"));
		expect_readable("again/profile.json");
		expect_readable("again/flamegraph.json");
	} else {
		cr_expect(count_sentences(&run.err) == 1, "%s: nothing was said", what);
		cr_expect(count_files("again") == 0, "%s: files were written", what);
	}
	run_done(&run);
	directory_remove(out);
}

static struct text record_suite(void)
{
	char *path = in_place("whole/recording.bprof");
	struct text recording;
	struct run run;

	if (!program_exists("luajit") || !program_exists("busted"))
		cr_skip_test("luajit or busted is not installed");
	run_here(BPROF_PERF,
		 WORDS("-q", "-o", "whole", "--", "luajit", "/usr/bin/busted", "-o", "TAP",
		       HOSTILE "/spec"),
		 &run);
	cr_assert(run.status == 0, "status %d: %s", run.status, run.err.data);
	run_done(&run);
	recording = file_read(path);
	cr_assert(recording.len > 4096, "%zu bytes recorded", recording.len);
	free(path);
	return recording;
}

Test(bad_files, a_recording_that_was_cut)
{
	struct text recording = record_suite();
	const size_t lengths[] = {0,
				  1,
				  7,
				  8,
				  63,
				  64,
				  65,
				  200,
				  1000,
				  4096,
				  recording.len / 3,
				  recording.len / 2 + 1,
				  recording.len - 9,
				  recording.len - 1};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		const struct text cut = {recording.data, lengths[i]};
		char what[64];

		snprintf(what, sizeof(what), "cut to %zu bytes", lengths[i]);
		check_report_of(what, &cut);
	}
	text_done(&recording);
}

/* The half of a recording is half a report, and says so. */
Test(bad_files, half_a_recording_is_reported_and_called_half)
{
	struct text recording = record_suite();
	struct run run;

	write_file("half.bprof", recording.data, recording.len / 2, 0644);
	run_here(BPROF_PERF, WORDS("report", "-o", "again", "half.bprof"), &run);
	cr_expect(run.status == 0, "status %d: %s", run.status, run.err.data);
	cr_expect(strstr(run.err.data, "breaks off before its end") != NULL, "not said: %s",
		  run.err.data);
	cr_expect(count_files("again") == 3);
	run_done(&run);
	text_done(&recording);
}

/* The same numbers on each run of the test. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

Test(bad_files, a_recording_whose_bytes_were_changed)
{
	struct text recording = record_suite();
	uint32_t state = 12345;

	for (int round = 0; round < 40; round++) {
		struct text changed = {malloc(recording.len), recording.len};
		char what[64];

		cr_assert(changed.data != NULL);
		memcpy(changed.data, recording.data, recording.len);
		for (int i = 0; i <= round; i++)
			changed.data[next_random(&state) % changed.len] = (char)next_random(&state);
		snprintf(what, sizeof(what), "round %d", round);
		check_report_of(what, &changed);
		free(changed.data);
	}
	text_done(&recording);
}

static void check_no_recording(const char *path, const char *sentence)
{
	struct run run;

	run_here(BPROF_PERF, WORDS("report", "-q", "-o", "again", path), &run);
	expect_refusal(path, &run, 125, sentence);
	cr_expect(count_files("again") == 0);
	run_done(&run);
}

Test(bad_files, what_is_no_recording)
{
	struct run run;
	char *pipe_path = in_place("pipe");

	write_file("empty", "", 0, 0644);
	write_file("text", "hello world, this is a text\n", 28, 0644);
	cr_assert(mkfifo(pipe_path, 0644) == 0);
	check_no_recording("empty", "no recording of bprof-perf");
	check_no_recording("text", "no recording of bprof-perf");
	check_no_recording(BPROF_PERF, "no recording of bprof-perf");
	check_no_recording("/dev/null", "no recording of bprof-perf");
	check_no_recording("pipe", "pipe");
	check_no_recording("/tmp", "Is a directory");
	check_no_recording("missing", "No such file or directory");
	check_no_recording("missing\033[31m", "No such file or directory");
	run_here(BPROF_PERF, WORDS("report"), &run);
	expect_refusal("report", &run, 2, "no recording given");
	run_done(&run);
	free(pipe_path);
}

/* ---- rights -------------------------------------------------------------------------------- */

/* The build tree may be closed to others: they get a copy. */
static void copy_program(void)
{
	struct text program = file_read(BPROF_PERF);

	cr_assert(program.data != NULL);
	write_file("program", program.data, program.len, 0755);
	text_done(&program);
}

static void run_with(const char *const *arguments, struct run *ret)
{
	const char *argv[RUN_MAX_ARGS + 1] = {"setpriv"};
	size_t nr = 1;

	if (!program_exists("setpriv"))
		cr_skip_test("setpriv is not installed");
	for (; *arguments; arguments++)
		argv[nr++] = *arguments;
	argv[nr] = NULL;
	run_command(place, NULL, argv, ret);
}

Test(bad_files, a_user_who_is_not_root)
{
	struct run run;

	copy_program();
	/* An output directory of his own must not be what stops him. */
	chmod(place, 0777);
	run_with(WORDS("--reuid=nobody", "--regid=nogroup", "--clear-groups", "./program", "-q",
		       "-o", "out", "--", "touch", "ran"),
		 &run);
	expect_refusal("nobody", &run, 125, "sudo");
	cr_expect(count_files("out") == 0);
	expect_nobody_stopped("nobody");
	run_done(&run);
}

Test(bad_files, root_without_capabilities)
{
	static const char *const missing[] = {"-bpf,-perfmon,-sys_admin", "-all"};

	copy_program();
	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++) {
		struct run run;
		char bounding[64], inheritable[64];

		snprintf(bounding, sizeof(bounding), "--bounding-set=%s", missing[i]);
		snprintf(inheritable, sizeof(inheritable), "--inh-caps=%s", missing[i]);
		run_with(WORDS(bounding, inheritable, "./program", "-q", "-o", "out", "--", "true"),
			 &run);
		expect_refusal(missing[i], &run, 125, "doctor");
		cr_expect(count_files("out") == 0);
		run_done(&run);
	}
}

Test(bad_files, a_recording_that_may_not_be_read)
{
	struct run run;

	copy_program();
	write_file("secret", "secret", 6, 0600);
	run_with(WORDS("--reuid=nobody", "--regid=nogroup", "--clear-groups", "./program", "report",
		       "-q", "-o", "out", "secret"),
		 &run);
	expect_refusal("secret", &run, 125, "Permission denied");
	run_done(&run);
}
