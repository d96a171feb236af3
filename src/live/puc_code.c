/* SPDX-License-Identifier: MIT */
/*
 * Manages what the file of an interpreter tells of PUC Lua: where luaV_execute and the collector
 * are, and where the pc is while they run. Learned once of a build, true in every process of it.
 */
#include <errno.h>
#include <string.h>

#include "log.h"

#include "collect/collect.h"
#include "facts_private.h"
#ifdef BPROF_ARCH_X86_64
#include "proc/x86_64.h"
#endif

/* ---- of which file --------------------------------------------------------------------------- */

static int read_code(struct elf_image *elf, struct puc_code **ret)
{
	struct puc_code *code = calloc(1, sizeof(*code));
	int r;

	if (!code)
		return -ENOMEM;
	r = elf_lua_code(elf, &code->functions);
	if (!r)
		r = elf_file_id(elf, &code->dev, &code->ino);
	if (r < 0) {
		free(code);
		return r;
	}
	*ret = code;
	return 0;
}

int facts_learn_code(struct facts *f, uint32_t binary, struct elf_image *elf, uint64_t reference)
{
	struct puc_code *code;
	int r = read_code(elf, &code);

	if (!r) {
		r = elf_vaddr_of_offset(elf, reference, &code->reference);
		if (r < 0)
			free(code);
	}
	if (r < 0) {
		log_debug("unwind", "unwind::unknown_code binary=%u, error=%s", binary,
			  strerror(-r));
		return r == -ENOMEM ? r : 0;
	}
	f->code_of_binary[binary] = code;
	return 0;
}

/* The code of a file without symbols, read once in a run; NULL: it has no VM, or is not proved. */
static struct puc_code *hidden_code(struct facts *f, struct elf_image *elf)
{
	struct hidden_file *file = f->hidden;
	uint64_t dev, ino;
	struct elf_lua lua;

	if (elf_file_id(elf, &dev, &ino) < 0)
		return NULL;
	for (; file < f->hidden + f->nr_hidden; file++)
		if (file->dev == dev && file->ino == ino)
			return file->code;
	if (f->nr_hidden == MAX_HIDING)
		return NULL;
	*file = (struct hidden_file){.dev = dev, .ino = ino};
	f->nr_hidden++;
	if (elf_lua_kind(elf, &lua) == 0 && (lua.is_hidden || lua.family == ELF_LUA_PUC) &&
	    read_code(elf, &file->code) < 0)
		file->code = NULL;
	return file->code;
}

struct puc_code *facts_hidden_code(struct facts *f, struct target *t)
{
	struct puc_code *found = NULL;

	for (size_t i = 0; i < t->maps.nr; i++) {
		const struct proc_map *map = &t->maps.map[i];
		struct puc_code *code;
		struct elf_image *elf;
		uint64_t vaddr;

		if (!proc_map_is_code(map) || !map->ino)
			continue;
		elf = targets_image_at(f->targets, t, map->start, &map, &vaddr);
		code = elf ? hidden_code(f, elf) : NULL;
		if (code && found && code != found) /* which of them? */
			return NULL;
		found = code ? code : found;
	}
	return found;
}

/* ---- where it is ----------------------------------------------------------------------------- */

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

static unsigned offset_of_savedpc(const struct puc_layout *puc)
{
	return puc->ci_is_array ? puc->state_savedpc : puc->ci_savedpc;
}

#ifdef BPROF_ARCH_X86_64

/* Does it survive calls? */
static bool is_kept(unsigned number)
{
	return !(X86_64_CALLER_SAVED >> number & 1);
}

static uint8_t cell_of(uint8_t cell)
{
	if (cell == ELF_PLACE_NOWHERE)
		return PUC_TABLE_NOWHERE;
	if (cell == ELF_PLACE_SAVED)
		return PUC_TABLE_SAVED;
	return cell < ELF_PLACE_FRAME ? REGISTER(cell)
				      : (uint8_t)(PUC_TABLE_FRAME + cell - ELF_PLACE_FRAME);
}

