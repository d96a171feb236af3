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

/**
 * take_recording() - run the command, once or as often as --testing-method says
 * @path:   of the program
 * @ret:    of the run that was kept; its exit_status is that of the first run that failed
 * @ret_fd: to read the recording, whatever becomes of its name
 *
 * Says itself what goes wrong.
 *
 * Return: 0; else the exit status of bprof-perf: there is no recording.
 */
int take_recording(const struct session *session, const char *path, struct output_dir *dir,
		   struct record_result *ret, int *ret_fd);

#endif
