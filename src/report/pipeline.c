/* SPDX-License-Identifier: MIT */
/*
 * Read this first: recording -> decode -> attribute, symbol -> aggregate -> profile.
 *
 * One record in, at most one sample counted. Bad data never stops a run: it is counted, and the run
 * goes on. Places are decided while reading (they depend on the order of records); names at the end
 * (facts come after the samples that speak of them).
 */
#include "pipeline.h"

#include <errno.h>
#include <string.h>

#include "base.h"

#include "accounts.h"
#include "aggregate/aggregate.h"
#include "attribute/attribute.h"
#include "collect/collect.h"
#include "decode/decode.h"
#include "elements.h"
#include "info.h"
#include "sample_mode.h"
#include "profile_build.h"
#include "symbol/spaces.h"
#include "symbol/symbols.h"
#include "verify.h"

struct pipeline {
	struct replay *replay;
	struct attribute *attribute;
	struct spaces *spaces;
	struct symbols *symbols;
	struct aggregate *aggregate;
	struct elements *elements;
	struct info *info;
	struct verify *verify;
	struct profile_build *build;
	struct accounts accounts;
	struct bprof_gc gc_of_cpu[UINT8_MAX + 1]; /* the latest answer for a sample of each */
	struct profile profile;
	bool cut;		  /* the recording broke off */
	uint64_t last_ns, end_ns; /* of the latest record; of END, 0 = none */
};

/* Only a whole stack can contradict the hook. */
static bool reaches_the_root(const struct bprof_sample *s)
{
	return s->status == BPROF_WALK_OK &&
	       !(s->flags & (BPROF_SAMPLE_MAIN_CUT | BPROF_SAMPLE_NO_SPANS));
}

/*
 * Does the stack tell which test runs, or that none does? A whole one of the main thread without
 * busted says that the suite is over; that of another thread says nothing, nor does one of C alone.
 */
static bool tells_the_test(const struct pipeline *p, const struct bprof_sample *s, size_t nr)
{
	if (nr)
		return true;
	return attribute_is_by_stack(p->attribute, s->pid) && s->tid == s->pid &&
	       s->nr_frames > 0 && reaches_the_root(s);
}

/* So deep that the walk has ended above all that tells the test: it may be another than before. */
static bool hides_the_test(const struct pipeline *p, const struct bprof_sample *s, size_t nr)
{
	return !nr && s->tid == s->pid && s->status == BPROF_WALK_TRUNCATED &&
	       s->flags & BPROF_SAMPLE_MAIN_CUT && attribute_is_by_stack(p->attribute, s->pid);
}

/*
 * What is known of the collector of PUC Lua. Answers stand before their samples, and a processor
 * has one sample at a time.
 */
static int gc_state_of(const struct pipeline *p, const struct bprof_sample *s)
{
	const struct bprof_gc *gc = &p->gc_of_cpu[s->cpu];

	if (s->family != BPROF_FAMILY_PUC || s->vmstate != BPROF_GC_ASKED)
		return s->vmstate;
	return gc->h.time_ns == s->h.time_ns && gc->tid == s->tid ? gc->state : BPROF_GC_UNREAD;
}

/* Busted's own work between the parts of a test is outside, here as in the stacks. */
static bool is_in_test(enum phase phase)
{
	return phase == PHASE_TEST || phase == PHASE_TEST_FIXTURE;
}

static int on_sample(struct pipeline *p, const struct decoded *d)
{
	struct bprof_sample answered = *d->sample.fixed;
	const struct bprof_sample *s = &answered;
	struct attribute_element chain[BPROF_MAX_SPANS];
	struct bprof_frame frames[AGGREGATE_MAX_FRAMES];
	struct aggregate_sample sample = {
		.time_ns = s->h.time_ns, .pid = s->pid, .tid = s->tid, .frames = frames};
	size_t nr = elements_of_sample(p->elements, s, d->sample.spans, chain);
	enum phase phase;
	enum mode mode;
	uint32_t node;
	int r = 0;

	answered.vmstate = gc_state_of(p, s);
	mode = mode_of_sample(s, d->sample.frames);
	node = attribute_place(p->attribute, s->pid, s->epoch, &phase, NULL);
	if (attribute_hook_seen(p->attribute, s->pid)) {
		if (reaches_the_root(s))
			attribute_check_stack(p->attribute, s->pid, node, chain, nr);
	} else if (tells_the_test(p, s, nr)) {
		r = attribute_place_stack(p->attribute, s->pid, chain, nr, s->h.time_ns, &node,
					  &phase, NULL);
	} else if (hides_the_test(p, s, nr)) {
		node = attribute_place_outside(p->attribute, s->pid, &phase);
	}
	if (r < 0)
		return r;
	sample.weight = s->weight;
	sample.space = spaces_current(p->spaces, s->pid);
	sample.nr_frames = profile_build_frames(s, d->sample.frames, frames);
	sample.place = profile_build_place(node, phase, mode);
	accounts_sample(&p->accounts, s, mode, is_in_test(phase));
	r = verify_sample(p->verify, s, d->sample.frames);
	return r ? r : aggregate_add(p->aggregate, &sample);
}

/* What a boundary costs stands before the first of them. */
static int on_info(struct pipeline *p, const struct decoded *d)
{
	int r = info_add(p->info, d->info.key.data, d->info.value.data, d->info.value.len);
	struct boundary_cost cost;

	info_boundary_cost(p->info, &cost);
	attribute_set_boundary_cost(p->attribute, &cost);
	return r;
}

