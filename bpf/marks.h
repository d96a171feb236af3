/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Test boundaries: the hook inside busted calls getenv("bprof:..."), a probe on getenv sees it.
 *
 * Nothing is interpreted here: the epoch grows by one, the text goes into the ring beside the exact
 * CPU time of this instant, and samples and forks carry the epoch. User space replays the order.
 */
#ifndef BPROF_MARKS_H
#define BPROF_MARKS_H

#define MARK_PREFIX	 0x3a666f727062ULL /* "bprof:", little-endian */
#define MARK_PREFIX_LEN	 6
#define MARK_PREFIX_MASK 0xffffffffffffULL

/* Most announcements are one letter; those that name a test take a line; hostile ones take a page.
 */
#define MARK_SHORT  16
#define MARK_MEDIUM 256

static __always_inline void fill_mark(struct bprof_mark *r, struct process *p, u32 epoch, u32 size,
				      long text_len, u32 room)
{
	bool seen = false;

	fill_header(&r->h, BPROF_RECORD_MARK, size);
	r->pid = current_pid();
	r->tid = current_tid();
	r->epoch = epoch;
	r->text_len = text_len > 0 ? (u32)text_len - 1 : 0; /* without its NUL */
	r->reserved = 0;
	r->cpu_ns = process_cpu_ns(p, r->h.time_ns, &seen);
	r->flags = seen ? 0 : BPROF_MARK_CPU_UNSEEN;
	if (text_len >= (long)room)
		r->flags |= BPROF_MARK_TEXT_CUT;
}

/*
 * Ships one announcement if its text fits into @room bytes, or anyway if @cut. False: try a larger
 * room. A macro: the sizes of ring reservations must be constants the verifier can tell apart.
 */
#define DEFINE_SHIP_MARK(name, room, cut)                                                          \
	static __noinline bool name(struct process *p, const char *text, u32 epoch)                \
	{                                                                                          \
		struct bprof_mark *r;                                                              \
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
		fill_mark(r, p, epoch, sizeof(*r) + (room), len, (room));                          \
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
	epoch = __sync_fetch_and_add(&p->epoch, 1) + 1;
	if ((start >> 48 & 0xff) != 'n' && ship_short_mark(p, text, epoch))
		return 0;
	if (!ship_medium_mark(p, text, epoch))
		ship_long_mark(p, text, epoch);
	return 0;
}

#endif
