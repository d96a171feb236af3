/* SPDX-License-Identifier: MIT */
/*
 * record_image INTERPRETER PROGRAM.lua OUT [on]: stops INTERPRETER in a program of this directory
 * and writes OUT.image, its memory, and OUT.stack, what the program said of its stack. With "on"
 * LuaJIT compiles.
 *
 * Refuses to write an image on which the walk is not that stack.
 *
 * Of stepping.lua and tracing.lua it writes OUT.start, its memory, and OUT.steps, what each of the
 * machine instructions that follow has changed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "lua_target.h"
#include "symbol.h"
#include "vm_image.h"
#include "vm_steps.h"

#define PAGE	    4096ULL
#define MAX_PAGES   4096
#define RUN_TIME_US 200000
#define COMPILE_US  3000000 /* until an emulated processor has compiled what it runs */
#define NR_STEPS    6000

/* A reader that notes the pages it was asked for. */
struct noting {
	const struct mem_reader *from;
	uaddr_t page[MAX_PAGES];
	size_t nr;
};

static void fail(const char *what, int error)
{
	fprintf(stderr, "record_image: %s: %s\n", what, strerror(-error));
	exit(1);
}

static int note_read(void *ctx, void *dst, size_t len, uaddr_t src)
{
	struct noting *n = ctx;
	int r = mem_read(n->from, dst, len, src);

	for (uaddr_t at = src & ~(PAGE - 1); r == 0 && at < src + len; at += PAGE) {
		size_t i = 0;

		while (i < n->nr && n->page[i] != at)
			i++;
		if (i < n->nr)
			continue;
		if (n->nr == MAX_PAGES)
			fail("too many pages", -E2BIG);
		n->page[n->nr++] = at;
	}
	return r;
}

/* ---- the target ---------------------------------------------------------------------------- */

static char *read_text(const char *path)
{
	static char text[16384];
	FILE *file = fopen(path, "re");

	if (!file)
		fail(path, -errno);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return text;
}

/* The program, stopped: in io.read(), or where it is some time later. */
static void start(struct lua_target *t, const char *interpreter, const char *program,
		  const char *told, bool compile, bool goes_on)
{
	char code[20000];
	int status, r;

	snprintf(code, sizeof(code),
		 "OUT = io.open('%s', 'w') if jit and %d == 0 then jit.off() end %s", told, compile,
		 read_text(program));
	r = lua_target_start_script(t, interpreter, code);
	if (r < 0)
		fail(interpreter, r);
	if (ptrace(PTRACE_SEIZE, t->pid, 0, PTRACE_O_EXITKILL) < 0)
		fail("cannot trace", -errno);
	kill(t->pid, SIGCONT);
	waitpid(t->pid, &status, __WALL);
	if (!goes_on)
		return;
	ptrace(PTRACE_CONT, t->pid, 0, 0);
	if (write(t->to_child, "x", 1) != 1)
		fail("cannot continue", -errno);
	for (unsigned us = 0; us < (compile ? COMPILE_US : RUN_TIME_US); us += 1000) {
		usleep(1000);
		if (waitpid(t->pid, &status, __WALL | WNOHANG) == t->pid)
			ptrace(PTRACE_CONT, t->pid, 0, 0); /* the signal that continued it */
	}
	ptrace(PTRACE_INTERRUPT, t->pid, 0, 0);
	while (waitpid(t->pid, &status, __WALL) == t->pid && WIFSTOPPED(status) &&
	       status >> 16 != PTRACE_EVENT_STOP)
		ptrace(PTRACE_CONT, t->pid, 0, WSTOPSIG(status));
	proc_maps_done(&t->maps);
	r = proc_read_maps(t->pid, &t->maps);
	if (r < 0)
		fail("cannot read mappings", r);
}

/* ---- the image ----------------------------------------------------------------------------- */

static struct vm_image image;
static struct lua_target target;
static struct host_walk_input in = {.vms = {.nr = 1}, .pid = 1};

static int note_code_range(void *ctx, uaddr_t pc, uaddr_t *ret_start, uaddr_t *ret_end)
{
	int r = target.env.code_range(target.env.ctx, pc, ret_start, ret_end);

	(void)ctx;
	if (r == 0 && image.head.nr_functions < VM_IMAGE_MAX_FUNCTIONS)
		image.head.function[image.head.nr_functions++] =
			(struct vm_image_range){*ret_start, *ret_end};
	return r;
}

