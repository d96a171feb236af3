/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * LuaJIT: the state under C code that resumed a coroutine by lua_resume().
 *
 * G->cur_L keeps naming the coroutine after lua_resume() has come back to C, until the C function
 * returns to the interpreter; then cur_L's cframe is 0. And a coroutine resumed by C has no
 * resumer's CFRAME directly above its own. In both cases the state that runs (or waits) below is
 * found on the native stack: it is the lowest CFRAME there whose L agrees that this is its cframe.
 */
#ifndef BPROF_WALK_LUAJIT_HOST_H
#define BPROF_WALK_LUAJIT_HOST_H

/* The CFRAME of @state on this thread's stack; 0 if there is none or it is not a state of this VM.
 */
WALK_STEP u64 luajit_state_cframe(struct walk *w, u64 state, u32 need)
{
	u64 cframe;

	if (!w || luajit_read_state(w, state, need))
		return 0;
	cframe = w->luajit.seen.cframe;
	return cframe && walk_on_this_stack(w, cframe) ? cframe : 0;
}

/* The next chunk of native stack into host_word. Non-zero: the end is reached. */
WALK_STEP int luajit_load_chunk(struct walk *w)
{
	struct luajit_work *j;
	u64 start;

	if (!w)
		return 1;
	j = &w->luajit;
	start = j->host_next;
	if (start >= j->host_end)
		return 1;
	j->host_next = start + sizeof(j->host_word);
	j->host_is_unread = !!WALK_READ(w, j->host_word, sizeof(j->host_word), start);
	return 0;
}

/*
 * One word of native stack: is it the L of a CFRAME? Returns 1 when a state was found or the end is
 * reached. A chunk lies in one page: if that cannot be read nothing was ever written there.
 */
WALK_INLINE int luajit_scan_word(struct walk *w, u32 round)
{
	struct luajit_work *j = &w->luajit;
	u32 i = walk_index(round, LUAJIT_HOST_WORDS - 1);
	u64 at, word;

	if (!i && luajit_load_chunk(w))
		return 1;
	at = j->host_next - sizeof(j->host_word) + 8ULL * i;
	if (j->host_is_unread || at < j->host_from)
		return 0;
	if (at >= j->host_end)
		return 1;
	word = luajit_reference(w, j->host_word[i]);
	if ((word & 7) || (word ^ w->vm.global) >> 32)
		return 0;
	if (luajit_state_cframe(w, word, LUAJIT_MAYBE) != at - luajit_cframe_state_at(w))
		return 0;
	j->host_found = word;
	return 1;
}

WALK_LOOP_BODY_AT(luajit_scan_body, luajit_scan_word)

/*
 * The state whose CFRAME is the lowest from @from on: 0 if there is none. Above the main thread's
 * there is none; if that does not run here (event loops), the search ends with the stack.
 */
WALK_STEP u64 luajit_find_host_state(struct walk *w, u64 from)
{
	struct luajit_work *j;
	u64 main_cframe;

	if (!w)
		return 0;
	j = &w->luajit;
	main_cframe = luajit_state_cframe(w, w->vm.main, LUAJIT_MUST);
	j->host_end = main_cframe ? main_cframe : w->stack_end;
	if (j->host_end < from)
		return 0;
	j->host_from = from;
	j->host_next = from & ~(sizeof(j->host_word) - 1);
	j->host_found = 0;
	WALK_LOOP(LUAJIT_HOST_CHUNKS * LUAJIT_HOST_WORDS, luajit_scan_body, w);
	if (j->host_found)
		return j->host_found;
	if (j->host_next < j->host_end) {
		walk_set_status(w, BPROF_WALK_CHAIN);
		return 0;
	}
	return main_cframe ? w->vm.main : 0;
}

/*
 * cur_L does not run on this stack. In the interpreter the CFRAME is at sp (a pushed return address
 * or two above it at most) and names the state; elsewhere it has to be looked for.
 */
WALK_STEP int luajit_enter_resumer(struct walk *w)
{
	u64 sp, state, word[3] = {};

	if (!w)
		return 0;
	sp = w->reg[BPROF_REG_SP];
	if (luajit_in_vm(w, w->reg[BPROF_REG_IP]) &&
	    !WALK_READ(w, word, sizeof(word), sp + luajit_cframe_state_at(w))) {
		for (u32 i = 0; i < 3; i++) {
			u64 named = luajit_reference(w, word[i]);

			/* most words are something else; states lie near each other */
			u32 need = (named ^ w->vm.global) >> 32 ? LUAJIT_MAYBE : LUAJIT_MUST;

			if (luajit_state_cframe(w, named, need) == sp + 8ULL * i &&
			    !luajit_enter_state(w, named))
				return 1;
		}
	}
	state = luajit_find_host_state(w, sp);
	return state && !luajit_enter_state(w, state);
}

#endif
