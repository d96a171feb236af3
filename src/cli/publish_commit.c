/* SPDX-License-Identifier: MIT */
/*
 * Plumbing alone: ls-remote, fetch, cat-file into a directory of ours,
 * hash-object, update-index and write-tree on an index of ours, merge-tree, mktree, commit-tree,
 * push with a lease on the tip that was seen.
 *
 * Addresses, not names of remotes, are fetched from and pushed to: else git would move the user's
 * remote-tracking branches, to objects that he does not have.
 */
#include "publish_commit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define QUESTION_MS 60000
#define NETWORK_MS  (10 * 60 * 1000)
#define FOLDER	    BRANCH_FOLDER
#define MOST_OPEN   16

/* An index of our own, empty, for the commands that follow. */
static int fresh_index(const struct git *git)
{
	char path[PATH_MAX];
	int r = git_scratch_path(git, "index", path);

	if (r == 0) {
		unlink(path);
		r = environment_set(git->session->environment, "GIT_INDEX_FILE", path);
	}
	return r;
}

/* ---- what is there ------------------------------------------------------------------------- */

int branch_open(struct git *git, const char *remote, const char *name, const char *main,
		struct branch *ret, struct buf *why)
{
	struct words words = git_words(git, "check-ref-format");
	int r;

	*ret = (struct branch){.remote = remote, .name = name, .main = main};
	words_addf(&words, "refs/heads/%s", name);
	r = git_run(git, &words, NULL, QUESTION_MS);
	if (r > 0)
		return git_refuse(git, why, -EINVAL, "'%s' cannot be the name of a branch", name);
	if (r < 0)
		return r;
	words = git_words(git, "remote");
	words_add(&words, "get-url");
	words_add(&words, "--push");
	words_add(&words, "--");
	words_add(&words, remote);
	r = git_run(git, &words, NULL, QUESTION_MS);
	if (r > 0)
		return git_refuse(
			git, why, -ENOENT,
			"the repository has no remote '%s' (remedy: --remote NAME, or git "
			"remote add)",
			remote);
	if (r < 0)
		return r;
	ret->url = strndup(git->output.data ? git->output.data : "",
			   git->output.data ? strcspn(git->output.data, "\n") : 0);
	return ret->url ? 0 : -ENOMEM;
}

void branch_close(struct branch *branch)
{
	free(branch->url);
	branch->url = NULL;
}

/* "ID<tab>NAME" for the one that is asked for. */
static void find_ref(const char *text, const char *name, char ret[GIT_ID_MAX])
{
	*ret = 0;
	while (text && *text) {
		size_t line = strcspn(text, "\n"), id = strspn(text, "0123456789abcdef");

		if ((id == 40 || id == 64) && text[id] == '\t' && line - id - 1 == strlen(name) &&
		    memcmp(text + id + 1, name, line - id - 1) == 0) {
			memcpy(ret, text, id);
			ret[id] = 0;
			return;
		}
		text += line + (text[line] == '\n');
	}
}

static int look(struct git *git, struct branch *branch, const char *ref, const char *main_ref,
		struct buf *why)
{
	struct words words = git_words(git, "ls-remote");
	int r;

	words_add(&words, "--");
	words_add(&words, branch->url);
	words_add(&words, ref);
	words_add(&words, main_ref);
	r = git_run(git, &words, NULL, NETWORK_MS);
	if (r > 0)
		return git_refuse(git, why, -EPROTO, "cannot read the remote '%s'", branch->remote);
	if (r < 0)
		return r;
	find_ref(git->output.data, ref, branch->tip);
	find_ref(git->output.data, main_ref, branch->main_tip);
	return 0;
}

