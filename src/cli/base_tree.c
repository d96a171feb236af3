/* SPDX-License-Identifier: MIT */
#include "base_tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scratch.h"
#include "words.h"

#include "launch/command.h"
#include "launch/launch.h"

#define ANSWER_MAX  65536
#define ANSWER_MS   30000
#define CHECKOUT_MS (10 * 60 * 1000)
#define PREPARE_MS  (60 * 60 * 1000)
#define PREPARE_MAX ((size_t)64 << 20)
#define TAIL_BYTES  2000

/* The end of what a program said, as the end of a sentence. */
static int add_tail(struct buf *why, struct buf *output)
{
	size_t from = output->len > TAIL_BYTES ? output->len - TAIL_BYTES : 0, end = output->len;

	while (end > from && strchr("\r\n", output->data[end - 1]))
		end--;
	for (size_t i = from; i < end; i++)
		if (output->data[i] == '\n')
			output->data[i] = '|';
	return end > from ? buf_addf(why, ": %.*s", (int)(end - from), output->data + from) : 0;
}

/* @error, unless its sentence could not be written. */
static int refuse(int error, int written)
{
	return written < 0 ? written : error;
}

/* Exit status of the words, which are taken, or -errno. */
static int run(const struct session *session, struct words *words, struct buf *output, int ms)
{
	int r = words->error;

	if (r == 0)
		r = launch_capture(session->identity, session->environment, words->list, output,
				   ms);
	words_done(words);
	return r;
}

/* ---- asking git ---------------------------------------------------------------------------- */

/* One line that git prints; -ENOENT if it fails. */
static int ask(const struct session *session, const struct base_tree *tree, const char *question,
	       const char *revision, char **ret)
{
	struct words words = {0};
	struct buf output;
	int r;

	words_add(&words, tree->git);
	words_add(&words, "rev-parse");
	words_add(&words, question);
	if (revision)
		words_add(&words, revision);
	buf_init(&output, ANSWER_MAX);
	r = run(session, &words, &output, ANSWER_MS);
	if (r == 0) {
		char *line = output.data ? output.data : (char[]){""};

		line[strcspn(line, "\n")] = 0;
		*ret = strdup(line);
		r = *ret ? 0 : -ENOMEM;
	} else if (r > 0) {
		r = -ENOENT;
	}
	buf_done(&output);
	return r;
}

static int find_commit(const struct session *session, struct base_tree *tree, struct buf *why)
{
	CLEANUP(cleanup_free) char *revision = NULL;
	int r;

	if (asprintf(&revision, "%s^{commit}", tree->revision) < 0) {
		revision = NULL;
		return -ENOMEM;
	}
	r = ask(session, tree, "--verify", revision, &tree->commit);
	if (r == -ENOENT)
		r = refuse(r, buf_addf(why,
				       "%s: the repository has no revision '%s' (a shallow "
				       "clone? git fetch it first)",
				       tree->asked, tree->revision));
	return r;
}

int base_tree_find(const struct session *session, const char *asked, const char *revision,
		   struct base_tree *ret, struct buf *why)
{
	int r;

	*ret = (struct base_tree){.asked = asked, .revision = revision};
	r = command_find(session->identity, session->environment, "git", &ret->git, why);
	if (r < 0)
		return r;
	/* an index of another tree would be filled for ours */
	environment_unset(session->environment, "GIT_INDEX_FILE");
	r = ask(session, ret, "--show-toplevel", NULL, &ret->repository);
	if (r == 0)
		r = ask(session, ret, "--show-prefix", NULL, &ret->prefix);
	if (r == -ENOENT)
		return refuse(r,
			      buf_addf(why, "%s: this directory is in no git repository", asked));
	return r < 0 ? r : find_commit(session, ret, why);
}

void base_tree_done(struct base_tree *tree)
{
	free(tree->git);
	free(tree->repository);
	free(tree->prefix);
	free(tree->commit);
	*tree = (struct base_tree){0};
}

/* ---- making it ----------------------------------------------------------------------------- */

/*
 * Filters that git is configured with, switched off by the environment, for their names may hold
 * what the command line cannot. Source: git-config(1), GIT_CONFIG_COUNT.
 */
