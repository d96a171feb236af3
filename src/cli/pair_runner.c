/* SPDX-License-Identifier: MIT */
/*
 * Orders and answers go through a socket pair of whole messages. Its end is the only signal between
 * the halves: where the judging half stops or dies, the run that is under way is ended, and so is
 * the runner.
 *
 * Each run is one of our own recorder: the same boundaries, the same exact times, the same user and
 * environment as `run`. It takes no samples; see docs/adr/0011.
 */
#include "pair_runner.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "recorder_child.h"
#include "words.h"

#define OURSELVES "/proc/self/exe"

struct order {
	uint32_t side;
	uint32_t counted;
	uint32_t skipped_bytes;
	char directory[PATH_MAX];
	char skipped[PAIR_RUNNER_SKIPPED_BYTES]; /* names, each with its NUL */
};

struct answer {
	int32_t status;
};

struct half {
	const struct session *session;
	struct paired_command commands[NR_SIDES];
	const char *log_path;
	int fd;
};

/* ---- one recorder -------------------------------------------------------------------------- */

static void add_skipped(struct words *w, const struct order *order)
{
	for (size_t at = 0; at < order->skipped_bytes; at += strlen(order->skipped + at) + 1)
		words_addf(w, "--skip-file=%s", order->skipped + at);
}

static void add_recorder(struct words *w, const struct session *session, const struct order *order,
			 char *const *command)
{
	static const char *const settings[] = {
		"run",		"--quiet",	     "--testing-method=normal", "--format=json",
		"--event=none", "--boundaries=hook", "--gc-before-tests"};

	words_add(w, "bprof-perf");
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		words_add(w, settings[i]);
	if (order->counted)
		words_add(w, "--mode=count");
	add_skipped(w, order);
	if (session->options->user)
		words_addf(w, "--user=%s", session->options->user);
	if (session->options->keep_root)
		words_add(w, "--keep-root");
	words_addf(w, "--output=%s", order->directory);
	words_add(w, "--");
	for (; *command; command++)
		words_add(w, *command);
}

/* A group of its own: Ctrl-C is for us, and we end all of it. */
static void become_recorder(const struct half *half, const struct order *order, pid_t runner)
{
	const struct paired_command *command = &half->commands[order->side];
	struct words words = {0};

	if (recorder_child_begin(runner, half->session->identity, half->log_path) < 0 ||
	    (command->directory && chdir(command->directory) < 0))
		_exit(125);
	add_recorder(&words, half->session, order, command->argv);
	if (!words.error)
		execv(OURSELVES, words.list);
	_exit(125);
}

/* Until it ends, or nobody wants to know any more. */
static int await(const struct half *half, pid_t pid)
{
	struct pollfd fds[] = {{.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN},
			       {.fd = half->fd, .events = POLLRDHUP}};
	int r;

	do
		r = poll(fds, ARRAY_SIZE(fds), -1);
	while (r < 0 && errno == EINTR);
	if (!fds[0].revents)
		recorder_child_end(pid, fds[0].fd);
	close(fds[0].fd);
	return recorder_child_status(pid);
}

/* It comes from the half with less rights. */
static bool is_sound(const struct order *order)
{
	size_t skipped = order->skipped_bytes;

	return order->side < NR_SIDES && memchr(order->directory, 0, sizeof(order->directory)) &&
	       skipped <= sizeof(order->skipped) &&
	       (skipped == 0 || order->skipped[skipped - 1] == 0);
}

static int obey(const struct half *half, const struct order *order)
{
	pid_t runner = getpid(), pid;

	if (!is_sound(order))
		return -EINVAL;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_recorder(half, order, runner);
	setpgid(pid, pid);
	return await(half, pid);
}

/* ---- the runner ---------------------------------------------------------------------------- */

/* A handler, not SIG_IGN: recorders must not inherit that. */
static void stay(int number)
{
	(void)number;
}

static void serve(const struct half *half)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = stay, .sa_flags = SA_RESTART};
	struct order order;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaction(ends[i], &action, NULL);
	while (recv(half->fd, &order, sizeof(order), 0) == (ssize_t)sizeof(order)) {
		struct answer answer = {.status = obey(half, &order)};

		if (send(half->fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

int pair_runner_start(const struct session *session, const struct paired_command commands[NR_SIDES],
		      const char *log_path, struct pair_runner *ret)
{
	struct half half = {.session = session,
			    .commands = {commands[SIDE_BASE], commands[SIDE_HEAD]},
			    .log_path = log_path};
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		half.fd = ends[1];
		serve(&half);
	}
	close(ends[1]);
	if (pid < 0) {
		int r = -errno;

		close(ends[0]);
		return r;
	}
	*ret = (struct pair_runner){.fd = ends[0], .pid = pid};
	return 0;
}

/* ---- the judging half ---------------------------------------------------------------------- */

static void order_skipped(struct order *order, const char *const *skipped)
{
	for (; skipped && *skipped; skipped++) {
		size_t len = strlen(*skipped) + 1;

		if (len > sizeof(order->skipped) - order->skipped_bytes)
			return;
		memcpy(order->skipped + order->skipped_bytes, *skipped, len);
		order->skipped_bytes += (uint32_t)len;
	}
}

int pair_runner_run(struct pair_runner *runner, enum side side, const struct pair_run *run,
		    const volatile sig_atomic_t *stop)
{
	struct order order = {.side = side, .counted = run->counted};
	struct answer answer;
	ssize_t n;

	if (strlen(run->directory) >= sizeof(order.directory))
		return -ENAMETOOLONG;
	if (*stop)
		return -ECANCELED;
	memcpy(order.directory, run->directory, strlen(run->directory) + 1);
	order_skipped(&order, run->skipped);
	if (send(runner->fd, &order, sizeof(order), MSG_NOSIGNAL) < 0)
		return -errno;
	while ((n = recv(runner->fd, &answer, sizeof(answer), 0)) < 0 && errno == EINTR)
		if (*stop)
			shutdown(runner->fd, SHUT_WR);
	if (*stop)
		return -ECANCELED;
	return n == (ssize_t)sizeof(answer) ? answer.status : -EPIPE;
}

void pair_runner_close(struct pair_runner *runner)
{
	if (runner->fd < 0)
		return;
	close(runner->fd);
	runner->fd = -1;
	while (waitpid(runner->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
