/* SPDX-License-Identifier: MIT */
/*
 * Manages the text of /proc/PID/maps: parsing it and looking an address up.
 *
 * Invariant: a struct proc_maps is sorted and free of overlaps, or it does not come to be.
 *
 *	55d0c8a00000-55d0c8a08000 r-xp 00001000 08:01 1234567    /usr/bin/lua5.4
 *	start        end          prot offset   major:minor inode path, to the end of the line
 *
 * Facts: proc(5); fs/proc/task_mmu.c show_map_vma(), where only a newline in a path is escaped.
 */
#include "proc.h"

#include <errno.h>
#include <string.h>

#define MAPS_FIRST_CAPACITY 64
#define DELETED_SUFFIX	    " (deleted)"

/* The unread part of one line. */
struct line {
	const char *at, *end;
};

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* At least one digit, at most 64 bits. */
static bool take_number(struct line *l, unsigned base, uint64_t *ret)
{
	uint64_t value = 0;
	const char *start = l->at;

	for (; l->at < l->end; l->at++) {
		int digit = digit_value(*l->at);

		if (digit < 0 || (unsigned)digit >= base)
			break;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	*ret = value;
	return l->at > start;
}

static bool take_char(struct line *l, char c)
{
	if (l->at == l->end || *l->at != c)
		return false;
	l->at++;
	return true;
}

static bool take_prot(struct line *l, unsigned *ret)
{
	static const struct {
		char yes, no;
		unsigned bit;
	} letters[] = {
		{'r', '-', PROC_PROT_READ},
		{'w', '-', PROC_PROT_WRITE},
		{'x', '-', PROC_PROT_EXEC},
		{'s', 'p', PROC_PROT_SHARED},
	};
	unsigned prot = 0;

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
		if (take_char(l, letters[i].yes))
			prot |= letters[i].bit;
		else if (!take_char(l, letters[i].no))
			return false;
	}
	*ret = prot;
	return true;
}

/* Copies the rest of the line; "\012" becomes a newline. */
static char *take_path(struct line *l, bool *ret_deleted)
{
	size_t suffix = strlen(DELETED_SUFFIX);
	size_t len = (size_t)(l->end - l->at), used = 0;
	char *path = malloc(len + 1);

	if (!path)
		return NULL;
	while (l->at < l->end) {
		if (l->end - l->at >= 4 && memcmp(l->at, "\\012", 4) == 0) {
			path[used++] = '\n';
			l->at += 4;
		} else {
			path[used++] = *l->at++;
		}
	}
	*ret_deleted = used >= suffix && memcmp(path + used - suffix, DELETED_SUFFIX, suffix) == 0;
	if (*ret_deleted)
		used -= suffix;
	path[used] = '\0';
	return path;
}

static int parse_line(struct line l, struct proc_map *ret)
{
	struct proc_map m = {0};
	uint64_t major, minor;

	if (!take_number(&l, 16, &m.start) || !take_char(&l, '-') || !take_number(&l, 16, &m.end) ||
	    !take_char(&l, ' ') || !take_prot(&l, &m.prot) || !take_char(&l, ' ') ||
	    !take_number(&l, 16, &m.offset) || !take_char(&l, ' ') ||
	    !take_number(&l, 16, &major) || !take_char(&l, ':') || !take_number(&l, 16, &minor) ||
	    !take_char(&l, ' ') || !take_number(&l, 10, &m.ino))
		return -EBADMSG;
	if (m.end <= m.start || major > UINT32_MAX || minor >= 1U << 20)
		return -EBADMSG;
	m.dev = major << 20 | minor;

	while (take_char(&l, ' '))
		;
	m.path = take_path(&l, &m.deleted);
	if (!m.path)
		return -ENOMEM;
	*ret = m;
	return 0;
}

static int maps_grow(struct proc_maps *maps, size_t *capacity)
{
	size_t more = *capacity ? *capacity * 2 : MAPS_FIRST_CAPACITY;
	struct proc_map *bigger;

	if (maps->nr < *capacity)
		return 0;
	if (maps->nr >= PROC_MAX_MAPS)
		return -E2BIG;
	bigger = reallocarray(maps->map, more, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	maps->map = bigger;
	*capacity = more;
	return 0;
}

static int maps_add(struct proc_maps *maps, size_t *capacity, struct line l)
{
	int r = maps_grow(maps, capacity);

	if (r < 0)
		return r;
	r = parse_line(l, &maps->map[maps->nr]);
	if (r < 0)
		return r;
	maps->nr++;
	if (maps->nr > 1 && maps->map[maps->nr - 1].start < maps->map[maps->nr - 2].end)
		return -EBADMSG;
	return 0;
}

int proc_parse_maps(const char *text, size_t len, struct proc_maps *ret)
{
	struct proc_maps maps = {0};
	size_t capacity = 0;
	const char *at = text, *end = text + len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *line_end = newline ? newline : end;
		int r = maps_add(&maps, &capacity, (struct line){at, line_end});

		if (r < 0) {
			proc_maps_done(&maps);
			return r;
		}
		at = newline ? newline + 1 : end;
	}
	*ret = maps;
	return 0;
}

void proc_maps_done(struct proc_maps *maps)
{
	for (size_t i = 0; i < maps->nr; i++)
		free(maps->map[i].path);
	free(maps->map);
	*maps = (struct proc_maps){0};
}

const struct proc_map *proc_maps_find(const struct proc_maps *maps, uaddr_t address)
{
	size_t low = 0, high = maps->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct proc_map *m = &maps->map[middle];

		if (address < m->start)
			high = middle;
		else if (address >= m->end)
			low = middle + 1;
		else
			return m;
	}
	return NULL;
}
