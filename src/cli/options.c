/* SPDX-License-Identifier: MIT */
/*
 * Parsing: words -> given values -> checked options.
 *
 * First all words are read, then each row of the table takes its value from the options, else from
 * its variables, else its default. So nothing depends on the order of options, and a variable that
 * is overridden is never judged.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "option_values.h"
#include "output/output.h"
#include "suggest.h"

#define MAX_ROWS	 96
#define FLOOR_NS	 50e3
#define FLOOR_COUNT	 50e3
#define FLOOR_VM	 1e3
#define FIRST_LONG_VALUE 256 /* getopt_long() returns this plus the row's index */

/* Verbs that later versions may have: a command of that name needs "--" before it. */
static const char *const reserved_verbs[] = {
	"attach",
	"merge",
	"push",
};

struct given {
	size_t row;
	const char *value;
};

struct parser {
	struct options *options;
	const struct environment *environment;
	struct buf *why;
	struct given *given; /* in the order typed */
	size_t nr_given, room;
	char **words; /* copy of argv: getopt_long() moves them */
	size_t nr_words;
	bool verb_given;
	bool dashes; /* "--" stood before what is left of the words */
	struct option long_options[MAX_ROWS + 1];
	char letters[3 * MAX_ROWS + 3]; /* two characters of mode, then "x:" each */
};

/* ---- words --------------------------------------------------------------------------------- */

/* The first of the rows of one name stands for all of them until the verb is known. */
static bool has_namesake(const struct option_row *rows, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (rows[i].name && strcmp(rows[i].name, rows[before].name) == 0)
			return true;
	return false;
}

static void describe_rows(struct parser *p)
{
	size_t nr, at = 2, nr_long = 0;
	const struct option_row *rows = option_rows(&nr);

	for (size_t i = 0; i < nr && i < MAX_ROWS; i++) {
		if (!rows[i].name || has_namesake(rows, i))
			continue;
		p->long_options[nr_long++] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].argument ? required_argument : no_argument,
			.val = FIRST_LONG_VALUE + (int)i,
		};
		if (!rows[i].letter)
			continue;
		p->letters[at++] = rows[i].letter;
		if (rows[i].argument)
			p->letters[at++] = ':';
	}
	p->letters[at] = 0;
}

static const struct option_row *row_of(int value, size_t *ret_index)
{
	size_t nr;
	const struct option_row *rows = option_rows(&nr);

	for (size_t i = 0; i < nr; i++) {
		bool by_letter = rows[i].letter && value == rows[i].letter;

		if (by_letter || value == FIRST_LONG_VALUE + (int)i) {
			*ret_index = i;
			return &rows[i];
		}
	}
	return NULL;
}

static int note_given(struct parser *p, size_t row, const char *value)
{
	if (p->nr_given == p->room) {
		size_t room = p->room ? p->room * 2 : 16;
		struct given *given = reallocarray(p->given, room, sizeof(*given));

		if (!given)
			return -ENOMEM;
		p->given = given;
		p->room = room;
	}
	p->given[p->nr_given++] = (struct given){.row = row, .value = value};
	return 0;
}

static const char *option_like(const char *typed)
{
	size_t nr;
	const struct option_row *rows = option_rows(&nr);
	const char *nearest = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < nr; i++) {
		if (!rows[i].name || !suggest_is_near(typed, rows[i].name))
			continue;
		if (suggest_distance(typed, rows[i].name) < least) {
			least = suggest_distance(typed, rows[i].name);
			nearest = rows[i].name;
		}
	}
	return nearest;
}

