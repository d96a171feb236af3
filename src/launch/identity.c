/* SPDX-License-Identifier: MIT */
/*
 * Finding the user behind us, and becoming that user.
 *
 * Invariant: an identity comes whole from the user database (uid, gid, groups, name, home); the
 * variables of sudo only select the entry, and must agree with it in every part.
 *
 * Source: py-spy and rbspy drop the uid alone, so the child keeps root's groups and HOME; the order
 * setgroups, setresgid, setresuid and the attempt to return are those of setuid(2) and CERT POS36-C
 * and POS37-C.
 */
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

#define MAX_GROUPS 65536 /* NGROUPS_MAX of the kernel */

void identity_request_init(struct identity_request *q)
{
	*q = (struct identity_request){
		.sudo_uid = getenv("SUDO_UID"),
		.sudo_gid = getenv("SUDO_GID"),
		.sudo_user = getenv("SUDO_USER"),
	};
}

void identity_done(struct identity *id)
{
	free(id->groups);
	free(id->name);
	free(id->home);
	free(id->shell);
	free(id->note);
	*id = (struct identity){0};
}

/*
 * A uid or gid as sudo writes it: digits only. The largest value means "no change" to setresuid()
 * and is nobody's number.
 */
static bool number_parse(const char *text, uint32_t *ret)
{
	unsigned long long value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value >= UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

static int groups_of(const char *name, gid_t gid, struct identity *id)
{
	int room = 64;

	for (;;) {
		gid_t *groups = reallocarray(id->groups, (size_t)room, sizeof(*groups));
		int nr = room;

		if (!groups)
			return -ENOMEM;
		id->groups = groups;
		if (getgrouplist(name, gid, groups, &nr) >= 0) {
			id->nr_groups = (size_t)nr;
			return 0;
		}
		if (room >= MAX_GROUPS)
			return -E2BIG;
		room = nr > room && nr <= MAX_GROUPS ? nr : MAX_GROUPS;
	}
}

static int copy_entry(const struct passwd *entry, struct identity *id)
{
	id->uid = entry->pw_uid;
	id->gid = entry->pw_gid;
	id->stays_root = entry->pw_uid == 0;
	id->name = strdup(entry->pw_name);
	id->home = strdup(entry->pw_dir ? entry->pw_dir : "/");
	id->shell = strdup(entry->pw_shell && *entry->pw_shell ? entry->pw_shell : "/bin/sh");
	if (!id->name || !id->home || !id->shell)
		return -ENOMEM;
	return groups_of(id->name, id->gid, id);
}

/* The user database may be a network service: an error there is not "no such user". */
static int entry_by_uid(uid_t uid, struct identity *id)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwuid(uid);
	if (!entry)
		return errno && errno != ESRCH && errno != EBADF && errno != EPERM ? -errno
										   : -ENOENT;
	return copy_entry(entry, id);
}

static int entry_by_name(const char *name, struct identity *id)
{
	const struct passwd *entry = getpwnam(name);
	uint32_t uid;

	if (entry)
		return copy_entry(entry, id);
	return number_parse(name, &uid) ? entry_by_uid(uid, id) : -ENOENT;
}

