/* SPDX-License-Identifier: MIT */
/*
 * What libbpf and the verifier say while programs are loaded.
 *
 * libbpf has one place for its messages in a process and gives it no context, so there is one log.
 */
#ifndef BPROF_LOAD_LOG_H
#define BPROF_LOAD_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* Forgets what was said. From now on libbpf's messages come here, and to the log. */
void load_log_begin(void);

/* One message of libbpf, of one line or many; NUL-terminated. */
void load_log_hear(const char *message, bool is_warning);

/**
 * load_log_reason() - why programs were refused, on one line
 *
 * The first warning, and if the verifier has spoken: the function it was in and its last lines,
 * separated by " | ". Borrowed until the next message. Return: never NULL.
 */
const char *load_log_reason(void);

#endif
