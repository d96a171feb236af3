/* SPDX-License-Identifier: MIT */
/* Any bytes as an ELF file: every question is asked, no answer is believed. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void ask_everything(struct elf_image *image)
{
	struct elf_function function;
	struct elf_range range;
	struct elf_unwind_table table;
	struct elf_lua_code code;
	static struct elf_lua_places places;
	struct elf_lua_fetch fetch;
	struct elf_lua lua;
	const uint8_t *id;
	uint64_t value;
	size_t id_len;

	if (elf_build_id(image, &id, &id_len) == 0) {
		volatile uint8_t last = id[id_len - 1]; /* all of it must be readable */

		(void)last;
	}
	elf_lua_kind(image, &lua);
	if (elf_lua_code(image, &code) == 0)
		elf_lua_fetch(image, &code.execute, 0x28, &fetch);
	if (elf_lua_execute(image, 0x7f, &range) == 0)
		elf_lua_places(image, &range, 0x7f, 0x20, &places);
	if (elf_unwind_table(image, &table) == 0)
		elf_read(image, table.table, &value, sizeof(value));
	elf_read(image, 0x1000, &value, sizeof(value));
	elf_function(image, "lua_newstate", &function);
	elf_probe_offset(image, "luaL_openlibs", &value);
	if (elf_largest_code_range(image, &range) == 0)
		elf_symbol_at(image, range.start, &value);
	elf_symbol_at(image, 0x1000, &value);
	elf_code_range(image, 0x1000, &range);
	elf_vaddr_of_offset(image, 0x40, &value);
	elf_offset_of_vaddr(image, 0x1000, &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);
	struct elf_image *image;

	if (fd < 0)
		return 0;
	if (write(fd, bytes, len) == (ssize_t)len && elf_open_fd(fd, &image) == 0) {
		ask_everything(image);
		elf_free(image);
	}
	close(fd);
	return 0;
}
