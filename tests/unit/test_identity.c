/* SPDX-License-Identifier: MIT */
/* Whom the command runs as. Users that every Debian has stand for the user behind sudo. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "identity.h"

static struct identity identity;
static struct buf why;

static void begin(void)
{
	buf_init(&why, 4096);
}

static void end(void)
{
	identity_done(&identity);
	buf_done(&why);
}

TestSuite(identity, .init = begin, .fini = end, .timeout = 10);

static void require_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
}

static int find(const char *uid, const char *gid, const char *user)
{
	const struct identity_request q = {.sudo_uid = uid, .sudo_gid = gid, .sudo_user = user};

	identity_done(&identity);
	buf_reset(&why);
	return identity_find(&q, &identity, &why);
}

Test(identity, user_behind_sudo_comes_whole_from_the_user_database)
{
	const struct passwd *entry;

	require_root();
	cr_assert(eq(int, find("65534", "65534", "nobody"), 0), "%s", why.data);
	entry = getpwnam("nobody");
	cr_assert(eq(uint, identity.uid, entry->pw_uid));
	cr_assert(eq(uint, identity.gid, entry->pw_gid));
	cr_assert_str_eq(identity.name, "nobody");
	cr_assert_str_eq(identity.home, entry->pw_dir);
	cr_assert_str_eq(identity.shell, entry->pw_shell);
	cr_assert(eq(int, identity.source, IDENTITY_SUDO));
	cr_assert(not(identity.stays_root));
	cr_assert(eq(ptr, identity.note, NULL));
	cr_assert(ge(sz, identity.nr_groups, 1));
}

Test(identity, without_sudo_root_stays_root_and_says_so)
{
	require_root();
	cr_assert(eq(int, find(NULL, NULL, NULL), 0));
	cr_assert(identity.stays_root);
	cr_assert(eq(int, identity.source, IDENTITY_ROOT));
	cr_assert(ne(ptr, identity.note, NULL));
	cr_assert(eq(uint, identity.uid, 0));
}

Test(identity, root_who_calls_sudo_stays_root_with_a_note)
{
	require_root();
	cr_assert(eq(int, find("0", "0", "root"), 0));
	cr_assert(identity.stays_root);
	cr_assert(ne(ptr, identity.note, NULL));
}

Test(identity, incomplete_sudo_variables_are_refused)
{
	require_root();
	cr_assert(eq(int, find("65534", NULL, "nobody"), -EINVAL));
	cr_assert(eq(int, find("65534", "65534", NULL), -EINVAL));
	cr_assert(eq(int, find(NULL, NULL, "nobody"), -EINVAL));
	cr_assert(ne(ptr, strstr(why.data, "--user"), NULL), "the remedy is named");
}

Test(identity, forged_sudo_variables_are_refused)
{
	const struct {
		const char *uid, *gid, *user;
	} forged[] = {
		{"-1", "65534", "nobody"},	   {"4294967295", "65534", "nobody"},
		{"4294967296", "65534", "nobody"}, {"65534x", "65534", "nobody"},
		{"", "65534", "nobody"},	   {" 65534", "65534", "nobody"},
		{"+65534", "65534", "nobody"},	   {"0x0", "0", "root"},
		{"65534", "-1", "nobody"},	   {"65534", "4294967295", "nobody"},
		{"65534", "65534", "root"},	   {"0", "65534", "nobody"},
		{"65534", "0", "nobody"},	   {"3999999999", "65534", "nobody"},
	};

	require_root();
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		cr_expect(eq(int, find(forged[i].uid, forged[i].gid, forged[i].user), -EINVAL),
			  "uid '%s' gid '%s' user '%s'", forged[i].uid, forged[i].gid,
			  forged[i].user);
		cr_expect(eq(ptr, identity.name, NULL), "nothing is left in the result");
		cr_expect(gt(sz, why.len, 0));
	}
}

Test(identity, option_wins_over_sudo)
{
	const struct identity_request q = {
		.user = "daemon", .sudo_uid = "65534", .sudo_gid = "65534", .sudo_user = "nobody"};

	require_root();
	cr_assert(eq(int, identity_find(&q, &identity, &why), 0));
	cr_assert_str_eq(identity.name, "daemon");
	cr_assert(eq(int, identity.source, IDENTITY_OPTION));
}

Test(identity, option_takes_a_number_too)
{
	const struct identity_request q = {.user = "65534"};

	require_root();
	cr_assert(eq(int, identity_find(&q, &identity, &why), 0));
	cr_assert_str_eq(identity.name, "nobody");
}

Test(identity, unknown_user_is_refused_by_name)
{
	const struct identity_request q = {.user = "no-such-user-here"};

	cr_assert(eq(int, identity_find(&q, &identity, &why), -ENOENT));
	cr_assert(ne(ptr, strstr(why.data, "no-such-user-here"), NULL));
}

Test(identity, keep_root_wins_over_sudo)
{
	const struct identity_request q = {
		.keep_root = true, .sudo_uid = "65534", .sudo_gid = "65534", .sudo_user = "nobody"};

	require_root();
	cr_assert(eq(int, identity_find(&q, &identity, &why), 0));
	cr_assert(identity.stays_root);
	cr_assert(eq(ptr, identity.note, NULL), "it was asked for");
}

/* ---- becoming it --------------------------------------------------------------------------- */

