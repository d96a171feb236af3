/* SPDX-License-Identifier: MIT */
/* What a scope has no more after a release: files of the one before, and releases beyond the cap.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "history/history.h"
#include "beneath.h"
#include "tree_private.h"
#include "remove.h"

/* ---- what is of another release ------------------------------------------------------------ */

static void drop(const struct tree_request *request, const char *folder, const char *name)
{
	CLEANUP(cleanup_close) int fd = beneath_open(request->root_fd, folder, false);
	struct stat status;

	if (fd >= 0 && fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(status.st_mode) && unlinkat(fd, name, 0) == 0)
		tree_note(request, "deleted '%s/%s': it was of the release before", folder, name);
}

void scope_drop_picture(const struct tree_request *request, const char *folder)
{
	drop(request, folder, "slowest.svg");
}

void scope_drop_samples(const struct tree_request *request, const char *folder)
{
	if (!tree_has_flamegraph(request))
		drop(request, folder, "flamegraph.json");
	drop(request, folder, "slowest.dot");
	drop(request, folder, "files.json");
	tree_note(request,
		  "a profile.json has no samples: without %sslowest.dot and files.json, and "
		  "by_release/, by_file/ and tags/ stay as they are",
		  tree_has_flamegraph(request) ? "" : "flamegraph.json, ");
}

/* ---- what is too old ----------------------------------------------------------------------- */

static const char *const artifact_files[] = {"README.md",   "summary.json",    "profile.json",
					     "timing.json", "flamegraph.json", NULL};
const struct shape artifact_shape = {.files = artifact_files};

void scope_prune(const struct tree_request *request, const char *folder)
{
	struct history history;
	char path[MAX_PATH_TEXT];
	struct buf why;
	int fd;

	if (!request->opts->max_artifacts ||
	    tree_read_history(request->root_fd, folder, request->note, request->arg, &history) < 0)
		return;
	snprintf(path, sizeof(path), "%s/artifacts", folder);
	fd = beneath_open(request->root_fd, path, false);
	buf_init(&why, 4096);
	for (size_t i = 0; fd >= 0 && i + request->opts->max_artifacts < history.nr; i++) {
		const char *name = history.releases[i].folder.name;

		buf_reset(&why);
		if (remove_folder(fd, name, &artifact_shape, &why) == 0)
			tree_note(request, "deleted '%s/%s': more than %u releases", path, name,
				  request->opts->max_artifacts);
		else
			tree_note(request, "'%s/%s' stays: %s", path, name,
				  why.len ? why.data : "it cannot be deleted");
	}
	if (fd >= 0)
		close(fd);
	buf_done(&why);
	history_done(&history);
}
