/* SPDX-License-Identifier: MIT */
/*
 * The few types that our programs share with the kernel, cut out of the 100,000 that it describes.
 *
 * libbpf would copy all of them, and go through all of them again for each of ours: half of what it
 * takes to load the programs, the verifier aside.
 */
#ifndef BPROF_KERNEL_TYPES_H
#define BPROF_KERNEL_TYPES_H

#include <stddef.h>

struct btf;

/**
 * kernel_types_cut() - BTF of the structs whose names @wanted knows, as the kernel has them
 * @types: raw BTF of @bytes, checked here; 4-byte aligned
 *
 * Members keep names, offsets and what a relocation asks of their types; pointers lead nowhere, and
 * members of other structs are left out.
 *
 * Owns:   *ret is the caller's, btf__free().
 * Return: 0; -EBADMSG: no BTF, or of a kind not known here; -ENOMEM, other -errno.
 */
int kernel_types_cut(const void *types, size_t bytes, const struct btf *wanted, struct btf **ret);

/**
 * kernel_types_write() - the same of the running kernel, as a file
 * @fd: receives it, for struct bpf_object_open_opts.btf_custom_path; stays the caller's
 */
int kernel_types_write(const struct btf *wanted, int fd);

#endif
