/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The user registers of an interrupted thread, as the walkers take them.
 *
 * A walker knows the machine it walks on at compile time: the target's machine is that of the
 * kernel, and the wire carries no registers. Those before BPROF_NR_VALUE_REGS may hold an address
 * of the program; their number is a power of two, so that it is a mask.
 */
#ifndef BPROF_REGISTERS_H
#define BPROF_REGISTERS_H

/* clang for BPF names the kernel's machine, a compiler for the host its own. */
#if defined(__TARGET_ARCH_arm64) || defined(__aarch64__)
#define BPROF_ARCH_ARM64 1
#elif defined(__TARGET_ARCH_x86) || defined(__x86_64__)
#define BPROF_ARCH_X86_64 1
#else
#error "bprof-perf knows x86-64 and arm64"
#endif

#ifdef BPROF_ARCH_X86_64

enum bprof_reg {
	BPROF_REG_AX,
	BPROF_REG_BX,
	BPROF_REG_CX,
	BPROF_REG_DX,
	BPROF_REG_SI,
	BPROF_REG_DI,
	BPROF_REG_BP,
	BPROF_REG_SP,
	BPROF_REG_R8,
	BPROF_REG_R9,
	BPROF_REG_R10,
	BPROF_REG_R11,
	BPROF_REG_R12,
	BPROF_REG_R13,
	BPROF_REG_R14,
	BPROF_REG_R15,
	BPROF_REG_IP,
	BPROF_NR_REGS
};

#define BPROF_NR_VALUE_REGS 16

#else

enum bprof_reg {
	BPROF_REG_X0, /* x0 to x30 follow each other */
	BPROF_REG_X19 = BPROF_REG_X0 + 19,
	BPROF_REG_X20,
	BPROF_REG_X21,
	BPROF_REG_X22,
	BPROF_REG_X23,
	BPROF_REG_X24,
	BPROF_REG_X25,
	BPROF_REG_X26,
	BPROF_REG_X27,
	BPROF_REG_X28,
	BPROF_REG_FP, /* x29 */
	BPROF_REG_LR, /* x30 */
	BPROF_REG_SP,
	BPROF_REG_IP,
	BPROF_NR_REGS
};

#define BPROF_NR_VALUE_REGS 32

#endif

#endif
