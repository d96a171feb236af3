/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * PUC Lua: which lua_State runs on this thread, and the chain of those that resumed it.
 *
 * No global names the running state. But every state that runs or waits on a stack was entered
 * through luaD_rawrunprotected(), which puts a struct lua_longjmp on the native stack and links it
 * to L->errorJmp. So a state is active on this stack exactly if its status is 0 and its errorJmp
 * points into the stack; the lowest is the running one, and ascending order is the resume chain.
 *
 *	native stack, downwards = towards the leaf
 *
 *	sp   ...frames...  [ L | lua_longjmp of co2 ]  ...  [ L | lua_longjmp of main ]  ...
 *	                         ^ co2->errorJmp                  ^ main->errorJmp
 *
 *	lua_longjmp:  +0 previous   +8 jmp_buf: rbx rbp r12 r13 r14 r15 sp pc   ...   status
 *	on arm64:                      jmp_buf: x19 ... x28 x29 pc   ...
 *
 * All of them are made by one call of setjmp(), so the pc that setjmp() saved (mangled by the C
 * library with a constant of the process) is the same word in each: it is learned from the main
 * state's, and finding the others is one comparison per word of stack. The function also keeps L
 * itself, at a fixed distance: below the record (gcc) or in a register that setjmp() has saved
 * (clang). Where the main state's record has its L there are remains of other functions that had
 * it, too, so each such place is tried. A hit counts only if that L agrees that its errorJmp is
 * there, so remains of old frames do not deceive.
 *
 * Facts: ldo.c, lstate.h of Lua 5.1-5.5 (copyright Lua.org, PUC-Rio, MIT); struct __jmp_buf of
 * glibc and musl on x86-64 and arm64. Both offsets were read from the code of Debian's builds and
 * are learned again in every sample, since that costs one read.
 */
#ifndef BPROF_WALK_PUC_STATE_H
#define BPROF_WALK_PUC_STATE_H

#define PUC_TYPE_STATE	     8
#define PUC_SCAN_CHUNKS	     512 /* 256 KiB of native stack */
#define PUC_PAGE_BYTES	     4096ULL
#define PUC_MAX_HANDLERS     200 /* of one state, within each other: LUAI_MAXCCALLS */
#define PUC_CANDIDATE_CHUNKS 8

/* Fields of a copy, by the byte offsets of the layout; masks as the verifier wants them. */
WALK_INLINE u64 puc_state_field(const struct puc_work *p, u32 offset)
{
	return p->state_word[walk_index(offset >> 3, PUC_STATE_MASK)];
}

/* Copies @state and checks that it is one of this VM: then it is p->state. Non-zero: it is not. */
WALK_STEP int puc_load_state(struct walk *w, u64 state)
{
	struct puc_work *p;

	if (!w)
		return 1;
	p = &w->puc;
	p->state = 0;
	if (WALK_READ(w, p->state_word, sizeof(u64) * PUC_STATE_WORDS, state))
		return -1;
	if ((p->state_word[1] & 0xff) != PUC_TYPE_STATE ||
	    puc_state_field(p, w->chosen.puc.state_global) != w->vm.global)
		return 1;
	p->state = state;
	return 0;
}

/* errorJmp of the state just loaded if it is not suspended or dead, else 0. */
WALK_INLINE u64 puc_state_jump(const struct walk *w)
{
	const struct puc_layout *layout = &w->chosen.puc;
	u64 word = puc_state_field(&w->puc, layout->state_status);

	if ((word >> (8 * (layout->state_status & 7))) & 0xff)
		return 0;
	return puc_state_field(&w->puc, layout->state_error_jmp);
}

WALK_INLINE void puc_add_active(struct walk *w, u64 state, u64 jump)
{
	struct puc_work *p = &w->puc;
	u32 n = p->nr_active;

	if (n >= PUC_MAX_STATES) {
		walk_set_status(w, BPROF_WALK_CHAIN);
		return;
	}
	p->nr_active = n + 1;
	n = walk_index(n, PUC_MAX_STATES - 1);
	p->active[n].state = state;
	p->active[n].jump = jump;
}

/* The @nth place where L may be: from the word below a lua_longjmp downwards, then upwards. */
WALK_INLINE u32 puc_jump_place(u32 nth)
{
	return nth <= PUC_JUMP_BELOW / 8 ? PUC_JUMP_BELOW / 8 - nth : nth;
}

