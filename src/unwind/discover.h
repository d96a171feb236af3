/* SPDX-License-Identifier: MIT */
/*
 * Which Lua VM is this, and where does this build keep things?
 *
 * Layouts are read off the VM's own memory and proved there: pointers that must lead back to where
 * they came from. A version string is never a proof. A layout that is not proved is not used.
 */
#ifndef BPROF_DISCOVER_H
#define BPROF_DISCOVER_H

#include <bprof/lua_layout.h>
#include <bprof/mem.h>

#include "base.h"

#define DISCOVER_VERSION_BYTES	  64
#define DISCOVER_MAX_SCAN	  (256ULL << 20) /* bytes of one scan for missed VMs */
#define DISCOVER_MAX_SCAN_REGIONS 4096

/**
 * struct discover_env - what discovery must know about the code of the process
 * @code_range: the function (FDE of .eh_frame) that covers @pc, as process addresses; 0 or -errno
 * @is_code:    does @address lie in an executable mapping of a file?
 * @ctx:        passed to both; owned by the caller
 */
struct discover_env {
	int (*code_range)(void *ctx, uaddr_t pc, uaddr_t *ret_start, uaddr_t *ret_end);
	bool (*is_code)(void *ctx, uaddr_t address);
	void *ctx;
};

/**
 * struct discovery - a VM that was found
 * @layout:    passes lua_layout_valid()
 * @vm:        its layout index is 0: the caller numbers layouts
 * @version:   for people: "LuaJIT 2.1.0-beta3", "Lua 5.4.4", or "Lua 5.4.3-5.4.8" without a hint
 * @proved:    the references of the VM to itself hold; always true in what a function returns
 * @confirmed: discover_confirm() has also seen the VM at work
 */
struct discovery {
	struct lua_layout layout;
	struct lua_vm vm;
	char version[DISCOVER_VERSION_BYTES];
	bool proved, confirmed;
};

/**
 * discover_vm() - find and prove the layout of the VM that a lua_State belongs to
 * @state:        any live lua_State, say the argument of luaL_openlibs; no libraries need be loaded
 * @version_hint: what the ELF file claims (elf_lua_kind()), or NULL. Only chooses between builds
 *                that differ in nothing a proof can see (5.4.1 and 5.4.2)
 *
 * The process should be stopped: at the entry of luaL_openlibs, or anywhere.
 * Cost: some hundred reads of the target.
 *
 * Return: 0; -ENOENT: no known VM passes the proof; -ENOTUNIQ: two do; -ENOTSUP: a VM that we know
 * and cannot walk (Tarantool's LuaJIT); -EAGAIN: LuaJIT at a moment when its dispatch
 * table is redirected (hook active, trace being recorded), try again; -ENODATA: LuaJIT whose file
 * has no unwind data, so the extent of its interpreter is unknown.
 */
int discover_vm(const struct mem_reader *mem, const struct discover_env *env, uaddr_t state,
		const char *version_hint, struct discovery *ret);

/**
 * discover_confirm() - second proof, on a VM that is running Lua code
 *
 * Walks a whole stack by the layout: every frame a function, every position inside its prototype,
 * down to the bottom exactly. On a process that runs, a walk fails now and then without any fault
 * of the layout.
 *
 * Return: 0 and d->confirmed is set; -EAGAIN: no Lua code on the stack just now, or it moved;
 * -EBADMSG: the layout is wrong, do not use it; -ESRCH, -EFAULT: the process or the VM is gone.
 */
int discover_confirm(const struct mem_reader *mem, const struct discover_env *env,
		     struct discovery *d);

/**
 * discover_matches() - is this a VM of this layout?
 *
 * The cheap check for a later process of a build that is known: the same self-references that the
 * kernel side checks, and on LuaJIT also the place and extent of the interpreter.
 *
 * Return: 0 and *ret (layout index 0); -ENOENT if it is not; -EAGAIN as in discover_vm().
 */
int discover_matches(const struct mem_reader *mem, const struct lua_layout *layout, uaddr_t state,
		     struct lua_vm *ret);

/* [start, end): [heap] or an anonymous writable mapping; never a stack. */
struct discover_region {
	uaddr_t start, end;
};

/**
 * discover_scan() - find VMs whose birth was missed, by their signature in memory
 * @ret: room for @max discoveries, each proved as by discover_vm()
 *
 * Reads at most DISCOVER_MAX_SCAN bytes, in the order of @region: put [heap] first.
 *
 * Return: how many were found (0 is a normal result), or -ENOMEM.
 */
int discover_scan(const struct mem_reader *mem, const struct discover_env *env,
		  const struct discover_region *region, size_t nr_regions, const char *version_hint,
		  struct discovery *ret, size_t max);

#endif
