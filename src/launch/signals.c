/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <errno.h>
#include <sys/signalfd.h>

#include "clock.h"

#include "ancestry.h"

#define SAME_WISH_NS 50000000u

static const int taken_signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};

/*
 * Under use_pty the parent is sudo's monitor and leads the session; what it relays goes to our
 * whole process group, hence to the command too.
 */
static void find_monitor(struct signals *signals)
{
	struct ancestor parent;

	if (getpgrp() != getpid() || getppid() != getsid(0))
		return;
	if (ancestor_read(getppid(), &parent) < 0)
		return;
	signals->monitored = ancestor_is_sudo_of(&parent, parent.real_uid);
	signals->monitor = parent.pid;
}

int signals_open(const struct inheritance *inheritance, struct signals *ret)
{
	struct signals signals = {.fd = -1};

	sigemptyset(&signals.taken);
	for (size_t i = 0; i < ARRAY_SIZE(taken_signals); i++)
		if (inheritance->actions[taken_signals[i]].sa_handler != SIG_IGN)
			sigaddset(&signals.taken, taken_signals[i]);
	if (sigprocmask(SIG_BLOCK, &signals.taken, NULL) < 0)
		return -errno;
	signals.fd = signalfd(-1, &signals.taken, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals.fd < 0) {
		int r = -errno;

		sigprocmask(SIG_SETMASK, &inheritance->mask, NULL);
		return r;
	}
	signal(SIGPIPE, SIG_IGN);
	/* Where it was ignored, wait() would have nobody to report. */
	signal(SIGCHLD, SIG_DFL);
	find_monitor(&signals);
	*ret = signals;
	return 0;
}

void signals_close(struct signals *signals)
{
	struct signalfd_siginfo info;

	if (signals->fd < 0)
		return;
	/* the Ctrl-C that ended the command came to us as well: it must not end us before the
	 * report */
	while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
	close(signals->fd);
	signals->fd = -1;
	sigprocmask(SIG_UNBLOCK, &signals->taken, NULL);
}

enum signal_action signals_decide(struct signals *signals, bool from_terminal, pid_t sender,
				  uint64_t now_ns)
{
	bool same_wish = signals->interrupts > 0 && now_ns - signals->last_ns < SAME_WISH_NS;

	signals->last_ns = now_ns;
	if (same_wish)
		return SIGNAL_WAIT;
	signals->interrupts++;
	if (signals->interrupts == 2)
		return SIGNAL_REPORT;
	if (signals->interrupts > 2)
		return SIGNAL_DIE;
	if (from_terminal || (signals->monitored && sender == signals->monitor))
		return SIGNAL_WAIT;
	return SIGNAL_FORWARD;
}

enum signal_action signals_next(struct signals *signals, int *ret_number)
{
	struct signalfd_siginfo info;
	ssize_t length = read(signals->fd, &info, sizeof(info));

	if (length != sizeof(info))
		return SIGNAL_NOTHING;
	*ret_number = (int)info.ssi_signo;
	return signals_decide(signals, info.ssi_code == SI_KERNEL, (pid_t)info.ssi_pid,
			      monotonic_ns());
}

void signals_die(int number)
{
	sigset_t only;

	signal(number, SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	_exit(128 + number);
}
