/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "elf_file.h"
#include "lua_target.h"

/* NULL equals nothing. */
static bool same_text(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

#define MAX_SAMPLE (1U << 20)

/* ---- tools ----------------------------------------------------------------------------------- */

/* Everything that can be asked of an image; the answers do not matter. */
static void ask_everything(struct elf_image *image)
{
	struct elf_function f;
	struct elf_range range;
	struct elf_unwind_table table;
	struct elf_lua_code code;
	struct elf_lua lua;
	const uint8_t *id;
	uint64_t value;
	size_t len;

	elf_build_id(image, &id, &len);
	elf_function(image, "lua_newstate", &f);
	elf_probe_offset(image, "getenv", &value);
	elf_symbol_at(image, 0x1234, &value);
	elf_symbol_at(image, UINT64_MAX, NULL);
	elf_code_range(image, 0x1000, &range);
	elf_largest_code_range(image, &range);
	elf_lua_kind(image, &lua);
	elf_lua_code(image, &code);
	if (elf_unwind_table(image, &table) == 0)
		elf_read(image, table.table, &value, sizeof(value));
	elf_read(image, 0x1000, &value, sizeof(value));
	elf_vaddr_of_offset(image, 64, &value);
	elf_offset_of_vaddr(image, 64, &value);
}

/* A file of these bytes. */
static int file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	cr_assert(ge(int, fd, 0));
	cr_assert(eq(long, (long)write(fd, bytes, len), (long)len));
	return fd;
}

static size_t read_file(const char *path, uint8_t *dst, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, dst, max);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static int run(const char *const argv[])
{
	union {
		const char *const *in;
		char *const *out;
	} args = {.in = argv};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		execvp(argv[0], args.out);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Compiles C or assembler source into a file; skips the test where there is no compiler. */
static struct elf_image *compile(const char *source, const char *language, const char *option)
{
	char in[] = "/tmp/bprof-elf-XXXXXX", out[64];
	const char *argv[] = {"cc",  "-x", language, in,	  "-shared", "-fPIC",
			      "-O1", "-o", out,	     "-nostdlib", option,    NULL};
	struct elf_image *image = NULL;
	int fd = mkstemp(in), status, r = -1;

	snprintf(out, sizeof(out), "%s.so", in);
	cr_assert(eq(long, (long)write(fd, source, strlen(source)), (long)strlen(source)));
	close(fd);
	status = run(argv);
	if (status == 0)
		r = elf_open(out, &image);
	unlink(in);
	unlink(out);
	if (status == 127)
		cr_skip_test("no C compiler");
	cr_assert(eq(int, status, 0));
	cr_assert(eq(int, r, 0));
	return image;
}

/* ---- real interpreters ----------------------------------------------------------------------- */

struct interpreter {
	char program[16];
	char version[16];
	enum elf_lua_family family;
};

static struct interpreter interpreters[] = {
	{"luajit", "LuaJIT 2.", ELF_LUA_LUAJIT}, {"lua5.1", "Lua 5.1.", ELF_LUA_PUC},
	{"lua5.2", "Lua 5.2.", ELF_LUA_PUC},	 {"lua5.3", "Lua 5.3.", ELF_LUA_PUC},
	{"lua5.4", "Lua 5.4.", ELF_LUA_PUC},
};

static struct elf_image *open_interpreter(const struct interpreter *i)
{
	const char *path = lua_target_find(i->program);
	struct elf_image *image = NULL;

	if (!path)
		cr_skip_test("%s is not installed", i->program);
	cr_assert(eq(int, elf_open(path, &image), 0));
	return image;
}

ParameterizedTestParameters(elf, an_interpreter_is_known_by_family_and_version)
{
	return cr_make_param_array(struct interpreter, interpreters, ARRAY_SIZE(interpreters));
}

ParameterizedTest(struct interpreter *i, elf, an_interpreter_is_known_by_family_and_version)
{
	struct elf_image *image = open_interpreter(i);
	struct elf_lua lua;
	const uint8_t *id;
	size_t id_len;

	cr_assert(eq(int, elf_lua_kind(image, &lua), 0));
	if (lua.family == ELF_LUA_NONE) {
		elf_free(image);
		cr_skip_test("%s has its VM in a library", i->program);
	}
	cr_expect(eq(int, lua.family, i->family));
	cr_expect(lua.has_openlibs);
	cr_expect(not(lua.has_openselectedlibs));
	cr_expect(eq(int, strncmp(lua.version, i->version, strlen(i->version)), 0), "%s",
		  lua.version);
	cr_expect(eq(int, elf_build_id(image, &id, &id_len), 0));
	cr_expect(eq(sz, id_len, 20));
	elf_free(image);
}

ParameterizedTestParameters(elf, a_function_and_its_code_range_agree)
{
	return cr_make_param_array(struct interpreter, interpreters, ARRAY_SIZE(interpreters));
}

ParameterizedTest(struct interpreter *i, elf, a_function_and_its_code_range_agree)
{
	static const char *const names[] = {"luaL_openlibs", "lua_close", "lua_newstate",
					    "lua_pcall", "lua_pcallk"};
	struct elf_image *image = open_interpreter(i);
	unsigned nr = 0;

	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		struct elf_function f;
		struct elf_range range;
		uint64_t offset, vaddr, distance;
		const char *name;

		if (elf_function(image, names[n], &f) < 0)
			continue;
		nr++;
		cr_assert(eq(int, elf_code_range(image, f.address, &range), 0));
		cr_expect(eq(u64, range.start, f.address));
		cr_expect(eq(u64, range.end, f.address + f.size));
		cr_assert(eq(int, elf_offset_of_vaddr(image, f.address, &offset), 0));
		cr_expect(eq(u64, offset, f.file_offset));
		cr_assert(eq(int, elf_vaddr_of_offset(image, offset, &vaddr), 0));
		cr_expect(eq(u64, vaddr, f.address));
		name = elf_symbol_at(image, f.address + f.size - 1, &distance);
		cr_assert(name != NULL);
		cr_expect(same_text(name, names[n]));
		cr_expect(eq(u64, distance, f.size - 1));
		name = elf_symbol_at(image, f.address + f.size, NULL);
		cr_expect(name == NULL || strcmp(name, names[n]) != 0);
	}
	cr_expect(ge(uint, nr, 4));
	elf_free(image);
}

