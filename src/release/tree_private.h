/* SPDX-License-Identifier: MIT */
/* What the files of this folder share while a tree is written. */
#ifndef BPROF_TREE_PRIVATE_H
#define BPROF_TREE_PRIVATE_H

#include "stage.h"
#include "tree.h"

#define MAX_PATH_TEXT 1024

struct tree {
	const struct tree_request *request;
	struct stage stage;
	struct history_date date;
	struct buf *why;
	bool latest;   /* this run is what all/ shows */
	bool rendered; /* slowest.svg is of this run */
};

void tree_note(const struct tree_request *request, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A file of the tree from a function with one argument. 0; -errno with a sentence. */
int tree_file(struct tree *t, const char *folder, const char *name,
	      int (*write)(void *arg, FILE *out), void *arg) MUST_CHECK;

/* Has a release of this request a flamegraph.json? */
bool tree_has_flamegraph(const struct tree_request *request);

/* @folder/@name by a row of outputs[]. */
int tree_output(struct tree *t, const char *folder, const char *name, const char *output,
		const struct profile *p) MUST_CHECK;

/**
 * scope_write() - all/, or a folder that is made like it
 * @folder: "benchmarks/busted/all"
 * @what:   title of its page
 * @links:  what else is there, see struct scope_page; may be NULL
 *
 * *ret_latest: @p is what the scope shows now; may be NULL.
 */
int scope_write(struct tree *t, const char *folder, const char *what, const struct profile *p,
		const char *const (*links)[2], bool *ret_latest) MUST_CHECK;
/* After a release without samples: what is at the top of another one's. After the commit. */
void scope_drop_samples(const struct tree_request *request, const char *folder);
/* A slowest.svg of another run, where this one has none. After the commit. */
void scope_drop_picture(const struct tree_request *request, const char *folder);
/* Folders in artifacts/ beyond --max-artifacts, the oldest first. After the commit. */
void scope_prune(const struct tree_request *request, const char *folder);

struct parts;

/* by_release/ and by_file/ */
int tests_write(struct tree *t, const char *base, struct parts *parts) MUST_CHECK;
/* Deletes the folders of tests and files that are gone. After the commit. */
void tests_prune(const struct tree_request *request, const char *base);

/* tags/ */
int tags_write(struct tree *t, const char *base, struct parts *parts) MUST_CHECK;
void tags_prune(const struct tree_request *request, const char *base);

/* Was everything there that could be? Only then is what is missing gone. */
bool run_is_whole(const struct profile *p);

#endif
