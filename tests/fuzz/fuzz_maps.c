/* SPDX-License-Identifier: MIT */
/* Any bytes as the text of /proc/PID/maps: what is accepted is sorted and can be looked up. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct proc_maps maps;

	if (proc_parse_maps((const char *)bytes, len, &maps) < 0)
		return 0;
	for (size_t i = 0; i < maps.nr; i++) {
		const struct proc_map *m = &maps.map[i];

		if (m->start >= m->end || proc_maps_find(&maps, m->start) != m ||
		    proc_maps_find(&maps, m->end - 1) != m)
			abort();
	}
	proc_maps_done(&maps);
	return 0;
}