ParameterizedTestParameters(elf, the_largest_code_range_is_the_interpreter_loop)
{
	return cr_make_param_array(struct interpreter, interpreters, ARRAY_SIZE(interpreters));
}

ParameterizedTest(struct interpreter *i, elf, the_largest_code_range_is_the_interpreter_loop)
{
	struct elf_image *image = open_interpreter(i);
	struct elf_range range;

	cr_assert(eq(int, elf_largest_code_range(image, &range), 0));
	/* 5,900 to 15,300 bytes in Debian's four, 16,500 of assembler code in LuaJIT */
	cr_expect(gt(u64, range.end - range.start, 4000));
	cr_expect(lt(u64, range.end - range.start, 40000));
	cr_expect(eq(ptr, (void *)elf_symbol_at(image, range.start, NULL), NULL),
		  "static functions have no symbol in a stripped file");
	elf_free(image);
}

Test(elf, debians_luajit_has_its_interpreter_where_the_reference_says)
{
	static const uint8_t debian[2] = {0x79, 0xb0};
	struct elf_image *image = open_interpreter(&interpreters[0]);
	struct elf_range range = {0};
	const uint8_t *id;
	size_t len;

	cr_assert(eq(int, elf_build_id(image, &id, &len), 0));
	if (memcmp(id, debian, sizeof(debian)) != 0) {
		elf_free(image);
		cr_skip_test("another build of LuaJIT");
	}
	cr_assert(eq(int, elf_code_range(image, 0x70500, &range), 0));
	cr_expect(eq(u64, range.start, 0x704e0));
	cr_expect(eq(u64, range.end, 0x74525));
	elf_free(image);
}