static bool pass_is_code(void *ctx, uaddr_t address)
{
	(void)ctx;
	return target.env.is_code(target.env.ctx, address);
}

static void note_mappings(void)
{
	for (size_t i = 0; i < target.maps.nr; i++) {
		const struct proc_map *m = &target.maps.map[i];

		if (proc_map_is_code(m) && image.head.nr_code < VM_IMAGE_MAX_CODE)
			image.head.code[image.head.nr_code++] =
				(struct vm_image_range){m->start, m->end};
		if (strcmp(m->path, "[heap]") == 0) {
			image.head.heap_start = m->start;
			image.head.heap_end = m->end;
		}
	}
}

static int compare_addresses(const void *a, const void *b)
{
	uaddr_t x = *(const uaddr_t *)a, y = *(const uaddr_t *)b;

	return (x > y) - (x < y);
}

static void copy_pages(struct noting *n)
{
	qsort(n->page, n->nr, sizeof(n->page[0]), compare_addresses);
	for (size_t i = 0, end; i < n->nr; i = end) {
		for (end = i + 1; end < n->nr && n->page[end] == n->page[end - 1] + PAGE; end++)
			;
		if (!fake_mem_copy(&image.mem, n->from, n->page[i], (end - i) * PAGE))
			fail("cannot copy memory", -EFAULT);
	}
}

/* Names are part of what a test may ask an image for. */
static void read_names(const struct mem_reader *mem, const struct discovery *found,
		       const struct host_walk_result *walk)
{
	struct buf buf;

	buf_init(&buf, 1U << 22);
	(void)!capture_cfunctions(mem, &found->layout, &found->vm, 1, &buf);
	for (size_t i = 0; i < walk->nr_fresh; i++) {
		buf_reset(&buf);
		(void)!capture_proto(mem, &found->layout, 1, found->vm.global,
				     walk->fresh[i].object, walk->fresh[i].fingerprint, &buf);
	}
	buf_done(&buf);
}

static void look(const struct mem_reader *mem, struct host_walk_result *walk)
{
	struct discover_env env = {.code_range = note_code_range, .is_code = pass_is_code};
	struct discovery found;
	int r = discover_vm(mem, &env, image.head.state, NULL, &found);

	if (r < 0)
		fail("no VM is proved", r);
	r = discover_confirm(mem, &env, &found);
	if (r < 0 && r != -EAGAIN) /* the second proof needs a stack that is at rest */
		fail("the layout is not confirmed", r);
	memcpy(in.reg, image.head.reg, sizeof(in.reg));
	in.vms.vm[0] = found.vm;
	in.layout[0] = found.layout;
	in.heap_start = image.head.heap_start;
	in.heap_end = image.head.heap_end;
	r = host_walk(mem, &in, walk);
	if (r < 0)
		fail("cannot walk", r);
	read_names(mem, &found, walk);
	fprintf(stderr, "%s, %u frames, status %u\n", found.version, walk->sample.nr_frames,
		walk->sample.status);
}

/* ---- what the file of the interpreter says ------------------------------------------------- */

static struct vm_steps_code code;

/* As src/live/ numbers the registers that a machine numbers otherwise. */
static unsigned register_of(unsigned number)
{
#ifdef BPROF_ARCH_ARM64
	return BPROF_REG_X0 + number;
#else
	if (number < 8)
		fail("the pc is not in one of r8 to r15", -ENOTSUP);
	return BPROF_REG_R8 + number - 8;
#endif
}

static void note_register(struct elf_image *elf, const struct elf_range *execute,
			  const struct puc_layout *puc)
{
	unsigned number;

	if (elf_lua_pc_register(elf, execute,
				puc->ci_is_array ? puc->state_savedpc : puc->ci_savedpc,
				&number) < 0)
		return;
	code.pc_reg = register_of(number);
	code.pc_reg_is_proved = 1;
}

