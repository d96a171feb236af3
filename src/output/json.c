/* SPDX-License-Identifier: MIT */
/*
 * profile.json, schema "bprof-perf/profile/1": everything a profile knows except stacks and time.
 *
 * docs/PROFILE.md explains the keys, docs/profile.schema.json is applied to the goldens.
 * What was not measured is null. Names are as the target had them (frame filters are for outputs
 * that show stacks), functions are sorted by their own samples.
 * The keys versions, statistics and hardware are those of mega.busted's profile.json.
 */
#include <errno.h>
#include <string.h>

#include "base.h"
#include "costs.h"
#include "json_costs.h"
#include "json_files.h"
#include "json_meters.h"
#include "json_modes.h"
#include "json_writer.h"
#include "meters.h"
#include "mode_groups.h"
#include "rows.h"
#include "statistics.h"

#define SCHEMA "bprof-perf/profile/1"

static const char *const phase_keys[NR_PHASES] = {
	[PHASE_TEST] = "test",	       [PHASE_TEST_FIXTURE] = "test_fixture",
	[PHASE_STARTUP] = "startup",   [PHASE_LOADING] = "loading",
	[PHASE_DESCRIBE] = "describe", [PHASE_FIXTURE] = "fixture",
	[PHASE_BUSTED] = "busted",     [PHASE_OUTPUT] = "output",
	[PHASE_SHUTDOWN] = "shutdown", [PHASE_PROGRAM] = "program",
};

static const char *const kind_names[] = {
	[FUNCTION_LUA] = "lua",	      [FUNCTION_MAIN_CHUNK] = "main_chunk",
	[FUNCTION_C] = "c",	      [FUNCTION_NATIVE] = "native",
	[FUNCTION_KERNEL] = "kernel", [FUNCTION_MARKER] = "marker",
};

static const char *const counter_keys[BPROF_NR_COUNTERS] = {
#define BPROF_X(name, key, sentence) [BPROF_COUNTER_##name] = (key),
	BPROF_COUNTER_LIST(BPROF_X)
#undef BPROF_X
};

static const char *const walk_keys[BPROF_NR_WALK_STATUS] = {
#define BPROF_X(name, text, sentence) [BPROF_WALK_##name] = (text),
	BPROF_WALK_STATUS_LIST(BPROF_X)
#undef BPROF_X
};

/* ---- the run ------------------------------------------------------------------------------- */

static void write_texts(struct json *j, const char *key, const char **texts, size_t nr)
{
	json_open_array(j, key);
	for (size_t i = 0; i < nr; i++)
		json_text(j, NULL, texts[i]);
	json_close_array(j);
}

static void write_run(struct json *j, const struct profile *p)
{
	json_text(j, "bprof", p->bprof_version);
	write_texts(j, "command", p->command, p->nr_command);
	if (p->nr_skipped_files > 0)
		write_texts(j, "skipped_files", p->skipped_files, p->nr_skipped_files);
	json_uint(j, "exit_status",
		  p->exit_status < 0 ? PROFILE_UNKNOWN : (uint64_t)p->exit_status);
	json_bool(j, "complete", p->complete);
	json_text(j, "started_at", number_time(p->started_at_ns).text);
	json_uint(j, "wall_ns", p->wall_ns);
	json_uint(j, "cpu_ns", p->cpu_ns);
	json_run_meters(j, p);

	json_open_map(j, "event");
	json_text(j, "requested", p->event_requested);
	json_text(j, "name", p->event_name);
	json_text(j, "unit", p->event_unit);
	if (p->unsampled)
		json_null(j, "hardware");
	else
		json_bool(j, "hardware", p->event_hardware);
	json_close_map(j);
	json_uint(j, "frequency_hz", p->frequency_hz);
	json_uint(j, "period", p->period);
	json_uint(j, "ns_per_sample", p->ns_per_sample);
}

