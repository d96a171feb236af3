/* SPDX-License-Identifier: MIT */
/* Takes the recording of a command into the output directory: of one run, or of the best of many.
 */
#ifndef BPROF_TAKE_H
#define BPROF_TAKE_H

#include "launch/output_dir.h"
#include "live/record.h"
#include "run.h"

#define RECORDING_NAME "recording.bprof"

bool wants_hook(const struct options *o);

/* A recording that was taken. What becomes of its name does not matter to the descriptors. */
struct taken {
	struct record_result result; /* exit_status: of the first run that failed */
	int fd;			     /* to read the recording */
	int append_fd;		     /* to add to it; -1 = nothing may be added */
	int earlier_fd;		     /* --mode=count: recording of the run before; -1 = none */
};

/**
 * take_recording() - run the command: once, or twice, or as often as --testing-method says
 * @path: of the program
 * @ret:  its descriptors are the caller's, taken_compare() closes all but @ret->fd
 *
 * Says itself what goes wrong.
 *
 * Return: 0; else the exit status of bprof-perf: there is no recording.
 */
int take_recording(const struct session *session, const char *path, struct output_dir *dir,
		   struct taken *ret);

/*
 * With the user's rights: adds to the recording how many VM instructions the run before took. Says
 * itself what goes wrong.
 */
void taken_compare(struct taken *taken);

#endif
