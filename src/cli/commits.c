/* SPDX-License-Identifier: MIT */
#include "commits.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

#include "launch/launch.h"

#define SUBJECTS_MAX ((size_t)1 << 20)
#define ANSWER_MS    30000
#define MOST_SHOWN   72 /* bytes of a subject */

/* One subject a line, newest first. What does not fit is not looked at. */
static int read_subjects(const struct session *session, const struct base_tree *tree,
			 struct buf *subjects)
{
	struct words words = {0};
	int r;

	words_add(&words, tree->git);
	words_add(&words, "log");
	words_add(&words, "--no-merges");
	words_add(&words, "--no-show-signature");
	words_add(&words, "--format=%s");
	words_addf(&words, "%s..HEAD", tree->commit);
	words_add(&words, "--");
	r = words.error;
	if (r == 0)
		r = launch_capture(session->identity, session->environment, words.list, subjects,
				   ANSWER_MS);
	words_done(&words);
	return r;
}

static bool is_excusing(const char *const *globs, const char *subject)
{
	for (; *globs; globs++)
		if (fnmatch(*globs, subject, 0) == 0)
			return true;
	return false;
}

static int find_excuse(const struct session *session, struct buf *subjects, char **ret)
{
	char *rest = subjects->data, *subject;

	while ((subject = strsep(&rest, "\n"))) {
		if (!is_excusing(session->options->excusing_commits, subject))
			continue;
		if (asprintf(ret, "nothing fails: --excuse-commits has the commit '%.*s'",
			     MOST_SHOWN, subject) < 0) {
			*ret = NULL;
			return -ENOMEM;
		}
		return 0;
	}
	return 0;
}

int commits_excuse(const struct session *session, const struct base_tree *tree, char **ret,
		   struct buf *why)
{
	struct buf subjects;
	int r;

	*ret = NULL;
	if (!session->options->excusing_commits[0])
		return 0;
	buf_init(&subjects, SUBJECTS_MAX);
	r = read_subjects(session, tree, &subjects);
	if (r > 0) {
		r = buf_addf(why, "--excuse-commits: git cannot list the commits since '%s'",
			     session->options->base_revision);
		r = r < 0 ? r : -EPROTO;
	} else if (r == 0 && subjects.len > 0) {
		r = find_excuse(session, &subjects, ret);
	}
	buf_done(&subjects);
	return r;
}
