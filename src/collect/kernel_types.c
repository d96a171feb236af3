/* SPDX-License-Identifier: MIT */
/*
 * Facts: Documentation/bpf/btf.rst of Linux (the types follow each other, number 1 first, each with
 * as many words as its kind has; names are offsets into a section of strings).
 */
#include "kernel_types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "base.h"

#define KERNEL_TYPES   "/sys/kernel/btf/vmlinux"
#define MAX_BYTES      (64L << 20)
#define MAX_MODIFIERS  32
#define MAX_NESTED     8 /* structs without a name in each other */
#define LARGEST_INT    16
#define START_OF(name) ((uint8_t)((name)[0] * 31 + (name)[1]))
#define SMALLEST_TYPE  sizeof(struct btf_type)

struct source {
	const char *types, *strings;
	uint32_t types_bytes, strings_bytes;
	uint32_t *at; /* of type i + 1: its place */
	uint32_t nr;
};

struct cutting {
	struct source source;
	const char **wanted; /* names, sorted */
	size_t nr_wanted;
	bool starts[UINT8_MAX + 1]; /* of some wanted name: most others need no search */
	struct btf *cut;
	/* types of the cut, 0 = not there yet */
	int pointer, index;
	int integer[LARGEST_INT + 1][2]; /* by bytes; unsigned, signed */
	int *new_of;			 /* of the source's structs */
};

/* ---- the kernel's types ---------------------------------------------------------------------- */

/* Bytes of a type, 0 = of a kind that came after this was written. */
static size_t type_bytes(const struct btf_type *t)
{
	size_t nr = btf_vlen(t);

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(*t) + sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(*t) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return sizeof(*t) + nr * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return sizeof(*t) + nr * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return sizeof(*t) + nr * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return sizeof(*t) + nr * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return sizeof(*t) + nr * sizeof(struct btf_var_secinfo);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return sizeof(*t);
	default:
		return 0;
	}
}

static const struct btf_type *type_of(const struct source *s, uint32_t id)
{
	return id && id <= s->nr ? (const struct btf_type *)(s->types + s->at[id - 1]) : NULL;
}

/* "" where there is none. */
static const char *name_of(const struct source *s, uint32_t offset)
{
	return offset < s->strings_bytes ? s->strings + offset : "";
}

static int index_types(struct source *s)
{
	uint32_t at = 0;

	s->at = malloc((s->types_bytes / SMALLEST_TYPE + 1) * sizeof(*s->at));
	if (!s->at)
		return -ENOMEM;
	while (at < s->types_bytes) {
		const struct btf_type *t = (const struct btf_type *)(s->types + at);
		uint32_t left = s->types_bytes - at;
		size_t bytes = left < SMALLEST_TYPE ? 0 : type_bytes(t);

		if (!bytes || bytes > left)
			return -EBADMSG;
		s->at[s->nr++] = at;
		at += (uint32_t)bytes;
	}
	return 0;
}

static int open_source(struct source *s, const void *types, size_t bytes)
{
	const struct btf_header *h = types;
	size_t body;

	if (bytes < sizeof(*h) || h->magic != BTF_MAGIC || h->version != BTF_VERSION ||
	    h->hdr_len < sizeof(*h) || h->hdr_len > bytes)
		return -EBADMSG;
	body = bytes - h->hdr_len;
	if (h->type_off > body || h->type_len > body - h->type_off || h->type_off % 4 ||
	    h->hdr_len % 4 || h->str_off > body || h->str_len > body - h->str_off || !h->str_len)
		return -EBADMSG;
	s->types = (const char *)types + h->hdr_len + h->type_off;
	s->types_bytes = h->type_len;
	s->strings = (const char *)types + h->hdr_len + h->str_off;
	s->strings_bytes = h->str_len;
	if (s->strings[s->strings_bytes - 1])
		return -EBADMSG;
	return index_types(s);
}

/* ---- the cut --------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_wanted(struct cutting *c, const struct btf *wanted)
{
	uint32_t nr = btf__type_cnt(wanted);

	c->wanted = calloc(nr, sizeof(*c->wanted));
	if (!c->wanted)
		return -ENOMEM;
	for (uint32_t id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(wanted, id);
		const char *name = btf__name_by_offset(wanted, t->name_off);

		if (btf_kind(t) != BTF_KIND_STRUCT || !*name)
			continue;
		c->wanted[c->nr_wanted++] = name;
		c->starts[START_OF(name)] = true;
	}
	qsort(c->wanted, c->nr_wanted, sizeof(*c->wanted), compare_names);
	return 0;
}

static bool is_wanted(const struct cutting *c, const struct btf_type *t)
{
	const char *name;

	if (btf_kind(t) != BTF_KIND_STRUCT)
		return false;
	name = name_of(&c->source, t->name_off);
	return *name && c->starts[START_OF(name)] &&
	       bsearch(&name, c->wanted, c->nr_wanted, sizeof(name), compare_names);
}

/* Behind typedefs and the like. NULL: nothing is there. */
static const struct btf_type *resolve(const struct source *s, uint32_t *id)
{
	const struct btf_type *t = type_of(s, *id);

	for (unsigned i = 0; t && (btf_is_mod(t) || btf_is_typedef(t)); i++) {
		if (i == MAX_MODIFIERS)
			return NULL;
		*id = t->type;
		t = type_of(s, *id);
	}
	return t;
}

