/* SPDX-License-Identifier: MIT */
/*
 * What is known of each process's memory: facts keyed by (space, address).
 *
 * A forked child's space falls back to its parent's, whose copy of the memory it got.
 */
#include "spaces.h"

#include <errno.h>
#include <string.h>

#include <xxhash.h>

#include "base.h"
#include "buf.h"
#include "opcodes.h"
#include "proto_view.h"

#define uthash_fatal(message) hash_failed = true
static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

#define NO_SPACE      UINT32_MAX
#define MAX_ANCESTORS 64 /* forks in a row whose facts are looked through */

struct object_key {
	uint64_t object;
	uint32_t space;
	uint32_t discriminator; /* prototypes: fingerprint; fast functions: ffid */
};

struct proto_entry {
	struct object_key key;
	struct proto_fact fact;
	UT_hash_handle hh;
};

struct name_entry { /* C functions and native addresses */
	struct object_key key;
	char *name, *module;
	UT_hash_handle hh;
};

struct space {
	uint32_t pid, parent;
	uint32_t layout; /* of its VM; 0 = none */
	char comm[BPROF_COMM_LEN + 1];
};

struct space_of_pid {
	uint32_t pid, space;
	UT_hash_handle hh;
};

struct spaces {
	struct space *all;
	size_t nr, size;
	struct space_of_pid *by_pid;
	struct proto_entry *protos;
	struct name_entry *cfunctions, *addresses;
	/* by (layout, ffid): the same in all processes of a build */
	struct name_entry *fast_functions;
};

static char *copy_text(const char *data, size_t len)
{
	char *s = malloc(len + 1);

	if (s) {
		memcpy(s, data, len);
		s[len] = 0;
	}
	return s;
}

int spaces_new(struct spaces **ret)
{
	struct spaces *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*ret = s;
	return 0;
}

static void free_names(struct name_entry **table)
{
	struct name_entry *e, *next;

	HASH_ITER (hh, *table, e, next) {
		HASH_DEL(*table, e);
		free(e->name);
		free(e->module);
		free(e);
	}
}

static void free_protos(struct spaces *s)
{
	struct proto_entry *e, *next;

	HASH_ITER (hh, s->protos, e, next) {
		HASH_DEL(s->protos, e);
		free(e->fact.chunk);
		free(e->fact.body);
		free(e);
	}
}

void spaces_free(struct spaces *s)
{
	struct space_of_pid *p, *next;

	if (!s)
		return;
	HASH_ITER (hh, s->by_pid, p, next) {
		HASH_DEL(s->by_pid, p);
		free(p);
	}
	free_protos(s);
	free_names(&s->cfunctions);
	free_names(&s->fast_functions);
	free_names(&s->addresses);
	free(s->all);
	free(s);
}

/* ---- processes ----------------------------------------------------------------------------- */

static int add_space(struct spaces *s, uint32_t pid, uint32_t parent)
{
	struct space_of_pid *p;

	if (s->nr == s->size) {
		size_t size = s->size ? 2 * s->size : 64;
		struct space *grown = reallocarray(s->all, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->all = grown;
		s->size = size;
	}
	HASH_FIND(hh, s->by_pid, &pid, sizeof(pid), p);
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		p->pid = pid;
		hash_failed = false;
		HASH_ADD(hh, s->by_pid, pid, sizeof(pid), p);
		if (hash_failed) {
			free(p);
			return -ENOMEM;
		}
	}
	p->space = (uint32_t)s->nr;
	s->all[s->nr] = (struct space){.pid = pid, .parent = parent};
	if (parent != NO_SPACE) {
		memcpy(s->all[s->nr].comm, s->all[parent].comm, BPROF_COMM_LEN);
		s->all[s->nr].layout = s->all[parent].layout;
	}
	s->nr++;
	return 0;
}

uint32_t spaces_current(struct spaces *s, uint32_t pid)
{
	struct space_of_pid *p;

	HASH_FIND(hh, s->by_pid, &pid, sizeof(pid), p);
	if (p)
		return p->space;
	return add_space(s, pid, NO_SPACE) < 0 ? NO_SPACE : (uint32_t)(s->nr - 1);
}

int spaces_fork(struct spaces *s, uint32_t pid, uint32_t parent_pid)
{
	struct space_of_pid *parent;

	HASH_FIND(hh, s->by_pid, &parent_pid, sizeof(parent_pid), parent);
	return add_space(s, pid, parent ? parent->space : NO_SPACE);
}

