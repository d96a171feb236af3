/* SPDX-License-Identifier: MIT */
/* The files of --save: whole or not at all, with the rights and the umask of the user. */
#include "compare_verb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "say.h"

#include "output/output.h"

#define WIDTH 100 /* of tables that no terminal limits */

/* mkostemp() lets nobody else read; a file that the user asked for is as the umask says. */
static int give_usual_mode(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	return fchmod(fd, 0666 & ~mask);
}

static int write_to(int fd, const struct comparison *comparison, const struct options *o,
		    const struct comparison_ops *format)
{
	const struct output_opts opts = {.top = o->top, .width = WIDTH};
	FILE *file = fdopen(fd, "w");
	int r;

	if (!file) {
		r = -errno;
		close(fd);
		return r;
	}
	r = format->write(comparison, &opts, file);
	if (r == 0 && give_usual_mode(fd) < 0)
		r = -errno;
	if (fclose(file) == EOF && r == 0)
		r = -errno;
	return r;
}

static int save(const struct comparison *comparison, const struct options *o,
		const struct saved_comparison *saved)
{
	CLEANUP(cleanup_free) char *unfinished = NULL;
	int fd, r;

	if (asprintf(&unfinished, "%s.XXXXXX", saved->path) < 0) {
		unfinished = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(unfinished, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_to(fd, comparison, o, saved->format);
	if (r == 0 && rename(unfinished, saved->path) < 0)
		r = -errno;
	if (r < 0)
		unlink(unfinished);
	return r;
}

int compare_save(const struct options *o, const struct comparison *comparison)
{
	for (const struct saved_comparison *s = o->saved; s->format; s++) {
		int r = save(comparison, o, s);

		if (r < 0) {
			say_error("cannot write '%s': %s", s->path, strerror(-r));
			return r;
		}
	}
	return 0;
}
