/* SPDX-License-Identifier: MIT */
/*
 * Captures from live interpreters (tests/fixtures/symbol/captured.lua), whole, and while reads
 * fail, lie, or return bytes of nothing in particular.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lua_child.h"
#include "lua_layouts.h"
#include "lua_object.h"
#include "symbol.h"

#define MAX_LISTED 1024

struct listed {
	char kind, name[128], printed[64];
};

/* A child that has made its objects and waits. */
struct fixture {
	struct lua_child child;
	struct lua_vm vm;
	struct listed listed[MAX_LISTED];
	size_t nr_listed;
};

struct interpreter {
	char name[16];
};

static struct criterion_test_params all_interpreters(void)
{
	static struct interpreter params[5];

	for (size_t i = 0; i < 5; i++)
		snprintf(params[i].name, sizeof(params[i].name), "%s", test_interpreters[i]);
	return cr_make_param_array(struct interpreter, params, 5);
}

static struct fixture *start_script(const char *interpreter, const char *script)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uaddr_t thread = 0;
	char *line;

	if (!lua_child_available(interpreter))
		cr_skip_test("%s is not installed", interpreter);
	cr_assert(lua_child_start(&f->child, interpreter, script));
	while (!thread && (line = lua_child_line(&f->child))) {
		struct listed *l = &f->listed[f->nr_listed];

		if (line[0] == 'M')
			thread = lua_child_address(line);
		else if (f->nr_listed < MAX_LISTED && sscanf(line, "%c\t%127[^\t]\t%63[^\n]",
							     &l->kind, l->name, l->printed) == 3)
			f->nr_listed++;
	}
	cr_assert(thread != 0, "the child ended early");
	lua_child_wait(&f->child);
	f->vm = lua_child_vm(&f->child, thread);
	return f;
}

static struct fixture *start(const char *interpreter)
{
	return start_script(interpreter, SOURCE_DIR "/tests/fixtures/symbol/captured.lua");
}

static void stop(struct fixture *f)
{
	lua_child_end(&f->child);
	free(f);
}

static uaddr_t address_of(const struct fixture *f, char kind, const char *name)
{
	for (size_t i = 0; i < f->nr_listed; i++)
		if (f->listed[i].kind == kind && strcmp(f->listed[i].name, name) == 0)
			return lua_child_address(f->listed[i].printed);
	return 0;
}

/* ---- C functions --------------------------------------------------------------------------- */

/* How a record would identify the function that the child printed. */
static void identity_of(const struct fixture *f, const char *printed, uint32_t *ffid,
			uint64_t *object)
{
	uaddr_t address = lua_child_address(printed);
	const char *builtin = strchr(printed, '#');

	*ffid = builtin ? (uint32_t)atoi(builtin + 1) : 0;
	*object = 0;
	if (builtin)
		return;
	if (f->child.layout->family == BPROF_FAMILY_LUAJIT)
		*object = lua_child_u64(&f->child, address + 40);
	else if (f->child.layout->dialect == LUA_DIALECT_51)
		*object = lua_child_u64(&f->child, address + f->child.layout->puc.cclosure_f);
	else if ((lua_child_u32(&f->child, address + 8) & 0xff) == 38 &&
		 strcmp(f->child.interpreter, "lua5.1") != 0)
		*object = lua_child_u64(&f->child, address + f->child.layout->puc.cclosure_f);
	else
		*object = address; /* light: Lua prints the C function itself */
}

static bool find_cfunction(const struct buf *out, uint32_t ffid, uint64_t object, char name[256])
{
	for (size_t at = 0; at < out->len;) {
		struct bprof_cfunction record;

		memcpy(&record, out->data + at, sizeof(record));
		cr_assert(eq(u32, record.h.type, BPROF_RECORD_CFUNCTION));
		cr_assert(record.h.size >= sizeof(record) + record.name_len &&
			  record.h.size % 8 == 0 && record.h.size <= out->len - at);
		if (record.ffid == ffid && record.object == object) {
			snprintf(name, 256, "%.*s", (int)record.name_len,
				 out->data + at + sizeof(record));
			return true;
		}
		at += record.h.size;
	}
	return false;
}

