/* SPDX-License-Identifier: MIT */
/*
 * The reason of a refusal, taken from libbpf's messages as they come.
 *
 * libbpf 1.1 says "prog 'X': BPF program load failed: CAUSE" first, and then in one message the
 * verifier's log between two marks. That log may have a million lines: its end is what matters, and
 * of a global function (they are verified one by one) the line that names it.
 */
#include "load_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base.h"
#include "log.h"

#define LOG_BEGINS  "-- BEGIN PROG LOAD LOG --"
#define LOG_ENDS    "-- END PROG LOAD LOG --"
#define STATISTICS  "processed " /* the verifier's last line, not a reason */
#define VALIDATING  "Validating "
#define LAST_LINES  3
#define MAX_LINE    160
#define MAX_REASON  768
#define MAX_WARNING 256

static struct {
	char warning[MAX_WARNING]; /* the first */
	char function[64];	   /* being verified, "walk_step()" */
	char last[LAST_LINES][MAX_LINE];
	size_t nr_lines; /* of the verifier, this one's in last[nr_lines % LAST_LINES] */
	char reason[MAX_REASON];
} said;

static void hear_verifier(const char *line)
{
	size_t length = strlen(line);

	/* "-v" shows the whole of it: nobody can ask the verifier of another machine again */
	log_info("perf", "verifier %s", line);
	if (strncmp(line, VALIDATING, strlen(VALIDATING)) == 0) {
		const char *name = line + strlen(VALIDATING);

		snprintf(said.function, sizeof(said.function), "%.*s", (int)strcspn(name, " "),
			 name);
	} else if (length > 0 && strncmp(line, STATISTICS, strlen(STATISTICS)) != 0) {
		snprintf(said.last[said.nr_lines % LAST_LINES], MAX_LINE, "%s", line);
		said.nr_lines++;
	}
}

void load_log_hear(const char *message, bool is_warning)
{
	bool is_verifier = false;

	while (*message) {
		size_t length = strcspn(message, "\n");
		char line[1024];

		snprintf(line, sizeof(line), "%.*s", (int)length, message);
		message += length + (message[length] == '\n');
		if (strncmp(line, LOG_ENDS, strlen(LOG_ENDS)) == 0)
			is_verifier = false;
		else if (is_verifier)
			hear_verifier(line);
		else if (strstr(line, LOG_BEGINS))
			is_verifier = true;
		else if (is_warning && !said.warning[0])
			snprintf(said.warning, sizeof(said.warning), "%.*s", MAX_WARNING - 1, line);
		if (!is_verifier)
			log_at(is_warning ? LOG_DEBUG : LOG_TRACE, "bpf", "libbpf %s", line);
	}
}

static int hear_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

static int hear_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char *message;

	if (vasprintf(&message, fmt, args) < 0)
		return 0;
	load_log_hear(message, level == LIBBPF_WARN);
	free(message);
	return 0;
}

void load_log_begin(void)
{
	memset(&said, 0, sizeof(said));
	libbpf_set_print(hear_libbpf);
}

const char *load_log_reason(void)
{
	size_t nr = said.nr_lines < LAST_LINES ? said.nr_lines : LAST_LINES, used;

	if (!said.warning[0])
		return "no reason given";
	if (!nr)
		return said.warning;
	used = (size_t)snprintf(said.reason, MAX_REASON, "%s; the verifier%s%s:", said.warning,
				said.function[0] ? ", in " : "", said.function);
	for (size_t i = said.nr_lines - nr; i < said.nr_lines && used < MAX_REASON; i++)
		used += (size_t)snprintf(said.reason + used, MAX_REASON - used, "%s %s",
					 i > said.nr_lines - nr ? " |" : "",
					 said.last[i % LAST_LINES]);
	return said.reason;
}
