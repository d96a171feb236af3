/* SPDX-License-Identifier: MIT */
/*
 * Where records come from: the kernel, live, or a recording.
 *
 * The live side owns everything that is loaded and attached; nothing is pinned, so the kernel
 * removes it all when the process ends, however it ends.
 */
#ifndef BPROF_COLLECT_H
#define BPROF_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <bprof/lua_layout.h>
#include <bprof/wire.h>

/* ---- live ---------------------------------------------------------------------------------- */

struct collector;

struct collect_opts {
	unsigned frequency_hz; /* samples per second of CPU time, 1..9999 */
	uint64_t period;       /* a sample each so many of the event, instead; 0 = by frequency */
	const char *event;     /* "auto", BPROF_NO_EVENT, or a name of perf's: event_names.h */
	unsigned spans_every; /* read busted's frames in every n-th sample; 0 = never, 1 = always */
	enum bprof_jit jit;
	bool counts_vm; /* the hook has set the countdown of VM instructions */
};

/* The event that is really counted: never another one in silence. */
struct collect_event {
	const char *name; /* "cycles:u", "cpu-clock"; "" = nothing is sampled */
	const char *unit; /* what a sample's weight counts */
	bool hardware;
	uint64_t ns_per_sample; /* clocks; UINT64_MAX otherwise */
};

#define COLLECT_WHY_BYTES 1024 /* room for the longest sentence of collect_open() */

/**
 * collect_open() - load the programs and open the event, without starting anything
 * @why: receives one sentence with cause and remedy on failure
 *
 * Owns:   *ret belongs to the caller, collect_free().
 * Return: 0; -EPERM, -ENOENT (no BTF), -EOPNOTSUPP (no such event here), -ENOMEM, other -errno.
 */
int collect_open(const struct collect_opts *opts, struct collector **ret, char *why,
		 size_t why_size);
void collect_free(struct collector *c);

/* Loads what else a run may need, at once instead of with the first VM of a family. As above. */
int collect_load_walkers(struct collector *c, char *why, size_t why_size);

/* Is there an event of this name? -EINVAL and the like, and a sentence in @why; opens nothing. */
int collect_check_event(const char *name, char *why, size_t why_size);

const struct collect_event *collect_event(const struct collector *c);

/* Follows @pid (stopped at its gate, our child) and all it will start. */
int collect_follow(struct collector *c, pid_t pid);

/* Only for a process of one thread that has started none. */
void collect_unfollow(struct collector *c, pid_t pid);

/* Why cycles and instructions, or those of the kernel, are not counted, and the remedy; or "". */
const char *collect_hardware_missing(const struct collector *c);

/* The hardware counters that there are: bits 1 << enum bprof_meter. */
uint32_t collect_hardware(const struct collector *c);

struct collect_boundary {
	uint64_t cpu_ns;
	struct bprof_meters meters; /* of the hardware; the others do not change */
};

/**
 * collect_measure_boundary() - what an announcement costs the process that makes it
 *
 * Makes some of its own: call before the command starts, with getenv probed.
 * Return: 0; -ENODATA if none was seen; -ENOMEM, other -errno.
 */
int collect_measure_boundary(struct collector *c, struct collect_boundary *ret);

int collect_start_sampling(struct collector *c);
void collect_stop_sampling(struct collector *c);

/* Readable when a process is held; other records wait for the next drain. */
int collect_wake_fd(const struct collector *c);

/**
 * collect_drain() - hand over every record that is in the ring
 * @fn: gets a record, valid during the call; a negative result stops the drain and is returned
 *
 * Records that are not a whole record are counted as malformed and left out.
 */
int collect_drain(struct collector *c, int (*fn)(void *arg, const struct bprof_record *record),
		  void *arg);

/* Probes a libc's getenv at @file_offset: test boundaries of every process that maps this file. */
int collect_probe_getenv(struct collector *c, const char *path, uint64_t file_offset);

/* File offsets of functions to probe; 0 = the file has none. */
struct collect_lua {
	uint64_t new_state; /* lua_newstate: probed where it returns */
	uint64_t open_libs; /* luaL_openlibs, or luaL_openselectedlibs */
	uint64_t close;	    /* lua_close */
};

/**
 * collect_probe_lua() - be told when a VM of this file opens and closes
 * @ret_binary: the cookie that records of this file carry
 */
