/* SPDX-License-Identifier: MIT */
/*
 * Functions, keyed by what they are. Names of Lua functions are votes: each caller says what it
 * called, weighted by samples, and symbols_finish() counts. So are those of C functions that
 * neither a module nor a symbol names.
 */
#include "symbols.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "buf.h"
#include "shapes.h"
#include "spaces.h"

#define uthash_fatal(message) hash_failed = true
static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

#define RARE_NAME 50 /* a name fewer than 1 in 50 callers use says nothing about a function */

struct vote {
	char *name;
	uint64_t weight;
	UT_hash_handle hh;
};

struct votes {
	struct vote *names;
	uint64_t weight; /* of all frames, named by their caller or not */
	bool is_crowd;	 /* many functions in one place: a name must be that of all */
	bool is_place;	 /* a C function of which only its place in its file is known */
};

struct identity {
	char *text; /* kind, name where it identifies, file, line, shape where that is needed */
	uint32_t function;
	UT_hash_handle hh;
};

struct symbols {
	const struct spaces *spaces;
	struct shapes *shapes; /* NULL until the first Lua frame: then all facts are known */
	struct identity *identities;
	struct function *functions;
	struct votes *votes; /* per function */
	size_t nr_functions, size_functions;
};

int symbols_new(const struct spaces *spaces, struct symbols **ret)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->spaces = spaces;
	*ret = s;
	return 0;
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
	if (!s)
		return;
	free_functions(s);
	shapes_free(s->shapes);
	free(s);
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

/* What tells functions apart. */
struct function_key {
	enum function_kind kind;
	const char *name; /* identifies only what is no Lua function */
	const char *file;
	int32_t line;
	uint64_t shape; /* 0 = file and line are enough */
};

static int intern_function(struct symbols *s, const struct function_key *key, uint32_t *ret)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct identity *i;
	struct function *f;

	if (asprintf(&text, "%d\x1f%s\x1f%d\x1f%llx\x1f%s", (int)key->kind,
		     key->kind == FUNCTION_LUA ? "" : key->name, key->line,
		     (unsigned long long)key->shape, key->file) < 0)
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
	*f = (struct function){.kind = key->kind, .line = key->line};
	f->name = strdup(key->name);
	f->file = strdup(key->file);
	if (!i || !f->name || !f->file) {
		free((void *)(uintptr_t)f->name);
		free((void *)(uintptr_t)f->file);
		free(i);
		return -ENOMEM;
	}
	f->framework = (key->kind == FUNCTION_LUA || key->kind == FUNCTION_MAIN_CHUNK) &&
		       is_framework(key->file);
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
	const struct proto_fact *e =
		spaces_find_proto(s->spaces, space, frame->object, frame->fingerprint);
	struct function_key key = {FUNCTION_LUA, "<anonymous>", .line = 0};
	bool is_crowd = false;
	int r;

	ret->line = frame->line > 0 && !(frame->flags & BPROF_FRAME_NO_POS) ? frame->line : 0;
	ret->is_safe = e && e->is_safe;
	if (!s->shapes && shapes_new(s->spaces, &s->shapes) < 0)
		return -ENOMEM;
	if (!e || !e->chunk) {
		key.name = "<unknown function>";
		key.file = "?";
		return intern_function(s, &key, &ret->function);
	}
	if (!ret->line && e->body && !(frame->flags & BPROF_FRAME_NO_POS))
		ret->line = proto_line(&e->view, frame->pos);
	key.file = e->chunk;
	if (e->is_main) {
		key.kind = FUNCTION_MAIN_CHUNK;
		key.name = "main chunk";
		return intern_function(s, &key, &ret->function);
	}
	key.line = e->first_line;
	key.shape = shapes_discriminator(s->shapes, e, &is_crowd);
	r = intern_function(s, &key, &ret->function);
	if (r == 0 && is_crowd)
		s->votes[ret->function].is_crowd = true;
	return r;
}

/* What has a name and no line. */
static int intern_plain(struct symbols *s, enum function_kind kind, const char *name,
			const char *file, uint32_t *ret)
{
	struct function_key key = {.kind = kind, .name = name, .file = file};

	return intern_function(s, &key, ret);
}

/* "lua5.4+0x2e810": what stands for a name where there is none. */
static bool is_place(const char *name, const char *module)
{
	size_t len = module ? strlen(module) : 0;

	return len && strncmp(name, module, len) == 0 && strncmp(name + len, "+0x", 3) == 0;
}

static int c_frame(struct symbols *s, uint32_t space, const struct bprof_frame *frame,
		   struct symbol_frame *ret)
{
	uint32_t ffid = frame->flags & BPROF_FRAME_BUILTIN ? frame->pos : 0;
	const char *module = NULL;
	const char *name = spaces_find_cfunction(s->spaces, space, frame->object, ffid);
	int r;

