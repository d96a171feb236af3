/* SPDX-License-Identifier: MIT */
/*
 * Reads what busted knows about a span, and what a VM says about itself, from a live target.
 *
 * An element is the table busted makes for each describe, it, file and fixture (busted/core.lua):
 *
 *	{ descriptor = "it", name = "adds", trace = { currentline = 4, source = "@spec/a.lua" } }
 *
 * Every field may be missing or of another type: then it is absent from the record, too.
 */
#include "symbol.h"

#include <errno.h>
#include <string.h>

#include <bprof/element.h>

#include "record.h"
#include "registry.h"

#define MAX_ELEMENT_TEXT 4096U /* bytes of a name */
#define MAX_LINE	 (1 << 30)
#define MAX_VERSION	 128U

/* lj_bc.h: the same numbers in all of 2.1. */
#define BC_FORL	 79U
#define BC_IFORL 80U

/* ---- elements ------------------------------------------------------------------------------ */

/*
 * Append a string, or a number as Lua would write it: it(42, ...) is a test. Return: its length, 0
 * if
 * @value is neither or cannot be read, -ENOMEM.
 */
static int add_string(const struct lua_reader *reader, const struct lua_value *value,
		      struct buf *text)
{
	size_t start = text->len;
	int r;

	if (value->kind == LUA_KIND_NUMBER) {
		r = buf_addf(text, "%.14g", value->number);
		return r < 0 ? r : (int)(text->len - start);
	}
	if (value->kind != LUA_KIND_STRING)
		return 0;
	/* one that cannot be read is not absent: its memory is in motion, or was read too early */
	return lua_string_copy(reader, value->object, MAX_ELEMENT_TEXT, text);
}

static int32_t line_of(const struct lua_value *value)
{
	if (value->kind != LUA_KIND_NUMBER)
		return 0;
	return value->number >= 1 && value->number < MAX_LINE ? (int32_t)value->number : 0;
}

/* The file an element was defined in: trace.source without its "@", else trace.short_src. */
static int add_source(const struct lua_reader *reader, const struct lua_value *source,
		      const struct lua_value *short_src, struct buf *text)
{
	size_t start = text->len;
	int len = add_string(reader, source, text);

	if (len > 0 && text->data[start] == '@') {
		memmove(text->data + start, text->data + start + 1, (size_t)len);
		text->len--;
		return len - 1;
	}
	if (len < 0)
		return len;
	text->len = start;
	return add_string(reader, short_src, text);
}

/* Appends where the element stands. Return: length of its file's name, -errno. */
static int add_place(const struct lua_reader *reader, const struct lua_value *trace,
		     struct bprof_element *record, struct buf *text)
{
	static const char *const keys[] = {"currentline", "source", "short_src"};
	struct lua_value found[ARRAY_SIZE(keys)];

	int r;

	if (trace->kind != LUA_KIND_TABLE)
		return 0;
	r = lua_table_get_all(reader, trace->object, keys, ARRAY_SIZE(keys), found);
	if (r < 0)
		return r;
	record->line = line_of(&found[0]);
	return add_source(reader, &found[1], &found[2], text);
}

/* As the sampler reads it: up to the first NUL. */
static int text_of(const struct lua_reader *reader, uaddr_t string, __u64 text[ELEMENT_TEXT_WORDS])
{
	struct buf copy;
	int r;

	memset(text, 0, ELEMENT_TEXT_WORDS * sizeof(*text));
	buf_init(&copy, ELEMENT_TEXT_WORDS * sizeof(*text));
	r = lua_string_copy(reader, string, ELEMENT_TEXT_WORDS * sizeof(*text) - 1, &copy);
	if (r > 0)
		memcpy(text, copy.data, strnlen(copy.data, copy.len));
	buf_done(&copy);
	return r;
}

