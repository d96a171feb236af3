/* SPDX-License-Identifier: MIT */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <bprof/lua_layout.h>

#include "base.h"
#include "buf.h"
#include "log.h"

#include "collect/collect.h"
#include "decode/decode.h"
#include "proc/elf_file.h"
#include "proc/proc.h"
#include "symbol/symbol.h"
#include "unwind/discover.h"

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

#define STOP_PATIENCE_US 200000 /* a process told to stop may still have to leave the kernel */
/* package.loaded is walked again when a new C function shows up, ever more rarely */
#define CFUNCTIONS_FIRST_NS 50000000ULL
#define MAX_KNOWN_THINGS    65536 /* addresses remembered per process */

enum thing_kind { THING_CFUNCTION, THING_CFUNCTION_NAME, THING_ADDRESS, THING_ELEMENT };

/* Something of a process that has been dealt with, named or not. */
struct thing {
	struct thing_key {
		uint64_t object, detail;
		uint32_t kind, zero;
	} key;
	UT_hash_handle hh;
};

struct target {
	uint32_t pid;
	struct proc *proc;
	struct proc_maps maps; /* empty = not read yet */
	struct lua_vms vms;
	bool runtime_told[BPROF_MAX_VMS];
	uint64_t cfunctions_next_ns, cfunctions_wait_ns; /* when package.loaded may be walked */
	struct thing *things;
	UT_hash_handle hh;
};

/* An opened file, kept: the same few interpreters and libraries come again and again. */
struct image {
	struct image_key {
		uint64_t dev, ino;
	} key;
	struct elf_image *elf; /* NULL: not an ELF file we can read */
	UT_hash_handle hh;
};

struct facts {
	struct collector *collector;
	struct recorder *recorder;
	struct target *targets;
	struct image *images;
	struct lua_layout layouts[BPROF_MAX_LAYOUTS];
	uint32_t layout_of_binary[BPROF_MAX_LAYOUTS];
	char *version_of_binary[BPROF_MAX_LAYOUTS]; /* hints */
	char *path_of_layout[BPROF_MAX_LAYOUTS];
	struct buf buf;
	unsigned unproved;
};

int facts_new(struct collector *c, struct recorder *r, struct facts **ret)
{
	struct facts *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->collector = c;
	f->recorder = r;
	buf_init(&f->buf, 8U << 20);
	*ret = f;
	return 0;
}

static void target_forget(struct target *t)
{
	struct thing *thing, *next;

	HASH_ITER (hh, t->things, thing, next) {
		HASH_DEL(t->things, thing);
		free(thing);
	}
	proc_maps_done(&t->maps);
	proc_free(t->proc);
	t->proc = NULL;
	t->vms.nr = 0;
	t->cfunctions_next_ns = 0;
	t->cfunctions_wait_ns = CFUNCTIONS_FIRST_NS;
	memset(t->runtime_told, 0, sizeof(t->runtime_told));
}

void facts_free(struct facts *f)
{
	struct target *t, *next_target;
	struct image *i, *next_image;

	if (!f)
		return;
	HASH_ITER (hh, f->targets, t, next_target) {
		HASH_DEL(f->targets, t);
		target_forget(t);
		free(t);
	}
	HASH_ITER (hh, f->images, i, next_image) {
		HASH_DEL(f->images, i);
		elf_free(i->elf);
		free(i);
	}
	for (size_t n = 0; n < BPROF_MAX_LAYOUTS; n++) {
		free(f->version_of_binary[n]);
		free(f->path_of_layout[n]);
	}
	buf_done(&f->buf);
	free(f);
}

unsigned facts_unproved_vms(const struct facts *f)
{
	return f->unproved;
}

/* ---- targets and their files --------------------------------------------------------------- */

static struct target *target_get(struct facts *f, uint32_t pid)
{
	struct target *t;

	HASH_FIND(hh, f->targets, &pid, sizeof(pid), t);
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->pid = pid;
	t->cfunctions_wait_ns = CFUNCTIONS_FIRST_NS;
	hash_failed = false;
	HASH_ADD(hh, f->targets, pid, sizeof(pid), t);
	if (hash_failed) {
		free(t);
		return NULL;
	}
	return t;
}

