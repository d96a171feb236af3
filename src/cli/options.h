/* SPDX-License-Identifier: MIT */
/*
 * The command line and the environment variables, parsed and checked.
 *
 * Invariant: one table (option_rows) holds every option, its letter, its variables in order of
 * precedence, its default, its sentence and its check. Parsing, --help, docs/OPTIONS.md and the man
 * page are made from it; a test compares the two files with it.
 */
#ifndef BPROF_OPTIONS_H
#define BPROF_OPTIONS_H

#include <stdio.h>

#include <bprof/lua_layout.h>
#include <bprof/output.h>
#include <bprof/profile.h>

#include "base.h"
#include "buf.h"
#include "compare/compare.h"
#include "launch/environ.h"
#include "output/timing.h"
#include "release/tree.h"

#define EXIT_USAGE	  2
#define MAX_FORMATS	  32
#define FREQUENCY_MAXIMUM 9999
#define MAX_SAVED	  8

enum verb {
	VERB_RUN,
	VERB_REPORT,
	VERB_COMPARE,
	VERB_HISTORY,
	VERB_PUBLISH,
	VERB_BACKFILL,
	VERB_LINK_PAGE,
	VERB_DOCTOR,
	VERB_HELP,
	VERB_VERSION,
	NR_VERBS
};

enum boundaries_choice {
	BOUNDARIES_AUTO,
	BOUNDARIES_HOOK,
	BOUNDARIES_STACK,
	BOUNDARIES_NONE,
	NR_BOUNDARIES_CHOICES
};
/* A comparison that goes to a file as well. */
struct saved_comparison {
	const struct comparison_ops *format; /* NULL ends a list */
	const char *path;
};

enum colour_choice { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER, NR_COLOUR_CHOICES };

/*
 * Strings are borrowed from argv and from the environment given to options_parse(), or owned by
 * @owned. Lists are NULL-terminated and never NULL.
 */
struct options {
	enum verb verb;
	enum verb help_about; /* VERB_HELP: the verb, or VERB_HELP for the overview */

	const char *output_dir;
	bool output_chosen; /* not the default */
	const char
		*folded_file; /* FLAME_OUTPUT: the folded file's own path; NULL = in output_dir */
	const struct output_ops *formats[MAX_FORMATS]; /* NULL-terminated, each once */

	unsigned frequency_hz;
	uint64_t period; /* 0 = by frequency */
	bool gc_before_tests;
	bool counts_vm; /* --mode=count */
	const char **skip_files;
	const char *event;
	enum boundaries_choice boundaries;
	enum bprof_jit jit;
	uint32_t consecutive; /* --testing-method=consecutive-N; 0 = normal */
	enum best_by best_by;
	bool warm_repeat;		/* --warm=repeat: rounds of one process instead of runs */
	unsigned max_runs, max_seconds; /* of a series */
	const char *user;
	bool keep_root;

	bool lines, include_framework, callers, costs;
	unsigned top;
	double min_percent;
	const char **only, **ignore;

	enum colour_choice colour;
	bool quiet, json, verify;
	unsigned verbose;
	const char *log_filter; /* complete: --log, -v and -q taken together; for log_configure() */
	const char *log_file;

	struct release release; /* --release; nr_parts 0 = none */
	struct tree_opts tree;	/* its output is not set */
	enum table_style table_style;
	struct timing_columns columns;		   /* nr 0: chosen by what is known */
	bool keep_temporary;			   /* mega.busted's; nothing to keep */
	const char *timing_file;		   /* NULL = none */
	const char *remote, *branch, *main_branch; /* VERB_PUBLISH; main NULL = the default */
	bool dry_run;
	bool sync;		    /* main is merged, no release is added */
	char **tags;		    /* VERB_BACKFILL: NULL-terminated, as they were given; owned */
	bool again;		    /* also those that are in the history */
	const char *recordings_dir; /* VERB_BACKFILL: where recordings are kept; NULL = nowhere */
	const char *tree_dir;	    /* VERB_HISTORY: where benchmarks/ is */

