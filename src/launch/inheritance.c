/* SPDX-License-Identifier: MIT */
#include "inheritance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int compare_fds(const void *a, const void *b)
{
	int left = *(const int *)a, right = *(const int *)b;

	return (left > right) - (left < right);
}

static bool fd_survives_exec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* Whoever opened them gave them to the command, not to us: a shell's <(list), make's jobserver. */
static int fds_save(struct inheritance *inheritance)
{
	DIR *list = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!list)
		return -errno;
	while ((entry = readdir(list)) && inheritance->nr_fds < INHERITANCE_MAX_FDS) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);

		if (end == entry->d_name || *end || fd < 3 || fd > INT_MAX || fd == dirfd(list))
			continue;
		if (fd_survives_exec((int)fd))
			inheritance->fds[inheritance->nr_fds++] = (int)fd;
	}
	closedir(list);
	qsort(inheritance->fds, inheritance->nr_fds, sizeof(inheritance->fds[0]), compare_fds);
	return 0;
}

int inheritance_save(struct inheritance *ret)
{
	*ret = (struct inheritance){0};
	if (sigprocmask(SIG_SETMASK, NULL, &ret->mask) < 0)
		return -errno;
	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &ret->actions[number]) < 0)
			ret->actions[number].sa_handler = SIG_DFL; /* reserved by the libc */
	ret->umask = umask(0);
	umask(ret->umask);
	return fds_save(ret);
}

static int mark_close_on_exec(unsigned first, unsigned last)
{
	if (first > last || syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
	return -errno;
}

int inheritance_mark_all_fds(void)
{
	return mark_close_on_exec(3, UINT_MAX);
}

static int fds_restore(const struct inheritance *inheritance)
{
	unsigned next = 3;

	for (size_t i = 0; i < inheritance->nr_fds; i++) {
		unsigned keep = (unsigned)inheritance->fds[i];
		int r = mark_close_on_exec(next, keep - 1);

		if (r < 0)
			return r;
		next = keep + 1;
	}
	return mark_close_on_exec(next, UINT_MAX);
}

int inheritance_restore(const struct inheritance *inheritance, mode_t mask)
{
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action = {.sa_handler = SIG_DFL};

		if (inheritance->actions[number].sa_handler == SIG_IGN)
			action.sa_handler = SIG_IGN;
		/* SIGKILL, SIGSTOP and the libc's own cannot be set, and need not be. */
		sigaction(number, &action, NULL);
	}
	umask(mask == (mode_t)-1 ? inheritance->umask : mask);
	if (sigprocmask(SIG_SETMASK, &inheritance->mask, NULL) < 0)
		return -errno;
	return fds_restore(inheritance);
}
