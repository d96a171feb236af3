/* SPDX-License-Identifier: MIT */
/* Safe files: with a second user, real links, and a disk that is full. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "output_dir.h"

#define NOBODY 65534

static char root[] = "/tmp/test_output_dir.XXXXXX";
static struct identity identity;
static struct output_dir dir = {.fd = -1};
static struct buf why;

static void begin(void)
{
	struct identity_request q = {0};

	if (geteuid() == 0)
		q = (struct identity_request){
			.sudo_uid = "65534", .sudo_gid = "65534", .sudo_user = "nobody"};
	buf_init(&why, 4096);
	umask(022);
	cr_assert(eq(int, identity_find(&q, &identity, &why), 0));
	cr_assert(ne(ptr, mkdtemp(root), NULL));
	cr_assert(eq(int, chmod(root, 0777), 0));
	cr_assert(eq(int, chdir(root), 0));
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	(void)status;
	(void)kind;
	(void)at;
	return remove(path);
}

static void end(void)
{
	output_dir_close(&dir);
	identity_done(&identity);
	buf_done(&why);
	cr_assert(eq(int, chdir("/"), 0));
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(output_dir, .init = begin, .fini = end, .timeout = 20);

static void require_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
}

static int open_dir(const char *path)
{
	output_dir_close(&dir);
	buf_reset(&why);
	return output_dir_open(path, &identity, &dir, &why);
}

static int write_file(const char *name, const char *text)
{
	struct output_file file = {0};
	int r = output_file_begin(&dir, name, &file, &why);

	if (r < 0)
		return r;
	fputs(text, file.stream);
	return output_file_commit(&file, &why);
}

static void expect_contents(const char *path, const char *text)
{
	char found[64] = "";
	FILE *in = fopen(path, "r");

	cr_assert(ne(ptr, in, NULL), "%s", path);
	if (!fgets(found, sizeof(found), in))
		found[0] = 0;
	fclose(in);
	cr_assert_str_eq(found, text);
}

static unsigned entries_of(const char *path)
{
	char command[128], answer[16] = "";
	FILE *in;

	snprintf(command, sizeof(command), "ls -A '%s' | wc -l", path);
	in = popen(command, "r");
	if (!fgets(answer, sizeof(answer), in))
		answer[0] = 0;
	pclose(in);
	return (unsigned)strtoul(answer, NULL, 10);
}

Test(output_dir, missing_parents_are_made_and_belong_to_the_user)
{
	struct stat status;

	cr_assert(eq(int, open_dir("a/b/c"), 0), "%s", why.data);
	cr_assert(eq(int, write_file("file", "text"), 0));
	const char *const made[] = {"a", "a/b", "a/b/c", "a/b/c/file"};

	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		cr_assert(eq(int, stat(made[i], &status), 0), "%s", made[i]);
		cr_expect(eq(uint, status.st_uid, identity.uid), "%s", made[i]);
		cr_expect(eq(uint, status.st_gid, identity.gid), "%s", made[i]);
	}
	expect_contents("a/b/c/file", "text");
	cr_assert(eq(uint, entries_of("a/b/c"), 1), "no temporary file is left");
}

Test(output_dir, existing_directory_and_absolute_path_are_fine)
{
	char path[128];

	cr_assert(eq(int, open_dir("out"), 0));
	cr_assert(eq(int, open_dir("out/"), 0));
	snprintf(path, sizeof(path), "%s/out", root);
	cr_assert(eq(int, open_dir(path), 0));
	cr_assert(eq(int, open_dir("."), 0));
}

Test(output_dir, link_as_directory_is_refused_and_its_target_untouched)
{
	unsigned before = entries_of("/etc");

	cr_assert(eq(int, symlink("/etc", "out"), 0));
	cr_assert(eq(int, open_dir("out"), -ELOOP));
	cr_assert(ne(ptr, strstr(why.data, "symbolic link"), NULL), "%s", why.data);
	cr_assert(eq(int, open_dir("out/"), -ELOOP), "slashes do not follow it");
	cr_assert(eq(int, open_dir("out//"), -ELOOP));
	cr_assert(eq(uint, entries_of("/etc"), before));
}

Test(output_dir, below_a_link_only_the_users_rights_count)
{
	require_root();
	cr_assert(eq(int, symlink("/etc", "out"), 0));
	cr_assert(eq(int, open_dir("out/bprof-test-must-not-exist"), -EACCES));
	cr_assert(eq(int, access("/etc/bprof-test-must-not-exist", F_OK), -1));
	cr_assert(eq(int, open_dir("/etc"), -EACCES));
	cr_assert(eq(int, open_dir("/root"), -EACCES));
	cr_assert(ne(ptr, strstr(why.data, "must be able to write there"), NULL), "%s", why.data);
}

Test(output_dir, dangling_link_is_not_followed_into_being)
{
	cr_assert(eq(int, symlink("nowhere", "out"), 0));
	cr_assert(eq(int, open_dir("out"), -ELOOP));
	cr_assert(eq(int, access("nowhere", F_OK), -1));
}

Test(output_dir, file_in_the_way_is_named)
{
	int fd = open("out", O_WRONLY | O_CREAT, 0666);

	close(fd);
	cr_assert(eq(int, open_dir("out"), -ENOTDIR));
	cr_assert(ne(ptr, strstr(why.data, "in the way"), NULL), "%s", why.data);
	cr_assert(eq(int, open_dir("out/deeper"), -ENOTDIR));
	cr_assert(eq(int, open_dir(""), -EINVAL));
}

Test(output_dir, link_in_place_of_a_file_is_replaced_not_followed)
{
	int fd = open("victim", O_WRONLY | O_CREAT, 0666);
	struct stat status;

	cr_assert(eq(int, (int)write(fd, "precious", 8), 8));
	close(fd);
	cr_assert(eq(int, open_dir("out"), 0));
	cr_assert(eq(int, symlink("../victim", "out/file"), 0));
	cr_assert(eq(int, write_file("file", "new"), 0));
	expect_contents("victim", "precious");
	expect_contents("out/file", "new");
	cr_assert(eq(int, lstat("out/file", &status), 0));
	cr_assert(eq(uint, status.st_mode & S_IFMT, S_IFREG));
}

Test(output_dir, planted_temporary_name_is_passed_over)
{
	char planted[64], target[64];

	cr_assert(eq(int, open_dir("out"), 0));
	snprintf(planted, sizeof(planted), "out/.file.%d.0.tmp", (int)getpid());
	cr_assert(eq(int, symlink("/etc/passwd", planted), 0));
	cr_assert(eq(int, write_file("file", "text"), 0));
	expect_contents("out/file", "text");
	cr_assert(eq(int, (int)readlink(planted, target, sizeof(target)), 11),
		  "not ours to remove");
}

Test(output_dir, names_that_leave_the_directory_are_refused)
{
	const char *const names[] = {"", ".", "..", "../x", "/etc/x", "a/b"};
	struct output_file file = {0};
	char overlong[300];

	memset(overlong, 'x', sizeof(overlong) - 1);
	overlong[sizeof(overlong) - 1] = 0;
	cr_assert(eq(int, open_dir("out"), 0));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		cr_expect(eq(int, output_file_begin(&dir, names[i], &file, &why), -EINVAL), "'%s'",
			  names[i]);
	cr_expect(eq(int, output_file_begin(&dir, overlong, &file, &why), -EINVAL));
	cr_assert(eq(uint, entries_of("out"), 0));
}

Test(output_dir, directory_is_held_when_its_path_becomes_a_link)
{
	cr_assert(eq(int, open_dir("out"), 0));
	cr_assert(eq(int, rename("out", "moved"), 0));
	cr_assert(eq(int, symlink("/etc", "out"), 0));
	cr_assert(eq(int, write_file("file", "text"), 0));
	expect_contents("moved/file", "text");
}

Test(output_dir, older_file_stays_until_the_new_one_is_complete)
{
	struct output_file file = {0};

	cr_assert(eq(int, open_dir("out"), 0));
	cr_assert(eq(int, write_file("file", "old"), 0));
	cr_assert(eq(int, output_file_begin(&dir, "file", &file, &why), 0));
	fputs("new", file.stream);
	fflush(file.stream);
	expect_contents("out/file", "old");
	output_file_abort(&file);
	expect_contents("out/file", "old");
	cr_assert(eq(uint, entries_of("out"), 1));
	output_file_abort(&file);
}

Test(output_dir, directory_in_place_of_a_file_is_an_error_that_leaves_nothing)
{
	cr_assert(eq(int, open_dir("out"), 0));
	cr_assert(eq(int, mkdir("out/file", 0777), 0));
	cr_assert(eq(int, write_file("file", "text"), -EISDIR));
	cr_assert(ne(ptr, strstr(why.data, "'out/file'"), NULL), "%s", why.data);
	cr_assert(eq(uint, entries_of("out"), 1));
}

static void fill(FILE *stream)
{
	char block[4096];

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 256; i++)
		fwrite(block, 1, sizeof(block), stream);
}

Test(output_dir, full_disk_is_said_and_leaves_nothing)
{
	struct output_file file = {0};

	require_root();
	cr_assert(eq(int, mkdir("small", 0777), 0));
	if (mount("bprof", "small", "tmpfs", 0, "size=64k,mode=0777") < 0)
		cr_skip_test("no tmpfs: %s", strerror(errno));
	cr_expect(eq(int, open_dir("small/out"), 0), "%s", why.data);
	cr_expect(eq(int, output_file_begin(&dir, "file", &file, &why), 0));
	fill(file.stream);
	cr_expect(eq(int, output_file_commit(&file, &why), -ENOSPC));
	cr_expect(ne(ptr, strstr(why.data, "No space left on device; free some space"), NULL), "%s",
		  why.data);
	cr_expect(eq(uint, entries_of("small/out"), 0));
	output_dir_close(&dir);
	umount2("small", MNT_DETACH);
}

Test(output_dir, path_of_a_file_is_split)
{
	const struct {
		const char *path, *dir, *name;
	} cases[] = {
		{"file", ".", "file"},
		{"a/b/file", "a/b", "file"},
		{"/file", "/", "file"},
		{"a/", "a", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *directory;
		const char *name;

		cr_assert(eq(int, output_path_split(cases[i].path, &directory, &name), 0));
		cr_expect_str_eq(directory, cases[i].dir);
		cr_expect_str_eq(name, cases[i].name);
		free(directory);
	}
}

/* A process of the user that swaps the directory for a link to /etc as fast as it can. */
static pid_t start_swapper(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	/* Not to outlive a test that ran out of time. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		rename("out", "aside");
		(void)!symlink("/etc", "out");
		unlink("out");
		rename("aside", "out");
	}
}

Test(output_dir, swapping_the_directory_gains_nothing)
{
	unsigned before = entries_of("/etc"), nr = 0;
	pid_t swapper;

	require_root();
	cr_assert(eq(int, mkdir("out", 0777), 0));
	cr_assert(eq(int, chmod("out", 0777), 0));
	swapper = start_swapper();
	/* Thousands of attempts; on a busy machine only hundreds. */
	for (time_t end = time(NULL) + 3; nr < 10000 && (nr < 100 || time(NULL) < end); nr++) {
		if (open_dir("out") == 0)
			(void)!write_file("bprof-test-file", "text");
	}
	kill(swapper, SIGKILL);
	waitpid(swapper, NULL, 0);
	cr_assert(eq(uint, entries_of("/etc"), before));
	cr_assert(eq(int, access("/etc/bprof-test-file", F_OK), -1));
}
