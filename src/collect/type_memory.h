/* SPDX-License-Identifier: MIT */
/*
 * Memory for the kernel's types while the programs are loaded.
 *
 * libbpf reads them (6 MB of BTF), copies them and lets them go. Got from the kernel page by page
 * that is 2,700 page faults, 4.5 ms of a start that takes 40; in huge pages it is six.
 */
#ifndef BPROF_TYPE_MEMORY_H
#define BPROF_TYPE_MEMORY_H

/*
 * The heap has room for them from here on, in huge pages where the kernel has any. Where that fails
 * nothing is lost but time.
 */
void type_memory_begin(void);

/* The heap is as before, its free pages given back. */
void type_memory_end(void);

#endif
