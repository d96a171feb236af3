/* SPDX-License-Identifier: MIT */
/*
 * Does the garbage collector of PUC Lua run? For samples that the kernel could not decide.
 *
 * The native stack is unwound from the leaf until a frame tells:
 *
 *	a way into the collector            the collector runs
 *	luaV_execute                        it does not
 *	luaD_call and its like              it does not: what was called runs, a finalizer if the
 *	                                    collector is farther up
 *
 * The copy of the stack is forgotten; the recording gets the answer.
 */
#include <errno.h>
#include <string.h>

#include "log.h"

#include "collect/collect.h"
#include "facts_private.h"
#include "unwind/native.h"

/* ---- the code of a build --------------------------------------------------------------------- */

int facts_learn_code(struct facts *f, uint32_t binary, struct elf_image *elf, uint64_t reference)
{
	struct puc_code *code = calloc(1, sizeof(*code));
	int r;

	if (!code)
		return -ENOMEM;
	r = elf_lua_code(elf, &code->functions);
	if (!r)
		r = elf_vaddr_of_offset(elf, reference, &code->reference);
	if (!r)
		r = elf_file_id(elf, &code->dev, &code->ino);
	if (r < 0) {
		log_debug("unwind", "unwind::unknown_collector binary=%u, error=%s", binary,
			  strerror(-r));
		free(code);
		return r == -ENOMEM ? r : 0;
	}
	f->code_of_binary[binary] = code;
	return 0;
}

/* From the start of the first way into the collector to the end of the last. */
static struct elf_range hull_of_gc(const struct elf_lua_code *code)
{
	struct elf_range hull = code->gc[0];

	for (size_t i = 1; i < code->nr_gc; i++) {
		if (code->gc[i].start < hull.start)
			hull.start = code->gc[i].start;
		if (code->gc[i].end > hull.end)
			hull.end = code->gc[i].end;
	}
	return hull;
}

/*
 * The file of a build, borrowed, and where it is mapped: address in the process minus address in
 * the file. NULL: nowhere.
 */
static struct elf_image *find_bias(struct facts *f, struct target *t, const struct puc_code *code,
				   uint64_t *ret)
{
	for (size_t i = 0; i < t->maps.nr; i++) {
		const struct proc_map *map = &t->maps.map[i];
		uint64_t vaddr, dev, ino;
		struct elf_image *elf;

		if (!proc_map_is_code(map))
			continue;
		*ret = map->start;
		elf = targets_image_at(f->targets, t, map->start, &map, &vaddr);
		if (!elf || elf_file_id(elf, &dev, &ino) < 0 || dev != code->dev ||
		    ino != code->ino)
			continue;
		*ret -= vaddr;
		return elf;
	}
	return NULL;
}

/* As the machine numbers its registers. */
#ifdef BPROF_ARCH_X86_64
static const uint8_t registers[] = {
	BPROF_REG_AX,  BPROF_REG_CX,  BPROF_REG_DX,  BPROF_REG_BX,  BPROF_REG_SP,  BPROF_REG_BP,
	BPROF_REG_SI,  BPROF_REG_DI,  BPROF_REG_R8,  BPROF_REG_R9,  BPROF_REG_R10, BPROF_REG_R11,
	BPROF_REG_R12, BPROF_REG_R13, BPROF_REG_R14, BPROF_REG_R15,
};
#define NR_REGISTERS	 ARRAY_SIZE(registers)
#define REGISTER(number) registers[number]
#else
#define NR_REGISTERS	 31
#define REGISTER(number) (uint8_t)(BPROF_REG_X0 + (number))
#endif

static void place_register(struct elf_image *elf, const struct puc_code *code,
			   struct puc_layout *puc)
{
	unsigned number;

	if (elf_lua_pc_register(elf, &code->functions.execute,
				puc->ci_is_array ? puc->state_savedpc : puc->ci_savedpc,
				&number) < 0 ||
	    number >= NR_REGISTERS)
		return;
	puc->pc_reg = REGISTER(number);
	puc->pc_reg_proved = 1;
}

static void place_windows(struct elf_image *elf, const struct puc_code *code,
			  struct puc_layout *puc)
{
	const struct elf_range *execute = &code->functions.execute;
	struct elf_lua_fetch fetch;

	_Static_assert(ELF_MAX_WINDOWS <= PUC_MAX_WINDOWS, "each has its place");
	if (elf_lua_fetch(elf, execute, puc->ci_savedpc, &fetch) < 0)
		return;
	for (size_t i = 0; i < fetch.nr; i++) {
		puc->window[i].from = (uint16_t)(fetch.window[i].start - execute->start);
		puc->window[i].bytes = (uint16_t)(fetch.window[i].end - fetch.window[i].start);
	}
	puc->nr_windows = (uint16_t)fetch.nr;
	puc->fetch_proved = 1;
}