static int convert_integer(struct cutting *c, uint32_t bytes, bool is_signed)
{
	int *known;

	if (!bytes || bytes > LARGEST_INT || bytes & (bytes - 1))
		return 0;
	known = &c->integer[bytes][is_signed];
	if (!*known) {
		char name[16];

		snprintf(name, sizeof(name), "%s%u", is_signed ? "s" : "u", 8 * bytes);
		*known = btf__add_int(c->cut, name, bytes, is_signed ? BTF_INT_SIGNED : 0);
	}
	return *known;
}

static int convert(struct cutting *c, uint32_t id, unsigned depth);

static int convert_array(struct cutting *c, const struct btf_type *t, unsigned depth)
{
	const struct btf_array *a = btf_array(t);
	int element = convert(c, a->type, depth);
	int index = convert_integer(c, sizeof(uint32_t), false);

	if (element <= 0 || index <= 0)
		return element < 0 ? element : index < 0 ? index : 0;
	return btf__add_array(c->cut, index, element, a->nelems);
}

/* All members whose type can be said here. A type once begun takes members, and no others between.
 */
static int convert_composite(struct cutting *c, const struct btf_type *t, unsigned depth)
{
	const struct source *s = &c->source;
	const struct btf_member *m = btf_members(t);
	const char *name = name_of(s, t->name_off);
	uint32_t nr = btf_vlen(t);
	int *types = calloc(nr + 1, sizeof(*types)), id = 0, err = 0;

	if (!types)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr && err >= 0; i++) {
		if (!btf_member_bitfield_size(t, i))
			err = types[i] = convert(c, m[i].type, depth);
	}
	if (err >= 0)
		err = id = btf_is_union(t) ? btf__add_union(c->cut, name, t->size)
					   : btf__add_struct(c->cut, name, t->size);
	for (uint32_t i = 0; i < nr && err >= 0; i++) {
		if (types[i])
			err = btf__add_field(c->cut, name_of(s, m[i].name_off), types[i],
					     btf_member_bit_offset(t, i), 0);
	}
	free(types);
	return err < 0 ? err : id;
}

/* Number of the type in the cut; 0: it is left out; -errno. */
static int convert(struct cutting *c, uint32_t id, unsigned depth)
{
	const struct btf_type *t = resolve(&c->source, &id);

	if (!t)
		return 0;
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		if (btf_int_offset(t) || btf_int_bits(t) != 8 * t->size)
			return 0;
		return convert_integer(c, t->size, btf_int_encoding(t) & BTF_INT_SIGNED);
	case BTF_KIND_PTR:
		if (!c->pointer)
			c->pointer = btf__add_ptr(c->cut, 0);
		return c->pointer;
	case BTF_KIND_ARRAY:
		return depth < MAX_NESTED ? convert_array(c, t, depth + 1) : 0;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		if (depth >= MAX_NESTED || (t->name_off && !is_wanted(c, t)))
			return 0;
		if (!c->new_of[id]) {
			c->new_of[id] = -EBADMSG; /* if it is met inside of itself */
			c->new_of[id] = convert_composite(c, t, depth + 1);
		}
		return c->new_of[id];
	default:
		return 0;
	}
}

static int cut_all(struct cutting *c)
{
	c->cut = btf__new_empty();
	c->new_of = calloc(c->source.nr + 1, sizeof(*c->new_of));
	if (!c->cut || !c->new_of)
		return -ENOMEM;
	for (uint32_t id = 1; id <= c->source.nr; id++) {
		int r = is_wanted(c, type_of(&c->source, id)) ? convert(c, id, 0) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int kernel_types_cut(const void *types, size_t bytes, const struct btf *wanted, struct btf **ret)
{
	struct cutting c = {0};
	int err = open_source(&c.source, types, bytes);

	if (!err)
		err = list_wanted(&c, wanted);
	if (!err)
		err = cut_all(&c);
	free(c.source.at);
	free(c.wanted);
	free(c.new_of);
	if (err < 0)
		btf__free(c.cut);
	else
		*ret = c.cut;
	return err;
}

/* ---- the running kernel ---------------------------------------------------------------------- */

static int read_all(int fd, char *to, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = read(fd, to + done, bytes - done);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

/* Mapped, or before Linux 6.16, where that is not possible, copied. munmap() */
static int map_types(size_t *ret_bytes, void **ret)
{
	int fd = open(KERNEL_TYPES, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	void *p;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > MAX_BYTES) {
		close(fd);
		return -EBADMSG;
	}
	*ret_bytes = (size_t)st.st_size;
	p = mmap(NULL, *ret_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		p = mmap(NULL, *ret_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		err = p == MAP_FAILED ? -errno : read_all(fd, p, *ret_bytes);
		if (err < 0 && p != MAP_FAILED)
			munmap(p, *ret_bytes);
	}
	close(fd);
	*ret = p;
	return err;
}

int kernel_types_write(const struct btf *wanted, int fd)
{
	struct btf *cut;
	const void *raw;
	size_t bytes = 0;
	uint32_t size;
	void *types = NULL;
	int err = map_types(&bytes, &types);

	if (err < 0)
		return err;
	err = kernel_types_cut(types, bytes, wanted, &cut);
	munmap(types, bytes);
	if (err < 0)
		return err;
	raw = btf__raw_data(cut, &size);
	if (!raw)
		err = -ENOMEM;
	else if (write(fd, raw, size) != (ssize_t)size)
		err = -EIO;
	btf__free(cut);
	return err;
}
