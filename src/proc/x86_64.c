/* SPDX-License-Identifier: MIT */
/*
 * Manages the questions that are asked of an instruction of x86-64. Zydis decodes it and knows what
 * it reads and writes, explicitly or not; here that is put into what compilers' code is followed
 * by.
 *
 * What is not certain is too much rather than too little, or no instruction at all.
 *
 * Facts: Intel SDM volume 2, chapter 2 (ModRM, REX); System V ABI for x86-64 (registers of calls).
 */
#include <errno.h>

#include "x86_64.h"

#ifdef HAVE_ZYDIS

#include <Zydis/Zydis.h>

#define STATE (1U << 16) /* bytes; more than xsave stores */

static uint8_t number_of(ZydisRegister reg)
{
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	return ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_GPR64 ? (uint8_t)ZydisRegisterGetId(reg)
								  : X86_64_NO_BASE;
}

static bool is_written(const ZydisDecodedOperand *o)
{
	return o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
}

static void note_memory(const ZydisDecodedOperand *o, struct x86_64_instruction *ret)
{
	ret->has_memory = true;
	if (is_written(o))
		ret->stored_bytes = o->mem.type == ZYDIS_MEMOP_TYPE_MEM ? o->size / 8U : STATE;
	if (o->mem.segment == ZYDIS_REGISTER_FS || o->mem.segment == ZYDIS_REGISTER_GS)
		return;
	ret->is_relative = o->mem.base == ZYDIS_REGISTER_RIP;
	ret->base = number_of(o->mem.base);
	ret->has_index = o->mem.index != ZYDIS_REGISTER_NONE;
	ret->index = number_of(o->mem.index);
}

static void note_operand(const ZydisDecodedOperand *o, struct x86_64_instruction *ret)
{
	const bool is_explicit = o->visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT;
	uint8_t number;

	if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		number = number_of(o->reg.value);
		if (is_written(o) && number != X86_64_NO_BASE)
			ret->written |= (uint16_t)(1U << number);
	} else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY && is_explicit) {
		note_memory(o, ret);
		ret->displacement = (int32_t)o->mem.disp.value;
	} else if (o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && is_explicit) {
		ret->constant = (int32_t)o->imm.value.s;
	}
}

/* The bits of an instruction as it is encoded, if that is without VEX and its like. */
static void note_encoding(const ZydisDecodedInstruction *is, struct x86_64_instruction *ret)
{
	const bool is_0f = is->opcode_map == ZYDIS_OPCODE_MAP_0F;

	ret->opcode = X86_64_OTHER_MAP;
	if (is->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY ||
	    (!is_0f && is->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT))
		return;
	ret->opcode = (uint16_t)(is->opcode | (is_0f ? 0x0f00U : 0));
	ret->is_wide = is->raw.rex.W;
	ret->is_16 = is->operand_width == 16;
	if (!(is->attributes & ZYDIS_ATTRIB_HAS_MODRM))
		return;
	ret->extension = is->raw.modrm.reg;
	ret->reg = (uint8_t)(is->raw.modrm.reg | is->raw.rex.R << 3);
	if (is->raw.modrm.mod == 3)
		ret->rm = (uint8_t)(is->raw.modrm.rm | is->raw.rex.B << 3);
}

static enum x86_64_kind kind_of_move(const struct x86_64_instruction *is)
{
	if (!is->is_wide || !is->has_memory)
		return X86_64_OTHER;
	switch (is->opcode) {
	case 0x89:
		return X86_64_STORE;
	case 0x8b:
		return X86_64_LOAD;
	case 0x8d:
		return X86_64_ADDRESS;
	case 0x81:
	case 0x83:
		return is->extension ? X86_64_OTHER : X86_64_ADD_STORE;
	default:
		return X86_64_OTHER;
	}
}

static enum x86_64_kind kind_of(const ZydisDecodedInstruction *is,
				const ZydisDecodedOperand *operand,
				const struct x86_64_instruction *ours)
{
	switch (is->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return X86_64_CALL;
	case ZYDIS_CATEGORY_COND_BR:
		return X86_64_BRANCH;
	case ZYDIS_CATEGORY_UNCOND_BR:
		return operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? X86_64_JUMP : X86_64_JUMP_TO;
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_SYSRET:
		return X86_64_END;
	default:
		break;
	}
	switch (is->mnemonic) {
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_INT3:
		return X86_64_END;
	default:
		return kind_of_move(ours);
	}
}

/* What operands do not tell: what is done elsewhere, and areas without a fixed size. */
static void note_category(const ZydisDecodedInstruction *is, struct x86_64_instruction *ret)
{
	switch (is->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		ret->written = X86_64_CALLER_SAVED;
		break;
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_INTERRUPT:
		ret->written = X86_64_ALL;
		break;
	case ZYDIS_CATEGORY_XSAVE:
	case ZYDIS_CATEGORY_XSAVEOPT:
		ret->stored_bytes = ret->has_memory ? STATE : 0;
		break;
	default:
		break;
	}
}

static bool is_strange(const ZydisDecodedInstruction *is, const struct x86_64_instruction *ours)
{
	const bool is_branch = ours->kind >= X86_64_JUMP && ours->kind <= X86_64_CALL;

	/* a short distance by AMD, a long one by Intel */
	if (is_branch && is->attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE && !is->raw.rex.W)
		return true;
	/* what an aborted transaction had written is as before */
	return is->meta.isa_ext == ZYDIS_ISA_EXT_RTM ||
	       (ours->has_memory && is->address_width != 64);
}

bool x86_64_has_decoder(void)
{
	return true;
}

int x86_64_decode(const uint8_t *code, size_t left, struct x86_64_instruction *ret)
{
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction is;
	ZydisDecoder decoder;

	*ret = (struct x86_64_instruction){
		.base = X86_64_NO_BASE, .index = X86_64_NO_BASE, .rm = X86_64_NO_BASE};
	if (!ZYAN_SUCCESS(
		    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, left, &is, operand)))
		return -ENODATA;
	ret->bytes = is.length;
	for (unsigned i = 0; i < is.operand_count; i++)
		note_operand(&operand[i], ret);
	note_encoding(&is, ret);
	note_category(&is, ret);
	ret->kind = (uint8_t)kind_of(&is, operand, ret);
	if (ret->kind == X86_64_JUMP || ret->kind == X86_64_BRANCH)
		ret->distance = ret->constant;
	return is_strange(&is, ret) ? -ENODATA : 0;
}

#else

bool x86_64_has_decoder(void)
{
	return false;
}

int x86_64_decode(const uint8_t *code, size_t left, struct x86_64_instruction *ret)
{
	(void)code, (void)left;
	*ret = (struct x86_64_instruction){0};
	return -ENODATA;
}

#endif
