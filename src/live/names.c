/* SPDX-License-Identifier: MIT */
/* What samples and prototypes speak of: read from the target while it lives, told to the recording.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#include "collect/collect.h"
#include "facts_private.h"
#include "symbol/symbol.h"

/* Not older than what the record tells of. NULL when the process is gone. */
static const struct mem_reader *memory_of(struct facts *f, struct target *t,
					  const struct bprof_record *record)
{
	const struct mem_reader *live = target_mem(t);

	return live ? snapshot_mem(f->snapshot, t->pid, record->time_ns, live) : NULL;
}

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

int facts_record_runtime(struct facts *f, const struct bprof_runtime *runtime, const char *version,
			 const char *path)
{
	struct bprof_runtime record = *runtime;
	int r;

	record.h.type = BPROF_RECORD_RUNTIME;
	record.h.time_ns = monotonic_ns();
	record.version_len = version ? (uint32_t)strlen(version) : 0;
	record.path_len = path ? (uint32_t)strlen(path) : 0;
	record.h.size = (uint32_t)sizeof(record) + record.version_len + record.path_len;
	record.h.size = (record.h.size + 7U) & ~7U;
	buf_reset(&f->buf);
	r = buf_add(&f->buf, &record, sizeof(record));
	if (!r)
		r = buf_add(&f->buf, version, record.version_len);
	if (!r)
		r = buf_add(&f->buf, path, record.path_len);
	if (!r)
		r = buf_addzero(&f->buf, record.h.size - f->buf.len);
	return r ? r : record_captured(f);
}

/* @jit: 0 off, 1 on, JIT_NOT_KNOWN */
int facts_tell_runtime(struct facts *f, const struct target *t, const struct lua_vm *vm,
		       uint8_t jit)
{
	const struct bprof_runtime record = {
		.pid = t->pid,
		.family = (uint8_t)vm->family,
		.gc64 = vm->family == BPROF_FAMILY_LUAJIT && !f->layouts[vm->layout].luajit.refs32,
		.jit = jit,
		.proved = 1,
		.vm = vm->global,
		.state = vm->main,
	};

	return facts_record_runtime(f, &record, f->version_of_layout[vm->layout],
				    f->path_of_layout[vm->layout]);
}

/* Whether the compiler is on, once it can be seen: the library that sets it up has been opened. */
static int tell_jit(struct facts *f, const struct target *t, const struct lua_vm *vm,
		    const struct mem_reader *mem)
{
	const struct bprof_runtime *captured;
	uint8_t jit;

	if (vm->family != BPROF_FAMILY_LUAJIT || f->jit_told[vm->layout])
		return 0;
	f->jit_told[vm->layout] = true;
	buf_reset(&f->buf);
	if (capture_runtime(mem, &f->layouts[vm->layout], vm, t->pid, "", true, &f->buf) < 0)
		return 0;
	captured = (const void *)f->buf.data;
	jit = captured->jit;
	return facts_tell_runtime(f, t, vm, jit);
}