static void note_fetch(struct elf_image *elf, const struct elf_range *execute,
		       const struct puc_layout *puc)
{
	struct elf_lua_fetch fetch;

	if (elf_lua_fetch(elf, execute, puc->ci_savedpc, &fetch) < 0)
		return;
	if (fetch.nr)
		fail("windows between branch and fetch are not recorded", -ENOTSUP);
	code.fetch_is_proved = 1;
}

static void note_functions(struct elf_image *elf, uint64_t bias, const struct puc_layout *puc)
{
	struct elf_lua_code functions;

	if (elf_lua_code(elf, &functions) < 0)
		return;
	code.execute = (struct vm_image_range){bias + functions.execute.start,
					       bias + functions.execute.end};
	for (size_t i = 0; i < functions.nr_gc; i++) {
		uint64_t from = bias + functions.gc[i].start, end = bias + functions.gc[i].end;

		code.gc.start = !i || from < code.gc.start ? from : code.gc.start;
		code.gc.end = end > code.gc.end ? end : code.gc.end;
	}
	if (puc->savedpc_is_live)
		note_fetch(elf, &functions.execute, puc);
	else
		note_register(elf, &functions.execute, puc);
}

/* The interpreter is not a library here: the first file that is mapped as code. */
static void note_code(const char *interpreter, const struct lua_layout *layout)
{
	struct elf_image *elf;
	uint64_t vaddr;

	for (size_t i = 0; i < target.maps.nr; i++)
		if (strcmp(target.maps.map[i].path, "[stack]") == 0)
			code.stack_end = target.maps.map[i].end;
	if (layout->family != BPROF_FAMILY_PUC || elf_open(interpreter, &elf) < 0)
		return;
	for (size_t i = 0; i < target.maps.nr; i++) {
		const struct proc_map *m = &target.maps.map[i];

		if (!proc_map_is_code(m) || elf_vaddr_of_offset(elf, m->offset, &vaddr) < 0)
			continue;
		note_functions(elf, m->start - vaddr, &layout->puc);
		break;
	}
	elf_free(elf);
}

/* ---- what each instruction changes --------------------------------------------------------- */

static struct vm_step step;

/* What a page that is in the image has become. */
static void note_changes(const struct mem_reader *mem, uaddr_t address, uint8_t *before)
{
	uint64_t now[PAGE / sizeof(uint64_t)], then;

	if (mem_read(mem, now, sizeof(now), address) < 0)
		fail("cannot read a page again", -EFAULT);
	for (size_t i = 0; i < ARRAY_SIZE(now); i++) {
		memcpy(&then, before + i * sizeof(then), sizeof(then));
		if (now[i] == then)
			continue;
		if (step.nr_words == VM_STEPS_MAX_WORDS)
			fail("too much has changed", -E2BIG);
		step.word[step.nr_words++] = (struct vm_step_word){
			.address = address + i * sizeof(then), .value = now[i]};
	}
	memcpy(before, now, sizeof(now));
}

static void note_page(const struct mem_reader *mem, uaddr_t address)
{
	struct vm_step_page *page = &step.page[step.nr_pages];

	if (step.nr_pages++ == VM_STEPS_MAX_PAGES || !fake_mem_copy(&image.mem, mem, address, PAGE))
		fail("cannot copy a page", -EFAULT);
	page->address = address;
	memcpy(page->bytes, image.mem.region[image.mem.nr_regions - 1].copy, PAGE);
}

/* One instruction, and what a walk behind it looks at. */
static void take_step(struct noting *noting)
{
	struct mem_reader mem = {.read = note_read, .ctx = noting};
	size_t nr_regions = image.mem.nr_regions, nr_pages = noting->nr;
	struct host_walk_result walk;
	int r = lua_target_step(&target, step.reg);

	if (r < 0)
		fail("cannot step", r);
	memcpy(in.reg, step.reg, sizeof(in.reg));
	r = host_walk(&mem, &in, &walk);
	if (r < 0)
		fail("cannot walk", r);
	step.nr_words = step.nr_pages = 0;
	for (size_t i = 0; i < nr_regions; i++) {
		const struct fake_region *region = &image.mem.region[i];

		for (size_t at = 0; at < region->bytes; at += PAGE)
			note_changes(noting->from, region->start + at, region->copy + at);
	}
	for (size_t i = nr_pages; i < noting->nr; i++)
		note_page(noting->from, noting->page[i]);
}

