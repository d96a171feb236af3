/* SPDX-License-Identifier: MIT */
/* Deletion: only folders that are ours to the last file, nothing outside, no links followed. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "beneath.h"
#include "remove.h"

#define SEED   UINT64_C(20260204)
#define ROUNDS 2000

static char top[] = "/tmp/bprof-remove-XXXXXX";
static int top_fd, parent_fd;

static void begin(void)
{
	cr_assert(ne(ptr, mkdtemp(top), NULL));
	top_fd = open(top, O_RDONLY | O_DIRECTORY);
	cr_assert(eq(int, mkdirat(top_fd, "tree", 0755), 0));
	cr_assert(eq(int, mkdirat(top_fd, "outside", 0755), 0));
	parent_fd = openat(top_fd, "tree", O_RDONLY | O_DIRECTORY);
}

static void end(void)
{
	char command[256];

	close(parent_fd);
	close(top_fd);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	cr_assert(eq(int, system(command), 0));
}

TestSuite(remove, .init = begin, .fini = end, .timeout = 60);

static void touch(int fd, const char *path)
{
	int file = openat(fd, path, O_WRONLY | O_CREAT, 0644);

	cr_assert(ge(int, file, 0), "%s", path);
	close(file);
}

static bool exists(int fd, const char *path)
{
	return faccessat(fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- shapes -------------------------------------------------------------------------------- */

static const char *const leaf_files[] = {"README.md", "profile.json", NULL};
static const struct shape leaf = {.files = leaf_files};

static const struct shape *child_of(const char *name)
{
	return strncmp(name, "v1", 2) == 0 ? &leaf : NULL;
}

static const char *const node_files[] = {"README.md", "timing.json", NULL};
static const struct shape node = {.files = node_files, .child = child_of};

static int remove_it(const char *name, const struct shape *shape)
{
	struct buf why;
	int r;

	buf_init(&why, 4096);
	r = remove_folder(parent_fd, name, shape, &why);
	cr_expect(eq(int, r == -EEXIST, r == -EEXIST && why.len > 0), "a reason");
	buf_done(&why);
	return r;
}

Test(remove, a_folder_of_ours_goes_with_all_in_it)
{
	mkdirat(parent_fd, "t", 0755);
	mkdirat(parent_fd, "t/v1.0.0", 0755);
	touch(parent_fd, "t/README.md");
	touch(parent_fd, "t/v1.0.0/profile.json");
	cr_assert(eq(int, remove_it("t", &node), 0));
	cr_assert(not(exists(parent_fd, "t")));
}

Test(remove, one_foreign_file_keeps_everything)
{
	mkdirat(parent_fd, "t", 0755);
	touch(parent_fd, "t/README.md");
	touch(parent_fd, "t/notes.txt");
	cr_assert(eq(int, remove_it("t", &node), -EEXIST));
	cr_assert(exists(parent_fd, "t/README.md"));
}

Test(remove, links_are_never_followed)
{
	touch(top_fd, "outside/README.md");
	cr_assert(eq(int, symlinkat("../outside", parent_fd, "t"), 0));
	cr_expect(eq(int, remove_it("t", &node), -ELOOP));
	mkdirat(parent_fd, "u", 0755);
	cr_assert(eq(int, symlinkat("../../outside", parent_fd, "u/v1.0.0"), 0));
	cr_expect(eq(int, remove_it("u", &node), -EEXIST));
	mkdirat(parent_fd, "w", 0755);
	cr_assert(eq(int, symlinkat("../../outside/README.md", parent_fd, "w/README.md"), 0));
	cr_expect(eq(int, remove_it("w", &node), -EEXIST));
	cr_assert(exists(top_fd, "outside/README.md"));
}

Test(remove, names_that_lead_out_are_refused)
{
	static const char *const bad[] = {"", ".", "..", "../outside", "/", "a/b"};

	touch(top_fd, "outside/README.md");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(eq(int, remove_it(bad[i], &node), -EINVAL), "'%s'", bad[i]);
	cr_expect(eq(int, remove_it("absent", &node), -ENOENT));
	cr_assert(exists(top_fd, "outside/README.md"));
}

/* ---- any tree ------------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

enum entry { ENTRY_FILE, ENTRY_FOLDER, ENTRY_LINK, ENTRY_FIFO };

/* One entry. Returns whether it is ours. @depth 0: in a node, 1: in a leaf. */
static bool make_entry(uint64_t *state, const char *folder, unsigned depth)
{
	static const char *const names[] = {
		"README.md", "timing.json", "profile.json", "v1.0.0", "v1.1.0", ".git", "x"};
	const char *name = names[next_random(state) % ARRAY_SIZE(names)];
	/* mostly files: else nothing would ever be removed */
	uint64_t dice = next_random(state) % 16;
	enum entry kind = dice < 11    ? ENTRY_FILE
			  : dice < 14  ? ENTRY_FOLDER
			  : dice == 14 ? ENTRY_LINK
				       : ENTRY_FIFO;
	bool ours = false;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (exists(parent_fd, path))
		return true; /* counted when it was made */
	switch (kind) {
	case ENTRY_FILE:
		touch(parent_fd, path);
		ours = strcmp(name, "README.md") == 0 ||
		       strcmp(name, depth ? "profile.json" : "timing.json") == 0;
		break;
	case ENTRY_FOLDER:
		cr_assert(eq(int, mkdirat(parent_fd, path, 0755), 0));
		ours = depth == 0 && strncmp(name, "v1", 2) == 0;
		for (uint64_t i = next_random(state) % 3; i > 0; i--)
			ours = make_entry(state, path, depth + 1) && ours;
		break;
	case ENTRY_LINK:
		cr_assert(eq(int, symlinkat("../../../outside/victim", parent_fd, path), 0));
		break;
	case ENTRY_FIFO:
		cr_assert(eq(int, mkfifoat(parent_fd, path, 0644), 0));
		break;
	}
	return ours;
}

static size_t count(const char *command)
{
	char line[64] = "";
	FILE *out = popen(command, "r");

	cr_assert(ne(ptr, out, NULL));
	cr_assert(ne(ptr, fgets(line, sizeof(line), out), NULL));
	pclose(out);
	return strtoull(line, NULL, 10);
}

Test(remove, of_any_tree_all_or_nothing_goes_and_nothing_outside)
{
	uint64_t state = SEED;
	size_t removed = 0, kept = 0, entries = 0;
	char command[256];

	touch(top_fd, "outside/victim");
	snprintf(command, sizeof(command), "find %s/tree | wc -l", top);
	for (size_t i = 0; i < ROUNDS; i++) {
		char name[32];
		bool ours = true;
		int r;

		snprintf(name, sizeof(name), "t%zu", i);
		cr_assert(eq(int, mkdirat(parent_fd, name, 0755), 0));
		for (uint64_t k = next_random(&state) % 4; k > 0; k--)
			ours = make_entry(&state, name, 0) && ours;
		entries = i % 100 == 0 ? count(command) : 0;
		r = remove_it(name, &node);
		cr_assert(eq(int, r, ours ? 0 : -EEXIST), "round %zu", i);
		cr_assert(eq(int, exists(parent_fd, name), !ours));
		if (entries && !ours)
			cr_assert(eq(sz, count(command), entries), "not one of them went");
		removed += ours;
		kept += !ours;
	}
	cr_assert(exists(top_fd, "outside/victim"));
	cr_assert(gt(sz, removed, ROUNDS / 10));
	cr_assert(gt(sz, kept, ROUNDS / 10));
}
