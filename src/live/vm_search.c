/* SPDX-License-Identifier: MIT */
/*
 * VMs that no probe announces, found by their signature in memory: a stripped program with the
 * interpreter in it has no symbol to probe, and a library may be loaded from anywhere.
 *
 * A process is looked at when a sample says that it has no VM, at growing intervals, a few times,
 * and some MiB each time. It is not stopped: what discovery believes are references that hold as
 * long as the VM lives. The memory of a process is only read if one of its files has a VM; files
 * are visited once in a run, and their later VMs are announced.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#include "collect/collect.h"
#include "facts_private.h"
#include "unwind/discover.h"

#define HIDDEN_WAIT_NS	  2000000ULL /* doubles with each search */
#define HIDDEN_SEARCHES	  13
#define MAPPED_WAIT_NS	  20000000ULL /* libraries come a little later */
#define MAPPED_SEARCHES	  6
#define PUT_OFF_NS	  50000000ULL	/* the first names are read by then */
#define SEARCH_BYTES	  (16ULL << 20) /* of one search: the main state is made early */
#define MAX_SEARCH_REGION 256

void facts_remember_hiding(struct facts *f, const struct bprof_exec *exec)
{
	struct hiding_program *p = &f->hiding[f->nr_hiding];

	if (f->nr_hiding == MAX_HIDING)
		return;
	p->dev = exec->dev;
	p->ino = exec->ino;
	memcpy(p->version, f->hidden_version, sizeof(p->version));
	f->nr_hiding++;
	/*
	 * While the process stands still: its samples have no stack until the walker is loaded. One
	 * that is refused says so again when it is needed.
	 */
	(void)!collect_load_walker(f->collector, strncmp(p->version, "LuaJIT", 6) == 0
							 ? BPROF_FAMILY_LUAJIT
							 : BPROF_FAMILY_PUC);
}

void facts_plan_search(const struct facts *f, struct target *t, const struct bprof_exec *exec)
{
	t->search = (struct vm_search){.left = MAPPED_SEARCHES,
				       .wait_ns = MAPPED_WAIT_NS,
				       .next_ns = exec->h.time_ns + MAPPED_WAIT_NS};
	for (size_t i = 0; i < f->nr_hiding; i++) {
		const struct hiding_program *p = &f->hiding[i];

		if (p->dev == exec->dev && p->ino == exec->ino)
			t->search = (struct vm_search){.left = HIDDEN_SEARCHES,
						       .expects_vm = true,
						       .wait_ns = HIDDEN_WAIT_NS,
						       .version = p->version};
	}
}

/* ---- where to look ------------------------------------------------------------------------- */

static bool is_heap(const struct proc_map *m)
{
	return strcmp(m->path, "[heap]") == 0;
}

static bool may_hold_state(const struct proc_map *m)
{
	return (m->prot & PROC_PROT_WRITE) && !(m->prot & PROC_PROT_SHARED) && !m->ino &&
	       (!m->path[0] || is_heap(m));
}

/* Adds as much of a mapping as the search may still read. */
static void add_region(const struct proc_map *m, struct discover_region *region, size_t *nr,
		       uint64_t *budget)
{
	uint64_t bytes = m->end - m->start;

	if (*nr == MAX_SEARCH_REGION || !*budget || !may_hold_state(m))
		return;
	if (bytes > *budget)
		bytes = *budget;
	*budget -= bytes;
	region[(*nr)++] = (struct discover_region){m->start, m->start + bytes};
}

/* The heap first, then what was mapped. */
static size_t search_regions(const struct target *t, struct discover_region *region)
{
	uint64_t budget = SEARCH_BYTES;
	struct proc_maps maps;
	size_t nr = 0;

	if (proc_read_maps((pid_t)t->pid, &maps) < 0)
		return 0;
	for (size_t i = 0; i < maps.nr; i++)
		if (is_heap(&maps.map[i]))
			add_region(&maps.map[i], region, &nr, &budget);
	for (size_t i = 0; i < maps.nr; i++)
		if (!is_heap(&maps.map[i]))
			add_region(&maps.map[i], region, &nr, &budget);
	proc_maps_done(&maps);
	return nr;
}

/* Visits the files that the process maps. Has one of them a VM that was not known before? */
static bool meets_lua(struct facts *f, struct target *t)
{
	size_t known = f->nr_lua_files;
	struct proc_maps maps;

	if (proc_read_maps((pid_t)t->pid, &maps) < 0)
		return false;
	f->puts_off_probes = true; /* the VM that runs already first */
	for (size_t i = 0; i < maps.nr; i++) {
		int fd;

		if (!proc_map_is_code(&maps.map[i]) ||
		    proc_open_mapped((pid_t)t->pid, &maps.map[i], &fd) < 0)
			continue;
		(void)!facts_visit_file(f, t->pid, fd);
		close(fd);
	}
	f->puts_off_probes = false;
	proc_maps_done(&maps);
	return f->nr_lua_files > known;
}

