/* SPDX-License-Identifier: MIT */
/*
 * A directory to fail in. Whoever fails must leave it as the rules say: complete files or none,
 * nobody stopped, nothing on the terminal that a name brought in.
 */
#include "place.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_doc.h"

/* ---- a place for each test ----------------------------------------------------------------- */

char *place;

void place_make(void)
{
	place = directory_make();
	cr_assert(chmod(place, 0755) == 0);
}

void place_remove(void)
{
	directory_remove(place);
	place = NULL;
}

char *in_place(const char *name)
{
	return path_join(place, name);
}

void write_file(const char *name, const void *data, size_t len, mode_t mode)
{
	char *path = in_place(name);
	FILE *f = fopen(path, "wb");

	cr_assert(f != NULL && fwrite(data, 1, len, f) == len, "%s: %s", path, strerror(errno));
	fclose(f);
	cr_assert(chmod(path, mode) == 0);
	free(path);
}

void run_here(const char *program, const char *const *arguments, struct run *ret)
{
	const char *argv[RUN_MAX_ARGS + 1] = {program};
	size_t nr = 1;

	for (; *arguments && nr < RUN_MAX_ARGS; arguments++)
		argv[nr++] = *arguments;
	argv[nr] = NULL;
	run_command(place, NULL, argv, ret);
}

/* ---- what is left behind ------------------------------------------------------------------- */

static bool is_final_name(const char *name)
{
	static const char *const names[] = {"recording.bprof", "tracing.folded", "flamegraph.json",
					    "profile.json"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Counts the files of a run; anything else is a temporary file that was left behind. */
size_t count_files(const char *name)
{
	char *path = in_place(name);
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t nr = 0;

	free(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' && (!entry->d_name[1] || entry->d_name[1] == '.'))
			continue;
		cr_expect(is_final_name(entry->d_name), "'%s' was left behind", entry->d_name);
		nr++;
	}
	closedir(dir);
	return nr;
}

/* 'R', 'S', 'T', ...; 0 where the process is gone or works elsewhere. */
static char state_in_place(const char *pid)
{
	char path[300], where[4096];
	struct text stat;
	const char *after;
	ssize_t len;
	char state;

	snprintf(path, sizeof(path), "/proc/%s/cwd", pid);
	len = readlink(path, where, sizeof(where) - 1);
	if (len < 0)
		return 0;
	where[len] = '\0';
	if (strcmp(where, place) != 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	stat = file_read(path);
	after = stat.data ? strrchr(stat.data, ')') : NULL;
	state = after && after[1] ? after[2] : 0;
	text_done(&stat);
	return state;
}

size_t count_stopped(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t nr = 0;

	cr_assert(proc != NULL);
	while ((entry = readdir(proc))) {
		char state = isdigit(entry->d_name[0]) ? state_in_place(entry->d_name) : 0;

		nr += state == 'T' || state == 't';
	}
	closedir(proc);
	return nr;
}

void expect_nobody_stopped(const char *what)
{
	cr_expect(count_stopped() == 0, "%s: %zu processes were left stopped", what,
		  count_stopped());
}

/* ---- what is said -------------------------------------------------------------------------- */

size_t count_sentences(const struct text *err)
{
	size_t nr = 0;

	for (const char *at = err->data; (at = strstr(at, "bprof-perf: ")); at++)
		nr += at == err->data || at[-1] == '\n';
	return nr;
}

static bool is_control(const unsigned char *at)
{
	if (*at == '\n')
		return false;
	/* The C1 controls, as UTF-8. */
	return *at < 0x20 || *at == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
}

void expect_no_controls(const char *what, const struct text *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (is_control((const unsigned char *)text->data + i)) {
			cr_expect(false, "%s: control character %02x at byte %zu", what,
				  (unsigned char)text->data[i], i);
			return;
		}
}

void expect_refusal(const char *what, const struct run *run, int status, const char *sentence)
{
	cr_expect(run->status == status, "%s: status %d, not %d: %s", what, run->status, status,
		  run->err.data);
	cr_expect(count_sentences(&run->err) == 1, "%s: %zu sentences: %s", what,
		  count_sentences(&run->err), run->err.data);
	cr_expect(strstr(run->err.data, sentence) != NULL, "%s: no \"%s\" in: %s", what, sentence,
		  run->err.data);
	cr_expect(run->out.len == 0, "%s: on stdout: %s", what, run->out.data);
	expect_no_controls(what, &run->err);
}

void expect_readable(const char *name)
{
	char *path = in_place(name);

	if (access(path, F_OK) == 0)
		yajl_tree_free(json_read(path));
	free(path);
}
