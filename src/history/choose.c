/* SPDX-License-Identifier: MIT */
/* The order of past releases, and which of them are shown together. */
#include "history.h"

#include <errno.h>
#include <string.h>

static bool differs(const char *a, const char *b)
{
	return a && b && strcmp(a, b) != 0;
}

static bool interpreter_differs(const struct past_release *a, const struct past_release *b)
{
	return differs(a->interpreter, b->interpreter) || differs(a->neovim, b->neovim);
}

static int compare_past(const void *a, const void *b)
{
	const struct past_release *left = a, *right = b;

	return history_folder_compare(&left->folder, &right->folder);
}

static void mark_changes(struct history *h)
{
	for (size_t i = 0; i < h->nr; i++) {
		struct past_release *past = &h->releases[i];

		past->cpu_changed = i > 0 && differs(past[-1].cpu, past->cpu);
		past->interpreter_changed = i > 0 && interpreter_differs(&past[-1], past);
	}
}

void history_settle(struct history *h)
{
	if (h->nr)
		qsort(h->releases, h->nr, sizeof(*h->releases), compare_past);
	mark_changes(h);
}

static bool is_stable(const struct past_release *past)
{
	return release_is_stable(&past->folder.release) && past->status != PAST_FAILED;
}

const struct past_release *history_latest(const struct history *h,
					  const struct past_release *before)
{
	for (size_t i = h->nr; i > 0; i--) {
		const struct past_release *past = &h->releases[i - 1];

		if (!is_stable(past))
			continue;
		if (!before || release_rank(&past->folder.release, &before->folder.release) < 0)
			return past;
	}
	return NULL;
}

bool history_is_latest(const struct history *h, const struct release *release)
{
	if (!release_is_stable(release))
		return false;
	for (size_t i = 0; i < h->nr; i++)
		if (is_stable(&h->releases[i]) &&
		    release_rank(&h->releases[i].folder.release, release) > 0)
			return false;
	return true;
}

/* ---- one graph ----------------------------------------------------------------------------- */

/* A later one with the same tag takes its place. */
static bool is_repeated(const struct history *h, size_t i)
{
	const struct release *r = &h->releases[i].folder.release;

	return r->nr_parts > 0 && i + 1 < h->nr &&
	       release_compare(r, &h->releases[i + 1].folder.release) == 0;
}

static void keep_if(struct history *h, bool (*keeps)(const struct past_release *, const void *),
		    const void *arg)
{
	size_t nr = 0;

	for (size_t i = 0; i < h->nr; i++)
		if (keeps(&h->releases[i], arg))
			h->releases[nr++] = h->releases[i];
	h->nr = nr;
}

static bool has_stable_interpreter(const struct past_release *past, const void *arg)
{
	(void)arg;
	return !past->interpreter_prerelease;
}

static bool is_like(const struct past_release *past, const void *arg)
{
	const struct past_release *newest = arg;

	return !interpreter_differs(past, newest) && !differs(past->cpu, newest->cpu) &&
	       !differs(past->event, newest->event);
}

/* Not to an empty graph: then they are what there is. */
static bool leave_out_interpreter_prereleases(struct history *h)
{
	size_t nr = 0;

	for (size_t i = 0; i < h->nr; i++)
		nr += !h->releases[i].interpreter_prerelease;
	if (nr == 0)
		return h->nr > 0;
	keep_if(h, has_stable_interpreter, NULL);
	return false;
}

int history_choose(const struct history *h, const struct history_choice *choice,
		   struct history *ret, bool *ret_stays)
{
	struct history chosen = {.releases = calloc(h->nr + 1, sizeof(*chosen.releases)),
				 .room = h->nr + 1};
	bool stays = false;

	if (!chosen.releases)
		return -ENOMEM;
	for (size_t i = 0; i < h->nr; i++) {
		const struct release *r = &h->releases[i].folder.release;

		if (!is_repeated(h, i) && (choice->prereleases || !r->prerelease))
			chosen.releases[chosen.nr++] = h->releases[i];
	}
	if (!choice->interpreter_prereleases)
		stays = leave_out_interpreter_prereleases(&chosen);
	if (!choice->all_machines && chosen.nr > 0) {
		const struct past_release newest = chosen.releases[chosen.nr - 1];

		keep_if(&chosen, is_like, &newest);
	}
	if (choice->most && chosen.nr > choice->most) {
		size_t cut = chosen.nr - choice->most;

		memmove(chosen.releases, chosen.releases + cut,
			choice->most * sizeof(*chosen.releases));
		chosen.nr = choice->most;
	}
	mark_changes(&chosen);
	*ret = chosen;
	if (ret_stays)
		*ret_stays = stays;
	return 0;
}