int facts_on_proto(struct facts *f, const struct bprof_proto *proto)
{
	struct target *t;
	const struct lua_vm *vm;
	const struct mem_reader *mem;
	const struct bprof_proto_body *body;
	int r;

	t = targets_find(f->targets, proto->pid);
	vm = t ? target_vm(t, proto->vm) : NULL;
	mem = vm ? memory_of(f, t, &proto->h) : NULL;
	if (!mem) {
		collect_forget_proto(f->collector, proto->pid, proto->object, proto->fingerprint);
		return 0;
	}
	r = tell_jit(f, t, vm, mem);
	if (r < 0)
		return r;
	buf_reset(&f->buf);
	r = capture_proto(mem, &f->layouts[vm->layout], proto->pid, proto->vm, proto->object,
			  proto->fingerprint, &f->buf);
	if (r >= 0 && !capture_is_chunk((const void *)f->buf.data, (const char *)(proto + 1),
					proto->chunkname_len, proto->chunkname_cut))
		r = -ESTALE;
	if (r >= 0)
		r = capture_confirm(target_mem(t), &f->layouts[vm->layout], proto->object,
				    proto->fingerprint);
	if (r < 0) {
		log_trace("symbols", "symbols::proto_gone pid=%u, error=%s", proto->pid,
			  strerror(-r));
		/* a later VM may have the same function in the same place */
		collect_forget_proto(f->collector, proto->pid, proto->object, proto->fingerprint);
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

	elf = targets_image_at(f->targets, t, address, &map, &vaddr);
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

/* Names of C functions, once they are due: package.loaded may have grown since it was last walked.
 */
static int tell_cfunctions(struct facts *f, struct target *t, const struct lua_vm *vm,
			   const struct bprof_record *record)
{
	const struct mem_reader *mem;
	int r;

	if (!t->cfunctions_due || monotonic_ns() < t->cfunctions_next_ns)
		return 0;
	mem = memory_of(f, t, record);
	if (!mem)
		return 0;
	buf_reset(&f->buf);
	r = capture_cfunctions(mem, &f->layouts[vm->layout], vm, t->pid, &f->buf);
	if (r == -ENOMEM)
		return r;
	t->cfunctions_due = r < 0;
	t->cfunctions_next_ns = monotonic_ns() + t->cfunctions_wait_ns;
	t->cfunctions_wait_ns *= 4;
	return record_new_names(f, t);
}

/* A C function new to us: what no table holds has a symbol perhaps. */
static int meet_cfunction(struct facts *f, struct target *t, const struct bprof_frame *frame)
{
	bool builtin = frame->flags & BPROF_FRAME_BUILTIN;

	if (!target_meets(t, THING_CFUNCTION, builtin ? 0 : frame->object,
			  builtin ? frame->pos : 0))
		return 0;
	t->cfunctions_due = true;
	return builtin ? 0 : tell_address(f, t, frame->object, true);
}

static int tell_element(struct facts *f, struct target *t, const struct lua_vm *vm,
			const struct bprof_span *span, const struct bprof_record *record)
{
	const struct mem_reader *mem = memory_of(f, t, record);
	int r;

	if (!mem)
		return 0;
	buf_reset(&f->buf);
	r = capture_element(mem, &f->layouts[vm->layout], t->pid, span, &f->buf);
	if (r >= 0 && span->element)
		r = capture_element_confirm(target_mem(t), &f->layouts[vm->layout],
					    (const void *)f->buf.data);
	if (r < 0) {
		log_trace("symbols", "symbols::element_unread pid=%u, element=0x%llx, error=%s",
			  t->pid, span->element, strerror(-r));
		/* its table may just be growing: the next sample that shows it tries again */
		target_forget_thing(t, THING_ELEMENT, span->element, span->descriptor);
		return r == -ENOMEM ? r : 0;
	}
	return record_captured(f);
}

/* Is a part of the native stack missing that the walk of PUC Lua had to read? */
static bool lacks_stack(const struct bprof_sample *s, const struct lua_vm *vm)
{
	return vm->family == BPROF_FAMILY_PUC &&
	       (s->status == BPROF_WALK_CHAIN || s->vmstate == BPROF_GC_UNREAD);
}

/*
 * --repeat makes new elements in the memory of old ones. The hook says when (on_mark() in facts.c);
 * without it one that comes onto the stack is read again.
 */
static int meet_elements(struct facts *f, struct target *t, const struct lua_vm *vm,
			 const struct decoded *d)
{
	const struct bprof_sample *s = d->sample.fixed;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->nr_spans; i++) {
		const struct bprof_span *span = &d->sample.spans[i];

		if (!t->announces && !target_has_on_stack(t, span))
			target_forget_thing(t, THING_ELEMENT, span->element, span->descriptor);
		if (target_meets_again(t, THING_ELEMENT, span->element, span->descriptor,
				       span->fingerprint))
			r = tell_element(f, t, vm, span, &s->h);
	}
	target_set_on_stack(t, d->sample.spans, s->nr_spans);
	return r;
}

int facts_on_sample(struct facts *f, const struct decoded *d)
{
	const struct bprof_sample *s = d->sample.fixed;
	struct target *t = targets_get(f->targets, s->pid);
	const struct lua_vm *vm;
	int r = 0;

	if (!t)
		return -ENOMEM;
	if (!s->nr_frames && !(s->flags & BPROF_SAMPLE_KERNEL) &&
	    target_meets(t, THING_ADDRESS, s->ip, 0))
		r = tell_address(f, t, s->ip, false);
	if (r < 0)
		return r;
	if (s->status == BPROF_WALK_NO_VM)
		return facts_search_vm(f, t, s->h.time_ns);
	vm = target_vm(t, s->vm);
	if (!vm)
		return 0;
	if (lacks_stack(s, vm))
		facts_touch_stack(f, t, vm);
	for (size_t i = 0; r == 0 && i < s->nr_frames; i++)
		if (d->sample.frames[i].flags & (BPROF_FRAME_C | BPROF_FRAME_BUILTIN))
			r = meet_cfunction(f, t, &d->sample.frames[i]);
	if (r == 0)
		r = tell_cfunctions(f, t, vm, &s->h);
	return r == 0 ? meet_elements(f, t, vm, d) : r;
}
