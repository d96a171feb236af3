/* SPDX-License-Identifier: MIT */
/*
 * flamegraph.json: Chrome trace events, one per line, in the object form.
 *
 * Rules that keep speedscope, Perfetto and Tracy happy at once; each was a defect of some writer:
 *  - the first event is M process_name without "cat" (speedscope guesses the importer by it);
 *  - pid and tid are in every event, as numbers, and no two processes share a tid;
 *  - spans of a thread nest perfectly; every E repeats its name and carries no args; no frame
 *    begins at the time another one ends;
 *  - frames have no args (speedscope makes them part of the name): their place is in the name and,
 *    for Tracy, in "loc";
 *  - ts and dur are microseconds since the start of the run, with exactly three decimals;
 *  - counters are numbers; no "samples" or "stackFrames" (speedscope then ignores the rest).
 * Source: the importers of speedscope 1.25, Perfetto and Tracy.
 */
#include "trace.h"

#include <errno.h>
#include <string.h>

#include "base.h"
#include "meters.h"
#include "rows.h"
#include "text.h"

/* ---- events -------------------------------------------------------------------------------- */

void trace_begin(struct trace *t, const char *phase, uint32_t pid, uint32_t tid)
{
	if (t->nr_events++ > 0)
		json_next(&t->json, ",\n");
	json_open_map(&t->json, NULL);
	json_text(&t->json, "ph", phase);
	json_uint(&t->json, "pid", pid);
	json_uint(&t->json, "tid", tid);
}

void trace_end(struct trace *t)
{
	json_close_map(&t->json);
}

void trace_time(struct trace *t, const char *key, uint64_t ns)
{
	json_number(&t->json, key, number_micros(ns));
}

void trace_text(struct trace *t, const char *key, const char *name)
{
	struct buf shown;

	buf_init(&shown, TEXT_MAX_BUFFER);
	writer_fail(t->json.writer,
		    text_add_short(&shown, name && *name ? name : "(unnamed)", TEXT_MAX_NAME));
	json_text(&t->json, key, shown.data ? shown.data : "");
	buf_done(&shown);
}

void trace_name(struct trace *t, const char *what, uint32_t pid, uint32_t tid, const char *name)
{
	trace_begin(t, "M", pid, tid);
	json_text(&t->json, "name", what);
	json_open_map(&t->json, "args");
	trace_text(t, "name", name);
	json_close_map(&t->json);
	trace_end(t);
}

static const char *process_name(const struct profile *p, uint32_t pid)
{
	for (size_t i = 0; i < p->nr_runtimes; i++)
		if (p->runtimes[i].pid == pid && p->runtimes[i].version)
			return p->runtimes[i].version;
	return p->nr_command > 0 ? p->command[0] : "process";
}

void trace_name_process(struct trace *t, uint32_t pid)
{
	bool fresh;

	if (!id_map_at(&t->named, pid, &fresh)) {
		writer_fail(t->json.writer, -ENOMEM);
		return;
	}
	if (fresh)
		trace_name(t, "process_name", pid, pid, process_name(t->profile, pid));
}

int trace_add_location(struct buf *json, const char *file, int32_t line)
{
	struct buf location;
	int r;

	if (!file || !*file || line <= 0)
		return 0;
	buf_init(&location, TEXT_MAX_BUFFER);
	r = text_add_short(&location, file, TEXT_MAX_NAME);
	if (r == 0)
		r = buf_addf(&location, ":%d", line);
	if (r == 0)
		r = text_add_json(json, location.data);
	buf_done(&location);
	return r;
}

/* ---- the file ------------------------------------------------------------------------------ */

/* The process the run is about: the first with a VM, else the first of the span tree. */
static uint32_t main_pid(const struct profile *p)
{
	if (p->nr_runtimes > 0)
		return p->runtimes[0].pid;
	return p->nr_nodes > 0 ? p->nodes[0].pid : 1;
}

/* When samples were lost is not known, only how many. */
static void write_lost_counter(struct trace *t, uint64_t ns, uint64_t lost)
{
	uint32_t pid = main_pid(t->profile);

	trace_begin(t, "C", pid, pid);
	json_text(&t->json, "name", "lost samples");
	trace_time(t, "ts", ns);
	json_open_map(&t->json, "args");
	json_uint(&t->json, "lost", lost);
	json_close_map(&t->json);
	trace_end(t);
}

static void write_left_out(struct trace *t)
{
	if (t->stride > 1)
		json_uint(&t->json, "drawn_every_nth_sample", t->stride);
	if (t->unordered > 0)
		json_uint(&t->json, "samples_not_drawn", t->unordered);
	if (t->cut) {
		json_text(&t->json, "cut",
			  "the limit of spans was reached: sampled frames end at cut_at_us, "
			  "the lane of tests is complete");
		json_uint(&t->json, "spans", t->nr_spans);
		json_number(&t->json, "cut_at_us", number_micros(t->cut_at_ns));
	}
}

static void write_other_data(struct trace *t)
{
	const struct profile *p = t->profile;

	json_open_map(&t->json, NULL);
	json_text(&t->json, "generator", "bprof-perf");
	json_text(&t->json, "version", p->bprof_version);
	json_text(&t->json, "tests", "measured at their boundaries");
	json_text(&t->json, "frames",
		  "sampled: a frame is drawn from the first sample that has it to the last of an "
		  "unbroken row, or one period longer; what happened between samples is not known");
	json_text(&t->json, "event", p->event_name);
	json_uint(&t->json, "frequency_hz", p->frequency_hz);
	json_uint(&t->json, "samples_taken", samples_counted(p, p->accounts.taken));
	json_uint(&t->json, "samples_lost", samples_counted(p, p->accounts.lost));
	json_text(&t->json, "started_at", number_time(p->started_at_ns).text);
	write_left_out(t);
	json_close_map(&t->json);
}

static int write_events(struct trace *t)
{
	int r;

	trace_name_process(t, main_pid(t->profile));
	r = trace_write_lane(t);
	if (r == 0)
		r = trace_write_frames(t);
	if (t->profile->part) /* losses are of the run */
		return r;
	write_lost_counter(t, 0, 0);
	if (t->profile->wall_ns != PROFILE_UNKNOWN)
		write_lost_counter(t, t->profile->wall_ns, t->profile->accounts.lost);
	return r;
}

static int write_trace(const struct profile *p, const struct output_opts *o, FILE *out)
{
	struct trace t = {.profile = p, .opts = o, .stride = 1};
	struct writer w;

	writer_init(&w, out);
	json_init(&t.json, &w, JSON_COMPACT);
	writer_addstr(&w, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
	writer_fail(&w, write_events(&t));
	json_next(&t.json, "\n],\"otherData\":");
	write_other_data(&t);
	json_done(&t.json);
	writer_addstr(&w, "}\n");
	id_map_done(&t.named);
	if (t.cut && o->ret_cut)
		*o->ret_cut = true;
	return writer_finish(&w);
}

const struct output_ops output_trace = {
	.name = "trace",
	.summary = "tests and frames over time, for Perfetto and speedscope",
	.kind = OUTPUT_FILE,
	.file_name = "flamegraph.json",
	.write = write_trace,
};