/* From the lua_longjmp of @state: how to recognise others, and where they may keep their L. */
WALK_STEP int puc_learn_jump(struct walk *w, u64 state, u64 jump)
{
	struct puc_work *p;
	u32 places = 0;

	if (!w)
		return 1;
	p = &w->puc;
	if (walk_must_read(w, p->jump_word, sizeof(p->jump_word), jump - PUC_JUMP_BELOW))
		return 1;
	p->jump_pc = p->jump_word[PUC_JUMP_WORDS - 1];
	for (u32 i = 1; i < PUC_JUMP_WORDS; i++) {
		u64 difference = p->jump_word[puc_jump_place(i)] ^ state;
		u64 is_there = ((difference - 1) & ~difference) >> 63;

		WALK_OPAQUE(is_there); /* no branch: the verifier would follow each set of places */
		places |= (u32)is_there << i;
	}
	p->state_places = places;
	return !places;
}

WALK_INLINE int puc_in_heap(const struct walk *w, u64 address)
{
	return address - w->heap_start < w->heap_end - w->heap_start;
}

/*
 * May a state lie there? Where most are: in the heap of malloc(); if its globals are elsewhere, not
 * far from them. Beside that heap is nothing: what mmap() gives lies below the stack. (An address
 * that a buffer has overwritten in part keeps its high bytes, and lies there.)
 */
WALK_INLINE int puc_state_plausible(const struct walk *w, u64 state)
{
	if (puc_in_heap(w, state))
		return 1;
	return !puc_in_heap(w, w->vm.global) && !((state ^ w->vm.global) >> 26);
}

/*
 * Is the word @nth of the places the L of the lua_longjmp that is looked at? Returns 1 if it is, or
 * if that needs no more search.
 */
WALK_STEP int puc_try_place(struct walk *w, u32 nth)
{
	struct puc_work *p;
	u64 state = 0, innermost;
	u32 nr;
	int r;

	if (!w)
		return 1;
	p = &w->puc;
	if (walk_must_read(w, &state, sizeof(state),
			   p->jump - PUC_JUMP_BELOW + 8ULL * puc_jump_place(nth)))
		return 1;
	/* an outer pcall of the state found last */
	nr = p->nr_active;
	if (nr && nr <= PUC_MAX_STATES &&
	    p->active[walk_index(nr - 1, PUC_MAX_STATES - 1)].state == state)
		return 1;
	if ((state & 7) || !walk_is_user_address(state) || state == w->vm.main)
		return 0;
	r = puc_load_state(w, state);
	if (r < 0 && puc_state_plausible(w, state))
		p->jump_is_doubtful = 1;
	if (r)
		return 0;
	innermost = puc_state_jump(w);
	if (innermost == p->jump) {
		puc_add_active(w, state, innermost);
		p->jump_is_doubtful = 0;
		return 1;
	}
	if (!nr && innermost && innermost < p->jump && walk_on_this_stack(w, innermost)) {
		p->unlinked.state = state;
		p->unlinked.jump = innermost;
	}
	return 0;
}

/*
 * The word at @at is the pc of a lua_longjmp: adds its state to the chain if it is alive. Remains
 * of dead ones lie in large buffers of C functions (luaL_Buffer), where the state may be any bytes:
 * that these cannot be read is no doubt.
 */
WALK_INLINE int puc_found_jump(struct walk *w, u64 at)
{
	struct puc_work *p = &w->puc;

	p->jump = at - PUC_JUMP_PC;
	p->jump_is_doubtful = 0;
	p->unlinked.state = 0;
	for (u32 nth = 1; nth < PUC_JUMP_WORDS; nth++) {
		if (p->state_places >> nth & 1 && puc_try_place(w, nth)) {
			p->unlinked.state = 0;
			break;
		}
	}
	if (p->unlinked.state)
		puc_add_active(w, p->unlinked.state, p->unlinked.jump);
	/* what could not be read may have been the one */
	w->failed_reads += p->jump_is_doubtful;
	return 0;
}

/*
 * A chunk is not readable. A stack whose end nobody has told ends with a page, so the words up to
 * there are read alone. What is readable again one page on is no end, but a hole. Non-zero: nothing
 * is in scan_word.
 */
