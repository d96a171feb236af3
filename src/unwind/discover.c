/* SPDX-License-Identifier: MIT */
/*
 * Manages the question "which VM is this?" for both families, and the search for missed VMs.
 *
 * Invariant: exactly one family and one build pass the proof, or there is no answer. Reads are
 * copies; nothing is believed because it was read nearby.
 */
#include "discover.h"

#include <string.h>

#include "discover_family.h"

#define SCAN_CHUNK    65536U /* bytes read at once; a multiple of the page size */
#define CONFIRM_TRIES 8	     /* contradictions in a row that condemn a layout */

int discover_find_index_name(const struct mem_reader *mem, uaddr_t from, size_t bytes,
			     unsigned ref_bytes, unsigned string_data,
			     bool (*is_string)(const uint8_t header[16]), uaddr_t *ret)
{
	for (size_t offset = 0; offset < bytes; offset += ref_bytes) {
		char text[DISCOVER_STRING_PROBE];
		uint8_t header[16];
		uint64_t object = 0;

		if (mem_read(mem, &object, ref_bytes, from + offset) < 0)
			return -ENOENT;
		if (!is_object_address(object) ||
		    mem_read(mem, header, sizeof(header), object) < 0 || !is_string(header) ||
		    mem_read(mem, text, sizeof(text), object + string_data) < 0)
			continue;
		if (memcmp(text, "__index", sizeof(text)) == 0) {
			*ret = object;
			return 0;
		}
	}
	return -ENOENT;
}

int discover_vm(const struct mem_reader *mem, const struct discover_env *env, uaddr_t state,
		const char *version_hint, struct discovery *ret)
{
	struct discovery luajit = {0}, puc = {0};
	int luajit_result, puc_result;

	if (!is_object_address(state))
		return -ENOENT;
	luajit_result = luajit_discover(mem, env, state, version_hint, &luajit);
	puc_result = puc_discover(mem, state, version_hint, &puc);

	if (luajit_result == 0 && puc_result == 0)
		return -ENOTUNIQ;
	if (luajit_result != 0 && puc_result != 0)
		return puc_result != -ENOENT ? puc_result : luajit_result;

	*ret = luajit_result == 0 ? luajit : puc;
	ret->proved = true;
	return 0;
}

int discover_matches(const struct mem_reader *mem, const struct lua_layout *layout, uaddr_t state,
		     struct lua_vm *ret)
{
	if (!is_object_address(state) || !lua_layout_valid(layout))
		return -ENOENT;
	if (layout->family == BPROF_FAMILY_LUAJIT)
		return luajit_matches(mem, &layout->luajit, state, ret);
	return puc_matches(mem, layout, state, ret);
}

static int confirm_once(const struct mem_reader *mem, const struct discover_env *env,
			const struct discovery *d)
{
	struct lua_vm now;
	int r = discover_matches(mem, &d->layout, d->vm.main, &now);

	if (r < 0)
		return r == -EAGAIN ? r : -EBADMSG;
	if (d->layout.family == BPROF_FAMILY_LUAJIT)
		return luajit_confirm(mem, &d->layout.luajit, &now);
	return puc_confirm(mem, env, &d->layout, &now);
}

int discover_confirm(const struct mem_reader *mem, const struct discover_env *env,
		     struct discovery *d)
{
	int r = -EBADMSG;

	/* A process that runs changes things between two reads, but not the same way each time. */
	for (unsigned i = 0; i < CONFIRM_TRIES && r == -EBADMSG; i++) {
		uint64_t probe;

		r = mem_read(mem, &probe, sizeof(probe), d->vm.main);
		if (r < 0)
			return r; /* it is gone: that says nothing of the layout */
		r = confirm_once(mem, env, d);
	}
	if (r < 0)
		return r;
	d->confirmed = true;
	return 0;
}

/* ---- missed VMs ------------------------------------------------------------------------------ */

struct scan {
	const struct mem_reader *mem;
	const struct discover_env *env;
	const char *version_hint;
	struct discovery *found;
	size_t nr, max;
};

static void try_state(struct scan *s, uaddr_t state)
{
	struct discovery d;

	if (s->nr == s->max || discover_vm(s->mem, s->env, state, s->version_hint, &d) < 0)
		return;
	for (size_t i = 0; i < s->nr; i++) {
		if (s->found[i].vm.global == d.vm.global)
			return;
	}
	s->found[s->nr++] = d;
}

static void try_word(struct scan *s, uaddr_t at, uint64_t word)
{
	uaddr_t state = luajit_signature(at, word);

	if (state)
		try_state(s, state);
	for (size_t i = 0; i < lua_nr_builds; i++) {
		uaddr_t candidate = puc_signature(at, word, &lua_builds[i]);

		/* Builds share distances: one attempt tries them all. */
		if (candidate && candidate != state) {
			state = candidate;
			try_state(s, state);
		}
	}
}

static void scan_chunk(struct scan *s, const uint64_t *words, uaddr_t start, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*words); i++) {
		uaddr_t at = start + i * sizeof(*words);

		/* global_State follows the main thread closely, or in 5.5 precedes it closely. */
		if (words[i] - at + 4096 < 8192 || (uint32_t)words[i] - at < 128)
			try_word(s, at, words[i]);
	}
}

int discover_scan(const struct mem_reader *mem, const struct discover_env *env,
		  const struct discover_region *region, size_t nr_regions, const char *version_hint,
		  struct discovery *ret, size_t max)
{
	struct scan s = {.mem = mem,
			 .env = env,
			 .version_hint = version_hint,
			 .found = ret,
			 .max = max < INT32_MAX ? max : INT32_MAX};
	CLEANUP(cleanup_free) uint64_t *words = malloc(SCAN_CHUNK);
	uint64_t budget = DISCOVER_MAX_SCAN;

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < nr_regions && i < DISCOVER_MAX_SCAN_REGIONS; i++) {
		uaddr_t at = region[i].start & ~(uaddr_t)7;

		while (at < region[i].end && budget && s.nr < s.max) {
			uint64_t left = region[i].end - at;
			size_t bytes = left < SCAN_CHUNK ? (size_t)left : SCAN_CHUNK;

			if (mem_read(mem, words, bytes, at) == 0)
				scan_chunk(&s, words, at, bytes);
			budget -= bytes < budget ? bytes : budget;
			at += bytes;
		}
	}
	return (int)s.nr;
}
