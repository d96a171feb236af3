/* SPDX-License-Identifier: MIT */
#include "decode.h"

#include <errno.h>
#include <string.h>

#include "base.h"

/* The variable part of a record, handed out piece by piece. */
struct payload {
	const char *at;
	size_t left;
};

static int take(struct payload *p, size_t len, const char **ret)
{
	if (len > p->left)
		return -EBADMSG;
	*ret = p->at;
	p->at += len;
	p->left -= len;
	return 0;
}

static int take_text(struct payload *p, size_t len, struct text *ret)
{
	ret->len = len;
	return take(p, len, &ret->data);
}

static int decode_sample(const struct bprof_sample *fixed, struct payload *p, struct decoded *ret)
{
	const char *frames, *spans;

	if (fixed->nr_frames > BPROF_MAX_FRAMES || fixed->nr_spans > BPROF_MAX_SPANS ||
	    fixed->status >= BPROF_NR_WALK_STATUS)
		return -EBADMSG;
	if (take(p, fixed->nr_frames * sizeof(struct bprof_frame), &frames) < 0 ||
	    take(p, fixed->nr_spans * sizeof(struct bprof_span), &spans) < 0)
		return -EBADMSG;
	ret->sample.fixed = fixed;
	ret->sample.frames = (const void *)frames;
	ret->sample.spans = (const void *)spans;
	/* a span below the last frame of a truncated stack carries the number of frames */
	for (size_t i = 0; i < fixed->nr_spans; i++)
		if (ret->sample.spans[i].frame > fixed->nr_frames)
			return -EBADMSG;
	return 0;
}

static int decode_info(const struct bprof_info *fixed, struct payload *p, struct decoded *ret)
{
	struct text zero;

	if (take_text(p, fixed->key_len, &ret->info.key) < 0 || take_text(p, 1, &zero) < 0 ||
	    take_text(p, fixed->value_len, &ret->info.value) < 0)
		return -EBADMSG;
	return zero.data[0] ? -EBADMSG : 0;
}

static int decode_symbol(const struct bprof_symbol *fixed, struct payload *p, struct decoded *ret)
{
	ret->symbol.fixed = fixed;
	if (take_text(p, fixed->symbol_len, &ret->symbol.symbol) < 0)
		return -EBADMSG;
	return take_text(p, fixed->module_len, &ret->symbol.module);
}

static int decode_element(const struct bprof_element *fixed, struct payload *p, struct decoded *ret)
{
	ret->element.fixed = fixed;
	if (take_text(p, fixed->descriptor_len, &ret->element.descriptor) < 0 ||
	    take_text(p, fixed->name_len, &ret->element.name) < 0)
		return -EBADMSG;
	return take_text(p, fixed->source_len, &ret->element.source);
}

static int decode_mapping(const struct bprof_mapping *fixed, struct payload *p, struct decoded *ret)
{
	ret->mapping.fixed = fixed;
	if (fixed->start >= fixed->end || take_text(p, fixed->path_len, &ret->mapping.path) < 0)
		return -EBADMSG;
	return take_text(p, fixed->build_id_len, &ret->mapping.build_id);
}

static int decode_runtime(const struct bprof_runtime *fixed, struct payload *p, struct decoded *ret)
{
	ret->runtime.fixed = fixed;
	if (take_text(p, fixed->version_len, &ret->runtime.version) < 0)
		return -EBADMSG;
	return take_text(p, fixed->path_len, &ret->runtime.path);
}

static int decode_native_stack(const struct bprof_native_stack *fixed, struct payload *p,
			       struct decoded *ret)
{
	const char *regs, *words;

	if (fixed->nr_regs > BPROF_MAX_REGS || fixed->nr_words > BPROF_MAX_NATIVE / 8)
		return -EBADMSG;
	if (take(p, fixed->nr_regs * sizeof(uint64_t), &regs) < 0 ||
	    take(p, fixed->nr_words * sizeof(uint64_t), &words) < 0)
		return -EBADMSG;
	ret->native_stack.fixed = fixed;
	ret->native_stack.regs = (const void *)regs;
	ret->native_stack.words = (const void *)words;
	return 0;
}

/* Meters are only ever appended: a record of an older version has fewer, of a newer one more. */
static int take_meters(struct payload *p, uint32_t nr, struct bprof_meters *ret)
{
	const char *values;

	if (take(p, nr * sizeof(uint64_t), &values) < 0)
		return -EBADMSG;
	for (uint32_t i = 0; i < BPROF_NR_METERS; i++) {
		ret->value[i] = BPROF_METER_UNKNOWN;
		if (i < nr)
			memcpy(&ret->value[i], values + i * sizeof(uint64_t), sizeof(uint64_t));
	}
	return 0;
}

static int decode_mark(const struct bprof_mark *fixed, struct payload *p, struct decoded *ret)
{
	ret->mark.fixed = fixed;
	if (take_meters(p, fixed->nr_meters, &ret->meters) < 0)
		return -EBADMSG;
	return take_text(p, fixed->text_len, &ret->mark.text);
}

