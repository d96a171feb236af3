/* SPDX-License-Identifier: MIT */
/*
 * Rebuilding the user's environment from the sudo process above us.
 *
 * Invariant: what comes from the user's environment reaches only the command, which runs as that
 * user. Nothing of it is put into our own, root's, environment.
 *
 * Source: sudo(8), sudoers(5) "Command environment"; measured with sudo 1.9.13p3: the dynamic
 * loader hides LD_* from the set-user-ID sudo, yet /proc/PID/environ still has them.
 */
#include "environ.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ancestry.h"

#define MAX_ENVIRONMENT_BYTES (8u << 20) /* the kernel's own limit is a quarter of the stack */
#define MAX_VARIABLES	      65536

extern char **environ;

/*
 * sudo sets these itself (or the session that it opens does), so that our value says nothing about
 * what the user wanted. "_" is the path of sudo to its own child.
 */
static const char *const set_by_sudo[] = {
	"HOME",
	"LOGNAME",
	"USER",
	"USERNAME",
	"SHELL",
	"PATH",
	"MAIL",
	"PWD",
	"OLDPWD",
	"SHLVL",
	"_",
	"XDG_RUNTIME_DIR",
	"XDG_SESSION_ID",
	"XDG_SESSION_TYPE",
	"XDG_SESSION_CLASS",
	"DBUS_SESSION_BUS_ADDRESS",
};

static size_t name_length(const char *variable)
{
	return strcspn(variable, "=");
}

