/* SPDX-License-Identifier: MIT */
/* The files of memory images (vm_image.h), as parameters of tests. */
#ifndef TEST_IMAGE_FILES_H
#define TEST_IMAGE_FILES_H

#include <criterion/parameterized.h>

#define IMAGE_FILE_BYTES 512

struct image_file {
	char path[IMAGE_FILE_BYTES];
};

/* All files of @folder that end like that, by name. */
struct criterion_test_params image_files(const char *folder, const char *end);

/* "busy.blocked.image" -> "busy.blocked.stack" */
struct image_file image_file_beside(const char *path, const char *end, const char *other_end);

#endif
