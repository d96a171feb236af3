/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "log.h"

static char complaints[512];

static void complain(const char *part)
{
	strncat(complaints, part, sizeof(complaints) - strlen(complaints) - 2);
	strncat(complaints, ";", 2);
}

static void configure(const char *filter)
{
	complaints[0] = 0;
	log_configure(filter, complain);
}

Test(log, warns_before_anything_was_configured)
{
	cr_assert(log_enabled(LOG_WARN, "exec"));
	cr_assert(not(log_enabled(LOG_INFO, "exec")));
}

Test(log, empty_filter_means_warn)
{
	configure("trace");
	configure("");
	cr_assert(log_enabled(LOG_WARN, "exec"));
	cr_assert(not(log_enabled(LOG_INFO, "exec")));
	configure(NULL);
	cr_assert(log_enabled(LOG_ERROR, "cli"));
	cr_assert(not(log_enabled(LOG_DEBUG, "cli")));
}

Test(log, bare_level_reaches_all_but_the_noisy_targets)
{
	configure("trace");
	cr_assert(log_enabled(LOG_TRACE, "exec"));
	cr_assert(log_enabled(LOG_TRACE, "symbols::elf"));
	cr_assert(not(log_enabled(LOG_ERROR, "unwind")));
	cr_assert(not(log_enabled(LOG_ERROR, "bpf::load")));
}

Test(log, noisy_target_is_heard_when_named)
{
	configure("warn,unwind=trace");
	cr_assert(log_enabled(LOG_TRACE, "unwind"));
	cr_assert(log_enabled(LOG_TRACE, "unwind::puc"));
	cr_assert(not(log_enabled(LOG_INFO, "exec")));
	configure("bpf");
	cr_assert(log_enabled(LOG_TRACE, "bpf"), "a target alone means all of it");
}

Test(log, most_specific_target_wins_in_any_order)
{
	configure("exec::wait=trace,exec=error,info");
	cr_assert(log_enabled(LOG_TRACE, "exec::wait"));
	cr_assert(not(log_enabled(LOG_WARN, "exec::start")));
	cr_assert(log_enabled(LOG_INFO, "perf"));
	configure("exec=error,exec::wait=trace");
	cr_assert(log_enabled(LOG_TRACE, "exec::wait"));
	cr_assert(not(log_enabled(LOG_WARN, "exec::start")));
}

Test(log, target_matches_whole_words_only)
{
	configure("off,exec=debug");
	cr_assert(log_enabled(LOG_DEBUG, "exec::x"));
	cr_assert(not(log_enabled(LOG_ERROR, "executor")));
	cr_assert(not(log_enabled(LOG_ERROR, "exec:x")));
}

Test(log, off_silences_even_errors)
{
	configure("off");
	cr_assert(not(log_enabled(LOG_ERROR, "cli")));
	configure("trace,cli=off");
	cr_assert(not(log_enabled(LOG_ERROR, "cli")));
	cr_assert(log_enabled(LOG_TRACE, "perf"));
}

Test(log, levels_are_read_without_regard_to_case_and_blanks)
{
	configure(" DEBUG , unwind=Trace ");
	cr_assert_str_eq(complaints, "");
	cr_assert(log_enabled(LOG_DEBUG, "cli"));
	cr_assert(log_enabled(LOG_TRACE, "unwind"));
}

Test(log, invalid_parts_are_reported_and_the_rest_applies)
{
	configure("loud,exec=debug,nosuch=trace,perf=verbose,,=info");
	cr_assert_str_eq(complaints, "loud;nosuch=trace;perf=verbose;=info;");
	cr_assert(log_enabled(LOG_DEBUG, "exec"));
	cr_assert(log_enabled(LOG_WARN, "perf"));
	cr_assert(not(log_enabled(LOG_INFO, "perf")));
}

Test(log, overlong_part_is_reported_not_cut_and_applied)
{
	char filter[400] = "exec";

	memset(filter + 4, ':', 300);
	filter[304] = 0;
	configure(filter);
	cr_assert_str_neq(complaints, "");
	cr_assert(not(log_enabled(LOG_INFO, "exec")));
}

Test(log, more_directives_than_fit_are_reported)
{
	char filter[2048] = "";

	for (int i = 0; i < 40; i++) {
		char part[32];

		snprintf(part, sizeof(part), "exec::part%d=debug,", i);
		strcat(filter, part);
	}
	configure(filter);
	cr_assert_str_neq(complaints, "");
	cr_assert(log_enabled(LOG_DEBUG, "exec::part0"));
}

static void read_back(FILE *stream, char *line, size_t size)
{
	rewind(stream);
	cr_assert(ne(ptr, fgets(line, (int)size, stream), NULL));
}

Test(log, line_has_clock_level_target_event_and_pairs)
{
	FILE *stream = tmpfile();
	char line[256];

	configure("debug");
	log_set_stream(stream);
	log_debug("exec", "start pid=%d, path=%s", 42, "/bin/true");
	log_trace("exec", "not written");
	read_back(stream, line, sizeof(line));
	cr_assert_str_eq(line + strlen("00:00:00.000 "),
			 "debug exec::start pid=42, path=/bin/true\n");
	cr_assert(eq(ptr, fgets(line, sizeof(line), stream), NULL), "one line only");
	fclose(stream);
}

Test(log, colour_marks_the_level_word_only)
{
	FILE *stream = tmpfile();
	char line[256];

	configure("warn");
	log_set_stream(stream);
	log_set_colour(true);
	log_warn("perf", "lost samples=3");
	read_back(stream, line, sizeof(line));
	cr_assert(ne(ptr, strstr(line, "\033[33mwarn \033[0m perf::lost samples=3\n"), NULL));
	fclose(stream);
}

Test(log, control_characters_of_foreign_names_are_disarmed)
{
	FILE *stream = tmpfile();
	char line[256];

	configure("warn");
	log_set_stream(stream);
	log_warn("report", "test name=%s",
		 "a\033]0;x\a\nb\xc2\x9b"
		 "2J");
	read_back(stream, line, sizeof(line));
	cr_assert(ne(ptr, strstr(line, "name=a?]0;x??b?"), NULL));
	cr_assert(eq(ptr, strchr(line, '\033'), NULL));
	fclose(stream);
}

Test(log, overlong_message_is_cut_not_overrun)
{
	FILE *stream = tmpfile();
	char line[4096], name[3000];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	configure("warn");
	log_set_stream(stream);
	log_warn("report", "test name=%s", name);
	read_back(stream, line, sizeof(line));
	cr_assert(lt(sz, strlen(line), 1200));
	cr_assert(eq(chr, line[strlen(line) - 1], '\n'));
	fclose(stream);
}