/* Tells the kernel's side where the functions are, in this process and in every later one. */
void facts_place_code(struct facts *f, uint32_t binary, struct target *t, struct lua_layout *layout,
		      struct lua_vm *vm)
{
	const struct puc_code *code = f->code_of_binary[binary];
	struct puc_layout *puc = &layout->puc;
	struct elf_range hull, execute;
	struct elf_image *elf;
	uint64_t bias;

	if (!code || layout->family != BPROF_FAMILY_PUC || !target_map(t, vm->main))
		return;
	elf = find_bias(f, t, code, &bias);
	if (!elf)
		return;
	execute = code->functions.execute;
	vm->vm_start = bias + execute.start;
	vm->vm_end = bias + execute.end;
	puc->execute_offset = (int32_t)(execute.start - code->reference);
	puc->execute_bytes = (uint32_t)(execute.end - execute.start);
	if (puc->savedpc_is_live)
		place_windows(elf, code, puc);
	else
		place_register(elf, code, puc);
	if (!code->functions.nr_gc)
		return;
	hull = hull_of_gc(&code->functions);
	vm->gc_start = bias + hull.start;
	vm->gc_end = bias + hull.end;
	puc->gc_offset = (int32_t)(hull.start - code->reference);
	puc->gc_bytes = (uint32_t)(hull.end - hull.start);
}

/* ---- one sample ------------------------------------------------------------------------------ */

struct question {
	const struct elf_lua_code *code;
	uint64_t bias;
	enum bprof_gc_state state;
	uint16_t nr_frames;
};

static bool is_in(const struct elf_range *range, size_t nr, uint64_t vaddr)
{
	for (size_t i = 0; i < nr; i++)
		if (vaddr >= range[i].start && vaddr < range[i].end)
			return true;
	return false;
}

static bool look_at_frame(void *arg, uaddr_t pc)
{
	struct question *q = arg;
	uint64_t vaddr = pc - q->bias;

	q->nr_frames++;
	if (is_in(q->code->gc, q->code->nr_gc, vaddr))
		q->state = BPROF_GC_INSIDE;
	else if (is_in(&q->code->execute, 1, vaddr) ||
		 is_in(q->code->caller, q->code->nr_callers, vaddr))
		q->state = BPROF_GC_OUTSIDE;
	else
		return true;
	return false;
}

static enum bprof_gc_state state_of_failure(int error)
{
	switch (error) {
	case 0: /* the whole stack, and no collector in it */
		return BPROF_GC_OUTSIDE;
	case -EFAULT:
		return BPROF_GC_CUT;
	default:
		return BPROF_GC_NO_UNWIND;
	}
}

static enum bprof_gc_state answer(struct facts *f, const struct decoded *d, uint16_t *ret_nr_frames)
{
	const struct bprof_native_stack *fixed = d->native_stack.fixed;
	struct native_stack stack = {.reg = d->native_stack.regs,
				     .word = d->native_stack.words,
				     .nr_words = fixed->nr_words};
	struct target *t = targets_find(f->targets, fixed->pid);
	const struct lua_vm *vm = t ? target_vm(t, fixed->vm) : NULL;
	const struct puc_code *code =
		vm ? f->code_of_binary[f->binary_of_layout[vm->layout]] : NULL;
	struct native_unwinder *unwinder;
	struct question q = {.state = BPROF_GC_ASKED};
	int r;

	*ret_nr_frames = 0;
	if (!code || !code->functions.nr_gc || fixed->nr_regs != BPROF_NR_REGS)
		return BPROF_GC_UNPROVED;
	unwinder = target_unwinder(f->targets, t);
	if (!unwinder)
		return BPROF_GC_UNREAD;
	q.code = &code->functions;
	q.bias = fixed->execute - code->functions.execute.start;
	r = native_walk(unwinder, &stack, look_at_frame, &q);
	*ret_nr_frames = q.nr_frames;
	return q.state == BPROF_GC_ASKED ? state_of_failure(r) : q.state;
}

int facts_on_native_stack(struct facts *f, const struct decoded *d)
{
	const struct bprof_native_stack *fixed = d->native_stack.fixed;
	struct bprof_gc gc = {
		.h = {.type = BPROF_RECORD_GC, .size = sizeof(gc), .time_ns = fixed->h.time_ns},
		.pid = fixed->pid,
		.tid = fixed->tid,
		.cpu = fixed->cpu,
	};

	gc.state = (uint8_t)answer(f, d, &gc.nr_frames);
	return recorder_add(f->recorder, &gc.h);
}
