/* SPDX-License-Identifier: MIT */
/*
 * Manages libunwind over memory that is no longer there: registers from the sample, stack words
 * from the copy, unwind data from the files.
 *
 * libunwind falls back to guesses when it finds no unwind data (on x86-64 it follows rbp). So every
 * question it asks us that we cannot answer is remembered, and ends the walk before its guess is
 * used.
 *
 * Facts: libunwind-dynamic(3), unw_create_addr_space(3); .eh_frame_hdr as in LSB core 10.6.2. The
 * search in a binary search table is exported by libunwind for debuggers, but declared in no
 * header.
 */
#include "native.h"

#include <errno.h>
#include <libunwind.h>
#include <string.h>

#define CACHED_ADDRESSES 512
#define PAIR_BYTES	 8

/* Of libunwind: fills @pi from a table in the address space. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip,
					      unw_dyn_info_t *di, unw_proc_info_t *pi,
					      int need_unwind_info, void *arg);

struct native_unwinder {
	struct native_env env;
	unw_addr_space_t space;
	/* of the walk that is under way */
	const struct native_stack *stack;
	uaddr_t stack_start;
	int failed; /* the first question that had no answer */
};

/* ---- registers of a machine ------------------------------------------------------------------ */

#ifdef BPROF_ARCH_X86_64

static int sample_register(unw_regnum_t reg)
{
	static const int8_t by_number[] = {
		[UNW_X86_64_RAX] = BPROF_REG_AX,  [UNW_X86_64_RDX] = BPROF_REG_DX,
		[UNW_X86_64_RCX] = BPROF_REG_CX,  [UNW_X86_64_RBX] = BPROF_REG_BX,
		[UNW_X86_64_RSI] = BPROF_REG_SI,  [UNW_X86_64_RDI] = BPROF_REG_DI,
		[UNW_X86_64_RBP] = BPROF_REG_BP,  [UNW_X86_64_RSP] = BPROF_REG_SP,
		[UNW_X86_64_R8] = BPROF_REG_R8,	  [UNW_X86_64_R9] = BPROF_REG_R9,
		[UNW_X86_64_R10] = BPROF_REG_R10, [UNW_X86_64_R11] = BPROF_REG_R11,
		[UNW_X86_64_R12] = BPROF_REG_R12, [UNW_X86_64_R13] = BPROF_REG_R13,
		[UNW_X86_64_R14] = BPROF_REG_R14, [UNW_X86_64_R15] = BPROF_REG_R15,
		[UNW_X86_64_RIP] = BPROF_REG_IP,
	};

	return reg < 0 || (size_t)reg >= ARRAY_SIZE(by_number) ? -1 : by_number[reg];
}

#else

static int sample_register(unw_regnum_t reg)
{
	if (reg >= UNW_AARCH64_X0 && reg <= UNW_AARCH64_X30)
		return BPROF_REG_X0 + (reg - UNW_AARCH64_X0);
	if (reg == UNW_AARCH64_SP)
		return BPROF_REG_SP;
	return reg == UNW_AARCH64_PC ? BPROF_REG_IP : -1;
}

#endif

/* ---- what libunwind asks --------------------------------------------------------------------- */

static int fail(struct native_unwinder *u, int error, int answer)
{
	if (!u->failed)
		u->failed = error;
	return answer;
}

static bool stack_word(const struct native_unwinder *u, uaddr_t at, uint64_t *ret)
{
	uint64_t offset = at - u->stack_start;

	if (at < u->stack_start || offset / 8 >= u->stack->nr_words || offset % 8)
		return false;
	*ret = u->stack->word[offset / 8];
	return true;
}

