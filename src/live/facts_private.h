/* SPDX-License-Identifier: MIT */
/* What the parts of facts.c share. */
#ifndef BPROF_FACTS_PRIVATE_H
#define BPROF_FACTS_PRIVATE_H

#include <bprof/lua_layout.h>

#include "buf.h"

#include "decode/decode.h"
#include "facts.h"
#include "libraries.h"
#include "snapshot.h"
#include "targets.h"

/* The file of a build of PUC Lua, and its functions. */
struct puc_code {
	uint64_t dev, ino;  /* as stat() gives them */
	uint64_t reference; /* vaddr from which the kernel counts: see bpf/vms.h, place_code() */
	struct elf_lua_code functions;
	bool table_is_tried;
	struct puc_pc_table table; /* nr 0: there is none */
};

#define MAX_HIDING  64
#define MAX_PUT_OFF 8

/* A program that seems to have a VM without symbols. */
struct hiding_program {
	uint64_t dev, ino; /* as the kernel numbers them */
	char version[64];  /* what its text claims */
};

/* A file that may have a VM and does not name its functions. */
struct hidden_file {
	uint64_t dev, ino;     /* as stat() gives them */
	struct puc_code *code; /* NULL: it has none, or it is not proved */
};

/* A program with a VM in it or in one of its libraries. */
struct lua_program {
	uint64_t dev, ino; /* of the executable, as the kernel numbers them */
	uint8_t family;
	char *version, *path; /* of the file with the VM */
};

struct facts {
	struct collector *collector; /* borrowed */
	struct recorder *recorder;   /* borrowed */
	enum facts_depth depth;
	struct targets *targets;
	struct libraries *libraries;
	struct snapshot *snapshot;
	struct lua_layout layouts[BPROF_MAX_LAYOUTS]; /* by index, as the kernel has them */
	uint32_t layout_of_binary[BPROF_MAX_LAYOUTS];
	char *version_of_binary[BPROF_MAX_LAYOUTS];	    /* hints */
	struct puc_code *code_of_binary[BPROF_MAX_LAYOUTS]; /* NULL: not PUC Lua, or not proved */
	char *path_of_layout[BPROF_MAX_LAYOUTS];
	char *version_of_layout[BPROF_MAX_LAYOUTS];
	uint32_t binary_of_layout[BPROF_MAX_LAYOUTS];
	bool jit_told[BPROF_MAX_LAYOUTS];
	struct buf buf; /* records captured, not yet recorded */
	unsigned unproved;
	struct hiding_program hiding[MAX_HIDING];
	size_t nr_hiding;
	struct hidden_file hidden[MAX_HIDING];
	size_t nr_hidden;
	struct lua_program *programs;
	size_t nr_programs;
	char hidden_version[64]; /* of the files visited last: "" = none hides a VM */
	size_t nr_lua_files;	 /* with a VM that is probed */
	bool puts_off_probes;	 /* for facts_probe_put_off() */
	int put_off_fd[MAX_PUT_OFF];
	size_t nr_put_off;
	uint32_t put_off_pid; /* the process that was met with them */
	uint64_t put_off_until_ns;
};

/* programs.c: interpreters by their files alone */
int facts_on_program(struct facts *f, const struct bprof_exec *exec);
void facts_forget_programs(struct facts *f);

/* binaries.c: executables and the VMs in them; processes that are held for it */
int facts_on_exec(struct facts *f, const struct bprof_exec *exec);
void facts_release(uint32_t pid); /* a process that is held goes on */
int facts_on_vm_open(struct facts *f, const struct bprof_vm_open *open);

struct discovery;
struct discover_env;

/* What discovery asks about code, answered for one target. */
struct code_lookup {
	struct facts *facts;
	struct target *target;
};

struct discover_env facts_discover_env(struct code_lookup *lookup);

/* Looks at a file and at what it is linked with; VMs in them are announced from then on. */
int facts_visit_file(struct facts *f, uint32_t pid, int fd);

/* Probes the files whose turn was put off. */
int facts_probe_put_off(struct facts *f);

/* Keeps what is told of a layout that the kernel knows by now as @index. */
void facts_keep_layout(struct facts *f, struct target *t, const struct discovery *found,
		       uint32_t index);

/* Tells kernel and recording of a VM whose layout has its number. */
int facts_publish_vm(struct facts *f, struct target *t, const struct bprof_vm_open *open,
		     struct discovery *found);

/* vm_search.c: VMs that no probe announces */
void facts_remember_hiding(struct facts *f, const struct bprof_exec *exec);
void facts_plan_search(const struct facts *f, struct target *t, const struct bprof_exec *exec);
int facts_search_vm(struct facts *f, struct target *t, uint64_t now_ns);
int facts_probe_late(struct facts *f, uint64_t now_ns); /* once in a while */

/* puc_code.c: what the file of an interpreter tells of PUC Lua */
int facts_learn_code(struct facts *f, uint32_t binary, struct elf_image *elf, uint64_t reference);
void facts_place_code(struct facts *f, uint32_t binary, struct target *t, struct lua_layout *layout,
		      struct lua_vm *vm);

/* The code of a VM that has been found in memory. NULL: not known, or several might be. */
struct puc_code *facts_hidden_code(struct facts *f, struct target *t);
void facts_place_hidden(struct facts *f, struct puc_code *code, struct target *t,
			struct lua_layout *layout, struct lua_vm *vm);

/* What the layout that the kernel knows as @index needs besides. Return: 0; -errno. */
int facts_tell_pc_table(struct facts *f, const struct puc_code *code,
			const struct lua_layout *layout, uint32_t index);

/* gc_state.c: whether PUC Lua's collector runs */
int facts_on_native_stack(struct facts *f, const struct decoded *d);

/*
 * stack_pages.c: the walk of a sample has not seen all of the native stack below the error handler
 * of the main state. Makes pages readable that were never written.
 */
void facts_touch_stack(struct facts *f, struct target *t, const struct lua_vm *vm);

/* names.c: what samples and prototypes speak of */
int facts_on_proto(struct facts *f, const struct bprof_proto *proto);
#define JIT_NOT_KNOWN 2
int facts_tell_runtime(struct facts *f, const struct target *t, const struct lua_vm *vm,
		       uint8_t jit);
/* @runtime: without sizes, which are those of its texts; these may be NULL. */
int facts_record_runtime(struct facts *f, const struct bprof_runtime *runtime, const char *version,
			 const char *path);
int facts_on_sample(struct facts *f, const struct decoded *d);

#endif
