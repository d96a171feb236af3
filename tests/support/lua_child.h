/* SPDX-License-Identifier: MIT */
/*
 * A Lua interpreter that talks to its test: it prints lines and waits for one to go on. While it
 * waits, its memory is read and its stack walked, simply and slowly: an independent witness for
 * tests that are not about walking.
 */
#ifndef TEST_LUA_CHILD_H
#define TEST_LUA_CHILD_H

#include <bprof/lua_layout.h>
#include <bprof/mem.h>

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define LUA_CHILD_LINE 65536

struct lua_child {
	const char *interpreter;
	const struct lua_layout *layout;
	pid_t pid;
	FILE *from; /* its stdout */
	FILE *to;   /* its stdin */
	struct mem_reader mem;
	char line[LUA_CHILD_LINE];
};

/* A frame of a stopped child, innermost first. */
struct lua_child_frame {
	bool is_lua;
	bool is_tail;	  /* was tail called */
	uaddr_t function; /* closure; 0 for a light C function */
	uaddr_t proto;
	uint32_t pos; /* UINT32_MAX = not known */
};

/* Can the interpreter be run here? */
bool lua_child_available(const char *interpreter);

/* Run `interpreter script`; false if it did not start. The child waits only where it asks to. */
bool lua_child_start(struct lua_child *child, const char *interpreter, const char *script);
void lua_child_end(struct lua_child *child);

/* Its next line without the newline, or NULL at the end. */
char *lua_child_line(struct lua_child *child);
/* A line is out before the child blocks in the read that follows: wait for that. */
void lua_child_wait(const struct lua_child *child);
void lua_child_continue(struct lua_child *child);

/* What the child's memory says; 0 where it cannot be read. */
uint64_t lua_child_u64(const struct lua_child *child, uaddr_t at);
uint32_t lua_child_u32(const struct lua_child *child, uaddr_t at);

/* "function: 0x55..." or "thread: 0x55..." to its address; 0 if there is none ("builtin#7"). */
uaddr_t lua_child_address(const char *printed);

/* The global_State of a lua_State, and the main lua_State. */
struct lua_vm lua_child_vm(const struct lua_child *child, uaddr_t state);

/* The prototype of a Lua closure, and the fingerprint its object has now. */
uaddr_t lua_child_proto(const struct lua_child *child, uaddr_t closure);
uint32_t lua_child_fingerprint(const struct lua_child *child, uaddr_t proto);

size_t lua_child_walk(const struct lua_child *child, uaddr_t state, struct lua_child_frame *frames,
		      size_t max);

#endif
