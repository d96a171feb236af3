/* SPDX-License-Identifier: MIT */
/*
 * --help, docs/OPTIONS.md and the man page, from the table of options.
 *
 * Help starts with examples: what most readers want is a line to copy.
 */
#include "options.h"

#include <string.h>

#include "option_values.h"

#define OPTION_COLUMN 26 /* where the sentences start */
#define HELP_WIDTH    100

struct example {
	enum verb verb;
	const char *command, *help;
};

static const struct example examples[] = {
	{VERB_RUN, "sudo bprof-perf -- busted", "profile the suite in this directory"},
	{VERB_RUN, "sudo bprof-perf -o out -F 4999 -- busted spec/parser_spec.lua",
	 "one file, more samples, files in out/"},
	{VERB_RUN, "sudo bprof-perf --boundaries=stack -- luarocks test",
	 "nothing is added to the run; tests are read from the stack"},
	{VERB_RUN, "sudo bprof-perf -- luajit program.lua", "any Lua program"},
	{VERB_REPORT, "bprof-perf report --top 50 bprof-out/recording.bprof",
	 "the report again, with more rows"},
	{VERB_REPORT, "bprof-perf report --json bprof-out/recording.bprof | jq '.tests[0]'",
	 "the numbers for a program"},
	{VERB_REPORT, "bprof-perf report --verify bprof-out/recording.bprof",
	 "how sure its stacks are, and every reason of doubt"},
	{VERB_COMPARE, "sudo bprof-perf compare --base main -- busted",
	 "verdicts: the revision and the tree as it is take turns"},
	{VERB_COMPARE, "bprof-perf compare old/profile.json new/profile.json",
	 "what changed between two runs: a trend, no verdict"},
	{VERB_COMPARE, "bprof-perf compare --gate runs/main runs/branch",
	 "verdicts from many runs of both; exit status 3 if a test became too slow"},
	{VERB_COMPARE, "bprof-perf compare --format comment comparison.json",
	 "a comparison that was saved as JSON, printed again"},
	{VERB_RUN, "sudo bprof-perf --release v1.2.0 -- busted",
	 "a release for the history in benchmarks/"},
	{VERB_HISTORY, "bprof-perf history",
	 "all past releases, and the newest against the one before"},
	{VERB_PUBLISH, "bprof-perf publish --release v1.2.0 bprof-out/recording.bprof",
	 "the release on the branch profiling of the remote"},
	{VERB_BACKFILL, "sudo bprof-perf backfill v1.0.0 v1.1.0 v1.2.0",
	 "what these releases would have said on this machine"},
	{VERB_LINK_PAGE, "bprof-perf link-page >PROFILING.md",
	 "a page that shows the pictures of the other branch"},
	{VERB_DOCTOR, "sudo bprof-perf doctor", "what this machine can do, and what is missing"},
};

static const struct {
	const char *status, *help;
} exit_statuses[] = {
	{"n", "that of the command; 128 + n if signal n ended it"},
	{"1", "also: busted saw failures and still exited 0"},
	{"2", "also: bprof-perf was called in a wrong way"},
	{"3", "report --verify: the recording breaks off or holds records that are not valid; "
	      "compare --gate: something became slower beyond --fail-at"},
	{"125", "bprof-perf could not set up the run, or has nothing to compare"},
	{"126", "the command was found and cannot be executed"},
	{"127", "the command was not found"},
};

static bool row_is_for(const struct option_row *row, enum verb about)
{
	return about == VERB_HELP || (row->verbs & (1u << about));
}

/* ---- --help -------------------------------------------------------------------------------- */

/* Words of @text, folded before @width, continuation lines indented to @column. */
static void write_folded(FILE *out, const char *text, int column, int width)
{
	int at = column;

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (at > column && at + 1 + length > width) {
			fprintf(out, "\n%*s", column, "");
			at = column;
		} else if (at > column) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", length, text);
		at += length;
		text += length;
		while (*text == ' ')
			text++;
	}
}

static void write_option_name(const struct option_row *row, char *text, size_t size)
{
	char letter[8] = "    ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	snprintf(text, size, "  %s--%s%s%s", letter, row->name, row->argument ? " " : "",
		 row->argument ? row->argument : "");
}

static void write_option(FILE *out, const struct option_row *row)
{
	char name[64], sentence[512];

	write_option_name(row, name, sizeof(name));
	if (strlen(name) + 2 > OPTION_COLUMN)
		fprintf(out, "%s\n%*s", name, OPTION_COLUMN, "");
	else
		fprintf(out, "%-*s", OPTION_COLUMN, name);
	snprintf(sentence, sizeof(sentence), "%s%s%s%s", row->help, row->fallback ? " [" : "",
		 row->fallback ? row->fallback : "", row->fallback ? "]" : "");
	write_folded(out, sentence, OPTION_COLUMN, HELP_WIDTH);
	fputc('\n', out);
}