static bool is_listed_as(const struct fixture *f, const char *printed, const char *name)
{
	for (size_t i = 0; i < f->nr_listed; i++)
		if (f->listed[i].kind == 'C' && strcmp(f->listed[i].printed, printed) == 0 &&
		    strcmp(f->listed[i].name, name) == 0)
			return true;
	return false;
}

ParameterizedTestParameters(symbol_capture, every_library_function_is_named)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture, every_library_function_is_named,
		  .timeout = 20)
{
	static const char *const canonical[] = {
		"print",	 "pcall",	   "string.gsub", "string.rep", "string.find",
		"table.concat",	 "table.sort",	   "math.floor",  "io.read",	"os.getenv",
		"debug.sethook", "coroutine.wrap", "tostring",	  "lfs.dir",	"cjson.encode",
	};
	struct fixture *f = start(param->name);
	unsigned checked = 0;
	struct buf out;
	int r;

	buf_init(&out, 1 << 20);
	r = capture_cfunctions(&f->child.mem, f->child.layout, &f->vm, 7, &out);
	cr_assert(gt(int, r, 120));
	for (size_t i = 0; i < f->nr_listed; i++) {
		const struct listed *l = &f->listed[i];
		char name[256] = "";
		uint64_t object;
		uint32_t ffid;

		if (l->kind != 'C')
			continue;
		identity_of(f, l->printed, &ffid, &object);
		cr_expect(find_cfunction(&out, ffid, object, name), "%s has no name", l->name);
		cr_expect(is_listed_as(f, l->printed, name), "%s is called %s", l->name, name);
		for (size_t k = 0; k < ARRAY_SIZE(canonical); k++)
			if (strcmp(l->name, canonical[k]) == 0)
				cr_expect(strcmp(name, canonical[k]) == 0, "%s is called %s",
					  l->name, name);
		checked++;
	}
	cr_expect(gt(u32, checked, 120));
	/* the searchers lie in the array part of their table */
	cr_expect(memmem(out.data, out.len, "package.searchers[2]", 20) ||
		  memmem(out.data, out.len, "package.loaders[2]", 18));
	cr_log_info("%s: %d C functions named, %u compared", param->name, r, checked);
	buf_done(&out);
	stop(f);
}

ParameterizedTestParameters(symbol_capture, methods_of_files_are_named)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture, methods_of_files_are_named,
		  .timeout = 20)
{
	struct fixture *f = start(param->name);
	struct buf out;

	buf_init(&out, 1 << 20);
	cr_assert(gt(int, capture_cfunctions(&f->child.mem, f->child.layout, &f->vm, 7, &out), 0));
	cr_expect(memmem(out.data, out.len, "FILE*:read", 10) != NULL);
	cr_expect(memmem(out.data, out.len, "FILE*:lines", 11) != NULL);
	if (f->child.layout->family == BPROF_FAMILY_LUAJIT)
		cr_expect(memmem(out.data, out.len, "coroutine.wrap_aux", 18) != NULL);
	buf_done(&out);
	stop(f);
}

/* Several closures may share a C function, which then has the name of one of them. */
static bool is_name_of(const struct fixture *f, const char *name, uint32_t ffid, uint64_t object)
{
	for (size_t i = 0; i < f->nr_listed; i++) {
		uint64_t other_object;
		uint32_t other_ffid;

		if (f->listed[i].kind != 'C' || strcmp(f->listed[i].name, name) != 0)
			continue;
		identity_of(f, f->listed[i].printed, &other_ffid, &other_object);
		if (other_ffid == ffid && other_object == object)
			return true;
	}
	return false;
}