/* As the sampler makes it (bpf/walk.h), 0 if it cannot be made. */
static __u32 fingerprint_of(const struct lua_reader *reader, uaddr_t element)
{
	__u64 words[ELEMENT_WORDS], text[ELEMENT_TEXT_WORDS], sum = 0;
	struct lua_table table;
	uint32_t nr_nodes, step = element_node_words(reader->layout->dialect);

	if (lua_table_open(reader, element, &table) < 0)
		return 0;
	nr_nodes = table.nr_nodes < ELEMENT_MAX_NODES ? table.nr_nodes : ELEMENT_MAX_NODES;
	if (peek_read(reader->peek, words, nr_nodes * step * sizeof(*words), table.nodes) < 0)
		return 0;
	for (uint32_t i = 0; i < nr_nodes; i++) {
		uaddr_t string =
			element_string(reader->layout, words[i * step], words[i * step + 1]);

		if (!string)
			continue;
		if (text_of(reader, string, text) < 0)
			return 0;
		sum += element_share(string, text);
	}
	return element_fingerprint_of(sum);
}

static const char *const element_keys[] = {"descriptor", "name", "trace"};

static int add_element(const struct lua_reader *reader, uint32_t pid, uaddr_t element,
		       struct buf *out)
{
	struct lua_value found[ARRAY_SIZE(element_keys)];
	struct bprof_element record = {
		.h.type = BPROF_RECORD_ELEMENT,
		.pid = pid,
		.element = element,
	};
	struct buf text;
	int descriptor_len, name_len, source_len, r;

	r = lua_table_get_all(reader, element, element_keys, ARRAY_SIZE(element_keys), found);
	if (r < 0)
		return r;
	/* every element has one: without it the table was caught while it moved */
	if (found[0].kind != LUA_KIND_STRING)
		return -EBADMSG;
	record.fingerprint = fingerprint_of(reader, element);
	if (!record.fingerprint)
		return -EFAULT;
	buf_init(&text, 4UL * MAX_ELEMENT_TEXT);
	descriptor_len = add_string(reader, &found[0], &text);
	name_len = add_string(reader, &found[1], &text);
	source_len = add_place(reader, &found[2], &record, &text);
	if (descriptor_len < 0 || name_len < 0 || source_len < 0) {
		r = descriptor_len < 0 ? descriptor_len : name_len < 0 ? name_len : source_len;
	} else {
		record.descriptor_len = (__u32)descriptor_len;
		record.name_len = (__u32)name_len;
		record.source_len = (__u32)source_len;
		r = record_add(out, &record.h, sizeof(record), text.data, text.len);
	}
	buf_done(&text);
	return r;
}

static int add_descriptor(const struct lua_reader *reader, uint32_t pid, uaddr_t string,
			  struct buf *out)
{
	struct bprof_element record = {
		.h.type = BPROF_RECORD_ELEMENT,
		.pid = pid,
		.element = string,
	};
	struct buf text;
	int r;

	buf_init(&text, MAX_ELEMENT_TEXT);
	r = lua_string_copy(reader, string, MAX_ELEMENT_TEXT, &text);
	record.descriptor_len = (__u32)text.len;
	if (r >= 0)
		r = record_add(out, &record.h, sizeof(record), text.data, text.len);
	buf_done(&text);
	return r;
}

int capture_element(const struct mem_reader *mem, const struct lua_layout *layout, uint32_t pid,
		    const struct bprof_span *span, struct buf *out)
{
	CLEANUP(cleanup_peek) struct peek *peek = peek_new(mem);
	struct lua_reader reader = {.peek = peek, .layout = layout};
	size_t start = out->len;
	int r = 0;

	if (!peek)
		return -ENOMEM;
	if (span->element == 0 && span->descriptor == 0)
		return -ENOENT;
	if (span->element)
		r = add_element(&reader, pid, span->element, out);
	if (r == 0 && span->descriptor)
		r = add_descriptor(&reader, pid, span->descriptor, out);
	if (r < 0)
		record_drop(out, start);
	return r;
}

/*
 * Which of the two whites of the collector an object has, 0 = none: it is gray, black, or a type
 * that cannot be read. Bits of "marked": lgc.h of Lua 5.1 to 5.5, lj_gc.h.
 */
static int white_of(const struct lua_reader *reader, uaddr_t object)
{
	const struct lua_layout *layout = reader->layout;
	bool luajit = layout->family == BPROF_FAMILY_LUAJIT;
	unsigned char marked;

	if (peek_read(reader->peek, &marked, 1,
		      object + (!luajit			? 9
				: layout->luajit.refs32 ? 4
							: 8)) < 0)
		return 0;
	return !luajit && layout->dialect >= LUA_DIALECT_54 ? marked >> 3 & 3 : marked & 3;
}

