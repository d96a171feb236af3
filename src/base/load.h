/* SPDX-License-Identifier: MIT */
/* Numbers out of copied bytes, at any alignment, in the order of this machine. */
#ifndef BPROF_LOAD_H
#define BPROF_LOAD_H

#include <stdint.h>
#include <string.h>

static inline uint32_t load_u32(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t load_u64(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

#endif