static void write_runtime(struct json *j, const struct runtime *r)
{
	bool luajit = r->kind && strcmp(r->kind, "luajit") == 0;

	json_open_map(j, NULL);
	json_uint(j, "pid", r->pid);
	json_text(j, "kind", r->kind);
	json_text(j, "version", r->version);
	json_text(j, "path", r->path);
	if (luajit && r->proved)
		json_bool(j, "gc64", r->gc64);
	else
		json_null(j, "gc64");
	if (luajit && r->jit >= 0)
		json_bool(j, "jit", r->jit > 0);
	else
		json_null(j, "jit");
	json_bool(j, "proved", r->proved);
	json_uint(j, "processes", r->nr_processes);
	json_close_map(j);
}

/* Only where the command was run several times; the rest of the profile is of the best run. */
static void write_runs(struct json *j, const struct run_series *runs)
{
	if (runs->nr_tried == 0)
		return;
	json_open_map(j, "runs");
	json_uint(j, "consecutive", runs->patience);
	json_text(j, "warm", runs->warm ? "repeat" : "process");
	json_text(j, "best_by", best_by_name(runs->best_by));
	json_uint(j, "best", runs->best);
	json_text(j, "ended_by", series_end_name(runs->end));
	json_open_array(j, "tried");
	for (size_t i = 0; i < runs->nr_tried; i++) {
		json_open_map(j, NULL);
		json_uint(j, "wall_ns", runs->tried[i].wall_ns);
		json_uint(j, "cpu_ns", runs->tried[i].cpu_ns);
		json_uint(j, "cycles_user", runs->tried[i].cycles);
		json_uint(j, "instructions_user", runs->tried[i].instructions);
		json_int(j, "exit_status", runs->tried[i].exit_status);
		json_close_map(j);
	}
	json_close_array(j);
	json_close_map(j);
}

/* As mega.busted writes it; its users read these keys. */
static void write_versions(struct json *j, const struct profile *p)
{
	json_open_map(j, "versions");
	json_text(j, "lua", profile_interpreter(p));
	json_null(j, "neovim");
	json_text(j, "release", p->release);
	json_null(j, "uv");
	json_text(j, "bprof", p->bprof_version);
	json_close_map(j);
}

static void write_hardware(struct json *j, const struct profile *p)
{
	json_open_map(j, "hardware");
	json_text(j, "cpu", p->cpu_model);
	json_text(j, "platform", p->platform);
	json_text(j, "kernel", p->kernel);
	json_text(j, "arch", p->arch);
	json_uint(j, "num_cpu", p->nr_cpus);
	json_close_map(j);
}

/* ---- accounts ------------------------------------------------------------------------------ */

static void write_samples(struct json *j, const struct profile *p)
{
	const struct sample_accounts *a = &p->accounts;

	json_open_map(j, "samples");
	json_uint(j, "taken", samples_counted(p, a->taken));
	json_uint(j, "due", samples_due(p));
	json_uint(j, "in_tests", samples_counted(p, a->in_tests));
	json_uint(j, "outside_tests", samples_counted(p, a->outside_tests));
	json_uint(j, "lost", samples_counted(p, a->lost));
	json_uint(j, "unresolved", samples_counted(p, a->unresolved));
	json_uint(j, "truncated", samples_counted(p, a->truncated));
	json_open_map(j, "reasons");
	for (size_t i = 0; i < BPROF_NR_WALK_STATUS; i++)
		json_uint(j, walk_keys[i], samples_counted(p, a->by_status[i]));
	json_close_map(j);
	json_close_map(j);
}

static void write_counters(struct json *j, const struct profile *p)
{
	json_open_map(j, "counters");
	for (size_t i = 0; i < BPROF_NR_COUNTERS; i++)
		json_uint(j, counter_keys[i], p->counters[i]);
	json_close_map(j);
}

static void write_boundaries(struct json *j, const struct profile *p)
{
	const struct boundary_check *c = &p->check;

	json_open_map(j, "boundaries");
	json_text(j, "mode", p->boundaries);
	json_bool(j, "hook_seen", c->hook_seen);
	json_bool(j, "stack_seen", c->stack_seen);
	json_uint(j, "announcements", c->announcements);
	json_uint(j, "gaps", c->gaps);
	json_uint(j, "agree", c->agree);
	json_uint(j, "disagree", c->disagree);
	json_uint(j, "transit", c->transit);
	json_close_map(j);
}