static int decode_counters(const struct bprof_record *record, struct decoded *ret)
{
	size_t nr = (record->size - sizeof(*record)) / sizeof(uint64_t);

	ret->counters.value = (const void *)(record + 1);
	ret->counters.nr = nr < BPROF_NR_COUNTERS ? nr : BPROF_NR_COUNTERS;
	return 0;
}

static int decode_gc(const struct bprof_gc *fixed, struct decoded *ret)
{
	if (fixed->state >= BPROF_NR_GC_STATES || fixed->state == BPROF_GC_ASKED)
		return -EBADMSG;
	ret->gc = fixed;
	return 0;
}

/* Size of the fixed part; 0 = unknown type. */
static size_t fixed_size(uint32_t type)
{
	static const size_t sizes[] = {
		[BPROF_RECORD_SAMPLE] = sizeof(struct bprof_sample),
		[BPROF_RECORD_PROTO] = sizeof(struct bprof_proto),
		[BPROF_RECORD_MARK] = sizeof(struct bprof_mark),
		[BPROF_RECORD_FORK] = sizeof(struct bprof_fork),
		[BPROF_RECORD_EXEC] = sizeof(struct bprof_exec),
		[BPROF_RECORD_EXIT] = sizeof(struct bprof_exit),
		[BPROF_RECORD_VM_OPEN] = sizeof(struct bprof_vm_open),
		[BPROF_RECORD_VM_CLOSE] = sizeof(struct bprof_vm_close),
		[BPROF_RECORD_INFO] = sizeof(struct bprof_info),
		[BPROF_RECORD_PROTO_BODY] = sizeof(struct bprof_proto_body),
		[BPROF_RECORD_CFUNCTION] = sizeof(struct bprof_cfunction),
		[BPROF_RECORD_MAPPING] = sizeof(struct bprof_mapping),
		[BPROF_RECORD_SYMBOL] = sizeof(struct bprof_symbol),
		[BPROF_RECORD_ELEMENT] = sizeof(struct bprof_element),
		[BPROF_RECORD_RUNTIME] = sizeof(struct bprof_runtime),
		[BPROF_RECORD_COUNTERS] = sizeof(struct bprof_record) + sizeof(uint64_t),
		[BPROF_RECORD_END] = sizeof(struct bprof_end),
		[BPROF_RECORD_NATIVE_STACK] = sizeof(struct bprof_native_stack),
		[BPROF_RECORD_GC] = sizeof(struct bprof_gc),
	};

	return type < ARRAY_SIZE(sizes) ? sizes[type] : 0;
}

int decode_record(const struct bprof_record *record, struct decoded *ret)
{
	size_t fixed = fixed_size(record->type);
	const void *bytes = record;
	struct payload p;

	if (!fixed)
		return -ENOTSUP;
	if (record->size < fixed)
		return -EBADMSG;
	p.at = (const char *)bytes + fixed;
	p.left = record->size - fixed;
	ret->record = record;
	switch ((enum bprof_record_type)record->type) {
	case BPROF_RECORD_SAMPLE:
		return decode_sample(bytes, &p, ret);
	case BPROF_RECORD_PROTO:
		ret->proto.fixed = bytes;
		return take_text(&p, ret->proto.fixed->chunkname_len, &ret->proto.chunkname);
	case BPROF_RECORD_MARK:
		return decode_mark(bytes, &p, ret);
	case BPROF_RECORD_FORK:
		ret->fork = bytes;
		return 0;
	case BPROF_RECORD_EXEC:
		ret->exec = bytes;
		return take_meters(&p, ret->exec->nr_meters, &ret->meters);
	case BPROF_RECORD_EXIT:
		ret->exit = bytes;
		return take_meters(&p, ret->exit->nr_meters, &ret->meters);
	case BPROF_RECORD_VM_OPEN:
		ret->vm_open = bytes;
		return 0;
	case BPROF_RECORD_VM_CLOSE:
		ret->vm_close = bytes;
		return 0;
	case BPROF_RECORD_INFO:
		return decode_info(bytes, &p, ret);
	case BPROF_RECORD_PROTO_BODY:
		ret->body = bytes;
		return 0;
	case BPROF_RECORD_CFUNCTION:
		ret->cfunction.fixed = bytes;
		return take_text(&p, ret->cfunction.fixed->name_len, &ret->cfunction.name);
	case BPROF_RECORD_MAPPING:
		return decode_mapping(bytes, &p, ret);
	case BPROF_RECORD_SYMBOL:
		return decode_symbol(bytes, &p, ret);
	case BPROF_RECORD_ELEMENT:
		return decode_element(bytes, &p, ret);
	case BPROF_RECORD_RUNTIME:
		return decode_runtime(bytes, &p, ret);
	case BPROF_RECORD_COUNTERS:
		return decode_counters(bytes, ret);
	case BPROF_RECORD_END:
		ret->end = bytes;
		return 0;
	case BPROF_RECORD_NATIVE_STACK:
		return decode_native_stack(bytes, &p, ret);
	case BPROF_RECORD_GC:
		return decode_gc(bytes, ret);
	}
	return -ENOTSUP;
}
