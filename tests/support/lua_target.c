/* SPDX-License-Identifier: MIT */
/*
 * Manages real interpreters as targets of tests. Children are ours alone and are killed by pid.
 */
#include "lua_target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#define READY_TIMEOUT_MS 10000

const char *lua_target_find(const char *program)
{
	static char path[PATH_MAX];
	static const char *const folders[] = {"/usr/bin", "/usr/local/bin", "/bin"};

	if (strchr(program, '/')) {
		snprintf(path, sizeof(path), "%s", program);
		return access(path, X_OK) == 0 ? path : NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], program);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/* ---- what discovery asks about code ---------------------------------------------------------- */

static struct elf_image *image_of(struct lua_target *t, const struct proc_map *map)
{
	struct elf_image *image = NULL;
	int fd;

	for (size_t i = 0; i < t->nr_images; i++) {
		if (t->images[i].dev == map->dev && t->images[i].ino == map->ino)
			return t->images[i].image;
	}
	if (t->nr_images == LUA_TARGET_IMAGES)
		return NULL;
	if (proc_open_mapped(t->pid, map, &fd) == 0) {
		if (elf_open_fd(fd, &image) < 0)
			image = NULL;
		close(fd);
	}
	t->images[t->nr_images].dev = map->dev;
	t->images[t->nr_images].ino = map->ino;
	t->images[t->nr_images++].image = image;
	return image;
}

static const struct proc_map *code_map(const struct lua_target *t, uaddr_t address)
{
	const struct proc_map *map = proc_maps_find(&t->maps, address);

	return map && proc_map_is_code(map) ? map : NULL;
}

static bool is_code(void *ctx, uaddr_t address)
{
	return code_map(ctx, address) != NULL;
}

static int code_range(void *ctx, uaddr_t pc, uaddr_t *ret_start, uaddr_t *ret_end)
{
	struct lua_target *t = ctx;
	const struct proc_map *map = code_map(t, pc);
	struct elf_image *image = map ? image_of(t, map) : NULL;
	struct elf_range range;
	uint64_t vaddr;
	int r;

	if (!image)
		return -ENOENT;
	r = elf_vaddr_of_offset(image, pc - map->start + map->offset, &vaddr);
	if (r < 0)
		return r;
	r = elf_code_range(image, vaddr, &range);
	if (r < 0)
		return r;
	*ret_start = pc - vaddr + range.start;
	*ret_end = pc - vaddr + range.end;
	return 0;
}

void lua_target_version(struct lua_target *t, uaddr_t address, struct elf_lua *ret)
{
	const struct proc_map *map = code_map(t, address);
	struct elf_image *image = map ? image_of(t, map) : NULL;

	*ret = (struct elf_lua){0};
	if (image)
		(void)!elf_lua_kind(image, ret);
}

size_t lua_target_regions(const struct lua_target *t, struct discover_region *region, size_t max)
{
	size_t nr = 0;

	for (int heap = 1; heap >= 0; heap--) {
		for (size_t i = 0; i < t->maps.nr && nr < max; i++) {
			const struct proc_map *m = &t->maps.map[i];
			bool is_heap = strcmp(m->path, "[heap]") == 0;

			if (!(m->prot & PROC_PROT_WRITE) || is_heap != heap ||
			    (!is_heap && m->path[0] != '\0'))
				continue;
			region[nr++] = (struct discover_region){m->start, m->end};
		}
	}
	return nr;
}

/* ---- starting -------------------------------------------------------------------------------- */

static int look_at(struct lua_target *t)
{
	int r = proc_open(t->pid, &t->proc);

	if (r < 0)
		return r;
	proc_maps_done(&t->maps);
	r = proc_read_maps(t->pid, &t->maps);
	if (r < 0)
		return r;
	t->env = (struct discover_env){.code_range = code_range, .is_code = is_code, .ctx = t};
	return 0;
}

