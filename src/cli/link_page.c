/* SPDX-License-Identifier: MIT */
/*
 * link-page: the main branch has a page with the pictures of the other branch and its newest
 * figures; the data stay where they are.
 */
#include "link_page.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "git.h"
#include "publish_commit.h"
#include "say.h"
#include "scratch.h"

#include "history/history.h"
#include "output/release_pages.h"
#include "release/tree.h"

#define SENTENCE_MAX 8192

/* ---- addresses ----------------------------------------------------------------------------- */

static bool is_plain(const char *text, size_t length, const char *more)
{
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		bool alnum =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!alnum && !strchr(more, c))
			return false;
	}
	return length > 0;
}

static int add_address(struct buf *ret, const char *host, size_t nr_host, const char *path)
{
	size_t length;

	while (*path == '/')
		path++;
	length = strlen(path);
	while (length > 0 && path[length - 1] == '/')
		length--;
	if (length > 4 && memcmp(path + length - 4, ".git", 4) == 0)
		length -= 4;
	/* goes into a page: nothing that could be markup */
	if (!is_plain(host, nr_host, ".-:") || !is_plain(path, length, "._-/~"))
		return -EINVAL;
	return buf_addf(ret, "https://%.*s/%.*s", (int)nr_host, host, (int)length, path);
}

int link_page_address(const char *remote, struct buf *ret)
{
	static const char *const schemes[] = {"https://", "http://", "ssh://", "git://"};
	const char *rest = NULL, *at, *colon;

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strncmp(remote, schemes[i], strlen(schemes[i])) == 0)
			rest = remote + strlen(schemes[i]);
	if (rest) {
		size_t host = strcspn(rest, "/");

		at = memrchr(rest, '@', host);
		if (at) {
			host -= (size_t)(at + 1 - rest);
			rest = at + 1;
		}
		/* the port of ssh is none of a browser's */
		if (strncmp(remote, "http", 4) != 0)
			return add_address(ret, rest, strcspn(rest, ":/"), rest + host);
		return add_address(ret, rest, host, rest + host);
	}
	colon = strchr(remote, ':');
	at = strchr(remote, '@');
	if (!colon || !at || at > colon || memchr(remote, '/', (size_t)(colon - remote)))
		return -EINVAL;
	return add_address(ret, at + 1, (size_t)(colon - at - 1), colon + 1);
}

/* GitLab has a dash between a repository and what is in it. */
static const char *separator(const char *address)
{
	return strstr(address, "gitlab") ? "/-" : "";
}

/* ---- the page ------------------------------------------------------------------------------ */

struct link_page {
	const struct session *session;
	struct git git;
	struct branch branch;
	struct history history;
	struct buf address, why;
	char directory[PATH_MAX];
};

static void take_note(void *arg, const char *sentence)
{
	const struct link_page *page = arg;

	say_note(page->session->options->quiet, "%s", sentence);
}

/* On GitHub's machines the remote may be one that a browser does not know. */
static int find_address(struct link_page *page)
{
	const struct environment *environment = page->session->environment;
	const char *server = environment_get(environment, "GITHUB_SERVER_URL");
	const char *repository = environment_get(environment, "GITHUB_REPOSITORY");
	CLEANUP(cleanup_free) char *github = NULL;
	int r;

	if (server && repository && asprintf(&github, "%s/%s", server, repository) < 0)
		return -ENOMEM;
	r = link_page_address(github ? github : page->branch.url, &page->address);
	if (r == 0 && !is_plain(page->branch.name, strlen(page->branch.name), "._-/"))
		return buf_addf(&page->why, "'%s' cannot be part of an address",
				page->branch.name) < 0
			       ? -ENOMEM
			       : -EINVAL;
	if (r == -EINVAL &&
	    buf_addf(&page->why, "the address of the remote '%s' is none that a browser could open",
		     page->branch.remote) < 0)
		r = -ENOMEM;
	return r;
}

static void print_link(const struct link_page *page, const char *kind, const char *file)
{
	const char *address = page->address.data;
	enum layout layout = page->session->options->tree.layout;

	printf("%s%s/%s/%s/%s/%s", address, separator(address), kind, page->branch.name,
	       tree_scope(layout, false), file);
}

static int print_page(const struct link_page *page)
{
	const struct past_release *latest = history_latest(&page->history, NULL);
	const struct past_release *before = latest ? history_latest(&page->history, latest) : NULL;

	printf("# Profiling\n\nThe numbers of every release are on the branch [%s](",
	       page->branch.name);
	print_link(page, "blob", "README.md");
	printf("). This page is made by `bprof-perf link-page`.\n\n[![total, mean, median and "
	       "spread of the tests across releases](");
	print_link(page, "raw", "timing.png");
	printf(")](");
	print_link(page, "blob", "README.md");
	printf(")\n");
	if (!latest)
		return 0;
	printf("\nThe newest release there is %s", latest->folder.release.text);
	if (!before) {
		printf(".\n");
		return 0;
	}
	printf(". Against %s (lower is better):\n\n", before->folder.release.text);
	if (fflush(stdout) == EOF)
		return -errno;
	return history_compare_write(latest, before, true, stdout);
}

/* ---- the branch ---------------------------------------------------------------------------- */

static int read_branch(struct link_page *page)
{
	const struct options *o = page->session->options;
	const struct branch_notes notes = {.take = take_note, .arg = page};
	int root, r;

	r = branch_open(&page->git, o->remote, o->branch, NULL, &page->branch, &page->why);
	if (r == 0)
		r = branch_fetch(&page->git, &page->branch, &page->why);
	if (r == 0 && !*page->branch.tip)
		return buf_addf(&page->why,
				"the remote '%s' has no branch '%s' (bprof-perf publish makes it)",
				o->remote, o->branch) < 0
			       ? -ENOMEM
			       : -ENOENT;
	if (r == 0)
		r = branch_unpack(&page->git, &page->branch, page->directory, &notes, &page->why);
	root = r == 0 ? open(page->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (root < 0)
		return r < 0 ? r : -errno;
	r = tree_read_history(root, tree_scope(o->tree.layout, false), take_note, page,
			      &page->history);
	close(root);
	return r;
}

static int make_page(struct link_page *page)
{
	int r = read_branch(page);

	if (r == 0)
		r = find_address(page);
	if (r == 0)
		r = print_page(page);
	if (r == 0 && fflush(stdout) == EOF)
		r = -errno;
	return r;
}

int link_page_command(const struct session *session)
{
	struct link_page page = {.session = session};
	struct scratch scratch = {.alive_fd = -1};
	int r;

	r = identity_become(session->identity);
	if (r < 0) {
		say_error("cannot become %s: %s", session->identity->name, strerror(-r));
		return EXIT_SETUP;
	}
	buf_init(&page.why, SENTENCE_MAX);
	buf_init(&page.address, SENTENCE_MAX);
	r = scratch_open(session, NULL, NULL, &scratch, &page.why);
	if (r == 0) {
		snprintf(page.directory, sizeof(page.directory), "%s/history", scratch.path);
		r = git_open(session, scratch.path, &page.git, &page.why);
	}
	if (r == 0)
		r = make_page(&page);
	if (r < 0)
		say_error("link-page: %s", page.why.len ? page.why.data : strerror(-r));
	history_done(&page.history);
	branch_close(&page.branch);
	git_close(&page.git);
	scratch_close(&scratch);
	buf_done(&page.address);
	buf_done(&page.why);
	return r < 0 ? EXIT_SETUP : 0;
}
