/* SPDX-License-Identifier: MIT */
/*
 * Source: git(1) GIT_OBJECT_DIRECTORY and GIT_ALTERNATE_OBJECT_DIRECTORIES, as receive-pack uses
 * them for its quarantine.
 */
#include "git.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "launch/command.h"
#include "launch/launch.h"

#define OUTPUT_MAX   ((size_t)256 << 20)
#define REASON_MAX   2000
#define MAX_SENTENCE 4096
#define QUESTION_MS  30000

/* Nothing of the repository's configuration may run a program of its own choice or leave a trace.
 */
static const char *const settings[] = {
	"core.hooksPath=/dev/null",
	"core.fsmonitor=false",
	"core.attributesFile=/dev/null",
	"core.autocrlf=false",
	"core.logAllRefUpdates=false",
	"protocol.ext.allow=never",
	"gc.auto=0",
	"maintenance.auto=false",
	"push.gpgSign=false",
	"push.recurseSubmodules=no",
	"fetch.recurseSubmodules=no",
	"submodule.recurse=false",
	"fetch.writeCommitGraph=false",
	"core.fsync=none", /* our objects live as long as we do; the remote has its own rules */
};

/* What the user's shell may say of another repository or index. */
static const char *const foreign_variables[] = {
	"GIT_INDEX_FILE",    "GIT_WORK_TREE",	     "GIT_NAMESPACE",
	"GIT_PREFIX",	     "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
	"GIT_EXTERNAL_DIFF", "GIT_EDITOR",	     "GIT_TRACE"};

struct words git_words(const struct git *git, const char *verb)
{
	struct words words = {0};

	words_add(&words, "/bin/sh");
	words_add(&words, "-c");
	words_add(&words, "in=$1; err=$2; out=$3; shift 3; "
			  "if [ \"$out\" ]; then exec >\"$out\"; fi; "
			  "exec \"$@\" <\"$in\" 2>\"$err\"");
	words_add(&words, "sh");
	words_add(&words, "/dev/null"); /* place of the input */
	words_addf(&words, "%s/stderr", git->scratch);
	words_add(&words, ""); /* place of the output, if it is a file */
	words_add(&words, git->program);
	if (git->top) {
		words_add(&words, "-C");
		words_add(&words, git->top);
	}
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		words_add(&words, "-c");
		words_add(&words, settings[i]);
	}
	words_add(&words, verb);
	return words;
}

#define INPUT_WORD  4
#define OUTPUT_WORD 6

static int replace(struct words *words, size_t place, const char *word)
{
	char *copy = strdup(word);

	if (!copy)
		return -ENOMEM;
	free(words->list[place]);
	words->list[place] = copy;
	return 0;
}

int git_run(struct git *git, struct words *words, const char *input, int timeout_ms)
{
	return git_run_into(git, words, input, "", timeout_ms);
}

int git_run_into(struct git *git, struct words *words, const char *input, const char *output,
		 int timeout_ms)
{
	int r = words->error;

	if (r == 0 && input)
		r = replace(words, INPUT_WORD, input);
	if (r == 0)
		r = replace(words, OUTPUT_WORD, output);
	buf_reset(&git->output);
	if (r == 0)
		r = launch_capture(git->session->identity, git->session->environment, words->list,
				   &git->output, timeout_ms);
	words_done(words);
	return r;
}

/* What stands before the @ of an address becomes stars. */
static void hide_passwords(char *text)
{
	for (char *at = strstr(text, "://"); at; at = strstr(at, "://")) {
		size_t length;

		at += 3;
		length = strcspn(at, "/ '\"\n");
		for (size_t i = length; i > 0; i--)
			if (at[i - 1] == '@') {
				memset(at, '*', i - 1);
				break;
			}
	}
}

int git_reason(const struct git *git, struct buf *why)
{
	char path[PATH_MAX], text[REASON_MAX + 1];
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/stderr", git->scratch);
	file = fopen(path, "re");
	if (file) {
		length = fread(text, 1, REASON_MAX, file);
		fclose(file);
	}
	while (length > 0 && strchr("\r\n ", text[length - 1]))
		length--;
	text[length] = 0;
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = *c == '\n' ? '|' : ' ';
	hide_passwords(text);
	return length ? buf_addf(why, ": %s", text) : 0;
}

