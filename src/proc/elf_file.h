/* SPDX-License-Identifier: MIT */
/*
 * One ELF file: its identity, its functions, its code ranges, and whether it carries a Lua VM.
 * (Not named elf.h: that would hide the system's <elf.h> from libelf.)
 *
 * Addresses here are those of the file (vaddr), not of a process. With a mapping of the file,
 * vaddr = elf_vaddr_of_offset(address - map.start + map.offset).
 */
#ifndef BPROF_ELF_FILE_H
#define BPROF_ELF_FILE_H

#include "base.h"

#define ELF_MAX_FILE	 (1ULL << 30)
#define ELF_MAX_SEGMENTS 256
#define ELF_MAX_SYMBOLS	 (4U << 20)    /* functions kept of one file */
#define ELF_MAX_RANGES	 (4U << 20)    /* FDEs kept of one file */
#define ELF_MAX_CALLS	 (4U << 20)    /* direct calls kept of one file */
#define ELF_MAX_CONTENT	 (64ULL << 20) /* bytes of a segment that are read as a whole */

struct elf_image;

/**
 * elf_open() - open a 64-bit little-endian executable or shared object of x86-64 or arm64
 * @ret: owned by the caller until elf_free(), which takes NULL
 *
 * The file is read, not mapped: a file that shrinks meanwhile cannot kill us. Everything else is
 * read at the first need. elf_open_fd() keeps a duplicate of @fd; the caller still closes its own.
 *
 * Return: 0; -ENOEXEC for anything but such a file; -EFBIG; -ENOMEM; else -errno.
 */
int elf_open(const char *path, struct elf_image **ret);
int elf_open_fd(int fd, struct elf_image **ret);
void elf_free(struct elf_image *image);

/* The same for the vDSO of this kernel, which has addresses as if it were mapped at 0. */
int elf_open_vdso(struct elf_image **ret);

/* Device and inode of the file, as stat() gives them. Return: 0; -errno. */
int elf_file_id(const struct elf_image *image, uint64_t *ret_dev, uint64_t *ret_ino);

/* The build id: 0, or -ENODATA. @ret_id is borrowed from @image. */
int elf_build_id(struct elf_image *image, const uint8_t **ret_id, size_t *ret_len);

/* Through the loadable segments: 0, or -ENOENT if no segment has it. */
int elf_vaddr_of_offset(const struct elf_image *image, uint64_t offset, uint64_t *ret_vaddr);
int elf_offset_of_vaddr(const struct elf_image *image, uint64_t vaddr, uint64_t *ret_offset);

struct elf_function {
	uint64_t address; /* vaddr */
	uint64_t size;	  /* bytes; 0 = the symbol does not say */
	uint64_t file_offset;
};

/**
 * elf_function() - a function defined in this file, by its exact name
 *
 * Looks in .dynsym and .symtab; symbol versions are ignored; the exported one wins.
 *
 * Return: 0; -ENOENT; -ENOMEM.
 */
int elf_function(struct elf_image *image, const char *name, struct elf_function *ret);

/**
 * elf_probe_offset() - where to put a uprobe that means "this function was entered"
 *
 * The first instruction, or the second where the first is a landing pad (endbr64, bti): the kernel
 * cannot emulate those and single-steps them, 10 us a hit against 0.5. Arguments are still in their
 * registers there.
 *
 * Return: 0; -ENOENT; else -errno.
 */
int elf_probe_offset(struct elf_image *image, const char *name, uint64_t *ret_file_offset);

/**
 * elf_symbol_at() - the function whose symbol covers an address
 * @ret_offset: @vaddr minus the function's address; may be NULL
 *
 * Only a symbol with address <= @vaddr < address + size: in a stripped file the nearest symbol is
 * usually another function's. Of several the innermost one, exported before local, then by name.
 *
 * Return: its name, borrowed from @image; NULL if there is none.
 */
const char *elf_symbol_at(struct elf_image *image, uint64_t vaddr, uint64_t *ret_offset);

/* [start, end) in vaddrs */
struct elf_range {
	uint64_t start, end;
};

/*
 * The code range (FDE of .eh_frame) that covers an address: the extent of one function, also in
 * stripped files. Return: 0; -ENOENT if none covers it; -ENOMEM.
 */
int elf_code_range(struct elf_image *image, uint64_t vaddr, struct elf_range *ret);

/* The longest one; in a build of PUC Lua that is luaV_execute. Return: 0; -ENOENT; -ENOMEM. */
int elf_largest_code_range(struct elf_image *image, struct elf_range *ret);

/**
 * elf_read() - bytes at an address of the file, as the file has them
 *
 * Reads the whole segment at the first need and keeps it: for code and unwind data.
 * Return: 0; -ENOENT if not all of them are in one loadable segment of at most ELF_MAX_CONTENT.
 */
int elf_read(struct elf_image *image, uint64_t vaddr, void *dst, size_t len);

/* The sorted table of .eh_frame_hdr: pairs of 4-byte offsets from @header. */
struct elf_unwind_table {
	uint64_t header; /* vaddr of .eh_frame_hdr */
	uint64_t table;	 /* vaddr of the first pair */
	uint64_t nr;	 /* pairs */
};

/* Return: 0; -ENODATA if the file has no such table, or one in another form than linkers write. */
int elf_unwind_table(struct elf_image *image, struct elf_unwind_table *ret);

enum elf_lua_family { ELF_LUA_NONE, ELF_LUA_PUC, ELF_LUA_LUAJIT };

