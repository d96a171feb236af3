/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "discover_family.h"
#include "lua_target.h"

#define MAX_REGIONS 512

/* Nested calls, a C function between Lua functions, a coroutine alive, blocked in a C function. */
static const char blocked_script[] =
	"local co = coroutine.wrap(function() while true do coroutine.yield(1) end end) co() "
	"local function inner() print('ready') io.stdout:flush() local x = io.read() return x end "
	"local function outer() local a = inner() return a end "
	"local ok = pcall(outer) print(ok)";

struct interpreter {
	char program[16];
	char version[16];
	uint32_t family, dialect;
	char build[16]; /* row of lua_builds that must match; "" = none */
	char twin[16];	/* only what the file claims tells this row from it; "" = none */
};

static struct interpreter interpreters[] = {
	{"luajit", "LuaJIT 2.1", BPROF_FAMILY_LUAJIT, LUA_DIALECT_LUAJIT, "", ""},
	{"lua5.1", "Lua 5.1", BPROF_FAMILY_PUC, LUA_DIALECT_51, "5.1-5.1.5", ""},
	{"lua5.2", "Lua 5.2", BPROF_FAMILY_PUC, LUA_DIALECT_52, "5.2.4", ""},
	{"lua5.3", "Lua 5.3", BPROF_FAMILY_PUC, LUA_DIALECT_53, "5.3.4-5.3.6", "5.3.2-5.3.3"},
	{"lua5.4", "Lua 5.4", BPROF_FAMILY_PUC, LUA_DIALECT_54, "5.4.3-5.4.8", ""},
};

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static const char *path_of(const struct interpreter *i)
{
	const char *path = lua_target_find(i->program);

	if (!path)
		cr_skip_test("%s is not installed", i->program);
	return path;
}

static void start_blocked(struct lua_target *t, const struct interpreter *i)
{
	cr_assert(eq(int, lua_target_start_script(t, path_of(i), blocked_script), 0));
}

static void start_at_openlibs(struct lua_target *t, const struct interpreter *i)
{
	const char *argv[] = {path_of(i), "-e", "x = 1", NULL};
	int r = lua_target_start_at_openlibs(t, argv);

	if (r == -ENOTSUP)
		cr_skip_test("no breakpoints on this machine");
	cr_assert(eq(int, r, 0));
}

/* What the file of an interpreter says of its version. */
static void look_at_file(const struct interpreter *i, struct elf_lua *ret)
{
	struct elf_image *image;

	cr_assert(eq(int, elf_open(path_of(i), &image), 0));
	cr_assert(eq(int, elf_lua_kind(image, ret), 0));
	elf_free(image);
}

/* The one VM of a blocked interpreter, found by its signature. */
static struct discovery scan_one(struct lua_target *t, const struct interpreter *i)
{
	struct elf_lua claim;
	struct discover_region regions[MAX_REGIONS];
	struct discovery found[2];
	size_t nr = lua_target_regions(t, regions, MAX_REGIONS);
	int r;

	look_at_file(i, &claim);
	r = discover_scan(proc_mem(t->proc), &t->env, regions, nr, claim.version, found, 2);
	cr_assert(eq(int, r, 1));
	return found[0];
}

/* ---- what is found --------------------------------------------------------------------------- */

#define FOR_EVERY_INTERPRETER(name)                                                                \
	ParameterizedTestParameters(discover, name)                                                \
	{                                                                                          \
		return cr_make_param_array(struct interpreter, interpreters,                       \
					   ARRAY_SIZE(interpreters));                              \
	}                                                                                          \
	ParameterizedTest(struct interpreter *i, discover, name, .timeout = 60)