/* NULL when the process is gone. */
static const struct mem_reader *target_mem(struct target *t)
{
	if (!t->proc && proc_open((pid_t)t->pid, &t->proc) < 0)
		return NULL;
	return proc_mem(t->proc);
}

static struct thing *target_thing(const struct target *t, enum thing_kind kind, uint64_t object,
				  uint64_t detail)
{
	struct thing_key key;
	struct thing *thing;

	memset(&key, 0, sizeof(key));
	key.object = object;
	key.detail = detail;
	key.kind = kind;
	HASH_FIND(hh, t->things, &key, sizeof(key), thing);
	return thing;
}

/* True the first time. Beyond the limit everything counts as known: names less, memory bounded. */
static bool target_meets(struct target *t, enum thing_kind kind, uint64_t object, uint64_t detail)
{
	struct thing *thing = target_thing(t, kind, object, detail);

	if (thing || HASH_COUNT(t->things) >= MAX_KNOWN_THINGS)
		return false;
	thing = calloc(1, sizeof(*thing));
	if (!thing)
		return false;
	thing->key.object = object;
	thing->key.detail = detail;
	thing->key.kind = kind;
	hash_failed = false;
	HASH_ADD(hh, t->things, key, sizeof(thing->key), thing);
	if (hash_failed)
		free(thing);
	return !hash_failed;
}

static void target_forget_thing(struct target *t, enum thing_kind kind, uint64_t object,
				uint64_t detail)
{
	struct thing *thing = target_thing(t, kind, object, detail);

	if (!thing)
		return;
	HASH_DEL(t->things, thing);
	free(thing);
}

static const struct proc_map *target_map(struct target *t, uaddr_t address)
{
	const struct proc_map *map = proc_maps_find(&t->maps, address);
	struct proc_maps fresh;

	if (map || proc_read_maps((pid_t)t->pid, &fresh) < 0)
		return map;
	proc_maps_done(&t->maps);
	t->maps = fresh;
	return proc_maps_find(&t->maps, address);
}

static struct elf_image *image_of_map(struct facts *f, struct target *t, const struct proc_map *map)
{
	struct image_key key = {.dev = map->dev, .ino = map->ino};
	struct image *i;
	int fd;

	HASH_FIND(hh, f->images, &key, sizeof(key), i);
	if (i)
		return i->elf;
	if (proc_open_mapped((pid_t)t->pid, map, &fd) < 0)
		return NULL;
	i = calloc(1, sizeof(*i));
	if (i) {
		i->key = key;
		if (elf_open_fd(fd, &i->elf) < 0)
			i->elf = NULL;
		hash_failed = false;
		HASH_ADD(hh, f->images, key, sizeof(key), i);
		if (hash_failed) {
			elf_free(i->elf);
			free(i);
			i = NULL;
		}
	}
	close(fd);
	return i ? i->elf : NULL;
}

/* The file behind an address, and the address as the file counts. */
static struct elf_image *image_at(struct facts *f, struct target *t, uaddr_t address,
				  const struct proc_map **ret_map, uint64_t *ret_vaddr)
{
	const struct proc_map *map = target_map(t, address);
	struct elf_image *elf;

	if (!map || !proc_map_is_code(map))
		return NULL;
	elf = image_of_map(f, t, map);
	*ret_map = map;
	if (!elf || elf_vaddr_of_offset(elf, address - map->start + map->offset, ret_vaddr) < 0)
		return NULL;
	return elf;
}

/* ---- processes held by us ------------------------------------------------------------------ */

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

/* The record of a held process arrives before the process has really stopped. */
static void wait_until_stopped(uint32_t pid)
{
	for (unsigned waited = 0; waited < STOP_PATIENCE_US; waited += 20) {
		char state = process_state(pid);

		if (state != 'R' && state != 'S' && state != 'D')
			return;
		usleep(20);
	}
}

static void let_go(uint32_t pid)
{
	wait_until_stopped(pid);
	kill((pid_t)pid, SIGCONT);
}

/* ---- executables --------------------------------------------------------------------------- */

