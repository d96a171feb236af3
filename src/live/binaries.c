/* SPDX-License-Identifier: MIT */
/*
 * Executables and the VMs in them. A process of an unknown binary, and the first VM of an unknown
 * build, stand still until they have been looked at; whatever happens here, they go on afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#include "collect/collect.h"
#include "facts_private.h"
#include "unwind/discover.h"

#define RECOGNIZE_TRIES 20
#define RECOGNIZE_US	500
#define STOP_PATIENCE_NS                                                                           \
	1000000000ULL		    /* a process told to stop may still have to leave the kernel */
#define STOP_SETTLES_NS 50000000ULL /* from the signal to the stop of the last thread */

static char process_state(uint32_t pid)
{
	char path[64], text[512];
	const char *after_name;
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = 0;
	after_name = strrchr(text, ')');
	return after_name && after_name[1] == ' ' ? after_name[2] : 0;
}

/* Is a SIGSTOP on its way to the process? It was sent before its record, so one that is not was
 * taken back. */
static bool stop_is_pending(uint32_t pid)
{
	char path[64], line[256];
	uint64_t pending = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "SigPnd:", 7) == 0 || strncmp(line, "ShdPnd:", 7) == 0)
			pending |= strtoull(line + 7, NULL, 16);
	}
	fclose(file);
	return pending & 1ULL << (SIGSTOP - 1);
}

/*
 * The record of a held process arrives before the process has really stopped. It may also go on
 * already: a second thread was held as well, and what let the first one go let it go too.
 */
static void wait_until_stopped(uint32_t pid)
{
	uint64_t start = monotonic_ns(), pending = start, now = start;

	while (now - start < STOP_PATIENCE_NS && now - pending < STOP_SETTLES_NS) {
		char state = process_state(pid);

		if (state != 'R' && state != 'S' && state != 'D')
			return;
		usleep(20);
		now = monotonic_ns();
		if (state == 'D' || stop_is_pending(pid))
			pending = now;
	}
}

/*
 * The stop was sent before its record: SIGCONT undoes it whether or not it has been obeyed
 * (kernel/signal.c, prepare_signal()).
 */
static void let_go(uint32_t pid)
{
	kill((pid_t)pid, SIGCONT);
}

/* To let go of one that stops later helps nobody. */
void facts_release(uint32_t pid)
{
	wait_until_stopped(pid);
	let_go(pid);
}

/* ---- executables --------------------------------------------------------------------------- */

/* Attaches to a file that carries a VM. The kernel takes the file through our descriptor. */
static int probe_lua(struct facts *f, int fd, struct elf_image *elf, const struct elf_lua *lua)
{
	const char *open_libs = lua->has_openlibs ? "luaL_openlibs" : "luaL_openselectedlibs";
	struct collect_lua offsets;
	uint64_t reference;
	uint32_t binary;
	char path[64];
	int r;

	if (elf_probe_offset(elf, "lua_newstate", &offsets.new_state) < 0)
		offsets.new_state = 0;
	if (elf_probe_offset(elf, open_libs, &offsets.open_libs) < 0)
		offsets.open_libs = 0;
	if (elf_probe_offset(elf, "lua_close", &offsets.close) < 0)
		offsets.close = 0;
	reference = offsets.new_state ? offsets.new_state : offsets.open_libs;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = collect_probe_lua(f->collector, path, &offsets, &binary);
	if (r < 0)
		return r;
	f->version_of_binary[binary] = strdup(lua->version);
	if (lua->family != ELF_LUA_PUC || f->depth < FACTS_STACKS)
		return 0;
	return facts_learn_code(f, binary, elf, reference);
}

static bool put_off(struct facts *f, int fd)
{
	int kept = f->puts_off_probes && f->nr_put_off < MAX_PUT_OFF ? fcntl(fd, F_DUPFD_CLOEXEC, 0)
								     : -1;

	if (kept >= 0)
		f->put_off_fd[f->nr_put_off++] = kept;
	return kept >= 0;
}

int facts_probe_put_off(struct facts *f)
{
	int r = 0;

	while (f->nr_put_off) {
		int fd = f->put_off_fd[--f->nr_put_off];
		struct elf_image *elf;
		struct elf_lua lua;

		if (r == 0 && elf_open_fd(fd, &elf) == 0) {
			if (elf_lua_kind(elf, &lua) == 0 && probe_lua(f, fd, elf, &lua) == -ENOMEM)
				r = -ENOMEM;
			elf_free(elf);
		}
		close(fd);
	}
	return r;
}

