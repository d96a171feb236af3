/* SPDX-License-Identifier: MIT */
/* Recordings made by hand, from their records to the profile: which test has a sample? */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect.h"
#include "pipeline.h"

#define PID	   7
#define THREAD	   8
#define SPEC	   0x2000
#define TEST	   0x3000
#define DESCRIPTOR 0x9000

static struct {
	struct recorder *recorder;
	int fd;
	uint64_t now;
	struct pipeline *pipeline;
} r;

static void begin(void)
{
	r.fd = memfd_create("recording", MFD_CLOEXEC);
	r.now = 1000;
	cr_assert(eq(int, recorder_new(r.fd, r.now, r.now, &r.recorder), 0));
}

static void end(void)
{
	pipeline_free(r.pipeline);
}

TestSuite(pipeline, .init = begin, .fini = end, .timeout = 10);

static void add(struct bprof_record *record, uint16_t type, size_t size)
{
	record->type = type;
	record->size = (uint32_t)size;
	record->time_ns = r.now += 1000;
	cr_assert(eq(int, recorder_add(r.recorder, record), 0));
}

/* The texts follow the record. @print 0: of the string @at, only what it says. */
static void element(uint64_t at, uint32_t print, const char *descriptor, const char *name)
{
	struct {
		struct bprof_element fixed;
		char text[64];
	} e = {.fixed = {.pid = PID, .element = at, .line = 4, .fingerprint = print}};
	const char *source = print ? "spec/a_spec.lua" : "";

	e.fixed.descriptor_len = (uint32_t)strlen(descriptor);
	e.fixed.name_len = (uint32_t)strlen(name);
	e.fixed.source_len = (uint32_t)strlen(source);
	snprintf(e.text, sizeof(e.text), "%s%s%s", descriptor, name, source);
	add(&e.fixed.h, BPROF_RECORD_ELEMENT, sizeof(e.fixed) + strlen(e.text));
}

struct seen {
	uint64_t at;
	uint32_t print;
};

/* @spans: leaf first */
static void sample_with(uint8_t flags, uint32_t tid, enum bprof_walk_status status,
			unsigned nr_frames, const struct seen *spans, unsigned nr)
{
	struct {
		struct bprof_sample fixed;
		struct bprof_frame frame[1];
		struct bprof_span span[3];
	} s = {.fixed = {.pid = PID,
			 .tid = tid,
			 .flags = flags,
			 .nr_frames = (uint16_t)nr_frames,
			 .nr_spans = (uint8_t)nr,
			 .status = (uint8_t)status,
			 .family = BPROF_FAMILY_PUC}};
	struct bprof_span *first = nr_frames ? s.span : (struct bprof_span *)s.frame;

	s.frame[0] = (struct bprof_frame){.object = 0x5000, .flags = BPROF_FRAME_C};
	for (unsigned i = 0; i < nr; i++)
		first[i] = (struct bprof_span){.descriptor = DESCRIPTOR,
					       .element = spans[i].at,
					       .fingerprint = spans[i].print};
	add(&s.fixed.h, BPROF_RECORD_SAMPLE,
	    sizeof(s.fixed) + nr_frames * sizeof(s.frame[0]) + nr * sizeof(s.span[0]));
}

static void sample(uint32_t tid, enum bprof_walk_status status, unsigned nr_frames,
		   const struct seen *spans, unsigned nr)
{
	sample_with(0, tid, status, nr_frames, spans, nr);
}

static const struct profile *profile(void)
{
	struct bprof_end last = {.wall_ns = 1000};

	add(&last.h, BPROF_RECORD_END, sizeof(last));
	cr_assert(eq(int, recorder_finish(r.recorder), 0));
	recorder_free(r.recorder);
	lseek(r.fd, 0, SEEK_SET);
	cr_assert(eq(int, pipeline_run(r.fd, &r.pipeline), 0));
	return pipeline_profile(r.pipeline);
}

/* A file and a test in it, as they were captured. */
static void elements_of_a_test(void)
{
	element(DESCRIPTOR, 0, "it", "");
	element(SPEC, 11, "file", "spec/a_spec.lua");
	element(TEST, 13, "it", "adds");
}

static const struct seen in_body[] = {{TEST, 13}, {TEST, 13}, {SPEC, 11}};

Test(pipeline, a_sample_in_a_body_belongs_to_the_test)
{
	const struct profile *p;

	elements_of_a_test();
	sample(PID, BPROF_WALK_OK, 1, in_body, 3);
	p = profile();
	cr_assert(eq(sz, p->nr_tests, 1));
	cr_expect(eq(str, (char *)p->tests[0].name, "adds"));
	cr_expect(eq(u64, p->tests[0].body.samples, 1));
}

/* The memory of the test was that of another when the sample was taken. */
Test(pipeline, a_name_that_was_read_later_is_not_that_of_the_sample)
{
	static const struct seen before[] = {{TEST, 17}, {TEST, 17}, {SPEC, 11}};
	const struct profile *p;

	elements_of_a_test();
	sample(PID, BPROF_WALK_OK, 1, before, 3);
	p = profile();
	cr_expect(eq(sz, p->nr_tests, 0));
	cr_expect(eq(u64, p->accounts.outside_tests, 1));
}

Test(pipeline, what_runs_after_the_suite_is_not_in_its_last_test)
{
	const struct profile *p;

	elements_of_a_test();
	sample(PID, BPROF_WALK_OK, 1, in_body, 3);
	for (int i = 0; i < 5; i++)
		sample(PID, BPROF_WALK_OK, 1, NULL, 0);
	p = profile();
	cr_assert(eq(sz, p->nr_tests, 1));
	cr_expect(eq(u64, p->tests[0].body.samples, 1));
	cr_expect(eq(u64, p->phases[PHASE_SHUTDOWN].costs.samples, 5));
}

/* Nor do others, nor stacks that break off: the test goes on. */
Test(pipeline, a_thread_without_busted_does_not_end_the_suite)
{
	const struct profile *p;

	elements_of_a_test();
	sample(PID, BPROF_WALK_OK, 1, in_body, 3);
	sample(THREAD, BPROF_WALK_OK, 1, NULL, 0);
	sample(PID, BPROF_WALK_CHAIN, 1, NULL, 0);
	sample(PID, BPROF_WALK_IDLE, 0, NULL, 0);
	p = profile();
	cr_assert(eq(sz, p->nr_tests, 1));
	cr_expect(eq(u64, p->tests[0].body.samples, 4));
}

/* More frames than are walked: the test that begins there has never been seen. */
Test(pipeline, a_stack_that_is_too_deep_is_in_no_test)
{
	const struct profile *p;

	elements_of_a_test();
	sample(PID, BPROF_WALK_OK, 1, in_body, 3);
	sample_with(BPROF_SAMPLE_MAIN_CUT, PID, BPROF_WALK_TRUNCATED, 1, NULL, 0);
	sample(PID, BPROF_WALK_TRUNCATED, 1, in_body, 3);
	p = profile();
	cr_assert(eq(sz, p->nr_tests, 1));
	cr_expect(eq(u64, p->tests[0].body.samples, 2));
	cr_expect(eq(u64, p->accounts.outside_tests, 1));
}