ParameterizedTestParameters(symbol_capture, c_functions_of_modules_are_named)
{
	return all_interpreters();
}

/* Whatever of lfs, lpeg, cjson, luv, system, term and yaml is installed, handles included. */
ParameterizedTest(struct interpreter *param, symbol_capture, c_functions_of_modules_are_named,
		  .timeout = 20)
{
	struct fixture *f =
		start_script(param->name, SOURCE_DIR "/tests/fixtures/symbol/modules.lua");
	unsigned checked = 0, handed_out = 0;
	struct buf out;
	int r;

	buf_init(&out, 1 << 20);
	r = capture_cfunctions(&f->child.mem, f->child.layout, &f->vm, 7, &out);
	cr_assert(gt(int, r, 120));
	for (size_t i = 0; i < f->nr_listed; i++) {
		const struct listed *l = &f->listed[i];
		char name[256] = "";
		uint64_t object;
		uint32_t ffid;

		if (l->kind != 'C' && l->kind != 'U')
			continue;
		identity_of(f, l->printed, &ffid, &object);
		if (l->kind == 'U') {
			handed_out += find_cfunction(&out, ffid, object, name);
			cr_log_info("%s: %s hands out %s", param->name, l->name, name);
			continue;
		}
		cr_expect(find_cfunction(&out, ffid, object, name), "%s has no name", l->name);
		cr_expect(is_name_of(f, name, ffid, object) || strncmp(name, "io.", 3) == 0,
			  "%s is called %s", l->name, name);
		checked++;
	}
	cr_log_info("%s: %d C functions named, %u compared, %u handed out", param->name, r, checked,
		    handed_out);
	if (checked < 100)
		cr_skip_test("the modules of Debian are not installed");
	buf_done(&out);
	stop(f);
}

/* ---- runtimes ------------------------------------------------------------------------------ */

static struct bprof_runtime runtime_of(const struct fixture *f, struct buf *out)
{
	struct bprof_runtime record;

	cr_assert(eq(int,
		     capture_runtime(&f->child.mem, f->child.layout, &f->vm, 7, "/usr/bin/lua",
				     true, out),
		     0));
	memcpy(&record, out->data, sizeof(record));
	cr_assert(eq(u32, record.h.size, (uint32_t)out->len));
	return record;
}

ParameterizedTestParameters(symbol_capture, a_runtime_says_its_version)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture, a_runtime_says_its_version,
		  .timeout = 20)
{
	struct fixture *f = start(param->name);
	struct bprof_runtime record;
	char wanted[32];
	struct buf out;

	buf_init(&out, 1 << 16);
	record = runtime_of(f, &out);
	if (strcmp(param->name, "luajit") == 0)
		snprintf(wanted, sizeof(wanted), "LuaJIT 2.1.");
	else
		snprintf(wanted, sizeof(wanted), "Lua %s", param->name + 3);
	cr_expect(memcmp(out.data + sizeof(record), wanted, strlen(wanted)) == 0);
	cr_expect(memcmp(out.data + sizeof(record) + record.version_len, "/usr/bin/lua", 12) == 0);
	cr_expect(eq(u32, record.path_len, 12));
	cr_expect(eq(u64, record.vm, f->vm.global));
	cr_expect(eq(u64, record.state, f->vm.main));
	cr_expect(eq(int, record.jit, strcmp(param->name, "luajit") == 0));
	buf_done(&out);
	stop(f);
}

Test(symbol_capture, a_compiler_that_is_off_is_seen_to_be_off, .timeout = 20)
{
	struct fixture *f;
	struct buf out;

	setenv("JIT", "off", 1);
	f = start("luajit");
	buf_init(&out, 1 << 16);
	cr_expect(eq(int, runtime_of(f, &out).jit, 0));
	buf_done(&out);
	stop(f);
}

/* ---- elements ------------------------------------------------------------------------------ */

struct element_text {
	struct bprof_element fixed;
	char descriptor[64], name[8192], source[256];
};