/*
 * While objects are swept, the dead have the old white and what is made has the new one. A living
 * object is black until the sweep gives it the new white, too: so no living object has another
 * white than what it refers to.
 */
static bool is_dead(const struct lua_reader *reader, uaddr_t element, const struct lua_value *part)
{
	int white, other;

	if (part->kind != LUA_KIND_STRING && part->kind != LUA_KIND_TABLE)
		return false;
	white = white_of(reader, element);
	other = white_of(reader, part->object);
	return white && other && white != other;
}

int capture_element_confirm(const struct mem_reader *mem, const struct lua_layout *layout,
			    const struct bprof_element *record)
{
	CLEANUP(cleanup_peek) struct peek *peek = peek_new(mem);
	struct lua_reader reader = {.peek = peek, .layout = layout};
	struct lua_value found[ARRAY_SIZE(element_keys)];
	int r;

	if (!peek)
		return -ENOMEM;
	if (!record->fingerprint)
		return 0;
	r = lua_table_get_all(&reader, record->element, element_keys, ARRAY_SIZE(element_keys),
			      found);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(found); i++)
		if (is_dead(&reader, record->element, &found[i]))
			return -ESTALE;
	return fingerprint_of(&reader, record->element) == record->fingerprint ? 0 : -ESTALE;
}

/* ---- runtimes ------------------------------------------------------------------------------ */

/* package.loaded[@module][@key], a string. Return: 0 (also when it is missing) or -ENOMEM. */
static int add_version(const struct lua_reader *reader, uaddr_t global, const char *module,
		       const char *key, struct buf *text)
{
	struct lua_value value;
	uaddr_t registry, loaded;
	int r;

	r = registry_find(reader, global, &registry);
	if (r == 0)
		r = registry_loaded(reader, registry, &loaded);
	if (r == 0)
		r = lua_table_get(reader, loaded, module, &value);
	if (r == 0 && value.kind == LUA_KIND_TABLE)
		r = lua_table_get(reader, value.object, key, &value);
	if (r == 0 && value.kind == LUA_KIND_STRING)
		r = lua_string_copy(reader, value.object, MAX_VERSION, text);
	return r == -ENOMEM ? r : 0;
}

/* lj_dispatch_update() sends hot loops to their counting form only while the compiler is on. */
static __u8 jit_state(const struct lua_reader *reader, uaddr_t global)
{
	uaddr_t dispatch = global + reader->layout->luajit.dispatch;
	uint64_t targets[2];

	_Static_assert(BC_IFORL == BC_FORL + 1, "read together");
	if (peek_read(reader->peek, targets, sizeof(targets), dispatch + 8UL * BC_FORL) < 0)
		return 2;
	return targets[0] != targets[1];
}

int capture_runtime(const struct mem_reader *mem, const struct lua_layout *layout,
		    const struct lua_vm *vm, uint32_t pid, const char *path, bool proved,
		    struct buf *out)
{
	CLEANUP(cleanup_peek) struct peek *peek = peek_new(mem);
	struct lua_reader reader = {.peek = peek, .layout = layout};
	bool luajit = layout->family == BPROF_FAMILY_LUAJIT;
	struct bprof_runtime record = {
		.h.type = BPROF_RECORD_RUNTIME,
		.pid = pid,
		.family = (__u8)layout->family,
		.gc64 = luajit && !layout->luajit.refs32,
		.proved = proved,
		.vm = vm->global,
		.state = vm->main,
	};
	struct buf text;
	int r;

	if (!peek)
		return -ENOMEM;
	if (luajit)
		record.jit = jit_state(&reader, vm->global);
	buf_init(&text, MAX_VERSION + MAX_ELEMENT_TEXT);
	r = add_version(&reader, vm->global, luajit ? "jit" : "_G", luajit ? "version" : "_VERSION",
			&text);
	record.version_len = (__u32)text.len;
	record.path_len = (__u32)strnlen(path, MAX_ELEMENT_TEXT);
	if (r == 0)
		r = buf_add(&text, path, record.path_len);
	if (r == 0)
		r = record_add(out, &record.h, sizeof(record), text.data, text.len);
	buf_done(&text);
	return r;
}