static int refuse(int error, struct buf *why, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int refuse(int error, struct buf *why, const char *fmt, ...)
{
	char sentence[512];
	va_list args;
	int r;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	r = buf_addstr(why, sentence);
	return r < 0 ? r : error;
}

static int find_option(const char *user, struct identity *id, struct buf *why)
{
	int r = entry_by_name(user, id);

	if (r == -ENOENT)
		return refuse(r, why, "--user '%s': there is no such user on this machine", user);
	if (r < 0)
		return refuse(r, why, "--user '%s': the user database failed: %s", user,
			      strerror(-r));
	if (geteuid() != 0 && id->uid != geteuid())
		return refuse(-EPERM, why,
			      "--user '%s': only root may run a command as another user (try: sudo "
			      "bprof-perf --user '%s' ...)",
			      user, user);
	id->source = IDENTITY_OPTION;
	return 0;
}

/* Ourselves, also where the user database does not know us, as in containers with any uid. */
static int find_self(struct identity *id)
{
	int r = entry_by_uid(geteuid(), id);

	if (r == -ENOENT) {
		struct passwd unknown = {
			.pw_name = (char[]){"unknown"},
			.pw_uid = geteuid(),
			.pw_gid = getegid(),
			.pw_dir = getenv("HOME"),
		};

		r = copy_entry(&unknown, id);
	}
	id->source = id->stays_root ? IDENTITY_ROOT : IDENTITY_SELF;
	return r;
}

static int note_set(struct identity *id, const char *note)
{
	id->note = strdup(note);
	return id->note ? 0 : -ENOMEM;
}

static bool belongs_to_group(const struct identity *id, gid_t gid)
{
	for (size_t i = 0; i < id->nr_groups; i++)
		if (id->groups[i] == gid)
			return true;
	return false;
}

#define SUDO_REMEDY "use --user NAME, or --keep-root to profile as root"

static int find_sudo(const struct identity_request *q, struct identity *id, struct buf *why)
{
	uint32_t uid, gid;
	int r;

	if (!q->sudo_uid || !q->sudo_gid || !q->sudo_user)
		return refuse(-EINVAL, why,
			      "only some of SUDO_UID, SUDO_GID and SUDO_USER are set, so the user "
			      "behind sudo is not certain (" SUDO_REMEDY ")");
	if (!number_parse(q->sudo_uid, &uid) || !number_parse(q->sudo_gid, &gid))
		return refuse(
			-EINVAL, why,
			"SUDO_UID '%s' or SUDO_GID '%s' is not a user or group number (" SUDO_REMEDY
			")",
			q->sudo_uid, q->sudo_gid);
	r = entry_by_uid(uid, id);
	if (r < 0)
		return refuse(
			r == -ENOENT ? -EINVAL : r, why,
			"SUDO_UID '%s': the user database does not know this user (" SUDO_REMEDY
			")",
			q->sudo_uid);
	if (strcmp(id->name, q->sudo_user) != 0)
		return refuse(
			-EINVAL, why,
			"SUDO_USER '%s' is not the user with SUDO_UID '%s', that is '%s' (" SUDO_REMEDY
			")",
			q->sudo_user, q->sudo_uid, id->name);
	if (!belongs_to_group(id, gid))
		return refuse(-EINVAL, why,
			      "SUDO_GID '%s' is not a group of user '%s' (" SUDO_REMEDY ")",
			      q->sudo_gid, id->name);
	id->gid = gid;
	id->source = IDENTITY_SUDO;
	if (!id->stays_root)
		return 0;
	id->source = IDENTITY_ROOT;
	return note_set(id, "it was root who called sudo, so the command runs as root; use --user "
			    "NAME for another");
}

static int find_any(const struct identity_request *q, struct identity *id, struct buf *why)
{
	if (getuid() != geteuid() || getgid() != getegid())
		return refuse(-EPERM, why,
			      "bprof-perf must not be installed set-user-ID or set-group-ID: any "
			      "user could then profile as root (remedy: chmod ug-s, and use sudo)");
	if (q->user && q->keep_root)
		return refuse(-EINVAL, why, "--user and --keep-root exclude each other");
	if (q->user)
		return find_option(q->user, id, why);
	if (geteuid() != 0)
		return find_self(id);
	if (q->keep_root)
		return find_self(id);
	if (!q->sudo_uid && !q->sudo_gid && !q->sudo_user) {
		int r = find_self(id);

		return r < 0 ? r
			     : note_set(id, "no user is behind us (no sudo), so the command runs "
					    "as root; use --user NAME for another");
	}
	return find_sudo(q, id, why);
}

int identity_find(const struct identity_request *q, struct identity *ret, struct buf *why)
{
	struct identity id = {0};
	int r = find_any(q, &id, why);

	if (r < 0)
		identity_done(&id);
	else
		*ret = id;
	return r;
}

/* None permitted, so none effective; none inheritable, so exec gives none back. */
static int capabilities_clear(void)
{
	cap_t none = cap_init();
	int r = 0;

	if (!none)
		return -ENOMEM;
	if (cap_set_proc(none) < 0)
		r = -errno;
	cap_free(none);
	return r;
}

static bool root_can_be_regained(const struct identity *id)
{
	uid_t uid, euid, saved_uid;
	gid_t gid, egid, saved_gid;

	if (getresuid(&uid, &euid, &saved_uid) < 0 || getresgid(&gid, &egid, &saved_gid) < 0)
		return true;
	if (uid != id->uid || euid != id->uid || saved_uid != id->uid)
		return true;
	if (gid != id->gid || egid != id->gid || saved_gid != id->gid)
		return true;
	return setuid(0) == 0 || seteuid(0) == 0;
}

int identity_become(const struct identity *id)
{
	if (id->stays_root)
		return 0;
	if (geteuid() == 0) {
		if (setgroups(id->nr_groups, id->groups) < 0)
			return -errno;
		if (setresgid(id->gid, id->gid, id->gid) < 0)
			return -errno;
		if (setresuid(id->uid, id->uid, id->uid) < 0)
			return -errno;
	}
	/* Kernels before 4.3 have no ambient set: then there is nothing to clear. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	/* Also where securebits kept the capabilities across the change of uid. */
	int r = capabilities_clear();

	if (r < 0)
		return r;
	return root_can_be_regained(id) ? -EPERM : 0;
}

/* setfsuid() reports no error: only asking again tells. */
static bool fsuid_set(uid_t uid)
{
	setfsuid(uid);
	return (uid_t)setfsuid((uid_t)-1) == uid;
}

static bool fsgid_set(gid_t gid)
{
	setfsgid(gid);
	return (gid_t)setfsgid((gid_t)-1) == gid;
}

static int own_groups(struct identity_borrowed *borrowed)
{
	int nr = getgroups(0, NULL);

	if (nr < 0)
		return -errno;
	borrowed->groups = calloc((size_t)nr + 1, sizeof(*borrowed->groups));
	if (!borrowed->groups)
		return -ENOMEM;
	nr = getgroups(nr, borrowed->groups);
	if (nr < 0)
		return -errno;
	borrowed->nr_groups = (size_t)nr;
	return 0;
}

int identity_borrow(const struct identity *id, struct identity_borrowed *ret)
{
	struct identity_borrowed borrowed = {.fsgid = getegid()};
	int r;

	*ret = (struct identity_borrowed){0};
	if (id->stays_root || geteuid() != 0)
		return 0;
	r = own_groups(&borrowed);
	if (r < 0) {
		free(borrowed.groups);
		return r;
	}
	borrowed.active = true;
	if (setgroups(id->nr_groups, id->groups) < 0)
		r = -errno;
	else if (!fsgid_set(id->gid) || !fsuid_set(id->uid))
		r = -EPERM;
	if (r < 0)
		identity_return(&borrowed);
	else
		*ret = borrowed;
	return r;
}

void identity_return(struct identity_borrowed *borrowed)
{
	if (!borrowed->active)
		return;
	/* Going on with a mixture of two users would be worse than ending here. */
	if (!fsuid_set(0) || !fsgid_set(borrowed->fsgid) ||
	    setgroups(borrowed->nr_groups, borrowed->groups) < 0)
		abort();
	free(borrowed->groups);
	*borrowed = (struct identity_borrowed){0};
}