int collect_probe_lua(struct collector *c, const char *path, const struct collect_lua *lua,
		      uint32_t *ret_binary);

/* This prototype was not captured after all: its next sample announces it again. */
void collect_forget_proto(struct collector *c, uint32_t pid, uint64_t object, uint32_t fingerprint);

/* Processes that execute this file are not held any more. */
int collect_know_binary(struct collector *c, uint64_t dev, uint64_t ino);

/*
 * The walker of a family, if samples are taken: some 10 ms, more on a busy machine. Once it is
 * loaded, or refused, that is the answer. Return: 0; -errno.
 */
int collect_load_walker(struct collector *c, enum bprof_family family);

/*
 * A layout of VMs that user space finds. The first of its family loads the walker.
 * -ENOSPC after BPROF_MAX_LAYOUTS builds; other -errno: the kernel refuses the walker.
 */
int collect_add_layout(struct collector *c, const struct lua_layout *layout, uint32_t *ret_index);

/* From now on VMs of @binary are recognised in the kernel. As above. */
int collect_set_layout(struct collector *c, uint32_t binary, const struct lua_layout *layout,
		       uint32_t *ret_index);

/* Where VMs of a layout, which has_pc_table, have their pc. Return: 0; -errno. */
int collect_set_pc_table(struct collector *c, uint32_t layout, const struct puc_pc_table *table);

/*
 * Tells the sampler of a VM that user space found; vm->layout is set by the caller. -ENOSPC: the
 * process has no room for one more, or is gone.
 */
int collect_publish_vm(struct collector *c, uint32_t pid, const struct lua_vm *vm);

/* Tells the sampler where busted.safe is in @pid. -ENOENT: it knows no VM of that process. */
int collect_set_safe_proto(struct collector *c, uint32_t pid, uint64_t object);

/* User space has the lines of this prototype: the sampler need not decode them any more. */
void collect_mark_captured(struct collector *c, uint32_t pid, uint64_t object,
			   uint32_t fingerprint);

/* Counters so far; adds nothing to @counters that the kernel does not count. */
void collect_counters(const struct collector *c, __u64 counters[BPROF_NR_COUNTERS]);

/*
 * Gives @fn the last words of each followed process that has not ended, as a record
 * BPROF_RECORD_EXIT of
 * @time_ns with BPROF_EXIT_STILL_RUNNING; after the last drain. 0, or what @fn returned.
 */
int collect_unfinished(struct collector *c, uint64_t time_ns,
		       int (*fn)(void *arg, const struct bprof_record *record), void *arg);

/**
 * collect_guard() - make sure that no process stays held if we die
 *
 * Forks a guardian that waits for our end: killed or crashed, it continues every followed process.
 * Call before the command starts.
 */
int collect_guard(struct collector *c);

/**
 * collect_leave() - let go of the target, quickly
 *
 * Detaching probes waits for the kernel, 0.1 s each. A forked reaper waits in our place.
 */
void collect_leave(struct collector *c);

/* ---- recordings ---------------------------------------------------------------------------- */

struct recorder;

/* Writes to @fd, which stays the caller's. */
int recorder_new(int fd, uint64_t start_time_ns, uint64_t started_at_ns, struct recorder **ret);
/* Goes on with a recording that was written to its end, at the end of @fd. */
int recorder_continue(int fd, struct recorder **ret);
/* Appends a record; a size that is no multiple of 8 is padded. -errno of the first failed write. */
int recorder_add(struct recorder *r, const struct bprof_record *record);
int recorder_info(struct recorder *r, const char *key, const void *value, size_t len);
int recorder_finish(struct recorder *r); /* flushes */
void recorder_free(struct recorder *r);

struct replay;

/**
 * replay_open() - read a recording from @fd
 *
 * Memory is bounded by BPROF_MAX_RECORD, whatever the length of the file.
 * Return: 0; -EBADMSG not a recording; -EPROTO another version; other -errno. Takes @fd.
 */
int replay_open(int fd, struct replay **ret);
void replay_free(struct replay *r);
const struct bprof_file_header *replay_header(const struct replay *r);

/* 1 and the next record; 0 at the end; -EBADMSG: cut or broken here, all before it was good. */
int replay_next(struct replay *r, const struct bprof_record **ret);
int replay_rewind(struct replay *r);

#endif
