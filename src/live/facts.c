/* SPDX-License-Identifier: MIT */
#include "facts.h"

#include <errno.h>

#include "clock.h"

#include "facts_private.h"

int facts_new(struct collector *c, struct recorder *r, enum facts_depth depth, struct facts **ret)
{
	struct facts *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->collector = c;
	f->recorder = r;
	f->depth = depth;
	buf_init(&f->buf, 8U << 20);
	if (targets_new(&f->targets) < 0 || snapshot_new(&f->snapshot) < 0 ||
	    libraries_new(&f->libraries) < 0) {
		facts_free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

void facts_free(struct facts *f)
{
	if (!f)
		return;
	while (f->nr_put_off)
		close(f->put_off_fd[--f->nr_put_off]);
	targets_free(f->targets);
	snapshot_free(f->snapshot);
	libraries_free(f->libraries);
	for (size_t n = 0; n < BPROF_MAX_LAYOUTS; n++) {
		free(f->version_of_binary[n]);
		free(f->code_of_binary[n]);
		free(f->path_of_layout[n]);
		free(f->version_of_layout[n]);
	}
	facts_forget_programs(f);
	for (size_t i = 0; i < f->nr_hidden; i++)
		free(f->hidden[i].code);
	buf_done(&f->buf);
	free(f);
}

int facts_begin(struct facts *f)
{
	snapshot_reset(f->snapshot);
	return facts_probe_late(f, monotonic_ns());
}

unsigned facts_unproved_vms(const struct facts *f)
{
	return f->unproved;
}

/* A forked child has its parent's memory, VMs included. */
static int on_fork(struct facts *f, const struct bprof_fork *record)
{
	const struct target *parent = targets_find(f->targets, record->parent_pid);
	struct vm_search search;
	struct lua_vms vms;
	struct target *child;

	if (!parent || (!parent->vms.nr && !parent->search.left))
		return 0;
	vms = parent->vms;
	search = parent->search;
	child = targets_get(f->targets, record->pid);
	if (!child)
		return -ENOMEM;
	target_forget(child);
	child->vms = vms;
	child->search = search;
	return 0;
}

static void on_vm_close(struct facts *f, const struct bprof_vm_close *record)
{
	struct target *t = targets_find(f->targets, record->pid);

	if (t)
		target_remove_vm(t, record->state);
}

/*
 * A suite starts, with --repeat again: its elements are new, in the memory of others perhaps, with
 * their names where those of the others were.
 */
static void on_mark(struct facts *f, const struct decoded *d)
{
	struct target *t = targets_find(f->targets, d->mark.fixed->pid);

	if (!t)
		return;
	t->announces = true;
	if (d->mark.text.len == 1 && d->mark.text.data[0] == 's')
		target_forget_kind(t, THING_ELEMENT);
}

int facts_observe(struct facts *f, const struct bprof_record *record)
{
	struct decoded d;

	if (decode_record(record, &d) < 0)
		return 0; /* recorded all the same; the reader of the recording counts it */
	switch ((enum bprof_record_type)record->type) {
	case BPROF_RECORD_SAMPLE:
		return facts_on_sample(f, &d);
	case BPROF_RECORD_PROTO:
		return facts_on_proto(f, d.proto.fixed);
	case BPROF_RECORD_NATIVE_STACK:
		return facts_on_native_stack(f, &d);
	case BPROF_RECORD_MARK:
		on_mark(f, &d);
		return 0;
	case BPROF_RECORD_FORK:
		return on_fork(f, d.fork);
	case BPROF_RECORD_EXEC:
		return f->depth == FACTS_PROGRAMS ? facts_on_program(f, d.exec)
						  : facts_on_exec(f, d.exec);
	case BPROF_RECORD_EXIT:
		targets_drop(f->targets, d.exit->pid);
		return 0;
	case BPROF_RECORD_VM_OPEN:
		return facts_on_vm_open(f, d.vm_open);
	case BPROF_RECORD_VM_CLOSE:
		on_vm_close(f, d.vm_close);
		return 0;
	default:
		return 0;
	}
}
