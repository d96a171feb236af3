/* SPDX-License-Identifier: MIT */
/*
 * The store of names: facts in, functions out.
 *
 * Facts are keyed by (space, address); functions by what they are. Names of Lua functions are
 * votes: each caller says what it called, weighted by samples, and symbols_finish() counts.
 */
#include "symbols.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "buf.h"
#include "symbol.h"

#define uthash_fatal(message) hash_failed = true
static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

#define NO_SPACE      UINT32_MAX
#define RARE_NAME     50 /* a name fewer than 1 in 50 callers use says nothing about a function */
#define MAX_ANCESTORS 64 /* forks in a row whose facts are looked through */

struct object_key {
	uint64_t object;
	uint32_t space;
	uint32_t discriminator; /* prototypes: fingerprint; fast functions: ffid */
};

struct proto_entry {
	struct object_key key;
	int32_t first_line;
	char *chunk;		       /* for people; owned */
	struct bprof_proto_body *body; /* owned; NULL = never captured */
	struct proto_view view;	       /* of body */
	bool is_safe;
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

struct vote {
	char *name;
	uint64_t weight;
	UT_hash_handle hh;
};

struct votes {
	struct vote *names;
	uint64_t weight; /* of all frames, named by their caller or not */
};

struct identity {
	char *text; /* kind, name where it identifies, file, line */
	uint32_t function;
	UT_hash_handle hh;
};

struct symbols {
	struct space *spaces;
	size_t nr_spaces, size_spaces;
	struct space_of_pid *by_pid;
	struct proto_entry *protos;
	struct name_entry *cfunctions, *addresses;
	struct name_entry
		*fast_functions; /* by (layout, ffid): the same in all processes of a build */
	struct identity *identities;
	struct function *functions;
	struct votes *votes; /* per function */
	size_t nr_functions, size_functions;
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

int symbols_new(struct symbols **ret)
{
	struct symbols *s = calloc(1, sizeof(*s));

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

static void free_protos(struct symbols *s)
{
	struct proto_entry *e, *next;

	HASH_ITER (hh, s->protos, e, next) {
		HASH_DEL(s->protos, e);
		free(e->chunk);
		free(e->body);
		free(e);
	}
}

static void free_functions(struct symbols *s)
{
	struct identity *i, *next_identity;
	struct vote *v, *next_vote;

	HASH_ITER (hh, s->identities, i, next_identity) {
		HASH_DEL(s->identities, i);
		free(i->text);
		free(i);
	}
	for (size_t f = 0; f < s->nr_functions; f++) {
		struct vote *votes = s->votes[f].names;

		HASH_ITER (hh, votes, v, next_vote) {
			HASH_DEL(votes, v);
			free(v->name);
			free(v);
		}
		free((void *)(uintptr_t)s->functions[f].name);
		free((void *)(uintptr_t)s->functions[f].file);
		free(s->functions[f].lines);
	}
	free(s->functions);
	free(s->votes);
}

void symbols_free(struct symbols *s)
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
	free_functions(s);
	free(s->spaces);
	free(s);
}

/* ---- spaces -------------------------------------------------------------------------------- */

static int add_space(struct symbols *s, uint32_t pid, uint32_t parent)
{
	struct space_of_pid *p;

	if (s->nr_spaces == s->size_spaces) {
		size_t size = s->size_spaces ? 2 * s->size_spaces : 64;
		struct space *grown = reallocarray(s->spaces, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->spaces = grown;
		s->size_spaces = size;
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
	p->space = (uint32_t)s->nr_spaces;
	s->spaces[s->nr_spaces] = (struct space){.pid = pid, .parent = parent};
	if (parent != NO_SPACE) {
		memcpy(s->spaces[s->nr_spaces].comm, s->spaces[parent].comm, BPROF_COMM_LEN);
		s->spaces[s->nr_spaces].layout = s->spaces[parent].layout;
	}
	s->nr_spaces++;
	return 0;
}

uint32_t symbols_space(struct symbols *s, uint32_t pid)
{
	struct space_of_pid *p;

	HASH_FIND(hh, s->by_pid, &pid, sizeof(pid), p);
	if (p)
		return p->space;
	return add_space(s, pid, NO_SPACE) < 0 ? NO_SPACE : (uint32_t)(s->nr_spaces - 1);
}

int symbols_fork(struct symbols *s, uint32_t pid, uint32_t parent_pid)
{
	struct space_of_pid *parent;

	HASH_FIND(hh, s->by_pid, &parent_pid, sizeof(parent_pid), parent);
	return add_space(s, pid, parent ? parent->space : NO_SPACE);
}

int symbols_exec(struct symbols *s, uint32_t pid, const char comm[BPROF_COMM_LEN])
{
	int r = add_space(s, pid, NO_SPACE);

	if (r == 0)
		memcpy(s->spaces[s->nr_spaces - 1].comm, comm, BPROF_COMM_LEN);
	return r;
}

int symbols_vm(struct symbols *s, uint32_t pid, uint32_t layout)
{
	uint32_t space = symbols_space(s, pid);

	if (space == NO_SPACE)
		return -ENOMEM;
	s->spaces[space].layout = layout;
	return 0;
}

/* ---- facts --------------------------------------------------------------------------------- */

static struct object_key make_key(uint32_t space, uint64_t object, uint32_t discriminator)
{
	return (struct object_key){
		.object = object, .space = space, .discriminator = discriminator};
}

static struct proto_entry *find_proto(const struct symbols *s, uint32_t space, uint64_t object,
				      uint32_t fingerprint)
{
	struct proto_entry *e = NULL;

	for (int i = 0; i < MAX_ANCESTORS && space < s->nr_spaces; i++) {
		struct object_key key = make_key(space, object, fingerprint);

		HASH_FIND(hh, s->protos, &key, sizeof(key), e);
		if (e)
			break;
		space = s->spaces[space].parent;
	}
	return e;
}

static struct name_entry *find_name(const struct symbols *s, struct name_entry *table,
				    uint32_t space, uint64_t object, uint32_t discriminator)
{
	struct name_entry *e = NULL;

	for (int i = 0; i < MAX_ANCESTORS && space < s->nr_spaces; i++) {
		struct object_key key = make_key(space, object, discriminator);

		HASH_FIND(hh, table, &key, sizeof(key), e);
		if (e)
			break;
		space = s->spaces[space].parent;
	}
	return e;
}

/* The entry of this very space, made if missing. */
static struct proto_entry *own_proto(struct symbols *s, uint32_t pid, uint64_t object,
				     uint32_t fingerprint)
{
	struct object_key key = make_key(symbols_space(s, pid), object, fingerprint);
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

static int set_chunk(struct proto_entry *e, const char *chunkname, size_t len, int32_t first_line)
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
	free(e->chunk);
	e->chunk = display.data; /* the buffer's memory is ours now */
	e->first_line = first_line;
	return 0;
}

int symbols_proto(struct symbols *s, const struct bprof_proto *proto, const char *chunkname,
		  size_t len)
{
	struct proto_entry *e = own_proto(s, proto->pid, proto->object, proto->fingerprint);

	if (!e)
		return -ENOMEM;
	return e->body ? 0 : set_chunk(e, chunkname, len, proto->first_line);
}

int symbols_body(struct symbols *s, const struct bprof_proto_body *record)
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
	free(e->body);
	e->body = copy;
	e->is_safe = capture_is_busted_safe(copy);
	if (proto_view_init(copy, copy->h.size, &e->view) < 0)
		return -EBADMSG;
	return set_chunk(e, e->view.chunkname, copy->chunkname_len, copy->first_line);
}

static int add_name(struct name_entry **table, struct object_key key, const char *name, size_t len,
		    const char *module, size_t module_len)
{
	struct name_entry *e;

	HASH_FIND(hh, *table, &key, sizeof(key), e);
	if (e)
		return 0; /* the first fact stands */
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

int symbols_cfunction(struct symbols *s, const struct bprof_cfunction *f, const char *name,
		      size_t len)
{
	uint32_t space = symbols_space(s, f->pid), layout;
	/* a fast function is known by its number; its address is shared */
	uint64_t object = f->ffid ? 0 : f->object;
	int r = add_name(&s->cfunctions, make_key(space, object, f->ffid), name, len, "", 0);

	layout = space < s->nr_spaces ? s->spaces[space].layout : 0;
	if (r == 0 && f->ffid && layout)
		r = add_name(&s->fast_functions, make_key(0, layout, f->ffid), name, len, "", 0);
	return r;
}

/* The name of a fast function in a process that lived too short to be asked. */
static struct name_entry *find_fast_function(const struct symbols *s, uint32_t space, uint32_t ffid)
{
	struct object_key key;
	struct name_entry *e;

	if (space >= s->nr_spaces || !s->spaces[space].layout)
		return NULL;
	key = make_key(0, s->spaces[space].layout, ffid);
	HASH_FIND(hh, s->fast_functions, &key, sizeof(key), e);
	return e;
}

int symbols_native(struct symbols *s, const struct bprof_symbol *f, const char *symbol,
		   size_t symbol_len, const char *module, size_t module_len)
{
	uint32_t space = symbols_space(s, f->pid);

	return add_name(&s->addresses, make_key(space, f->address, 0), symbol, symbol_len, module,
			module_len);
}

/* ---- functions ----------------------------------------------------------------------------- */

static int grow_functions(struct symbols *s)
{
	size_t size = s->size_functions ? 2 * s->size_functions : 256;
	struct function *functions;
	struct votes *votes;

	if (s->nr_functions < s->size_functions)
		return 0;
	functions = reallocarray(s->functions, size, sizeof(*functions));
	if (!functions)
		return -ENOMEM;
	s->functions = functions;
	votes = reallocarray(s->votes, size, sizeof(*votes));
	if (!votes)
		return -ENOMEM;
	s->votes = votes;
	s->size_functions = size;
	return 0;
}

/* Chunks of busted and what it is made of; "bprof" is the boundary hook inside it. */
static bool is_framework(const char *chunk)
{
	static const char *const parts[] = {
		"/busted/",  "/luassert/",   "/mediator.lua", "/say/init.lua", "/say.lua",
		"/cliargs/", "/cliargs.lua", "/bin/busted",   "/luassert.lua",
	};

	if (!strcmp(chunk, "busted") || !strcmp(chunk, "bprof") || !strncmp(chunk, "busted/", 7))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(chunk, parts[i]))
			return true;
	return false;
}

/* The function with this identity; @name identifies only what is no Lua function. */
static int intern_function(struct symbols *s, enum function_kind kind, const char *name,
			   const char *file, int32_t line, uint32_t *ret)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct identity *i;
	struct function *f;

	if (asprintf(&text, "%d\x1f%s\x1f%d\x1f%s", (int)kind, kind == FUNCTION_LUA ? "" : name,
		     line, file) < 0)
		return -ENOMEM;
	HASH_FIND_STR(s->identities, text, i);
	if (i) {
		*ret = i->function;
		return 0;
	}
	if (grow_functions(s) < 0)
		return -ENOMEM;
	i = calloc(1, sizeof(*i));
	f = &s->functions[s->nr_functions];
	*f = (struct function){.kind = kind, .line = line};
	f->name = strdup(name);
	f->file = strdup(file);
	if (!i || !f->name || !f->file) {
		free((void *)(uintptr_t)f->name);
		free((void *)(uintptr_t)f->file);
		free(i);
		return -ENOMEM;
	}
	f->framework = (kind == FUNCTION_LUA || kind == FUNCTION_MAIN_CHUNK) && is_framework(file);
	i->text = text;
	text = NULL;
	i->function = (uint32_t)s->nr_functions;
	s->votes[s->nr_functions++] = (struct votes){0};
	*ret = i->function;
	hash_failed = false;
	HASH_ADD_KEYPTR(hh, s->identities, i->text, strlen(i->text), i);
	if (hash_failed) { /* the function stays, only its identity cannot be found again */
		free(i->text);
		free(i);
		return -ENOMEM;
	}
	return 0;
}

static int lua_frame(struct symbols *s, uint32_t space, const struct bprof_frame *frame,
		     struct symbol_frame *ret)
{
	struct proto_entry *e = find_proto(s, space, frame->object, frame->fingerprint);

