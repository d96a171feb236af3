/* SPDX-License-Identifier: MIT */
/*
 * Manages one question: does this file carry a Lua VM, and which one does it claim to be?
 *
 * The answer decides where probes go and names a runtime in reports. It never decides a layout:
 * version strings lie ("LuaJIT 2.1.0-beta3" covers nine years of layouts), see unwind/discover.c.
 *
 * Facts: lua.h LUA_RELEASE, lapi.c lua_ident ("$LuaVersion: Lua 5.4.4  Copyright ...", and up to
 * 5.1 "$Lua: Lua 5.1.5 Copyright ..."), LuaJIT luajit.h LUAJIT_VERSION.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "elf_image.h"

#define MAX_VERSION_SECTION (256U << 20) /* bytes of a section searched for a version string */

/* ---- version string -------------------------------------------------------------------------- */

/* How a version announces itself, best first; keep: where our text starts within the mark. */
static const struct version_mark {
	enum elf_lua_family family;
	const char *text;
	size_t keep;
} version_marks[] = {
	{ELF_LUA_LUAJIT, "LuaJIT 2.", 0},
	{ELF_LUA_PUC, "$LuaVersion: Lua 5.", strlen("$LuaVersion: ")},
	{ELF_LUA_PUC, "$Lua: Lua 5.", strlen("$Lua: ")},
	{ELF_LUA_PUC, "Lua 5.", 0},
};

#define NR_STRONG_MARKS 3 /* the last one is what many programs may say */

static bool is_version_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '.' || c == '-' || c == '+' || c == '_';
}

/* Copies "NAME VERSION": two words of harmless characters. */
static void copy_version(const char *at, size_t available, char *dst, size_t dst_bytes)
{
	size_t used = 0, words = 1;

	for (size_t i = 0; i < available && used + 1 < dst_bytes; i++) {
		if (at[i] == ' ' && words++ == 2)
			break;
		if (at[i] != ' ' && !is_version_char(at[i]))
			break;
		dst[used++] = at[i];
	}
	dst[used] = '\0';
}

static bool find_version(const Elf_Data *bytes, const struct version_mark *mark, char *dst,
			 size_t dst_bytes)
{
	const char *start = bytes->d_buf, *at;

	if (!start || bytes->d_size > MAX_VERSION_SECTION)
		return false;
	at = memmem(start, bytes->d_size, mark->text, strlen(mark->text));
	if (!at)
		return false;
	at += mark->keep;
	copy_version(at, bytes->d_size - (size_t)(at - start), dst, dst_bytes);
	return true;
}

static bool search_sections(struct elf_image *image, const struct version_mark *mark,
			    struct elf_lua *lua)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(image->elf, section))) {
		GElf_Shdr header;
		Elf_Data *bytes;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_PROGBITS ||
		    !(header.sh_flags & SHF_ALLOC) ||
		    (header.sh_flags & (SHF_EXECINSTR | SHF_COMPRESSED)))
			continue;
		bytes = elf_rawdata(section, NULL);
		if (bytes && find_version(bytes, mark, lua->version, sizeof(lua->version)))
			return true;
	}
	return false;
}

static void read_version(struct elf_image *image, struct elf_lua *lua)
{
	for (size_t i = 0; i < ARRAY_SIZE(version_marks); i++) {
		if (version_marks[i].family == lua->family &&
		    search_sections(image, &version_marks[i], lua))
			return;
	}
}

/* ---- needed libraries ------------------------------------------------------------------------ */

static const char *search_dynamic(struct elf_image *image, Elf_Scn *section,
				  const GElf_Shdr *header, GElf_Sxword tag, size_t nth)
{
	Elf_Data *table = elf_getdata(section, NULL);
	size_t nr = table ? table->d_size / sizeof(Elf64_Dyn) : 0;

	for (size_t i = 0; i < nr && i < INT32_MAX; i++) {
		GElf_Dyn entry;

		if (!gelf_getdyn(table, (int)i, &entry) || entry.d_tag == DT_NULL)
			return NULL;
		if (entry.d_tag == tag && nth-- == 0)
			return elf_strptr(image->elf, header->sh_link, entry.d_un.d_val);
	}
	return NULL;
}

static const char *dynamic_string(struct elf_image *image, GElf_Sxword tag, size_t nth)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(image->elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNAMIC)
			return search_dynamic(image, section, &header, tag, nth);
	}
	return NULL;
}

const char *elf_needed(struct elf_image *image, size_t nth)
{
	return dynamic_string(image, DT_NEEDED, nth);
}

const char *elf_runpath(struct elf_image *image)
{
	return dynamic_string(image, DT_RUNPATH, 0);
}

const char *elf_rpath(struct elf_image *image)
{
	return dynamic_string(image, DT_RPATH, 0);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static bool defines(struct elf_image *image, const char *name)
{
	struct elf_function f;

	return elf_function(image, name, &f) == 0;
}

/* A file with such text is worth a search of the memory of its processes. */
static void find_hidden(struct elf_image *image, struct elf_lua *lua)
{
	for (size_t i = 0; i < NR_STRONG_MARKS && !lua->is_hidden; i++)
		lua->is_hidden = search_sections(image, &version_marks[i], lua);
}

int elf_lua_kind(struct elf_image *image, struct elf_lua *ret)
{
	struct elf_lua lua = {0};
	int r = elf_read_symbols(image);

	if (r < 0)
		return r;
	if (defines(image, "lua_newstate") && defines(image, "lua_close")) {
		lua.family = defines(image, "luaJIT_setmode") ? ELF_LUA_LUAJIT : ELF_LUA_PUC;
		lua.has_openlibs = defines(image, "luaL_openlibs");
		lua.has_openselectedlibs = defines(image, "luaL_openselectedlibs");
		read_version(image, &lua);
	} else {
		find_hidden(image, &lua);
	}
	*ret = lua;
	return 0;
}