static struct element_text element_of(struct fixture *f, const char *kind)
{
	struct bprof_span span = {.element = address_of(f, 'E', kind)};
	static struct element_text ret;
	const char *at;
	struct buf out;

	buf_init(&out, 1 << 16);
	cr_assert(ne(u64, span.element, 0));
	cr_assert(eq(int, capture_element(&f->child.mem, f->child.layout, 7, &span, &out), 0));
	memset(&ret, 0, sizeof(ret));
	memcpy(&ret.fixed, out.data, sizeof(ret.fixed));
	cr_assert(eq(u32, ret.fixed.h.size, (uint32_t)out.len));
	cr_assert(ret.fixed.h.size >= sizeof(ret.fixed) + ret.fixed.descriptor_len +
					      ret.fixed.name_len + ret.fixed.source_len);
	at = out.data + sizeof(ret.fixed);
	memcpy(ret.descriptor, at, ret.fixed.descriptor_len);
	memcpy(ret.name, at + ret.fixed.descriptor_len, ret.fixed.name_len);
	memcpy(ret.source, at + ret.fixed.descriptor_len + ret.fixed.name_len,
	       ret.fixed.source_len);
	buf_done(&out);
	return ret;
}

/* A table without a descriptor is no element, or one caught in motion. */
static void expect_no_element(struct fixture *f, const char *kind)
{
	struct bprof_span span = {.element = address_of(f, 'E', kind)};
	struct buf out;

	buf_init(&out, 1 << 16);
	cr_expect(
		eq(int, capture_element(&f->child.mem, f->child.layout, 7, &span, &out), -EBADMSG));
	cr_expect(eq(sz, out.len, 0));
	buf_done(&out);
}

ParameterizedTestParameters(symbol_capture, elements_of_busted_are_read)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture, elements_of_busted_are_read,
		  .timeout = 20)
{
	struct fixture *f = start(param->name);
	struct element_text e = element_of(f, "it");

	cr_expect(strcmp(e.descriptor, "it") == 0);
	cr_expect(strcmp(e.name, "adds") == 0);
	cr_expect(strcmp(e.source, "spec/a_spec.lua") == 0);
	cr_expect(eq(int, e.fixed.line, 42));
	e = element_of(f, "odd");
	cr_expect(eq(u32, e.fixed.name_len, 20));
	cr_expect(memcmp(e.name, "line\none\0two;\"\33[31m\377", 20) == 0);
	cr_expect(strcmp(e.source, "[string \"x\"]") == 0);
	cr_expect(eq(int, e.fixed.line, 7));
	e = element_of(f, "long");
	cr_expect(eq(u32, e.fixed.name_len, 4096));
	cr_expect(eq(int, e.fixed.line, 0));
	e = element_of(f, "forty");
	cr_expect(eq(u32, e.fixed.name_len, 41));
	e = element_of(f, "crowded");
	cr_expect(strcmp(e.name, "in a crowd") == 0 && strcmp(e.descriptor, "it") == 0);
	expect_no_element(f, "bare");
	expect_no_element(f, "wrong");
	stop(f);
}

enum { ELEMENT, NAME, DESCRIPTOR, TRACE, NR_PAINTED };

/* A real process, but for what the collector wrote into an element and its parts. */
struct painted {
	const struct mem_reader *real;
	uaddr_t at[NR_PAINTED];
	unsigned char marked[NR_PAINTED];
};

static int painted_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct painted *painted = ctx;
	int r = painted->real->read(painted->real->ctx, dst, len, src);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(painted->at); i++)
		if (painted->at[i] - src < len)
			((unsigned char *)dst)[painted->at[i] - src] = painted->marked[i];
	return r;
}

static uaddr_t part_of(struct fixture *f, uaddr_t element, const char *key)
{
	struct peek *peek = peek_new(&f->child.mem);
	struct lua_reader reader = {.peek = peek, .layout = f->child.layout};
	struct lua_value part;

	cr_assert(peek && lua_table_get(&reader, element, key, &part) == 0);
	peek_free(peek);
	return part.object;
}

