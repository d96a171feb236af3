/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A sample on its way from program to program: on_sample begins the walk, the walker of each family
 * takes its turns (walk_vms.h), the last of them ships.
 *
 *	on_sample ──▶ walk_luajit ──▶ ring          one VM
 *	on_sample ──▶ walk_puc ──▶ walk_luajit ──▶ walk_puc ──▶ ... ──▶ ring
 *	on_sample ──▶ ring                          no VM
 */
#ifndef BPROF_BPF_RELAY_H
#define BPROF_BPF_RELAY_H

#include "shared_maps.h"

/*
 * A thread runs on one CPU at a time and these programs cannot interrupt each other, so one work
 * area per CPU is enough.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct walk);
} walks SEC(".maps");

/* Of each family, once it is loaded; a tail call to none goes on behind it. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, BPROF_NR_FAMILIES);
	__type(key, u32);
	__type(value, u32);
} walkers SEC(".maps");

static __always_inline struct walk *work_area(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&walks, &zero);
}

struct proto_announcement {
	struct bprof_proto proto;
	char chunkname[BPROF_MAX_CHUNKNAME];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct proto_announcement);
} announcements SEC(".maps");

/*
 * busted.safe may be in this chunk: user space should look at once, for its frames name the tests.
 * len counts the NUL.
 */
static __always_inline bool is_busted_core(const char *chunkname, long len)
{
	static const char tail[8] = {'c', 'o', 'r', 'e', '.', 'l', 'u', 'a'};
	u64 start = (u64)len - sizeof(tail) - 1, wanted, found;

	if (len <= (long)sizeof(tail) || start > BPROF_MAX_CHUNKNAME - sizeof(tail))
		return false;
	__builtin_memcpy(&wanted, tail, sizeof(wanted));
	__builtin_memcpy(&found, chunkname + start, sizeof(found));
	return found == wanted;
}

/* Chunk names of prototypes seen for the first time: they may be gone within milliseconds. */
WALK_STEP int announce_proto(struct walk *w, u32 i)
{
	u32 zero = 0;
	struct proto_announcement *a = bpf_map_lookup_elem(&announcements, &zero);
	struct walk_fresh *fresh;
	struct bprof_seen *seen;
	long len = 0;

	if (!w || !a)
		return 0;
	fresh = &w->fresh[i & (BPROF_MAX_FRESH - 1)];
	if (fresh->chunkname)
		len = bpf_probe_read_user_str(a->chunkname, sizeof(a->chunkname),
					      (const void *)fresh->chunkname);
	fill_header(&a->proto.h, BPROF_RECORD_PROTO, sizeof(*a));
	a->proto.pid = w->record.s.pid;
	a->proto.fingerprint = fresh->fingerprint;
	a->proto.vm = fresh->vm;
	a->proto.object = fresh->object;
	a->proto.first_line = fresh->first_line;
	a->proto.last_line = fresh->last_line;
	a->proto.code_len = fresh->code_len;
	a->proto.chunkname_len = len > 0 ? (u16)(len - 1) : 0;
	a->proto.family = w->record.s.family;
	a->proto.chunkname_cut = len == sizeof(a->chunkname);
	if (bpf_ringbuf_output(&ring, a, sizeof(*a),
			       is_busted_core(a->chunkname, len) ? BPF_RB_FORCE_WAKEUP
								 : BPF_RB_NO_WAKEUP)) {
		count(BPROF_COUNTER_LOST_RECORDS);
		return 0;
	}
	seen = walk_seen_entry(w, seen_index(fresh->object, w->record.s.pid));
	if (!seen)
		return 0;
	/* nobody can take the flag for the new prototype while the entry changes hands */
	seen->object = 0;
	seen->flags = 0;
	seen->pid = w->record.s.pid;
	seen->fingerprint = fresh->fingerprint;
	barrier();
	seen->object = fresh->object;
	return 0;
}

static __always_inline void announce_protos(struct walk *w)
{
	for (u32 i = 0; i < BPROF_MAX_FRESH; i++) {
		if (i >= w->nr_fresh)
			break;
		announce_proto(w, i);
	}
}

static __always_inline void ship_sample(struct walk *w)
{
	u32 size = (u32)walk_pack(w);

	w->record.s.h.size = size;
	WALK_OPAQUE(size);
	if (size > sizeof(w->record))
		return;
	if (bpf_ringbuf_output(&ring, &w->record, size, BPF_RB_NO_WAKEUP))
		count(BPROF_COUNTER_LOST_SAMPLES);
}

static __always_inline void finish_sample(struct walk *w)
{
	struct bprof_sample *s = &w->record.s;

	walk_end(w);
	/* inside execve() the old memory is gone before the exec is told: so is its VM */
	if (s->status == BPROF_WALK_FAULT && !s->nr_frames && s->flags & BPROF_SAMPLE_KERNEL)
		s->status = BPROF_WALK_NO_VM;
	announce_protos(w);
	ship_sample(w);
	count_by(BPROF_COUNTER_WALK_NS, bpf_ktime_get_ns() - s->h.time_ns);
}

/*
 * Gives the turn to @family, if there is one. A program's last call. A constant index becomes a
 * plain jump on x86-64, which reads neither the table nor the other program's description.
 */
static __always_inline int walk_on(void *ctx, struct walk *w, u32 family)
{
	if (family) {
		if (family == BPROF_FAMILY_LUAJIT)
			bpf_tail_call_static(ctx, &walkers, BPROF_FAMILY_LUAJIT);
		else
			bpf_tail_call_static(ctx, &walkers, BPROF_FAMILY_PUC);
		/* no layout is known before its family's walker is there, so this is not reached */
		walk_set_status(w, w->record.s.nr_frames ? BPROF_WALK_CHAIN : BPROF_WALK_NO_VM);
	}
	finish_sample(w);
	return 0;
}

#endif
