/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_ID_MAP_H
#define BPROF_OUTPUT_ID_MAP_H

#include "base.h"

#define ID_MAP_NONE UINT64_MAX /* never a key */

/**
 * struct id_map - from a 64-bit key to a 64-bit value
 *
 * Zero-initialised is empty. Open addressing over a power of two, at most half full.
 */
struct id_map {
	struct id_map_entry {
		uint64_t key, value;
	} * entries;
	size_t size, used;
};

/* The value under @key, made with the value 0 if it is new; NULL without memory. It stays where it
 * is until the next call. */
uint64_t *id_map_at(struct id_map *map, uint64_t key, bool *ret_new);

void id_map_done(struct id_map *map);

#endif
