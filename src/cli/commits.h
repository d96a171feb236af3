/* SPDX-License-Identifier: MIT */
/* What the commits since a base say of themselves. */
#ifndef BPROF_COMMITS_H
#define BPROF_COMMITS_H

#include "base_tree.h"

/**
 * commits_excuse() - does a commit since the base excuse what became slower?
 * @tree: of base_tree_find()
 * @ret:  a sentence that names the commit, to be freed; NULL: none does
 * @why:  on failure, one sentence
 *
 * Looks at commits that HEAD has and the base has not, merges left out, newest first; subjects are
 * matched by the globs of --excuse-commits (fnmatch(3)).
 *
 * Return: 0; -EPROTO: git failed; -ENOMEM; -errno.
 */
int commits_excuse(const struct session *session, const struct base_tree *tree, char **ret,
		   struct buf *why) MUST_CHECK;

#endif