Test(elf, getenv_of_libc_can_be_probed_behind_any_landing_pad)
{
	static const char *const paths[] = {"/lib/x86_64-linux-gnu/libc.so.6",
					    "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"};
	static const uint8_t endbr64[4] = {0xf3, 0x0f, 0x1e, 0xfa};
	struct elf_image *image = NULL;
	struct elf_function f;
	uint8_t code[4];
	uint64_t offset;
	int fd = -1;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && !image; i++) {
		if (elf_open(paths[i], &image) == 0)
			fd = open(paths[i], O_RDONLY | O_CLOEXEC);
	}
	if (!image)
		cr_skip_test("no glibc at its usual place");
	cr_assert(eq(int, elf_function(image, "getenv", &f), 0));
	cr_assert(eq(int, elf_probe_offset(image, "getenv", &offset), 0));
	cr_expect(offset == f.file_offset || offset == f.file_offset + 4);
	cr_assert(eq(long, (long)pread(fd, code, 4, (off_t)offset), 4L));
	cr_expect(ne(int, memcmp(code, endbr64, 4), 0));
	close(fd);
	elf_free(image);
}

Test(elf, a_program_without_lua_is_no_lua)
{
	struct elf_image *image;
	struct elf_lua lua;

	cr_assert(eq(int, elf_open("/bin/sh", &image), 0));
	cr_assert(eq(int, elf_lua_kind(image, &lua), 0));
	cr_expect(eq(int, lua.family, ELF_LUA_NONE));
	cr_expect(same_text(lua.version, ""));
	elf_free(image);
}

/* Neovim of Debian needs liblua5.1-luv, which is no VM, before libluajit, which is. */
Test(elf, every_needed_library_is_listed_in_its_order)
{
	struct elf_image *image = compile("int nothing;", "c", "-Wl,--no-as-needed,-lm,-lc");
	const char *name, *all[8] = {0};
	size_t nr = 0;

	while ((name = elf_needed(image, nr)) && nr < ARRAY_SIZE(all))
		all[nr++] = name;
	cr_assert(eq(sz, nr, 2));
	cr_expect(same_text(all[0], "libm.so.6"));
	cr_expect(same_text(all[1], "libc.so.6"));
	cr_expect(elf_needed(image, 4711) == NULL);
	elf_free(image);
}

/* ---- what is not for us ---------------------------------------------------------------------- */

Test(elf, anything_but_a_64_bit_executable_is_refused)
{
	Elf64_Ehdr header = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
	};
	struct elf_image *image;
	int fd;

	fd = file_of(&header, sizeof(header));
	cr_expect(eq(int, elf_open_fd(fd, &image), 0));
	elf_free(image);
	close(fd);

#define REFUSED(field, value)                                                                      \
	do {                                                                                       \
		Elf64_Ehdr bad = header;                                                           \
		bad.field = value;                                                                 \
		fd = file_of(&bad, sizeof(bad));                                                   \
		cr_expect(eq(int, elf_open_fd(fd, &image), -ENOEXEC), #field);                     \
		close(fd);                                                                         \
	} while (0)
	REFUSED(e_ident[0], 'x');
	REFUSED(e_ident[EI_CLASS], ELFCLASS32);
	REFUSED(e_ident[EI_DATA], ELFDATA2MSB);
	REFUSED(e_type, ET_REL);
	REFUSED(e_type, ET_CORE);
	REFUSED(e_machine, EM_PPC64);
#undef REFUSED
	cr_expect(eq(int, elf_open("/etc/passwd", &image), -ENOEXEC));
	cr_expect(eq(int, elf_open("/dev/null", &image), -ENOEXEC));
	cr_expect(eq(int, elf_open("/", &image), -ENOEXEC));
	cr_expect(eq(int, elf_open("/does/not/exist", &image), -ENOENT));
	cr_expect(eq(int, elf_open_fd(-1, &image), -EBADF));
	elf_free(NULL);
}