static int on_record(struct pipeline *p, const struct bprof_record *record)
{
	struct decoded d;
	int r = decode_record(record, &d);

	if (r < 0) {
		accounts_malformed(&p->accounts);
		return 0;
	}
	if (record->time_ns > p->last_ns)
		p->last_ns = record->time_ns;
	switch ((enum bprof_record_type)record->type) {
	case BPROF_RECORD_SAMPLE:
		return on_sample(p, &d);
	case BPROF_RECORD_GC:
		p->gc_of_cpu[d.gc->cpu] = *d.gc;
		return 0;
	case BPROF_RECORD_MARK:
		return attribute_mark(p->attribute, d.mark.fixed, d.mark.text.data, d.mark.text.len,
				      &d.meters);
	case BPROF_RECORD_FORK:
		r = attribute_fork(p->attribute, d.fork);
		return r ? r : spaces_fork(p->spaces, d.fork->pid, d.fork->parent_pid);
	case BPROF_RECORD_EXEC:
		r = attribute_exec(p->attribute, d.exec, &d.meters);
		return r ? r : spaces_exec(p->spaces, d.exec->pid, d.exec->comm);
	case BPROF_RECORD_EXIT:
		return attribute_exit(p->attribute, d.exit, &d.meters);
	case BPROF_RECORD_PROTO:
		return spaces_add_proto(p->spaces, d.proto.fixed, d.proto.chunkname.data,
					d.proto.chunkname.len);
	case BPROF_RECORD_PROTO_BODY:
		return spaces_add_body(p->spaces, d.body);
	case BPROF_RECORD_CFUNCTION:
		return spaces_add_cfunction(p->spaces, d.cfunction.fixed, d.cfunction.name.data,
					    d.cfunction.name.len);
	case BPROF_RECORD_SYMBOL:
		return spaces_add_symbol(p->spaces, d.symbol.fixed, d.symbol.symbol.data,
					 d.symbol.symbol.len, d.symbol.module.data,
					 d.symbol.module.len);
	case BPROF_RECORD_ELEMENT:
		return elements_add(p->elements, &d);
	case BPROF_RECORD_INFO:
		return on_info(p, &d);
	case BPROF_RECORD_RUNTIME:
		r = info_runtime(p->info, &d);
		return r ? r : verify_runtime(p->verify, &d);
	case BPROF_RECORD_COUNTERS:
		accounts_counters(&p->accounts, d.counters.value, d.counters.nr);
		return 0;
	case BPROF_RECORD_END:
		p->end_ns = record->time_ns;
		accounts_end(&p->accounts, d.end);
		return 0;
	case BPROF_RECORD_VM_OPEN:
		return d.vm_open->vm ? spaces_vm(p->spaces, d.vm_open->pid, d.vm_open->layout) : 0;
	default:
		return 0; /* VM_CLOSE, MAPPING: for people with a hex dump */
	}
}

static int read_all(struct pipeline *p)
{
	const struct bprof_record *record;
	int r;

	while ((r = replay_next(p->replay, &record)) > 0) {
		r = on_record(p, record);
		if (r < 0)
			return r;
	}
	if (r == -EBADMSG) {
		p->cut = true;
		r = 0;
	}
	return r;
}

static int finish(struct pipeline *p)
{
	const struct bprof_file_header *header = replay_header(p->replay);
	int r = attribute_end(p->attribute, p->end_ns ? p->end_ns : p->last_ns);

	if (!r)
		r = info_fill(p->info, &p->profile);
	if (!r)
		r = profile_build_fill(p->build, p->symbols, p->aggregate, p->attribute, header,
				       &p->profile);
	if (!r)
		r = info_compare(p->info, &p->profile);
	if (!r)
		r = verify_fill(p->verify, &p->profile);
	accounts_fill(&p->accounts, &p->profile);
	if (p->cut)
		p->profile.complete = false;
	return r;
}

int pipeline_run(int fd, struct pipeline **ret)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		close(fd);
		return -ENOMEM;
	}
	r = replay_open(fd, &p->replay);
	if (!r)
		r = attribute_new(replay_header(p->replay)->start_time_ns, &p->attribute);
	if (!r)
		r = spaces_new(&p->spaces);
	if (!r)
		r = symbols_new(p->spaces, &p->symbols);
	if (!r)
		r = aggregate_new(PIPELINE_MAX_TIMED, &p->aggregate);
	if (!r)
		r = elements_new(&p->elements);
	if (!r)
		r = info_new(&p->info);
	if (!r)
		r = verify_new(&p->verify);
	if (!r)
		r = profile_build_new(&p->build);
	if (!r)
		r = read_all(p);
	if (!r)
		r = finish(p);
	if (r < 0) {
		pipeline_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	profile_build_free(p->build);
	info_free(p->info);
	verify_free(p->verify);
	elements_free(p->elements);
	aggregate_free(p->aggregate);
	symbols_free(p->symbols);
	spaces_free(p->spaces);
	attribute_free(p->attribute);
	replay_free(p->replay);
	free(p);
}

const struct profile *pipeline_profile(const struct pipeline *p)
{
	return &p->profile;
}

const char *pipeline_problem(int err)
{
	switch (err) {
	case -EBADMSG:
		return "it is no recording of bprof-perf, or it is cut in its first bytes";
	case -EPROTO:
		return "it was written by another version of bprof-perf; record it again";
	default:
		return strerror(-err);
	}
}
