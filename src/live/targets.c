/* SPDX-License-Identifier: MIT */
#include "targets.h"

#include <errno.h>
#include <string.h>

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

#define MAX_KNOWN_THINGS    65536 /* addresses remembered per process */
#define CFUNCTIONS_FIRST_NS 50000000ULL

/* Something of a process that has been dealt with, named or not. */
struct thing {
	struct thing_key {
		uint64_t object, detail;
		uint32_t kind, zero;
	} key;
	uint32_t value; /* last seen */
	UT_hash_handle hh;
};

/* A target in the table of all. */
struct target_link {
	struct target target;
	uint32_t pid;
	UT_hash_handle hh;
};

/* An opened file, kept: the same few interpreters and libraries come again and again. */
struct image {
	struct image_key {
		uint64_t dev, ino;
	} key;
	struct elf_image *elf; /* NULL: not an ELF file we can read */
	UT_hash_handle hh;
};

struct targets {
	struct target_link *by_pid;
	struct image *images;
	struct elf_image *vdso; /* NULL until it is needed */
};

int targets_new(struct targets **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void target_forget(struct target *t)
{
	struct thing *thing, *next;

	HASH_ITER (hh, t->things, thing, next) {
		HASH_DEL(t->things, thing);
		free(thing);
	}
	target_native_free(t);
	proc_maps_done(&t->maps);
	proc_free(t->proc);
	t->proc = NULL;
	t->vms.nr = 0;
	t->search = (struct vm_search){0};
	t->nr_touches = 0;
	t->announces = false;
	t->nr_on_stack = 0;
	t->cfunctions_due = false;
	t->cfunctions_next_ns = 0;
	t->cfunctions_wait_ns = CFUNCTIONS_FIRST_NS;
}

void targets_free(struct targets *all)
{
	struct target_link *t, *next_target;
	struct image *i, *next_image;

	if (!all)
		return;
	HASH_ITER (hh, all->by_pid, t, next_target) {
		HASH_DEL(all->by_pid, t);
		target_forget(&t->target);
		free(t);
	}
	HASH_ITER (hh, all->images, i, next_image) {
		HASH_DEL(all->images, i);
		elf_free(i->elf);
		free(i);
	}
	elf_free(all->vdso);
	free(all);
}

struct target *targets_find(const struct targets *all, uint32_t pid)
{
	struct target_link *t;

	HASH_FIND(hh, all->by_pid, &pid, sizeof(pid), t);
	return t ? &t->target : NULL;
}

struct target *targets_get(struct targets *all, uint32_t pid)
{
	struct target *known = targets_find(all, pid);
	struct target_link *t;

	if (known)
		return known;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->pid = t->target.pid = pid;
	t->target.cfunctions_wait_ns = CFUNCTIONS_FIRST_NS;
	hash_failed = false;
	HASH_ADD(hh, all->by_pid, pid, sizeof(pid), t);
	if (hash_failed) {
		free(t);
		return NULL;
	}
	return &t->target;
}

void targets_drop(struct targets *all, uint32_t pid)
{
	struct target_link *t;

	HASH_FIND(hh, all->by_pid, &pid, sizeof(pid), t);
	if (!t)
		return;
	HASH_DEL(all->by_pid, t);
	target_forget(&t->target);
	free(t);
}

const struct mem_reader *target_mem(struct target *t)
{
	if (!t->proc && proc_open((pid_t)t->pid, &t->proc) < 0)
		return NULL;
	return proc_mem(t->proc);
}

static struct thing *target_thing(const struct target *t, enum thing_kind kind, uint64_t object,
				  uint64_t detail)
{
	struct thing_key key;
	struct thing *thing;

	memset(&key, 0, sizeof(key));
	key.object = object;
	key.detail = detail;
	key.kind = kind;
	HASH_FIND(hh, t->things, &key, sizeof(key), thing);
	return thing;
}

bool target_meets(struct target *t, enum thing_kind kind, uint64_t object, uint64_t detail)
{
	struct thing *thing = target_thing(t, kind, object, detail);

	if (thing || HASH_COUNT(t->things) >= MAX_KNOWN_THINGS)
		return false;
	thing = calloc(1, sizeof(*thing));
	if (!thing)
		return false;
	thing->key.object = object;
	thing->key.detail = detail;
	thing->key.kind = kind;
	hash_failed = false;
	HASH_ADD(hh, t->things, key, sizeof(thing->key), thing);
	if (hash_failed)
		free(thing);
	return !hash_failed;
}

bool target_meets_again(struct target *t, enum thing_kind kind, uint64_t object, uint64_t detail,
			uint32_t value)
{
	bool is_new = target_meets(t, kind, object, detail);
	struct thing *thing = value ? target_thing(t, kind, object, detail) : NULL;

	if (!thing || thing->value == value)
		return is_new;
	thing->value = value;
	return true;
}

bool target_has_on_stack(const struct target *t, const struct bprof_span *span)
{
	for (size_t i = 0; i < t->nr_on_stack; i++)
		if (t->on_stack[i].element == span->element &&
		    t->on_stack[i].fingerprint == span->fingerprint)
			return true;
	return false;
}

void target_set_on_stack(struct target *t, const struct bprof_span *spans, size_t nr)
{
	if (nr == 0 || nr > ARRAY_SIZE(t->on_stack))
		return;
	memcpy(t->on_stack, spans, nr * sizeof(*spans));
	t->nr_on_stack = nr;
}

void target_forget_kind(struct target *t, enum thing_kind kind)
{
	struct thing *thing, *next;

	HASH_ITER (hh, t->things, thing, next) {
		if (thing->key.kind != kind)
			continue;
		HASH_DEL(t->things, thing);
		free(thing);
	}
}

void target_forget_thing(struct target *t, enum thing_kind kind, uint64_t object, uint64_t detail)
{
	struct thing *thing = target_thing(t, kind, object, detail);

	if (!thing)
		return;
	HASH_DEL(t->things, thing);
	free(thing);
}

int target_read_maps(struct target *t)
{
	struct proc_maps fresh;
	int r = proc_read_maps((pid_t)t->pid, &fresh);

	if (r < 0)
		return r;
	proc_maps_done(&t->maps);
	t->maps = fresh;
	target_native_forget(t);
	return 0;
}

const struct proc_map *target_map(struct target *t, uaddr_t address)
{
	const struct proc_map *map = proc_maps_find(&t->maps, address);

	if (map || target_read_maps(t) < 0)
		return map;
	return proc_maps_find(&t->maps, address);
}

static struct elf_image *image_of_map(struct targets *all, struct target *t,
				      const struct proc_map *map)
{
	struct image_key key = {.dev = map->dev, .ino = map->ino};
	struct image *i;
	int fd;

	HASH_FIND(hh, all->images, &key, sizeof(key), i);
	if (i)
		return i->elf;
	if (proc_open_mapped((pid_t)t->pid, map, &fd) < 0)
		return NULL;
	i = calloc(1, sizeof(*i));
	if (i) {
		i->key = key;
		if (elf_open_fd(fd, &i->elf) < 0)
			i->elf = NULL;
		hash_failed = false;
		HASH_ADD(hh, all->images, key, sizeof(key), i);
		if (hash_failed) {
			elf_free(i->elf);
			free(i);
			i = NULL;
		}
	}
	close(fd);
	return i ? i->elf : NULL;
}

static struct elf_image *image_of_vdso(struct targets *all)
{
	if (!all->vdso && elf_open_vdso(&all->vdso) < 0)
		all->vdso = NULL;
	return all->vdso;
}

struct elf_image *targets_image_of(struct targets *all, struct target *t, uaddr_t address,
				   const struct proc_map **ret_map, uint64_t *ret_vaddr)
{
	const struct proc_map *map = target_map(t, address);
	struct elf_image *elf;

	if (!map || (!map->ino && strcmp(map->path, "[vdso]") != 0))
		return NULL;
	elf = map->ino ? image_of_map(all, t, map) : image_of_vdso(all);
	*ret_map = map;
	if (!elf || elf_vaddr_of_offset(elf, address - map->start + map->offset, ret_vaddr) < 0)
		return NULL;
	return elf;
}

struct elf_image *targets_image_at(struct targets *all, struct target *t, uaddr_t address,
				   const struct proc_map **ret_map, uint64_t *ret_vaddr)
{
	const struct proc_map *map = target_map(t, address);

	return map && proc_map_is_code(map) ? targets_image_of(all, t, address, ret_map, ret_vaddr)
					    : NULL;
}

void target_add_vm(struct target *t, const struct lua_vm *vm)
{
	uint32_t at = 0;

	while (at < t->vms.nr && t->vms.vm[at].global != vm->global)
		at++;
	if (at >= BPROF_MAX_VMS)
		return;
	t->vms.vm[at] = *vm;
	t->search.left = 0; /* and never again: freed memory looks like a VM for a while */
	if (at >= t->vms.nr)
		t->vms.nr = at + 1;
}

void target_remove_vm(struct target *t, uint64_t state)
{
	for (uint32_t i = 0; i < t->vms.nr; i++) {
		if (t->vms.vm[i].main != state)
			continue;
		t->vms.nr--;
		t->vms.vm[i] = t->vms.vm[t->vms.nr];
		return;
	}
}

const struct lua_vm *target_vm(const struct target *t, uint64_t global)
{
	for (uint32_t i = 0; i < t->vms.nr; i++)
		if (t->vms.vm[i].global == global)
			return &t->vms.vm[i];
	return NULL;
}

const struct lua_vm *target_vm_of(const struct target *t, uint64_t state)
{
	for (uint32_t i = 0; i < t->vms.nr; i++)
		if (t->vms.vm[i].main == state)
			return &t->vms.vm[i];
	return NULL;
}
