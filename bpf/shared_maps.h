/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Maps that the objects share: declared in each, and made once (src/collect/walkers.c knows their
 * names).
 */
#ifndef BPROF_BPF_SHARED_MAPS_H
#define BPROF_BPF_SHARED_MAPS_H

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);
} ring SEC(".maps");

/* One entry: the whole table, so that a sample looks it up once. */
struct seen_table {
	struct bprof_seen entry[SEEN_ENTRIES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct seen_table);
} seen_protos SEC(".maps");

/* A section of its own, so that it is a map like the others. */
__u64 counters[BPROF_NR_COUNTERS] SEC(".data.counters");

static __always_inline struct bprof_seen *seen_entry(u32 index)
{
	u32 zero = 0;
	struct seen_table *table = bpf_map_lookup_elem(&seen_protos, &zero);

	return table ? &table->entry[index & (SEEN_ENTRIES - 1)] : NULL;
}

/* walk.h asks for it. */
#define walk_seen_entry(w, index) seen_entry(index)

static __always_inline void count(enum bprof_counter counter)
{
	__sync_fetch_and_add(&counters[counter], 1);
}

static __always_inline void count_by(enum bprof_counter counter, u64 n)
{
	__sync_fetch_and_add(&counters[counter], n);
}

static __always_inline void fill_header(struct bprof_record *h, u32 type, u32 size)
{
	h->type = type;
	h->size = size;
	h->time_ns = bpf_ktime_get_ns();
}

#endif