static int refuse_unknown(struct parser *p, const char *word)
{
	char typed[64];
	size_t index;
	const struct option_row *row;

	/* "--lines=1": the row is known, the value is too much. */
	row = optopt ? row_of(optopt, &index) : NULL;
	if (row)
		return usage_error(buf_addf(p->why, "option '--%s' takes no value", row->name));
	if (optopt)
		return usage_error(buf_addf(p->why, "unknown option '-%c'", optopt));
	snprintf(typed, sizeof(typed), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	if (option_like(typed))
		return usage_error(buf_addf(p->why, "unknown option '--%s' (did you mean '--%s'?)",
					    typed, option_like(typed)));
	return usage_error(buf_addf(p->why, "unknown or ambiguous option '--%s'", typed));
}

static int refuse_without_value(struct parser *p)
{
	size_t index;
	const struct option_row *row = row_of(optopt, &index);

	if (!row)
		return usage_error(buf_addstr(p->why, "an option lacks its value"));
	return usage_error(buf_addf(p->why, "option '--%s' needs a value: --%s=%s", row->name,
				    row->name, row->argument));
}

static bool is_named(const struct option_row *row, const char *name)
{
	return row->name && strcmp(row->name, name) == 0;
}

/*
 * Reads options from words[first] on. Stops at the first other word, unless @anywhere.
 * @ret_next: index of the first word that is no option; @ret_dashes: "--" stood before it.
 * Returns 1 where --help or --version makes the rest meaningless.
 */
static int read_options(struct parser *p, size_t first, bool anywhere, size_t *ret_next,
			bool *ret_dashes)
{
	const char *last_value = NULL;
	char **words = p->words + first - 1; /* getopt_long() skips the first */
	int nr = (int)(p->nr_words - first + 1);
	int value;

	/* '+': stop at the first word that is no option. ':': missing values are told apart. */
	p->letters[0] = anywhere ? ':' : '+';
	p->letters[1] = ':';
	optind = 0;
	opterr = 0;
	while ((value = getopt_long(nr, words, p->letters, p->long_options, NULL)) != -1) {
		size_t index;
		const struct option_row *row;
		int r;

		if (value == '?')
			return refuse_unknown(p, words[optind - 1]);
		if (value == ':')
			return refuse_without_value(p);
		row = row_of(value, &index);
		if (!row)
			return -EINVAL;
		if (is_named(row, "version")) {
			p->options->verb = VERB_VERSION;
			return 1;
		}
		if (is_named(row, "help")) {
			p->options->help_about = p->verb_given ? p->options->verb : VERB_HELP;
			p->options->verb = VERB_HELP;
			return 1;
		}
		last_value = optarg;
		r = note_given(p, index, optarg ? optarg : "1");
		if (r < 0)
			return r;
	}
	*ret_next = first - 1 + (size_t)optind;
	*ret_dashes = optind > 1 && strcmp(words[optind - 1], "--") == 0 &&
		      words[optind - 1] != last_value;
	return 0;
}

/* ---- verbs --------------------------------------------------------------------------------- */

static bool verb_find(const char *word, enum verb *ret)
{
	size_t nr;
	const struct verb_row *verbs = verb_rows(&nr);

	for (size_t i = 0; i < nr; i++)
		if (strcmp(verbs[i].name, word) == 0) {
			*ret = (enum verb)i;
			return true;
		}
	return false;
}

const char *verb_like(const char *word)
{
	size_t nr;
	const struct verb_row *verbs = verb_rows(&nr);

	for (size_t i = 0; i < nr; i++)
		if (suggest_is_near(word, verbs[i].name))
			return verbs[i].name;
	return NULL;
}

static int refuse_reserved(struct parser *p, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved_verbs); i++)
		if (strcmp(reserved_verbs[i], word) == 0)
			return usage_error(buf_addf(
				p->why,
				"this version has no verb '%s' (it has run, report, "
				"compare, history, publish, backfill, link-page, doctor and help); for a command of that name: bprof-perf -- %s",
				word, word));
	return 0;
}

static int take_command(struct parser *p, size_t next)
{
	if (next >= p->nr_words)
		return usage_error(buf_addstr(
			p->why, "no command given (for example: sudo bprof-perf -- busted)"));
	p->options->command = p->words + next;
	p->options->nr_command = p->nr_words - next;
	return 0;
}

static int take_recording(struct parser *p, size_t next)
{
	const char *verb = verb_name(p->options->verb);

	if (next >= p->nr_words) /* without one: options_settle() */
		return 0;
	if (next + 1 < p->nr_words)
		return usage_error(buf_addf(p->why, "%s: one recording at a time, but '%s' follows",
					    verb, p->words[next + 1]));
	p->options->recording = p->words[next];
	return 0;
}

static int take_compared(struct parser *p, size_t next)
{
	size_t nr = p->nr_words - next;

	if (p->dashes)
		return take_command(p, next);
	if (nr == 1) {
		p->options->comparison = p->words[next];
		return 0;
	}
	if (nr != NR_SIDES)
		return usage_error(buf_addf(p->why,
					    "compare: two profiles, recordings or directories are "
					    "compared, or a comparison.json is printed, but %zu "
					    "were given (for example: bprof-perf "
					    "compare old/profile.json new/profile.json)",
					    nr));
	p->options->compared[SIDE_BASE] = p->words[next];
	p->options->compared[SIDE_HEAD] = p->words[next + 1];
	return 0;
}

static int take_directory(struct parser *p, size_t next)
{
	p->options->tree_dir = next < p->nr_words ? p->words[next] : ".";
	if (next + 1 < p->nr_words)
		return usage_error(buf_addf(p->why,
					    "history: one directory at a time, but '%s' follows",
					    p->words[next + 1]));
	return 0;
}