Test(elf, a_file_beyond_the_limit_is_refused)
{
	int fd = memfd_create("large", MFD_CLOEXEC);
	struct elf_image *image;

	cr_assert(eq(int, ftruncate(fd, (off_t)ELF_MAX_FILE + 1), 0));
	cr_expect(eq(int, elf_open_fd(fd, &image), -EFBIG));
	close(fd);
}

Test(elf, a_file_truncated_at_any_length_is_survived, .timeout = 120)
{
	const char *path = lua_target_find("lua5.4");
	uint8_t *bytes = malloc(MAX_SAMPLE);
	unsigned opened = 0;
	size_t len;
	int fd;

	if (!path) {
		free(bytes);
		cr_skip_test("lua5.4 is not installed");
	}
	len = read_file(path, bytes, MAX_SAMPLE);
	fd = file_of(bytes, len);
	/* Every length in the headers and at the end, where sections are described; steps between.
	 */
	for (size_t cut = len; cut > 0; cut -= cut > len - 512 || cut <= 1024 ? 1 : 509) {
		struct elf_image *image;

		cr_assert(eq(int, ftruncate(fd, (off_t)cut), 0));
		if (elf_open_fd(fd, &image) == 0) {
			opened++;
			ask_everything(image);
			elf_free(image);
		}
	}
	cr_expect(gt(uint, opened, 500));
	close(fd);
	free(bytes);
}

Test(elf, a_file_that_shrinks_while_it_is_open_is_survived)
{
	const char *path = lua_target_find("lua5.4");
	uint8_t *bytes = malloc(MAX_SAMPLE);
	struct elf_image *image;
	size_t len;
	int fd;

	if (!path) {
		free(bytes);
		cr_skip_test("lua5.4 is not installed");
	}
	len = read_file(path, bytes, MAX_SAMPLE);
	fd = file_of(bytes, len);
	cr_assert(eq(int, elf_open_fd(fd, &image), 0));
	cr_assert(eq(int, ftruncate(fd, 4096), 0));
	ask_everything(image);
	elf_free(image);
	close(fd);
	free(bytes);
}

Test(elf, any_damaged_byte_of_the_headers_is_survived, .timeout = 120)
{
	const char *path = lua_target_find("lua5.4");
	uint8_t *bytes = malloc(MAX_SAMPLE);
	Elf64_Ehdr header;
	size_t len, at;
	int fd;

	if (!path) {
		free(bytes);
		cr_skip_test("lua5.4 is not installed");
	}
	len = read_file(path, bytes, MAX_SAMPLE);
	memcpy(&header, bytes, sizeof(header));
	fd = file_of(bytes, len);
	for (size_t i = 0; i < 1024 + (len - header.e_shoff); i++) {
		static const uint8_t values[] = {0x00, 0x7f, 0xff};

		at = i < 1024 ? i : header.e_shoff + i - 1024;
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			struct elf_image *image;

			cr_assert(eq(long, (long)pwrite(fd, &values[v], 1, (off_t)at), 1L));
			if (elf_open_fd(fd, &image) == 0) {
				ask_everything(image);
				elf_free(image);
			}
		}
		cr_assert(eq(long, (long)pwrite(fd, &bytes[at], 1, (off_t)at), 1L));
	}
	close(fd);
	free(bytes);
}

/* ---- purpose-built oddities ------------------------------------------------------------------ */

