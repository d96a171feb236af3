/* SPDX-License-Identifier: MIT */
/*
 * Levelled, per-target logging to stderr: BPROF_LOG=warn,unwind=trace.
 *
 * Targets are matched by prefix up to "::". A line is "target::event key=value, key=value".
 * Rooms use log_debug() and log_trace() only; what users must know is said by cli/.
 */
#ifndef BPROF_LOG_H
#define BPROF_LOG_H

#include <stdio.h>

#include "base.h"

enum log_level { LOG_OFF, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* The targets there are; the noisy ones stay off under a bare level and must be named. */
#define LOG_TARGETS(X)                                                                             \
	X(cli, false)                                                                              \
	X(exec, false)                                                                             \
	X(perf, false)                                                                             \
	X(bpf, true)                                                                               \
	X(unwind, true)                                                                            \
	X(symbols, false)                                                                          \
	X(busted, false)                                                                           \
	X(report, false)

/**
 * log_configure() - set the levels from a BPROF_LOG filter
 * @filter: "level[,target=level]..."; NULL or "" = "warn"
 * @complain: called once for each part that is not valid; may be NULL
 *
 * Invalid parts are skipped, the rest applies.
 */
void log_configure(const char *filter, void (*complain)(const char *part));

/* Colour of the level word; off by default. */
void log_set_colour(bool on);

/* Where lines go; borrowed, line-buffered by log.c itself. NULL = stderr, the default. */
void log_set_stream(FILE *stream);

/* The name of a level as the filter spells it: "warn". */
const char *log_level_name(enum log_level level);

bool log_enabled(enum log_level level, const char *target);
void log_write(enum log_level level, const char *target, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_at(level, target, ...)                                                                 \
	do {                                                                                       \
		if (log_enabled(level, target))                                                    \
			log_write(level, target, __VA_ARGS__);                                     \
	} while (0)
#define log_error(target, ...) log_at(LOG_ERROR, target, __VA_ARGS__)
#define log_warn(target, ...)  log_at(LOG_WARN, target, __VA_ARGS__)
#define log_info(target, ...)  log_at(LOG_INFO, target, __VA_ARGS__)
#define log_debug(target, ...) log_at(LOG_DEBUG, target, __VA_ARGS__)
#define log_trace(target, ...) log_at(LOG_TRACE, target, __VA_ARGS__)

#endif