static int spawn(struct lua_target *t, const char *const argv[], bool traced)
{
	int in[2], out[2];

	*t = (struct lua_target){.to_child = -1, .from_child = -1, .traced = traced};
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	t->pid = fork();
	if (t->pid < 0)
		return -errno;
	if (t->pid == 0) {
		union {
			const char *const *in;
			char *const *out;
		} args = {.in = argv};

		/* A test that fails leaves at once: its target must not outlive it, stopped. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		if (traced)
			ptrace(PTRACE_TRACEME, 0, 0, 0);
		execv(argv[0], args.out);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	t->to_child = in[1];
	t->from_child = out[0];
	return 0;
}

static int wait_for_line(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c = 0;

	while (c != '\n') {
		if (poll(&p, 1, READY_TIMEOUT_MS) <= 0 || read(fd, &c, 1) != 1)
			return -ETIMEDOUT;
	}
	return 0;
}

int lua_target_wait_sleep(pid_t pid)
{
	for (int waited_ms = 0; waited_ms < READY_TIMEOUT_MS; waited_ms++) {
		char path[64], text[512] = "";
		const char *state;
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0) {
			cleanup_close(&fd);
			return -ESRCH;
		}
		close(fd);
		state = strrchr(text, ')'); /* the name before it can hold anything */
		if (state && state[1] && state[2] == 'S')
			return 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

int lua_target_start_script(struct lua_target *t, const char *program, const char *code)
{
	const char *argv[] = {program, "-e", code, NULL};
	int status, r;

	r = spawn(t, argv, false);
	if (r < 0)
		return r;
	r = wait_for_line(t->from_child);
	if (r == 0)
		r = lua_target_wait_sleep(t->pid);
	if (r < 0)
		return r;
	kill(t->pid, SIGSTOP);
	if (waitpid(t->pid, &status, WUNTRACED) != t->pid || !WIFSTOPPED(status))
		return -ECHILD;
	return look_at(t);
}

/* The address of luaL_openlibs in the process, or 0 while no mapped file defines it. */
static uaddr_t find_openlibs(struct lua_target *t)
{
	for (size_t i = 0; i < t->maps.nr; i++) {
		const struct proc_map *m = &t->maps.map[i];
		struct elf_image *image = proc_map_is_code(m) ? image_of(t, m) : NULL;
		uint64_t offset;

		if (!image || (elf_probe_offset(image, "luaL_openlibs", &offset) < 0 &&
			       elf_probe_offset(image, "luaL_openselectedlibs", &offset) < 0))
			continue;
		if (offset >= m->offset && offset - m->offset < m->end - m->start)
			return m->start + (offset - m->offset);
	}
	return 0;
}

#ifdef __x86_64__

static int wait_stop(pid_t pid, int want)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSTOPPED(status) && WSTOPSIG(status) == want ? 0 : -ECHILD;
}

/* Runs into a debug register: no byte of the program changes. */
static int run_to_hardware(pid_t pid, uaddr_t address)
{
	size_t address_register = offsetof(struct user, u_debugreg[0]);
	size_t control = offsetof(struct user, u_debugreg[7]);
	int r;

	if (ptrace(PTRACE_POKEUSER, pid, address_register, address) < 0 ||
	    ptrace(PTRACE_POKEUSER, pid, control, 1L) < 0)
		return -ENOTSUP;
	if (ptrace(PTRACE_CONT, pid, 0, 0) < 0)
		return -errno;
	r = wait_stop(pid, SIGTRAP);
	if (r < 0)
		return r;
	return ptrace(PTRACE_POKEUSER, pid, control, 0L) < 0 ? -errno : 0;
}

static int run_to_software(pid_t pid, uaddr_t address, struct user_regs_struct *regs)
{
	long word = ptrace(PTRACE_PEEKTEXT, pid, address, 0);
	int r;

	if (ptrace(PTRACE_POKETEXT, pid, address, (word & ~0xffL) | 0xcc) < 0 ||
	    ptrace(PTRACE_CONT, pid, 0, 0) < 0)
		return -errno;
	r = wait_stop(pid, SIGTRAP);
	if (r < 0)
		return r;
	if (ptrace(PTRACE_POKETEXT, pid, address, word) < 0 ||
	    ptrace(PTRACE_GETREGS, pid, 0, regs) < 0)
		return -errno;
	regs->rip = address;
	return ptrace(PTRACE_SETREGS, pid, 0, regs) < 0 ? -errno : 0;
}

/*
 * Runs until @address. In hardware where possible: where a profiler has its uprobe the kernel takes
 * our breakpoint instruction for its own, and the process runs on.
 */
static int run_to(struct lua_target *t, uaddr_t address, struct user_regs_struct *regs)
{
	int r = run_to_hardware(t->pid, address);

	if (r == -ENOTSUP)
		r = run_to_software(t->pid, address, regs);
	if (r < 0)
		return r;
	if (ptrace(PTRACE_GETREGS, t->pid, 0, regs) < 0)
		return -errno;
	return regs->rip == address ? 0 : -ECHILD;
}

int lua_target_start_at_openlibs(struct lua_target *t, const char *const argv[])
{
	struct user_regs_struct regs;
	struct elf_image *image;
	struct elf_lua lua = {0};
	uaddr_t address;
	int r;

	r = spawn(t, argv, true);
	if (r < 0)
		return r;
	r = wait_stop(t->pid, SIGTRAP); /* exec */
	if (r < 0)
		return r;
	ptrace(PTRACE_SETOPTIONS, t->pid, 0, PTRACE_O_EXITKILL);

	/* A VM in a library is not mapped yet: run to the program's entry point first. */
	lua.family = ELF_LUA_PUC;
	if (elf_open(argv[0], &image) == 0) {
		r = elf_lua_kind(image, &lua);
		elf_free(image);
	}
	if (lua.family == ELF_LUA_NONE) {
		uint64_t auxv[64] = {0};
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/auxv", (int)t->pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, auxv, sizeof(auxv) - 16) < 0)
			return -errno;
		close(fd);
		for (address = 0, r = 0; auxv[r] && r < 62; r += 2) {
			if (auxv[r] == 9) /* AT_ENTRY */
				address = auxv[r + 1];
		}
		r = address ? run_to(t, address, &regs) : -ENOENT;
		if (r < 0)
			return r;
	}

	r = look_at(t);
	if (r < 0)
		return r;
	address = find_openlibs(t);
	if (!address)
		return -ENOENT;
	r = run_to(t, address, &regs);
	if (r < 0)
		return r;
	t->state = regs.rdi;
	proc_free(t->proc);
	t->proc = NULL;
	return look_at(t);
}

#else

int lua_target_start_at_openlibs(struct lua_target *t, const char *const argv[])
{
	(void)t;
	(void)argv;
	(void)find_openlibs;
	return -ENOTSUP;
}

#endif

/* ---- stopping it anywhere -------------------------------------------------------------------- */

int lua_target_seize(struct lua_target *t)
{
	int status;

	if (ptrace(PTRACE_SEIZE, t->pid, 0, PTRACE_O_EXITKILL) < 0)
		return -errno;
	kill(t->pid, SIGCONT);
	for (;;) { /* events of the group stop come first; it ends with the signal itself */
		if (waitpid(t->pid, &status, __WALL) != t->pid || !WIFSTOPPED(status))
			return -ECHILD;
		if (status >> 16 == 0 && WSTOPSIG(status) == SIGCONT)
			return 0;
		ptrace(PTRACE_CONT, t->pid, 0, 0);
	}
}

int lua_target_continue(struct lua_target *t)
{
	return ptrace(PTRACE_CONT, t->pid, 0, 0) < 0 ? -errno : 0;
}

int lua_target_stop(struct lua_target *t, uint64_t reg[BPROF_NR_REGS])
{
	int status;

	if (ptrace(PTRACE_INTERRUPT, t->pid, 0, 0) < 0)
		return -errno;
	do {
		if (waitpid(t->pid, &status, __WALL) != t->pid || !WIFSTOPPED(status))
			return -ECHILD;
		if (status >> 16 != PTRACE_EVENT_STOP)
			ptrace(PTRACE_CONT, t->pid, 0, WSTOPSIG(status));
	} while (status >> 16 != PTRACE_EVENT_STOP);
	return lua_target_registers(t, reg);
}

int lua_target_step(const struct lua_target *t, uint64_t reg[BPROF_NR_REGS])
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, t->pid, 0, 0) < 0)
		return -errno;
	if (waitpid(t->pid, &status, __WALL) != t->pid || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGTRAP)
		return -ECHILD;
	return lua_target_registers(t, reg);
}

