/* SPDX-License-Identifier: MIT */
#include "ancestry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MAX_ANCESTORS	  128
#define MAX_STATUS_LENGTH (64 * 1024)

int ancestor_read_file(pid_t pid, const char *file, struct buf *ret)
{
	char path[64], chunk[4096];
	CLEANUP(cleanup_close) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t length = read(fd, chunk, sizeof(chunk));

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return -errno;
		if (length == 0)
			return 0;
		int r = buf_add(ret, chunk, (size_t)length);

		if (r < 0)
			return r;
	}
}

/* The text after "Label:\t" at the start of a line. */
static const char *status_field(const char *status, const char *label)
{
	size_t length = strlen(label);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, label, length) == 0)
			return line + length;
	}
	return NULL;
}

static int status_parse(const char *status, struct ancestor *a)
{
	const char *name = status_field(status, "Name:\t");
	const char *mask = status_field(status, "Umask:\t");
	const char *parent = status_field(status, "PPid:\t");
	const char *uids = status_field(status, "Uid:\t");
	int parent_pid;

	if (!name || !parent || !uids)
		return -EBADMSG;
	if (sscanf(parent, "%d", &parent_pid) != 1 ||
	    sscanf(uids, "%u %u", &a->real_uid, &a->effective_uid) != 2)
		return -EBADMSG;
	a->parent = parent_pid;
	a->umask = mask ? (mode_t)strtoul(mask, NULL, 8) & 0777 : (mode_t)-1;
	snprintf(a->name, sizeof(a->name), "%.*s", (int)strcspn(name, "\n"), name);
	return 0;
}

int ancestor_read(pid_t pid, struct ancestor *ret)
{
	struct ancestor a = {.pid = pid};
	struct buf status;
	int r;

	buf_init(&status, MAX_STATUS_LENGTH);
	r = ancestor_read_file(pid, "status", &status);
	if (r == 0)
		r = status.data ? status_parse(status.data, &a) : -EBADMSG;
	if (r == 0)
		*ret = a;
	buf_done(&status);
	return r;
}

/* The name alone proves nothing; a real uid and an effective root cannot be forged together. */
bool ancestor_is_sudo_of(const struct ancestor *a, uid_t uid)
{
	bool name_fits = strcmp(a->name, "sudo") == 0 || strcmp(a->name, "sudo-rs") == 0;

	return name_fits && a->real_uid == uid && a->effective_uid == 0;
}

int ancestry_find_sudo(uid_t uid, struct ancestor *ret)
{
	struct ancestor a;
	pid_t pid = getppid();
	bool found = false;

	for (int i = 0; i < MAX_ANCESTORS && pid > 0; i++) {
		if (ancestor_read(pid, &a) < 0)
			break;
		if (ancestor_is_sudo_of(&a, uid)) {
			*ret = a;
			found = true;
		} else if (found) {
			break;
		}
		pid = a.parent;
	}
	return found ? 0 : -ESRCH;
}