/* A file of a program. One that cannot be probed costs the frames of its VMs, never the run. */
static int inspect_file(void *ctx, int fd, struct elf_image *elf)
{
	struct facts *f = ctx;
	struct elf_lua lua;
	int r = elf_lua_kind(elf, &lua);

	if (r == 0 && lua.is_hidden)
		memcpy(f->hidden_version, lua.version, sizeof(lua.version));
	if (r < 0 || lua.family == ELF_LUA_NONE)
		return r;
	f->nr_lua_files++;
	if (put_off(f, fd))
		return 0;
	r = probe_lua(f, fd, elf, &lua);
	if (r < 0)
		log_debug("exec", "exec::no_probe version=%s, error=%s", lua.version, strerror(-r));
	return r == -ENOMEM ? r : 0;
}

int facts_visit_file(struct facts *f, uint32_t pid, int fd)
{
	CLEANUP(cleanup_close) int root_fd = proc_open_root((pid_t)pid);

	f->hidden_version[0] = 0;
	return libraries_visit(f->libraries, fd, root_fd, inspect_file, f);
}

int facts_on_exec(struct facts *f, const struct bprof_exec *exec)
{
	struct target *t = targets_get(f->targets, exec->pid);
	int fd, r;

	if (!t)
		return -ENOMEM;
	target_forget(t);
	log_debug("exec", "exec::seen pid=%u, comm=%.16s, ino=%llu, held=%u", exec->pid, exec->comm,
		  exec->ino, exec->flags & BPROF_EXEC_HELD);
	facts_plan_search(f, t, exec);
	if (!(exec->flags & BPROF_EXEC_HELD))
		return 0;
	wait_until_stopped(exec->pid);
	if (proc_open_exe((pid_t)exec->pid, &fd) == 0) {
		r = facts_visit_file(f, exec->pid, fd);
		/* a search of its memory may have met the file first, and put the probes off */
		if (r == 0)
			r = facts_probe_put_off(f);
		if (r == 0 && f->hidden_version[0]) {
			facts_remember_hiding(f, exec);
			facts_plan_search(f, t, exec);
		}
		if (r < 0)
			log_debug("exec", "exec::not_inspected pid=%u, error=%s", exec->pid,
				  strerror(-r));
		close(fd);
	}
	r = collect_know_binary(f->collector, exec->dev, exec->ino);
	facts_release(exec->pid);
	return r == -E2BIG ? 0 : r; /* a full table only means that more processes are held */
}

/* ---- VMs ----------------------------------------------------------------------------------- */

static int code_range(void *ctx, uaddr_t pc, uaddr_t *start, uaddr_t *end)
{
	struct code_lookup *lookup = ctx;
	const struct proc_map *map;
	struct elf_range range;
	uint64_t vaddr;
	struct elf_image *elf =
		targets_image_at(lookup->facts->targets, lookup->target, pc, &map, &vaddr);
	int r;

	if (!elf)
		return -ENOENT;
	r = elf_code_range(elf, vaddr, &range);
	if (r < 0)
		return r;
	*start = pc - (vaddr - range.start);
	*end = *start + (range.end - range.start);
	return 0;
}

static bool is_code(void *ctx, uaddr_t address)
{
	struct code_lookup *lookup = ctx;
	const struct proc_map *map = target_map(lookup->target, address);

	return map && proc_map_is_code(map);
}

struct discover_env facts_discover_env(struct code_lookup *lookup)
{
	return (struct discover_env){.code_range = code_range, .is_code = is_code, .ctx = lookup};
}

/* The file the VM is in: where its code lies, else the program. Allocated; NULL if that fails. */
static char *path_of_vm(struct target *t, const struct lua_vm *vm)
{
	const struct proc_map *map = vm->vm_start ? target_map(t, vm->vm_start) : NULL;
	char path[4096], link[64];
	ssize_t len;

	if (map)
		return strdup(map->path);
	snprintf(link, sizeof(link), "/proc/%u/exe", t->pid);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = 0;
	return strdup(path);
}

/* The kernel could not say which VM had opened: say it in its place. */
static int record_vm(struct facts *f, const struct bprof_vm_open *open, const struct lua_vm *vm)
{
	struct bprof_vm_open known = *open;

	known.vm = vm->global;
	known.layout = vm->layout;
	known.held = 0;
	return recorder_add(f->recorder, &known.h);
}

void facts_keep_layout(struct facts *f, struct target *t, const struct discovery *found,
		       uint32_t index)
{
	f->layouts[index] = found->layout;
	f->version_of_layout[index] = strdup(found->version);
	f->path_of_layout[index] = path_of_vm(t, &found->vm);
	log_debug("unwind", "unwind::layout pid=%u, index=%u, version=%s", t->pid, index,
		  found->version);
}

