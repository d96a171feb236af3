/* SPDX-License-Identifier: MIT */
/* compare COMPARISON: what another process, perhaps on another machine, has judged and saved. */
#include "compare_verb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "say.h"

#include "compare/comparison_file.h"

/* 0 or -errno with a sentence in @why. */
static int read_text(const char *path, struct buf *text, struct buf *why)
{
	CLEANUP(cleanup_close)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0 && !S_ISREG(st.st_mode))
		return buf_addstr(why, "it is no file: two are compared, or a comparison.json is "
				       "printed") < 0
			       ? -ENOMEM
			       : -EINVAL;
	if (r == 0)
		r = buf_addfile(text, fd);
	if (r == -E2BIG && buf_addstr(why, "it is larger than any comparison (16 MiB)") < 0)
		return -ENOMEM;
	return r;
}

static int parse(const char *path, struct comparison **ret)
{
	struct buf text, why;
	int r;

	buf_init(&text, COMPARISON_MAX_BYTES);
	buf_init(&why, 8192);
	r = read_text(path, &text, &why);
	if (r == 0)
		r = comparison_parse(text.data ? text.data : "", text.len, ret, &why);
	if (r < 0)
		say_error("cannot read the comparison '%s': %s", path,
			  why.len ? why.data : strerror(-r));
	buf_done(&text);
	buf_done(&why);
	return r;
}

int compare_saved(const struct session *session)
{
	const struct options *o = session->options;
	struct comparison *comparison;
	int status = EXIT_SETUP;

	if (parse(o->comparison, &comparison) < 0)
		return EXIT_SETUP;
	if (compare_print(session, comparison) == 0 && compare_save(o, comparison) == 0)
		status = o->gate && comparison->gate_fails ? EXIT_GATE : 0;
	comparison_free(comparison);
	return status;
}
