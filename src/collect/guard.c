/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base.h"

#define KERNEL_OBJECT "anon_inode:" /* what links to BPF programs, maps and events look like */
#define PROBE	      "anon_inode:bpf_link"
#define MAX_CLOSERS   256

/* Calls @fn for each open file but those of the standard streams. */
static void for_each_file(void (*fn)(int fd, const char *target, void *arg), void *arg)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;

	while (fds && (entry = readdir(fds))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);
		char target[64];
		ssize_t len = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

		if (len <= 0 || fd <= STDERR_FILENO || fd == dirfd(fds))
			continue;
		target[len] = 0;
		fn(fd, target, arg);
	}
	if (fds)
		closedir(fds);
}

static void close_file_of_user(int fd, const char *target, void *arg)
{
	const int *kept = arg;

	if (fd != *kept && strncmp(target, KERNEL_OBJECT, strlen(KERNEL_OBJECT)))
		close(fd);
}

/*
 * A helper process is there for BPF objects and events, and @pipe. It keeps nothing of the user's
 * busy: no terminal, no directory, no file.
 */
static void let_go_of_files(int pipe)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (chdir("/") < 0)
		return;
	for_each_file(close_file_of_user, &pipe);
}

/* ---- the guardian -------------------------------------------------------------------------- */

static void continue_everyone(const struct guard *guard)
{
	uint32_t *previous = NULL, key;

	*guard->stop_holding = true;
	while (bpf_map_get_next_key(guard->processes_fd, previous, &key) == 0) {
		kill((pid_t)key, SIGCONT);
		previous = &key;
	}
}

int guard_start(struct guard *guard)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int err = -errno;

		close(ends[0]);
		close(ends[1]);
		return err;
	}
	if (pid == 0) {
		close(ends[1]);
		let_go_of_files(ends[0]);
		prctl(PR_SET_NAME, "bprof-guard");
		/* a byte: all is well; end of file: bprof-perf died */
		if (read(ends[0], &byte, 1) == 0)
			continue_everyone(guard);
		_exit(0);
	}
	close(ends[0]);
	guard->fd = ends[1];
	return 0;
}

void guard_dismiss(struct guard *guard)
{
	ssize_t n;

	if (guard->fd < 0)
		return;
	n = write(guard->fd, "", 1);
	(void)n; /* a guardian that is gone needs no word */
	close(guard->fd);
	guard->fd = -1;
}

/* ---- the reaper ---------------------------------------------------------------------------- */

struct closers {
	pthread_t threads[MAX_CLOSERS];
	size_t nr;
};

static void *close_probe(void *fd)
{
	close((int)(intptr_t)fd);
	return NULL;
}

/* What gets no thread is closed when the process ends. */
static void start_closer(int fd, const char *target, void *arg)
{
	struct closers *closers = arg;

	if (strcmp(target, PROBE) || closers->nr == ARRAY_SIZE(closers->threads))
		return;
	if (pthread_create(&closers->threads[closers->nr], NULL, close_probe,
			   (void *)(intptr_t)fd) == 0)
		closers->nr++;
}

void reaper_start(void)
{
	pid_t parent = getpid();
	struct closers closers = {0};

	if (fork() != 0)
		return;
	let_go_of_files(-1);
	prctl(PR_SET_NAME, "bprof-reaper");
	while (getppid() == parent)
		usleep(5000);
	for_each_file(start_closer, &closers);
	for (size_t i = 0; i < closers.nr; i++)
		pthread_join(closers.threads[i], NULL);
	_exit(0);
}