/* Words up to "--" are tags, options may stand between them; the rest is the command. */
static int take_tags(struct parser *p, size_t next)
{
	static char busted[] = "busted";
	static char *suite[] = {busted, NULL};
	struct options *o = p->options;
	size_t nr = 0;
	int r = 0;

	o->tags = calloc(p->nr_words + 1, sizeof(*o->tags));
	if (!o->tags)
		return -ENOMEM;
	while (r == 0 && !p->dashes && next < p->nr_words) {
		o->tags[nr++] = p->words[next];
		r = read_options(p, next + 1, false, &next, &p->dashes);
	}
	if (r != 0)
		return r;
	if (nr == 0)
		return usage_error(buf_addstr(p->why, "backfill: no tag given (for example: sudo "
						      "bprof-perf backfill v1.0.0 v1.1.0)"));
	if (p->dashes)
		return take_command(p, next);
	o->command = suite;
	o->nr_command = 1;
	return 0;
}

static int take_topic(struct parser *p, size_t next)
{
	p->options->help_about = VERB_HELP;
	if (next >= p->nr_words || verb_find(p->words[next], &p->options->help_about))
		return 0;
	return usage_error(buf_addf(p->why, "help: there is no verb '%s'", p->words[next]));
}

static int take_nothing(struct parser *p, size_t next)
{
	if (next >= p->nr_words)
		return 0;
	return usage_error(buf_addf(p->why, "%s: unexpected '%s'", verb_name(p->options->verb),
				    p->words[next]));
}

static int take_rest(struct parser *p, size_t next)
{
	switch (p->options->verb) {
	case VERB_RUN:
		return take_command(p, next);
	case VERB_REPORT:
	case VERB_PUBLISH:
		return take_recording(p, next);
	case VERB_COMPARE:
		return take_compared(p, next);
	case VERB_HISTORY:
		return take_directory(p, next);
	case VERB_BACKFILL:
		return take_tags(p, next);
	case VERB_HELP:
		return take_topic(p, next);
	case VERB_LINK_PAGE:
	case VERB_DOCTOR:
	case VERB_VERSION:
	case NR_VERBS:
		break;
	}
	return take_nothing(p, next);
}

/* A command has options of its own. */
static bool takes_options_anywhere(enum verb verb)
{
	return verb != VERB_RUN && verb != VERB_BACKFILL;
}

/* 0; 1: --help or --version; -EINVAL. */
static int read_words(struct parser *p)
{
	size_t next;
	int r = read_options(p, 1, false, &next, &p->dashes);

	if (r != 0)
		return r;
	if (!p->dashes && next < p->nr_words) {
		p->verb_given = verb_find(p->words[next], &p->options->verb);
		if (p->verb_given)
			r = read_options(p, next + 1, takes_options_anywhere(p->options->verb),
					 &next, &p->dashes);
		else
			r = refuse_reserved(p, p->words[next]);
		if (r != 0)
			return r;
	}
	return take_rest(p, next);
}

/* ---- values -------------------------------------------------------------------------------- */

static int refuse_value(struct parser *p, const struct option_row *row, const char *origin,
			const char *value)
{
	int r;

	if (row->explain) {
		r = buf_addf(p->why, "%s: ", origin);
		return usage_error(r == 0 ? row->explain(value, p->why) : r);
	}
	r = buf_addf(p->why, "%s '%s' is not ", origin, value);
	if (r == 0 && row->expected)
		r = buf_addstr(p->why, row->expected);
	else if (r == 0)
		r = option_values_format_names(p->why);
	return usage_error(r);
}

static int apply(struct parser *p, const struct option_row *row, const char *origin,
		 const char *value)
{
	int r = row->apply(p->options, value);

	return r == -EINVAL ? refuse_value(p, row, origin, value) : r;
}

/* 1: at least one was given. */
static int apply_given(struct parser *p, size_t index, const struct option_row *row)
{
	size_t nr;
	const struct option_row *rows = option_rows(&nr);
	bool found = false;
	char origin[80];

	snprintf(origin, sizeof(origin), "--%s", row->name ? row->name : "");
	for (size_t i = 0; i < p->nr_given; i++) {
		if (p->given[i].row != index &&
		    !(row->name && is_named(&rows[p->given[i].row], row->name)))
			continue;
		int r = apply(p, row, origin, p->given[i].value);

		if (r < 0)
			return r;
		found = true;
	}
	return found;
}

/* The first that is set wins. An empty one is as good as unset: CI systems set variables empty. */
static int apply_variable(struct parser *p, const struct option_row *row)
{
	for (size_t i = 0; row->variables[i]; i++) {
		const char *value = environment_get(p->environment, row->variables[i]);

		if (!value || !*value)
			continue;
		int r = apply(p, row, row->variables[i], value);

		return r < 0 ? r : 1;
	}
	return 0;
}

static int refuse_for_verb(struct parser *p, const struct option_row *row)
{
	return usage_error(buf_addf(p->why, "option '--%s' is not for '%s'", row->name,
				    verb_name(p->options->verb)));
}

