/* SPDX-License-Identifier: MIT */
/*
 * The judge of the truth programs as a command, for tools/proof:
 *
 *	truth_judge --list KIND            programs that run on puc, luajit or jit: "name<TAB>state"
 *	truth_judge PROGRAM FOLDED_FILE    "samples exact marked wrong outside", a tab, the reasons
 *
 * Wrong stacks, and what is not as it must be, go to stderr. Exit status: 0, 1 something is not as
 * it must be, 2 usage.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

#define MAX_SHOWN 10 /* wrong stacks */

static int list(const char *kind_text)
{
	int kind = truth_kind_of(kind_text);

	if (kind < 0)
		return 2;
	for (const struct truth_program *p = truth_programs; p->name; p++)
		if ((int)p->needs <= kind)
			printf("%s\t%s\n", p->name, p->state);
	return 0;
}

static int count_lines(const struct truth_program *p, const char *path, struct truth_tally *tally)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0, nr_shown = 0;
	ssize_t len;

	if (!f) {
		fprintf(stderr, "truth_judge: cannot open '%s'\n", path);
		return -1;
	}
	while ((len = getline(&line, &room, f)) > 0) {
		line[len - (line[len - 1] == '\n')] = '\0';
		if (truth_count(p, line, tally) >= VERDICT_WRONG && nr_shown++ < MAX_SHOWN)
			fprintf(stderr, "wrong: %s\n", line);
	}
	free(line);
	fclose(f);
	return 0;
}

static int judge(const char *name, const char *path)
{
	const struct truth_program *p = truth_find(name);
	struct truth_tally t = {0};
	const char *complaint;

	if (!p || count_lines(p, path, &t) < 0)
		return 2;
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\t", t.all,
	       t.samples[VERDICT_EXACT], t.samples[VERDICT_MARKED],
	       t.samples[VERDICT_WRONG] + t.samples[VERDICT_BAD], t.samples[VERDICT_OUTSIDE]);
	for (size_t i = 0; i < t.nr_reasons; i++)
		printf("%s%s %" PRIu64, i ? ", " : "", t.reasons[i].text, t.reasons[i].samples);
	printf("\n");
	complaint = truth_complaint(p, &t);
	if (complaint)
		fprintf(stderr, "%s: %s\n", name, complaint);
	return complaint ? 1 : 0;
}

int main(int argc, char **argv)
{
	int status = 2;

	if (argc == 3)
		status = strcmp(argv[1], "--list") == 0 ? list(argv[2]) : judge(argv[1], argv[2]);
	if (status == 2)
		fputs("usage: truth_judge --list puc|luajit|jit\n"
		      "       truth_judge PROGRAM FOLDED_FILE\n",
		      stderr);
	return status;
}