ParameterizedTestParameters(symbol_capture, elements_that_died_are_not_believed)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture, elements_that_died_are_not_believed,
		  .timeout = 20)
{
	struct fixture *f = start(param->name);
	const struct lua_layout *layout = f->child.layout;
	struct bprof_element record = element_of(f, "it").fixed;
	uint32_t marked_at = layout->family == BPROF_FAMILY_LUAJIT ? 8 : 9;
	int shift = layout->family == BPROF_FAMILY_PUC && layout->dialect >= LUA_DIALECT_54 ? 3 : 0;
	struct painted painted = {
		.real = &f->child.mem,
		.at = {record.element + marked_at, part_of(f, record.element, "name") + marked_at,
		       part_of(f, record.element, "descriptor") + marked_at,
		       part_of(f, record.element, "trace") + marked_at},
	};
	struct mem_reader mem = {.ctx = &painted, .read = painted_read};

	cr_expect(eq(int, capture_element_confirm(&f->child.mem, layout, &record), 0));
	for (int element = 0; element < 3; element++) {
		for (int name = 0; name < 3; name++) {
			bool dead = element && name && element != name;

			painted.marked[ELEMENT] = (unsigned char)(element << shift);
			painted.marked[NAME] = (unsigned char)(name << shift);
			cr_expect(eq(int, capture_element_confirm(&mem, layout, &record),
				     dead ? -ESTALE : 0),
				  "white %d, its name %d", element, name);
		}
	}
	record.fingerprint ^= 2;
	cr_expect(eq(int, capture_element_confirm(&f->child.mem, layout, &record), -ESTALE));
	stop(f);
}

/* ---- prototypes ---------------------------------------------------------------------------- */

static int capture_kind(struct fixture *f, const struct mem_reader *mem, const char *kind,
			struct buf *out)
{
	uaddr_t proto = lua_child_proto(&f->child, address_of(f, 'P', kind));

	return capture_proto(mem, f->child.layout, 7, f->vm.global, proto,
			     lua_child_fingerprint(&f->child, proto), out);
}

static struct proto_view view_kind(struct fixture *f, const char *kind, struct buf *out)
{
	struct proto_view view;

	buf_init(out, BPROF_MAX_RECORD);
	cr_assert(eq(int, capture_kind(f, &f->child.mem, kind, out), 0), "%s", kind);
	cr_assert(eq(int, proto_view_init(out->data, out->len, &view), 0), "%s", kind);
	return view;
}

ParameterizedTestParameters(symbol_capture, unusual_prototypes_are_captured)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture, unusual_prototypes_are_captured,
		  .timeout = 20)
{
	struct fixture *f = start(param->name);
	struct proto_view view;
	struct buf out;

	view = view_kind(f, "small", &out);
	cr_expect(view.body.nr_params == 2 && view.body.is_vararg == 1);
	cr_expect(view.body.nr_lines == view.body.nr_code && view.body.nr_code > 0);
	buf_done(&out);

	/* string.dump() of 5.1 and 5.2 cannot strip. */
	view = view_kind(f, "stripped", &out);
	if (view.body.dialect >= LUA_DIALECT_53) {
		cr_expect(view.body.nr_lines == 0 && view.body.nr_locals == 0);
		cr_expect(eq(int, proto_line(&view, 1), 0));
	}
	buf_done(&out);

	view = view_kind(f, "huge", &out);
	cr_expect(view.body.nr_code == 0 && view.body.nr_lines == 0);
	cr_expect(memcmp(view.chunkname, "@huge.lua", 9) == 0);
	buf_done(&out);

	view = view_kind(f, "text", &out);
	cr_expect(view.body.chunkname_len == strlen("-- a chunk\nreturn 'of text'"));
	buf_done(&out);

	view = view_kind(f, "longconstant", &out);
	cr_expect(out.len < 4096, "a constant of 5,000 bytes is cut");
	buf_done(&out);

	view = view_kind(f, "manyconstants", &out);
	cr_expect(out.len < 256 << 10, "their sum is bounded");
	/* of LuaJIT's only those that can name a function are read: 256 fit into TGETS */
	if (f->child.layout->family == BPROF_FAMILY_LUAJIT)
		cr_expect(eq(u32, view.body.nr_constants, 256));
	else
		cr_expect(gt(u32, view.body.nr_constants, 400));
	buf_done(&out);
	stop(f);
}

