/* SPDX-License-Identifier: MIT */
/*
 * The tree of releases on disk:
 *
 *	benchmarks/busted/all/          the newest stable release, pages and pictures of all
 *	                  all/artifacts/{release}-{date}/
 *	                  by_release/{id}-{test}/   one folder for each test
 *	                  by_file/{id}-{file}/      one for each spec file
 *	                  tags/{tag}/               as all/, of the tests with a tag
 *	benchmarks/standalone/          as all/, of programs without a suite
 */
#ifndef BPROF_RELEASE_TREE_H
#define BPROF_RELEASE_TREE_H

#include <bprof/history.h>
#include <bprof/output.h>

#include "base.h"
#include "buf.h"

enum layout { LAYOUT_BUSTED, LAYOUT_MEGA, NR_LAYOUTS };

struct tree_opts {
	enum layout layout;	  /* mega: without busted/ */
	unsigned minimum_samples; /* releases before there are pictures; 0 and 1: always */
	unsigned graph_maximum;	  /* releases in a picture; 0 = all */
	unsigned max_artifacts;	  /* folders kept in artifacts/; 0 = all */
	bool allow_nightly, include_prereleases;
	bool require_pass;	   /* a run that failed is refused */
	bool keep_deprecated;	   /* folders of tests and files that are gone */
	bool keep_old_tags;	   /* folders of tags that no test has any more */
	const char **allowed_tags; /* see tag_pattern.h; NULL = all tags have a folder */
	const struct output_opts *output;
};

/* A run of which there is only its profile.json: what cannot be made of it is taken as it is. */
struct tree_files {
	const struct buf *profile;    /* its bytes */
	const struct buf *flamegraph; /* of the flamegraph.json beside it; NULL = there is none */
};

/**
 * struct tree_request - a run that goes into a tree
 * @root_fd: the folder that benchmarks/ is in, or will be
 * @cwd_fd:  where the command ran, to see which spec files are gone; -1 = not known
 * @is_scratch: the tree is thrown away when it has been read
 * @files:   @profile was read from a profile.json; NULL: it is that of a recording
 * @render:  makes a picture of slowest.dot, see dot_render.h; NULL, or a failure: there is none
 * @note:    called with what the user should know: a broken file of the history, what was deleted
 */
struct tree_request {
	int root_fd, cwd_fd;
	bool is_scratch;
	const struct profile *profile;
	const struct release *release; /* nr_parts 0: folders are named by the date alone */
	const struct tree_opts *opts;
	const struct tree_files *files;
	int (*render)(void *render_arg, const char *graph, size_t len, struct buf *ret);
	void *render_arg;
	void (*note)(void *arg, const char *sentence);
	void *arg;
};

/**
 * tree_write() - all of it, or nothing
 *
 * Runs with the user's rights. Nothing that is there is changed unless every new file is complete.
 * Return: 0; -errno with a sentence in @why.
 */
int tree_write(const struct tree_request *request, struct buf *why) MUST_CHECK;

/* Where the scope of a run is, below benchmarks/: "busted/all", "standalone", "all". */
const char *tree_scope(enum layout layout, bool standalone);

/**
 * tree_read_history() - what artifacts/ of a scope says, in order
 * @path: below @root_fd: "benchmarks/busted/all"
 *
 * What cannot be read is noted and skipped. A tree that is not there is an empty history.
 * Return: 0; -errno: what is there is no folder, or cannot be read.
 */
int tree_read_history(int root_fd, const char *path, void (*note)(void *arg, const char *sentence),
		      void *arg, struct history *ret) MUST_CHECK;

#endif
