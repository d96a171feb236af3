/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The stack walker: registers of an interrupted thread in, frames of its Lua stack out.
 *
 * Written once, compiled twice: by clang into the sampling program, and by gcc over struct
 * mem_reader (unwind/host_walk.c) for tests, for the fuzzer and for reports. It knows no kernel and
 * no libc: time, pid and the process tables stay with the includer.
 *
 * The invariant: a sample with status OK holds the whole stack, every frame of which was validated.
 * Whatever could not be read or proved changes the status; nothing is guessed. A line that is not
 * certain is not claimed (BPROF_FRAME_NO_POS).
 *
 * Here is the work area, and what the walkers of both families do with it. walk_vms.h chooses the
 * VM; walk_luajit.h and walk_puc.h walk it. The kernel has each family in a program of its own.
 *
 * Reading the target costs about 75 ns whatever the size, so the walkers read whole structures and
 * 1 KiB windows, and remember the last function seen.
 */
#ifndef BPROF_WALK_H
#define BPROF_WALK_H

#include <bprof/wire.h>
#include <bprof/element.h>
#include <bprof/leaf_rules.h>
#include <bprof/lua_layout.h>
#include <bprof/seen.h>

#include "read_user.h"

#define WALK_STACK_LIMIT (8ULL << 20) /* how far above sp a thread's stack may reach */
#define WALK_RED_ZONE	 256ULL	      /* a frame being built may lie this far below sp */
#define WALK_LOWEST_USER 0x10000ULL
#ifdef BPROF_ARCH_X86_64
#define WALK_HIGHEST_USER (1ULL << 47)
#else
/* What lies higher, where 52 bits are built in, is only given to who asks mmap() for it. */
#define WALK_HIGHEST_USER (1ULL << 48)
#endif
#define WALK_WINDOW_BYTES 1024
#define WALK_NOWHERE	  (~0ULL >> 1) /* start of a window that holds nothing */
#define WALK_MAX_TRIED	  4	       /* VMs searched for a coroutine that C has resumed */
#define WALK_NAMES	  8	       /* chunk names remembered while one stack is walked */
#define WALK_MAX_STEPS	  512	       /* frames, pseudo frames and changes of coroutine */

/* A prototype that is not in the seen table. chunkname: address of its NUL-terminated text. */
struct walk_fresh {
	u64 object;
	u64 vm;	       /* its global_State */
	u64 chunkname; /* 0 = stripped */
	s32 first_line, last_line;
	u32 code_len;
	u32 fingerprint;
};

union walk_entry {
	struct bprof_frame frame;
	struct bprof_span span;
};

/* As it crosses the ring, once packed: only the used entries are shipped. */
struct walk_record {
	struct bprof_sample s;
	union walk_entry entry[BPROF_MAX_FRAMES + BPROF_MAX_SPANS];
};

/* A copy of a stretch of the target's memory; some words of slack for a masked index. */
struct walk_window {
	u64 start;
	u64 wanted; /* offset of what it was moved for */
	u64 word[WALK_WINDOW_BYTES / 8 + 16];
};

/* What a prototype looks like to walk_lua_frame(). */
struct walk_proto {
	u64 object;
	u64 source, parts; /* as in struct bprof_proto_identity */
	u64 chunkname;
	s32 first_line, last_line;
	u32 code_len;
};

#include "walk_luajit_types.h"
#include "walk_puc_types.h"

struct walk {
	/* in */
	u64 reg[BPROF_NR_REGS];
	struct lua_vms vms;
	struct lua_layout layout[BPROF_MAX_VMS]; /* layout[i] is that of vms.vm[i] */
	u64 heap_start, heap_end;		 /* mm->start_brk, mm->brk; 0, 0 if unknown */
	u64 stack_end;				 /* top of this thread's stack, 0 = not known */
	u64 safe_proto;				 /* the prototype of busted.safe, 0 = not known */
	u32 jit;				 /* enum bprof_jit */

	/* in: h, pid, tid, epoch, weight, ip, cpu, flag KERNEL; out: the rest */
	struct walk_record record;

	/* out */
	struct walk_fresh fresh[BPROF_MAX_FRESH];
	u32 nr_fresh;

