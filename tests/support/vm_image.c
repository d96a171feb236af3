/* SPDX-License-Identifier: MIT */
#include "vm_image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char magic[8] = {'V', 'M', 'I', 'M', 'A', 'G', 'E', '1'};

static int gz_put(gzFile file, const void *bytes, size_t len)
{
	return gzwrite(file, bytes, (unsigned)len) == (int)len ? 0 : -EIO;
}

static int gz_get(gzFile file, void *bytes, size_t len)
{
	return gzread(file, bytes, (unsigned)len) == (int)len ? 0 : -EBADMSG;
}

int vm_image_write(const struct vm_image *image, const char *path)
{
	struct vm_image_head head = image->head;
	gzFile file = gzopen(path, "wb9");
	int r;

	if (!file)
		return -errno;
	memcpy(head.magic, magic, sizeof(magic));
	head.nr_regions = image->mem.nr_regions;
	r = gz_put(file, &head, sizeof(head));
	for (size_t i = 0; r == 0 && i < image->mem.nr_regions; i++) {
		const struct fake_region *region = &image->mem.region[i];
		struct vm_image_range range = {region->start, region->start + region->bytes};

		r = gz_put(file, &range, sizeof(range));
		if (r == 0)
			r = gz_put(file, region->copy, region->bytes);
	}
	return gzclose(file) == Z_OK ? r : -EIO;
}

static bool is_code(void *ctx, uaddr_t address)
{
	const struct vm_image_head *head = ctx;

	for (size_t i = 0; i < head->nr_code; i++)
		if (address >= head->code[i].start && address < head->code[i].end)
			return true;
	return false;
}

static int code_range(void *ctx, uaddr_t pc, uaddr_t *ret_start, uaddr_t *ret_end)
{
	const struct vm_image_head *head = ctx;

	for (size_t i = 0; i < head->nr_functions; i++) {
		if (pc < head->function[i].start || pc >= head->function[i].end)
			continue;
		*ret_start = head->function[i].start;
		*ret_end = head->function[i].end;
		return 0;
	}
	return -ENOENT;
}

static int read_regions(struct vm_image *image, gzFile file)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->head.nr_regions; i++) {
		struct vm_image_range range;

		r = gz_get(file, &range, sizeof(range));
		if (r < 0 || range.end <= range.start || range.end - range.start > 1U << 24)
			return -EBADMSG;
		fake_mem_add(&image->mem, range.start, range.end - range.start);
		r = gz_get(file, image->mem.region[i].copy, range.end - range.start);
	}
	return r;
}

int vm_image_read(struct vm_image *image, const char *path)
{
	gzFile file = gzopen(path, "rb");
	int r;

	fake_mem_init(&image->mem);
	if (!file)
		return -errno;
	r = gz_get(file, &image->head, sizeof(image->head));
	if (r == 0 && (memcmp(image->head.magic, magic, sizeof(magic)) != 0 ||
		       image->head.nr_code > VM_IMAGE_MAX_CODE ||
		       image->head.nr_functions > VM_IMAGE_MAX_FUNCTIONS ||
		       image->head.nr_regions > FAKE_MAX_REGIONS))
		r = -EBADMSG;
	if (r == 0)
		r = read_regions(image, file);
	gzclose(file);
	image->env = (struct discover_env){
		.code_range = code_range, .is_code = is_code, .ctx = &image->head};
	return r;
}

void vm_image_done(struct vm_image *image)
{
	fake_mem_done(&image->mem);
}

int vm_image_read_stack(const char *path, struct vm_image_frame frame[VM_IMAGE_MAX_FRAMES])
{
	FILE *file = fopen(path, "re");
	char line[64];
	int nr = 0;

	if (!file)
		return -errno;
	while (nr < VM_IMAGE_MAX_FRAMES && fgets(line, sizeof(line), file)) {
		struct vm_image_frame *f = &frame[nr++];

		*f = (struct vm_image_frame){.is_c = line[0] == 'C'};
		if (!f->is_c && sscanf(line, "%d:%d", &f->line, &f->first_line) != 2)
			nr = -EBADMSG;
		if (nr < 0)
			break;
	}
	fclose(file);
	return nr;
}

static int first_line_of(const struct host_walk_result *walk, uint64_t object)
{
	for (size_t i = 0; i < walk->nr_fresh; i++)
		if (walk->fresh[i].object == object)
			return walk->fresh[i].first_line;
	return -1;
}

int vm_image_walked(const struct host_walk_result *walk,
		    struct vm_image_frame frame[VM_IMAGE_MAX_FRAMES])
{
	int nr = 0;

	for (; nr < walk->sample.nr_frames && nr < VM_IMAGE_MAX_FRAMES; nr++) {
		const struct bprof_frame *f = &walk->frame[nr];
		bool is_c = !(f->flags & BPROF_FRAME_LUA);

		frame[nr] = (struct vm_image_frame){.is_c = is_c};
		if (is_c)
			continue;
		frame[nr].line = f->line;
		frame[nr].first_line = first_line_of(walk, f->object);
	}
	return nr;
}
