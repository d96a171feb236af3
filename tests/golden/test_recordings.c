/* SPDX-License-Identifier: MIT */
/*
 * Recordings of real runs, replayed: everything behind the kernel line, without root and without
 * Lua.
 *
 * tests/golden/recordings/<vm>/in.bprof is the fixture suite under one interpreter (record.py makes
 * them anew); beside it lies what each output must say about it. The same recordings, cut at many
 * places, must give a profile of what is left and never crash.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "golden.h"
#include "output.h"
#include "pipeline.h"
#include "run.h"

#define RECORDINGS SOURCE_DIR "/tests/golden/recordings"

struct recording {
	char name[16];
};

static struct recording recordings[] = {
	{"luajit"}, {"lua5.1"}, {"lua5.2"}, {"lua5.3"}, {"lua5.4"}, {"luajit-v2"}, {"lua5.4-v2"},
};

static int open_recording(const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), RECORDINGS "/%s/in.bprof", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "cannot open '%s': %s", path, strerror(errno));
	return fd;
}

/* ---- modes --------------------------------------------------------------------------------- */

static uint64_t sum_of(const uint64_t by_mode[NR_MODES])
{
	uint64_t sum = 0;

	for (int i = 0; i < NR_MODES; i++)
		sum += by_mode[i];
	return sum;
}

static void expect_costs(const struct costs *c, const char *what)
{
	cr_expect(eq(u64, sum_of(c->by_mode), c->samples), "%s", what);
}

static bool is_lua(const struct function *f)
{
	return f->kind == FUNCTION_LUA || f->kind == FUNCTION_MAIN_CHUNK;
}

/* Every sample has one mode, whatever it is counted by. */
static void expect_modes_to_add_up(const struct profile *p)
{
	uint64_t phases = 0, lua = 0, under_lua = 0;

	cr_expect(eq(u64, sum_of(p->by_mode), p->accounts.taken - p->accounts.lost));
	for (int i = 0; i < NR_PHASES; i++) {
		expect_costs(&p->phases[i].costs, phase_name((enum phase)i));
		phases += p->phases[i].costs.samples;
	}
	cr_expect(eq(u64, phases, p->accounts.taken - p->accounts.lost));
	for (size_t i = 0; i < p->nr_tests; i++) {
		expect_costs(&p->tests[i].body, p->tests[i].full_name);
		expect_costs(&p->tests[i].fixtures, p->tests[i].full_name);
	}
	for (size_t i = 0; i < p->nr_files; i++) {
		expect_costs(&p->files[i].tests, p->files[i].file);
		expect_costs(&p->files[i].fixtures, p->files[i].file);
		expect_costs(&p->files[i].loading, p->files[i].file);
		expect_costs(&p->files[i].describes, p->files[i].file);
	}
	for (size_t i = 0; i < p->nr_functions; i++)
		if (is_lua(&p->functions[i]))
			lua += sum_of(p->functions[i].by_mode);
	for (size_t i = 0; i < p->nr_stacks; i++)
		for (size_t k = p->stacks[i].nr_frames; k-- > 0;)
			if (is_lua(&p->functions[p->stacks[i].frames[k].function])) {
				under_lua += p->stacks[i].samples;
				break;
			}
	cr_expect(eq(u64, lua, under_lua));
}

/* And one confidence. */
static void expect_verifications_to_add_up(const struct profile *p)
{
	uint64_t samples = 0;

	for (size_t i = 0; i < p->nr_verifications; i++) {
		const struct verification *v = &p->verifications[i];
		uint64_t confidences = 0, statuses = 0, rules = 0;

		for (int k = 0; k < NR_CONFIDENCES; k++)
			confidences += v->by_confidence[k];
		for (int k = 0; k < BPROF_NR_WALK_STATUS; k++)
			statuses += v->by_status[k];
		for (int k = 0; k < VERIFICATION_LEAF_RULES; k++)
			rules += v->by_leaf[k];
		cr_expect(eq(u64, confidences, v->samples));
		cr_expect(eq(u64, statuses, v->samples));
		cr_expect(eq(u64, rules, v->samples));
		samples += v->samples;
	}
	cr_expect(eq(u64, samples, p->accounts.taken - p->accounts.lost));
}

static void expect_output(const struct recording *r, const struct profile *p, const char *name)
{
	const struct output_opts opts = {.top = 20, .min_percent = 1, .output_dir = "bprof-out"};
	const struct output_ops *ops = output_find(name);
	char path[512], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	cr_assert(eq(int, ops->write(p, &opts, out), 0));
	fclose(out);
	if (ops->file_name)
		snprintf(path, sizeof(path), RECORDINGS "/%s/%s", r->name, ops->file_name);
	else
		snprintf(path, sizeof(path), RECORDINGS "/%s/%s.txt", r->name, ops->name);
	golden_expect(path, text, len);
	free(text);
}

