/* SPDX-License-Identifier: MIT */
/* recorder.c against replay.c: what is written comes back, and nothing else does. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect.h"

static int memory_file(void)
{
	return memfd_create("recording", MFD_CLOEXEC);
}

static int with_marks(unsigned nr)
{
	int fd = memory_file();
	struct recorder *r;

	cr_assert(eq(int, recorder_new(fd, 1000, 2000, &r), 0));
	for (unsigned i = 0; i < nr; i++) {
		/* 48 bytes and a text of 3: the recorder pads */
		struct {
			struct bprof_mark mark;
			char text[4];
		} m = {.mark = {.h = {BPROF_RECORD_MARK, sizeof(m.mark) + 3, i},
				.epoch = i,
				.text_len = 3},
		       .text = "abc"};

		cr_assert(eq(int, recorder_add(r, &m.mark.h), 0));
	}
	cr_assert(eq(int, recorder_finish(r), 0));
	recorder_free(r);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

Test(recording, comes_back_as_it_was_written)
{
	const unsigned nr = 20000; /* more than the buffers of both sides */
	const struct bprof_record *record;
	struct replay *r;
	unsigned seen = 0;

	cr_assert(eq(int, replay_open(with_marks(nr), &r), 0));
	cr_assert(eq(u64, replay_header(r)->start_time_ns, 1000));
	cr_assert(eq(u64, replay_header(r)->started_at_ns, 2000));
	while (replay_next(r, &record) == 1) {
		const struct bprof_mark *m = (const void *)record;

		cr_assert(eq(u32, m->epoch, seen));
		cr_assert(eq(u32, record->size % 8, 0));
		cr_assert(eq(int, memcmp(m + 1, "abc", 3), 0));
		seen++;
	}
	cr_assert(eq(uint, seen, nr));
	cr_assert(eq(int, replay_next(r, &record), 0));
	cr_assert(eq(int, replay_rewind(r), 0));
	cr_assert(eq(int, replay_next(r, &record), 1));
	replay_free(r);
}

Test(recording, cut_anywhere_gives_what_came_before)
{
	int whole = with_marks(5);
	off_t size = lseek(whole, 0, SEEK_END);

	for (off_t cut = 0; cut < size; cut++) {
		const struct bprof_record *record;
		struct replay *r;
		unsigned seen = 0;
		int fd = with_marks(5), result;

		cr_assert(eq(int, ftruncate(fd, cut), 0));
		result = replay_open(fd, &r);
		if (cut < (off_t)sizeof(struct bprof_file_header)) {
			cr_assert(eq(int, result, -EBADMSG));
			continue;
		}
		cr_assert(eq(int, result, 0));
		while ((result = replay_next(r, &record)) == 1)
			seen++;
		cr_expect(seen == (unsigned)((cut - 32) / 56), "cut at %ld: %u", (long)cut, seen);
		cr_expect(eq(int, result, (cut - 32) % 56 ? -EBADMSG : 0));
		replay_free(r);
	}
	close(whole);
}

Test(recording, of_another_kind_or_version_is_refused)
{
	struct bprof_file_header header = {.version = BPROF_WIRE_VERSION,
					   .header_bytes = sizeof(header)};
	struct replay *r;
	int fd = memory_file();

	memcpy(header.magic, "PERFILE2", 8);
	cr_assert(eq(sz, (size_t)write(fd, &header, sizeof(header)), sizeof(header)));
	lseek(fd, 0, SEEK_SET);
	cr_assert(eq(int, replay_open(fd, &r), -EBADMSG));
	memcpy(header.magic, BPROF_FILE_MAGIC, 8);
	header.version++;
	fd = memory_file();
	cr_assert(eq(sz, (size_t)write(fd, &header, sizeof(header)), sizeof(header)));
	lseek(fd, 0, SEEK_SET);
	cr_assert(eq(int, replay_open(fd, &r), -EPROTO));
}

Test(recording, record_sizes_that_cannot_be_are_refused)
{
	static const uint32_t sizes[] = {0, 8, 15, 17, 20, BPROF_MAX_RECORD + 8, UINT32_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const struct bprof_record *record;
		struct bprof_record bad = {BPROF_RECORD_MARK, sizes[i], 0};
		int fd = with_marks(1);
		struct replay *r;

		lseek(fd, 0, SEEK_END);
		cr_assert(eq(sz, (size_t)write(fd, &bad, sizeof(bad)), sizeof(bad)));
		lseek(fd, 0, SEEK_SET);
		cr_assert(eq(int, replay_open(fd, &r), 0));
		cr_assert(eq(int, replay_next(r, &record), 1));
		cr_expect(eq(int, replay_next(r, &record), -EBADMSG));
		replay_free(r);
	}
}

Test(recording, failed_write_is_reported_and_stays)
{
	struct bprof_record record = {BPROF_RECORD_MARK, 16, 0};
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct recorder *r;

	cr_assert(eq(int, recorder_new(fd, 0, 0, &r), 0));
	cr_assert(eq(int, recorder_add(r, &record), 0));
	cr_assert(eq(int, recorder_finish(r), -ENOSPC));
	cr_assert(eq(int, recorder_finish(r), -ENOSPC));
	recorder_free(r);
	close(fd);
}
