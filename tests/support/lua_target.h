/* SPDX-License-Identifier: MIT */
/*
 * A real Lua interpreter as a target: started, stopped at a known point, looked at from outside.
 */
#ifndef TEST_LUA_TARGET_H
#define TEST_LUA_TARGET_H

#include <bprof/lua_layout.h>

#include <sys/types.h>

#include "discover.h"
#include "elf_file.h"
#include "proc.h"

#define LUA_TARGET_IMAGES 64

struct lua_target {
	pid_t pid;
	int to_child, from_child; /* its stdin and stdout; -1 = none */
	bool traced;
	struct proc *proc;
	struct proc_maps maps;
	struct discover_env env;
	struct {
		uint64_t dev, ino;
		struct elf_image *image; /* NULL: not an ELF file */
	} images[LUA_TARGET_IMAGES];
	size_t nr_images;
	uaddr_t state; /* at luaL_openlibs: its argument */
};

/* Full path of a program in PATH, or NULL. Static storage. */
const char *lua_target_find(const char *program);

/*
 * Runs `program -e code`, waits until the code has printed a line, and stops the process.
 * 0 or -errno.
 */
int lua_target_start_script(struct lua_target *t, const char *program, const char *code);

/*
 * Waits until the process sleeps: after its line of output it does so only in io.read().
 * 0 or -errno.
 */
int lua_target_wait_sleep(pid_t pid);

/* Runs argv until it enters luaL_openlibs for the first time; t->state is its argument. */
int lua_target_start_at_openlibs(struct lua_target *t, const char *const argv[]);

/*
 * A process of lua_target_start_script() is seized, and stopped again wherever it is after it was
 * continued. @reg receives its registers by enum bprof_reg. 0 or -errno.
 */
int lua_target_seize(struct lua_target *t);
int lua_target_registers(const struct lua_target *t, uint64_t reg[BPROF_NR_REGS]);
int lua_target_continue(struct lua_target *t);
int lua_target_stop(struct lua_target *t, uint64_t reg[BPROF_NR_REGS]);

/* One that is stopped executes one machine instruction. @reg as above; 0 or -errno. */
int lua_target_step(const struct lua_target *t, uint64_t reg[BPROF_NR_REGS]);

void lua_target_end(struct lua_target *t);

/* [heap] first, then anonymous writable mappings. Returns how many. */
size_t lua_target_regions(const struct lua_target *t, struct discover_region *region, size_t max);

/* What the file that holds @address says of its version. */
void lua_target_version(struct lua_target *t, uaddr_t address, struct elf_lua *ret);

#endif