/* Offsets of LuaJIT 2.1 from 2022-03 to 2024-03, Debian 12 and Ubuntu 24.04 among them. */
static void expect_luajit_2022(const struct luajit_layout *l)
{
	cr_expect(eq(u16, l->state_bytes, 96));
	cr_expect(eq(u16, l->vmstate, 184));
	cr_expect(eq(u16, l->mainthread, 192));
	cr_expect(eq(u16, l->registry, 272));
	cr_expect(eq(u16, l->bc_cfunc, 360));
	cr_expect(eq(u16, l->cur_L, 368));
	cr_expect(eq(u16, l->jit_base, 376));
	cr_expect(eq(u16, l->dispatch, 3968));
	cr_expect(eq(u16, l->trace_table, 1112));
	cr_expect(eq(u16, l->string_data, 24));
	cr_expect(eq(u8, l->string_len, 20));
	cr_expect(eq(u8, l->funcc_op, 95));
	cr_expect(gt(u64, l->vm_bytes, 12000));
	cr_expect(lt(u64, l->vm_bytes, 24000));
}

static const struct lua_build *build_named(const char *name)
{
	for (size_t b = 0; b < lua_nr_builds; b++) {
		if (strcmp(lua_builds[b].name, name) == 0)
			return &lua_builds[b];
	}
	return NULL;
}

static void expect_right(const struct interpreter *i, const struct discovery *d)
{
	cr_expect(d->proved);
	cr_expect(lua_layout_valid(&d->layout));
	cr_expect(starts_with(d->version, i->version), "%s", d->version);
	cr_assert(eq(u32, d->layout.family, i->family));
	cr_assert(eq(u32, d->layout.dialect, i->dialect));
	cr_expect(eq(u32, d->vm.family, i->family));
	cr_expect(eq(u32, d->vm.layout, 0));
	if (i->family == BPROF_FAMILY_LUAJIT) {
		expect_luajit_2022(&d->layout.luajit);
		cr_expect(eq(u64, d->vm.vm_end - d->vm.vm_start, d->layout.luajit.vm_bytes));
		cr_expect(eq(u64, d->vm.global - d->vm.main, 96));
	} else {
		const struct lua_build *build = build_named(i->build);

		cr_assert(build != NULL);
		cr_expect(eq(int, memcmp(&d->layout.puc, &build->puc, sizeof(build->puc)), 0));
		cr_expect(eq(u64, d->vm.global - d->vm.main, build->puc.state_bytes));
	}
}

FOR_EVERY_INTERPRETER(a_vm_is_found_at_luaL_openlibs_when_nothing_is_loaded_yet)
{
	struct elf_lua claim = {0};
	struct elf_image *image;
	struct lua_target t;
	struct discovery d;

	start_at_openlibs(&t, i);
	if (elf_open(lua_target_find(i->program), &image) == 0) {
		elf_lua_kind(image, &claim);
		elf_free(image);
	}
	cr_assert(eq(int, discover_vm(proc_mem(t.proc), &t.env, t.state, claim.version, &d), 0));
	expect_right(i, &d);
	cr_expect(eq(u64, d.vm.main, t.state));
	cr_expect(eq(int, strcmp(d.version, claim.version), 0), "%s", d.version);
	/* Nothing of Lua has run: that cannot be a confirmation. */
	cr_expect(eq(int, discover_confirm(proc_mem(t.proc), &t.env, &d), -EAGAIN));
	cr_expect(not(d.confirmed));
	lua_target_end(&t);
}

FOR_EVERY_INTERPRETER(a_running_vm_is_found_by_its_signature_and_confirmed_by_a_walk)
{
	struct lua_target t;
	struct discovery d;

	start_blocked(&t, i);
	d = scan_one(&t, i);
	expect_right(i, &d);
	cr_expect(not(d.confirmed));
	cr_expect(eq(int, discover_confirm(proc_mem(t.proc), &t.env, &d), 0));
	cr_expect(d.confirmed);
	lua_target_end(&t);
}

