/* SPDX-License-Identifier: MIT */
/* Past releases from artifacts/. Everything there is foreign: it may come from a repository. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "history/history.h"
#include "beneath.h"
#include "tree_private.h"

#define MAX_SUMMARY_BYTES ((size_t)1 << 20)
#define MAX_PROFILE_BYTES ((size_t)256 << 20)
#define MAX_SENTENCE	  4096

struct scan {
	void (*note)(void *arg, const char *sentence);
	void *arg;
	const char *path;
	struct history *history;
};

static void note(const struct scan *s, const char *folder, const char *sentence)
{
	char text[MAX_SENTENCE];

	snprintf(text, sizeof(text), "'%s/artifacts/%s' is left out of the history: %s", s->path,
		 folder, sentence);
	s->note(s->arg, text);
}

static const char *reason(int error)
{
	switch (error) {
	case -ELOOP:
		return "a symbolic link is not followed";
	case -EINVAL:
		return "its summary.json is no regular file";
	case -EFBIG:
		return "its file is larger than any summary or profile";
	case -ENOENT:
		return "it has neither summary.json nor profile.json";
	default:
		return strerror(-error);
	}
}

/* summary.json is small; a profile.json is what mega.busted left. */
static int read_summary(int dir, struct buf *text)
{
	int r = beneath_read(dir, "summary.json", MAX_SUMMARY_BYTES, text);

	return r == -ENOENT ? beneath_read(dir, "profile.json", MAX_PROFILE_BYTES, text) : r;
}

/* -ENOMEM, or 0 whatever the folder is like. */
static int add_folder(struct scan *s, int artifacts, const struct history_folder *folder)
{
	CLEANUP(cleanup_close) int dir = beneath_open(artifacts, folder->name, false);
	struct buf text, why;
	int r = dir;

	buf_init(&text, MAX_PROFILE_BYTES);
	buf_init(&why, MAX_SENTENCE / 2);
	if (r >= 0)
		r = read_summary(dir, &text);
	if (r < 0 && r != -ENOMEM)
		note(s, folder->name, reason(r));
	if (r == 0) {
		r = history_add(s->history, folder, text.data ? text.data : "", text.len, &why);
		if (r < 0 && r != -ENOMEM)
			note(s, folder->name, why.len ? why.data : strerror(-r));
	}
	buf_done(&text);
	buf_done(&why);
	return r == -ENOMEM ? r : 0;
}

static int add_folders(struct scan *s, int artifacts)
{
	DIR *dir = beneath_list(artifacts);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		struct history_folder folder;

		if (*entry->d_name == '.')
			continue;
		if (history_folder_parse(entry->d_name, &folder) == 0)
			r = add_folder(s, artifacts, &folder);
		else
			note(s, entry->d_name, "its name is not that of a release");
	}
	closedir(dir);
	return r;
}

int tree_read_history(int root_fd, const char *path, void (*take)(void *arg, const char *sentence),
		      void *arg, struct history *ret)
{
	struct history history = {0};
	struct scan s = {.note = take, .arg = arg, .path = path, .history = &history};
	char artifacts[MAX_PATH_TEXT];
	int fd, r = 0;

	snprintf(artifacts, sizeof(artifacts), "%s/artifacts", path);
	fd = beneath_open(root_fd, artifacts, false);
	if (fd >= 0) {
		r = add_folders(&s, fd);
		close(fd);
	} else if (fd != -ENOENT) {
		r = fd;
	}
	if (r < 0) {
		history_done(&history);
		return r;
	}
	history_settle(&history);
	*ret = history;
	return 0;
}
