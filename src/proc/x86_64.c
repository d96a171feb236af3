/* SPDX-License-Identifier: MIT */
/*
 * Manages the decoding of x86-64 instructions.
 *
 *	prefixes  REX  opcode (0f, 0f 38, 0f 3a: one of the other maps)  ModRM  SIB  displacement
 *constant
 *
 * Of an opcode the tables know one character: what follows it.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "x86_64.h"

#define MAX_BYTES 15

/*
 *	.  nothing          m  ModRM          -  not known
 *	1  8 bits           b  ModRM, 8 bits
 *	2  16 bits          w  ModRM, 32 bits (16 with the prefix 66)
 *	4  32 bits (16)     t  ModRM, and a constant if its middle bits are 0 or 1
 *	8  as 4, or 64 bits p  a prefix
 */
static const char one_byte[] = "mmmm14--mmmm14--" /* 00 */
			       "mmmm14--mmmm14--" /* 10 */
			       "mmmm14p-mmmm14p-" /* 20 */
			       "mmmm14p-mmmm14p-" /* 30 */
			       "----------------" /* 40: REX */
			       "................" /* 50 */
			       "---mpppp4w1b...." /* 60 */
			       "1111111111111111" /* 70 */
			       "bw-bmmmmmmmmmmmm" /* 80 */
			       "..........-....." /* 90 */
			       "----....14......" /* a0 */
			       "1111111188888888" /* b0 */
			       "bb2.--bw-.-..1-." /* c0 */
			       "mmmm---.mmmmmmmm" /* d0 */
			       "1111111144-1...." /* e0 */
			       "p-pp..tt......mm" /* f0 */;

static const char after_0f[] = "mmmm-.....-.-m--" /* 00 */
			       "mmmmmmmmmmmmmmmm" /* 10 */
			       "mmmm----mmmmmmmm" /* 20 */
			       "......-.--------" /* 30: 38 and 3a are other maps */
			       "mmmmmmmmmmmmmmmm" /* 40 */
			       "mmmmmmmmmmmmmmmm" /* 50 */
			       "mmmmmmmmmmmmmmmm" /* 60 */
			       "bbbbmmm.mm--mmmm" /* 70 */
			       "4444444444444444" /* 80 */
			       "mmmmmmmmmmmmmmmm" /* 90 */
			       "...mbm--...mbmmm" /* a0 */
			       "mmmmmmmmmmbmmmmm" /* b0 */
			       "mmbmbbbm........" /* c0 */
			       "mmmmmmmmmmmmmmmm" /* d0 */
			       "mmmmmmmmmmmmmmmm" /* e0 */
			       "mmmmmmmmmmmmmmmm" /* f0 */;

_Static_assert(sizeof(one_byte) == 257 && sizeof(after_0f) == 257, "one character for an opcode");

struct decoder {
	const uint8_t *code;
	size_t left, at;
	unsigned rex, opcode, modrm;
	bool is_16;	 /* prefix 66 */
	bool is_32;	 /* prefix 67: addresses */
	bool is_segment; /* prefix 64 or 65: the memory operand is thread-local */
	bool is_0f;
	struct x86_64_instruction *ret;
};

static bool next_byte(struct decoder *d, unsigned *ret)
{
	if (d->at >= d->left || d->at >= MAX_BYTES)
		return false;
	*ret = d->code[d->at++];
	return true;
}

static bool skip(struct decoder *d, size_t bytes)
{
	d->at += bytes;
	return d->at <= d->left && d->at <= MAX_BYTES;
}

static bool read_signed(struct decoder *d, size_t bytes, int32_t *ret)
{
	int32_t wide;
	int8_t narrow;

	if (!skip(d, bytes))
		return false;
	if (bytes == 1) {
		memcpy(&narrow, d->code + d->at - 1, 1);
		*ret = narrow;
	} else {
		memcpy(&wide, d->code + d->at - 4, 4);
		*ret = wide;
	}
	return true;
}

static void note_prefix(struct decoder *d, unsigned byte)
{
	d->is_16 |= byte == 0x66;
	d->is_32 |= byte == 0x67;
	d->is_segment |= (byte & 0xfe) == 0x64;
	if ((byte & 0xfe) == 0xf2)
		d->ret->repeat = (uint8_t)byte;
}

/* Sets opcode to the last byte of it. Returns what follows, '-' if that is not known. */
static char read_opcode(struct decoder *d)
{
	unsigned byte;

	for (;;) {
		if (!next_byte(d, &byte))
			return '-';
		if ((byte & 0xf0) != 0x40 && one_byte[byte] != 'p')
			break;
		/* only the last prefix can be a REX that counts */
		d->rex = (byte & 0xf0) == 0x40 ? byte : 0;
		if (!d->rex)
			note_prefix(d, byte);
	}
	d->opcode = byte;
	if (byte != 0x0f)
		return one_byte[byte];
	d->is_0f = true;
	if (!next_byte(d, &d->opcode))
		return '-';
	if (d->opcode != 0x38 && d->opcode != 0x3a)
		return after_0f[d->opcode];
	byte = d->opcode;
	if (!next_byte(d, &d->opcode))
		return '-';
	d->opcode = 0; /* none whose meaning is asked */
	d->ret->opcode = X86_64_OTHER_MAP;
	return byte == 0x38 ? 'm' : 'b';
}

