/* SPDX-License-Identifier: MIT */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "log.h"
#include "words.h"

#include "launch/launch.h"

#define GIT_MS	  60000
#define GIT_MAX	  4096
#define MOST_OPEN 16 /* directories at a time */

/* ---- removing ------------------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	remove(path); /* what stays makes its directory stay, and that is told */
	return 0;
}

int remove_tree(const char *path)
{
	nftw(path, remove_entry, MOST_OPEN, FTW_DEPTH | FTW_PHYS);
	return access(path, F_OK) == 0 ? -ENOTEMPTY : 0;
}

/* ---- the keeper ---------------------------------------------------------------------------- */

static void ignore_ends(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		signal(ends[i], SIG_IGN);
}

/* Whoever reads our output must not wait for the keeper. */
static void let_go_of_streams(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int stream = 0; fd >= 0 && stream <= STDERR_FILENO; stream++)
		dup2(fd, stream);
}

static void remove_worktree(const struct session *session, const char *path, const char *git,
			    const char *repository)
{
	static const char *const command[] = {"worktree", "remove", "--force"};
	struct words words = {0};
	struct buf output;

	words_add(&words, git);
	words_add(&words, "-C");
	words_add(&words, repository);
	for (size_t i = 0; i < ARRAY_SIZE(command); i++)
		words_add(&words, command[i]);
	words_addf(&words, "%s/" SCRATCH_TREE, path);
	buf_init(&output, GIT_MAX);
	/* whatever git says: the directory is removed anyway, and git prunes entries of such */
	if (!words.error && launch_capture(session->identity, session->environment, words.list,
					   &output, GIT_MS) < 0)
		log_debug("exec", "exec::worktree_stays path=%s", path);
	buf_done(&output);
	words_done(&words);
}

static void keep(const struct session *session, const char *path, const char *git,
		 const char *repository, int fd)
{
	char byte;

	setsid();
	ignore_ends();
	let_go_of_streams();
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	if (git)
		remove_worktree(session, path, git, repository);
	if (identity_become(session->identity) == 0)
		remove_tree(path);
	_exit(0);
}

/* ---- the directory ------------------------------------------------------------------------- */

static int make_directory(const struct session *session, char **ret)
{
	const char *parent = environment_get(session->environment, "TMPDIR");
	struct identity_borrowed borrowed;
	char *path;
	int r;

	if (!parent || *parent != '/')
		parent = "/tmp";
	if (asprintf(&path, "%s/bprof-perf-XXXXXX", parent) < 0)
		return -ENOMEM;
	r = identity_borrow(session->identity, &borrowed);
	if (r == 0) {
		r = mkdtemp(path) ? 0 : -errno;
		identity_return(&borrowed);
	}
	if (r < 0)
		free(path);
	else
		*ret = path;
	return r;
}

static int start_keeper(const struct session *session, const char *git, const char *repository,
			struct scratch *s)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	s->keeper = fork();
	if (s->keeper == 0) {
		close(ends[1]);
		keep(session, s->path, git, repository, ends[0]);
	}
	close(ends[0]);
	s->alive_fd = ends[1];
	return s->keeper < 0 ? -errno : 0;
}

int scratch_open(const struct session *session, const char *git, const char *repository,
		 struct scratch *ret, struct buf *why)
{
	int r = make_directory(session, &ret->path);

	if (r == 0) {
		r = start_keeper(session, git, repository, ret);
		if (r < 0)
			rmdir(ret->path);
	}
	if (r < 0 && buf_addf(why, "cannot make a temporary directory: %s", strerror(-r)) < 0)
		return -ENOMEM;
	return r;
}

void scratch_close(struct scratch *scratch)
{
	if (scratch->alive_fd < 0)
		return;
	close(scratch->alive_fd);
	scratch->alive_fd = -1;
	while (waitpid(scratch->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	free(scratch->path);
	scratch->path = NULL;
}