static void write_steps(struct noting *noting, const char *out)
{
	struct vm_steps steps;
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s.steps", out);
	r = vm_steps_create(&steps, &image, &code, path);
	for (unsigned i = 0; r == 0 && i < NR_STEPS; i++) {
		take_step(noting);
		r = vm_steps_put(&steps, &step);
	}
	if (vm_steps_close(&steps) < 0 || r < 0)
		fail(path, r < 0 ? r : -EIO);
}

/* ---- what the program said ----------------------------------------------------------------- */

/*
 * Each state told its own stack before it went on, the main one first: turned around, with the C
 * function between two of them, and the one it is blocked in.
 */
static void write_stack(const char *told, const char *path, bool blocked)
{
	char *text = read_text(told), *section[16];
	FILE *out = fopen(path, "we");
	size_t nr = 0;

	if (!out)
		fail(path, -errno);
	for (char *at = text, *end; nr < 16 && (end = strstr(at, "--\n")); at = end + 3) {
		*end = 0;
		section[nr++] = at;
	}
	if (blocked)
		fputs("C\n", out);
	for (size_t i = nr; i-- > 0;)
		fprintf(out, "%s%s", section[i], i ? "C\n" : "");
	fclose(out);
}

static void check_stack(const char *path, const struct host_walk_result *walk)
{
	struct vm_image_frame want[VM_IMAGE_MAX_FRAMES], got[VM_IMAGE_MAX_FRAMES];
	int nr = vm_image_read_stack(path, want), nr_got = vm_image_walked(walk, got);
	bool same = nr == nr_got;

	for (int i = 0; i < nr || i < nr_got; i++) {
		bool equal = i < nr && i < nr_got && want[i].is_c == got[i].is_c &&
			     want[i].line == got[i].line && want[i].first_line == got[i].first_line;

		same = same && equal;
		if (!equal)
			fprintf(stderr, "frame %d: %s%d:%d, walked %s%d:%d\n", i,
				want[i].is_c ? "C " : "", want[i].line, want[i].first_line,
				got[i].is_c ? "C " : "", got[i].line, got[i].first_line);
	}
	if (!same)
		fail("the walk is not what the program said", -EBADMSG);
}

static void write_image(const char *out, const char *end)
{
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s%s", out, end);
	r = vm_image_write(&image, path);
	if (r < 0)
		fail(path, r);
}

static void record_stack(const struct host_walk_result *walk, const char *out, const char *told,
			 bool blocked)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s.stack", out);
	write_stack(told, path, blocked);
	check_stack(path, walk);
	write_image(out, ".image");
}

int main(int argc, char **argv)
{
	char told[4096];
	struct discover_region region[256];
	static struct noting noting;
	struct host_walk_result walk;
	struct discovery found;
	bool blocked;

	if (argc < 4) {
		fputs("usage: record_image INTERPRETER PROGRAM.lua OUT [on]\n", stderr);
		return 2;
	}
	blocked = strstr(argv[2], "blocked") != NULL;
	snprintf(told, sizeof(told), "%s.told", argv[3]);
	start(&target, argv[1], argv[2], told, argc > 4, !blocked);
	fake_mem_init(&image.mem);
	note_mappings();
	if (lua_target_registers(&target, image.head.reg) < 0)
		fail("cannot read registers", -errno);
	if (discover_scan(proc_mem(target.proc), &target.env, region,
			  lua_target_regions(&target, region, 256), NULL, &found, 1) != 1)
		fail("no VM is found", -ENOENT);
	image.head.state = found.vm.main;
	noting.from = proc_mem(target.proc);

	struct mem_reader mem = {.read = note_read, .ctx = &noting};

	look(&mem, &walk);
	copy_pages(&noting);
	if (strstr(argv[2], "stepping") || strstr(argv[2], "tracing")) {
		note_code(argv[1], &in.layout[0]);
		vm_steps_place_code(&code, &in);
		write_image(argv[3], ".start");
		write_steps(&noting, argv[3]);
	} else {
		record_stack(&walk, argv[3], told, blocked);
	}
	unlink(told);
	vm_image_done(&image);
	lua_target_end(&target);
	return 0;
}
