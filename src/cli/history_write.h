/* SPDX-License-Identifier: MIT */
/* What --release and --timing-file add to a run or a report. */
#ifndef BPROF_HISTORY_WRITE_H
#define BPROF_HISTORY_WRITE_H

#include <bprof/profile.h>

#include "launch/output_dir.h"
#include "run.h"

/**
 * write_history() - the tree of releases and the timing file, as far as they were asked for
 * @dir: the output directory; the tree goes there if the user chose it, else where we are
 *
 * Runs with the user's rights. Says itself what goes wrong. 0 or -errno.
 */
int write_history(const struct session *session, const struct profile *p, struct output_dir *dir);

/**
 * write_release() - one release into the tree
 * @cwd_fd: where the command ran, -1 = not known
 * @root:   the tree is below it
 *
 * As write_history().
 */
int write_release(const struct session *session, const struct profile *p,
		  const struct release *release, int cwd_fd, const struct output_dir *root);

#endif