FOR_EVERY_INTERPRETER(a_later_process_of_a_known_build_matches_its_layout)
{
	struct lua_target first, second;
	struct discovery d;
	struct lua_vm vm;

	start_blocked(&first, i);
	d = scan_one(&first, i);
	start_at_openlibs(&second, i);
	cr_assert(
		eq(int, discover_matches(proc_mem(second.proc), &d.layout, second.state, &vm), 0));
	cr_expect(eq(u64, vm.main, second.state));
	cr_expect(eq(u64, vm.global - vm.main, d.vm.global - d.vm.main));
	cr_expect(eq(u64, vm.vm_end - vm.vm_start, d.vm.vm_end - d.vm.vm_start));
	if (i->family == BPROF_FAMILY_LUAJIT)
		cr_expect(second.env.is_code(second.env.ctx, vm.vm_start));
	lua_target_end(&first);
	lua_target_end(&second);
}

/* ---- what must not be found ------------------------------------------------------------------ */

static void expect_only_its_row(const struct interpreter *i, struct lua_target *t, uaddr_t state)
{
	for (size_t b = 0; b < lua_nr_builds; b++) {
		const struct lua_build *build = &lua_builds[b];
		struct lua_vm vm;
		bool is_right =
			strcmp(build->name, i->build) == 0 || strcmp(build->name, i->twin) == 0;
		int want = is_right ? 0 : -ENOENT;

		cr_expect(eq(int, puc_prove_build(proc_mem(t->proc), build, state, &vm), want),
			  "%s as %s", i->program, build->name);
	}
}

FOR_EVERY_INTERPRETER(no_other_build_passes_the_proof)
{
	struct lua_target t;
	struct discovery d;

	start_at_openlibs(&t, i);
	expect_only_its_row(i, &t, t.state);
	cr_expect(eq(int, luajit_discover(proc_mem(t.proc), &t.env, t.state, NULL, &d),
		     i->family == BPROF_FAMILY_LUAJIT ? 0 : -ENOENT));
	lua_target_end(&t);

	start_blocked(&t, i);
	d = scan_one(&t, i);
	expect_only_its_row(i, &t, d.vm.main);
	lua_target_end(&t);
}

FOR_EVERY_INTERPRETER(the_layout_of_another_interpreter_does_not_match)
{
	struct lua_target t, other_target;
	struct discovery other;
	struct lua_vm vm;

	start_at_openlibs(&t, i);
	for (size_t o = 0; o < ARRAY_SIZE(interpreters); o++) {
		if (strcmp(interpreters[o].program, i->program) == 0 ||
		    !lua_target_find(interpreters[o].program))
			continue;
		start_blocked(&other_target, &interpreters[o]);
		other = scan_one(&other_target, &interpreters[o]);
		lua_target_end(&other_target);
		cr_expect(eq(int, discover_matches(proc_mem(t.proc), &other.layout, t.state, &vm),
			     -ENOENT),
			  "%s as %s", i->program, interpreters[o].program);
	}
	lua_target_end(&t);
}

