/* SPDX-License-Identifier: MIT */
/*
 * The live half of a run: a command is started, sampled, and written down as a recording.
 */
#ifndef BPROF_RECORD_H
#define BPROF_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <bprof/lua_layout.h>

#include "buf.h"

struct environment;
struct identity;
struct inheritance;

/* Everything is borrowed for the call. */
struct record_request {
	const struct identity *identity;
	const struct environment *environment; /* with the boundary hook, if there shall be one */
	const struct inheritance *inheritance;
	const char *path; /* of the program */
	char *const *argv;
	unsigned frequency_hz;
	uint64_t period;	/* 0 = by frequency */
	const char *event;	/* as asked for; BPROF_NO_EVENT: nothing is sampled */
	const char *boundaries; /* as asked for */
	bool hook;		/* the environment carries the hook */
	const char *rounds;	/* what is wanted of the rounds of --repeat; NULL = nothing */
	uint32_t needed_meters; /* bits 1 << enum bprof_meter: without one of them nothing is run */
	unsigned spans_every;	/* busted's frames in every n-th sample; 0 = never */
	enum bprof_jit jit;
	bool counts_vm;			  /* the hook counts instructions of the VM */
	const char *const *skipped_files; /* that the hook turns away; NULL = none */
	int fd;				  /* of the recording; stays the caller's */
};

struct record_result {
	int exit_status;   /* of the command, as a shell would say it */
	bool left_running; /* the user did not want to wait: the command goes on */
	int died_of;	   /* the user's third signal, 0 = none */
	bool interrupted;  /* the user's first signal, which was the command's */
	int error;	   /* the recording is incomplete: first failed write, -errno */
	uint64_t wall_ns, cpu_ns;
	/* of processes that have ended, in user mode; BPROF_METER_UNKNOWN = not counted */
	uint64_t cycles, instructions;
	unsigned unproved_vms;
	bool probes_getenv; /* false: no announcement can be heard */
};

/**
 * record_run() - run the command to its end and record it
 * @why: one sentence with cause and remedy, if it could not even be started
 *
 * Return: 0 with *ret filled; else -errno and *ret_status is 125, 126 or 127.
 */
int record_run(const struct record_request *request, struct record_result *ret, int *ret_status,
	       struct buf *why);

#endif
