/* SPDX-License-Identifier: MIT */
/*
 * One target process: its memory, its mappings, the files behind them.
 */
#ifndef BPROF_PROC_H
#define BPROF_PROC_H

#include <sys/types.h>

#include <bprof/mem.h>

#include "base.h"

#define PROC_MAX_MAPS	   65536	/* mappings of one process; Linux allows 65530 by default */
#define PROC_MAX_MAPS_TEXT (32U << 20)	/* bytes of /proc/PID/maps */
#define PROC_MAX_FILE	   (1ULL << 30) /* bytes of a mapped file that we are willing to open */

struct proc;

/**
 * proc_open() - get ready to read the memory of a process
 * @pid: a process; it need not be stopped
 *
 * Return: 0; -ESRCH if there is no such process; -ENOMEM. proc_free() takes NULL.
 */
int proc_open(pid_t pid, struct proc **ret);
void proc_free(struct proc *p);

/*
 * Live memory of the process: process_vm_readv(), or /proc/PID/mem where that is not allowed.
 * Borrowed from @p. Not for several threads at once.
 */
const struct mem_reader *proc_mem(struct proc *p);

enum proc_prot {
	PROC_PROT_READ = 1 << 0,
	PROC_PROT_WRITE = 1 << 1,
	PROC_PROT_EXEC = 1 << 2,
	PROC_PROT_SHARED = 1 << 3,
};

/* One mapping. path is "" for anonymous memory, "[heap]" and its like for special memory. */
struct proc_map {
	uaddr_t start, end; /* [start, end) */
	uint64_t offset;    /* of start, in the file */
	uint64_t dev;	    /* as the kernel numbers it: major << 20 | minor */
	uint64_t ino;	    /* 0 = no file */
	unsigned prot;	    /* enum proc_prot */
	bool deleted;	    /* the kernel says that the path no longer exists */
	char *path;	    /* owned; \012 is decoded, " (deleted)" is cut off */
};

/* Sorted by address, not overlapping. */
struct proc_maps {
	struct proc_map *map;
	size_t nr;
};

/**
 * proc_read_maps() - the mappings of a process at this moment
 * @ret: set only on success; release with proc_maps_done()
 *
 * Return: 0; -ESRCH if the process is gone; -E2BIG beyond PROC_MAX_MAPS; -EBADMSG for text that is
 * not a list of mappings; -ENOMEM.
 */
int proc_read_maps(pid_t pid, struct proc_maps *ret);

/* The same from the text of a maps file. @text needs no NUL at its end. */
int proc_parse_maps(const char *text, size_t len, struct proc_maps *ret);

void proc_maps_done(struct proc_maps *maps);

/* The mapping that holds @address, or NULL. Borrowed from @maps. */
const struct proc_map *proc_maps_find(const struct proc_maps *maps, uaddr_t address);

/* A mapping of a file that may be executed: the only place where code of a VM can be. */
static inline bool proc_map_is_code(const struct proc_map *m)
{
	return (m->prot & PROC_PROT_EXEC) && m->ino;
}

/**
 * proc_open_mapped() - open the file behind a mapping
 * @ret_fd: an O_RDONLY descriptor of a regular file; the caller closes it
 *
 * Takes the very file that is mapped (/proc/PID/map_files), else the one at its path in the root of
 * the process if it still has the same inode number. Never follows a symbolic link, never opens a
 * device or a pipe.
 *
 * Return: 0; -ENOENT if nothing is mapped from a file; -EINVAL if it is not a regular file;
 * -EFBIG beyond PROC_MAX_FILE; -ESTALE if another file is at that path now; else -errno.
 */
int proc_open_mapped(pid_t pid, const struct proc_map *map, int *ret_fd);

/* The same for the executable of a process. */
int proc_open_exe(pid_t pid, int *ret_fd);

/* The directory that is "/" to a process (chroot, containers): an O_PATH descriptor, or -errno. */
int proc_open_root(pid_t pid);

#endif
