/* SPDX-License-Identifier: MIT */
/*
 * What the user has: who it is, which environment, which interpreters, a place for the files.
 *
 * Programs are found in the user's PATH, so they are only ever run as that user.
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "launch/command.h"
#include "launch/launch.h"
#include "launch/output_dir.h"

#define ANSWER_MS  3000
#define MAX_ANSWER 4096

static void look_user(const struct session *session, struct finding *f)
{
	const struct identity *id = session->identity;

	if (id->stays_root) {
		finding_say(f, CHECK_WARN, "the command runs as root");
		finding_remedy(f, "call sudo from your own account, or give --user NAME");
		return;
	}
	finding_say(f, CHECK_OK, "the command runs as %s (uid %u, gid %u, %zu groups)", id->name,
		    id->uid, id->gid, id->nr_groups);
}

static void look_environment(const struct session *session, struct finding *f)
{
	const struct environment *environment = session->environment;

	switch (environment->source) {
	case ENVIRONMENT_OWN:
		finding_say(f, CHECK_OK, "our own: no sudo in between");
		break;
	case ENVIRONMENT_SUDO:
		finding_say(f, CHECK_OK, "that of before sudo (from process %d), %zu variables",
			    (int)environment->sudo_pid, environment->nr);
		break;
	case ENVIRONMENT_FALLBACK:
		finding_say(f, CHECK_WARN, "%s", environment->note);
		finding_remedy(f, "%s bprof-perf ...", environment->paste_me);
		break;
	}
}

/* ---- programs ------------------------------------------------------------------------------ */

/* The first line of what `name option` says; 0 or -errno. */
static int ask(const struct session *session, const char *name, const char *option, char *path,
	       size_t path_size, char *answer, size_t answer_size)
{
	CLEANUP(cleanup_free) char *found = NULL;
	CLEANUP(cleanup_free) char *option_copy = strdup(option);
	CLEANUP(buf_done) struct buf output, why;
	char *argv[] = {NULL, option_copy, NULL};
	int r;

	buf_init(&output, MAX_ANSWER);
	buf_init(&why, MAX_ANSWER);
	r = command_find(session->identity, session->environment, name, &found, &why);
	if (r < 0)
		return r;
	argv[0] = found;
	snprintf(path, path_size, "%s", found);
	snprintf(answer, answer_size, "does not answer");
	r = launch_capture(session->identity, session->environment, argv, &output, ANSWER_MS);
	if (r >= 0 && output.len)
		snprintf(answer, answer_size, "%.*s", (int)strcspn(output.data, "\n"), output.data);
	return 0;
}

/* "LuaJIT 2.1.0-beta3 -- Copyright (C) ..." */
static void without_copyright(char *answer)
{
	char *end = strstr(answer, "Copyright");

	if (!end)
		return;
	while (end > answer && strchr(" -", end[-1]))
		end--;
	*end = 0;
}

static void look_interpreters(const struct session *session, struct finding *f)
{
	static const char *const names[] = {"luajit", "lua",	"lua5.1", "lua5.2",
					    "lua5.3", "lua5.4", "nlua"};
	char text[2048] = "", path[512], answer[256];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t length = strlen(text);

		if (ask(session, names[i], "-v", path, sizeof(path), answer, sizeof(answer)) < 0)
			continue;
		without_copyright(answer);
		snprintf(text + length, sizeof(text) - length, "%s%s (%s)", length ? "; " : "",
			 path, answer);
	}
	if (*text) {
		finding_say(f, CHECK_OK, "%s", text);
		return;
	}
	finding_say(f, CHECK_WARN, "no Lua in the PATH of %s", session->identity->name);
	finding_remedy(f, "apt-get install luajit lua5.4, unless your command brings its own");
}

static void look_busted(const struct session *session, struct finding *f)
{
	char path[512], answer[256];

	if (ask(session, "busted", "--version", path, sizeof(path), answer, sizeof(answer)) == 0) {
		finding_say(f, CHECK_OK, "%s (%s)", path, answer);
		return;
	}
	finding_say(f, CHECK_WARN, "no busted in the PATH of %s", session->identity->name);
	finding_remedy(f, "apt-get install lua-busted, or luarocks install --local busted");
}

/* ---- the output directory ------------------------------------------------------------------ */

/* What mkdir -p would start from: the longest part of @path that is there. Changes @path. */
static const char *existing_part(char *path)
{
	while (access(path, F_OK) < 0) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return ".";
		if (slash == path)
			return "/";
		*slash = 0;
	}
	return path;
}

/* Where the directory is not there yet, it is not made for the question. */
static int could_be_made(const struct session *session, const char *path)
{
	CLEANUP(cleanup_free) char *copy = strdup(path);
	struct identity_borrowed borrowed;
	int r;

	if (!copy)
		return -ENOMEM;
	r = identity_borrow(session->identity, &borrowed);
	if (r < 0)
		return r;
	/* Not eaccess(): the libc's asks for the real uid, that is root's. */
	if (faccessat(AT_FDCWD, existing_part(copy), W_OK | X_OK, AT_EACCESS) < 0)
		r = -errno;
	identity_return(&borrowed);
	return r;
}

static void look_existing(const struct session *session, const char *path, struct finding *f)
{
	struct output_dir dir;
	struct buf why;

	buf_init(&why, MAX_ANSWER);
	if (output_dir_open(path, session->identity, &dir, &why) == 0) {
		output_dir_close(&dir);
		finding_say(f, CHECK_OK, "'%s' is there and can be written", path);
	} else {
		finding_say(f, CHECK_FAIL, "%s", why.data ? why.data : path);
	}
	buf_done(&why);
}

static void look_output(const struct session *session, struct finding *f)
{
	const char *path = session->options->output_dir;
	int r;

	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		look_existing(session, path, f);
		return;
	}
	r = could_be_made(session, path);
	if (r == 0) {
		finding_say(f, CHECK_OK, "'%s' can be made", path);
		return;
	}
	finding_say(f, CHECK_FAIL, "'%s' cannot be made by %s: %s", path, session->identity->name,
		    strerror(-r));
	finding_remedy(f, "-o with another directory");
}

static const struct check checks[] = {
	{"user", look_user},
	{"environment", look_environment},
	{"interpreters", look_interpreters},
	{"busted", look_busted},
	{"output", look_output},
};

const struct check *checks_of_user(size_t *ret_nr)
{
	*ret_nr = ARRAY_SIZE(checks);
	return checks;
}