	/* work */
	u32 failed_reads; /* of memory that ought to be there */
	u32 next_flags;	  /* of the next frame, rootwards */
	u32 hidden;	  /* frames are not certain: walk, but do not emit */
	u32 is_cut;	  /* a frame found no room */
	u32 turn;	  /* enum walk_turn */
	u32 families; /* of the VMs, bits 1 << enum bprof_family; families_left: without anchor_of
		       */
	u32 families_left;
	u64 anchor_of[BPROF_MAX_VMS]; /* where a VM was entered on this thread's stack, 0 = nowhere
				       */
	u64 anchor;		      /* of the chosen VM, if there are several */
	u64 outermost; /* where the VM just walked was entered first; 0 = not known */
	/* of the choice; in memory, so that the verifier does not follow each of their values */
	u64 above, lowest;
	u32 best, nr_tried;
	u32 has_chosen;	  /* a VM was found by its coroutine */
	struct lua_vm vm; /* the chosen one */
	struct lua_layout chosen;
	struct walk_proto proto;
	u64 named[WALK_NAMES]; /* strings whose name_word is known */
	u32 name_word[WALK_NAMES];
	struct bprof_span span[BPROF_MAX_SPANS];
	u64 element[ELEMENT_WORDS];   /* of busted: the first nodes of its table */
	u64 text[ELEMENT_TEXT_WORDS]; /* of one of their strings */
	u64 element_sum;	      /* of all */
	u32 element_unread;
	struct walk_window stack; /* Lua stack */
	union {
		struct luajit_work luajit;
		struct puc_work puc;
	};
#ifndef __bpf__
	const struct mem_reader *mem;
	const struct bprof_seen *seen; /* SEEN_ENTRIES entries, or NULL */
	const struct puc_pc_table *pc_table;
#endif
};

#ifdef __bpf__
_Static_assert(sizeof(struct walk) <= 19456, "a per-CPU map value has at most 32 KiB");
#endif

/*
 * walk_seen_entry(index): the includer's table of known prototypes. In the kernel it is a map; the
 * includer defines it before this file.
 */
#ifndef __bpf__
#define walk_seen_entry(w, index) ((w)->seen ? &(w)->seen[index] : NULL)
#endif

/* walk_pc_table(w): of the chosen VM, likewise; NULL if it has none. */
#ifndef __bpf__
#define walk_pc_table(w) ((w)->pc_table)
#endif

/* walk_collector(w): the state of PUC's collector, likewise. The host has no native stack. */
#ifndef __bpf__
#define walk_collector(w) BPROF_GC_UNPROVED
#endif

/* Memory that must be readable if what we believe is true: a failure shows in the status. */
#define walk_must_read(w, dst, bytes, address)                                                     \
	(WALK_READ(w, dst, bytes, address) ? ((w)->failed_reads++, 1) : 0)

WALK_INLINE int walk_is_user_address(u64 x)
{
	return x >= WALK_LOWEST_USER && x < WALK_HIGHEST_USER;
}

WALK_INLINE int walk_on_this_stack(const struct walk *w, u64 address)
{
	u64 sp = w->reg[BPROF_REG_SP];

	if (address + WALK_RED_ZONE < sp)
		return 0;
	return address < (w->stack_end ? w->stack_end : sp + WALK_STACK_LIMIT);
}

WALK_INLINE void walk_set_status(struct walk *w, enum bprof_walk_status status)
{
	if (w->record.s.status == BPROF_WALK_OK)
		w->record.s.status = (u8)status;
}

/* Stacks are walked downwards, so a new window ends where it is needed. Non-zero: not readable. */
WALK_STEP int walk_window_move(struct walk *w, struct walk_window *window, u64 address, u32 bytes)
{
	u64 size = bytes;

	if (!w || !window)
		return 1;
	WALK_OPAQUE(size);
	if (size > WALK_WINDOW_BYTES)
		return 1;
	window->start = address + size - WALK_WINDOW_BYTES;
	window->wanted = WALK_WINDOW_BYTES - size;
	if (!WALK_READ(w, window->word, WALK_WINDOW_BYTES, window->start))
		return 0;
	/* near the start of a mapping: only what is needed, and once */
	window->start = WALK_NOWHERE;
	window->wanted = 0;
	return walk_must_read(w, window->word, (u32)size, address);
}

/*
 * Makes @bytes at @address available in the window and says at which word. Non-zero: not readable.
 */
WALK_INLINE int walk_window_at(struct walk *w, struct walk_window *window, u64 address, u32 bytes,
			       u32 *ret_index)
{
	u64 offset = address - window->start;

	if (offset > WALK_WINDOW_BYTES - bytes || (offset & 7)) {
		if (walk_window_move(w, window, address, bytes))
			return 1;
		offset = window->wanted;
	}
	*ret_index = walk_index((u32)(offset >> 3), WALK_WINDOW_BYTES / 8 - 1);
	return 0;
}

