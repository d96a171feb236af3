/* SPDX-License-Identifier: MIT */
/*
 * What spec files cost: "files" of profile.json, and files.json of the release history, schema
 * "bprof-perf/files/1".
 */
#include "json_files.h"

#include "json_meters.h"
#include "json_modes.h"
#include "meters.h"
#include "release_pages.h"

#define SCHEMA "bprof-perf/files/1"

void json_weight(struct json *j, const struct profile *p, const char *key, uint64_t n)
{
	json_uint(j, key, p->weighted ? n : PROFILE_UNKNOWN);
}

void json_cost_figures(struct json *j, const struct profile *p, const struct costs *c)
{
	json_uint(j, "wall_ns", c->wall_ns);
	json_uint(j, "cpu_ns", c->cpu_ns);
	json_uint(j, "overhead_ns", p->boundary.measured ? c->overhead_ns : PROFILE_UNKNOWN);
	json_meters(j, p, &c->meters);
	json_uint(j, "samples", samples_counted(p, c->samples));
	json_weight(j, p, "weight", c->weight);
	json_modes(j, p, c->by_mode);
}

void json_cost_map(struct json *j, const struct profile *p, const char *key, const struct costs *c)
{
	json_open_map(j, key);
	json_cost_figures(j, p, c);
	json_close_map(j);
}

static void write_file(struct json *j, const struct profile *p, const struct file_total *f)
{
	json_open_map(j, NULL);
	json_text(j, "file", f->file);
	json_uint(j, "tests", f->nr_tests);
	json_open_map(j, "by_status");
	for (size_t i = 0; i < ARRAY_SIZE(f->nr_by_status); i++)
		json_uint(j, test_status_name((enum test_status)i), f->nr_by_status[i]);
	json_close_map(j);
	json_cost_figures(j, p, &f->tests);
	json_cost_map(j, p, "fixtures", &f->fixtures);
	json_cost_map(j, p, "loading", &f->loading);
	json_cost_map(j, p, "describes", &f->describes);
	json_close_map(j);
}

void json_files(struct json *j, const struct profile *p)
{
	json_open_array(j, "files");
	for (size_t i = 0; i < p->nr_files; i++)
		write_file(j, p, &p->files[i]);
	json_close_array(j);
}

int release_files(const struct profile *p, FILE *out)
{
	struct writer w;
	struct json j;

	writer_init(&w, out);
	json_init(&j, &w, JSON_INDENTED);
	json_open_map(&j, NULL);
	json_text(&j, "schema", SCHEMA);
	if (p->part)
		json_text(&j, "part", p->part);
	json_text(&j, "release", p->release);
	json_text(&j, "started_at", number_time(p->started_at_ns).text);
	json_files(&j, p);
	json_close_map(&j);
	json_done(&j);
	return writer_finish(&w);
}
