/* SPDX-License-Identifier: MIT */
/*
 * The vDSO as an ELF file. It is in no file system, and the same in every 64-bit process: ours is
 * copied. The clock of a Lua program lives there, so samples fall into it.
 */
#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "elf_file.h"
#include "proc.h"

/* A mapping of ours as a file. */
static int copy_to_memory_file(uaddr_t start, size_t len)
{
	const void *bytes = (const void *)(uintptr_t)start;
	int fd = memfd_create("vdso", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, len) != (ssize_t)len) {
		close(fd);
		return -EIO;
	}
	return fd;
}

int elf_open_vdso(struct elf_image **ret)
{
	uaddr_t start = getauxval(AT_SYSINFO_EHDR);
	const struct proc_map *map;
	struct proc_maps maps;
	int fd, r;

	if (!start)
		return -ENOENT;
	r = proc_read_maps(getpid(), &maps);
	if (r < 0)
		return r;
	map = proc_maps_find(&maps, start);
	fd = map ? copy_to_memory_file(map->start, map->end - map->start) : -ENOENT;
	proc_maps_done(&maps);
	if (fd < 0)
		return fd;
	r = elf_open_fd(fd, ret);
	close(fd);
	return r;
}