static int access_mem(unw_addr_space_t space, unw_word_t at, unw_word_t *value, int is_write,
		      void *arg)
{
	struct native_unwinder *u = arg;
	uint64_t word;

	(void)space;
	if (is_write)
		return fail(u, -EBADMSG, -UNW_EREADONLYREG);
	if (!stack_word(u, at, &word) && u->env.read(u->env.ctx, &word, sizeof(word), at) < 0)
		return fail(u, -EFAULT, -UNW_EINVAL);
	*value = word;
	return 0;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t reg, unw_word_t *value, int is_write,
		      void *arg)
{
	struct native_unwinder *u = arg;
	int index = sample_register(reg);

	(void)space;
	if (is_write || index < 0)
		return fail(u, -EBADMSG, -UNW_EBADREG);
	*value = u->stack->reg[index];
	return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t reg, unw_fpreg_t *value, int is_write,
			void *arg)
{
	(void)space, (void)reg, (void)value, (void)is_write;
	return fail(arg, -EBADMSG, -UNW_EBADREG);
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *pi,
			  int need_unwind_info, void *arg)
{
	struct native_unwinder *u = arg;
	struct native_image image;
	unw_dyn_info_t table;
	int r;

	if (u->env.image(u->env.ctx, ip, &image) < 0)
		return fail(u, -ENODATA, -UNW_ENOINFO);
	memset(&table, 0, sizeof(table));
	table.format = UNW_INFO_FORMAT_REMOTE_TABLE;
	table.start_ip = image.start;
	table.end_ip = image.end;
	table.u.rti.segbase = image.bias + image.header;
	table.u.rti.table_data = image.bias + image.table;
	table.u.rti.table_len = image.nr * PAIR_BYTES / sizeof(unw_word_t);
	r = UNW_OBJ(dwarf_search_unwind_table)(space, ip, &table, pi, need_unwind_info, arg);
	return r < 0 ? fail(u, -ENODATA, r) : 0;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *pi, void *arg)
{
	(void)space, (void)pi, (void)arg;
}

static int get_dyn_info_list(unw_addr_space_t space, unw_word_t *ret, void *arg)
{
	(void)space, (void)ret, (void)arg;
	return -UNW_ENOINFO; /* code made at run time announces itself nowhere */
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
	(void)space, (void)cursor, (void)arg;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t space, unw_word_t at, char *name, size_t size,
			 unw_word_t *offset, void *arg)
{
	(void)space, (void)at, (void)name, (void)size, (void)offset, (void)arg;
	return -UNW_ENOINFO;
}

/* ---- the walk -------------------------------------------------------------------------------- */

int native_new(const struct native_env *env, struct native_unwinder **ret)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = get_dyn_info_list,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
		.get_proc_name = get_proc_name,
	};
	struct native_unwinder *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->env = *env;
	u->space = unw_create_addr_space(&accessors, 0);
	if (!u->space) {
		free(u);
		return -ENOMEM;
	}
	if (unw_set_caching_policy(u->space, UNW_CACHE_GLOBAL) == 0)
		unw_set_cache_size(u->space, CACHED_ADDRESSES, 0);
	*ret = u;
	return 0;
}

void native_free(struct native_unwinder *u)
{
	if (!u)
		return;
	unw_destroy_addr_space(u->space);
	free(u);
}

void native_forget(struct native_unwinder *u)
{
	unw_flush_cache(u->space, 0, 0);
}

/* The frame at the cursor: its stack pointer, and an address inside its current instruction. */
static int frame_at(unw_cursor_t *cursor, bool is_leaf, unw_word_t *ret_sp, uaddr_t *ret_pc)
{
	unw_word_t ip;

	if (unw_get_reg(cursor, UNW_REG_IP, &ip) < 0 || unw_get_reg(cursor, UNW_REG_SP, ret_sp) < 0)
		return -EBADMSG;
	/* a return address may be that of the next function already; what a signal interrupted is
	 * where it is */
	*ret_pc = is_leaf || ip == 0 ? ip : ip - 1;
	return 0;
}

int native_walk(struct native_unwinder *u, const struct native_stack *stack,
		bool (*visit)(void *arg, uaddr_t pc), void *arg)
{
	unw_word_t sp = 0, last_sp = 0;
	bool is_exact = true; /* the address is not a return address */
	unw_cursor_t cursor;
	uaddr_t pc;

	u->stack = stack;
	u->stack_start = stack->reg[BPROF_REG_SP] & ~(uaddr_t)7;
	u->failed = 0;
	if (unw_init_remote(&cursor, u->space, u) < 0)
		return u->failed ? u->failed : -EBADMSG;
	for (unsigned i = 0; i < NATIVE_MAX_FRAMES; i++) {
		int r = frame_at(&cursor, is_exact, &sp, &pc);

		if (r < 0 || u->failed)
			return u->failed ? u->failed : r;
		if (sp < last_sp || (sp == last_sp && i > 1)) /* arm64: a leaf may have no frame */
			return -ELOOP;
		last_sp = sp;
		if (!visit(arg, pc))
			return 0;
		is_exact = unw_is_signal_frame(&cursor) > 0;
		r = unw_step(&cursor);
		if (u->failed)
			return u->failed;
		if (r <= 0)
			return r < 0 ? -EBADMSG : 0;
	}
	return -ELOOP;
}
