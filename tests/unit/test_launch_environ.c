/* SPDX-License-Identifier: MIT */
/* The environment of before sudo, as it is put together. The real sudo is in tests/live. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ancestry.h"
#include "environ.h"

static struct environment environment;

static void end(void)
{
	environment_done(&environment);
}

TestSuite(environ, .fini = end, .timeout = 10);

static char *const *list(const char *const *variables)
{
	static char *copies[64];
	static char **at = copies;
	char **start = at;

	for (; *variables; variables++)
		*at++ = strdup(*variables);
	*at++ = NULL;
	return start;
}

static void merge(const char *const *user, const char *const *own, const char *const *sudo)
{
	struct environment_parts parts = {
		.user = list(user), .own = list(own), .sudo_command = list(sudo)};

	cr_assert(eq(int, environment_merge(&parts, &environment), 0));
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE	  ((const char *const[]){NULL})

static const char *get(const char *name)
{
	const char *value = environment_get(&environment, name);

	return value ? value : "(not set)";
}

Test(environ, users_variables_come_back)
{
	merge(LIST("PATH=/home/u/bin:/bin", "HOME=/home/u", "LUA_PATH=./?.lua", "EMPTY="),
	      LIST("PATH=/usr/sbin:/usr/bin", "HOME=/root", "SUDO_USER=u", "SUDO_UID=1000"), NONE);
	cr_assert_str_eq(get("PATH"), "/home/u/bin:/bin");
	cr_assert_str_eq(get("HOME"), "/home/u");
	cr_assert_str_eq(get("LUA_PATH"), "./?.lua");
	cr_assert_str_eq(get("EMPTY"), "");
	cr_assert_str_eq(get("SUDO_USER"), "(not set)");
	cr_assert_str_eq(get("SUDO_UID"), "(not set)");
}

Test(environ, variables_given_after_sudo_win)
{
	merge(LIST("LUA_PATH=old", "PATH=/u"), LIST("LUA_PATH=new", "EXTRA=1", "PATH=/s"), NONE);
	cr_assert_str_eq(get("LUA_PATH"), "new");
	cr_assert_str_eq(get("EXTRA"), "1");
	cr_assert_str_eq(get("PATH"), "/u");
}

Test(environ, what_sudo_sets_itself_wins_only_where_its_command_line_says_so)
{
	merge(LIST("PATH=/u", "HOME=/home/u"), LIST("PATH=/asked", "HOME=/root"),
	      LIST("sudo", "env", "PATH=/asked", "bprof-perf"));
	cr_assert_str_eq(get("PATH"), "/asked");
	cr_assert_str_eq(get("HOME"), "/home/u");
	environment_done(&environment);
	merge(LIST("PATH=/u"), LIST("PATH=/s"), LIST("sudo", "PATH=/other", "bprof-perf"));
	cr_assert_str_eq(get("PATH"), "/u", "a value that is not ours says nothing");
}

Test(environ, variables_sudo_invents_do_not_appear)
{
	merge(LIST("A=1", "_=/usr/bin/sudo"), LIST("MAIL=/var/mail/root", "_=/x", "USER=root"),
	      NONE);
	cr_assert_str_eq(get("MAIL"), "(not set)");
	cr_assert_str_eq(get("_"), "(not set)");
	cr_assert_str_eq(get("USER"), "(not set)");
	cr_assert(eq(sz, environment.nr, 1));
	cr_assert(eq(ptr, environment.list[1], NULL));
}

Test(environ, malformed_and_double_variables_do_no_harm)
{
	merge(LIST("no equals sign", "=nameless", "A=1", "A=2", "B=x=y"), NONE, NONE);
	cr_assert(eq(sz, environment.nr, 2));
	cr_assert_str_eq(get("A"), "2");
	cr_assert_str_eq(get("B"), "x=y");
}

Test(environ, variables_are_set_replaced_and_removed)
{
	merge(LIST("LUA_INIT=old", "LUA=1"), NONE, NONE);
	cr_assert(eq(int, environment_set(&environment, "LUA_INIT", "@hook.lua"), 0));
	cr_assert_str_eq(get("LUA_INIT"), "@hook.lua");
	cr_assert_str_eq(get("LUA"), "1");
	cr_assert(eq(int, environment_set(&environment, "A=B", "x"), -EINVAL));
	cr_assert(eq(int, environment_set(&environment, "", "x"), -EINVAL));
	environment_unset(&environment, "LUA_INIT");
	environment_unset(&environment, "NEVER_SET");
	cr_assert_str_eq(get("LUA_INIT"), "(not set)");
	cr_assert_str_eq(get("LUA"), "1");
	cr_assert(eq(ptr, environment.list[environment.nr], NULL));
}

Test(environ, thousands_of_variables_fit)
{
	char name[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "V%d", i);
		cr_assert(eq(int, environment_set(&environment, name, "x"), 0));
	}
	cr_assert(eq(sz, environment.nr, 5000));
	cr_assert_str_eq(get("V4999"), "x");
}

Test(environ, own_environment_is_kept_where_no_sudo_is_between)
{
	const struct identity self = {.uid = getuid(), .gid = getgid()};

	setenv("BPROF_TEST", "here", 1);
	setenv("SUDO_COMMAND", "x", 1);
	cr_assert(eq(int, environment_recover(&self, &environment), 0));
	cr_assert(eq(int, environment.source, ENVIRONMENT_OWN));
	cr_assert_str_eq(get("BPROF_TEST"), "here");
	cr_assert_str_eq(get("SUDO_COMMAND"), "(not set)");
	cr_assert(eq(uint, environment.umask, (mode_t)-1));
}

Test(environ, without_the_sudo_process_it_falls_back_and_says_so)
{
	struct identity user = {
		.uid = 65534,
		.gid = 65534,
		.name = strdup("nobody"),
		.home = strdup("/home/nobody"),
		.shell = strdup("/bin/sh"),
		.source = IDENTITY_SUDO,
	};

	if (geteuid() == 65534)
		cr_skip_test("runs as the user it asks for");
	setenv("PATH", "/s", 1);
	cr_assert(eq(int, environment_recover(&user, &environment), 0));
	cr_assert(eq(int, environment.source, ENVIRONMENT_FALLBACK));
	cr_assert_str_eq(get("HOME"), "/home/nobody");
	cr_assert_str_eq(get("USER"), "nobody");
	cr_assert_str_eq(get("LOGNAME"), "nobody");
	cr_assert_str_eq(get("PATH"), "/home/nobody/.luarocks/bin:/home/nobody/.local/bin:/s");
	cr_assert(ne(ptr, strstr(environment.note, "'nobody'"), NULL));
	cr_assert(ne(ptr, strstr(environment.paste_me, "PATH=$PATH"), NULL));
	environment_done(&environment);
	user.source = IDENTITY_OPTION;
	cr_assert(eq(int, environment_recover(&user, &environment), 0));
	cr_assert(eq(int, environment.source, ENVIRONMENT_OWN), "--user is no reason to complain");
	cr_assert_str_eq(get("HOME"), "/home/nobody");
	cr_assert_str_eq(get("PATH"), "/s");
	identity_done(&user);
}

Test(environ, what_proc_says_of_a_process_is_read)
{
	struct ancestor a;

	cr_assert(eq(int, ancestor_read(getpid(), &a), 0));
	cr_assert(eq(int, a.parent, getppid()));
	cr_assert(eq(uint, a.real_uid, getuid()));
	cr_assert(eq(uint, a.effective_uid, geteuid()));
	cr_assert(not(ancestor_is_sudo_of(&a, getuid())));
	cr_assert(eq(int, ancestor_read(0x7ffffff0, &a), -ENOENT));
}

Test(environ, only_a_process_with_roots_power_counts_as_sudo)
{
	struct ancestor a = {.real_uid = 1000, .effective_uid = 0, .name = "sudo"};

	cr_assert(ancestor_is_sudo_of(&a, 1000));
	cr_assert(not(ancestor_is_sudo_of(&a, 1001)));
	a.effective_uid = 1000;
	cr_assert(not(ancestor_is_sudo_of(&a, 1000)), "a program that merely calls itself sudo");
}