enum {
	PROVED = 0,
	NOT_BECOME,
	WRONG_IDS,
	WRONG_GROUPS,
	ROOT_REGAINED,
	CAPABILITIES_LEFT,
	BOUNDING_SET_CHANGED,
	NO_NEW_PRIVS_SET
};

static int prove_become(const struct identity *id)
{
	gid_t groups[1024];
	uid_t uid, euid, saved;
	int nr, bound_before = prctl(PR_CAPBSET_READ, CAP_SETUID, 0, 0, 0);
	cap_t now, none = cap_init();

	if (identity_become(id) < 0)
		return NOT_BECOME;
	getresuid(&uid, &euid, &saved);
	if (uid != id->uid || euid != id->uid || saved != id->uid || getegid() != id->gid)
		return WRONG_IDS;
	nr = getgroups(1024, groups);
	if (nr < 0 || (size_t)nr != id->nr_groups)
		return WRONG_GROUPS;
	for (int i = 0; i < nr; i++)
		if (groups[i] == 0)
			return WRONG_GROUPS;
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0)
		return ROOT_REGAINED;
	now = cap_get_proc();
	if (cap_compare(now, none) != 0)
		return CAPABILITIES_LEFT;
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1)
			return CAPABILITIES_LEFT;
	if (prctl(PR_CAPBSET_READ, CAP_SETUID, 0, 0, 0) != bound_before)
		return BOUNDING_SET_CHANGED;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
		return NO_NEW_PRIVS_SET;
	cap_free(now);
	cap_free(none);
	return PROVED;
}

static int in_child(int (*prove)(const struct identity *id))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(prove(&identity));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Test(identity, become_gives_up_everything_for_good)
{
	require_root();
	cr_assert(eq(int, find("65534", "65534", "nobody"), 0));
	cr_assert(eq(int, in_child(prove_become), PROVED));
}

static int prove_become_despite_kept_capabilities(const struct identity *id)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return NOT_BECOME;
	return prove_become(id);
}

Test(identity, become_gives_up_capabilities_that_securebits_would_keep)
{
	require_root();
	cr_assert(eq(int, find("65534", "65534", "nobody"), 0));
	cr_assert(eq(int, in_child(prove_become_despite_kept_capabilities), PROVED));
}

static int prove_root_stays(const struct identity *id)
{
	return identity_become(id) < 0 || geteuid() != 0;
}

Test(identity, become_root_changes_nothing)
{
	require_root();
	cr_assert(eq(int, find(NULL, NULL, NULL), 0));
	cr_assert(eq(int, in_child(prove_root_stays), 0));
}

/* ---- borrowing it -------------------------------------------------------------------------- */

Test(identity, borrowed_identity_makes_files_of_the_user_and_returns)
{
	struct identity_borrowed borrowed;
	struct stat status;
	char path[] = "/tmp/test_identity.XXXXXX", file[64];
	gid_t before[256], after[256];
	int nr_before = getgroups(256, before), nr_after;

	require_root();
	cr_assert(eq(int, find("65534", "65534", "nobody"), 0));
	cr_assert(ne(ptr, mkdtemp(path), NULL));
	chmod(path, 0777);
	snprintf(file, sizeof(file), "%s/file", path);

	cr_assert(eq(int, identity_borrow(&identity, &borrowed), 0));
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	int forbidden = open("/etc/shadow", O_RDONLY);
	int created = open("/etc/bprof-test-must-not-exist", O_WRONLY | O_CREAT, 0600);
	identity_return(&borrowed);

	cr_assert(ge(int, fd, 0));
	cr_assert(lt(int, forbidden, 0), "no right of root is left");
	cr_assert(lt(int, created, 0));
	cr_assert(eq(int, fstat(fd, &status), 0));
	cr_assert(eq(uint, status.st_uid, 65534));
	cr_assert(eq(uint, status.st_gid, 65534));
	int shadow = open("/etc/shadow", O_RDONLY);
	cr_assert(ge(int, shadow, 0), "root again");
	nr_after = getgroups(256, after);
	cr_assert(eq(int, nr_after, nr_before));
	cr_assert(eq(int, memcmp(before, after, (size_t)nr_before * sizeof(gid_t)), 0));
	close(shadow);
	close(fd);
	unlink(file);
	rmdir(path);
}

Test(identity, returning_what_was_not_borrowed_is_harmless)
{
	struct identity_borrowed borrowed = {0};

	identity_return(&borrowed);
	cr_assert(eq(int, find(NULL, NULL, NULL), 0));
	cr_assert(eq(int, identity_borrow(&identity, &borrowed), 0));
	cr_assert(not(borrowed.active), "nothing to borrow");
	identity_return(&borrowed);
}
