/* SPDX-License-Identifier: MIT */
/*
 * Builds that are not installed: memory images of them, discovered and walked. What must come out
 * is what the program itself had said of its stack before it was stopped.
 *
 * tests/images/record_image.c makes the images.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_files.h"
#include "symbol.h"
#include "vm_image.h"

#ifdef BPROF_ARCH_ARM64
#define IMAGES SOURCE_DIR "/tests/images/arm64"
#else
#define IMAGES SOURCE_DIR "/tests/images"
#endif
#define NR_CORRUPT_RUNS 100

static struct vm_image image;
static struct host_walk_input in;

static struct criterion_test_params all_images(void)
{
	return image_files(IMAGES, ".image");
}

/* The layout, proved twice; then ready to be walked. */
static void discover(const char *path)
{
	struct discovery found;
	int r;

	cr_assert(eq(int, vm_image_read(&image, path), 0), "%s", path);
	cr_assert(eq(int,
		     discover_vm(&image.mem.reader, &image.env, image.head.state, NULL, &found), 0),
		  "%s", path);
	r = discover_confirm(&image.mem.reader, &image.env, &found);
	cr_assert(r == 0 || (r == -EAGAIN && !strstr(path, ".blocked.")), "%s", path);
	in = (struct host_walk_input){.vms = {.nr = 1}, .pid = 1};
	memcpy(in.reg, image.head.reg, sizeof(in.reg));
	in.vms.vm[0] = found.vm;
	in.layout[0] = found.layout;
	in.heap_start = image.head.heap_start;
	in.heap_end = image.head.heap_end;
}

static void walk(struct host_walk_result *ret)
{
	cr_assert(eq(int, host_walk(&image.mem.reader, &in, ret), 0));
}

static int read_truth(const char *path, struct vm_image_frame *frame)
{
	struct image_file file = image_file_beside(path, ".image", ".stack");

	return vm_image_read_stack(file.path, frame);
}

ParameterizedTestParameters(images, every_build_is_walked_as_its_program_says)
{
	return all_images();
}

ParameterizedTest(struct image_file *p, images, every_build_is_walked_as_its_program_says,
		  .timeout = 30)
{
	struct vm_image_frame want[VM_IMAGE_MAX_FRAMES], got[VM_IMAGE_MAX_FRAMES];
	struct host_walk_result r;
	int nr = read_truth(p->path, want);

	cr_assert(nr > 0, "%s has no stack", p->path);
	discover(p->path);
	walk(&r);
	cr_expect(eq(u8, r.sample.status, BPROF_WALK_OK), "%s", p->path);
	cr_assert(eq(int, vm_image_walked(&r, got), nr), "%s", p->path);
	for (int i = 0; i < nr; i++)
		cr_expect(got[i].is_c == want[i].is_c && got[i].line == want[i].line &&
				  got[i].first_line == want[i].first_line,
			  "%s, frame %d: line %d of the function at %d, not %d of %d", p->path, i,
			  got[i].line, got[i].first_line, want[i].line, want[i].first_line);
	vm_image_done(&image);
}

ParameterizedTestParameters(images, names_are_read_from_every_build)
{
	return all_images();
}

ParameterizedTest(struct image_file *p, images, names_are_read_from_every_build, .timeout = 30)
{
	const struct mem_reader *mem = &image.mem.reader;
	struct host_walk_result r;
	struct buf buf;

	discover(p->path);
	walk(&r);
	buf_init(&buf, 1U << 22);
	cr_expect(ge(int, capture_cfunctions(mem, &in.layout[0], &in.vms.vm[0], 1, &buf), 0));
	cr_expect(memmem(buf.data, buf.len, "string.gsub", strlen("string.gsub")) != NULL,
		  "%s: no name of string.gsub", p->path);
	for (size_t i = 0; i < r.nr_fresh; i++) {
		buf_reset(&buf);
		cr_expect(ge(int,
			     capture_proto(mem, &in.layout[0], 1, in.vms.vm[0].global,
					   r.fresh[i].object, r.fresh[i].fingerprint, &buf),
			     0),
			  "%s: prototype %zu", p->path, i);
	}
	cr_expect(in.layout[0].family != BPROF_FAMILY_LUAJIT ||
			  in.layout[0].luajit.refs32 == (strstr(p->path, "-refs32.") != NULL),
		  "%s", p->path);
	buf_done(&buf);
	vm_image_done(&image);
}

static void expect_same(const struct host_walk_result *r, const struct host_walk_result *truth,
			const char *path, unsigned long read)
{
	cr_assert(eq(u16, r->sample.nr_frames, truth->sample.nr_frames), "%s, read %lu", path,
		  read);
	cr_assert(memcmp(r->frame, truth->frame,
			 truth->sample.nr_frames * sizeof(truth->frame[0])) == 0,
		  "%s, read %lu", path, read);
}

ParameterizedTestParameters(images, one_failed_read_is_flagged_or_changes_nothing)
{
	return all_images();
}

ParameterizedTest(struct image_file *p, images, one_failed_read_is_flagged_or_changes_nothing,
		  .timeout = 60)
{
	struct host_walk_result truth, r;
	unsigned long nr_reads;

	discover(p->path);
	fake_mem_rewind(&image.mem);
	walk(&truth);
	nr_reads = image.mem.reads;
	for (unsigned long k = 1; k <= nr_reads; k++) {
		fake_mem_rewind(&image.mem);
		image.mem.fail_at = k;
		walk(&r);
		cr_assert(image.mem.failed);
		if (r.sample.status == BPROF_WALK_OK)
			expect_same(&r, &truth, p->path, k);
	}
	for (unsigned k = 1; k <= NR_CORRUPT_RUNS; k++) {
		fake_mem_rewind(&image.mem);
		image.mem.corrupt = 0x9E3779B97F4A7C15UL * k;
		walk(&r);
		cr_assert(le(u16, r.sample.nr_frames, BPROF_MAX_FRAMES));
	}
	vm_image_done(&image);
}
