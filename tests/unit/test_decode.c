/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

/* A record in exactly-sized heap memory, so that ASan sees every byte read beyond it. */
static struct bprof_record *record_of(uint32_t type, size_t size)
{
	struct bprof_record *r = calloc(1, size);

	r->type = type;
	r->size = (uint32_t)size;
	return r;
}

static struct bprof_record *sample_of(uint16_t nr_frames, uint8_t nr_spans, size_t size)
{
	struct bprof_sample *s = (void *)record_of(BPROF_RECORD_SAMPLE, size);

	s->nr_frames = nr_frames;
	s->nr_spans = nr_spans;
	return &s->h;
}

Test(decode, sample_with_frames_and_spans_points_at_both)
{
	size_t size = sizeof(struct bprof_sample) + 3 * sizeof(struct bprof_frame) +
		      sizeof(struct bprof_span);
	struct bprof_record *r = sample_of(3, 1, size);
	struct decoded d;

	cr_assert(eq(int, decode_record(r, &d), 0));
	cr_assert(eq(ptr, (void *)d.sample.frames, (char *)r + sizeof(struct bprof_sample)));
	cr_assert(eq(ptr, (void *)d.sample.spans, (void *)(d.sample.frames + 3)));
	free(r);
}

Test(decode, frame_count_beyond_record_is_rejected)
{
	struct bprof_record *r = sample_of(2, 0, sizeof(struct bprof_sample) + 24);
	struct decoded d;

	cr_assert(eq(int, decode_record(r, &d), -EBADMSG));
	free(r);
}

Test(decode, frame_count_beyond_policy_is_rejected)
{
	size_t size = sizeof(struct bprof_sample) + 200 * sizeof(struct bprof_frame);
	struct bprof_record *r = sample_of(BPROF_MAX_FRAMES + 1, 0, size);
	struct decoded d;

	cr_assert(eq(int, decode_record(r, &d), -EBADMSG));
	free(r);
}

Test(decode, span_may_point_just_below_a_truncated_stack_and_no_further)
{
	size_t size = sizeof(struct bprof_sample) + sizeof(struct bprof_frame) +
		      sizeof(struct bprof_span);
	struct bprof_record *r = sample_of(1, 1, size);
	struct bprof_span *span =
		(void *)((char *)r + sizeof(struct bprof_sample) + sizeof(struct bprof_frame));
	struct decoded d;

	span->frame = 1;
	cr_assert(eq(int, decode_record(r, &d), 0));
	span->frame = 2;
	cr_assert(eq(int, decode_record(r, &d), -EBADMSG));
	free(r);
}

Test(decode, unknown_walk_status_is_rejected)
{
	struct bprof_record *r = sample_of(0, 0, sizeof(struct bprof_sample));
	struct decoded d;

	((struct bprof_sample *)r)->status = BPROF_NR_WALK_STATUS;
	cr_assert(eq(int, decode_record(r, &d), -EBADMSG));
	free(r);
}

Test(decode, unknown_type_is_told_apart_from_a_broken_record)
{
	struct bprof_record *r = record_of(31, sizeof(*r));
	struct decoded d;

	cr_assert(eq(int, decode_record(r, &d), -ENOTSUP));
	r->type = UINT32_MAX;
	cr_assert(eq(int, decode_record(r, &d), -ENOTSUP));
	free(r);
}

Test(decode, every_type_shorter_than_its_fixed_part_is_rejected)
{
	for (uint32_t type = 0; type <= BPROF_RECORD_END; type++) {
		struct bprof_record *r = record_of(type, sizeof(*r));
		struct decoded d;
		int result = decode_record(r, &d);

		cr_expect(result == -EBADMSG || result == -ENOTSUP, "type %u gave %d", type,
			  result);
		free(r);
	}
}

/* A mark with room for @nr meters and @len bytes of text behind them. */
static struct bprof_mark *mark_of(uint32_t nr, uint32_t len)
{
	struct bprof_mark *mark =
		(void *)record_of(BPROF_RECORD_MARK, sizeof(*mark) + nr * sizeof(uint64_t) + len);

	mark->nr_meters = nr;
	mark->text_len = len;
	return mark;
}

Test(decode, a_mark_of_the_first_version_has_no_meters)
{
	struct bprof_mark *mark = mark_of(0, 8);
	struct decoded d;

	memcpy(mark + 1, "n1\tfile\t", 8);
	cr_assert(eq(int, decode_record(&mark->h, &d), 0));
	cr_assert(eq(sz, d.mark.text.len, 8));
	cr_assert(memcmp(d.mark.text.data, "n1\tfile\t", 8) == 0);
	for (size_t i = 0; i < BPROF_NR_METERS; i++)
		cr_assert(d.meters.value[i] == BPROF_METER_UNKNOWN);
	free(mark);
}