Test(discover, a_wrong_offset_of_luajit_does_not_match, .timeout = 60)
{
	struct lua_target t;
	struct discovery d;
	struct lua_vm vm;

	start_at_openlibs(&t, &interpreters[0]);
	cr_assert(eq(int, discover_vm(proc_mem(t.proc), &t.env, t.state, NULL, &d), 0));
#define WRONG(field, value)                                                                        \
	do {                                                                                       \
		struct lua_layout wrong = d.layout;                                                \
		wrong.luajit.field = value;                                                        \
		cr_expect(ne(int, discover_matches(proc_mem(t.proc), &wrong, t.state, &vm), 0),    \
			  #field " = " #value);                                                    \
	} while (0)
	WRONG(state_bytes, 112);
	WRONG(jit_base, d.layout.luajit.cur_L);
	WRONG(cur_L, d.layout.luajit.cur_L - 8);
	WRONG(cur_L, d.layout.luajit.cur_L + 8);
	WRONG(mainthread, 200);
	WRONG(mainthread, 64);
	WRONG(registry, 208);
	WRONG(bc_cfunc, d.layout.luajit.bc_cfunc + 8);
	WRONG(dispatch, d.layout.luajit.dispatch - 8);
	WRONG(dispatch, d.layout.luajit.dispatch + 8);
	WRONG(dispatch, d.layout.luajit.dispatch + 32);
	WRONG(funcc_op, 102);
	WRONG(vm_offset, d.layout.luajit.vm_bytes - 1);
	WRONG(vm_bytes, 1024);
	WRONG(vm_bytes, 0);
#undef WRONG
	lua_target_end(&t);
}

Test(discover, an_address_that_is_no_lua_State_is_nothing, .timeout = 60)
{
	struct lua_target t;
	struct discovery d;

	start_at_openlibs(&t, &interpreters[4]);
	static const uaddr_t bad[] = {0, 1, 8, 4096, UINT64_MAX, UINT64_MAX - 7, 1ULL << 47};

	for (size_t b = 0; b < ARRAY_SIZE(bad); b++)
		cr_expect(
			eq(int, discover_vm(proc_mem(t.proc), &t.env, bad[b], NULL, &d), -ENOENT));
	for (int distance = -256; distance <= 256; distance++) {
		if (distance == 0)
			continue;
		cr_expect(eq(int,
			     discover_vm(proc_mem(t.proc), &t.env, t.state + (uaddr_t)distance,
					 NULL, &d),
			     -ENOENT));
	}
	lua_target_end(&t);
}

/* ---- faults and damage ----------------------------------------------------------------------- */

/* A reader that fails, or lies, at one of its reads. */
struct bad_reader {
	const struct mem_reader *inner;
	unsigned nr, at;
	bool lie;
	uint64_t random;
	bool hit;
};

static int bad_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct bad_reader *b = ctx;
	int r;

	b->nr++;
	if (b->nr == b->at && !b->lie) {
		b->hit = true;
		return -EFAULT;
	}
	r = mem_read(b->inner, dst, len, src);
	if (r == 0 && b->nr == b->at && len) {
		b->random = b->random * 6364136223846793005ULL + 1442695040888963407ULL;
		((uint8_t *)dst)[(b->random >> 33) % len] ^= (uint8_t)(1U << (b->random >> 60 & 7));
		b->hit = true;
	}
	return r;
}

static unsigned try_badly(struct lua_target *t, uaddr_t state, const struct discovery *truth,
			  unsigned at, bool lie)
{
	struct bad_reader bad = {
		.inner = proc_mem(t->proc), .at = at, .lie = lie, .random = at * 2654435761ULL};
	struct mem_reader reader = {.read = bad_read, .ctx = &bad};
	struct discovery d;
	struct lua_vm vm;
	int r = discover_vm(&reader, &t->env, state, NULL, &d);

	/* One failed read: no answer, or the right one. One flipped bit: at least a usable one. */
	if (r == 0 && !lie) {
		struct lua_layout got = d.layout;

		/* without its trace table LuaJIT loses lines on traces, nothing else */
		if (got.family == BPROF_FAMILY_LUAJIT && got.luajit.trace_table == 0)
			got.luajit.trace_table = truth->layout.luajit.trace_table;
		cr_expect(eq(int, memcmp(&got, &truth->layout, sizeof(got)), 0), "read %u", at);
	}
	if (r == 0)
		cr_expect(lua_layout_valid(&d.layout));
	discover_matches(&reader, &truth->layout, state, &vm);
	return bad.nr;
}

FOR_EVERY_INTERPRETER(a_fault_at_any_read_gives_no_wrong_layout)
{
	struct lua_target t;
	struct discovery truth;
	unsigned total;

	start_at_openlibs(&t, i);
	cr_assert(eq(int, discover_vm(proc_mem(t.proc), &t.env, t.state, NULL, &truth), 0));
	total = try_badly(&t, t.state, &truth, 0, false);
	cr_expect(gt(uint, total, 30));
	cr_expect(lt(uint, total, 5000));
	for (unsigned at = 1; at <= total; at++) {
		try_badly(&t, t.state, &truth, at, false);
		try_badly(&t, t.state, &truth, at, true);
	}
	lua_target_end(&t);
}

