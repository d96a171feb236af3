/* SPDX-License-Identifier: MIT */
/* See lua_child.h. Children are ours alone and are killed by pid. */
#include "lua_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lua_layouts.h"

#define POINTER_MASK  ((1ULL << 47) - 1)
#define GCPROTO_BYTES 104

static int read_process(void *ctx, void *dst, size_t len, uaddr_t src)
{
	const struct lua_child *child = ctx;
	struct iovec local = {dst, len};
	union {
		uaddr_t number;
		void *address;
	} there = {.number = src};
	struct iovec remote = {there.address, len};
	ssize_t r = process_vm_readv(child->pid, &local, 1, &remote, 1, 0);

	if (r < 0)
		return -errno;
	return (size_t)r == len ? 0 : -EFAULT;
}

bool lua_child_available(const char *interpreter)
{
	char path[128];

	snprintf(path, sizeof(path), "/usr/bin/%s", interpreter);
	return access(path, X_OK) == 0;
}

bool lua_child_start(struct lua_child *child, const char *interpreter, const char *script)
{
	int in[2], out[2];

	*child = (struct lua_child){.interpreter = interpreter, .layout = test_layout(interpreter)};
	child->mem = (struct mem_reader){read_process, child};
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return false;
	child->pid = fork();
	if (child->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execlp(interpreter, interpreter, script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	child->to = fdopen(in[1], "w");
	child->from = fdopen(out[0], "r");
	return child->pid > 0 && child->to && child->from;
}

void lua_child_end(struct lua_child *child)
{
	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	if (child->to)
		fclose(child->to);
	if (child->from)
		fclose(child->from);
	child->pid = 0;
	child->to = child->from = NULL;
}

char *lua_child_line(struct lua_child *child)
{
	size_t len;

	if (!fgets(child->line, sizeof(child->line), child->from))
		return NULL;
	len = strlen(child->line);
	if (len > 0 && child->line[len - 1] == '\n')
		child->line[len - 1] = 0;
	return child->line;
}

void lua_child_wait(const struct lua_child *child)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child->pid);
	for (int tries = 0; tries < 1000; tries++) {
		FILE *stat = fopen(path, "r");

		if (stat && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 && state == 'S') {
			fclose(stat);
			return;
		}
		if (stat)
			fclose(stat);
		usleep(100);
	}
}

void lua_child_continue(struct lua_child *child)
{
	fputc('\n', child->to);
	fflush(child->to);
}

uint64_t lua_child_u64(const struct lua_child *child, uaddr_t at)
{
	uint64_t value = 0;

	return mem_read(&child->mem, &value, sizeof(value), at) == 0 ? value : 0;
}

uint32_t lua_child_u32(const struct lua_child *child, uaddr_t at)
{
	uint32_t value = 0;

	return mem_read(&child->mem, &value, sizeof(value), at) == 0 ? value : 0;
}

static uint8_t u8_at(const struct lua_child *child, uaddr_t at)
{
	return (uint8_t)lua_child_u32(child, at);
}

uaddr_t lua_child_address(const char *printed)
{
	const char *hex = strstr(printed, "0x");

	return hex ? strtoull(hex, NULL, 16) : 0;
}

static bool is_luajit(const struct lua_child *child)
{
	return child->layout->family == BPROF_FAMILY_LUAJIT;
}

struct lua_vm lua_child_vm(const struct lua_child *child, uaddr_t state)
{
	struct lua_vm vm = {.family = child->layout->family};

	if (is_luajit(child)) {
		vm.global = lua_child_u64(child, state + 16);
		vm.main = lua_child_u64(child, vm.global + child->layout->luajit.mainthread);
	} else {
		vm.global = lua_child_u64(child, state + child->layout->puc.state_global);
		vm.main = lua_child_u64(child, vm.global + child->layout->puc.global_mainthread);
	}
	return vm;
}

uaddr_t lua_child_proto(const struct lua_child *child, uaddr_t closure)
{
	if (is_luajit(child))
		return lua_child_u64(child, closure + 32) - GCPROTO_BYTES;
	return lua_child_u64(child, closure + child->layout->puc.lclosure_proto);
}

uint32_t lua_child_fingerprint(const struct lua_child *child, uaddr_t proto)
{
	const struct puc_layout *puc = &child->layout->puc;
	struct bprof_proto_identity identity;

	if (is_luajit(child)) {
		identity = (struct bprof_proto_identity){
			.source = lua_child_u64(child, proto + 64),
			.parts = lua_child_u64(child, proto + 80),
			.first_line = lua_child_u32(child, proto + 72),
			.code_len = lua_child_u32(child, proto + 12),
		};
		identity.last_line = identity.first_line + lua_child_u32(child, proto + 76);
	} else {
		identity = (struct bprof_proto_identity){
			.source = lua_child_u64(child, proto + puc->proto_source),
			.parts = bprof_parts(lua_child_u64(child, proto + puc->proto_code),
					     lua_child_u64(child, proto + puc->proto_lines),
					     lua_child_u64(child, proto + puc->proto_constants)),
			.first_line = lua_child_u32(child, proto + puc->proto_first_line),
			.last_line = lua_child_u32(child, proto + puc->proto_last_line),
			.code_len = lua_child_u32(child, proto + puc->proto_code_len),
		};
	}
	if (identity.source)
		identity.name = lua_child_u32(child, identity.source + 12);
	return bprof_fingerprint(&identity);
}