Test(decode, meters_stand_before_the_text)
{
	/* as of an older version, this one, a newer one */
	static const uint32_t numbers[] = {2, BPROF_NR_METERS, BPROF_NR_METERS + 3};

	for (size_t n = 0; n < sizeof(numbers) / sizeof(*numbers); n++) {
		struct bprof_mark *mark = mark_of(numbers[n], 8);
		uint64_t *meters = (uint64_t *)(mark + 1);
		struct decoded d;

		for (uint32_t i = 0; i < numbers[n]; i++)
			meters[i] = 100 + i;
		memcpy(meters + numbers[n], "-success", 8);
		cr_assert(eq(int, decode_record(&mark->h, &d), 0));
		cr_assert(memcmp(d.mark.text.data, "-success", 8) == 0);
		for (uint32_t i = 0; i < BPROF_NR_METERS; i++)
			cr_assert(d.meters.value[i] ==
				  (i < numbers[n] ? 100 + i : BPROF_METER_UNKNOWN));
		free(mark);
	}
}

Test(decode, more_meters_than_a_record_holds_are_rejected)
{
	struct bprof_mark *mark = mark_of(3, 0);
	struct decoded d;

	mark->nr_meters = 4;
	cr_assert(eq(int, decode_record(&mark->h, &d), -EBADMSG));
	mark->nr_meters = UINT32_MAX;
	cr_assert(eq(int, decode_record(&mark->h, &d), -EBADMSG));
	free(mark);
}

Test(decode, counters_of_an_older_recording_are_fewer)
{
	struct bprof_record *r = record_of(BPROF_RECORD_COUNTERS, sizeof(*r) + 2 * 8);
	struct decoded d;

	cr_assert(eq(int, decode_record(r, &d), 0));
	cr_assert(eq(sz, d.counters.nr, 2));
	free(r);
	r = record_of(BPROF_RECORD_COUNTERS, sizeof(*r) + (BPROF_NR_COUNTERS + 5) * 8);
	cr_assert(eq(int, decode_record(r, &d), 0));
	cr_assert(eq(sz, d.counters.nr, BPROF_NR_COUNTERS));
	free(r);
}

Test(decode, lengths_that_overflow_are_rejected)
{
	struct bprof_element *e = (void *)record_of(BPROF_RECORD_ELEMENT, sizeof(*e) + 8);
	struct decoded d;

	e->descriptor_len = 8;
	e->name_len = UINT32_MAX;
	e->source_len = 1;
	cr_assert(eq(int, decode_record(&e->h, &d), -EBADMSG));
	e->name_len = 0;
	e->source_len = 0;
	cr_assert(eq(int, decode_record(&e->h, &d), 0));
	cr_assert(eq(sz, d.element.descriptor.len, 8));
	free(e);
}

Test(decode, info_needs_its_separator)
{
	struct bprof_info *i = (void *)record_of(BPROF_RECORD_INFO, sizeof(*i) + 8);
	char *text = (char *)(i + 1);
	struct decoded d;

	memcpy(text, "key\0val", 7);
	i->key_len = 3;
	i->value_len = 3;
	cr_assert(eq(int, decode_record(&i->h, &d), 0));
	cr_assert(eq(int, memcmp(d.info.value.data, "val", 3), 0));
	text[3] = 'x';
	cr_assert(eq(int, decode_record(&i->h, &d), -EBADMSG));
	free(i);
}

Test(decode, a_native_stack_points_at_its_registers_and_words)
{
	size_t size = sizeof(struct bprof_native_stack) + 17 * 8 + 64 * 8;
	struct bprof_native_stack *n = (void *)record_of(BPROF_RECORD_NATIVE_STACK, size);
	struct decoded d;

	n->nr_regs = 17;
	n->nr_words = 64;
	cr_assert(eq(int, decode_record(&n->h, &d), 0));
	cr_expect(eq(ptr, (void *)d.native_stack.regs, (void *)(n + 1)));
	cr_expect(eq(ptr, (void *)d.native_stack.words, (void *)(d.native_stack.regs + 17)));
	n->nr_words = 65;
	cr_expect(eq(int, decode_record(&n->h, &d), -EBADMSG));
	n->nr_words = 0;
	n->nr_regs = BPROF_MAX_REGS + 1;
	cr_expect(eq(int, decode_record(&n->h, &d), -EBADMSG));
	free(n);
}

Test(decode, an_answer_about_the_collector_is_one)
{
	struct bprof_gc *gc = (void *)record_of(BPROF_RECORD_GC, sizeof(*gc));
	struct decoded d;

	for (unsigned state = 0; state < 256; state++) {
		bool good = state < BPROF_NR_GC_STATES && state != BPROF_GC_ASKED;

		gc->state = (uint8_t)state;
		cr_expect(eq(int, decode_record(&gc->h, &d), good ? 0 : -EBADMSG));
	}
	free(gc);
}
