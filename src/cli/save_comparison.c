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

static int write_to(int fd, int (*write)(void *arg, FILE *out), void *arg)
{
	FILE *file = fdopen(fd, "w");
	int r;

	if (!file) {
		r = -errno;
		close(fd);
		return r;
	}
	r = write(arg, file);
	if (r == 0 && give_usual_mode(fd) < 0)
		r = -errno;
	if (fclose(file) == EOF && r == 0)
		r = -errno;
	return r;
}

int compare_save_file(const char *path, int (*write)(void *arg, FILE *out), void *arg)
{
	CLEANUP(cleanup_free) char *unfinished = NULL;
	int fd, r;

	if (asprintf(&unfinished, "%s.XXXXXX", path) < 0) {
		unfinished = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(unfinished, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_to(fd, write, arg);
	if (r == 0 && rename(unfinished, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(unfinished);
	return r;
}

/* ---- a comparison -------------------------------------------------------------------------- */

struct saving {
	const struct comparison *comparison;
	const struct comparison_ops *format;
	unsigned top;
};

static int write_comparison(void *arg, FILE *out)
{
	const struct saving *saving = arg;
	const struct output_opts opts = {.top = saving->top, .width = WIDTH};

	return saving->format->write(saving->comparison, &opts, out);
}

int compare_save(const struct options *o, const struct comparison *comparison)
{
	for (const struct saved_comparison *s = o->saved; s->format; s++) {
		struct saving saving = {comparison, s->format, o->top};
		int r = compare_save_file(s->path, write_comparison, &saving);

		if (r < 0) {
			say_error("cannot write '%s': %s", s->path, strerror(-r));
			return r;
		}
	}
	return 0;
}