/* ---- what was found ------------------------------------------------------------------------ */

/* The number of this layout: an old one, or a new one. 0 or -errno. */
static int number_layout(struct facts *f, struct target *t, const struct puc_code *code,
			 const struct discovery *found, uint32_t *ret_index)
{
	int r;

	for (uint32_t i = 1; i < BPROF_MAX_LAYOUTS; i++) {
		const char *version = f->version_of_layout[i];

		if (!version || strcmp(version, found->version) != 0 ||
		    memcmp(&f->layouts[i], &found->layout, sizeof(found->layout)) != 0)
			continue;
		*ret_index = i;
		return 0;
	}
	r = collect_add_layout(f->collector, &found->layout, ret_index);
	if (r == 0)
		r = facts_tell_pc_table(f, code, &found->layout, *ret_index);
	if (r == 0)
		facts_keep_layout(f, t, found, *ret_index);
	return r;
}

static int adopt(struct facts *f, struct target *t, struct discovery *found, uint64_t now_ns)
{
	struct bprof_vm_open open = {
		.h = {.type = BPROF_RECORD_VM_OPEN, .size = sizeof(open), .time_ns = now_ns},
		.pid = t->pid,
		.tid = t->pid,
		.state = found->vm.main,
	};
	struct puc_code *code = NULL;
	int r;

	/* nothing may have asked for them yet, or not since the library was mapped */
	(void)!target_read_maps(t);
	if (found->layout.family == BPROF_FAMILY_PUC)
		code = facts_hidden_code(f, t);
	if (code)
		facts_place_hidden(f, code, t, &found->layout, &found->vm);
	r = number_layout(f, t, code, found, &found->vm.layout);
	if (r < 0) { /* costs the VM's stacks, never the run */
		f->unproved += target_meets(t, THING_UNPROVED_VM, found->vm.main, 0);
		return r == -ENOMEM ? r : 0;
	}
	log_debug("unwind", "unwind::found pid=%u, index=%u, version=%s", t->pid, found->vm.layout,
		  found->version);
	return facts_publish_vm(f, t, &open, found);
}

/* Searches the memory of a process for VMs that are not known yet, and adopts them. */
static int search_memory(struct facts *f, struct target *t, uint64_t now_ns)
{
	struct discover_region region[MAX_SEARCH_REGION];
	struct discovery found[BPROF_MAX_VMS];
	struct code_lookup lookup = {.facts = f, .target = t};
	struct discover_env env = facts_discover_env(&lookup);
	const struct mem_reader *mem = target_mem(t);
	int nr, r = 0;

	if (!mem)
		return 0;
	nr = discover_scan(mem, &env, region, search_regions(t, region), t->search.version, found,
			   BPROF_MAX_VMS);
	for (int i = 0; r == 0 && i < nr; i++) {
		if (!target_vm(t, found[i].vm.global) &&
		    discover_confirm(mem, &env, &found[i]) != -EBADMSG)
			r = adopt(f, t, &found[i], now_ns);
	}
	return nr == -ENOMEM ? nr : r;
}

/*
 * A library with a VM has just been met. What runs in it already comes first: to attach probes to a
 * library in use may take the kernel long, and in that time no name is read.
 */
static int search_library(struct facts *f, struct target *t, uint64_t now_ns)
{
	/* its memory may just be in motion: then another look soon */
	t->search = (struct vm_search){.left = HIDDEN_SEARCHES,
				       .expects_vm = true,
				       .wait_ns = HIDDEN_WAIT_NS,
				       .next_ns = now_ns};
	f->put_off_pid = t->pid;
	f->put_off_until_ns = now_ns + PUT_OFF_NS;
	return search_memory(f, t, now_ns);
}

/* Also the VMs that have opened since the search. */
int facts_probe_late(struct facts *f, uint64_t now_ns)
{
	struct target *t;
	int r;

	if (!f->nr_put_off || now_ns < f->put_off_until_ns)
		return 0;
	r = facts_probe_put_off(f);
	t = targets_find(f->targets, f->put_off_pid);
	return r == 0 && t ? search_memory(f, t, now_ns) : r;
}

int facts_search_vm(struct facts *f, struct target *t, uint64_t now_ns)
{
	if (!t->search.left || now_ns < t->search.next_ns)
		return 0;
	t->search.left--;
	t->search.next_ns = now_ns + t->search.wait_ns;
	t->search.wait_ns *= 2;
	if (t->search.expects_vm)
		return search_memory(f, t, now_ns);
	if (meets_lua(f, t))
		return search_library(f, t, now_ns);
	return 0;
}
