/* SPDX-License-Identifier: MIT */
/* The verb doctor: can this machine do it, what is missing, and the remedy. */
#ifndef BPROF_DOCTOR_H
#define BPROF_DOCTOR_H

#include "buf.h"
#include "run.h"

/* Prints to stdout. Exit status: 0 only if `run` would work, else 1. */
int doctor_run(const struct session *session);

/* ---- the checks ---------------------------------------------------------------------------- */

enum check_status { CHECK_OK, CHECK_WARN, CHECK_FAIL };

/* What a check found: one line each. An empty remedy: nothing need be done. */
struct finding {
	enum check_status status;
	struct buf text, remedy;
};

/**
 * struct check - a row of the doctor's tables
 * @name: for programs: "perf_cpu_clock"; stable
 * @look: tries it, rather than asking whether it should work
 */
struct check {
	const char *name;
	void (*look)(const struct session *session, struct finding *finding);
};

const struct check *checks_of_machine(size_t *ret_nr);
const struct check *checks_of_user(size_t *ret_nr);

/* Sets status and text. A text that does not fit is cut: it is for people. */
void finding_say(struct finding *f, enum check_status status, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void finding_remedy(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* First line of a small file of /proc or /sys, without its newline: 0 or -errno. */
int read_line(const char *path, char *line, size_t size) MUST_CHECK;

#endif
