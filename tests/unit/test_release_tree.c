/* SPDX-License-Identifier: MIT */
/* The tree of releases on disk: what is written when, what survives, what is deleted. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "clock.h"
#include "history.h"
#include "profiles.h"
#include "release_pages.h"
#include "release/tree.h"

#define NS_PER_DAY UINT64_C(86400000000000)

static char top[] = "/tmp/bprof-tree-XXXXXX";
static int root_fd;
static struct buf notes, why;
static struct tree_opts opts;
static const struct output_opts output = {.top = 20};

static void begin(void)
{
	cr_assert(ne(ptr, mkdtemp(top), NULL));
	root_fd = open(top, O_RDONLY | O_DIRECTORY);
	buf_init(&notes, 1 << 20);
	buf_init(&why, 4096);
	opts = (struct tree_opts){.minimum_samples = 2, .graph_maximum = 35, .output = &output};
}

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int shell(const char *format, ...)
{
	char command[2048];
	va_list args;
	size_t n = snprintf(command, sizeof(command), "cd %s && ", top);

	va_start(args, format);
	vsnprintf(command + n, sizeof(command) - n, format, args);
	va_end(args);
	return system(command);
}

static void end(void)
{
	close(root_fd);
	buf_done(&notes);
	buf_done(&why);
	shell("rm -rf %s", top);
}

/* ---- what reaches the disk ------------------------------------------------------------------ */

static unsigned nr_syncs;
static int sync_error;
static bool synced_before_commit;

/* In place of libc's: on a busy disk that one waits for what others write. */
int syncfs(int fd)
{
	char link[64], name[256] = "";

	nr_syncs++;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	synced_before_commit = readlink(link, name, sizeof(name) - 1) > 0 && strstr(name, ".tmp") &&
			       faccessat(fd, "benchmarks/busted/all/README.md", F_OK, 0) == 0;
	errno = sync_error;
	return sync_error ? -1 : 0;
}

TestSuite(tree, .init = begin, .fini = end, .timeout = 60);

static void take_note(void *arg, const char *sentence)
{
	(void)arg;
	cr_assert(eq(int, buf_addf(&notes, "%s\n", sentence), 0));
}

/* The ordinary suite, passed and whole, @days later. */
static struct profile passed(unsigned days)
{
	struct profile p = *profile_ordinary();
	static const char *command[] = {"busted"};

	p.command = command;
	p.nr_command = 1;
	p.exit_status = 0;
	p.complete = true;
	p.suite.ended = true;
	p.suite.failures = p.suite.errors = p.suite.errors_outside_tests = 0;
	p.started_at_ns += days * NS_PER_DAY;
	return p;
}

static int (*render)(void *arg, const char *graph, size_t len, struct buf *ret);
static bool is_scratch;

static int write_it(const struct profile *p, const char *tag)
{
	struct release release = {.nr_parts = 0};
	struct tree_request request = {.root_fd = root_fd,
				       .cwd_fd = root_fd,
				       .is_scratch = is_scratch,
				       .profile = p,
				       .release = &release,
				       .opts = &opts,
				       .render = render,
				       .note = take_note};

	if (tag)
		cr_assert(eq(int, release_parse(tag, &release), 0));
	buf_reset(&notes);
	buf_reset(&why);
	return tree_write(&request, &why);
}

static void add(unsigned days, const char *tag)
{
	struct profile p = passed(days);

	cr_assert(eq(int, write_it(&p, tag), 0), "%s", why.data ? why.data : "");
}