static void write_suite(struct json *j, const struct suite_result *s)
{
	json_open_map(j, "suite");
	json_bool(j, "seen", s->seen);
	json_bool(j, "ended", s->ended);
	json_uint(j, "iterations", s->iterations);
	json_uint(j, "successes", s->successes);
	json_uint(j, "failures", s->failures);
	json_uint(j, "errors", s->errors);
	json_uint(j, "pendings", s->pendings);
	json_uint(j, "errors_outside_tests", s->errors_outside_tests);
	json_uint(j, "nested", s->nested);
	json_close_map(j);
}

/* ---- statistics ---------------------------------------------------------------------------- */

static void write_micros(struct json *j, const char *key, bool known, uint64_t ns)
{
	if (known && ns != PROFILE_UNKNOWN)
		json_number(j, key, number_thousandths(ns));
	else
		json_null(j, key);
}

static void write_statistics(struct json *j, const struct profile *p)
{
	struct statistics s;
	bool any;

	writer_fail(j->writer, statistics_of_tests(p, &s));
	if (j->writer->error < 0)
		return;
	any = s.nr > 0;
	json_open_map(j, "statistics");
	json_text(j, "unit", "microseconds");
	json_uint(j, "count", s.nr);
	write_micros(j, "mean", any, s.mean);
	write_micros(j, "median", any, s.median);
	write_micros(j, "standard_deviation", any, s.deviation);
	write_micros(j, "sample_standard_deviation", any, s.sample_deviation);
	write_micros(j, "min", any, s.min);
	write_micros(j, "max", any, s.max);
	write_micros(j, "percentile_95", any, s.percentile_95);
	write_micros(j, "total", true, statistics_total(p));
	json_close_map(j);
}

/* ---- where the time went ------------------------------------------------------------------- */

static void write_phases(struct json *j, const struct profile *p)
{
	json_open_map(j, "phases");
	for (size_t i = 0; i < NR_PHASES; i++)
		json_cost_map(j, p, phase_keys[i], &p->phases[i].costs);
	json_close_map(j);
}

static void write_test(struct json *j, const struct profile *p, const struct test *t)
{
	json_open_map(j, NULL);
	json_text(j, "id", t->id);
	json_text(j, "file", t->file);
	write_texts(j, "path", t->path, t->nr_path);
	json_text(j, "name", t->name);
	json_text(j, "full_name", t->full_name);
	json_text(j, "source", t->source);
	json_uint(j, "line", t->line > 0 ? (uint64_t)t->line : PROFILE_UNKNOWN);
	write_texts(j, "tags", t->tags, t->nr_tags);
	json_uint(j, "ordinal", t->ordinal);
	json_uint(j, "iteration", t->iteration);
	json_text(j, "status", test_status_name(t->status));
	json_bool(j, "incomplete", t->incomplete);
	if (p->metered)
		json_bool(j, "disturbed", costs_disturbed(p, &t->body));
	else
		json_null(j, "disturbed");
	json_uint(j, "mhz", meters_mhz(p, &t->body));
	json_cost_figures(j, p, &t->body);
	json_cost_map(j, p, "fixtures", &t->fixtures);
	json_uint(j, "children", t->children);
	if (p->vm_counted_twice && t->vm_repeat == VM_REPEAT_UNKNOWN)
		json_null(j, "vm_instructions_repeat");
	else if (p->vm_counted_twice)
		json_bool(j, "vm_instructions_repeat", t->vm_repeat == VM_REPEAT_SAME);
	json_close_map(j);
}

/* ---- functions ----------------------------------------------------------------------------- */