FOR_EVERY_INTERPRETER(a_fault_at_any_read_of_a_walk_confirms_nothing_wrong)
{
	struct lua_target t;
	struct discovery d;
	unsigned total = 1;

	start_blocked(&t, i);
	d = scan_one(&t, i);
	for (unsigned at = 0; at <= total; at++) {
		struct bad_reader bad = {.inner = proc_mem(t.proc), .at = at};
		struct mem_reader reader = {.read = bad_read, .ctx = &bad};
		int r;

		d.confirmed = false;
		r = discover_confirm(&reader, &t.env, &d);
		if (at == 0)
			total = bad.nr;
		cr_expect(eq(int, r == 0, d.confirmed), "read %u", at);
		cr_expect(at != 0 || r == 0);
	}
	cr_expect(gt(uint, total, 20));
	lua_target_end(&t);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

/* Compiles a host of a Lua library; NULL where compiler or library are missing. */
static const char *compile_host(const char *source, const char *include, const char *library)
{
	static char out[64];
	char in[] = "/tmp/bprof-host-XXXXXX", command[512];
	int fd = mkstemp(in);
	ssize_t n = write(fd, source, strlen(source));

	close(fd);
	snprintf(out, sizeof(out), "%s.bin", in);
	snprintf(command, sizeof(command), "cc -x c %s %s -o %s %s -lpthread 2>/dev/null", in,
		 include, out, library);
	if (n != (ssize_t)strlen(source) || system(command) != 0)
		out[0] = '\0';
	unlink(in);
	return out[0] ? out : NULL;
}

/* Two VMs in one process; Lua called without any protection by the first. */
static const char host_source[] =
	"#include <lua.h>\n#include <lualib.h>\n#include <lauxlib.h>\n#include <stdio.h>\n"
	"int main(void) { lua_State *a = luaL_newstate(), *b = luaL_newstate();\n"
	"luaL_openlibs(a); luaL_openlibs(b);\n"
	"luaL_loadstring(a, \"local function f() print('ready') io.stdout:flush()"
	" local x = io.read() return x end local y = f() return y\");\n"
	"lua_call(a, 0, 0); return 0; }\n";

struct host {
	char include[40], library[16];
	uint32_t family;
};

static struct host hosts[] = {
	{"-I/usr/include/luajit-2.1", "-lluajit-5.1", BPROF_FAMILY_LUAJIT},
	{"-I/usr/include/lua5.1", "-llua5.1", BPROF_FAMILY_PUC},
	{"-I/usr/include/lua5.3", "-llua5.3", BPROF_FAMILY_PUC},
	{"-I/usr/include/lua5.4", "-llua5.4", BPROF_FAMILY_PUC},
};

ParameterizedTestParameters(discover, two_vms_of_a_shared_library_are_found_in_a_host)
{
	return cr_make_param_array(struct host, hosts, ARRAY_SIZE(hosts));
}

ParameterizedTest(struct host *h, discover, two_vms_of_a_shared_library_are_found_in_a_host,
		  .timeout = 60)
{
	const char *program = compile_host(host_source, h->include, h->library);
	struct discover_region regions[MAX_REGIONS];
	struct discovery found[4];
	struct lua_target t;
	size_t nr_regions, running = 0;
	int nr;

	if (!program)
		cr_skip_test("no headers for %s", h->library);
	cr_assert(eq(int, lua_target_start_script(&t, program, ""), 0));
	unlink(program);
	nr_regions = lua_target_regions(&t, regions, MAX_REGIONS);
	nr = discover_scan(proc_mem(t.proc), &t.env, regions, nr_regions, NULL, found, 4);
	cr_assert(eq(int, nr, 2));
	for (int v = 0; v < nr; v++) {
		int r = discover_confirm(proc_mem(t.proc), &t.env, &found[v]);

		cr_expect(eq(u32, found[v].layout.family, h->family));
		cr_expect(r == 0 || r == -EAGAIN);
		running += r == 0;
	}
	cr_expect(eq(sz, running, 1));
	lua_target_end(&t);
}

ParameterizedTestParameters(discover, a_vm_of_a_shared_library_is_found_at_luaL_openlibs)
{
	return cr_make_param_array(struct host, hosts, ARRAY_SIZE(hosts));
}

ParameterizedTest(struct host *h, discover, a_vm_of_a_shared_library_is_found_at_luaL_openlibs,
		  .timeout = 60)
{
	const char *program = compile_host(host_source, h->include, h->library);
	const char *argv[] = {program, NULL};
	struct lua_target t;
	struct discovery d;
	int r;

	if (!program)
		cr_skip_test("no headers for %s", h->library);
	r = lua_target_start_at_openlibs(&t, argv);
	unlink(program);
	if (r == -ENOTSUP)
		cr_skip_test("no breakpoints on this machine");
	cr_assert(eq(int, r, 0));
	cr_assert(eq(int, discover_vm(proc_mem(t.proc), &t.env, t.state, NULL, &d), 0));
	cr_expect(eq(u32, d.layout.family, h->family));
	cr_expect(eq(u64, d.vm.main, t.state));
	lua_target_end(&t);
}

/* ---- memory made by hand --------------------------------------------------------------------- */

#define FAKE_START 0x10000000ULL
#define FAKE_BYTES 16384

static uint8_t fake_memory[FAKE_BYTES];

static int fake_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	(void)ctx;
	if (src < FAKE_START || src - FAKE_START > FAKE_BYTES ||
	    FAKE_BYTES - (src - FAKE_START) < len)
		return -EFAULT;
	memcpy(dst, fake_memory + (src - FAKE_START), len);
	return 0;
}