static bool exists(const char *path)
{
	return faccessat(root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool noted(const char *text)
{
	return notes.data && strstr(notes.data, text);
}

#define ALL "benchmarks/busted/all/"

/* Which release is at the top. */
static bool top_is(const char *tag)
{
	return shell("grep -q '\"release\": \"%s\"' " ALL "profile.json", tag) == 0;
}

/* ---- what is written ----------------------------------------------------------------------- */

/* mega.busted's first run ever failed: it had no graphs to put into its page. */
Test(tree, the_first_release_has_every_file_but_pictures)
{
	static const char *const files[] = {ALL "README.md",
					    ALL "flamegraph.json",
					    ALL "profile.json",
					    ALL "files.json",
					    ALL "timing.json",
					    ALL "timing.md",
					    ALL "timing.txt",
					    ALL "slowest.dot",
					    "benchmarks/busted/by_release/README.md",
					    "benchmarks/busted/by_file/README.md"};
	static const char *const artifacts[] = {"README.md", "summary.json", "profile.json",
						"timing.json", "flamegraph.json"};
	char path[512];

	add(0, "v1.0.0");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		cr_expect(exists(files[i]), "%s", files[i]);
	for (size_t i = 0; i < ARRAY_SIZE(artifacts); i++)
		cr_expect(eq(int, shell("test -s " ALL "artifacts/v1.0.0-*/%s", artifacts[i]), 0));
	cr_expect(eq(int,
		     shell("grep -qF '\"schema\": \"bprof-perf/files/1\"' " ALL "files.json && "
			   "grep -qF '\"release\": \"v1.0.0\"' " ALL "files.json && "
			   "grep -qF '\"file\": \"%s\"' " ALL "files.json",
			   profile_ordinary()->files[0].file),
		     0));
	cr_expect(not(exists(ALL "timing.png")));
	cr_expect(eq(int, shell("grep -q 'Not enough data yet' " ALL "README.md"), 0));
	cr_expect(eq(int, shell("test -z \"$(find . -name '.bprof-*')\""), 0), "no stage is left");
	snprintf(path, sizeof(path), "benchmarks/busted/by_release/%s-*",
		 profile_ordinary()->tests[0].id);
	cr_expect(eq(int,
		     shell("test -d %s -a -s %s/profile.json -a -s %s/flamegraph.json", path, path,
			   path),
		     0));
}

Test(tree, the_second_release_has_pictures)
{
	add(0, "v1.0.0");
	add(1, "v1.1.0");
	if (history_chart_unavailable()) {
		cr_expect(noted("no pictures"));
		cr_skip_test("%s", history_chart_unavailable());
	}
	cr_expect(eq(int, shell("head -c 8 " ALL "timing.png | grep -q PNG"), 0));
	cr_expect(eq(int, shell("grep -q '<svg' " ALL "timing.svg"), 0));
	cr_expect(eq(int, shell("grep -q 'v1.1.0 against v1.0.0' " ALL "README.md"), 0));
	cr_expect(top_is("v1.1.0"));
}

Test(tree, a_second_run_of_a_day_has_its_time_in_the_name)
{
	struct profile p = passed(0);

	add(0, "v1.0.0");
	p.started_at_ns += UINT64_C(5000000000);
	cr_assert(eq(int, write_it(&p, "v1.0.0"), 0));
	cr_expect(eq(int, shell("test $(ls " ALL "artifacts | wc -l) = 2"), 0));
	cr_expect(eq(int, shell("ls " ALL "artifacts | grep -q 'v1.0.0-...._.._..-.._.._..'"), 0));
	cr_expect(eq(int, write_it(&p, "v1.0.0"), -EEXIST), "the very same run");
	cr_expect(ne(ptr, strstr(why.data, "is there already"), NULL));
}

Test(tree, mega_s_layout_has_no_level_for_busted)
{
	opts.layout = LAYOUT_MEGA;
	add(0, "v1.0.0");
	cr_expect(exists("benchmarks/all/README.md"));
	cr_expect(not(exists("benchmarks/busted")));
}

Test(tree, a_program_without_a_suite_is_standalone)
{
	struct profile p = *profile_program();

	p.exit_status = 0;
	p.complete = true;
	cr_assert(eq(int, write_it(&p, NULL), 0), "%s", why.data ? why.data : "");
	cr_expect(exists("benchmarks/standalone/README.md"));
	cr_expect(exists("benchmarks/standalone/flamegraph.json"));
	cr_expect(not(exists("benchmarks/busted")));
}

Test(tree, every_profile_there_is_can_be_a_release)
{
	for (const struct profile_case *c = profile_cases; c->name; c++) {
		struct profile p = *c->make();

		p.exit_status = 0;
		p.complete = p.suite.ended = true;
		p.suite.failures = p.suite.errors = p.suite.errors_outside_tests = 0;
		cr_assert(eq(int, write_it(&p, "v1.0.0"), 0), "%s: %s", c->name,
			  why.data ? why.data : "");
		cr_expect(eq(int,
			     shell("test -z \"$(find . -name '*[!A-Za-z0-9._-]*' ! -name .)\""), 0),
			  "%s: names are safe", c->name);
		shell("rm -rf benchmarks");
	}
}

/* ---- what is at the top -------------------------------------------------------------------- */

Test(tree, only_the_newest_stable_release_is_at_the_top)
{
	add(0, "v1.9.0");
	add(1, "v1.10.0");
	cr_expect(top_is("v1.10.0"), "ten is more than nine");
	add(2, "v1.9.1");
	cr_expect(top_is("v1.10.0"));
	cr_expect(noted("a newer release is there"));
	cr_expect(eq(int, shell("grep -q 'Most recent timing: v1.10.0' " ALL "README.md"), 0));
	cr_expect(eq(int, shell("grep -q 'v1.9.1' " ALL "README.md"), 0), "in the table");
	add(3, "v2.0.0-rc.1");
	cr_expect(top_is("v1.10.0"));
	cr_expect(noted("it is a prerelease"));
	add(4, "v1.10.0.1");
	cr_expect(top_is("v1.10.0.1"), "four parts are stable");
}

Test(tree, a_failed_run_is_in_the_history_and_never_at_the_top)
{
	struct profile p = passed(1);

	add(0, "v1.0.0");
	p.exit_status = 1;
	p.suite.failures = 1;
	cr_assert(eq(int, write_it(&p, "v1.1.0"), 0));
	cr_expect(top_is("v1.0.0"));
	cr_expect(noted("shows another release: its run failed (failures: 1, errors: 0)"), "%s",
		  notes.data);
	cr_expect(
		eq(int,
		   shell("grep -q '\"status\": \"failed\"' " ALL "artifacts/v1.1.0-*/summary.json"),
		   0));
	add(2, "v1.0.1");
	cr_expect(top_is("v1.0.1"), "the failed one does not hold the place");
}

/* As a first release with a test that fails: nothing is at the top, and no link leads nowhere. */
Test(tree, where_nothing_has_passed_yet_that_is_said)
{
	struct profile p = passed(0);

	p.exit_status = 1;
	cr_assert(eq(int, write_it(&p, "v1.0.0"), 0));
	cr_expect(noted("shows no release yet: its run failed (exit status 1)"), "%s", notes.data);
	cr_expect(eq(int, shell("grep -q 'no stable release has passed' " ALL "README.md"), 0));
	cr_expect(eq(int, shell("! grep -q '(../by_' " ALL "README.md"), 0));
	cr_expect(eq(int, shell("grep -qF '(../tags/)' " ALL "README.md"), 0),
		  "they have failures");
	cr_expect(exists("benchmarks/busted/tags"));
	add(1, "v1.0.1");
	cr_expect(eq(int, shell("grep -qF '(../by_release/)' " ALL "README.md"), 0));
	cr_expect(eq(int, shell("grep -qF '(../by_file/)' " ALL "README.md"), 0));
}

Test(tree, a_suite_without_tags_has_no_link_to_them)
{
	struct profile p = passed(0);
	struct test *tests = calloc(p.nr_tests, sizeof(*tests));

	memcpy(tests, p.tests, p.nr_tests * sizeof(*tests));
	for (size_t i = 0; i < p.nr_tests; i++)
		tests[i].nr_tags = 0;
	p.tests = tests;
	cr_assert(eq(int, write_it(&p, "v1.0.0"), 0));
	cr_expect(eq(int, shell("! grep -qF '(../tags/)' " ALL "README.md"), 0));
	cr_expect(not(exists("benchmarks/busted/tags")));
	free(tests);
}

/* ---- foreign files ------------------------------------------------------------------------- */

Test(tree, what_is_hostile_in_the_history_is_skipped_with_a_note)
{
	add(0, "v1.0.0");
	shell("cd " ALL "artifacts && mkdir v0.1.0-2020_01_01 v0.2.0-2020_01_01 v0.3.0-2020_01_01 "
	      "v0.4.0-2020_01_01 v0.5.0-2020_01_01 junk && "
	      "echo '{' >v0.1.0-2020_01_01/summary.json && "
	      "ln -s /etc/passwd v0.2.0-2020_01_01/summary.json && "
	      "mkfifo v0.3.0-2020_01_01/summary.json && "
	      "truncate -s 2M v0.4.0-2020_01_01/summary.json && ln -s /etc v0.6.0-2020_01_01 && "
	      "echo '{\"schema\":\"other/1\"}' >v0.5.0-2020_01_01/summary.json");
	add(1, "v1.1.0");
	cr_expect(noted("v0.1.0-2020_01_01' is left out of the history: it is no JSON"));
	cr_expect(noted("v0.2.0-2020_01_01' is left out of the history: a symbolic link"));
	cr_expect(noted("v0.3.0-2020_01_01' is left out of the history: its summary.json is no "
			"regular"));
	cr_expect(noted("v0.4.0-2020_01_01' is left out of the history: its file is larger"));
	cr_expect(noted("v0.5.0-2020_01_01' is left out of the history: it is JSON, but no"));
	cr_expect(noted("v0.6.0-2020_01_01' is left out of the history: a symbolic link"));
	cr_expect(noted("junk' is left out of the history: its name"));
	cr_expect(top_is("v1.1.0"));
}

Test(tree, artifacts_of_mega_busted_are_read)
{
	shell("mkdir -p " ALL "artifacts/v0.9.0-2024_05_06-07_08_09 && "
	      "echo '{\"versions\":{\"lua\":\"LuaJIT 2.1\"},\"statistics\":{\"mean\":1.5,\"total\":9}}' >" ALL
	      "artifacts/v0.9.0-2024_05_06-07_08_09/profile.json");
	add(0, "v1.0.0");
	cr_expect(eq(int, shell("grep -q 'v0.9.0 .*| 9.00 |' " ALL "README.md"), 0));
}

Test(tree, links_in_the_tree_are_not_followed)
{
	shell("mkdir -p outside benchmarks && ln -s ../outside benchmarks/busted");
	struct profile p = passed(0);

	cr_expect(eq(int, write_it(&p, "v1.0.0"), -ELOOP));
	cr_expect(eq(int, shell("test -z \"$(ls -A outside)\""), 0));
	cr_expect(eq(int, shell("test -z \"$(find . -name '.bprof-*')\""), 0), "no stage is left");
}

Test(tree, a_link_in_place_of_a_file_is_replaced)
{
	shell("mkdir -p " ALL " && echo precious >precious && ln -s ../../../precious " ALL
	      "README.md");
	add(0, "v1.0.0");
	cr_expect(eq(int, shell("test \"$(cat precious)\" = precious"), 0));
	cr_expect(eq(int, shell("test ! -L " ALL "README.md"), 0));
}

/* As a full disk half-way. */
Test(tree, a_write_that_fails_leaves_the_tree_as_it_was)
{
	struct rlimit limit, small;
	struct profile p = passed(1);
	int r;

	add(0, "v1.0.0");
	shell("find . -type f | sort | xargs sha256sum >/tmp/$(basename %s).before", top);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = 2500; /* README.md and summary.json fit, profile.json does not */
	setrlimit(RLIMIT_FSIZE, &small);
	r = write_it(&p, "v1.1.0");
	setrlimit(RLIMIT_FSIZE, &limit);
	cr_expect(eq(int, r, -EFBIG));
	cr_expect(ne(ptr, strstr(why.data, "cannot write"), NULL));
	cr_expect(eq(
		int,
		shell("find . -type f | sort | xargs sha256sum | cmp - /tmp/$(basename %s).before",
		      top),
		0));
	cr_expect(eq(int, shell("test -z \"$(find . -name '.bprof-*')\""), 0));
	shell("rm -f /tmp/$(basename %s).before", top);
}

/* ---- the picture of the graph --------------------------------------------------------------- */

static int draw(void *arg, const char *graph, size_t len, struct buf *ret)
{
	(void)arg;
	cr_expect(ne(ptr, strstr(graph, "digraph"), NULL));
	return buf_addf(ret, "<svg>%zu</svg>", len);
}

static int fail_to_draw(void *arg, const char *graph, size_t len, struct buf *ret)
{
	(void)arg;
	(void)graph;
	(void)len;
	cr_expect(eq(int, buf_addstr(ret, "half of it"), 0));
	return -ETIMEDOUT;
}

Test(tree, a_graph_has_a_picture_where_one_can_be_made)
{
	render = draw;
	add(0, "v1.0.0");
	cr_expect(eq(int, shell("grep -q '<svg>[1-9]' " ALL "slowest.svg"), 0));
	cr_expect(eq(int, shell("grep -q '(slowest.svg)' " ALL "README.md"), 0));
	cr_expect(eq(int, shell("test $(find benchmarks -name slowest.svg | wc -l) = 1"), 0));
	add(1, "v0.9.0"); /* the page stays with v1.0.0, and so does its picture */
	cr_expect(eq(int, shell("grep -q '(slowest.svg)' " ALL "README.md"), 0));
	render = fail_to_draw;
	add(2, "v1.1.0");
	cr_expect(not(exists(ALL "slowest.svg")));
	cr_expect(noted("slowest.svg': it was of the release before"));
	cr_expect(ne(int, shell("grep -q '(slowest.svg)' " ALL "README.md"), 0));
	cr_expect(exists(ALL "slowest.dot"));
}

/* ---- runs that were killed ----------------------------------------------------------------- */

static bool nothing_is_left(void)
{
	return shell("test -z \"$(find . -name '.bprof-*')\"") == 0;
}

#define NR_KILLS 20

/* Which release each file at the top is of: they are one. */
static bool top_agrees(void)
{
	return shell("test $(grep -ho '\"release\": \"[^\"]*\"' " ALL "profile.json " ALL
		     "artifacts/$(ls " ALL
		     "artifacts | sort -V | tail -1)/summary.json | sort -u | "
		     "wc -l) = 1") == 0;
}

/* Kills a run that adds @tag after a while. */
static void add_and_kill(unsigned days, const char *tag, unsigned after_us)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct profile p = passed(days);

		_exit(write_it(&p, tag) < 0);
	}
	usleep(after_us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(tree, a_run_that_is_killed_at_any_time_is_completed_or_undone_by_the_next)
{
	unsigned whole_us = 0, nr_completed = 0, nr_deleted = 0;
	char tag[32];

	add(0, "v1.0.0");
	for (unsigned i = 1; i <= NR_KILLS; i++) {
		uint64_t start;

		snprintf(tag, sizeof(tag), "v1.%u.0", 2 * i);
		add_and_kill(2 * i, tag, whole_us / NR_KILLS * i);
		snprintf(tag, sizeof(tag), "v1.%u.1", 2 * i);
		start = monotonic_ns();
		add(2 * i + 1, tag);
		whole_us = (unsigned)((monotonic_ns() - start) / 1000);
		nr_completed += noted("completed what was begun");
		nr_deleted += noted("deleted what was left");
		cr_assert(nothing_is_left(), "round %u", i);
		cr_assert(top_agrees(), "round %u", i);
		cr_assert(eq(int,
			     shell("for d in " ALL "artifacts/*; do test $(ls $d | wc -l) = 5 || "
				   "exit 1; done"),
			     0),
			  "round %u", i);
	}
	cr_expect(gt(uint, nr_deleted, 0));
	cr_log_info("%u completed, %u deleted", nr_completed, nr_deleted);
}

/* As a kill between two moves leaves it. */
static void leave_a_commit(void)
{
	shell("mkdir -p .bprof-1.0.commit/" ALL "artifacts/v0.1.0-2020_01_01 && "
	      "chmod 700 .bprof-1.0.commit && echo new >.bprof-1.0.commit/" ALL
	      "artifacts/v0.1.0-2020_01_01/timing.json && echo '{\"schema\": "
	      "\"bprof-perf/summary/1\"}' >.bprof-1.0.commit/" ALL
	      "artifacts/v0.1.0-2020_01_01/summary.json");
}

Test(tree, a_commit_that_was_not_finished_is_completed)
{
	leave_a_commit();
	shell("mkdir -p .bprof-7.3.tmp/" ALL " && echo half >.bprof-7.3.tmp/" ALL "README.md");
	add(0, "v1.0.0");
	cr_expect(noted("completed what was begun by a run that was killed ('.bprof-1.0.commit')"),
		  "%s", notes.data);
	cr_expect(noted("deleted what was left by a run that was killed ('.bprof-7.3.tmp')"), "%s",
		  notes.data);
	cr_expect(eq(int, shell("grep -q new " ALL "artifacts/v0.1.0-2020_01_01/timing.json"), 0));
	cr_expect(eq(int, shell("grep -q v0.1.0 " ALL "README.md"), 0), "it is in the history");
	cr_expect(nothing_is_left());
}

Test(tree, a_commit_has_its_name_only_when_its_files_are_on_the_disk)
{
	add(0, "v1.0.0");
	cr_expect(eq(uint, nr_syncs, 1));
	cr_expect(synced_before_commit);
	cr_expect(exists(ALL "README.md"));
}

Test(tree, a_disk_that_cannot_keep_the_files_leaves_the_tree_as_it_was)
{
	struct profile p = passed(1);

	add(0, "v1.0.0");
	sync_error = EIO;
	cr_expect(eq(int, write_it(&p, "v1.1.0"), -EIO));
	cr_expect(ne(ptr, strstr(why.data, "Input/output error"), NULL), "%s", why.data);
	cr_expect(top_is("v1.0.0"));
	cr_expect(nothing_is_left());
}

Test(tree, a_tree_that_is_thrown_away_waits_for_no_disk)
{
	is_scratch = true;
	add(0, "v1.0.0");
	cr_expect(eq(uint, nr_syncs, 0));
}

Test(tree, folders_that_were_made_for_files_that_never_came_are_taken_back)
{
	shell("mkdir -p .bprof-1.0.tmp/" ALL "artifacts/v0.1.0-2020_01_01 " ALL
	      "artifacts/v0.1.0-2020_01_01 && chmod 700 .bprof-1.0.tmp");
	add(0, "v1.0.0");
	cr_expect(not(exists(ALL "artifacts/v0.1.0-2020_01_01")));
	cr_expect(nothing_is_left());
}

Test(tree, what_only_looks_like_a_stage_stays)
{
	shell("mkdir -p .bprof-1.0.tmp/" ALL " .bprof-2.0.commit/src .bprof-3.0.commit/benchmarks "
	      ".bprof-4.0.tmp .bprof-x.0.tmp .bprof-5.0.tmp.old elsewhere && "
	      "echo mine >.bprof-1.0.tmp/" ALL
	      "notes.txt && echo x >.bprof-2.0.commit/src/README.md "
	      "&& ln -s ../../elsewhere .bprof-3.0.commit/benchmarks/busted && "
	      "echo x >.bprof-4.0.tmp/README.md && ln -s elsewhere .bprof-6.0.tmp && "
	      "echo x >elsewhere/README.md && find . | sort >/tmp/$(basename %s).before",
	      top);
	add(0, "v1.0.0");
	cr_expect(eq(int,
		     shell("find . | grep -v '^./benchmarks' | sort | cmp - "
			   "/tmp/$(basename %s).before",
			   top),
		     0));
	cr_expect(noted("'.bprof-1.0.tmp', which a run that was killed has left, stays: it holds "
			"'notes.txt'"),
		  "%s", notes.data);
	cr_expect(noted("'.bprof-2.0.commit', which a run that was killed has left, stays"));
	cr_expect(noted("'.bprof-3.0.commit', which a run that was killed has left, stays"));
	shell("rm -f /tmp/$(basename %s).before", top);
}

Test(tree, what_a_living_run_has_is_left_alone)
{
	int fd;

	leave_a_commit();
	fd = openat(root_fd, ".bprof-1.0.commit", O_RDONLY | O_DIRECTORY);
	cr_assert(eq(int, flock(fd, LOCK_EX | LOCK_NB), 0));
	add(0, "v1.0.0");
	cr_expect(not(exists(ALL "artifacts/v0.1.0-2020_01_01")));
	close(fd);
	add(1, "v1.1.0");
	cr_expect(exists(ALL "artifacts/v0.1.0-2020_01_01"));
	cr_expect(nothing_is_left());
}

/* ---- deletion ------------------------------------------------------------------------------ */

#define BY_TEST "benchmarks/busted/by_release"

/* A run of the same files without test @index. */
static struct profile without(unsigned days, size_t index)
{
	static struct test tests[64];
	struct profile p = passed(days);
	size_t nr = 0;

	for (size_t i = 0; i < p.nr_tests; i++)
		if (strcmp(p.tests[i].id, p.tests[index].id) != 0)
			tests[nr++] = p.tests[i];
	p.tests = tests;
	p.nr_tests = nr;
	p.nr_stacks = p.nr_nodes = 0; /* they number the tests of the whole */
	p.each_sample = NULL;
	return p;
}

static bool has_folder(const char *id)
{
	return shell("test -d " BY_TEST "/%s-*", id) == 0;
}

Test(tree, the_folder_of_a_test_that_is_gone_is_deleted)
{
	const char *id = profile_ordinary()->tests[0].id;
	struct profile p = without(1, 0);

	add(0, "v1.0.0");
	cr_assert(has_folder(id));
	cr_assert(eq(int, write_it(&p, "v1.1.0"), 0), "%s", why.data ? why.data : "");
	cr_expect(not(has_folder(id)));
	cr_expect(noted("the test is gone"));
}

Test(tree, nothing_is_deleted_where_the_run_was_not_whole)
{
	static const char *const filters[] = {"--tags=fast", "-t", "--filter", "--exclude-tags",
					      "-tfast"};
	const char *id = profile_ordinary()->tests[0].id;
	struct profile p = without(1, 0);
	const char *command[] = {"busted", NULL};

	add(0, "v1.0.0");
	p.command = command;
	p.nr_command = 2;
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		command[1] = filters[i];
		p.started_at_ns += UINT64_C(1000000000);
		cr_assert(eq(int, write_it(&p, "v1.1.0"), 0), "%s", why.data ? why.data : "");
		cr_expect(has_folder(id), "%s", filters[i]);
	}
	p.nr_command = 1;
	p.suite.ended = false;
	p.started_at_ns += UINT64_C(1000000000);
	cr_assert(eq(int, write_it(&p, "v1.1.0"), 0));
	cr_expect(has_folder(id), "the suite did not end");
	p.suite.ended = true;
	opts.keep_deprecated = true;
	p.started_at_ns += UINT64_C(1000000000);
	cr_assert(eq(int, write_it(&p, "v1.1.0"), 0));
	cr_expect(has_folder(id), "--keep-deprecated");
}

Test(tree, a_folder_that_is_not_ours_to_the_last_file_stays)
{
	static const char *const spoil[] = {"echo x >notes.txt",
					    "ln -s /etc/passwd passwd",
					    "mkdir sub",
					    "sed -i 's/bprof-perf.profile/other/' profile.json",
					    "rm profile.json",
					    "sed -i 's/\"test [0-9a-f]/\"test z/' profile.json",
					    "rm profile.json && ln -s /etc/passwd profile.json"};
	const char *id = profile_ordinary()->tests[0].id;

	for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
		struct profile p = without(1, 0);

		add(0, "v1.0.0");
		cr_assert(eq(int, shell("cd " BY_TEST "/%s-* && %s", id, spoil[i]), 0));
		cr_assert(eq(int, write_it(&p, "v1.1.0"), 0));
		cr_expect(has_folder(id), "%s", spoil[i]);
		shell("rm -rf benchmarks");
	}
}

