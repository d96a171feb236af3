/* SPDX-License-Identifier: MIT */
/*
 * Values that are right, each by itself: what must hold between them, and what follows from some
 * for others.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bprof/wire.h>

#include "option_values.h"
#include "options.h"
#include "output/output.h"

static bool is_busted(const char *word)
{
	const char *slash = strrchr(word, '/');

	return strcmp(slash ? slash + 1 : word, "busted") == 0;
}

/* As many rounds as it takes if the best is among the first half of them. */
static unsigned nr_rounds(const struct options *o)
{
	unsigned twice = 2 * o->consecutive;

	return twice < o->max_runs ? twice : o->max_runs;
}

/* "luajit busted spec": "luajit busted --repeat=20 spec" */
static int repeat_command(struct options *o, size_t busted)
{
	char word[32];
	size_t nr = 0;

	o->repeated = calloc(o->nr_command + 2, sizeof(*o->repeated));
	if (!o->repeated)
		return -ENOMEM;
	snprintf(word, sizeof(word), "--repeat=%u", nr_rounds(o));
	for (size_t i = 0; i < o->nr_command; i++) {
		o->repeated[nr++] = o->command[i];
		if (i == busted)
			o->repeated[nr++] = option_values_copy(o, word, strlen(word));
	}
	if (!o->repeated[busted + 1])
		return -ENOMEM;
	o->command = o->repeated;
	o->nr_command = nr;
	return 0;
}

static bool records(enum verb verb)
{
	return verb == VERB_RUN || verb == VERB_BACKFILL;
}

static int settle_warm(struct options *o, struct buf *why)
{
	size_t busted = 0;

	if (!records(o->verb) || !o->warm_repeat)
		return 0;
	if (!o->consecutive)
		return usage_error(
			buf_addstr(why, "--warm=repeat is for --testing-method=consecutive-N"));
	if (o->counts_vm)
		return usage_error(
			buf_addstr(why, "--warm=repeat and --mode=count exclude each other"));
	while (busted < o->nr_command && !is_busted(o->command[busted]))
		busted++;
	if (busted == o->nr_command)
		return usage_error(buf_addstr(why, "--warm=repeat needs a command that is busted "
						   "itself: its --repeat makes the rounds"));
	for (size_t i = busted; i < o->nr_command; i++)
		if (strncmp(o->command[i], "--repeat", strlen("--repeat")) == 0)
			return usage_error(buf_addstr(
				why, "--warm=repeat sets busted's --repeat, and the command has "
				     "it already"));
	return repeat_command(o, busted);
}

static int refuse_no_recording(const struct options *o, struct buf *why)
{
	const char *verb = verb_name(o->verb);

	return usage_error(buf_addf(why,
				    "%s: no recording given (for example: bprof-perf %s "
				    "%sbprof-out/recording.bprof)",
				    verb, verb, o->verb == VERB_PUBLISH ? "--release TAG " : ""));
}

static int check_publication(const struct options *o, struct buf *why)
{
	if (o->sync && o->recording)
		return usage_error(buf_addf(
			why, "publish --sync adds no release: what is '%s' for?", o->recording));
	if (!o->sync && !o->recording)
		return refuse_no_recording(o, why);
	if (!o->sync && !o->release.nr_parts)
		return usage_error(buf_addstr(why, "publish: no tag given (remedy: --release "
						   "TAG; an empty one is none)"));
	if (o->main_branch && !strcmp(o->main_branch, o->branch))
		return usage_error(buf_addstr(why,
					      "--branch and --main-branch are the same one: the "
					      "releases need a branch of their own"));
	return 0;
}

static int check_input(const struct options *o, struct buf *why)
{
	if (o->verb == VERB_PUBLISH)
		return check_publication(o, why);
	return o->verb == VERB_REPORT && !o->recording ? refuse_no_recording(o, why) : 0;
}

static int check_hook(const struct options *o, struct buf *why)
{
	bool samples_nothing = o->event && strcmp(o->event, BPROF_NO_EVENT) == 0;
	const char *needs_hook = o->counts_vm	    ? "--mode=count"
				 : o->warm_repeat   ? "--warm=repeat"
				 : o->skip_files[0] ? "--skip-file"
				 : samples_nothing  ? "--event=none"
						    : NULL;

	if (records(o->verb) && needs_hook && o->boundaries != BOUNDARIES_AUTO &&
	    o->boundaries != BOUNDARIES_HOOK)
		return usage_error(buf_addf(why,
					    "%s needs the boundary hook, and "
					    "--boundaries=%s goes without it",
					    needs_hook, boundaries_name(o->boundaries)));
	return 0;
}

/* "warn,bpf=trace" with -vv: the last bare level of a filter counts. */
static int settle_log_filter(struct options *o, struct buf *why)
{
	static const char *const levels[] = {"info", "debug", "trace"};
	const char *level = o->quiet ? "error" : NULL;
	char filter[4096];
	int length;

	if (o->verbose > 0)
		level = levels[o->verbose < ARRAY_SIZE(levels) ? o->verbose - 1
							       : ARRAY_SIZE(levels) - 1];
	if (!level)
		return 0;
	length = snprintf(filter, sizeof(filter), "%s,%s", o->log_filter, level);
	if (length < 0 || (size_t)length >= sizeof(filter))
		return usage_error(buf_addstr(why, "the log filter is too long"));
	o->log_filter = option_values_copy(o, filter, (size_t)length);
	return o->log_filter ? 0 : -ENOMEM;
}

static int settle_comparison(struct options *o, struct buf *why)
{
	if (o->verb != VERB_COMPARE)
		return 0;
	if (o->base_revision && o->base_command)
		return usage_error(buf_addstr(why, "--base and --base-command exclude each other"));
	if (o->prepare && !o->base_revision)
		return usage_error(buf_addstr(why, "--prepare is for --base REV"));
	if (o->excusing_commits[0] && !o->base_revision)
		return usage_error(buf_addstr(why, "--excuse-commits is for --base REV"));
	if (o->command && !o->base_revision && !o->base_command)
		return usage_error(buf_addstr(why,
					      "compare: the base of the command is missing: --base "
					      "REV, or --base-command CMD"));
	if (!o->command && (o->base_revision || o->base_command))
		return usage_error(buf_addstr(why,
					      "compare: the command of the head is missing (for "
					      "example: sudo bprof-perf compare --base main -- "
					      "busted)"));
	if (o->stacks && !o->compared[SIDE_HEAD])
		return usage_error(buf_addstr(why, "--stacks is for two profiles, recordings or "
						   "directories"));
	if (o->rule.fail_at < o->rule.warn_at)
		return usage_error(
			buf_addf(why,
				 "--fail-at %g%% is below --warn-at %g%%: what fails must "
				 "be slower",
				 o->rule.fail_at * 100, o->rule.warn_at * 100));
	if (o->json)
		o->comparison_format = comparison_output_find("json");
	return 0;
}

int options_settle(struct options *o, struct buf *why)
{
	int r;

	if (o->user && o->keep_root)
		return usage_error(buf_addstr(why, "--user and --keep-root exclude each other"));
	if (o->quiet && o->verbose)
		return usage_error(buf_addstr(why, "--quiet and --verbose exclude each other"));
	r = settle_comparison(o, why);
	if (r == 0)
		r = settle_log_filter(o, why);
	if (r == 0)
		r = check_hook(o, why);
	if (r == 0)
		r = check_input(o, why);
	return r < 0 ? r : settle_warm(o, why);
}