Test(elf, a_landing_pad_is_skipped_and_nothing_else_is)
{
#ifdef __x86_64__
	struct elf_image *image =
		compile(".text\n"
			".globl padded, plain, tiny\n"
			".type padded,@function\n.type plain,@function\n.type tiny,@function\n"
			"padded: endbr64\n push %rbp\n ret\n.size padded, .-padded\n"
			"plain: push %rbp\n endbr64\n ret\n.size plain, .-plain\n"
			/* nothing of it lies behind the pad */
			"tiny: endbr64\n.size tiny, .-tiny\n ret\n",
			"assembler", "-Wl,--build-id=none");
	struct elf_function f;
	uint64_t offset;
	const uint8_t *id;
	size_t len;

	cr_assert(eq(int, elf_function(image, "padded", &f), 0));
	cr_assert(eq(int, elf_probe_offset(image, "padded", &offset), 0));
	cr_expect(eq(u64, offset, f.file_offset + 4));
	cr_assert(eq(int, elf_function(image, "plain", &f), 0));
	cr_assert(eq(int, elf_probe_offset(image, "plain", &offset), 0));
	cr_expect(eq(u64, offset, f.file_offset));
	cr_assert(eq(int, elf_function(image, "tiny", &f), 0));
	cr_assert(eq(int, elf_probe_offset(image, "tiny", &offset), 0));
	cr_expect(eq(u64, offset, f.file_offset));
	cr_expect(eq(int, elf_probe_offset(image, "absent", &offset), -ENOENT));
	cr_expect(eq(int, elf_build_id(image, &id, &len), -ENODATA));
	elf_free(image);
#else
	cr_skip_test("x86-64 only");
#endif
}

Test(elf, a_symbol_names_only_the_addresses_it_covers)
{
	/* outer covers inner; alias starts with outer; empty has no size; a gap follows. */
	struct elf_image *image = compile(".text\n"
					  ".globl outer, inner, alias, last, empty\n"
					  ".type outer,%function\n.type alias,%function\n"
					  ".type inner,%function\n.type last,%function\n"
					  ".type empty,%function\n.type hidden,%function\n"
					  "outer:\nalias:\nhidden:\n.zero 16\n"
					  "inner:\n.zero 8\n.size inner, .-inner\n.zero 8\n"
					  ".size outer, .-outer\n.size alias, 32\n"
					  ".size hidden, 32\n"
					  "empty:\n.zero 64\n"
					  "last:\n.zero 4\n.size last, .-last\n",
					  "assembler", "-Wl,--build-id=sha1");
	struct elf_function outer, last;
	uint64_t distance = 77;

	cr_assert(eq(int, elf_function(image, "outer", &outer), 0));
	cr_assert(eq(int, elf_function(image, "last", &last), 0));
	/* exported before local ("hidden"), then by name */
	cr_expect(same_text(elf_symbol_at(image, outer.address, &distance), "alias"));
	cr_expect(eq(u64, distance, 0));
	cr_expect(same_text(elf_symbol_at(image, outer.address + 15, NULL), "alias"));
	cr_expect(same_text(elf_symbol_at(image, outer.address + 16, &distance), "inner"));
	cr_expect(same_text(elf_symbol_at(image, outer.address + 23, &distance), "inner"));
	cr_expect(eq(u64, distance, 7));
	/* behind the inner one, still in the outer one */
	cr_expect(same_text(elf_symbol_at(image, outer.address + 24, &distance), "alias"));
	cr_expect(eq(u64, distance, 24));
	cr_expect(eq(ptr, (void *)elf_symbol_at(image, outer.address + 32, NULL), NULL));
	cr_expect(eq(ptr, (void *)elf_symbol_at(image, outer.address + 60, NULL), NULL));
	cr_expect(same_text(elf_symbol_at(image, last.address + 3, NULL), "last"));
	cr_expect(eq(ptr, (void *)elf_symbol_at(image, last.address + 4, NULL), NULL));
	cr_expect(eq(ptr, (void *)elf_symbol_at(image, 0, NULL), NULL));
	elf_free(image);
}