Test(tree, tests_of_files_that_did_not_run_and_are_there_stay)
{
	const struct profile *whole = profile_ordinary();
	const char *file = whole->tests[0].file;
	struct file_total files[16];
	struct profile p = without(1, 0);

	add(0, "v1.0.0");
	p.files = files;
	p.nr_files = 0;
	for (size_t i = 0; i < whole->nr_files; i++)
		if (strcmp(whole->files[i].file, file) != 0)
			files[p.nr_files++] = whole->files[i];
	cr_assert(eq(int, shell("mkdir -p $(dirname %s) && touch %s", file, file), 0));
	cr_assert(eq(int, write_it(&p, "v1.1.0"), 0));
	cr_expect(has_folder(whole->tests[0].id), "its file is there");
	shell("rm %s", file);
	p.started_at_ns += UINT64_C(1000000000);
	cr_assert(eq(int, write_it(&p, "v1.1.0"), 0));
	cr_expect(not(has_folder(whole->tests[0].id)), "its file is gone");
}

Test(tree, folders_of_tags_come_and_go)
{
	struct profile p = passed(0);
	static struct test tests[64];
	static const char *odd[] = {"a/b", "Fast", "fast"};

	memcpy(tests, p.tests, p.nr_tests * sizeof(*tests));
	tests[0].tags = odd;
	tests[0].nr_tags = 3;
	p.tests = tests;
	cr_assert(eq(int, write_it(&p, "v1.0.0"), 0), "%s", why.data ? why.data : "");
	cr_expect(eq(int, shell("test -d benchmarks/busted/tags/a_b-????????"), 0));
	cr_expect(eq(int,
		     shell("test -d benchmarks/busted/tags/fast-???????? -a -d "
			   "benchmarks/busted/tags/Fast-????????"),
		     0));
	shell("mkdir -p benchmarks/busted/tags/mine/artifacts && touch benchmarks/busted/tags/mine/x");
	tests[0].nr_tags = 0;
	p.started_at_ns += NS_PER_DAY;
	cr_assert(eq(int, write_it(&p, "v1.1.0"), 0));
	cr_expect(eq(int, shell("test ! -e benchmarks/busted/tags/a_b-????????"), 0));
	cr_expect(exists("benchmarks/busted/tags/mine/x"), "not ours");
	cr_expect(noted("no test has this tag any more"));
}

