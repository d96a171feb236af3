/* SPDX-License-Identifier: MIT */
/* What each signal asks of us. Ctrl-C on a real terminal and behind sudo: tests/live. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <sys/wait.h>

#include "signals.h"

#define MS 1000000ull

static struct inheritance inheritance;
static struct signals signals = {.fd = -1};

static void begin(void)
{
	cr_assert(eq(int, inheritance_save(&inheritance), 0));
}

static void end(void)
{
	signals_close(&signals);
}

TestSuite(signals, .init = begin, .fini = end, .timeout = 10);

Test(signals, first_from_the_terminal_waits_second_reports_third_dies)
{
	struct signals s = {.fd = -1};

	cr_assert(eq(int, signals_decide(&s, true, 0, 1000 * MS), SIGNAL_WAIT));
	cr_assert(eq(int, signals_decide(&s, true, 0, 2000 * MS), SIGNAL_REPORT));
	cr_assert(eq(int, signals_decide(&s, true, 0, 3000 * MS), SIGNAL_DIE));
	cr_assert(eq(int, signals_decide(&s, true, 0, 4000 * MS), SIGNAL_DIE));
}

Test(signals, one_sent_by_kill_is_forwarded)
{
	struct signals s = {.fd = -1};

	cr_assert(eq(int, signals_decide(&s, false, 4711, 1000 * MS), SIGNAL_FORWARD));
	cr_assert(eq(int, signals_decide(&s, false, 4711, 2000 * MS), SIGNAL_REPORT));
}

Test(signals, one_relayed_by_sudos_monitor_reached_the_command_as_well)
{
	struct signals s = {.fd = -1, .monitored = true, .monitor = 99};

	cr_assert(eq(int, signals_decide(&s, false, 99, 1000 * MS), SIGNAL_WAIT));
	s.interrupts = 0;
	cr_assert(eq(int, signals_decide(&s, false, 4711, 2000 * MS), SIGNAL_FORWARD));
}

Test(signals, echo_of_the_same_wish_does_not_count_again)
{
	struct signals s = {.fd = -1};

	cr_assert(eq(int, signals_decide(&s, false, 1, 1000 * MS), SIGNAL_FORWARD));
	cr_assert(eq(int, signals_decide(&s, false, 2, 1010 * MS), SIGNAL_WAIT));
	cr_assert(eq(uint, s.interrupts, 1));
	cr_assert(eq(int, signals_decide(&s, true, 0, 1300 * MS), SIGNAL_REPORT));
}

Test(signals, taken_signal_is_an_event_not_our_end)
{
	int number = 0;

	cr_assert(eq(int, signals_open(&inheritance, &signals), 0));
	cr_assert(eq(int, signals_next(&signals, &number), SIGNAL_NOTHING));
	raise(SIGTERM);
	cr_assert(eq(int, signals_next(&signals, &number), SIGNAL_FORWARD));
	cr_assert(eq(int, number, SIGTERM));
	cr_assert(eq(int, signals_next(&signals, &number), SIGNAL_NOTHING));
}

Test(signals, ignored_signal_stays_ignored)
{
	int number = 0;

	signal(SIGHUP, SIG_IGN);
	cr_assert(eq(int, inheritance_save(&inheritance), 0));
	cr_assert(eq(int, signals_open(&inheritance, &signals), 0));
	raise(SIGHUP);
	cr_assert(eq(int, signals_next(&signals, &number), SIGNAL_NOTHING));
	raise(SIGINT);
	cr_assert(ne(int, signals_next(&signals, &number), SIGNAL_NOTHING));
}

Test(signals, closed_pipe_does_not_end_us)
{
	int ends[2];

	cr_assert(eq(int, signals_open(&inheritance, &signals), 0));
	cr_assert(eq(int, pipe(ends), 0));
	close(ends[0]);
	cr_assert(eq(int, (int)write(ends[1], "x", 1), -1));
	cr_assert(eq(int, errno, EPIPE));
}

Test(signals, dying_of_one_is_visible_to_the_parent)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct signals own;

		if (signals_open(&inheritance, &own) < 0)
			_exit(1);
		signals_die(SIGINT);
	}
	waitpid(pid, &status, 0);
	cr_assert(eq(int, WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGINT));
}