int facts_publish_vm(struct facts *f, struct target *t, const struct bprof_vm_open *open,
		     struct discovery *found)
{
	int r;

	found->vm.family = found->layout.family;
	target_add_vm(t, &found->vm);
	r = collect_publish_vm(f->collector, t->pid, &found->vm);
	if (!r)
		r = record_vm(f, open, &found->vm);
	return r ? r : facts_tell_runtime(f, t, &found->vm, JIT_NOT_KNOWN);
}

/* The first VM of this binary: find out where it keeps everything. The process is stopped. */
static int learn_layout(struct facts *f, struct target *t, const struct bprof_vm_open *open,
			struct discovery *ret)
{
	struct code_lookup lookup = {.facts = f, .target = t};
	struct discover_env env = facts_discover_env(&lookup);
	const char *hint = f->version_of_binary[open->binary];
	struct discovery found;
	uint32_t index;
	int r;

	r = discover_vm(target_mem(t), &env, open->state, hint ? hint : "", &found);
	if (r < 0)
		return r;
	facts_place_code(f, open->binary, t, &found.layout, &found.vm);
	r = collect_set_layout(f->collector, open->binary, &found.layout, &index);
	if (!r && f->depth == FACTS_STACKS)
		r = facts_tell_pc_table(f, f->code_of_binary[open->binary], &found.layout, index);
	if (r < 0)
		return r;
	f->layout_of_binary[open->binary] = index;
	f->binary_of_layout[index] = open->binary;
	facts_keep_layout(f, t, &found, index);
	found.vm.layout = index;
	*ret = found;
	return 0;
}

/*
 * Another VM that opened before the layout of the first was known: a second thread of the process,
 * which goes on when the first does, or another process.
 */
static int recognize_vm(struct facts *f, struct target *t, const struct bprof_vm_open *open,
			struct discovery *ret)
{
	uint32_t index = f->layout_of_binary[open->binary];
	int r = -EAGAIN;

	ret->layout = f->layouts[index];
	for (unsigned i = 0; r < 0 && i < RECOGNIZE_TRIES; i++) {
		if (i)
			usleep(RECOGNIZE_US);
		r = discover_matches(target_mem(t), &ret->layout, open->state, &ret->vm);
	}
	if (r == 0)
		facts_place_code(f, open->binary, t, &ret->layout, &ret->vm);
	ret->vm.layout = index;
	return r;
}

/* A VM about which the kernel asks. One that cannot be proved costs its stacks, never the run. */
static int tell_vm(struct facts *f, struct target *t, const struct bprof_vm_open *open)
{
	const char *hint = f->version_of_binary[open->binary];
	struct discovery found;
	int r;

	if (!target_mem(t) || target_vm_of(t, open->state))
		return 0;
	if (f->layout_of_binary[open->binary]) {
		/* not stopped any more perhaps: to wait for that would cost the names of a short
		 * run */
		r = recognize_vm(f, t, open, &found);
	} else {
		if (open->held)
			wait_until_stopped(t->pid);
		r = learn_layout(f, t, open, &found);
	}
	if (r < 0)
		log_warn("unwind", "unwind::unknown_layout pid=%u, version=%s, error=%s", t->pid,
			 hint ? hint : "?", strerror(-r));
	else
		r = facts_publish_vm(f, t, open, &found);
	if (r < 0)
		f->unproved += target_meets(t, THING_UNPROVED_VM, open->state, 0);
	return r == -ENOMEM ? r : 0;
}

int facts_on_vm_open(struct facts *f, const struct bprof_vm_open *open)
{
	struct target *t = targets_get(f->targets, open->pid);
	int r = 0;

	if (!t)
		return -ENOMEM;
	if (open->binary >= BPROF_MAX_LAYOUTS || open->layout >= BPROF_MAX_LAYOUTS)
		return 0;
	if (!open->layout) {
		bool is_first = !f->layout_of_binary[open->binary];

		r = tell_vm(f, t, open);
		if (open->held && is_first)
			wait_until_stopped(open->pid);
		if (open->held)
			let_go(open->pid);
	} else if (open->vm) {
		struct lua_vm vm = {.global = open->vm,
				    .main = open->state,
				    .layout = open->layout,
				    .family = f->layouts[open->layout].family};

		target_add_vm(t, &vm);
		r = facts_tell_runtime(f, t, &vm, JIT_NOT_KNOWN);
	}
	return r;
}