	char **command; /* NULL-terminated. VERB_RUN, VERB_BACKFILL: at least one word;
			   VERB_COMPARE: or NULL */
	size_t nr_command;
	const char *recording; /* VERB_REPORT, VERB_PUBLISH */

	/* VERB_COMPARE: two sets of runs that are there, or @command and what is its base */
	const char *compared[NR_SIDES];
	const char *comparison;			  /* a finished one, instead of both */
	const char *base_revision, *base_command; /* one of them, or @compared */
	const char *prepare;
	unsigned pairs;		  /* 0: as many as it takes */
	struct compare_opts rule; /* its share is 1 */
	const struct comparison_ops *comparison_format;
	struct saved_comparison saved[MAX_SAVED + 1];
	const char *stacks; /* file of the difference of both sides' stacks, or NULL */
	bool gate;
	bool no_count; /* turns: without the runs that count instructions of the VM */
	const char **excusing_commits; /* globs of subjects: with such a commit nothing fails */

	char **repeated; /* private: @command, with --repeat */
	char **words;	 /* private: argv in the order getopt_long() left it */
	char **owned;	 /* private: what options_done() frees */
	size_t nr_owned;
};

/**
 * options_parse() - everything the user asked for
 * @environment: of the user, recovered from sudo; borrowed as long as @ret lives
 * @why:         on failure, one sentence: the option or variable, its value, the choices
 *
 * Option > variable > default, the first of a row's variables that is set and not empty. A variable
 * that an option overrides is not looked at, so it cannot fail.
 *
 * Return: 0; -EINVAL: to be answered by exit status EXIT_USAGE; -ENOMEM.
 */
int options_parse(int argc, char **argv, const struct environment *environment, struct options *ret,
		  struct buf *why) MUST_CHECK;
void options_done(struct options *options);

const char *verb_name(enum verb verb);
const char *boundaries_name(enum boundaries_choice boundaries);

/* The verb that @word looks like a misspelling of, or NULL: for "command not found". */
const char *verb_like(const char *word);

/*
 * --color, then NO_COLOR, then CLICOLOR_FORCE, then: is it a terminal that can?
 * Source: no-color.org, bixense.com/clicolors.
 */
bool colour_wanted(enum colour_choice choice, const struct environment *environment, int fd);

/* What was chosen for every output, wherever it goes. */
struct output_opts output_options(const struct options *options);

/* ---- the table ----------------------------------------------------------------------------- */

#define MAX_VARIABLES_OF_ROW 6

/**
 * struct option_row - an option, or what has variables only
 * @name:      without dashes; NULL: there is no such option, only the variables
 * @letter:    0 = none
 * @argument:  "HZ"; NULL: a switch, whose variables take 1, true, yes, on and their opposites
 * @variables: in order of precedence
 * @fallback:  the default, in the words of the command line; NULL = none
 * @help:      one sentence without full stop
 * @expected:  what a valid value is: "a number from 1 to 9999"; NULL: any text
 * @verbs:     bits 1 << enum verb. A name may have a row for each verb
 * @apply:     stores one value; -EINVAL = not as @expected. NULL: handled by the parser
 */
struct option_row {
	const char *name;
	char letter;
	const char *argument;
	const char *variables[MAX_VARIABLES_OF_ROW + 1];
	const char *fallback;
	const char *help;
	const char *expected;
	unsigned verbs;
	int (*apply)(struct options *options, const char *value);
	/* the reason why a value was refused, in a sentence; NULL: it is not @expected */
	int (*explain)(const char *value, struct buf *why);
};

const struct option_row *option_rows(size_t *ret_nr);

/* Variables that belong to no option: NO_COLOR and the like. */
struct variable_row {
	const char *name, *help;
};
const struct variable_row *variable_rows(size_t *ret_nr);

struct verb_row {
	const char *name, *arguments, *help;
};
const struct verb_row *verb_rows(size_t *ret_nr); /* index: enum verb */

/* ---- what is made from it ------------------------------------------------------------------ */

void options_write_help(FILE *out, enum verb about);
void options_write_markdown(FILE *out); /* docs/OPTIONS.md */
void options_write_man(FILE *out);	/* docs/man/bprof-perf.1 */

#endif