/* A row of the same name is for the verb. */
static bool another_is_meant(const struct parser *p, const struct option_row *row)
{
	size_t nr;
	const struct option_row *rows = option_rows(&nr);

	for (size_t i = 0; i < nr && row->name; i++)
		if (is_named(&rows[i], row->name) && (rows[i].verbs & (1u << p->options->verb)))
			return true;
	return false;
}

static int apply_row(struct parser *p, size_t index, const struct option_row *row)
{
	bool meant_for_verb = row->verbs & (1u << p->options->verb);
	int r;

	if (!row->apply)
		return 0;
	if (!meant_for_verb && another_is_meant(p, row))
		return row->fallback ? row->apply(p->options, row->fallback) : 0;
	r = apply_given(p, index, row);
	if (r < 0)
		return r;
	if (r > 0)
		return meant_for_verb ? 1 : refuse_for_verb(p, row);
	if (meant_for_verb)
		r = apply_variable(p, row);
	if (r == 0 && row->fallback)
		r = row->apply(p->options, row->fallback);
	return r < 0 ? r : r > 0;
}

/* FLAME_OUTPUT names a file of its own; a chosen output directory is the stronger wish. */
static void settle_folded_file(struct options *options, bool output_was_chosen)
{
	if (output_was_chosen)
		options->folded_file = NULL;
}

static int apply_rows(struct parser *p)
{
	bool output_was_chosen = false;
	size_t nr;
	const struct option_row *rows = option_rows(&nr);
	int r;

	for (size_t i = 0; i < nr; i++) {
		r = apply_row(p, i, &rows[i]);
		if (r < 0)
			return r;
		if (is_named(&rows[i], "output"))
			output_was_chosen = r > 0;
	}
	p->options->output_chosen = output_was_chosen;
	settle_folded_file(p->options, output_was_chosen);
	return 0;
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* Lists that may be read without a question. */
static int give_empty_lists(struct options *options)
{
	options->only = calloc(1, sizeof(*options->only));
	options->ignore = calloc(1, sizeof(*options->ignore));
	options->skip_files = calloc(1, sizeof(*options->skip_files));
	options->excusing_commits = calloc(1, sizeof(*options->excusing_commits));
	return options->only && options->ignore && options->skip_files && options->excusing_commits
		       ? 0
		       : -ENOMEM;
}

static int copy_words(struct parser *p, int argc, char **argv)
{
	p->nr_words = argc > 0 ? (size_t)argc : 0;
	p->words = calloc(p->nr_words + 2, sizeof(*p->words));
	if (!p->words)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_words; i++)
		p->words[i] = argv[i];
	p->options->words = p->words;
	return 0;
}

int options_parse(int argc, char **argv, const struct environment *environment, struct options *ret,
		  struct buf *why)
{
	struct options options = {
		.help_about = VERB_HELP,
		.rule = {.floor_ns = FLOOR_NS,
			 .floor_count = FLOOR_COUNT,
			 .floor_vm = FLOOR_VM,
			 .share = 1},
	};
	struct parser p = {.options = &options, .environment = environment, .why = why};
	int r;

	describe_rows(&p);
	r = copy_words(&p, argc, argv);
	if (r == 0)
		r = give_empty_lists(&options);
	if (r == 0)
		r = read_words(&p);
	if (r == 0)
		r = apply_rows(&p);
	if (r == 0)
		r = options_settle(&options, why);
	free(p.given);
	if (r < 0) {
		options_done(&options);
		return r;
	}
	*ret = options;
	return 0;
}

void options_done(struct options *options)
{
	for (size_t i = 0; i < options->nr_owned; i++)
		free(options->owned[i]);
	free(options->owned);
	free(options->only);
	free(options->ignore);
	free(options->skip_files);
	free(options->tree.allowed_tags);
	free(options->excusing_commits);
	free(options->tags);
	free(options->words);
	free(options->repeated);
	*options = (struct options){0};
}

bool colour_wanted(enum colour_choice choice, const struct environment *environment, int fd)
{
	const char *no_colour = environment_get(environment, "NO_COLOR");
	const char *force = environment_get(environment, "CLICOLOR_FORCE");
	const char *terminal = environment_get(environment, "TERM");

	if (choice != COLOUR_AUTO)
		return choice == COLOUR_ALWAYS;
	if (no_colour && *no_colour)
		return false;
	if (force && *force && strcmp(force, "0") != 0)
		return true;
	return isatty(fd) && (!terminal || strcmp(terminal, "dumb") != 0);
}

struct output_opts output_options(const struct options *options)
{
	return (struct output_opts){
		.top = options->top,
		.lines = options->lines,
		.include_framework = options->include_framework,
		.only = options->only,
		.columns = &options->columns,
		.ignore = options->ignore,
		.min_percent = options->min_percent,
	};
}