/* What took the place of a prototype that is gone may differ in its chunk alone. */
Test(symbol_capture, a_capture_is_of_the_chunk_that_was_seen)
{
	static const char name[] = "=chunk12";
	struct fixture *f = start("lua5.4");
	struct bprof_proto_body *body;
	struct proto_view view;
	struct buf out;
	char *end;

	(void)view_kind(f, "small", &out);
	body = (void *)out.data;
	cr_assert(eq(int, proto_view_init(body, body->h.size, &view), 0));
	cr_assert(ge(u32, view.body.chunkname_len, sizeof(name)));
	end = (char *)(uintptr_t)view.chunkname;
	memcpy(end, name, sizeof(name)); /* and a NUL, where a reader in the kernel stops */
	cr_expect(capture_is_chunk(body, name, strlen(name), false));
	cr_expect(capture_is_chunk(body, "=chunk1", 7, true));
	cr_expect(capture_is_chunk(body, "=chunk1", 7, false) == false);
	cr_expect(capture_is_chunk(body, "=chunk13", 8, false) == false);
	cr_expect(capture_is_chunk(body, "=chunk123", 9, true) == false);
	buf_done(&out);
	stop(f);
}

ParameterizedTestParameters(symbol_capture, busted_safe_is_told_from_its_neighbours)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture,
		  busted_safe_is_told_from_its_neighbours, .timeout = 20)
{
	static const char *const others[] = {"notsafe", "small", "huge", "text"};
	struct fixture *f = start(param->name);
	struct buf out;

	if (address_of(f, 'P', "safe") == 0)
		cr_skip_test("busted is not installed");
	(void)view_kind(f, "safe", &out);
	cr_expect(capture_is_busted_safe((const void *)out.data));
	buf_done(&out);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		(void)view_kind(f, others[i], &out);
		cr_expect(capture_is_busted_safe((const void *)out.data) == false, "%s", others[i]);
		buf_done(&out);
	}
	stop(f);
}

ParameterizedTestParameters(symbol_capture, another_object_at_the_address_is_stale)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture, another_object_at_the_address_is_stale,
		  .timeout = 20)
{
	struct fixture *f = start(param->name);
	uaddr_t proto = lua_child_proto(&f->child, address_of(f, 'P', "small"));
	uint32_t fingerprint = lua_child_fingerprint(&f->child, proto);
	const struct lua_layout *layout = f->child.layout;
	struct buf out;

	buf_init(&out, BPROF_MAX_RECORD);
	cr_expect(eq(int, capture_proto(&f->child.mem, layout, 7, 0, proto, fingerprint + 1, &out),
		     -ESTALE));
	cr_expect(
		eq(int, capture_proto(&f->child.mem, layout, 7, 0, 0, fingerprint, &out), -EFAULT));
	cr_expect(eq(int, capture_proto(&f->child.mem, layout, 7, 0, proto + 4, fingerprint, &out),
		     -EBADMSG));
	cr_expect(eq(int, capture_proto(&f->child.mem, layout, 7, 0, f->vm.main, fingerprint, &out),
		     -EBADMSG));
	cr_expect(eq(int,
		     capture_proto(&f->child.mem, layout, 7, 0, 0x7fffffffff00, fingerprint, &out),
		     -EFAULT));
	cr_expect(eq(sz, out.len, 0));
	buf_done(&out);
	stop(f);
}