/* ---- stacks -------------------------------------------------------------------------------- */

static uint32_t puc_pos(const struct lua_child *child, uaddr_t proto, uaddr_t pc)
{
	uaddr_t code = lua_child_u64(child, proto + child->layout->puc.proto_code);

	return (uint32_t)((pc - code) / 4 - 1);
}

static struct lua_child_frame puc_frame(const struct lua_child *child, uaddr_t state, uaddr_t ci,
					bool leaf)
{
	const struct puc_layout *puc = &child->layout->puc;
	uaddr_t slot = lua_child_u64(child, ci + puc->ci_func);
	uint8_t tag = u8_at(child, slot + 8) & 0x3f;
	struct lua_child_frame frame = {.function = lua_child_u64(child, slot)};
	uaddr_t pc;

	frame.is_lua = tag == 6 &&
		       !(puc->ci_is_array && u8_at(child, frame.function + puc->closure_is_c) != 0);
	if (tag == 22)
		frame.function = 0;
	if (puc->ci_is_array)
		frame.is_tail = lua_child_u32(child, ci + puc->ci_tailcalls) > 0;
	else
		frame.is_tail =
			(lua_child_u32(child, ci + puc->ci_status) & puc->ci_tail_mask) != 0;
	if (!frame.is_lua)
		return frame;
	pc = lua_child_u64(child, puc->ci_is_array && leaf ? state + puc->state_savedpc
							   : ci + puc->ci_savedpc);
	frame.proto = lua_child_proto(child, frame.function);
	frame.pos = puc_pos(child, frame.proto, pc);
	return frame;
}

static size_t puc_walk(const struct lua_child *child, uaddr_t state, struct lua_child_frame *frames,
		       size_t max)
{
	const struct puc_layout *puc = &child->layout->puc;
	uaddr_t ci = lua_child_u64(child, state + puc->state_ci);
	uaddr_t base = puc->ci_is_array ? lua_child_u64(child, state + puc->state_base_ci)
					: state + puc->state_base_ci;
	size_t nr = 0;

	while (ci != base && ci && nr < max) {
		frames[nr] = puc_frame(child, state, ci, nr == 0);
		nr++;
		ci = puc->ci_is_array ? ci - puc->ci_bytes
				      : lua_child_u64(child, ci + puc->ci_previous);
	}
	return nr;
}

/* The position that a link gives its caller; UINT32_MAX if it gives none. */
static uint32_t luajit_pos(const struct lua_child *child, uaddr_t base, uint64_t link,
			   uaddr_t proto)
{
	uaddr_t pc;

	if ((link & 3) == 0)
		pc = link;
	else if ((link & 7) == 2)
		pc = lua_child_u64(child, base - 24);
	else
		return UINT32_MAX;
	return (uint32_t)((pc - proto - GCPROTO_BYTES) / 4 - 1);
}

static size_t luajit_walk(const struct lua_child *child, uaddr_t state,
			  struct lua_child_frame *frames, size_t max)
{
	uaddr_t base = lua_child_u64(child, state + 32);
	uaddr_t bottom = lua_child_u64(child, state + 56) + 16;
	uaddr_t called_from = 0; /* base of the callee, whose link holds our position */
	uint64_t called_link = 1;
	size_t nr = 0;

	while (base > bottom && nr < max) {
		uaddr_t function = lua_child_u64(child, base - 16) & POINTER_MASK;
		uint64_t link = lua_child_u64(child, base - 8);

		if ((link & 7) == 3) { /* the vararg frame: its function's real frame is below */
			base -= link & ~7ULL;
			link = lua_child_u64(child, base - 8);
		}
		if (u8_at(child, function + 9) == 8) {
			struct lua_child_frame *frame = &frames[nr++];

			*frame = (struct lua_child_frame){.function = function, .pos = UINT32_MAX};
			frame->is_lua = u8_at(child, function + 10) == 0;
			if (frame->is_lua) {
				frame->proto = lua_child_proto(child, function);
				frame->pos =
					luajit_pos(child, called_from, called_link, frame->proto);
			}
		}
		called_from = base;
		called_link = link;
		if ((link & 3) == 0)
			base -= 8 * (2 + (uaddr_t)u8_at(child, link - 3));
		else
			base -= link & ~7ULL;
	}
	return nr;
}

size_t lua_child_walk(const struct lua_child *child, uaddr_t state, struct lua_child_frame *frames,
		      size_t max)
{
	if (is_luajit(child))
		return luajit_walk(child, state, frames, max);
	return puc_walk(child, state, frames, max);
}