static int make_table(struct elf_image *elf, const struct puc_code *code,
		      const struct lua_layout *layout, struct puc_pc_table *ret)
{
	struct elf_lua_places *places = calloc(1, sizeof(*places));
	unsigned mask = layout->dialect < LUA_DIALECT_54 ? 0x3f : 0x7f;
	int r = places ? elf_lua_places(elf, &code->functions.execute, mask,
					offset_of_savedpc(&layout->puc), places)
		       : -ENOMEM;

	_Static_assert(ELF_MAX_PLACES <= PUC_MAX_ENTRIES && ELF_MAX_FRAME <= PUC_TABLE_PLACES,
		       "each has its place");
	for (size_t i = 0; r == 0 && i < places->nr; i++)
		ret->at[i] = (struct puc_pc_entry){places->at[i].from, cell_of(places->at[i].cell),
						   places->at[i].add};
	for (size_t i = 0; r == 0 && i < ELF_MAX_FRAME; i++)
		ret->frame[i] = (uint32_t)places->frame[i];
	ret->nr = r == 0 ? (uint32_t)places->nr : 0;
	free(places);
	return r;
}

#else

static bool is_kept(unsigned number)
{
	(void)number;
	return true;
}

static int make_table(struct elf_image *elf, const struct puc_code *code,
		      const struct lua_layout *layout, struct puc_pc_table *ret)
{
	(void)elf, (void)code, (void)layout, (void)ret;
	return -ENODATA;
}

#endif

/* Once of a build: no process changes it. */
static bool has_table(struct elf_image *elf, struct puc_code *code, const struct lua_layout *layout)
{
	if (!code->table_is_tried)
		make_table(elf, code, layout, &code->table);
	code->table_is_tried = true;
	return code->table.nr != 0;
}

/* A register that survives calls is the least to ask for. */
static void place_pc(struct elf_image *elf, struct puc_code *code, struct lua_layout *layout)
{
	struct puc_layout *puc = &layout->puc;
	unsigned number = NR_REGISTERS;

	if (elf_lua_pc_register(elf, &code->functions.execute, offset_of_savedpc(puc), &number) < 0)
		number = NR_REGISTERS;
	if ((number >= NR_REGISTERS || !is_kept(number)) && has_table(elf, code, layout)) {
		puc->has_pc_table = 1;
	} else if (number < NR_REGISTERS) {
		puc->pc_reg = REGISTER(number);
		puc->pc_reg_proved = 1;
	}
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

/* In this process. Returns the file, borrowed; NULL if it is not mapped. */
static struct elf_image *place_execute(struct facts *f, struct puc_code *code, struct target *t,
				       struct lua_layout *layout, struct lua_vm *vm,
				       uint64_t *ret_bias)
{
	const struct elf_range *execute = &code->functions.execute;
	struct elf_image *elf;

	if (layout->family != BPROF_FAMILY_PUC || !target_map(t, vm->main))
		return NULL;
	elf = find_bias(f, t, code, ret_bias);
	if (!elf)
		return NULL;
	vm->vm_start = *ret_bias + execute->start;
	vm->vm_end = *ret_bias + execute->end;
	if (layout->puc.savedpc_is_live)
		place_windows(elf, code, &layout->puc);
	else
		place_pc(elf, code, layout);
	return elf;
}

void facts_place_hidden(struct facts *f, struct puc_code *code, struct target *t,
			struct lua_layout *layout, struct lua_vm *vm)
{
	uint64_t bias;

	place_execute(f, code, t, layout, vm, &bias);
}

/* Tells the kernel's side where the functions are, in this process and in every later one. */
void facts_place_code(struct facts *f, uint32_t binary, struct target *t, struct lua_layout *layout,
		      struct lua_vm *vm)
{
	struct puc_code *code = f->code_of_binary[binary];
	struct puc_layout *puc = &layout->puc;
	struct elf_range hull, execute;
	uint64_t bias;

	if (!code || !place_execute(f, code, t, layout, vm, &bias))
		return;
	execute = code->functions.execute;
	puc->execute_offset = (int32_t)(execute.start - code->reference);
	puc->execute_bytes = (uint32_t)(execute.end - execute.start);
	if (!code->functions.nr_gc)
		return;
	hull = hull_of_gc(&code->functions);
	vm->gc_start = bias + hull.start;
	vm->gc_end = bias + hull.end;
	puc->gc_offset = (int32_t)(hull.start - code->reference);
	puc->gc_bytes = (uint32_t)(hull.end - hull.start);
}

int facts_tell_pc_table(struct facts *f, const struct puc_code *code,
			const struct lua_layout *layout, uint32_t index)
{
	if (layout->family != BPROF_FAMILY_PUC || !layout->puc.has_pc_table)
		return 0;
	return collect_set_pc_table(f->collector, index, &code->table);
}