Test(elf, addresses_that_differ_from_file_offsets_are_translated)
{
	struct elf_image *image = compile("int f(int x){return x+1;}", "c",
					  "-Wl,-Ttext-segment=0x400000,-z,separate-code");
	struct elf_function f;
	uint64_t vaddr;

	cr_assert(eq(int, elf_function(image, "f", &f), 0));
	cr_expect(gt(u64, f.address, 0x400000));
	cr_expect(lt(u64, f.file_offset, 0x400000));
	cr_assert(eq(int, elf_vaddr_of_offset(image, f.file_offset, &vaddr), 0));
	cr_expect(eq(u64, vaddr, f.address));
	cr_expect(eq(int, elf_vaddr_of_offset(image, 1ULL << 40, &vaddr), -ENOENT));
	cr_expect(eq(int, elf_offset_of_vaddr(image, 1ULL << 40, &vaddr), -ENOENT));
	elf_free(image);
}

Test(elf, a_file_without_unwind_data_has_no_code_ranges)
{
	struct elf_image *image =
		compile("int f(int x){return x+1;}", "c", "-fno-asynchronous-unwind-tables");
	struct elf_range range;

	cr_expect(eq(int, elf_code_range(image, 0x1000, &range), -ENOENT));
	cr_expect(eq(int, elf_largest_code_range(image, &range), -ENOENT));
	elf_free(image);
}

Test(elf, a_library_that_defines_the_newer_openlibs_is_lua_too)
{
	struct elf_image *image =
		compile("const char ident[] = \"$LuaVersion: Lua 5.5.0  Copyright\";"
			"void lua_newstate(void){} void lua_close(void){}"
			"void luaL_openselectedlibs(void){}",
			"c", "-g0");
	struct elf_lua lua;

	cr_assert(eq(int, elf_lua_kind(image, &lua), 0));
	cr_expect(eq(int, lua.family, ELF_LUA_PUC));
	cr_expect(not(lua.has_openlibs));
	cr_expect(lua.has_openselectedlibs);
	cr_expect(same_text(lua.version, "Lua 5.5.0"));
	elf_free(image);
}

Test(elf, a_program_that_only_imports_the_api_is_not_the_vm)
{
	struct elf_image *image = compile("void lua_newstate(void); void lua_close(void);"
					  "void f(void){lua_newstate();lua_close();}",
					  "c", "-g0");
	struct elf_lua lua;

	cr_assert(eq(int, elf_lua_kind(image, &lua), 0));
	cr_expect(eq(int, lua.family, ELF_LUA_NONE));
	elf_free(image);
}

Test(elf, a_version_string_of_odd_characters_is_cut)
{
	struct elf_image *image =
		compile("const char ident[] = \"$LuaVersion: Lua 5.4.4\\033[2J;rm \\n\";"
			"void lua_newstate(void){} void lua_close(void){}",
			"c", "-g0");
	struct elf_lua lua;

	cr_assert(eq(int, elf_lua_kind(image, &lua), 0));
	cr_expect(same_text(lua.version, "Lua 5.4.4"));
	elf_free(image);
}

/* As a VM says it; this program has no symbol of one. */
static const char *const version_text = "$LuaVersion: Lua 5.9.7  Copyright";

Test(elf, the_text_of_a_vm_without_its_symbols_is_a_hint)
{
	struct elf_image *image;
	struct elf_lua lua;

	cr_assert(eq(int, elf_open("/proc/self/exe", &image), 0));
	cr_assert(eq(int, elf_lua_kind(image, &lua), 0));
	cr_expect(eq(int, lua.family, ELF_LUA_NONE));
	cr_expect(lua.is_hidden, "%s", version_text);
	cr_expect(lua.version[0] != 0);
	elf_free(image);
}

/* Its unwind data is what it is opened for. */
Test(elf, the_vdso_is_a_file_too)
{
	struct elf_unwind_table table;
	struct elf_image *image;
	struct elf_function f;
	struct elf_range range;

	if (elf_open_vdso(&image) < 0)
		cr_skip_test("this kernel has no vDSO");
	cr_assert(eq(int, elf_function(image, "__vdso_clock_gettime", &f), 0));
	cr_expect(eq(int, elf_code_range(image, f.address, &range), 0));
	cr_expect(eq(int, elf_unwind_table(image, &table), 0));
	elf_free(image);
}