WALK_STEP int puc_scan_last_words(struct walk *w, u64 start)
{
	struct puc_work *p;
	u64 probe, bad_page = start & ~(PUC_PAGE_BYTES - 1), bytes;
	int got_words = 0;

	_Static_assert(sizeof(p->scan_word) == 512, "a power of two is a mask");
	if (!w)
		return 1;
	p = &w->puc;
	p->scan_end = start;
	if (p->scan_end_known) {
		walk_set_status(w, BPROF_WALK_CHAIN);
		return 1;
	}
	bytes = bad_page + PUC_PAGE_BYTES - start;
	if (bytes < sizeof(p->scan_word) && bytes >= 8) {
		/* The compiler compares a copy; Linux 6.1's verifier wants this one bounded. */
		WALK_OPAQUE(bytes);
		bytes &= sizeof(p->scan_word) - 1;
		if (!WALK_READ(w, p->scan_word, (u32)bytes, start)) {
			bad_page += PUC_PAGE_BYTES;
			p->scan_end = bad_page;
			got_words = 1;
		}
	}
	if (!WALK_READ(w, &probe, sizeof(probe), bad_page + PUC_PAGE_BYTES))
		walk_set_status(w, BPROF_WALK_CHAIN);
	return !got_words;
}

/* Is jump_pc among the words? Seldom: no branch for each, neither here nor in the verifier. */
WALK_STEP int puc_chunk_has_jump(struct walk *w)
{
	struct puc_work *p;
	u64 found = 0;

	if (!w)
		return 0;
	p = &w->puc;
#pragma GCC unroll 8
	for (u32 i = 0; i < PUC_SCAN_WORDS; i++) {
		u64 difference = p->scan_word[i] ^ p->jump_pc;

		found |= (difference - 1) & ~difference; /* the highest bit: they are equal */
		WALK_OPAQUE(found); /* in this order: the kernel's stack has no room for all */
	}
	return (int)(found >> 63);
}

WALK_INLINE int puc_scan_word(struct walk *w, u32 i)
{
	struct puc_work *p = &w->puc;
	u64 at = p->scan_next + 8ULL * i;

	if (p->scan_word[walk_index(i, PUC_SCAN_WORDS - 1)] == p->jump_pc && at < p->scan_end)
		puc_found_jump(w, at);
	return 0;
}

WALK_LOOP_BODY_AT(puc_word_body, puc_scan_word)

/* One chunk of native stack. Returns 1 at the end. */
WALK_INLINE int puc_scan_chunk(struct walk *w)
{
	struct puc_work *p = &w->puc;
	u64 start = p->scan_next;

	if (start >= p->scan_end)
		return 1;
	if (WALK_READ(w, p->scan_word, sizeof(p->scan_word), start) &&
	    puc_scan_last_words(w, start))
		return 1;
	if (puc_chunk_has_jump(w))
		WALK_LOOP(PUC_SCAN_WORDS, puc_word_body, w);
	p->scan_next = start + sizeof(p->scan_word);
	return 0;
}

WALK_LOOP_BODY(puc_scan_body, puc_scan_chunk)

/*
 * The chain from sp up to @end, once a lua_longjmp is known. 0: up to the end of the stack, which
 * shows by a read that fails if nobody has told where it is.
 */
WALK_STEP int puc_scan(struct walk *w, u64 end)
{
	struct puc_work *p;
	u64 sp;

	if (!w)
		return 0;
	p = &w->puc;
	sp = w->reg[BPROF_REG_SP] & ~7ULL;
	if (!end)
		end = w->stack_end;
	p->scan_end_known = end != 0;
	p->scan_next = sp;
	p->scan_end = end ? end : sp + PUC_SCAN_CHUNKS * sizeof(p->scan_word);
	WALK_LOOP(PUC_SCAN_CHUNKS, puc_scan_body, w);
	if (p->scan_next < p->scan_end)
		walk_set_status(w, BPROF_WALK_CHAIN);
	return 0;
}

/*
 * The main state runs nothing protected: the program may run a coroutine all the same, or Lua by
 * plain lua_call(). One active state, found by trying every word that may point into the heap,
 * teaches what a lua_longjmp looks like.
 */
WALK_STEP int puc_try_candidate(struct walk *w, u64 state)
{
	struct puc_work *p;
	u64 jump;

	if (!w)
		return 0;
	p = &w->puc;
	if ((state & 7) || state == p->last_candidate || state == w->vm.main)
		return 0;
	if (!puc_state_plausible(w, state))
		return 0;
	p->last_candidate = state;
	if (puc_load_state(w, state))
		return 0;
	jump = puc_state_jump(w);
	if (!jump || !walk_on_this_stack(w, jump))
		return 0;
	return !puc_learn_jump(w, state, jump);
}

