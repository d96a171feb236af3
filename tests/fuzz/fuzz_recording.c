/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a recording: header, records, facts; through decode/, attribute/, symbol/,
 * aggregate/ to a profile, and out again as every output. The header is ours, so that the fuzzer
 * spends its time behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bprof/wire.h>

#include "output.h"
#include "pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int recording_of(const uint8_t *data, size_t size)
{
	struct bprof_file_header header = {.version = BPROF_WIRE_VERSION,
					   .header_bytes = sizeof(header)};
	int fd = memfd_create("recording", MFD_CLOEXEC);

	memcpy(header.magic, BPROF_FILE_MAGIC, sizeof(header.magic));
	if (write(fd, &header, sizeof(header)) < 0 || write(fd, data, size) < 0)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct output_opts opts = {.top = 5, .min_percent = 1};
	struct pipeline *pipeline;
	size_t nr;
	const struct output_ops *const *all = outputs_all(&nr);
	FILE *null;

	if (pipeline_run(recording_of(data, size), &pipeline) < 0)
		return 0;
	null = fopen("/dev/null", "w");
	for (size_t i = 0; i < nr; i++)
		all[i]->write(pipeline_profile(pipeline), &opts, null);
	fclose(null);
	pipeline_free(pipeline);
	return 0;
}
