/* SPDX-License-Identifier: MIT */
#include "functions.h"

#include <errno.h>

#include "base.h"

static bool hash_failed; /* uthash reports a failed allocation only through this hook */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) (hash_failed = true)
#include <uthash.h>

/* Samples with a function at a line, once per sample. */
struct line_count {
	struct line_key {
		uint32_t function;
		int32_t line;
	} key;
	uint64_t samples;
	size_t stamp; /* stack it was last counted for */
	UT_hash_handle hh;
};

static int count_line(struct line_count **lines, const struct stack_frame *f, uint64_t samples,
		      size_t stamp)
{
	struct line_key key = {f->function, f->line};
	struct line_count *l;

	HASH_FIND(hh, (*lines), &key, sizeof(key), l);
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->key = key;
		hash_failed = false;
		HASH_ADD(hh, (*lines), key, sizeof(key), l);
		if (hash_failed) {
			free(l);
			return -ENOMEM;
		}
	}
	if (l->stamp != stamp)
		l->samples += samples;
	l->stamp = stamp;
	return 0;
}

static int by_line(struct line_count *a, struct line_count *b)
{
	if (a->key.function != b->key.function)
		return (a->key.function > b->key.function) - (a->key.function < b->key.function);
	return (a->key.line > b->key.line) - (a->key.line < b->key.line);
}

static int give_lines(struct line_count **lines, struct function *functions, size_t nr_functions)
{
	HASH_SORT((*lines), by_line);
	for (struct line_count *l = (*lines); l; l = l->hh.next)
		functions[l->key.function].nr_lines++;
	for (size_t i = 0; i < nr_functions; i++) {
		if (!functions[i].nr_lines)
			continue;
		functions[i].lines = calloc(functions[i].nr_lines, sizeof(*functions[i].lines));
		if (!functions[i].lines)
			return -ENOMEM;
		functions[i].nr_lines = 0;
	}
	for (struct line_count *l = (*lines); l; l = l->hh.next) {
		struct function *f = &functions[l->key.function];

		f->lines[f->nr_lines++] =
			(struct function_line){.line = l->key.line, .samples = l->samples};
	}
	return 0;
}

static bool is_lua(const struct function *f)
{
	return f->kind == FUNCTION_LUA || f->kind == FUNCTION_MAIN_CHUNK;
}

/* To the innermost Lua function, whatever ran under it; and to the leaf, if that is another. */
static void count_mode(struct function *functions, const struct profile_stack *s)
{
	const struct stack_frame *frames = s->frames;
	size_t nr = s->nr_frames;

	if (!nr)
		return;
	if (!is_lua(&functions[frames[nr - 1].function]))
		functions[frames[nr - 1].function].by_mode[s->mode] += s->samples;
	while (nr && !is_lua(&functions[frames[nr - 1].function]))
		nr--;
	if (nr)
		functions[frames[nr - 1].function].by_mode[s->mode] += s->samples;
}

static int count_stacks(struct line_count **lines, struct profile *p)
{
	struct function *functions = p->functions;
	size_t nr = p->nr_functions;
	CLEANUP(cleanup_free) size_t *stamp = calloc(nr + 1, sizeof(*stamp));

	if (!stamp)
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_stacks; i++) {
		const struct profile_stack *s = &p->stacks[i];

		for (size_t k = 0; k < s->nr_frames; k++) {
			const struct stack_frame *f = &s->frames[k];

			if (stamp[f->function] != i + 1) {
				functions[f->function].total_samples += s->samples;
				functions[f->function].total_weight += s->weight;
			}
			stamp[f->function] = i + 1;
			if (f->line > 0 && count_line(lines, f, s->samples, i + 1) < 0)
				return -ENOMEM;
		}
		count_mode(functions, s);
		if (s->nr_frames) {
			struct function *leaf = &functions[s->frames[s->nr_frames - 1].function];

			leaf->self_samples += s->samples;
			leaf->self_weight += s->weight;
		}
	}
	return give_lines(lines, functions, nr);
}

int functions_count(struct profile *p)
{
	struct line_count *lines = NULL, *l, *next;
	int r = count_stacks(&lines, p);

	HASH_ITER (hh, lines, l, next) {
		HASH_DEL(lines, l);
		free(l);
	}
	return r;
}