/*
 * Whether the next frame goes into the sample. One that is full is walked on for its spans: the
 * frames that name the test lie at the root.
 */
WALK_INLINE int walk_wants_frame(struct walk *w)
{
	if (w->hidden)
		return 0;
	if (w->record.s.nr_frames < BPROF_MAX_FRAMES)
		return 1;
	w->is_cut = 1;
	walk_set_status(w, BPROF_WALK_TRUNCATED);
	return 0;
}

/* Only after walk_wants_frame(). */
WALK_INLINE void walk_emit(struct walk *w, const struct bprof_frame *frame)
{
	u32 n = w->record.s.nr_frames;

	if (n >= BPROF_MAX_FRAMES)
		return;
	w->record.s.nr_frames = (u16)(n + 1);
	n = walk_index(n, BPROF_MAX_FRAMES - 1);
	w->record.entry[n].frame = *frame;
	w->record.entry[n].frame.flags |= w->next_flags;
	w->next_flags = 0;
}

/* Announces w->proto, once per sample. */
WALK_STEP int walk_announce(struct walk *w, u32 fingerprint)
{
	u32 n;

	if (!w)
		return 0;
	n = w->nr_fresh;
	for (u32 i = 0; i < BPROF_MAX_FRESH; i++) {
		if (i < n && w->fresh[i].object == w->proto.object)
			return 0;
	}
	if (n >= BPROF_MAX_FRESH)
		return 0;
	w->nr_fresh = n + 1;
	n = walk_index(n, BPROF_MAX_FRESH - 1);
	w->fresh[n].object = w->proto.object;
	w->fresh[n].vm = w->vm.global;
	w->fresh[n].chunkname = w->proto.chunkname;
	w->fresh[n].first_line = w->proto.first_line;
	w->fresh[n].last_line = w->proto.last_line;
	w->fresh[n].code_len = w->proto.code_len;
	w->fresh[n].fingerprint = fingerprint;
	return 0;
}

/* Where a string of this VM has its hash, or in later LuaJITs its number. */
WALK_INLINE u32 walk_name_at(const struct walk *w)
{
	return w->chosen.family == BPROF_FAMILY_LUAJIT && w->chosen.luajit.refs32 ? 8 : 12;
}

WALK_STEP int walk_read_name(struct walk *w, u32 i)
{
	u64 source;

	if (!w)
		return 0;
	source = w->proto.source;
	i = walk_index(i, WALK_NAMES - 1);
	w->named[i] = 0;
	w->name_word[i] = 0;
	if (source && !walk_must_read(w, &w->name_word[i], sizeof(u32), source + walk_name_at(w)))
		w->named[i] = source;
	return 0;
}

/*
 * That word of the name of the chunk in w->proto: a chunk may be freed and another take its place,
 * and that of its name. 0 = it has none, or it cannot be read.
 */
WALK_INLINE u32 walk_name(struct walk *w)
{
	u64 source = w->proto.source;
	u32 i = walk_index((u32)(source >> 4), WALK_NAMES - 1);

	if (w->named[i] != source || !source)
		walk_read_name(w, i);
	return w->name_word[i];
}

/*
 * Identity and state of knowledge of the prototype in w->proto. Non-zero: user space holds its
 * lines, decoding them here would be wasted.
 */
WALK_INLINE int walk_identify(struct walk *w, struct bprof_frame *frame)
{
	struct bprof_proto_identity identity = {
		.source = w->proto.source,
		.parts = w->proto.parts,
		.first_line = (u32)w->proto.first_line,
		.last_line = (u32)w->proto.last_line,
		.code_len = w->proto.code_len,
		.name = walk_name(w),
	};
	u32 index = seen_index(w->proto.object, w->record.s.pid);
	const struct bprof_seen *known = walk_seen_entry(w, index);

	frame->object = w->proto.object;
	frame->fingerprint = bprof_fingerprint(&identity);
	frame->flags |= BPROF_FRAME_LUA;
	if (!w->proto.first_line)
		frame->flags |= BPROF_FRAME_MAIN;
	if (known && known->object == w->proto.object && known->pid == w->record.s.pid &&
	    known->fingerprint == frame->fingerprint)
		return (known->flags & SEEN_CAPTURED) != 0;
	walk_announce(w, frame->fingerprint);
	return 0;
}