/* Where the dynamic linker looks for a library that Debian or Ubuntu installed. */
static int open_library(const char *name)
{
	static const char *const directories[] = {
#if defined(__x86_64__)
		"/usr/lib/x86_64-linux-gnu",
		"/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
		"/usr/lib/aarch64-linux-gnu",
		"/lib/aarch64-linux-gnu",
#endif
		"/usr/local/lib",
		"/usr/lib64",
		"/usr/lib",
	};
	char path[512];

	if (strchr(name, '/'))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s", directories[i], name);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* Attaches to a file that carries a VM. The kernel takes the file through our descriptor. */
static int probe_lua(struct facts *f, int fd, struct elf_image *elf, const struct elf_lua *lua)
{
	const char *open_libs = lua->has_openlibs ? "luaL_openlibs" : "luaL_openselectedlibs";
	uint64_t open_offset, close_offset = 0;
	uint32_t binary;
	char path[64];
	int r;

	r = elf_probe_offset(elf, open_libs, &open_offset);
	if (r < 0)
		return r;
	if (elf_probe_offset(elf, "lua_close", &close_offset) < 0)
		close_offset = 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = collect_probe_lua(f->collector, path, open_offset, close_offset, &binary);
	if (r < 0)
		return r;
	f->version_of_binary[binary] = strdup(lua->version);
	return 0;
}

static int inspect_file(struct facts *f, int fd, unsigned depth)
{
	struct elf_image *elf;
	struct elf_lua lua;
	int r;

	r = elf_open_fd(fd, &elf);
	if (r < 0)
		return r;
	r = elf_lua_kind(elf, &lua);
	if (r == 0 && lua.family != ELF_LUA_NONE)
		r = probe_lua(f, fd, elf, &lua);
	else if (r == 0 && lua.needs[0] && depth == 0) {
		int library = open_library(lua.needs);

		if (library >= 0) {
			r = inspect_file(f, library, depth + 1);
			close(library);
		}
	}
	elf_free(elf);
	return r;
}

static int on_exec(struct facts *f, const struct bprof_exec *exec)
{
	struct target *t = target_get(f, exec->pid);
	int fd, r;

	if (!t)
		return -ENOMEM;
	target_forget(t);
	log_debug("exec", "exec::seen pid=%u, comm=%.16s, ino=%llu, held=%u", exec->pid, exec->comm,
		  exec->ino, exec->flags & BPROF_EXEC_HELD);
	if (!(exec->flags & BPROF_EXEC_HELD))
		return 0;
	wait_until_stopped(exec->pid);
	if (proc_open_exe((pid_t)exec->pid, &fd) == 0) {
		r = inspect_file(f, fd, 0);
		if (r < 0)
			log_debug("exec", "exec::no_probe pid=%u, error=%s", exec->pid,
				  strerror(-r));
		close(fd);
	}
	r = collect_know_binary(f->collector, exec->dev, exec->ino);
	let_go(exec->pid);
	return r == -E2BIG ? 0 : r; /* a full table only means that more processes are held */
}

/* ---- VMs ----------------------------------------------------------------------------------- */

struct code_lookup {
	struct facts *facts;
	struct target *target;
};

static int code_range(void *ctx, uaddr_t pc, uaddr_t *start, uaddr_t *end)
{
	struct code_lookup *lookup = ctx;
	const struct proc_map *map;
	struct elf_range range;
	uint64_t vaddr;
	struct elf_image *elf = image_at(lookup->facts, lookup->target, pc, &map, &vaddr);
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

static void target_add_vm(struct target *t, const struct lua_vm *vm)
{
	uint32_t at = 0;

	while (at < t->vms.nr && t->vms.vm[at].global != vm->global)
		at++;
	if (at >= BPROF_MAX_VMS)
		return;
	t->vms.vm[at] = *vm;
	t->runtime_told[at] = false;
	if (at >= t->vms.nr)
		t->vms.nr = at + 1;
}

/* The first VM of this binary: find out where it keeps everything. The process is stopped. */
static int learn_layout(struct facts *f, struct target *t, const struct bprof_vm_open *open)
{
	struct code_lookup lookup = {.facts = f, .target = t};
	struct discover_env env = {.code_range = code_range, .is_code = is_code, .ctx = &lookup};
	const struct mem_reader *mem = target_mem(t);
	const char *hint = f->version_of_binary[open->binary];
	struct discovery found;
	const struct proc_map *map;
	uint32_t index;
	int r;

	if (!mem)
		return 0;
	r = discover_vm(mem, &env, open->state, hint ? hint : "", &found);
	if (r < 0) {
		f->unproved++;
		log_warn("unwind", "unwind::unknown_layout pid=%u, version=%s, error=%s", t->pid,
			 hint ? hint : "?", strerror(-r));
		return 0;
	}
	r = collect_set_layout(f->collector, open->binary, &found.layout, &index);
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	f->layouts[index] = found.layout;
	f->layout_of_binary[open->binary] = index;
	map = found.vm.vm_start ? target_map(t, found.vm.vm_start) : NULL;
	f->path_of_layout[index] = strdup(map ? map->path : "");
	found.vm.layout = index;
	found.vm.family = found.layout.family;
	target_add_vm(t, &found.vm);
	log_debug("unwind", "unwind::layout pid=%u, index=%u, version=%s", t->pid, index,
		  found.version);
	return collect_publish_vm(f->collector, t->pid, &found.vm);
}

static int on_vm_open(struct facts *f, const struct bprof_vm_open *open)
{
	struct target *t = target_get(f, open->pid);
	int r = 0;

	if (!t)
		return -ENOMEM;
	if (open->binary >= BPROF_MAX_LAYOUTS || open->layout >= BPROF_MAX_LAYOUTS)
		return 0;
	if (!open->layout) {
		wait_until_stopped(open->pid);
		r = learn_layout(f, t, open);
		if (open->held)
			let_go(open->pid);
	} else if (open->vm) {
		struct lua_vm vm = {.global = open->vm,
				    .main = open->state,
				    .layout = open->layout,
				    .family = f->layouts[open->layout].family};

		target_add_vm(t, &vm);
	}
	return r;
}

static void on_vm_close(struct facts *f, const struct bprof_vm_close *record)
{
	struct target *t;

	HASH_FIND(hh, f->targets, &record->pid, sizeof(record->pid), t);
	for (uint32_t i = 0; t && i < t->vms.nr; i++) {
		if (t->vms.vm[i].main != record->state)
			continue;
		t->vms.nr--;
		t->vms.vm[i] = t->vms.vm[t->vms.nr];
		t->runtime_told[i] = t->runtime_told[t->vms.nr];
	}
}

static int on_fork(struct facts *f, const struct bprof_fork *record)
{
	struct target *parent, *child;

	HASH_FIND(hh, f->targets, &record->parent_pid, sizeof(record->parent_pid), parent);
	if (!parent || !parent->vms.nr)
		return 0;
	child = target_get(f, record->pid);
	if (!child)
		return -ENOMEM;
	target_forget(child);
	child->vms = parent->vms;
	return 0;
}

static void on_exit_record(struct facts *f, uint32_t pid)
{
	struct target *t;

	HASH_FIND(hh, f->targets, &pid, sizeof(pid), t);
	if (!t)
		return;
	HASH_DEL(f->targets, t);
	target_forget(t);
	free(t);
}

static const struct lua_vm *target_vm(const struct target *t, uint64_t global)
{
	for (uint32_t i = 0; i < t->vms.nr; i++)
		if (t->vms.vm[i].global == global)
			return &t->vms.vm[i];
	return NULL;
}

/* ---- what samples and prototypes speak of -------------------------------------------------- */

/* Appends every record that is in the buffer. */
static int record_captured(struct facts *f)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && f->buf.len - at >= sizeof(struct bprof_record)) {
		struct bprof_record header;

		memcpy(&header, f->buf.data + at, sizeof(header));
		if (header.size < sizeof(header) || header.size > f->buf.len - at)
			break;
		r = recorder_add(f->recorder, (const void *)(f->buf.data + at));
		at += header.size;
	}
	buf_reset(&f->buf);
	return r;
}