int branch_fetch(struct git *git, struct branch *branch, struct buf *why)
{
	char ref[PATH_MAX], main_ref[PATH_MAX];
	struct words words;
	int r;

	snprintf(ref, sizeof(ref), "refs/heads/%s", branch->name);
	snprintf(main_ref, sizeof(main_ref), "%s%s", branch->main ? "refs/heads/" : "",
		 branch->main ? branch->main : "HEAD");
	r = look(git, branch, ref, main_ref, why);
	if (r == 0 && branch->main && !*branch->main_tip)
		return git_refuse(git, why, -ENOENT, "the remote has no branch '%s'", branch->main);
	if (r < 0 || (!*branch->tip && !*branch->main_tip))
		return r;
	words = git_words(git, "fetch");
	words_add(&words, "--quiet");
	words_add(&words, "--no-tags");
	words_add(&words, "--no-write-fetch-head");
	words_add(&words, "--");
	words_add(&words, branch->url);
	if (*branch->tip)
		words_add(&words, ref);
	if (*branch->main_tip)
		words_add(&words, main_ref);
	r = git_run(git, &words, NULL, NETWORK_MS);
	return r > 0 ? git_refuse(git, why, -EPROTO, "cannot fetch from the remote '%s'",
				  branch->remote)
		     : r;
}

/* ---- the tree of benchmarks/ --------------------------------------------------------------- */

/* Of nftw(3), which has no argument for it. */
static struct listing {
	FILE *paths;
	size_t skip;	  /* bytes of a path before "benchmarks/" */
	struct buf names; /* "benchmarks/...<0>" for each path */
	int error;
} listing;

static int list_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)ftw;
	if (kind == FTW_D)
		return 0;
	if (kind == FTW_DNR || kind == FTW_NS)
		listing.error = -EACCES;
	if (kind != FTW_F || !S_ISREG(st->st_mode))
		return listing.error ? 1 : 0; /* a link of the branch: not taken over */
	if (strchr(path, '\n'))
		listing.error = -EINVAL;
	if (!listing.error && fprintf(listing.paths, "%s\n", path) < 0)
		listing.error = -EIO;
	if (!listing.error)
		listing.error = buf_add(&listing.names, path + listing.skip,
					strlen(path + listing.skip) + 1);
	return listing.error ? 1 : 0;
}

static int list_files(const struct git *git, const char *directory, char paths[PATH_MAX])
{
	char folder[PATH_MAX];
	int r = git_scratch_path(git, "paths", paths);

	snprintf(folder, sizeof(folder), "%s/" FOLDER, directory);
	listing = (struct listing){.skip = strlen(directory) + 1};
	buf_init(&listing.names, (size_t)256 << 20);
	listing.paths = r == 0 ? fopen(paths, "we") : NULL;
	if (!listing.paths)
		return r < 0 ? r : -errno;
	if (nftw(folder, list_file, MOST_OPEN, FTW_PHYS) < 0 && !listing.error)
		listing.error = -errno;
	if (fclose(listing.paths) == EOF && !listing.error)
		listing.error = -errno;
	return listing.error;
}

/* Lines of ids, in the order of the names, as input of update-index. */
static int write_index_info(const struct git *git, char info[PATH_MAX])
{
	const char *id = git->output.data ? git->output.data : "", *name = listing.names.data;
	const char *end = name + listing.names.len;
	int r = git_scratch_path(git, "index-info", info);
	FILE *out = r == 0 ? fopen(info, "we") : NULL;

	if (!out)
		return r < 0 ? r : -errno;
	for (; r == 0 && name < end; name += strlen(name) + 1) {
		size_t length = strcspn(id, "\n");

		if ((length != 40 && length != 64) ||
		    fprintf(out, "100644 %.*s\t%s%c", (int)length, id, name, 0) < 0)
			r = -EPROTO;
		id += length + (id[length] == '\n');
	}
	if (fclose(out) == EOF && r == 0)
		r = -errno;
	return r;
}

static int write_folder(struct git *git, const char *directory, char ret[GIT_ID_MAX],
			struct buf *why)
{
	char paths[PATH_MAX], info[PATH_MAX];
	struct words words = {0};
	int r = list_files(git, directory, paths);