/* Where the nodes of a table are, and how many of them count. 0 nodes = it cannot be read. */
WALK_INLINE u64 walk_table_nodes(struct walk *w, u64 table, u32 *nr_nodes)
{
	u32 at = element_nodes_at(&w->chosen), size = 0;
	u64 nodes = 0;

	*nr_nodes = 0;
	if (WALK_READ(w, &nodes, sizeof(nodes), table + at) ||
	    WALK_READ(w, &size, sizeof(size), table + element_size_at(&w->chosen)))
		return 0;
	*nr_nodes = element_nr_nodes(&w->chosen, size);
	return w->chosen.family == BPROF_FAMILY_LUAJIT && w->chosen.luajit.refs32 ? (u32)nodes
										  : nodes;
}

/* The beginning of a string's text into w->text. Non-zero: it cannot be read. */
WALK_INLINE int walk_read_text(struct walk *w, u64 string, u64 tag)
{
	u64 text = string + element_text_at(&w->chosen);

	if (element_text_is_apart(&w->chosen, tag) &&
	    WALK_READ(w, &text, sizeof(text), string + ELEMENT_CONTENTS_AT))
		return 1;
	__builtin_memset(w->text, 0, sizeof(w->text));
	return WALK_READ_TEXT(w, w->text, sizeof(w->text), text) < 0;
}

/* Non-zero: a string of the element cannot be read. */
WALK_INLINE int walk_add_element_node(struct walk *w, u32 i)
{
	u32 at = i * element_node_words(w->chosen.dialect);
	u64 value = w->element[walk_index(at, ELEMENT_WORDS - 1)];
	u64 tag = w->element[walk_index(at + 1, ELEMENT_WORDS - 1)];
	u64 string = element_string(&w->chosen, value, tag);

	if (!string)
		return 0;
	if (walk_read_text(w, string, tag)) {
		w->element_unread = 1;
		return 1;
	}
	w->element_sum += element_share(string, w->text);
	return 0;
}

WALK_LOOP_BODY_AT(walk_element_body, walk_add_element_node)

/* 0 = the element cannot be read. */
WALK_STEP u32 walk_element_fingerprint(struct walk *w, u64 element)
{
	u64 nodes, bytes;
	u32 nr_nodes;

	if (!w)
		return 0;
	nodes = walk_table_nodes(w, element, &nr_nodes);
	bytes = (u64)nr_nodes * element_node_bytes(w->chosen.dialect);
	WALK_OPAQUE(bytes);
	if (!nodes || bytes < 1 || bytes > ELEMENT_MAX_BYTES ||
	    WALK_READ(w, w->element, (u32)bytes, nodes))
		return 0;
	w->element_sum = 0;
	w->element_unread = 0;
	WALK_LOOP(nr_nodes, walk_element_body, w);
	return w->element_unread ? 0 : element_fingerprint_of(w->element_sum);
}

/* An element often has two frames in a row: its scope, and what runs in it. */
WALK_INLINE u32 walk_span_fingerprint(struct walk *w, u32 n, u64 element)
{
	const struct bprof_span *inner =
		&w->span[walk_index(n + BPROF_MAX_SPANS - 1, BPROF_MAX_SPANS - 1)];

	if (!element)
		return 0;
	if (n && inner->element == element)
		return inner->fingerprint;
	return walk_element_fingerprint(w, element);
}

/*
 * The frame just walked is busted.safe's: its descriptor and element name the test. The index of
 * its frame is that of the last one emitted, or BPROF_MAX_FRAMES if it lies beyond the cut.
 */
WALK_INLINE void walk_add_span(struct walk *w, u64 descriptor, u64 element)
{
	u32 n = w->record.s.nr_spans;

	if (w->hidden)
		return;
	if (n >= BPROF_MAX_SPANS) {
		w->record.s.flags |= BPROF_SAMPLE_MAIN_CUT;
		return;
	}
	w->record.s.nr_spans = (u8)(n + 1);
	n = walk_index(n, BPROF_MAX_SPANS - 1);
	w->span[n].descriptor = descriptor;
	w->span[n].element = element;
	w->span[n].frame = w->is_cut ? BPROF_MAX_FRAMES : w->record.s.nr_frames - 1U;
	w->span[n].fingerprint = walk_span_fingerprint(w, n, element);
}

/* The root was not reached: of the spans the outermost ones are missing, and half a path is none.
 */
WALK_INLINE void walk_cut_short(struct walk *w)
{
	walk_set_status(w, BPROF_WALK_TRUNCATED);
	w->record.s.nr_spans = 0;
	w->record.s.flags |= BPROF_SAMPLE_MAIN_CUT;
}

#endif