	ret->line = frame->line > 0 ? frame->line : 0;
	ret->is_safe = e && e->is_safe;
	if (!e || !e->chunk)
		return intern_function(s, FUNCTION_LUA, "<unknown function>", "?", 0,
				       &ret->function);
	if (!ret->line && e->body && !(frame->flags & BPROF_FRAME_NO_POS))
		ret->line = proto_line(&e->view, frame->pos);
	if (e->first_line == 0)
		return intern_function(s, FUNCTION_MAIN_CHUNK, "main chunk", e->chunk, 0,
				       &ret->function);
	return intern_function(s, FUNCTION_LUA, "<anonymous>", e->chunk, e->first_line,
			       &ret->function);
}

static int c_frame(struct symbols *s, uint32_t space, const struct bprof_frame *frame,
		   struct symbol_frame *ret)
{
	uint32_t ffid = frame->flags & BPROF_FRAME_BUILTIN ? frame->pos : 0;
	struct name_entry *e = find_name(s, s->cfunctions, space, ffid ? 0 : frame->object, ffid);

	ret->line = 0;
	ret->is_safe = false;
	if (!e && ffid)
		e = find_fast_function(s, space, ffid);
	if (e)
		return intern_function(s, FUNCTION_C, e->name, "", 0, &ret->function);
	e = find_name(s, s->addresses, space, frame->object, 0);
	if (e && e->name[0])
		return intern_function(s, FUNCTION_C, e->name, "", 0, &ret->function);
	return intern_function(s, FUNCTION_C, "<unknown C function>", "", 0, &ret->function);
}

int symbols_frame(struct symbols *s, uint32_t space, const struct bprof_frame *frame,
		  struct symbol_frame *ret)
{
	if (frame->flags & BPROF_FRAME_UNKNOWN)
		return symbols_marker(s, "[lua: unknown frame]", ret);
	if (frame->flags & BPROF_FRAME_LUA)
		return lua_frame(s, space, frame, ret);
	return c_frame(s, space, frame, ret);
}

int symbols_process(struct symbols *s, uint32_t space, struct symbol_frame *ret)
{
	char text[64];
	const char *comm = space < s->nr_spaces ? s->spaces[space].comm : "";

	snprintf(text, sizeof(text), "[process: %s]", comm[0] ? comm : "before exec");
	return symbols_marker(s, text, ret);
}

int symbols_address(struct symbols *s, uint32_t space, uint64_t address, bool kernel,
		    struct symbol_frame *ret)
{
	struct name_entry *e = find_name(s, s->addresses, space, address, 0);