static bool has_name(const char *variable, const char *name, size_t length)
{
	return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

static bool is_set_by_sudo(const char *variable)
{
	for (size_t i = 0; i < ARRAY_SIZE(set_by_sudo); i++)
		if (has_name(variable, set_by_sudo[i], strlen(set_by_sudo[i])))
			return true;
	return false;
}

static bool is_about_sudo(const char *variable)
{
	return strncmp(variable, "SUDO_", strlen("SUDO_")) == 0;
}

static char **find(const struct environment *environment, const char *name, size_t length)
{
	for (size_t i = 0; i < environment->nr; i++)
		if (has_name(environment->list[i], name, length))
			return &environment->list[i];
	return NULL;
}

static int grow(struct environment *environment)
{
	size_t room = environment->room ? environment->room * 2 : 64;
	char **list;

	if (environment->nr + 1 < environment->room)
		return 0;
	if (environment->nr >= MAX_VARIABLES)
		return -E2BIG;
	list = reallocarray(environment->list, room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	environment->list = list;
	environment->room = room;
	return 0;
}

/* Puts "NAME=value" in place of the variable of that name. Entries without a name are dropped. */
static int put(struct environment *environment, const char *variable)
{
	size_t length = name_length(variable);
	char **place, *copy;
	int r;

	if (length == 0 || variable[length] != '=')
		return 0;
	r = grow(environment);
	if (r < 0)
		return r;
	copy = strdup(variable);
	if (!copy)
		return -ENOMEM;
	place = find(environment, variable, length);
	if (place) {
		free(*place);
		*place = copy;
		return 0;
	}
	environment->list[environment->nr++] = copy;
	environment->list[environment->nr] = NULL;
	return 0;
}

void environment_done(struct environment *environment)
{
	for (size_t i = 0; i < environment->nr; i++)
		free(environment->list[i]);
	free(environment->list);
	free(environment->note);
	*environment = (struct environment){.umask = (mode_t)-1};
}

const char *environment_get(const struct environment *environment, const char *name)
{
	size_t length = strlen(name);
	char **place = find(environment, name, length);

	return place ? *place + length + 1 : NULL;
}

int environment_set(struct environment *environment, const char *name, const char *value)
{
	CLEANUP(cleanup_free) char *variable = NULL;

	if (*name == 0 || strchr(name, '='))
		return -EINVAL;
	if (asprintf(&variable, "%s=%s", name, value) < 0) {
		variable = NULL;
		return -ENOMEM;
	}
	return put(environment, variable);
}

void environment_unset(struct environment *environment, const char *name)
{
	char **place = find(environment, name, strlen(name));

	if (!place)
		return;
	free(*place);
	*place = environment->list[--environment->nr];
	environment->list[environment->nr] = NULL;
}

static bool is_argument(const char *variable, char *const *arguments)
{
	for (; arguments && *arguments; arguments++)
		if (strcmp(*arguments, variable) == 0)
			return true;
	return false;
}

int environment_merge(const struct environment_parts *parts, struct environment *ret)
{
	struct environment merged = {.umask = (mode_t)-1, .source = ENVIRONMENT_SUDO};
	int r = grow(&merged);

	if (r == 0)
		merged.list[0] = NULL;
	for (char *const *variable = parts->user; r == 0 && *variable; variable++)
		if (!is_about_sudo(*variable) && !has_name(*variable, "_", 1))
			r = put(&merged, *variable);
	for (char *const *variable = parts->own; r == 0 && *variable; variable++) {
		if (is_about_sudo(*variable))
			continue;
		if (is_set_by_sudo(*variable) && !is_argument(*variable, parts->sudo_command))
			continue;
		r = put(&merged, *variable);
	}
	if (r < 0)
		environment_done(&merged);
	else
		*ret = merged;
	return r;
}

/* Strings one after the other, each with its NUL, as in /proc/PID/environ: a list into @bytes. */
static int list_of_strings(struct buf *bytes, char ***ret)
{
	size_t nr = 0;
	char **list;

	for (size_t i = 0; i < bytes->len; i++)
		nr += bytes->data[i] == 0;
	/* The last string may lack its NUL: struct buf has one behind the end. */
	list = calloc(nr + 2, sizeof(*list));
	if (!list)
		return -ENOMEM;
	nr = 0;
	for (size_t at = 0; at < bytes->len; at += strlen(bytes->data + at) + 1)
		list[nr++] = bytes->data + at;
	*ret = list;
	return 0;
}

static int read_strings(pid_t pid, const char *file, struct buf *bytes, char ***ret)
{
	int r;

	buf_init(bytes, MAX_ENVIRONMENT_BYTES);
	r = ancestor_read_file(pid, file, bytes);
	return r < 0 ? r : list_of_strings(bytes, ret);
}

/* The user's shell called sudo, so its umask is the one sudo started from and then changed. */
static mode_t umask_of_caller(const struct ancestor *sudo, uid_t uid)
{
	struct ancestor caller;

	if (ancestor_read(sudo->parent, &caller) < 0 || caller.real_uid != uid)
		return (mode_t)-1;
	return caller.umask;
}

/* `cd` between sudo and us: PWD must name the directory we are in, or programs distrust it. */
static int correct_pwd(struct environment *environment)
{
	const char *pwd = environment_get(environment, "PWD");
	CLEANUP(cleanup_free) char *here = NULL;
	struct stat named, actual;

	if (!pwd || stat(".", &actual) < 0)
		return 0;
	if (stat(pwd, &named) == 0 && named.st_dev == actual.st_dev &&
	    named.st_ino == actual.st_ino)
		return 0;
	here = getcwd(NULL, 0);
	return here ? environment_set(environment, "PWD", here) : 0;
}

static int recover_from(const struct ancestor *sudo, const struct identity *id,
			struct environment *ret)
{
	CLEANUP(buf_done) struct buf variables = {0}, arguments = {0};
	CLEANUP(cleanup_free) char **user = NULL, **sudo_command = NULL;
	struct environment_parts parts = {.own = environ};
	int r = read_strings(sudo->pid, "environ", &variables, &user);

	if (r < 0)
		return r;
	/* Kernel threads and the dead have an empty one; a shell's is never empty. */
	if (!user[0])
		return -ENODATA;
	r = read_strings(sudo->pid, "cmdline", &arguments, &sudo_command);
	if (r < 0)
		return r;
	parts.user = user;
	parts.sudo_command = sudo_command;
	r = environment_merge(&parts, ret);
	if (r < 0)
		return r;
	ret->sudo_pid = sudo->pid;
	ret->umask = umask_of_caller(sudo, id->uid);
	return correct_pwd(ret);
}

int environment_own(struct environment *ret)
{
	char *const none[] = {NULL};
	struct environment_parts parts = {.user = environ, .own = none};
	int r = environment_merge(&parts, ret);

	if (r == 0)
		ret->source = ENVIRONMENT_OWN;
	return r;
}

static int set_login_variables(const struct identity *id, struct environment *environment)
{
	const struct {
		const char *name, *value;
	} login[] = {
		{"HOME", id->home},
		{"USER", id->name},
		{"LOGNAME", id->name},
		{"SHELL", id->shell},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(login); i++)
		r = environment_set(environment, login[i].name, login[i].value);
	environment_unset(environment, "MAIL");
	return r;
}

/* Where luarocks --local and pip --user put programs: the usual reason why PATH was changed. */
static int add_usual_directories(const struct identity *id, struct environment *environment)
{
	const char *path = environment_get(environment, "PATH");
	CLEANUP(cleanup_free) char *longer = NULL;

	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	if (asprintf(&longer, "%s/.luarocks/bin:%s/.local/bin:%s", id->home, id->home, path) < 0) {
		longer = NULL;
		return -ENOMEM;
	}
	return environment_set(environment, "PATH", longer);
}

static int fall_back(const struct identity *id, int reason, struct environment *ret)
{
	int r = environment_own(ret);

	if (r == 0)
		r = set_login_variables(id, ret);
	if (r == 0)
		r = add_usual_directories(id, ret);
	if (r == 0 &&
	    asprintf(&ret->note,
		     "the environment that '%s' had before sudo cannot be read (%s), so "
		     "PATH, LUA_PATH, LUA_CPATH and LUA_INIT may differ from the shell's",
		     id->name,
		     reason == -ESRCH ? "sudo is not among our parents" : strerror(-reason)) < 0) {
		ret->note = NULL;
		r = -ENOMEM;
	}
	if (r < 0) {
		environment_done(ret);
		return r;
	}
	ret->source = ENVIRONMENT_FALLBACK;
	/* ${X:+...}: an empty LUA_PATH is not an unset one to Lua. */
	ret->paste_me =
		"sudo env \"PATH=$PATH\" ${LUA_PATH:+\"LUA_PATH=$LUA_PATH\"} "
		"${LUA_CPATH:+\"LUA_CPATH=$LUA_CPATH\"} ${LUA_INIT:+\"LUA_INIT=$LUA_INIT\"}";
	return 0;
}

/* --user: another user than the one behind us. What we have is as good as anything. */
static int for_other_user(const struct identity *id, struct environment *ret)
{
	int r = environment_own(ret);

	if (r == 0)
		r = set_login_variables(id, ret);
	if (r < 0)
		environment_done(ret);
	return r;
}

int environment_recover(const struct identity *id, struct environment *ret)
{
	struct environment environment = {.umask = (mode_t)-1};
	struct ancestor sudo;
	int r;

	if (id->uid == getuid()) {
		r = environment_own(&environment);
	} else {
		r = ancestry_find_sudo(id->uid, &sudo);
		if (r == 0)
			r = recover_from(&sudo, id, &environment);
		if (r < 0) {
			environment_done(&environment);
			r = id->source == IDENTITY_OPTION ? for_other_user(id, &environment)
							  : fall_back(id, r, &environment);
		}
	}
	if (r < 0)
		environment_done(&environment);
	else
		*ret = environment;
	return r;
}
