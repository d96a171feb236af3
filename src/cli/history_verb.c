/* SPDX-License-Identifier: MIT */
#include "history_verb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "say.h"

#include "history/history.h"
#include "output/release_pages.h"

static void take_note(void *arg, const char *sentence)
{
	const struct session *session = arg;

	say_note(session->options->quiet, "%s", sentence);
}

/* The suite's releases; where there are none, those of programs. */
static int read_history(struct session *session, int root, struct history *ret)
{
	enum layout layout = session->options->tree.layout;
	int r = 0;

	for (int standalone = 0; standalone < 2; standalone++) {
		r = tree_read_history(root, tree_scope(layout, standalone), take_note, session,
				      ret);
		if (r < 0 || ret->nr > 0)
			break;
	}
	return r;
}

/* For people: also the newest against the one before, and what the marks mean. */
static int print_remarks(const struct history *h, enum table_style style)
{
	const struct past_release *latest = history_latest(h, NULL);
	const struct past_release *before = latest ? history_latest(h, latest) : NULL;
	bool changed = false;

	if (style != TABLE_LINES)
		return 0;
	for (size_t i = 0; i < h->nr; i++)
		changed =
			changed || h->releases[i].cpu_changed || h->releases[i].interpreter_changed;
	printf("\n  Times are microseconds.%s\n",
	       changed ? " *: another CPU or interpreter than in the release before." : "");
	if (!before)
		return 0;
	printf("\n%s against %s\n\n", latest->folder.release.text, before->folder.release.text);
	if (fflush(stdout) == EOF)
		return -errno;
	return history_compare_write(latest, before, false, stdout);
}

static int print_history(const struct session *session, const struct history *h)
{
	enum table_style style = session->options->table_style;
	int r;

	if (h->nr == 0 && style == TABLE_LINES)
		return 0;
	r = history_table_write(h, style, terminal_width(STDOUT_FILENO), stdout);
	if (r == 0)
		r = print_remarks(h, style);
	if (r == 0 && fflush(stdout) == EOF)
		r = -errno;
	if (r < 0)
		say_error("cannot write the history: %s", strerror(-r));
	return r;
}

int history_command(const struct session *session)
{
	const char *path = session->options->tree_dir;
	struct session own = *session;
	struct history history;
	int root, r;

	/* foreign files: nothing here needs more than the user may do */
	r = identity_become(session->identity);
	if (r < 0) {
		say_error("cannot become %s: %s", session->identity->name, strerror(-r));
		return EXIT_SETUP;
	}
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) {
		say_error("cannot open '%s': %s", path, strerror(errno));
		return EXIT_SETUP;
	}
	r = read_history(&own, root, &history);
	close(root);
	if (r < 0) {
		say_error("cannot read the history in '%s/benchmarks': %s", path,
			  r == -ELOOP ? "a symbolic link is not followed" : strerror(-r));
		return EXIT_SETUP;
	}
	if (history.nr == 0)
		say_note(session->options->quiet,
			 "there is no release in '%s/benchmarks' (for the first one: sudo "
			 "bprof-perf --release TAG -- busted)",
			 path);
	r = print_history(session, &history);
	history_done(&history);
	return r < 0 ? EXIT_SETUP : 0;
}
