/* SPDX-License-Identifier: MIT */
/* Where the libraries of a program are looked for: programs and libraries made here. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libraries.h"
#include "run.h"

#define MAX_VISITED 8

static char *directory;

struct visited_names {
	char name[MAX_VISITED][64];
	size_t nr;
};

static int note_name(void *ctx, int fd, struct elf_image *elf)
{
	struct visited_names *names = ctx;
	char link[64], path[4096] = "";

	(void)elf;
	cr_assert(lt(sz, names->nr, MAX_VISITED));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	cr_assert(gt(long, (long)readlink(link, path, sizeof(path) - 1), 0));
	snprintf(names->name[names->nr++], sizeof(names->name[0]), "%.63s",
		 path + strlen(directory) + 1);
	return 0;
}

static bool has(const struct visited_names *names, const char *name)
{
	for (size_t i = 0; i < names->nr; i++)
		if (strcmp(names->name[i], name) == 0)
			return true;
	return false;
}

static void make(const char *command)
{
	struct run run;

	run_command(directory, NULL, (const char *const[]){"sh", "-ec", command, NULL}, &run);
	cr_assert(run.status == 0, "%s", run.err.data);
	run_done(&run);
}

/* As a program that sees @root as "/". */
static void visit_in(const char *root, struct visited_names *ret)
{
	char *path = path_join(directory, "program");
	int fd = open(path, O_RDONLY | O_CLOEXEC), root_fd = open(root, O_PATH | O_CLOEXEC);
	struct libraries *all;

	*ret = (struct visited_names){0};
	cr_assert(ge(int, fd, 0));
	cr_assert(ge(int, root_fd, 0));
	cr_assert(eq(int, libraries_new(&all), 0));
	cr_assert(eq(int, libraries_visit(all, fd, root_fd, note_name, ret), 0));
	libraries_free(all);
	close(root_fd);
	close(fd);
	free(path);
}

static void visit(struct visited_names *ret)
{
	visit_in("/", ret);
}

/* inner is needed by outer, outer by the program. */
#define LIBRARY(name, text, where, options)                                                        \
	"mkdir -p " where "; echo '" text "' | cc -x c -shared -fPIC -o " where "/" name           \
	" -Wl,-soname," name " - " options ";"
#define INNER(where) LIBRARY("libinner.so", "int inner(void) { return 1; }", where, "")
#define OUTER(where, options)                                                                      \
	LIBRARY("libouter.so", "int inner(void); int outer(void) { return inner(); }", where,      \
		"-Wl,--no-as-needed -Linner -linner " options)
#define PROGRAM(options)                                                                           \
	"echo 'int outer(void); int main(void) { return outer(); }' | cc -x c -o program - "       \
	"-Wl,--allow-shlib-undefined -Louter -louter " options

static void setup(void)
{
	if (system("cc --version >/dev/null 2>&1") != 0)
		cr_skip_test("no C compiler");
	directory = directory_make();
}

static void teardown(void)
{
	directory_remove(directory);
}

TestSuite(libraries, .init = setup, .fini = teardown);

Test(libraries, the_directory_of_the_program_is_where_its_runpath_says)
{
	struct visited_names names;

	make(INNER("inner") OUTER("outer", "-Wl,-rpath,/nowhere:'${ORIGIN}/../inner'")
		     PROGRAM("-Wl,-rpath,'$ORIGIN/outer'"));
	visit(&names);
	cr_expect(eq(sz, names.nr, 3));
	cr_expect(has(&names, "program"));
	cr_expect(has(&names, "outer/libouter.so"));
	cr_expect(has(&names, "inner/libinner.so"));
}

Test(libraries, a_runpath_holds_for_the_file_alone_and_an_rpath_for_its_libraries_too)
{
	struct visited_names names;

	make(INNER("inner") OUTER("outer", "")
		     PROGRAM("-Wl,--enable-new-dtags,-rpath,'$ORIGIN/outer:$ORIGIN/inner'"));
	visit(&names);
	cr_expect(eq(sz, names.nr, 2));
	cr_expect(has(&names, "outer/libouter.so"));
	make(PROGRAM("-Wl,--disable-new-dtags,-rpath,'$ORIGIN/outer:$ORIGIN/inner'"));
	visit(&names);
	cr_expect(eq(sz, names.nr, 3));
	cr_expect(has(&names, "inner/libinner.so"));
}

Test(libraries, what_no_path_leads_to_is_left_out)
{
	struct visited_names names;

	make(INNER("inner") OUTER("outer", "")
		     PROGRAM("-Wl,-rpath,outer:'$PLATFORM/outer':'$ORIGINAL/outer'"));
	visit(&names);
	cr_expect(eq(sz, names.nr, 1));
}

Test(libraries, a_program_in_another_root_has_the_libraries_of_that_root)
{
	struct visited_names names;

	make(INNER("inner") OUTER("outer", "-Wl,-rpath,'$ORIGIN/../inner'")
		     PROGRAM("-Wl,-rpath,/link") "; ln -s /outer link");
	visit(&names);
	cr_expect(eq(sz, names.nr, 1));
	visit_in(directory, &names);
	cr_expect(eq(sz, names.nr, 3));
	cr_expect(has(&names, "outer/libouter.so"));
	cr_expect(has(&names, "inner/libinner.so"));
	make("rm link; ln -s \"$PWD/outer\" link");
	visit_in(directory, &names);
	cr_expect(eq(sz, names.nr, 1), "a link out of the root");
}
