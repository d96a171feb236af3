/* SPDX-License-Identifier: MIT */
/*
 * Which interpreters a run has, where nobody looks into its VMs: the file of a program, or one of
 * its libraries, has a VM and says which one. The first process of a program is held until its file
 * is open, and no longer, so that none is too short to be told of; the file is read while it runs.
 *
 * Of a VM without symbols nothing is told here: what a file seems to have inside is proved in
 * memory alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#include "collect/collect.h"
#include "facts_private.h"
#include "proc/proc.h"

#define MAX_PROGRAMS 256
#define VISIT_DONE   1 /* the VM is found: no other file is looked at */

static const uint8_t families[] = {
	[ELF_LUA_PUC] = BPROF_FAMILY_PUC,
	[ELF_LUA_LUAJIT] = BPROF_FAMILY_LUAJIT,
};

static char *path_of_fd(int fd)
{
	char link[64], path[4096];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = 0;
	return strdup(path);
}

static int inspect_file(void *ctx, int fd, struct elf_image *elf)
{
	struct lua_program *program = ctx;
	struct elf_lua lua;
	int r = elf_lua_kind(elf, &lua);

	if (r < 0 || lua.family == ELF_LUA_NONE)
		return r;
	program->family = families[lua.family];
	program->version = strdup(lua.version);
	program->path = path_of_fd(fd);
	return program->version && program->path ? VISIT_DONE : -ENOMEM;
}

static void program_done(struct lua_program *program)
{
	free(program->version);
	free(program->path);
}

/* Keeps the program of @fd if it has a VM. Libraries that others have too are looked at again. */
static int learn_program(struct facts *f, const struct bprof_exec *exec, int fd, int root_fd)
{
	struct lua_program program = {.dev = exec->dev, .ino = exec->ino}, *grown;
	struct libraries *libraries;
	int r;

	if (f->nr_programs == MAX_PROGRAMS)
		return 0;
	r = libraries_new(&libraries);
	if (r < 0)
		return r;
	r = libraries_visit(libraries, fd, root_fd, inspect_file, &program);
	libraries_free(libraries);
	if (r != VISIT_DONE) {
		program_done(&program);
		return r;
	}
	grown = reallocarray(f->programs, f->nr_programs + 1, sizeof(*grown));
	if (!grown) {
		program_done(&program);
		return -ENOMEM;
	}
	f->programs = grown;
	f->programs[f->nr_programs++] = program;
	return 0;
}

/* The process has just executed @program. */
static int tell_program(struct facts *f, uint32_t pid, const struct lua_program *program)
{
	const struct bprof_runtime runtime = {
		.pid = pid,
		.family = program->family,
		.jit = JIT_NOT_KNOWN,
	};

	return facts_record_runtime(f, &runtime, program->version, program->path);
}

int facts_on_program(struct facts *f, const struct bprof_exec *exec)
{
	CLEANUP(cleanup_close) int root_fd = -1;
	int fd = -1, r = 0;

	if (exec->flags & BPROF_EXEC_HELD) {
		root_fd = proc_open_root((pid_t)exec->pid);
		if (proc_open_exe((pid_t)exec->pid, &fd) < 0)
			fd = -1;
		r = collect_know_binary(f->collector, exec->dev, exec->ino);
		facts_release(exec->pid);
	}
	if (r == -E2BIG) /* a full table only means that more processes are held */
		r = 0;
	if (fd >= 0 && r == 0)
		r = learn_program(f, exec, fd, root_fd);
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; r == 0 && i < f->nr_programs; i++)
		if (f->programs[i].dev == exec->dev && f->programs[i].ino == exec->ino)
			return tell_program(f, exec->pid, &f->programs[i]);
	return r;
}

void facts_forget_programs(struct facts *f)
{
	while (f->nr_programs)
		program_done(&f->programs[--f->nr_programs]);
	free(f->programs);
}
