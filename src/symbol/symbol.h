/* SPDX-License-Identifier: MIT */
/*
 * The door of symbol/: from addresses in a Lua VM to names and lines.
 *
 * Two halves that share nothing but records. capture_*() reads the memory of a live target and
 * appends fact records (wire.h); the rest turns such records into names, long after the target is
 * gone. Nothing here keeps state.
 */
#ifndef BPROF_SYMBOL_H
#define BPROF_SYMBOL_H

#include <bprof/lua_layout.h>
#include <bprof/mem.h>
#include <bprof/wire.h>

#include "buf.h"

/* ---- capture: needs the target ------------------------------------------------------------- */

/**
 * capture_proto() - copy one prototype out of the target as a bprof_proto_body record
 * @object:      address of the Proto (PUC) or GCproto (LuaJIT)
 * @fingerprint: bprof_fingerprint() of the object when it was seen
 * @out:         one whole record is appended; unchanged on failure
 *
 * Shape:   a prototype too large for a record (more than 65,536 instructions) is captured without
 *          code, lines, constants and locals: its chunk name and lines of definition remain true.
 *          Strings are cut at 256 bytes, the chunk name at 4096. Of LuaJIT's constants only those
 * are read that an instruction looks a function up by. Cost:    about one read per 4 KiB page
 * touched.
 *
 * Return: 0; -ESTALE if another object lives at this address now; -EBADMSG if the bytes fail
 *         validation; -EFAULT if they cannot be read; -ENOMEM, -E2BIG from @out.
 */
int capture_proto(const struct mem_reader *mem, const struct lua_layout *layout, uint32_t pid,
		  uaddr_t vm, uaddr_t object, uint32_t fingerprint, struct buf *out) MUST_CHECK;

/**
 * capture_cfunctions() - name the C functions reachable from package.loaded
 * @out: bprof_cfunction records are appended, one per function; unchanged on failure
 *
 * A function reachable under several names gets one, whatever the order of the hash: the standard
 * libraries first ("string.gsub"), then globals without "_G." ("print"), then other modules, then
 * tables inside modules, then metatables of the registry ("FILE*:read"); within a table the
 * shortest name, then the alphabet. LuaJIT's own functions are named by ffid, all others by the
 * address of their C function.
 *
 * Return: number of records appended; -EFAULT or -EBADMSG if the registry itself is unreadable.
 *         Tables that fail validation are left out.
 */
int capture_cfunctions(const struct mem_reader *mem, const struct lua_layout *layout,
		       const struct lua_vm *vm, uint32_t pid, struct buf *out) MUST_CHECK;

/**
 * capture_element() - read what a span of busted is about, as bprof_element records
 * @span: a busted.safe frame as sampled: addresses of its descriptor string and element table
 * @out:  up to two records are appended; unchanged on failure
 *
 * One record is keyed by the address of the element table: its own descriptor ("it", "describe",
 * "file"), name, line and source (with the "@" of a chunk name removed). The other is keyed by the
 * address of the descriptor string and holds only its text: busted passes "before_each" or "test"
 * where the element itself says "it".
 *
 * Return: 0; -ENOENT if the span has neither; -EBADMSG if the table has no descriptor (it is no
 *         element, or it was caught in motion); -EFAULT if it cannot be read.
 */
int capture_element(const struct mem_reader *mem, const struct lua_layout *layout, uint32_t pid,
		    const struct bprof_span *span, struct buf *out) MUST_CHECK;

/**
 * capture_element_confirm() - was the element still alive when its record had been made?
 * @mem:    what the target's memory holds now: no copy that is older than the record
 * @record: the first that capture_element() appended
 *
 * An element is garbage once busted is done with it, and its collector frees strings before tables:
 * for a while a dead table leads to strings in whose memory others live.
 *
 * Return: 0 also if @record is no element's; -ESTALE if the element is dead or another one by now;
 *         -errno as capture_element().
 */
int capture_element_confirm(const struct mem_reader *mem, const struct lua_layout *layout,
			    const struct bprof_element *record) MUST_CHECK;