int spaces_exec(struct spaces *s, uint32_t pid, const char comm[BPROF_COMM_LEN])
{
	int r = add_space(s, pid, NO_SPACE);

	if (r == 0)
		memcpy(s->all[s->nr - 1].comm, comm, BPROF_COMM_LEN);
	return r;
}

int spaces_vm(struct spaces *s, uint32_t pid, uint32_t layout)
{
	uint32_t space = spaces_current(s, pid);

	if (space == NO_SPACE)
		return -ENOMEM;
	s->all[space].layout = layout;
	return 0;
}

const char *spaces_comm(const struct spaces *s, uint32_t space)
{
	return space < s->nr ? s->all[space].comm : "";
}

/* ---- facts in ------------------------------------------------------------------------------ */

static struct object_key make_key(uint32_t space, uint64_t object, uint32_t discriminator)
{
	return (struct object_key){
		.object = object, .space = space, .discriminator = discriminator};
}

/* The entry of this very space, made if missing. */
static struct proto_entry *own_proto(struct spaces *s, uint32_t pid, uint64_t object,
				     uint32_t fingerprint)
{
	struct object_key key = make_key(spaces_current(s, pid), object, fingerprint);
	struct proto_entry *e;

	HASH_FIND(hh, s->protos, &key, sizeof(key), e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->key = key;
	hash_failed = false;
	HASH_ADD(hh, s->protos, key, sizeof(key), e);
	if (hash_failed) {
		free(e);
		return NULL;
	}
	return e;
}

/*
 * A function without any lines is a stripped one of LuaJIT: even an empty main chunk ends on line 1
 * there.
 */
static bool is_main_chunk(int32_t first_line, int32_t last_line, bool is_luajit)
{
	return first_line == 0 && (!is_luajit || last_line > 0);
}

/*
 * What a function looks like, wherever it lies. LuaJIT rewrites code that it counts, compiles or
 * specialises, in place: headers, returns, loops and iterators do not count there.
 */
static uint64_t shape_of(const struct proto_view *view)
{
	const struct bprof_proto_body *body = &view->body;
	const uint32_t counts[] = {body->nr_code, (uint32_t)body->last_line, body->nr_params,
				   body->is_vararg, body->numbers};
	size_t bytes = (size_t)((const unsigned char *)view->chunkname - view->lines);
	uint64_t shape = XXH3_64bits(counts, sizeof(counts));

	for (uint32_t pos = 0; pos < body->nr_code; pos++) {
		uint32_t instruction = proto_instruction(view, pos);

		if (body->dialect < LUA_DIALECT_LUAJIT || luajit_opcode_stays(instruction))
			shape = XXH3_64bits_withSeed(&instruction, sizeof(instruction), shape);
	}
	shape = XXH3_64bits_withSeed(view->lines, bytes, shape);
	return shape ? shape : 1;
}

static int set_chunk(struct proto_fact *f, const char *chunkname, size_t len, int32_t first_line)
{
	struct buf display;
	int r;

	buf_init(&display, 8192);
	r = chunk_display(chunkname, len, &display);
	if (r == 0 && !display.data)
		r = buf_addstr(&display, "?");
	if (r < 0) {
		buf_done(&display);
		return r;
	}
	free(f->chunk);
	f->chunk = display.data; /* the buffer's memory is ours now */
	f->first_line = first_line;
	return 0;
}

int spaces_add_proto(struct spaces *s, const struct bprof_proto *proto, const char *chunkname,
		     size_t len)
{
	struct proto_entry *e = own_proto(s, proto->pid, proto->object, proto->fingerprint);

	if (!e)
		return -ENOMEM;
	e->fact.is_main = is_main_chunk(proto->first_line, proto->last_line,
					proto->family == BPROF_FAMILY_LUAJIT);
	return e->fact.body ? 0 : set_chunk(&e->fact, chunkname, len, proto->first_line);
}

int spaces_add_body(struct spaces *s, const struct bprof_proto_body *record)
{
	struct proto_entry *e;
	struct bprof_proto_body *copy;
	struct proto_view view;

	if (proto_view_init(record, record->h.size, &view) < 0)
		return 0; /* a name less, not an error of the run */
	e = own_proto(s, record->pid, record->object, record->fingerprint);
	copy = malloc(record->h.size);
	if (!e || !copy) {
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, record, record->h.size);
	free(e->fact.body);
	e->fact.body = copy;
	e->fact.is_safe = capture_is_busted_safe(copy);
	if (proto_view_init(copy, copy->h.size, &e->fact.view) < 0)
		return -EBADMSG;
	e->fact.shape = shape_of(&e->fact.view);
	e->fact.is_main = is_main_chunk(copy->first_line, copy->last_line,
					copy->dialect >= LUA_DIALECT_LUAJIT);
	return set_chunk(&e->fact, e->fact.view.chunkname, copy->chunkname_len, copy->first_line);
}

/* A name where none was known before: the first one stands. */
static int complete_name(struct name_entry *e, const char *name, size_t len)
{
	char *copy;

	if (e->name[0] || !len)
		return 0;
	copy = copy_text(name, len);
	if (!copy)
		return -ENOMEM;
	free(e->name);
	e->name = copy;
	return 0;
}

static int add_name(struct name_entry **table, struct object_key key, const char *name, size_t len,
		    const char *module, size_t module_len)
{
	struct name_entry *e;

	HASH_FIND(hh, *table, &key, sizeof(key), e);
	if (e)
		return complete_name(e, name, len);
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->key = key;
	e->name = copy_text(name, len);
	e->module = copy_text(module, module_len);
	hash_failed = !e->name || !e->module;
	if (!hash_failed)
		HASH_ADD(hh, *table, key, sizeof(key), e);
	if (hash_failed) {
		free(e->name);
		free(e->module);
		free(e);
		return -ENOMEM;
	}
	return 0;
}

int spaces_add_cfunction(struct spaces *s, const struct bprof_cfunction *f, const char *name,
			 size_t len)
{
	uint32_t space = spaces_current(s, f->pid), layout;
	/* a fast function is known by its number; its address is shared */
	uint64_t object = f->ffid ? 0 : f->object;
	int r = add_name(&s->cfunctions, make_key(space, object, f->ffid), name, len, "", 0);

	layout = space < s->nr ? s->all[space].layout : 0;
	if (r == 0 && f->ffid && layout)
		r = add_name(&s->fast_functions, make_key(0, layout, f->ffid), name, len, "", 0);
	return r;
}

int spaces_add_symbol(struct spaces *s, const struct bprof_symbol *f, const char *symbol,
		      size_t symbol_len, const char *module, size_t module_len)
{
	uint32_t space = spaces_current(s, f->pid);

	return add_name(&s->addresses, make_key(space, f->address, 0), symbol, symbol_len, module,
			module_len);
}

/* ---- facts out ----------------------------------------------------------------------------- */

const struct proto_fact *spaces_find_proto(const struct spaces *s, uint32_t space, uint64_t object,
					   uint32_t fingerprint)
{
	struct proto_entry *e = NULL;

	for (int i = 0; i < MAX_ANCESTORS && space < s->nr; i++) {
		struct object_key key = make_key(space, object, fingerprint);

		HASH_FIND(hh, s->protos, &key, sizeof(key), e);
		if (e)
			break;
		space = s->all[space].parent;
	}
	return e ? &e->fact : NULL;
}

int spaces_each_proto(const struct spaces *s, int (*fn)(void *arg, const struct proto_fact *fact),
		      void *arg)
{
	int r = 0;

	for (struct proto_entry *e = s->protos; r == 0 && e; e = e->hh.next)
		r = fn(arg, &e->fact);
	return r;
}

static struct name_entry *find_name(const struct spaces *s, struct name_entry *table,
				    uint32_t space, uint64_t object, uint32_t discriminator)
{
	struct name_entry *e = NULL;

	for (int i = 0; i < MAX_ANCESTORS && space < s->nr; i++) {
		struct object_key key = make_key(space, object, discriminator);

		HASH_FIND(hh, table, &key, sizeof(key), e);
		if (e)
			break;
		space = s->all[space].parent;
	}
	return e;
}

/* The name of a fast function in a process that lived too short to be asked. */
static struct name_entry *find_fast_function(const struct spaces *s, uint32_t space, uint32_t ffid)
{
	struct object_key key;
	struct name_entry *e;

	if (space >= s->nr || !s->all[space].layout)
		return NULL;
	key = make_key(0, s->all[space].layout, ffid);
	HASH_FIND(hh, s->fast_functions, &key, sizeof(key), e);
	return e;
}

const char *spaces_find_cfunction(const struct spaces *s, uint32_t space, uint64_t object,
				  uint32_t ffid)
{
	struct name_entry *e = find_name(s, s->cfunctions, space, ffid ? 0 : object, ffid);

	if (!e && ffid)
		e = find_fast_function(s, space, ffid);
	return e ? e->name : NULL;
}

const char *spaces_find_symbol(const struct spaces *s, uint32_t space, uint64_t address,
			       const char **ret_module)
{
	struct name_entry *e = find_name(s, s->addresses, space, address, 0);

	*ret_module = e ? e->module : NULL;
	return e ? e->name : NULL;
}