WALK_INLINE int puc_try_register(struct walk *w, u32 i)
{
	i = walk_index(i, 31);
	if (i < BPROF_NR_VALUE_REGS)
		puc_try_candidate(w, w->reg[i]);
	return w->puc.jump_pc != 0;
}

WALK_LOOP_BODY_AT(puc_register_body, puc_try_register)

/* One word of native stack. Returns 1 when a state was found or the end is reached. */
WALK_INLINE int puc_try_word(struct walk *w, u32 round)
{
	struct puc_work *p = &w->puc;
	u32 i = walk_index(round, PUC_SCAN_WORDS - 1);

	if (!i) {
		if (WALK_READ(w, p->scan_word, sizeof(p->scan_word), p->scan_next))
			return 1;
		p->scan_next += sizeof(p->scan_word);
	}
	return puc_try_candidate(w, p->scan_word[i]);
}

WALK_LOOP_BODY_AT(puc_candidate_body, puc_try_word)

WALK_STEP int puc_find_by_candidates(struct walk *w)
{
	struct puc_work *p;

	if (!w)
		return 0;
	p = &w->puc;
	WALK_LOOP(BPROF_NR_VALUE_REGS, puc_register_body, w);
	if (!p->jump_pc) {
		p->scan_next = w->reg[BPROF_REG_SP] & ~7ULL;
		WALK_LOOP(PUC_CANDIDATE_CHUNKS * PUC_SCAN_WORDS, puc_candidate_body, w);
	}
	return p->jump_pc != 0;
}

/* Fills active[]. Non-zero: no state is active on this stack. */
WALK_STEP int puc_find_active(struct walk *w)
{
	struct puc_work *p;
	u64 main_jump;
	int r;

	if (!w)
		return 1;
	p = &w->puc;
	p->nr_active = 0;
	p->jump_pc = 0;
	p->last_candidate = 0;
	r = puc_load_state(w, w->vm.main);
	if (r < 0)
		w->failed_reads++;
	if (r)
		return 1;
	main_jump = puc_state_jump(w);
	if (main_jump && walk_on_this_stack(w, main_jump)) {
		if (puc_learn_jump(w, w->vm.main, main_jump))
			walk_set_status(w, BPROF_WALK_CHAIN);
		else
			puc_scan(w, main_jump + PUC_JUMP_PC);
		puc_add_active(w, w->vm.main, main_jump);
		return 0;
	}
	if (main_jump) {
		/* main runs on another thread */
		if (!puc_learn_jump(w, w->vm.main, main_jump))
			puc_scan(w, 0);
	} else if (puc_find_by_candidates(w)) {
		puc_scan(w, 0);
	}
	return p->nr_active == 0;
}

/* One error handler outwards. Returns 1 at the last. */
WALK_STEP int puc_next_handler(struct walk *w)
{
	u64 outer = 0;

	if (!w)
		return 1;
	if (walk_must_read(w, &outer, sizeof(outer), w->puc.handler))
		w->puc.handler = 0;
	else if (outer)
		w->puc.handler = outer;
	return !outer;
}

WALK_LOOP_BODY(puc_handler_body, puc_next_handler)

/* The outermost error handler of the chain just walked; 0 if it cannot be found. */
WALK_STEP u64 puc_outermost(struct walk *w)
{
	u32 n;

	if (!w)
		return 0;
	n = w->puc.nr_active;
	if (!n || n > PUC_MAX_STATES)
		return 0;
	w->puc.handler = w->puc.active[walk_index(n - 1, PUC_MAX_STATES - 1)].jump;
	WALK_LOOP(PUC_MAX_HANDLERS, puc_handler_body, w);
	return w->puc.handler;
}

/* Where this VM's outermost error handler lies on this thread's stack; 0 = nowhere. */
WALK_STEP u64 puc_anchor(struct walk *w)
{
	u64 jump;

	if (!w)
		return 0;
	if (puc_load_state(w, w->vm.main))
		return 0;
	jump = puc_state_jump(w);
	return jump && walk_on_this_stack(w, jump) ? jump : 0;
}

#endif
