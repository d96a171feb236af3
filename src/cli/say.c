/* SPDX-License-Identifier: MIT */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define TAIL_BYTES 4000

static void say(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

static void say(const char *fmt, va_list args)
{
	char line[4096];

	/* names of files and commands come from outside: no control character reaches the terminal
	 */
	vsnprintf(line, sizeof(line), fmt, args);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fprintf(stderr, "bprof-perf: %s\n", line);
}

void say_note(bool quiet, const char *fmt, ...)
{
	va_list args;

	if (quiet)
		return;
	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void say_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void say_tail(const char *path, unsigned most)
{
	char text[TAIL_BYTES + 1], *line, *rest = text;
	FILE *log = fopen(path, "re");
	size_t len, nr_lines = 0;

	if (!log)
		return;
	if (fseek(log, -TAIL_BYTES, SEEK_END) < 0)
		rewind(log);
	len = fread(text, 1, TAIL_BYTES, log);
	fclose(log);
	text[len] = 0;
	while (len > 0 && nr_lines <= most)
		nr_lines += text[--len] == '\n';
	rest = text + len + (nr_lines > most);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			say_error("| %s", line);
}

unsigned terminal_width(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 0;
}