#ifdef __x86_64__

int lua_target_registers(const struct lua_target *t, uint64_t reg[BPROF_NR_REGS])
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, t->pid, 0, &r) < 0)
		return -errno;
	reg[BPROF_REG_AX] = r.rax;
	reg[BPROF_REG_BX] = r.rbx;
	reg[BPROF_REG_CX] = r.rcx;
	reg[BPROF_REG_DX] = r.rdx;
	reg[BPROF_REG_SI] = r.rsi;
	reg[BPROF_REG_DI] = r.rdi;
	reg[BPROF_REG_BP] = r.rbp;
	reg[BPROF_REG_SP] = r.rsp;
	reg[BPROF_REG_R8] = r.r8;
	reg[BPROF_REG_R9] = r.r9;
	reg[BPROF_REG_R10] = r.r10;
	reg[BPROF_REG_R11] = r.r11;
	reg[BPROF_REG_R12] = r.r12;
	reg[BPROF_REG_R13] = r.r13;
	reg[BPROF_REG_R14] = r.r14;
	reg[BPROF_REG_R15] = r.r15;
	reg[BPROF_REG_IP] = r.rip;
	return 0;
}

#else

int lua_target_registers(const struct lua_target *t, uint64_t reg[BPROF_NR_REGS])
{
	struct user_regs_struct r;
	struct iovec to = {.iov_base = &r, .iov_len = sizeof(r)};

	if (ptrace(PTRACE_GETREGSET, t->pid, NT_PRSTATUS, &to) < 0)
		return -errno;
	memcpy(&reg[BPROF_REG_X0], r.regs, sizeof(r.regs));
	reg[BPROF_REG_SP] = r.sp;
	reg[BPROF_REG_IP] = r.pc;
	return 0;
}

#endif

void lua_target_end(struct lua_target *t)
{
	if (t->pid > 0) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0);
	}
	cleanup_close(&t->to_child);
	cleanup_close(&t->from_child);
	proc_free(t->proc);
	proc_maps_done(&t->maps);
	for (size_t i = 0; i < t->nr_images; i++)
		elf_free(t->images[i].image);
	*t = (struct lua_target){.to_child = -1, .from_child = -1};
}
