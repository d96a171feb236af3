/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The one place outside the kernel that compiles the walkers. */
#include "host_walk.h"

#include <errno.h>
#include <string.h>

#include "walk.h"
#include "walk_vms.h"
#include "walk_luajit.h"
#include "walk_puc.h"

/* From the packed record, as a reader of the ring would. */
static void copy_results(const struct walk *w, struct host_walk_result *ret)
{
	ret->sample = w->record.s;
	for (unsigned i = 0; i < w->record.s.nr_frames; i++)
		ret->frame[i] = w->record.entry[i].frame;
	for (unsigned i = 0; i < w->record.s.nr_spans; i++)
		ret->span[i] = w->record.entry[w->record.s.nr_frames + i].span;
	for (unsigned i = 0; i < w->nr_fresh; i++) {
		ret->fresh[i] = (struct host_walk_proto){
			.object = w->fresh[i].object,
			.chunkname = w->fresh[i].chunkname,
			.first_line = w->fresh[i].first_line,
			.last_line = w->fresh[i].last_line,
			.code_len = w->fresh[i].code_len,
			.fingerprint = w->fresh[i].fingerprint,
		};
	}
	ret->nr_fresh = w->nr_fresh;
}

int host_walk(const struct mem_reader *mem, const struct host_walk_input *in,
	      struct host_walk_result *ret)
{
	struct walk w = {.mem = mem, .seen = in->seen, .vms = in->vms, .pc_table = in->pc_table};
	u32 family;

	if (in->vms.nr > BPROF_MAX_VMS)
		return -EINVAL;
	for (unsigned i = 0; i < BPROF_NR_REGS; i++)
		w.reg[i] = in->reg[i];
	memcpy(w.layout, in->layout, sizeof(w.layout));
	w.heap_start = in->heap_start;
	w.heap_end = in->heap_end;
	w.stack_end = in->stack_end;
	w.safe_proto = in->safe_proto;
	w.jit = in->jit;
	w.record.s.pid = in->pid;
	w.record.s.ip = in->reg[BPROF_REG_IP];
	family = walk_begin(&w);
	while (family)
		family = family == BPROF_FAMILY_PUC ? puc_turn(&w) : luajit_turn(&w);
	walk_end(&w);
	walk_pack(&w);
	memset(ret, 0, sizeof(*ret));
	copy_results(&w, ret);
	return 0;
}
