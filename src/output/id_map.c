/* SPDX-License-Identifier: MIT */
/* A hash table with integer keys, for everything the formats must recognise again. */
#include "id_map.h"

#define FIRST_SIZE 256

static size_t first_slot(uint64_t key, size_t size)
{
	uint64_t hash = key * 0x9E3779B97F4A7C15ULL; /* 2^64 over the golden ratio */

	return (size_t)(hash ^ hash >> 32) & (size - 1);
}

/* The entry of @key, or the free one where it belongs. */
static struct id_map_entry *find(struct id_map_entry *entries, size_t size, uint64_t key)
{
	size_t slot = first_slot(key, size);

	while (entries[slot].key != key && entries[slot].key != ID_MAP_NONE)
		slot = (slot + 1) & (size - 1);
	return &entries[slot];
}

static bool grow(struct id_map *map)
{
	size_t size = map->size ? map->size * 2 : FIRST_SIZE;
	struct id_map_entry *entries;

	if (size < map->size)
		return false;
	entries = reallocarray(NULL, size, sizeof(*entries));
	if (!entries)
		return false;
	for (size_t i = 0; i < size; i++)
		entries[i] = (struct id_map_entry){.key = ID_MAP_NONE};
	for (size_t i = 0; i < map->size; i++)
		if (map->entries[i].key != ID_MAP_NONE)
			*find(entries, size, map->entries[i].key) = map->entries[i];
	free(map->entries);
	map->entries = entries;
	map->size = size;
	return true;
}

uint64_t *id_map_at(struct id_map *map, uint64_t key, bool *ret_new)
{
	struct id_map_entry *entry;

	if (map->used >= map->size / 2 && !grow(map))
		return NULL;
	entry = find(map->entries, map->size, key);
	*ret_new = entry->key == ID_MAP_NONE;
	if (*ret_new) {
		*entry = (struct id_map_entry){.key = key};
		map->used++;
	}
	return &entry->value;
}

void id_map_done(struct id_map *map)
{
	free(map->entries);
	*map = (struct id_map){0};
}
