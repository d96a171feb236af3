/* SPDX-License-Identifier: MIT */
/*
 * Manages what we take from /proc/PID: memory, mappings, mapped files.
 *
 * Invariant: nothing here trusts the target. Its memory is only copied, the text of its mappings is
 * checked field by field (a path can be any bytes), and its files are opened without following
 * links and only when they are regular.
 *
 * Facts: proc(5), process_vm_readv(2), openat2(2); fs/proc/task_mmu.c escapes only the newline in
 * paths, as \012.
 */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "buf.h"

#define PROC_PATH_BYTES 128 /* enough for /proc/PID/map_files/START-END */

struct proc {
	pid_t pid;
	int mem_fd;	    /* /proc/PID/mem, opened at the first need; -1 = not open */
	bool readv_refused; /* process_vm_readv() is not allowed here: do not try again */
	struct mem_reader reader;
};

/* ---- memory ---------------------------------------------------------------------------------- */

static int read_mem_file(struct proc *p, void *dst, size_t len, uaddr_t src)
{
	ssize_t n;

	if (p->mem_fd < 0) {
		char path[PROC_PATH_BYTES];

		snprintf(path, sizeof(path), "/proc/%d/mem", (int)p->pid);
		p->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (p->mem_fd < 0)
			return errno == ENOENT ? -ESRCH : -errno;
	}
	if (src > INT64_MAX)
		return -EFAULT;

	n = pread(p->mem_fd, dst, len, (off_t)src);
	if (n < 0)
		return errno == EIO ? -EFAULT : -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

static int proc_mem_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct proc *p = ctx;
	struct iovec local = {.iov_base = dst, .iov_len = len};
	struct iovec remote = {.iov_len = len};
	uaddr_t end;
	ssize_t n;

	if (len == 0)
		return 0;
	if (__builtin_add_overflow(src, len, &end))
		return -EFAULT;
	if (p->readv_refused)
		return read_mem_file(p, dst, len, src);

	/* The one place where an address of the target must look like a pointer: the system call.
	 */
	memcpy(&remote.iov_base, &src, sizeof(remote.iov_base));
	n = process_vm_readv(p->pid, &local, 1, &remote, 1, 0);
	if (n >= 0)
		return (size_t)n == len ? 0 : -EFAULT;
	if (errno == EPERM || errno == ENOSYS) {
		p->readv_refused = true;
		return read_mem_file(p, dst, len, src);
	}
	return -errno;
}

int proc_open(pid_t pid, struct proc **ret)
{
	struct proc *p;
	char path[PROC_PATH_BYTES];

	if (pid <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (access(path, F_OK) < 0)
		return errno == ENOENT ? -ESRCH : -errno;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->pid = pid;
	p->mem_fd = -1;
	p->reader = (struct mem_reader){.read = proc_mem_read, .ctx = p};
	*ret = p;
	return 0;
}

void proc_free(struct proc *p)
{
	if (!p)
		return;
	cleanup_close(&p->mem_fd);
	free(p);
}

const struct mem_reader *proc_mem(struct proc *p)
{
	return &p->reader;
}

/* ---- mapped files ---------------------------------------------------------------------------- */

/* Turns an O_PATH descriptor into a readable one, if it is a regular file of reasonable size. */
static int reopen_regular(int path_fd, uint64_t want_ino, int *ret_fd)
{
	char path[PROC_PATH_BYTES];
	struct stat st;
	int fd;

	if (fstat(path_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (want_ino && st.st_ino != want_ino)
		return -ESTALE;
	if ((uint64_t)st.st_size > PROC_MAX_FILE)
		return -EFBIG;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* /proc/PID/exe and /proc/PID/map_files are links that the kernel resolves to the object itself. */
static int open_kernel_link(const char *link, int *ret_fd)
{
	CLEANUP(cleanup_close) int path_fd = open(link, O_PATH | O_CLOEXEC);

	if (path_fd < 0)
		return -errno;
	return reopen_regular(path_fd, 0, ret_fd);
}

int proc_open_root(pid_t pid)
{
	char root[PROC_PATH_BYTES];
	int fd;

	snprintf(root, sizeof(root), "/proc/%d/root", (int)pid);
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_in_root(pid_t pid, const struct proc_map *map, int *ret_fd)
{
	/* The kernel prints resolved paths: a link on the way means that somebody changed it. */
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	CLEANUP(cleanup_close) int root_fd = -1;
	CLEANUP(cleanup_close) int path_fd = -1;

	root_fd = proc_open_root(pid);
	if (root_fd < 0)
		return root_fd;
	path_fd = (int)syscall(SYS_openat2, root_fd, map->path, &how, sizeof(how));
	if (path_fd < 0)
		return errno == ELOOP ? -ESTALE : -errno;
	return reopen_regular(path_fd, map->ino, ret_fd);
}

int proc_open_mapped(pid_t pid, const struct proc_map *map, int *ret_fd)
{
	char link[PROC_PATH_BYTES];
	int r;

	if (!map->ino || map->path[0] != '/')
		return -ENOENT;

	snprintf(link, sizeof(link), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid,
		 map->start, map->end);
	r = open_kernel_link(link, ret_fd);
	if (r == 0 || r == -EINVAL || r == -EFBIG)
		return r;
	/* No right to use map_files, or the mapping has changed meanwhile. */
	return open_in_root(pid, map, ret_fd);
}

int proc_open_exe(pid_t pid, int *ret_fd)
{
	char link[PROC_PATH_BYTES];

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	return open_kernel_link(link, ret_fd);
}

/* ---- mappings of a live process -------------------------------------------------------------- */

static int read_whole_file(const char *path, struct buf *text)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[16384];

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		r = buf_add(text, chunk, (size_t)n);
		if (r < 0)
			return r;
	}
}

int proc_read_maps(pid_t pid, struct proc_maps *ret)
{
	CLEANUP(buf_done) struct buf text;
	char path[PROC_PATH_BYTES];
	int r;

	buf_init(&text, PROC_MAX_MAPS_TEXT);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	r = read_whole_file(path, &text);
	if (r < 0)
		return r;
	/* An empty file is a kernel thread, or a process that has released its memory. */
	return proc_parse_maps(text.data ? text.data : "", text.len, ret);
}
