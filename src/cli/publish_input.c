/* SPDX-License-Identifier: MIT */
#include "publish_input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_stream.h"

#include "launch/output_dir.h"
#include "release/beneath.h"
#include "report/pipeline.h"
#include "report/profile_read.h"

#define MAX_JSON ((size_t)256 << 20)

/* Neither a recording nor anything else that is no JSON begins like this. */
static bool begins_like_json(int fd)
{
	char first;

	return pread(fd, &first, 1, 0) == 1 && first == '{';
}

static int refuse(struct buf *why, int error, const char *path, const char *reason)
{
	return buf_addf(why, "cannot read '%s': %s", path, reason) < 0 ? -ENOMEM : error;
}

/* What it cannot be, a viewer could not open either. */
static int check_json(const struct buf *text)
{
	static const struct json_sink nothing = {.what = "flame graph"};
	struct buf why;
	int r;

	buf_init(&why, 4096);
	r = json_stream(text->data ? text->data : "", text->len, &nothing, NULL, &why);
	buf_done(&why);
	return r;
}

static void read_flamegraph(struct publish_input *input, int dir)
{
	int r = beneath_read(dir, "flamegraph.json", MAX_JSON, &input->flamegraph);

	if (r == 0)
		r = check_json(&input->flamegraph);
	if (r == 0)
		input->files.flamegraph = &input->flamegraph;
	else
		input->note = r == -ENOENT ? "no flamegraph.json is beside it: the release is "
					     "published without one"
					   : "the flamegraph.json beside it cannot be read: the "
					     "release is published without one";
}

static int read_profile(struct publish_input *input, const char *path, struct buf *why)
{
	CLEANUP(cleanup_free) char *directory = NULL;
	CLEANUP(cleanup_close) int dir = -1;
	const char *name;
	int r = output_path_split(path, &directory, &name);

	if (r < 0)
		return r;
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? -errno : beneath_read(dir, name, MAX_JSON, &input->json);
	if (r < 0)
		return refuse(why, r, path, strerror(-r));
	r = profile_read(input->json.data ? input->json.data : "", input->json.len, &input->read,
			 why);
	if (r < 0) {
		struct buf reason = *why;

		buf_init(why, reason.max);
		r = refuse(why, r, path, reason.len ? reason.data : strerror(-r));
		buf_done(&reason);
		return r;
	}
	input->profile = profile_read_profile(input->read);
	input->files.profile = &input->json;
	read_flamegraph(input, dir);
	return 0;
}

int publish_input_open(const char *path, struct publish_input *ret, struct buf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;

	*ret = (struct publish_input){.profile = NULL};
	buf_init(&ret->json, MAX_JSON);
	buf_init(&ret->flamegraph, MAX_JSON);
	if (fd < 0)
		return refuse(why, -errno, path, strerror(errno));
	if (begins_like_json(fd)) {
		close(fd);
		return read_profile(ret, path, why);
	}
	r = pipeline_run(fd, &ret->pipeline);
	if (r < 0)
		return refuse(why, r, path, pipeline_problem(r));
	ret->profile = pipeline_profile(ret->pipeline);
	return 0;
}

void publish_input_close(struct publish_input *input)
{
	if (input->pipeline)
		pipeline_free(input->pipeline);
	if (input->read)
		profile_read_free(input->read);
	buf_done(&input->json);
	buf_done(&input->flamegraph);
}