ParameterizedTestParameters(recordings, say_what_they_said_before)
{
	return cr_make_param_array(struct recording, recordings,
				   sizeof(recordings) / sizeof(*recordings));
}

ParameterizedTest(struct recording *r, recordings, say_what_they_said_before, .timeout = 60)
{
	struct pipeline *pipeline;
	const struct profile *p;

	cr_assert(eq(int, pipeline_run(open_recording(r->name), &pipeline), 0));
	p = pipeline_profile(pipeline);
	cr_expect(eq(int, p->complete, 1));
	cr_expect(eq(u64, p->accounts.taken,
		     p->accounts.in_tests + p->accounts.outside_tests + p->accounts.lost +
			     p->accounts.unresolved));
	cr_expect(eq(u64, p->check.disagree, 0));
	expect_modes_to_add_up(p);
	expect_verifications_to_add_up(p);
	expect_output(r, p, "folded");
	expect_output(r, p, "trace");
	expect_output(r, p, "json");
	expect_output(r, p, "terminal");
	expect_output(r, p, "callers");
	expect_output(r, p, "verify");
	expect_output(r, p, "verify-json");
	pipeline_free(pipeline);
}

/* The first @size bytes of a recording, as a file of their own. */
static int open_cut(const char *name, size_t size)
{
	int from = open_recording(name), fd = memfd_create("cut", MFD_CLOEXEC);
	char *bytes = malloc(size + 1);

	cr_assert(eq(sz, (size_t)read(from, bytes, size), size));
	cr_assert(eq(sz, (size_t)write(fd, bytes, size), size));
	cr_assert(eq(int, (int)lseek(fd, 0, SEEK_SET), 0));
	free(bytes);
	close(from);
	return fd;
}

Test(recordings, cut_anywhere_give_a_profile_of_what_is_left, .timeout = 120)
{
	int whole = open_recording("luajit");
	size_t size = (size_t)lseek(whole, 0, SEEK_END);

	close(whole);
	for (size_t cut = 33; cut < size; cut += size / 61) {
		struct pipeline *pipeline;

		cr_assert(eq(int, pipeline_run(open_cut("luajit", cut), &pipeline), 0));
		cr_expect(eq(int, pipeline_profile(pipeline)->complete, 0));
		pipeline_free(pipeline);
	}
}

static int verify_status(const char *path, const char *expected)
{
	struct run run;
	int status;

	run_command(
		NULL, NULL,
		(const char *const[]){BPROF_PERF, "report", "--keep-root", "--verify", path, NULL},
		&run);
	cr_expect(strstr(run.out.data, expected) != NULL, "%s: %s%s", path, run.out.data,
		  run.err.data);
	status = run.status;
	run_done(&run);
	return status;
}

/* Copies the first @size bytes of a recording. */
static void copy_cut(const char *name, size_t size, const char *path)
{
	int from = open_cut(name, size), to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	char *bytes = malloc(size);

	cr_assert(eq(sz, (size_t)read(from, bytes, size), size));
	cr_assert(eq(sz, (size_t)write(to, bytes, size), size));
	free(bytes);
	close(from);
	close(to);
}

Test(recordings, verify_fails_for_what_is_broken_and_for_nothing_else, .timeout = 60)
{
	char *directory = directory_make();
	char *cut = path_join(directory, "cut.bprof");

	copy_cut("luajit", 20000, cut);
	cr_expect(eq(int, verify_status(RECORDINGS "/luajit/in.bprof", "by confidence"), 0));
	cr_expect(eq(int, verify_status(cut, "it breaks off"), 3));
	cr_expect(eq(int, verify_status(RECORDINGS "/record.py", ""), 125));
	free(cut);
	directory_remove(directory);
}

Test(recordings, flipped_bits_are_counted_or_shown_and_never_crash, .timeout = 120)
{
	int whole = open_recording("lua5.4");
	size_t size = (size_t)lseek(whole, 0, SEEK_END);

	close(whole);
	srand(1);
	for (int round = 0; round < 60; round++) {
		int fd = open_cut("lua5.4", size);
		struct pipeline *pipeline;

		for (int flip = 0; flip < 40; flip++) {
			/* behind the header: a damaged header is refused, which is tested elsewhere
			 */
			off_t at = 32 + rand() % (off_t)(size - 32);
			unsigned char byte;

			cr_assert(eq(sz, (size_t)pread(fd, &byte, 1, at), 1));
			byte ^= (unsigned char)(1 << rand() % 8);
			cr_assert(eq(sz, (size_t)pwrite(fd, &byte, 1, at), 1));
		}
		if (pipeline_run(fd, &pipeline) == 0)
			pipeline_free(pipeline);
	}
}