static int add_plainness(const struct session *session, const struct base_tree *tree,
			 struct words *words)
{
	static const char *const question[] = {"config", "--null", "--name-only", "--get-regexp",
					       "^filter\\..*\\.(smudge|clean|process|required)$"};
	struct words asking = {0};
	unsigned nr = 0;
	struct buf names;
	int r;

	words_add(&asking, tree->git);
	words_add(&asking, "-C");
	words_add(&asking, tree->repository);
	for (size_t i = 0; i < ARRAY_SIZE(question); i++)
		words_add(&asking, question[i]);
	buf_init(&names, ANSWER_MAX);
	r = run(session, &asking, &names, ANSWER_MS);
	words_add(words, "/usr/bin/env");
	for (size_t at = 0; r == 0 && at < names.len; at += strlen(names.data + at) + 1) {
		const char *name = names.data + at, *end = strrchr(name, '.');
		bool is_switch = end && strcmp(end, ".required") == 0;

		words_addf(words, "GIT_CONFIG_KEY_%u=%s", nr, name);
		words_addf(words, "GIT_CONFIG_VALUE_%u=%s", nr++, is_switch ? "false" : "");
	}
	words_addf(words, "GIT_CONFIG_COUNT=%u", nr);
	buf_done(&names);
	return r < 0 ? r : 0; /* 1: there is none */
}

/* No hook of the repository runs: it could do anything to the tree of the user. */
static int check_out(const struct session *session, const struct base_tree *tree,
		     const char *directory, struct buf *why)
{
	static const char *const options[] = {"-c",	  "core.hooksPath=/dev/null",
					      "-c",	  "core.fsmonitor=false",
					      "worktree", "add",
					      "--detach", "--quiet"};
	struct words words = {0};
	struct buf output;
	int r = tree->plain ? add_plainness(session, tree, &words) : 0;

	words_add(&words, tree->git);
	words_add(&words, "-C");
	words_add(&words, tree->repository);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		words_add(&words, options[i]);
	words_add(&words, directory);
	words_add(&words, tree->commit);
	buf_init(&output, ANSWER_MAX);
	if (r == 0)
		r = run(session, &words, &output, CHECKOUT_MS);
	else
		words_done(&words);
	if (r > 0) {
		r = buf_addf(why, "git cannot check out '%s'", tree->revision);
		r = refuse(-EPROTO, r < 0 ? r : add_tail(why, &output));
	}
	buf_done(&output);
	return r;
}

static int prepare(const struct session *session, const struct base_tree *tree,
		   const char *directory, struct buf *why)
{
	struct words words = {0};
	struct buf output;
	int r;

	if (!session->options->prepare)
		return 0;
	words_add(&words, "/bin/sh");
	words_add(&words, "-c");
	words_add(&words, "cd \"$1\" && eval \"$2\"");
	words_add(&words, "sh");
	words_add(&words, directory);
	words_add(&words, session->options->prepare);
	buf_init(&output, PREPARE_MAX);
	r = run(session, &words, &output, PREPARE_MS);
	if (r > 0) {
		r = buf_addf(why, "'%s' does not build: --prepare exited with %d", tree->revision,
			     r);
		r = refuse(-EPROTO, r < 0 ? r : add_tail(why, &output));
	}
	buf_done(&output);
	return r;
}

int base_tree_make(const struct session *session, const struct base_tree *tree, const char *scratch,
		   char **ret_directory, struct buf *why)
{
	CLEANUP(cleanup_free) char *top = NULL, *directory = NULL;
	int r;

	if (asprintf(&top, "%s/" SCRATCH_TREE, scratch) < 0) {
		top = NULL;
		return -ENOMEM;
	}
	if (asprintf(&directory, "%s/%s", top, tree->prefix) < 0) {
		directory = NULL;
		return -ENOMEM;
	}
	r = check_out(session, tree, top, why);
	if (r == 0 && access(directory, F_OK) < 0)
		r = refuse(-ENOENT, buf_addf(why, "%s: '%s' has no directory '%s'", tree->asked,
					     tree->revision, tree->prefix));
	if (r == 0)
		r = prepare(session, tree, directory, why);
	if (r < 0)
		return r;
	*ret_directory = directory;
	directory = NULL;
	return 0;
}