static int tell_runtime(struct facts *f, struct target *t, const struct lua_vm *vm)
{
	size_t i = (size_t)(vm - t->vms.vm);
	const struct mem_reader *mem = target_mem(t);
	const char *path = f->path_of_layout[vm->layout];
	char exe[4096] = "", link[64];
	ssize_t len;

	if (t->runtime_told[i] || !mem)
		return 0;
	t->runtime_told[i] = true;
	if (!path || !path[0]) {
		snprintf(link, sizeof(link), "/proc/%u/exe", t->pid);
		len = readlink(link, exe, sizeof(exe) - 1);
		exe[len > 0 ? len : 0] = 0;
		path = exe;
	}
	buf_reset(&f->buf);
	if (capture_runtime(mem, &f->layouts[vm->layout], vm, t->pid, path, true, &f->buf) < 0)
		return 0;
	return record_captured(f);
}

static int on_proto(struct facts *f, const struct bprof_proto *proto)
{
	struct target *t;
	const struct lua_vm *vm;
	const struct mem_reader *mem;
	const struct bprof_proto_body *body;
	int r;

	HASH_FIND(hh, f->targets, &proto->pid, sizeof(proto->pid), t);
	vm = t ? target_vm(t, proto->vm) : NULL;
	mem = vm ? target_mem(t) : NULL;
	if (!mem)
		return 0;
	r = tell_runtime(f, t, vm);
	if (r < 0)
		return r;
	buf_reset(&f->buf);
	r = capture_proto(mem, &f->layouts[vm->layout], proto->pid, proto->vm, proto->object,
			  proto->fingerprint, &f->buf);
	if (r < 0) {
		log_trace("symbols", "symbols::proto_gone pid=%u, error=%s", proto->pid,
			  strerror(-r));
		return r == -ENOMEM ? r : 0;
	}
	body = (const void *)f->buf.data;
	if (body->nr_lines)
		collect_mark_captured(f->collector, proto->pid, proto->object, proto->fingerprint);
	if (capture_is_busted_safe(body))
		collect_set_safe_proto(f->collector, proto->pid, proto->object);
	return record_captured(f);
}

