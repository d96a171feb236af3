/* SPDX-License-Identifier: MIT */
#include "stop.h"

#include "base.h"

volatile sig_atomic_t stopped_by;

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static void stop(int number)
{
	stopped_by = number;
}

void stop_on_signals(void)
{
	struct sigaction action = {.sa_handler = stop}; /* no SA_RESTART: waiting ends */

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct sigaction old;

		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(ends[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

void stop_by_signals_again(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		signal(ends[i], SIG_DFL);
}