	if (r == 0) {
		words = git_words(git, "hash-object");
		words_add(&words, "-w");
		words_add(&words, "--no-filters");
		words_add(&words, "--stdin-paths");
		r = git_run(git, &words, paths, NETWORK_MS);
	}
	if (r == 0)
		r = write_index_info(git, info);
	buf_done(&listing.names);
	if (r == 0)
		r = fresh_index(git);
	if (r == 0) {
		words = git_words(git, "update-index");
		words_add(&words, "-z");
		words_add(&words, "--index-info");
		r = git_run(git, &words, info, QUESTION_MS);
	}
	if (r == 0) {
		words = git_words(git, "write-tree");
		words_add(&words, "--prefix=" FOLDER "/");
		r = git_run(git, &words, NULL, QUESTION_MS);
	}
	if (r == 0)
		r = git_output_id(git, ret);
	return r > 0 ? git_refuse(git, why, -EPROTO, "git cannot store the files") : r;
}

/* ---- the commit ---------------------------------------------------------------------------- */

/* 1: main is in the branch already. */
static int has_main(struct git *git, const struct branch *branch)
{
	struct words words = git_words(git, "merge-base");
	int r;

	words_add(&words, "--is-ancestor");
	words_add(&words, branch->main_tip);
	words_add(&words, branch->tip);
	r = git_run(git, &words, NULL, QUESTION_MS);
	return r < 0 ? r : r == 0;
}

/* What is around benchmarks/; *ret_merge: main becomes a parent. */
static int base_tree(struct git *git, const struct branch *branch, char ret[GIT_ID_MAX],
		     bool *ret_merge, struct buf *why)
{
	struct words words;
	int r = *branch->tip && *branch->main_tip ? has_main(git, branch) : 1;

	*ret_merge = r == 0;
	*ret = 0;
	if (r < 0 || (!*branch->tip && !*branch->main_tip))
		return r < 0 ? r : 0;
	if (!*ret_merge) {
		words = git_words(git, "rev-parse");
		words_add(&words, "--verify");
		words_addf(&words, "%s^{tree}", *branch->tip ? branch->tip : branch->main_tip);
	} else {
		words = git_words(git, "merge-tree");
		words_add(&words, "--write-tree");
		words_add(&words, branch->tip);
		words_add(&words, branch->main_tip);
	}
	r = git_run(git, &words, NULL, QUESTION_MS);
	if (r > 0 && *ret_merge)
		return git_refuse(
			git, why, -EPROTO,
			"main cannot be merged into the branch '%s': there are conflicts, "
			"the clone is shallow (git fetch --unshallow), or git is older "
			"than 2.38",
			branch->name);
	if (r > 0)
		return git_refuse(git, why, -EPROTO, "cannot read the branch '%s'", branch->name);
	return r < 0 ? r : git_output_id(git, ret);
}

/* The lines of ls-tree -z without benchmarks/, and ours. */
static int write_top(struct git *git, const char *base, const char *folder, char ret[GIT_ID_MAX])
{
	char path[PATH_MAX];
	struct words words = {0};
	int r = git_scratch_path(git, "top", path);
	FILE *out;

	buf_reset(&git->output);
	if (r == 0 && *base) {
		words = git_words(git, "ls-tree");
		words_add(&words, "-z");
		words_add(&words, "--full-tree");
		words_add(&words, base);
		r = git_run(git, &words, NULL, QUESTION_MS);
	}
	out = r == 0 ? fopen(path, "we") : NULL;
	if (!out)
		return r ? r : -errno;
	for (size_t at = 0; at < git->output.len;) {
		const char *entry = git->output.data + at, *name = strchr(entry, '\t');

		if (name && strcmp(name + 1, FOLDER) != 0 && fprintf(out, "%s%c", entry, 0) < 0)
			r = -EIO;
		at += strlen(entry) + 1;
	}
	if (fprintf(out, "040000 tree %s\t" FOLDER "%c", folder, 0) < 0)
		r = -EIO;
	if (fclose(out) == EOF && r == 0)
		r = -errno;
	if (r == 0) {
		words = git_words(git, "mktree");
		words_add(&words, "-z");
		r = git_run(git, &words, path, QUESTION_MS);
	}
	return r ? r : git_output_id(git, ret);
}