/**
 * capture_runtime() - describe one VM as a bprof_runtime record
 * @path:   file the interpreter was mapped from; "" = not known
 * @proved: see struct bprof_runtime
 *
 * The version is jit.version or _VERSION of the target, empty if unreadable. LuaJIT's compiler is
 * on exactly if the dispatch table sends BC_FORL elsewhere than BC_IFORL (lj_dispatch.c).
 *
 * Return: 0, or -errno of @out.
 */
int capture_runtime(const struct mem_reader *mem, const struct lua_layout *layout,
		    const struct lua_vm *vm, uint32_t pid, const char *path, bool proved,
		    struct buf *out) MUST_CHECK;

/*
 * Is the prototype still the one that was captured? @mem: the target as it is now. Where the
 * capture came from pages that had been read before, parts of it may be younger than others.
 * Return: 0; -ESTALE; or the -errno of a read.
 */
int capture_confirm(const struct mem_reader *mem, const struct lua_layout *layout, uaddr_t object,
		    uint32_t fingerprint) MUST_CHECK;

/*
 * Is the captured prototype of the chunk that a sample saw? @name: @len bytes, up to the first NUL;
 * @is_cut: there were more. A prototype that is gone may leave its place to one that differs in
 * nothing else.
 */
bool capture_is_chunk(const struct bprof_proto_body *body, const char *name, size_t len,
		      bool is_cut);

/* Is this busted.safe(descriptor, run, element)? The record is body->h.size bytes long. */
bool capture_is_busted_safe(const struct bprof_proto_body *body);

/* ---- names and lines: records only --------------------------------------------------------- */

/**
 * struct proto_view - a bprof_proto_body record whose every length has been checked
 *
 * Borrows the record. Filled by proto_view_init() only.
 */
struct proto_view {
	struct bprof_proto_body body; /* a copy: aligned, and it cannot change any more */
	const unsigned char *code, *lines, *constants, *locals, *upvalues;
	const char *chunkname; /* not terminated; body.chunkname_len bytes */
};

/* Return: 0, or -EBADMSG; *@ret is set only on success. */
int proto_view_init(const void *record, size_t size, struct proto_view *ret) MUST_CHECK;

/**
 * proto_line() - source line of an instruction
 * @pos: unit: instructions; LuaJIT: 0 is the function header, as in struct bprof_frame
 *
 * Return: the line, or 0 where it is not known (stripped code, position out of range).
 */
int32_t proto_line(const struct proto_view *proto, uint32_t pos);

/**
 * name_from_call() - the name the VM's own debug.getinfo(level, "n") would give a callee
 * @caller:         the prototype that was running when the callee was called
 * @caller_pos:     position of its current instruction (of the call)
 * @callee_is_cont: the callee was called by the VM itself (metamethod, iterator, hook)
 * @name:           receives the name, terminated and cut to @size; "" if there is none
 * @ret_kind:       "local", "upvalue", "global", "method", "field", "constant", "metamethod",
 *                  "for iterator", "hook", or "" if there is no name
 *
 * Do not ask for a callee that carries BPROF_FRAME_TAILCALL: the frame below is not its caller.
 *
 * Return: 1 if there is a name, 0 if not (stripped LuaJIT code has upvalues called "").
 * Source: ldebug.c of Lua 5.1-5.5 (getfuncname, getobjname), lj_debug.c of LuaJIT 2.1.
 */
int name_from_call(const struct proto_view *caller, uint32_t caller_pos, bool callee_is_cont,
		   char *name, size_t size, const char **ret_kind);

/**
 * chunk_display() - a chunk name for people
 *
 * "@spec/a.lua" becomes spec/a.lua, uncut; "=stdin" becomes stdin; source text becomes
 * [string "its first line..."] as in luaO_chunkid(). Control characters stay: outputs escape.
 *
 * Return: 0 or -errno of @out.
 */
int chunk_display(const char *chunkname, size_t len, struct buf *out) MUST_CHECK;

/**
 * function_display() - "name (chunk:line)", "<anonymous> (chunk:line)" or "main chunk (chunk)"
 * @name:       NULL or "" = no name
 * @first_line: 0 = a main chunk
 *
 * Return: 0 or -errno of @out.
 */
int function_display(const char *name, const char *chunkname, size_t len, int32_t first_line,
		     struct buf *out) MUST_CHECK;

#endif
