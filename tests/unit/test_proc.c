/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "proc.h"

/* NULL equals nothing. */
static bool same_text(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static int parse(const char *text, struct proc_maps *ret)
{
	return proc_parse_maps(text, strlen(text), ret);
}

/* ---- the text of maps ------------------------------------------------------------------------ */

Test(proc_maps, every_field_of_a_line_is_read)
{
	struct proc_maps maps;

	cr_assert(eq(int,
		     parse("55d0c8a00000-55d0c8a08000 r-xp 00001000 fd:11 1234567    "
			   "/usr/bin/lua5.4\n",
			   &maps),
		     0));
	cr_assert(eq(sz, maps.nr, 1));
	cr_expect(eq(u64, maps.map[0].start, 0x55d0c8a00000));
	cr_expect(eq(u64, maps.map[0].end, 0x55d0c8a08000));
	cr_expect(eq(uint, maps.map[0].prot, PROC_PROT_READ | PROC_PROT_EXEC));
	cr_expect(eq(u64, maps.map[0].offset, 0x1000));
	cr_expect(eq(u64, maps.map[0].dev, 0xfd00011));
	cr_expect(eq(u64, maps.map[0].ino, 1234567));
	cr_expect(same_text(maps.map[0].path, "/usr/bin/lua5.4"));
	cr_expect(not(maps.map[0].deleted));
	cr_expect(proc_map_is_code(&maps.map[0]));
	proc_maps_done(&maps);
}

Test(proc_maps, anonymous_memory_has_an_empty_path)
{
	struct proc_maps maps;

	cr_assert(eq(int,
		     parse("1000-2000 rw-p 00000000 00:00 0 \n3000-4000 rw-s 0 00:00 0", &maps),
		     0));
	cr_assert(eq(sz, maps.nr, 2));
	cr_expect(same_text(maps.map[0].path, ""));
	cr_expect(same_text(maps.map[1].path, ""));
	cr_expect(ne(uint, maps.map[1].prot & PROC_PROT_SHARED, 0));
	proc_maps_done(&maps);
}

Test(proc_maps, a_path_keeps_its_spaces)
{
	struct proc_maps maps;

	cr_assert(eq(int, parse("1000-2000 r--p 0 08:01 5   /a b/ c  d\n", &maps), 0));
	cr_expect(same_text(maps.map[0].path, "/a b/ c  d"));
	proc_maps_done(&maps);
}

Test(proc_maps, an_escaped_newline_is_decoded_and_other_backslashes_are_kept)
{
	struct proc_maps maps;

	cr_assert(eq(int, parse("1000-2000 r--p 0 08:01 5   /a\\012b\\n\\01\n", &maps), 0));
	cr_expect(same_text(maps.map[0].path, "/a\nb\\n\\01"));
	proc_maps_done(&maps);
}

Test(proc_maps, a_deleted_file_is_marked_and_loses_the_suffix)
{
	struct proc_maps maps;

	cr_assert(eq(int, parse("1000-2000 r-xp 0 08:01 5   /tmp/x (deleted)\n", &maps), 0));
	cr_expect(maps.map[0].deleted);
	cr_expect(same_text(maps.map[0].path, "/tmp/x"));
	proc_maps_done(&maps);
}

Test(proc_maps, no_text_is_no_mapping)
{
	struct proc_maps maps;

	cr_assert(eq(int, proc_parse_maps("", 0, &maps), 0));
	cr_expect(eq(sz, maps.nr, 0));
	cr_expect(eq(ptr, (void *)proc_maps_find(&maps, 4096), NULL));
	proc_maps_done(&maps);
}

Test(proc_maps, lines_that_are_not_mappings_are_rejected)
{
	static const char *const bad[] = {
		"\n",
		"x",
		"1000-2000",
		"1000-2000 rwxp 0 08:01",
		"2000-1000 r--p 0 00:00 0 \n",		 /* ends before it starts */
		"1000-1000 r--p 0 00:00 0 \n",		 /* empty */
		"11112222333344445-2 r--p 0 00:00 0 \n", /* more than 64 bits */
		"1000-2000 r--q 0 00:00 0 \n",		 /* no such permission */
		"1000-2000 r--p 0 00:00 99999999999999999999999 \n",
		"1000-2000 r--p 0 00:fffff1 0 \n", /* minor number too large */
		"1000-3000 r--p 0 00:00 0 \n2000-4000 r--p 0 00:00 0 \n", /* overlap */
		"5000-6000 r--p 0 00:00 0 \n1000-2000 r--p 0 00:00 0 \n", /* order */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct proc_maps maps = {.nr = 77};

		cr_expect(eq(int, parse(bad[i], &maps), -EBADMSG), "case %zu", i);
		cr_expect(eq(sz, maps.nr, 77), "output touched in case %zu", i);
	}
}

Test(proc_maps, every_prefix_of_real_text_is_accepted_or_rejected_cleanly)
{
	static const char text[] = "1000-2000 r-xp 00001000 08:01 77   /usr/bin/a\\012 (deleted)\n"
				   "3000-4000 rw-p 00000000 00:00 0    [heap]\n";

	for (size_t len = 0; len <= strlen(text); len++) {
		char *copy =
			malloc(len ? len : 1); /* exactly this long: ASan sees a byte too far */
		struct proc_maps maps;

		memcpy(copy, text, len);
		if (proc_parse_maps(copy, len, &maps) == 0)
			proc_maps_done(&maps);
		free(copy);
	}
}

Test(proc_maps, more_mappings_than_the_limit_are_refused)
{
	size_t line = 64, nr = PROC_MAX_MAPS + 1;
	char *text = malloc(line * nr);
	struct proc_maps maps;
	size_t len = 0;

	for (size_t i = 0; i < nr; i++)
		len += (size_t)snprintf(text + len, line, "%zx000-%zx000 r--p 0 00:00 0 \n", i + 1,
					i + 2);
	cr_expect(eq(int, proc_parse_maps(text, len, &maps), -E2BIG));
	free(text);
}

Test(proc_maps, an_address_is_found_in_the_mapping_that_holds_it)
{
	struct proc_maps maps;

	cr_assert(eq(int,
		     parse("1000-2000 r--p 0 00:00 0 \n2000-3000 r--p 0 00:00 0 \n"
			   "5000-6000 r--p 0 00:00 0 \n",
			   &maps),
		     0));
	cr_expect(eq(ptr, (void *)proc_maps_find(&maps, 0xfff), NULL));
	cr_expect(eq(ptr, (void *)proc_maps_find(&maps, 0x1000), &maps.map[0]));
	cr_expect(eq(ptr, (void *)proc_maps_find(&maps, 0x1fff), &maps.map[0]));
	cr_expect(eq(ptr, (void *)proc_maps_find(&maps, 0x2000), &maps.map[1]));
	cr_expect(eq(ptr, (void *)proc_maps_find(&maps, 0x3000), NULL));
	cr_expect(eq(ptr, (void *)proc_maps_find(&maps, 0x5fff), &maps.map[2]));
	cr_expect(eq(ptr, (void *)proc_maps_find(&maps, UINT64_MAX), NULL));
	proc_maps_done(&maps);
}

/* ---- live ------------------------------------------------------------------------------------ */

static uaddr_t address_of(const void *p)
{
	return (uaddr_t)(uintptr_t)p;
}

static int here = 1;

Test(proc, the_maps_of_a_process_hold_its_code_and_its_data)
{
	const struct proc_map *code, *data;
	struct proc_maps maps;
	struct stat st;

	cr_assert(eq(int, proc_read_maps(getpid(), &maps), 0));
	code = proc_maps_find(&maps, address_of((const void *)(uintptr_t)proc_open));
	data = proc_maps_find(&maps, address_of(&here));
	cr_assert(code && data);
	cr_expect(proc_map_is_code(code));
	cr_expect(not(proc_map_is_code(data)));
	cr_assert(eq(int, stat("/proc/self/exe", &st), 0));
	cr_expect(eq(u64, code->ino, st.st_ino));
	proc_maps_done(&maps);
}

Test(proc, a_process_that_does_not_exist_is_reported)
{
	struct proc_maps maps;
	struct proc *p;
	int fd;

	cr_expect(eq(int, proc_open(0x3fffffff, &p), -ESRCH));
	cr_expect(eq(int, proc_open(-1, &p), -ESRCH));
	cr_expect(eq(int, proc_read_maps(0x3fffffff, &maps), -ESRCH));
	cr_expect(lt(int, proc_open_exe(0x3fffffff, &fd), 0));
	proc_free(NULL);
}

Test(proc, memory_is_copied_whole_or_not_at_all)
{
	long page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct mem_reader *mem;
	struct proc *p;
	char copy[32];

	munmap(memory + page, (size_t)page);
	memcpy(memory + page - 16, "sixteen bytes!!", 16);
	cr_assert(eq(int, proc_open(getpid(), &p), 0));
	mem = proc_mem(p);
	cr_expect(eq(int, mem_read(mem, copy, 16, address_of(memory + page - 16)), 0));
	cr_expect(same_text(copy, "sixteen bytes!!"));
	cr_expect(eq(int, mem_read(mem, copy, 17, address_of(memory + page - 16)), -EFAULT));
	cr_expect(eq(int, mem_read(mem, copy, 8, 0), -EFAULT));
	cr_expect(eq(int, mem_read(mem, copy, 8, UINT64_MAX - 3), -EFAULT));
	cr_expect(eq(int, mem_read(mem, copy, 0, 0), 0));
	proc_free(p);
	munmap(memory, (size_t)page);
}

Test(proc, reading_a_process_that_died_says_so)
{
	struct proc *p;
	pid_t pid = fork();
	char byte;

	if (pid == 0) {
		pause();
		_exit(0);
	}
	cr_assert(eq(int, proc_open(pid, &p), 0));
	cr_expect(eq(int, mem_read(proc_mem(p), &byte, 1, address_of(&here)), 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_expect(eq(int, mem_read(proc_mem(p), &byte, 1, address_of(&here)), -ESRCH));
	proc_free(p);
}

static struct proc_map map_of(const char *path, ino_t ino)
{
	return (struct proc_map){.start = 0x1000, .end = 0x2000, .ino = ino, .path = (char *)path};
}

Test(proc, the_file_behind_a_mapping_is_opened_even_after_it_was_deleted)
{
	char name[] = "/tmp/bprof-test-XXXXXX";
	int fd = mkstemp(name), opened = -1;
	const struct proc_map *map;
	struct proc_maps maps;
	char text[8] = "";
	void *memory;

	cr_assert(eq(int, (int)write(fd, "content", 7), 7));
	memory = mmap(NULL, 7, PROT_READ, MAP_PRIVATE, fd, 0);
	unlink(name);
	close(fd);
	cr_assert(eq(int, proc_read_maps(getpid(), &maps), 0));
	map = proc_maps_find(&maps, address_of(memory));
	cr_assert(map != NULL);
	cr_expect(map->deleted);
	cr_expect(same_text(map->path, name));
	if (geteuid() == 0) {
		cr_assert(eq(int, proc_open_mapped(getpid(), map, &opened), 0));
		cr_expect(eq(int, (int)read(opened, text, 7), 7));
		cr_expect(same_text(text, "content"));
		close(opened);
	}
	proc_maps_done(&maps);
	munmap(memory, 7);
}

Test(proc, another_file_at_the_path_is_not_taken_for_the_mapped_one)
{
	char name[] = "/tmp/bprof-test-XXXXXX";
	int fd = mkstemp(name), opened = -1;
	struct proc_map map;
	struct stat st;

	cr_assert(eq(int, fstat(fd, &st), 0));
	map = map_of(name, st.st_ino);
	cr_expect(eq(int, proc_open_mapped(getpid(), &map, &opened), 0));
	close(opened);
	map = map_of(name, st.st_ino + 1);
	cr_expect(eq(int, proc_open_mapped(getpid(), &map, &opened), -ESTALE));
	unlink(name);
	close(fd);
}

Test(proc, links_devices_and_pipes_are_never_opened)
{
	char folder[] = "/tmp/bprof-test-XXXXXX", path[64];
	struct proc_map map;
	struct stat st;
	int opened;

	cr_assert(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/link", folder);
	cr_assert(eq(int, symlink("/etc/passwd", path), 0));
	cr_assert(eq(int, stat("/etc/passwd", &st), 0));
	map = map_of(path, st.st_ino);
	cr_expect(eq(int, proc_open_mapped(getpid(), &map, &opened), -ESTALE));
	unlink(path);

	snprintf(path, sizeof(path), "%s/pipe", folder);
	cr_assert(eq(int, mkfifo(path, 0600), 0));
	cr_assert(eq(int, stat(path, &st), 0));
	map = map_of(path, st.st_ino);
	cr_expect(eq(int, proc_open_mapped(getpid(), &map, &opened), -EINVAL));
	unlink(path);
	rmdir(folder);

	cr_assert(eq(int, stat("/dev/zero", &st), 0));
	map = map_of("/dev/zero", st.st_ino);
	cr_expect(eq(int, proc_open_mapped(getpid(), &map, &opened), -EINVAL));
	map = map_of("[heap]", 5);
	cr_expect(eq(int, proc_open_mapped(getpid(), &map, &opened), -ENOENT));
	map = map_of("", 0);
	cr_expect(eq(int, proc_open_mapped(getpid(), &map, &opened), -ENOENT));
}

Test(proc, the_executable_of_a_process_is_opened)
{
	struct stat opened, exe;
	int fd;

	cr_assert(eq(int, proc_open_exe(getpid(), &fd), 0));
	cr_assert(eq(int, fstat(fd, &opened), 0));
	cr_assert(eq(int, stat("/proc/self/exe", &exe), 0));
	cr_expect(eq(u64, opened.st_ino, exe.st_ino));
	close(fd);
}
