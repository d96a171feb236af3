/* SPDX-License-Identifier: MIT */
#include "walkers.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base.h"
#include "load_log.h"
#include "log.h"

#include "luajit.skel.h"
#include "puc.skel.h"

static const struct {
	const char *program;
	const void *(*elf)(size_t *bytes);
} families[BPROF_NR_FAMILIES] = {
	[BPROF_FAMILY_PUC] = {"walk_puc", puc_bpf__elf_bytes},
	[BPROF_FAMILY_LUAJIT] = {"walk_luajit", luajit_bpf__elf_bytes},
};

/* Declared in every object: bpf/shared_maps.h, bpf/relay.h. */
static const char *const shared_maps[] = {
	"ring", "seen_protos", ".data.counters", "walks", "walkers", "announcements",
};

static int share_maps(struct bpf_object *object, const struct bpf_object *base)
{
	for (size_t i = 0; i < ARRAY_SIZE(shared_maps); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, shared_maps[i]);
		const struct bpf_map *made = bpf_object__find_map_by_name(base, shared_maps[i]);
		int err = map && made ? bpf_map__reuse_fd(map, bpf_map__fd(made)) : -ENOENT;

		if (err < 0)
			return err;
	}
	return 0;
}

/* In the sampling program's table: the next sample finds it there. */
static int put_in_place(const struct bpf_object *object, uint32_t family)
{
	int table = bpf_object__find_map_fd_by_name(object, "walkers");
	int program =
		bpf_program__fd(bpf_object__find_program_by_name(object, families[family].program));

	return bpf_map_update_elem(table, &family, &program, BPF_ANY) < 0 ? -errno : 0;
}

static int load(struct walker *walker, enum bprof_family family, const struct bpf_object *base)
{
	size_t bytes;
	const void *elf = families[family].elf(&bytes);
	int err;

	walker->object = bpf_object__open_mem(elf, bytes, NULL);
	if (!walker->object)
		return -errno;
	err = share_maps(walker->object, base);
	if (!err)
		err = bpf_object__load(walker->object);
	return err < 0 ? err : put_in_place(walker->object, family);
}

int walkers_need(struct walkers *w, enum bprof_family family, const struct bpf_object *base)
{
	struct walker *walker;

	if (family >= BPROF_NR_FAMILIES || !families[family].program)
		return -EINVAL;
	walker = &w->of[family];
	if (walker->object || walker->error)
		return walker->error;
	load_log_begin();
	walker->error = load(walker, family, base);
	if (walker->error < 0)
		log_warn("perf", "perf::walker program=%s, error=%s, reason=%s",
			 families[family].program, strerror(-walker->error), load_log_reason());
	else
		log_debug("perf", "perf::walker program=%s", families[family].program);
	return walker->error;
}

int walkers_set_pc_table(struct walkers *w, uint32_t index, const struct puc_pc_table *table)
{
	const struct bpf_object *object = w->of[BPROF_FAMILY_PUC].object;
	int fd = object ? bpf_object__find_map_fd_by_name(object, "pc_tables") : -ENOENT;

	if (fd < 0)
		return fd;
	return bpf_map_update_elem(fd, &index, table, BPF_ANY) < 0 ? -errno : 0;
}

void walkers_free(struct walkers *w)
{
	for (size_t i = 0; i < BPROF_NR_FAMILIES; i++)
		bpf_object__close(w->of[i].object);
}