/* CI machines have no name for git. */
static int name_author(struct git *git)
{
	static const char *const names[] = {"GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"};
	static const char *const addresses[] = {"GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"};
	struct words words = git_words(git, "var");
	int r;

	words_add(&words, "GIT_COMMITTER_IDENT");
	r = git_run(git, &words, NULL, QUESTION_MS);
	for (size_t i = 0; r > 0 && i < ARRAY_SIZE(names); i++) {
		int error = environment_set(git->session->environment, names[i], "bprof-perf");

		if (error == 0)
			error = environment_set(git->session->environment, addresses[i],
						"bprof-perf@localhost");
		if (error < 0)
			r = error;
	}
	return r < 0 ? r : 0;
}

static int write_commit(struct git *git, struct branch *branch, const char *tree, bool merge,
			const char *message, struct buf *why)
{
	struct words words;
	int r = name_author(git);

	if (r < 0)
		return r;
	words = git_words(git, "commit-tree");
	words_add(&words, tree);
	if (*branch->tip || *branch->main_tip) {
		words_add(&words, "-p");
		words_add(&words, *branch->tip ? branch->tip : branch->main_tip);
	}
	if (merge) {
		words_add(&words, "-p");
		words_add(&words, branch->main_tip);
	}
	words_add(&words, "-m");
	words_add(&words, message);
	r = git_run(git, &words, NULL, QUESTION_MS);
	if (r > 0)
		return git_refuse(git, why, -EPROTO, "git cannot make the commit");
	return r < 0 ? r : git_output_id(git, branch->new_tip);
}

int branch_commit(struct git *git, struct branch *branch, const char *directory,
		  const char *message, struct buf *why)
{
	char folder[GIT_ID_MAX], base[GIT_ID_MAX], top[GIT_ID_MAX];
	bool merge;
	int r = write_folder(git, directory, folder, why);

	if (r == 0)
		r = base_tree(git, branch, base, &merge, why);
	if (r == 0)
		r = write_top(git, base, folder, top);
	if (r == 0)
		return write_commit(git, branch, top, merge, message, why);
	return r > 0 ? git_refuse(git, why, -EPROTO, "git cannot make the commit") : r;
}

int branch_merge(struct git *git, struct branch *branch, struct buf *why)
{
	char tree[GIT_ID_MAX];
	bool merge;
	int r;

	if (!*branch->tip || !*branch->main_tip)
		return 1;
	r = base_tree(git, branch, tree, &merge, why);
	if (r < 0 || !merge)
		return r < 0 ? r : 1;
	return write_commit(git, branch, tree, true, "chore(profiler): merge the main branch", why);
}

/* ---- the push ------------------------------------------------------------------------------ */

int branch_push(struct git *git, const struct branch *branch, struct buf *why)
{
	struct words words = git_words(git, "push");
	int r;

	words_add(&words, "--porcelain");
	words_add(&words, "--no-verify");
	words_addf(&words, "--force-with-lease=refs/heads/%s:%s", branch->name, branch->tip);
	words_add(&words, "--");
	words_add(&words, branch->url);
	words_addf(&words, "%s:refs/heads/%s", branch->new_tip, branch->name);
	r = git_run(git, &words, NULL, NETWORK_MS);
	return r > 0 ? git_refuse(git, why, -EAGAIN, "the remote '%s' did not take the commit",
				  branch->remote)
		     : r;
}