static int compare_names(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_functions(const void *left, const void *right)
{
	const struct function *a = *(const struct function *const *)left;
	const struct function *b = *(const struct function *const *)right;
	int order;

	if (a->self_samples != b->self_samples)
		return a->self_samples < b->self_samples ? 1 : -1;
	if (a->total_samples != b->total_samples)
		return a->total_samples < b->total_samples ? 1 : -1;
	order = compare_names(a->file, b->file);
	if (order == 0)
		order = (a->line > b->line) - (a->line < b->line);
	return order ? order : compare_names(a->name, b->name);
}

static uint64_t estimated_ns(const struct profile *p, uint64_t samples)
{
	return p->ns_per_sample == PROFILE_UNKNOWN ? PROFILE_UNKNOWN : samples * p->ns_per_sample;
}

static void write_function(struct json *j, const struct profile *p, const struct function *f)
{
	bool lua = f->kind == FUNCTION_LUA;

	json_open_map(j, NULL);
	json_text(j, "name", f->name);
	json_text(j, "file", f->file && *f->file ? f->file : NULL);
	json_uint(j, "line", lua && f->line > 0 ? (uint64_t)f->line : PROFILE_UNKNOWN);
	json_text(j, "kind", kind_names[f->kind]);
	json_bool(j, "framework", f->framework);
	json_uint(j, "self_samples", f->self_samples);
	json_uint(j, "total_samples", f->total_samples);
	json_uint(j, "self_ns", estimated_ns(p, f->self_samples));
	json_uint(j, "total_ns", estimated_ns(p, f->total_samples));
	json_weight(j, p, "self_weight", f->self_weight);
	json_weight(j, p, "total_weight", f->total_weight);
	json_modes(j, p, f->by_mode);
	json_uint(j, "compiling", modes_sum(p, f->by_mode, MODES_COMPILING));
	json_open_array(j, "lines");
	for (size_t i = 0; i < f->nr_lines; i++) {
		json_open_map(j, NULL);
		json_int(j, "line", f->lines[i].line);
		json_uint(j, "samples", f->lines[i].samples);
		json_close_map(j);
	}
	json_close_array(j);
	json_close_map(j);
}

static void write_functions(struct json *j, const struct profile *p)
{
	const struct function **sorted =
		reallocarray(NULL, p->nr_functions + 1, sizeof(struct function *));

	if (!sorted) {
		writer_fail(j->writer, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < p->nr_functions; i++)
		sorted[i] = &p->functions[i];
	qsort(sorted, p->nr_functions, sizeof(struct function *), compare_functions);
	json_open_array(j, "functions");
	for (size_t i = 0; i < p->nr_functions; i++)
		write_function(j, p, sorted[i]);
	json_close_array(j);
	free(sorted);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void write_profile(struct json *j, const struct profile *p)
{
	json_open_map(j, NULL);
	json_text(j, "schema", SCHEMA);
	if (p->part)
		json_text(j, "part", p->part);
	write_run(j, p);
	json_open_array(j, "runtimes");
	for (size_t i = 0; i < p->nr_runtimes; i++)
		write_runtime(j, &p->runtimes[i]);
	json_close_array(j);
	write_runs(j, &p->runs);
	write_versions(j, p);
	write_hardware(j, p);
	write_statistics(j, p);
	write_samples(j, p);
	write_counters(j, p);
	json_modes(j, p, p->by_mode);
	json_mode_states(j, p);
	json_jit(j, p);
	write_boundaries(j, p);
	write_suite(j, &p->suite);
	write_phases(j, p);
	json_files(j, p);
	json_open_array(j, "tests");
	for (size_t i = 0; i < p->nr_tests; i++)
		write_test(j, p, &p->tests[i]);
	json_close_array(j);
	json_costs(j, p);
	write_functions(j, p);
	json_close_map(j);
}

static int write_json(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct writer w;
	struct json j;

	(void)o;
	writer_init(&w, out);
	json_init(&j, &w, JSON_INDENTED);
	write_profile(&j, p);
	json_done(&j);
	return writer_finish(&w);
}

const struct output_ops output_json = {
	.name = "json",
	.summary = "tests, functions and accounts, for programs",
	.kind = OUTPUT_FILE,
	.file_name = "profile.json",
	.write = write_json,
};
