/* SPDX-License-Identifier: MIT */
/*
 * The door of the room: names of releases and of folders, their order, and what past releases say
 * of themselves. Pure: no clock, no files.
 */
#ifndef BPROF_HISTORY_DOOR_H
#define BPROF_HISTORY_DOOR_H

#include <bprof/history.h>

#include "base.h"
#include "buf.h"

/* ---- releases ------------------------------------------------------------------------------ */

/**
 * release_parse() - v?X.Y.Z[.A][-prerelease]
 * @text: prerelease: identifiers of [0-9A-Za-z-] between dots, as in semver.org
 *
 * So a release that was parsed is safe as part of a file name.
 * Return: 0 or -EINVAL.
 */
int release_parse(const char *text, struct release *ret) MUST_CHECK;

/*
 * Total: parts, a missing fourth being 0; prereleases first, by semver's rules; then by text, so
 * that only equal texts are equal. No release comes before all.
 * Return: < 0, 0, > 0.
 */
int release_compare(const struct release *a, const struct release *b);

/* The order alone: 0 also for "v1.2.3" and "1.2.3.0". */
int release_rank(const struct release *a, const struct release *b);

bool release_is_stable(const struct release *r);

/* ---- folders ------------------------------------------------------------------------------- */

struct history_date history_date_of(uint64_t realtime_ns);
int history_date_compare(const struct history_date *a, const struct history_date *b);

/**
 * history_folder_parse() - the name of a folder in artifacts/
 *
 * vX.Y.Z[.A][-pre]-YYYY_MM_DD[-HH_MM_SS], which we write; and what others wrote: the same with the
 * date first, a date alone (mega.busted), YYYY.MM.DD-PYTHON-X.Y.Z (rez).
 *
 * Return: 0 or -EINVAL.
 */
int history_folder_parse(const char *name, struct history_folder *ret) MUST_CHECK;

/* Return: 0, or -EINVAL: no such name. @with_time: where the tag has a folder of that day. */
int history_folder_make(const struct release *release, const struct history_date *date,
			bool with_time, struct history_folder *ret) MUST_CHECK;

/* By release, then date, then name. Total. */
int history_folder_compare(const struct history_folder *a, const struct history_folder *b);

/**
 * history_safe_name() - a name that is a folder's on any file system
 * @id:   "", or what it begins with: an id, which makes it unique whatever the case of letters
 * @name: of a test, file or tag, any bytes: what is not of [A-Za-z0-9._-] becomes one '_'
 * @ret:  FOLDER_MAX_TEXT bytes; never empty, never beginning with a dot
 */
void history_safe_name(const char *id, const char *name, char *ret);

/* Does @name begin with an id and a dash, as history_safe_name() makes it? @ret_id: 37 bytes. */
bool history_name_has_id(const char *name, char *ret_id);

/* ---- past releases ------------------------------------------------------------------------- */

/**
 * history_add() - one more past release
 * @text: of its summary.json, or of a profile.json of bprof-perf or mega.busted; foreign
 * @why:  what is wrong with it, without its name
 *
 * Return: 0; -EBADMSG: it is neither of them, nothing was added; -ENOMEM.
 */
int history_add(struct history *h, const struct history_folder *folder, const char *text,
		size_t len, struct buf *why) MUST_CHECK;
void history_done(struct history *h);

/**
 * timing_parse() - a timing.json as we wrote it, or as others changed it
 *
 * Return: 0; -EBADMSG; -ENOMEM. Owns: timing_done().
 */
int timing_parse(const char *text, size_t len, struct timing *ret) MUST_CHECK;

/* Puts them in order and marks where CPU or interpreter changed. */
void history_settle(struct history *h);

/* The newest stable release that passed, or NULL; @before: of those before it, NULL = of all. */
const struct past_release *history_latest(const struct history *h,
					  const struct past_release *before);

struct history_choice {
	bool prereleases;	      /* --include-prerelease */
	bool interpreter_prereleases; /* --allow-nightly */
	bool all_machines;	      /* do not leave out other interpreters and CPUs */
	size_t most;		      /* 0 = all */
};

/**
 * history_choose() - those of a history that belong into one graph
 * @ret:       borrows its releases from @h; freed with free() of its releases
 * @ret_stays: interpreter prereleases were all there was, so they are in it; may be NULL
 *
 * One per tag, the newest of it. Without those of another interpreter or CPU than the newest one.
 * Return: 0 or -ENOMEM.
 */
int history_choose(const struct history *h, const struct history_choice *choice,
		   struct history *ret, bool *ret_stays) MUST_CHECK;

/* Is @release stable and not older than any stable one of @h? Then it is what all/ shows. */
bool history_is_latest(const struct history *h, const struct release *release);

#endif
