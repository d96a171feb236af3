/* SPDX-License-Identifier: MIT */
/*
 * Signals as events of a poll loop, and what each asks us to do.
 *
 *	first Ctrl-C		the terminal gave it to the command as well: we wait, then report
 *	SIGINT by kill		forwarded; then as above
 *	second			we stop waiting and report what there is
 *	third			we die of it
 *	SIGTERM, SIGHUP		forwarded; counted like Ctrl-C
 *	SIGQUIT			as SIGINT
 *	SIGTSTP, SIGCONT, ...	not touched: we stop and go on together with the command
 *
 * A signal that was ignored when we were started (nohup, a shell's background job) stays ignored.
 */
#ifndef BPROF_SIGNALS_H
#define BPROF_SIGNALS_H

#include <signal.h>
#include <sys/types.h>

#include "base.h"
#include "inheritance.h"

enum signal_action {
	SIGNAL_NOTHING, /* no signal was waiting */
	SIGNAL_WAIT,	/* the command has it already: go on until it ends */
	SIGNAL_FORWARD, /* give @number to the command, then as SIGNAL_WAIT */
	SIGNAL_REPORT,	/* stop waiting for the command; write what there is */
	SIGNAL_DIE,	/* clean up nothing that takes time; signals_die() */
};

struct signals {
	int fd; /* for poll(): readable when signals_next() has something to say */
	sigset_t taken;
	unsigned interrupts; /* how often the user wanted an end */
	uint64_t last_ns;    /* when, last */
	bool monitored;	     /* sudo's pty monitor is our parent: it signals whole process groups */
	pid_t monitor;
};

/*
 * Takes the signals listed above away from their default actions, and ignores SIGPIPE: a closed
 * stderr must not end a run. 0 or -errno.
 */
int signals_open(const struct inheritance *inheritance, struct signals *ret) MUST_CHECK;
void signals_close(struct signals *signals);

/* The next waiting signal's meaning; @ret_number is set unless SIGNAL_NOTHING. Never blocks. */
enum signal_action signals_next(struct signals *signals, int *ret_number);

/**
 * signals_decide() - what signals_next() decides by; for tests
 * @from_terminal: si_code is SI_KERNEL: the terminal driver sent it to the foreground group
 * @sender:        si_pid, 0 when not known
 * @now_ns:        monotonic; what follows another within 50 ms is the same wish: timeout(1) signals
 *                 its child and then the whole group
 *
 * Source: kernel drivers/tty/n_tty.c isig() (SEND_SIG_PRIV); sudo 1.9.13p3 exec_monitor.c
 * deliver_signal(): killpg() on the command's group.
 */
enum signal_action signals_decide(struct signals *signals, bool from_terminal, pid_t sender,
				  uint64_t now_ns);

/* Ends us by @number, as its default action does, so that a shell sees why. */
void signals_die(int number) __attribute__((noreturn));

#endif
