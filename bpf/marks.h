/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Test boundaries: the hook inside busted calls getenv("bprof:..."), a probe on getenv sees it.
 *
 * Nothing is interpreted here: the epoch grows by one, the text goes into the ring beside the exact
 * CPU time and the meters of this instant, and samples and forks carry the epoch. User space
 * replays the order.
 */
#ifndef BPROF_MARKS_H
#define BPROF_MARKS_H

#include "vm_count.h"

#define MARK_PREFIX	 0x3a666f727062ULL /* "bprof:", little-endian */
#define MARK_PREFIX_LEN	 6
#define MARK_PREFIX_MASK 0xffffffffffffULL

/* Most announcements are one letter; those that name a test take a line; hostile ones take a page.
 */
#define MARK_SHORT  16
#define MARK_MEDIUM 256

struct mark_record {
	struct bprof_mark mark;
	struct bprof_meters meters;
};

static __always_inline void fill_mark(struct mark_record *r, const struct reading *reading,
				      u32 epoch, u32 size, long text_len, u32 room)
{
	struct bprof_mark *m = &r->mark;

	m->h.type = BPROF_RECORD_MARK;
	m->h.size = size;
	m->h.time_ns = reading->time_ns;
	m->pid = reading->pid;
	m->tid = reading->tid;
	m->epoch = epoch;
	m->text_len = text_len > 0 ? (u32)text_len - 1 : 0; /* without its NUL */
	m->nr_meters = BPROF_NR_METERS;
	m->cpu_ns = reading->cpu_ns;
	m->flags = reading->seen ? 0 : BPROF_MARK_CPU_UNSEEN;
	if (text_len >= (long)room)
		m->flags |= BPROF_MARK_TEXT_CUT;
	fill_meters(&r->meters, &reading->meters);
	if (reading->vm_count_lost)
		r->meters.value[BPROF_METER_VM_INSTRUCTIONS] = BPROF_METER_UNKNOWN;
}

/*
 * Ships one announcement if its text fits into @room bytes, or anyway if @cut. False: try a larger
 * room. A macro: the sizes of ring reservations must be constants the verifier can tell apart.
 */
#define DEFINE_SHIP_MARK(name, room, cut)                                                          \
	static __noinline bool name(const struct reading *reading, const char *text, u32 epoch)    \
	{                                                                                          \
		struct mark_record *r;                                                             \
		long len;                                                                          \
                                                                                                   \
		r = bpf_ringbuf_reserve(&ring, sizeof(*r) + (room), 0);                            \
		if (!r) {                                                                          \
			count(BPROF_COUNTER_LOST_MARKS);                                           \
			return true;                                                               \
		}                                                                                  \
		len = bpf_probe_read_user_str(r + 1, (room), text);                                \
		if (!(cut) && len >= (room)) {                                                     \
			bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);                                  \
			return false;                                                              \
		}                                                                                  \
		fill_mark(r, reading, epoch, sizeof(*r) + (room), len, (room));                    \
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);                                           \
		return true;                                                                       \
	}

DEFINE_SHIP_MARK(ship_short_mark, MARK_SHORT, false)
DEFINE_SHIP_MARK(ship_medium_mark, MARK_MEDIUM, false)
DEFINE_SHIP_MARK(ship_long_mark, BPROF_MAX_MARK_TEXT, true)

SEC("uprobe")
int BPF_KPROBE(on_getenv, const char *name)
{
	u32 pid = current_pid(), epoch;
	struct process *p = bpf_map_lookup_elem(&processes, &pid);
	const char *text = name + MARK_PREFIX_LEN;
	const struct reading *reading;
	u64 start = 0;

	if (!p)
		return 0;
	/* 8 bytes at once may cross into an unmapped page behind a short name */
	if (bpf_probe_read_user(&start, sizeof(start), name) &&
	    bpf_probe_read_user(&start, MARK_PREFIX_LEN, name))
		return 0;
	if ((start & MARK_PREFIX_MASK) != MARK_PREFIX) {
		count(BPROF_COUNTER_FOREIGN_GETENV);
		return 0;
	}
	if (count_vm_instructions(p, pid, start >> 48 & 0xff, text))
		return 0;
	epoch = __sync_fetch_and_add(&p->epoch, 1) + 1;
	reading = read_process(p);
	if (!reading) {
		count(BPROF_COUNTER_LOST_MARKS);
		return 0;
	}
	if ((start >> 48 & 0xff) != 'n' && ship_short_mark(reading, text, epoch))
		return 0;
	if (!ship_medium_mark(reading, text, epoch))
		ship_long_mark(reading, text, epoch);
	return 0;
}

#endif