Test(tree, only_allowed_tags_have_folders)
{
	static const char *patterns[] = {"^slow$", NULL};
	struct profile p = passed(0);
	static struct test tests[64];
	static const char *tags[] = {"slow", "slower"};

	memcpy(tests, p.tests, p.nr_tests * sizeof(*tests));
	tests[0].tags = tags;
	tests[0].nr_tags = 2;
	p.tests = tests;
	opts.allowed_tags = patterns;
	cr_assert(eq(int, write_it(&p, "v1.0.0"), 0), "%s", why.data ? why.data : "");
	cr_expect(exists("benchmarks/busted/tags/slow"));
	cr_expect(not(exists("benchmarks/busted/tags/slower")));
}

Test(tree, old_releases_go_where_that_was_asked_for)
{
	opts.max_artifacts = 2;
	add(0, "v1.0.0");
	add(1, "v1.1.0");
	add(2, "v1.2.0");
	cr_expect(eq(int,
		     shell("test \"$(ls " ALL "artifacts | cut -d- -f1 | xargs)\" = "
			   "'v1.1.0 v1.2.0'"),
		     0));
	shell("cd " ALL "artifacts/v1.1.0-* && touch mine");
	add(3, "v1.3.0");
	cr_expect(eq(int, shell("test -e " ALL "artifacts/v1.1.0-*/mine"), 0));
	cr_expect(noted("stays"));
}
