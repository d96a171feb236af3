/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which VM of the process runs on this thread, and which one called into it.
 *
 * A walk is a sequence of turns. A turn is one family's, does what w->turn says, and ends with the
 * family whose turn is next:
 *
 *	                  ┌────────────── if there are several VMs ───────────────┐
 *	walk_begin()  ──▶  ANCHORS, each family  ──▶  COROUTINES, PUC, if no anchor ──▶  FRAMES of
 *the innermost VM  ──▶  FRAMES of the VM that called into it  ──▶  ...  ──▶  walk_end()
 *
 * On the host a loop gives the turns (unwind/host_walk.c), in the kernel a tail call (relay.h).
 *
 * The includer fills the part of struct walk marked "in", pid of the sample included. After
 * walk_end(), walk_pack() makes one contiguous record.
 */
#ifndef BPROF_WALK_VMS_H
#define BPROF_WALK_VMS_H

enum walk_turn {
	WALK_FRAMES,	 /* emit those of the chosen VM */
	WALK_ANCHORS,	 /* fill anchor_of[] of the family's VMs */
	WALK_COROUTINES, /* choose a VM of which a coroutine runs, whatever its main state does */
};

/* Makes VM @i the one to walk. */
WALK_STEP int walk_choose(struct walk *w, u32 i)
{
	if (!w)
		return 0;
	i = walk_index(i, BPROF_MAX_VMS - 1);
	w->vm = w->vms.vm[i];
	w->chosen = w->layout[i];
	return 0;
}

/* Is VM @i the lowest above w->above so far? */
WALK_INLINE int walk_try_above(struct walk *w, u32 i)
{
	u64 anchor = w->anchor_of[walk_index(i, BPROF_MAX_VMS - 1)];

	if (anchor > w->above && anchor < w->lowest) {
		w->lowest = anchor;
		w->best = i;
	}
	return 0;
}

WALK_LOOP_BODY_AT(walk_above_body, walk_try_above)

/*
 * Chooses the VM whose C frame (LuaJIT) or error handler (PUC) lies lowest on this thread's stack,
 * but above @above: of several VMs the one that runs, or that called into the one at @above.
 * Returns that place; 0 and nothing chosen if there is none.
 */
WALK_STEP u64 walk_choose_above(struct walk *w, u64 above)
{
	if (!w)
		return 0;
	w->above = above;
	w->lowest = ~0ULL;
	w->best = 0;
	WALK_LOOP(w->vms.nr, walk_above_body, w);
	if (w->lowest == ~0ULL)
		return 0;
	walk_choose(w, w->best);
	return w->lowest;
}

/* The turn of the chosen VM. */
WALK_INLINE u32 walk_frames_next(struct walk *w)
{
	w->turn = WALK_FRAMES;
	if (w->chosen.family == BPROF_FAMILY_NONE)
		walk_set_status(w, BPROF_WALK_NO_VM);
	return w->chosen.family;
}

/*
 * Of several VMs, the one to begin with. If the main state of none runs here, C may have resumed a
 * coroutine; PUC keeps no trace of that, so each VM has to be tried. None runs: the first, whose
 * walk will find it idle.
 */
WALK_STEP u32 walk_find_innermost(struct walk *w)
{
	u32 left;

	if (!w)
		return BPROF_FAMILY_NONE;
	left = w->families_left;
	if (left) {
		u32 family = left & 1U << BPROF_FAMILY_PUC ? BPROF_FAMILY_PUC : BPROF_FAMILY_LUAJIT;

		w->turn = WALK_ANCHORS;
		w->families_left = left & ~(1U << family);
		return family;
	}
	w->anchor = walk_choose_above(w, 0);
	if (!w->anchor) {
		if (w->families & 1U << BPROF_FAMILY_PUC) {
			w->turn = WALK_COROUTINES;
			return BPROF_FAMILY_PUC;
		}
		walk_choose(w, 0);
	}
	return walk_frames_next(w);
}

WALK_INLINE int walk_add_family(struct walk *w, u32 i)
{
	u32 family;

	i = walk_index(i, BPROF_MAX_VMS - 1);
	family = w->layout[i].family;
	w->anchor_of[i] = 0;
	if (family == BPROF_FAMILY_PUC || family == BPROF_FAMILY_LUAJIT)
		w->families |= 1U << family;
	return 0;
}

WALK_LOOP_BODY_AT(walk_family_body, walk_add_family)