static bool never_code(void *ctx, uaddr_t address)
{
	(void)ctx;
	(void)address;
	return false;
}

static int no_range(void *ctx, uaddr_t pc, uaddr_t *ret_start, uaddr_t *ret_end)
{
	(void)ctx;
	(void)pc;
	(void)ret_start;
	(void)ret_end;
	return -ENOENT;
}

static const struct mem_reader fake = {.read = fake_read};
static const struct discover_env no_code = {.code_range = no_range, .is_code = never_code};

static void put_u32(size_t offset, uint32_t value)
{
	memcpy(fake_memory + offset, &value, sizeof(value));
}

Test(discover, luajit_without_gc64_needs_the_whole_proof)
{
	struct discovery d;

	fake_memory[5] = 6;			 /* gct: a thread */
	put_u32(8, (uint32_t)FAKE_START + 64);	 /* glref, 32 bits wide */
	put_u32(64 + 140, (uint32_t)FAKE_START); /* mainthref */
	cr_expect(eq(int, discover_vm(&fake, &no_code, FAKE_START, NULL, &d), -ENOENT));
}

Test(discover, memory_of_zeros_holds_no_vm)
{
	struct discover_region region = {FAKE_START, FAKE_START + FAKE_BYTES};
	struct discovery d;

	cr_expect(eq(int, discover_vm(&fake, &no_code, FAKE_START, NULL, &d), -ENOENT));
	cr_expect(eq(int, discover_scan(&fake, &no_code, &region, 1, NULL, &d, 1), 0));
}

Test(discover, a_scan_survives_regions_that_are_not_there)
{
	struct discover_region regions[] = {{0, 4096},
					    {UINT64_MAX - 4096, UINT64_MAX},
					    {8192, 4096},
					    {FAKE_START, FAKE_START + 9}};
	struct discovery d;

	cr_expect(eq(int, discover_scan(&fake, &no_code, regions, ARRAY_SIZE(regions), NULL, &d, 1),
		     0));
	cr_expect(eq(int, discover_scan(&fake, &no_code, NULL, 0, NULL, &d, 1), 0));
	cr_expect(eq(int, discover_scan(&fake, &no_code, regions, 4, NULL, &d, 0), 0));
}