static int record_symbol(struct facts *f, uint32_t pid, uint64_t address, const char *symbol,
			 const char *module)
{
	struct bprof_symbol record = {.pid = pid, .address = address};
	int r;

	record.symbol_len = (uint32_t)strlen(symbol);
	record.module_len = (uint32_t)strlen(module);
	record.h.type = BPROF_RECORD_SYMBOL;
	record.h.size = (uint32_t)sizeof(record) + record.symbol_len + record.module_len;
	record.h.size = (record.h.size + 7U) & ~7U;
	buf_reset(&f->buf);
	r = buf_add(&f->buf, &record, sizeof(record));
	if (!r)
		r = buf_addstr(&f->buf, symbol);
	if (!r)
		r = buf_addstr(&f->buf, module);
	if (!r)
		r = buf_addzero(&f->buf, record.h.size - f->buf.len);
	return r == -E2BIG ? 0 : r ? r : record_captured(f);
}

/*
 * The symbol that covers a native address. A function without one is known by its place in its
 * file; of any other address only the file is told.
 */
static int tell_address(struct facts *f, struct target *t, uint64_t address, bool is_function)
{
	const struct proc_map *map = NULL;
	const char *symbol = NULL, *module;
	struct elf_image *elf;
	uint64_t vaddr = 0;
	char place[128];

	elf = image_at(f, t, address, &map, &vaddr);
	if (elf)
		symbol = elf_symbol_at(elf, vaddr, NULL);
	if (!map)
		map = target_map(t, address);
	if (!map)
		return 0;
	module = strrchr(map->path, '/') ? strrchr(map->path, '/') + 1 : map->path;
	if (!module[0])
		module = "anonymous memory";
	if (!symbol && elf && is_function) {
		snprintf(place, sizeof(place), "%.100s+0x%llx", module, (unsigned long long)vaddr);
		symbol = place;
	}
	return record_symbol(f, t->pid, address, symbol ? symbol : "", module);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Appends the names in the buffer that this process has not told before. */
static int record_new_names(struct facts *f, struct target *t)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && f->buf.len - at >= sizeof(struct bprof_cfunction)) {
		const struct bprof_cfunction *record = (const void *)(f->buf.data + at);

		if (record->h.size < sizeof(*record) || record->h.size > f->buf.len - at)
			break;
		if (target_meets(t, THING_CFUNCTION_NAME, record->object, record->ffid))
			r = recorder_add(f->recorder, &record->h);
		at += record->h.size;
	}
	buf_reset(&f->buf);
	return r;
}

