/* SPDX-License-Identifier: MIT */
#include "history_write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "dot_render.h"
#include "log.h"
#include "say.h"

#include "output/release_pages.h"

#define SENTENCE_MAX 8192

/* ---- the tree ------------------------------------------------------------------------------ */

static void take_note(void *arg, const char *sentence)
{
	const struct session *session = arg;

	say_note(session->options->quiet, "%s", sentence);
}

int write_release(const struct session *session, const struct profile *p,
		  const struct release *release, int cwd_fd, const struct output_dir *root)
{
	const struct options *o = session->options;
	const struct output_opts output = output_options(o);
	struct tree_opts opts = o->tree;
	struct session own = *session;
	struct tree_request request = {
		.root_fd = root->fd,
		.cwd_fd = cwd_fd,
		.profile = p,
		.release = release,
		.opts = &opts,
		.render = dot_render,
		.render_arg = &own,
		.note = take_note,
		.arg = &own,
	};
	struct buf why;
	int r;

	opts.output = &output;
	if (o->keep_temporary)
		say_note(o->quiet, "KEEP_TEMPORARY_FILES: pictures are drawn without any, there is "
				   "nothing to keep");
	buf_init(&why, SENTENCE_MAX);
	r = tree_write(&request, &why);
	if (r < 0)
		say_error("the release history in '%s' stays as it was: %s", root->path,
			  why.len ? why.data : strerror(-r));
	else
		say_note(o->quiet, "release history: %s/%s/README.md", root->path,
			 tree_scope(opts.layout, !p->suite.seen && p->nr_tests == 0));
	buf_done(&why);
	return r;
}

static int write_here(const struct session *session, const struct profile *p,
		      const struct output_dir *root)
{
	CLEANUP(cleanup_close) int cwd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return write_release(session, p, &session->options->release, cwd, root);
}

static int write_tree(const struct session *session, const struct profile *p,
		      struct output_dir *dir)
{
	struct output_dir here;
	struct buf why;
	int r;

	if (session->options->output_chosen)
		return write_here(session, p, dir);
	buf_init(&why, SENTENCE_MAX);
	r = output_dir_open(".", session->identity, &here, &why);
	if (r < 0)
		say_error("release history: %s", why.len ? why.data : strerror(-r));
	buf_done(&why);
	if (r < 0)
		return r;
	r = write_here(session, p, &here);
	output_dir_close(&here);
	return r;
}

/* ---- the timing file ----------------------------------------------------------------------- */

static int write_timing_into(const struct session *session, const struct timing *timing,
			     struct output_dir *dir, const char *name, struct buf *why)
{
	struct output_file file = {0};
	int r = output_file_begin(dir, name, &file, why);

	if (r < 0)
		return r;
	r = release_timing(timing, session->options->table_style, file.stream);
	if (r == 0)
		return output_file_commit(&file, why);
	output_file_abort(&file);
	return r;
}

static int write_timing(const struct session *session, const struct profile *p)
{
	const struct output_opts output = output_options(session->options);
	CLEANUP(cleanup_free) char *path = NULL;
	struct output_dir dir;
	struct timing timing;
	const char *name;
	struct buf why;
	int r = output_path_split(session->options->timing_file, &path, &name);

	if (r < 0)
		return r;
	buf_init(&why, SENTENCE_MAX);
	r = timing_of(p, &output, &timing);
	if (r == 0) {
		r = output_dir_open(path, session->identity, &dir, &why);
		if (r == 0) {
			r = write_timing_into(session, &timing, &dir, name, &why);
			output_dir_close(&dir);
		}
		timing_done(&timing);
	}
	if (r < 0)
		say_error("--timing-file: %s", why.len ? why.data : strerror(-r));
	buf_done(&why);
	return r;
}

int write_history(const struct session *session, const struct profile *p, struct output_dir *dir)
{
	int result = 0, r;

	if (session->options->timing_file)
		result = write_timing(session, p);
	r = session->options->release.nr_parts ? write_tree(session, p, dir) : 0;
	return result < 0 ? result : r;
}