static void write_examples(FILE *out, enum verb about)
{
	fputs("Examples:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		if (about == VERB_HELP || examples[i].verb == about)
			fprintf(out, "  %s\n        %s\n", examples[i].command, examples[i].help);
}

static void write_usage(FILE *out, enum verb about)
{
	size_t nr;
	const struct verb_row *verbs = verb_rows(&nr);

	fputs("\nUsage:\n", out);
	for (size_t i = 0; i < nr; i++) {
		char form[64];

		if (about != VERB_HELP && about != (enum verb)i)
			continue;
		snprintf(form, sizeof(form), "%s%s%s", i == VERB_RUN ? "[run]" : verbs[i].name,
			 *verbs[i].arguments ? " " : "", verbs[i].arguments);
		fprintf(out, "  bprof-perf %s\n        %s\n", form, verbs[i].help);
	}
}

static void write_formats(FILE *out)
{
	struct buf names;

	buf_init(&names, 4096);
	if (option_values_format_names(&names) == 0) {
		fputs("\nFormats: ", out);
		write_folded(out, names.data, (int)strlen("Formats: "), HELP_WIDTH);
		fputs(".\n", out);
	}
	buf_done(&names);
}

void options_write_help(FILE *out, enum verb about)
{
	size_t nr;
	const struct option_row *rows = option_rows(&nr);

	fputs("bprof-perf: where the time of a Lua test suite goes, test by test.\n\n", out);
	if (about != VERB_VERSION)
		write_examples(out, about);
	write_usage(out, about);
	fputs("\nOptions [default]:\n", out);
	for (size_t i = 0; i < nr; i++)
		if (rows[i].name && row_is_for(&rows[i], about))
			write_option(out, &rows[i]);
	if (about == VERB_HELP || about == VERB_RUN || about == VERB_REPORT)
		write_formats(out);
	fputs("\nOptions before COMMAND are ours, those after it are the command's own.\n"
	      "Most have a variable BPROF_...: see docs/OPTIONS.md or man bprof-perf.\n",
	      out);
}

/* ---- docs/OPTIONS.md ----------------------------------------------------------------------- */

/* A '|' would end the cell. */
static void write_cell(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void write_verbs_of(FILE *out, const struct option_row *row)
{
	static const enum verb worth_saying[] = {VERB_RUN,	 VERB_REPORT,  VERB_COMPARE,
						 VERB_HISTORY,	 VERB_PUBLISH, VERB_BACKFILL,
						 VERB_LINK_PAGE, VERB_DOCTOR};
	const char *separator = "";

	for (size_t i = 0; i < ARRAY_SIZE(worth_saying); i++)
		if (row->verbs & (1u << worth_saying[i])) {
			fprintf(out, "%s%s", separator, verb_name(worth_saying[i]));
			separator = ", ";
		}
}

static void write_markdown_option(FILE *out, const struct option_row *row)
{
	fputs("| ", out);
	if (row->letter)
		fprintf(out, "`-%c`, ", row->letter);
	if (row->name)
		fprintf(out, "`--%s%s%s`", row->name, row->argument ? " " : "",
			row->argument ? row->argument : "");
	else
		fputs("(variables only)", out);
	fputs(" | ", out);
	write_cell(out, row->help);
	fputs(" | ", out);
	if (row->fallback)
		fprintf(out, "`%s`", row->fallback);
	fputs(" | ", out);
	for (size_t i = 0; row->variables[i]; i++)
		fprintf(out, "%s`%s`", i ? ", " : "", row->variables[i]);
	fputs(" | ", out);
	write_verbs_of(out, row);
	fputs(" |\n", out);
}

void options_write_markdown(FILE *out)
{
	size_t nr;
	const struct option_row *rows = option_rows(&nr);
	const struct variable_row *variables;

	fputs("# Options and environment variables\n\n"
	      "Made from the table in `src/cli/option_table.c`; a test compares the two. To make "
	      "it again:\n`BLESS=1 build/tests/test_options`.\n\n"
	      "An option wins over its variables; of these, the first in the table that is set and "
	      "not empty\nwins; then comes the default. There is no configuration file. Behind "
	      "`sudo`, variables are read from\nthe environment you had before it: no `-E` is "
	      "needed.\n\n"
	      "| option | meaning | default | variables, in order of precedence | for |\n"
	      "|---|---|---|---|---|\n",
	      out);
	for (size_t i = 0; i < nr; i++)
		write_markdown_option(out, &rows[i]);
	fputs("\n## Other variables that are read\n\n| variable | meaning |\n|---|---|\n", out);
	variables = variable_rows(&nr);
	for (size_t i = 0; i < nr; i++)
		fprintf(out, "| `%s` | %s |\n", variables[i].name, variables[i].help);
	fputs("\n## Exit status\n\n| status | meaning |\n|---|---|\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(exit_statuses); i++)
		fprintf(out, "| %s | %s |\n", exit_statuses[i].status, exit_statuses[i].help);
	fputs("\n## The log\n\n"
	      "`--log` takes a level for all targets, and levels of single targets: "
	      "`warn,exec=debug`. The longest\nmatching target wins; a target matches itself and "
	      "what follows it after `::`. `bpf` and `unwind` are noisy\nand stay silent unless "
	      "they are named. A part that is not valid is reported, the rest applies.\nA line "
	      "is `clock level target::event key=value, key=value`.\n",
	      out);
}

/* ---- the man page -------------------------------------------------------------------------- */

/* roff: a dash is a minus sign, a leading dot or quote is a request. */
static void write_roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\\')
			fputs("\\e", out);
		else
			fputc(*text, out);
	}
}

static void write_man_option(FILE *out, const struct option_row *row)
{
	fputs(".TP\n", out);
	if (row->letter)
		fprintf(out, ".BR \\-%c \", \" ", row->letter);
	else
		fputs(".B ", out);
	fputs("\\-\\-", out);
	write_roff(out, row->name);
	if (row->argument)
		fprintf(out, row->letter ? " \" \\fI%s\\fR\"" : " \\fI%s\\fR", row->argument);
	fputc('\n', out);
	write_roff(out, row->help);
	fputs(".\n", out);
	if (row->fallback) {
		fputs("Default: ", out);
		write_roff(out, row->fallback);
		fputs(".\n", out);
	}
	if (row->variables[0])
		fprintf(out, "Variable: %s.\n", row->variables[0]);
}

static void write_man_variables(FILE *out)
{
	size_t nr;
	const struct option_row *rows = option_rows(&nr);
	const struct variable_row *variables;

	fputs(".SH ENVIRONMENT\nBehind\n.BR sudo (8)\nthe environment from before it is read.\n"
	      "Of the variables of one option the first that is set and not empty counts.\n",
	      out);
	for (size_t i = 0; i < nr; i++) {
		if (!rows[i].variables[0])
			continue;
		fputs(".TP\n.B", out);
		for (size_t v = 0; rows[i].variables[v]; v++)
			fprintf(out, " %s", rows[i].variables[v]);
		fputc('\n', out);
		if (rows[i].name) {
			fputs("See \\fB\\-\\-", out);
			write_roff(out, rows[i].name);
			fputs("\\fR", out);
		} else {
			write_roff(out, rows[i].help);
		}
		fputs(".\n", out);
	}
	variables = variable_rows(&nr);
	for (size_t i = 0; i < nr; i++) {
		fprintf(out, ".TP\n.B %s\n", variables[i].name);
		write_roff(out, variables[i].help);
		fputs(".\n", out);
	}
}

void options_write_man(FILE *out)
{
	size_t nr;
	const struct verb_row *verbs = verb_rows(&nr);
	const struct option_row *rows;

	fputs(".\\\" Made from src/cli/option_table.c: BLESS=1 build/tests/test_options\n"
	      ".TH BPROF\\-PERF 1 \"\" \"bprof\\-perf " BPROF_VERSION "\" \"User Commands\"\n"
	      ".SH NAME\nbprof\\-perf \\- where the time of a Lua test suite goes, test by test\n"
	      ".SH SYNOPSIS\n",
	      out);
	for (size_t i = 0; i < nr; i++) {
		fputs(".B bprof\\-perf ", out);
		write_roff(out, i == VERB_RUN ? "[run]" : verbs[i].name);
		if (*verbs[i].arguments)
			fputs("\n.I ", out);
		write_roff(out, verbs[i].arguments);
		fputs("\n.br\n", out);
	}
	fputs(".SH DESCRIPTION\nRuns\n.I COMMAND\nas the user who called\n.BR sudo (8),\nsamples "
	      "the Lua stacks of it and its children, and says for each test of a busted suite "
	      "what it cost.\nThe command's output and exit status are unchanged.\n"
	      ".SH EXAMPLES\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		fputs(".TP\n.B ", out);
		write_roff(out, examples[i].command);
		fputc('\n', out);
		write_roff(out, examples[i].help);
		fputs(".\n", out);
	}
	fputs(".SH OPTIONS\n", out);
	rows = option_rows(&nr);
	for (size_t i = 0; i < nr; i++)
		if (rows[i].name)
			write_man_option(out, &rows[i]);
	write_man_variables(out);
	fputs(".SH EXIT STATUS\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(exit_statuses); i++) {
		fprintf(out, ".TP\n.B %s\n", exit_statuses[i].status);
		write_roff(out, exit_statuses[i].help);
		fputs(".\n", out);
	}
	fputs(".SH SEE ALSO\n.BR busted (1),\n.BR luajit (1),\n.BR perf (1)\n", out);
}