/* C functions new to us: package.loaded may have grown; what is not in it has a symbol perhaps. */
static int tell_cfunction(struct facts *f, struct target *t, const struct lua_vm *vm,
			  const struct bprof_frame *frame)
{
	bool builtin = frame->flags & BPROF_FRAME_BUILTIN;
	const struct mem_reader *mem = target_mem(t);
	uint64_t now = now_ns();
	int r;

	if (!mem)
		return 0;
	if (now >= t->cfunctions_next_ns) {
		buf_reset(&f->buf);
		r = capture_cfunctions(mem, &f->layouts[vm->layout], vm, t->pid, &f->buf);
		if (r == -ENOMEM)
			return r;
		r = record_new_names(f, t);
		if (r < 0)
			return r;
		t->cfunctions_next_ns = now_ns() + t->cfunctions_wait_ns;
		t->cfunctions_wait_ns *= 2;
	}
	return builtin ? 0 : tell_address(f, t, frame->object, true);
}

static int tell_element(struct facts *f, struct target *t, const struct lua_vm *vm,
			const struct bprof_span *span)
{
	const struct mem_reader *mem = target_mem(t);
	int r;

	if (!mem)
		return 0;
	buf_reset(&f->buf);
	r = capture_element(mem, &f->layouts[vm->layout], t->pid, span, &f->buf);
	if (r < 0) {
		log_trace("symbols", "symbols::element_unread pid=%u, element=0x%llx, error=%s",
			  t->pid, span->element, strerror(-r));
		/* its table may just be growing: the next sample that shows it tries again */
		target_forget_thing(t, THING_ELEMENT, span->element, span->descriptor);
		return r == -ENOMEM ? r : 0;
	}
	return record_captured(f);
}

static int on_sample(struct facts *f, const struct decoded *d)
{
	const struct bprof_sample *s = d->sample.fixed;
	struct target *t = target_get(f, s->pid);
	const struct lua_vm *vm;
	int r = 0;

	if (!t)
		return -ENOMEM;
	if (!s->nr_frames && !(s->flags & BPROF_SAMPLE_KERNEL) &&
	    target_meets(t, THING_ADDRESS, s->ip, 0))
		return tell_address(f, t, s->ip, false);
	vm = target_vm(t, s->vm);
	if (!vm)
		return 0;
	for (size_t i = 0; r == 0 && i < s->nr_frames; i++) {
		const struct bprof_frame *frame = &d->sample.frames[i];
		bool builtin = frame->flags & BPROF_FRAME_BUILTIN;

		if (!(frame->flags & (BPROF_FRAME_C | BPROF_FRAME_BUILTIN)))
			continue;
		if (target_meets(t, THING_CFUNCTION, builtin ? 0 : frame->object,
				 builtin ? frame->pos : 0))
			r = tell_cfunction(f, t, vm, frame);
	}
	for (size_t i = 0; r == 0 && i < s->nr_spans; i++) {
		const struct bprof_span *span = &d->sample.spans[i];

		if (target_meets(t, THING_ELEMENT, span->element, span->descriptor))
			r = tell_element(f, t, vm, span);
	}
	return r;
}

int facts_observe(struct facts *f, const struct bprof_record *record)
{
	struct decoded d;

	if (decode_record(record, &d) < 0)
		return 0; /* recorded all the same; the reader of the recording counts it */
	switch ((enum bprof_record_type)record->type) {
	case BPROF_RECORD_SAMPLE:
		return on_sample(f, &d);
	case BPROF_RECORD_PROTO:
		return on_proto(f, d.proto.fixed);
	case BPROF_RECORD_FORK:
		return on_fork(f, d.fork);
	case BPROF_RECORD_EXEC:
		return on_exec(f, d.exec);
	case BPROF_RECORD_EXIT:
		on_exit_record(f, d.exit->pid);
		return 0;
	case BPROF_RECORD_VM_OPEN:
		return on_vm_open(f, d.vm_open);
	case BPROF_RECORD_VM_CLOSE:
		on_vm_close(f, d.vm_close);
		return 0;
	default:
		return 0;
	}
}