/* ---- hostile memory ------------------------------------------------------------------------ */

/* Reads through to a real process, except where told otherwise. */
struct faulty {
	const struct mem_reader *real;
	unsigned reads, fail_at; /* 0 = never */
	unsigned flip_every;	 /* one random bit in so many bytes; 0 = never */
	bool random;		 /* all bytes are random */
	unsigned seed;
};

static int faulty_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct faulty *faulty = ctx;
	unsigned char *bytes = dst;
	int r = 0;

	if (++faulty->reads == faulty->fail_at)
		return -EFAULT;
	if (faulty->random) {
		for (size_t i = 0; i < len; i++)
			bytes[i] = (unsigned char)(rand_r(&faulty->seed) >> 8);
		return 0;
	}
	r = faulty->real->read(faulty->real->ctx, dst, len, src);
	for (size_t i = 0; r == 0 && faulty->flip_every && i < len; i++)
		if ((unsigned)rand_r(&faulty->seed) % faulty->flip_every == 0)
			bytes[i] ^= (unsigned char)(1 << (rand_r(&faulty->seed) % 8));
	return r;
}

/* Everything that can be captured; the results do not matter, only that they are whole. */
static int capture_everything(struct fixture *f, const struct mem_reader *mem, const char *kind,
			      struct buf *out)
{
	const struct lua_layout *layout = f->child.layout;
	struct bprof_span span = {.element = address_of(f, 'E', "it")};
	struct proto_view view;
	char name[64];
	const char *what;
	int r = capture_kind(f, mem, kind, out);

	if (r == 0) {
		cr_assert(eq(int, proto_view_init(out->data, out->len, &view), 0));
		for (uint32_t i = 0; i < view.body.nr_code; i++) {
			(void)proto_line(&view, i);
			(void)name_from_call(&view, i, i % 2 != 0, name, sizeof(name), &what);
		}
		(void)capture_is_busted_safe((const void *)out->data);
	}
	buf_reset(out);
	if (capture_element(mem, layout, 7, &span, out) < 0)
		cr_assert(eq(sz, out->len, 0));
	buf_reset(out);
	if (capture_cfunctions(mem, layout, &f->vm, 7, out) < 0)
		cr_assert(eq(sz, out->len, 0));
	buf_reset(out);
	if (capture_runtime(mem, layout, &f->vm, 7, "", true, out) < 0)
		cr_assert(eq(sz, out->len, 0));
	buf_reset(out);
	return r;
}

ParameterizedTestParameters(symbol_capture, a_read_that_fails_anywhere_is_survived)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture, a_read_that_fails_anywhere_is_survived,
		  .timeout = 60)
{
	struct fixture *f = start(param->name);
	struct faulty faulty = {.real = &f->child.mem};
	struct mem_reader mem = {faulty_read, &faulty};
	unsigned failed = 0, k = 0;
	struct buf out;

	buf_init(&out, BPROF_MAX_RECORD);
	do {
		int r;

		faulty.reads = 0;
		faulty.fail_at = ++k;
		r = capture_kind(f, &mem, "small", &out);
		if (r < 0)
			cr_expect(r == -EFAULT && out.len == 0, "read %u: %d", k, r);
		failed += r < 0;
		buf_reset(&out);
	} while (faulty.reads >= k);
	cr_expect(gt(u32, failed, 1));
	/* All the rest once more, with each of the first fifty reads failing. */
	for (k = 1; k <= 50; k++) {
		faulty.reads = 0;
		faulty.fail_at = k;
		(void)capture_everything(f, &mem, "manyconstants", &out);
	}
	buf_done(&out);
	stop(f);
}

/* From a read on, another prototype lies where the wanted one was. */
struct reused {
	const struct mem_reader *real;
	uaddr_t wanted, other;
	unsigned reads, reused_at;
};