static bool read_memory(struct decoder *d)
{
	unsigned mode = d->modrm >> 6, base = d->modrm & 7, sib;
	size_t bytes = 0;

	if (mode == 3) {
		d->ret->rm = (uint8_t)(base | (d->rex & 1) << 3);
		return true;
	}
	d->ret->has_memory = true;
	d->ret->base = (uint8_t)(base | (d->rex & 1) << 3);
	if (base == 4) {
		if (!next_byte(d, &sib))
			return false;
		base = sib & 7;
		d->ret->base = (uint8_t)(base | (d->rex & 1) << 3);
		d->ret->has_index = (sib >> 3 & 7) != 4 || (d->rex & 2);
		if (d->ret->has_index)
			d->ret->index = (uint8_t)((sib >> 3 & 7) | (d->rex & 2) << 2);
	}
	if (mode == 1)
		bytes = 1;
	else if (mode == 2 || base == 5)
		bytes = 4;
	if (!mode && base == 5) {
		d->ret->base = X86_64_NO_BASE;
		d->ret->is_relative = (d->modrm & 7) == 5;
	}
	if (d->is_segment) {
		d->ret->base = d->ret->index = X86_64_NO_BASE;
		d->ret->has_index = d->ret->is_relative = false;
	}
	return !d->is_32 && (!bytes || read_signed(d, bytes, &d->ret->displacement));
}

static bool read_modrm(struct decoder *d)
{
	if (!next_byte(d, &d->modrm))
		return false;
	d->ret->reg = (uint8_t)((d->modrm >> 3 & 7) | (d->rex & 4) << 1);
	return read_memory(d);
}

static bool read_constant(struct decoder *d, char follows)
{
	const size_t wide = d->is_16 && !(d->rex & 8) ? 2 : 4;

	switch (follows) {
	case '1':
		return skip(d, 1);
	case 'b':
		return read_signed(d, 1, &d->ret->constant);
	case '2':
		return skip(d, 2);
	case '4':
	case 'w':
		return wide == 2 ? skip(d, 2) : read_signed(d, 4, &d->ret->constant);
	case '8':
		return skip(d, d->rex & 8 ? 8 : wide);
	case 't':
		return (d->modrm & 0x30) != 0 || skip(d, d->opcode & 1 ? wide : 1);
	default:
		return true;
	}
}

/* Those of the first map that have a memory operand and 64 bits. */
static enum x86_64_kind kind_of_move(const struct decoder *d)
{
	if (!(d->rex & 8) || d->modrm >> 6 == 3)
		return X86_64_OTHER;
	switch (d->opcode) {
	case 0x89:
		return X86_64_STORE;
	case 0x8b:
		return X86_64_LOAD;
	case 0x8d:
		return X86_64_ADDRESS;
	case 0x81:
	case 0x83:
		return d->modrm & 0x38 ? X86_64_OTHER : X86_64_ADD_STORE;
	default:
		return X86_64_OTHER;
	}
}

static enum x86_64_kind kind_of(const struct decoder *d)
{
	const unsigned op = d->opcode, extension = d->modrm >> 3 & 7;

	if (d->is_0f) {
		if ((op & 0xf0) == 0x80)
			return X86_64_BRANCH;
		return op == 0x0b ? X86_64_END : X86_64_OTHER;
	}
	if ((op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0)
		return X86_64_BRANCH;
	if (op == 0xe9 || op == 0xeb)
		return X86_64_JUMP;
	if (op == 0xe8 || (op == 0xff && (extension == 2 || extension == 3)))
		return X86_64_CALL;
	if (op == 0xff && (extension == 4 || extension == 5))
		return X86_64_JUMP_TO;
	if ((op & 0xfe) == 0xc2 || op == 0xcc || op == 0xf4)
		return X86_64_END;
	return kind_of_move(d);
}

/* Is its distance more than a byte? */
static bool has_distance(const struct decoder *d)
{
	return d->is_0f ? (d->opcode & 0xf0) == 0x80 : (d->opcode & 0xfe) == 0xe8;
}

/* pop and mov share their opcodes with what is not known: XOP, xbegin, xabort. */
static bool is_other_group(const struct decoder *d)
{
	return !d->is_0f && (d->opcode == 0x8f || (d->opcode & 0xfe) == 0xc6) && d->modrm & 0x38;
}

int x86_64_decode(const uint8_t *code, size_t left, struct x86_64_instruction *ret)
{
	struct decoder d = {.code = code, .left = left, .ret = ret};
	char follows;

	*ret = (struct x86_64_instruction){
		.base = X86_64_NO_BASE, .index = X86_64_NO_BASE, .rm = X86_64_NO_BASE};
	follows = read_opcode(&d);
	if (follows == '-' || (strchr("mbwt", follows) && !read_modrm(&d)))
		return -ENODATA;
	if (is_other_group(&d))
		return -ENODATA;
	ret->kind = (uint8_t)kind_of(&d);
	if (d.is_16 && !(d.rex & 8) && has_distance(&d)) /* by Intel of 32 bits, by AMD of 16 */
		return -ENODATA;
	if (ret->kind == X86_64_JUMP || ret->kind == X86_64_BRANCH) {
		if (!read_signed(&d, follows == '1' ? 1 : 4, &ret->distance))
			return -ENODATA;
	} else if (!read_constant(&d, follows)) {
		return -ENODATA;
	}
	ret->bytes = (uint8_t)d.at;
	if (ret->opcode != X86_64_OTHER_MAP)
		ret->opcode = (uint16_t)(d.opcode | (d.is_0f ? 0x0f00U : 0));
	ret->is_wide = (d.rex & 8) != 0;
	ret->is_16 = d.is_16;
	ret->has_rex = d.rex != 0;
	ret->low = (uint8_t)((d.opcode & 7) | (d.rex & 1) << 3);
	ret->extension = (uint8_t)(d.modrm >> 3 & 7);
	return 0;
}
