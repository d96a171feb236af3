/* SPDX-License-Identifier: MIT */
#include "accounts.h"

#include <string.h>
#include <sys/wait.h>

#include "sample_mode.h"

bool accounts_unresolved(const struct bprof_sample *s)
{
	switch ((enum bprof_walk_status)s->status) {
	case BPROF_WALK_OK:
	case BPROF_WALK_NO_VM:
	case BPROF_WALK_IDLE:
	case BPROF_WALK_TRUNCATED:
		return false;
	default:
		return true;
	}
}

void accounts_sample(struct accounts *a, const struct bprof_sample *s, enum mode mode, bool in_test)
{
	a->samples.by_status[s->status]++;
	if (s->status == BPROF_WALK_TRUNCATED)
		a->samples.truncated++;
	if (accounts_unresolved(s))
		a->samples.unresolved++;
	else if (in_test)
		a->samples.in_tests++;
	else
		a->samples.outside_tests++;
	a->by_mode[mode]++;
	a->modes_told |= modes_told_by(s);
	a->gc_undecided += mode_gc_is_undecided(s);
}

void accounts_malformed(struct accounts *a)
{
	a->malformed++;
}

void accounts_counters(struct accounts *a, const __u64 *values, size_t nr)
{
	memcpy(a->counters, values, nr * sizeof(*values));
	a->counters_seen = true;
}

void accounts_end(struct accounts *a, const struct bprof_end *end)
{
	a->end = *end;
	a->ended = true;
}

static void fill_samples(const struct accounts *a, struct profile *p)
{
	struct sample_accounts *samples = &p->accounts;
	uint64_t seen = a->samples.in_tests + a->samples.outside_tests + a->samples.unresolved;

	*samples = a->samples;
	memcpy(p->counters, a->counters, sizeof(p->counters));
	p->counters[BPROF_COUNTER_MALFORMED] += a->malformed;
	samples->taken = a->counters_seen ? a->counters[BPROF_COUNTER_TAKEN] : seen;
	/* what the kernel took and we do not have is lost, whichever way */
	samples->lost = samples->taken > seen ? samples->taken - seen : 0;
	if (samples->taken < seen)
		samples->taken = seen;
	memcpy(p->by_mode, a->by_mode, sizeof(p->by_mode));
	p->modes_told = a->modes_told | MODES_TOLD_ALWAYS;
	p->gc_undecided = a->gc_undecided;
}

void accounts_fill(const struct accounts *a, struct profile *p)
{
	int status = (int)a->end.exit_status;

	fill_samples(a, p);
	p->complete = a->ended;
	p->wall_ns = a->ended ? a->end.wall_ns : PROFILE_UNKNOWN;
	p->cpu_ns = a->ended ? a->end.cpu_ns : PROFILE_UNKNOWN;
	if (!a->ended)
		p->exit_status = -1;
	else
		p->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