struct elf_lua {
	enum elf_lua_family family; /* NONE: the file defines no Lua API */
	/* It defines none, but has the text that every VM carries: stripped, with a VM in it? */
	bool is_hidden;
	bool has_openlibs;	   /* luaL_openlibs */
	bool has_openselectedlibs; /* luaL_openselectedlibs: 5.5 */
	char version[64]; /* "LuaJIT 2.1.0-beta3", "Lua 5.4.4"; "" = not found. A hint, no more */
};

/* Does this file carry a Lua VM? Return: 0; -ENOMEM. */
int elf_lua_kind(struct elf_image *image, struct elf_lua *ret);

/**
 * elf_needed() - the libraries a file is linked with (DT_NEEDED), in its order
 * @nth: from 0
 *
 * Return: the name as the dynamic linker would look for it, borrowed from @image; NULL at the end.
 */
const char *elf_needed(struct elf_image *image, size_t nth);

/**
 * elf_runpath(), elf_rpath() - directories in which those libraries are looked for, by colon
 *
 * DT_RUNPATH holds for the file alone, DT_RPATH also for what its libraries need; one that has a
 * RUNPATH has no RPATH. Both may begin with $ORIGIN, the directory of the file.
 *
 * Return: borrowed from @image; NULL if there is none. Facts: ld.so(8).
 */
const char *elf_runpath(struct elf_image *image);
const char *elf_rpath(struct elf_image *image);

#define ELF_MAX_GC	12
#define ELF_MAX_CALLERS 8

/**
 * struct elf_lua_code - functions of PUC Lua that tell by their place on a native stack what runs
 * @execute:   luaV_execute, the interpreter
 * @gc:        the ways into the garbage collector: luaC_step, luaC_fullgc and their like; 0 of
 *             them: not proved
 * @caller:    what lua_call() calls: luaD_call and its like. Above it in the stack is who called,
 *             below it who was called; a collector above it has called a finalizer.
 */
struct elf_lua_code {
	struct elf_range execute;
	struct elf_range gc[ELF_MAX_GC];
	struct elf_range caller[ELF_MAX_CALLERS];
	size_t nr_gc, nr_callers;
};

/**
 * elf_lua_code() - find and prove them, also in a stripped file
 *
 * Return: 0; -ENODATA: the file does not prove them (no unwind data, or a compiler has merged what
 * is told apart here); -ENOMEM. See elf_lua_code.c for the proof.
 */
int elf_lua_code(struct elf_image *image, struct elf_lua_code *ret);

/**
 * elf_lua_pc_register() - the register in which luaV_execute keeps its pc
 * @execute:      luaV_execute
 * @displacement: where it saves the pc: offset of savedpc in a CallInfo, in 5.1 in a lua_State
 * @ret:          as the machine numbers it; at every call that may fail it is the next instruction
 *
 * Return: 0; -ENODATA if no register is stored there again and again.
 */
int elf_lua_pc_register(struct elf_image *image, const struct elf_range *execute,
			unsigned displacement, unsigned *ret);

#define ELF_MAX_PLACES	  512
#define ELF_MAX_FRAME	  32
#define ELF_PLACE_FRAME	  16 /* elf_lua_place.cell: numbers from here on are places of the frame */
#define ELF_PLACE_SAVED	  254
#define ELF_PLACE_NOWHERE 255

/**
 * struct elf_lua_places - where luaV_execute has its pc, instruction by instruction
 * @at:    in their order; each holds up to the next one
 * @frame: bytes from rsp
 *
 * A place is a register, as the machine numbers it, one of @frame, or where the pc is saved; what
 * it holds plus @add is the address of the Lua instruction that runs, plus 4. At a return address
 * that is what it will hold when the callee is back.
 */
struct elf_lua_places {
	struct elf_lua_place {
		uint16_t from; /* bytes from the start of the function */
		uint8_t cell;
		int8_t add;
	} at[ELF_MAX_PLACES];
	size_t nr;
	int32_t frame[ELF_MAX_FRAME];
};

/**
 * elf_lua_places() - find and prove them
 * @execute:     luaV_execute
 * @opcode_mask: of an instruction: 0x3f, from Lua 5.4 on 0x7f
 * @savedpc:     where the pc is saved: offset in a CallInfo, in 5.1 in a lua_State
 *
 * Return: 0; -ENODATA: the code is not understood, or not that of x86-64; -ENOMEM. See
 * lua_pc_places.c for the proof.
 */
int elf_lua_places(struct elf_image *image, const struct elf_range *execute, unsigned opcode_mask,
		   unsigned savedpc, struct elf_lua_places *ret);

/**
 * elf_lua_execute() - luaV_execute, by what it does: it fetches instructions and jumps by them
 * @opcode_mask: as above
 *
 * For files without symbols. Return: 0; -ENODATA: no function does so, or several do; -ENOMEM.
 */
int elf_lua_execute(struct elf_image *image, unsigned opcode_mask, struct elf_range *ret);

#define ELF_MAX_WINDOWS 31

/* Stretches of luaV_execute in which the saved pc is that of an instruction still to be fetched. */
struct elf_lua_fetch {
	struct elf_range window[ELF_MAX_WINDOWS];
	size_t nr; /* 0 where branch and fetch are one */
};

/**
 * elf_lua_fetch() - the stretches of a build of Lua 5.2 or 5.3
 * @execute:      luaV_execute
 * @displacement: of savedpc in a CallInfo
 *
 * On arm64 only builds that have none are understood.
 * Return: 0; -ENODATA: the code is not understood; -ENOMEM. See elf_lua_fetch.c and arm64_fetch.c
 * for the proof.
 */
int elf_lua_fetch(struct elf_image *image, const struct elf_range *execute, unsigned displacement,
		  struct elf_lua_fetch *ret);

#endif