#define REUSED_BYTES 128U /* the header of a prototype, in every VM */

static int reused_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct reused *reused = ctx;
	uaddr_t start = src > reused->wanted ? src : reused->wanted;
	uaddr_t end = src + len, last = reused->wanted + REUSED_BYTES;
	int r = reused->real->read(reused->real->ctx, dst, len, src);

	if (end > last)
		end = last;
	if (++reused->reads < reused->reused_at || r < 0 || start >= end)
		return r;
	return reused->real->read(reused->real->ctx, (char *)dst + (start - src), end - start,
				  reused->other + (start - reused->wanted));
}

ParameterizedTestParameters(symbol_capture, an_object_reused_during_the_capture_is_stale)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture,
		  an_object_reused_during_the_capture_is_stale, .timeout = 60)
{
	struct fixture *f = start(param->name);
	struct reused reused = {.real = &f->child.mem,
				.wanted = lua_child_proto(&f->child, address_of(f, 'P', "small")),
				.other = lua_child_proto(&f->child, address_of(f, 'P', "text"))};
	struct mem_reader mem = {reused_read, &reused};
	const size_t header = sizeof(struct bprof_record);
	unsigned stale = 0, whole = 0, k = 0;
	struct buf truth, out;

	buf_init(&truth, BPROF_MAX_RECORD);
	buf_init(&out, BPROF_MAX_RECORD);
	cr_assert(eq(int, capture_kind(f, &f->child.mem, "small", &truth), 0));
	do {
		int r;

		reused.reads = 0;
		reused.reused_at = ++k;
		buf_reset(&out);
		r = capture_kind(f, &mem, "small", &out);
		stale += r == -ESTALE;
		whole += r == 0;
		cr_expect(r == 0 || r == -ESTALE || r == -EBADMSG, "read %u: %d", k, r);
		if (r == 0) /* but for the time of the capture */
			cr_expect(out.len == truth.len &&
					  !memcmp(out.data + header, truth.data + header,
						  truth.len - header),
				  "read %u: a mixture", k);
	} while (reused.reads >= k);
	cr_expect(gt(u32, stale, 1));
	/* never reused, or after the last look at the header, when its name is read */
	cr_expect(ge(u32, whole, 1));
	cr_expect(le(u32, whole, 2));
	buf_done(&truth);
	buf_done(&out);
	stop(f);
}

ParameterizedTestParameters(symbol_capture, memory_that_lies_is_survived)
{
	return all_interpreters();
}

ParameterizedTest(struct interpreter *param, symbol_capture, memory_that_lies_is_survived,
		  .timeout = 60)
{
	struct fixture *f = start(param->name);
	struct faulty faulty = {.real = &f->child.mem, .seed = 1};
	struct mem_reader mem = {faulty_read, &faulty};
	struct buf out;

	buf_init(&out, BPROF_MAX_RECORD);
	for (unsigned round = 0; round < 120; round++) {
		faulty.flip_every = 100U << (round % 8);
		(void)capture_everything(f, &mem, round % 2 ? "small" : "manyconstants", &out);
	}
	faulty.random = true;
	for (unsigned round = 0; round < 120; round++)
		(void)capture_everything(f, &mem, "small", &out);
	buf_done(&out);
	stop(f);
}

Test(symbol_capture, a_buffer_that_is_full_stays_as_it_was, .timeout = 20)
{
	struct fixture *f = start("lua5.4");
	struct buf out;

	for (size_t max = 0; max < 600; max += 7) {
		buf_init(&out, max);
		if (capture_kind(f, &f->child.mem, "small", &out) < 0)
			cr_expect(eq(sz, out.len, 0));
		buf_done(&out);
		buf_init(&out, max);
		if (capture_cfunctions(&f->child.mem, f->child.layout, &f->vm, 7, &out) < 0)
			cr_expect(eq(sz, out.len, 0));
		buf_done(&out);
	}
	stop(f);
}
