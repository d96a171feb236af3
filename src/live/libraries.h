/* SPDX-License-Identifier: MIT */
/*
 * The files a program is made of: its executable, and the libraries that the dynamic linker will
 * map for it. Each file is visited once in a run, whichever program brings it.
 */
#ifndef BPROF_LIBRARIES_H
#define BPROF_LIBRARIES_H

#include "proc/elf_file.h"

struct libraries;

int libraries_new(struct libraries **ret); /* 0 or -ENOMEM */
void libraries_free(struct libraries *all);

/* @elf and @fd are borrowed for the call. Not 0 ends the visit, which returns it. */
typedef int (*libraries_fn)(void *ctx, int fd, struct elf_image *elf);

/**
 * libraries_visit() - a program and what it is linked with, directly and indirectly
 * @fd:      of the executable, or of a library
 * @root_fd: the directory that is "/" to the program; the libraries are those that lie in it
 *
 * Libraries are looked for where the file says (RUNPATH, RPATH, with $ORIGIN) and where the
 * distribution installs them. What lies elsewhere (LD_LIBRARY_PATH, dlopen) is found when it is
 * mapped.
 *
 * Return: 0; -ENOMEM; what @fn returned.
 */
int libraries_visit(struct libraries *all, int fd, int root_fd, libraries_fn fn, void *ctx);

#endif