/* Returns the family whose turn is first, like every turn: BPROF_FAMILY_NONE = there is no more. */
WALK_INLINE u32 walk_begin(struct walk *w)
{
	struct bprof_sample *s = &w->record.s;

	s->vmstate = 0;
	s->vm = 0;
	s->nr_frames = 0;
	s->nr_spans = 0;
	s->status = BPROF_WALK_OK;
	s->family = BPROF_FAMILY_NONE;
	s->flags &= BPROF_SAMPLE_KERNEL | BPROF_SAMPLE_NO_SPANS;
	s->leaf_how = WALK_LEAF_NONE;
	w->nr_fresh = 0;
	w->failed_reads = 0;
	w->next_flags = 0;
	w->hidden = 0;
	w->is_cut = 0;
	w->anchor = 0;
	w->stack.start = WALK_NOWHERE;
	for (u32 i = 0; i < WALK_NAMES; i++)
		w->named[i] = 0;
	if (!w->vms.nr) {
		s->status = BPROF_WALK_NO_VM;
		return BPROF_FAMILY_NONE;
	}
	if (w->vms.nr == 1) {
		walk_choose(w, 0);
		return walk_frames_next(w);
	}
	w->families = 0;
	WALK_LOOP(w->vms.nr, walk_family_body, w);
	w->families_left = w->families;
	return walk_find_innermost(w);
}

/* Registers are those of the VM that runs: one further up is in a C function, as its memory says.
 */
WALK_INLINE void walk_forget_registers(struct walk *w)
{
	for (u32 i = 0; i < BPROF_NR_REGS; i++) {
		if (i != BPROF_REG_SP)
			w->reg[i] = 0;
	}
}

/*
 * The VM just walked may run inside a C function that another VM called: then that is the next one.
 * VMs that call each other in turn cannot be put in order: the stack says so.
 */
WALK_INLINE u32 walk_choose_outer(struct walk *w)
{
	u8 status = w->record.s.status;

	if (!w->anchor || (status != BPROF_WALK_OK && status != BPROF_WALK_TRUNCATED))
		return BPROF_FAMILY_NONE;
	w->anchor = walk_choose_above(w, w->anchor);
	if (w->anchor && (!w->outermost || w->anchor < w->outermost)) {
		walk_set_status(w, BPROF_WALK_CHAIN);
		return BPROF_FAMILY_NONE;
	}
	walk_forget_registers(w);
	w->hidden = 0;
	w->stack.start = WALK_NOWHERE;
	w->next_flags |= BPROF_FRAME_NEW_STATE;
	return w->anchor ? walk_frames_next(w) : BPROF_FAMILY_NONE;
}

/* What a sample says of its innermost VM; vm 0: that is yet to be walked. */
struct walk_innermost {
	u64 vm;
	s32 vmstate;
	u8 leaf_how, flags;
};

WALK_INLINE struct walk_innermost walk_enter_vm(struct walk *w)
{
	struct bprof_sample *s = &w->record.s;
	struct walk_innermost innermost = {
		.vm = s->vm,
		.vmstate = s->vmstate,
		.leaf_how = s->leaf_how,
		.flags = s->flags,
	};

	s->vm = w->vm.global;
	return innermost;
}

/* The chosen VM was walked. Of those further up only the frames are wanted. */
WALK_INLINE u32 walk_leave_vm(struct walk *w, const struct walk_innermost *innermost)
{
	struct bprof_sample *s = &w->record.s;

	if (innermost->vm) {
		s->vm = innermost->vm;
		s->vmstate = innermost->vmstate;
		s->leaf_how = innermost->leaf_how;
		s->flags = innermost->flags | (s->flags & BPROF_SAMPLE_MAIN_CUT);
	} else {
		s->family = (u8)w->chosen.family;
	}
	return walk_choose_outer(w);
}

/* The result is in w->record. */
WALK_INLINE void walk_end(struct walk *w)
{
	struct bprof_sample *s = &w->record.s;

	if (s->status == BPROF_WALK_IDLE && w->vms.missed)
		s->status = BPROF_WALK_NO_STATE;
	if (w->failed_reads && (s->status == BPROF_WALK_OK || s->status == BPROF_WALK_IDLE))
		s->status = BPROF_WALK_FAULT;
}

/* Moves the spans behind the frames. Returns the bytes of the whole record. */
WALK_STEP int walk_pack(struct walk *w)
{
	u32 nr_frames, nr_spans;

	if (!w)
		return 0;
	nr_frames = w->record.s.nr_frames;
	nr_spans = w->record.s.nr_spans;
	if (nr_frames > BPROF_MAX_FRAMES || nr_spans > BPROF_MAX_SPANS)
		return 0;
	for (u32 i = 0; i < BPROF_MAX_SPANS; i++) {
		u32 at = nr_frames + i;

		if (i >= nr_spans)
			break;
		WALK_OPAQUE(at);
		if (at >= BPROF_MAX_FRAMES + BPROF_MAX_SPANS)
			break;
		w->record.entry[at].span = w->span[i];
	}
	return (int)(sizeof(struct bprof_sample) +
		     (nr_frames + nr_spans) * sizeof(union walk_entry));
}

#endif