	ret->line = 0;
	ret->is_safe = false;
	if (kernel)
		return symbols_marker(s, "[kernel]", ret);
	if (!e)
		return symbols_marker(s, "[native]", ret);
	return intern_function(s, FUNCTION_NATIVE, e->name[0] ? e->name : "[no symbol]", e->module,
			       0, &ret->function);
}

int symbols_marker(struct symbols *s, const char *name, struct symbol_frame *ret)
{
	ret->line = 0;
	ret->is_safe = false;
	return intern_function(s, FUNCTION_MARKER, name, "", 0, &ret->function);
}

/* ---- names --------------------------------------------------------------------------------- */

static int add_vote(struct symbols *s, uint32_t function, const char *name, uint64_t weight)
{
	struct vote *v;

	HASH_FIND_STR(s->votes[function].names, name, v);
	if (v) {
		v->weight += weight;
		return 0;
	}
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->name = strdup(name);
	v->weight = weight;
	hash_failed = !v->name;
	if (!hash_failed)
		HASH_ADD_KEYPTR(hh, s->votes[function].names, v->name, strlen(v->name), v);
	if (hash_failed) {
		free(v->name);
		free(v);
		return -ENOMEM;
	}
	return 0;
}

int symbols_name_by_call(struct symbols *s, uint32_t space, const struct bprof_frame *caller,
			 const struct bprof_frame *callee, uint32_t function, uint64_t weight)
{
	struct proto_entry *e;
	const char *kind;
	char name[256];

	if (function >= s->nr_functions || s->functions[function].kind != FUNCTION_LUA)
		return 0;
	if (!(caller->flags & BPROF_FRAME_LUA) ||
	    (caller->flags & (BPROF_FRAME_NO_POS | BPROF_FRAME_TRACE)) ||
	    (callee->flags & (BPROF_FRAME_TAILCALL | BPROF_FRAME_BOUNDARY)))
		return 0;
	e = find_proto(s, space, caller->object, caller->fingerprint);
	if (!e || !e->body)
		return 0;
	if (name_from_call(&e->view, caller->pos, callee->flags & BPROF_FRAME_CONT, name,
			   sizeof(name), &kind) <= 0)
		return 0;
	return add_vote(s, function, name, weight);
}

void symbols_weigh(struct symbols *s, uint32_t function, uint64_t samples)
{
	if (function < s->nr_functions)
		s->votes[function].weight += samples;
}

int symbols_finish(struct symbols *s)
{
	for (size_t f = 0; f < s->nr_functions; f++) {
		struct vote *best = NULL;
		char *name;

		for (struct vote *v = s->votes[f].names; v; v = v->hh.next)
			if (!best || v->weight > best->weight ||
			    (v->weight == best->weight && strcmp(v->name, best->name) < 0))
				best = v;
		if (!best || best->weight < s->votes[f].weight / RARE_NAME)
			continue;
		name = strdup(best->name);
		if (!name)
			return -ENOMEM;
		free((void *)(uintptr_t)s->functions[f].name);
		s->functions[f].name = name;
	}
	return 0;
}

struct function *symbols_functions(struct symbols *s, size_t *ret_nr)
{
	*ret_nr = s->nr_functions;
	return s->functions;
}
