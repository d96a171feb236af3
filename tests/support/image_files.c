/* SPDX-License-Identifier: MIT */
#include "image_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

struct criterion_test_params image_files(const char *folder, const char *end)
{
	struct dirent **entry = NULL;
	int nr = scandir(folder, &entry, NULL, alphasort);
	struct image_file *files = cr_calloc(nr > 0 ? (size_t)nr : 1, sizeof(*files));
	size_t nr_files = 0;

	for (int i = 0; i < nr; i++) {
		if (ends_with(entry[i]->d_name, end))
			snprintf(files[nr_files++].path, sizeof(files->path), "%s/%s", folder,
				 entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return cr_make_param_array(struct image_file, files, nr_files);
}

struct image_file image_file_beside(const char *path, const char *end, const char *other_end)
{
	struct image_file file;

	snprintf(file.path, sizeof(file.path), "%.*s%s", (int)(strlen(path) - strlen(end)), path,
		 other_end);
	return file;
}