	ret->line = 0;
	ret->is_safe = false;
	if (!name)
		name = spaces_find_symbol(s->spaces, space, frame->object, &module);
	if (!name || !name[0])
		name = "<unknown C function>";
	r = intern_plain(s, FUNCTION_C, name, "", &ret->function);
	if (r == 0 && is_place(name, module))
		s->votes[ret->function].is_place = true;
	return r;
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
	const char *comm = spaces_comm(s->spaces, space);

	snprintf(text, sizeof(text), "[process: %s]", comm[0] ? comm : "before exec");
	return symbols_marker(s, text, ret);
}

int symbols_address(struct symbols *s, uint32_t space, uint64_t address, bool kernel,
		    struct symbol_frame *ret)
{
	const char *module;
	const char *name = spaces_find_symbol(s->spaces, space, address, &module);

	ret->line = 0;
	ret->is_safe = false;
	if (kernel)
		return symbols_marker(s, "[kernel]", ret);
	if (!name)
		return symbols_marker(s, "[native]", ret);
	/* the place of a C function is that of its first instruction, no symbol of its code */
	if (!name[0] || is_place(name, module))
		name = "[no symbol]";
	return intern_plain(s, FUNCTION_NATIVE, name, module, &ret->function);
}

int symbols_marker(struct symbols *s, const char *name, struct symbol_frame *ret)
{
	ret->line = 0;
	ret->is_safe = false;
	return intern_plain(s, FUNCTION_MARKER, name, "", &ret->function);
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

/* What the VM calls is not what the caller's instruction calls; 1 if it is known to have a name. */
static int name_of_vm_call(const struct bprof_frame *callee, char *name, size_t size,
			   const char **ret_kind)
{
	if (callee->flags & BPROF_FRAME_HOOK)
		*ret_kind = "hook";
	if (!(callee->flags & BPROF_FRAME_FINALIZER))
		return 0;
	*ret_kind = "metamethod";
	snprintf(name, size, "__gc");
	return 1;
}

int symbols_call_name(const struct spaces *spaces, uint32_t space, const struct bprof_frame *caller,
		      const struct bprof_frame *callee, char *name, size_t size,
		      const char **ret_kind)
{
	const struct proto_fact *e;

	*ret_kind = "";
	name[0] = 0;
	if (callee->flags & BPROF_FRAME_TAILCALL) /* the frame below is not its caller */
		return 0;
	if (callee->flags & BPROF_FRAME_BOUNDARY)
		return name_of_vm_call(callee, name, size, ret_kind);
	if (!(caller->flags & BPROF_FRAME_LUA) ||
	    (caller->flags & (BPROF_FRAME_NO_POS | BPROF_FRAME_NEW_STATE)))
		return 0;
	e = spaces_find_proto(spaces, space, caller->object, caller->fingerprint);
	if (!e || !e->body)
		return 0;
	return name_from_call(&e->view, caller->pos, callee->flags & BPROF_FRAME_CONT, name, size,
			      ret_kind);
}

/* The VM's words for "called, but not by a name". */
static bool is_no_name(const char *name)
{
	return name[0] == 0 || strcmp(name, "?") == 0 || strcmp(name, "integer index") == 0;
}

int symbols_name_by_call(struct symbols *s, uint32_t space, const struct bprof_frame *caller,
			 const struct bprof_frame *callee, uint32_t function, uint64_t weight)
{
	const char *kind;
	char name[256];

	if (function >= s->nr_functions ||
	    (s->functions[function].kind != FUNCTION_LUA && !s->votes[function].is_place))
		return 0;
	if (symbols_call_name(s->spaces, space, caller, callee, name, sizeof(name), &kind) <= 0 ||
	    is_no_name(name))
		return 0;
	return add_vote(s, function, name, weight);
}

void symbols_weigh(struct symbols *s, uint32_t function, uint64_t samples)
{
	if (function < s->nr_functions)
		s->votes[function].weight += samples;
}

/* The name that most samples used; NULL if too few did. */
static const char *elected(const struct votes *votes)
{
	const struct vote *best = NULL;

	for (const struct vote *v = votes->names; v; v = v->hh.next)
		if (!best || v->weight > best->weight ||
		    (v->weight == best->weight && strcmp(v->name, best->name) < 0))
			best = v;
	if (!best || best->weight < votes->weight / RARE_NAME)
		return NULL;
	return votes->is_crowd && HASH_COUNT(votes->names) > 1 ? NULL : best->name;
}

int symbols_finish(struct symbols *s)
{
	for (size_t f = 0; f < s->nr_functions; f++) {
		const char *best = elected(&s->votes[f]);
		char *name = best ? strdup(best) : NULL;

		if (!best)
			continue;
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
