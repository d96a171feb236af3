/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_PATH	 "/usr/local/bin:/usr/bin:/bin"
#define MAX_PATH_ENTRIES 4096

/* How to get the commands our users start, where they lack them. */
static const struct {
	const char *name, *remedy;
} remedies[] = {
	{"busted", "install it: apt-get install lua-busted, or luarocks install --local busted"},
	{"luarocks", "install it: apt-get install luarocks"},
	{"nlua", "install it: luarocks install --local nlua, and apt-get install neovim"},
	{"nvim", "install it: apt-get install neovim"},
	{"luajit", "install it: apt-get install luajit"},
	{"lua", "install it: apt-get install lua5.4, or name a version: lua5.1, lua5.3"},
	{"lua5.1", "install it: apt-get install lua5.1"},
	{"lua5.2", "install it: apt-get install lua5.2"},
	{"lua5.3", "install it: apt-get install lua5.3"},
	{"lua5.4", "install it: apt-get install lua5.4"},
	{"make", "install it: apt-get install make"},
};

int command_exit_status(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
		return 127;
	case -EACCES:
	case -EPERM:
	case -ENOEXEC:
	case -EISDIR:
	case -ETXTBSY:
	case -ELIBBAD:
		return 126;
	default:
		return 125;
	}
}

/*
 * 0, -ENOENT, or why the file that is there cannot be executed. Rights are those of the borrowed
 * identity: with the system call faccessat2 the kernel judges by the fsuid.
 */
static int executable(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	if (!S_ISREG(status.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* An empty entry of PATH is the current directory. */
static int candidate_path(const char *directory, size_t length, const char *name, char **ret)
{
	int r = length == 0 ? asprintf(ret, "./%s", name)
			    : asprintf(ret, "%.*s/%s", (int)length, directory, name);

	if (r < 0)
		*ret = NULL;
	return r < 0 ? -ENOMEM : 0;
}

/* @ret_path on -EACCES: the first file that was there and not executable. */
static int search(const char *path, const char *name, char **ret_path)
{
	char *forbidden = NULL;

	for (unsigned i = 0; i < MAX_PATH_ENTRIES; i++) {
		size_t length = strcspn(path, ":");
		char *candidate;
		int r = candidate_path(path, length, name, &candidate);

		if (r < 0) {
			free(forbidden);
			return r;
		}
		r = executable(candidate);
		if (r == 0) {
			free(forbidden);
			*ret_path = candidate;
			return 0;
		}
		if (r == -EACCES && !forbidden)
			forbidden = candidate;
		else
			free(candidate);
		if (path[length] == 0)
			break;
		path += length + 1;
	}
	*ret_path = forbidden;
	return forbidden ? -EACCES : -ENOENT;
}

static int take_as_is(const char *name, char **ret_path)
{
	int r = executable(name);

	*ret_path = strdup(name);
	return *ret_path ? r : -ENOMEM;
}

static const char *remedy_for(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
		if (strcmp(remedies[i].name, name) == 0)
			return remedies[i].remedy;
	return NULL;
}

static int explain_missing(const struct identity *id, const struct environment *environment,
			   const char *name, const char *path, struct buf *why)
{
	const char *remedy = remedy_for(name);
	int r;

	if (strchr(name, '/'))
		return buf_addf(why, "command '%s': no such file", name);
	r = buf_addf(why, "command '%s' is not in the PATH of '%s' (%s)", name, id->name, path);
	if (r == 0 && environment->source == ENVIRONMENT_FALLBACK)
		r = buf_addf(why, "; if your shell finds it, keep your PATH: %s bprof-perf -- %s",
			     environment->paste_me, name);
	else if (r == 0 && remedy)
		r = buf_addf(why, "; %s", remedy);
	return r;
}

static int explain_forbidden(const struct identity *id, const char *path, int reason,
			     struct buf *why)
{
	if (reason == -EISDIR)
		return buf_addf(why, "command '%s' is a directory", path);
	return buf_addf(why, "command '%s' cannot be executed by '%s': %s (try: chmod +x '%s')",
			path, id->name, strerror(-reason), path);
}

static int explain(const struct identity *id, const struct environment *environment,
		   const char *name, const char *path, const char *found, int reason,
		   struct buf *why)
{
	if (reason == -ENOMEM)
		return buf_addstr(why, "out of memory");
	if (reason == -ENOENT || reason == -ENOTDIR)
		return explain_missing(id, environment, name, path, why);
	return explain_forbidden(id, found ? found : name, reason, why);
}

int command_find(const struct identity *id, const struct environment *environment, const char *name,
		 char **ret_path, struct buf *why)
{
	const char *path = environment_get(environment, "PATH");
	CLEANUP(cleanup_free) char *found = NULL;
	struct identity_borrowed borrowed;
	int r, explained;

	if (!path)
		path = DEFAULT_PATH;
	r = identity_borrow(id, &borrowed);
	if (r < 0) {
		explained = buf_addf(why, "cannot act as user '%s': %s", id->name, strerror(-r));
		return explained < 0 ? explained : r;
	}
	if (*name == 0)
		r = -ENOENT;
	else
		r = strchr(name, '/') ? take_as_is(name, &found) : search(path, name, &found);
	identity_return(&borrowed);
	if (r == 0) {
		*ret_path = found;
		found = NULL;
		return 0;
	}
	explained = explain(id, environment, name, path, found, r, why);
	if (explained < 0)
		return explained;
	return r == -ENOENT || r == -ENOTDIR ? -ENOENT : r == -ENOMEM ? r : -EACCES;
}