int git_refuse(const struct git *git, struct buf *why, int error, const char *fmt, ...)
{
	char sentence[MAX_SENTENCE];
	va_list args;
	int r;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	r = buf_addstr(why, sentence);
	if (r == 0)
		r = git_reason(git, why);
	return r < 0 ? r : error;
}

int git_scratch_path(const struct git *git, const char *name, char ret[PATH_MAX])
{
	int length = snprintf(ret, PATH_MAX, "%s/%s", git->scratch, name);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int git_output_id(const struct git *git, char ret[GIT_ID_MAX])
{
	const char *text = git->output.data ? git->output.data : "";
	size_t length = strspn(text, "0123456789abcdef");

	if ((length != 40 && length != 64) || (text[length] && text[length] != '\n'))
		return -EPROTO;
	memcpy(ret, text, length);
	ret[length] = 0;
	return 0;
}

/* ---- the repository ------------------------------------------------------------------------ */

/* One line that git answers. */
static int ask(struct git *git, const char *question, char **ret)
{
	struct words words = git_words(git, "rev-parse");
	int r;

	words_add(&words, "--path-format=absolute");
	words_add(&words, question);
	if (strcmp(question, "--git-path") == 0)
		words_add(&words, "objects");
	r = git_run(git, &words, NULL, QUESTION_MS);
	if (r != 0)
		return r < 0 ? r : -ENOENT;
	*ret = strndup(git->output.data ? git->output.data : "",
		       git->output.data ? strcspn(git->output.data, "\n") : 0);
	return *ret ? 0 : -ENOMEM;
}

static int set(const struct git *git, const char *name, const char *value)
{
	return environment_set(git->session->environment, name, value);
}

/* From here on, git writes objects to our directory and reads them from both. */
static int set_apart(struct git *git)
{
	CLEANUP(cleanup_free) char *theirs = NULL;
	char ours[PATH_MAX];
	int r = ask(git, "--git-path", &theirs);

	snprintf(ours, sizeof(ours), "%s/objects", git->scratch);
	if (r == 0 && mkdir(ours, 0700) < 0)
		r = -errno;
	if (r == 0)
		r = set(git, "GIT_DIR", git->directory);
	if (r == 0)
		r = set(git, "GIT_OBJECT_DIRECTORY", ours);
	if (r == 0)
		r = set(git, "GIT_ALTERNATE_OBJECT_DIRECTORIES", theirs);
	return r;
}

static int find_repository(struct git *git, struct buf *why)
{
	int r = ask(git, "--git-dir", &git->directory);

	if (r == -ENOENT) {
		r = buf_addstr(why, "this directory is in no git repository that git accepts");
		if (r == 0)
			r = git_reason(git, why);
		return r < 0 ? r : -ENOENT;
	}
	if (r == 0)
		r = ask(git, "--show-toplevel", &git->top);
	if (r == -ENOENT) { /* a bare one: its directory does */
		git->top = strdup(git->directory);
		r = git->top ? 0 : -ENOMEM;
	}
	return r < 0 ? r : set_apart(git);
}

int git_open(const struct session *session, const char *scratch, struct git *ret, struct buf *why)
{
	struct git git = {.session = session, .scratch = scratch};
	int r = command_find(session->identity, session->environment, "git", &git.program, why);

	buf_init(&git.output, OUTPUT_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(foreign_variables); i++)
		environment_unset(session->environment, foreign_variables[i]);
	if (r == 0)
		r = set(&git, "GIT_TERMINAL_PROMPT", "0");
	if (r == 0)
		r = set(&git, "GIT_OPTIONAL_LOCKS", "0");
	if (r == 0)
		r = set(&git, "LC_ALL", "C");
	if (r == 0)
		r = find_repository(&git, why);
	if (r < 0)
		git_close(&git);
	else
		*ret = git;
	return r;
}

void git_close(struct git *git)
{
	free(git->program);
	free(git->directory);
	free(git->top);
	buf_done(&git->output);
	*git = (struct git){0};
}
