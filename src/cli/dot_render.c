/* SPDX-License-Identifier: MIT */
#include "dot_render.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "words.h"

#include "launch/command.h"
#include "launch/launch.h"

#define RENDER_MS 20000
#define MAX_GRAPH ((size_t)1 << 20)

/* A file of the user's with the graph. @path: mkstemp()'s template. */
static int write_graph(const struct session *session, char *path, const char *graph, size_t len)
{
	struct identity_borrowed borrowed;
	ssize_t written = 0;
	int r = identity_borrow(session->identity, &borrowed), fd;

	if (r < 0)
		return r;
	fd = mkstemp(path);
	r = fd < 0 ? -errno : 0;
	if (fd >= 0) {
		written = write(fd, graph, len);
		close(fd);
	}
	identity_return(&borrowed);
	return r == 0 && written != (ssize_t)len ? -EIO : r;
}

static int run(const struct session *session, const char *dot, const char *path, struct buf *ret)
{
	struct words words = {0};
	int r;

	words_add(&words, "/bin/sh");
	words_add(&words, "-c");
	words_add(&words, "exec \"$1\" -Tsvg <\"$2\" 2>/dev/null");
	words_add(&words, "sh");
	words_add(&words, dot);
	words_add(&words, path);
	r = words.error;
	if (r == 0)
		r = launch_capture(session->identity, session->environment, words.list, ret,
				   RENDER_MS);
	words_done(&words);
	return r;
}

int dot_render(void *arg, const char *graph, size_t len, struct buf *ret)
{
	const struct session *session = arg;
	CLEANUP(cleanup_free) char *dot = NULL, *path = NULL;
	const char *parent = environment_get(session->environment, "TMPDIR");
	struct buf why;
	int r;

	buf_init(&why, 4096);
	r = command_find(session->identity, session->environment, "dot", &dot, &why);
	buf_done(&why);
	if (r < 0 || len > MAX_GRAPH)
		return r < 0 ? r : -EFBIG;
	if (asprintf(&path, "%s/bprof-perf-dot-XXXXXX",
		     parent && *parent == '/' ? parent : "/tmp") < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = write_graph(session, path, graph, len);
	if (r == 0)
		r = run(session, dot, path, ret);
	unlink(path);
	if (r == 0 && !(ret->data && strstr(ret->data, "<svg") && strstr(ret->data, "</svg>")))
		r = -EPROTO;
	if (r != 0)
		buf_reset(ret);
	return r > 0 ? -EPROTO : r;
}
